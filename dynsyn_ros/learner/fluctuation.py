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
Fluctuation: every weight swings about its centre independently (Eq. 1-2).

.. math::

    W = C + A \sin(2 \pi t / T), \qquad T \sim N(\mu, \sigma^2)     \qquad\text{(Eq. 1, 2)}

- :math:`W` ``weight``; :math:`C, A` centre and amplitude, see
  :mod:`~dynsyn_ros.learner.plasticity`
- :math:`t` ``phase``, ms since the weight last crossed its centre upwards; :math:`T` ``period``,
  ms
- :math:`\mu, \sigma` ``period_mean``, ``period_sd``, ms

At every upward crossing of the centre a new period is drawn, no shorter than
:data:`~dynsyn_ros.learner.config.SHORTEST_PERIOD` times the mean. The time past the end of the old
period is carried over, so a weight never jumps (the authors' program).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dynsyn_ros.learner.config import SHORTEST_PERIOD, SynapseConfig
from dynsyn_ros.learner.memory import Shape, take
from numba import njit
import numpy as np

#: Standard normal numbers drawn ahead per synapse. At a mean period of 20 s they last about a
#: minute of learner time.
NORMALS_PER_SYNAPSE = 4

CONSTANTS = np.dtype((np.record, [
    ('time_step', 'f8'), ('period_mean', 'f8'), ('period_sd', 'f8')]))


class Fluctuation(NamedTuple):
    """The state of every fluctuation; arrays are (learners, synapses) unless stated otherwise."""

    phase: np.ndarray
    period: np.ndarray
    sine: np.ndarray
    """sin(2 pi t / T). Each step rotates it and its cosine by one step's angle. At the start of
    each period both are computed exactly. This saves a call of sin for each synapse and step, and
    the error stays below 1e-12."""
    cosine: np.ndarray
    step_sine: np.ndarray
    """Sine of the angle of one step, 2 pi dt / T."""
    step_cosine: np.ndarray
    weight: np.ndarray
    normals: np.ndarray
    """Standard normal numbers for the next periods, (learners, normals)."""
    next_normal: np.ndarray
    """Index of the next unused normal number, (learners,)."""


@njit(cache=True)
def shapes(learners: int, synapses: int) -> tuple[Shape, ...]:
    """Return the shapes of this part's arrays."""
    return (7, learners, synapses), (learners, NORMALS_PER_SYNAPSE * synapses), (learners,)


@njit(cache=True)
def unpack(
    memory: np.ndarray, learners: int, synapses: int
) -> tuple[Fluctuation, np.ndarray]:
    """Take this part's arrays from the front of a memory; returns them and the rest."""
    of_own, of_normals, of_next = shapes(learners, synapses)
    own, memory = take(memory, of_own)
    normals, memory = take(memory, of_normals)
    next_normal, memory = take(memory, of_next)
    return Fluctuation(own[0], own[1], own[2], own[3], own[4], own[5], own[6], normals,
                       next_normal.view(np.int64)), memory


def constants(config: SynapseConfig, time_step: float) -> Any:
    """Pack the settings for the kernel."""
    return np.array((time_step, config.period_mean, config.period_sd), CONSTANTS)[()]


@njit(cache=True)
def draw_period(c: Any, normal: float) -> float:
    """Turn a standard normal number into a period (ms) of Eq. 2."""
    period: float = max(c.period_mean + c.period_sd * normal, SHORTEST_PERIOD * c.period_mean)
    return period


@njit(cache=True)
def begin_period(f: Fluctuation, c: Any, i: int, j: int, period: float) -> None:
    """Give synapse ``j`` of learner ``i`` a new period (ms) at its present phase."""
    f.period[i, j] = period
    step, angle = 2.0 * math.pi * c.time_step / period, 2.0 * math.pi * f.phase[i, j] / period
    f.step_sine[i, j], f.step_cosine[i, j] = math.sin(step), math.cos(step)
    f.sine[i, j], f.cosine[i, j] = math.sin(angle), math.cos(angle)


def start(
    f: Fluctuation, c: Any, i: int, shares: np.ndarray, normals: np.ndarray
) -> None:
    """Give each synapse of learner ``i`` a first period, and a phase that is a share of it."""
    for j, (share, normal) in enumerate(zip(shares, normals, strict=True)):
        period = draw_period(c, normal)
        f.phase[i, j] = share * period
        begin_period(f, c, i, j, period)


@njit(cache=True)
def advance(f: Fluctuation, c: Any, i: int) -> None:
    """Advance the phases of learner ``i`` by one step."""
    for j in range(f.phase.shape[1]):
        f.phase[i, j] += c.time_step
        sine, cosine = f.sine[i, j], f.cosine[i, j]
        f.sine[i, j] = sine * f.step_cosine[i, j] + cosine * f.step_sine[i, j]
        f.cosine[i, j] = cosine * f.step_cosine[i, j] - sine * f.step_sine[i, j]
    for j in range(f.phase.shape[1]):
        if f.phase[i, j] >= f.period[i, j]:
            f.phase[i, j] -= f.period[i, j]
            normal = f.normals[i, f.next_normal[i]]
            f.next_normal[i] += 1
            begin_period(f, c, i, j, draw_period(c, normal))


@njit(cache=True)
def set_weights(f: Fluctuation, i: int, centre: np.ndarray, amplitude: np.ndarray) -> None:
    """Eq. 1: set the weights of learner ``i``."""
    for j in range(f.weight.shape[1]):
        f.weight[i, j] = centre[j] + amplitude[j] * f.sine[i, j]
