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

r"""
The control network of Fig. 5: four layers from an observation to an action.

1. tanh of the positive part and of the negative part of each normalised state, the normalised
   ranges, a constant 1 and the action that was really sent
2. :math:`o_j = \max(0, \tanh(g_j \sum_i W_{ij} o_i))`; the gain :math:`g_j` adapts slowly,
   :math:`\dot g_j = \gamma (o^* - |o_j|)` (Eq. 5, 6), where :math:`\gamma` is ``gain_rate``,
   1/ms, and :math:`o^*` is ``gain_target``, 0.3 in the paper. The nonlinear rule multiplies that
   by :math:`(2 - \log_{10} g_j)(\log_{10} g_j + 2) / 4`, which keeps :math:`g_j` between 0.01 and
   100
3. tanh of the weighted sum of layer 2 and a constant 1 drives the oscillators (Eq. 7, 8)
4. tanh of the weighted sum of all v, all w, the plain states and a constant 1 is the action
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dynsyn_ros.learner.config import Layout, NetworkConfig
from dynsyn_ros.learner.memory import Shape, take
from numba import njit
import numpy as np

#: Gains are kept within these limits at any rate; the nonlinear rule keeps them by itself.
LOWEST_GAIN, HIGHEST_GAIN = 0.01, 100.0
GAIN_RULES = {'none': 0, 'linear': 1, 'nonlinear': 2}

CONSTANTS = np.dtype((np.record, [
    ('states', 'i8'), ('ranges', 'i8'), ('negated_inputs', 'b1'), ('gain_rule', 'i8'),
    ('gain_step', 'f8'), ('gain_target', 'f8')]))


class Neurons(NamedTuple):
    """The state of the network of every learner."""

    v: np.ndarray
    """v of Eq. 7, shape (learners, oscillators)."""
    w: np.ndarray
    drive: np.ndarray
    """I of Eq. 7, set by the last step, shape (learners, oscillators)."""
    gain: np.ndarray
    """g of Eq. 5-6, shape (learners, hidden)."""
    action: np.ndarray
    """The action of the last step, shape (learners, actions)."""
    features: np.ndarray
    """Outputs of layer 1, then v and w of all oscillators: (learners, inputs + 2 oscillators)."""
    hidden: np.ndarray
    """Scratch: layer 2 of the current learner, shape (hidden,)."""


@njit(cache=True)
def shapes(learners: int, layout: Any) -> tuple[Shape, ...]:
    """Return the shapes of this part's arrays; ``layout`` has the sizes of one network."""
    return ((3, learners, layout.oscillators), (learners, layout.hidden),
            (learners, layout.actions), (learners, layout.features), (layout.hidden,))


@njit(cache=True)
def unpack(memory: np.ndarray, learners: int, layout: Any) -> tuple[Neurons, np.ndarray]:
    """Take this part's arrays from the front of a memory; returns them and the rest."""
    of_cells, of_gain, of_action, of_features, of_hidden = shapes(learners, layout)
    cells, memory = take(memory, of_cells)
    gain, memory = take(memory, of_gain)
    action, memory = take(memory, of_action)
    features, memory = take(memory, of_features)
    hidden, memory = take(memory, of_hidden)
    return Neurons(cells[0], cells[1], cells[2], gain, action, features, hidden), memory


def constants(
    config: NetworkConfig, layout: Layout, time_step: float, members: int
) -> Any:
    """
    Pack the settings for the kernel.

    Gains adapt in the time of all ``members`` of a group together, as centres do, so a fleet
    learns like one walker, but sooner.
    """
    return np.array((
        layout.states, layout.ranges, config.negated_inputs, GAIN_RULES[config.gain_rule],
        config.gain_rate * time_step * members, config.gain_target), CONSTANTS)[()]


@njit(cache=True)
def encode(
    n: Neurons, c: Any, normalisation: np.ndarray, i: int, observation: np.ndarray,
    sent_action: np.ndarray
) -> None:
    """Fill ``n.features[i]`` with layer 1 and the oscillators of learner ``i``."""
    states, ranges, out = c.states, c.ranges, n.features[i]
    for j in range(states):
        value = observation[i, j] * normalisation[j]
        out[j] = math.tanh(max(value, 0.0))
        out[states + j] = math.tanh(max(-value, 0.0)) if c.negated_inputs else 0.0
    for j in range(states, states + ranges):
        out[states + j] = math.tanh(observation[i, j] * normalisation[j])
    at = 2 * states + ranges
    out[at] = math.tanh(1.0)
    for j in range(sent_action.shape[1]):
        out[at + 1 + j] = math.tanh(sent_action[i, j])
    at += 1 + sent_action.shape[1]
    oscillators = n.v.shape[1]
    for o in range(oscillators):
        out[at + o] = n.v[i, o]
        out[at + oscillators + o] = n.w[i, o]


@njit(cache=True)
def adapt(gain: float, output: float, c: Any) -> float:
    """Move a gain by one step of Eq. 5; returns the new gain."""
    change = c.gain_step * (c.gain_target - abs(output))
    if c.gain_rule == 2:
        decades = math.log10(gain)
        change *= (2.0 - decades) * (decades + 2.0) / 4.0
    adapted: float = min(max(gain + change, LOWEST_GAIN), HIGHEST_GAIN)
    return adapted


@njit(cache=True)
def act(
    n: Neurons, c: Any, weight: np.ndarray, i: int, observation: np.ndarray, learning: bool
) -> None:
    """Compute layers 2 to 4 of learner ``i`` from its features; the result is ``n.action[i]``."""
    at, oscillators = 0, n.v.shape[1]
    inputs = n.features.shape[1] - 2 * oscillators
    for h in range(n.hidden.shape[0]):
        total = 0.0
        for j in range(inputs):
            total += weight[i, at + j] * n.features[i, j]
        at += inputs
        n.hidden[h] = max(math.tanh(n.gain[i, h] * total), 0.0)
        if learning and c.gain_rule != 0:
            n.gain[i, h] = adapt(n.gain[i, h], n.hidden[h], c)
    for o in range(oscillators):
        total = 0.0
        for h in range(n.hidden.shape[0]):
            total += weight[i, at + h] * n.hidden[h]
        at += n.hidden.shape[0]
        n.drive[i, o] = math.tanh(total + weight[i, at])
        at += 1
    for m in range(n.action.shape[1]):
        total = 0.0
        for o in range(oscillators):
            total += weight[i, at + o] * n.v[i, o]
            total += weight[i, at + oscillators + o] * n.w[i, o]
        at += 2 * oscillators
        for j in range(c.states):
            total += weight[i, at + j] * observation[i, j]
        at += c.states
        n.action[i, m] = math.tanh(total + weight[i, at])
        at += 1
