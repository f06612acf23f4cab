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

"""Several walkers side by side, in gymnasium or in envpool, behind one interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol

from dynsyn_ros.robot.config import RobotConfig
from dynsyn_ros.settings.arrays import ArraySpec, Contents
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import ENVIRONMENTS, FALL, SPEC, undo_scaling
from dynsyn_ros.simulation.changes import Change, drive, joints_of, NONE, sense
from dynsyn_ros.simulation.plant import entropy, Plant, PlantSpec
from dynsyn_ros.simulation.plants import plant_class
from dynsyn_ros.storage.episodes import Episode
from numba import njit
import numpy as np

SIMULATORS = ('gymnasium', 'envpool')

_TORQUE = SPEC.torque


class Walkers(Protocol):
    """Walkers that step together; each is put back on its feet when its episode ends."""

    spec: PlantSpec
    """The specification of each walker."""
    readings: np.ndarray
    """SI readings named by the spec, (walkers, readings)."""
    ended: list[tuple[int, Episode]]
    """The episodes that the last step ended, each with the index of its walker."""
    resumes_within_episode: bool
    """Whether :meth:`restore` resumes in the middle of episodes; else it begins new ones."""

    def step(self, commands: np.ndarray) -> np.ndarray:
        """Send commands, N m or rad, (walkers, joints); returns the rewards, (walkers,)."""

    def change(self, change: Change) -> None:
        """Change every robot from now on; raises :class:`ConfigError` if that is impossible."""

    def state(self) -> dict[str, np.ndarray]:
        """Return what :meth:`restore` needs to reach the present state."""

    @property
    def contents(self) -> Contents:
        """The arrays of a state."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore a state of the same kind and number of walkers; raises :class:`ValueError`."""


class GymnasiumWalkers:
    """Gymnasium's walkers, the reference."""

    resumes_within_episode = True

    def __init__(self, walkers: Sequence[Plant]) -> None:
        """Combine walkers of one kind."""
        self._walkers = list(walkers)
        self.spec = walkers[0].spec
        self.readings = np.array([walker.readings for walker in walkers])
        for walker, row in zip(walkers, self.readings, strict=True):
            walker.readings = row
        self.ended: list[tuple[int, Episode]] = []
        self._rewards = np.zeros(len(walkers))

    def step(self, commands: np.ndarray) -> np.ndarray:
        """Send commands, N m or rad, (walkers, joints); returns the rewards, (walkers,)."""
        self.ended.clear()
        for i, walker in enumerate(self._walkers):
            self._rewards[i] = walker.step(commands[i])
            if walker.episode is not None:
                self.ended.append((i, walker.episode))
        return self._rewards

    def change(self, change: Change) -> None:
        """Change every robot from now on; raises :class:`ConfigError`."""
        for walker in self._walkers:
            walker.change(change)

    def state(self) -> dict[str, np.ndarray]:
        """Return what :meth:`restore` needs to reach the present state."""
        return {
            f'{name}_{i}': array
            for i, walker in enumerate(self._walkers) for name, array in walker.state().items()
        }

    @property
    def contents(self) -> Contents:
        """The arrays of a state."""
        return {f'{name}_{i}': spec for i, walker in enumerate(self._walkers)
                for name, spec in walker.contents.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore a state bit for bit; raises :class:`ValueError`."""
        for i, walker in enumerate(self._walkers):
            walker.restore({name: state[f'{name}_{i}'] for name in walker.contents})


class EnvpoolWalkers:
    """Envpool's walkers: the same task in C++, several times faster, with other random streams."""

    spec = SPEC
    resumes_within_episode = False

    def __init__(
        self,
        env_id: str,
        seed: int,
        numbers: Sequence[int],
        robot: RobotConfig | None = None,
        threads: int = 1,
    ) -> None:
        """Make walkers as :class:`Plant` does; raises :class:`ConfigError`."""
        if env_id not in ENVIRONMENTS:
            raise ConfigError(f'the simulator envpool is only for {", ".join(ENVIRONMENTS)} here: '
                              f'{env_id} needs gymnasium')
        try:
            envpool = import_module('envpool')
        except ImportError as error:
            raise ConfigError(
                "the simulator envpool is not installed: pip install 'dynsyn_ros[envpool]'"
            ) from error
        if robot is not None:
            SPEC.check(robot)
        self._order = SPEC.order_of(robot.joints if robot else SPEC.joints)
        self._make = lambda begun: envpool.make(
            env_id, 'gymnasium', num_envs=len(numbers), batch_size=len(numbers),
            num_threads=min(len(numbers), threads),
            seed=[entropy(seed + begun, number) % 2**31 for number in numbers])
        self._joints, self._pitch = joints_of(NONE, self._order), 0.0
        self._actions = np.zeros((len(numbers), len(self._order)))
        self._lengths, self._totals = np.zeros(len(numbers), int), np.zeros(len(numbers))
        self.readings = np.zeros((len(numbers), len(SPEC.readings)))
        self.ended: list[tuple[int, Episode]] = []
        self._begin(0)

    def _begin(self, begun: int) -> None:
        self._steps = begun
        self._pool = self._make(begun)
        self._lengths[:], self._totals[:] = 0, 0.0
        observation, _ = self._pool.reset()
        self._sense(observation, np.arange(len(observation)))

    def step(self, commands: np.ndarray) -> np.ndarray:
        """Apply torques, N m, (walkers, joints); returns the rewards, (walkers,)."""
        self.ended.clear()
        self._steps += 1
        _drive_all(commands, self._order, self._joints, self.readings, self._actions)
        observation, reward, terminated, truncated, info = self._pool.step(
            self._actions.astype(np.float32))
        place = info['env_id']
        rewards = np.empty(len(reward))
        rewards[place] = reward
        self._totals += rewards
        self._lengths += 1
        self._sense(observation, place)
        over = np.sort(place[terminated | truncated])
        if over.size:
            for i in over:
                self.ended.append((int(i), Episode(
                    float(self._totals[i]), int(self._lengths[i]), bool(rewards[i] == FALL))))
            self._totals[over], self._lengths[over] = 0.0, 0
            observation, info = self._pool.reset(over.astype(np.int32))[:2]
            self._sense(observation, info['env_id'])
        return rewards

    def change(self, change: Change) -> None:
        """Change the motors and sensors; raises :class:`ConfigError` for a payload."""
        if change.payload:
            raise ConfigError('parameter change.payload must be 0 with the simulator envpool, '
                              'whose bodies cannot be changed')
        self._joints, self._pitch = joints_of(change, self._order), change.pitch_offset

    def _sense(self, observation: np.ndarray, places: np.ndarray) -> None:
        _sense_all(observation, places, self._joints, self._pitch, self.readings)

    def state(self) -> dict[str, np.ndarray]:
        """Return the number of steps taken, because envpool does not expose its state."""
        return {'steps': np.array(self._steps)}

    @property
    def contents(self) -> Contents:
        """The arrays of a state."""
        return {'steps': ArraySpec(np.dtype(np.int64), (), 0, 2**62)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Begin new episodes, with random streams that depend on the steps taken."""
        self._begin(int(state['steps']))


@njit(cache=True)
def _drive_all(torques, order, joints, readings, actions):
    """Turn the torques of all walkers into actions of gymnasium."""
    count = order.size
    efforts = np.empty(count)
    for i in range(len(torques)):
        drive(torques[i], order, _TORQUE, joints, readings[i, count:2 * count], efforts,
              actions[i])


@njit(cache=True)
def _sense_all(observations, places, joints, pitch, readings):
    """Turn observations of gymnasium into the readings of the walkers at ``places``."""
    for i in range(places.size):
        undo_scaling(observations[i], readings[places[i]])
        sense(joints, pitch, readings[places[i]])


def make(
    simulator: str,
    env_id: str,
    seed: int,
    numbers: Sequence[int],
    robot: RobotConfig | None = None,
    threads: int = 1,
) -> Walkers:
    """Make walkers with these ``numbers`` in one of ``SIMULATORS``; only envpool uses threads."""
    if simulator == 'envpool':
        return EnvpoolWalkers(env_id, seed, numbers, robot, threads)
    return GymnasiumWalkers([plant_class(env_id)(env_id, seed, i, robot) for i in numbers])
