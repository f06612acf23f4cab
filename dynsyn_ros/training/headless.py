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

"""Walkers in a control loop without ROS, with exactly the results of the nodes in lock-step."""

from __future__ import annotations

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import ControlLoop, Robot, StepInput
from dynsyn_ros.simulation.walkers import Walkers
import numpy as np


class Headless:
    """Learner ``i`` drives walker ``i``, all in step."""

    def __init__(self, robot: Robot, learner: Learner, walkers: Walkers) -> None:
        """Connect learners to walkers, which are made for the robot's joints."""
        self.learner, self.walkers = learner, walkers
        self.control = ControlLoop(robot, learner, walkers.spec.readings)
        self.rewards = np.zeros(len(learner))
        """The rewards of the last step, (learners,), which the next one learns from."""

    def step(self) -> np.ndarray:
        """Step every learner and its walker; returns the commands, (walkers, joints)."""
        commands = self.control.step(StepInput(self.walkers.readings, self.rewards))
        self.rewards[:] = self.walkers.step(commands)
        for i, _ in self.walkers.ended:
            self.control.moved[i] = True
        return commands
