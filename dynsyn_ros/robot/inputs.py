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
Messages become readings: what a step of the learner acts on, and whether that can be trusted.

The functions take anything with the fields of the ROS messages, so this module needs no ROS.
Times are in ns, those of the node's clock and of the stamps alike.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
import math
from typing import Any, NamedTuple

from dynsyn_ros.robot.robot import ALL, QUATERNION, REWARD, Robot
import numpy as np

_AXES = ('x', 'y', 'z')
_VECTORS = {
    'imu': ('angular_velocity', 'linear_acceleration'),
    'odom': ('position', 'linear', 'angular'),
}
_STAMPED = frozenset(('joint_states', 'imu', 'odom', 'scan'))
_SECOND = 1_000_000_000
#: What no sensor of a robot reads more of, either way, by the last or the first word of a reading
#: that tells its kind: rad or m, rad/s, N m, m/s2, m/s; a quaternion has length 1.
_GREATEST = {
    'joint_states': {'position': 1e6, 'velocity': 1e4, 'effort': 1e6},
    'imu': {'orientation': 1.1, 'angular_velocity': 1e3, 'linear_acceleration': 1e4},
    'odom': {'position': 1e7, 'linear': 1e3, 'angular': 1e3},
}
_GREATEST_RANGE, _GREATEST_CONTACT = 1e5, 255.0


class BadMessage(ValueError):
    """A message that cannot be used; the text is one sentence that names the topic."""


class LostJoint(BadMessage):
    """A message on joint_states that has some of the robot's joints, but not all."""


class Taken(NamedTuple):
    """What one step of the learner acts on."""

    readings: np.ndarray
    """(1, readings), those of the next step as soon as its messages are put in."""
    reward: float
    """The sum of the rewards since the last step."""
    periods: int
    """Control periods that have passed since the last step; 0: time went back, nobody knows."""
    time: int
    """When it is, ns: the stamp of the set, or of the trigger."""


class Inputs:
    """
    The newest reading of every sensor, and when a step of the learner is due.

    With the trigger ``all`` it is due when every needed topic has arrived since the last step and
    those with a header bear the same stamp. With a topic as trigger it is due when that topic has
    arrived with a new stamp; the others hold. Rewards add up until they are taken.
    """

    def __init__(self, robot: Robot) -> None:
        """Prepare for the topics of ``robot`` and for ``reward``."""
        self._robot = robot
        self.topics = (*robot.topics, REWARD)
        """The topics to subscribe to."""
        self._read: dict[str, Callable[[Any], None]] = {
            'joint_states': self._read_joint_states,
            'imu': self._read_imu,
            'odom': self._read_odom,
            'scan': self._read_scan,
            'foot_contacts': self._read_foot_contacts,
            REWARD: self._read_reward,
        }
        self.names = tuple(name for topic in robot.topics for name in _names(robot, topic))
        """The readings, in order."""
        self._place = {name: i for i, name in enumerate(self.names)}
        # Plain arrays, seen by numpy too: for a few numbers a message they are much the faster.
        self.values = array('d', bytes(8 * len(self.names)))
        """The newest of each reading, SI units, in the order of ``names``."""
        self._greatest = [_greatest(name) for name in self.names]
        self._readings = np.frombuffer(self.values)[np.newaxis]
        self._reward = self._praise = 0.0
        self.clipped = 0
        """Messages on reward and human_reward that were past their limit."""
        self._joint_names: list[str] = []
        self._joint_order: list[int] = []
        sources = [channel.source for channel in robot.config.observation.values()]
        self._joint_fields = tuple(
            (field, self._place[f'joint_states.{robot.config.joints[0]}.{field}'])
            for field in ('position', 'velocity', 'effort')
            if any(s.startswith('joint_states.') and s.endswith(f'.{field}') for s in sources))
        self._bit = {topic: 1 << i for i, topic in enumerate(self.topics)}
        self._needed = sum(self._bit.values())
        self._trigger = robot.config.trigger
        # What must arrive anew for each step: everything, or the trigger alone.
        self._anew = self._needed if self._trigger == ALL else self._bit[self._trigger]
        self._period = robot.config.control_period * _SECOND
        self._greatest_age = {
            topic: self._robot.config.inputs[topic].greatest_age * _SECOND
            for topic in self.topics}
        self._forget()
        self._went_back = ''

    def _forget(self) -> None:
        """Start anew in time: what has arrived says nothing about now."""
        self._arrived = 0
        self._times: dict[str, int] = {}
        self._stamps: dict[str, int] = {}
        self._newest: int | None = None
        self._last_step: int | None = None

    def put(self, topic: str, message: Any, now: Callable[[], int]) -> bool:
        """
        Take in one message; returns whether a step is due.

        A message without a stamp is as old as the newest stamp at its arrival, or where there is
        none yet as ``now`` tells: asking the clock takes as long as reading a message. Raises
        :class:`BadMessage`, with nothing changed, if the message cannot be used.
        """
        self._read[topic](message)
        if topic in _STAMPED:
            header = message.header.stamp
            stamp = header.sec * _SECOND + header.nanosec
            before = self._stamps.get(topic, stamp)
            if stamp < before:
                self._forget()
                self._went_back = (
                    f'the stamps on {topic} went back by {(before - stamp) / _SECOND:g} s')
            self._stamps[topic] = self._times[topic] = stamp
            if self._newest is None or stamp > self._newest:
                self._newest = stamp
        else:
            self._times[topic] = now() if self._newest is None else self._newest
        self._arrived |= self._bit[topic]
        return self.due

    def praise(self, reward: float) -> None:
        """Add what a person gives to the reward; raises :class:`BadMessage` if it is no number."""
        if not math.isfinite(reward):
            raise BadMessage('a message on human_reward holds a value that is not finite')
        most = self._robot.config.human_reward_limit
        self.clipped += abs(reward) > most
        self._praise = min(max(self._praise + reward, -most), most)

    def need_reward(self, needed: bool) -> None:
        """Choose whether a step must have a reward, as it must while learning."""
        self._needed = sum(self._bit.values()) - (0 if needed else self._bit[REWARD])

    @property
    def newest(self) -> int | None:
        """Time of the newest message, ns; None before the first."""
        return max(self._times.values(), default=None)

    @property
    def due(self) -> bool:
        """Whether all that a step needs is there."""
        if self._arrived & self._needed != self._needed:
            return False
        if self._trigger == ALL:
            return len(set(self._stamps.values())) <= 1
        return self._times[self._trigger] != self._last_step

    def trouble(self, now: int) -> str:
        """Say why what is known at ``now`` is not to be acted on; empty if it may be."""
        # A set of one stamp is as old as that stamp, whenever its parts came.
        times = self._stamps if self._trigger == ALL and self.due else self._times
        for topic, time in times.items():
            age = now - time
            if age > self._greatest_age[topic]:
                if self._bit[topic] & self._needed:
                    return self._too_old(topic, age)
            elif -age > self._greatest_age[topic] and topic in _STAMPED:
                return f'{topic} bears a stamp {-age / _SECOND:.3g} s ahead of the clock'
        return '' if self.due else self._went_back

    def _too_old(self, topic: str, age: float) -> str:
        return (f'{topic} is {age / _SECOND:.3g} s old, over its greatest age of '
                f'{self._greatest_age[topic] / _SECOND:g} s')

    def take(self) -> Taken:
        """Take what a step acts on."""
        reward, self._reward, self._praise = self._reward + self._praise, 0.0, 0.0
        self._arrived &= ~self._anew
        time = next(iter(self._stamps.values()), 0) if self._trigger == ALL else (
            self._times[self._trigger])
        if self._went_back:
            periods, self._went_back = 0, ''
        elif self._last_step is None:
            periods = 1
        else:
            passed = round((time - self._last_step) / self._period)
            periods = min(max(passed, 1), self._robot.config.longest_step)
        self._last_step = time
        return Taken(self._readings, reward, periods, time)

    def _put_values(self, topic: str, first: str, values: array[float]) -> None:
        start = self._place[first]
        self._check_values(topic, start, values)
        self.values[start:start + len(values)] = values

    def _check_values(self, topic: str, start: int, values: array[float]) -> None:
        """Refuse readings, from a place on, that are no numbers or that no sensor can read."""
        for place, value in enumerate(values, start):
            most = self._greatest[place]
            if not -most <= value <= most:
                raise BadMessage(f'a message on {topic} holds {self.names[place]} = {value:g}, '
                                 f'which must be a number within +-{most:g}')

    def _read_joint_states(self, message: Any) -> None:
        if message.name != self._joint_names:
            self._order_joints(list(message.name))
        columns = []
        for field, start in self._joint_fields:
            values = getattr(message, field)
            if len(values) != len(self._joint_names):
                raise BadMessage(
                    f'a message on joint_states has {len(self._joint_names)} names but '
                    f'{len(values)} entries of {field}')
            column = array('d', [values[i] for i in self._joint_order])
            self._check_values('joint_states', start, column)
            columns.append((start, column))
        for start, column in columns:
            self.values[start:start + len(column)] = column

    def _order_joints(self, names: list[str]) -> None:
        """Remember the order of the joints in the messages."""
        joints = self._robot.config.joints
        for joint in joints:
            if joint not in names:
                # One publisher for the legs and one for an arm is common: only a set that has some
                # of our joints and not the others tells that one is lost.
                kind = LostJoint if set(joints) & set(names) else BadMessage
                raise kind(
                    f'a message on joint_states lacks the joint {joint}: it has '
                    f'{", ".join(names) or "none"}')
        self._joint_order = [names.index(joint) for joint in joints]
        self._joint_names = names

    def _read_imu(self, message: Any) -> None:
        q, rate, force = (
            message.orientation, message.angular_velocity, message.linear_acceleration)
        x, y, z, w = q.x, q.y, q.z, q.w
        norm = x * x + y * y + z * z + w * w
        if not 0.98 < norm < 1.02:
            raise BadMessage(
                f'a message on imu has an orientation of length {math.sqrt(abs(norm)):.3g}, a '
                'quaternion has length 1')
        self._put_values('imu', QUATERNION[0], array('d', (
            x, y, z, w, rate.x, rate.y, rate.z, force.x, force.y, force.z)))

    def _read_odom(self, message: Any) -> None:
        place, twist = message.pose.pose.position, message.twist.twist
        linear, angular = twist.linear, twist.angular
        self._put_values('odom', 'odom.position.x', array('d', (
            place.x, place.y, place.z, linear.x, linear.y, linear.z,
            angular.x, angular.y, angular.z)))

    def _read_scan(self, message: Any) -> None:
        self._check_length('scan', message.ranges, self._robot.config.rays)
        # By REP 117 nothing in reach is +inf; some drivers send a range past range_max instead.
        farthest = message.range_max
        self._put_values('scan', 'scan.0', array('d', [
            farthest if reach > farthest else reach for reach in message.ranges]))

    def _read_foot_contacts(self, message: Any) -> None:
        self._check_length('foot_contacts', message.data, self._robot.config.feet)
        self._put_values('foot_contacts', 'foot_contacts.0', array('d', message.data))

    def _read_reward(self, message: Any) -> None:
        if not math.isfinite(message.data):
            raise BadMessage('a message on reward holds a value that is not finite')
        most = self._robot.config.reward_limit
        self.clipped += abs(message.data) > most
        self._reward = min(max(self._reward + message.data, -most), most)

    @staticmethod
    def _check_length(topic: str, values: Sequence[float], length: int) -> None:
        if len(values) != length:
            raise BadMessage(f'a message on {topic} has {len(values)} entries instead of {length}')


def _greatest(name: str) -> float:
    """Tell what no sensor reads more of, by the name of a reading."""
    topic, kind, *_ = name.split('.')
    if topic == 'joint_states':
        kind = name.rpartition('.')[2]
    if topic in _GREATEST:
        return _GREATEST[topic][kind]
    return _GREATEST_RANGE if topic == 'scan' else _GREATEST_CONTACT


def _names(robot: Robot, topic: str) -> list[str]:
    """List the readings that messages of a topic hold, in the order they are stored."""
    config = robot.config
    if topic == 'joint_states':
        return [f'joint_states.{joint}.{field}'
                for field in ('position', 'velocity', 'effort') for joint in config.joints]
    if topic in _VECTORS:
        vectors = [f'{topic}.{vector}.{axis}' for vector in _VECTORS[topic] for axis in _AXES]
        return [*QUATERNION, *vectors] if topic == 'imu' else vectors
    return [f'{topic}.{i}' for i in range(config.rays if topic == 'scan' else config.feet)]
