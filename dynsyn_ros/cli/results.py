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

"""``dynsyn results``: the results of trainings as tables."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli.tables import table
from dynsyn_ros.storage.episodes import WINDOW
from dynsyn_ros.training.results import read_results, Result
import numpy as np

GOALS = (100.0, 200.0, 300.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('folders', type=Path, nargs='+', metavar='DIR',
                        help='folders of dynsyn train or dynsyn sweep, finished or not')
    parser.add_argument(
        '--goals', type=shared_options.finite, nargs='+', default=GOALS, metavar='RETURN', help=(
            f'show when the {WINDOW}-episode mean first reached these '
            f'(default: {" ".join(f"{goal:g}" for goal in GOALS)})'))
    shared_options.add_markdown(parser)


def main(options: argparse.Namespace) -> None:
    """Print a row for each learner or fleet, and one for each group of them."""
    # A training may be in several of the folders.
    results = list({(result.group, result.name): result for folder in options.folders
                    for result in read_results(folder.resolve(), options.goals)}.values())
    names = _names(result.group for result in results)
    print(table(
        ('run', 'steps', 'episodes', *(f'{goal:g}\nafter' for goal in options.goals),
         f'best mean\nof {WINDOW}', f'last mean\nof {WINDOW}', 'falls', 'steps per\nepisode'),
        ([f'{names[result.group]}, {result.name}', *_cells(result)] for result in results),
        options.markdown))
    groups: dict[Path, list[Result]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    print('\n' + table(
        ('group', 'runs', 'solved', f'best means\nof {WINDOW}', 'mean (SD)\nof these',
         'last means:\nmean (SD)', 'falls\non average'),
        (_group_row(names[folder], members) for folder, members in groups.items()),
        options.markdown))
    print('\nSteps are those of all walkers that taught a learner. Falls and steps per episode\n'
          f'are those of the last {WINDOW} episodes; if there are fewer, the last mean shows how '
          'many.')


def _names(folders: Iterable[Path]) -> dict[Path, str]:
    """Name folders by their last parts, as many as it takes for different names."""
    different = set(folders)
    parts = 1
    while True:
        names = {folder: '/'.join(folder.parts[-parts:]) for folder in different}
        if len(set(names.values())) == len(names):
            return names
        parts += 1


def _cells(result: Result) -> list[str]:
    best = _text(result.best, '.1f')
    if result.best_after is not None:
        best += f' at {_million(result.best_after)}'
    few = f' (of {result.last_of})' if 0 < result.last_of < WINDOW else ''
    return [
        _million(result.steps), f'{result.episodes}', *map(_million, result.after), best,
        _text(result.last, '.1f') + few, _text(result.falls, 'd'), _text(result.length, '.0f')]


def _group_row(name: str, members: Sequence[Result]) -> list[str]:
    known = [each for each in members if each.best is not None]
    cells = [name, f'{len(members)}',
             f'{sum(each.solved for each in members)}'
             if any(each.solved_at is not None for each in members) else '-']
    if not known:
        return [*cells, '-', '-', '-', '-']
    best = [each.best for each in known]
    falls = np.mean([each.falls for each in known])
    return [*cells, ', '.join(f'{mean:.1f}' for mean in best), _spread(best),
            _spread([each.last for each in known]), f'{falls:.1f}']


def _spread(values: Sequence[float]) -> str:
    """Write the mean and the standard deviation of a sample; a single value has none."""
    deviation = f'{np.std(values, ddof=1):.1f}' if len(values) > 1 else '-'
    return f'{np.mean(values):.1f} ({deviation})'


def _million(steps: int | None) -> str:
    """Write a count of steps with enough digits to distinguish short runs."""
    if steps is None:
        return '-'
    return f'{steps / 1e6:.2f} M' if steps >= 100_000 else f'{steps:,}'


def _text(value: float | None, form: str) -> str:
    return '-' if value is None else format(value, form)
