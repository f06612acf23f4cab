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

"""The layers of a weights file, with the names of their inputs and neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dynsyn_ros.storage import weights
import numpy as np


class Layer(NamedTuple):
    """A layer of the network, with its synapses from each input to each neuron."""

    title: str
    inputs: list[str]
    neurons: list[str]
    synapses: slice
    """The place of its synapses, neuron by neuron."""


def layers(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> list[Layer]:
    """Name the inputs and neurons of each layer, from what the file says about itself."""
    sizes = weights.layout_of({name: array.shape for name, array in arrays.items()}, about)
    observations, joints = about['observations'], about['joints']
    states, ranges = observations[:sizes.states], observations[sizes.states:]
    oscillators = [f'oscillator {i + 1}' for i in range(sizes.oscillators)]
    hidden = [f'hidden {i + 1}' for i in range(sizes.hidden)]
    layer_2 = [*states, *(f'-{name}' for name in states), *ranges, 'constant',
               *(f'sent {joint}' for joint in joints)]
    swings = [f'{name}_{i + 1}' for name in 'vw' for i in range(sizes.oscillators)]
    parts = (
        ('layer 2, the hidden neurons', layer_2, hidden),
        ('layer 3, the oscillators', [*hidden, 'constant'], oscillators),
        ('layer 4, the joints', [*swings, *states, 'constant'], joints),
    )
    found, begin = [], 0
    for title, inputs, neurons in parts:
        end = begin + len(inputs) * len(neurons)
        found.append(Layer(title, inputs, list(neurons), slice(begin, end)))
        begin = end
    return found
