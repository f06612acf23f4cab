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

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Drive, Inputs, Robot, RobotConfig, Taken
import numpy as np


class Pilot:
    """What the controller does with each step of inputs, and what a replay does again."""

    def __init__(self, robot: Robot, learner: Learner) -> None:
        """Take the controls, with everything compiled."""
        self._learner = learner
        names = Inputs(robot).names
        self._observe = robot.observer(names)
        self._drive = Drive(robot.config, names)
        self._reward = np.zeros(1)
        readings = np.zeros((1, len(names)))
        self._observe(readings)
        self._drive.torques(np.zeros((1, len(robot.config.joints))), readings)

    def step(self, taken: Taken) -> np.ndarray:
        """Take one step of the learner; returns the torques, N m, (joints,)."""
        self._reward[0] = taken.reward
        action = self._learner.step(self._observe(taken.readings), self._reward, taken.periods)
        torques: np.ndarray = self._drive.torques(action, taken.readings)[0]
        return torques

    def stop(self) -> np.ndarray:
        """Let go: zero torques, of which the network hears."""
        torques: np.ndarray = self._drive.stop(self._learner.neurons.action)[0]
        return torques

    def steer(self, config: RobotConfig) -> None:
        """Go on with other limits."""
        self._drive.steer(config)

    @property
    def fallen(self) -> bool:
        """Whether the robot has fallen and is not upright again."""
        return bool(self._drive.fallen[0])
