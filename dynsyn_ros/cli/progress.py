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

"""The progress of a run: a live line in a terminal, and elsewhere a line from time to time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
import sys
import time
from typing import TypeVar

from tqdm import tqdm

#: Time between two refreshes of the live line, between two lines without a terminal, and until the
#: first of these lines, s.
REFRESH_PERIOD, LINE_PERIOD, FIRST_LINE = 0.5, 30.0, 2.0
#: Width of the bar in columns, if they are free.
_BAR = 10
_BETWEEN = ' | '
_Item = TypeVar('_Item')


class _Line(tqdm):
    """A live line that omits whole items for which there is no room."""

    items: Sequence[str] = ('',)
    share: float | None = None

    def __str__(self) -> str:
        """Write the line, within the columns of the terminal."""
        width = self.format_dict['ncols'] or 80
        line = self.items[0][:width - 1]
        for item in self.items[1:]:
            longer = f'{line}{_BETWEEN}{item}'
            if len(longer) < width:
                line = longer
        if self.share is not None and len(line) + len(_BETWEEN) + _BAR < width:
            full = round(_BAR * min(self.share, 1.0))
            line = f'{"#" * full}{"." * (_BAR - full)}{_BETWEEN}{line}'
        return line


class Progress:
    """The progress of a run of ``total`` steps or other units."""

    def __init__(self, total: int | None, unit: str, quiet: bool = False) -> None:
        """Begin; print nothing if ``quiet``."""
        self._total, self._unit, self._quiet = total, unit, quiet
        self._initial = 0
        live = sys.stderr.isatty() and not quiet
        self._line = _Line(dynamic_ncols=True) if live else None
        self._begun: float | None = None
        self._next = time.monotonic() + (0.0 if live else FIRST_LINE)

    def __enter__(self) -> Progress:
        """Return itself; the line lasts until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the line."""
        if self._line is not None:
            with self._losable():
                self._line.close()

    @property
    def due(self) -> bool:
        """Whether it is time to show the progress."""
        return time.monotonic() >= self._next

    def show(self, done: int, status: Callable[[], Sequence[str]], last: bool = False) -> None:
        """
        Show the progress if that is due, and in any case if it is the ``last`` time.

        The ``status`` is ordered by importance; a narrow terminal has no room for its end.
        """
        if self._begun is None:  # the time before the first step must not count in the rate
            self._begun, self._initial = time.monotonic(), done
        if not (last or self.due) or self._quiet:
            return
        now = time.monotonic()
        items = self._items(done, now - self._begun, status())
        if self._line is None:
            self._next = now + LINE_PERIOD
            self.write(', '.join(items))
        else:
            self._next = now + REFRESH_PERIOD
            self._line.items = items
            self._line.share = done / self._total if self._total else None
            with self._losable():
                self._line.refresh()

    def write(self, words: str) -> None:
        """Print a line, above the live line if there is one."""
        with self._losable():
            if self._line is not None:
                self._line.write(words, file=sys.stderr)
            elif not self._quiet:
                print(words, file=sys.stderr, flush=True)

    @contextmanager
    def _losable(self) -> Iterator[None]:
        """Become quiet if nobody can read it any more: that must not end a run of hours."""
        try:
            yield
        except OSError:
            self._quiet = True

    def _items(self, done: int, elapsed: float, status: Sequence[str]) -> list[str]:
        """List the items of the line, most important first."""
        first, *rest = status or ('',)
        rate = (done - self._initial) / elapsed if elapsed else 0.0
        items = [f'{100 * done / self._total:.0f}%'] if self._total else []
        count = f'{_short(done)}/{_short(self._total)}' if self._total else _short(done)
        items += [first, f'{count} {self._unit}']
        if self._total and rate:
            left = max(self._total - done, 0) / rate
            items.append(f'{tqdm.format_interval(left)} left')
        items += rest
        if rate:
            items.append(f'{tqdm.format_sizeof(rate)} {self._unit}/s')
        return [item for item in items if item]


def over(
    items: Iterable[_Item], unit: str, total: int | None = None, quiet: bool = False
) -> Iterator[_Item]:
    """Yield items and show how many there have been."""
    done = 0
    with Progress(total, unit, quiet) as progress:
        for done, item in enumerate(items, 1):
            yield item
            progress.show(done, tuple)
        progress.show(done, tuple, last=True)


def _short(count: int) -> str:
    """Write a count in a few digits."""
    return f'{count}' if count < 1000 else tqdm.format_sizeof(count)
