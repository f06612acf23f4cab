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

"""The dashboard node: the data of one robot for the page, and its age."""

from __future__ import annotations

from collections import deque
from functools import partial
import time
from typing import Any

from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.buttons import Buttons
from dynsyn_ros.nodes.guard import WARNING_PERIOD
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

#: Only the newest message of a stream is shown, so that no publisher waits for the dashboard.
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
#: The controller's own topics that are shown; they are published 20 times per second.
SHOWN = ('amplitude', 'mean_reward', 'weights', 'readings')
#: Data older than this is stale, s: of streams at 20 Hz, and of diagnostics at 1 Hz.
STREAM_AGE, DIAGNOSTICS_AGE = 1.0, 1.5
#: The most numbers in a message, statuses, and letters of a text that are shown.
MOST_NUMBERS, MOST_STATUSES, MOST_LETTERS = 1000, 50, 500


class DashboardNode(Node):
    """
    Subscribes to the topics of one controller, none of them faster than 20 Hz.

    Raw bytes are decoded on demand. Times are those of arrival, by the steady clock.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Subscribe to the topics and find the services."""
        super().__init__('dashboard', **kwargs)
        self._kinds = {name: topics.OWN[f'{topics.CONTROLLER}/{name}'] for name in SHOWN}
        self._newest: dict[str, bytes] = {}
        self._arrived: dict[str, float] = {}
        self._decoded: dict[str, Any] = {}
        for name, kind in self._kinds.items():
            self.create_subscription(
                kind, f'{topics.CONTROLLER}/{name}', partial(self._on_raw, name), NEWEST, raw=True)
        self._lidar: dict[str, float] = {}
        self._scan = None
        self._see_lidar()
        self._episodes: deque[tuple[int, float]] = deque(maxlen=topics.HISTORY.depth)
        self.create_subscription(topics.SIMULATION[topics.EPISODES], topics.EPISODES,
                                 self._on_episode, topics.HISTORY)
        self._diagnosed: dict[str, dict[str, Any]] = {}
        self.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, self._on_diagnostics, topics.QOS)
        self._buttons = Buttons(self, lambda: max(self._arrived.values(), default=0.0))
        self.press = self._buttons.press

    def _on_raw(self, name: str, message: bytes) -> None:
        now = time.monotonic()
        if name == 'readings' and now - self._arrived.get(name, now) > STREAM_AGE:
            self._see_lidar()  # it may be another robot
        self._newest[name], self._arrived[name] = message, now

    def _see_lidar(self) -> None:
        if self._scan is None:
            self._scan = self.create_subscription(
                topics.SENSORS['scan'], 'scan', self._on_scan, NEWEST)

    def _on_scan(self, message: Any) -> None:
        """Read the directions of the rays once: every scan would slow down the robot's loop."""
        self._lidar = {'first': message.angle_min, 'step': message.angle_increment,
                       'most': message.range_max}
        if self._scan is not None:
            self.destroy_subscription(self._scan)
            self._scan = None

    def _on_episode(self, message: Any) -> None:
        try:
            number, earned, _ = message.data
            self._episodes.append((round(number), earned))
        except (ValueError, OverflowError):
            self._reject(topics.EPISODES, f'{len(message.data)} numbers, not '
                                          f'{", ".join(topics.EPISODE_FIELDS)}')

    def _on_diagnostics(self, message: Any) -> None:
        """Join a node's first message and the messages of its parts in trouble into one line."""
        statuses: dict[str, dict[str, Any]] = {}
        for status in message.status:
            name, _, task = status.name.rpartition('/')[2][:MOST_LETTERS].partition(': ')
            known = name in self._diagnosed or len({*self._diagnosed, *statuses}) < MOST_STATUSES
            if status.hardware_id == self.get_namespace() and known:
                told = statuses.setdefault(name, {
                    'level': 0, 'message': '', 'values': {}, 'time': time.monotonic()})
                level = int.from_bytes(status.level, 'little')
                told['level'] = max(told['level'], level)
                if level or not told['message']:
                    said = f'{told["message"]}; {status.message}' if told['message'] else (
                        status.message)
                    told['message'] = said[:MOST_LETTERS]
                if task not in topics.SENSORS:
                    told['values'] |= {each.key[:MOST_LETTERS]: each.value[:MOST_LETTERS]
                                       for each in status.values[:MOST_NUMBERS]}
        self._diagnosed |= statuses

    def _reject(self, topic: str, reason: str) -> None:
        self.get_logger().warning(f'a message on {topic} cannot be shown: it has {reason}',
                                  throttle_duration_sec=WARNING_PERIOD)

    def _decode(self) -> set[str]:
        """Decode new messages; returns their names."""
        new = set()
        for name in list(self._newest):
            raw = self._newest.pop(name)
            try:
                message = deserialize_message(raw, self._kinds[name])
                self._decoded[name] = _table(message) if hasattr(message, 'layout') else (
                    message.data)
                new.add(name)
            except (ValueError, RuntimeError) as error:
                self._decoded.pop(name, None)
                self._arrived.pop(name, None)
                self._reject(f'{topics.CONTROLLER}/{name}', str(error))
        return new

    def news(self) -> dict[str, Any]:
        """
        Return the news since the last call, by name, and the ages of all streams, s.

        ``streams`` are the newest scalars and weights that are not stale. ``readings`` are the
        readings if they are new. ``episodes`` holds (number, return) of each episode that ended.
        """
        new, now = self._decode(), time.monotonic()
        ages = {name: now - self._arrived[name] for name in SHOWN if name in self._arrived}
        diagnostics = {}
        for name, status in sorted(self._diagnosed.items()):
            told = {key: value for key, value in status.items() if key != 'time'}
            diagnostics[name] = {**told, 'age': now - status['time']}
        controller = diagnostics.get(topics.CONTROLLER)
        silence = '' if controller and controller['age'] <= DIAGNOSTICS_AGE else (
            'there is no news from the controller')
        return {
            'ages': ages,
            'streams': {name: self._decoded[name] for name, age in ages.items()
                        if age <= STREAM_AGE and name in self._decoded and name != 'readings'},
            'readings': self._decoded['readings'].get('reading') if 'readings' in new else None,
            'episodes': [self._episodes.popleft() for _ in range(len(self._episodes))],
            'diagnostics': diagnostics,
            'lidar': self._lidar,
            'obstacles': self._buttons.obstacles(controller, silence),
            'answers': self._buttons.answers(),
        }


def _table(message: Any) -> dict[str, dict[str, float]]:
    """Read an array with named rows and columns; raises ValueError that says what it has."""
    if len(message.data) > MOST_NUMBERS:
        raise ValueError(f'{len(message.data)} numbers, more than {MOST_NUMBERS}')
    if len(message.layout.dim) != 2:
        raise ValueError(f'a layout of {len(message.layout.dim)} dimensions, not of 2')
    rows, columns = (dim.label.split(',') for dim in message.layout.dim)
    if len(rows) * len(columns) != len(message.data):
        raise ValueError(f'{len(message.data)} numbers, not the {len(rows)} x {len(columns)} of '
                         'its layout')
    cells = iter(message.data)
    return {row: {column: next(cells) for column in columns} for row in rows}
