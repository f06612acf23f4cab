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

"""The simulated walker's readings as sensor messages, filled in place and published."""

from __future__ import annotations

from array import array

from builtin_interfaces.msg import Time
from dynsyn_ros.nodes import topics
from dynsyn_ros.robot.readings import QUATERNION, REWARD
from dynsyn_ros.simulation.plant import PlantSpec
import numpy as np
from rclpy.node import Node
from std_msgs.msg import MultiArrayDimension


class SensorPublishers:
    """One publisher and one message per sensor topic; each step reuses the messages."""

    def __init__(self, node: Node, spec: PlantSpec, reward: bool = True) -> None:
        """Create the publishers, with or without that of the reward, and lay out the messages."""
        there = {REWARD: reward, 'scan': spec.rays > 0}
        self.publishers = {
            topic: node.create_publisher(kind, topic, topics.QOS)
            for topic, kind in topics.SENSORS.items() if there.get(topic, True)
        }
        first, joints = spec.joints[0], len(spec.joints)
        self._positions = _part(spec, f'joint_states.{first}.position', joints)
        self._velocities = _part(spec, f'joint_states.{first}.velocity', joints)
        self._quaternion = _part(spec, QUATERNION[0], len(QUATERNION))
        self._pitch_rate = spec.readings.index('imu.angular_velocity.y')
        self._velocity = _part(spec, 'odom.linear.x', 2)
        self._contacts = _part(spec, 'foot_contacts.0', spec.feet)
        self._scan = _part(spec, 'scan.0', spec.rays)
        self.messages = {topic: kind() for topic, kind in topics.SENSORS.items()}
        """The messages as last filled."""
        self._lay_out(spec)

    def _lay_out(self, spec: PlantSpec) -> None:
        joints, scan, imu, odom, contacts = (
            self.messages[topic]
            for topic in ('joint_states', 'scan', 'imu', 'odom', 'foot_contacts'))
        joints.name = list(spec.joints)
        joints.position = joints.velocity = joints.effort = [0.0] * len(spec.joints)
        imu.header.frame_id = topics.HULL
        imu.linear_acceleration_covariance[0] = -1.0  # not measured
        odom.header.frame_id, odom.child_frame_id = topics.ODOM, topics.LEVEL
        scan.header.frame_id = topics.LIDAR
        scan.angle_max = (spec.rays - 1) * spec.ray_step
        scan.angle_increment = spec.ray_step
        scan.scan_time = spec.time_step
        scan.range_max = spec.range_max
        scan.ranges = [0.0] * spec.rays
        contacts.data = [0] * spec.feet
        contacts.layout.dim = [
            MultiArrayDimension(label='feet', size=spec.feet, stride=spec.feet)]

    def fill(
        self,
        readings: np.ndarray,
        torques: np.ndarray,
        position: tuple[float, float],
        reward: float,
        stamp: Time,
    ) -> None:
        """Write one step into the messages; ``torques``, N m, are those just applied."""
        values = readings.tolist()
        joints, imu, odom, scan = (
            self.messages[topic] for topic in ('joint_states', 'imu', 'odom', 'scan'))
        joints.position = array('d', values[self._positions])
        joints.velocity = array('d', values[self._velocities])
        joints.effort = array('d', torques.tolist())
        q = imu.orientation
        q.x, q.y, q.z, q.w = values[self._quaternion]
        imu.angular_velocity.y = values[self._pitch_rate]
        place, linear = odom.pose.pose.position, odom.twist.twist.linear
        place.x, place.z = position
        linear.x, linear.z = values[self._velocity]
        scan.ranges = array('f', values[self._scan])
        self.messages['foot_contacts'].data = array('B', map(int, values[self._contacts]))
        self.messages['reward'].data = reward
        for message in (joints, imu, odom, scan):
            message.header.stamp = stamp

    def publish(self) -> None:
        """Publish the messages as last filled."""
        for topic, publisher in self.publishers.items():
            publisher.publish(self.messages[topic])


def _part(spec: PlantSpec, first: str, length: int) -> slice:
    """Find consecutive readings by the name of the first; an empty slice if length is 0."""
    start = spec.readings.index(first) if length else 0
    return slice(start, start + length)
