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

"""The value of continued learning: the return of a changed robot, with learning on and off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dynsyn_ros.pictures import canvas
from matplotlib.axes import Axes
import numpy as np

#: Spans over which returns of ended episodes are averaged, min: in the table, and in the curves of
#: the first and of the second panel.
TABLE_SPAN, EARLY_SPAN, LATE_SPAN = 4.0, 2.0, 10.0
#: End of the first panel, min after the change.
EARLY = 40.0


@dataclass(frozen=True)
class Outcome:
    """The returns of robots before and after a change."""

    before: float
    """Mean return before the change, learning on."""
    frozen: float
    """Mean return after the change, learning off."""
    returns: dict[float, np.ndarray]
    """Return of each learner just before some times after the change, min, learning on."""

    def regained(self, minutes: float) -> np.ndarray:
        """Compute the share of the loss that each learner has regained by then."""
        return (self.returns[minutes] - self.frozen) / (self.before - self.frozen)


def by_learner(
    data: dict[str, np.ndarray], minutes: np.ndarray, begin: float, end: float
) -> np.ndarray:
    """Compute each learner's mean return over the episodes that end within (begin, end] min."""
    within = (minutes > begin) & (minutes <= end)
    returns = [data['return'][within & (data['learner'] == i)]
               for i in np.unique(data['learner'])]
    return np.array([each.mean() if len(each) else np.nan for each in returns])


def outcome(
    on: dict[str, np.ndarray], off: dict[str, np.ndarray], step_minutes: float,
    times: tuple[float, ...]
) -> Outcome:
    """Summarise the episodes of an experiment with learning on and off."""
    minutes, still = on['steps'] * step_minutes, off['steps'] * step_minutes
    settled = min(TABLE_SPAN, 0.25 * float(still.max()))
    return Outcome(
        float(np.nanmean(by_learner(on, minutes, -np.inf, 0.0))),
        float(np.nanmean(by_learner(off, still, settled, np.inf))),
        {time: by_learner(on, minutes, max(time - TABLE_SPAN, 0.0), time) for time in times})


def price(on: dict[str, np.ndarray], off: dict[str, np.ndarray]) -> tuple[float, float]:
    """
    Compute the share of the return that learning costs without a change, and its SE.

    A learner without an episode after the change does not count. The SE of a single learner is
    NaN.
    """
    learning, frozen = (_known(by_learner(data, data['steps'], 0.0, np.inf)) for data in (on, off))
    error = np.hypot(*(_deviation(returns) / np.sqrt(len(returns))
                       for returns in (learning, frozen)))
    return float(1.0 - learning.mean() / frozen.mean()), float(error / frozen.mean())


def _known(returns: np.ndarray) -> np.ndarray:
    """Leave out learners without an episode."""
    return returns[~np.isnan(returns)]


def _deviation(returns: np.ndarray) -> float:
    """Compute the standard deviation of a sample; NaN if it is a single learner."""
    known = _known(returns)
    return float(known.std(ddof=1)) if len(known) > 1 else np.nan


def row(name: str, result: Outcome) -> str:
    """Write an outcome as a row of a Markdown table."""
    loss = 1.0 - result.frozen / result.before
    cells = [name, f'{result.before:.1f}', f'{result.frozen:.1f} ({100 * loss:.0f} % lost)']
    for time, returns in result.returns.items():
        share = 100 * result.regained(time)
        spread = f' +- {_deviation(returns):.1f}' if len(returns) > 1 else ''
        cells.append(
            f'{np.nanmean(returns):.1f}{spread}: '
            f'{np.nanmean(share):.0f} % ({np.nanmin(share):.0f} to {np.nanmax(share):.0f})')
    return f'| {" | ".join(cells)} |'


def figure_adaptation(
    on: dict[str, np.ndarray], off: dict[str, np.ndarray], step_minutes: float, title: str,
    path: Path
) -> None:
    """Draw the return over robot time around a change, with learning on and off."""
    figure = canvas.new(9.0, 4.5)
    figure.suptitle(title)
    last = float(on['steps'].max()) * step_minutes
    late = last > 2 * EARLY
    panels = figure.subplots(1, 2 if late else 1, sharey=True, squeeze=False)[0]
    before = float(np.nanmean(by_learner(on, on['steps'] * step_minutes, -np.inf, 0.0)))
    for axes, span, end, unit in zip(
            panels, (EARLY_SPAN, LATE_SPAN), (EARLY if late else last, last), (1.0, 60.0),
            strict=False):
        for data, colour, name in ((off, '0.45', 'learning off'), (on, 'C0', 'learning on')):
            _band(axes, data, step_minutes, span, end, unit, colour, name)
        axes.axhline(before, color='k', linestyle=':', linewidth=1, label='before the change')
        axes.axvline(0.0, color='C3', linewidth=1, label='the robot is changed')
        axes.set_xlabel(f'robot time since the change ({"min" if unit == 1.0 else "h"})')
    panels[0].set_ylabel('return of an episode')
    canvas.legend(figure)
    canvas.save(figure, path)


def _band(
    axes: Axes, data: dict[str, np.ndarray], step_minutes: float, span: float, end: float,
    unit: float, colour: str, name: str
) -> None:
    """Draw the mean, the least and the most over learners, with one point per time span."""
    minutes = data['steps'] * step_minutes
    span = min(span, 0.5 * end)
    first = -span * max(np.floor(-minutes.min() / span), 0.0)
    # The first span after the change is there even if the episodes end before it does.
    last = max(min(end, minutes.max()), span)
    edges = np.arange(first, last + 0.5 * span, span)
    returns = np.array([by_learner(data, minutes, edge - span, edge) for edge in edges[1:]])
    any_ended = ~np.isnan(returns).all(axis=1)
    returns, at = returns[any_ended], (edges[1:] - 0.5 * span)[any_ended] / unit
    mean = np.nanmean(returns, axis=1)
    label = f'{name}: mean, least and most of the learners'
    for part in (at < 0.0, at > 0.0):
        axes.fill_between(at[part], np.nanmin(returns[part], axis=1),
                          np.nanmax(returns[part], axis=1), color=colour, alpha=0.2, linewidth=0)
        axes.plot(at[part], mean[part], color=colour, label=label, marker='.')
        label = ''
    if minutes.max() < end - span:
        axes.plot([at[-1], end / unit], [mean[at > 0.0].mean()] * 2, color=colour,
                  linestyle='--', linewidth=1, label=f'{name}, as it would go on')
