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

"""The learner against the slow transcription, and what it promises of its state."""

from itertools import chain

from conftest import changed, preset
from dynsyn_ros.learner import Learner
import numba
import numpy as np
from oracle import Oracle, run
import pytest

DEFAULT = changed(preset('authors'), negated_inputs=True, period_sd=8_000.0, trace=1_500.0)
FAST = changed(DEFAULT, memory=5_000.0, centre_rate=1e-3, amplitude_rate=[1e-5] * 3,
               settling_rate=2e-5, smoothing=100.0, surprise_limit=1.0)

#: Not where coverage is measured: every step then takes a thousand times as long.
COMPILED = not numba.config.DISABLE_JIT
compiled_only = pytest.mark.skipif(not COMPILED, reason='takes too many steps for plain Python')


def experience(robot, learners, steps, seed=1):
    """Make random observations and rewards, falls among them."""
    rng = np.random.default_rng(seed)
    observations = rng.normal(size=(steps, learners, robot.layout.observations))
    rewards = rng.normal(size=(steps, learners))
    rewards[rng.random(size=rewards.shape) < 0.01] = -100.0
    return observations, rewards


def normals_of(learner, i):
    """Yield the normal numbers that learner ``i`` will draw: its reserve, then its stream."""
    state = learner.snapshot()
    stream = np.random.Generator(np.random.SFC64())
    bits = stream.bit_generator.state
    bits['state']['state'] = state['stream'][i]
    stream.bit_generator.state = bits
    reserve = state['reserve'][i, state['drawn'][i]:]
    return chain(reserve, iter(stream.standard_normal, None))


VARIANTS = {
    'authors': preset('authors'),
    'default': preset('default'),
    'fleet': preset('fleet'),
    'additive': changed(DEFAULT, amplitude_rule='additive', amplitude_rate=[1e-6, 2e-6, 3e-6]),
    'attraction only': changed(DEFAULT, repulsion=False),
    'no trace': changed(DEFAULT, trace=0.0),
    'compared with the past': changed(DEFAULT, memory=20_000.0),
    'attraction to what is better': changed(DEFAULT, memory=20_000.0, repulsion=False),
    'smoothed': changed(DEFAULT, memory=20_000.0, smoothing=500.0),
    'little surprised': changed(DEFAULT, memory=20_000.0, surprise_limit=0.5),
    'limited': changed(DEFAULT, punishment_limit=30.0),
    'more to lose': changed(
        FAST, punishment_limit=2.0, punishment_horizon=45_000.0, aspiration=0.01,
        caution_rate=1e-2),
    'costly effort': changed(FAST, aspiration=0.01, caution_rate=1e-2, effort_weight=0.7),
    'aspiring high': changed(FAST, aspiration=0.5),
    'aspiring low': changed(FAST, aspiration=0.01, punishment_limit=0.0),
    'narrowing by layer': changed(
        FAST, aspiration=0.01, punishment_limit=0.0, amplitude_rate=[1e-5, 2e-5, 4e-5]),
    'decaying': changed(FAST, centre_decay=[1.0, 2.0, 0.0]),
    'bounded': changed(FAST, centre_bound=0.15, centre_rate=1e-2),
    'amplitudes by layer': changed(DEFAULT, amplitude=[0.3, 0.2, 0.1]),
    'fixed gain': changed(DEFAULT, gain_rule='none'),
    'linear gain': changed(DEFAULT, gain_rule='linear', gain_rate=1e-4),
    'fast gain and amplitude': changed(DEFAULT, gain_rate=1e-4, amplitude_rate=[1e-6, 2e-6, 3e-6]),
}


@pytest.mark.parametrize('shared', [False, True], ids=['alone', 'fleet'])
@pytest.mark.parametrize('variant', VARIANTS)
def test_agrees_with_the_slow_transcription(robot, variant, shared):
    config, learners = VARIANTS[variant], 3
    steps = 1000 if COMPILED else 30
    learner = Learner(robot.layout, config, seed=5, numbers=range(learners), shared=shared)
    start = learner.snapshot()
    oracles = [
        Oracle(robot.layout, config, {
            name: start[name][0 if shared and name in ('centre', 'amplitude') else i]
            for name in ('centre', 'amplitude', 'phase', 'period', 'gain')
        }, normals_of(learner, i))
        for i in range(learners)
    ]
    observations, rewards = experience(robot, learners, steps)
    mine = np.array([
        learner.step(o, r).copy() for o, r in zip(observations, rewards, strict=True)])
    truth = run(oracles, observations, rewards, shared)
    np.testing.assert_allclose(mine, truth, rtol=0, atol=1e-9)
    end = learner.snapshot()
    if COMPILED:
        assert (end['period'] != start['period']).mean() > 0.9, 'periods were drawn anew'
    for i, oracle in enumerate(oracles):
        row = 0 if shared else i
        np.testing.assert_allclose(end['centre'][row], oracle.C, rtol=0, atol=1e-9)
        np.testing.assert_allclose(end['amplitude'][row], oracle.A, rtol=0, atol=1e-9)
        np.testing.assert_allclose(end['gain'][i], oracle.g, rtol=0, atol=1e-9)
        np.testing.assert_allclose(end['weight'][i], oracle.W, rtol=0, atol=1e-9)
        np.testing.assert_allclose(end['phase'][i], oracle.t, rtol=0, atol=1e-6)


def test_first_state_is_that_of_the_paper(robot):
    learner = Learner(robot.layout, preset('authors'), seed=0, numbers=range(50))
    n2, n3, _ = robot.layout.layer_sizes
    s = learner.synapses
    uniform = s.centre[:, :n2 + n3]
    assert np.abs(uniform).max() <= 0.2
    # The mean of n numbers uniform in +-0.2 strays by 0.2 / sqrt(3 n); five of these are allowed.
    assert abs(uniform.mean()) < 5 * 0.2 / np.sqrt(3 * uniform.size)
    assert uniform.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.01)
    np.testing.assert_array_equal(s.centre[0, n2 + n3:], robot.layout.output_centres.ravel())
    share = s.phase / s.period
    assert share.min() >= 0
    assert share.max() < 1
    assert share.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * share.size))
    assert (s.amplitude == 0.2).all()
    assert (learner.neurons.gain == 0.5).all()


@compiled_only
@pytest.mark.parametrize(('mean', 'sd'), [(20000.0, 2000.0), (8000.0, 1600.0)])
def test_periods_are_normal(robot, mean, sd):
    config = changed(DEFAULT, period_mean=mean, period_sd=sd)
    learner = Learner(robot.layout, config, seed=3)
    observation, reward = np.zeros((1, robot.layout.observations)), np.zeros(1)
    periods, before = [], learner.synapses.period.copy()
    for _ in range(int(12 * mean / config.time_step)):
        learner.step(observation, reward)
        period = learner.synapses.period
        new = period != before
        periods.append(period[new])
        before[new] = period[new]
    # Short periods end sooner, so a window of fixed length has more of them: take as many of each
    # synapse's periods as every synapse has had.
    drawn = np.concatenate(periods)[:438 * 8]
    n = drawn.size
    assert n == 438 * 8
    assert drawn.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(n))
    assert drawn.std() == pytest.approx(sd, abs=5 * sd / np.sqrt(2 * n))
    skew = ((drawn - drawn.mean())**3).mean() / drawn.std()**3
    assert abs(skew) < 5 * np.sqrt(6 / n)


def test_no_period_is_shorter_than_a_tenth_of_the_mean(robot):
    config = changed(DEFAULT, period_sd=2 * DEFAULT.synapses.period_mean)
    learner = Learner(robot.layout, config, seed=3, numbers=range(4))
    shortest = learner.synapses.period.min()
    assert shortest == pytest.approx(0.1 * DEFAULT.synapses.period_mean)


@compiled_only
def test_weights_stay_within_the_amplitude_and_never_jump(robot):
    config = changed(DEFAULT, amplitude_rate=[1e-7] * 3)
    learner = Learner(robot.layout, config, seed=2)
    observations, rewards = experience(robot, 1, 3000)
    s, before = learner.synapses, None
    crossings = 0
    for observation, reward in zip(observations, rewards, strict=True):
        period, centre, amplitude = s.period.copy(), s.centre.copy(), s.amplitude.copy()
        learner.step(observation, reward)
        assert (np.abs(s.weight - s.centre) <= s.amplitude * (1 + 1e-12)).all()
        crossings += (period != s.period).sum()
        if before is not None:
            # A sine moves by no more than its steepest slope, at the shorter of the two periods.
            slope = 2 * np.pi * config.time_step / np.minimum(period, s.period)
            learnt = np.abs(s.centre - centre) + np.abs(s.amplitude - amplitude)
            bound = np.maximum(amplitude, s.amplitude) * slope + learnt
            assert (np.abs(s.weight - before) <= bound * (1 + 1e-9)).all()
        before = s.weight.copy()
    assert crossings > 1000


def test_zero_reward_leaves_centres_and_amplitudes_exactly(robot):
    learner = Learner(robot.layout, DEFAULT, seed=4, numbers=range(2))
    start = learner.snapshot()
    observations, _ = experience(robot, 2, 500)
    for observation in observations:
        learner.step(observation, np.zeros(2))
    end = learner.snapshot()
    np.testing.assert_array_equal(end['centre'], start['centre'])
    np.testing.assert_array_equal(end['amplitude'], start['amplitude'])
    assert (end['weight'] != start['weight']).all()


@pytest.mark.parametrize('shared', [False, True], ids=['alone', 'fleet'])
def test_restored_learner_goes_on_bit_for_bit(robot, shared):
    numbers = range(3)
    observations, rewards = experience(robot, 3, 4000)
    first = Learner(robot.layout, DEFAULT, 1, numbers, shared)
    for observation, reward in zip(observations[:500], rewards[:500], strict=True):
        first.step(observation, reward)
    snapshot = first.snapshot()
    second = Learner(robot.layout, DEFAULT, 99, numbers, shared)
    second.restore(snapshot)
    for observation, reward in zip(observations[500:], rewards[500:], strict=True):
        np.testing.assert_array_equal(
            first.step(observation, reward), second.step(observation, reward))
    for name, array in first.snapshot().items():
        np.testing.assert_array_equal(array, second.snapshot()[name], err_msg=name)


@compiled_only
def test_learner_i_of_n_is_learner_i_alone(robot):
    many = Learner(robot.layout, DEFAULT, 7, range(8))
    alone = Learner(robot.layout, DEFAULT, 7, [3])
    observations, rewards = experience(robot, 8, 2500)
    for observation, reward in zip(observations, rewards, strict=True):
        action = many.step(observation, reward)
        np.testing.assert_array_equal(
            action[3:4], alone.step(observation[3:4], reward[3:4]))


def test_learners_and_seeds_differ(robot):
    learner = Learner(robot.layout, DEFAULT, 7, range(2))
    other = Learner(robot.layout, DEFAULT, 8, range(2))
    phases = np.vstack([learner.synapses.phase, other.synapses.phase])
    assert len(np.unique(phases)) == phases.size


def test_fleet_shares_centres_and_keeps_phases_apart(robot):
    fleet = Learner(robot.layout, DEFAULT, 7, range(4), shared=True)
    assert fleet.synapses.centre.shape == (1, robot.layout.synapses)
    assert len(np.unique(fleet.synapses.phase)) == fleet.synapses.phase.size


def test_frozen_weights_rest_and_nothing_learns(robot):
    learner = Learner(robot.layout, DEFAULT, 7)
    learner.learning = False
    start = learner.snapshot()
    observations, rewards = experience(robot, 1, 200)
    for observation, reward in zip(observations, rewards, strict=True):
        learner.step(observation, reward)
        np.testing.assert_array_equal(learner.synapses.weight, learner.synapses.centre)
    end = learner.snapshot()
    for name in ('centre', 'amplitude', 'phase', 'period', 'trace', 'gain', 'stream', 'drawn'):
        np.testing.assert_array_equal(end[name], start[name], err_msg=name)
    assert (end['v'] != start['v']).all(), 'the oscillators still run'


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('where', ['observation', 'reward'])
def test_nonsense_is_refused_and_changes_nothing(robot, bad, where):
    learner = Learner(robot.layout, DEFAULT, 7, range(2))
    (observation,), (reward,) = experience(robot, 2, 1)
    (observation[1] if where == 'observation' else reward)[1] = bad
    start = learner.snapshot()
    with pytest.raises(ValueError, match='learner 1 was given a value that is not finite'):
        learner.step(observation, reward)
    for name, array in learner.snapshot().items():
        np.testing.assert_array_equal(array, start[name], err_msg=name)


def test_wrong_shapes_are_refused(robot):
    learner = Learner(robot.layout, DEFAULT, 7)
    with pytest.raises(ValueError, match=r'observations of shape \(1, 24\)'):
        learner.step(np.zeros((1, 23)), np.zeros(1))


@pytest.mark.parametrize(('name', 'spoil', 'message'), [
    ('centre', lambda a: a[:, 1:], 'shape'),
    ('centre', lambda a: a * np.nan, 'not finite'),
    ('period', lambda a: a * 0, 'not positive'),
    ('drawn', lambda a: a - 10**6, 'negative'),
    ('gain', None, 'has no gain'),
])
def test_snapshots_that_do_not_fit_are_refused(robot, name, spoil, message):
    learner = Learner(robot.layout, DEFAULT, 7)
    snapshot = learner.snapshot()
    if spoil is None:
        del snapshot[name]
    else:
        snapshot[name] = spoil(snapshot[name])
    with pytest.raises(ValueError, match=message):
        learner.restore(snapshot)


@compiled_only
def test_lost_periods_are_made_up_for(robot):
    """Three periods in one step: two with no reward and nothing new sent, then the step."""
    rng = np.random.default_rng(4)
    observations = rng.normal(size=(50, 1, robot.layout.observations))
    one, other = (Learner(robot.layout, FAST, seed=3) for _ in range(2))
    for observation in observations:
        reward = rng.normal(size=1)
        sent = other.neurons.action.copy()
        for nothing in (np.zeros(1), np.zeros(1)):
            other.step(observation, nothing)
            other.neurons.action[:] = sent
        np.testing.assert_array_equal(
            one.step(observation, reward, periods=3), other.step(observation, reward))


def test_forgetting_undoes_narrowing(robot):
    """With all forgotten the amplitudes are those of the start; with half, those of half of X."""
    config = changed(FAST, aspiration=0.01, amplitude=[0.3, 0.2, 0.1],
                     amplitude_rate=[1e-5, 2e-5, 4e-5])
    rng = np.random.default_rng(6)
    learner = Learner(robot.layout, config, seed=3, numbers=range(2), shared=True)
    first = learner.synapses.amplitude.copy()
    for _ in range(2000):
        learner.step(rng.normal(size=(2, robot.layout.observations)), np.full(2, 0.5))
    (experience,) = learner.synapses.experience
    assert (learner.synapses.amplitude < 0.95 * first).all()
    learner.forget(0.5)
    assert learner.synapses.experience[0] == pytest.approx(experience / 2)
    rate = np.repeat(config.synapses.amplitude_rate, robot.layout.layer_sizes)
    np.testing.assert_allclose(
        learner.synapses.amplitude, first * (1 + rate * experience / 2)**-0.25, rtol=1e-9)
    learner.forget(1.0)
    np.testing.assert_allclose(learner.synapses.amplitude, first, rtol=1e-9)
