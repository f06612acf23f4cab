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

"""Learning curves, from the log of episodes."""

from __future__ import annotations

from pathlib import Path

from dynsyn_ros.pictures import canvas
from dynsyn_ros.storage.episodes import MEAN, MEAN_OF, read_episodes, WINDOW
from matplotlib.axes import Axes
import numpy as np


def draw_learning_curve(
    log: Path, path: Path, title: str, walkers: int, shared: bool, solved_at: float | None
) -> None:
    """
    Draw the returns of a log and their mean over 100 episodes, as in the paper's Fig. 8.

    A line shows the mean that solves the task, if ``solved_at`` is known.
    """
    data = read_episodes(log, walkers)
    figure = canvas.new()
    axes = figure.add_subplot(title=title, ylabel='return')
    plot_returns(axes, data, data['steps'], shared, solved_at)
    canvas.steps_axis(axes, walkers)
    canvas.save(figure, path)


def plot_returns(
    axes: Axes, data: dict[str, np.ndarray], x: np.ndarray, shared: bool, solved_at: float | None
) -> None:
    """Plot returns and their mean over 100 episodes, of each learner or of a fleet, over ``x``."""
    # The mean of a fleet is over the episodes of all its walkers.
    learners = [np.full(x.shape, True)] if shared else [
        data['learner'] == i for i in np.unique(data['learner'])]
    colours = canvas.colours(len(learners))
    for i, (rows, colour) in enumerate(zip(learners, colours, strict=True)):
        axes.plot(x[rows], data['return'][rows], 'o', alpha=0.5, markeredgewidth=0.0,
                  color='0.4' if len(learners) == 1 else colour,
                  markersize=canvas.dot_size(x.size), label='' if i else 'episode',
                  rasterized=True)
    for i, (rows, colour) in enumerate(zip(learners, colours, strict=True)):
        means, of = data[MEAN][rows], data[MEAN_OF][rows]
        most = int(of.max(initial=0)) or WINDOW
        few = of < most if most == WINDOW else np.full(of.shape, False)
        axes.plot(x[rows][few], means[few], color=colour, linestyle=':',
                  label='' if i or not few.any() else 'mean of fewer')
        label = f'mean of {most}' if most == WINDOW else f'mean of up to {most}'
        axes.plot(x[rows][~few], means[~few], color=colour,
                  label=label + (f', learner {i}' if len(learners) > 1 else ''))
    if solved_at is not None:
        axes.axhline(solved_at, color='k', linestyle='--', linewidth=1, label='solved')
    canvas.legend(axes.figure)
