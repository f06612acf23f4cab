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
The reward node: the reward of a robot, computed from its own sensors.

It replaces the reward of a simulator: each step of the robot's sensors gives one reward.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dynsyn_ros.nodes import diagnostics, parameters, run, topics
from dynsyn_ros.nodes.frames import Mounting
from dynsyn_ros.nodes.guard import Guarded, WARNING_PERIOD
from dynsyn_ros.robot import BadMessage, Reward, RobotConfig, SensorBuffer
from dynsyn_ros.robot.readings import REWARD
from dynsyn_ros.settings.schema import ConfigError
from rclpy.node import Node
from rclpy.parameter import Parameter

#: Parameters that may be changed while it runs.
LIVE = ('fall_tilt', 'upright_tilt')


class RewardNode(Guarded, Node):
    """The reward of one robot."""

    def __init__(self, **kwargs: Any) -> None:
        """Check the parameters and subscribe; raises :class:`ConfigError`."""
        super().__init__('reward_node', **kwargs)
        (config,) = parameters.declare(self, RobotConfig, live={RobotConfig: LIVE})
        if config.reward_terms is None:
            raise ConfigError('missing parameter reward_terms: a table of parameters')
        self._reward = Reward(config.reward_terms, config)
        self._inputs = SensorBuffer(self._reward.robot)
        self._inputs.need_reward(False)
        self._mounting = Mounting(self, config, self._inputs)
        self.rejected = 0
        """Number of messages since the start that could not be used."""
        self.sum = 0.0
        """Sum of all rewards since the start."""
        self._message = topics.SENSORS[REWARD]()
        self._publisher = self.create_publisher(type(self._message), REWARD, topics.QOS)
        for topic in self._reward.robot.topics:
            topics.listen(self, topics.SENSORS[topic], topic, partial(self._on_message, topic),
                          config.inputs[topic].qos)
        self._input_reports = diagnostics.InputReports(
            self, self._inputs, config.control_period)
        self._diagnostics = diagnostics.Diagnostics(self, self._report)
        self.add_post_set_parameters_callback(self._on_parameters)

    def _on_parameters(self, changed: list[Parameter]) -> None:
        if not parameters.of_ros(changed):
            self._reward.reconfigure(parameters.current(self, RobotConfig))

    def _now(self) -> int:
        return self.get_clock().now().nanoseconds

    def _on_message(self, topic: str, message: Any) -> None:
        if topic == 'imu':
            self._mounting.see(message.header.frame_id)
        try:
            due = self._inputs.put(topic, message, self._now)
        except BadMessage as error:
            self.rejected += 1
            self.get_logger().warning(str(error), throttle_duration_sec=WARNING_PERIOD)
            return
        if not due or self._inputs.trouble(self._now()):
            return
        given = self._inputs.take(self._now())
        named = dict(zip(self._inputs.names, given.readings[0].tolist(), strict=True))
        self._message.data = self._reward.of(named, given.periods)
        self.sum += self._message.data
        self._publisher.publish(self._message)

    def _report(self) -> list[diagnostics.Report]:
        trouble = self._inputs.trouble(self._now())
        return [
            diagnostics.Report(
                'reward',
                diagnostics.ERROR if self.faults.shown else
                diagnostics.WARN if trouble else diagnostics.OK,
                self.faults.shown or trouble or (
                    'fallen' if self._reward.fallen else 'rewarding'),
                {'sum': self.sum, 'rejected messages': self.rejected,
                 'faults': self.faults.count}),
            *(each for each in self._input_reports() if each.task != REWARD)]


def main() -> int:
    """Run the reward node until it is stopped."""
    return run.run_node(RewardNode)
