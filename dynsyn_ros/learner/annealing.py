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
Annealing: with success, fluctuations narrow, centres settle, and falls cost more.

.. math::

    X = \int R \, dt \ge 0, \qquad
    \frac{A}{A_0} = (1 + \beta X)^{-1/4}, \qquad
    \frac{\alpha}{\alpha_0} = (1 + \delta X)^{-1/2}

- :math:`X` ``clock``: the reward :math:`R` that all walkers of a group have earned, falls apart.
  While reward is negative it runs back, and the fluctuations widen again
- :math:`\beta` ``amplitude_decay``, :math:`\delta` ``centre_rate_decay``, 1/reward

These are gain sequences of stochastic approximation, a slower one for the size of the
perturbations (Robbins & Monro 1951, Spall 1992), in a time that is counted in success.

A fall counts as :math:`-(L + k h \max(\bar r, 0))`, :math:`k = \kappa X / (1 + \kappa X)`, where
:math:`\bar r` is the mean reward of a step: the penalty :math:`L` at first, and with success what
is earned in so many steps :math:`h`. It is as with a discount that shrinks while learning
(Francois-Lavet 2015): a robot that must pay the full price before it can walk learns to stand.

- :math:`L` ``penalty``, :math:`h` ``horizon``, :math:`\kappa` ``price_rate``, 1/reward
"""

from __future__ import annotations

from typing import Any

from dynsyn_ros.learner.config import AnnealingConfig, FallConfig
from numba import njit
import numpy as np

CONSTANTS = np.dtype((np.record, [
    ('amplitude_decay', 'f8'), ('centre_rate_decay', 'f8'), ('penalty', 'f8'),
    ('horizon', 'f8'), ('price_rate', 'f8')]))


def constants(
    annealing: AnnealingConfig | None, fall: FallConfig | None, time_step: float
) -> Any:
    """Pack the settings for the kernel; a table that is absent changes nothing."""
    beta, delta = (annealing.amplitude_decay,
                   annealing.centre_rate_decay) if annealing else (0.0, 0.0)
    penalty, horizon, kappa = (
        fall.penalty, fall.horizon / time_step, fall.price_rate) if fall else (np.inf, 0.0, 0.0)
    return np.array((beta, delta, penalty, horizon, kappa), CONSTANTS)[()]


@njit(cache=True)
def amplitude_ratio(c: Any, clock: float) -> float:
    """Compute A / A_0."""
    ratio: float = (1.0 + c.amplitude_decay * clock) ** -0.25
    return ratio


@njit(cache=True)
def rate_ratio(c: Any, clock: float) -> float:
    """Compute alpha / alpha_0."""
    ratio: float = (1.0 + c.centre_rate_decay * clock) ** -0.5
    return ratio


@njit(cache=True)
def shape_reward(c: Any, reward: float, mean: float, clock: float) -> tuple[float, float]:
    """Price a fall by the mean reward; returns the shaped reward, and 1 for a fall, or 0."""
    if reward > -c.penalty:
        return reward, 0.0
    share = 1.0 - 1.0 / (1.0 + c.price_rate * clock)
    return -(c.penalty + share * c.horizon * max(mean, 0.0)), 1.0
