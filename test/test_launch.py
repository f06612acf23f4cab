"""The launch file, wherever the launch machinery can be imported."""

from importlib.util import module_from_spec, spec_from_file_location
import os
from pathlib import Path
import signal

from conftest import ROBOT_FILE
import pytest
from ros import PATIENCE, await_line, command

from dynsyn_ros.share import share_directory

pytest.importorskip(
    'launch_ros', reason='launch and launch_ros come with an installed ROS 2, not as wheels')
launch = pytest.importorskip('launch')

LAUNCH_FILE = share_directory() / 'launch' / 'walker_sim.launch.py'


@pytest.fixture
def description():
    spec = spec_from_file_location('walker_sim', LAUNCH_FILE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expand(module, **given):
    """Give the actions that the launch file starts for some arguments."""
    context = launch.LaunchContext()
    actions = []
    for entity in module.generate_launch_description().entities:
        if isinstance(entity, launch.actions.DeclareLaunchArgument):
            if entity.name in given:
                context.launch_configurations[entity.name] = given[entity.name]
            entity.execute(context)
        else:
            actions += entity.execute(context)
    return context, actions


def test_arguments_are_described(description):
    arguments = {
        entity.name: entity for entity in description.generate_launch_description().entities
        if isinstance(entity, launch.actions.DeclareLaunchArgument)}
    assert {'env_id', 'seed', 'pace', 'real_time_factor', 'weights', 'learning', 'namespace',
            'record', 'rqt'} <= set(arguments)
    assert all(argument.description for argument in arguments.values())
    for name in ('env_id', 'pace', 'learning', 'record', 'rqt', 'preset'):
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


def test_record_and_rqt_on_request(description):
    _, actions = expand(description, record='true', rqt='true', namespace='left')
    assert len(actions) == 4
    _, _, bag, rqt = actions
    assert [part[0].text for part in bag.cmd][:3] == ['ros2', 'bag', 'record']
    assert rqt.node_package == 'rqt_plot'


@pytest.mark.ros
@pytest.mark.skipif('AMENT_PREFIX_PATH' not in os.environ,
                    reason='ros2 launch finds the nodes in a sourced workspace only')
def test_launches_and_ends_cleanly(tmp_path):
    output = tmp_path / 'out'
    with command(['ros2', 'launch', 'dynsyn_ros', LAUNCH_FILE.name, 'pace:=lockstep',
                  f'output_dir:={output}']) as running:
        await_line(running.stdout, '438 synapses')
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 0
    assert Path(output, 'weights.npz').is_file()
