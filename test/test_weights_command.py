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

"""``dynsyn weights``: the layers of a file and the differences of two."""

import os
import signal
import subprocess

from conftest import preset, ROBOT_FILE
from dynsyn_ros.figures.synapses import layers
from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.storage import weights
from dynsyn_ros.training.presets import read_robot
import numpy as np
from programs import dynsyn, PATIENCE, PROGRAM, refused
import pytest


def written(folder, name, robot, seed):
    learner = Learner(robot.layout, preset('default'), seed)
    file = folder / name
    weights.write(file, weights.pack(learner, robot, {'by': 'a test', 'steps': 7}))
    return file, learner


@pytest.mark.parametrize('name', ['bipedal_walker', 'walker2d', 'biped'])
def test_layers_are_those_of_the_robot(tmp_path, name):
    robot = Robot(read_robot(ROBOT_FILE.with_name(f'{name}.yaml')))
    file, _ = written(tmp_path, 'a.npz', robot, 1)
    found = [layer.synapses.stop - layer.synapses.start for layer in layers(*weights.read(file))]
    assert tuple(found) == robot.layout.layer_sizes


def test_show_tells_layers_and_run_and_draws(tmp_path, robot):
    file, learner = written(tmp_path, 'a.npz', robot, 1)
    done = dynsyn('weights', 'show', file, '--picture', 'a.png', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {line[:7]: line.split()[-5:] for line in done.stdout.splitlines()
            if line.startswith('layer ')}
    assert [row[0] for row in rows.values()] == ['344', '18', '76']
    centre = np.abs(learner.state.plasticity.centre[0, -76:])
    assert rows['layer 4'][1:3] == [f'{centre.mean():.4f}', f'{centre.max():.4f}']
    assert '"by": "a test"' in done.stdout
    assert (tmp_path / 'a.png').stat().st_size > 10_000


def test_a_reader_that_has_gone_is_no_mistake(tmp_path, robot):
    file, _ = written(tmp_path, 'a.npz', robot, 1)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, 'weights', 'show', file],
            stdout=writer, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
    finally:
        os.close(writer)
    assert done.returncode == 128 + signal.SIGPIPE
    assert not done.stderr


def test_diff_tells_how_far_centres_are_apart(tmp_path, robot):
    (a, one), (b, other) = (written(tmp_path, f'{i}.npz', robot, i) for i in (1, 2))
    done = dynsyn('weights', 'diff', a, b, folder=tmp_path)
    shift = np.abs(one.state.plasticity.centre - other.state.plasticity.centre)[0, :344]
    row = next(line for line in done.stdout.splitlines() if line.startswith('layer 2')).split()
    assert row[-4:] == [f'{shift.mean():.4f}', f'{shift.max():.4f}', f'{shift.mean() / 0.4:.2f}',
                        '1.00']


def test_only_weights_of_one_robot_are_compared(tmp_path, robot):
    walker2d = Robot(read_robot(ROBOT_FILE.with_name('walker2d.yaml')))
    a, b = written(tmp_path, 'a.npz', robot, 1)[0], written(tmp_path, 'b.npz', walker2d, 1)[0]
    assert "its robot is 'walker2d', not 'bipedal_walker'" in refused(
        tmp_path, 'weights', 'diff', a, b)
    for file, words in (('nowhere.npz', 'cannot read nowhere.npz'),
                        ('.', '. is a folder: name a weights file, as weights.npz is')):
        assert words in refused(tmp_path, 'weights', 'show', file)
