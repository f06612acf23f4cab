"""The simulated walker's readings as sensor messages, filled in place and published."""

from __future__ import annotations

from array import array

import numpy as np
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import MultiArrayDimension

from dynsyn_ros.nodes import topics
from dynsyn_ros.robot.robot import QUATERNION
from dynsyn_ros.simulation import bipedal_walker as walker

#: Frames: the hull; the odometry's origin; a level frame at the hull, in which gymnasium gives its
#: velocity; and the lidar, whose x axis points straight down and whose y axis to the front.
HULL, ODOM, LEVEL, LIDAR = 'hull', 'odom', 'base_stabilized', 'lidar'


class SensorPublishers:
    """One publisher and one message a sensor topic; messages are reused from step to step."""

    def __init__(self, node: Node) -> None:
        """Create the publishers and lay out the messages."""
        self.publishers = {
            topic: node.create_publisher(kind, topic, topics.QOS)
            for topic, kind in topics.SENSORS.items()
        }
        self._messages = {topic: kind() for topic, kind in topics.SENSORS.items()}
        place = {name: i for i, name in enumerate(walker.READINGS)}
        self._quaternion = [place[name] for name in QUATERNION]
        self._pitch_rate = place['imu.angular_velocity.y']
        self._velocity = place['odom.linear.x'], place['odom.linear.z']
        joints, scan, imu, odom, contacts = (
            self._messages[topic]
            for topic in ('joint_states', 'scan', 'imu', 'odom', 'foot_contacts'))
        joints.name = list(walker.JOINTS)
        for field in ('position', 'velocity', 'effort'):
            setattr(joints, field, array('d', bytes(8 * len(walker.JOINTS))))
        imu.header.frame_id = HULL
        imu.linear_acceleration_covariance[0] = -1.0  # not measured
        odom.header.frame_id, odom.child_frame_id = ODOM, LEVEL
        scan.header.frame_id = LIDAR
        scan.angle_max = (walker.RAYS - 1) * walker.RAY_STEP
        scan.angle_increment = walker.RAY_STEP
        scan.scan_time = walker.TIME_STEP
        scan.range_max = walker.RANGE_MAX
        scan.ranges = array('f', bytes(4 * walker.RAYS))
        contacts.data = array('B', bytes(walker.FEET))
        contacts.layout.dim = [
            MultiArrayDimension(label='feet', size=walker.FEET, stride=walker.FEET)]
        self._effort = np.frombuffer(joints.effort)
        self._arrays = [
            (np.frombuffer(buffer, kind), [place[name] for name in names])
            for buffer, kind, names in (
                (joints.position, float, [f'joint_states.{j}.position' for j in walker.JOINTS]),
                (joints.velocity, float, [f'joint_states.{j}.velocity' for j in walker.JOINTS]),
                (scan.ranges, np.float32, [f'scan.{i}' for i in range(walker.RAYS)]),
                (contacts.data, np.uint8, [f'foot_contacts.{i}' for i in range(walker.FEET)]),
            )
        ]

    def fill(
        self,
        readings: np.ndarray,
        torques: np.ndarray,
        position: tuple[float, float],
        reward: float,
        time: Time,
    ) -> None:
        """Write one time step into the messages; ``torques`` (N m) are those just applied."""
        for view, index in self._arrays:
            view[:] = readings[index]
        self._effort[:] = torques
        imu, odom = self._messages['imu'], self._messages['odom']
        q = imu.orientation
        q.x, q.y, q.z, q.w = readings[self._quaternion].tolist()
        imu.angular_velocity.y = float(readings[self._pitch_rate])
        odom.pose.pose.position.x, odom.pose.pose.position.z = position
        linear = odom.twist.twist.linear
        linear.x, linear.z = (float(readings[i]) for i in self._velocity)
        self._messages['reward'].data = reward
        stamp = time.to_msg()
        for topic in ('joint_states', 'imu', 'odom', 'scan'):
            self._messages[topic].header.stamp = stamp

    def publish(self) -> None:
        """Send the messages as they stand."""
        for topic, publisher in self.publishers.items():
            publisher.publish(self._messages[topic])
