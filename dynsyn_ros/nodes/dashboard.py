"""The dashboard node: what a page shows of one robot, and the services behind its buttons."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_srvs.srv import SetBool, Trigger

from dynsyn_ros.nodes import topics

#: What is shown of a stream is its newest message: nobody waits for the dashboard.
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
CONTROLLER = 'controller'
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
    """Listens to one robot and its controller; raw bytes are decoded when somebody looks."""

    def __init__(self, **kwargs: Any) -> None:
        """Listen, and find the services."""
        super().__init__('dashboard', **kwargs)
        own = {topic.replace('~', CONTROLLER): kind
               for topic, kind in {topics.AMPLITUDE: topics.SCALARS[topics.AMPLITUDE],
                                   topics.WEIGHTS: topics.WEIGHTS_TYPE}.items()}
        streams = {topic: topics.SENSORS[topic]
                   for topic in ('joint_states', 'imu', 'odom', 'scan')}
        self._kinds = {**streams, **own}
        self._newest: dict[str, bytes] = {}
        for topic, kind in self._kinds.items():
            self.create_subscription(kind, topic, partial(self._newest.__setitem__, topic),
                                     NEWEST, raw=True)
        self._rewards: deque[float] = deque(maxlen=10_000)
        self._returns: deque[float] = deque(maxlen=10_000)
        self._said: deque[str] = deque(maxlen=100)
        self._diagnosed: dict[str, dict[str, Any]] = {}
        for topic, kind, kept in (('reward', topics.SENSORS['reward'], self._rewards),
                                  (topics.EPISODE_RETURN, topics.SIMULATION[topics.EPISODE_RETURN],
                                   self._returns)):
            self.create_subscription(
                kind, topic, lambda message, kept=kept: kept.append(message.data), topics.QOS)
        self.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, self._on_diagnostics, topics.QOS)
        self._buttons = {
            name: (self.create_client(kind, f'{CONTROLLER}/{service}'), kind.Request(**content))
            for name, (service, kind, content) in BUTTONS.items()}
        self._praise = self.create_publisher(
            topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD, topics.QOS)

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
            'rewards': _drain(self._rewards), 'returns': _drain(self._returns),
            'said': _drain(self._said), 'diagnostics': self._diagnosed}
        if 'joint_states' in heard:
            joints = heard['joint_states']
            news['joints'] = dict(zip(joints.name, joints.position, strict=False))
        if 'imu' in heard:
            q = heard['imu'].orientation
            news['orientation'] = [q.x, q.y, q.z, q.w]
        if 'odom' in heard:
            place = heard['odom'].pose.pose.position
            news['place'] = [place.x, place.z]
        if 'scan' in heard:
            scan = heard['scan']
            news['scan'] = {'ranges': [r if r < scan.range_max else None for r in scan.ranges],
                            'first': scan.angle_min, 'step': scan.angle_increment}
        for topic, message in heard.items():
            name = topic.removeprefix(f'{CONTROLLER}/')
            if name == 'amplitude':
                news[name] = message.data
            elif name == 'weights':
                names = message.layout.dim[1].label.split(',')
                news[name] = {'names': names, 'weights': list(message.data[:len(names)]),
                              'centres': list(message.data[len(names):])}
        return news


def _drain(queue: deque) -> list:
    """Take what is in a queue that another thread fills."""
    return [queue.popleft() for _ in range(len(queue))]
