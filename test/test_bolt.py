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

"""Bolt, a biped on a boom in MuJoCo: its physics, its sensors, and the nodes that drive it."""

from dataclasses import replace
from itertools import pairwise
import os
import subprocess
import sys

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import run, topics
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import BOLT, RENDERER
from dynsyn_ros.simulation.obstacles import Course
from dynsyn_ros.simulation.plants import plant_class
from dynsyn_ros.storage import weights
from dynsyn_ros.training.evaluation import evaluate
from dynsyn_ros.training.presets import env_id_of, read_preset, read_robot
import numpy as np
from programs import PATIENCE, refused
import pytest
from rclpy.node import Node
from ros import driven_in_lockstep, ros, spin_until, spinning

mujoco = pytest.importorskip('mujoco', reason='Bolt needs MuJoCo, the extra bolt')
pytest.importorskip('cmeel', reason='Bolt needs example-robot-data, the extra bolt')
bolt_model = pytest.importorskip('dynsyn_ros.simulation.bolt_model')
YAML = ROBOT_FILE.with_name('bolt.yaml')
GRAVITY, MOST = 9.81, 2.7


def bolt(seed=3, number=0, **changes):
    return plant_class(BOLT)(BOLT, seed, number, replace(read_robot(YAML), **changes))


def effort_driven(**values):
    return bolt(command='effort', torque_limits=[MOST] * 6, **values)


def world_of(one):
    environment = one.environment.unwrapped
    return environment.model, environment.data


def commands_of(one, seed=1):
    """Yield endless small moves about its pose."""
    rng, pose = np.random.default_rng(seed), one.stop()
    while True:
        yield pose + rng.uniform(-0.2, 0.2, len(pose))


def test_it_is_the_robot_of_the_urdf():
    simulated = plant_class(BOLT)
    model = bolt_model.nominal('effort')
    assert model.body_mass.sum() == pytest.approx(1.25, abs=0.01)
    assert simulated.spec.joints == tuple(
        f'{leg}_{joint}' for leg in ('FL', 'FR') for joint in ('HAA', 'HFE', 'KFE'))
    assert model.opt.timestep == 0.001
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)  # with straight legs: the hip's offset, two links of 0.2 m
    np.testing.assert_allclose(data.geom('FL_FOOT').xpos, [0.0, 0.1235, -0.4386], atol=1e-6)


def test_it_falls_freely():
    one = effort_driven()
    model, data = world_of(one)
    data.qpos[1] = 3.0
    mujoco.mj_comPos(model, data)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    before = data.subtree_com[0].copy()
    steps = 20
    for _ in range(steps):
        one.step(np.array([0.3, -0.5, 0.4, -0.2, 0.1, 0.5]))  # moves limbs, not their centre
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    seconds = steps * one.spec.time_step
    fallen = (data.subtree_com[0] - before)[[0, 2]]  # the boom holds it in y
    np.testing.assert_allclose(fallen, [0.0, -0.5 * GRAVITY * seconds**2], atol=2e-3)


def test_its_energy_comes_from_its_motors_alone():
    one = effort_driven()
    model, data = world_of(one)
    model.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_ENERGY)
    data.qpos[1] += 0.3
    data.qvel[:] = np.random.default_rng(0).uniform(-1.0, 1.0, model.nv)

    def energies():
        while True:
            one.step(np.zeros(6))
            if one.episode is not None:
                return
            yield data.energy.sum()

    found = list(energies())
    assert len(found) > 10
    assert all(after < before + 1e-3 for before, after in pairwise(found))
    assert found[-1] < found[0] - 0.5, 'it has come down'


@pytest.mark.parametrize('one', [effort_driven, bolt])
def test_its_motors_keep_to_their_torque(one):
    one, seen = one(), []
    rng = np.random.default_rng(0)
    for _ in range(100):
        one.step(rng.uniform(-20.0, 20.0, 6))
        seen.append(np.abs(one.efforts).max())
    assert max(seen) == pytest.approx(MOST)


def test_its_drives_keep_a_position_as_odri_has_them():
    one = bolt()
    model, data = world_of(one)
    model.opt.gravity[:] = 0.0
    data.qpos[1] = 3.0
    data.qvel[:] = 0.0
    aim = one.stop() + 0.05
    for _ in range(50):
        one.step(aim)
    np.testing.assert_allclose(data.qpos[3:], aim, atol=0.01)  # the error that friction leaves
    error, speed = aim - data.qpos[3:], data.qvel[3:]
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.actuator_force, 5.0 * error - 0.1 * speed, atol=1e-6)


def test_commands_come_5_to_20_ms_late(monkeypatch):
    one = effort_driven(control_period=0.02)
    model, data = world_of(one)
    model.opt.gravity[:] = 0.0
    data.qpos[1] = 3.0
    step, applied = mujoco.mj_step, {}

    def watched(model, data, nstep=1):
        for _ in range(nstep):
            applied.setdefault(data.ctrl[0], round(1000 * data.time))
            step(model, data)

    monkeypatch.setattr(mujoco, 'mj_step', watched)
    sent, rest = {}, np.zeros(5)
    for i in range(1, 400):
        sent[1e-6 * i] = round(1000 * data.time)
        one.step(np.array([1e-6 * i, *rest]))
    delays = np.array([applied[value] - at for value, at in sent.items() if value in applied])
    assert len(delays) >= 398
    assert set(delays) == set(range(5, 21))
    assert abs(delays.mean() - 12.5) < 4 * 4.6 / np.sqrt(len(delays))
    assert delays.std() == pytest.approx(4.6, abs=0.4)


def test_each_is_a_robot_of_its_own_and_runs_as_it_ran():
    def masses(*which):
        return world_of(bolt(*which))[0].body_mass

    said = bolt_model.nominal('position').body_mass
    share = masses(1, 0)[said > 0.0] / said[said > 0.0]
    assert (np.abs(share - 1.0) <= 0.2).all()
    assert share.std() > 0.05
    assert not np.array_equal(masses(1, 0), masses(1, 1))
    assert not np.array_equal(masses(1, 0), masses(2, 0))
    frictions = np.array([world_of(bolt(seed))[0].dof_frictionloss[3:] for seed in range(4)])
    assert frictions.min() >= 0.8 * 0.03
    assert frictions.max() <= 1.2 * 0.03

    one, same, other, moves = bolt(), bolt(), bolt(number=1), commands_of(bolt())
    for _, move in zip(range(120), moves, strict=False):
        rewards = [each.step(move) for each in (one, same, other)]
    assert rewards[0] == rewards[1] != rewards[2]
    np.testing.assert_array_equal(one.readings, same.readings)
    again = bolt()
    again.restore(one.state())
    np.testing.assert_array_equal(one.readings, again.readings)


def test_its_sensors_are_noisy():
    one = bolt()
    names, truth, seen = one.spec.readings, [], []
    _, data = world_of(one)
    for _, move in zip(range(400), commands_of(one), strict=False):
        one.step(move)
        truth.append([*data.qpos[3:], *data.qvel[3:], np.sin(data.qpos[2] / 2), data.qvel[2],
                      *data.qvel[:2]])
        seen.append([*one.readings[:12], one.readings[names.index('imu.orientation.y')],
                     one.readings[names.index('imu.angular_velocity.y')],
                     *one.readings[names.index('odom.linear.x'):][:2]])
    noise = np.std(np.array(seen) - truth, axis=0)
    np.testing.assert_allclose(
        noise, [*[0.005] * 6, *[0.1] * 6, 0.005, 0.02, 0.02, 0.02], rtol=0.2)


def test_a_fall_is_seen_costs_once_and_then_it_is_put_back():
    one, rewards, ended = bolt(), [], []
    while len(ended) < 3:
        _, data = world_of(one)
        rewards.append(one.step(one.stop() + 0.5))
        low = one.position[1] < 0.17 or abs(data.qpos[2]) > 0.65
        if rewards[-1] < -50.0:
            assert low, 'the sensors show it'
        if one.episode is not None:
            ended.append(one.episode)
            assert one.episode.fell
            assert rewards[-2] < -50.0 < rewards[-1]
            assert one.position[0] == 0.0
    assert sum(reward < -50.0 for reward in rewards) == 3


def test_the_yaml_suits_it():
    robot = Robot(read_robot(YAML))
    robot.observer(plant_class(BOLT).spec.readings)
    assert robot.topics == ('imu', 'odom', 'joint_states', 'foot_contacts')
    with pytest.raises(ConfigError, match='command must be effort or position for Bolt, not vel'):
        bolt(command='velocity', velocity_limits=[1.0] * 6)
    with pytest.raises(ConfigError, match='control_period must be a whole number of ms from 5'):
        bolt(control_period=0.0125)
    with pytest.raises(ConfigError, match='missing parameter reward_terms: Bolt is rewarded'):
        bolt(reward_terms=None)
    assert bolt(control_period=0.033).spec.time_step == 0.033


def write_weights(folder):
    robot = Robot(read_robot(YAML))
    weights.write(folder / 'weights.npz', weights.pack(
        Learner(robot.layout, read_preset('default'), 1), robot, {}))
    return folder / 'weights.npz'


def test_frozen_trials_tell_its_speed(tmp_path):
    config = read_robot(YAML)
    file, course, reached = write_weights(tmp_path), Course(), []

    class Watched:
        def begin(self, walker):
            pass

        def add(self, walker, steps_left):
            reached.append((walker.position[0], walker.environment.unwrapped.data.time))

    (episode,) = evaluate(file, config, BOLT, 2, 1, film=Watched(), course=course)
    ahead, seconds = reached[-1]
    assert seconds == pytest.approx((episode.length - 1) * config.control_period)
    assert course.speeds == [pytest.approx(ahead / (seconds + config.control_period))]
    assert not any(course.met.values())


@pytest.mark.ros
def test_the_nodes_drive_it(tmp_path):
    with driven_in_lockstep(YAML, tmp_path) as (simulator, executor):
        before = simulator.walker.stop()
        spin_until(executor, lambda: simulator.steps > 50)
        moved = np.abs(simulator.walker.stop() - before)
        assert moved.max() > 0.05, 'positions, of the joints by name'
        assert moved[[0, 3]].max() < 0.15, 'hips that open keep to their small range'


@pytest.mark.parametrize('name', ['bolt', 'walker2d'])
def test_pictures_need_no_display(monkeypatch, name):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv(RENDERER, raising=False)
    env_id, robot = env_id_of(name), read_robot(name)
    one = plant_class(env_id)(env_id, 3, robot=robot)
    try:
        pixels = one.render()
    except ConfigError as error:
        pytest.skip(str(error))
    assert (pixels.shape, pixels.dtype) == ((400, 600, 3), np.uint8)
    assert len(np.unique(pixels)) > 50, 'there is something to see'
    one.close()


def test_a_renderer_that_has_failed_is_not_tried_again():
    """In a process of its own: MuJoCo, if asked again, aborts it or hangs."""
    code = f"""
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.plants import plant_class
from dynsyn_ros.training.presets import read_robot
one = plant_class({BOLT!r})({BOLT!r}, 3, robot=read_robot('bolt'))
for _ in range(3):
    try:
        one.render()
    except ConfigError as error:
        print(error)
"""
    env = {name: value for name, value in os.environ.items() if name != 'DISPLAY'}
    done = subprocess.run([sys.executable, '-c', code], env={**env, RENDERER: 'glfw'}, text=True,
                          capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('MuJoCo cannot draw with the renderer glfw') == 3


@pytest.mark.ros
def test_it_walks_on_where_it_cannot_be_drawn(tmp_path, monkeypatch):
    monkeypatch.setenv(RENDERER, 'none')
    with ros():
        simulator = SimulatorNode(
            cli_args=run.ros_arguments([YAML, preset_file('default')], {}),
            use_global_arguments=False)
        viewer = Node('viewer')
        drawn, render = [], simulator.walker.render
        simulator.walker.render = lambda: drawn.append(simulator.steps) or render()
        viewer.create_subscription(topics.SIMULATION['image'], 'image', print, topics.QOS)
        with spinning(simulator, viewer) as executor:
            spin_until(executor, lambda: len(drawn) > 2 and simulator.steps > drawn[2] + 20)
    write_weights(tmp_path)
    for command in ('walk', 'evaluate weights.npz'):
        words = refused(
            tmp_path, *command.split(), '--params-file', 'bolt', '--video', 'a.gif')
        assert 'MuJoCo cannot draw with the renderer none' in words
