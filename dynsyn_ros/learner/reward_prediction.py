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
Reward prediction: synapses learn from how much more reward came than predicted.

.. math::

    \delta &= r - \bar r + \gamma V(x') - V(x), \qquad V(x) = \theta \cdot x, \qquad
        x = y - \bar y \\
    z &\leftarrow \gamma \lambda z + x, \qquad
    \theta \leftarrow \theta + \eta (1 - \gamma \lambda) \, \delta z / \max(|x|^2, 1) \\
    m &= \operatorname{clip}(\delta / D, \pm 10)

- :math:`r` the reward of a step, shaped by :mod:`~dynsyn_ros.learner.annealing`;
  :math:`\bar r` ``baseline``, its running mean
- :math:`y` signals that the network already has: the outputs of layer 1, and :math:`v, w` of all
  oscillators. So the critic :math:`V` is one more neuron, and its rule is local
- :math:`x` ``features``: the difference of :math:`y` from its running mean :math:`\bar y`,
  ``adapted``, over ``eligibility_time_constant``, as in sensory neurons that adapt. Slow
  fluctuations bring about lasting states, such as a high speed. A critic that came to expect the
  reward of a lasting state would withhold that reward from the synapses. :math:`x'` is the next
  :math:`x`
- :math:`\theta` ``value_weight``, :math:`z` ``value_trace``; :math:`\eta` ``critic_rate``, per
  step
- :math:`\gamma` = exp(-dt / ``discount_time_constant``); :math:`\gamma \lambda` =
  exp(-dt / :data:`VALUE_TRACE_TIME_CONSTANT`), but at most :math:`\gamma`
- :math:`\delta` ``error``, the reward prediction error, which dopamine is thought to signal
  (Schultz, Dayan & Montague 1997). The rule is TD(:math:`\lambda`) for average reward (Sutton &
  Barto 2018, 12.8)
- :math:`D` ``scale``, the running mean of :math:`|r - \bar r|` over the steps without a fall;
  :math:`m` ``modulation``, that of Eq. 3. A fall is not clipped. :math:`D` is not the mean of
  :math:`|\delta|`: falls excite the critic, so that mean would grow, and learning would slow down
  where it matters most

When a robot was *put back*, its weights did not cause the jump, and nothing is credited across it:
:math:`\delta` is 0 unless the robot fell, and :math:`z` starts again. The means :math:`\bar r` and
:math:`D` are over :data:`MEAN_TIME_CONSTANT`, in the time of all walkers of a group together.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dynsyn_ros.learner.config import lowpass_gain, PredictionConfig
from dynsyn_ros.learner.memory import Shape, take
from numba import njit
import numpy as np

#: The largest modulation, except that of a fall, so that a few large errors do not dominate.
ERROR_LIMIT = 10.0
#: Time constant of the critic's trace, -dt / ln(gamma lambda), ms: about a quarter of a stride.
VALUE_TRACE_TIME_CONSTANT = 300.0
#: Time constant of baseline and scale, ms of all walkers together. It is 1.7 hours of a walker
#: that steps 20 ms while 33 ms of learner time pass.
MEAN_TIME_CONSTANT = 1e7
#: Errors are divided by no less than this, so that they stay finite while rewards do not vary.
SMALLEST_SCALE = 1e-6

CONSTANTS = np.dtype((np.record, [
    ('discount', 'f8'), ('trace_decay', 'f8'), ('critic_rate', 'f8'), ('mean_gain', 'f8'),
    ('adaptation_gain', 'f8')]))


class RewardPrediction(NamedTuple):
    """The state of the critic of each group."""

    value_weight: np.ndarray
    """theta, (groups, features)."""
    features: np.ndarray
    """x of the last step, (learners, features)."""
    value_trace: np.ndarray
    """z, (learners, features)."""
    adapted: np.ndarray
    """Running mean of y, (learners, features)."""
    baseline: np.ndarray
    """Running mean of r, reward per step, (groups,)."""
    scale: np.ndarray
    """D, reward per step, (groups,)."""
    steps: np.ndarray
    """Steps averaged so far: running means start as plain means, (groups,)."""
    reward: np.ndarray
    """r of the last step, shaped, (learners,)."""
    fell: np.ndarray
    """Whether the robot fell, 0 or 1, (learners,)."""
    error: np.ndarray
    """delta, (learners,)."""
    modulation: np.ndarray
    """m, (learners,)."""
    power: np.ndarray
    """abs(x)^2 of the state in which the last action began, (learners,)."""


@njit(cache=True)
def shapes(learners: int, groups: int, features: int) -> tuple[Shape, ...]:
    """Return the shapes of this part's arrays."""
    return (groups, features), (3, learners, features), (3, groups), (5, learners)


@njit(cache=True)
def unpack(
    memory: np.ndarray, learners: int, groups: int, features: int
) -> tuple[RewardPrediction, np.ndarray]:
    """Take this part's arrays from the front of a memory; returns them and the rest."""
    of_weight, of_own, of_means, of_signals = shapes(learners, groups, features)
    value_weight, memory = take(memory, of_weight)
    own, memory = take(memory, of_own)
    means, memory = take(memory, of_means)
    signals, memory = take(memory, of_signals)
    return RewardPrediction(
        value_weight, own[0], own[1], own[2], means[0], means[1], means[2],
        signals[0], signals[1], signals[2], signals[3], signals[4]), memory


def constants(config: PredictionConfig | None, time_step: float, members: int) -> Any:
    """Pack the settings for the kernel, per step of a group with this number of ``members``."""
    if config is None:
        return np.zeros((), CONSTANTS)[()]
    discount = math.exp(-time_step / config.discount_time_constant)
    # Lambda must not exceed 1.
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

    ``outputs``, (learners, features), are the y that the last actions led to. ``moved``,
    (learners,), says which robots were put back since the last step. The caller has set
    ``p.reward`` and ``p.fell``.
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
    """Decay the trace of learner ``i`` and add the features from before its last action."""
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
    """Update the critic by the error of learner ``i``, normalised by the power of its features."""
    step = c.critic_rate * p.error[i] / max(p.power[i], 1.0)
    for j in range(theta.size):
        theta[j] += step * p.value_trace[i, j]


@njit(cache=True)
def skip(p: RewardPrediction, c: Any, i: int, outputs: np.ndarray) -> None:
    """Keep the features of learner ``i`` up to date while nothing learns, and clear its trace."""
    take_features(p, c, i, outputs)
    p.value_trace[i] = 0.0
