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
What may be sent to the motors: action -> torques, finite, within limits, zero after a fall.

What was really sent of an action is kept, for the learner's next step (efference copy).
"""

from __future__ import annotations

from collections.abc import Sequence
import math

from dynsyn_ros.robot.config import RobotConfig
from dynsyn_ros.robot.robot import QUATERNION
from numba import njit
import numpy as np


class Drive:
    """The torques of one or more robots of a kind."""

    def __init__(self, config: RobotConfig, names: Sequence[str], robots: int = 1) -> None:
        """Prepare for readings named ``names``."""
        self._names = names
        joints = len(config.joints)
        self.sent = np.zeros((robots, joints))
        """The actions that were sent last, (robots, joints)."""
        self.fallen = np.zeros(robots, dtype=np.bool_)
        """Which robots have fallen and are not upright again."""
        self._torques = np.zeros((robots, joints))
        self._take(config)

    def steer(self, config: RobotConfig) -> None:
        """Go on with other limits; the torques go on from those that were sent last."""
        self._take(config)
        self.sent[:] = np.divide(self._torques, self._limits, out=np.zeros_like(self._torques),
                                 where=self._limits != 0.0)

    def _take(self, config: RobotConfig) -> None:
        limits = np.array(config.torque_limits)
        most = np.array(config.torque_rates) * config.control_period
        steps = np.divide(most, np.abs(limits), out=np.full(limits.size, math.inf),
                          where=limits != 0.0)
        guarded = math.isfinite(config.fall_tilt)
        if not guarded:
            self.fallen[:] = False
        # Cosines of the two tilts, and where the quaternion is that they are held against.
        self._guard = (
            math.cos(min(config.fall_tilt, math.pi)) if guarded else -math.inf,
            math.cos(min(config.upright_tilt, math.pi)),
            np.array([self._names.index(name) if guarded else 0 for name in QUATERNION[:2]]))
        self._limits, self._steps = limits, steps

    def torques(self, action: np.ndarray, readings: np.ndarray) -> np.ndarray:
        """
        Limit actions, shape (robots, joints), and turn them into torques.

        ``readings`` are those that the actions answer. What is not finite becomes 0, what is past
        +-1 is cut, what changes faster than ``torque_rates`` is held back, and a robot that has
        fallen gets 0 at once. What is left of the actions is in ``sent``. Returns N m in an array
        that the next call uses again.
        """
        _limit(action, readings, self.sent, self.fallen, self._steps, *self._guard)
        np.multiply(self.sent, self._limits, out=self._torques)
        return self._torques

    def stop(self) -> np.ndarray:
        """Send nothing, whatever the rates say; returns the zero torques."""
        self.sent[:] = self._torques[:] = 0.0
        return self._torques


@njit(cache=True)
def _limit(
    action: np.ndarray, readings: np.ndarray, sent: np.ndarray, fallen: np.ndarray,
    steps: np.ndarray, fall: float, upright: float, xy: np.ndarray
) -> None:
    for i in range(action.shape[0]):
        if fall > -1.0:
            x, y = readings[i, xy[0]], readings[i, xy[1]]
            height = 1.0 - 2.0 * (x * x + y * y)
            fallen[i] = height <= upright if fallen[i] else height < fall
        for j in range(action.shape[1]):
            wanted = action[i, j]
            if fallen[i] or not np.isfinite(wanted):
                allowed = 0.0
            else:
                allowed = min(max(wanted, sent[i, j] - steps[j]), sent[i, j] + steps[j])
            sent[i, j] = min(max(allowed, -1.0), 1.0)
