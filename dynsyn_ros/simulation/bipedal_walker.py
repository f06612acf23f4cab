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
Gymnasium's BipedalWalker as a robot: SI readings out, torques in.

Gymnasium scales its observation. This module undoes the factors of its ``bipedal_walker.py``:

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

from Box2D import b2World
from dynsyn_ros.simulation.environments import BIPEDAL_WALKERS
from dynsyn_ros.simulation.plant import pitch_to_quaternion, Plant, PlantSpec
import gymnasium
from numba import njit
import numpy as np

ENVIRONMENTS = BIPEDAL_WALKERS
RANGE_MAX = 160.0 / 30.0
SPEC = PlantSpec(
    name='BipedalWalker', joints=('hip_1', 'knee_1', 'hip_2', 'knee_2'), torque=80.0,
    time_step=1.0 / 50.0, feet=2, rays=10, ray_step=1.5 / 10, range_max=RANGE_MAX)
RAYS = SPEC.rays
#: Reward of a fall.
FALL = -100.0


class BipedalWalker(Plant):
    """Gymnasium's walker. A fall is a reward of -100; then the walker is put back on its feet."""

    spec = SPEC

    def _begin(self) -> None:
        renew_world(self.environment)
        super()._begin()
        if self._change.payload:
            self._load(self._change.payload)

    def _load(self, mass: float) -> None:
        hull = self.environment.unwrapped.hull
        data = hull.massData
        data.mass += mass
        hull.massData = data

    def _fell(self, reward: float, terminated: bool) -> bool:
        return reward == FALL

    def _observed(self, observation: np.ndarray) -> None:
        self.observation = observation
        """The observation from gymnasium, float32."""
        undo_scaling(observation, self.readings)

    @property
    def position(self) -> tuple[float, float]:
        """Hull position ahead and up, m."""
        hull = self.environment.unwrapped.hull
        return hull.position.x, hull.position.y


def renew_world(environment: gymnasium.Env) -> None:
    """
    Give an environment a new world before it is reset.

    In a used world the order of contacts depends on the past; in a new one it does not.
    """
    walker = environment.unwrapped
    walker._destroy()
    walker.world = b2World()


@njit(cache=True)
def undo_scaling(observation, readings):
    """Turn one observation of gymnasium into ``readings``, in the order of ``SPEC``."""
    at = 0
    for leg in (4, 9):
        readings[at] = observation[leg]
        readings[at + 1] = np.float64(observation[leg + 2]) - 1.0
        readings[at + 4] = observation[leg + 1] * 4.0
        readings[at + 5] = observation[leg + 3] * 6.0
        at += 2
    pitch_to_quaternion(-np.float64(observation[0]), readings[8:12])
    readings[12] = -observation[1] * 50.0 / 2.0
    readings[13] = observation[2] / (0.3 * (600.0 / 30.0) / 50.0)
    readings[14] = observation[3] / (0.3 * (400.0 / 30.0) / 50.0)
    readings[15] = observation[8]
    readings[16] = observation[13]
    for ray in range(RAYS):
        readings[17 + ray] = np.float32(observation[14 + ray] * RANGE_MAX)
