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

"""Figures that need no screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dynsyn_ros.settings.files import replaced
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import EngFormatter, MaxNLocator

#: Writes numbers of steps with few digits, for short and long runs: 500, 20k, 1.5M.
STEPS = EngFormatter(sep='')


def new(width: float = 8.0, height: float = 4.5) -> Figure:
    """Make an empty figure of a size in inches."""
    return Figure(figsize=(width, height), layout='constrained')


def save(figure: Figure, path: Path) -> None:
    """
    Write a PNG, never half of it; raises :class:`ConfigError` if that fails.

    Names of folders, settings and joints may be any text, so none is read as mathematics.
    """
    for text in figure.findobj(Text):
        words = str(text.get_text())
        if '$' in words or not words.isprintable():
            text.set_parse_math(False)
            text.set_text(words.encode('utf-8', 'replace').decode())
    with replaced(path) as file:
        FigureCanvasAgg(figure).print_png(file)


def legend(figure: Figure, handles: Sequence[Artist] | None = None) -> None:
    """
    Add a legend for all curves, or for the handles, below the figure, where it hides no curve.

    A label that occurs several times, such as for one curve in several panels, is shown once.
    """
    if handles is None:
        handles = [handle for axes in figure.axes
                   for handle in axes.get_legend_handles_labels()[0]]
    handles = list({str(handle.get_label()): handle for handle in handles}.values())
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, min(4, int(figure.get_figwidth() * 15 / (longest + 8))))
    figure.legend(handles=handles, loc='outside lower center', ncols=columns, fontsize='small')


def colours(count: int) -> Sequence[tuple[float, ...]]:
    """Pick distinguishable colours for this number of curves."""
    return [colormaps['tab10'](i) for i in range(count)] if count <= 10 else [
        colormaps['turbo'](0.05 + 0.9 * i / (count - 1)) for i in range(count)]


def dot_size(count: int) -> float:
    """Return a size for this number of dots, in points, at which they stay distinct."""
    return 3.5 if count < 300 else 2.5 if count < 3000 else 1.8


def steps_axis(axes: Axes, walkers: int | None) -> None:
    """
    Label an x-axis of steps, with ticks for short and long runs.

    ``walkers`` is None if the curves are not all of the same number of walkers.
    """
    number = '' if walkers is None else f'{walkers} '
    axes.set_xlabel('steps' if walkers == 1 else f'steps of all {number}walkers')
    axes.xaxis.set_major_formatter(STEPS)
    axes.set_xlim(left=0.0)


def few_ticks() -> MaxNLocator:
    """Place few ticks, for narrow axes."""
    return MaxNLocator(nbins=3)
