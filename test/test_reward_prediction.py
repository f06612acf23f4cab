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
Reward prediction against known results: a value function, a gradient, another time step.

The delayed task: only a state s' = kappa s + W + noise is observed, and its reward is b s'. A
constant weight W earns b W / (1 - kappa) per step, so the gradient of the return is
b / (1 - kappa). With a correct critic of s and a discount gamma, the error of a step is
b W / (1 - gamma kappa): the gradient times (1 - kappa) / (1 - gamma kappa), and with gamma = 0
only what W earns immediately, 1 - kappa of it.
"""

from dataclasses import replace

from conftest import changed, preset
from dynsyn_ros.learner import fluctuation, memory, plasticity, reward_prediction
from dynsyn_ros.learner.config import lowpass_gain
from numba import njit
import numpy as np
import pytest
from synapses import fluctuate, lone

#: With these, errors are 3.6 times as large as r - rbar, so hardly any is clipped.
KAPPA, GAIN, NOISE = 0.8, 0.5, 0.5
WALKERS, STEPS = 64, 60_000
CONFIG = changed(
    preset('default'), eligibility_time_constant=33.0, centre_rate=1e-9, amplitude=[0.04] * 3)


def critic(config, members, features, adaptation=None):
    """Make a critic that adapts with this time constant, ms, or not at all."""
    state = memory.lone(reward_prediction, members, 1, features)
    constants = reward_prediction.constants(config.prediction, config.time_step, members)
    constants['adaptation_gain'] = (
        lowpass_gain(config.time_step, adaptation) if adaptation else 0.0)
    return state, constants


def test_the_critic_learns_the_value_function_of_a_markov_chain():
    """V = (I - gamma P)^-1 (r - rbar), for a chain of four states with a reward for each."""
    rng = np.random.default_rng(0)
    chain = rng.dirichlet(np.ones(4), size=4)
    rewards = np.array([1.0, -0.5, 0.2, 2.0])
    steady = np.linalg.matrix_power(chain, 200)[0]
    config = changed(preset('default'), discount_time_constant=330.0, critic_rate=1e-4)
    gamma = np.exp(-33.0 / 330.0)
    # The reward of a step is that of the state that it leads to.
    expected = np.linalg.solve(np.eye(4) - gamma * chain, chain @ rewards - steady @ rewards)
    state, constants = critic(config, 16, 4)
    visit(state, constants, chain.cumsum(axis=1), rewards, 400_000)
    assert state.baseline[0] == pytest.approx(steady @ rewards, abs=0.02)
    np.testing.assert_allclose(state.value_weight[0], expected, atol=0.03 * np.ptp(expected))


def test_means_are_plain_at_first_and_then_over_ten_million_ms_of_all_walkers():
    members, steps = 4, 100_000
    state, constants = critic(CONFIG, members, 1)
    rewards = np.random.default_rng(0).normal(size=(50, members))
    earn(state, constants, rewards)
    assert state.baseline[0] == pytest.approx(rewards.mean())
    # As after many steps; the reward then changes from 0 to 1.
    state.steps[0], state.baseline[0], state.scale[0] = 1e9, 0.0, 0.0
    earn(state, constants, np.ones((steps, members)))
    gone = steps * members * CONFIG.time_step / 1e7
    assert state.baseline[0] == pytest.approx(1.0 - np.exp(-gone))
    # Its input is |1 - baseline|, which decays as fast.
    assert state.scale[0] == pytest.approx(gone * np.exp(-gone), rel=1e-3)


@njit
def earn(state, constants, rewards):
    """Let a critic that sees nothing follow the rewards of its members, (steps, members)."""
    members = range(rewards.shape[1])
    for each in rewards:
        state.reward[:] = each
        reward_prediction.predict(
            state, constants, 0, members, np.zeros((len(members), 1)),
            np.zeros(len(members), np.bool_))


@njit
def visit(state, constants, cumulated, rewards, steps):
    """Let a critic observe as many walks through a chain as it has members."""
    np.random.seed(1)
    members = range(state.features.shape[0])
    at = np.zeros(len(members), np.int64)
    features = np.zeros(state.features.shape)
    moved = np.zeros(len(members), np.bool_)
    for _ in range(steps):
        for i in members:
            features[i, at[i]] = 0.0
            at[i] = min(np.searchsorted(cumulated[at[i]], np.random.rand()), 3)
            features[i, at[i]] = 1.0
            state.reward[i] = rewards[at[i]]
        reward_prediction.predict(state, constants, 0, members, features, moved)


def climb(config, gain=GAIN, noise=NOISE, adaptation=None):
    """Let a fleet with one weight learn the delayed task; returns the slope of its centre."""
    f, p, fluctuating, plastic = lone(
        config, WALKERS, 1, 1, config.synapses.amplitude[0], np.random.default_rng(2))
    state, predicting = critic(config, WALKERS, 2, adaptation)
    walkers = np.zeros(WALKERS)
    given = f, p, state, fluctuating, plastic, predicting, walkers, gain, noise, STEPS // 2
    delayed(*given)  # by then the critic has learnt
    start = p.centre[0, 0]
    scale = delayed(*given)
    power = config.synapses.amplitude[0] ** 2 / 2
    moved = (p.centre[0, 0] - start) / (plastic['centre_rate'] * WALKERS * (STEPS // 2))
    return moved * scale / power


@njit
def delayed(f, p, state, fluctuating, plastic, predicting, s, gain, noise, steps):
    np.random.seed(3)
    members = range(s.size)
    features, moved = np.ones((s.size, 2)), np.zeros(s.size, np.bool_)
    scale = 0.0
    for _ in range(steps):
        for i in members:
            fluctuate(f, p, fluctuating, plastic, i, 0, np.random.randn())
            s[i] = KAPPA * s[i] + f.weight[i, 0] + noise * np.random.randn()
            features[i, 0] = s[i]
            state.reward[i] = gain * s[i]
        reward_prediction.predict(state, predicting, 0, members, features, moved)
        scale += state.scale[0] / steps
        for i in members:
            plasticity.move_centres(p, plastic, i, 0, 1.0, state.modulation[i])
    return scale


def return_of(weight):
    """What a constant weight earns per step."""
    return GAIN * weight / (1 - KAPPA)


def test_centres_climb_the_gradient_of_a_reward_that_comes_late():
    """
    Up to the factor of the discount, and some noise.

    The noise of s makes errors of GAIN NOISE / (1 - gamma kappa) = 1.2; over 1.9 M steps that
    leaves a standard error of 1.2 / sqrt(1.9e6) / (A / sqrt 2) = 0.03, 1.2 % of the gradient of
    2.5, and with gamma = 0 a fifth of it.
    """
    gradient = (return_of(1e-3) - return_of(-1e-3)) / 2e-3
    gamma = np.exp(-CONFIG.time_step / CONFIG.prediction.discount_time_constant)
    expected = (1 - KAPPA) / (1 - gamma * KAPPA)
    assert climb(CONFIG) / gradient == pytest.approx(expected, abs=0.05)
    blind = climb(changed(CONFIG, discount_time_constant=1.0)) / gradient
    assert blind == pytest.approx(1 - KAPPA, abs=0.02)
    assert climb(CONFIG, gain=0.0) == 0.0


def test_a_critic_that_adapts_leaves_to_the_synapses_what_they_bring_about():
    """
    If mostly fluctuations move s, then s shows what they did.

    A critic that receives s itself expects its reward, and the centre climbs a quarter of the
    gradient; one that adapts sooner than a weight swings leaves most of it.
    """
    expected = return_of(1.0) * (1 - KAPPA) / (1 - KAPPA * 0.99)
    moving = changed(CONFIG, amplitude=[0.1] * 3)
    assert climb(moving, noise=0.05) < 0.4 * expected
    for time_constant, share in ((1500.0, 0.6), (500.0, 0.9)):
        assert climb(moving, noise=0.05, adaptation=time_constant) > share * expected


@pytest.mark.parametrize('time_step', [33.0, 16.5, 8.25])
def test_learning_is_the_same_at_another_time_step(time_step):
    """A smooth task, ds/dt = W - s / tau with reward s dt: the centre moves as far in 300 s."""
    shift = smooth_task(time_step)
    assert shift > 0.01
    assert shift == pytest.approx(smooth_task(4.125), rel=0.05)


def smooth_task(time_step):
    config = changed(
        preset('default'), period_sd=0.0, period_mean=5_000.0, centre_rate=1e-5)
    config = replace(config, time_step=time_step)
    walkers, tau = 8, 500.0
    f, p, fluctuating, plastic = lone(config, walkers, 1, 1, 0.1, np.random.default_rng(0))
    for i in range(walkers):
        fluctuation.start(f, fluctuating, i, np.array([i / walkers]), np.zeros(1))
    state, predicting = critic(config, walkers, 2, 1500.0)
    smooth(f, p, state, fluctuating, plastic, predicting, np.zeros(walkers), time_step / tau,
           time_step / 1000, round(300_000 / time_step))
    return p.centre[0, 0]


@njit
def smooth(f, p, state, fluctuating, plastic, predicting, s, leak, unit, steps):
    members = range(s.size)
    features, moved = np.ones((s.size, 2)), np.zeros(s.size, np.bool_)
    for _ in range(steps):
        for i in members:
            fluctuate(f, p, fluctuating, plastic, i, 0, 0.0)
            s[i] += leak * (f.weight[i, 0] - s[i])
            features[i, 0] = s[i]
            state.reward[i] = unit * s[i]
        reward_prediction.predict(state, predicting, 0, members, features, moved)
        for i in members:
            plasticity.move_centres(p, plastic, i, 0, 1.0, state.modulation[i])
