"""
Start the simulated walker and its controller.

What is not said on the command line comes from ``params_file`` and ``preset``.
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch_ros.actions import Node

from dynsyn_ros import launching
from dynsyn_ros.nodes.config import LOCKSTEP, REALTIME
from dynsyn_ros.nodes.topics import AMPLITUDE, CLOCK, EPISODE_RETURN
from dynsyn_ros.share import PACKAGE
from dynsyn_ros.simulation.plants import ENVIRONMENTS
from dynsyn_ros.training.presets import ROBOT_FILE, TRAINED, preset_file
from launch import LaunchDescription

PARAMETERS = {
    'env_id': ('what is simulated; Hardcore has stairs, stumps and pits', ENVIRONMENTS),
    'seed': ('of the random streams; the same seed gives the same run in lockstep', None),
    'pace': ('realtime keeps to the clock and turns an old command into zero torque, lockstep '
             'waits for each command and runs as fast as the machine', (REALTIME, LOCKSTEP)),
    'real_time_factor': ('simulated seconds per second, with pace realtime', None),
    'publish_reward': ('false leaves the reward to a reward node, which is started too',
                       ('true', 'false')),
    **launching.COMMON,
}


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes follow once their values are known."""
    return LaunchDescription([
        *launching.discovery(),
        DeclareLaunchArgument(
            'params_file', default_value=str(ROBOT_FILE),
            description='parameters of robot and nodes'),
        DeclareLaunchArgument(
            'weights', default_value=str(TRAINED),
            description='weights file to start from, or none to start untrained'),
        *launching.declare(PARAMETERS),
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
        return launching.value(context, name)

    given = launching.given(context, PARAMETERS)
    parameters = [value('params_file'), str(preset_file(value('preset'))), given]
    executables = ['simulator', 'controller']
    if given.get('publish_reward') is False:
        executables.append('reward_node')
    actions = [
        Node(package=PACKAGE, executable=executable, namespace=value('namespace'),
             parameters=parameters, remappings=[(f'/{CLOCK}', CLOCK)], output='screen',
             on_exit=Shutdown(reason=f'the {executable} has ended'))
        for executable in executables
    ]
    if value('record') == 'true':
        actions.append(ExecuteProcess(
            cmd=['ros2', 'bag', 'record', '--all', '--output',
                 str(Path(given['output_dir'], 'bag'))],
            output='screen'))
    if value('rqt') == 'true':
        root = f'/{value("namespace")}'.rstrip('/')
        actions.append(Node(
            package='rqt_plot', executable='rqt_plot',
            arguments=[f'{root}/reward/data', f'{root}/{EPISODE_RETURN}/data',
                       f'{root}/{AMPLITUDE.replace("~", "controller")}/data']))
    return actions
