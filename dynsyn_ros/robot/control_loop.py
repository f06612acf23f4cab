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
Learners at the controls of robots, one each: what is sensed and earned goes in, commands come out.

The nodes, a replay and headless training step the same loop.
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
        Take the controls, with everything compiled.

        The readings are named ``names``, or as a :class:`SensorBuffer` names them.
        """
        self.learner = learner
        robots, names = len(learner), names or SensorBuffer(robot).names
        self._observe = robot.observer(names, robots)
        self._limiter = LIMITERS[robot.config.command](robot.config, names, robots)
        self._reward, self._nothing = np.zeros(robots), np.zeros(robots)
        self._fall_reward, self._fell = robot.config.fall_reward, np.zeros(robots, np.bool_)
        self.moved = np.ones(robots, np.bool_)
        """Which robots were put elsewhere since the last step, (robots,); a step clears it."""
        readings = np.zeros((robots, len(names)))
        self._observe(readings)
        self._limiter.commands(np.zeros_like(self.sent), readings)
        self._limiter.begin()

    @property
    def sent(self) -> np.ndarray:
        """The actions that were really sent last, (robots, joints)."""
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
        self.moved |= given.moved
        for _ in range(given.periods - 1):
            # Periods of which nothing was heard: nothing new was sent or earned in them.
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
        """Begin to drive, from wherever the joints are."""
        self._limiter.begin()

    def stop(self, readings: np.ndarray | None = None, slew: float = 1.0) -> np.ndarray | None:
        """
        Do what is safe, which the network is told of; returns the commands, if there are any.

        ``readings`` are those that joint_states has told, where they are fresh. Nothing is
        credited across it.
        """
        self.moved[:] = True
        return self._limiter.stop(readings, slew)

    def last(self) -> Iterator[np.ndarray]:
        """Yield the commands to end with, a control period apart."""
        self.moved[:] = True
        yield from self._limiter.last()

    def state(self) -> dict[str, np.ndarray]:
        """Copy what the next step is told of the last one, beside its inputs."""
        return {'sent_action': self.sent.copy(), 'moved': self.moved.copy()}

    @property
    def contents(self) -> Contents:
        """What a state holds; files that are of no step of a robot have none."""
        sent = ArraySpec(np.dtype(np.float64), self.sent.shape, -1e6, 1e6, optional=True)
        return {'sent_action': sent,
                'moved': ArraySpec(np.dtype(np.bool_), self.moved.shape, optional=True)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from such a state; raises :class:`KeyError` if it is none."""
        self.sent[:], self.moved[:] = state['sent_action'], state['moved']

    def reconfigure(self, config: RobotConfig) -> None:
        """Go on with other limits."""
        self._limiter.reconfigure(config)
