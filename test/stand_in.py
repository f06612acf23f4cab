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
A stand-in for a physical robot, a process of its own: six joints, sensors at their own rates.

It shares no code with the package. Joints are listed in an order of its own, beside one that is
nobody's business; each is a damped rotor. A word on the topic ``fault`` brings a fault about, and
``fault_began`` tells when the last good message went out. Commands that are over-aged or wrong
become zero torque, and ``applied`` tells what each rotor got.
"""

import math
import sys
import time

from nav_msgs.msg import Odometry
import rclpy
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64, Float64MultiArray, String, UInt8MultiArray

JOINTS = ('left_hip', 'left_knee', 'left_ankle', 'right_hip', 'right_knee', 'right_ankle')
#: The order of its messages.
LISTED = ('right_ankle', 'arm', 'left_hip', 'right_hip', 'left_ankle', 'left_knee', 'right_knee')
#: Messages of each topic for so many of joint_states.
RATIO = {'joint_states': 1, 'imu': 2, 'odom': 4, 'foot_contacts': 4, 'reward': 10}
KINDS = {'joint_states': JointState, 'imu': Imu, 'odom': Odometry,
         'foot_contacts': UInt8MultiArray, 'reward': Float64}


class StandIn(Node):
    """The robot's drivers and the robot."""

    def __init__(self, period):
        super().__init__('robot')
        self.period, self.fault, self.count = period, '', 0
        self.torque = dict.fromkeys(JOINTS, 0.0)
        self.commanded = 0.0
        self.angle = dict.fromkeys(LISTED, 0.1)
        self.speed = dict.fromkeys(LISTED, 0.0)
        self.last = dict.fromkeys(KINDS, 0.0)
        self.ends = {t: self.create_publisher(kind, t, 10) for t, kind in KINDS.items()}
        self.began = self.create_publisher(Float64, 'fault_began', 10)
        self.applied = self.create_publisher(Float64MultiArray, 'applied', 10)
        self.create_subscription(Float64MultiArray, 'joint_torques', self.on_command, 10)
        self.create_subscription(String, 'fault', self.on_fault, 10)
        self.create_timer(period, self.tick)

    def on_command(self, message):
        good = len(message.data) == 6 and all(map(math.isfinite, message.data))
        values = message.data if good else [0.0] * 6
        self.torque = dict(zip(JOINTS, values, strict=True))
        self.commanded = time.time()

    def on_fault(self, message):
        self.fault = message.data
        topic = self.fault.split()[0] if self.fault else 'joint_states'
        self.began.publish(Float64(data=self.last.get(topic, 0.0)))

    def tick(self):
        if time.time() - self.commanded > 10 * self.period:
            self.torque = dict.fromkeys(JOINTS, 0.0)
        for joint in LISTED:
            push = self.torque.get(joint, 0.0)
            self.speed[joint] += self.period * (push - self.speed[joint] - self.angle[joint])
            self.angle[joint] += self.period * self.speed[joint]
        self.applied.publish(Float64MultiArray(data=list(self.torque.values())))
        for topic, ratio in RATIO.items():
            if self.count % ratio == 0 and self.fault != f'{topic} silent':
                self.last[topic] = time.time()
                self.ends[topic].publish(getattr(self, topic)())
        self.count += 1

    def stamp(self, topic):
        late = 3.0 if self.fault == f'{topic} back' else 0.0
        return Time(nanoseconds=int((time.time() - late) * 1e9)).to_msg()

    def joint_states(self):
        names = [j for j in LISTED if self.fault != 'joint_states lost' or j != 'left_knee']
        message = JointState(name=names, position=[self.angle[j] for j in names],
                             velocity=[self.speed[j] for j in names], effort=[0.0] * len(names))
        message.header.stamp = self.stamp('joint_states')
        return message

    def imu(self):
        tilt = 1.4 if self.fault == 'imu tilted' else 0.05
        message = Imu()
        message.header.stamp = self.stamp('imu')
        message.orientation.y, message.orientation.w = math.sin(tilt / 2), math.cos(tilt / 2)
        return message

    def odom(self):
        message = Odometry()
        message.header.stamp = self.stamp('odom')
        message.pose.pose.position.z = 0.6
        return message

    def foot_contacts(self):
        return UInt8MultiArray(data=[1, 0])

    def reward(self):
        return Float64(data=0.1)


def main():
    rclpy.init()
    node = StandIn(float(sys.argv[1]))
    executor = EventsExecutor()
    executor.add_node(node)
    while rclpy.ok():  # a spin without a time-out would spin hot
        executor.spin_once(timeout_sec=0.2)


if __name__ == '__main__':
    main()
