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

"""The contract on the wire: every topic with its type, and the quality of service of all."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from dynsyn_ros.robot import robot
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Imu, JointState, LaserScan
from std_msgs.msg import Float64, Float64MultiArray, UInt8MultiArray

#: Reliable, volatile, the last ten: nothing a learner is told may be lost on the way.
QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
#: Of what a late subscriber is sent too: the last thousand.
HISTORY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)

#: What a robot tells its learner.
SENSORS = {
    'joint_states': JointState,
    'imu': Imu,
    'odom': Odometry,
    'scan': LaserScan,
    'foot_contacts': UInt8MultiArray,
    robot.REWARD: Float64,
}
HUMAN_REWARD, HUMAN_REWARD_TYPE = robot.HUMAN_REWARD, Float64
COMMANDS, COMMANDS_TYPE = robot.COMMANDS, Float64MultiArray
#: Of the simulator only.
CLOCK, IMAGE = 'clock', 'image'
EPISODE_RETURN, EPISODE_LENGTH = 'episode_return', 'episode_length'
#: Number (from 1), return and length of an episode, named in the layout, with :data:`HISTORY`.
EPISODES = 'episodes'
EPISODE_FIELDS = ('number', 'return', 'length')
SIMULATION = {
    CLOCK: Clock,
    IMAGE: Image,
    EPISODE_RETURN: Float64,
    EPISODE_LENGTH: Float64,
    EPISODES: Float64MultiArray,
}
#: How learning goes, of the controller.
AMPLITUDE, CENTRE_SHIFT, GAIN = '~/amplitude', '~/centre_shift', '~/gain'
MEAN_REWARD = '~/mean_reward'
SCALARS = dict.fromkeys((AMPLITUDE, CENTRE_SHIFT, GAIN, MEAN_REWARD), Float64)
#: Some weights and the centres they fluctuate round, with their names in the layout.
WEIGHTS = '~/weights'
#: The readings as the controller has them, in SI units, with their names in the layout.
READINGS = '~/readings'
ARRAYS = dict.fromkeys((WEIGHTS, READINGS), Float64MultiArray)
#: Global by convention: one place for the diagnostics of all robots.
DIAGNOSTICS = '/diagnostics'
DIAGNOSTICS_TYPE = DiagnosticArray
#: The name of the controller's node, and what its own topics are called by others.
CONTROLLER = 'controller'
OWN = {topic.replace('~', CONTROLLER): kind for topic, kind in {**SCALARS, **ARRAYS}.items()}
#: Every topic of one robot.
EVERY = {
    **SENSORS, **SIMULATION, **OWN, HUMAN_REWARD: HUMAN_REWARD_TYPE, COMMANDS: COMMANDS_TYPE,
    DIAGNOSTICS: DIAGNOSTICS_TYPE,
}
#: Global too, of tf2_msgs/TFMessage, which no wheel has: only with an installed ROS 2.
TRANSFORMS = '/tf'
#: Frames of the simulator: the hull; the odometry's origin; a level frame at the hull, in which
#: gymnasium gives its velocity; and the lidar, whose x axis points straight down and whose y axis
#: to the front.
HULL, ODOM, LEVEL, LIDAR = 'hull', 'odom', 'base_stabilized', 'lidar'
