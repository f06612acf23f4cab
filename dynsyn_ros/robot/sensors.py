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

"""The table of sensor topics: the type, the readings, their limits and the reader of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import re

from dynsyn_ros.robot.config import POSITION, RobotConfig
from dynsyn_ros.robot.readers import (
    FootContacts,
    Imu,
    JointStates,
    MessageReader,
    Odometry,
    Scan,
)
from dynsyn_ros.robot.readings import AXES, JOINT_FIELDS, QUATERNION, readings_of, REWARD
from dynsyn_ros.settings.schema import ConfigError


def _vectors(topic: str, *vectors: str) -> list[str]:
    return [f'{topic}.{vector}.{axis}' for vector in vectors for axis in AXES]


@dataclass(frozen=True)
class Sensor:
    """One sensor topic."""

    message_type: str
    """Its type, as package/Name."""
    stamped: bool
    """Whether its messages have a header."""
    sources: str = '(?!)'
    """The sources that an observation may name, as a regular expression."""
    readings: Callable[[RobotConfig], list[str]] = lambda _: []
    """The readings of one message, in the order in which they are stored."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Largest plausible size of a reading, by the word in its name that says its kind."""
    reader: type[MessageReader] = MessageReader
    """The class that turns its messages into readings."""

    def limit(self, reading: str) -> float:
        """Return the largest plausible size of a reading; anything larger is refused."""
        words = reading.split('.')
        return next(most for word, most in self.limits.items() if word in words)


SENSORS = {
    'joint_states': Sensor(
        'sensor_msgs/JointState', True,
        rf'joint_states\.(?P<joint>.+)\.({"|".join(JOINT_FIELDS)})',
        lambda config: [f'joint_states.{joint}.{field}'
                        for field in JOINT_FIELDS for joint in config.joints],
        {'position': 1e6, 'velocity': 1e4, 'effort': 1e6}, JointStates),
    'imu': Sensor(
        'sensor_msgs/Imu', True,
        rf'imu\.(roll|pitch|yaw|(angular_velocity|linear_acceleration)\.[{AXES}])',
        lambda _: [*QUATERNION, *_vectors('imu', 'angular_velocity', 'linear_acceleration')],
        {'orientation': 1.1, 'angular_velocity': 1e3, 'linear_acceleration': 1e4}, Imu),
    'odom': Sensor(
        'nav_msgs/Odometry', True, rf'odom\.(position|linear|angular)\.[{AXES}]',
        lambda _: _vectors('odom', 'position', 'linear', 'angular'),
        {'position': 1e7, 'linear': 1e3, 'angular': 1e3}, Odometry),
    'scan': Sensor(
        'sensor_msgs/LaserScan', True, r'scan\.(?P<ray>\d+)',
        lambda config: [f'scan.{i}' for i in range(config.rays)], {'scan': 1e5}, Scan),
    'foot_contacts': Sensor(
        'std_msgs/UInt8MultiArray', False, r'foot_contacts\.(?P<foot>\d+)',
        lambda config: [f'foot_contacts.{i}' for i in range(config.feet)],
        {'foot_contacts': 255.0}, FootContacts),
    REWARD: Sensor('std_msgs/Float64', False),
}


def topic_of(config: RobotConfig, source: str, parameter: str) -> str:
    """Return the topic of a source; raises :class:`ConfigError` naming ``parameter`` if none."""
    topic = source.partition('.')[0]
    sensor = SENSORS.get(topic)
    match = re.fullmatch(sensor.sources, source) if sensor else None
    if match is None:
        raise ConfigError(
            f'parameter {parameter} must be a reading such as joint_states.JOINT.position, '
            f'imu.pitch, odom.linear.x, scan.0 or foot_contacts.0, not {source!r}')
    found = match.groupdict()
    if 'joint' in found and found['joint'] not in config.joints:
        raise ConfigError(
            f'parameter {parameter} names the unknown joint {found["joint"]}: there are '
            f'{", ".join(config.joints)}')
    for key, several, count in (('ray', 'rays', config.rays), ('foot', 'feet', config.feet)):
        if key in found and int(found[key]) >= count:
            raise ConfigError(
                f'parameter {parameter} names {source}, but {several} is {count} (they count from '
                '0)')
    return topic


def used_readings(config: RobotConfig) -> set[str]:
    """Return the readings that a robot uses: for observations, guards and safe commands."""
    used = readings_of(config.observation[name].source for name in config.observations)
    if config.guards_falls:
        used.update(QUATERNION)
    for field_, wanted in (('position', config.command == POSITION), ('velocity', config.damping)):
        used.update(f'joint_states.{joint}.{field_}' for joint in config.joints if wanted)
    return used
