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


"""
What a controller does while it is active: sensor messages -> steps of the learner -> commands.

While its inputs cannot be trusted or the emergency stop is latched, it sends the safe commands and
the learner waits.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
import time
from typing import Any, Protocol

from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.frames import Mounting
from dynsyn_ros.nodes.guard import Faults, sentence, WARNING_PERIOD
from dynsyn_ros.robot import BadMessage, LostJoint, Robot, SensorBuffer, StepInput
from dynsyn_ros.robot.config import RELIABLE
from dynsyn_ros.robot.control_loop import ControlLoop
import numpy as np
from rclpy.clock import Clock
from rclpy.duration import Duration
from std_msgs.msg import MultiArrayDimension

#: How many times per control period the timer checks for a late step or late inputs.
WATCHES_PER_PERIOD = 4
STANDING = 'the clock stands still'
#: How long the last command of a deactivation may take to reach its subscribers.
LAST_WORD = Duration(seconds=1)


def command_message(joints: int) -> topics.COMMANDS_TYPE:
    """Make a command message of zeros."""
    command = topics.COMMANDS_TYPE(data=array('d', bytes(8 * joints)))
    command.layout.dim = [MultiArrayDimension(label='joints', size=joints, stride=joints)]
    return command


class Supervisor(Protocol):
    """The node that a control is part of: an rclpy Node that also has these members."""

    faults: Faults
    must_stop: str
    """Why the robot must not move; empty if it may."""

    def fault_of_learner(self) -> str:
        """Say what is wrong with the learner after a step; empty if nothing is."""

    def on_step(self, given: StepInput) -> None:
        """Process a step whose command has been sent."""


class Control:
    """The subscriptions, the commands and the timer of one activation, until it is closed."""

    def __init__(self, node: Supervisor, robot: Robot, loop: ControlLoop, clock: Clock) -> None:
        """Subscribe to the sensors, then create the publisher of the commands."""
        self._node, self._loop = node, loop
        self.inputs = SensorBuffer(robot)
        """The newest readings."""
        self.human_reward_gain = 1.0
        """Factor on the values on human_reward."""
        self.halted = 'no message yet'
        """Why the safe commands are sent and the learner waits; empty while it steps."""
        self.rejected = 0
        """Number of messages since the activation that could not be used."""
        self._troubled = self._closed = self._answered = False
        self._stopped: int | None = None  # time of the last safe command, ns
        self._period = robot.config.control_period
        self._timeout = min(each.timeout for each in robot.config.inputs.values())
        self._ticked = 0, 0.0  # newest time of the clock, ns, and when it came, steady s
        self._sent = 0.0  # when the last command was sent, steady s
        loop.begin()
        self._ends = ExitStack()
        self._mounting = Mounting(node, robot.config, self.inputs)
        self._ends.callback(self._mounting.close)
        for topic in self.inputs.topics:
            self._listen(topics.SENSORS[topic], topic, partial(self._on_message, topic),
                         robot.config.inputs[topic].qos)
        self._listen(
            topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD, self._on_human_reward, RELIABLE)
        self._ends.callback(node.destroy_timer, node.create_timer(
            robot.config.control_period / WATCHES_PER_PERIOD, self._watch, clock=clock))
        self._command = command_message(len(robot.config.joints))
        self._values = np.frombuffer(self._command.data)
        self._commands = node.create_publisher(
            topics.COMMANDS_TYPE, topics.COMMAND_OF[robot.config.command], topics.QOS)
        self._ends.callback(node.destroy_publisher, self._commands)

    def _listen(
        self, kind: type, topic: str, callback: Callable[[Any], None], reliability: str
    ) -> None:
        self._ends.callback(self._node.destroy_subscription, topics.listen(
            self._node, kind, topic, callback, reliability))

    def close(self) -> None:
        """Send final commands that are safe forever, without a jump, and remove all ends."""
        self._closed = True
        with self._ends:
            for number, command in enumerate(self._loop.last()):
                if number:
                    time.sleep(self._period)
                self._send(command)
            # A subscriber can lose messages that it has not received when the publisher goes.
            self._commands.wait_for_all_acked(LAST_WORD)

    @property
    def fallen(self) -> bool:
        """Whether the robot has fallen and is not upright again."""
        return bool(self._loop.fallen[0])

    @property
    def deafness(self) -> str:
        """Why nobody hears the commands, if nobody does."""
        topic = self._commands.topic_name
        ours = self._node.get_publishers_info_by_topic(topic)
        for end in self._node.get_subscriptions_info_by_topic(topic):
            if ours and end.topic_type != ours[0].topic_type:
                return (f'nobody listens to {topic} as {ours[0].topic_type}: {end.node_name} '
                        f'wants {end.topic_type}')
        return f'nobody listens to {topic}'

    def _now(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _on_message(self, topic: str, message: Any) -> None:
        if self._closed:
            return  # it was in the executor's queue when the node was deactivated
        try:
            if topic == 'imu':
                self._mounting.see(message.header.frame_id)
            due = self.inputs.put(topic, message, self._now)
        except BadMessage as error:
            self._reject(error)
            if isinstance(error, LostJoint) and not self.halted:
                self._halt(str(error))
            return
        if due:
            self._step(self._now())

    def _on_human_reward(self, message: topics.HUMAN_REWARD_TYPE) -> None:
        try:
            self.inputs.add_human_reward(self.human_reward_gain * message.data)
        except BadMessage as error:
            self._reject(error)

    def _reject(self, error: BadMessage) -> None:
        self.rejected += 1
        self._node.get_logger().warning(str(error), throttle_duration_sec=WARNING_PERIOD)

    def _watch(self) -> None:
        """Take a step that is still due, or halt if the inputs cannot be trusted."""
        if self._closed:
            return
        now = self._now()
        standing = self._standing(now)
        if self.inputs.due or self.inputs.late(now):
            self._step(now)
        elif self.inputs.in_sets:
            # Halt only on trouble in two consecutive checks: the rest of a set may be on its way.
            silent = self.inputs.trouble(now)
            trouble = self._node.must_stop or silent
            if trouble and self._troubled:
                self._halt(trouble)
                if silent:  # else each set is answered when it comes
                    self._repeat_what_is_safe(now)
            self._troubled = bool(trouble)
        elif standing >= 2.0 * self._period <= time.monotonic() - self._sent:
            # No step is due by such a clock, so its safe command comes by steady time.
            trouble = self._node.must_stop or (STANDING if standing > self._timeout else '')
            if trouble:
                self._halt(trouble)

    def _standing(self, now: int) -> float:
        """Return how long the clock has stood still, in s of steady time."""
        if now != self._ticked[0]:
            self._ticked = now, time.monotonic()
        return time.monotonic() - self._ticked[1]

    def _step(self, now: int) -> None:
        """Take one step; whatever it raises, the command that is sent is safe."""
        self._answered = False
        try:
            self._take_step(now)
        except Exception as error:
            self.halted = f'the step has raised {sentence(error)}'
            self._node.faults.add(self.halted)
            if not self._answered:  # in lock-step a second command would answer the next set
                self._send_what_is_safe(1.0)

    def _take_step(self, now: int) -> None:
        """Take one step of the learner and publish its command, or the safe one."""
        trouble = self.inputs.trouble(now)
        if not trouble and not self._commands.get_subscription_count():
            self._loop.begin()  # nobody holds the joints where the last command put them
            if self.inputs.in_sets:
                return  # the set waits until somebody listens
            trouble = self.deafness
        if trouble:
            self._halt(trouble, self.inputs.wait(now))
            return
        given = self.inputs.take(now)
        stopped = self._node.must_stop
        if stopped or not given.periods:
            # Answer in any case: in lock-step the simulator waits for an answer to each set.
            self._send_what_is_safe(given.slew)
            self._note(stopped or 'the stamps went back')
            return
        command = self._loop.step(given)
        fault = self._node.fault_of_learner()
        self._note(fault)
        if fault:
            self._send_what_is_safe(given.slew)
        else:
            self._send(command)
            self._node.on_step(given)

    def _halt(self, reason: str, slew: float = 1.0) -> None:
        """Send the safe command; in sets, only the first one of a halt."""
        if not (self.halted and self.inputs.in_sets):
            self._send_what_is_safe(slew)
        self._note(reason)

    def _note(self, reason: str) -> None:
        """Remember why the robot is halted, and log when a halt begins or ends."""
        if reason and not self.halted:
            self._node.get_logger().warning(f'halted: {reason}')
        elif self.halted and not reason:
            self._node.get_logger().info(f'driving, no longer halted: {self.halted}')
        self.halted = reason

    def _repeat_what_is_safe(self, now: int) -> None:
        """Send the safe command again if a control period has passed since the last one."""
        if self._stopped is not None and abs(now - self._stopped) >= self._period * 1e9:
            self._send_what_is_safe(1.0)

    def _send_what_is_safe(self, slew: float) -> None:
        self._stopped = self._now()
        self._send(self._loop.stop(self.inputs.fresh_joints(self._now()), slew))

    def _send(self, commands: np.ndarray | None) -> None:
        if commands is not None:
            self._values[:] = commands[0]
            self._commands.publish(self._command)
            self._answered, self._sent = True, time.monotonic()
