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
Learning is seen to learn: the drift of a centre against its closed form.

One synapse alone with a weight W that is rewarded by R = r - k (W - W*)^2. Averaged over a period,
Eq. 3 gives dC/dt = -alpha k A^2 (C - W*): the centre goes to W* exponentially. With the sign of k
turned round it flees from W*, and where the reward does not depend on the weight it stays. With a
decay lambda it is dC/dt = -alpha A^2 (k (C - W*) + lambda C), which goes to k W* / (k + lambda).
"""

from conftest import changed, preset
from dynsyn_ros.learner import synapses
from dynsyn_ros.learner.rates import make_rates
import numpy as np
import pytest

CONFIG = changed(preset('authors'), centre_rate=1e-6, amplitude_rate=[0.0] * 3)
OPTIMUM, CURVATURE, OFFSET = 0.5, 2.0, 0.3
#: What one learner without an action has done.
IDLE = np.zeros((1, 0))
LEARNERS, PERIODS = 200, 60
#: That many periods of the paper, in steps.
STEPS = round(PERIODS * CONFIG.synapses.period_mean / CONFIG.time_step)


def closed_form(curvature, config=CONFIG):
    """Compute where centres are, on average, after that many steps."""
    held = curvature + config.synapses.centre_decay[-1]
    rate = config.synapses.centre_rate * held * config.synapses.amplitude[0] ** 2
    rest = OPTIMUM * curvature / held if held else 0.0
    return rest * (1.0 - np.exp(-rate * STEPS * config.time_step))


def drift(curvature, config=CONFIG):
    """Let many lone synapses learn; returns their centres and the closed form, in learner time."""
    rates = make_rates(config.synapses, config.reward, config.time_step, (0, 0, 1))
    s = synapses.named(*synapses.blocks(LEARNERS, LEARNERS, 1, 2 * PERIODS))
    rng = np.random.default_rng(0)
    s.amplitude[:] = config.synapses.amplitude[0]
    s.reserve[:] = rng.standard_normal(s.reserve.shape)
    s.drawn[:] = 0
    for i, share in enumerate(rng.uniform(size=LEARNERS)):
        s.phase[i, 0] = share * config.synapses.period_mean
        synapses.begin_period(s, rates, i, 0, config.synapses.period_mean)
    reward = np.zeros(LEARNERS)
    for _ in range(STEPS):
        synapses.advance(s, rates, reward, np.zeros((LEARNERS, 0)))
        reward[:] = OFFSET - curvature * (s.weight[:, 0] - OPTIMUM) ** 2
    return s.centre[:, 0], closed_form(curvature, config)


def tolerance(centres, expected):
    """
    Tell how far the mean of the centres may be from the closed form.

    Four standard errors, and what the form leaves out, relative to the drift: a reward is told one
    step late, an angle of 2 pi dt / T, and the ripple within a period, alpha R T / 2 pi, couples
    the drift to itself.
    """
    s = CONFIG.synapses
    angle = 2 * np.pi * CONFIG.time_step / s.period_mean
    most = OFFSET + CURVATURE * (OPTIMUM + s.amplitude[0]) ** 2
    ripple = s.centre_rate * most * s.period_mean / (2 * np.pi)
    return 4 * centres.std() / LEARNERS ** 0.5 + abs(expected) * (angle + ripple)


@pytest.mark.parametrize('curvature', [CURVATURE, -CURVATURE], ids=['rewarded', 'punished'])
def test_centres_drift_as_the_closed_form_says(curvature):
    centres, expected = drift(curvature)
    assert abs(expected) > 0.03
    assert np.sign(expected) == np.sign(curvature)
    assert abs(centres.mean() - expected) < tolerance(centres, expected) < 0.02 * abs(expected)


def test_centres_that_decay_go_for_where_reward_holds_them():
    centres, expected = drift(CURVATURE, changed(CONFIG, centre_decay=[0.0, 0.0, 4 * CURVATURE]))
    assert expected < 0.9 * closed_form(CURVATURE)
    assert abs(centres.mean() - expected) < tolerance(centres, expected) < 0.02 * abs(expected)


def test_centres_stay_where_reward_says_nothing():
    centres, expected = drift(0.0)
    assert abs(centres.mean()) < tolerance(centres, expected)


def test_without_repulsion_punishment_moves_nothing():
    config = changed(CONFIG, repulsion=False)
    rates = make_rates(config.synapses, config.reward, config.time_step, (0, 0, 5))
    s = synapses.named(*synapses.blocks(1, 1, 5, 100))
    s.amplitude[:], s.period[:], s.drawn[:] = 0.2, 20_000.0, 0
    for j in range(5):
        synapses.begin_period(s, rates, 0, j, 20_000.0)
    for _ in range(500):
        synapses.advance(s, rates, np.full(1, -1.0), IDLE)
    assert (s.centre == 0.0).all()
    synapses.advance(s, rates, np.full(1, 1.0), IDLE)
    assert (s.centre != 0.0).any()


def test_a_steady_reward_moves_nothing_once_it_is_expected():
    config = changed(preset('fleet'), centre_rate=1e-3, memory=2_000.0)
    rates = make_rates(config.synapses, config.reward, config.time_step, (0, 0, 5))
    s = synapses.named(*synapses.blocks(1, 1, 5, 1000))
    s.amplitude[:], s.drawn[:] = 0.2, 0
    for j in range(5):
        synapses.begin_period(s, rates, 0, j, 20_000.0)
    centres = []
    for _ in range(20_000):
        synapses.advance(s, rates, np.full(1, 0.25), IDLE)
        centres.append(s.centre.copy())
    assert s.mean[0] == pytest.approx(0.25)
    assert np.abs(centres[0]).max() > 0.0
    assert np.abs(centres[-1] - centres[10_000]).max() < 1e-3 * np.abs(centres[10_000]).max()


def test_with_experience_effort_is_spared():
    config = changed(preset('fleet'), centre_rate=1e-4, memory=60_000.0, settling_rate=0.0)
    rates = make_rates(config.synapses, config.reward, config.time_step, (0, 0, 1))
    s = synapses.named(*synapses.blocks(1, 1, 1, 1000))
    s.centre[:], s.amplitude[:], s.drawn[:] = 1.0, 0.2, 0
    s.mean[:], s.usual[:], s.smoothed[:], s.effort[:] = 0.25, 0.25, 0.25, 1.0
    synapses.begin_period(s, rates, 0, 0, 20_000.0)
    action = np.zeros((1, 1))

    def practise(experience):
        for _ in range(20_000):
            s.experience[:] = experience
            synapses.advance(s, rates, np.full(1, 0.25), action)
            action[:] = s.weight
        return s.centre[0, 0]

    assert practise(0.0) == 1.0
    assert abs(practise(1e9)) < 0.2, 'not further from no effort than it fluctuates'
