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
Gymnasium's Walker2d (MuJoCo) as a robot of six joints: SI readings out, torques in.

Its observation is already in SI units: height, pitch, joint angles, and the velocities of all. The
hinges of its legs turn about -y.
"""

from __future__ import annotations

from dynsyn_ros.robot.config import RobotConfig
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import WALKER2D
from dynsyn_ros.simulation.mujoco_view import View
from dynsyn_ros.simulation.plant import pitch_to_quaternion, Plant, PlantSpec
from gymnasium.error import DependencyNotInstalled
import numpy as np

ENVIRONMENT = WALKER2D
_LEG = ('thigh', 'leg', 'foot')
_FEET = ('foot_geom', 'foot_left_geom')


class Walker2d(Plant):
    """Gymnasium's planar walker. A fall ends its episode and costs only the reward not earned."""

    spec = PlantSpec(
        name='Walker2d', joints=(*_LEG, *(f'{joint}_left' for joint in _LEG)), torque=100.0,
        time_step=0.008, feet=len(_FEET))

    def __init__(
        self, env_id: str, seed: int, number: int = 0, robot: RobotConfig | None = None
    ) -> None:
        """Make it as a :class:`Plant`; raises :class:`ConfigError` if MuJoCo is missing."""
        self._view: View | None = None
        try:
            super().__init__(env_id, seed, number, robot)
        except (DependencyNotInstalled, ImportError) as error:
            raise ConfigError(
                "the simulator of Walker2d is not installed: pip install 'dynsyn_ros[walker2d]'"
            ) from error

    def _load(self, mass: float) -> None:
        self.environment.unwrapped.model.body('torso').mass += mass

    def _fell(self, reward: float, terminated: bool) -> bool:
        return terminated

    def _observed(self, observation: np.ndarray) -> None:
        model, data = self.environment.unwrapped.model, self.environment.unwrapped.data
        joints = len(self.spec.joints)
        angles, speeds = observation[2:2 + joints], observation[11:11 + joints]
        touching = {geom for contact in data.contact for geom in contact.geom}
        self.readings[:2 * joints] = *angles, *speeds
        rest = self.readings[2 * joints:]
        pitch_to_quaternion(float(observation[1]), rest[:4])
        rest[4:7] = observation[10], observation[8], observation[9]
        rest[7:] = [model.geom(name).id in touching for name in _FEET]

    def render(self) -> np.ndarray:
        """Draw the robot from the side: (height, width, 3), uint8."""
        walker = self.environment.unwrapped
        if self._view is None:
            self._view = View(walker.model, up=0.9, distance=4.0, elevation=-20.0)
        return self._view.draw(walker.data, walker.data.qpos[0])

    def close(self) -> None:
        """Free the renderer."""
        if self._view is not None:
            self._view.close()
            self._view = None
        super().close()

    @property
    def position(self) -> tuple[float, float]:
        """Position of the torso ahead and up, m."""
        place = self.environment.unwrapped.data.qpos
        return float(place[0]), float(place[1])
