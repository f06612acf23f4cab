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

"""Checkpoints: complete or absent, whenever the process dies, and loaded again."""

from contextlib import suppress
import gc
from multiprocessing import get_context
import os
import threading
import time
import weakref

from conftest import preset, robot_config
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.checkpoint_manager import CheckpointManager
from dynsyn_ros.storage.checkpoints import Checkpoints
from dynsyn_ros.storage.folders import Claim, WALK
import numpy as np
import pytest
from rclpy.node import Node
from ros import (
    await_line,
    make,
    PATIENCE,
    process,
    ros,
    ros_arguments,
    spin_steps,
    spin_until,
    spinning,
)

KILLS, SIDE_BY_SIDE = 80, 4
#: Longest time between two kills, s: enough for several checkpoints of a few ms each.
LIFE = 0.04


def write_for_ever(folder, learner, robot, steps, written):
    checkpoints = Checkpoints(folder, keep=3)
    while True:
        steps += 1
        checkpoints.write(weights.pack(learner, robot, {'steps': steps}))
        checkpoints.then(int).result()
        assert not checkpoints.trouble
        written.send(steps)


def test_killed_at_any_moment_nothing_written_is_lost(tmp_path, robot):
    learner = Learner(robot.layout, preset('default'), seed=1)
    rng = np.random.default_rng(1)
    context = get_context('fork')
    newest = dict.fromkeys((tmp_path / str(i) for i in range(SIDE_BY_SIDE)), 0)
    for _ in range(KILLS // SIDE_BY_SIDE):
        running = []
        for folder, steps in newest.items():
            heard, written = context.Pipe(duplex=False)
            writer = context.Process(
                target=write_for_ever, args=(folder, learner, robot, steps, written),
                daemon=True)  # a failure must not leave it behind
            writer.start()
            written.close()
            running.append((folder, writer, heard))
        for folder, writer, heard in running:
            time.sleep(rng.uniform(0.0, LIFE))
            writer.kill()
            writer.join()
            with suppress(EOFError, OSError):  # killed between two messages, or in one
                while heard.poll():
                    newest[folder] = heard.recv()
            skipped = []
            Claim(folder, WALK).release()
            found = Checkpoints(folder, keep=3).newest(weights.read, skipped.append)
            assert not skipped
            steps = weights.read(found)[1]['made_by']['steps'] if found else 0
            assert newest[folder] <= steps <= newest[folder] + 1
            newest[folder] = steps
            assert not list(folder.glob('.*'))
    assert sum(newest.values()) > KILLS, 'writers live to write'


def test_only_the_last_ones_stay_and_broken_ones_are_skipped(tmp_path, robot):
    learner = Learner(robot.layout, preset('default'), seed=1)
    checkpoints = Checkpoints(tmp_path, keep=2)
    for steps in range(12):
        checkpoints.write(weights.pack(learner, robot, {'steps': steps}))
    checkpoints.then(int).result()
    last, before = checkpoints.files()
    last.write_bytes(last.read_bytes()[:-100])
    (tmp_path / 'checkpoint_best.npz').write_text('not one of ours')
    skipped, loaded = [], []
    again = Checkpoints(tmp_path, keep=2)
    assert again.newest(
        lambda file: loaded.append(weights.load(file, learner, robot)), skipped.append) == before
    assert loaded[0]['made_by']['steps'] == 10
    assert skipped == [f'{last} is not a weights file, or is damaged']
    again.write(weights.pack(learner, robot, {}))
    again.then(int).result()
    assert again.files() == [tmp_path / 'checkpoint_00000013.npz', last]


def manager_of(folder, robot, warned):
    learner = Learner(robot.layout, preset('default'), seed=1)
    return CheckpointManager(folder, learner, robot, 1, 1, dict, warned.append, print)


def test_a_closed_manager_leaves_no_thread_and_is_freed_at_once(tmp_path, robot):
    threads = set(threading.enumerate())
    manager = manager_of(tmp_path, robot, [])
    manager.begin('none', 1)
    manager.checkpoint()
    manager.close()
    assert (tmp_path / 'checkpoint_00000001.npz').is_file()
    assert set(threading.enumerate()) <= threads
    gc.disable()  # as while a node spins
    try:
        freed = weakref.ref(manager)
        del manager
        assert freed() is None
    finally:
        gc.enable()


@pytest.mark.parametrize('other', [
    {'robot': 'dog'}, {'joints': ['knee_1', 'hip_1', 'hip_2', 'knee_2']}, {'hidden_neurons': 9}])
@pytest.mark.parametrize('name', ['checkpoint_00000007.npz', 'best.npz'])
def test_the_files_of_another_robot_are_not_replaced(tmp_path, robot, other, name):
    another = Robot(robot_config(**other))
    learner = Learner(another.layout, preset('default'), seed=1)
    weights.write(tmp_path / name, weights.pack(learner, another, {}))
    (tmp_path / 'checkpoint_00000009.npz').write_text('torn')
    warned = []
    with pytest.raises(ConfigError, match=f'{name} holds weights of another robot: its .* here '
                                          'it is .*; choose another output_dir$'):
        manager_of(tmp_path, robot, warned).begin('none', 1)
    assert warned == [f'{tmp_path}/checkpoint_00000009.npz is not a weights file, or is damaged']
    Claim(tmp_path, WALK, alone=True).release()


def test_a_checkpoint_of_another_robot_is_skipped_if_an_older_one_fits(tmp_path, robot):
    for number, each in ((1, robot), (2, Robot(robot_config(robot='dog')))):
        learner = Learner(each.layout, preset('default'), seed=1)
        packed = weights.pack(learner, each, {})
        weights.write(tmp_path / f'checkpoint_{number:08d}.npz', packed)
    weights.write(tmp_path / 'best.npz', packed)
    warned = []
    manager = manager_of(tmp_path, robot, warned)
    assert manager.begin('none', 1) == f'{tmp_path}/checkpoint_00000001.npz'
    manager.close()
    assert len(warned) == 2
    assert all('of another robot' in each for each in warned)


@pytest.mark.ros
def test_a_controller_does_not_start_among_checkpoints_of_another_robot(tmp_path):
    another = Robot(robot_config(robot='dog'))
    weights.write(tmp_path / 'checkpoint_00000001.npz', weights.pack(
        Learner(another.layout, preset('default'), seed=1), another, {}))
    with process('controller', ros_arguments(output_dir=tmp_path)) as running:
        _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2, said
    assert 'error: ' in said
    assert f'{tmp_path}/checkpoint_00000001.npz holds weights of another robot' in said
    assert [path.name for path in tmp_path.glob('*.npz')] == ['checkpoint_00000001.npz']


@pytest.mark.ros
def test_a_killed_controller_goes_on_where_it_was(tmp_path):
    arguments = ros_arguments(pace='lockstep', output_dir=tmp_path, checkpoint_period=0.1)
    with ros():
        simulator = make(SimulatorNode, pace='lockstep')
        with spinning(simulator) as executor:
            with process('controller', arguments) as controller:
                spin_until(executor, lambda: len(list(tmp_path.glob('checkpoint_*'))) == 3)
                spin_steps(executor, simulator, 100)
                controller.kill()
                controller.wait()
            (tmp_path / 'checkpoint_99999999.npz').write_text('torn')
            steps = simulator.steps
            with process('controller', arguments) as controller:
                await_line(controller.stderr, 'checkpoint_99999999.npz is not a weights file')
                await_line(controller.stderr, f'from {tmp_path}/checkpoint_0')
                spin_until(executor, lambda: simulator.steps > steps + 100)


@pytest.mark.ros
def test_a_full_disk_is_said_and_the_robot_walks_on(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, 'No space left on device')

    with ros():
        values = {'pace': 'lockstep', 'output_dir': tmp_path, 'checkpoint_period': 0.1}
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        viewer = Node('viewer')
        told, learning = {}, '/controller: learning'
        viewer.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS,
            lambda array: told.update({s.name: s for s in array.status}), topics.QOS)
        with spinning(simulator, controller, viewer) as executor:
            controller.start()
            with monkeypatch.context() as patch:
                patch.setattr(os, 'fsync', full)
                spin_until(executor, lambda: learning in told and (
                    'No space left' in told[learning].message))
                assert told[learning].level == b'\x01'
                spin_steps(executor, simulator, 100)
            spin_until(executor, lambda: told[learning].message == 'learning')
            controller.stop()
    assert (tmp_path / weights.WEIGHTS_FILE).is_file()
