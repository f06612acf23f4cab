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

"""Fig. 8 to 11: a training, and the sweep of ablations."""

from __future__ import annotations

import csv
from pathlib import Path

from dynsyn_ros.pictures import canvas
from dynsyn_ros.pictures.curves import plot_returns
from dynsyn_ros.settings.files import opened, whole_length
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage.episodes import read_episodes
from dynsyn_ros.training import trainer
import numpy as np

#: Number of synapses that Fig. 9 needs, and that Fig. 10 shows.
CROSSED, SHOWN = 3, 4


def read_synapses(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """
    Read a training's ``synapses.csv``: steps, and weights and centres by the name of the synapse.

    Steps are those of the walker with these synapses. Raises :class:`ConfigError` if it cannot be
    read or has no rows.
    """
    summary = trainer.read_summary(folder)
    file = folder / trainer.SYNAPSES
    with opened(file) as source:
        content = source.read(whole_length(file))
    try:
        lines = content.decode('utf-8').splitlines()
        names = next(csv.reader(lines))
        rows = (np.loadtxt(lines, delimiter=',', skiprows=1, ndmin=2) if len(lines) > 1
                else np.empty((0, len(names))))
        walkers = 1 if summary['former'] else summary['task']['learners']
        steps = rows[:, names.index('steps')] // walkers
        weights, centres = ({
            name.removeprefix(kind): rows[:, i]
            for i, name in enumerate(names) if name.startswith(kind)
        } for kind in ('weight of ', 'centre of '))
        if weights.keys() != centres.keys() or len(weights) < CROSSED:
            raise ValueError
    except (csv.Error, StopIteration, ValueError, IndexError) as error:
        raise ConfigError(f'{file} is not the {trainer.SYNAPSES} of a training') from error
    if not len(steps):
        raise ConfigError(f'{file} has no rows yet: a training writes one every '
                          f'{trainer.ROW_STEPS} steps of each walker')
    return steps, weights, centres


def figure_8(folder: Path, path: Path) -> None:
    """Reproduces Fig. 8: returns and their mean over 100, by episodes of a learner or a fleet."""
    summary = trainer.read_summary(folder)
    task = summary['task']
    data = read_episodes(folder / trainer.EPISODES, task['learners'])
    fleet = not task['separate']
    figure = canvas.new()
    axes = figure.add_subplot(
        xlabel='episode of all walkers' if fleet else 'episode of each learner', ylabel='return')
    number = np.arange(1, len(data['return']) + 1) if fleet else data['episode']
    plot_returns(axes, data, number, fleet, summary['solved_at'])
    canvas.save(figure, path)


def crossings(
    steps: np.ndarray, through: np.ndarray, *others: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Find where ``through`` changes sign: the steps, whether it rises, and the others there."""
    at = np.flatnonzero((through[:-1] < 0) != (through[1:] < 0))
    share = through[at] / (through[at] - through[at + 1])

    def between(values: np.ndarray) -> np.ndarray:
        return values[at] + share * (values[at + 1] - values[at])

    return between(steps), through[at + 1] > through[at], [between(other) for other in others]


def figure_9(folder: Path, path: Path) -> None:
    """
    Reproduces Fig. 9: a Poincare map of the exploration.

    It shows two weights relative to their centres whenever a third weight crosses its own centre:
    upwards in one panel, downwards in the other.
    """
    steps, weights, centres = read_synapses(folder)
    names = list(weights)[:CROSSED]
    through, first, second = (weights[name] - centres[name] for name in names)
    when, upwards, (x, y) = crossings(steps, through, first, second)
    figure = canvas.new(8.0, 4.0)
    figure.suptitle(f'{names[0]} crosses its centre')
    both = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, side, word in zip(both, (upwards, ~upwards), ('upwards', 'downwards'), strict=True):
        axes.set(title=word, xlabel=f'{names[1]}, from its centre')
        points = axes.scatter(x[side], y[side], c=when[side], s=4, vmin=0.0, vmax=steps[-1])
    both[0].set_ylabel(f'{names[2]}, from its centre')
    figure.colorbar(points, ax=both, label='steps of this walker', format=canvas.STEPS)
    canvas.save(figure, path)


def _control_period(folder: Path) -> float:
    """Return the time between two steps of a training, s; raises :class:`ConfigError`."""
    try:
        return float(trainer.read_summary(folder)['task']['robot']['control_period'])
    except (LookupError, TypeError, ValueError) as error:
        raise ConfigError(
            f'{folder / trainer.SUMMARY} has no control_period of its robot') from error


def figure_10(folder: Path, path: Path) -> None:
    """Reproduces Fig. 10: some weights and their centres through learning."""
    steps, weights, centres = read_synapses(folder)
    figure = canvas.new(8.0, 7.0)
    minutes = steps * _control_period(folder) / 60
    long = minutes[-1] > 120
    time = minutes / 60 if long else minutes
    for axes, name in zip(
            figure.subplots(SHOWN, sharex=True), list(weights)[:SHOWN], strict=False):
        axes.plot(time, weights[name], color='C2', linewidth=0.4, label='weight')
        axes.plot(time, centres[name], color='C3', linewidth=1.2, label='centre')
        axes.set_title(name, fontsize='medium')
    figure.axes[-1].set_xlabel(f'simulated time of one walker ({"h" if long else "min"})')
    figure.supylabel('weight and centre')
    canvas.legend(figure)
    canvas.save(figure, path)
