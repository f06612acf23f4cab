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

1. tanh of the normalised states with both signs, the ranges, a constant 1 and the last action
2. :math:`o_j = \max(0, \tanh(g_j \sum_i W_{ij} o_i))`; the gain :math:`g_j` adapts slowly,
   :math:`\dot g_j = \gamma (0.3 - |o_j|)` (Eq. 5, 6); the nonlinear rule multiplies that by
   :math:`(2 - \log_{10} g)(\log_{10} g + 2) / 4`, which keeps g within 0.01 and 100
3. tanh of the weighted sum of layer 2 and a constant 1 drives the oscillators (Eq. 7, 8)
4. tanh of the weighted sum of all v, all w, the states as they are and a constant 1: the action
"""

from __future__ import annotations

import math
from typing import NamedTuple

from dynsyn_ros.learner.config import Layout, NetworkConfig
from numba import njit
import numpy as np

GAIN_RULES = {'none': 0, 'linear': 1, 'nonlinear': 2}


class Neurons(NamedTuple):
    """The state of the network of every learner."""

    v: np.ndarray
    """v of Eq. 7, shape (learners, oscillators)."""
    w: np.ndarray
    drive: np.ndarray
    """I of Eq. 7 since the last step, shape (learners, oscillators)."""
    gain: np.ndarray
    """g of Eq. 5-6, shape (learners, hidden)."""
    action: np.ndarray
    """The last action, shape (learners, actions), fed back into layer 1."""
    inputs: np.ndarray
    """Scratch: layer 1 of the learner at hand, shape (inputs,)."""
    hidden: np.ndarray
    """Scratch: layer 2 of the learner at hand, shape (hidden,)."""


def blocks(
    learners: int, layout: Layout
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Allocate the memory of :class:`Neurons`: few arrays, as each costs a call time."""
    return (
        np.zeros((3, learners, layout.oscillators)),
        np.zeros((learners, layout.hidden)),
        np.zeros((learners, layout.actions)),
        np.zeros(layout.inputs + layout.hidden),
    )


@njit(cache=True)
def named(
    oscillators: np.ndarray, gain: np.ndarray, action: np.ndarray, scratch: np.ndarray
) -> Neurons:
    """Name the parts of the blocks."""
    inputs = scratch.size - gain.shape[1]
    return Neurons(oscillators[0], oscillators[1], oscillators[2], gain, action,
                   scratch[:inputs], scratch[inputs:])


class Wiring(NamedTuple):
    """A :class:`NetworkConfig` and :class:`Layout` as the kernels take them."""

    states: int
    ranges: int
    negated_inputs: bool
    gain_rule: int
    gain_step: float
    gain_target: float


def wiring(config: NetworkConfig, layout: Layout, time_step: float) -> Wiring:
    """Turn settings per ms into constants per step of ``time_step`` ms."""
    return Wiring(
        layout.states,
        layout.ranges,
        config.negated_inputs,
        GAIN_RULES[config.gain_rule],
        config.gain_rate * time_step,
        config.gain_target,
    )


@njit(cache=True)
def encode(
    n: Neurons, k: Wiring, normalisation: np.ndarray, i: int, observation: np.ndarray
) -> None:
    """Layer 1 of learner ``i``: fill ``n.inputs``."""
    states, ranges = k.states, k.ranges
    for j in range(states):
        value = observation[i, j] * normalisation[j]
        n.inputs[j] = math.tanh(max(value, 0.0))
        n.inputs[states + j] = math.tanh(max(-value, 0.0)) if k.negated_inputs else 0.0
    for j in range(states, states + ranges):
        n.inputs[states + j] = math.tanh(observation[i, j] * normalisation[j])
    n.inputs[2 * states + ranges] = math.tanh(1.0)
    for j in range(n.action.shape[1]):
        n.inputs[2 * states + ranges + 1 + j] = math.tanh(n.action[i, j])


@njit(cache=True)
def adapt(gain: float, output: float, k: Wiring) -> float:
    """Move a gain by one step of Eq. 5; returns the new gain."""
    change = k.gain_step * (k.gain_target - abs(output))
    if k.gain_rule == 2:
        decades = math.log10(gain)
        change *= (2.0 - decades) * (decades + 2.0) / 4.0
    return gain + change


@njit(cache=True)
def act(
    n: Neurons, k: Wiring, normalisation: np.ndarray, weight: np.ndarray, i: int,
    observation: np.ndarray, learning: bool
) -> None:
    """Carry the observation of learner ``i`` through all layers into ``n.action[i]``."""
    encode(n, k, normalisation, i, observation)
    at = 0
    for h in range(n.hidden.shape[0]):
        total = 0.0
        for j in range(n.inputs.shape[0]):
            total += weight[i, at + j] * n.inputs[j]
        at += n.inputs.shape[0]
        n.hidden[h] = max(math.tanh(n.gain[i, h] * total), 0.0)
        if learning and k.gain_rule != 0:
            n.gain[i, h] = adapt(n.gain[i, h], n.hidden[h], k)
    oscillators = n.v.shape[1]
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
        for j in range(k.states):
            total += weight[i, at + j] * observation[i, j]
        at += k.states
        n.action[i, m] = math.tanh(total + weight[i, at])
        at += 1
