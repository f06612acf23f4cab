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
Start the controller of a physical robot and a reward node, connected to the robot's drivers.

The default topics are those of ros2_control: joint_state_broadcaster, imu_sensor_broadcaster, and
a forward_command_controller that is named after its interface: effort_controller,
position_controller or velocity_controller. Parameters that are not given on the command line come
from ``params_file`` and ``preset``.
"""

from dynsyn_ros.nodes import launching
from dynsyn_ros.nodes.topics import COMMAND_OF, DEADMAN, HUMAN_REWARD
from dynsyn_ros.robot.readings import REWARD
from dynsyn_ros.settings.assets import PACKAGE
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch_ros.actions import Node

#: The topics of ros2_control and common drivers, by the names that the nodes use.
REMAPS = {
    'joint_states': 'joint_states',
    'imu': 'imu_sensor_broadcaster/imu',
    'odom': 'odom',
    'scan': 'scan',
    'foot_contacts': 'foot_contacts',
    **{topic: f'{command}_controller/commands' for command, topic in COMMAND_OF.items()},
    REWARD: REWARD,
    HUMAN_REWARD: HUMAN_REWARD,
    DEADMAN: DEADMAN,
}
PARAMETERS = {
    'seed': ('seed of the random streams', None),
    'autostart': ('false waits for lifecycle transitions from outside', ('true', 'false')),
    'output_dir': (launching.OUTPUT_DIR, None),
    **launching.COMMON,
}


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes follow once their values are known."""
    return LaunchDescription([
        *launching.discovery(),
        *launching.transport(),
        DeclareLaunchArgument(
            'params_file', description='parameters of the robot, see docs/hardware.md'),
        DeclareLaunchArgument(
            'weights', default_value=launching.FROM_FILE,
            description='weights file to start from, or none to start untrained; empty: as in '
                        'params_file'),
        DeclareLaunchArgument(
            'use_sim_time', default_value='false', choices=['true', 'false'],
            description='true: the time comes from clock, for Gazebo, MuJoCo or a recording'),
        DeclareLaunchArgument(
            'reward', default_value='true', choices=['true', 'false'],
            description='false: start no reward node, since something else publishes the reward'),
        *launching.declare(PARAMETERS),
        *(DeclareLaunchArgument(
            f'{topic}_topic', default_value=default, description=f'topic for {topic}')
          for topic, default in REMAPS.items()),
        DeclareLaunchArgument(
            'enclave', default_value='',
            description='path of the enclaves of the nodes in the SROS 2 keystore, for example '
                        '/dynsyn'),
        OpaqueFunction(function=start),
    ])


def start(context):
    """Start the controller, and the reward node unless there is another one."""

    def value(name):
        return launching.value(context, name)

    enclave = value('enclave')
    parameters = [*launching.files(context),
                  {**launching.given(context, PARAMETERS),
                   'use_sim_time': value('use_sim_time') == 'true'}]
    executables = ['controller', 'reward_node'] if value('reward') == 'true' else ['controller']
    return [
        Node(package=PACKAGE, executable=executable, namespace=value('namespace'),
             parameters=parameters, output='screen',
             ros_arguments=['--enclave', f'{enclave}/{executable}'] if enclave else [],
             remappings=[(topic, value(f'{topic}_topic')) for topic in REMAPS],
             on_exit=Shutdown(reason=f'the {executable} has ended'))
        for executable in executables
    ]
