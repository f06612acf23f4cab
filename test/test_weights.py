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

"""Weights files: what is saved comes back, and what is not ours is refused in one sentence."""

import json
import zipfile

from conftest import preset, robot_config
from dynsyn_ros import weights
from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.schema import ConfigError
import numpy as np
import pytest

CONFIG = preset('default')


@pytest.fixture
def learner(robot):
    learner = Learner(robot.layout, CONFIG, seed=1)
    for _ in range(50):
        learner.step(np.ones((1, robot.layout.observations)), np.ones(1), np.zeros((1, 4)))
    return learner


@pytest.fixture
def file(tmp_path, learner, robot):
    file = tmp_path / 'deep' / 'weights.npz'
    weights.write(file, weights.pack(learner, robot, {'steps': 50}))
    return file


def refused(file, robot, words, config=CONFIG, **kwargs):
    """Check that loading is refused in one sentence and leaves the learner alone."""
    learner = Learner(robot.layout, config, seed=2, **kwargs)
    before = learner.snapshot()
    with pytest.raises(ConfigError, match=words) as caught:
        weights.load(file, learner, robot)
    assert str(file) in str(caught.value)
    assert '\n' not in str(caught.value)
    for name, array in learner.snapshot().items():
        np.testing.assert_array_equal(array, before[name])


def test_saved_learner_comes_back_whole(file, learner, robot):
    other = Learner(robot.layout, CONFIG, seed=2)
    about = weights.load(file, other, robot)
    assert about['robot'] == 'bipedal_walker'
    assert about['made_by'] == {'steps': 50}
    assert about['learner']['synapses']['amplitude'] == CONFIG.synapses.amplitude
    given = np.ones((1, robot.layout.observations)), np.ones(1), np.zeros((1, 4))
    for _ in range(2000):
        np.testing.assert_array_equal(learner.step(*given), other.step(*given))


def test_saving_leaves_no_other_file(file):
    assert [path.name for path in file.parent.iterdir()] == ['weights.npz']


def test_missing_file(tmp_path, robot):
    refused(tmp_path / 'none.npz', robot, 'cannot read .*: No such file')
    refused(tmp_path, robot, 'cannot read .*: Is a directory')


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file(file, robot, share):
    whole = file.read_bytes()
    file.write_bytes(whole[:int(share * len(whole))])
    refused(file, robot, 'no weights file, or a damaged one')


def test_damaged_file(file, robot):
    whole = bytearray(file.read_bytes())
    middle = len(whole) // 2
    whole[middle:middle + 50] = bytes(50)
    file.write_bytes(whole)
    refused(file, robot, 'no weights file, or a damaged one')


def test_any_damaged_byte_is_noticed_or_harmless(file, robot):
    whole = file.read_bytes()
    learner = Learner(robot.layout, CONFIG, seed=2)
    rng = np.random.default_rng(0)
    refusals = 0
    for place in rng.integers(len(whole), size=300):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1:])
        try:
            weights.load(file, learner, robot)
        except ConfigError:
            refusals += 1
    assert refusals > 250


@pytest.mark.parametrize('header', [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1, (\n",
    "{'descr': '<f8'}\n  x\n y\n",
])
def test_an_array_whose_header_is_no_python(tmp_path, robot, header):
    file = tmp_path / 'torn.npz'
    with zipfile.ZipFile(file, 'w') as archive:
        length = len(header).to_bytes(2, 'little')
        archive.writestr('centre.npy', b'\x93NUMPY\x01\x00' + length + header.encode())
    refused(file, robot, 'no weights file, or a damaged one')


def test_pickled_file_is_never_unpickled(tmp_path, robot):
    file = tmp_path / 'evil.npz'
    np.savez(file, centre=np.array([object()], dtype=object))
    refused(file, robot, 'no weights file, or a damaged one')
    np.save(tmp_path / 'array.npy', np.zeros(3))
    refused(tmp_path / 'array.npy', robot, 'no weights file, or a damaged one')


def test_files_of_other_programs(tmp_path, robot):
    file = tmp_path / 'other.npz'
    np.savez(file, centre=np.zeros((1, 438)))
    refused(file, robot, 'no weights file of this program')
    np.savez(file, about=np.array(json.dumps({'format': 'something else'})))
    refused(file, robot, 'no weights file of this program')
    np.savez(file, about=np.array('{'))
    refused(file, robot, 'no weights file of this program')


def test_weights_of_another_robot(file):
    joints = ['knee_1', 'hip_1', 'hip_2', 'knee_2']
    refused(file, Robot(robot_config(joints=joints)), 'another robot: its joints')
    refused(file, Robot(robot_config(robot='dog')), 'another robot: its robot is .bipedal_walker')


def test_weights_of_another_shape(file, robot):
    refused(file, Robot(robot_config(hidden_neurons=9)), 'does not fit: phase of the snapshot')
    refused(file, robot, 'does not fit', numbers=range(2))


def test_folder_that_cannot_be_written(tmp_path, learner, robot):
    blocked = tmp_path / 'file'
    blocked.write_text('')
    with pytest.raises(ConfigError, match='cannot write in the folder .*file'):
        weights.write(blocked / 'weights.npz', weights.pack(learner, robot, {}))


def test_failed_save_leaves_the_last_one(file, learner, robot, monkeypatch):
    before = file.read_bytes()

    def full_disk(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'savez_compressed', full_disk)
    with pytest.raises(ConfigError, match='cannot write .*: No space left on device'):
        weights.write(file, weights.pack(learner, robot, {}))
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ['weights.npz']
