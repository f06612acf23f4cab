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

"""The results of a search: a table of all trials, what mattered, and the best preset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from dataclasses import asdict
import math
from pathlib import Path
from typing import Any

from dynsyn_ros.pictures import canvas
from dynsyn_ros.settings.files import replaced
from dynsyn_ros.settings.parameters import EVERY_NODE
from dynsyn_ros.training.study import REFUSED
from dynsyn_ros.training.tune_file import Range, Search
from matplotlib.axes import Axes
import numpy as np
import optuna
from optuna.trial import create_trial, FrozenTrial, TrialState
import yaml

TABLE, PICTURE, BEST = 'trials.csv', 'what_mattered.png', 'best.yaml'
#: With fewer trials, no importances are computed.
LEAST_TRIALS = 10
#: Slices side by side in the picture.
_COLUMNS = 4
_MEANINGS = {'last': 'mean of the last {}', 'best': 'best mean of {}',
             'area': 'mean of {}, over the steps'}
_STATES = {TrialState.COMPLETE: 'finished', TrialState.PRUNED: 'stopped',
           TrialState.FAIL: 'refused', TrialState.RUNNING: 'running'}


def values_of(search: Search, trial: FrozenTrial) -> list[float | None]:
    """List the value of a trial after each budget; None for budgets that it did not reach."""
    values = [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
    known = [None if math.isnan(value) else value for value in values]
    return known + [None] * (len(search.budgets) - len(known))


def ranking(search: Search, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Order the trials that have a value, first by budgets reached, then by value."""
    def key(trial: FrozenTrial) -> tuple[int, float]:
        values = [value for value in values_of(search, trial) if value is not None]
        return len(values), values[-1] if values else -math.inf

    return sorted((trial for trial in trials if key(trial)[0]), key=key, reverse=True)


def importances(search: Search, trials: Sequence[FrozenTrial], budget: int) -> dict[str, float]:
    """
    Compute the importance of each setting for the value of trials after a budget.

    PED-ANOVA compares the best tenth of the trials with all. Empty with too few trials.
    """
    study = optuna.create_study(direction='maximize')
    for trial in trials:
        value = values_of(search, trial)[budget]
        if value is not None:
            study.add_trial(create_trial(
                params=trial.params, distributions=trial.distributions, value=value))
    if len(study.trials) < LEAST_TRIALS:
        return {}
    return optuna.importance.get_param_importances(study)


def write(search: Search, trials: Sequence[FrozenTrial], file: Path, output: Path) -> list[str]:
    """Write the results so far; returns the names of the files."""
    with replaced(output / TABLE, 'w') as table:
        _write_table(search, trials, csv.writer(table))
    ranked = ranking(search, trials)
    if not ranked:
        return [TABLE]
    draw(search, trials, output / PICTURE)
    with replaced(output / BEST, 'w') as preset:
        preset.write(_preset(search, ranked[0], file))
    return [TABLE, PICTURE, BEST]


def _write_table(search: Search, trials: Sequence[FrozenTrial], table: Any) -> None:
    """Write one row per trial."""
    names = [each.name for each in search.ranges]
    table.writerow(('trial', 'state', *(f'after_{each.steps}' for each in search.budgets),
                    *names, REFUSED))
    for trial in trials:
        values = ('' if value is None else f'{value:.3f}' for value in values_of(search, trial))
        table.writerow((
            trial.number, _STATES[trial.state], *values,
            *(trial.params.get(name, '') for name in names), trial.user_attrs.get(REFUSED, '')))


def _preset(search: Search, trial: FrozenTrial, file: Path) -> str:
    """Write the settings of a trial as a preset, with a comment on their origin."""
    values = [value for value in values_of(search, trial) if value is not None]
    budget, config = search.budgets[len(values) - 1], search.config
    training = search.training(trial.params, config.seeds[0], budget.steps)
    head = (
        f'# Trial {trial.number} of {file}: {config.objective} {values[-1]:.1f} over '
        f'{config.episodes} episodes,\n# {config.over_seeds} of the seeds '
        f'{", ".join(map(str, config.seeds[:budget.seeds]))}, {training.learners} learners after '
        f'{budget.steps} steps of all walkers.\n')
    # ROS accepts no null, so a table that the preset omits is omitted here.
    learner = {key: value for key, value in asdict(training.learner).items() if value is not None}
    return head + yaml.safe_dump(
        {EVERY_NODE: {'ros__parameters': {'learner': learner}}},
        sort_keys=False, default_flow_style=None, width=100)


def draw(search: Search, trials: Sequence[FrozenTrial], path: Path) -> None:
    """Draw the importances, and the values of trials over each setting."""
    columns = min(len(search.ranges), _COLUMNS)
    rows = math.ceil(len(search.ranges) / columns)
    height = 1.2 + 0.3 * len(search.ranges)
    figure = canvas.new(12.0, height + 2.6 * rows)
    above, below = figure.subfigures(2, 1, height_ratios=(height, 2.6 * rows))
    _draw_importances(above.add_subplot(), search, trials)
    for i, each in enumerate(search.ranges):
        axes = below.add_subplot(rows, columns, i + 1)
        _draw_slice(axes, search, trials, each)
        if i % columns == 0:
            axes.set_ylabel(_MEANINGS[search.config.objective].format(search.config.episodes),
                            fontsize='small')
    canvas.legend(figure)
    canvas.save(figure, path)


def _draw_importances(axes: Axes, search: Search, trials: Sequence[FrozenTrial]) -> None:
    shares = [importances(search, trials, i) for i in range(len(search.budgets))]
    names = sorted((each.name for each in search.ranges),
                   key=lambda name: max(share.get(name, 0.0) for share in shares))
    places = np.arange(len(names))
    width = 0.8 / len(shares)
    for i, (share, budget) in enumerate(zip(shares, search.budgets, strict=True)):
        axes.barh(
            places - i * width, [share.get(name, 0.0) for name in names], width, color=f'C{i}',
            label=f'after {budget.steps:,} steps of all walkers, seeds: {budget.seeds}')
    axes.set_yticks(places - 0.4 + 0.5 * width, names)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(f'importance (for budgets reached by {LEAST_TRIALS} or more trials)')
    if not any(shares):
        axes.set_xticks([])
        axes.text(0.5, 0.5, f'no budget was reached by {LEAST_TRIALS} trials', ha='center',
                  va='center', transform=axes.transAxes)


def _draw_slice(
    axes: Axes, search: Search, trials: Sequence[FrozenTrial], each: Range
) -> None:
    """Draw one dot per trial and budget over one setting, and a ring for the preset."""
    preset = bool(trials) and trials[0].params == search.as_it_is
    for i in range(len(search.budgets)):
        dots = [(trial.params[each.name], values_of(search, trial)[i]) for trial in trials
                if each.name in trial.params and values_of(search, trial)[i] is not None]
        x = [each.labels.index(drawn) if each.span is None else drawn for drawn, _ in dots]
        y = [value for _, value in dots]
        axes.plot(x, y, '.', color=f'C{i}', markersize=5)
        if preset and y:  # trial 0 is the first dot
            axes.plot(x[0], y[0], 'o', color='k', fillstyle='none', markersize=8,
                      label='ring: the preset' if each is search.ranges[0] and i == 0 else None)
    axes.set_title(each.name, fontsize='small')
    axes.tick_params(labelsize='small')
    if each.span is None:
        axes.set_xticks(range(len(each.labels)), [str(label) for label in each.labels])
        axes.margins(x=0.3)
    elif each.span.log:
        axes.set_xscale('log')
        ticks = np.geomspace(each.span.low, each.span.high, 3)
        axes.set_xticks(ticks, [f'{tick:.2g}' for tick in ticks])
        axes.minorticks_off()


def rows(search: Search, trials: Sequence[FrozenTrial], most: int) -> list[list[str]]:
    """Lay out the best trials as rows, with the column names first."""
    ranked = ranking(search, trials)[:most]
    head = ['trial', *(f'after {each.steps}' for each in search.budgets),
            *(each.name for each in search.ranges)]
    return [head, *(
        [str(trial.number),
         *('-' if value is None else f'{value:.1f}' for value in values_of(search, trial)),
         *(_text(trial.params, each.name) for each in search.ranges)] for trial in ranked)]


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, '-')
    return f'{value:.3g}' if isinstance(value, float) else str(value)
