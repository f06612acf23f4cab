"""The simulated walker's readings as sensor messages, filled in place and published."""

from __future__ import annotations

from array import array

from builtin_interfaces.msg import Time
import numpy as np
from rclpy.node import Node
from std_msgs.msg import MultiArrayDimension

from dynsyn_ros.nodes import topics
from dynsyn_ros.robot.robot import QUATERNION, REWARD
from dynsyn_ros.simulation import bipedal_walker as walker

#: Frames: the hull; the odometry's origin; a level frame at the hull, in which gymnasium gives its
#: velocity; and the lidar, whose x axis points straight down and whose y axis to the front.
HULL, ODOM, LEVEL, LIDAR = 'hull', 'odom', 'base_stabilized', 'lidar'



def _part(first: str, length: int) -> slice:
    """Find readings that follow each other by the name of the first."""
    start = walker.READINGS.index(first)
    return slice(start, start + length)


_POSITIONS = _part(f'joint_states.{walker.JOINTS[0]}.position', len(walker.JOINTS))
_VELOCITIES = _part(f'joint_states.{walker.JOINTS[0]}.velocity', len(walker.JOINTS))
_QUATERNION = _part(QUATERNION[0], len(QUATERNION))
_PITCH_RATE = walker.READINGS.index('imu.angular_velocity.y')
_VELOCITY = _part('odom.linear.x', 2)
_CONTACTS = _part('foot_contacts.0', walker.FEET)
_SCAN = _part('scan.0', walker.RAYS)


class SensorPublishers:
    """One publisher and one message a sensor topic; messages are reused from step to step."""

    def __init__(self, node: Node, reward: bool = True) -> None:
        """Create the publishers, of the reward too or not, and lay out the messages."""
        self.publishers = {
            topic: node.create_publisher(kind, topic, topics.QOS)
            for topic, kind in topics.SENSORS.items() if reward or topic != REWARD
        }
        self.messages = {topic: kind() for topic, kind in topics.SENSORS.items()}
        """The messages, as laid out and last filled."""
        joints, scan, imu, odom, contacts = (
            self.messages[topic]
            for topic in ('joint_states', 'scan', 'imu', 'odom', 'foot_contacts'))
        joints.name = list(walker.JOINTS)
        joints.position = joints.velocity = joints.effort = [0.0] * len(walker.JOINTS)
        imu.header.frame_id = HULL
        imu.linear_acceleration_covariance[0] = -1.0  # not measured
        odom.header.frame_id, odom.child_frame_id = ODOM, LEVEL
        scan.header.frame_id = LIDAR
        scan.angle_max = (walker.RAYS - 1) * walker.RAY_STEP
        scan.angle_increment = walker.RAY_STEP
        scan.scan_time = walker.TIME_STEP
        scan.range_max = walker.RANGE_MAX
        scan.ranges = [0.0] * walker.RAYS
        contacts.data = [0] * walker.FEET
        contacts.layout.dim = [
            MultiArrayDimension(label='feet', size=walker.FEET, stride=walker.FEET)]

    def fill(
        self,
        readings: np.ndarray,
        torques: np.ndarray,
        position: tuple[float, float],
        reward: float,
        stamp: Time,
    ) -> None:
        """Write one time step into the messages; ``torques`` (N m) are those just applied."""
        values = readings.tolist()
        joints, imu, odom, scan = (
            self.messages[topic] for topic in ('joint_states', 'imu', 'odom', 'scan'))
        joints.position = array('d', values[_POSITIONS])
        joints.velocity = array('d', values[_VELOCITIES])
        joints.effort = array('d', torques.tolist())
        q = imu.orientation
        q.x, q.y, q.z, q.w = values[_QUATERNION]
        imu.angular_velocity.y = values[_PITCH_RATE]
        place, linear = odom.pose.pose.position, odom.twist.twist.linear
        place.x, place.z = position
        linear.x, linear.z = values[_VELOCITY]
        scan.ranges = array('f', values[_SCAN])
        self.messages['foot_contacts'].data = array('B', map(int, values[_CONTACTS]))
        self.messages['reward'].data = reward
        for message in (joints, imu, odom, scan):
            message.header.stamp = stamp

    def publish(self) -> None:
        """Send the messages as they stand."""
        for topic, publisher in self.publishers.items():
            publisher.publish(self.messages[topic])
