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
Learning works: the drift of a centre against its closed form.

One synapse alone with a weight W that is rewarded by R = r - k (W - W*)^2. Averaged over a period,
Eq. 3 gives dC/dt = -alpha k A^2 (C - W*): the centre approaches W* exponentially. With the sign
of k reversed it moves away from W*, and if the reward does not depend on the weight it stays.
"""

from conftest import changed, preset
from dynsyn_ros.learner import plasticity
from numba import njit
import numpy as np
import pytest
from synapses import fluctuate, lone

CONFIG = changed(preset('authors'), centre_rate=1e-6, amplitude_rate=0.0)
AMPLITUDE = CONFIG.synapses.amplitude[0]
OPTIMUM, CURVATURE, OFFSET = 0.5, 2.0, 0.3
LEARNERS, PERIODS = 200, 60
STEPS = round(PERIODS * CONFIG.synapses.period_mean / CONFIG.time_step)


@njit
def step(f, p, fluctuating, plastic, reward, normals):
    """Let learners with their own synapses fluctuate, and learn from a reward."""
    for i in range(reward.size):
        fluctuate(f, p, fluctuating, plastic, i, i, normals[i])
        plasticity.move_centres(p, plastic, i, i, 1.0, reward[i])
        plasticity.move_amplitudes(p, plastic, i, reward[i])


def closed_form(curvature):
    """Compute the mean of the centres after this many steps."""
    rate = CONFIG.synapses.centre_rate * curvature * AMPLITUDE ** 2
    return OPTIMUM * (1.0 - np.exp(-rate * STEPS * CONFIG.time_step))


def drift(curvature):
    """Let many lone synapses learn; returns their centres and the closed form."""
    rng = np.random.default_rng(0)
    f, p, *constants = lone(CONFIG, LEARNERS, LEARNERS, 1, AMPLITUDE, rng)
    reward = np.zeros(LEARNERS)
    for normals in rng.standard_normal((STEPS, *f.normals.shape)):
        step(f, p, *constants, reward, normals)
        reward[:] = OFFSET - curvature * (f.weight[:, 0] - OPTIMUM) ** 2
    return p.centre[:, 0], closed_form(curvature)


def tolerance(centres, expected):
    """
    Return how far the mean of the centres may be from the closed form.

    Four standard errors, and what the form neglects, relative to the drift: a reward comes
    one step late, an angle of 2 pi dt / T, and the ripple within a period, alpha R T / 2 pi,
    couples the drift to itself.
    """
    s = CONFIG.synapses
    angle = 2 * np.pi * CONFIG.time_step / s.period_mean
    most = OFFSET + CURVATURE * (OPTIMUM + AMPLITUDE) ** 2
    ripple = s.centre_rate * most * s.period_mean / (2 * np.pi)
    return 4 * centres.std() / LEARNERS ** 0.5 + abs(expected) * (angle + ripple)


@pytest.mark.parametrize('curvature', [CURVATURE, -CURVATURE], ids=['rewarded', 'punished'])
def test_centres_drift_as_the_closed_form_says(curvature):
    centres, expected = drift(curvature)
    assert abs(expected) > 0.03
    assert np.sign(expected) == np.sign(curvature)
    assert abs(centres.mean() - expected) < tolerance(centres, expected) < 0.02 * abs(expected)


def test_centres_stay_where_reward_says_nothing():
    centres, expected = drift(0.0)
    assert abs(centres.mean()) < tolerance(centres, expected)


def test_without_repulsion_punishment_moves_nothing():
    rng = np.random.default_rng(0)
    f, p, *constants = lone(changed(CONFIG, repulsion=False), 1, 1, 5, AMPLITUDE, rng)
    for reward in (np.full(1, -1.0),) * 500:
        step(f, p, *constants, reward, rng.standard_normal(f.normals.shape))
    assert (p.centre == 0.0).all()
    step(f, p, *constants, np.full(1, 1.0), rng.standard_normal(f.normals.shape))
    assert (p.centre != 0.0).any()
