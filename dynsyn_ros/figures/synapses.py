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

"""All synapses of a weights file: heat maps of the centres and amplitudes of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dynsyn_ros.pictures import canvas
from dynsyn_ros.storage.layers import Layer, layers
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
import numpy as np

#: Height of a row and width of a column, inches, and the least number of columns of a layer.
ROW, COLUMN, NARROWEST = 0.19, 0.3, 4


def draw(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any], path: Path) -> None:
    """Draw the first set of synapses of a file."""
    second, third, fourth = layers(arrays, about)
    widths = [2 * COLUMN * max(len(layer.neurons), NARROWEST) + 3.2
              for layer in (second, fourth)]
    heights = [ROW * len(layer.inputs) + 1.4 for layer in (fourth, third)]
    figure = canvas.new(sum(widths), max(ROW * len(second.inputs) + 1.4, sum(heights)) + 0.3)
    sets = len(arrays['centre'])
    figure.suptitle(about['robot'] + (f', set 1 of {sets}' if sets > 1 else ''))
    left, right = figure.subfigures(1, 2, width_ratios=widths)
    above, below = right.subfigures(2, 1, height_ratios=heights)
    for part, layer in ((left, second), (above, fourth), (below, third)):
        _draw_layer(part, layer, arrays)
    canvas.save(figure, path)


def _draw_layer(
    figure: SubFigure | Figure, layer: Layer, arrays: Mapping[str, np.ndarray]
) -> None:
    """Draw the centres of a layer and, next to them, its amplitudes."""
    figure.suptitle(layer.title, fontsize='medium')
    shape = len(layer.neurons), len(layer.inputs)
    centre, amplitude = (
        arrays[name][0, layer.synapses].reshape(shape).T for name in ('centre', 'amplitude'))
    most = max(float(np.abs(centre).max()), 1e-9)
    first, second = figure.subplots(1, 2, sharey=True)
    _draw_map(first, centre, layer, 'centre C', cmap='RdBu_r', vmin=-most, vmax=most)
    alike = float(np.ptp(amplitude)) <= 1e-3 * float(amplitude.max())
    title = f'amplitude A: {amplitude.max():.3g} all' if alike else 'amplitude A'
    _draw_map(second, amplitude, layer, title, cmap='viridis', vmin=0.0,
              vmax=max(float(amplitude.max()), 1e-9))
    first.set_yticks(range(len(layer.inputs)), layer.inputs)


def _draw_map(
    axes: Axes, values: np.ndarray, layer: Layer, title: str, **colours: Any
) -> None:
    drawn = axes.imshow(values, aspect='auto', interpolation='none', **colours)
    axes.set_title(title, fontsize='small')
    axes.set_xticks(range(len(layer.neurons)), layer.neurons, rotation=90)
    axes.tick_params(labelsize=7, length=2)
    bar = axes.figure.colorbar(drawn, ax=axes, location='bottom', aspect=12, shrink=0.9)
    bar.ax.tick_params(labelsize=7)
    bar.locator = canvas.few_ticks()
    bar.update_ticks()
