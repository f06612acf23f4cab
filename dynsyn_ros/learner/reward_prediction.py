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
Reward prediction: synapses are told how much better than predicted things went.

.. math::

    \delta &= r - \bar r + \gamma V(x') - V(x), \qquad V(x) = \theta \cdot x, \qquad
        x = y - \bar y \\
    z &\leftarrow \gamma \lambda z + x, \qquad
    \theta \leftarrow \theta + \eta (1 - \gamma \lambda) \, \delta z / \max(|x|^2, 1) \\
    m &= \operatorname{clip}(\delta / D, \pm 10)

- :math:`r` the reward of a step; :math:`\bar r` ``baseline``, its running mean
- :math:`y` what the network has anyway, the outputs of layer 1 and :math:`v, w` of all
  oscillators. So the critic :math:`V` is one more neuron, and its rule is local
- :math:`x` ``features``: it adapts, as sensory neurons do, and sees how :math:`y` differs from its
  own running mean :math:`\bar y`, ``adapted``. A state that lasts, such as a high speed, is what
  slow fluctuations bring about; a critic that expects its reward takes it from the synapses
- :math:`\theta` ``value_weight``, :math:`z` ``value_trace``; :math:`\eta` ``critic_rate``
- :math:`\gamma` = exp(-dt / ``discount_time_constant``), :math:`\lambda` likewise
- :math:`\delta` ``error``, the reward prediction error: what dopamine is thought to carry
  (Schultz, Dayan & Montague 1997); TD(:math:`\lambda`) of the average
  reward (Sutton & Barto 2018, 12.8)
- :math:`D` ``scale``, the running mean of :math:`|r - \bar r|`, falls apart; :math:`m` the
  modulation of Eq. 3. A fall counts in full. The mean of :math:`|\delta|` would grow with a
  critic that falls excite, and all would be learned more slowly where it matters

A robot that was *put back* is no consequence of its weights: nothing is credited across the jump.
Running means are over the time of all walkers of a group together.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dynsyn_ros.learner.config import lowpass_gain, PredictionConfig
from dynsyn_ros.learner.memory import Shape, take
from numba import njit
import numpy as np

#: The largest modulation, a fall apart: a few large errors must not move the centres alone.
ERROR_LIMIT = 10.0
#: Of the trace by which the critic learns, -dt / ln(gamma lambda), ms: a quarter of a stride.
VALUE_TRACE_TIME_CONSTANT = 300.0
#: Of the running means of reward and error, ms of all walkers together: some hours of one.
MEAN_TIME_CONSTANT = 1e7
#: The smallest scale, below which an error counts as none.
SMALLEST_SCALE = 1e-6

CONSTANTS = np.dtype((np.record, [
    ('discount', 'f8'), ('trace_decay', 'f8'), ('critic_rate', 'f8'), ('mean_gain', 'f8'),
    ('adaptation_gain', 'f8')]))


class RewardPrediction(NamedTuple):
    """The state of the critic of every group."""

    value_weight: np.ndarray
    """theta, (groups, features)."""
    features: np.ndarray
    """x of the last step, (learners, features)."""
    value_trace: np.ndarray
    """z, likewise."""
    adapted: np.ndarray
    """Running mean of y, likewise."""
    baseline: np.ndarray
    """Reward per step, (groups,)."""
    scale: np.ndarray
    """Likewise."""
    steps: np.ndarray
    """Steps averaged so far: running means start as plain means. (groups,)."""
    reward: np.ndarray
    """r of the last step, shaped, (learners,)."""
    fell: np.ndarray
    """Whether the robot fell, 0 or 1, likewise."""
    error: np.ndarray
    """delta, likewise."""
    modulation: np.ndarray
    """m, likewise."""
    power: np.ndarray
    """Square of the length of x, of the state that the last action began in, likewise."""


@njit(cache=True)
def shapes(learners: int, groups: int, features: int) -> tuple[Shape, ...]:
    """Tell the shapes of its memory."""
    return (groups, features), (3, learners, features), (3, groups), (5, learners)


@njit(cache=True)
def unpack(
    memory: np.ndarray, learners: int, groups: int, features: int
) -> tuple[RewardPrediction, np.ndarray]:
    """Name the parts of the front of a memory; returns them and the rest of it."""
    of_weight, of_own, of_means, of_signals = shapes(learners, groups, features)
    value_weight, memory = take(memory, of_weight)
    own, memory = take(memory, of_own)
    means, memory = take(memory, of_means)
    signals, memory = take(memory, of_signals)
    return RewardPrediction(
        value_weight, own[0], own[1], own[2], means[0], means[1], means[2],
        signals[0], signals[1], signals[2], signals[3], signals[4]), memory


def constants(config: PredictionConfig | None, time_step: float, members: int) -> Any:
    """Pack the settings for the kernel, per step of a group of so many ``members``."""
    if config is None:
        return np.zeros((), CONSTANTS)[()]
    discount = math.exp(-time_step / config.discount_time_constant)
    # A lambda over 1 would be no trace of anything.
    trace_decay = min(math.exp(-time_step / VALUE_TRACE_TIME_CONSTANT), discount)
    return np.array((discount, trace_decay, config.critic_rate * (1.0 - trace_decay),
                     lowpass_gain(members * time_step, MEAN_TIME_CONSTANT),
                     lowpass_gain(time_step, config.eligibility_time_constant)), CONSTANTS)[()]


@njit(cache=True)
def value(weight: np.ndarray, features: np.ndarray) -> float:
    """Compute V(x)."""
    total = 0.0
    for j in range(features.size):
        total += weight[j] * features[j]
    return total


@njit(cache=True)
def predict(
    p: RewardPrediction, c: Any, group: int, members: Any, outputs: np.ndarray, moved: np.ndarray
) -> None:
    """
    Compute the errors of all ``members`` of a group and let its critic learn from them.

    ``outputs`` (learners, features) are the y that the last actions led to, ``moved`` (learners,)
    whether the robot was put back since. ``p.reward`` and ``p.fell`` are set already.
    """
    theta, count = p.value_weight[group], len(members)
    mean, deviation, walking = 0.0, 0.0, 0
    for i in members:
        mean += p.reward[i] / count
        error = p.reward[i] - p.baseline[group] - value(theta, p.features[i])
        decay_trace(p, c, i)
        first = take_features(p, c, i, outputs)
        error += c.discount * value(theta, p.features[i])
        fell = p.fell[i] > 0.0
        p.error[i] = 0.0 if first or (moved[i] and not fell) else error
        if not fell:
            deviation += abs(p.reward[i] - p.baseline[group])
            walking += 1
    gain = max(c.mean_gain, 1.0 / (1.0 + p.steps[group]))
    p.steps[group] += 1.0
    p.baseline[group] += gain * (mean - p.baseline[group])
    if walking > 0:
        p.scale[group] += gain * (deviation / walking - p.scale[group])
    scale = max(p.scale[group], SMALLEST_SCALE)
    for i in members:
        p.modulation[i] = p.error[i] / scale
        if p.fell[i] == 0.0:
            p.modulation[i] = min(max(p.modulation[i], -ERROR_LIMIT), ERROR_LIMIT)
        learn_value(p, c, i, theta)
        if moved[i] or p.fell[i] > 0.0:
            p.value_trace[i] = 0.0


@njit(cache=True)
def decay_trace(p: RewardPrediction, c: Any, i: int) -> None:
    """Let the trace of learner ``i`` decay, and add the features that its action began with."""
    p.power[i] = 0.0
    for j in range(p.features.shape[1]):
        p.value_trace[i, j] = c.trace_decay * p.value_trace[i, j] + p.features[i, j]
        p.power[i] += p.features[i, j] * p.features[i, j]


@njit(cache=True)
def take_features(p: RewardPrediction, c: Any, i: int, outputs: np.ndarray) -> bool:
    """Adapt to the ``outputs`` y of learner ``i``; returns whether they are its first."""
    first = True
    for j in range(outputs.shape[1]):
        first = first and p.features[i, j] == 0.0
        p.adapted[i, j] += c.adaptation_gain * (outputs[i, j] - p.adapted[i, j])
        p.features[i, j] = outputs[i, j] - p.adapted[i, j]
    return first


@njit(cache=True)
def learn_value(p: RewardPrediction, c: Any, i: int, theta: np.ndarray) -> None:
    """Move the critic by the error of learner ``i``, a step normalised by its features."""
    step = c.critic_rate * p.error[i] / max(p.power[i], 1.0)
    for j in range(theta.size):
        theta[j] += step * p.value_trace[i, j]


@njit(cache=True)
def skip(p: RewardPrediction, c: Any, i: int, outputs: np.ndarray) -> None:
    """Follow learner ``i`` while nothing learns."""
    take_features(p, c, i, outputs)
    p.value_trace[i] = 0.0
