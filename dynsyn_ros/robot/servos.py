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
The limits of what is sent to position and velocity drives: commands never jump.

An action of 0 is the default pose, or standstill; +-1 is the end of a joint's range. A command
continues from the one before, and the first one from where the joints are.
"""

from __future__ import annotations

from collections.abc import Iterator
import math

from dynsyn_ros.robot.command_limiter import CommandLimiter
from dynsyn_ros.robot.config import EFFORT, POSITION, RobotConfig, VELOCITY
import numpy as np

#: Longest time for a velocity to reach 0 when a node ends, s.
LAST_RAMP = 1.0
#: Time without a position of the joints after which they may have been moved, as by a restart of
#: their drivers, s.
LONGEST_GAP = 1.0


class VelocityLimiter(CommandLimiter):
    """Velocities within limits and rates; the safe command is to slow down to standstill."""

    def commands(
        self, action: np.ndarray, readings: np.ndarray, slew: float = 1.0
    ) -> np.ndarray:
        """Limit actions and turn them into commands; a robot that has fallen is stopped."""
        self._watch(readings)
        wanted = np.where(np.isfinite(action), np.clip(action, -1.0, 1.0), self._instead())
        aim = np.where(self.fallen[:, None], self._safe(self.fallen, slew),
                       self._towards(self._rest + wanted * self._limits, self._most * slew))
        self._commands[:] = aim
        self._tell()
        return self._commands

    def _take(self, config: RobotConfig) -> None:
        super()._take(config)
        self._most = np.array(config.rates) * self._period
        """The most that a command may change in a control period."""

    def _instead(self) -> np.ndarray:
        """Return the action that replaces one that is not finite."""
        return np.zeros_like(self.sent)

    def _towards(self, aim: np.ndarray, step: np.ndarray | float) -> np.ndarray:
        """Return the commands that move towards an aim by at most a step."""
        return self._commands + np.clip(aim - self._commands, -step, step)

    def _tell(self) -> None:
        """Set ``sent`` to the actions that correspond to the commands."""
        self.sent[:] = np.clip(self._actions_of(self._commands), -1.0, 1.0)

    def reconfigure(self, config: RobotConfig) -> None:
        """Use other limits from now on; commands continue from the last ones sent."""
        self._take(config)
        self._tell()

    def _safe(self, robots: np.ndarray, slew: float) -> np.ndarray:
        """Return the next safe commands; only those of the ``robots`` in trouble will be sent."""
        return self._towards(np.zeros_like(self._commands), self._most * slew)

    def stop(self, readings: np.ndarray | None = None, slew: float = 1.0) -> np.ndarray | None:
        """Slow down."""
        self._commands[:] = self._safe(np.ones_like(self.fallen), slew)
        self._tell()
        return self._commands

    def last(self) -> Iterator[np.ndarray]:
        """Slow down to standstill, more steeply than the rates allow if they take too long."""
        steps = math.ceil(LAST_RAMP / self._period)
        step = np.maximum(self._most, np.abs(self._commands) / steps * (1.0 + 1e-9))
        for _ in range(steps):
            self._commands[:] = self._towards(np.zeros_like(self._commands), step)
            self._tell()
            yield self._commands
            if not self._commands.any():
                return


class PositionLimiter(VelocityLimiter):
    """
    Positions within ranges around a default pose.

    The safe command is to hold, and after ``hold_time`` to move slowly to the rest pose.
    """

    def __init__(self, config: RobotConfig, names: list[str], robots: int = 1) -> None:
        """Begin from the present positions of the joints."""
        super().__init__(config, names, robots)
        self._held = np.zeros((robots, 1))
        """How long the robots have been in trouble, s."""
        self.begin()

    def begin(self) -> None:
        """Begin again: the first command continues from where the joints are."""
        # How long nobody has known where the joints are, s; without end before the first time.
        self._unseen = math.inf
        self._held[:] = 0.0

    def _take(self, config: RobotConfig) -> None:
        super()._take(config)
        self._rest = np.array(config.default_pose)
        self._positions = self._places('position')

    def _begin_at(self, readings: np.ndarray | None, slew: float) -> bool:
        """Begin where the joints are, if they may have been moved; returns whether it is known."""
        if readings is None:
            self._unseen += slew * self._period
        else:
            if self._unseen > LONGEST_GAP:
                self._commands[:] = readings[:, self._positions]
            self._unseen = 0.0
        return self._known

    @property
    def _known(self) -> bool:
        """Whether a pose to hold is known."""
        return self._unseen < math.inf

    def commands(
        self, action: np.ndarray, readings: np.ndarray, slew: float = 1.0
    ) -> np.ndarray:
        """Limit actions and turn them into commands; a robot that has fallen holds and rests."""
        self._begin_at(readings, slew)
        return super().commands(action, readings, slew)

    def _instead(self) -> np.ndarray:
        return self.sent

    def _safe(self, robots: np.ndarray, slew: float) -> np.ndarray:
        """Hold, and after ``hold_time`` move slowly to the rest pose."""
        self._held += slew * self._period
        self._held[~robots] = 0.0
        resting = self._held > self._config.hold_time
        return self._towards(np.array(self._config.rest_pose),
                             resting * self._config.rest_rate * self._period * slew)

    def stop(self, readings: np.ndarray | None = None, slew: float = 1.0) -> np.ndarray | None:
        """Hold, then move slowly to the rest pose; None if no pose is known yet."""
        return super().stop(readings, slew) if self._begin_at(readings, slew) else None

    def last(self) -> Iterator[np.ndarray]:
        """Hold, if a pose is known."""
        if self._known:
            yield self._commands


LIMITERS: dict[str, type[CommandLimiter]] = {
    EFFORT: CommandLimiter, POSITION: PositionLimiter, VELOCITY: VelocityLimiter}
