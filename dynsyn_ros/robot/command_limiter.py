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

What was really sent of an action is kept, for the learner's next step (efference copy). Drives of
position and velocity are in :mod:`dynsyn_ros.robot.servos`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math

from dynsyn_ros.robot.config import RobotConfig
from dynsyn_ros.robot.readings import QUATERNION
from numba import njit
import numpy as np


class CommandLimiter:
    """The torques of one or more robots of a kind."""

    def __init__(self, config: RobotConfig, names: Sequence[str], robots: int = 1) -> None:
        """Prepare for readings named ``names``."""
        self._names = names
        joints = len(config.joints)
        self.sent = np.zeros((robots, joints))
        """The actions that were sent last, (robots, joints)."""
        self.fallen = np.zeros(robots, dtype=np.bool_)
        """Which robots have fallen and are not upright again."""
        self._commands = np.zeros((robots, joints))
        self._take(config)

    def reconfigure(self, config: RobotConfig) -> None:
        """Go on with other limits; the commands go on from those that were sent last."""
        self._take(config)
        self.sent[:] = np.divide(
            self._commands - self._rest, self._limits, out=np.zeros_like(self._commands),
            where=self._limits != 0.0)

    def _take(self, config: RobotConfig) -> None:
        limits = np.array(config.limits)
        self._config, self._period = config, config.control_period
        most = np.array(config.rates) * self._period
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
        self._rest = np.zeros(limits.size)
        """The command of an action of 0."""
        self._damping = self._velocities = np.zeros(0)
        if config.damping:
            self._damping = np.array(config.damping)
            self._velocities = self._places('velocity')

    def _places(self, field: str) -> np.ndarray:
        """Find the readings of a field of all joints."""
        return np.array([self._names.index(f'joint_states.{joint}.{field}')
                         for joint in self._config.joints])

    def commands(
        self, action: np.ndarray, readings: np.ndarray, slew: float = 1.0
    ) -> np.ndarray:
        """
        Limit actions, shape (robots, joints), and turn them into torques.

        ``readings`` are those that the actions answer. What is not finite becomes 0, what is past
        +-1 is cut, what changes faster than ``torque_rate_limits`` is held back, ``slew`` being
        the share of a control period that has passed, and a robot that has fallen gets 0 at once.
        What is left of the actions is in ``sent``. Returns N m in an array that the next call uses
        again.
        """
        watch_for_falls(readings, self.fallen, *self._guard)
        _limit(action, self.sent, self.fallen, self._steps, slew)
        np.multiply(self.sent, self._limits, out=self._commands)
        return self._commands

    def stop(self, readings: np.ndarray | None = None, slew: float = 1.0) -> np.ndarray | None:
        """
        Do what is safe, whatever the rates say: nothing, or damp where ``readings`` are known.

        Returns the torques; None where there is nothing that would be safe to send.
        """
        self._commands[:] = 0.0
        if self._damping.size and readings is not None:
            most = np.abs(self._limits)
            np.clip(-self._damping * readings[:, self._velocities], -most, most,
                    out=self._commands)
        self.sent[:] = np.divide(self._commands, self._limits, out=np.zeros_like(self.sent),
                                 where=self._limits != 0.0)
        return self._commands

    def last(self) -> Iterator[np.ndarray]:
        """Yield the commands to end with, a control period apart; the last may be held on to."""
        self.sent[:] = self._commands[:] = 0.0
        yield self._commands

    def begin(self) -> None:
        """Begin anew: nothing is known any more of where the joints are."""


@njit(cache=True)
def watch_for_falls(
    readings: np.ndarray, fallen: np.ndarray, fall: float, upright: float, xy: np.ndarray
) -> None:
    """Find out which robots have fallen."""
    if fall > -1.0:
        for i in range(fallen.size):
            x, y = readings[i, xy[0]], readings[i, xy[1]]
            height = 1.0 - 2.0 * (x * x + y * y)
            fallen[i] = height <= upright if fallen[i] else height < fall


@njit(cache=True)
def _limit(
    action: np.ndarray, sent: np.ndarray, fallen: np.ndarray, steps: np.ndarray, slew: float
) -> None:
    for i in range(action.shape[0]):
        for j in range(action.shape[1]):
            wanted, step = action[i, j], steps[j] * slew
            if fallen[i] or not np.isfinite(wanted):
                allowed = 0.0
            else:
                allowed = min(max(wanted, sent[i, j] - step), sent[i, j] + step)
            sent[i, j] = min(max(allowed, -1.0), 1.0)
