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
Annealing: with success, fluctuations narrow, centres slow down, and falls cost more.

.. math::

    X = \int R \, dt \ge 0, \qquad s = \frac{1}{1 + (X / X_s)^2}, \qquad
    \frac{A}{A_0} = s \, (1 + \beta X)^{-1/4}, \qquad
    \frac{\alpha}{\alpha_0} = s \, (1 + \delta X)^{-1/2}

- :math:`A_0, \alpha_0` the initial amplitude, and ``centre_rate``
- :math:`X` ``clock``: the reward :math:`R` that all walkers of a group have earned, not counting
  the steps that ended in a fall. Negative reward turns it back, and the fluctuations widen again
- :math:`\beta` ``amplitude_decay``, :math:`\delta` ``centre_rate_decay``, 1/reward
- :math:`X_s` ``settling``, the reward after which a walk is made safe: well before it,
  :math:`s` is about 1, and well after it, :math:`s` falls as 1 / X^2

The decays are gain sequences of stochastic approximation, with a slower one for the size of the
perturbations (Robbins & Monro 1951, Spall 1992). Here their time is the reward earned so far.

A fall counts as :math:`-(L + (1 - s) \, h \max(\bar r, 0))`, where :math:`\bar r` is the mean
reward of a step. At first a fall costs the penalty :math:`L`. Once a walk settles, it also costs
the mean reward of :math:`h` steps. This works like discounting that weakens during learning
(Francois-Lavet 2015): a robot that must pay the full price before it can walk learns to stand,
and one that must pay it before it walks fast stays slow.

- :math:`L` ``penalty``; :math:`h` ``horizon``, which is set in ms
- :math:`\bar r` ``baseline``, see :mod:`~dynsyn_ros.learner.reward_prediction`

**Reheating.** A robot that has changed no longer earns what it used to. While that lasts, its
fluctuations widen and its centres move faster. If it earns nothing, centres are as fast as at
first. Fluctuations stay narrower by :math:`s`, because a robot that has walked has less to search
for than a new one:

.. math::

    \frac{A}{A_0} = s \, (1 + \beta X)^{-(1 - H) / 4}, \qquad
    \frac{\alpha}{\alpha_0} = \left(s \, (1 + \delta X)^{-1/2}\right)^{1 - H}, \qquad
    H = \operatorname{clip}\left(1 - \frac{R_\tau}{(1 - \rho) \, R_\infty}, 0, 1\right)

- :math:`R_\tau` ``recent_reward``, :math:`R_\infty` ``long_term_reward``: running means of the
  reward of a step, falls included and not shaped, over ``time_constant`` and over
  :data:`LONG_TERM_TIME_CONSTANT`. Both are the plain mean of all steps until ``time_constant``
  has passed
- :math:`\rho` ``tolerance``, the share of the reward that may be missing before anything happens
- :math:`H` the heat, 0 while :math:`R_\infty` is not positive. It does not change :math:`X`: once
  the reward is back, or its long-term mean has fallen to it, fluctuations are as narrow as before
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dynsyn_ros.learner.config import (
    AnnealingConfig,
    FallConfig,
    lowpass_gain,
    ReheatingConfig,
)
from dynsyn_ros.learner.memory import Shape, take
from numba import njit
import numpy as np

#: Time constant of the long-term mean, ms of all walkers together. It is five hours of a walker
#: that steps 20 ms while 33 ms of learner time pass.
LONG_TERM_TIME_CONSTANT = 3e7

CONSTANTS = np.dtype((np.record, [
    ('amplitude_decay', 'f8'), ('centre_rate_decay', 'f8'), ('settling', 'f8'),
    ('penalty', 'f8'), ('horizon', 'f8'),
    ('recent_gain', 'f8'), ('long_term_gain', 'f8'), ('expected', 'f8')]))


class Annealing(NamedTuple):
    """How far each group is annealed; every array is (groups,)."""

    clock: np.ndarray
    """X, in reward."""
    recent_reward: np.ndarray
    """Recent mean reward of a step."""
    long_term_reward: np.ndarray
    """Long-term mean reward of a step."""
    counted: np.ndarray
    """Steps in the plain means; it stops once the means are exponential."""


@njit(cache=True)
def shapes(groups: int) -> tuple[Shape, ...]:
    """Return the shapes of this part's arrays."""
    return ((4, groups),)


@njit(cache=True)
def unpack(memory: np.ndarray, groups: int) -> tuple[Annealing, np.ndarray]:
    """Take this part's arrays from the front of a memory; returns them and the rest."""
    own, memory = take(memory, shapes(groups)[0])
    return Annealing(own[0], own[1], own[2], own[3]), memory


def constants(
    annealing: AnnealingConfig | None, fall: FallConfig | None,
    reheating: ReheatingConfig | None, time_step: float, members: int
) -> Any:
    """
    Pack the settings for the kernel, per step of a group with this number of ``members``.

    A table that is None has no effect.
    """
    elapsed = members * time_step
    recent, long_term, expected = (
        lowpass_gain(elapsed, reheating.time_constant),
        lowpass_gain(elapsed, LONG_TERM_TIME_CONSTANT),
        1.0 - reheating.tolerance) if reheating else (0.0, 0.0, 0.0)
    beta, delta, settling = (
        annealing.amplitude_decay, annealing.centre_rate_decay,
        annealing.settling) if annealing else (0.0, 0.0, math.inf)
    penalty, horizon = (fall.penalty, fall.horizon / time_step) if fall else (0.0, 0.0)
    return np.array((beta, delta, settling, penalty, horizon, recent, long_term, expected),
                    CONSTANTS)[()]


@njit(cache=True)
def amplitude_ratio(c: Any, a: Annealing, group: int) -> float:
    """Compute A / A_0."""
    clock = a.clock[group]
    ratio: float = (1.0 + c.amplitude_decay * clock) ** (
        -0.25 * (1.0 - heat(c, a, group))) / unsettled(c, clock)
    return ratio


@njit(cache=True)
def rate_ratio(c: Any, a: Annealing, group: int) -> float:
    """Compute alpha / alpha_0."""
    clock = a.clock[group]
    ratio: float = ((1.0 + c.centre_rate_decay * clock) * unsettled(c, clock) ** 2) ** (
        -0.5 * (1.0 - heat(c, a, group)))
    return ratio


@njit(cache=True)
def unsettled(c: Any, clock: float) -> float:
    """Compute 1 / s."""
    far: float = clock / c.settling
    return 1.0 + far * far


@njit(cache=True)
def heat(c: Any, a: Annealing, group: int) -> float:
    """Compute H."""
    expected: float = c.expected * a.long_term_reward[group]
    if expected <= 0.0:
        return 0.0
    missing: float = min(max(1.0 - a.recent_reward[group] / expected, 0.0), 1.0)
    return missing


@njit(cache=True)
def follow(c: Any, a: Annealing, group: int, mean: float) -> None:
    """Update both means with the ``mean`` reward of a step, if reheating is on."""
    if c.recent_gain == 0.0:
        return
    first = 1.0 / (1.0 + a.counted[group])
    if first > c.recent_gain:
        a.counted[group] += 1.0
        a.recent_reward[group] += first * (mean - a.recent_reward[group])
        a.long_term_reward[group] = a.recent_reward[group]
    else:
        a.recent_reward[group] += c.recent_gain * (mean - a.recent_reward[group])
        a.long_term_reward[group] += c.long_term_gain * (mean - a.long_term_reward[group])


@njit(cache=True)
def shape_reward(c: Any, reward: float, fell: bool, mean: float, clock: float) -> float:
    """Replace the reward of a fall by its price; return any other reward unchanged."""
    if not fell:
        return reward
    share = 1.0 - 1.0 / unsettled(c, clock)
    shaped: float = -(c.penalty + share * c.horizon * max(mean, 0.0))
    return shaped
