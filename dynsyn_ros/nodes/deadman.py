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


"""A deadman switch: the robot only moves while somebody holds a button."""

from __future__ import annotations

import time
from typing import Any

from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.config import BOOL, ControllerConfig, JOY, NO_DEADMAN
from dynsyn_ros.robot.config import BEST_EFFORT
from rclpy.node import Node


class Deadman:
    """Whether the switch is held, according to its newest message."""

    def __init__(self, node: Node, config: ControllerConfig) -> None:
        """Subscribe to the switch, if one is configured."""
        self._there = config.deadman != NO_DEADMAN
        self._button, self._timeout = config.deadman_button, config.deadman_timeout
        self._held, self._heard = False, -self._timeout
        if self._there:
            kind, hear = config.deadman, {JOY: self._on_joy, BOOL: self._on_bool}
            self._end = topics.listen(
                node, topics.DEADMAN_TYPES[kind], topics.DEADMAN, hear[kind], BEST_EFFORT)
            self._node = node

    def _on_joy(self, message: Any) -> None:
        self._hear(len(message.buttons) > self._button and message.buttons[self._button] == 1)

    def _on_bool(self, message: Any) -> None:
        self._hear(message.data)

    def _hear(self, held: bool) -> None:
        self._held, self._heard = held, time.monotonic()

    @property
    def trouble(self) -> str:
        """Say why the robot must not move; empty if it may."""
        if not self._there:
            return ''
        if time.monotonic() - self._heard > self._timeout:
            return f'nothing has arrived on {topics.DEADMAN} for {self._timeout:g} s'
        return '' if self._held else f'{topics.DEADMAN} is not held'

    def close(self) -> None:
        """Remove the subscription."""
        if self._there:
            self._node.destroy_subscription(self._end)
