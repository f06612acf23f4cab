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

"""A second simulated robot for the same nodes: Walker2d, only by its YAML."""

from dataclasses import replace

from conftest import ROBOT_FILE
from dynsyn_ros.robot import Robot
from dynsyn_ros.simulation.plants import plant_class
from dynsyn_ros.simulation.walker2d import ENVIRONMENT
from dynsyn_ros.training.presets import read_robot
import numpy as np
import pytest
from ros import driven_in_lockstep, spin_until

pytest.importorskip('mujoco', reason='Walker2d needs MuJoCo, the extra walker2d')
YAML = ROBOT_FILE.parent / 'walker2d.yaml'


def walker(**values):
    return plant_class(ENVIRONMENT)(ENVIRONMENT, seed=3, **values)


def test_its_readings_are_mujocos_state():
    one, names = walker(), plant_class(ENVIRONMENT).spec.readings
    rng = np.random.default_rng(1)
    touched, falls = set(), 0
    for _ in range(500):
        one.step(rng.uniform(-100.0, 100.0, size=6))
        data = one.environment.unwrapped.data
        reading = dict(zip(names, one.readings, strict=True))
        for i, joint in enumerate(one.spec.joints):
            assert reading[f'joint_states.{joint}.position'] == data.qpos[3 + i]
            speed = reading[f'joint_states.{joint}.velocity']
            assert speed == np.clip(data.qvel[3 + i], -10.0, 10.0)
        assert reading['imu.orientation.y'] == pytest.approx(np.sin(data.qpos[2] / 2))
        assert reading['imu.angular_velocity.y'] == np.clip(data.qvel[2], -10.0, 10.0)
        touched.add((reading['foot_contacts.0'], reading['foot_contacts.1']))
        falls += one.episode is not None and one.episode.fell
    assert len(touched) == 4, 'each foot up and down'
    assert falls > 3


def test_torques_go_to_the_joints_they_name():
    order = tuple(reversed(plant_class(ENVIRONMENT).spec.joints))
    config = read_robot(YAML)
    one, other = walker(), walker(robot=replace(config, joints=order))
    torques = np.array([10.0, -20.0, 30.0, -40.0, 50.0, -500.0])
    one.step(torques)
    other.step(torques[::-1].copy())
    np.testing.assert_array_equal(one.readings, other.readings)
    assert one.efforts.tolist() == [10.0, -20.0, 30.0, -40.0, 50.0, -100.0]


def test_it_comes_to_where_it_was():
    rng = np.random.default_rng(2)
    one, other = walker(), walker()
    for _ in range(120):
        one.step(rng.uniform(-100.0, 100.0, size=6))
    other.restore(one.state())
    np.testing.assert_array_equal(one.readings, other.readings)


def test_the_yaml_suits_it():
    robot = Robot(read_robot(YAML))
    robot.observer(plant_class(ENVIRONMENT).spec.readings)
    assert robot.topics == ('imu', 'odom', 'joint_states', 'foot_contacts')


@pytest.mark.ros
def test_the_nodes_drive_it(tmp_path):
    with driven_in_lockstep(YAML, tmp_path) as (simulator, executor):
        assert 'scan' not in simulator._sensors.publishers
        spin_until(executor, lambda: simulator.steps > 1000 and simulator.episodes > 1)
        assert np.isfinite(simulator.walker.readings).all()
