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

"""Diagnostic statuses, published once per second, and the status of inputs for all nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
import math
import time
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.robot import SensorBuffer
from dynsyn_ros.storage.checkpoint_manager import CheckpointManager
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
#: Share of the expected rate of the trigger below which a warning is given.
SLOW = 0.9
#: Shortest time over which a rate is computed, s.
LEAST_TIME = 0.5


class Report(NamedTuple):
    """One diagnostic status of a node."""

    task: str
    """The part of the node; the status is named ``node: task``, or ``node`` if this is empty."""
    level: bytes
    message: str
    """One sentence."""
    values: dict[str, object]
    """Numbers by name; those that are not available yet are not finite, and not published."""


class Diagnostics:
    """Publish what ``report`` returns, by the wall clock, also while a simulation is stopped."""

    def __init__(self, node: Node, report: Callable[[], Sequence[Report]]) -> None:
        """Start the timer."""
        self._node, self._report = node, report
        self._publisher = node.create_publisher(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, topics.QOS)
        node.create_timer(1.0, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _publish(self) -> None:
        name = self._node.get_fully_qualified_name()
        array = topics.DIAGNOSTICS_TYPE(status=[
            DiagnosticStatus(
                level=level,
                name=f'{name}: {task}' if task else name,
                message=message,
                hardware_id=self._node.get_namespace(),
                values=[KeyValue(key=key, value=str(value)) for key, value in values.items()
                        if not isinstance(value, float) or math.isfinite(value)])
            for task, level, message, values in self._report()])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def of_control(
    state: str, troubles: Iterable[tuple[bytes, str]], values: dict[str, object]
) -> Report:
    """Report the state of a controller and all its troubles, once each, the worst last."""
    level, message = OK, state
    for worse, trouble in troubles:
        if trouble and trouble not in message:
            level, message = worse, f'{message}; {trouble}'
    return Report('control', level, message, values)


def of_learning(learner: Learner, manager: CheckpointManager) -> Report:
    """Report the progress of learning."""
    return Report(
        'learning', WARN if manager.trouble else OK,
        manager.trouble or ('learning' if learner.learning else 'frozen'), {
            'learning': learner.learning,
            'mean amplitude': learner.mean_amplitude,
            'centre shift': learner.centre_shift,
            'mean reward': manager.mean,
            'best mean reward': manager.best_mean,
        })


class InputReports:
    """One report per input: its rate and age, and what is wrong with it now."""

    def __init__(self, node: Node, inputs: SensorBuffer, period: float) -> None:
        """Report on ``inputs``, whose trigger should arrive once per ``period``, s."""
        self._node, self._inputs, self._period = node, inputs, period
        self._before = dict.fromkeys(inputs.topics, (0, 0))
        self._time, self._clock = time.monotonic(), node.get_clock().now().nanoseconds

    def __call__(self) -> list[Report]:
        """Report what has arrived since the last call; empty if that was too recent."""
        now, seconds = self._node.get_clock().now().nanoseconds, time.monotonic() - self._time
        if seconds < LEAST_TIME:
            return []
        self._time += seconds
        passed, self._clock = 1e-9 * (now - self._clock), now  # a simulation has its own time
        return [self._of(topic, passed, now) for topic in self._inputs.topics]

    def _of(self, topic: str, passed: float, now: int) -> Report:
        status = self._inputs.status[topic]
        received, refused = self._before[topic]
        self._before[topic] = status.received, status.refused
        rate = (status.received - received) / passed if passed > 0.0 else math.nan
        refusals = status.refused - refused
        level, message = self._judged(topic, rate, refusals, now)
        return Report(topic, level, message, {
            'rate, Hz': round(rate, 2),
            'age, s': math.nan if status.time is None else round(1e-9 * (now - status.time), 4),
            'messages': status.received,
            'refused': status.refused,
            **({'last refusal': status.refusal} if status.refusal else {}),
        })

    def _judged(self, topic: str, rate: float, refusals: int, now: int) -> tuple[bytes, str]:
        inputs = self._inputs
        status, needed = inputs.status[topic], inputs.needs(topic)
        if status.refusal:
            return ERROR if needed else WARN, status.refusal
        if status.time is None:
            return (ERROR if needed else OK), self._silence(topic)
        trouble = inputs.trouble_of(topic, now)
        if trouble:
            return ERROR, trouble
        if refusals:
            return WARN, f'messages refused within a second: {refusals}'
        if topic == inputs.trigger and rate < SLOW / self._period:
            return WARN, (f'it comes at {rate:.3g} Hz, slower than control_period, '
                          f'{self._period:g} s: some steps use held readings')
        return OK, 'receiving'

    def _silence(self, topic: str) -> str:
        """Say why nothing has arrived on a topic."""
        name = self._node.resolve_topic_name(topic)
        publishers = self._node.get_publishers_info_by_topic(name)
        listeners = [end for end in self._node.get_subscriptions_info_by_topic(name)
                     if (end.node_name, end.node_namespace) == (
                         self._node.get_name(), self._node.get_namespace())]
        if not publishers:
            return f'no message yet: nobody publishes {name}'
        kinds = {end.topic_type for end in publishers}
        if listeners and listeners[0].topic_type not in kinds:
            return (f'no message yet: {publishers[0].node_name} publishes {name} as '
                    f'{", ".join(sorted(kinds))}, not {listeners[0].topic_type}')
        best_effort = all(end.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
                          for end in publishers)
        if best_effort and any(end.qos_profile.reliability == ReliabilityPolicy.RELIABLE
                               for end in listeners):
            return (f'no message yet: the publisher of {name} is best effort, so '
                    f'inputs.{topic}.qos must be best_effort')
        return f'no message yet from {publishers[0].node_name}, which publishes {name}'
