# Copyright 2026 dynsyn_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The dashboard node: what a page shows of one robot, and the services behind its buttons."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

from dynsyn_ros.nodes import topics
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_srvs.srv import SetBool, Trigger

#: What is shown of a stream is its newest message: nobody waits for the dashboard.
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
#: What is shown of the controller's own topics.
SHOWN = ('amplitude', 'mean_reward', 'weights', 'readings')
#: How much a press of praise or scold gives, in units of reward.
PRAISE = 5.0
#: The buttons that call a service of the controller, with what they send.
BUTTONS = {
    'pause': ('set_learning', SetBool, {'data': False}),
    'learn': ('set_learning', SetBool, {'data': True}),
    'stop': ('estop', SetBool, {'data': True}),
    'clear': ('estop', SetBool, {'data': False}),
    'save': ('save', Trigger, {}),
    'rollback': ('rollback', Trigger, {}),
}
REWARDS = {'praise': PRAISE, 'scold': -PRAISE}


class DashboardNode(Node):
    """
    Listens to one controller, and only to what it tells 20 times a second.

    Raw bytes are decoded when somebody looks.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Listen, and find the services."""
        super().__init__('dashboard', **kwargs)
        self._kinds = {f'{topics.CONTROLLER}/{name}': topics.OWN[f'{topics.CONTROLLER}/{name}']
                       for name in SHOWN}
        self._newest: dict[str, bytes] = {}
        for topic, kind in self._kinds.items():
            self.create_subscription(kind, topic, partial(self._newest.__setitem__, topic),
                                     NEWEST, raw=True)
        self._lidar: dict[str, float] = {}
        self._scan = self.create_subscription(
            topics.SENSORS['scan'], 'scan', self._on_scan, NEWEST)
        self._returns: deque[float] = deque(maxlen=10_000)
        kind = topics.SIMULATION[topics.EPISODE_RETURN]
        self.create_subscription(
            kind, topics.EPISODE_RETURN, lambda message: self._returns.append(message.data),
            topics.QOS)
        self._said: deque[str] = deque(maxlen=100)
        self._diagnosed: dict[str, dict[str, Any]] = {}
        self.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, self._on_diagnostics, topics.QOS)
        self._buttons = {
            name: (self.create_client(kind, f'{topics.CONTROLLER}/{service}'),
                   kind.Request(**content))
            for name, (service, kind, content) in BUTTONS.items()}
        self._praise = self.create_publisher(
            topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD, topics.QOS)

    def _on_scan(self, message: Any) -> None:
        """See once where the rays look: hearing every scan would cost the robot's own loop."""
        self._lidar = {'first': message.angle_min, 'step': message.angle_increment,
                       'most': message.range_max}
        self.destroy_subscription(self._scan)

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if status.hardware_id == self.get_namespace():
                self._diagnosed[status.name.rpartition('/')[2]] = {
                    'level': int.from_bytes(status.level, 'little'), 'message': status.message,
                    'values': {each.key: each.value for each in status.values}}

    def press(self, button: str) -> None:
        """Do what a button says; what comes of it is in the next :meth:`news`."""
        if button in REWARDS:
            self._praise.publish(topics.HUMAN_REWARD_TYPE(data=REWARDS[button]))
            self._said.append(f'{button}: {REWARDS[button]:+g}')
        elif button in self._buttons:
            client, request = self._buttons[button]
            if not client.service_is_ready():
                self._said.append(f'{button}: there is no {client.service_name}')
                return
            client.call_async(request).add_done_callback(
                lambda future: self._said.append(f'{button}: {future.result().message}'))

    def news(self) -> dict[str, Any]:
        """Tell what is new since the last call, by name, as JSON has it."""
        heard = {topic: deserialize_message(self._newest.pop(topic), self._kinds[topic])
                 for topic in list(self._newest)}
        news: dict[str, Any] = {
            'returns': _drain(self._returns), 'said': _drain(self._said),
            'diagnostics': self._diagnosed, 'lidar': self._lidar}
        for topic, message in heard.items():
            name = topic.removeprefix(f'{topics.CONTROLLER}/')
            if isinstance(message, topics.ARRAYS[topics.WEIGHTS]):
                rows, columns = (dim.label.split(',') for dim in message.layout.dim)
                cells = iter(message.data)
                news[name] = {row: {column: next(cells) for column in columns} for row in rows}
            else:
                news[name] = message.data
        return news


def _drain(queue: deque) -> list:
    """Take what is in a queue that another thread fills."""
    return [queue.popleft() for _ in range(len(queue))]
