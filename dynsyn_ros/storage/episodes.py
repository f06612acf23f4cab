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

"""The log of episodes: a CSV file with a row for each episode that has ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
import csv
from io import StringIO
import math
import os
from pathlib import Path
from typing import NamedTuple

from dynsyn_ros.settings.files import check_folder, opened, whole_length
from dynsyn_ros.settings.schema import ConfigError
import numpy as np

#: Episodes in a mean. The task is solved when such a mean is high enough.
WINDOW = 100
#: The names of the log and its picture in the folder of a run.
EPISODES_FILE, CURVE_FILE = 'episodes.csv', 'learning_curve.png'
#: The columns of the mean of the last episodes, and of their number.
MEAN, MEAN_OF = 'mean', 'mean_of'
COLUMNS = ('learner', 'episode', 'steps', 'length', 'return', 'fell', MEAN, MEAN_OF)
#: The columns of a former version: no number of episodes in the mean, and steps of one learner.
_FORMER_COLUMNS = (*COLUMNS[:-2], f'mean_{WINDOW}')
#: The last row is never longer than this, bytes.
_TAIL = 1000
#: The first columns, this many, are counts.
_COUNTS = 4


class Episode(NamedTuple):
    """An episode that has ended."""

    total: float
    """Sum of its rewards, the return."""
    length: int
    """Number of steps."""
    fell: bool


class Mean(NamedTuple):
    """The mean return of the last episodes of a learner, or of a fleet."""

    value: float | None
    """None if no episode has ended."""
    of: int
    """Number of episodes in the mean, at most 100."""


class Table:
    """A CSV file that grows row by row and can be continued from an earlier length."""

    def __init__(self, path: Path, columns: Sequence[str], go_on_from: int = 0) -> None:
        """
        Start the file, or keep its first ``go_on_from`` bytes and continue from there.

        Raises :class:`ConfigError`, with the file unchanged, if it cannot be written or is shorter
        than that.
        """
        check_folder(path.parent)
        check_length(path, go_on_from)
        self._path = path
        try:
            if go_on_from:
                os.truncate(path, go_on_from)
            self._file = path.open(
                'a' if go_on_from else 'w', newline='', encoding='utf-8', buffering=1)
        except OSError as error:
            raise ConfigError(f'cannot write {path}: {error.strerror}') from error
        self._writer = csv.writer(self._file)
        if not go_on_from:
            self.write(columns)

    def write(self, row: Iterable) -> None:
        """Add a row; raises :class:`ConfigError` if it cannot be written."""
        try:
            self._writer.writerow(row)
        except OSError as error:
            raise ConfigError(f'cannot write {self._path}: {error.strerror}') from error

    def sync(self) -> int:
        """Sync all rows to disk; returns the length of the file, bytes."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            return self._file.tell()
        except OSError as error:
            raise ConfigError(f'cannot write {self._path}: {error.strerror}') from error

    def close(self) -> None:
        """Close the file; raises :class:`ConfigError` if its last rows cannot be written."""
        try:
            self._file.close()
        except OSError as error:
            raise ConfigError(f'cannot write {self._path}: {error.strerror}') from error


class EpisodeLog(Table):
    """
    Append each episode to a CSV file as it ends.

    The mean is over the last 100 episodes of the same learner, or of all learners of a fleet.
    ``mean_of`` is the number of episodes in it, which is less than 100 at first. ``steps`` are
    those of all walkers together.
    """

    def __init__(
        self, path: Path, learners: int = 1, shared: bool = False, go_on_from: int = 0,
        solved_at: float | None = None,
    ) -> None:
        """
        Start the file, or continue a log, as a :class:`Table` does.

        A mean of ``solved_at`` solves the task; None means never.
        """
        self._shared, self._solved_at = shared, math.inf if solved_at is None else solved_at
        self._last = [deque(maxlen=WINDOW) for _ in range(1 if shared else learners)]
        self.episodes = [0] * learners
        """Number of episodes of each learner."""
        self.solved_after: list[int | None] = [None] * len(self._last)
        """Steps of all walkers after which each learner, or the fleet, had solved the task."""
        self.best: float | None = None
        """The best mean of 100 episodes so far, of any learner or of the fleet."""
        self.steps = 0
        """Steps of all walkers at the end of the last episode."""
        if go_on_from:
            check_length(path, go_on_from)
            data = read_episodes(path, learners, go_on_from)
            if not (data['learner'] < learners).all():
                raise ConfigError(f'{path} is the log of more than {learners} learners')
            for learner, total, steps in zip(
                    data['learner'].tolist(), data['return'].tolist(), data['steps'].tolist(),
                    strict=True):
                self._count(int(learner), total, int(steps))
            with opened(path) as file:
                if file.readline().decode().strip() != ','.join(COLUMNS):
                    raise ConfigError(f'{path} has the columns of a former version: rename it, '
                                      'and the run will start a new one')
        super().__init__(path, COLUMNS, go_on_from)

    def add(self, learner: int, episode: Episode, steps: int) -> None:
        """Add an episode that ended after ``steps`` steps of all walkers."""
        total = round(episode.total, 3)
        mean, of = self._count(learner, total, steps)
        self.write((
            learner, self.episodes[learner], steps, episode.length, f'{total:.3f}',
            int(episode.fell), f'{mean:.3f}', of))

    def _count(self, learner: int, total: float, steps: int) -> Mean:
        self.episodes[learner] += 1
        self.steps = steps
        group = 0 if self._shared else learner
        last = self._last[group]
        last.append(total)
        mean = _mean(last)
        if mean.of == WINDOW:
            self.best = mean.value if self.best is None else max(self.best, mean.value)
            if mean.value >= self._solved_at and self.solved_after[group] is None:
                self.solved_after[group] = steps
        return mean

    @property
    def solved(self) -> bool:
        """Whether every learner, or the fleet, has reached the mean that solves the task."""
        return None not in self.solved_after

    @property
    def means(self) -> list[Mean]:
        """The mean of each learner, or of the fleet."""
        return [_mean(last) for last in self._last]


def _mean(last: deque[float]) -> Mean:
    """Return the mean as the log has it."""
    return Mean(round(sum(last) / len(last), 3) if last else None, len(last))


def last_steps(path: Path) -> int:
    """Return the steps at the last episode of a log that may be growing; 0 if there is none."""
    with opened(path) as file:
        file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
        rows = file.read().decode('utf-8', 'replace').split('\n')[:-1]
    cells = rows[-1].split(',') if rows else []
    count = cells[COLUMNS.index('steps')] if len(cells) == len(COLUMNS) else ''
    return int(count) if count.isdecimal() else 0


def has_rows(path: Path) -> bool:
    """Return whether a table exists and has more than its header."""
    if not path.exists():
        return False
    with opened(path) as file:
        file.readline()
        return bool(file.read(1))


def check_length(path: Path, least: int) -> None:
    """Raise :class:`ConfigError` if a file is shorter than ``least`` bytes."""
    if least:
        with opened(path) as file:
            if os.fstat(file.fileno()).st_size < least:
                raise ConfigError(f'{path} is shorter than when it was last written')


def read_episodes(path: Path, walkers: int, most: int | None = None) -> dict[str, np.ndarray]:
    """
    Read the columns of a log: arrays over the episodes, in the order they ended.

    ``walkers`` is the number of walkers in the run. The log is read up to its last complete row,
    or, if ``most`` is given, only its first ``most`` bytes.
    """
    with opened(path) as file:
        content = file.read(whole_length(path) if most is None else most)
    try:
        lines = csv.DictReader(StringIO(content.decode('utf-8'), newline=''))
        former = lines.fieldnames is not None and _FORMER_COLUMNS[-1] in lines.fieldnames
        names = _FORMER_COLUMNS if former else COLUMNS
        rows = [[float(row[name]) for name in names] for row in lines]
        columns = np.array(rows).reshape(-1, len(names)).T
        if lines.fieldnames is None or (
                not np.isfinite(columns).all() or (columns[:_COUNTS] < 0).any()):
            raise ValueError
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f'{path} must be a CSV file with the columns {", ".join(COLUMNS)}') from error
    data = dict(zip(COLUMNS, columns, strict=False))
    if former:
        data['steps'] = data['steps'] * walkers
        data[MEAN_OF] = np.full(data['steps'].shape, WINDOW)  # as the column's name says
    return data
