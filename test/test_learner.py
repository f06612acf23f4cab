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

"""The learner against the slow oracle, and the guarantees about its state."""

from dataclasses import replace
from itertools import chain, product

from conftest import changed, preset
from dynsyn_ros.learner import Learner
from dynsyn_ros.learner.config import ReheatingConfig
from dynsyn_ros.learner.contents import contents
import numba
import numpy as np
from oracle import Oracle, run
import pytest

DEFAULT = changed(preset('authors'), negated_inputs=True, period_sd=8_000.0)
PREDICTING = changed(
    preset('default'), centre_rate=1e-4, critic_rate=0.02,
    penalty=2.0, settling=100.0, amplitude_decay=1e-2, centre_rate_decay=1e-2)

REHEATING = replace(PREDICTING, reheating=ReheatingConfig(0.1, 1_000.0))

COMPILED = not numba.config.DISABLE_JIT
compiled_only = pytest.mark.skipif(not COMPILED, reason='takes too many steps for plain Python')


def random_steps(robot, learners, steps, seed=1):
    """Make random observations, rewards, sent actions, put-backs and falls."""
    rng = np.random.default_rng(seed)
    observations = rng.normal(size=(steps, learners, robot.layout.observations))
    rewards = rng.normal(size=(steps, learners))
    rewards[rng.random(size=rewards.shape) < 0.01] = -100.0
    sent = rng.uniform(-1.0, 1.0, size=(steps, learners, robot.layout.actions))
    moved = rng.random(size=rewards.shape) < 0.01
    return observations, rewards, sent, moved, rewards <= -2.0


def normals_of(learner, i):
    """Yield the normal numbers that learner ``i`` will use: drawn ahead, then from its stream."""
    state = learner.snapshot()
    stream = np.random.Generator(np.random.SFC64())
    bits = stream.bit_generator.state
    bits['state']['state'] = state['stream'][i]
    stream.bit_generator.state = bits
    drawn = state['normals'][i, state['next_normal'][i]:]
    return chain(drawn, iter(stream.standard_normal, None))


VARIANTS = {
    'authors': preset('authors'),
    'default': preset('default'),
    'additive': changed(DEFAULT, amplitude_law='additive', amplitude_rate=1e-6),
    'attraction only': changed(DEFAULT, repulsion=False),
    'amplitudes by layer': changed(DEFAULT, amplitude=[0.3, 0.2, 0.1]),
    'fixed gain': changed(DEFAULT, gain_rule='none'),
    'linear gain': changed(DEFAULT, gain_rule='linear', gain_rate=1e-4),
    'fast gain and amplitude': changed(DEFAULT, gain_rate=1e-4, amplitude_rate=2e-6),
    'predicting': PREDICTING,
    'attraction to what is better': changed(PREDICTING, repulsion=False),
    'dear falls': changed(PREDICTING, horizon=45_000.0),
    'near horizon': changed(PREDICTING, discount_time_constant=50.0),
    'errors, and Eq. 4': replace(
        PREDICTING, amplitude_law='multiplicative', annealing=None,
        narrowing=replace(DEFAULT.narrowing, amplitude_rate=1e-6)),
    'reheating': REHEATING,
    'annealed by the reward': replace(
        DEFAULT, amplitude_law='annealed', narrowing=None, annealing=PREDICTING.annealing),
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
    given = random_steps(robot, learners, steps)
    mine = np.array([learner.step(*each).copy() for each in zip(*given, strict=True)])
    truth = run(oracles, *given, shared)
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
        if config.prediction:
            np.testing.assert_allclose(end['value_weight'][row], oracle.theta, rtol=0, atol=1e-9)
            assert end['baseline'][row] == pytest.approx(oracle.rbar)
            assert end['scale'][row] == pytest.approx(oracle.D)
        assert end['clock'][row] == pytest.approx(oracle.X)
        if config.reheating:
            assert end['recent_reward'][row] == pytest.approx(oracle.recent)
            assert end['long_term_reward'][row] == pytest.approx(oracle.long_term)


def test_scaled_amplitudes_are_as_if_layer_4_took_scaled_states(robot):
    """So the same learner with another unit for its states learns the same."""
    config = changed(preset('default'), amplitude_scaling='observation')
    raw, states, first = robot.layout, robot.layout.states, 2 * robot.layout.oscillators
    factors = raw.amplitude_factors
    centres = raw.output_centres.copy()
    centres[:, first:first + states] /= factors
    normalised = replace(
        raw, output_centres=centres,
        normalisation=raw.normalisation / np.append(factors, np.ones(raw.ranges)))
    plain = changed(config, amplitude_scaling='none')
    learner, other = Learner(raw, config, seed=5), Learner(normalised, plain, seed=5)
    for observation, *given in zip(*random_steps(robot, 1, 500), strict=True):
        scaled = observation.copy()
        scaled[:, :states] *= factors
        np.testing.assert_allclose(
            learner.step(observation, *given), other.step(scaled, *given), rtol=0, atol=1e-9)
    assert learner.centre_shift > 1e-3


def test_first_state_is_that_of_the_paper(robot):
    learner = Learner(robot.layout, preset('authors'), seed=0, numbers=range(50))
    n2, n3, _ = robot.layout.layer_sizes
    s, f = learner.state.plasticity, learner.state.fluctuation
    uniform = s.centre[:, :n2 + n3]
    assert np.abs(uniform).max() <= 0.2
    # The mean of n uniform numbers in +-0.2 has an SD of 0.2 / sqrt(3 n); five SDs are allowed.
    assert abs(uniform.mean()) < 5 * 0.2 / np.sqrt(3 * uniform.size)
    assert uniform.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.01)
    np.testing.assert_array_equal(s.centre[0, n2 + n3:], robot.layout.output_centres.ravel())
    share = f.phase / f.period
    assert share.min() >= 0
    assert share.max() < 1
    assert share.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * share.size))
    assert (s.amplitude == 0.2).all()
    assert (learner.state.neurons.gain == 0.5).all()


@compiled_only
@pytest.mark.parametrize(('mean', 'sd'), [(20000.0, 2000.0), (8000.0, 1600.0)])
def test_periods_are_normal(robot, mean, sd):
    config = changed(DEFAULT, period_mean=mean, period_sd=sd)
    learner = Learner(robot.layout, config, seed=3)
    nothing = (np.zeros((1, robot.layout.observations)), np.zeros(1),
               np.zeros((1, robot.layout.actions)))
    periods, before = [], learner.state.fluctuation.period.copy()
    for _ in range(int(12 * mean / config.time_step)):
        learner.step(*nothing)
        period = learner.state.fluctuation.period
        new = period != before
        periods.append(period[new])
        before[new] = period[new]
    # Short periods end sooner, so a window of fixed length has more of them: take as many for each
    # synapse as every synapse has had.
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
    shortest = learner.state.fluctuation.period.min()
    assert shortest == pytest.approx(0.1 * DEFAULT.synapses.period_mean)


@compiled_only
def test_weights_stay_within_the_amplitude_and_never_jump(robot):
    config = changed(DEFAULT, amplitude_rate=1e-7)
    learner = Learner(robot.layout, config, seed=2)
    p, f, before = learner.state.plasticity, learner.state.fluctuation, None
    crossings = 0
    for given in zip(*random_steps(robot, 1, 3000), strict=True):
        period, centre, amplitude = f.period.copy(), p.centre.copy(), p.amplitude.copy()
        learner.step(*given)
        assert (np.abs(f.weight - p.centre) <= p.amplitude * (1 + 1e-12)).all()
        crossings += (period != f.period).sum()
        if before is not None:
            # A sine moves at most by its steepest slope, at the shorter of the two periods.
            slope = 2 * np.pi * config.time_step / np.minimum(period, f.period)
            learnt = np.abs(p.centre - centre) + np.abs(p.amplitude - amplitude)
            bound = np.maximum(amplitude, p.amplitude) * slope + learnt
            assert (np.abs(f.weight - before) <= bound * (1 + 1e-9)).all()
        before = f.weight.copy()
    assert crossings > 1000


def test_zero_reward_leaves_centres_and_amplitudes_exactly(robot):
    learner = Learner(robot.layout, DEFAULT, seed=4, numbers=range(2))
    start = learner.snapshot()
    observations, _, sent, *_ = random_steps(robot, 2, 500)
    for observation, action in zip(observations, sent, strict=True):
        learner.step(observation, np.zeros(2), action)
    end = learner.snapshot()
    np.testing.assert_array_equal(end['centre'], start['centre'])
    np.testing.assert_array_equal(end['amplitude'], start['amplitude'])
    assert (end['weight'] != start['weight']).all()


@compiled_only
@pytest.mark.parametrize('config', [DEFAULT, PREDICTING], ids=['reward', 'errors'])
@pytest.mark.parametrize('shared', [False, True], ids=['alone', 'fleet'])
def test_restored_learner_goes_on_bit_for_bit(robot, shared, config):
    numbers = range(3)
    given = list(zip(*random_steps(robot, 3, 4000), strict=True))
    first = Learner(robot.layout, config, 1, numbers, shared)
    for each in given[:500]:
        first.step(*each)
    snapshot = first.snapshot()
    second = Learner(robot.layout, config, 99, numbers, shared)
    second.restore(snapshot)
    for each in given[500:]:
        np.testing.assert_array_equal(first.step(*each), second.step(*each))
    for name, array in first.snapshot().items():
        np.testing.assert_array_equal(array, second.snapshot()[name], err_msg=name)


@compiled_only
def test_learner_i_of_n_is_learner_i_alone(robot):
    many = Learner(robot.layout, PREDICTING, 7, range(8))
    alone = Learner(robot.layout, PREDICTING, 7, [3])
    for given in zip(*random_steps(robot, 8, 2500), strict=True):
        action = many.step(*given)
        np.testing.assert_array_equal(action[3:4], alone.step(*(each[3:4] for each in given)))
    one = many.snapshot(member=3)
    for name, array in alone.snapshot().items():
        np.testing.assert_array_equal(one[name], array, err_msg=name)


def test_learners_and_seeds_differ(robot):
    learner = Learner(robot.layout, DEFAULT, 7, range(2))
    other = Learner(robot.layout, DEFAULT, 8, range(2))
    phases = np.vstack([each.state.fluctuation.phase for each in (learner, other)])
    assert len(np.unique(phases)) == phases.size


def test_fleet_shares_centres_and_keeps_phases_apart(robot):
    fleet = Learner(robot.layout, DEFAULT, 7, range(4), shared=True)
    assert fleet.state.plasticity.centre.shape == (1, robot.layout.synapses)
    assert len(np.unique(fleet.state.fluctuation.phase)) == 4 * robot.layout.synapses


def test_frozen_weights_rest_and_nothing_learns(robot):
    learner = Learner(robot.layout, PREDICTING, 7)
    learner.learning = False
    start = learner.snapshot()
    for given in zip(*random_steps(robot, 1, 200), strict=True):
        learner.step(*given)
        np.testing.assert_array_equal(
            learner.state.fluctuation.weight, learner.state.plasticity.centre)
    end = learner.snapshot()
    for name in ('centre', 'amplitude', 'phase', 'period', 'trace', 'gain', 'stream',
                 'next_normal', 'value_weight', 'clock'):
        np.testing.assert_array_equal(end[name], start[name], err_msg=name)
    assert (end['v'] != start['v']).all(), 'the oscillators still run'


@pytest.mark.parametrize('config', [DEFAULT, PREDICTING], ids=['reward', 'errors'])
def test_what_was_earned_while_frozen_is_not_credited_to_earlier_fluctuations(robot, config):
    learner = Learner(robot.layout, config, 7)
    given = list(zip(*random_steps(robot, 1, 203), strict=True))
    for each in given[:200]:
        learner.step(*each)
    learner.learning = False
    learner.step(*given[200])
    before = learner.snapshot()
    assert not before['trace'].any()
    assert not before['value_trace'].any()
    learner.learning = True
    observation, reward, *rest = given[201]
    learner.step(observation, reward, *rest)
    after = learner.snapshot()
    if config is PREDICTING:
        # The critic knows the state in which learning begins again.
        assert after['value_trace'] == pytest.approx(before['features'])
    # Only the fluctuation of this one step, as in a learner that has just begun.
    reach = config.time_step / config.prediction.eligibility_time_constant if (
        config.prediction) else 1.0
    assert (np.abs(after['trace']) <= reach * after['amplitude'] + 1e-12).all()


def test_no_reward_and_no_fall_moves_a_centre_beyond_its_fluctuation(robot):
    learner = Learner(robot.layout, preset('default'), 7)
    rest = np.zeros((1, robot.layout.states + robot.layout.ranges)), np.zeros(1)
    for _ in range(500):  # rewards that do not vary: their deviation is 0
        learner.step(*rest, np.zeros((1, 4)))
    before = learner.snapshot()
    learner.step(*rest, np.zeros((1, 4)), np.array([False]), np.array([True]))
    after = learner.snapshot()
    moved = np.abs(after['centre'] - before['centre'])
    assert (moved <= before['amplitude'] + 1e-12).all()
    assert moved.max() > 0.0


def test_centres_amplitudes_and_gains_stay_within_their_bounds(robot):
    config = changed(preset('authors'), centre_rate=1.0, amplitude_rate=1.0, gain_rate=1.0,
                     gain_target=1.0)
    learner = Learner(robot.layout, config, 7)
    plasticity = learner.state.plasticity
    plasticity.amplitude[:] = 60.0
    plasticity.amplitude[0, 0] = 0.0  # and no power of a reward makes that not a number
    for given in zip(*random_steps(robot, 1, 300), strict=True):
        learner.step(given[0], np.array([-1e6]), *given[2:])
    assert plasticity.amplitude[0, 0] == 0.0
    assert (plasticity.amplitude[0, 1:] == 100.0).all()
    assert np.abs(plasticity.centre).max() == 100.0
    assert learner.state.neurons.gain.max() == pytest.approx(100.0)


@pytest.mark.parametrize(('where', 'bad'), [
    *product((0, 1, 2), (np.nan, np.inf, -np.inf)),  # observation, reward, sent action
    (1, 1e308)])
def test_nonsense_is_refused_and_changes_nothing(robot, where, bad):
    learner = Learner(robot.layout, DEFAULT, 7, range(2))
    given = [part[0] for part in random_steps(robot, 2, 1)]
    given[where][1] = bad
    start = learner.snapshot()
    with pytest.raises(ValueError, match='learner 1 was given a value that is not finite'):
        learner.step(*given)
    for name, array in learner.snapshot().items():
        np.testing.assert_array_equal(array, start[name], err_msg=name)


@pytest.mark.parametrize('name', ['normalisation', 'amplitude_factors', 'output_centres'])
def test_arrays_of_a_layout_have_its_sizes(robot, name):
    layout = replace(robot.layout, **{name: getattr(robot.layout, name)[:-1]})
    with pytest.raises(ValueError, match=f'{name} has the shape'):
        Learner(layout, preset('default'), 0)


def test_what_no_learner_can_do_is_refused(robot):
    with pytest.raises(ValueError, match='numbers must hold'):
        Learner(robot.layout, preset('default'), 0, ())
    learner = Learner(robot.layout, preset('default'), 0)
    with pytest.raises(ValueError, match=r"takes NumPy arrays, not \['list', 'float'"):
        learner.step([0.0], 0.0, [0.0])
    for share in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match='share must be from 0 to 1'):
            learner.reheat(share)


def test_wrong_shapes_are_refused(robot):
    learner = Learner(robot.layout, DEFAULT, 7)
    with pytest.raises(ValueError, match=r'of the shapes \(\(1, 24\), \(1,\), \(1, 4\)'):
        learner.step(np.zeros((1, 23)), np.zeros(1), np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r"as bool, not \['float32', 'float64'"):
        learner.step(np.zeros((1, 24), np.float32), np.zeros(1), np.zeros((1, 4)))


@pytest.mark.parametrize(('name', 'spoil', 'message'), [
    ('centre', lambda a: a[:, 1:], 'shape'),
    ('centre', lambda a: a * np.nan, 'not finite'),
    ('centre', lambda a: a.astype(np.float32), 'of the type float32; it must be float64'),
    ('period', lambda a: a * 0, 'period holds a value that is not from 0.1 to'),
    ('next_normal', lambda a: a - 10**6, 'next_normal holds a value that is not from 0 to'),
    ('next_normal', lambda a: a + 10**6, 'next_normal holds a value that is not from 0 to'),
    ('gain', None, 'gain is missing'),
])
def test_snapshots_that_do_not_fit_are_refused(robot, name, spoil, message):
    learner = Learner(robot.layout, DEFAULT, 7)
    snapshot = learner.snapshot()
    if spoil is None:
        del snapshot[name]
    else:
        snapshot[name] = spoil(snapshot[name])
    for refuses in (learner.check, learner.restore):
        with pytest.raises(ValueError, match=message):
            refuses(snapshot)


def test_a_snapshot_without_a_critic_starts_it_at_zero(robot):
    learner = Learner(robot.layout, PREDICTING, 7)
    given = list(zip(*random_steps(robot, 1, 50), strict=True))
    for each in given:
        learner.step(*each)
    snapshot = learner.snapshot()
    optional = [name for name, spec in contents(robot.layout, 1, 1).items() if spec.optional]
    assert 'value_weight' in optional
    for name in optional:
        del snapshot[name]
    learner.restore(snapshot)
    assert not learner.state.prediction.value_weight.any()
    learner.step(*given[0])
    assert learner.state.prediction.error[0] == 0.0, 'there is nothing yet that it was wrong about'


def test_nothing_is_credited_across_a_put_back(robot):
    learner = Learner(robot.layout, PREDICTING, 7, range(2), shared=True)
    given = list(zip(*random_steps(robot, 2, 100), strict=True))
    for observation, reward, sent, *_ in given:
        learner.step(observation, reward, sent)
    before = learner.snapshot()
    learner.step(observation, np.full(2, 0.3), sent, np.ones(2, bool))
    after = learner.snapshot()
    np.testing.assert_array_equal(after['centre'], before['centre'])
    np.testing.assert_array_equal(after['value_weight'], before['value_weight'])
    assert not after['value_trace'].any(), 'nor is what comes after credited to what was before'
    learner.restore(before)
    learner.step(observation, np.full(2, -100.0), sent, np.ones(2, bool), np.ones(2, bool))
    assert (learner.state.plasticity.centre != before['centre']).all(), 'a fall is a consequence'


def narrowed(config, clock, heat=0.0):
    """The factor on amplitudes by the annealing clock and the heat, A / A_0."""
    a = config.annealing
    decayed = (1 + a.amplitude_decay * clock)**-0.25
    return decayed**(1 - heat) / (1 + (clock / a.settling)**2)


@compiled_only
def test_reheating_undoes_annealing(robot):
    """At clock 0 the amplitudes are the initial ones; turned back by half, those at half."""
    config = changed(PREDICTING, amplitude=[0.3, 0.2, 0.1])
    rng = np.random.default_rng(6)
    learner = Learner(robot.layout, config, seed=3, numbers=range(2), shared=True)
    amplitude, clock = learner.state.plasticity.amplitude, learner.state.annealing.clock
    first = amplitude.copy()
    for _ in range(2000):
        learner.step(rng.normal(size=(2, robot.layout.observations)), np.full(2, 0.5),
                     np.zeros((2, robot.layout.actions)))
    reading = clock[0]
    assert (amplitude < 0.95 * first).all()
    learner.reheat(0.5)
    assert clock[0] == pytest.approx(reading / 2)
    np.testing.assert_allclose(amplitude, first * narrowed(config, reading / 2), rtol=1e-9)
    learner.reheat(1.0)
    np.testing.assert_allclose(amplitude, first, rtol=1e-9)


@compiled_only
def test_a_loss_of_reward_widens_the_fluctuations_while_it_lasts(robot):
    """At half of the expected reward, half of the decay is undone, in its logarithm."""
    config = replace(PREDICTING, reheating=ReheatingConfig(0.2, 33_000.0))
    rng = np.random.default_rng(6)
    learner = Learner(robot.layout, config, seed=3)
    amplitude, clock = learner.state.plasticity.amplitude, learner.state.annealing.clock
    first = amplitude.copy()

    def walk(steps, reward):
        for _ in range(steps):
            learner.step(rng.normal(size=(1, robot.layout.observations)), np.array([reward]),
                         np.zeros((1, robot.layout.actions)))
        return narrowed(config, clock[0])

    np.testing.assert_allclose(amplitude, first * walk(5000, 1.0), rtol=1e-9)
    np.testing.assert_allclose(amplitude, first * walk(5000, 0.85), rtol=1e-9)
    assert 0.99 < learner.state.annealing.long_term_reward[0] < 1.0
    walk(10_000, 0.4)
    heat = 1 - 0.4 / (0.8 * learner.state.annealing.long_term_reward[0])
    assert 0.49 < heat < 0.5
    np.testing.assert_allclose(amplitude, first * narrowed(config, clock[0], heat), rtol=1e-3)
    np.testing.assert_allclose(amplitude, first * walk(5000, 1.0), rtol=1e-9)


def test_normal_numbers_are_drawn_before_they_run_out(robot):
    learner = Learner(robot.layout, DEFAULT, 7)
    f = learner.state.fluctuation
    f.next_normal[:] = first = f.normals.shape[1] - robot.layout.synapses + 1
    left = f.normals[0, first:].copy()
    (given,) = zip(*random_steps(robot, 1, 1), strict=True)
    learner.step(*given)
    used = first + left.size - f.normals.shape[1]
    assert f.next_normal[0] == used == 0
    kept = np.flatnonzero(f.normals[0] == left[-1])
    assert kept.size == 1, 'what was left is used first'
    assert (np.diff(np.sort(f.normals[0])) > 0).all(), 'the rest is new'
