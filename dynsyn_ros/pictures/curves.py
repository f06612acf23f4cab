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

"""Learning curves, of the record of episodes."""

from __future__ import annotations

from pathlib import Path

from dynsyn_ros.pictures import canvas
from dynsyn_ros.storage.episodes import MEAN, read_episodes, SOLVED, WINDOW
from matplotlib.axes import Axes
import numpy as np


def draw_learning_curve(log: Path, path: Path, title: str, shared: bool = False) -> None:
    """Draw the returns of a log and their mean over 100 episodes, as in the paper's Fig. 8."""
    data = read_episodes(log)
    figure = canvas.new()
    axes = figure.add_subplot(
        title=title, xlabel='million steps of each learner', ylabel='return')
    plot_returns(axes, data, data['steps'] / 1e6, shared)
    canvas.save(figure, path)


def plot_returns(axes: Axes, data: dict[str, np.ndarray], x: np.ndarray, shared: bool) -> None:
    """Plot returns and their mean over 100 episodes, of each learner or of a fleet, over ``x``."""
    axes.plot(x, data['return'], '.', color='0.7', markersize=2, label='episode',
              rasterized=True)
    # The mean of a fleet is over the episodes of all, whoever ended last.
    learners = [np.full(x.shape, True)] if shared else [
        data['learner'] == i for i in np.unique(data['learner'])]
    for i, rows in enumerate(learners):
        label = f'mean of {WINDOW}' if len(learners) == 1 else f'mean of {WINDOW}, learner {i}'
        axes.plot(x[rows], data[MEAN][rows], color=f'C{i}', label=label)
    finish_curves(axes)


def finish_curves(axes: Axes) -> None:
    """Draw where the task is solved, and the names of all curves where they hide none."""
    axes.axhline(SOLVED, color='k', linestyle='--', linewidth=1, label='solved')
    axes.figure.legend(loc='outside lower center', ncols=4, fontsize='small')
