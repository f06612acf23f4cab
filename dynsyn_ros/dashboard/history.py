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

"""What the dashboard keeps: the last hour, and the number and return of every episode."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
import math
from typing import Any

#: A row: the time, unix s, and one value per column; None if there is none.
Row = list[float | None]
#: The columns that always exist; each weight and centre has one too.
SCALARS = ('amplitude', 'mean_reward')
#: How long all rows are kept, s, and how long the mean of each second is kept.
RECENT_SPAN, HOUR_SPAN = 120.0, 3600.0
#: Time without values that shows as a gap, s: in the recent rows, and in the hour.
RECENT_GAP, HOUR_GAP = 1.0, 2.5
#: How many episodes are kept.
MOST_EPISODES = 100_000
#: Span over which the reward is averaged, s; a message only has the mean of a few steps.
REWARD_SPAN = 1.0


class Rows:
    """The rows of a time span. If time leaps, an empty row marks a gap."""

    def __init__(self, span: float, gap: float) -> None:
        """Keep rows for ``span``; more than ``gap`` between two rows is a gap."""
        self._span, self._gap = span, gap
        self.rows: deque[Row] = deque()

    def add(self, row: Row) -> list[Row]:
        """Add a row; returns the new rows."""
        new, time = [row], row[0]
        if self.rows and time - self.rows[-1][0] > self._gap:
            new = [[self.rows[-1][0] + self._gap / 2, *[None] * (len(row) - 1)], row]
        self.rows.extend(new)
        while self.rows[0][0] < time - self._span:
            self.rows.popleft()
        return new


class History:
    """The data for a page that is opened late or reloaded."""

    def __init__(self) -> None:
        """Begin without data."""
        self._returns: deque[list[float]] = deque(maxlen=MOST_EPISODES)
        self._columns = list(SCALARS)
        self._recent = Rows(RECENT_SPAN, RECENT_GAP)
        self._hour = Rows(HOUR_SPAN, HOUR_GAP)
        self._second: list[Row] = []
        self._rewards: deque[tuple[float, float]] = deque()

    def _rearrange(self, columns: list[str]) -> None:
        """Change the columns; the data of columns that stay is kept."""
        place = {name: i for i, name in enumerate(['time', *self._columns])}
        for kept in (self._recent, self._hour):
            kept.rows = deque(
                [row[place[name]] if name in place else None for name in ['time', *columns]]
                for row in kept.rows)
        self._columns, self._second = columns, []

    def add(self, time: float, streams: Mapping[str, Any],
            episodes: Sequence[tuple[int, float]]) -> dict[str, Any]:
        """
        Add the values at a time, unix s, and the episodes that ended, (number, return).

        Returns the new data in the form of :meth:`everything`, or everything if there are other
        weights or another run, or if the clock was set back.
        """
        renewed = bool(self._recent.rows) and time < self._recent.rows[-1][0]
        if renewed:
            self._forget_after(time)
        values = self._flat(time, streams)
        weights = sorted(set(values) - set(SCALARS))
        if weights and weights != self._columns[len(SCALARS):]:
            renewed = True
            self._rearrange([*SCALARS, *weights])
        new: dict[str, list] = {'recent': [], 'hour': [], 'returns': []}
        for number, earned in episodes:
            if self._returns and number <= self._returns[-1][0]:
                self._returns.clear()  # another run
                renewed = True
            self._returns.append([number, earned])
            new['returns'].append([number, earned])
        if values:
            row = [time, *(values.get(column) for column in self._columns)]
            if self._second and int(self._second[0][0]) != int(time):
                new['hour'] = self._hour.add(_mean(self._second))
                self._second = []
            self._second.append(row)
            new['recent'] = self._recent.add(row)
        return self.everything() if renewed else new

    def _forget_after(self, time: float) -> None:
        for kept in (self._recent, self._hour):
            kept.rows = deque(row for row in kept.rows if row[0] <= time)
        self._second = []
        self._rewards.clear()

    def everything(self) -> dict[str, Any]:
        """Return all data: the columns, the recent rows, those of the hour, and the returns."""
        return {'columns': self._columns, 'recent': list(self._recent.rows),
                'hour': list(self._hour.rows), 'returns': list(self._returns)}

    def _flat(self, time: float, streams: Mapping[str, Any]) -> dict[str, float | None]:
        values = {name: streams[name] for name in SCALARS if name in streams}
        if math.isfinite(values.get('mean_reward', math.nan)):
            self._rewards.append((time, values['mean_reward']))
            while self._rewards[0][0] < time - REWARD_SPAN:
                self._rewards.popleft()
            values['mean_reward'] = sum(r for _, r in self._rewards) / len(self._rewards)
        for row, cells in streams.get('weights', {}).items():
            values |= {f'{row} {synapse}': value for synapse, value in cells.items()}
        return {name: _short(value) for name, value in values.items()}


def _short(value: float) -> float | None:
    return float(f'{value:.6g}') if math.isfinite(value) else None


def _mean(rows: Sequence[Row]) -> Row:
    """Average the rows of a second, column by column."""
    means = []
    for column in zip(*rows, strict=True):
        values = [value for value in column if value is not None]
        means.append(_short(sum(values) / len(values)) if values else None)
    return [int(rows[0][0]) + 0.5, *means[1:]]
