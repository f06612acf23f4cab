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


"""A first parameter file from a URDF: complete, for that robot, and refused in one sentence."""

from xml.sax.saxutils import quoteattr

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.robot.control_loop import ControlLoop
from dynsyn_ros.robot.draft import draft
from dynsyn_ros.robot.urdf import read_urdf
from dynsyn_ros.settings.assets import URDF
from dynsyn_ros.training.presets import read_preset, read_robot
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from programs import dynsyn, refused
import pytest

COMMANDS = ('effort', 'position', 'velocity')
LIMIT = {'lower': '0', 'upper': '2.5', 'effort': '20', 'velocity': '4'}


def joint(name='knee', kind='revolute', limit=LIMIT):
    """Write a joint; without a name or a limit where that is None."""
    named = '' if name is None else f' name={quoteattr(name)}'
    limits = '' if limit is None else '<limit {}/>'.format(
        ' '.join(f'{key}={quoteattr(value)}' for key, value in limit.items()))
    return f'<joint type="{kind}"{named}>{limits}</joint>'


def urdf(*joints, name='robot'):
    return f'<robot name={quoteattr(name)}>{"".join(joints)}</robot>'


def drafted(folder, text, command='effort'):
    """Draft the file of a URDF; returns its text and what it says."""
    (folder / 'a.urdf').write_text(text, encoding='utf-8')
    file = folder / 'draft.yaml'
    file.unlink(missing_ok=True)
    done = dynsyn('robot', 'a.urdf', '--command', command, '--output', file, folder=folder)
    assert done.returncode == 0, done.stderr
    return file.read_text(encoding='utf-8'), read_robot(file)


def marks(text, key):
    """List the comments that mark a key as unfinished."""
    return [line for line in text.splitlines() if line.strip().startswith(f'# TODO {key} of')]


@pytest.mark.parametrize('command', COMMANDS)
def test_a_draft_is_a_whole_file_of_a_careful_robot(tmp_path, command):
    assert dynsyn('robot', URDF, '--command', command, folder=tmp_path).returncode == 0
    config = read_robot(tmp_path / 'bipedal_walker.yaml')
    assert config.joints == ['hip_1', 'knee_1', 'hip_2', 'knee_2']
    assert config.command == command
    robot = Robot(config)
    assert robot.topics == ('imu', 'odom', 'joint_states')
    assert set(config.initial_centres) == set(config.joints)
    loop = ControlLoop(robot, Learner(robot.layout, read_preset('default'), 0))
    stopped = loop.stop()
    assert stopped is None or not stopped.any()
    if command == 'position':
        # An action of 0 stands in default_pose, and is seen as 0.
        learner = Learner(robot.layout, read_preset('default'), 0)
        learner.learning = False
        at = dict(zip(config.joints, config.default_pose, strict=True))
        seen = np.array([[
            at.get(name.removesuffix('_angle'), 0.0) + config.observation[name].offset
            for name in config.observations]])
        assert not seen.any()
        assert not learner.step(seen, np.zeros(1), np.zeros((1, 4))).any()
    if command == 'effort':
        np.testing.assert_allclose(config.torque_limits, 8.0)
        np.testing.assert_allclose(config.torque_rate_limits, 160.0)


def test_what_is_no_urdf_is_refused(tmp_path):
    (tmp_path / 'a.urdf').write_text('<robot name="a"><joint type="fixed"/></robot>')
    (tmp_path / 'b.urdf').write_text('<sdf/>')
    (tmp_path / 'c.urdf').write_text('robot')
    (tmp_path / 'd.yaml').write_text('mine')
    for arguments, words in (
        (['a.urdf'], 'a.urdf has no joint that is revolute or continuous'),
        (['b.urdf'], 'b.urdf is not a URDF: its root is sdf, not robot'),
        (['c.urdf'], 'c.urdf is not a URDF'),
        (['none.urdf'], 'cannot read none.urdf: No such file'),
        ([URDF, '--output', 'd.yaml'], 'cannot write d.yaml: File exists'),
        ([URDF, '--output', 'mine'], 'must have a name that ends in .yaml, not mine'),
    ):
        assert words in refused(tmp_path, 'robot', *arguments)


def test_a_position_draft_stays_off_the_hard_stops(tmp_path):
    limits = {'hip': ('-1.0', '1.0'), 'knee': ('0', '2.5'), 'bent': ('-2.5', '-0.1')}
    robot = urdf(*(joint(name, limit={**LIMIT, 'lower': lower, 'upper': upper})
                   for name, (lower, upper) in limits.items()))
    _, held = drafted(tmp_path, robot, 'effort')
    assert [held.observation[f'{name}_angle'].offset for name in limits] == [0.0, -0.25, 0.34]
    text, config = drafted(tmp_path, robot, 'position')
    assert config.default_pose == config.rest_pose == [0.0, 0.25, -0.34]
    assert config.position_ranges == [0.2, 0.25, 0.24]
    assert not marks(text, 'poses and position_ranges')


@pytest.mark.parametrize(('kind', 'limit', 'missing'), [
    ('revolute', None, COMMANDS),
    ('revolute', {'effort': '20', 'velocity': '4'}, ('position',)),
    ('revolute', {**LIMIT, 'upper': '0'}, ('position',)),
    ('revolute', {'upper': '2.5', 'effort': '20', 'velocity': '4'}, ('position',)),
    ('revolute', {**LIMIT, 'effort': '0', 'velocity': '0'}, COMMANDS),
    ('continuous', None, COMMANDS),
    ('continuous', {'effort': '20'}, ('position', 'velocity')),
    ('continuous', {'effort': '20', 'velocity': '1e-20'}, ('position', 'velocity')),
    ('continuous', {'velocity': '4'}, ('effort',)),
    ('revolute', LIMIT, ()),
])
@pytest.mark.parametrize('command', COMMANDS)
def test_what_a_urdf_does_not_say_is_marked(tmp_path, kind, limit, missing, command):
    text, _ = drafted(tmp_path, urdf(joint('good'), joint('bad', kind, limit)), command)
    found = [mark for key in (
        'torque_limits', 'poses and position_ranges', 'position_rate_limits', 'velocity_limits')
        for mark in marks(text, key)]
    assert bool(found) == (command in missing), text
    assert all(' of bad: ' in mark for mark in found)
    assert bool(marks(text, 'normalisation')) == (
        limit is None or limit.get('velocity', '0') in ('0', '1e-20') or (
            kind == 'revolute' and (limit.get('upper', '0') == '0' or 'lower' not in limit)))


@pytest.mark.parametrize(('command', 'limit', 'key', 'most'), [
    ('effort', {'effort': '1e9'}, 'torque_limits', 1e4),
    ('effort', {'effort': '1e308'}, 'torque_rate_limits', 1e7),
    ('position', {'velocity': '1e9'}, 'position_rate_limits', 1e3),
    ('position', {'lower': '-1e16', 'upper': '1e16'}, 'poses and position_ranges', 200.0),
    ('velocity', {'velocity': '1e9'}, 'velocity_limits', 1e3),
    ('velocity', {'velocity': '1e308'}, 'velocity_rate_limits', 1e5),
])
def test_more_than_a_file_may_hold_is_lowered_and_marked(tmp_path, command, limit, key, most):
    text, config = drafted(tmp_path, urdf(joint(limit={**LIMIT, **limit})), command)
    assert getattr(config, key.rpartition(' ')[2]) == [most]
    assert marks(text, key)


@pytest.mark.parametrize('name', [
    'my dog: v2', '123', '1e5', 'yes', 'n', 'null', 'inf', 'nan', '0x1A', "it's", '"', '\\',
    '#a', 'a #b', '{name}', '- a', '&a', '*a', 'Rücken', '犬', '\U0001f415', ' a  b ', 'left/hip',
    '~'])
def test_every_name_is_kept(tmp_path, name):
    _, config = drafted(tmp_path, urdf(joint(name), joint('x' * 80), name=name))
    assert config.robot == name
    assert config.joints == [name, 'x' * 80]
    assert set(config.initial_centres) == set(config.joints)
    assert Robot(config).topics == ('imu', 'odom', 'joint_states')


@pytest.mark.parametrize(('name', 'file'), [
    ('../esc', 'esc.yaml'), ('/etc/esc', 'etc_esc.yaml'), ('my dog: v2', 'my_dog_v2.yaml'),
    ('..', 'robot.yaml'), ('-rf', 'rf.yaml'), ('123', '123.yaml'), ('', 'a.yaml')])
def test_the_file_is_in_this_folder_whatever_the_name(tmp_path, name, file):
    folder = tmp_path / 'here'
    folder.mkdir()
    (folder / 'a.urdf').write_text(urdf(joint(), name=name))
    assert dynsyn('robot', 'a.urdf', folder=folder).returncode == 0
    assert {path.name for path in tmp_path.rglob('*.yaml')} == {file}
    text = (folder / file).read_text()
    assert f'output_dir: runs/{file.removesuffix(".yaml")}\n' in text
    read_robot(folder / file)


def test_a_joint_named_forward_does_not_replace_the_speed_of_the_robot(tmp_path):
    _, config = drafted(tmp_path, urdf(joint('forward')))
    assert [config.observation[name].source for name in config.observations][3:] == [
        'odom.linear.x', 'joint_states.forward.position', 'joint_states.forward.velocity']


@pytest.mark.parametrize(('text', 'words'), [
    (urdf(joint(None)), 'a.urdf has a revolute joint without a name'),
    (urdf(joint('')), 'a.urdf has a revolute joint without a name'),
    (urdf(joint(), joint()), "a.urdf has two joints named 'knee'"),
    (urdf(joint('a.b')), 'a.urdf: the name of a joint must have no dot'),
    (urdf(joint('a\u200bb')), 'a.urdf: the name of a joint must have printable characters only'),
    (urdf(joint(), name='a\u2028b'), 'a.urdf: the name of the robot must have printable'),
    ('<?xml version="1.0" encoding="none"?><robot/>', 'a.urdf is not a URDF: unknown encoding'),
    (urdf(*(joint(f'joint_{i}') for i in range(2000))), 'a.urdf has 2000 joints, too many'),
    *((urdf(joint(limit={**LIMIT, key: value})),
       f'a.urdf: joint knee: {key} must be a finite number, not {value!r}')
      for key in LIMIT for value in ('inf', '-inf', 'nan', '1e999', 'much', '')),
    (urdf(joint(limit={**LIMIT, 'lower': '3'})),
     'a.urdf: joint knee: lower must be at most upper, 2.5, not 3'),
    (urdf(joint(limit={**LIMIT, 'effort': '-1'})),
     'a.urdf: joint knee: effort must be 0 or more, not -1'),
    (urdf(joint(limit={**LIMIT, 'velocity': '-1'})),
     'a.urdf: joint knee: velocity must be 0 or more, not -1'),
    (urdf(joint(limit={**LIMIT, 'lower': '2e3', 'upper': '3e3'})),
     'a.urdf: joint knee: lower must leave a position within +-1000 rad, not 2000'),
    (urdf(joint(limit={**LIMIT, 'lower': '-3e3', 'upper': '-2e3'})),
     'a.urdf: joint knee: upper must leave a position within +-1000 rad, not -2000'),
])
def test_a_urdf_that_cannot_be_drafted_is_refused(tmp_path, text, words):
    (tmp_path / 'a.urdf').write_text(text, encoding='utf-8')
    assert words in refused(tmp_path, 'robot', 'a.urdf')
    assert [path.name for path in tmp_path.iterdir()] == ['a.urdf']


letters = st.just(' ') | st.characters(exclude_categories=('C', 'Z'), exclude_characters='.')
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-4.0, 4.0) | st.just(0.0)


@st.composite
def limits(draw):
    lower, upper = sorted((draw(numbers), draw(numbers)))
    return {'lower': min(lower, 1e3), 'upper': max(upper, -1e3), 'effort': abs(draw(numbers)),
            'velocity': abs(draw(numbers))}


@settings(deadline=None, max_examples=100, derandomize=True, database=None)
@given(st.text(letters, min_size=1, max_size=30), st.sampled_from(('revolute', 'continuous')),
       limits(), st.sampled_from(COMMANDS))
def test_a_draft_loads_and_commands_within_the_limits(
        tmp_path_factory, name, kind, limit, command):
    folder = tmp_path_factory.mktemp('draft')
    given_limit = {key: repr(value) for key, value in limit.items()}
    (folder / 'a.urdf').write_text(
        urdf(joint(name, kind, given_limit), name=name), encoding='utf-8')
    (folder / 'draft.yaml').write_text(
        draft(*read_urdf(folder / 'a.urdf'), command), encoding='utf-8')
    config = read_robot(folder / 'draft.yaml')
    Robot(config)
    assert (config.robot, config.joints) == (name, [name])
    (most,) = config.limits
    (rate,) = config.rates
    if command == 'position':
        (pose,) = config.default_pose
        near = 1e-9 * (1.0 + abs(pose))
        lower, upper = (
            (limit['lower'], limit['upper']) if kind == 'revolute' else (-np.pi, np.pi))
        assert lower - near <= pose - most <= pose + most <= upper + near
        assert rate <= limit['velocity']
    else:
        assert 0.0 <= most <= limit['effort' if command == 'effort' else 'velocity']
