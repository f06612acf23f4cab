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
A training run in a folder: it can be killed at any time and continues from its last checkpoint.

The folder holds ``episodes.csv``, ``learning_curve.png``, ``weights.npz`` (the learner with the
best 100-episode mean of all at which the trainer looked, which it does every 1000 steps of each
walker), ``checkpoint.npz`` (everything that is needed to continue),
``synapses.csv`` (weights and centres of some synapses of learner 0) and ``summary.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
import json
import operator
from pathlib import Path
import time
from typing import Any

from dynsyn_ros.pictures.curves import draw_learning_curve
from dynsyn_ros.process import CORES
from dynsyn_ros.settings.arrays import ArraySpec, Contents
from dynsyn_ros.settings.assets import UNTRAINED
from dynsyn_ros.settings.files import opened, replaced, strict_json
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import SOLVED_AT
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.best_so_far import BestSoFar
from dynsyn_ros.storage.episodes import (
    check_length,
    CURVE_FILE,
    EpisodeLog,
    EPISODES_FILE,
    has_rows,
    Table,
    WINDOW,
)
from dynsyn_ros.storage.folders import Claim, TRAINING
from dynsyn_ros.training.checkpoint import FORMER_KEY, NothingLeft, read_progress
from dynsyn_ros.training.config import MOST_LEARNERS, TrainingConfig
import numpy as np

EPISODES, CURVE, WEIGHTS = EPISODES_FILE, CURVE_FILE, weights.WEIGHTS_FILE
SYNAPSES, CHECKPOINT, SUMMARY = 'synapses.csv', 'checkpoint.npz', 'summary.json'
#: Steps of each walker between two rows of ``synapses.csv``.
ROW_STEPS = 100
#: Time between two checkpoints, s.
CHECKPOINT_PERIOD = 120.0
#: Steps of each walker between two looks at the learners: for a new best one, for TensorBoard.
LOOK_STEPS = 1000
_WALKERS = 'walkers.'
#: The arrays that a step needs from the last one, with their least and greatest values.
_CARRIED = {'rewards': (-1e9, 1e9), 'sent': (-1e6, 1e6), 'moved': ()}


def read_summary(folder: Path) -> dict[str, Any]:
    """
    Read the summary of a training, see :meth:`Trainer.summary`; raises :class:`ConfigError`.

    ``former`` is added: whether it is of a former version, whose files have steps of each walker
    (those of the summary are converted). ``solved_at`` is added: the mean that solves the task, or
    None.
    """
    file = folder / SUMMARY
    with opened(file) as source:
        content = source.read()
    try:
        summary = json.loads(content)
        task = summary['task']
        former = FORMER_KEY in task
        if former:
            task['separate'] = not task[FORMER_KEY]
        steps, learners = operator.index(summary['steps']), operator.index(task['learners'])
        summary |= {'steps': steps * (learners if former else 1), 'former': former,
                    'solved_at': SOLVED_AT.get(task['env_id'])}
        if steps < 0 or not 1 <= learners <= MOST_LEARNERS or (
                task['separate'] not in (True, False)):
            raise ValueError
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ConfigError(f'{file} is not the {SUMMARY} of a training') from error
    return summary


def made_with(folder: Path) -> tuple[dict[str, Any], int] | None:
    """
    Return the settings of the training in a folder, as :func:`plain` does, and its steps so far.

    None if there is no training; raises :class:`ConfigError` if it cannot be read.
    """
    if (folder / SUMMARY).exists():
        summary = read_summary(folder)
        return summary['task'], summary['steps']
    if (folder / CHECKPOINT).exists():  # a run that was killed before its first summary
        progress = read_progress(folder / CHECKPOINT)
        return plain(asdict(progress.task)), progress.steps
    return None


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as ``summary.json`` holds them, to compare them with it."""
    return json.loads(strict_json(settings))


def _check_no_results(folder: Path) -> None:
    """Refuse results in a folder without a checkpoint; logs without rows are none."""
    found = [name for name in (EPISODES, SYNAPSES) if has_rows(folder / name)]
    found += [name for name in (WEIGHTS, SUMMARY) if (folder / name).exists()]
    if found:
        raise ConfigError(f'{folder} holds {", ".join(found)} of an earlier training, but no '
                          f'{CHECKPOINT} to continue it: put that back and use --resume, or '
                          'choose another folder')


class Trainer:
    """One training run."""

    def __init__(
        self, config: TrainingConfig, folder: Path, threads: int = CORES, patience: float = 0.0
    ) -> None:
        """
        Prepare a run in its folder; wait up to ``patience``, s, for another run to release it.

        Raises :class:`ConfigError`.
        """
        self.config, self.folder = config, folder
        self._robot, self._loop = config.make(threads)
        if config.weights != UNTRAINED:
            weights.initialise_from(Path(config.weights), self._loop.learner, self._robot)
        self._claim = Claim(folder, TRAINING, patience)
        try:
            if (folder / CHECKPOINT).exists():
                raise ConfigError(f'{folder} already holds a training: continue it with --resume '
                                  f'{folder}, or choose another folder')
            _check_no_results(folder)
            self._open_logs(0, 0)
        except ConfigError:
            self._claim.release(undo=True)
            raise
        self._rounds = 0
        self._seconds = 0.0
        self._kept = self._best_so_far()
        self.checkpoint()

    @classmethod
    def resume(
        cls,
        folder: Path,
        steps: int | None = None,
        threads: int = CORES,
        reheat: float = 0.0,
        patience: float = 0.0,
    ) -> Trainer:
        """
        Continue from the checkpoint in a folder, up to another number of ``steps`` if given.

        First, the annealing clock is turned back by the share ``reheat``. Raises
        :class:`ConfigError` if there is no usable checkpoint, or no annealing to turn back, and
        :class:`NothingLeft` if ``steps`` or ``reheat`` is given and no steps are left.
        """
        read_progress(folder / CHECKPOINT, steps).check_left(folder, steps, reheat)
        claim = Claim(folder, TRAINING, patience)
        try:
            self = cls._resumed(folder, steps, threads, reheat)
            if steps or reheat:
                self.checkpoint()  # so that a kill before the next one does not undo them
        except BaseException:
            claim.release(undo=True)
            raise
        self._claim = claim
        return self

    @classmethod
    def _resumed(cls, folder: Path, steps: int | None, threads: int, reheat: float) -> Trainer:
        file = folder / CHECKPOINT
        progress = read_progress(file, steps)
        progress.check_left(folder, steps, reheat)
        config = progress.task
        if reheat and not config.learner.annealing:
            raise ConfigError(f'{folder} cannot be reheated: its preset has no annealing')
        # The arrays are checked against the task in the file before anything is made from it.
        arrays, _ = weights.read(file, config.contents)
        self = cls.__new__(cls)
        self.config, self.folder = config, folder
        self._robot, self._loop = config.make(threads)
        self._loop.learner.restore(arrays)
        self._loop.learner.reheat(reheat)
        beside, _ = weights.read(file, self._beside)
        for name, array in self._carried.items():
            value = beside.pop(_WALKERS + name)
            if name != 'moved' or self.resumes_within_episode:
                array[:] = value
        try:
            self._loop.walkers.restore({
                name.removeprefix(_WALKERS): array for name, array in beside.items()})
        except ValueError as error:
            raise ConfigError(f'{file} does not fit: {error}') from error
        self._open_logs(*progress.bytes)
        self._rounds = progress.steps // self.config.learners
        self._seconds = progress.seconds
        self._kept = self._best_so_far(progress.best)
        if self.solved and (steps or reheat):
            self._close_logs()
            raise NothingLeft(f'{folder} ended when it solved its task: start from its weights '
                              f'with --weights {folder / WEIGHTS}')
        return self

    @property
    def _carried(self) -> dict[str, np.ndarray]:
        """What the next step needs from the last one."""
        return {'rewards': self._loop.rewards, 'sent': self._loop.control.sent,
                'moved': self._loop.control.moved}

    @property
    def _beside(self) -> Contents:
        """The arrays of a checkpoint in addition to those of the learners."""
        carried = {name: ArraySpec(array.dtype, array.shape, *_CARRIED[name])
                   for name, array in self._carried.items()}
        return {_WALKERS + name: spec
                for name, spec in {**carried, **self._loop.walkers.contents}.items()}

    def _open_logs(self, episodes: int, synapses: int) -> None:
        """Start the logs, or continue them from these lengths, bytes."""
        check_length(self.folder / SYNAPSES, synapses)
        self.log = EpisodeLog(
            self.folder / EPISODES, self.config.learners, self.config.shared, episodes,
            self.config.solved_at)
        names = self._robot.first_synapses
        self._watched = np.array(list(names.values()))
        self._table = Table(self.folder / SYNAPSES, [
            'steps', *(f'{kind} of {name}' for kind in ('weight', 'centre') for name in names)],
            synapses)

    def _close_logs(self) -> None:
        self.log.close()
        self._table.close()

    @property
    def resumes_within_episode(self) -> bool:
        """Whether :meth:`resume` resumes in the middle of episodes; else it begins new ones."""
        return self._loop.walkers.resumes_within_episode

    @property
    def steps(self) -> int:
        """Steps of all walkers together."""
        return self._rounds * self.config.learners

    @property
    def solved(self) -> bool:
        """Whether the run has solved the task, and that ends it."""
        return self.config.until_solved and self.log.solved

    @property
    def finished(self) -> bool:
        """Whether the run has reached its steps, or is :attr:`solved`."""
        return self.steps >= self.config.steps or self.solved

    def run(self, stop: Callable[[], bool], progress: Callable[[Trainer], None]) -> None:
        """
        Train until finished or ``stop``; then write a checkpoint.

        ``progress`` is called in every step. Raises :class:`ConfigError` if a file cannot be
        written; the last checkpoint is then unchanged.
        """
        loop, log = self._loop, self.log
        begun, saved = time.monotonic() - self._seconds, time.monotonic()
        while not (self.finished or stop()):
            loop.step()
            self._rounds += 1
            for i, episode in loop.walkers.ended:
                log.add(i, episode, self.steps)
            if self._rounds % ROW_STEPS == 0:
                state = loop.learner.state
                self._table.write((self.steps, *(
                    f'{value:.5f}' for array in (state.fluctuation.weight, state.plasticity.centre)
                    for value in array[0, self._watched])))
            if self._rounds % LOOK_STEPS == 0:
                self._keep_best()
                if time.monotonic() - saved > CHECKPOINT_PERIOD:
                    self._seconds = time.monotonic() - begun
                    self.checkpoint()
                    saved = time.monotonic()
            progress(self)
        self._seconds = time.monotonic() - begun
        if self.finished:
            self._keep_best()
        if np.isneginf(self._kept.mean):
            weights.write(self.folder / WEIGHTS, self._packed(0))
        self.checkpoint()
        self._close_logs()
        self._claim.release()

    def _keep_best(self) -> None:
        """Save the learner with the best mean if that is better than at any look before."""
        means = [mean.value if mean.of >= WINDOW else -np.inf for mean in self.log.means]
        best = int(np.argmax(means))
        self._kept.offer(means[best], lambda: self._packed(best))

    def _best_so_far(self, mean: float = -np.inf) -> BestSoFar:
        return BestSoFar(partial(weights.write, self.folder / WEIGHTS), mean)

    def _packed(self, member: int) -> dict[str, np.ndarray]:
        mean = self.log.means[0 if self.config.shared else member]
        return weights.pack(
            self._loop.learner, self._robot,
            {'task': asdict(self.config), 'steps': self.steps, 'learner': member,
             'mean': mean.value, 'mean_of': mean.of},
            member=member)

    @property
    def standing(self) -> dict[str, float]:
        """Mean amplitude, centre shift and gain of the learners, by name."""
        learner = self._loop.learner
        return {'amplitude': learner.mean_amplitude, 'centre_shift': learner.centre_shift,
                'gain': learner.mean_gain}

    def checkpoint(self) -> None:
        """Write everything that is needed to continue, the curve and the summary."""
        walkers = {**self._carried, **self._loop.walkers.state()}
        weights.write(self.folder / CHECKPOINT, weights.pack(
            self._loop.learner, self._robot,
            {'task': asdict(self.config), 'steps': self.steps, 'seconds': self._seconds,
             'bytes': [self.log.sync(), self._table.sync()], 'best': self._kept.mean},
            beside={_WALKERS + name: array for name, array in walkers.items()}))
        draw_learning_curve(
            self.folder / EPISODES, self.folder / CURVE,
            f'{self.config.env_id}, {self.folder.name}', self.config.learners, self.config.shared,
            self.config.solved_at)
        with replaced(self.folder / SUMMARY, 'w') as file:
            file.write(strict_json(self.summary(), indent=1) + '\n')

    def summary(self) -> dict[str, Any]:
        """
        Summarise the run; steps are those of all walkers together.

        ``best_mean`` is that of all episodes. ``weights_mean`` is the one that the weights in
        ``weights.npz`` had when they were saved, None with fewer than 100 episodes by then.
        """
        return {
            'steps': self.steps,
            'minutes': round(self._seconds / 60, 2),
            'episodes': sum(self.log.episodes),
            'mean': [mean.value for mean in self.log.means],
            'mean_of': [mean.of for mean in self.log.means],
            'solved_after_steps': self.log.solved_after,
            'best_mean': self.log.best,
            'best_mean_of': WINDOW,
            'weights_mean': self._kept.mean if np.isfinite(self._kept.mean) else None,
            'task': asdict(self.config),
        }
