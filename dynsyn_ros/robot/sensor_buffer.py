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
The newest readings: what a step of the learner acts on, when, and whether it can be trusted.

All times are in ns, both those of the node's clock and those of the stamps.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Any, NamedTuple

from dynsyn_ros.robot.config import HEADER, RobotConfig
from dynsyn_ros.robot.readers import BadMessage, Imu, LostJoint, Reader, Store
from dynsyn_ros.robot.readings import REWARD
from dynsyn_ros.robot.robot import ALL, Robot
from dynsyn_ros.robot.rotation import Quaternion
from dynsyn_ros.robot.schedule import Schedule, SECOND
from dynsyn_ros.robot.sensors import SENSORS, used_readings
import numpy as np


class StepInput(NamedTuple):
    """What one step of the learners acts on."""

    readings: np.ndarray
    """(robots, readings). New messages overwrite it with the readings of the next step."""
    reward: float | np.ndarray
    """Sum of the rewards since the last step, of one robot or (robots,)."""
    periods: int = 1
    """Control periods since the last step; 0 if time went back, so that nobody knows."""
    time: int = 0
    """Time of the step, ns: the stamp of the set, or the clock."""
    slew: float = 1.0
    """Share of a control period since the last command, at most 1; it scales the rate limits."""
    moved: bool | np.ndarray = False
    """Whether the robot was moved by other means than walking since the last step."""


@dataclass
class TopicStatus:
    """What has arrived on one topic."""

    received: int = 0
    """Number of messages, including refused ones."""
    refused: int = 0
    refusal: str = ''
    """Why the newest message was refused; empty if it was not."""
    time: int | None = None
    """Time of the newest valid message: its stamp, or its arrival."""


class SensorBuffer:
    """
    The newest reading of every sensor, and when a step of the learner is due.

    With the trigger ``all``, a step is due when every needed topic has arrived since the last step
    and those with a header have the same stamp. With a topic as trigger, a step is due once per
    control period by the clock: at a message of that topic, or without one if it is late; the
    other topics hold. Rewards add up until they are taken.
    """

    def __init__(self, robot: Robot) -> None:
        """Prepare for the topics of ``robot`` and for ``reward``."""
        self._robot, config = robot, robot.config
        self.topics = (*robot.topics, REWARD)
        """The topics to subscribe to."""
        self.names = tuple(
            name for topic in robot.topics for name in SENSORS[topic].readings(config))
        """The readings, in order."""
        # Plain arrays that numpy also sees: for a few numbers per message they are much faster.
        self.values = array('d', bytes(8 * len(self.names)))
        """The newest value of each reading, SI units, in the order of ``names``."""
        self._readings = np.frombuffer(self.values)[np.newaxis]
        self._reward = self._human_reward = 0.0
        self.clipped = 0
        """Number of messages on reward and human_reward that exceeded their limit."""
        self._bit = {topic: 1 << i for i, topic in enumerate(self.topics)}
        self._needed = sum(self._bit.values())
        self.in_sets = config.trigger == ALL
        """Whether sets of messages with one stamp trigger the steps, instead of the clock."""
        self.trigger = config.trigger
        self._by_header = {
            topic for topic in self.topics
            if SENSORS[topic].stamped and config.inputs[topic].stamp == HEADER}
        self._timeout = {
            topic: config.inputs[topic].timeout * SECOND for topic in self.topics}
        self.status = {topic: TopicStatus() for topic in self.topics}
        """What has arrived on each topic."""
        self._schedule = Schedule(config.control_period * SECOND, config.max_catch_up)
        self._used: set[str] = set()
        self._mounting: Quaternion | None = None
        self.unmounted = ''
        """Why messages of the imu are refused: nobody says how it is mounted; empty if known."""
        self.reconfigure(config)
        self._lost: dict[str, str] = {}
        self._commanded = 0
        self._forget()
        self._went_back = ''
        self._stood: tuple[array[float], int] | None = None
        first = self.names.index('odom.position.x') if 'odom' in self.topics else 0
        self._position = slice(first, first + 3)

    def reconfigure(self, config: RobotConfig) -> None:
        """Use another configuration, whose guards may use other readings."""
        self._config, used, start = config, used_readings(config), 0
        if used == self._used:
            return
        self._used = used
        self._read: dict[str, Reader] = {REWARD: self._read_reward}
        for topic in self._robot.topics:
            sensor = SENSORS[topic]
            limits = {name: sensor.limit(name) for name in sensor.readings(config)}
            store = Store(topic, limits, self.values, start, used)
            reader = sensor.reader(store, config, config.inputs[topic])
            if isinstance(reader, Imu) and self._mounting is not None:
                reader.mounting = self._mounting
            self._read[topic] = reader.read
            start += len(store.names)

    def mount(self, rotation: Quaternion) -> None:
        """Set how the imu is turned in the body."""
        self._mounting, self._used = rotation, set()
        self.reconfigure(self._config)

    def _forget(self) -> None:
        """Forget all times: what has arrived says nothing about the present."""
        self._arrived = 0
        self._times: dict[str, int] = {}
        self._stamps: dict[str, int] = {}
        self._newest: int | None = None
        self._schedule.restart()

    def put(self, topic: str, message: Any, now: Callable[[], int]) -> bool:
        """
        Read one message; returns whether a step is due.

        In sets, a message without a stamp gets the newest stamp at its arrival, because asking the
        clock takes as long as reading a message. Raises :class:`BadMessage`, with no reading
        changed, if the message cannot be used.
        """
        status = self.status[topic]
        status.received += 1
        stamped = topic in self._by_header
        if stamped:
            header = message.header.stamp
            time = header.sec * SECOND + header.nanosec
        else:
            time = self._newest if self.in_sets and self._newest is not None else now()
        try:
            if topic == 'imu' and self.unmounted:
                raise BadMessage(self.unmounted)
            self._read[topic](message, time)
        except BadMessage as error:
            status.refused += 1
            status.refusal = str(error)
            if isinstance(error, LostJoint):
                self._lost[topic] = status.refusal
            raise
        status.refusal = ''
        self._lost.pop(topic, None)
        if stamped:
            before = self._stamps.get(topic, time)
            if time < before:
                self._forget()
                self._went_back = (
                    f'the stamps on {topic} went back by {(before - time) / SECOND:g} s')
            self._stamps[topic] = time
            if self._newest is None or time > self._newest:
                self._newest = time
        self._times[topic] = status.time = time
        self._arrived |= self._bit[topic]
        if self.in_sets:
            due = self.due
            if not due and self._complete:
                self._arrived = 0  # this set came within a control period of the last one
            return due
        return topic == self.trigger and self._schedule.due(now())

    def add_human_reward(self, reward: float) -> None:
        """Add a person's reward; raises :class:`BadMessage` if it is not finite."""
        if not math.isfinite(reward):
            raise BadMessage('a message on human_reward holds a value that is not finite')
        most = self._robot.config.human_reward_limit
        self.clipped += abs(reward) > most
        self._human_reward = min(max(self._human_reward + reward, -most), most)

    def need_reward(self, needed: bool) -> None:
        """Set whether a step must have a reward, as it must while learning."""
        self._needed = sum(self._bit.values()) - (0 if needed else self._bit[REWARD])

    def needs(self, topic: str) -> bool:
        """Return whether a step must have this topic."""
        return bool(self._bit[topic] & self._needed)

    @property
    def newest(self) -> int | None:
        """Time of the newest message, ns; None before the first."""
        return max(self._times.values(), default=None)

    @property
    def due(self) -> bool:
        """Whether a set is complete and at least a control period after the last one."""
        return self.in_sets and self._complete and self._schedule.due(self._set_time)

    @property
    def _complete(self) -> bool:
        return (self._arrived & self._needed == self._needed
                and len(set(self._stamps.values())) <= 1)

    def late(self, now: int) -> bool:
        """Return whether a step is due although its trigger has not arrived."""
        return not self.in_sets and self._schedule.late(now)

    @property
    def _set_time(self) -> int:
        return next(iter(self._stamps.values()), 0)

    def trouble(self, now: int) -> str:
        """Say why the inputs must not be acted on at ``now``; empty if they may be."""
        for refusal in self._lost.values():
            return refusal
        due = self.due
        # A set of one stamp is as old as that stamp, no matter when its parts arrived.
        times = self._stamps if due else self._times
        for topic, time in times.items():
            if trouble := self._trouble_of(topic, now - time):
                return trouble
        if due:
            return ''
        missing = [topic for topic in self.topics if topic not in times and self.needs(topic)]
        if self._went_back and (missing or self.in_sets):
            return self._went_back
        refusals = [self.status[topic].refusal for topic in missing]
        return next(filter(None, refusals), '') or (
            f'{", ".join(missing)}: no message yet' if missing else '')

    def trouble_of(self, topic: str, now: int) -> str:
        """Say why the newest message of a topic must not be acted on; empty if it may be."""
        time = self._times.get(topic)
        return '' if time is None else self._trouble_of(topic, now - time)

    def _trouble_of(self, topic: str, age: int) -> str:
        if -age > self._timeout[topic] and topic in self._by_header:
            return (f'{topic} bears a stamp {-age / SECOND:.3g} s ahead of the clock, see '
                    f'inputs.{topic}.stamp')
        if not self.needs(topic):
            return ''
        if -age > self._timeout[topic] and not self.in_sets:
            return f'the clock went back by more than {-age / SECOND:.3g} s since {topic} came'
        if age <= self._timeout[topic]:
            return ''
        if self._times[topic] == 0:
            return f'{topic} bears a stamp of 0, see inputs.{topic}.stamp'
        return (f'{topic} is {age / SECOND:.3g} s old, over its timeout of '
                f'{self._timeout[topic] / SECOND:g} s')

    def take(self, now: int = 0) -> StepInput:
        """Take what a step acts on; sets carry their own time and do not need ``now``."""
        reward, self._reward, self._human_reward = self._reward + self._human_reward, 0.0, 0.0
        time = self._set_time if self.in_sets else now
        periods, slew = self._schedule.take(time), self._slew(now)
        self._arrived = 0 if self.in_sets else self._arrived
        if self._went_back:
            periods, self._went_back = 0, ''
        return StepInput(self._readings, reward, periods, time, slew, self._was_moved())

    def _was_moved(self) -> bool:
        """Return whether odom has moved faster since the last step than the robot can walk."""
        time = self._times.get('odom')
        if time is None:
            return False
        where = self.values[self._position]
        before, self._stood = self._stood, (where, time)
        if before is None:
            return False
        seconds = max((time - before[1]) / SECOND, self._robot.config.control_period)
        return math.dist(where, before[0]) > self._robot.config.max_speed * seconds

    def wait(self, now: int) -> float:
        """
        Advance the clock without a step; returns the slew, as for a step.

        Rewards that come meanwhile are dropped, because no action of the learner has earned them.
        """
        if not self.in_sets:
            self._schedule.take(now)
            self._reward = self._human_reward = 0.0
        return self._slew(now)

    def fresh_joints(self, now: int) -> np.ndarray | None:
        """Return the readings if those of joint_states can be trusted at ``now``."""
        time = self._times.get('joint_states')
        if time is None or self._lost or self.trouble_of('joint_states', now):
            return None
        return self._readings

    def _slew(self, now: int) -> float:
        """Return the share of a control period since the last command, at most 1."""
        if self.in_sets:
            return 1.0
        before, self._commanded = self._commanded, now
        passed = (now - before) / (self._robot.config.control_period * SECOND)
        return min(max(passed, 1e-9), 1.0)

    def _read_reward(self, message: Any, _: int) -> None:
        if not math.isfinite(message.data):
            raise BadMessage('a message on reward holds a value that is not finite')
        most = self._robot.config.reward_limit
        self.clipped += abs(message.data) > most
        self._reward = min(max(self._reward + message.data, -most), most)
