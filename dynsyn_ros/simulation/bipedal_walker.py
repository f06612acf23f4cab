"""
Gymnasium's BipedalWalker as a robot: SI readings out, torques in.

Gymnasium scales its observation; the factors undone here are those of its ``bipedal_walker.py``:

| observation | is | reading |
|---|---|---|
| 0 | hull angle, rad, anticlockwise | ``imu.orientation``, nose up: a negative pitch in REP 103 |
| 1 | angular velocity x 2 / 50 | ``imu.angular_velocity.y``, rad/s, sign as above |
| 2, 3 | velocity x 0.3 x (600 / 30) / 50, x 0.3 x (400 / 30) / 50 | ``odom.linear.x``, ``z`` |
| 4, 9 and 5, 10 | hip angle, hip speed / 4 | ``joint_states.hip_K``, rad and rad/s |
| 6, 11 and 7, 12 | knee angle + 1, knee speed / 6 | ``joint_states.knee_K``, rad and rad/s |
| 8, 13 | contact of each foot | ``foot_contacts.K`` |
| 14 to 23 | lidar, share of 160 / 30 m | ``scan.I``, m, float32 as in a LaserScan |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
import math
from typing import NamedTuple

from Box2D import b2World
import gymnasium
from gymnasium.utils import seeding
from numba import njit
import numpy as np

from dynsyn_ros.robot.robot import QUATERNION
from dynsyn_ros.schema import ConfigError

ENVIRONMENTS = ('BipedalWalker-v3', 'BipedalWalkerHardcore-v3')
JOINTS = ('hip_1', 'knee_1', 'hip_2', 'knee_2')
FEET = 2
RAYS = 10
#: Angle between two rays, rad; the first looks straight down, the last towards the front.
RAY_STEP = 1.5 / RAYS
RANGE_MAX = 160.0 / 30.0
#: Torque of an action of 1, N m.
TORQUE = 80.0
#: Simulated time of one step, s.
TIME_STEP = 1.0 / 50.0
#: Reward of a fall.
FALL = -100.0
#: Names of the readings, in order.
READINGS = (
    *(f'joint_states.{joint}.position' for joint in JOINTS),
    *(f'joint_states.{joint}.velocity' for joint in JOINTS),
    *QUATERNION,
    'imu.angular_velocity.y',
    'odom.linear.x',
    'odom.linear.z',
    *(f'foot_contacts.{i}' for i in range(FEET)),
    *(f'scan.{i}' for i in range(RAYS)),
)


class Episode(NamedTuple):
    """An episode that has ended."""

    total: float
    """Sum of its rewards, the return."""
    length: int
    """Its steps."""
    fell: bool


def order_of(joints: Sequence[str]) -> np.ndarray:
    """Tell where each of ``JOINTS`` is among ``joints``; raises :class:`ConfigError`."""
    if sorted(joints) != sorted(JOINTS):
        raise ConfigError(
            f'parameter joints must be {", ".join(JOINTS)}, in any order, for BipedalWalker, not '
            f'{", ".join(joints)}')
    return np.array([joints.index(joint) for joint in JOINTS])


def entropy(seed: int, number: int) -> int:
    """Derive the seed of walker ``number`` of those with this ``seed``."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


class BipedalWalker:
    """One walker that is put back on its feet whenever an episode ends."""

    def __init__(
        self, env_id: str, seed: int, number: int = 0, joints: Sequence[str] = JOINTS
    ) -> None:
        """
        Make walker ``number`` of those with this ``seed``, standing at its start.

        Each has its own terrain; the random stream is derived from both numbers. Torques will come
        in the order of ``joints``; raises :class:`ConfigError` if those are not the walker's.
        """
        self._order = order_of(joints)
        self._action = np.zeros(len(JOINTS))
        self.efforts = np.zeros(len(JOINTS))
        """The torques of the last step as applied, N m, in the order of ``JOINTS``."""
        self.environment = gymnasium.make(
            env_id, render_mode='rgb_array', disable_env_checker=True)
        """Gymnasium's environment."""
        self.readings = np.zeros(len(READINGS))
        """SI readings named by ``READINGS``."""
        self.episode: Episode | None = None
        """The episode that the last step ended, if it ended one."""
        self.environment.unwrapped.np_random, _ = seeding.np_random(entropy(seed, number))
        self._begin()

    def _begin(self) -> None:
        """Begin an episode: all of it follows from the random state here and the actions."""
        walker = self.environment.unwrapped
        # A used world keeps traces of its past in the order of its contacts; a new one does not.
        walker._destroy()
        walker.world = b2World()
        self._total = 0.0
        self._actions: list[np.ndarray] = []
        self._random = walker.np_random.bit_generator.state
        self._observed(self.environment.reset()[0])

    def step(self, torques: np.ndarray) -> float:
        """
        Apply torques, N m, for one step; returns the reward.

        Torques past what the motors can give are cut. After a fall the reward is -100 and the
        readings are those of a walker on its feet again.
        """
        _drive(torques, self._order, self.efforts, self._action)
        return self._act(self._action.copy())

    def _act(self, action: np.ndarray) -> float:
        observation, reward, terminated, truncated, _ = self.environment.step(action)
        reward = float(reward)
        self._total += reward
        self._actions.append(action)
        self.episode = None
        if terminated or truncated:
            self.episode = Episode(self._total, len(self._actions), reward == FALL)
            self._begin()
        else:
            self._observed(observation)
        return reward

    def state(self) -> dict[str, np.ndarray]:
        """Tell how to come to where the walker is: by the same episode, from its beginning."""
        return {
            'random': np.array(json.dumps(self._random)),
            'actions': np.array(self._actions).reshape(-1, len(JOINTS)),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Come to where a walker was, bit for bit; takes as long as its episode did."""
        self.environment.unwrapped.np_random.bit_generator.state = json.loads(
            str(state['random'][()]))
        self._begin()
        for action in state['actions']:
            self._act(action)

    def _observed(self, observation: np.ndarray) -> None:
        self.observation = observation
        """The observation as gymnasium gave it, float32."""
        undo_scaling(observation, self.readings)

    @property
    def position(self) -> tuple[float, float]:
        """Hull position ahead and up, m."""
        hull = self.environment.unwrapped.hull
        return hull.position.x, hull.position.y

    def render(self) -> np.ndarray:
        """Draw the walker: (height, width, 3), uint8."""
        return self.environment.render()

    def close(self) -> None:
        """Free what drawing has taken."""
        self.environment.close()


@njit(cache=True)
def _drive(torques, order, efforts, action):
    """Turn torques into ``efforts`` that the motors can give and the action that has them."""
    for j in range(order.size):
        efforts[j] = min(max(torques[order[j]], -TORQUE), TORQUE)
        action[j] = efforts[j] / TORQUE


@njit(cache=True)
def undo_scaling(observation, readings):
    """Turn one observation of gymnasium into ``readings``, in the order of ``READINGS``."""
    at = 0
    for leg in (4, 9):
        readings[at] = observation[leg]
        readings[at + 1] = np.float64(observation[leg + 2]) - 1.0
        readings[at + 4] = observation[leg + 1] * 4.0
        readings[at + 5] = observation[leg + 3] * 6.0
        at += 2
    pitch = -np.float64(observation[0])
    readings[8] = 0.0
    readings[9] = math.sin(0.5 * pitch)
    readings[10] = 0.0
    readings[11] = math.cos(0.5 * pitch)
    readings[12] = -observation[1] * 50.0 / 2.0
    readings[13] = observation[2] / (0.3 * (600.0 / 30.0) / 50.0)
    readings[14] = observation[3] / (0.3 * (400.0 / 30.0) / 50.0)
    readings[15] = observation[8]
    readings[16] = observation[13]
    for ray in range(RAYS):
        readings[17 + ray] = np.float32(observation[14 + ray] * RANGE_MAX)
