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

In the order of the authors' program: the reward that the last action earned reaches every synapse,
the oscillators move on under the drive of the last step, and the network turns the new observation
into the next action.

Each part keeps its state in a few large arrays, which :func:`allocate` makes and each part names
by its ``unpack``; settings come as one NumPy record a part. Both are what numba receives soonest:
what is passed with names takes longer to receive than the step takes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dynsyn_ros.learner import (
    annealing,
    fluctuation,
    network,
    oscillators,
    plasticity,
    reward_prediction,
)
from dynsyn_ros.learner.config import Layout, LearnerConfig
from numba import njit
import numpy as np

#: What a step returns; any other number is that of a learner that was given a value not finite.
DONE, NORMALS_LOW = -1, -2

_CONSTANTS = np.dtype((np.record, [('prediction_error', 'b1'), ('annealed', 'b1')]))


class State(NamedTuple):
    """The state of every part."""

    fluctuation: fluctuation.Fluctuation
    plasticity: plasticity.Plasticity
    prediction: reward_prediction.RewardPrediction
    annealing: annealing.Annealing
    neurons: network.Neurons


Memory = tuple[tuple[np.ndarray, ...], ...]


def allocate(learners: int, groups: int, layout: Layout) -> Memory:
    """Allocate the memory of all parts."""
    return (
        fluctuation.allocate(learners, layout.synapses),
        plasticity.allocate(learners, groups, layout.synapses),
        reward_prediction.allocate(learners, groups, layout.features),
        annealing.allocate(groups),
        network.allocate(learners, layout),
    )


def unpack(memory: Memory) -> State:
    """Name the parts of the memory."""
    return State(fluctuation.unpack(*memory[0]), plasticity.unpack(*memory[1]),
                 reward_prediction.unpack(*memory[2]), annealing.unpack(*memory[3]),
                 network.unpack(*memory[4]))


def constants(config: LearnerConfig, layout: Layout, members: int) -> tuple[Any, ...]:
    """Pack the settings of all parts for groups of so many ``members``, a record a part."""
    step = config.time_step
    return (
        np.array((config.modulation == 'prediction_error', config.amplitude_law == 'annealed'),
                 _CONSTANTS)[()],
        fluctuation.constants(config.synapses, step),
        plasticity.constants(config),
        reward_prediction.constants(config.prediction, step, members),
        annealing.constants(
            config.annealing, config.fall, config.reheating, step, members),
        network.constants(config.network, layout, step, members),
        oscillators.constants(config.oscillators, step),
    )


@njit(cache=True)
def step(
    fluctuation_memory: Any, plasticity_memory: Any, prediction_memory: Any, annealing_memory: Any,
    network_memory: Any, normalisation: np.ndarray, choice: Any, fluctuating: Any, plastic: Any,
    predicting: Any, annealed: Any, wiring: Any, oscillating: Any, observation: np.ndarray,
    reward: np.ndarray, sent_action: np.ndarray, moved: np.ndarray, fell: np.ndarray,
    learning: bool,
) -> int:
    """Take one step of all learners; returns how it went."""
    f = fluctuation.unpack(*fluctuation_memory)
    p = plasticity.unpack(*plasticity_memory)
    r = reward_prediction.unpack(*prediction_memory)
    n = network.unpack(*network_memory)
    a = annealing.unpack(*annealing_memory)
    learners, groups = reward.shape[0], a.clock.shape[0]
    size = learners // groups
    for i in range(learners):
        if not finite(observation[i], reward[i], sent_action[i]):
            return i
    for i in range(learners):
        for o in range(n.v.shape[1]):
            n.v[i, o], n.w[i, o] = oscillators.advance(
                n.v[i, o], n.w[i, o], n.drive[i, o], oscillating)
        network.encode(n, wiring, normalisation, i, observation, sent_action)
    if learning:
        for i in range(learners):
            fluctuation.advance(f, fluctuating, i)
            plasticity.follow(p, plastic, i, i // size, f.sine[i])
        for group in range(groups):
            members = range(group * size, (group + 1) * size)
            if choice.prediction_error:
                predict(r, a, predicting, annealed, group, members, n.features, reward, moved,
                        fell)
            learn(p, r, a, choice, plastic, annealed, group, members, reward, fell)
    answer = DONE
    for i in range(learners):
        if learning:
            fluctuation.set_weights(f, i, p.centre[i // size], p.amplitude[i // size])
        else:
            f.weight[i] = p.centre[i // size]
            reward_prediction.skip(r, predicting, i, n.features)
        network.act(n, wiring, f.weight, i, observation, learning)
        if f.next_normal[i] > f.normals.shape[1] - f.phase.shape[1]:
            answer = NORMALS_LOW
    return answer


@njit(cache=True)
def finite(observation: np.ndarray, reward: float, sent_action: np.ndarray) -> bool:
    """Tell whether all that a learner is given is finite."""
    total = 0.0 * reward
    for value in observation:
        total += 0.0 * value
    for value in sent_action:
        total += 0.0 * value
    return total == 0.0


@njit(cache=True)
def predict(
    r: reward_prediction.RewardPrediction, a: annealing.Annealing, predicting: Any, annealed: Any,
    group: int, members: Any, features: np.ndarray, reward: np.ndarray, moved: np.ndarray,
    fell: np.ndarray,
) -> None:
    """Shape the rewards of a group and hold them against their prediction."""
    for i in members:
        r.fell[i] = fell[i]
        r.reward[i] = annealing.shape_reward(
            annealed, reward[i], fell[i], r.baseline[group], a.clock[group])
    reward_prediction.predict(r, predicting, group, members, features, moved)


@njit(cache=True)
def learn(
    p: plasticity.Plasticity, r: reward_prediction.RewardPrediction, a: annealing.Annealing,
    choice: Any, plastic: Any, annealed: Any, group: int, members: Any, reward: np.ndarray,
    fell: np.ndarray,
) -> None:
    """Move the centres and the amplitudes of a group by the modulation of all its members."""
    rate_ratio = annealing.rate_ratio(annealed, a, group)
    for i in members:
        modulation = r.modulation[i] if choice.prediction_error else reward[i]
        plasticity.move_centres(p, plastic, i, group, rate_ratio, modulation)
    if choice.annealed:
        anneal(p, a, annealed, group, members, reward, fell)
    else:
        for i in members:
            plasticity.move_amplitudes(p, plastic, group, reward[i])


@njit(cache=True)
def anneal(
    p: plasticity.Plasticity, a: annealing.Annealing, annealed: Any, group: int, members: Any,
    reward: np.ndarray, fell: np.ndarray,
) -> None:
    """Advance the clock of a group, and narrow or widen its fluctuations with it."""
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
