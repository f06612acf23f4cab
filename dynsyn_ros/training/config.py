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

"""The settings of a training run, and the parts that it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from dynsyn_ros.learner import contents, Learner, LearnerConfig
from dynsyn_ros.robot import Robot, RobotConfig
from dynsyn_ros.settings.arrays import Contents
from dynsyn_ros.settings.assets import UNTRAINED
from dynsyn_ros.settings.schema import ConfigError, NO_LIMIT, setting
from dynsyn_ros.simulation.environments import ENVIRONMENTS, SOLVED_AT
from dynsyn_ros.simulation.walkers import make, SIMULATORS
from dynsyn_ros.storage import weights
from dynsyn_ros.training.headless import Headless

MOST_LEARNERS = 10_000


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training run, which fully determine its results."""

    env_id: str = setting('environment to train in', choices=ENVIRONMENTS)
    simulator: str = setting('simulator: gymnasium, or envpool, which is faster',
                             choices=SIMULATORS)
    learners: int = setting('learners side by side, each with a walker', low=1,
                            high=MOST_LEARNERS)
    separate: bool = setting(
        'each learner has its own synapses (false: a fleet, all learners teach one set)')
    seed: int = setting('seed of the random streams', low=0, high=2**31 - 1)
    steps: int = setting('steps of all walkers together after which the run ends', low=0,
                         high=NO_LIMIT)
    until_solved: bool = setting('end as soon as every learner, or the fleet, has solved the task')
    weights: str = setting('weights file that the learners start from, or none')
    robot: RobotConfig
    learner: LearnerConfig

    def check(self, prefix: str) -> None:
        """Refuse ``until_solved`` for a task that has no definition of solved."""
        if self.until_solved and self.solved_at is None:
            raise ConfigError(
                f'{prefix}until_solved must be false for {self.env_id}: only '
                f'{" and ".join(SOLVED_AT)} define when they are solved')

    @property
    def solved_at(self) -> float | None:
        """The 100-episode mean that solves the task; None if the task defines none."""
        return SOLVED_AT.get(self.env_id)

    @property
    def shared(self) -> bool:
        """Whether the learners are a fleet."""
        return not self.separate

    @property
    def contents(self) -> Contents:
        """The arrays of a snapshot of its learners."""
        return contents(Robot(self.robot).layout, self.learners,
                        1 if self.shared else self.learners)

    def try_out(self) -> None:
        """Raise :class:`ConfigError` if its robot, simulator or weights cannot be used."""
        robot = Robot(self.robot)
        make(self.simulator, self.env_id, self.seed, range(1), self.robot)
        if self.weights != UNTRAINED:
            weights.read_learnt(self.weights, robot)

    def make(self, threads: int) -> tuple[Robot, Headless]:
        """Make learners and walkers; envpool uses ``threads``; raises :class:`ConfigError`."""
        robot = Robot(self.robot)
        numbers = range(self.learners)
        walkers = make(self.simulator, self.env_id, self.seed, numbers, self.robot, threads)
        learner = Learner(robot.layout, self.learner, self.seed, numbers, self.shared)
        return robot, Headless(robot, learner, walkers)
