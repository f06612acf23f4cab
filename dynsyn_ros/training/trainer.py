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
A training run in a folder: it can be killed at any time and goes on from its last checkpoint.

The folder holds ``episodes.csv``, ``learning_curve.png``, ``weights.npz`` (the learner with the
best mean of 100 episodes, when it had it), ``checkpoint.npz`` (everything, to go on from),
``synapses.csv`` (weights and centres of some synapses of learner 0) and ``summary.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
import json
from pathlib import Path
import time
from typing import Any

from dynsyn_ros import weights
from dynsyn_ros.episodes import (
    CURVE_FILE,
    draw_learning_curve,
    EpisodeLog,
    EPISODES_FILE,
    Table,
    WINDOW,
)
from dynsyn_ros.schema import build, ConfigError
from dynsyn_ros.simulation.walkers import CORES
from dynsyn_ros.training.task import Task
import numpy as np

EPISODES, CURVE, WEIGHTS = EPISODES_FILE, CURVE_FILE, weights.WEIGHTS_FILE
SYNAPSES, CHECKPOINT, SUMMARY = 'synapses.csv', 'checkpoint.npz', 'summary.json'
#: Steps between two rows of ``synapses.csv``.
ROW_STEPS = 100
#: Time between two checkpoints, s.
CHECKPOINT_PERIOD = 120.0
#: Steps between two looks at whether a learner does better than any before.
LOOK_STEPS = 1000
_WALKERS = 'walkers.'


def read_summary(folder: Path) -> dict[str, Any]:
    """Read how a training fared, see :meth:`Trainer.summary`; raises :class:`ConfigError`."""
    file = folder / SUMMARY
    try:
        summary = json.loads(file.read_text(encoding='utf-8'))
        if 'steps' not in summary or not {'learners', 'shared'} <= summary['task'].keys():
            raise ValueError
    except OSError as error:
        raise ConfigError(f'cannot read {file}: {error.strerror}') from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'{file} is not the {SUMMARY} of a training') from error
    return summary


class Trainer:
    """One training run."""

    def __init__(self, task: Task, folder: Path, threads: int = CORES) -> None:
        """Prepare a run in its folder; raises :class:`ConfigError`."""
        self.task, self.folder = task, folder
        self._robot, self._loop = task.make(threads)
        if task.weights != weights.UNTRAINED:
            weights.initialise_from(Path(task.weights), self._loop.learner, self._robot)
        if (folder / CHECKPOINT).exists():
            raise ConfigError(f'{folder} already holds a training: go on with --resume {folder}, '
                              'or choose another folder')
        self._open_logs(0, 0)
        self.steps = 0
        """Steps of each learner."""
        self._seconds = 0.0
        self._best = -np.inf
        self.checkpoint()

    @classmethod
    def resume(
        cls,
        folder: Path,
        steps: int | None = None,
        threads: int = CORES,
        reheat: float = 0.0,
    ) -> Trainer:
        """
        Go on from the checkpoint in a folder, up to another number of ``steps`` if one is given.

        The annealing is set back by the share ``reheat`` first. Raises :class:`ConfigError` if
        there is no checkpoint that can be used, or no annealing.
        """
        arrays, about = weights.read(folder / CHECKPOINT)
        made_by = about['made_by']
        if 'bytes' not in made_by:
            raise ConfigError(f'{folder / CHECKPOINT} is no checkpoint of a training')
        task = build(Task, {**made_by['task'], **({'steps': steps} if steps else {})})
        self = cls.__new__(cls)
        self.task, self.folder = task, folder
        self._robot, self._loop = task.make(threads)
        self._loop.learner.restore(arrays)
        if reheat and not task.learner.annealing:
            raise ConfigError(f'{folder} cannot be reheated: its preset has no annealing')
        self._loop.learner.reheat(reheat)
        self._loop.rewards[:] = arrays[f'{_WALKERS}rewards']
        self._loop.sent[:] = arrays[f'{_WALKERS}sent']
        if self._loop.walkers.resumes_within_episode:
            self._loop.moved[:] = arrays[f'{_WALKERS}moved']
        self._loop.walkers.restore({
            name.removeprefix(_WALKERS): array
            for name, array in arrays.items() if name.startswith(_WALKERS)})
        self._open_logs(*made_by['bytes'])
        self.steps, self._seconds, self._best = (
            made_by['steps'], made_by['seconds'], made_by['best'])
        return self

    def _open_logs(self, episodes: int, synapses: int) -> None:
        """Start the logs, or go on from their first so many bytes."""
        self.log = EpisodeLog(
            self.folder / EPISODES, self.task.learners, self.task.shared, episodes)
        names = self._robot.first_synapses
        self._watched = np.array(list(names.values()))
        self._table = Table(self.folder / SYNAPSES, [
            'steps', *(f'{kind} of {name}' for kind in ('weight', 'centre') for name in names)],
            synapses)

    @property
    def resumes_within_episode(self) -> bool:
        """Whether :meth:`resume` comes back into the midst of episodes, or begins new ones."""
        return self._loop.walkers.resumes_within_episode

    @property
    def finished(self) -> bool:
        """Whether the run has done what it was asked for."""
        return self.steps >= self.task.steps or (self.task.until_solved and self.log.solved)

    def run(self, stop: Callable[[], bool], progress: Callable[[Trainer], None]) -> None:
        """
        Train until finished or ``stop``; then leave a checkpoint.

        ``progress`` is called every step. Raises :class:`ConfigError` if a file cannot be written;
        the last checkpoint is then as it was.
        """
        loop, log = self._loop, self.log
        begun, saved = time.monotonic() - self._seconds, time.monotonic()
        while not (self.finished or stop()):
            loop.step()
            self.steps += 1
            for i, episode in loop.walkers.ended:
                log.add(i, episode, self.steps)
            if self.steps % ROW_STEPS == 0:
                state = loop.learner.state
                self._table.write((self.steps, *(
                    f'{value:.5f}' for array in (state.fluctuation.weight, state.plasticity.centre)
                    for value in array[0, self._watched])))
            if self.steps % LOOK_STEPS == 0:
                self._keep_best()
                if time.monotonic() - saved > CHECKPOINT_PERIOD:
                    self._seconds = time.monotonic() - begun
                    self.checkpoint()
                    saved = time.monotonic()
            progress(self)
        self._seconds = time.monotonic() - begun
        if self.finished:
            self._keep_best()
        if self._best == -np.inf:
            self._save_weights(0)
        self.checkpoint()
        log.close()
        self._table.close()

    def _keep_best(self) -> None:
        """Save the learner with the best mean if it is better than any before."""
        means = [-np.inf if mean is None else mean for mean in self.log.means(WINDOW)]
        best = int(np.argmax(means))
        if means[best] > self._best:
            self._best = means[best]
            self._save_weights(best)

    def _save_weights(self, member: int) -> None:
        weights.write(self.folder / WEIGHTS, weights.pack(
            self._loop.learner, self._robot,
            {'task': asdict(self.task), 'steps': self.steps, 'learner': member,
             f'mean_{WINDOW}': self.log.means()[0 if self.task.shared else member]},
            member=member))

    def checkpoint(self) -> None:
        """Write all that is needed to go on, the curve and the summary."""
        loop = self._loop
        walkers = {'rewards': loop.rewards, 'sent': loop.sent, 'moved': loop.moved,
                   **loop.walkers.state()}
        weights.write(self.folder / CHECKPOINT, weights.pack(
            self._loop.learner, self._robot,
            {'task': asdict(self.task), 'steps': self.steps, 'seconds': self._seconds,
             'bytes': [self.log.flush(), self._table.flush()], 'best': self._best},
            beside={_WALKERS + name: array for name, array in walkers.items()}))
        try:
            draw_learning_curve(
                self.folder / EPISODES, self.folder / CURVE,
                f'{self.task.env_id}, {self.folder.name}', self.task.shared)
            (self.folder / SUMMARY).write_text(
                json.dumps(self.summary(), indent=1) + '\n', encoding='utf-8')
        except OSError as error:
            raise ConfigError(f'cannot write in {self.folder}: {error.strerror}') from error

    def summary(self) -> dict[str, Any]:
        """Tell how the run fares."""
        return {
            'steps': self.steps,
            'steps_of_all_learners': self.steps * self.task.learners,
            'minutes': round(self._seconds / 60, 2),
            'episodes': sum(self.log.episodes),
            f'mean_{WINDOW}': self.log.means(),
            'solved_after_steps': self.log.solved_after,
            'best_mean': self._best if np.isfinite(self._best) else None,
            'task': asdict(self.task),
        }
