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

"""Detection of a second publisher of a robot's topics: two robots, or two controllers."""

from __future__ import annotations

from collections.abc import Callable

from dynsyn_ros.nodes import topics
from dynsyn_ros.robot.readings import REWARD
from rclpy.clock import Clock
from rclpy.node import Node

#: The topics from the robot and to it that must have a single publisher.
WATCHED = ('joint_states', REWARD, *topics.COMMAND_OF.values())
#: Time between two checks, s.
PERIOD = 0.1


class Owners:
    """Checks for a second publisher until it is closed."""

    def __init__(self, node: Node, changed: Callable[[str], None], clock: Clock) -> None:
        """
        Check now and periodically.

        ``changed`` is called with a sentence on the topic that has more than one publisher, and
        with an empty text when no topic has any more.
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
        # Asking for their names takes ten times longer.
        if self._node.count_publishers(self._node.resolve_topic_name(topic)) < 2:
            return ''
        ends = self._node.get_publishers_info_by_topic(topic)
        if len(ends) < 2:
            return ''
        names = [f'{end.node_namespace.rstrip("/")}/{end.node_name}' for end in ends]
        return (f'{topic} has {len(names)} publishers, {" and ".join(sorted(names))}: give each '
                'robot a namespace or a ROS_DOMAIN_ID of its own')

    def close(self) -> None:
        """Stop checking, even if the executor already has the timer in its queue."""
        self._open = False
        self._node.destroy_timer(self._timer)
