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
Plasticity: reward moves the centre of a fluctuation and narrows it (Eq. 3-4).

.. math::

    \dot C &= \alpha \, m \, e, \qquad e = W - C
        \quad\text{or}\quad \tau \dot e = (W - C) - e               &\text{(Eq. 3)} \\
    \dot A &= -\beta A R \quad\text{or}\quad \dot A = -\beta R      &\text{(Eq. 4)}

- :math:`C` ``centre``, :math:`A` ``amplitude``, :math:`W` the weight of Eq. 1
- :math:`e` ``trace``, the eligibility of a synapse: its recent deviation from the centre
- :math:`\tau` ``eligibility_time_constant``, ms
- :math:`m` the modulation: the reward :math:`R` of a step itself (the paper), or the error of its
  prediction, see :mod:`~dynsyn_ros.learner.reward_prediction`
- :math:`\alpha` ``centre_rate``, :math:`\beta` ``amplitude_rate``, 1/ms. Annealing scales
  :math:`\alpha` and replaces Eq. 4, see :mod:`~dynsyn_ros.learner.annealing`
- without ``repulsion``, a negative :math:`m` does not move the centre

One step of one walker moves a centre by at most its amplitude :math:`A`, that is, as far as its
fluctuation reaches. Without this bound, a fall after rewards that never vary, whose :math:`m` has
no other limit, would end every walk. A reward that varies never comes near it.

The updates of learners that share centres and amplitudes (a fleet) add up: :math:`\alpha` and
:math:`\beta` are per ms of one walker's time, for any number of walkers.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dynsyn_ros.learner.config import LearnerConfig, lowpass_gain
from dynsyn_ros.learner.memory import Shape, take
from numba import njit
import numpy as np

#: Centres stay within +- this, and amplitudes between 0 and this, so that both are always finite.
#: A walk needs far less.
BOUND = 100.0
#: The largest exponent of Eq. 4, so that its power is finite.
MOST_EXPONENT = 700.0

CONSTANTS = np.dtype((np.record, [
    ('centre_rate', 'f8'), ('amplitude_rate', 'f8'), ('trace_gain', 'f8'), ('repulsion', 'b1'),
    ('additive', 'b1')]))


class Plasticity(NamedTuple):
    """The state that learning changes."""

    centre: np.ndarray
    """C, (groups, synapses): a row for each learner, or one row for a fleet."""
    amplitude: np.ndarray
    """A, (groups, synapses)."""
    trace: np.ndarray
    """e, (learners, synapses)."""


@njit(cache=True)
def shapes(learners: int, groups: int, synapses: int) -> tuple[Shape, ...]:
    """Return the shapes of this part's arrays."""
    return (2, groups, synapses), (learners, synapses)


@njit(cache=True)
def unpack(
    memory: np.ndarray, learners: int, groups: int, synapses: int
) -> tuple[Plasticity, np.ndarray]:
    """Take this part's arrays from the front of a memory; returns them and the rest."""
    of_shared, of_trace = shapes(learners, groups, synapses)
    shared, memory = take(memory, of_shared)
    trace, memory = take(memory, of_trace)
    return Plasticity(shared[0], shared[1], trace), memory


def constants(config: LearnerConfig) -> Any:
    """Pack the settings for the kernel, with rates per step."""
    step, synapses = config.time_step, config.synapses
    return np.array((
        synapses.centre_rate * step,
        config.narrowing.amplitude_rate * step if config.narrowing else 0.0,
        lowpass_gain(step, config.prediction.eligibility_time_constant)
        if config.prediction else 1.0,
        synapses.repulsion, config.amplitude_law == 'additive'), CONSTANTS)[()]


@njit(cache=True)
def follow(p: Plasticity, c: Any, i: int, group: int, sine: np.ndarray) -> None:
    """Update the eligibility traces of learner ``i`` with its fluctuations W - C = A sin."""
    for j in range(sine.size):
        fluctuation = p.amplitude[group, j] * sine[j]
        p.trace[i, j] += c.trace_gain * (fluctuation - p.trace[i, j])


@njit(cache=True)
def move_centres(
    p: Plasticity, c: Any, i: int, group: int, rate_ratio: float, modulation: float
) -> None:
    """Eq. 3: move the centres of a group by the modulation and the traces of learner ``i``."""
    if not c.repulsion:
        modulation = max(modulation, 0.0)
    pull = c.centre_rate * rate_ratio * modulation
    for j in range(p.centre.shape[1]):
        reach = p.amplitude[group, j]
        moved = p.centre[group, j] + min(max(pull * p.trace[i, j], -reach), reach)
        p.centre[group, j] = min(max(moved, -BOUND), BOUND)


@njit(cache=True)
def move_amplitudes(p: Plasticity, c: Any, group: int, reward: float) -> None:
    """Eq. 4: narrow or widen the fluctuations of a group by one reward."""
    factor = math.exp(min(-c.amplitude_rate * reward, MOST_EXPONENT))
    decrement = c.amplitude_rate * reward
    for j in range(p.amplitude.shape[1]):
        before = p.amplitude[group, j]
        moved = before - decrement if c.additive else before * factor
        p.amplitude[group, j] = min(max(moved, 0.0), BOUND)


@njit(cache=True)
def scale_amplitudes(p: Plasticity, group: int, factor: float) -> None:
    """Scale the amplitudes of a group."""
    for j in range(p.amplitude.shape[1]):
        p.amplitude[group, j] *= factor
