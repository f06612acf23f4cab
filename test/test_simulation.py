"""The simulated walker is gymnasium's, put back on its feet."""

import gymnasium
import numpy as np
import pytest

from dynsyn_ros.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import ENVIRONMENTS, JOINTS, BipedalWalker


@pytest.mark.parametrize('env_id', ENVIRONMENTS)
def test_walker_is_gymnasiums(env_id):
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
            observation, _ = environment.reset()
            total, length, episodes = 0.0, 0, episodes + 1
        np.testing.assert_array_equal(walker.observation, observation)
        np.testing.assert_array_equal(walker.efforts, np.clip(torques, -80, 80))
    assert episodes > 2


def test_torques_come_in_the_order_of_the_joints():
    one = BipedalWalker(ENVIRONMENTS[0], seed=1)
    other = BipedalWalker(ENVIRONMENTS[0], seed=1, joints=JOINTS[::-1])
    rng = np.random.default_rng(0)
    for _ in range(100):
        torques = rng.uniform(-80, 80, size=4)
        one.step(torques)
        other.step(torques[::-1])
    np.testing.assert_array_equal(one.readings, other.readings)


@pytest.mark.parametrize('joints', [['hip_1'], ['hip_1', 'knee_1', 'hip_2', 'ankle']])
def test_other_joints_are_refused(joints):
    with pytest.raises(ConfigError, match='joints must be hip_1, knee_1, hip_2, knee_2, in any'):
        BipedalWalker(ENVIRONMENTS[0], seed=1, joints=joints)


def test_walkers_have_terrains_of_their_own():
    def terrain(seed, number):
        walker = BipedalWalker(ENVIRONMENTS[0], seed, number)
        return walker.environment.unwrapped.terrain_y

    assert terrain(1, 0) == terrain(1, 0)
    assert terrain(1, 0) != terrain(1, 1)
    assert terrain(1, 1) != terrain(2, 0)
