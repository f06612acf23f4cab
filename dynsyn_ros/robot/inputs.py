"""
Messages become readings: one complete set of inputs of one time step at a time.

The functions take anything with the fields of the ROS messages, so this module needs no ROS.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
import math
from typing import Any

import numpy as np

from dynsyn_ros.robot.robot import QUATERNION, Robot

REWARD = 'reward'
_AXES = ('x', 'y', 'z')
_VECTORS = {
    'imu': ('angular_velocity', 'linear_acceleration'),
    'odom': ('position', 'linear', 'angular'),
}


class BadMessage(ValueError):
    """A message that cannot be used; the text is one sentence that names the topic."""


class Inputs:
    """
    The newest reading of every sensor, and whether they make a set of one time step.

    A set is complete when every needed topic has arrived since the last set was taken and all of
    those with a header bear the same stamp. Rewards add up until they are taken.
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
        self._values = array('d', bytes(8 * len(self.names)))
        self._readings = np.frombuffer(self._values)[np.newaxis]
        self._reward = 0.0
        self._bit = {topic: 1 << i for i, topic in enumerate(self.topics)}
        self._needed = sum(self._bit.values())
        self._arrived = 0
        self._stamps: dict[str, int] = {}
        self._joint_names: list[str] = []
        self._joint_order: list[int] = []
        sources = [channel.source for channel in robot.config.observation.values()]
        self._joint_fields = tuple(
            (field, self._place[f'joint_states.{robot.config.joints[0]}.{field}'])
            for field in ('position', 'velocity', 'effort')
            if any(s.startswith('joint_states.') and s.endswith(f'.{field}') for s in sources))

    def put(self, topic: str, message: Any) -> bool:
        """
        Take in one message; returns whether the set is now complete.

        Raises :class:`BadMessage`, with nothing changed, if the message cannot be used.
        """
        self._read[topic](message)
        self._arrived |= self._bit[topic]
        return self.complete

    def need_reward(self, needed: bool) -> None:
        """Choose whether a set must have a reward, as it must while learning."""
        self._needed = sum(self._bit.values()) - (0 if needed else self._bit[REWARD])

    @property
    def complete(self) -> bool:
        """Whether every needed topic has arrived, those with a header with the same stamp."""
        return (self._arrived & self._needed == self._needed
                and len(set(self._stamps.values())) <= 1)

    def take(self) -> tuple[np.ndarray, float]:
        """
        Take the readings, shape (1, readings), and the reward since the last time.

        The readings are those of the next set as soon as its messages are put in.
        """
        reward, self._reward = self._reward, 0.0
        self._arrived = 0
        return self._readings, reward

    def _put_values(self, topic: str, first: str, values: array) -> None:
        if not math.isfinite(sum(values)):
            raise BadMessage(f'a message on {topic} holds a value that is not finite')
        start = self._place[first]
        self._values[start:start + len(values)] = values

    def _put_stamp(self, topic: str, message: Any) -> None:
        stamp = message.header.stamp
        self._stamps[topic] = stamp.sec * 1_000_000_000 + stamp.nanosec

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
            if not math.isfinite(sum(column)):
                raise BadMessage(f'a message on joint_states holds a {field} that is not finite')
            columns.append((start, column))
        for start, column in columns:
            self._values[start:start + len(column)] = column
        self._put_stamp('joint_states', message)

    def _order_joints(self, names: list[str]) -> None:
        """Remember the order of the joints in the messages."""
        for joint in self._robot.config.joints:
            if joint not in names:
                raise BadMessage(
                    f'a message on joint_states lacks the joint {joint}: it has '
                    f'{", ".join(names) or "none"}')
        self._joint_order = [names.index(joint) for joint in self._robot.config.joints]
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
        self._put_stamp('imu', message)

    def _read_odom(self, message: Any) -> None:
        place, twist = message.pose.pose.position, message.twist.twist
        linear, angular = twist.linear, twist.angular
        self._put_values('odom', 'odom.position.x', array('d', (
            place.x, place.y, place.z, linear.x, linear.y, linear.z,
            angular.x, angular.y, angular.z)))
        self._put_stamp('odom', message)

    def _read_scan(self, message: Any) -> None:
        self._check_length('scan', message.ranges, self._robot.config.rays)
        # By REP 117 nothing in reach is +inf; some drivers send a range past range_max instead.
        farthest = message.range_max
        self._put_values('scan', 'scan.0', array('d', [
            farthest if reach > farthest else reach for reach in message.ranges]))
        self._put_stamp('scan', message)

    def _read_foot_contacts(self, message: Any) -> None:
        self._check_length('foot_contacts', message.data, self._robot.config.feet)
        self._put_values('foot_contacts', 'foot_contacts.0', array('d', message.data))

    def _read_reward(self, message: Any) -> None:
        if not math.isfinite(self._reward + message.data):
            raise BadMessage('a message on reward holds a value that is not finite')
        self._reward += message.data

    @staticmethod
    def _check_length(topic: str, values: Sequence, length: int) -> None:
        if len(values) != length:
            raise BadMessage(f'a message on {topic} has {len(values)} entries instead of {length}')


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
