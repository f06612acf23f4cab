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

"""
Start the simulated walker and its controller.

Parameters that are not given on the command line come from ``params_file`` and ``preset``, except
``weights`` and ``output_dir``.
"""

from dynsyn_ros.nodes import launching
from dynsyn_ros.nodes.config import LOCKSTEP, REALTIME
from dynsyn_ros.nodes.topics import CLOCK, TRANSFORMS
from dynsyn_ros.settings.assets import (
    CONFIG,
    NAMED,
    PACKAGE,
    ROBOT_FILE,
    SIMULATED,
    TRAINED,
    URDF,
)
from dynsyn_ros.settings.files import new_folder, path_of
from dynsyn_ros.simulation.environments import ENVIRONMENTS
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch_ros.actions import Node

VIEWS = CONFIG / 'views'
PARAMETERS = {
    'env_id': ('environment to simulate; Hardcore has stairs, stumps and pits', ENVIRONMENTS),
    'seed': ('seed of the random streams; the same seed gives the same run in lockstep', None),
    'pace': ('realtime follows the clock and replaces an old command by zero torque, lockstep '
             'waits for each command and runs as fast as the machine can', (REALTIME, LOCKSTEP)),
    'real_time_factor': ('simulated seconds per second, with pace realtime', None),
    'publish_reward': ('false starts a reward node, which publishes the reward instead',
                       ('true', 'false')),
    **launching.COMMON,
}


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes follow once their values are known."""
    return LaunchDescription([
        *launching.discovery(),
        DeclareLaunchArgument(
            'params_file', default_value=str(ROBOT_FILE),
            description='parameters of the robot and the nodes: '
                        f'{", ".join(NAMED[SIMULATED])}, or a .yaml file with an env_id'),
        DeclareLaunchArgument(
            'weights', default_value=str(TRAINED),
            description='weights file to start from, or none to start untrained'),
        DeclareLaunchArgument(
            'output_dir', default_value='',
            description=f'{launching.OUTPUT_DIR}; empty: a new folder in runs'),
        *launching.declare(PARAMETERS),
        DeclareLaunchArgument(
            'record', default_value='false', choices=['true', 'false'],
            description='true records every topic with ros2 bag (MCAP), into output_dir'),
        DeclareLaunchArgument(
            'rqt', default_value='false', choices=['true', 'false'],
            description='true opens rqt on reward, return, joints, amplitude and the image'),
        DeclareLaunchArgument(
            'rviz', default_value='false', choices=['true', 'false'],
            description='true publishes robot_description and tf, and opens RViz on them'),
        OpaqueFunction(function=start),
    ])


def start(context):
    """Start the nodes and what goes with them."""

    def value(name):
        return launching.value(context, name)

    folder = path_of(value('output_dir')) if value('output_dir') else new_folder('launch')
    given = {**launching.given(context, PARAMETERS), 'output_dir': str(folder)}
    parameters = [*launching.files(context), given]
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
            cmd=['ros2', 'bag', 'record', '--all', '--storage', 'mcap', '--output',
                 str(folder / 'bag')],
            output='screen'))
    if value('rqt') == 'true':
        actions.append(Node(package='rqt_gui', executable='rqt_gui', arguments=[
            '--perspective-file', str(perspective(value('namespace'), folder))]))
    if value('rviz') == 'true':
        actions += look_in_rviz(value('namespace'))
    return actions


def perspective(namespace, folder):
    """Write the rqt perspective for a namespace, because rqt only knows absolute topics."""
    root = f'/{namespace}'.rstrip('/')
    text = (VIEWS / 'dynsyn.perspective').read_text().replace("'/", f"'{root}/")
    path = folder / 'dynsyn.perspective'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def look_in_rviz(namespace):
    """Start RViz and the nodes that move the walker's description."""
    # The frames of two walkers have the same names, so each has its transforms in its namespace.
    own = [(topic, topic.lstrip('/')) for topic in (TRANSFORMS, f'{TRANSFORMS}_static')]
    common = {'namespace': namespace, 'remappings': own, 'output': 'screen'}
    return [
        Node(package='robot_state_publisher', executable='robot_state_publisher',
             parameters=[{'robot_description': URDF.read_text()}], **common),
        Node(package=PACKAGE, executable='transforms', **common),
        Node(package='rviz2', executable='rviz2',
             arguments=['--display-config', str(VIEWS / 'walker.rviz')], **common),
    ]
