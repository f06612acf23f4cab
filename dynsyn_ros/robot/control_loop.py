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
The control loop: each learner drives one robot, from readings and rewards to commands.

The nodes, a replay and headless training all run this loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot.config import RobotConfig
from dynsyn_ros.robot.robot import Robot
from dynsyn_ros.robot.sensor_buffer import SensorBuffer, StepInput
from dynsyn_ros.robot.servos import LIMITERS
from dynsyn_ros.settings.arrays import ArraySpec, Contents
import numpy as np


class ControlLoop:
    """Learner ``i`` drives robot ``i``, all in step."""

    def __init__(
        self, robot: Robot, learner: Learner, names: Sequence[str] | None = None
    ) -> None:
        """
        Prepare the loop and compile everything.

        The readings have the names ``names``, or those that a :class:`SensorBuffer` gives them.
        """
        self.learner = learner
        robots, names = len(learner), names or SensorBuffer(robot).names
        self._observe = robot.observer(names, robots)
        self._limiter = LIMITERS[robot.config.command](robot.config, names, robots)
        self._reward, self._nothing = np.zeros(robots), np.zeros(robots)
        self._fall_reward, self._fell = robot.config.fall_reward, np.zeros(robots, np.bool_)
        self.moved = np.ones(robots, np.bool_)
        """Which robots were moved since the last step, (robots,); a step clears it."""
        readings = np.zeros((robots, len(names)))
        self._observe(readings)
        self._limiter.commands(np.zeros_like(self.sent), readings)
        self._limiter.begin()

    @property
    def sent(self) -> np.ndarray:
        """The last actions that were really sent, (robots, joints)."""
        return self._limiter.sent

    @property
    def fallen(self) -> np.ndarray:
        """Which robots have fallen and are not upright again, (robots,)."""
        return self._limiter.fallen

    def step(self, given: StepInput) -> np.ndarray:
        """Take one step of the learners; returns the commands, (robots, joints)."""
        self._reward[:] = given.reward
        np.less_equal(self._reward, self._fall_reward, out=self._fell)
        observation = self._observe(given.readings)
        if given.moved is not False:  # almost always it is, and the operation is slow
            self.moved |= given.moved
        for _ in range(given.periods - 1):
            # Periods whose messages were lost: nothing new was sent or earned in them.
            self._learn(observation, self._nothing)
        action = self._learn(observation, self._reward, self._fell)
        return self._limiter.commands(action, given.readings, given.slew)

    def _learn(
        self, observation: np.ndarray, reward: np.ndarray, fell: np.ndarray | None = None
    ) -> np.ndarray:
        action = self.learner.step(observation, reward, self._limiter.sent, self.moved, fell)
        self.moved[:] = False
        return action

    def begin(self) -> None:
        """Begin to drive from the present positions of the joints."""
        self._limiter.begin()

    def stop(self, readings: np.ndarray | None = None, slew: float = 1.0) -> np.ndarray | None:
        """
        Compute the safe commands and return them, or None if there are none.

        ``readings`` are given if those of joint_states are fresh. The learner will receive what
        was sent, and credits nothing across the stop.
        """
        self.moved[:] = True
        return self._limiter.stop(readings, slew)

    def last(self) -> Iterator[np.ndarray]:
        """Yield the final commands, one per control period."""
        self.moved[:] = True
        yield from self._limiter.last()

    def state(self) -> dict[str, np.ndarray]:
        """Copy what the next step needs from the last one in addition to its inputs."""
        return {'sent_action': self.sent.copy(), 'moved': self.moved.copy()}

    @property
    def contents(self) -> Contents:
        """The arrays of a state; files that no robot's step has written have none."""
        sent = ArraySpec(np.dtype(np.float64), self.sent.shape, -1e6, 1e6, optional=True)
        return {'sent_action': sent,
                'moved': ArraySpec(np.dtype(np.bool_), self.moved.shape, optional=True)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from a state; raises :class:`KeyError` if an array is missing."""
        self.sent[:], self.moved[:] = state['sent_action'], state['moved']

    def reconfigure(self, config: RobotConfig) -> None:
        """Use other limits from now on."""
        self._limiter.reconfigure(config)
