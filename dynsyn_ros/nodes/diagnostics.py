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

"""One diagnostic status a node, published once a second."""

from __future__ import annotations

from collections.abc import Callable
import math

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from dynsyn_ros.nodes import topics
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
#: What a node says of itself: level, one sentence, numbers by name; those that are not there yet
#: are not finite, and not told.
Report = tuple[bytes, str, dict[str, object]]


class Diagnostics:
    """Publish what ``report`` says, by the wall clock: a stopped simulation is news too."""

    def __init__(self, node: Node, report: Callable[[], Report]) -> None:
        """Start the timer."""
        self._node, self._report = node, report
        self._publisher = node.create_publisher(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, topics.QOS)
        node.create_timer(1.0, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _publish(self) -> None:
        level, message, values = self._report()
        status = DiagnosticStatus(
            level=level,
            name=self._node.get_fully_qualified_name(),
            message=message,
            hardware_id=self._node.get_namespace(),
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()
                    if not isinstance(value, float) or math.isfinite(value)],
        )
        array = topics.DIAGNOSTICS_TYPE(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
