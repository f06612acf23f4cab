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

r"""
Changes of a robot: a motor gets weak, a joint gets stiff, a sensor slips, the body carries a load.

Motors and sensors are changed between them and the controller, so this works in any simulator:

.. math::

    \tau' = s \tau - f \tanh(\omega / \omega_0), \qquad \theta' = \theta + b

- :math:`\tau` the commanded torque, N m; :math:`\tau'` the applied torque, N m
- :math:`s` ``motor_scale``; :math:`f` ``joint_friction``, N m, the friction at joint speeds
  :math:`\omega` well above :math:`\omega_0`, which is :data:`SLOW`, rad/s
- :math:`\theta` an angle, rad; :math:`\theta'` its reading; :math:`b` ``encoder_offset`` of a
  joint or ``pitch_offset`` of the body, rad

A ``payload`` changes the body itself, which works with gymnasium's robots.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from dynsyn_ros.settings.schema import build, ConfigError, setting
from numba import njit
import numpy as np

#: Joint speed at which friction reaches three quarters of its full value, rad/s.
SLOW = 0.1


@dataclass(frozen=True)
class Change:
    """How a robot differs from what it was built as; omitted entries are unchanged."""

    motor_scale: list[float] = setting(
        'share of its torque that each motor gives, in the order of joints', low=0.0, high=10.0,
        default=())
    joint_friction: list[float] = setting(
        'friction of each joint against its motion, in the order of joints', unit='N m', low=0.0,
        high=1e4, default=())
    encoder_offset: list[float] = setting(
        'offset of the reading of each joint angle, in the order of joints', unit='rad', low=-4.0,
        high=4.0, default=())
    pitch_offset: float = setting('offset of the reading of the pitch of the body', unit='rad',
                                  low=-2.0, high=2.0, default=0.0)
    payload: float = setting('mass that the body carries', unit='kg', low=0.0, high=1e3,
                             default=0.0)


#: A robot as it was built.
NONE = build(Change, {})

#: The rows of the table of changed joints.
SCALE, FRICTION, OFFSET = range(3)


def joints_of(change: Change, order: np.ndarray) -> np.ndarray:
    """
    Return the table of changed joints: a row each for scale, friction and offset.

    ``order`` gives the place of each joint in the parameter ``joints``. Raises
    :class:`ConfigError` if there are too few or too many entries.
    """
    table = np.zeros((3, len(order)))
    table[SCALE] = 1.0
    for row, name in enumerate(('motor_scale', 'joint_friction', 'encoder_offset')):
        values = getattr(change, name)
        if len(values) not in (0, len(order)):
            raise ConfigError(f'parameter change.{name} must have {len(order)} entries, one per '
                              f'joint, not {len(values)}')
        if len(values):
            table[row] = np.asarray(values)[order]
    return table


@njit(cache=True)
def drive(torques, order, most, joints, velocities, efforts, action):
    """Turn torques into ``efforts`` that the motors can give, and into gymnasium's action."""
    for j in range(order.size):
        effort = min(max(torques[order[j]], -most), most) * joints[SCALE, j]
        if joints[FRICTION, j] > 0.0:
            effort -= joints[FRICTION, j] * math.tanh(velocities[j] / SLOW)
        efforts[j] = min(max(effort, -most), most)
        action[j] = efforts[j] / most


@njit(cache=True)
def sense(joints, pitch, readings):
    """Add the offsets to ``readings``: joint angles, then joint speeds, then orientation."""
    count = joints.shape[1]
    for j in range(count):
        readings[j] += joints[OFFSET, j]
    if pitch != 0.0:
        sine, cosine = math.sin(0.5 * pitch), math.cos(0.5 * pitch)
        quaternion = readings[2 * count:2 * count + 4]
        x, y, z, w = quaternion[0], quaternion[1], quaternion[2], quaternion[3]
        quaternion[0], quaternion[2] = cosine * x - sine * z, cosine * z + sine * x
        quaternion[1], quaternion[3] = cosine * y + sine * w, cosine * w - sine * y
