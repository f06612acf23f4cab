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
Sweeps: the same training with several settings and seeds, and one picture of all.

A sweep file is YAML: the options of ``dynsyn train``, the ``seeds``, and ``settings``, a table
from names to changes. All keys of this example are needed; ``params_file``, the robot's file, may
be added. Presets, robots and pretrained weights are found by name from any folder. Steps are those
of all walkers together::

    env_id: BipedalWalker-v3
    simulator: gymnasium
    preset: default
    learners: 16
    separate: false
    steps: 1600000
    until_solved: false
    weights: none
    seeds: [0, 1, 2, 3]
    settings:
      as it is: {}
      short trace: {learner: {prediction: {eligibility_time_constant: 33.0}}}

Each setting and seed is a training in its own folder, ``SETTING/seed_N``. ``episodes.csv`` has all
episodes. ``summary.csv`` has one row per training, which counts as solved once all its learners
have solved the task. ``curves.png`` shows the mean of each setting over its seeds, with a band
from the worst to the best. The means of separate learners of a seed are averaged; ``best_mean`` is
that of the best one. To continue a finished sweep, ask for more steps in its file, or add settings
and seeds. A training that is there already keeps its settings and its steps: for others, choose
another ``--output``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
import csv
from dataclasses import asdict, dataclass, fields
from io import StringIO
import math
from pathlib import Path
import re
from typing import Any

from dynsyn_ros.settings.assets import ROBOT_FILE, weights_path
from dynsyn_ros.settings.files import opened, replaced, whole_length
from dynsyn_ros.settings.parameters import read_table
from dynsyn_ros.settings.schema import build, ConfigError, cut
from dynsyn_ros.storage.episodes import (
    COLUMNS,
    last_steps,
    MEAN,
    MEAN_OF,
    read_episodes,
    WINDOW,
)
from dynsyn_ros.storage.folders import MANIFEST, SEED_FOLDER
from dynsyn_ros.training import sweep_picture, trainer
from dynsyn_ros.training.checkpoint import NothingLeft
from dynsyn_ros.training.config import TrainingConfig
from dynsyn_ros.training.presets import read_preset, read_robot
from dynsyn_ros.training.trainer import Trainer
import numpy as np

EPISODES, SUMMARY, CURVES = 'episodes.csv', 'summary.csv', 'curves.png'
#: How long a worker waits for its folder, s: a worker of a killed sweep may still hold it.
PATIENCE = 30.0
MOST_JOBS = 10_000
#: A setting's name, which is also that of a folder: one line, not hidden, and without a slash.
_NAME = re.compile(r'[^./][^/]{0,99}')
#: The longest name of a folder, bytes.
_MOST_BYTES = 255
#: The keys of a sweep file that describe a training, without seed, robot and learner.
_TRAINING_KEYS = tuple(each.name for each in fields(TrainingConfig)
                   if each.name not in ('seed', 'robot', 'learner'))
_SUMMARY_COLUMNS = ('setting', 'seed', 'steps', 'episodes', 'mean', 'mean_of', 'best_mean',
                    'solved_after_steps')


@dataclass(frozen=True)
class Job:
    """One training of a sweep."""

    setting: str
    config: TrainingConfig
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether all results exist, for the number of steps that is now asked for."""
        return self._done.exists()

    @property
    def steps(self) -> int:
        """Steps of all walkers at the end of the last episode."""
        if self.finished:
            return self.config.steps
        log = self.folder / trainer.EPISODES
        return last_steps(log) if log.exists() else 0

    @property
    def _done(self) -> Path:
        return self.folder / f'.finished_{self.config.steps}'

    def check(self, longer: bool = True) -> bool:
        """
        Return whether its folder has a training; raises :class:`ConfigError` if that is another.

        Another has other settings, or, unless ``longer`` ones are allowed, has gone beyond the
        steps asked for.
        """
        made, taken = trainer.made_with(self.folder) or (None, 0)
        name = made and _first_difference(
            trainer.plain(asdict(self.config)), {**made, 'steps': self.config.steps})
        if name:
            raise ConfigError(
                f'{self.folder} was made with other settings, the first is {name}: choose '
                'another --output')
        most = math.ceil(self.config.steps / self.config.learners) * self.config.learners
        if taken > most and not longer:
            raise ConfigError(
                f'{self.folder} has taken {taken} steps already, more than the {self.config.steps}'
                ' that are asked for: choose another --output')
        return made is not None

    def run(self, stop: Callable[[], bool]) -> None:
        """
        Train until finished or ``stop``, from the last checkpoint if there is one.

        Raises :class:`ConfigError` if it cannot be trained.
        """
        try:
            training = self._training()
        except NothingLeft:
            # Its worker died after the last checkpoint, maybe before it wrote the summary.
            self._resume(None).run(lambda: True, lambda _: None)
            self._note_end()
            return
        training.run(stop, lambda _: None)
        if training.finished:
            self._note_end()

    def _note_end(self) -> None:
        try:
            self._done.touch()
        except OSError as error:
            raise ConfigError(f'cannot write {self._done}: {error.strerror}') from error

    def _training(self) -> Trainer:
        if (self.folder / trainer.CHECKPOINT).exists():
            return self._resume(self.config.steps)
        return Trainer(self.config, self.folder, threads=1, patience=PATIENCE)

    def _resume(self, steps: int | None) -> Trainer:
        return Trainer.resume(self.folder, steps, threads=1, patience=PATIENCE)


def read_sweep(file: Path, output: Path) -> list[Job]:
    """Read a sweep file into its jobs; raises :class:`ConfigError`."""
    content = read_table(
        file, ('preset', *_TRAINING_KEYS, 'seeds', 'settings'), ('params_file',), 'sweep')
    settings, seeds = content['settings'], content['seeds']
    if not isinstance(settings, dict) or not isinstance(seeds, list) or not settings or not seeds:
        raise ConfigError(f'{file}: seeds must be a list and settings a table, neither empty')
    if len(settings) * len(seeds) > MOST_JOBS:
        raise ConfigError(f'{file}: {len(settings) * len(seeds)} trainings are too many: a sweep '
                          f'has at most {MOST_JOBS}')
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise ConfigError(f'{file}: seeds names {cut(seed)} twice')
    for name in settings:
        if not (_NAME.fullmatch(name) and name.isprintable()
                and len(name.encode()) <= _MOST_BYTES
                and name not in (EPISODES, SUMMARY, CURVES, MANIFEST)):
            raise ConfigError(
                f'{file}: the setting {cut(name)} must have a name of up to 100 characters that '
                'is valid for a folder')
    base = {key: content[key] for key in _TRAINING_KEYS}
    base['robot'] = asdict(read_robot(str(content.get('params_file', ROBOT_FILE))))
    base['learner'] = asdict(read_preset(str(content['preset'])))
    jobs = []
    for name, changes in settings.items():
        for seed in seeds:
            where = f'{file}: setting {name}'
            values = _changed(base, {} if changes is None else changes, where)
            try:
                values['weights'] = weights_path(str(values['weights']))
                config = build(TrainingConfig, {**values, 'seed': seed})
            except ConfigError as error:
                raise ConfigError(f'{where}: {error}') from error
            jobs.append(Job(name, config, output / name / SEED_FOLDER.format(seed)))
    return jobs


def try_out(jobs: Iterable[Job]) -> None:
    """Raise :class:`ConfigError` that names a setting whose robot or weights cannot be used."""
    tried = []
    for job in jobs:
        config = job.config
        parts = config.simulator, config.env_id, config.weights, config.robot
        if parts in tried:
            continue
        tried.append(parts)
        try:
            config.try_out()
        except ConfigError as error:
            raise ConfigError(f'setting {job.setting}: {error}') from error


def _first_difference(mine: Any, theirs: Any, name: str = '') -> str | None:
    """Return the dotted name of the first entry of two nested tables that differs, or None."""
    if not isinstance(mine, dict) or not isinstance(theirs, dict):
        return None if mine == theirs else name
    for key in {**mine, **theirs}:
        inner = f'{name}.{key}' if name else key
        if key not in mine or key not in theirs:
            return inner
        found = _first_difference(mine[key], theirs[key], inner)
        if found:
            return found
    return None


def _changed(values: Mapping[str, Any], changes: Any, where: str) -> dict[str, Any]:
    """Copy nested values with some changed; raises :class:`ConfigError` for an unknown key."""
    if not isinstance(changes, Mapping):
        raise ConfigError(f'{where} must be a table, not {cut(changes)}')
    made = dict(values)
    for key, change in changes.items():
        if key not in values:
            raise ConfigError(f'{where} changes the unknown key {cut(key)}: there are '
                              f'{", ".join(map(str, values))}')
        made[key] = (_changed(values[key], change, f'{where}: {key}')
                     if isinstance(values[key], Mapping) and change is not None else change)
    return made


def merge(jobs: list[Job], output: Path) -> None:
    """Write a CSV file of all episodes, one of all results, and the picture."""
    logs = _logs(jobs)
    with replaced(output / EPISODES, 'w') as file:
        writer = csv.writer(file)
        writer.writerow(('setting', 'seed', *COLUMNS))
        for job in jobs:
            log = job.folder / trainer.EPISODES
            with opened(log) as part:
                content = part.read(whole_length(log)).decode('utf-8')
                rows = csv.reader(StringIO(content, newline=''))
                next(rows)
                writer.writerows((job.setting, job.config.seed, *row) for row in rows)
    with replaced(output / SUMMARY, 'w') as file:
        writer = csv.writer(file)
        writer.writerow(_SUMMARY_COLUMNS)
        writer.writerows(_result(job) for job in jobs)
    sweep_picture.draw(
        logs, _common(job.config.learners for job in jobs),
        _common(job.config.solved_at for job in jobs), output / CURVES)


def _common(values: Iterable[Any]) -> Any:
    """Return the value that all have, or None."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _result(job: Job) -> tuple:
    """Return the row of a finished job."""
    summary = trainer.read_summary(job.folder)
    try:
        return _row(job, summary)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'{job.folder / trainer.SUMMARY} is not the {trainer.SUMMARY} of a '
                          'training') from error


def _row(job: Job, summary: Mapping[str, Any]) -> tuple:
    means = [mean for mean in summary['mean'] if mean is not None]
    solved = summary['solved_after_steps']
    return (
        job.setting, job.config.seed, summary['steps'], summary['episodes'],
        f'{np.mean(means):.3f}' if means else '', min(summary['mean_of']),
        '' if summary['best_mean'] is None else f'{summary["best_mean"]:.3f}',
        '' if None in solved else max(solved))


def _logs(jobs: list[Job]) -> dict[str, list[sweep_picture.Log]]:
    """Read what is drawn of every seed that has episodes, by setting."""
    logs: dict[str, list[sweep_picture.Log]] = {job.setting: [] for job in jobs}
    for job in jobs:
        log = _means(job)
        if len(log[MEAN]):
            logs[job.setting].append(log)
    # Means of fewer episodes are left out only if that leaves out no seed.
    if all(log[MEAN_OF].max() >= WINDOW for each in logs.values() for log in each):
        return {setting: [_whole(log) for log in each] for setting, each in logs.items()}
    return logs


def _means(job: Job) -> sweep_picture.Log:
    """Read the means of a job, over its learners if they are separate."""
    data = read_episodes(job.folder / trainer.EPISODES, job.config.learners)
    if job.config.separate and len(data[MEAN]):
        data = _of_all_learners(data, job.config.learners)
    return {name: data[name] for name in ('steps', MEAN, MEAN_OF)}


def _whole(log: sweep_picture.Log) -> sweep_picture.Log:
    """Return the means that are of 100 episodes."""
    whole = log[MEAN_OF] >= WINDOW
    return {name: column[whole] for name, column in log.items()}


def _of_all_learners(data: Mapping[str, np.ndarray], learners: int) -> dict[str, np.ndarray]:
    """
    Average the newest means of separate learners whenever one of them has ended an episode.

    A learner without an episode does not count. The number of episodes is the least of all
    learners, but at least 1.
    """
    rows = np.arange(len(data[MEAN]))
    newest = np.maximum.accumulate(
        [np.where(data['learner'] == i, rows, -1) for i in range(learners)], axis=1)
    begun = newest >= 0
    means, of = (np.where(begun, data[name][newest], 0.0) for name in (MEAN, MEAN_OF))
    return {'steps': data['steps'], MEAN: means.sum(axis=0) / begun.sum(axis=0),
            MEAN_OF: np.maximum(of.min(axis=0), 1.0)}
