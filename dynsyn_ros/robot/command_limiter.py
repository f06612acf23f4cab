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
What is sent to the motors: action -> torques, finite, within limits, safe after a fall.

The action that was really sent is kept for the learner's next step (the efference copy). Position
and velocity drives are in :mod:`dynsyn_ros.robot.servos`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math

from dynsyn_ros.robot.config import RobotConfig
from dynsyn_ros.robot.readings import QUATERNION
from numba import njit
import numpy as np


class CommandLimiter:
    """The torques of one or more robots of one kind."""

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
        """Use other limits from now on; commands continue from the last ones sent."""
        self._take(config)
        self.sent[:] = self._actions_of(self._commands)

    def _actions_of(self, commands: np.ndarray) -> np.ndarray:
        """Return the actions that correspond to commands, 0 for a joint that takes none."""
        actions: np.ndarray = np.divide(
            commands - self._rest, self._limits, out=np.zeros_like(commands),
            where=self._limits != 0.0)
        return actions

    def _take(self, config: RobotConfig) -> None:
        limits = np.array(config.limits)
        self._config, self._period = config, config.control_period
        most = np.array(config.rates) * self._period
        steps = np.divide(most, np.abs(limits), out=np.full(limits.size, math.inf),
                          where=limits != 0.0)
        self._guard = None
        if config.guards_falls:
            # Cosines of the two tilts, and the places of the quaternion's x and y.
            self._guard = (
                math.cos(config.fall_tilt), math.cos(min(config.upright_tilt, math.pi)),
                np.array([self._names.index(name) for name in QUATERNION[:2]]))
        else:
            self.fallen[:] = False
        self._limits, self._steps = limits, steps
        self._rest = np.zeros(limits.size)
        """The command for an action of 0."""
        self._damping = self._velocities = np.zeros(0)
        if config.damping:
            self._damping = np.array(config.damping)
            self._velocities = self._places('velocity')

    def _places(self, field: str) -> np.ndarray:
        """Find the places of one field's readings for all joints."""
        return np.array([self._names.index(f'joint_states.{joint}.{field}')
                         for joint in self._config.joints])

    def commands(
        self, action: np.ndarray, readings: np.ndarray, slew: float = 1.0
    ) -> np.ndarray:
        """
        Limit actions, shape (robots, joints), and turn them into torques.

        ``readings`` are those that the actions respond to. An action that is not finite becomes 0,
        an action past +-1 is clipped, and changes are limited by ``torque_rate_limits``, where
        ``slew`` is the share of a control period that has passed. A robot that has fallen gets the
        safe command at once. The limited actions are in ``sent``. Returns N m, in an array that
        the next call overwrites.
        """
        self._watch(readings)
        _limit(action, self.sent, self.fallen, self._steps, slew, self._limits, self._commands)
        if self._damping.size and self.fallen.any():
            self._damp(self.fallen, readings)
        return self._commands

    def _watch(self, readings: np.ndarray) -> None:
        """Update which robots have fallen, if any tilt counts as a fall."""
        if self._guard is not None:
            _watch_for_falls(readings, self.fallen, *self._guard)

    def stop(self, readings: np.ndarray | None = None, slew: float = 1.0) -> np.ndarray | None:
        """
        Compute the safe command, regardless of the rate limits.

        It is zero torque, or damping if that is configured and ``readings`` are known. Returns the
        torques, or None if no command would be safe to send.
        """
        self._commands[:] = self.sent[:] = 0.0
        if self._damping.size and readings is not None:
            self._damp(np.ones_like(self.fallen), readings)
        return self._commands

    def _damp(self, robots: np.ndarray, readings: np.ndarray) -> None:
        """Slow down the joints of these robots, within their torque limits."""
        most = np.abs(self._limits)
        torques = np.clip(-self._damping * readings[robots][:, self._velocities], -most, most)
        self._commands[robots] = torques
        self.sent[robots] = self._actions_of(torques)

    def last(self) -> Iterator[np.ndarray]:
        """Yield the final commands, one per control period; drives may hold the last one."""
        self.sent[:] = self._commands[:] = 0.0
        yield self._commands

    def begin(self) -> None:
        """Begin again, with no knowledge of where the joints are."""


@njit(cache=True)
def _watch_for_falls(
    readings: np.ndarray, fallen: np.ndarray, fall: float, upright: float, xy: np.ndarray
) -> None:
    for i in range(fallen.size):
        x, y = readings[i, xy[0]], readings[i, xy[1]]
        height = 1.0 - 2.0 * (x * x + y * y)
        fallen[i] = height <= upright if fallen[i] else height < fall


@njit(cache=True)
def _limit(
    action: np.ndarray, sent: np.ndarray, fallen: np.ndarray, steps: np.ndarray, slew: float,
    limits: np.ndarray, commands: np.ndarray,
) -> None:
    for i in range(action.shape[0]):
        for j in range(action.shape[1]):
            wanted, step = action[i, j], steps[j] * slew
            if fallen[i] or not np.isfinite(wanted):
                allowed = 0.0
            else:
                allowed = min(max(wanted, sent[i, j] - step), sent[i, j] + step)
            sent[i, j] = min(max(allowed, -1.0), 1.0)
            commands[i, j] = sent[i, j] * limits[j]
