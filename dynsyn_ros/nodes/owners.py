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

"""Who else publishes what one robot has one publisher of: two robots, or two that command one."""

from __future__ import annotations

from collections.abc import Callable

from dynsyn_ros.nodes import topics
from dynsyn_ros.robot.readings import REWARD
from rclpy.clock import Clock
from rclpy.node import Node

#: What a learner is told of its robot, and how the robot is commanded.
WATCHED = ('joint_states', REWARD, *topics.COMMAND_OF.values())
#: Time between two looks, s.
PERIOD = 0.1


class Owners:
    """Looks for a second publisher until it is closed."""

    def __init__(self, node: Node, changed: Callable[[str], None], clock: Clock) -> None:
        """
        Look at once and from now on.

        ``changed`` is told which topic has more than one publisher, and whose they are, and
        nothing when none has any more.
        """
        self._node, self._changed, self._second, self._open = node, changed, '', True
        self._timer = node.create_timer(PERIOD, self._look, clock=clock)
        self._look()

    def _look(self) -> None:
        if not self._open:
            return
        second = next(filter(None, map(self._second_of, WATCHED)), '')
        if second != self._second:
            self._second = second
            self._changed(second)

    def _second_of(self, topic: str) -> str:
        if self._node.count_publishers(topic) < 2:  # to ask for their names takes ten times longer
            return ''
        ends = self._node.get_publishers_info_by_topic(topic)
        if len(ends) < 2:
            return ''
        names = [f'{end.node_namespace.rstrip("/")}/{end.node_name}' for end in ends]
        return (f'{topic} has {len(names)} publishers, {" and ".join(sorted(names))}: give each '
                'robot a namespace or a ROS_DOMAIN_ID of its own')

    def close(self) -> None:
        """Look no more, also where the executor has the timer in its queue already."""
        self._open = False
        self._node.destroy_timer(self._timer)
