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

"""The interface of simulated robots: commands in, SI readings out; put back after a fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
import json

from dynsyn_ros.robot.config import EFFORT, RobotConfig
from dynsyn_ros.robot.readings import QUATERNION
from dynsyn_ros.settings.arrays import ArraySpec, Contents
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation import changes
from dynsyn_ros.storage.episodes import Episode
import gymnasium
from gymnasium.utils import seeding
from numba import njit
import numpy as np


@dataclass(frozen=True)
class PlantSpec:
    """The joints and sensors of a simulated robot, and its time step."""

    name: str
    joints: tuple[str, ...]
    torque: float
    """Torque of each joint at an action of 1, N m."""
    time_step: float
    """Simulated time of one step, s."""
    feet: int
    rays: int = 0
    ray_step: float = 0.0
    """Angle between two rays, rad; the first points straight down, the last to the front."""
    range_max: float = 0.0
    commands: tuple[str, ...] = (EFFORT,)
    """The kinds of command that its drives accept."""

    @cached_property
    def readings(self) -> tuple[str, ...]:
        """The names of the readings, in order."""
        return (
            *(f'joint_states.{joint}.position' for joint in self.joints),
            *(f'joint_states.{joint}.velocity' for joint in self.joints),
            *QUATERNION,
            'imu.angular_velocity.y',
            'odom.linear.x',
            'odom.linear.z',
            *(f'foot_contacts.{i}' for i in range(self.feet)),
            *(f'scan.{i}' for i in range(self.rays)),
        )

    def check(self, robot: RobotConfig) -> None:
        """Raise :class:`ConfigError` unless a robot's YAML is for this robot."""
        if robot.control_period != self.time_step:
            raise ConfigError(f'parameter control_period must be {self.time_step:g} s for '
                              f'{self.name}, not {robot.control_period:g}')
        if robot.command not in self.commands:
            raise ConfigError(f'parameter command must be {" or ".join(self.commands)} for '
                              f'{self.name}, not {robot.command}')

    def order_of(self, joints: Sequence[str]) -> np.ndarray:
        """Return the place of each joint in ``joints``; raises :class:`ConfigError`."""
        if sorted(joints) != sorted(self.joints):
            raise ConfigError(
                f'parameter joints must be {", ".join(self.joints)}, in any order, for '
                f'{self.name}, not {", ".join(joints)}: the parameter file is for another robot '
                'than env_id; choose the right one with --params-file (or params_file)')
        return np.array([joints.index(joint) for joint in self.joints])


def entropy(seed: int, number: int) -> int:
    """Derive the seed of robot ``number`` in a group with this ``seed``."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


class Plant:
    """One robot in gymnasium that is put back on its feet whenever an episode ends."""

    spec: PlantSpec
    max_action = 1.0
    """The largest absolute action that gymnasium's environment receives."""

    def __init__(
        self, env_id: str, seed: int, number: int = 0, robot: RobotConfig | None = None
    ) -> None:
        """
        Make robot ``number`` in a group with this ``seed``, standing at its start.

        Each robot has its own world; its random stream is derived from both numbers. If ``robot``
        is given, commands are in the order and units of that YAML; raises :class:`ConfigError` if
        it is for another robot.
        """
        spec = self.spec
        self._order = spec.order_of(robot.joints if robot else spec.joints)
        if robot is not None:
            spec.check(robot)
        self._action = np.zeros(len(spec.joints))
        self._joints, self._change = changes.joints_of(changes.NONE, self._order), changes.NONE
        self.efforts = np.zeros(len(spec.joints))
        """The torques applied in the last step, N m, in the order of the robot's own joints."""
        self.environment = self._make(env_id, entropy(seed, number), robot)
        """Gymnasium's environment."""
        self.readings = np.zeros(len(spec.readings))
        """SI readings named by ``spec.readings``."""
        self.episode: Episode | None = None
        """The episode that the last step ended, or None."""
        self.environment.unwrapped.np_random, _ = seeding.np_random(entropy(seed, number))
        self._begin()

    def _make(self, env_id: str, seed: int, robot: RobotConfig | None) -> gymnasium.Env:
        """Make gymnasium's environment."""
        return gymnasium.make(env_id, render_mode='rgb_array', disable_env_checker=True)

    def _begin(self) -> None:
        """Begin an episode, which its random state and its actions fully determine."""
        self._total = 0.0
        self._actions: list[np.ndarray] = []
        self._random = self.environment.unwrapped.np_random.bit_generator.state
        self._sense(self.environment.reset()[0])

    def step(self, commands: np.ndarray) -> float:
        """
        Send commands, which are torques, N m, unless a subclass differs; returns the reward.

        Torques past the limits of the motors are clipped. When an episode has ended, the readings
        are those of the robot back on its feet.
        """
        count = len(self.efforts)
        changes.drive(commands, self._order, self.spec.torque, self._joints,
                      self.readings[count:2 * count], self.efforts, self._action)
        return self._act(self._action.copy())

    def stop(self) -> np.ndarray:
        """Return the command that its drives follow while they receive none."""
        return np.zeros(len(self.spec.joints))

    def _act(self, action: np.ndarray) -> float:
        observation, reward, terminated, truncated, _ = self.environment.step(action)
        reward = float(reward)
        self._total += reward
        self._actions.append(action)
        self.episode = None
        if terminated or truncated:
            self.episode = Episode(
                self._total, len(self._actions), self._fell(reward, terminated))
            self._begin()
        else:
            self._sense(observation)
        return reward

    def change(self, change: changes.Change) -> None:
        """
        Change the robot from now on, relative to what it was built as.

        Raises :class:`ConfigError`, with the robot unchanged, if the change does not apply to it.
        """
        joints = changes.joints_of(change, self._order)
        if change.payload != self._change.payload:
            self._load(change.payload - self._change.payload)
        self._joints, self._change = joints, change

    def _load(self, mass: float) -> None:
        """Add this mass to the body, kg; raises :class:`ConfigError`."""
        raise ConfigError(f'parameter change.payload must be 0 for {self.spec.name}')

    def _sense(self, observation: np.ndarray) -> None:
        """Turn an observation of gymnasium into readings, with the changes applied."""
        self._observed(observation)
        changes.sense(self._joints, self._change.pitch_offset, self.readings)

    def _fell(self, reward: float, terminated: bool) -> bool:
        """Return whether the step that ended an episode was a fall."""
        raise NotImplementedError

    def _observed(self, observation: np.ndarray) -> None:
        """Turn an observation of gymnasium into readings."""
        raise NotImplementedError

    @property
    def position(self) -> tuple[float, float]:
        """Position of the body ahead and up, m."""
        raise NotImplementedError

    def state(self) -> dict[str, np.ndarray]:
        """Return how to reach the present state: the random state and actions of the episode."""
        return {
            'random': np.array(json.dumps(self._random)),
            'actions': np.array(self._actions).reshape(-1, len(self._action)),
        }

    @property
    def contents(self) -> Contents:
        """The arrays of a state."""
        longest = self.environment.spec.max_episode_steps
        return {
            'random': ArraySpec(np.dtype((np.str_, 1000)), ()),
            'actions': ArraySpec(
                np.dtype(np.float64), (range(longest + 1), len(self._action)),
                -self.max_action, self.max_action),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """
        Restore a state bit for bit by replaying its episode, which takes as long as the episode.

        Raises :class:`ValueError` if the random state is invalid.
        """
        try:
            self.environment.unwrapped.np_random.bit_generator.state = json.loads(
                str(state['random'][()]))
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError('its random state does not fit the generator') from error
        self._begin()
        for action in state['actions']:
            self._act(action)

    def render(self) -> np.ndarray:
        """Draw the robot: (height, width, 3), uint8; raises :class:`ConfigError` if it cannot."""
        return self.environment.render()

    def close(self) -> None:
        """Free the renderer."""
        self.environment.close()


@njit(cache=True)
def pitch_to_quaternion(pitch, quaternion):
    """Fill in the quaternion x, y, z, w of a turn about the y axis by ``pitch``, rad."""
    quaternion[0] = 0.0
    quaternion[1] = np.sin(0.5 * pitch)
    quaternion[2] = 0.0
    quaternion[3] = np.cos(0.5 * pitch)
