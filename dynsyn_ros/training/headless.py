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

"""Learners and walkers in one loop without ROS: what the nodes do over topics, and as exactly."""

from __future__ import annotations

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import LIMITERS, Robot
from dynsyn_ros.simulation.walkers import Walkers
import numpy as np


class Headless:
    """Learner ``i`` drives walker ``i``, all in step."""

    def __init__(self, robot: Robot, learner: Learner, walkers: Walkers) -> None:
        """Put walkers, made for the robot's joints, under learners."""
        self.learner, self.walkers = learner, walkers
        names = walkers.spec.readings
        self._observe = robot.observer(names, len(learner))
        self._limiter = LIMITERS[robot.config.command](robot.config, names, len(learner))
        self.rewards = np.zeros(len(learner))
        """The rewards of the last step, (learners,), which the next one learns from."""
        self.moved = np.ones(len(learner), np.bool_)
        """Which walkers were put back since the last step, likewise."""
        self.sent = self._limiter.sent
        """The actions that were really sent last, (learners, joints)."""

    def step(self) -> np.ndarray:
        """Step every learner and its walker; returns the commands, (walkers, joints)."""
        readings = self.walkers.readings
        action = self.learner.step(self._observe(readings), self.rewards, self.sent, self.moved)
        commands = self._limiter.commands(action, readings)
        self.rewards[:] = self.walkers.step(commands)
        self.moved[:] = False
        for i, _ in self.walkers.ended:
            self.moved[i] = True
        return commands
