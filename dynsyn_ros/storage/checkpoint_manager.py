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
The files of a learner that drives a robot: its weights, its checkpoints and its best weights.

The best weights are those with the highest mean reward over one of the consecutive windows. They
are kept in memory and in ``best.npz``, so that a learner can be rolled back to them. A learner
that is not finite, or has values outside the range that a file may hold, is never kept. It is
rolled back to the best weights, or else to what it began from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
import math
from pathlib import Path
from typing import TypeVar

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.assets import UNTRAINED
from dynsyn_ros.settings.files import path_of
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.best_so_far import BestSoFar
from dynsyn_ros.storage.checkpoints import Checkpoints
from dynsyn_ros.storage.folders import Claim, WALK
import numpy as np

T = TypeVar('T')
BEST_FILE = 'best.npz'
#: The entry of a file for the time of its learner's last step, ns; a replay begins after it.
LAST_STEP = 'last_step'


class CheckpointManager:
    """The folder of one learner: what it starts from, and what is written there as it runs."""

    def __init__(
        self,
        folder: Path,
        learner: Learner,
        robot: Robot,
        checkpoints_kept: int,
        best_window: int,
        beside: Callable[[], Mapping[str, np.ndarray]],
        warn: Callable[[str], None],
        lost: Callable[[str], None],
    ) -> None:
        """
        Keep ``learner`` in ``folder``; ``best_window`` is in steps.

        What ``beside`` returns is kept with the learner in every file. ``lost`` is called with a
        message if the learner was not finite and had to be rolled back.
        """
        self.path = folder / weights.WEIGHTS_FILE
        """The weights file that :meth:`save` writes."""
        self._best_path = folder / BEST_FILE
        self._learner, self._robot, self._warn, self._lost = learner, robot, warn, lost
        self._beside = beside
        self._checkpoints = Checkpoints(folder, checkpoints_kept)
        self._window = best_window
        self._sum, self._count = 0.0, 0
        self.mean = math.nan
        """Mean reward of the last full window."""
        self._best = BestSoFar(partial(self._checkpoints.write, path=self._best_path))
        self._begun: dict = {}
        self.steps = 0
        """Steps that the learner has taken since :meth:`begin`."""
        self.earned = 0.0
        """Sum of all rewards since :meth:`begin`."""
        self._time: int | None = None
        self._made_by: dict = {}

    def begin(self, source: str, seed: int) -> str:
        """
        Load the newest valid checkpoint, or else the weights file ``source``.

        Returns the file that the learner starts from, or ``none``. The folder is claimed until
        :meth:`close`. Raises :class:`ConfigError` if a file is refused, if the folder cannot be
        used, or if it holds the files of another robot.
        """
        load = partial(weights.load, learner=self._learner, robot=self._robot)
        found = self._checkpoints.newest(load, self._warn)
        if found:
            source = str(found)
        elif source != UNTRAINED:
            load(path_of(source))
        self._load_best(alone=not found)
        self._claim = Claim(self.path.parent, WALK)
        self._made_by = {'by': 'controller node', 'seed': seed, 'weights': source}
        self._begun = self._learner.snapshot()
        return source

    def _load_best(self, alone: bool) -> None:
        """
        Load the best so far, if there is a valid one.

        Raises :class:`ConfigError` if it is of another robot and ``alone``, without checkpoints:
        the next best would replace it.
        """
        if not self._best_path.exists():
            return
        try:
            arrays, about = weights.read(
                self._best_path, self._learner.contents, self._robot)
            self._learner.check(arrays)
            mean = float(about['made_by']['mean_reward'])
            config = self._robot.config
            if not abs(mean) <= config.reward_limit + config.human_reward_limit:
                raise ValueError(f'a mean reward cannot be {mean:g}')
            self._best.packed, self._best.mean = arrays, mean
        except (ConfigError, ValueError, KeyError, TypeError) as error:
            if alone and isinstance(error, weights.AnotherRobot):
                raise weights.AnotherRobot(f'{error}; choose another output_dir') from error
            self._warn(f'{self._best_path} is not used as the best so far: {error}')

    def count(self, reward: float, time: int) -> bool:
        """Count a step at ``time`` (ns) and its reward; returns whether it ended a window."""
        self.steps += 1
        self._time = time
        self._sum += reward
        self.earned += reward
        self._count += 1
        if self._count < self._window:
            return False
        self.mean, self._sum, self._count = self._sum / self._count, 0.0, 0
        return True

    def begin_window(self) -> None:
        """Begin a new window now."""
        self._sum, self._count = 0.0, 0

    def keep_if_best(self) -> None:
        """Keep the learner as the best if its last window was the best, unless it is lost."""
        self._best.offer(self.mean, lambda: None if self.mend() else self._pack(
            mean_reward=self.mean))

    @property
    def best_mean(self) -> float:
        """Mean reward of the best window so far."""
        return self._best.mean

    def roll_back(self) -> None:
        """
        Roll the learner back to the best weights so far.

        Raises :class:`ConfigError` if there are none yet.
        """
        if self._best.packed is None:
            raise ConfigError(f'there are no best weights yet: the first window of '
                              f'{self._window} steps has not ended')
        self._learner.restore(self._best.packed)
        self.begin_window()

    @property
    def finite(self) -> bool:
        """Whether the learner is finite, by a check that is quick enough for every step."""
        state = self._learner.state
        weight, gain = state.fluctuation.weight[0], state.neurons.gain[0]
        return math.isfinite(np.dot(weight, weight) + np.dot(gain, gain))

    def mend(self) -> bool:
        """Roll back a learner that no file may hold; returns whether that was necessary."""
        try:
            self._learner.check(self._learner.snapshot())
        except ValueError as error:
            self._learner.restore(self._best.packed or self._begun)
            self.begin_window()
            self._lost(f'the learner was lost, {error}: rolled back to '
                       f'{"the best weights" if self._best.packed else "what it began from"}')
            return True
        return False

    def checkpoint(self) -> None:
        """Write a checkpoint, unless the one before is still being written."""
        if not self._checkpoints.busy:
            self._checkpoints.write(self._packed())

    def begin_save(self, done: Callable[[str], T]) -> Future[T]:
        """
        Begin to write the weights, and a checkpoint with them.

        The writing thread then calls ``done`` with the reason if that failed, or else an empty
        text. What ``done`` returns is the result.
        """
        packed = self._packed()
        self._checkpoints.write(packed)

        def write() -> T:
            try:
                weights.write(self.path, packed)
            except ConfigError as error:
                return done(str(error))
            return done(self.trouble)

        return self._checkpoints.then(write)

    def save(self) -> None:
        """Write the weights, and a checkpoint with them; raises :class:`ConfigError`."""
        trouble = self.begin_save(str).result()
        if trouble:
            raise ConfigError(trouble)

    def close(self) -> None:
        """Finish writing and release the folder."""
        self._checkpoints.close()
        self._claim.release()

    @property
    def trouble(self) -> str:
        """Why the last checkpoint could not be written; empty if it could."""
        return self._checkpoints.trouble

    def _packed(self) -> dict:
        """Pack the learner, which is rolled back first if no file may hold it."""
        self.mend()
        return self._pack()

    def _pack(self, **more: float) -> dict:
        about = {**self._made_by, 'steps': self.steps, LAST_STEP: self._time, **more}
        return weights.pack(self._learner, self._robot, about, beside=self._beside())
