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
Searches for settings: settings are drawn from ranges, and the better ones are trained for longer.

A search file is YAML: the options of ``dynsyn train``, the ``ranges`` from which the preset's
settings are drawn, and how to search::

    env_id: BipedalWalker-v3
    simulator: envpool
    preset: default
    learners: 16
    separate: false
    until_solved: false
    weights: none                      # or weights that all trainings start from
    trials: 100                        # settings to try
    sampler: tpe                       # or random
    sampler_seed: 0
    objective: last                    # value of a training: mean return of the last `episodes`
    episodes: 400
    over_seeds: median                 # value of a trial: the median over its seeds
    seeds: [0, 1, 2, 3]
    budgets:                           # the best third of each continues to the next one
    - {steps: 1000000, seeds: 2}       # steps of all walkers, with the first two seeds
    - {steps: 3000000, seeds: 4}
    reduction_factor: 3
    ranges:
      synapses.centre_rate: {low: 1.0e-5, high: 1.0e-3, log: true}
      synapses.amplitude[2]: {low: 0.05, high: 0.4}
      synapses.repulsion: {choices: [true, false]}

A range without an index gives all entries of a list the same value. Whole numbers are drawn for a
setting that is a whole number. ``objective`` may also be ``best``, the best mean of that many
consecutive episodes, or ``area``, that mean averaged over the steps, which favours early learning.
Trial 0 is the unchanged preset, if its values are in the ranges. It is trained to the end for
comparison.

All keys of this example are needed; ``params_file``, the robot's file, may be added. Presets,
robots and pretrained weights are found by name from any folder.
"""

from __future__ import annotations

from collections.abc import Mapping
import copy
from dataclasses import asdict, dataclass, fields
from itertools import combinations, pairwise
import json
from pathlib import Path
import re
from typing import Any, get_args, get_origin

from dynsyn_ros.learner import LearnerConfig
from dynsyn_ros.settings.assets import ROBOT_FILE, weights_path
from dynsyn_ros.settings.parameters import read_table
from dynsyn_ros.settings.schema import (
    build,
    build_part,
    ConfigError,
    NO_LIMIT,
    Setting,
    setting,
    settings_of,
)
from dynsyn_ros.training.config import TrainingConfig
from dynsyn_ros.training.presets import read_preset, read_robot

SAMPLERS = ('random', 'tpe')
OBJECTIVES = ('last', 'best', 'area')
OVER_SEEDS = ('median', 'mean', 'worst')
_NAME = re.compile(r'([\w.]+?)(?:\[(\d+)\])?')
Choice = bool | int | float | str


@dataclass(frozen=True)
class Budget:
    """What each trial that reaches this budget may use."""

    steps: int = setting('steps of all walkers together after which a trial is compared', low=1,
                         high=NO_LIMIT)
    seeds: int = setting('how many of the seeds are trained', low=1, high=10_000)


@dataclass(frozen=True)
class SearchConfig:
    """How to search."""

    trials: int = setting('number of trials', low=1, high=1_000_000)
    sampler: str = setting(
        'how settings are drawn: random, or by TPE, which learns from earlier trials',
        choices=SAMPLERS)
    sampler_seed: int = setting('seed of the sampler', low=0, high=2**31 - 1)
    objective: str = setting('value of a training', choices=OBJECTIVES)
    episodes: int = setting('number of episodes in the mean of the objective', low=1,
                            high=1_000_000)
    over_seeds: str = setting('value of a trial, from the values of its seeds', choices=OVER_SEEDS)
    seeds: list[int] = setting('seeds of the trainings', low=0, high=2**31 - 1)
    reduction_factor: int = setting('one in this many trials continues to the next budget', low=2,
                                    high=1000)


@dataclass(frozen=True)
class Span:
    """A range of numbers."""

    low: float = setting('least value', low=-1e15, high=1e15)
    high: float = setting('greatest value', low=-1e15, high=1e15)
    log: bool = setting('whether it is drawn evenly in the logarithm')


@dataclass(frozen=True)
class Range:
    """The span or the choices from which one setting of the preset is drawn."""

    name: str
    path: tuple[str, ...]
    index: int | None
    whole: bool
    """Whether the setting is a whole number."""
    span: Span | None
    choices: tuple[Any, ...]

    @property
    def labels(self) -> tuple[Choice, ...]:
        """The choices in a form that a study can store, where lists become text."""
        return tuple(choice if isinstance(choice, Choice) else json.dumps(choice)
                     for choice in self.choices)

    def value(self, drawn: Choice) -> Any:
        """Return the value of the setting for what was drawn."""
        return drawn if self.span else self.choices[self.labels.index(drawn)]

    def ends(self) -> tuple[Any, ...]:
        """List the values at its ends, or all choices."""
        if self.span is None:
            return self.choices
        ends = (self.span.low, self.span.high)
        return tuple(map(int, ends)) if self.whole else ends

    def put(self, preset: dict[str, Any], value: Any) -> None:
        """Set the setting's value in the nested tables of a preset."""
        *sections, leaf = self.path
        for section in sections:
            preset = preset[section]
        if isinstance(preset[leaf], list) and not isinstance(value, list):
            entries = range(len(preset[leaf])) if self.index is None else (self.index,)
            for entry in entries:
                preset[leaf][entry] = value
        else:
            preset[leaf] = value

    def of(self, preset: Mapping[str, Any]) -> Any:
        """Return the setting's value in a preset; None for a list whose entries differ."""
        value: Any = preset
        for key in self.path:
            value = value[key]
        if isinstance(value, list) and not any(isinstance(each, list) for each in self.choices):
            entries = set(value) if self.index is None else {value[self.index]}
            return entries.pop() if len(entries) == 1 else None
        return value


@dataclass(frozen=True)
class Search:
    """A search file."""

    config: SearchConfig
    budgets: tuple[Budget, ...]
    ranges: tuple[Range, ...]
    base: dict[str, Any]
    """The values of a :class:`TrainingConfig`, without its seed and steps."""
    robot_file: str
    """Name or path of the robot's file."""

    def training(self, params: Mapping[str, Choice], seed: int, steps: int) -> TrainingConfig:
        """Make a training with drawn settings; raises :class:`ConfigError` if they conflict."""
        learner = copy.deepcopy(self.base['learner'])
        for each in self.ranges:
            if each.name in params:
                each.put(learner, each.value(params[each.name]))
        return build(
            TrainingConfig, {**self.base, 'learner': learner, 'seed': seed, 'steps': steps})

    @property
    def as_it_is(self) -> dict[str, Choice]:
        """The preset's own values as a trial would draw them; empty if one is out of range."""
        params = {}
        for each in self.ranges:
            value = each.of(self.base['learner'])
            if each.span is None:
                inside = value in each.choices
            else:
                inside = value is not None and each.span.low <= value <= each.span.high
            if not inside:
                return {}
            params[each.name] = value if each.span else each.labels[each.choices.index(value)]
        return params


def read_search(file: Path) -> Search:
    """Read a search file; raises :class:`ConfigError` if anything is wrong with it."""
    own = [each.name for each in fields(SearchConfig)]
    # Steps and seeds of a training come from the budgets.
    training = [each.name for each in fields(TrainingConfig)
                if each.name not in ('seed', 'steps', 'robot', 'learner')]
    content = read_table(
        file, ('preset', *training, *own, 'budgets', 'ranges'), ('params_file',), 'tune')
    try:
        config = build_part(SearchConfig, content)
        base = {key: content[key] for key in training}
        robot_file = str(content.get('params_file', ROBOT_FILE.stem))
        base['robot'] = asdict(read_robot(robot_file))
        base['learner'] = asdict(read_preset(str(content['preset'])))
        base['weights'] = weights_path(str(base['weights']))
        ranges = _ranges(content['ranges'])
        search = Search(config, _budgets(content['budgets'], config.seeds), ranges, base,
                        robot_file)
        search.training({}, config.seeds[0], search.budgets[0].steps)
        _try_ends(search)
    except ConfigError as error:
        raise ConfigError(f'{file}: {error}') from error
    return search


def _budgets(rows: Any, seeds: list[int]) -> tuple[Budget, ...]:
    """Read the budgets, each larger than the one before."""
    if not isinstance(rows, list) or not rows:
        raise ConfigError('budgets must be a list of tables of steps and seeds')
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f'seeds must be a list of seeds that differ, not {seeds}')
    budgets = tuple(build(Budget, row, f'budgets[{i}].') for i, row in enumerate(rows))
    for before, after in pairwise(budgets):
        if after.steps <= before.steps or after.seeds < before.seeds:
            raise ConfigError('budgets must each have more steps than the one before, and at '
                              'least as many seeds')
    if budgets[-1].seeds > len(seeds):
        raise ConfigError(
            f'budgets take {budgets[-1].seeds} seeds, but seeds lists {len(seeds)}')
    return budgets


def _ranges(tables: Any) -> tuple[Range, ...]:
    """Read the ranges."""
    if not isinstance(tables, dict) or not tables:
        raise ConfigError('ranges must be a table of settings, see dynsyn tune --help')
    known = {each.name: each for each in settings_of(LearnerConfig, {})}
    ranges = tuple(_range(str(name), table, known) for name, table in tables.items())
    for first, second in combinations(ranges, 2):
        if first.path == second.path and (
                None in (first.index, second.index) or first.index == second.index):
            raise ConfigError(f'ranges has both {first.name} and {second.name}, which overlap')
    return ranges


def _range(name: str, table: Any, known: Mapping[str, Setting]) -> Range:
    """Read one range."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts[1] not in known:
        section = name.partition('.')[0]
        near = [each for each in known if each.startswith(f'{section}.')] or list(known)
        raise ConfigError(f'ranges has the unknown setting {name}: there are {", ".join(near)}')
    kind, where = known[parts[1]].kind, f'ranges.{name}'
    index = None if parts[2] is None else int(parts[2])
    if index is not None and get_origin(kind) is not list:
        raise ConfigError(f'{where} has an index, but {parts[1]} is not a list')
    inner = get_args(kind)[0] if get_origin(kind) is list else kind
    if not isinstance(table, Mapping):
        raise ConfigError(f'{where} must be a table of low and high, or of choices')
    span, choices = None, ()
    if 'choices' in table:
        if set(table) != {'choices'} or not isinstance(table['choices'], list) or (
                len(table['choices']) < 2):
            raise ConfigError(f'{where}.choices must be a list of two or more, with no other key')
        choices = tuple(table['choices'])
    elif inner in (int, float):
        span = build(Span, {'log': False, **table}, f'{where}.')
        _check_span(span, where, inner is int)
    else:
        raise ConfigError(f'{where} needs choices: {parts[1]} is not a number')
    return Range(name, tuple(parts[1].split('.')), index, inner is int, span, choices)


def _check_span(span: Span, where: str, whole: bool) -> None:
    """Refuse a span from which nothing can be drawn."""
    if not span.low < span.high:
        raise ConfigError(f'{where}.low must be under {where}.high, not {span.low:g} and '
                          f'{span.high:g}')
    if span.log and span.low <= 0.0:
        raise ConfigError(f'{where}.low must be over 0 where log is true, not {span.low:g}')
    if whole and not (span.low.is_integer() and span.high.is_integer()):
        raise ConfigError(
            f'{where} must have whole numbers, not {span.low:g} and {span.high:g}')


def _try_ends(search: Search) -> None:
    """Refuse a range with an end that is not valid in the preset."""
    for each in search.ranges:
        for value in each.ends():
            learner = copy.deepcopy(search.base['learner'])
            try:
                each.put(learner, value)
            except TypeError as error:
                raise ConfigError(
                    f'ranges.{each.name}: the preset has no table {each.path[0]}') from error
            except IndexError as error:
                raise ConfigError(
                    f'ranges.{each.name}: there is no entry {each.index}, the first is 0'
                ) from error
            try:
                build(LearnerConfig, learner)
            except ConfigError as error:
                raise ConfigError(f'ranges.{each.name}: {error}') from error
