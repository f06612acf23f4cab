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
The picture of a sweep: the mean return of each setting over its seeds.

Few settings share a panel. Many have a panel each, with the first setting in grey behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynsyn_ros.pictures import canvas
from dynsyn_ros.storage.episodes import MEAN, MEAN_OF, WINDOW
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
import numpy as np

#: Settings in one panel. More bands would hide one another.
MOST_IN_A_PANEL = 5
COLUMNS = 3
_GREY = '0.4'

Log = Mapping[str, np.ndarray]
"""The episodes of one training: when they ended, and the mean return so far, by column."""
Curves = tuple[np.ndarray, np.ndarray]
"""Steps that all seeds of a setting took, (points,), and the means there, (seeds, points)."""


def draw(
    logs: Mapping[str, Sequence[Log]], walkers: int | None, solved_at: float | None, path: Path
) -> None:
    """
    Draw each setting: the mean over its seeds with a band from the worst to the best.

    ``logs`` has those of the seeds of each setting. ``walkers`` and ``solved_at`` are None if the
    settings do not agree on them. Line and band end where the first seed ends. Seeds that
    continue are thin lines up to their end. A dot shows where a seed has first solved the task.
    """
    of = {int(log[MEAN_OF].max()) for each in logs.values() for log in each}
    label = (f'mean return of {"" if of <= {WINDOW} else "up to "}'
             f'{max(of, default=WINDOW)} episodes')
    curves = {setting: _curves(each) for setting, each in logs.items() if each}
    together = len(logs) <= MOST_IN_A_PANEL
    figure, panels = (_one_panel if together else _panel_each)(list(logs), label)
    colours = canvas.colours(len(logs)) if together else ['C0'] * len(logs)
    first = next(iter(logs))
    lines: list[Artist] = []
    notes: list[Artist] = []
    for (setting, axes), colour in zip(panels.items(), colours, strict=True):
        if not together and setting != first and first in curves:
            notes.append(_draw_mean(axes, curves[first], '0.6', f'grey: {first}'))
        if setting in curves:
            line = _draw_mean(axes, curves[setting], colour, setting)
            if together:
                lines.append(line)
            notes += _draw_seeds(axes, logs[setting], curves[setting], colour, solved_at)
    keys = [Line2D([], [], color=_GREY, label='line: mean over the seeds'),
            Patch(color=_GREY, alpha=0.3, linewidth=0, label='band: worst to best seed')]
    if solved_at is not None:
        keys.append(Line2D([], [], color='k', linestyle='--', linewidth=1, label='solved'))
    for axes in dict.fromkeys(panels.values()):
        if solved_at is not None:
            axes.axhline(solved_at, color='k', linestyle='--', linewidth=1)
        canvas.steps_axis(axes, walkers)
    canvas.legend(figure, [*lines, *keys, *notes])
    canvas.save(figure, path)


def _one_panel(settings: Sequence[str], label: str) -> tuple[Figure, dict[str, Axes]]:
    """Make a figure whose settings share a panel; returns it and the panel of each."""
    figure = canvas.new()
    return figure, dict.fromkeys(settings, figure.add_subplot(ylabel=label))


def _panel_each(settings: Sequence[str], label: str) -> tuple[Figure, dict[str, Axes]]:
    """Make a figure with a panel for each setting; returns it and the panel of each."""
    rows = -(-len(settings) // COLUMNS)
    figure = canvas.new(9.0, 1.0 + 1.8 * rows)
    figure.supylabel(label, fontsize='medium')
    panels = list(figure.subplots(rows, COLUMNS, sharex=True, sharey=True).flat)
    for k, (setting, axes) in enumerate(zip(settings, panels, strict=False)):
        axes.set_title(setting, fontsize='small')
        axes.xaxis.set_major_locator(canvas.few_ticks())
        # Panels share their axes, so only those with none below them have labels.
        lowest = k + COLUMNS >= len(settings)
        axes.tick_params(labelbottom=lowest)
        axes.xaxis.label.set_visible(lowest)
    for axes in panels[len(settings):]:
        axes.set_axis_off()
    return figure, dict(zip(settings, panels, strict=False))


def _draw_mean(axes: Axes, curves: Curves, colour: Any, label: str) -> Line2D:
    """Draw the mean over the seeds, as far as all of them go; returns its line."""
    steps, means = curves
    (line,) = axes.plot(steps, means.mean(axis=0), color=colour, label=label)
    return line


def _draw_seeds(
    axes: Axes, logs: Sequence[Log], curves: Curves, colour: Any, solved_at: float | None
) -> list[Artist]:
    """Draw the band of all seeds and what each does on its own; returns the keys for it."""
    grid, values = curves
    axes.fill_between(grid, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2,
                      linewidth=0)
    end = grid[-1]
    keys: list[Artist] = []
    for log in logs:
        steps, means = log['steps'], log[MEAN]
        if steps[-1] > 1.02 * end:
            later = steps > end
            axes.plot([end, *steps[later]], [np.interp(end, steps, means), *means[later]],
                      color=colour, linewidth=0.7)
            keys.append(Line2D([], [], color=_GREY, linewidth=0.7,
                               label='thin: one seed, after the first has ended'))
        solved = np.flatnonzero((means >= (np.inf if solved_at is None else solved_at))
                                & (log[MEAN_OF] >= WINDOW))[:1]
        if len(solved):
            axes.plot(steps[solved], means[solved], 'o', color=colour, markersize=5)
            keys.append(Line2D([], [], color=_GREY, marker='o', linestyle='', markersize=5,
                               label='dot: a seed has solved the task'))
    return keys


def _curves(logs: Sequence[Log]) -> Curves:
    """Interpolate the means of all seeds, as far as all of them go."""
    begin = max(log['steps'][0] for log in logs)
    end = min(log['steps'][-1] for log in logs)
    grid = np.linspace(begin, max(begin, end), 400)
    return grid, np.array([np.interp(grid, log['steps'], log[MEAN]) for log in logs])
