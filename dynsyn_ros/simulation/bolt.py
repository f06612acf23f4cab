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
Bolt on a boom in MuJoCo, a usual setup before a robot walks freely. SI readings out, commands in.

It stands crouched, one foot ahead, until its first command. Commands are torques, or positions for
the impedance control of its drives. Each command reaches the motors after its own random delay. A
fall is detected from the posture, as in its YAML. The robot is put back one step later, so that
the fall shows in the sensors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
import copy
from dataclasses import replace
from typing import Any, ClassVar

from dynsyn_ros.robot import Reward, RobotConfig
from dynsyn_ros.robot.config import EFFORT, POSITION
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation import bolt_model
from dynsyn_ros.simulation.changes import Change, FRICTION, SCALE
from dynsyn_ros.simulation.environments import BOLT
from dynsyn_ros.simulation.mujoco_view import View
from dynsyn_ros.simulation.plant import pitch_to_quaternion, Plant, PlantSpec
import gymnasium
import mujoco
import numpy as np

#: Pose of the joints when an episode begins, rad, and the largest deviation from it.
POSE = {'FL_HAA': 0.0, 'FL_HFE': 0.4, 'FL_KFE': -1.4, 'FR_HAA': 0.0, 'FR_HFE': 1.1,
        'FR_KFE': -1.4}
POSE_SPREAD = 0.03
#: Time between a command and its torque, ms: a random whole number from the first to the last.
DELAY = (5, 20)
#: Standard deviations of the sensor noise: of the encoders, rad and rad/s; of the IMU, rad and
#: rad/s; of the speed of the boom, m/s.
NOISE = {'position': 0.005, 'velocity': 0.1, 'pitch': 0.01, 'angular_velocity': 0.02,
         'linear': 0.02}
#: Shortest and longest control period, ms.
PERIODS = (5, 50)
#: Longest episode, s.
EPISODE = 20.0
_TICKS = round(1.0 / bolt_model.TIME_STEP)


class BoltEnvironment(gymnasium.Env):
    """One Bolt with its own masses and frictions, rewarded by the terms in its YAML."""

    metadata: ClassVar[dict[str, Any]] = {'render_modes': ['rgb_array'], 'render_fps': 50}

    def __init__(self, robot: RobotConfig, body: int, render_mode: str | None = None) -> None:
        """Make a Bolt, drawn at random with the seed ``body``; raises :class:`ConfigError`."""
        if robot.reward_terms is None:
            raise ConfigError('missing parameter reward_terms: Bolt is rewarded by them')
        self.render_mode = render_mode
        self.model = bolt_model.make(robot.command, np.random.default_rng(body))
        self.data = mujoco.MjData(self.model)
        self._ticks = round(robot.control_period * _TICKS)
        self._pose = np.array([POSE[joint] for joint in bolt_model.JOINTS])
        self._rest = self._pose if robot.command == POSITION else np.zeros(len(self._pose))
        self._feet = [self.model.geom(foot).id for foot in bolt_model.FEET]
        self._names = (*SPEC.readings, 'odom.position.x', 'odom.position.z',
                       *(f'joint_states.{joint}.effort' for joint in bolt_model.JOINTS))
        self._reward = Reward(robot.reward_terms, robot)
        self._pending: deque[tuple[int, np.ndarray]] = deque()
        self._view: View | None = None
        self.readings = np.zeros(len(SPEC.readings))
        """The readings of the sensors."""
        joints, count = len(self._pose), len(bolt_model.BASE)
        self._joints = slice(count, count + joints)
        self._noise = np.array([
            *[NOISE['position']] * joints, *[NOISE['velocity']] * joints, NOISE['pitch'],
            NOISE['angular_velocity'], NOISE['linear'], NOISE['linear']])
        most = np.full(joints, bolt_model.TORQUE if robot.command == EFFORT else np.inf)
        self.action_space = gymnasium.spaces.Box(-most, most, dtype=np.float64)
        self.observation_space = gymnasium.spaces.Box(
            -np.inf, np.inf, self.readings.shape, dtype=np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Put the robot on its feet."""
        super().reset(seed=seed)
        data = self.data
        mujoco.mj_resetData(self.model, data)
        data.qpos[2:] = self.np_random.uniform(-POSE_SPREAD, POSE_SPREAD, len(data.qpos) - 2)
        data.qpos[self._joints] += self._pose
        mujoco.mj_kinematics(self.model, data)
        lowest = min(data.geom_xpos[foot, 2] for foot in self._feet)
        data.qpos[1] = bolt_model.FOOT_RADIUS - lowest
        data.ctrl[:] = self._rest
        mujoco.mj_forward(self.model, data)
        self._pending.clear()
        self._now = 0
        self._sense()
        self._reward.begin()
        self._reward.of(self._named(), 0)
        return self.readings, {}

    def step(
        self, action: np.ndarray
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Send a command, N m or rad, and simulate one control period."""
        caught = self._reward.fallen
        due = self._now + int(self.np_random.integers(*DELAY, endpoint=True))
        if self._pending:
            due = max(due, self._pending[-1][0])
        self._pending.append((due, np.array(action)))
        end = self._now + self._ticks
        while self._pending and self._pending[0][0] < end:
            due, command = self._pending.popleft()
            self._advance(due)
            self.data.ctrl[:] = command
        self._advance(end)
        self._sense()
        return self.readings, self._reward.of(self._named(), 1), caught, False, {}

    def _advance(self, tick: int) -> None:
        if tick > self._now:
            mujoco.mj_step(self.model, self.data, nstep=tick - self._now)
            self._now = tick

    def _sense(self) -> None:
        """Read the sensors."""
        place, speed, joints = self.data.qpos, self.data.qvel, self._joints
        noise = self._noise * self.np_random.standard_normal(self._noise.size)
        count, readings = len(self._pose), self.readings
        readings[:count] = place[joints]
        readings[count:2 * count] = speed[joints]
        readings[:2 * count] += noise[:2 * count]
        rest, noise = readings[2 * count:], noise[2 * count:]
        pitch_to_quaternion(place[2] + noise[0], rest[:4])
        rest[4] = speed[2] + noise[1]
        rest[5:7] = speed[:2] + noise[2:]
        touching = set(self.data.contact.geom.flat)
        rest[7:] = [foot in touching for foot in self._feet]

    def _named(self) -> Mapping[str, float]:
        """Return all readings that the reward may need, by name."""
        values = (*self.readings.tolist(), *self.data.qpos[:2].tolist(),
                  *self.data.actuator_force.tolist())
        return dict(zip(self._names, values, strict=True))

    def render(self) -> np.ndarray:
        """Draw the robot from the side: (height, width, 3), uint8."""
        looks = bolt_model.nominal(EFFORT, looks=True)
        if self._view is None:
            self._view = View(looks, up=0.2, distance=1.3, elevation=-10.0)
            self._drawn = mujoco.MjData(looks)
        self._drawn.qpos[:] = self.data.qpos
        mujoco.mj_kinematics(looks, self._drawn)
        mujoco.mj_camlight(looks, self._drawn)
        return self._view.draw(self._drawn, self.data.qpos[0])

    def close(self) -> None:
        """Free the renderer."""
        if self._view is not None:
            self._view.close()
            self._view = None


gymnasium.register(BOLT, entry_point=BoltEnvironment)

SPEC = PlantSpec(
    name='Bolt', joints=bolt_model.JOINTS, torque=bolt_model.TORQUE, time_step=0.02,
    feet=len(bolt_model.FEET), commands=(EFFORT, POSITION))


class Bolt(Plant):
    """Bolt on a boom. A fall ends its episode, and its YAML gives the cost of a fall."""

    spec = SPEC
    max_action = 100.0

    def __init__(
        self, env_id: str, seed: int, number: int = 0, robot: RobotConfig | None = None
    ) -> None:
        """Make it as a :class:`Plant`, which takes one step per control period."""
        if robot is None:
            raise ConfigError(f'{env_id} needs a YAML of its own, config/bolt.yaml')
        ticks = robot.control_period * _TICKS
        if not PERIODS[0] <= round(ticks) <= PERIODS[1] or abs(ticks - round(ticks)) > 1e-9:
            raise ConfigError(
                f'parameter control_period must be a whole number of ms from {PERIODS[0]} to '
                f'{PERIODS[1]} for {self.spec.name}, not {1000.0 * robot.control_period:g} ms')
        self.spec = replace(SPEC, time_step=robot.control_period)
        self._built: mujoco.MjModel | None = None
        self._holds = robot.command == POSITION
        super().__init__(env_id, seed, number, robot)

    def _make(self, env_id: str, seed: int, robot: RobotConfig | None) -> gymnasium.Env:
        assert robot is not None
        return gymnasium.make(
            env_id, render_mode='rgb_array', disable_env_checker=True, robot=robot, body=seed,
            max_episode_steps=round(EPISODE / robot.control_period))

    def step(self, commands: np.ndarray) -> float:
        """Send commands, N m or rad, for one control period; returns the reward."""
        reward = self._act(commands[self._order])
        self.efforts[:] = self._simulated.data.actuator_force
        return reward

    def change(self, change: Change) -> None:
        """Change the robot from now on; motors and joints are changed in its model."""
        super().change(change)
        model, joints = self._simulated.model, slice(-len(self._order), None)
        if self._built is None:
            self._built = copy.deepcopy(model)
        scale = self._joints[SCALE]
        for name in ('actuator_gainprm', 'actuator_biasprm', 'actuator_forcerange'):
            getattr(model, name)[:] = getattr(self._built, name) * scale[:, None]
        model.dof_frictionloss[joints] = (
            self._built.dof_frictionloss[joints] + self._joints[FRICTION])

    def _load(self, mass: float) -> None:
        self._simulated.model.body('base_link').mass += mass

    def stop(self) -> np.ndarray:
        """Return the command that its drives follow: zero torque, or the position they hold."""
        if not self._holds:
            return super().stop()
        command = np.empty(len(self._order))
        command[self._order] = self._simulated.data.ctrl
        return command

    @property
    def _simulated(self) -> BoltEnvironment:
        environment: BoltEnvironment = self.environment.unwrapped
        return environment

    def _fell(self, reward: float, terminated: bool) -> bool:
        return terminated

    def _observed(self, observation: np.ndarray) -> None:
        self.readings[:] = observation

    @property
    def position(self) -> tuple[float, float]:
        """Position of the base ahead and up, m."""
        ahead, up = self._simulated.data.qpos[:2]
        return float(ahead), float(up)
