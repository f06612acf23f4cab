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

"""
The compiled step: one pass from the reward of the last action to the next action.

The oscillators advance under the drive of the last step, the reward of the last action reaches
every synapse, and the network turns the new observation into the next action. In the authors'
program the reward comes first. Here the oscillators do, because the critic reads them; without a
critic the result is the same.

All state lies in one array, and each part takes its views of it by ``unpack``. Sizes and settings
are one NumPy record with a field for each part, the only entry of an array. numba unpacks such
arguments fastest: with several arrays for each part, unpacking them would take longer than the
step itself, and with a bare record a third of it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from dynsyn_ros.learner import (
    annealing,
    fluctuation,
    memory,
    network,
    oscillators,
    plasticity,
    reward_prediction,
)
from dynsyn_ros.learner.config import Layout, LearnerConfig
from numba import njit
import numpy as np

#: The largest reward of a step, so that no sum of rewards leaves the range of a snapshot.
MOST_REWARD = 1e6
#: What a step returns. Any other number is the index of a learner that received a value that is
#: not finite, or a larger reward.
DONE, NORMALS_LOW = -1, -2

SIZES = np.dtype((np.record, [
    (name, 'i8') for name in (
        'learners', 'groups', 'synapses', 'features', 'hidden', 'oscillators', 'actions')]))
CONSTANTS = np.dtype((np.record, [
    ('sizes', SIZES), ('prediction_error', 'b1'), ('annealed', 'b1'),
    ('fluctuation', fluctuation.CONSTANTS), ('plasticity', plasticity.CONSTANTS),
    ('prediction', reward_prediction.CONSTANTS), ('annealing', annealing.CONSTANTS),
    ('network', network.CONSTANTS), ('oscillators', oscillators.CONSTANTS)]))


class State(NamedTuple):
    """The state of every part."""

    fluctuation: fluctuation.Fluctuation
    plasticity: plasticity.Plasticity
    prediction: reward_prediction.RewardPrediction
    annealing: annealing.Annealing
    neurons: network.Neurons


def sizes(learners: int, groups: int, layout: Layout) -> Any:
    """Pack the sizes that determine the shapes of all state."""
    return np.array((learners, groups, layout.synapses, layout.features, layout.hidden,
                     layout.oscillators, layout.actions), SIZES)[()]


def allocate(of: Any) -> np.ndarray:
    """Allocate the memory of all parts for these sizes."""
    return memory.allocate((
        *fluctuation.shapes(of.learners, of.synapses),
        *plasticity.shapes(of.learners, of.groups, of.synapses),
        *reward_prediction.shapes(of.learners, of.groups, of.features),
        *annealing.shapes(of.groups),
        *network.shapes(of.learners, of),
    ))


@njit(cache=True)
def unpack(block: np.ndarray, of: Any) -> State:
    """Take the arrays of all parts from the memory."""
    f, block = fluctuation.unpack(block, of.learners, of.synapses)
    p, block = plasticity.unpack(block, of.learners, of.groups, of.synapses)
    r, block = reward_prediction.unpack(block, of.learners, of.groups, of.features)
    a, block = annealing.unpack(block, of.groups)
    n, block = network.unpack(block, of.learners, of)
    return State(f, p, r, a, n)


def constants(config: LearnerConfig, layout: Layout, of: Any) -> np.ndarray:
    """Pack the sizes and the settings of all parts into the record of an array, (1,)."""
    step, members = config.time_step, of.learners // of.groups
    return np.array([(
        of, config.modulation == 'prediction_error', config.amplitude_law == 'annealed',
        fluctuation.constants(config.synapses, step),
        plasticity.constants(config),
        reward_prediction.constants(config.prediction, step, members),
        annealing.constants(
            config.annealing, config.fall, config.reheating, step, members),
        network.constants(config.network, layout, step, members),
        oscillators.constants(config.oscillators, step),
    )], CONSTANTS)


@njit(cache=True)
def step(
    block: np.ndarray, settings: np.ndarray, normalisation: np.ndarray, observation: np.ndarray,
    reward: np.ndarray, sent_action: np.ndarray, moved: np.ndarray, fell: np.ndarray,
    learning: bool,
) -> int:
    """Take one step of all learners; returns DONE, NORMALS_LOW or the index of a bad learner."""
    c = settings[0]
    f, p, r, a, n = unpack(block, c.sizes)
    learners, groups = c.sizes.learners, c.sizes.groups
    size = learners // groups
    for i in range(learners):
        if not finite(observation[i], reward[i], sent_action[i]):
            return i
    for i in range(learners):
        for o in range(n.v.shape[1]):
            n.v[i, o], n.w[i, o] = oscillators.advance(
                n.v[i, o], n.w[i, o], n.drive[i, o], c.oscillators)
        network.encode(n, c.network, normalisation, i, observation, sent_action)
    if learning:
        for i in range(learners):
            fluctuation.advance(f, c.fluctuation, i)
            plasticity.follow(p, c.plasticity, i, i // size, f.sine[i])
        for group in range(groups):
            members = range(group * size, (group + 1) * size)
            if c.prediction_error:
                predict(r, a, c, group, members, n.features, reward, moved, fell)
            learn(p, r, a, c, group, members, reward, fell)
    answer = DONE
    for i in range(learners):
        if learning:
            fluctuation.set_weights(f, i, p.centre[i // size], p.amplitude[i // size])
        else:
            f.weight[i] = p.centre[i // size]
            p.trace[i] = 0.0
            reward_prediction.skip(r, c.prediction, i, n.features)
        network.act(n, c.network, f.weight, i, observation, learning)
        if f.next_normal[i] > f.normals.shape[1] - f.phase.shape[1]:
            answer = NORMALS_LOW
    return answer


@njit(cache=True)
def finite(observation: np.ndarray, reward: float, sent_action: np.ndarray) -> bool:
    """Return whether all inputs of a learner are finite, and the reward is not absurd."""
    total = 0.0 if abs(reward) <= MOST_REWARD else math.nan
    for value in observation:
        total += 0.0 * value
    for value in sent_action:
        total += 0.0 * value
    return total == 0.0


@njit(cache=True)
def predict(
    r: reward_prediction.RewardPrediction, a: annealing.Annealing, c: Any, group: int,
    members: Any, features: np.ndarray, reward: np.ndarray, moved: np.ndarray, fell: np.ndarray,
) -> None:
    """Shape the rewards of a group and compare them with their prediction."""
    for i in members:
        r.fell[i] = fell[i]
        r.reward[i] = annealing.shape_reward(
            c.annealing, reward[i], fell[i], r.baseline[group], a.clock[group])
    reward_prediction.predict(r, c.prediction, group, members, features, moved)


@njit(cache=True)
def learn(
    p: plasticity.Plasticity, r: reward_prediction.RewardPrediction, a: annealing.Annealing,
    c: Any, group: int, members: Any, reward: np.ndarray, fell: np.ndarray,
) -> None:
    """Update the centres and amplitudes of a group with what all its members earned."""
    rate_ratio = annealing.rate_ratio(c.annealing, a, group)
    for i in members:
        modulation = r.modulation[i] if c.prediction_error else reward[i]
        plasticity.move_centres(p, c.plasticity, i, group, rate_ratio, modulation)
    if c.annealed:
        anneal(p, a, c.annealing, group, members, reward, fell)
    else:
        for i in members:
            plasticity.move_amplitudes(p, c.plasticity, group, reward[i])


@njit(cache=True)
def anneal(
    p: plasticity.Plasticity, a: annealing.Annealing, annealed: Any, group: int, members: Any,
    reward: np.ndarray, fell: np.ndarray,
) -> None:
    """Advance the clock of a group, and narrow or widen its fluctuations accordingly."""
    earned, mean = 0.0, 0.0
    for i in members:
        mean += reward[i] / len(members)
        if not fell[i]:
            earned += reward[i]
    before = annealing.amplitude_ratio(annealed, a, group)
    a.clock[group] = max(a.clock[group] + earned, 0.0)
    annealing.follow(annealed, a, group, mean)
    plasticity.scale_amplitudes(
        p, group, annealing.amplitude_ratio(annealed, a, group) / before)
