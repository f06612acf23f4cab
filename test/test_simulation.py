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

"""The simulated walker is gymnasium's, put back on its feet."""

from dataclasses import replace

from conftest import robot_config
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker, ENVIRONMENTS, SPEC
from dynsyn_ros.simulation.walkers import make, SIMULATORS
import gymnasium
import numpy as np
import pytest


@pytest.mark.parametrize('env_id', ENVIRONMENTS)
def test_every_episode_is_that_of_a_new_environment_of_gymnasium(env_id):
    walker = BipedalWalker(env_id, seed=4, number=2)
    (entropy,) = np.random.SeedSequence((4, 2)).generate_state(1)
    environment = gymnasium.make(env_id)
    observation, _ = environment.reset(seed=int(entropy))
    np.testing.assert_array_equal(walker.observation, observation)
    rng = np.random.default_rng(0)
    total, length, episodes = 0.0, 0, 0
    for _ in range(3000):
        torques = rng.uniform(-100, 100, size=4)
        reward = walker.step(torques)
        observation, expected, terminated, truncated, _ = environment.step(
            np.clip(torques, -80, 80) / 80)
        total, length = total + expected, length + 1
        assert reward == expected
        assert (walker.episode is not None) == (terminated or truncated)
        if walker.episode is not None:
            assert walker.episode == (total, length, reward == -100)
            random = environment.unwrapped.np_random
            environment = gymnasium.make(env_id)
            environment.unwrapped.np_random = random
            observation, _ = environment.reset()
            total, length, episodes = 0.0, 0, episodes + 1
        np.testing.assert_array_equal(walker.observation, observation)
        np.testing.assert_array_equal(walker.efforts, np.clip(torques, -80, 80))
    assert episodes > 2


@pytest.mark.parametrize('env_id', ENVIRONMENTS)
def test_a_restored_walker_is_where_the_other_was(env_id):
    rng = np.random.default_rng(0)
    one, other = BipedalWalker(env_id, seed=1), BipedalWalker(env_id, seed=2)
    for steps in (700, 41):
        for _ in range(steps):
            one.step(rng.uniform(-80, 80, size=4))
            other.step(rng.uniform(-80, 80, size=4))
        other.restore(one.state())
        assert other.position == one.position
        episodes = 0
        for _ in range(1700):
            torques = rng.uniform(-80, 80, size=4)
            assert one.step(torques) == other.step(torques)
            np.testing.assert_array_equal(one.readings, other.readings)
            assert one.episode == other.episode
            episodes += one.episode is not None
        assert episodes > 0


def test_envpool_is_the_same_task():
    pytest.importorskip('envpool', reason='envpool is an extra')
    rng = np.random.default_rng(0)
    lengths = {}
    for simulator in SIMULATORS:
        walkers = make(simulator, ENVIRONMENTS[0], seed=1, numbers=range(8))
        ended = []
        readings = []
        for _ in range(1200):
            rewards = walkers.step(rng.uniform(-80, 80, size=(8, 4)))
            ended += [episode for _, episode in walkers.ended]
            assert all(rewards[i] == -100 for i, episode in walkers.ended if episode.fell)
            readings.append(walkers.readings.copy())
        assert len(ended) > 10
        lengths[simulator] = np.mean(readings, axis=(0, 1)), np.std(readings, axis=(0, 1)) / (
            len(ended) ** 0.5)
    (mean, error), (other, other_error) = lengths.values()
    assert (np.abs(mean - other) < 5 * np.hypot(error, other_error) + 1e-9).all()


def test_envpool_goes_on_with_new_episodes():
    pytest.importorskip('envpool', reason='envpool is an extra')
    walkers = make('envpool', ENVIRONMENTS[0], seed=1, numbers=range(3))
    first = walkers.readings.copy()
    for _ in range(30):
        walkers.step(np.zeros((3, 4)))
    others = [make('envpool', ENVIRONMENTS[0], seed=1, numbers=range(3)) for _ in range(2)]
    for other in others:
        np.testing.assert_array_equal(other.readings, first)
        other.restore(walkers.state())
    np.testing.assert_array_equal(others[0].readings, others[1].readings)
    assert (others[0].readings != first).any()
    for _ in range(200):
        np.testing.assert_array_equal(
            *(other.step(np.full((3, 4), 40.0)) for other in others))


def test_torques_come_in_the_order_of_the_joints():
    one = BipedalWalker(ENVIRONMENTS[0], seed=1)
    config = replace(robot_config(), joints=SPEC.joints[::-1])
    other = BipedalWalker(ENVIRONMENTS[0], seed=1, robot=config)
    rng = np.random.default_rng(0)
    for _ in range(100):
        torques = rng.uniform(-80, 80, size=4)
        one.step(torques)
        other.step(torques[::-1])
    np.testing.assert_array_equal(one.readings, other.readings)


@pytest.mark.parametrize('joints', [['hip_1'], ['hip_1', 'knee_1', 'hip_2', 'ankle']])
def test_other_joints_are_refused(joints):
    with pytest.raises(ConfigError, match='joints must be hip_1, knee_1, hip_2, knee_2, in any'):
        BipedalWalker(ENVIRONMENTS[0], seed=1, robot=replace(robot_config(), joints=joints))


def test_walkers_have_terrains_of_their_own():
    def terrain(seed, number):
        walker = BipedalWalker(ENVIRONMENTS[0], seed, number)
        return walker.environment.unwrapped.terrain_y

    assert terrain(1, 0) == terrain(1, 0)
    assert terrain(1, 0) != terrain(1, 1)
    assert terrain(1, 1) != terrain(2, 0)
