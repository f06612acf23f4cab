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

"""The results of trainings: a row for each separate learner, or for each fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import SOLVED_AT
from dynsyn_ros.storage.episodes import MEAN, read_episodes, WINDOW
from dynsyn_ros.storage.folders import SEED_FOLDER
from dynsyn_ros.training import trainer
import numpy as np

#: The files that identify a training; one that was killed early has no summary yet.
_MARKS = (trainer.SUMMARY, trainer.CHECKPOINT)


@dataclass(frozen=True)
class Result:
    """The result of one learner or fleet; ``steps`` are those of all walkers that taught it."""

    group: Path
    """
    Folder of the training for a separate learner, or of all trainings for a fleet.

    For both it is that of the setting in a sweep.
    """
    name: str
    steps: int
    episodes: int
    after: tuple[int | None, ...]
    """Steps after which the 100-episode mean first reached each of the goals; None if never."""
    best: float | None = None
    """Best 100-episode mean; None with fewer than 100 episodes, like the next one."""
    best_after: int | None = None
    last: float | None = None
    """Mean return of the last episodes; None without episodes, like the next two."""
    falls: int | None = None
    """Number of falls in the last episodes."""
    length: float | None = None
    """Mean number of steps of the last episodes."""
    last_of: int = 0
    """Number of the last episodes, at most 100."""
    solved_at: float | None = None
    """The 100-episode mean that solves its task; None if the task defines none."""

    @property
    def solved(self) -> bool:
        """Whether it has reached that mean."""
        return None not in (self.best, self.solved_at) and self.best >= self.solved_at


def read_results(folder: Path, goals: Sequence[float]) -> list[Result]:
    """
    Read the results of a training, or of all trainings below a folder, such as a sweep's.

    Raises :class:`ConfigError` if there are none or one cannot be read.
    """
    if any((folder / name).exists() for name in _MARKS):
        return _of_training(folder, goals)
    found = sorted(filter(_told_of, {
        path.parent for name in _MARKS for path in folder.rglob(name)}),
        key=lambda path: (path.parent, len(path.name), path.name))
    if not found:
        raise ConfigError(f'{folder} holds no training: there is no {" or ".join(_MARKS)} in it')
    return [result for training in found for result in _of_training(training, goals)]


def _told_of(folder: Path) -> bool:
    """Return whether a folder has a summary, or a checkpoint that can be read instead."""
    try:
        return (folder / trainer.SUMMARY).exists() or trainer.made_with(folder) is not None
    except ConfigError:
        return False


def _of_training(folder: Path, goals: Sequence[float]) -> list[Result]:
    """Read a row for each learner of a training, or one for its fleet."""
    task, steps = trainer.made_with(folder)
    learners, solved_at = task['learners'], SOLVED_AT.get(task['env_id'])
    data = read_episodes(folder / trainer.EPISODES, learners)
    # While a training runs, its summary is as old as its last checkpoint.
    steps = int(max([steps, *data['steps'][-1:]]))
    if not task['separate'] or learners == 1:
        return [_result(folder.parent, folder.name, data, steps, goals, solved_at)]
    data['steps'] = data['steps'] // learners  # only its own walker teaches a separate learner
    group, prefix = ((folder.parent, f'{folder.name}, ')
                     if folder.match(SEED_FOLDER.format('*')) else (folder, ''))
    return [
        _result(group, f'{prefix}learner {i}', {
            name: column[data['learner'] == i] for name, column in data.items()},
            steps // learners, goals, solved_at)
        for i in range(learners)
    ]


def _result(
    group: Path, name: str, data: dict[str, np.ndarray], steps: int, goals: Sequence[float],
    solved_at: float | None,
) -> Result:
    """Summarise the episodes of one learner or fleet."""
    episodes = len(data[MEAN])
    last = {} if not episodes else {
        'last': float(data[MEAN][-1]), 'falls': int(data['fell'][-WINDOW:].sum()),
        'length': float(data['length'][-WINDOW:].mean()), 'last_of': min(episodes, WINDOW)}
    # The best mean and the goals are about 100-episode means.
    means, ended = data[MEAN][WINDOW - 1:], data['steps'][WINDOW - 1:]
    if not len(means):
        return Result(
            group, name, steps, episodes, (None,) * len(goals), solved_at=solved_at, **last)

    def first(goal: float) -> int | None:
        at = np.flatnonzero(means >= goal)
        return int(ended[at[0]]) if len(at) else None

    best = int(np.argmax(means))
    return Result(
        group, name, steps, episodes, tuple(first(goal) for goal in goals),
        float(means[best]), int(ended[best]), solved_at=solved_at, **last)
