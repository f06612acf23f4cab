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

"""The interface on the wire: every topic with its type, and the quality of service."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from dynsyn_ros.nodes.config import BOOL, JOY
from dynsyn_ros.robot import robot, sensors
from dynsyn_ros.robot.config import BEST_EFFORT, EFFORT
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Joy
from std_msgs.msg import Bool, Float64, Float64MultiArray

#: Reliable, volatile, the last ten: no input of a learner may be lost on the way.
QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
#: For topics whose last thousand messages a late subscriber receives too.
HISTORY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)


def listen(
    node: Node, kind: type, topic: str, callback: Callable[[Any], None], reliability: str
) -> Subscription:
    """Subscribe to an input; the parameters ``qos_overrides`` override its quality of service."""
    policy = ReliabilityPolicy.BEST_EFFORT if reliability == BEST_EFFORT else (
        ReliabilityPolicy.RELIABLE)
    return node.create_subscription(
        kind, topic, callback, QoSProfile(depth=QOS.depth, reliability=policy),
        qos_overriding_options=QoSOverridingOptions.with_default_policies())


def _class(kind: str) -> Any:
    package, name = kind.split('/')
    return getattr(import_module(f'{package}.msg'), name)


#: The topics from a robot to its learner.
SENSORS = {topic: _class(sensor.message_type) for topic, sensor in sensors.SENSORS.items()}
HUMAN_REWARD, HUMAN_REWARD_TYPE = robot.HUMAN_REWARD, Float64
#: The switch that must be held, if there is one: the type of each kind of it.
DEADMAN = 'deadman'
DEADMAN_TYPES = {BOOL: Bool, JOY: Joy}
#: The topic of torques, and the type of all commands; ``COMMAND_OF`` has the topic of each kind.
COMMANDS, COMMANDS_TYPE = robot.COMMANDS[EFFORT], Float64MultiArray
COMMAND_OF = robot.COMMANDS
#: Topics of the simulator only.
CLOCK, IMAGE = 'clock', 'image'
EPISODE_RETURN, EPISODE_LENGTH = 'episode_return', 'episode_length'
#: Number (from 1), return and length of an episode, named in the layout; uses :data:`HISTORY`.
EPISODES = 'episodes'
EPISODE_FIELDS = ('number', 'return', 'length')
SIMULATION = {
    CLOCK: Clock,
    IMAGE: Image,
    EPISODE_RETURN: Float64,
    EPISODE_LENGTH: Float64,
    EPISODES: Float64MultiArray,
}
#: Topics of the controller about the progress of learning.
AMPLITUDE, CENTRE_SHIFT, GAIN = '~/amplitude', '~/centre_shift', '~/gain'
MEAN_REWARD = '~/mean_reward'
SCALARS = dict.fromkeys((AMPLITUDE, CENTRE_SHIFT, GAIN, MEAN_REWARD), Float64)
#: Some weights and the centres that they fluctuate about, with their names in the layout.
WEIGHTS = '~/weights'
#: The readings that the controller uses, in SI units, with their names in the layout.
READINGS = '~/readings'
ARRAYS = dict.fromkeys((WEIGHTS, READINGS), Float64MultiArray)
#: Global by convention: one place for the diagnostics of all robots.
DIAGNOSTICS = '/diagnostics'
DIAGNOSTICS_TYPE = DiagnosticArray
#: The name of the controller's node, and the names of its own topics for other nodes.
CONTROLLER = 'controller'
OWN = {topic.replace('~', CONTROLLER): kind for topic, kind in {**SCALARS, **ARRAYS}.items()}
#: Every topic of one robot.
EVERY = {
    **SENSORS, **SIMULATION, **OWN, HUMAN_REWARD: HUMAN_REWARD_TYPE,
    **dict.fromkeys(COMMAND_OF.values(), COMMANDS_TYPE), DIAGNOSTICS: DIAGNOSTICS_TYPE,
}
#: Also global, of type tf2_msgs/TFMessage, which no wheel has: it needs an installed ROS 2.
TRANSFORMS = '/tf'
#: Frames of the simulator: the hull; the odometry's origin; a level frame at the hull, in which
#: gymnasium gives its velocity; and the lidar, whose x axis points straight down and whose y axis
#: to the front.
HULL, ODOM, LEVEL, LIDAR = 'hull', 'odom', 'base_stabilized', 'lidar'
