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

"""The launch files, if launch and launch_ros can be imported."""

from importlib.util import module_from_spec, spec_from_file_location
import os
from pathlib import Path
import shutil
import signal
import subprocess
import time

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import share_directory
from dynsyn_ros.settings.schema import ConfigError
from pages import commands, pages_with
import pytest
from ros import await_line, command, PATIENCE

pytest.importorskip(
    'launch_ros', reason='launch and launch_ros come with an installed ROS 2, not as wheels')
launch = pytest.importorskip('launch')

LAUNCH_FILE = share_directory() / 'launch' / 'walker_sim.launch.py'
BIPED = share_directory() / 'config' / 'biped.yaml'


def load(file):
    spec = spec_from_file_location(file.name.partition('.')[0], file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def description():
    return load(LAUNCH_FILE)


@pytest.fixture
def robot_description():
    return load(LAUNCH_FILE.with_name('robot.launch.py'))


def expand(module, **given):
    """Return the actions that the launch file starts for some arguments."""
    context = launch.LaunchContext()
    actions = []
    for entity in module.generate_launch_description().entities:
        if isinstance(entity, launch.actions.DeclareLaunchArgument):
            if entity.name in given:
                context.launch_configurations[entity.name] = given[entity.name]
            entity.execute(context)
        elif isinstance(entity, launch.actions.OpaqueFunction):
            actions += entity.execute(context)
    return context, actions


def given_to(context, actions):
    """Return the parameters that the first node is given beside its files."""
    actions[0]._perform_substitutions(context)
    *_, (overrides, _) = actions[0]._Node__expanded_parameter_arguments
    return parameters.read([overrides])


def test_arguments_are_described(description):
    arguments = {
        entity.name: entity for entity in description.generate_launch_description().entities
        if isinstance(entity, launch.actions.DeclareLaunchArgument)}
    assert {'env_id', 'seed', 'pace', 'real_time_factor', 'weights', 'learning', 'namespace',
            'record', 'rqt'} <= set(arguments)
    assert all(argument.description for argument in arguments.values())
    for name in ('env_id', 'pace', 'learning', 'record', 'rqt'):
        assert arguments[name].choices


def test_starts_both_nodes_from_the_files_and_what_was_said(description):
    context, actions = expand(description, seed='7', pace='lockstep', namespace='left')
    assert len(actions) == 2
    for node, name in zip(actions, ('simulator', 'controller'), strict=True):
        assert node.node_package == 'dynsyn_ros'
        assert node.node_executable == name
        node._perform_substitutions(context)
        assert node.expanded_node_namespace == '/left'
        assert node.expanded_remapping_rules == [('/clock', 'clock')]
        command = ' '.join(node._Node__expanded_parameter_arguments[0][0] and [
            str(path) for path, _ in node._Node__expanded_parameter_arguments])
        assert str(ROBOT_FILE) in command
        assert 'default.yaml' in command


def test_refuses_what_is_no_choice(description):
    with pytest.raises(RuntimeError, match='pace'):
        expand(description, pace='fast')


def test_a_preset_may_be_a_file_of_ones_own(description, tmp_path):
    own = shutil.copy(preset_file('default'), tmp_path / 'own.yaml')
    context, (simulator, _) = expand(description, preset=str(own))
    simulator._perform_substitutions(context)
    assert str(own) in {str(path) for path, _ in simulator._Node__expanded_parameter_arguments}
    with pytest.raises(ConfigError, match='cannot read no.yaml: No such file'):
        expand(description, preset='no.yaml')


def test_the_reward_may_be_a_nodes(description):
    _, actions = expand(description, publish_reward='false')
    assert [node.node_executable for node in actions] == [
        'simulator', 'controller', 'reward_node']


def test_nodes_are_found_on_this_machine_only(description, monkeypatch):
    def set_by_us():
        return [entity for entity in description.generate_launch_description().entities
                if isinstance(entity, launch.actions.SetEnvironmentVariable)]

    assert not set_by_us(), 'the environment of the tests has it'
    monkeypatch.delenv('ROS_AUTOMATIC_DISCOVERY_RANGE')
    (action,) = set_by_us()
    action.execute(context := launch.LaunchContext())
    assert context.environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_a_robot_has_its_controller_between_its_drivers(robot_description):
    context, actions = expand(robot_description, params_file=str(BIPED),
                              imu_topic='/waist/imu', reward_topic='/judge', autostart='false')
    assert [node.node_executable for node in actions] == ['controller', 'reward_node']
    for node in actions:
        node._perform_substitutions(context)
        rules = dict(node.expanded_remapping_rules)
        assert rules['joint_torques'] == 'effort_controller/commands'
        assert rules['joint_positions'] == 'position_controller/commands'
        assert rules['imu'] == '/waist/imu'
        assert rules['reward'] == '/judge'
        assert rules['human_reward'] == 'human_reward'
    (controller,) = expand(robot_description, params_file=str(BIPED), reward='false')[1]
    assert controller.node_executable == 'controller'


def test_a_robots_file_that_is_not_there_is_named(robot_description, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match='cannot read no.yaml: No such file'):
        expand(robot_description, params_file='no.yaml')
    monkeypatch.setenv('HOME', str(tmp_path))
    shutil.copy(ROBOT_FILE.with_stem('biped'), tmp_path / 'mine.yaml')
    started = expand(robot_description, params_file='~/mine.yaml', weights='~/mine.npz')
    assert given_to(*started)['weights'] == str(tmp_path / 'mine.npz')


def test_folder_and_weights_of_a_robot_are_those_of_its_file(robot_description, tmp_path):
    for given, kept in (({}, set()), ({'output_dir': str(tmp_path)}, {'output_dir'}),
                        ({'weights': 'none'}, {'weights'})):
        values = given_to(*expand(robot_description, params_file=str(BIPED), **given))
        assert {'output_dir', 'weights'} & set(values) == kept, given


def test_record_rqt_and_rviz_on_request(description, tmp_path):
    context, actions = expand(
        description, record='true', rqt='true', rviz='true', namespace='left',
        output_dir=str(tmp_path / 'out'))
    _, _, bag, *shown = actions
    for node in shown[1:]:
        node._perform_substitutions(context)
        assert ('/tf', 'tf') in node.expanded_remapping_rules
        assert node.expanded_node_namespace == '/left'
    assert [part[0].text for part in bag.cmd][:3] == ['ros2', 'bag', 'record']
    assert [node.node_package for node in shown] == [
        'rqt_gui', 'robot_state_publisher', 'dynsyn_ros', 'rviz2']
    perspective = (tmp_path / 'out' / 'dynsyn.perspective').read_text()
    assert "'/left/joint_states/position[0]'" in perspective
    assert "'rqt_plot/Plot'" in perspective


def call(*words):
    return subprocess.run(
        ['ros2', *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


sourced = pytest.mark.skipif(
    'AMENT_PREFIX_PATH' not in os.environ,
    reason='ros2 finds the package in a sourced workspace only')


@pytest.mark.ros
@sourced
@pytest.mark.parametrize(
    'words', [words for page in pages_with('ros2') for words in
              commands(page, 'ros2', unmarked=True)
              if words[0] == 'launch' and 'autostart:=false' not in words], ids=' '.join)
def test_documented_launches(words, tmp_path, monkeypatch):
    """Launch as a page says, end it with Ctrl-C, and find the weights saved."""
    if any('walker2d' in word for word in words):
        pytest.importorskip('mujoco', reason='Walker2d needs MuJoCo, the extra walker2d')
    shutil.copytree(share_directory() / 'config', tmp_path / 'config')
    shutil.copy(BIPED, tmp_path / 'my_robot.yaml')
    monkeypatch.chdir(tmp_path)
    if '--show-args' in words:
        assert "'pace'" in call(*words).stdout
        return
    with command(['ros2', *words, 'output_dir:=out']) as running:
        left = {' synapses for ', *([', pace '] if words[2].startswith('walker_sim') else [])}
        while left:  # whichever node is up first
            line = await_line(running.stdout, '] [INFO] [')
            left = {said for said in left if said not in line}
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 0
    assert Path('out', 'weights.npz').is_file()


@pytest.fixture(scope='module')
def daemon():
    """Stop the daemon that calls of ros2 start."""
    yield
    call('daemon', 'stop')


@pytest.mark.ros
@sourced
@pytest.mark.usefixtures('daemon')
@pytest.mark.parametrize('page', [
    page for page in pages_with('ros2')
    if any(words[0] == 'launch' for words in commands(page, 'ros2', unmarked=True))],
    ids=lambda page: page.stem)
def test_documented_calls(page, tmp_path, monkeypatch):
    """Run the page's next commands against what it launches first."""
    shutil.copy(BIPED, tmp_path / 'my_robot.yaml')
    monkeypatch.chdir(tmp_path)
    said = commands(page, 'ros2', unmarked=True)
    launches = [words for words in said if words[0] == 'launch']
    with command(['ros2', *launches[0], 'output_dir:=out']) as running:
        end = time.monotonic() + PATIENCE
        while call('lifecycle', 'get', '/controller').returncode:
            assert time.monotonic() < end, 'the controller is not there'
        for words in said:
            if words[0] == 'launch':
                continue
            once = ['--once'] if words[:2] == ['topic', 'echo'] else []
            done = call(*words, *once)
            assert done.returncode == 0, done.stderr
            answer = {'service': 'success=True', 'param': 'successful',
                      'lifecycle': 'successful'}.get(words[0], '')
            assert answer in done.stdout, (words, done.stdout)
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 0
