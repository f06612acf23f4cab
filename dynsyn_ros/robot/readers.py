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
Messages become readings, and only the readings that are used are checked.

A field that no observation, guard or reward uses may be absent, empty or not finite. The functions
accept anything with the fields of the ROS messages, so this module does not need ROS.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
import math
from typing import Any

from dynsyn_ros.robot.config import InputConfig, RobotConfig
from dynsyn_ros.robot.readings import JOINT_FIELDS, QUATERNION
from dynsyn_ros.robot.rotation import mounting, turn, unturn_orientation
from dynsyn_ros.robot.schedule import SECOND

#: Reads one message with its time in ns.
Reader = Callable[[Any, int], None]
#: The first entry of a covariance that says, by REP 145, that there is no such reading.
_ABSENT = -1.0
_NEVER = -2**63


class BadMessage(ValueError):
    """A message that cannot be used; the text is one sentence that names the topic."""


class LostJoint(BadMessage):
    """A message on joint_states that has some of the robot's joints, but not all."""


class Store:
    """The newest readings of one topic, inside the array of all readings."""

    def __init__(
        self, topic: str, limits: Mapping[str, float], values: array[float], start: int,
        used: set[str]
    ) -> None:
        """
        Keep the readings of ``topic`` in ``values`` from ``start`` on.

        ``limits`` gives the largest plausible value of each reading, in order.
        """
        self.topic = topic
        self.names = list(limits)
        self.used = [name in used for name in self.names]
        self._values, self._start = values, start
        self._limits = list(limits.values())
        # The smallest limit of all but orientations, whose length is checked as well.
        self._quick = min(most for most in self._limits if most > 2.0)

    def uses(self, prefix: str) -> bool:
        """Return whether any reading with this prefix is used."""
        return any(used for name, used in zip(self.names, self.used, strict=True)
                   if name.startswith(prefix))

    def current(self, first: int, count: int) -> array[float]:
        """Copy some of the present readings."""
        return self._values[self._start + first:self._start + first + count]

    def _plain(self, numbers: Sequence[float]) -> bool:
        """Return whether all numbers are plausible by a quick test, which most messages pass."""
        return (math.isfinite(sum(numbers)) and max(numbers) <= self._quick
                and min(numbers) >= -self._quick)

    def check(self, numbers: Sequence[float], first: int = 0) -> None:
        """Raise :class:`BadMessage` if a used reading is not one that a sensor can give."""
        if self._plain(numbers):
            return
        for i, number in enumerate(numbers, first):
            most = self._limits[i]
            if self.used[i] and not -most <= number <= most:
                raise BadMessage(
                    f'a message on {self.topic} holds {self.names[i]} = {number:g}, which must be '
                    f'a number within +-{most:g}')

    def put(self, numbers: array[float], first: int = 0) -> None:
        """Store checked readings; an unused one that no sensor can give keeps its old value."""
        start = self._start + first
        if self._plain(numbers):
            self._values[start:start + len(numbers)] = numbers
            return
        for i, number in enumerate(numbers, first):
            if -self._limits[i] <= number <= self._limits[i]:
                self._values[self._start + i] = number

    def length(self, numbers: Sequence[float]) -> None:
        """Raise :class:`BadMessage` unless a message has one entry per reading."""
        if len(numbers) != len(self.names):
            raise BadMessage(f'a message on {self.topic} has {len(numbers)} entries instead of '
                             f'{len(self.names)}')


class MessageReader:
    """Reads the messages of one topic."""

    def __init__(self, store: Store, config: RobotConfig, given: InputConfig) -> None:
        """Prepare to read into ``store``, as the robot and the input are configured."""
        self._store = store

    def read(self, message: Any, time: int) -> None:
        """Read one message with its time in ns."""
        raise NotImplementedError


class JointStates(MessageReader):
    """Joints by name; missing velocities are computed from positions if that is configured."""

    def __init__(self, store: Store, config: RobotConfig, given: InputConfig) -> None:
        """Find out which fields are used."""
        super().__init__(store, config, given)
        self._joints = config.joints
        count = len(config.joints)
        self._fields = [
            (field, i * count, any(store.used[i * count:(i + 1) * count]))
            for i, field in enumerate(JOINT_FIELDS)]
        self._time_constant = given.velocity_time_constant * SECOND
        self._too_long = given.timeout * SECOND
        self._names: list[str] = []
        self._order: list[int] = []
        self._before: tuple[int, array[float]] | None = None
        self._velocity = array('d', bytes(8 * count))

    def read(self, message: Any, time: int) -> None:
        """Read one message."""
        if message.name != self._names:
            self._order_joints(list(message.name))
        columns = []
        for field, first, used in self._fields:
            column = self._column(message, field)
            if used and field == 'velocity' and self._time_constant and (
                    column is None or not math.isfinite(sum(column))):
                column = self._difference(message, time)
            if column is None and not used:
                continue
            if column is None:
                raise BadMessage(f'a message on joint_states has {len(self._names)} names but '
                                 f'{len(getattr(message, field))} entries of {field}')
            self._store.check(column, first)
            columns.append((column, first))
        for column, first in columns:
            self._store.put(column, first)

    def _column(self, message: Any, field: str) -> array[float] | None:
        values = getattr(message, field)
        if len(values) != len(self._names):
            return None
        return array('d', [values[i] for i in self._order])

    def _difference(self, message: Any, time: int) -> array[float] | None:
        """Estimate velocities; they are 0 at first, after a jump back and after a long gap."""
        position = self._column(message, 'position')
        if position is None or not math.isfinite(sum(position)):
            return position
        before, self._before = self._before, (time, position)
        passed = time - before[0] if before else 0
        if before is None or passed < 0 or passed > self._too_long:
            self._velocity = array('d', bytes(8 * len(position)))
        elif passed > 0:
            share = passed / (self._time_constant + passed)
            for i, (now, then) in enumerate(zip(position, before[1], strict=True)):
                speed = (now - then) * SECOND / passed
                self._velocity[i] += share * (speed - self._velocity[i])
        else:
            self._before = before
        return self._velocity

    def _order_joints(self, names: list[str]) -> None:
        """Remember the order of the joints in the messages."""
        for joint in self._joints:
            if joint not in names:
                # One publisher for the legs and one for an arm is common. A joint is lost only if
                # a message has some of our joints but not the others.
                kind = LostJoint if set(self._joints) & set(names) else BadMessage
                raise kind(
                    f'a message on joint_states lacks the joint {joint}: it has '
                    f'{", ".join(names) or "none"}')
        self._order = [names.index(joint) for joint in self._joints]
        self._names = names


class Imu(MessageReader):
    """Orientation and rates of the body, for any mounting of the sensor."""

    def __init__(self, store: Store, config: RobotConfig, given: InputConfig) -> None:
        """Find out which fields are used."""
        super().__init__(store, config, given)
        self._oriented = store.uses('imu.orientation')
        self._absent = [
            field for field in ('orientation', 'angular_velocity', 'linear_acceleration')
            if store.uses(f'imu.{field}')]
        self.mounting = mounting(given.rotation)
        """How the sensor is turned in the body; None if it is aligned with the body."""

    def read(self, message: Any, time: int) -> None:
        """Read one message."""
        for field in self._absent:
            if getattr(message, f'{field}_covariance')[0] == _ABSENT:
                raise BadMessage(f'a message on imu has {field}_covariance[0] = -1, so it holds '
                                 f'no {field}, which is used')
        q, rate, force = (
            message.orientation, message.angular_velocity, message.linear_acceleration)
        x, y, z, w = q.x, q.y, q.z, q.w
        norm = x * x + y * y + z * z + w * w
        good = 0.98 < norm < 1.02
        if self._oriented and not good:
            raise BadMessage(
                f'a message on imu has an orientation of length {math.sqrt(abs(norm)):.3g}; a '
                'quaternion has length 1')
        numbers = array('d', (
            x, y, z, w, rate.x, rate.y, rate.z, force.x, force.y, force.z))
        if self.mounting:
            numbers[:4] = array('d', unturn_orientation(self.mounting, numbers[:4]))
            numbers[4:7] = array('d', turn(self.mounting, numbers[4:7]))
            numbers[7:] = array('d', turn(self.mounting, numbers[7:]))
        if not good:
            numbers[:4] = self._store.current(0, len(QUATERNION))
        self._store.check(numbers)
        self._store.put(numbers)


class Odometry(MessageReader):
    """Position and velocity of the body."""

    def read(self, message: Any, time: int) -> None:
        """Read one message."""
        place, twist = message.pose.pose.position, message.twist.twist
        linear, angular = twist.linear, twist.angular
        numbers = array('d', (
            place.x, place.y, place.z, linear.x, linear.y, linear.z,
            angular.x, angular.y, angular.z))
        self._store.check(numbers)
        self._store.put(numbers)


class Scan(MessageReader):
    """
    Ranges, as in REP 117.

    +inf, 0, and a value above ``range_max`` mean that nothing is in reach; they are read as
    ``range_max``. -inf, and a value below ``range_min``, mean that something is too near; they are
    read as ``range_min``. A ray that is NaN holds its last reading for the timeout of the scan.
    """

    def __init__(self, store: Store, config: RobotConfig, given: InputConfig) -> None:
        """Prepare."""
        super().__init__(store, config, given)
        self._longest = given.timeout * SECOND
        # When each lost ray was lost; a ray without any reading so far counts as lost long ago.
        self._lost = dict.fromkeys(range(len(store.names)), _NEVER)

    def read(self, message: Any, time: int) -> None:
        """Read one message."""
        self._store.length(message.ranges)
        nearest, farthest = message.range_min, message.range_max
        numbers = array('d', message.ranges)
        finite = math.isfinite(sum(numbers))
        if not finite or min(numbers) < nearest or max(numbers) > farthest:
            numbers = array('d', [_in_reach(r, nearest, farthest) for r in numbers])
        if not finite and any(map(math.isnan, numbers)):
            self._hold(numbers, time)
        elif self._lost:
            self._lost.clear()
        self._store.check(numbers)
        self._store.put(numbers)

    def _hold(self, numbers: array[float], time: int) -> None:
        """Fill in the last readings of rays without a measurement."""
        before = self._store.current(0, len(numbers))
        lost = {i: min(self._lost.get(i, time), time)
                for i, r in enumerate(numbers) if math.isnan(r)}
        for i, since in lost.items():
            if not self._store.used[i] or since > time - self._longest:
                numbers[i] = before[i]
        self._lost = lost


def _in_reach(reach: float, nearest: float, farthest: float) -> float:
    if reach > farthest or (-math.inf < reach < nearest and reach <= 0.0):
        return farthest
    return nearest if reach < nearest else reach


class FootContacts(MessageReader):
    """A 0 or 1 per foot."""

    def read(self, message: Any, time: int) -> None:
        """Read one message."""
        self._store.length(message.data)
        self._store.put(array('d', message.data))
