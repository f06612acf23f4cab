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


"""The mounting of an IMU, from the static transforms, unless a parameter gives it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dynsyn_ros.robot import RobotConfig, SensorBuffer
from dynsyn_ros.robot.rotation import Quaternion, rotation_of
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

#: Global by convention, and latched for late subscribers.
STATIC_TRANSFORMS = '/tf_static'
STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Mounting:
    """Turns the IMU's readings into ``base_frame``, once the IMU's frame and tf are known."""

    def __init__(self, node: Node, config: RobotConfig, inputs: SensorBuffer) -> None:
        """Wait for the IMU's frame; subscribe to the transforms if it is not ``base_frame``."""
        self._node, self._base, self._inputs = node, config.base_frame, inputs
        self._parents: dict[str, tuple[str, Quaternion]] = {}
        self._frame, self._end = '', None
        self._wanted = 'imu' in inputs.topics and not config.inputs['imu'].rotation

    def _on_transforms(self, message: Any) -> None:
        for each in message.transforms:
            q = each.transform.rotation
            self._parents[each.child_frame_id] = each.header.frame_id, (q.x, q.y, q.z, q.w)
        self._mount()

    def see(self, frame: str) -> None:
        """Set the frame of an IMU's message, which is refused while tf does not know it."""
        if not self._wanted or frame == self._frame:
            return
        self._frame, self._inputs.unmounted = frame, ''
        if frame not in ('', self._base):
            self._inputs.unmounted = (
                f'imu measures in {frame}, and tf does not say how that is mounted in '
                f'{self._base}: set inputs.imu.rotation, to [0, 0, 0] if they are aligned')
            self._listen()
            self._mount()

    def _listen(self) -> None:
        """Subscribe to the static transforms, if tf2_msgs is installed."""
        if self._end is not None:
            return
        try:
            kind = import_module('tf2_msgs.msg').TFMessage
        except ImportError:
            return
        self._end = self._node.create_subscription(
            kind, STATIC_TRANSFORMS, self._on_transforms, STATIC)

    def _mount(self) -> None:
        rotation = rotation_of(self._frame, self._base, self._parents)
        if rotation is not None and self._frame != self._base:
            self._inputs.mount(rotation)
            self._inputs.unmounted = ''

    def close(self) -> None:
        """Remove the subscription."""
        if self._end is not None:
            self._node.destroy_subscription(self._end)
