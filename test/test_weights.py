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

"""Weights files: what is saved comes back, and other files are refused in one sentence."""

from collections import Counter
from dataclasses import replace
import json
import os
from pathlib import Path
import tracemalloc
import zipfile

from conftest import preset, robot_config
from dynsyn_ros.learner import contents, Learner
from dynsyn_ros.learner.config import ReheatingConfig
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage import weights
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

CONFIG = preset('default')
#: Pretrained weights in the former format.
FORMER = Path(__file__).with_name('former_weights.npz')


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


def test_a_path_may_be_a_string(tmp_path, learner, robot):
    path = str(tmp_path / 'saved.npz')
    weights.write(path, weights.pack(learner, robot, {}))
    weights.load(path, learner, robot)
    assert weights.read(path)[1] == weights.read_about(path)


def test_saving_leaves_no_other_file(file):
    assert [path.name for path in file.parent.iterdir()] == ['weights.npz']


def test_missing_file(tmp_path, robot):
    refused(tmp_path / 'none.npz', robot, 'cannot read .*: No such file')
    refused(tmp_path, robot, 'is a folder: name a weights file')


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file(file, robot, share):
    whole = file.read_bytes()
    file.write_bytes(whole[:int(share * len(whole))])
    refused(file, robot, 'not a weights file, or is damaged')


def test_damaged_file(file, robot):
    whole = bytearray(file.read_bytes())
    middle = len(whole) // 2
    whole[middle:middle + 50] = bytes(50)
    file.write_bytes(whole)
    refused(file, robot, 'not a weights file, or is damaged')


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


def member(archive, name, header, data=b''):
    """Put an array with any header into an archive."""
    header = header.encode()
    length = len(header).to_bytes(2, 'little')
    archive.writestr(f'{name}.npy', b'\x93NUMPY\x01\x00' + length + header + data)


def rewritten(file, **arrays):
    """Write a file again with other arrays; None removes one."""
    with np.load(file) as whole:
        kept = {**whole, **arrays}
    np.savez_compressed(file, **{n: a for n, a in kept.items() if a is not None})


@pytest.mark.parametrize('header', [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1, (\n",
    "{'descr': '<f8'}\n  x\n y\n",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 10000000000)}\n",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1, -438)}\n",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1, 438)}\n",
    f"{{'descr': {'-' * 900}1, 'fortran_order': False, 'shape': (1, 438)}}\n",
])
def test_an_array_whose_header_is_nonsense(file, robot, header):
    rewritten(file, centre=None)
    with zipfile.ZipFile(file, 'a') as archive:
        member(archive, 'centre', header, bytes(438 * 8))
    refused(file, robot, 'not a weights file, or is damaged')


def test_members_twice_or_packed_in_another_way_are_refused(file, robot, recwarn):
    whole = file.read_bytes()
    with zipfile.ZipFile(file, 'a') as archive:
        archive.writestr('centre.npy', b'again')
    refused(file, robot, 'not a weights file, or is damaged')
    file.write_bytes(whole)
    rewritten(file, centre=None)
    with zipfile.ZipFile(file, 'a', zipfile.ZIP_LZMA) as archive:
        archive.writestr('centre.npy', b'')
    refused(file, robot, 'not a weights file, or is damaged')
    file.write_bytes(whole)
    with zipfile.ZipFile(file, 'a') as archive:
        archive.comment = b'with a comment the list of members could be anywhere'
    refused(file, robot, 'not a weights file, or is damaged')


def test_what_would_take_too_much_is_refused_before_it_is_unpacked(file, robot):
    """A hundred megabytes of zeros in a file of 0.1 MB, also as learners with consistent sizes."""
    whole = file.read_bytes()
    rewritten(file, centre=np.zeros((1, 12_500_000)))
    many = file.with_name('many.npz')
    many.write_bytes(whole)
    rewritten(many, **{name: np.zeros(spec.shape, spec.dtype) for name, spec in contents(
        robot.layout, 1000, 1000).items()})
    tracemalloc.start()
    try:
        refused(file, robot, 'does not fit: centre has the shape')
        with pytest.raises(ConfigError, match='does not fit: centre has the shape'):
            weights.read(file)
        with pytest.raises(ConfigError, match=r'its arrays would take \d+ bytes, at most'):
            weights.read(many)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10e6


def test_a_pickled_array_is_never_unpickled(tmp_path, file, robot):
    rewritten(file, centre=np.array([object()], dtype=object))
    refused(file, robot, 'not a weights file, or is damaged')
    np.save(tmp_path / 'array.npy', np.zeros(3))
    refused(tmp_path / 'array.npy', robot, 'not a weights file, or is damaged')


def test_only_a_regular_file_is_read(tmp_path, robot):
    os.mkfifo(tmp_path / 'pipe.npz')
    refused(tmp_path / 'pipe.npz', robot, 'it is not a regular file')
    with pytest.raises(ConfigError, match='cannot read /dev/zero: it is not a regular file'):
        weights.read(Path('/dev/zero'))
    with pytest.raises(ConfigError, match='cannot read .*null'):
        weights.read(Path('a\0b'))


EXTREMES = [0, -1, 1, 1752, 1753, 2**31, 2**62, -2**63, 0.5, -1e-300, 1e300, np.nan, np.inf]


@st.composite
def mutations(draw):
    """Draw a change of a file: an array and its new contents, or bytes of the file."""
    kind = draw(st.sampled_from(['value', 'all', 'type', 'shape', 'gone', 'text', 'bytes', 'cut']))
    return kind, draw(st.integers(0, 2**31)), draw(st.sampled_from(EXTREMES))


def spoilt(path, whole, mutation):
    """Write a file with one thing wrong, or nothing."""
    kind, place, value = mutation
    if kind in ('bytes', 'cut'):
        place %= len(whole)
        path.write_bytes(whole[:place] if kind == 'cut' else (
            whole[:place] + bytes([whole[place] ^ (1 + place % 255)]) + whole[place + 1:]))
        return
    path.write_bytes(whole)
    with np.load(path) as archive:
        names = sorted(archive.files)
        name = names[place % len(names)]
        array = archive[name].copy()
    if kind == 'gone':
        array = None
    elif kind == 'text' or array.dtype.kind == 'U':
        array = np.array(str(value) * (place % 50))
    elif kind == 'type':
        array = array.astype([np.float32, '>f8', np.int32, bool, complex, 'S3'][place % 6])
    elif kind == 'shape':
        array = [array.ravel(), array[:0], array[np.newaxis], array.T][place % 4]
    else:
        with np.errstate(all='ignore'):
            array.flat[:: 1 if kind == 'all' else 1 + place % array.size] = np.asarray(
                value).astype(array.dtype)
    rewritten(path, **{name: array})


def said_of(file, learner, robot):
    """Load a file; returns the error message."""
    try:
        weights.load(file, learner, robot)
    except ConfigError as error:
        return str(error)
    return ''


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
def test_whatever_is_wrong_with_a_file_is_refused_or_harmless(tmp_path, file, robot):
    whole = file.read_bytes()
    learner = Learner(robot.layout, CONFIG, seed=2)
    before = learner.snapshot()
    seen = Counter()

    @settings(max_examples=120, deadline=None, derandomize=True, database=None)
    @given(mutations())
    def loads_or_refuses(mutation):
        spoilt(file, whole, mutation)
        said = said_of(file, learner, robot)
        if said:
            assert str(file) in said
            assert len(said) < 500
            assert '\n' not in said
            for name, array in learner.snapshot().items():
                np.testing.assert_array_equal(array, before[name])
            seen['refused'] += 1
        else:
            for _ in range(5):
                action = learner.step(
                    np.ones((1, robot.layout.observations)), np.ones(1), np.zeros((1, 4)))
                assert np.isfinite(action).all(), mutation
            learner.restore(before)
            seen['loaded'] += 1

    loads_or_refuses()
    assert seen['refused'] > 50
    assert seen['loaded'] > 5


def test_files_of_other_programs(tmp_path, robot):
    file = tmp_path / 'other.npz'
    np.savez(file, centre=np.zeros((1, 438)))
    refused(file, robot, 'not a weights file of this program')
    np.savez(file, about=np.array(json.dumps({'format': 'something else'})))
    refused(file, robot, 'not a weights file of this program')
    np.savez(file, about=np.array('{'))
    refused(file, robot, 'not a weights file of this program')


def test_a_file_tells_the_sizes_of_its_network(file, tmp_path, robot):
    arrays, about = weights.read(file)
    shapes = {name: array.shape for name, array in arrays.items()}
    sizes = about['layout']
    told, recovered = (weights.layout_of(shapes, each) for each in (
        about, {**about, 'layout': None}))
    assert told.layer_sizes == recovered.layer_sizes == robot.layout.layer_sizes
    for wrong in ({**sizes, 'hidden': -1}, {**sizes, 'actions': 5}, {**sizes, 'ranges': True},
                  {'hidden': 7}, {}, 7):
        np.savez(tmp_path / 'wrong.npz', **{
            **arrays, 'about': np.array(json.dumps({**about, 'layout': wrong}))})
        refused(tmp_path / 'wrong.npz', robot, 'not a weights file of this program')
    np.savez(tmp_path / 'wrong.npz', **{
        **arrays, 'about': np.array(json.dumps({**about, 'layout': {**sizes, 'hidden': 9}}))})
    with pytest.raises(ConfigError, match='does not fit'):
        weights.read(tmp_path / 'wrong.npz')


def test_weights_of_another_robot(file):
    joints = ['knee_1', 'hip_1', 'hip_2', 'knee_2']
    refused(file, Robot(robot_config(joints=joints)), 'another robot: its joints')
    refused(file, Robot(robot_config(robot='dog')), 'another robot: its robot is .bipedal_walker')
    servos = robot_config(
        command='velocity', torque_limits=[], torque_rate_limits=[], velocity_limits=[1.0] * 4,
        velocity_rate_limits=[1.0] * 4)
    refused(file, Robot(servos), "its command is 'effort', here it is 'velocity'")


def test_weights_of_another_shape(file, robot):
    refused(file, Robot(robot_config(hidden_neurons=9)), "another robot: its layout is .*'hidden'")
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


def test_an_array_is_read_by_its_former_name(file, robot):
    with np.load(file) as archive:
        arrays = dict(archive)
    arrays['usual_reward'] = np.full(1, 0.25)
    del arrays['long_term_reward']
    np.savez(file, **arrays)
    learner = Learner(robot.layout, CONFIG, seed=2)
    weights.load(file, learner, robot)
    assert learner.snapshot()['long_term_reward'].tolist() == [0.25]


def test_reheating_takes_no_heat_from_the_arrays_of_a_former_format(robot):
    """That file has an array named usual with another meaning, and no layout."""
    config = replace(preset('default'), reheating=ReheatingConfig(0.2, 165_000.0))
    learner = Learner(robot.layout, config, seed=1)
    weights.initialise_from(FORMER, learner, robot)
    before = learner.mean_amplitude
    learner.step(np.zeros((1, robot.layout.observations)), np.zeros(1),
                 np.zeros((1, robot.layout.actions)))
    assert learner.mean_amplitude == pytest.approx(before, rel=1e-6)
