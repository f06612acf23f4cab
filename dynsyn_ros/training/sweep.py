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

A sweep file is YAML: the options of ``dynsyn train``, the ``seeds``, and ``settings``, each a name
with what it changes::

    env_id: BipedalWalker-v3
    simulator: gymnasium
    preset: default
    learners: 16
    shared: true
    steps: 100000
    until_solved: false
    weights: none
    seeds: [0, 1, 2, 3]
    settings:
      as it is: {}
      no trace: {learner: {synapses: {trace: 0.0}}}

Each setting and seed is a training in a folder of its own, ``SETTING/seed_N``. ``episodes.csv``
has all their episodes, ``summary.csv`` a row each and ``curves.png`` the mean of each setting with
a band from the worst to the best seed. A finished sweep goes on if its file asks for more steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import csv
from dataclasses import asdict, dataclass
from io import TextIOWrapper
from pathlib import Path
import re
from typing import Any

from dynsyn_ros.pictures import canvas
from dynsyn_ros.pictures.curves import finish_curves
from dynsyn_ros.settings.assets import ROBOT_FILE
from dynsyn_ros.settings.files import opened, replaced
from dynsyn_ros.settings.parameters import read_table
from dynsyn_ros.settings.schema import build, ConfigError, cut
from dynsyn_ros.storage.episodes import COLUMNS, MEAN, read_episodes, SOLVED
from dynsyn_ros.training import trainer
from dynsyn_ros.training.config import TrainingConfig
from dynsyn_ros.training.presets import read_preset, read_robot
from dynsyn_ros.training.trainer import Trainer
import numpy as np

EPISODES, SUMMARY, CURVES = 'episodes.csv', 'summary.csv', 'curves.png'
#: How long a worker waits for its folder, s: that of a sweep that was killed may be about to end.
PATIENCE = 30.0
MOST_JOBS = 10_000
#: A setting's name, which is that of a folder: of one line, not hidden, and not within another.
_NAME = re.compile(r'[^./\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,99}')
_OWN_KEYS = ('preset', 'params_file', 'seeds', 'settings')
_SUMMARY_COLUMNS = ('setting', 'seed', 'steps_of_all_learners', 'episodes', 'mean_100',
                    'best_mean', 'solved_after_steps_of_all')


@dataclass(frozen=True)
class Job:
    """One training of a sweep."""

    setting: str
    config: TrainingConfig
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether its results are all there, for as many steps as are asked for now."""
        return self._done.exists()

    @property
    def _done(self) -> Path:
        return self.folder / f'.finished_{self.config.steps}'

    def run(self, stop: Callable[[], bool]) -> None:
        """
        Train until finished or ``stop``, from the last checkpoint if there is one.

        Raises :class:`ConfigError` if it cannot.
        """
        if (self.folder / trainer.CHECKPOINT).exists():
            training = Trainer.resume(
                self.folder, self.config.steps, threads=1, patience=PATIENCE)
        else:
            training = Trainer(self.config, self.folder, threads=1, patience=PATIENCE)
        training.run(stop, lambda _: None)
        if training.finished:
            self._done.touch()


def read_sweep(file: Path, output: Path) -> list[Job]:
    """Read a sweep file into its jobs; raises :class:`ConfigError`."""
    content = read_table(file, ('preset', 'seeds', 'settings'), 'sweep')
    settings, seeds = content['settings'], content['seeds']
    if not isinstance(settings, dict) or not isinstance(seeds, list) or not settings or not seeds:
        raise ConfigError(f'{file}: seeds must be a list and settings a table, neither empty')
    if len(settings) * len(seeds) > MOST_JOBS:
        raise ConfigError(f'{file}: {len(settings) * len(seeds)} trainings are too many, a sweep '
                          f'has at most {MOST_JOBS}')
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise ConfigError(f'{file}: seeds names {cut(seed)} twice')
    for name in settings:
        if not _NAME.fullmatch(str(name)):
            raise ConfigError(
                f'{file}: the setting {cut(name)} must have a name of up to 100 characters that '
                'can be that of a folder')
    if len({str(name) for name in settings}) < len(settings):
        raise ConfigError(f'{file}: two settings have the same name')
    base = {key: value for key, value in content.items() if key not in _OWN_KEYS}
    base['robot'] = asdict(read_robot(Path(content.get('params_file', ROBOT_FILE))))
    base['learner'] = asdict(read_preset(str(content['preset'])))
    jobs = []
    for name, changes in settings.items():
        for seed in seeds:
            values = _changed(base, changes or {}, f'{file}: setting {name}')
            config = build(TrainingConfig, {**values, 'seed': seed})
            jobs.append(Job(str(name), config, output / str(name) / f'seed_{seed}'))
    return jobs


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
    """Write one CSV of all episodes, one of all results, and the picture, each whole."""
    with replaced(output / EPISODES, 'w') as file:
        writer = csv.writer(file)
        writer.writerow(('setting', 'seed', *COLUMNS))
        for job in jobs:
            log = job.folder / trainer.EPISODES
            read_episodes(log)
            with opened(log) as part:
                rows = csv.reader(TextIOWrapper(part, encoding='utf-8', newline=''))
                next(rows)
                writer.writerows((job.setting, job.config.seed, *row) for row in rows)
    with replaced(output / SUMMARY, 'w') as file:
        writer = csv.writer(file)
        writer.writerow(_SUMMARY_COLUMNS)
        writer.writerows(_result(job) for job in jobs)
    _draw(jobs, output / CURVES)


def _result(job: Job) -> tuple:
    """Put a finished job into one row."""
    summary = trainer.read_summary(job.folder)
    try:
        return _row(job, summary)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'{job.folder / trainer.SUMMARY} is not the {trainer.SUMMARY} of a '
                          'training') from error


def _row(job: Job, summary: Mapping[str, Any]) -> tuple:
    means = [mean for mean in summary['mean_100'] if mean is not None]
    solved = [steps for steps in summary['solved_after_steps'] if steps is not None]
    return (
        job.setting, job.config.seed, summary['steps_of_all_learners'], summary['episodes'],
        f'{np.median(means):.3f}' if means else '',
        '' if summary['best_mean'] is None else f'{summary["best_mean"]:.3f}',
        min(solved) * job.config.learners if solved else '')


def _draw(jobs: list[Job], path: Path) -> None:
    """
    Draw the mean over the seeds of each setting, with a band from the worst to the best.

    It ends where the first seed ends that has not solved the task; one that has stays where it is.
    """
    figure = canvas.new()
    axes = figure.add_subplot(
        xlabel='million steps of all learners', ylabel='mean return of 100 episodes')
    for i, setting in enumerate(dict.fromkeys(job.setting for job in jobs)):
        mine = [job for job in jobs if job.setting == setting]
        curves = []
        for job in mine:
            episodes = read_episodes(job.folder / trainer.EPISODES)
            if len(episodes['steps']):
                curves.append((episodes['steps'] * job.config.learners, episodes[MEAN]))
        if not curves:
            continue
        unsolved = [steps[-1] for steps, means in curves if means[-1] < SOLVED]
        end = min(unsolved) if unsolved else max(steps[-1] for steps, _ in curves)
        grid = np.linspace(0.0, end, 400)
        values = np.array([np.interp(grid, steps, means) for steps, means in curves])
        axes.plot(grid / 1e6, values.mean(axis=0), color=f'C{i}',
                  label=f'{setting} ({len(values)} seeds)')
        axes.fill_between(grid / 1e6, values.min(axis=0), values.max(axis=0), color=f'C{i}',
                          alpha=0.2, linewidth=0)
    finish_curves(axes)
    canvas.save(figure, path)
