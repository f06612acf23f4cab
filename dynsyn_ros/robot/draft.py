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


"""A first parameter file for a robot, drafted from its URDF; the user completes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import math
from pathlib import Path
from textwrap import wrap
from xml.etree import ElementTree

from dynsyn_ros.robot.config import EFFORT, POSITION
from dynsyn_ros.settings.schema import ConfigError

#: Share of each joint's capability that a draft allows, for a careful first power-on.
CAREFUL = 0.1
#: Time in which a torque or velocity may rise to its limit, s.
RAMP = 0.05
_WIDTH = 96


@dataclass(frozen=True)
class Joint:
    """A joint that can be driven."""

    name: str
    lower: float
    upper: float
    effort: float
    """Largest torque, N m."""
    velocity: float
    """Largest velocity, rad/s."""

    @property
    def pose(self) -> float:
        """The allowed position nearest to 0."""
        return min(max(0.0, self.lower), self.upper)


def read(path: Path) -> tuple[str, list[Joint]]:
    """Read a robot's name and its joints; raises :class:`ConfigError` if it has none."""
    try:
        root = ElementTree.parse(path).getroot()
        if root.tag != 'robot':
            raise ValueError(f'its root is {root.tag}, not robot')
        joints = list(_joints(root))
    except OSError as error:
        raise ConfigError(f'cannot read {path}: {error.strerror}') from error
    except (ElementTree.ParseError, ValueError) as error:
        raise ConfigError(f'{path} is not a URDF: {error}') from error
    if not joints:
        raise ConfigError(f'{path} has no joint that is revolute or continuous')
    return root.get('name') or path.stem, joints


def _joints(root: ElementTree.Element) -> Iterator[Joint]:
    for joint in root.findall('joint'):
        if joint.get('type') not in ('revolute', 'continuous') or joint.find('mimic') is not None:
            continue
        limit = joint.find('limit')

        def of(key: str, limit: ElementTree.Element | None = limit) -> float:
            return float((limit.get(key) if limit is not None else None) or 0.0)

        turns = joint.get('type') == 'continuous'
        yield Joint(
            str(joint.get('name')), -math.pi if turns else of('lower'),
            math.pi if turns else of('upper'), of('effort'), of('velocity'))


def draft(name: str, joints: list[Joint], command: str) -> str:
    """Write a parameter file; what a URDF does not say is marked TODO."""
    sources = {'pitch': ('imu.pitch', 1.5), 'roll': ('imu.roll', 1.5),
               'pitch_rate': ('imu.angular_velocity.y', 0.2), 'forward_velocity': (
                   'odom.linear.x', 0.5)}
    for joint in joints:
        spread = max(joint.upper - joint.pose, joint.pose - joint.lower, 0.1)
        sources[f'{joint.name}_angle'] = f'joint_states.{joint.name}.position', 1.0 / spread
        sources[f'{joint.name}_velocity'] = (
            f'joint_states.{joint.name}.velocity', 1.0 / max(joint.velocity, 1.0))
    observations = '\n'.join(
        f'      {key}: {{source: {source}, scale: 1.0, offset: 0.0, normalisation: {factor:.3g}, '
        f'amplitude_factor: {2.0 * factor:.3g}, kind: state}}'
        for key, (source, factor) in sources.items())
    centres = '\n'.join(
        f'      {joint.name}: {{inputs: [{joint.name}_angle, {joint.name}_velocity], '
        'values: [-0.2, -0.02]}' for joint in joints)
    return _FILE.format(
        name=name, joints=_list('joints', [joint.name for joint in joints]), command=command,
        limits=_limits(joints, command), names=_list('observations', list(sources)),
        observations=observations, centres=centres)


def _limits(joints: list[Joint], command: str) -> str:
    """Write the limits of each joint, a tenth of what it can do."""

    def column(key: str, of: Callable[[Joint], float]) -> str:
        return _list(key, [repr(float(f'{of(joint):.4g}')) for joint in joints])

    if command == EFFORT:
        return '\n'.join((
            column('torque_limits', lambda joint: CAREFUL * joint.effort),
            column('torque_rate_limits', lambda joint: CAREFUL * joint.effort / RAMP)))
    if command == POSITION:
        return '\n'.join((
            column('default_pose', lambda joint: joint.pose),
            column('position_ranges', lambda joint: CAREFUL * (joint.upper - joint.lower)),
            column('position_rate_limits', lambda joint: CAREFUL * joint.velocity),
            column('rest_pose', lambda joint: joint.pose)))
    return '\n'.join((
        column('velocity_limits', lambda joint: CAREFUL * joint.velocity),
        column('velocity_rate_limits', lambda joint: CAREFUL * joint.velocity / RAMP)))


def _list(key: str, entries: list[str]) -> str:
    indent = ' ' * (len(key) + 7)
    lines = wrap(', '.join(entries), _WIDTH - len(indent), break_long_words=False,
                 break_on_hyphens=False)
    return f'    {key}: [' + f'\n{indent}'.join(lines) + ']'


_FILE = """\
# {name}: drafted from its URDF by dynsyn robot. Commands are limited to a tenth of what its joints
# can do. What a URDF does not say is marked TODO. The comments in config/bipedal_walker.yaml
# explain each key, and docs/hardware.md explains what to do with this file.
/**:
  ros__parameters:
    seed: 0

    # The controller.
    weights: none
    learning: true
    autostart: true
    output_dir: runs/{name}
    checkpoint_period: 30.0
    checkpoints_kept: 3
    best_window: 60.0
    rollback_share: 0.0
    human_reward_gain: 1.0
    deadman: none                  # bool or joy: a switch on the topic deadman must be held

    # The robot.
    robot: {name}
{joints}
    command: {command}
{limits}
    fall_tilt: 0.8                 # TODO rad from upright, past which it has fallen
    upright_tilt: 0.3
    control_period: 0.02           # s
    max_catch_up: 10
    trigger: joint_states
    inputs:                        # TODO timeouts, s: two or three periods of each driver
      joint_states: {{timeout: 0.1}}
      # TODO roll, pitch and yaw of how the imu is mounted, rad
      imu: {{timeout: 0.1, rotation: [0.0, 0.0, 0.0]}}
      odom: {{timeout: 0.3}}
      reward: {{timeout: 0.5, qos: reliable}}
    reward_limit: 200.0
    fall_reward: -50.0
    human_reward_limit: 200.0
    max_speed: 5.0
    rays: 0                        # TODO number of lidar rays, if it observes them
    feet: 0                        # TODO number of foot contacts, if it observes them
{names}
    observation:
{observations}
    reward_terms:                  # TODO what to reward
      progress_weight: 4.0
      progress_along: heading
      tilt_weight: 5.0
      torque_weight: 0.0
      fall_cost: 100.0
      height: odom.position.z
      body_reach: 0.2              # TODO m, from the middle of the body to its farthest end
      body_depth: 0.1              # TODO m, from the middle to the underside
      fall_clearance: 0.02
    hidden_neurons: 8
    oscillators: 2                 # TODO one per leg, or per pair of legs
    # TODO the initial centres of layer 4: add the oscillators, for example w_1 with -0.5 to a hip,
    # v_1 with 0.5 to its knee, and w_2 and v_2 to the other side.
    initial_centres:
{centres}
"""
