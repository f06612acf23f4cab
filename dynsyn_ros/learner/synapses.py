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
Dynamic synapses: the rule of Wei & Webb (2018), section II-A.

.. math::

    W &= C + A \sin(2 \pi t / T), \qquad T \sim N(\mu, \sigma^2)       &\text{(Eq. 1, 2)} \\
    \dot C &= \alpha \, (e \, \tilde R - \lambda A^2 C), \qquad \tau \dot e = (W - C) - e
                                                                       &\text{(Eq. 3)} \\
    \dot A &= -\beta A R \quad\text{or}\quad \dot A = -\beta R         &\text{(Eq. 4)}

- :math:`W` ``weight``, :math:`C` ``centre``, :math:`A` ``amplitude``
- :math:`t` ``phase``, ms since the weight last crossed its centre upwards; :math:`T` ``period``
- :math:`e` ``trace``, equal to :math:`W - C` where its time constant :math:`\tau` is 0 (the paper)
- :math:`R` the reward, :math:`\alpha` ``centre_rate``, :math:`\beta` ``amplitude_rate`` of the
  layer that the synapse is in, 1/ms
- :math:`\tilde R` the surprise, or :math:`R` itself (the paper)
- :math:`\lambda` ``centre_decay`` of the layer, 0 in the paper: on average a centre climbs
  :math:`\tilde R - \lambda C^2`. Where rewards say little of a synapse its centre diffuses, and
  the farther it is the less its fluctuation does; what is not told again and again is forgotten

With a memory a centre is told by how much its walker does better or worse than all did of late:

.. math::

    \tilde R = \max(-\ell, \; \min(\ell, \; (S - \bar S) / D)), \qquad
    \tau_S \dot S = R - k \, \varepsilon \, (\bar R - \rho) \, E / \bar E - S

- :math:`S` ``smoothed``, the reward with its ups and downs within a stride taken out, and falls
- :math:`\bar S` the running mean of :math:`S`, ``usual``, :math:`D` its running mean ``deviation``
- :math:`\ell` ``surprise_limit``: a start from rest or a stumble says little of the weights, but
  is most of the slow noise in the reward of a robot that walks; a lunge earns much, and then falls
- :math:`E` the effort of a step, the sum of all joints' actions without their signs,
  :math:`\bar E` its running mean, :math:`\varepsilon` its ``effort_weight``

With an aspiration :math:`\rho` the rule settles as stochastic approximation does, a gain sequence
for the centres and a slower one for the fluctuations (Robbins & Monro 1951, Spall 1992), only that
its time is counted in success:

.. math::

    X = \int (\bar R - \rho) \, dt \ge 0, \qquad
    A = \frac{A_0}{(1 + \beta X)^{1/4}}, \qquad
    \alpha = \frac{\alpha_0}{(1 + \delta X)^{1/2}}, \qquad k = \frac{\kappa X}{1 + \kappa X}

The powers are those that let it neither freeze nor stray: what a centre learns,
:math:`\alpha A^2`, sums up without end as :math:`1 / X` does, and the variance of its noise,
:math:`\alpha^2 A^2`, does not.

- :math:`X` ``experience``, :math:`\bar R` the running ``mean`` of the reward, falls apart
- :math:`\delta` ``settling_rate``, :math:`\kappa` ``caution_rate``, 1/ms

The caution :math:`k` is the share of their full price at which falls and effort are told, as with
a discount that shrinks while learning (Francois-Lavet 2015): who must pay it all before it can
walk learns to stand. A punishment at the limit :math:`L`, a fall, is told as
:math:`-L - k \, (\bar R - \rho) \, h`, where :math:`h` is the ``punishment_horizon``, the time
whose earnings it costs. Effort costs what an average one earns, so that with :math:`k` and
:math:`\varepsilon` at 1 the centres climb :math:`\bar R / \bar E`, the reward per effort, instead
of the reward per step. For a robot that is paid for its way and pays for its torque that is the
reward of the way: one percent of speed is worth one percent of torque, and several per step.

Arrays are (learners, synapses). Centres and amplitudes have a row a learner, or one row that all
share (a fleet): it then takes the mean of all their updates, and X is what all have earned.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from dynsyn_ros.learner.config import LEARNING_LAYERS, SHORTEST_PERIOD
from dynsyn_ros.learner.rates import Rates
from numba import njit
import numpy as np

#: The least deviation that a reward is measured by, so that a constant reward is no surprise.
LEAST_DEVIATION = 1e-6
#: The deviation before any reward has come: over that of a walk, so that learning starts gently.
FIRST_DEVIATION = 0.3
#: The effort before any action, so that it is never divided by nothing.
FIRST_EFFORT = 1.0


class Synapses(NamedTuple):
    """The state of every synapse."""

    centre: np.ndarray
    amplitude: np.ndarray
    phase: np.ndarray
    period: np.ndarray
    sine: np.ndarray
    """sin(2 pi t / T): it and its cosine are turned by one step's angle and exact in the first
    step of each period, which spares a call a synapse and step and strays by less than 1e-12."""
    cosine: np.ndarray
    turn_sine: np.ndarray
    """Sine of the angle of one step, 2 pi dt / T."""
    turn_cosine: np.ndarray
    trace: np.ndarray
    weight: np.ndarray
    reserve: np.ndarray
    """Standard normal numbers, drawn ahead, that become the next periods: (learners, reserve)."""
    drawn: np.ndarray
    """How many of the reserve are used up: (learners,)."""
    mean: np.ndarray
    """Running mean of the reward, falls apart: a value a learner, or one for a fleet."""
    usual: np.ndarray
    """Running mean of the smoothed reward, with what effort costs, likewise."""
    effort: np.ndarray
    """Running mean of the effort, likewise."""
    deviation: np.ndarray
    """Running mean of how far the smoothed reward is from its mean, likewise."""
    experience: np.ndarray
    """X: the reward beyond the aspiration, summed up over time (ms) and members, likewise."""
    smoothed: np.ndarray
    """S: each learner's own reward, low-pass, (learners,)."""
    told: np.ndarray
    """Scratch: what each learner is told of its reward, (learners,)."""
    surprise: np.ndarray
    """Scratch: what moves its centres, likewise."""


def blocks(
    learners: int, groups: int, synapses: int, reserve: int
) -> tuple[np.ndarray, ...]:
    """Allocate the memory of :class:`Synapses`: few large arrays, as each costs a call time."""
    return (
        np.zeros((2, groups, synapses)),
        np.zeros((8, learners, synapses)),
        np.zeros((learners, reserve)),
        np.full(learners, reserve),
        np.stack([np.zeros(groups), np.zeros(groups), np.full(groups, FIRST_EFFORT),
                  np.full(groups, FIRST_DEVIATION), np.zeros(groups)]),
        np.zeros((3, learners)),
    )


@njit(cache=True)
def named(
    shared: np.ndarray, own: np.ndarray, reserve: np.ndarray,
    drawn: np.ndarray, rewards: np.ndarray, heard: np.ndarray,
) -> Synapses:
    """Name the parts of the blocks."""
    return Synapses(shared[0], shared[1], own[0], own[1], own[2], own[3], own[4], own[5], own[6],
                    own[7], reserve, drawn, rewards[0], rewards[1], rewards[2], rewards[3],
                    rewards[4], heard[0], heard[1], heard[2])


@njit(cache=True)
def draw_period(mean: float, sd: float, normal: float) -> float:
    """Draw a period (ms) of Eq. 2 from a standard normal number."""
    return max(mean + sd * normal, SHORTEST_PERIOD * mean)


@njit(cache=True)
def begin_period(s: Synapses, r: Rates, i: int, j: int, period: float) -> None:
    """Give synapse ``j`` of learner ``i`` a new period (ms) at the phase it is in."""
    s.period[i, j] = period
    step, angle = 2.0 * math.pi * r.time_step / period, 2.0 * math.pi * s.phase[i, j] / period
    s.turn_sine[i, j], s.turn_cosine[i, j] = math.sin(step), math.cos(step)
    s.sine[i, j], s.cosine[i, j] = math.sin(angle), math.cos(angle)


def start(s: Synapses, r: Rates, i: int, shares: np.ndarray, normals: np.ndarray) -> None:
    """Give each synapse of learner ``i`` a first period and put it at a share of it."""
    for j, (share, normal) in enumerate(zip(shares, normals, strict=True)):
        period = draw_period(r.period_mean, r.period_sd, normal)
        s.phase[i, j] = share * period
        begin_period(s, r, i, j, period)


@njit(cache=True)
def fluctuate(s: Synapses, r: Rates, i: int, group: int) -> None:
    """
    Advance the phases and traces of learner ``i`` by one step.

    At an upward crossing of the centre a new period is drawn and the time that ran past the end
    of the old one is carried over, so a weight never jumps.
    """
    for j in range(s.phase.shape[1]):
        s.phase[i, j] += r.time_step
        sine, cosine = s.sine[i, j], s.cosine[i, j]
        s.sine[i, j] = sine * s.turn_cosine[i, j] + cosine * s.turn_sine[i, j]
        s.cosine[i, j] = cosine * s.turn_cosine[i, j] - sine * s.turn_sine[i, j]
    for j in range(s.phase.shape[1]):
        if s.phase[i, j] >= s.period[i, j]:
            s.phase[i, j] -= s.period[i, j]
            normal = s.reserve[i, s.drawn[i]]
            s.drawn[i] += 1
            begin_period(s, r, i, j, draw_period(r.period_mean, r.period_sd, normal))
    for j in range(s.phase.shape[1]):
        fluctuation = s.amplitude[group, j] * s.sine[i, j]
        s.trace[i, j] += r.trace_share * (fluctuation - s.trace[i, j])


@njit(cache=True)
def advance(s: Synapses, r: Rates, reward: np.ndarray, action: np.ndarray) -> None:
    """
    Let every synapse fluctuate for one step and learn from the reward of that step.

    ``s`` are :class:`Synapses`, changed in place, ``r`` :class:`Rates`, ``reward`` (learners,) is
    what the ``action`` (learners, actions) has earned.
    """
    learners = s.phase.shape[0]
    groups = s.centre.shape[0]
    members = learners // groups
    for i in range(learners):
        fluctuate(s, r, i, i // members)
    for group in range(groups):
        modulate(s, r, reward, action, group, members)
    for i in range(learners):
        group = i // members
        for j in range(s.phase.shape[1]):
            s.weight[i, j] = s.centre[group, j] + s.amplitude[group, j] * s.sine[i, j]


@njit(cache=True)
def caution(s: Synapses, r: Rates, group: int) -> float:
    """Compute the share k of their full price at which falls and effort are told."""
    share: float = 1.0 - 1.0 / (1.0 + r.caution * s.experience[group])
    return share


@njit(cache=True)
def excess(s: Synapses, r: Rates, group: int) -> float:
    """Compute what a group has earned a step beyond the aspiration of late, at least 0."""
    over: float = max(s.mean[group] - r.aspiration, 0.0)
    return over


@njit(cache=True)
def hear(s: Synapses, r: Rates, group: int, reward: float) -> float:
    """Turn a reward into what the synapses of a group are told of it."""
    if reward > -r.punishment_limit:
        return reward
    horizon = caution(s, r, group) * r.punishment_horizon
    cost: float = r.punishment_limit + horizon * excess(s, r, group)
    return -cost


@njit(cache=True)
def width(r: Rates, layer: int, experience: float) -> float:
    """Compute the share of a layer's first amplitudes that experience has left, A / A_0."""
    left: float = (1.0 + r.narrowing[layer] * experience) ** -0.25
    return left


@njit(cache=True)
def compare(
    s: Synapses, r: Rates, action: np.ndarray, group: int, members: range
) -> None:
    """Turn what the members of a group are told into surprises, by what was usual of late."""
    weight = caution(s, r, group) * r.effort_weight
    price = weight * excess(s, r, group) / s.effort[group]
    earned = usual = spent = 0.0
    for i in members:
        effort = np.abs(action[i]).sum()
        spent += effort / len(members)
        if s.told[i] > -r.punishment_limit:
            s.smoothed[i] += r.smoothing_share * (s.told[i] - price * effort - s.smoothed[i])
            earned += s.told[i] / len(members)
        else:
            earned += s.mean[group] / len(members)
        usual += s.smoothed[i] / len(members)
    s.effort[group] += r.memory_share * (spent - s.effort[group])
    s.mean[group] += r.memory_share * (earned - s.mean[group])
    s.usual[group] += r.memory_share * (usual - s.usual[group])
    deviation = 0.0
    for i in members:
        s.surprise[i] = s.smoothed[i] - s.usual[group]
        deviation += abs(s.surprise[i]) / len(members)
    s.deviation[group] += r.memory_share * (deviation - s.deviation[group])
    unit = max(s.deviation[group], LEAST_DEVIATION)
    for i in members:
        s.surprise[i] = min(max(s.surprise[i] / unit, -r.surprise_limit), r.surprise_limit)
        if s.told[i] <= -r.punishment_limit:
            s.surprise[i] += s.told[i] / unit


@njit(cache=True)
def decay(s: Synapses, r: Rates, group: int, rate: float) -> None:
    """Take from the centres of a group what they forget in a step."""
    for layer in range(LEARNING_LAYERS):
        forgetting = rate * r.centre_decay[layer]
        if forgetting > 0.0:
            for j in range(r.bounds[layer], r.bounds[layer + 1]):
                s.centre[group, j] *= 1.0 - forgetting * s.amplitude[group, j] ** 2


@njit(cache=True)
def modulate(
    s: Synapses, r: Rates, reward: np.ndarray, action: np.ndarray, group: int, size: int
) -> None:
    """Move centres (Eq. 3) and amplitudes (Eq. 4) of one group by its members' mean update."""
    members = range(group * size, (group + 1) * size)
    for i in members:
        s.told[i] = s.surprise[i] = hear(s, r, group, reward[i])
    if r.memory_share > 0.0:
        compare(s, r, action, group, members)
    rate = r.centre_rate / math.sqrt(1.0 + r.settling * s.experience[group])
    decay(s, r, group, rate)
    for i in members:
        pull = rate / size * (s.surprise[i] if r.repulsion else max(s.surprise[i], 0.0))
        for j in range(s.centre.shape[1]):
            s.centre[group, j] += pull * s.trace[i, j]
    for j in range(s.centre.shape[1]):
        s.centre[group, j] = min(max(s.centre[group, j], -r.centre_bound), r.centre_bound)
    if r.aspiration > 0.0:
        aspire(s, r, group, size)
        return
    told = s.told[members.start:members.stop]
    for layer in range(LEARNING_LAYERS):
        narrowing = np.exp(-r.amplitude_rate[layer] * told).mean()
        decrement = r.amplitude_rate[layer] * told.mean()
        for j in range(r.bounds[layer], r.bounds[layer + 1]):
            if r.multiplicative:
                s.amplitude[group, j] *= narrowing
            else:
                s.amplitude[group, j] = max(s.amplitude[group, j] - decrement, 0.0)


@njit(cache=True)
def aspire(s: Synapses, r: Rates, group: int, size: int) -> None:
    """Gain or lose the experience of all members, and narrow or widen fluctuations with it."""
    before = s.experience[group]
    gained = (s.mean[group] - r.aspiration) * r.time_step * size
    s.experience[group] = max(before + gained, 0.0)
    for layer in range(LEARNING_LAYERS):
        narrowing = width(r, layer, s.experience[group]) / width(r, layer, before)
        for j in range(r.bounds[layer], r.bounds[layer + 1]):
            s.amplitude[group, j] *= narrowing


@njit(cache=True)
def rest(s: Synapses) -> None:
    """Let every weight rest at its centre."""
    learners, synapses = s.weight.shape
    members = learners // s.centre.shape[0]
    for i in range(learners):
        for j in range(synapses):
            s.weight[i, j] = s.centre[i // members, j]
