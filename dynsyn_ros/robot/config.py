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

"""The parameters in a robot's YAML: its joints, its sensors and the network for them."""

from __future__ import annotations

from dataclasses import dataclass
import math

from dynsyn_ros.learner.plasticity import BOUND
from dynsyn_ros.settings.schema import ConfigError, setting


@dataclass(frozen=True)
class Channel:
    """One observation: observed value = scale x reading + offset."""

    source: str = setting(
        'reading that it is made from: joint_states.JOINT.position (rad), .velocity (rad/s) or '
        '.effort (N m); imu.roll, imu.pitch, imu.yaw (rad), imu.angular_velocity.x (rad/s), '
        'imu.linear_acceleration.x (m/s2); odom.position.x (m), odom.linear.x (m/s), '
        'odom.angular.x (rad/s), each also .y and .z; scan.I (m); foot_contacts.I (0 or 1)')
    scale: float = setting('factor on the reading', low=-1e9, high=1e9)
    offset: float = setting('added after the factor', low=-1e9, high=1e9)
    normalisation: float = setting(
        'factor that brings the observation to about +-1 for layer 1', low=-1e9, high=1e9)
    amplitude_factor: float = setting(
        'of a state: factor on the amplitude of the synapses that carry it into layer 4, if '
        'learner.synapses.amplitude_scaling is observation; larger for a state that varies less '
        'in a walk', low=0.0, high=1e6, default=1.0)
    kind: str = setting(
        'a state enters layer 1 as a positive and a negative part, and layer 4 unchanged; a range '
        'enters layer 1 only', choices=('state', 'range'))


@dataclass(frozen=True)
class InitialCentres:
    """Initial centres of the synapses of one joint in layer 4; the others start at 0."""

    inputs: list[str] = setting(
        'inputs of layer 4 by name: v_1, v_2 ..., w_1, w_2 ..., a state, or constant')
    values: list[float] = setting('initial centre of each of the inputs', low=-BOUND, high=BOUND)


EFFORT, POSITION, VELOCITY = 'effort', 'position', 'velocity'
#: The lists for each kind of command, with one entry per joint: limits, rates, and more.
LIMITS = {
    EFFORT: ('torque_limits', 'torque_rate_limits', 'damping'),
    POSITION: ('position_ranges', 'position_rate_limits', 'default_pose', 'rest_pose'),
    VELOCITY: ('velocity_limits', 'velocity_rate_limits'),
}
#: Those of the lists that may be omitted.
OPTIONAL = ('damping',)
#: The farthest position of a joint, rad.
MOST_POSITION = 1e3
BEST_EFFORT, RELIABLE = 'best_effort', 'reliable'
HEADER, ARRIVAL = 'header', 'arrival'
HEADING = 'heading'


@dataclass(frozen=True)
class InputConfig:
    """One topic that the controller subscribes to."""

    timeout: float = setting(
        'age of the newest message, by its stamp or else its arrival, past which it is not acted '
        'on: the safe command is sent instead', unit='s', low=0.001, high=1e6)
    qos: str = setting(
        'best_effort receives from every publisher; reliable requests lost messages again, but '
        'receives nothing from a best-effort publisher', choices=(BEST_EFFORT, RELIABLE),
        default=BEST_EFFORT)
    stamp: str = setting(
        'header: the age of a message counts from its stamp; arrival: from its arrival, for a '
        'driver that stamps by another clock, or not at all', choices=(HEADER, ARRIVAL),
        default=HEADER)
    rotation: list[float] = setting(
        'of imu only: how it is mounted in the body, as roll, pitch, yaw in rad, or as a '
        'quaternion x, y, z, w (none: as tf says)', low=-7.0, high=7.0, default=())
    velocity_time_constant: float = setting(
        'of joint_states only: missing velocities are computed from differences of positions, '
        'through a low-pass with this time constant (0: such messages are refused)', unit='s',
        low=0.0, high=10.0, default=0.0)

    def check_for(self, topic: str, stamped: bool, in_sets: bool) -> None:
        """Refuse settings that a topic cannot have."""
        name = f'parameter inputs.{topic}'
        if in_sets and stamped and self.stamp == ARRIVAL:
            raise ConfigError(f'{name}.stamp must be header with trigger all, whose sets have one '
                              'stamp')
        if self.rotation and topic != 'imu':
            raise ConfigError(f'{name}.rotation must not be given: it is for imu')
        if len(self.rotation) not in (0, 3, 4):
            raise ConfigError(f'{name}.rotation must have 3 entries, roll, pitch, yaw, or 4 of a '
                              f'quaternion x, y, z, w, not {len(self.rotation)}')
        if len(self.rotation) == 4 and not 0.98 < sum(x * x for x in self.rotation) < 1.02:
            raise ConfigError(f'{name}.rotation must be a quaternion of length 1')
        if self.velocity_time_constant and topic != 'joint_states':
            raise ConfigError(f'{name}.velocity_time_constant must not be given: it is for '
                              'joint_states')


@dataclass(frozen=True)
class RewardTerms:
    """What the reward node rewards, for a robot that no simulator rewards."""

    progress_weight: float = setting('reward of moving forward', unit='1/m', low=-1e6, high=1e6)
    progress_along: str = setting(
        'direction of forward: an axis of the frame of odom, or heading, which uses '
        'odom.linear.x, the speed in the frame of the body', choices=('x', 'y', HEADING),
        default='x')
    tilt_weight: float = setting(
        'cost of tilting further from upright; tilting back earns the same', unit='1/rad',
        low=-1e6, high=1e6)
    torque_weight: float = setting(
        'cost of the measured torques, all joints together', unit='1/(N m s)', low=-1e6, high=1e6)
    fall_cost: float = setting('cost of a fall, charged once', low=0.0, high=1e6)
    height: str = setting(
        'reading of the height of the middle of the body above the ground: scan.0, or '
        'odom.position.z on level ground')
    body_reach: float = setting(
        'distance from the middle of the body to its farthest end', unit='m', low=0.0, high=100.0)
    body_depth: float = setting(
        'distance from the middle of an upright body to its underside', unit='m', low=0.0,
        high=100.0)
    fall_clearance: float = setting(
        'height of the lowest end of the body above the ground, below which it has fallen',
        unit='m', low=-1e6, high=100.0)


@dataclass(frozen=True, kw_only=True)
class RobotConfig:
    """The parameters of a robot."""

    robot: str = setting('name of the robot; weights only load for a robot of the same name')
    joints: list[str] = setting('names of the driven joints, in the order of the commands')
    command: str = setting(
        'what the drives accept: effort on joint_torques, position on joint_positions, velocity '
        'on joint_velocities', choices=(EFFORT, POSITION, VELOCITY), default=EFFORT)
    torque_limits: list[float] = setting(
        'with command effort, torque of each joint at an action of 1, which is also the largest '
        'that is ever sent; negative for a joint that turns the other way', unit='N m', low=-1e4,
        high=1e4, read_only=False, default=())
    torque_rate_limits: list[float] = setting(
        'fastest change of the torque of each joint (.inf: no limit)', unit='N m/s', low=0.0,
        high=1e7, unlimited=True, read_only=False, default=())
    damping: list[float] = setting(
        'with command effort, the safe command is minus this times the velocity of each joint, '
        'within torque_limits, while joint_states is fresh (none: zero torque)', unit='N m s/rad',
        low=0.0, high=1e4, read_only=False, default=())
    default_pose: list[float] = setting(
        'with command position, position of each joint at an action of 0', unit='rad',
        low=-MOST_POSITION, high=MOST_POSITION, default=())
    position_ranges: list[float] = setting(
        'distance of each joint from the default pose at an action of 1, the farthest that an '
        'action can ask for (commands start at the measured position, and rest_pose may be '
        'farther); negative for a joint that turns the other way',
        unit='rad', low=-MOST_POSITION, high=MOST_POSITION, read_only=False, default=())
    position_rate_limits: list[float] = setting(
        'fastest change of the commanded position of each joint', unit='rad/s', low=0.0,
        high=1e3, read_only=False, default=())
    rest_pose: list[float] = setting(
        'with command position, the safe command is to hold, and after hold_time to move to this '
        'pose', unit='rad', low=-MOST_POSITION, high=MOST_POSITION, default=())
    rest_rate: float = setting(
        'speed at which each joint moves to the rest pose', unit='rad/s', low=0.0, high=100.0,
        read_only=False, default=0.2)
    hold_time: float = setting(
        'how long the last position is held before that (.inf: forever)', unit='s', low=0.0,
        high=1e6, unlimited=True, read_only=False, default=1.0)
    velocity_limits: list[float] = setting(
        'with command velocity, velocity of each joint at an action of 1; negative for a joint '
        'that turns the other way. The safe command is to slow down to 0 at '
        'velocity_rate_limits', unit='rad/s', low=-1e3, high=1e3, read_only=False, default=())
    velocity_rate_limits: list[float] = setting(
        'fastest change of the commanded velocity of each joint; 0 only for a joint whose '
        'velocity_limits is 0', unit='rad/s2', low=0.0, high=1e5, read_only=False, default=())
    fall_tilt: float = setting(
        'tilt of the body from upright past which it has fallen: torques are zero or damp, '
        'positions hold and then rest, velocities slow down to 0, and learning continues (.inf: '
        'never)',
        unit='rad', low=0.0, high=10.0, unlimited=True, read_only=False)
    upright_tilt: float = setting(
        'tilt below which a body that has fallen is upright again', unit='rad', low=0.0,
        high=10.0, unlimited=True, read_only=False)
    base_frame: str = setting(
        'frame of the body; unless inputs.imu.rotation is given, tf says how the imu is mounted '
        'in it', default='base_link')
    control_period: float = setting(
        'time between two steps of the learner while no message is lost', unit='s',
        low=0.0001, high=10.0)
    max_catch_up: int = setting(
        'most control periods that one step makes up for when stamps show that messages were lost',
        low=1, high=1000)
    trigger: str = setting(
        'topic whose messages trigger the steps, while the others hold their last values; or '
        'all: each set of messages with one stamp triggers a step')
    inputs: dict[str, InputConfig]
    reward_limit: float = setting(
        'largest reward or punishment of a step, whatever is sent on reward; set it above what '
        'any step can earn', low=0.0, high=1e4)
    fall_reward: float = setting(
        'a step with a reward of this or less counts as a fall', low=-1e4, high=0.0)
    human_reward_limit: float = setting(
        'most that a person can add to or take from the reward of a step, whatever is sent on '
        'human_reward', low=0.0, high=1e4)
    max_speed: float = setting(
        'speed in odom past which the robot was moved by other means than walking, so that '
        'nothing is rewarded or credited', unit='m/s', low=0.01, high=1e6)
    rays: int = setting('rays in a scan message (0: no lidar)', low=0, high=100_000)
    feet: int = setting('entries in a foot_contacts message (0: none)', low=0, high=100)
    observations: list[str] = setting('names of the observations, in order')
    observation: dict[str, Channel]
    hidden_neurons: int = setting('neurons of layer 2', low=1, high=1000)
    oscillators: int = setting('oscillators of layer 3', low=1, high=100)
    initial_centres: dict[str, InitialCentres]
    reward_terms: RewardTerms | None

    def check(self, prefix: str) -> None:
        """Refuse lists and tables that do not agree with each other."""
        for list_name in ('joints', 'observations'):
            names = getattr(self, list_name)
            if not names:
                raise ConfigError(f'parameter {prefix}{list_name} must name at least one')
            for name in names:
                if names.count(name) > 1:
                    raise ConfigError(f'parameter {prefix}{list_name} names {name} twice')
        self._check_limits(prefix)
        for name in self.observations:
            if name not in self.observation:
                raise ConfigError(f'missing parameter {prefix}observation.{name}')
        for table, names in (('observation', self.observations), ('initial_centres', self.joints)):
            for row in getattr(self, table):
                if row not in names:
                    raise ConfigError(f'unknown parameter {prefix}{table}.{row}: there are '
                                      f'{", ".join(names)}')
        for joint, first in self.initial_centres.items():
            if len(first.inputs) != len(first.values):
                raise ConfigError(
                    f'parameter {prefix}initial_centres.{joint}.values must have '
                    f'{len(first.inputs)} entries, one per input, not {len(first.values)}')

    @property
    def limits(self) -> list[float]:
        """The command of each joint at an action of 1, minus that at 0."""
        return list(getattr(self, LIMITS[self.command][0]))

    @property
    def rates(self) -> list[float]:
        """The fastest change of the command of each joint, per second."""
        return list(getattr(self, LIMITS[self.command][1]))

    @property
    def guards_falls(self) -> bool:
        """Whether any tilt counts as a fall; none is larger than pi."""
        return self.fall_tilt < math.pi

    def _check_limits(self, prefix: str) -> None:
        for command, names in LIMITS.items():
            for name in names:
                entries = len(getattr(self, name))
                if command == self.command and entries != len(self.joints) and not (
                        name in OPTIONAL and not entries):
                    raise ConfigError(
                        f'parameter {prefix}{name} must have {len(self.joints)} entries, one per '
                        f'joint, not {entries}')
                if command != self.command and entries:
                    raise ConfigError(
                        f'parameter {prefix}{name} must not be given: it is for command '
                        f'{command}, not {self.command}')
        for joint, limit, rate in zip(
                self.joints, self.velocity_limits, self.velocity_rate_limits, strict=False):
            if limit and not rate:
                raise ConfigError(
                    f'parameter {prefix}velocity_rate_limits must be above 0 for {joint}: at 0, '
                    'the safe command could not slow it down')
        if self.upright_tilt > self.fall_tilt:
            raise ConfigError(
                f'parameter {prefix}upright_tilt must be at most {prefix}fall_tilt, '
                f'{self.fall_tilt:g}, not {self.upright_tilt:g}')
