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


"""Hostile or broken files from outside, and files that are written completely or not at all."""

from collections import Counter
import json
import os
import shutil
import time

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.learner import LearnerConfig
from dynsyn_ros.robot import Robot, RobotConfig
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import find, ROBOT
from dynsyn_ros.settings.files import (
    check_folder,
    new_folder,
    opened,
    path_of,
    replaced,
    whole_length,
)
from dynsyn_ros.settings.schema import build, build_part, ConfigError
from dynsyn_ros.training.trainer import Trainer
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from programs import dynsyn
import pytest
from test_train import make_config, run
import yaml

#: Every run tries the same examples and leaves nothing behind.
MANY = settings(max_examples=50, deadline=None, derandomize=True, database=None)
#: Longest time for any one file, s.
PATIENCE = 20.0
BOMB = '\n'.join(['a0: &a0 [x]', *(
    f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9)}]' for i in range(1, 10))])


@pytest.mark.parametrize(('content', 'words'), [
    (BOMB, r'the alias \*a0 must be written out'),
    ('/**: &x {ros__parameters: {seed: *x}}', r'the alias \*x must be written out'),
    ('[' * 100_000, 'its tables are nested over 50 deep'),
    ('x: ' + 'y' * 300_000, 'it has 300003 bytes; at most 250000 are allowed'),
    ('x: ' + '9' * 200_000, 'as YAML'),
    ('x: 2001-99-99', 'month must be in 1..12'),
    ('{[1]: 2}', 'a key must be a string'),
    ('\0', 'special characters are not allowed'),
    ('/**: 3', 'must be a ROS parameter file'),
    ('/**: {ros__parameters: [1]}', 'must be a ROS parameter file'),
])
def test_yaml_that_is_hostile_is_refused_at_once(tmp_path, content, words):
    (tmp_path / 'x.yaml').write_text(content)
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=words) as caught:
        parameters.read([tmp_path / 'x.yaml'])
    assert str(tmp_path / 'x.yaml') in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert time.monotonic() - begun < PATIENCE


def leaves(tree, path=()):
    """List the paths to all values of nested tables."""
    if not isinstance(tree, dict):
        return [path]
    return [path, *(leaf for key, value in tree.items() for leaf in leaves(value, (*path, key)))]


STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(),
    st.just(10**400), st.just([[]] * 9), st.just({1: {None: 'x' * 10_000}}), st.binary(max_size=4),
    st.lists(st.floats(), max_size=5), st.just('x' * 10_000))


def test_parameters_of_any_kind_are_taken_or_refused(tmp_path):
    files = [ROBOT_FILE, preset_file('default')]
    whole = parameters.read(files)
    paths, text = leaves(whole)[1:], (ROBOT_FILE.read_bytes(), files[1].read_bytes())
    seen = Counter()

    def said(*given_files):
        try:
            values = parameters.read(given_files)
            Robot(build_part(RobotConfig, values))
            build(LearnerConfig, values.get('learner', {}), 'learner.')
        except ConfigError as error:
            return ' '.join(str(error).split())
        return ''

    @MANY
    @given(st.sampled_from(paths), STRANGE)
    def one_value(path, value):
        tree = json.loads(json.dumps(whole))
        table = tree
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = value
        (tmp_path / 'a.yaml').write_text(yaml.safe_dump({'/**': {'ros__parameters': tree}}))
        seen['refused' if said(tmp_path / 'a.yaml') else 'taken'] += 1

    @settings(MANY, max_examples=25)
    @given(st.integers(0, len(text[1])), st.sampled_from(
        [b'[', b'{', b'\n', b'"', b'&x ', b'!!binary ', b'\xff', b'- ', b': ', b'%', b'\t', b'|']))
    def one_place(place, word):
        (tmp_path / 'b.yaml').write_bytes(text[1][:place] + word + text[1][place:])
        seen['torn' if said(ROBOT_FILE, tmp_path / 'b.yaml') else 'whole'] += 1

    one_value()
    one_place()
    assert min(seen['refused'], seen['taken'], seen['torn']) > 5, seen


@pytest.fixture(scope='module')
def training(tmp_path_factory):
    """Train a little, into the folder that the tests then damage."""
    folder = tmp_path_factory.mktemp('training') / 'run'
    run(Trainer(make_config(steps=300), folder))
    return folder


@st.composite
def damages(draw):
    """Draw a file of a training and a way to damage it."""
    name = draw(st.sampled_from(
        ['episodes.csv', 'episodes.csv', 'synapses.csv', 'checkpoint.npz', 'summary.json',
         'manifest.json', 'about']))
    return name, draw(st.integers(0, 2**31)), draw(st.sampled_from(
        [b'', b'x', b'\0\0', b'nan', b'1e400', b'-1', b'99999999999999999999', b'"', b',', b'\n',
         b'[' * 2000, b'\xff', None]))


def damaged(folder, damage):
    """Damage a file of a training: replace bytes in its middle, or cut it off."""
    name, place, content = damage
    if name == 'about':
        path = folder / 'checkpoint.npz'
        with np.load(path) as archive:
            arrays = dict(archive)
        about = json.loads(str(arrays['about']))
        table = about['made_by'] if place % 2 else about['made_by']['task']
        key = sorted(table)[place // 2 % len(table)]
        table[key] = [None, -1, 2**70, 'x', [], {}, 1e300][place % 7]
        arrays['about'] = np.array(json.dumps(about))
        np.savez_compressed(path, **arrays)
        return
    path = folder / name
    whole = path.read_bytes()
    place %= len(whole) + 1
    path.write_bytes(whole[:place] if content is None else
                     whole[:place] + content + whole[place + len(content):])


def resumed(folder):
    """Continue a training; returns the error message."""
    try:
        Trainer.resume(folder).log.close()
    except ConfigError as error:
        return str(error)
    return ''


def test_a_damaged_training_is_gone_on_from_or_left_alone(tmp_path, training):
    seen = Counter()
    folder = tmp_path / 'run'

    @settings(MANY, max_examples=50)
    @given(damages())
    def resumes_or_refuses(damage):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(training, folder)
        damaged(folder, damage)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        said = resumed(folder)
        if said:
            assert str(folder) in said
            assert len(said) < 1500
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        seen['refused' if said else 'resumed'] += 1
        assert dynsyn('results', folder, folder=tmp_path).returncode in (0, 2)

    resumes_or_refuses()
    assert min(seen['refused'], seen['resumed']) > 5, seen


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / 'a.txt'
    with replaced(file, 'w') as new:
        new.write('first')
    synced = []
    monkeypatch.setattr(os, 'fsync', lambda number: synced.append(os.fstat(number).st_ino))
    with replaced(file, 'w') as new:
        new.write('second')
    assert synced == [file.stat().st_ino, tmp_path.stat().st_ino], 'the file, then its folder'

    def full(number):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(ConfigError, match=r'cannot write .*a\.txt: No space left'), \
            replaced(file, 'w') as new:
        new.write('third')
    with pytest.raises(KeyError), replaced(file, 'w') as new:
        raise KeyError
    assert file.read_text() == 'second'
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']


@pytest.mark.parametrize(('content', 'length'), [
    (None, 0), ('', 0), ('half', 0), ('one\n', 4), ('one\ntwo\nha', 8),
    ('one\n' + 'h' * 200_000, 4),
])
def test_half_a_line_does_not_count(tmp_path, content, length):
    if content is not None:
        (tmp_path / 'log').write_text(content)
    assert whole_length(tmp_path / 'log') == length


def test_a_path_may_begin_with_a_home_folder_that_nobody_has(monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    for name, path in (('~/a.yaml', '/home/me/a.yaml'), ('~nobody9/a', '~nobody9/a'), ('a', 'a')):
        assert str(path_of(name)) == str(find(ROBOT, f'{name}/.')) == path


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(3):
        new_folder('walk').mkdir(parents=True)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match='cannot write in the folder .*/file: it is a file'):
        check_folder(tmp_path / 'file')


def test_only_a_regular_file_is_opened(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    for path in (tmp_path / 'pipe', '/dev/zero'):
        with pytest.raises(ConfigError, match='it is not a regular file'), opened(path):
            pass
