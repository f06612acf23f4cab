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

"""In lock-step, ROS changes nothing: the torques equal those without it, bit for bit."""

from conftest import preset, robot_config
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.settings.assets import TRAINED
import numpy as np
import pytest
from rclpy.node import Node
from ros import (
    headless_torques,
    lockstep,
    make,
    process,
    record_torques,
    ros,
    ros_arguments,
    spin_steps,
    spin_until,
    spinning,
)
import yaml

pytestmark = pytest.mark.ros
PRESET = preset('default')
STEPS = 2000


def test_one_process(tmp_path):
    with ros():
        values = lockstep(tmp_path, seed=11, max_steps=STEPS)
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        torques = record_torques(simulator)
        with spinning(simulator, controller) as executor:
            controller.start()
            spin_until(executor, lambda: simulator.finished)
            controller.stop()
    assert simulator.episodes > 0, 'falls are part of the run'
    np.testing.assert_array_equal(torques, headless_torques(robot_config(), PRESET, 11, STEPS))


def test_a_walker_that_is_put_back_at_the_end_of_its_way(tmp_path):
    """Headless by the simulator's report, over ROS by a jump in odom: no credit across it."""
    with ros():
        values = lockstep(tmp_path, seed=5, max_steps=1600, weights=str(TRAINED))
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        torques = record_torques(simulator)
        with spinning(simulator, controller) as executor:
            controller.start()
            spin_until(executor, lambda: simulator.finished)
    assert simulator.episodes == 1, 'with this seed it gets to the end without a fall'
    assert not simulator.walker.episode or not simulator.walker.episode.fell
    np.testing.assert_array_equal(
        torques, headless_torques(
            robot_config(), PRESET, values['seed'], values['max_steps'], start=TRAINED))


def test_two_processes(tmp_path):
    values = lockstep(tmp_path, seed=12, max_steps=STEPS)
    with process('controller', ros_arguments(**values)), ros():
        simulator = make(SimulatorNode, **values)
        torques = record_torques(simulator)
        with spinning(simulator) as executor:
            spin_until(executor, lambda: simulator.finished)
    np.testing.assert_array_equal(torques, headless_torques(robot_config(), PRESET, 12, STEPS))


def test_joints_in_another_order(tmp_path):
    joints = ['knee_2', 'hip_1', 'knee_1', 'hip_2']
    file = tmp_path / 'other.yaml'
    file.write_text(yaml.dump({'/**': {'ros__parameters': {'joints': joints}}}))
    with ros():
        values = lockstep(tmp_path, seed=13, max_steps=500)
        simulator = make(SimulatorNode, files=[file], **values)
        controller = make(ControllerNode, files=[file], **values)
        torques = record_torques(simulator)
        with spinning(simulator, controller) as executor:
            controller.start()
            spin_until(executor, lambda: simulator.finished)
    expected = headless_torques(robot_config(joints=joints), PRESET, 13, 500)
    np.testing.assert_array_equal(torques, expected)
    usual = headless_torques(robot_config(), PRESET, 13, 500)
    assert (expected != usual).any()


def test_two_walkers_side_by_side(tmp_path):
    with ros():
        robots = []
        for seed, namespace in ((21, '/left'), (22, '/right')):
            values = {'namespace': namespace, **lockstep(tmp_path / namespace[1:], seed=seed)}
            simulator, controller = (
                make(SimulatorNode, max_steps=300, **values), make(ControllerNode, **values))
            robots.append((seed, simulator, controller, record_torques(simulator)))
        with spinning(*(node for robot in robots for node in robot[1:3])) as executor:
            for _, _, controller, _ in robots:
                controller.start()
            spin_until(executor, lambda: all(s.finished for _, s, _, _ in robots))
    for seed, _, _, torques in robots:
        np.testing.assert_array_equal(
            torques, headless_torques(robot_config(), PRESET, seed, 300))


def test_controller_that_comes_back_goes_on(tmp_path):
    """After a deactivation and an activation, lock-step continues where it was."""
    with ros():
        values = lockstep(tmp_path, seed=14)
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        with spinning(simulator, controller) as executor:
            controller.start()
            for _ in range(5):
                spin_steps(executor, simulator, 50)
                controller.trigger_deactivate()
                controller.trigger_activate()
            controller.stop()


def test_another_publisher_of_commands_that_is_silent_disturbs_no_step(tmp_path):
    """Learning pauses while it is there; a frozen run does not notice it."""
    with ros():
        values = lockstep(tmp_path, seed=16, max_steps=300, learning=False)
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        torques = record_torques(simulator)
        with spinning(simulator, controller) as executor:
            controller.start()
            spin_steps(executor, simulator, 100)
            other = Node('other')
            other.create_publisher(topics.COMMANDS_TYPE, topics.COMMANDS, topics.QOS)
            spin_until(executor, lambda: simulator.count_publishers(topics.COMMANDS) == 2)
            for _ in range(2):  # as if the whole machine had paused
                simulator._look_for_controller()
            spin_until(executor, lambda: simulator.finished)
            other.destroy_node()
    np.testing.assert_array_equal(
        torques, headless_torques(robot_config(), PRESET, 16, 300, learning=False))


def test_frozen_run_is_deterministic_too(tmp_path):
    runs = []
    with ros():
        for name in ('a', 'b'):
            values = lockstep(tmp_path / name, seed=15, max_steps=200, learning=False)
            simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
            torques = record_torques(simulator)
            with spinning(simulator, controller) as executor:
                controller.start()
                spin_until(executor, lambda s=simulator: s.finished)
                assert (controller.learner.state.fluctuation.weight
                        == controller.learner.state.plasticity.centre).all()
            runs.append(torques)
    np.testing.assert_array_equal(*runs)
