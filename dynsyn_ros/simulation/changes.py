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
Changes of a robot: a motor grows weak, a joint stiff, a sensor slips, it carries a load.

What motors and sensors do is changed between them and the controller, so in any simulator:

.. math::

    \tau' = s \tau - f \tanh(\omega / \omega_0), \qquad \theta' = \theta + b

- :math:`\tau` the commanded torque, N m; :math:`s` ``motor_scale``; :math:`f` ``joint_friction``,
  N m, at a speed :math:`\omega` well over :math:`\omega_0`
- :math:`\theta` an angle as it is; :math:`b` ``encoder_offset`` of a joint, ``pitch_offset`` of
  the body

A ``payload`` changes the body itself, which gymnasium's robots can.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from dynsyn_ros.settings.schema import build, ConfigError, setting
from numba import njit
import numpy as np

#: Joint speed at which friction comes to three quarters of what it is, rad/s.
SLOW = 0.1


@dataclass(frozen=True)
class Change:
    """How a robot differs from what it was built as; what is left out is as it was."""

    motor_scale: list[float] = setting(
        'share of its torque that each motor gives, in the order of joints', low=0.0, high=10.0,
        default=())
    joint_friction: list[float] = setting(
        'friction of each joint against its motion, in the order of joints', unit='N m', low=0.0,
        high=1e4, default=())
    encoder_offset: list[float] = setting(
        'what each joint angle reads too much, in the order of joints', unit='rad', low=-4.0,
        high=4.0, default=())
    pitch_offset: float = setting('what the pitch of the body reads too much', unit='rad',
                                  low=-2.0, high=2.0, default=0.0)
    payload: float = setting('mass that the body carries', unit='kg', low=0.0, high=1e3,
                             default=0.0)


#: A robot as it was built.
NONE = build(Change, {})

#: The rows of what is changed about the joints.
SCALE, FRICTION, OFFSET = range(3)


def joints_of(change: Change, order: np.ndarray) -> np.ndarray:
    """
    Tell what is changed about each joint, a row each of scale, friction and offset.

    ``order`` gives the place of each among the parameter ``joints``. Raises
    :class:`ConfigError` if there are too few or too many entries.
    """
    table = np.zeros((3, len(order)))
    table[SCALE] = 1.0
    for row, name in enumerate(('motor_scale', 'joint_friction', 'encoder_offset')):
        values = getattr(change, name)
        if len(values) not in (0, len(order)):
            raise ConfigError(f'parameter change.{name} must have {len(order)} entries, one for '
                              f'each of joints, not {len(values)}')
        if len(values):
            table[row] = np.asarray(values)[order]
    return table


@njit(cache=True)
def drive(torques, order, most, joints, velocities, efforts, action):
    """Turn torques into ``efforts`` that the motors can give and the action that has them."""
    for j in range(order.size):
        effort = min(max(torques[order[j]], -most), most) * joints[SCALE, j]
        if joints[FRICTION, j] > 0.0:
            effort -= joints[FRICTION, j] * math.tanh(velocities[j] / SLOW)
        efforts[j] = min(max(effort, -most), most)
        action[j] = efforts[j] / most


@njit(cache=True)
def sense(joints, pitch, readings):
    """Change ``readings`` into what the sensors tell: joint angles, then speeds, orientation."""
    count = joints.shape[1]
    for j in range(count):
        readings[j] += joints[OFFSET, j]
    if pitch != 0.0:
        sine, cosine = math.sin(0.5 * pitch), math.cos(0.5 * pitch)
        quaternion = readings[2 * count:2 * count + 4]
        x, y, z, w = quaternion[0], quaternion[1], quaternion[2], quaternion[3]
        quaternion[0], quaternion[2] = cosine * x - sine * z, cosine * z + sine * x
        quaternion[1], quaternion[3] = cosine * y + sine * w, cosine * w - sine * y
