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

from collections.abc import Callable, Iterable
import json
import re
from textwrap import wrap

from dynsyn_ros.robot import urdf
from dynsyn_ros.robot.config import EFFORT, MOST_POSITION, POSITION, RobotConfig
from dynsyn_ros.robot.urdf import Joint
from dynsyn_ros.settings.schema import settings_of, SMALLEST

#: Share of each joint's capability that a draft allows, for a careful first power-on.
CAREFUL = 0.1
#: Time in which a torque or velocity may rise to its limit, s.
RAMP = 0.05
#: The largest number that each list of limits may hold.
_MOST = {leaf.name: leaf.high for leaf in settings_of(RobotConfig, {}) if leaf.high is not None}
_RANGE = (urdf.LOWER, urdf.UPPER)
_WIDTH = 96
#: Words that YAML or ROS would not read as strings.
_RESERVED = 'y|n|yes|no|on|off|true|false|null|inf|infinity|nan'
_PLAIN = re.compile(rf'(?!({_RESERVED})$)[a-z_][\w.]*', re.IGNORECASE | re.ASCII)


def file_stem(name: str) -> str:
    """Make a file name from a robot's name: letters, digits, dots, dashes and underscores."""
    return re.sub(r'[^\w.-]+', '_', name).strip('._-') or 'robot'


def draft(name: str, joints: list[Joint], command: str) -> str:
    """Write a parameter file; what a URDF does not say is marked TODO."""
    sources = {'pitch': ('imu.pitch', 0.0, 1.5), 'roll': ('imu.roll', 0.0, 1.5),
               'pitch_rate': ('imu.angular_velocity.y', 0.0, 0.2), 'forward_speed': (
                   'odom.linear.x', 0.0, 0.5)}
    for joint in joints:
        # Seen from a pose within its limits: an action of 0 puts it there, or feedback holds it.
        pose = _pose_and_range(joint)[0]
        sources[f'{joint.name}_angle'] = (
            f'joint_states.{joint.name}.position', -pose, _normalisation(joint, 0.1, *_RANGE))
        sources[f'{joint.name}_velocity'] = (
            f'joint_states.{joint.name}.velocity', 0.0,
            _normalisation(joint, 1.0, urdf.VELOCITY))
    observations = '\n'.join(
        f'      {_quoted(key)}: {{source: {_quoted(source)}, scale: 1.0, '
        f'offset: {_number(offset, 12)}, normalisation: {factor:.3g}, '
        f'amplitude_factor: {2.0 * factor:.3g}, kind: state}}'
        for key, (source, offset, factor) in sources.items())
    centres = '\n'.join(f'      {_quoted(joint.name)}: {_first_centres(joint, command)}'
                        for joint in joints)
    return _FILE.format(
        title=name, name=_quoted(name), stem=file_stem(name), command=command,
        joints=_list('joints', [_quoted(joint.name) for joint in joints]),
        limits=_limits(joints, command), names=_list('observations', list(map(_quoted, sources))),
        unknown=_unknown('normalisation', joints, *_RANGE, urdf.VELOCITY),
        observations=observations, centres=centres,
        start=_comment(
            'TODO the initial centres of layer 4. '
            + ('With zeros, each joint stays at default_pose. ' if command == POSITION
               else 'These hold the joints where their angles, with the offset, are 0. ')
            + 'Add the oscillators, for example w_1 with -0.5 to a hip, v_1 with 0.5 to its knee, '
            'and w_2 and v_2 to the other side'))


def _first_centres(joint: Joint, command: str) -> str:
    """Hold a joint by its angle and velocity, unless its drive holds a position anyway."""
    if command == POSITION:
        return '{inputs: [w_1], values: [0.0]}'
    return (f'{{inputs: [{_quoted(f"{joint.name}_angle")}, '
            f'{_quoted(f"{joint.name}_velocity")}], values: [-0.2, -0.02]}}')


def _quoted(text: str) -> str:
    """Write a string so that YAML and ROS read it as a string."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _normalisation(joint: Joint, least: float, *limits: str) -> float:
    """Return the factor that brings a reading as large as these limits to 1."""
    if joint.unknown.intersection(limits):
        return 1.0
    most: float = max(abs(getattr(joint, limit)) for limit in limits)
    return 1.0 / min(max(most, least), MOST_POSITION)


def _limits(joints: list[Joint], command: str) -> str:
    """Write the limits of each joint, a tenth of what it can do."""

    def column(key: str, of: Callable[[Joint], float], limit: str) -> str:
        values = [of(joint) for joint in joints]
        above = [joint.name for joint, value in zip(joints, values, strict=True)
                 if value > _MOST[key]]
        return (_unknown(key, joints, limit)
                + _todo(key, above, 'lowered to the most that a file may hold')
                + _list(key, [_number(min(value, _MOST[key]), 4) for value in values]))

    if command == EFFORT:
        return '\n'.join((
            column('torque_limits', lambda joint: CAREFUL * joint.effort, urdf.EFFORT),
            column('torque_rate_limits', lambda joint: CAREFUL * joint.effort / RAMP,
                   urdf.EFFORT)))
    if command == POSITION:
        return '\n'.join((
            _positions(joints),
            column('position_rate_limits', lambda joint: CAREFUL * joint.velocity,
                   urdf.VELOCITY)))
    return '\n'.join((
        column('velocity_limits', lambda joint: CAREFUL * joint.velocity, urdf.VELOCITY),
        column('velocity_rate_limits', lambda joint: CAREFUL * joint.velocity / RAMP,
               urdf.VELOCITY)))


def _positions(joints: list[Joint]) -> str:
    """Write the poses and the ranges around them, which stay within the limits of each joint."""
    poses, ranges = zip(*map(_pose_and_range, joints), strict=True)
    far = [joint.name for joint in joints if max(-joint.lower, joint.upper) > MOST_POSITION]
    pose = [_number(value, 12) for value in poses]
    return (_unknown('poses and position_ranges', joints, *_RANGE)
            + _todo('poses and position_ranges', far,
                    f'kept within the {MOST_POSITION:g} rad that a file may hold')
            + _comment('TODO default_pose is how it stands. A halted robot holds for hold_time, '
                       '1 s, and then moves to rest_pose, which is how it lies')
            + '\n'.join((_list('default_pose', pose), _list('rest_pose', pose),
                         _list('position_ranges', [_number(value, 4) for value in ranges]))))


def _pose_and_range(joint: Joint) -> tuple[float, float]:
    """Return the pose nearest to 0 that leaves room for the range on both sides, and the range."""
    lower, upper = max(joint.lower, -MOST_POSITION), min(joint.upper, MOST_POSITION)
    reach = float(_number(CAREFUL * (upper - lower), 4))
    return min(max(0.0, lower + reach), upper - reach), reach


def _unknown(key: str, joints: list[Joint], *limits: str) -> str:
    """Mark the joints for which the URDF lacks one of these limits."""
    return _todo(key, (joint.name for joint in joints if joint.unknown.intersection(limits)),
                 f'the URDF has no usable {" or ".join(limits)}')


def _todo(key: str, names: Iterable[str], reason: str) -> str:
    """Write a comment above a key if it concerns any joint."""
    words = ', '.join(names)
    return _comment(f'TODO {key} of {words}: {reason}') if words else ''


def _comment(text: str) -> str:
    """Write a comment on as many lines as it needs."""
    return ''.join(f'    # {line}\n' for line in wrap(text, _WIDTH - 6))


def _number(value: float, digits: int) -> str:
    """Write a number; one that is too small for a file becomes 0."""
    return repr(float(f'{value:.{digits}g}') if abs(value) >= SMALLEST else 0.0)


def _list(key: str, entries: list[str]) -> str:
    """Write a list on as many lines as it needs; no entry is broken."""
    indent = ' ' * (len(key) + 7)
    lines = ['']
    for entry in entries:
        if lines[-1] and len(indent + lines[-1] + entry) >= _WIDTH:
            lines.append('')
        lines[-1] += f'{entry}, '
    return f'    {key}: [' + f'\n{indent}'.join(line.rstrip() for line in lines)[:-1] + ']'


_FILE = """\
# {title}: drafted from its URDF by dynsyn robot. Commands are limited to a tenth of what its
# joints can do. What a URDF does not say is marked TODO. docs/parameters.md explains each key, and
# docs/hardware.md explains what to do with this file.
/**:
  ros__parameters:
    seed: 0

    # The controller.
    weights: none
    learning: true
    autostart: true
    output_dir: runs/{stem}
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
{unknown}    observation:
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
{start}    initial_centres:
{centres}
"""
