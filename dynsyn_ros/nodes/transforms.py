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
The transforms node: the pose of the simulated walker, for RViz and other users of tf.

It turns ``odom`` and ``imu`` into the two transforms above the robot's description, odom ->
base_stabilized -> hull; robot_state_publisher publishes those below it. On a physical robot the
state estimator publishes both.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dynsyn_ros.nodes import run, topics
from dynsyn_ros.settings.schema import ConfigError
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import Imu


def from_odometry(message: Odometry) -> TransformStamped:
    """Return the transform from the odometry's frame to the level frame at the hull."""
    transform = TransformStamped(header=message.header, child_frame_id=message.child_frame_id)
    place, there = message.pose.pose.position, transform.transform.translation
    there.x, there.y, there.z = place.x, place.y, place.z
    transform.transform.rotation = message.pose.pose.orientation
    return transform


def from_imu(message: Imu) -> TransformStamped:
    """Return the rotation of the hull in the level frame."""
    transform = TransformStamped(child_frame_id=message.header.frame_id)
    transform.header.stamp, transform.header.frame_id = message.header.stamp, topics.LEVEL
    transform.transform.rotation = message.orientation
    return transform


class TransformsNode(Node):
    """The transforms of one simulated walker."""

    def __init__(self, **kwargs: Any) -> None:
        """Subscribe; raises :class:`ConfigError` if tf2_msgs is not installed."""
        super().__init__('transforms', **kwargs)
        try:
            message = import_module('tf2_msgs.msg').TFMessage
        except ImportError as error:
            raise ConfigError(
                'tf2_msgs is not installed: it comes with an installed ROS 2, not as a wheel'
            ) from error
        publisher = self.create_publisher(message, topics.TRANSFORMS, topics.QOS)
        for topic, turn in (('odom', from_odometry), ('imu', from_imu)):
            self.create_subscription(
                topics.SENSORS[topic], topic,
                lambda heard, turn=turn: publisher.publish(message(transforms=[turn(heard)])),
                topics.QOS)


def main() -> int:
    """Run the node until it is stopped."""
    return run.run_node(TransformsNode)
