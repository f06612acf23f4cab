"""
Start the simulated walker and its controller.

What is not said on the command line comes from ``params_file`` and ``preset``.
"""

from datetime import datetime
from pathlib import Path

from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
import yaml

from dynsyn_ros.nodes.config import LOCKSTEP, REALTIME
from dynsyn_ros.nodes.topics import AMPLITUDE, CLOCK, EPISODE_RETURN
from dynsyn_ros.share import PACKAGE
from dynsyn_ros.simulation.bipedal_walker import ENVIRONMENTS
from dynsyn_ros.training.presets import PRESETS, ROBOT_FILE, TRAINED, preset_file
from launch import LaunchDescription

FROM_FILE = ''
#: Arguments that are parameters of the same name: what they mean, and their values if few.
PARAMETERS = {
    'env_id': ('what is simulated; Hardcore has stairs, stumps and pits', ENVIRONMENTS),
    'seed': ('of the random streams; the same seed gives the same run in lockstep', None),
    'pace': ('realtime keeps to the clock and turns an old command into zero torque, lockstep '
             'waits for each command and runs as fast as the machine', (REALTIME, LOCKSTEP)),
    'real_time_factor': ('simulated seconds per second, with pace realtime', None),
    'learning': ('false freezes the weights at their centres', ('true', 'false')),
    'output_dir': ('folder for weights.npz and checkpoints, which are gone on from (default: a '
                   'new one in runs)', None),
}


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes follow once their values are known."""
    parameters = [
        DeclareLaunchArgument(
            name,
            default_value=FROM_FILE,
            description=f'{meaning}; empty: as params_file says',
            **({'choices': [FROM_FILE, *choices]} if choices else {}),
        )
        for name, (meaning, choices) in PARAMETERS.items()
    ]
    return LaunchDescription([
        DeclareLaunchArgument(
            'params_file', default_value=str(ROBOT_FILE),
            description='parameters of robot and nodes'),
        DeclareLaunchArgument(
            'preset', default_value='default', choices=PRESETS,
            description='settings of the learner'),
        DeclareLaunchArgument(
            'weights', default_value=str(TRAINED),
            description='weights file to start from, or none to start untrained'),
        *parameters,
        DeclareLaunchArgument(
            'namespace', default_value='',
            description='put all topics and nodes into it, for a second walker beside the first'),
        DeclareLaunchArgument(
            'record', default_value='false', choices=['true', 'false'],
            description='true records every topic with ros2 bag, into output_dir'),
        DeclareLaunchArgument(
            'rqt', default_value='false', choices=['true', 'false'],
            description='true opens rqt_plot on reward, episode return and amplitude'),
        OpaqueFunction(function=start),
    ])


def start(context):
    """Start the nodes and what goes with them."""

    def value(name):
        return LaunchConfiguration(name).perform(context)

    # A parameter is given as YAML would read it, so that 3 is a number and true a truth value.
    given = {name: yaml.safe_load(value(name)) for name in PARAMETERS if value(name) != FROM_FILE}
    given['weights'] = value('weights')
    output = given.setdefault('output_dir', str(
        Path('runs', f'launch_{datetime.now():%Y-%m-%d_%H-%M-%S}')))
    common = {
        'package': PACKAGE,
        'namespace': value('namespace'),
        'remappings': [(f'/{CLOCK}', CLOCK)],
        'output': 'screen',
    }
    files = [value('params_file'), str(preset_file(value('preset')))]
    actions = [
        Node(executable='simulator', parameters=[*files, given],
             on_exit=Shutdown(reason='the simulator has ended'), **common),
        Node(executable='controller', parameters=[*files, given],
             on_exit=Shutdown(reason='the controller has ended'), **common),
    ]
    if value('record') == 'true':
        actions.append(ExecuteProcess(
            cmd=['ros2', 'bag', 'record', '--all', '--output', str(Path(output, 'bag'))],
            output='screen'))
    if value('rqt') == 'true':
        root = f'/{value("namespace")}'.rstrip('/')
        actions.append(Node(
            package='rqt_plot', executable='rqt_plot',
            arguments=[f'{root}/reward/data', f'{root}/{EPISODE_RETURN}/data',
                       f'{root}/{AMPLITUDE.replace("~", "controller")}/data']))
    return actions
