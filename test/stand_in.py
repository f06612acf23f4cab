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
A stand-in for a physical robot, in a separate process: joints, and sensors at their own rates.

It shares no code with the package. Its joints are in another order, with one that nobody needs;
each is a damped rotor, or a servo that is where it is commanded to be. Words on the topic
``fault`` cause faults, several separated by commas, and ``fault_began`` says when the
last good message was sent. Commands that are too old or wrong become zero torque, and
``applied`` shows what each rotor got.

The faults: ``TOPIC silent``, ``TOPIC back`` (in time, 3 s), ``TOPIC unstamped``,
``joint_states lost`` (one joint), ``joint_states bare`` (positions alone), ``imu tilted``,
``imu elsewhere`` (in another frame), ``imu upside down``, ``imu unoriented`` (by its covariance),
``imu disoriented`` (and its acceleration not a number), ``joint_states N Hz``.
"""

import argparse
import math
import re
import time

from nav_msgs.msg import Odometry
import rclpy
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sensor_msgs.msg import Imu, JointState, Joy
from std_msgs.msg import Float64, Float64MultiArray, String, UInt8MultiArray

JOINTS = ('left_hip', 'left_knee', 'left_ankle', 'right_hip', 'right_knee', 'right_ankle')
#: Every how many periods each topic has a message.
RATIO = {'imu': 2, 'odom': 4, 'foot_contacts': 4, 'reward': 10, 'joy': 4}
KINDS = {'joint_states': JointState, 'imu': Imu, 'odom': Odometry, 'joy': Joy,
         'foot_contacts': UInt8MultiArray, 'reward': Float64}
NAN = math.nan


class StandIn(Node):
    """The robot and its drivers."""

    def __init__(self, period, best_effort, commands, joints, feet, sets):
        super().__init__('robot')
        self.period, self.faults, self.count, self.awaited = period, (), 0, None
        self.sets, self.ticked = sets, None
        self.joints, self.feet, self.servo = joints, feet, commands == 'joint_positions'
        #: The order of its messages.
        self.listed = (*joints[::-2], 'arm', *joints[-2::-2])
        self.torque = dict.fromkeys(joints, 0.0)
        self.commanded = 0.0
        self.angle = dict.fromkeys(self.listed, 0.1)
        self.speed = dict.fromkeys(self.listed, 0.0)
        self.last = dict.fromkeys(KINDS, 0.0)
        policy = ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE
        qos = QoSProfile(depth=5, reliability=policy)
        self.ends = {t: self.create_publisher(kind, 'deadman' if t == 'joy' else t, qos)
                     for t, kind in KINDS.items()}
        self.began = self.create_publisher(Float64, 'fault_began', 10)
        self.applied = self.create_publisher(Float64MultiArray, 'applied', 10)
        self.create_subscription(Float64MultiArray, commands, self.on_command, 10)
        self.create_subscription(String, 'fault', self.on_fault, 10)
        self.create_timer(period, self.tick)
        self.joints_timer = self.create_timer(
            period, lambda: None if sets else self.publish('joint_states'))

    def on_command(self, message):
        good = len(message.data) == len(self.joints) and all(map(math.isfinite, message.data))
        values = message.data if good else [0.0] * len(self.joints)
        if self.servo:
            self.angle |= zip(self.joints, values, strict=True)
        else:
            self.torque = dict(zip(self.joints, values, strict=True))
        self.commanded = time.time()

    def on_fault(self, message):
        self.faults = tuple(filter(None, message.data.split(', ')))
        topic = self.faults[0].split()[0] if self.faults else 'joint_states'
        hertz = re.search(r'joint_states (\d+) Hz', message.data)
        self.joints_timer.timer_period_ns = int(1e9 * (
            1.0 / int(hertz[1]) if hertz else self.period))
        self.awaited = None if f'{topic} silent' in self.faults else topic
        if not self.awaited:
            self.began.publish(Float64(data=self.last[topic]))

    def tick(self):
        if time.time() - self.commanded > 10 * self.period:
            self.torque = dict.fromkeys(self.joints, 0.0)
        for joint in () if self.servo else self.listed:
            push = self.torque.get(joint, 0.0)
            self.speed[joint] += self.period * (push - self.speed[joint] - self.angle[joint])
            self.angle[joint] += self.period * self.speed[joint]
        self.applied.publish(Float64MultiArray(data=list(self.torque.values())))
        if self.sets:
            self.ticked = time.time()
            self.publish('joint_states')
        for topic, ratio in RATIO.items():
            if self.sets or self.count % ratio == 0:
                self.publish(topic)
        self.count += 1

    def publish(self, topic):
        if f'{topic} silent' not in self.faults:
            self.last[topic] = time.time()
            self.ends[topic].publish(getattr(self, topic)())
            if topic == self.awaited:
                self.began.publish(Float64(data=self.last[topic]))
                self.awaited = None

    def stamp(self, topic):
        if f'{topic} unstamped' in self.faults:
            return Time().to_msg()
        late = 3.0 if f'{topic} back' in self.faults else 0.0
        return Time(nanoseconds=int(((self.ticked or time.time()) - late) * 1e9)).to_msg()

    def joint_states(self):
        lost = self.joints[1] if 'joint_states lost' in self.faults else None
        names = [joint for joint in self.listed if joint != lost]
        message = JointState(name=names, position=[self.angle[j] for j in names],
                             velocity=[self.speed[j] for j in names], effort=[0.0] * len(names))
        if 'joint_states bare' in self.faults:
            message.velocity, message.effort = [], [NAN] * len(names)
        message.header.stamp = self.stamp('joint_states')
        return message

    def imu(self):
        tilt = 1.4 if 'imu tilted' in self.faults else 0.05
        message = Imu()
        message.header.stamp = self.stamp('imu')
        message.header.frame_id = 'imu_link' if 'imu elsewhere' in self.faults else ''
        q = message.orientation
        q.y, q.w = math.sin(tilt / 2), math.cos(tilt / 2)
        if 'imu upside down' in self.faults:  # the imu is turned about its x axis
            q.x, q.y, q.z, q.w = q.w, 0.0, -q.y, 0.0
        if 'imu unoriented' in self.faults:
            message.orientation_covariance[0] = -1.0
        if 'imu disoriented' in self.faults:
            q.y = q.w = message.linear_acceleration.z = NAN
        return message

    def odom(self):
        message = Odometry()
        message.header.stamp = self.stamp('odom')
        message.pose.pose.position.z = 0.6
        return message

    def foot_contacts(self):
        return UInt8MultiArray(data=[1, 0] * (self.feet // 2))

    def reward(self):
        return Float64(data=0.1)

    def joy(self):
        return Joy(buttons=[0, int('joy released' not in self.faults)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('period', type=float)
    parser.add_argument('--best-effort', action='store_true')
    parser.add_argument('--commands', default='joint_torques')
    parser.add_argument('--joints', type=lambda text: tuple(text.split(',')), default=JOINTS)
    parser.add_argument('--feet', type=int, default=2)
    parser.add_argument('--sets', action='store_true', help='all topics at once, with one stamp')
    options = parser.parse_args()
    rclpy.init()
    node = StandIn(options.period, options.best_effort, options.commands, options.joints,
                   options.feet, options.sets)
    executor = EventsExecutor()
    executor.add_node(node)
    while rclpy.ok():  # a spin without a time-out would spin hot
        executor.spin_once(timeout_sec=0.2)


if __name__ == '__main__':
    main()
