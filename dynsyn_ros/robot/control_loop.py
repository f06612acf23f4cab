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

"""A learner at the controls of one robot: what its inputs give goes in, torques come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import LIMITERS, Robot, RobotConfig, SensorBuffer, StepInput
from dynsyn_ros.settings.arrays import ArraySpec, Contents
import numpy as np


class ControlLoop:
    """What the controller does with each step of inputs, and what a replay does again."""

    def __init__(self, robot: Robot, learner: Learner) -> None:
        """Take the controls, with everything compiled."""
        self._learner = learner
        names = SensorBuffer(robot).names
        self._observe = robot.observer(names)
        self._limiter = LIMITERS[robot.config.command](robot.config, names)
        self._reward, self._nothing = np.zeros(1), np.zeros(1)
        self._moved = np.ones(1, np.bool_)
        readings = np.zeros((1, len(names)))
        self._observe(readings)
        self._limiter.commands(np.zeros((1, len(robot.config.joints))), readings)
        self._limiter.begin()

    def step(self, given: StepInput) -> np.ndarray:
        """Take one step of the learner; returns the command, (joints,)."""
        self._reward[0] = given.reward
        observation = self._observe(given.readings)
        self._moved[:] |= given.moved
        for _ in range(given.periods - 1):
            # Periods of which nothing was heard: nothing new was sent or earned in them.
            self._learner.step(observation, self._nothing, self._limiter.sent, self._moved)
            self._moved[:] = False
        action = self._learner.step(observation, self._reward, self._limiter.sent, self._moved)
        self._moved[:] = False
        command: np.ndarray = self._limiter.commands(action, given.readings, given.slew)[0]
        return command

    def begin(self) -> None:
        """Begin to drive, from wherever the joints are."""
        self._limiter.begin()

    def stop(self, readings: np.ndarray | None = None, slew: float = 1.0) -> np.ndarray | None:
        """
        Do what is safe, which the network is told of; returns the command, if there is one.

        ``readings`` are those that joint_states has told, where they are fresh. Nothing is
        credited across it.
        """
        self._moved[:] = True
        commands = self._limiter.stop(readings, slew)
        return None if commands is None else commands[0]

    def last(self) -> Iterator[np.ndarray]:
        """Yield the commands to end with, a control period apart."""
        self._moved[:] = True
        for commands in self._limiter.last():
            yield commands[0]

    def state(self) -> dict[str, np.ndarray]:
        """Copy what the next step is told of the last one, beside its inputs."""
        return {'sent_action': self._limiter.sent.copy(), 'moved': self._moved.copy()}

    @property
    def contents(self) -> Contents:
        """What a state holds; files that are of no step of a robot have none."""
        sent = ArraySpec(np.dtype(np.float64), self._limiter.sent.shape, -1e6, 1e6, optional=True)
        return {'sent_action': sent,
                'moved': ArraySpec(np.dtype(np.bool_), self._moved.shape, optional=True)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from such a state; raises :class:`KeyError` if it is none."""
        self._limiter.sent[:], self._moved[:] = state['sent_action'], state['moved']

    def reconfigure(self, config: RobotConfig) -> None:
        """Go on with other limits."""
        self._limiter.reconfigure(config)

    @property
    def fallen(self) -> bool:
        """Whether the robot has fallen and is not upright again."""
        return bool(self._limiter.fallen[0])
