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
The simulator node: a simulated robot with the topics of a physical one.

It has two paces. In real time, a timer steps the walker; the newest command is held, and a stale
one is replaced by zero torque (a position is held), as on hardware. In lock-step, each step waits
for the command computed from the step before, so the simulation runs as fast as the machine can.
"""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any

from builtin_interfaces.msg import Time
from dynsyn_ros.nodes import diagnostics, parameters, run, topics
from dynsyn_ros.nodes.config import LOCKSTEP, SharedConfig, SimulatorConfig
from dynsyn_ros.nodes.guard import WARNING_PERIOD
from dynsyn_ros.nodes.sensors import SensorPublishers
from dynsyn_ros.robot import Robot, RobotConfig
from dynsyn_ros.robot.readings import REWARD
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.plant import Plant
from dynsyn_ros.simulation.plants import plant_class
import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.topic_endpoint_info import TopicEndpointInfo
from std_msgs.msg import MultiArrayDimension

#: Time between two checks for the controller in lock-step, s.
LOOK_PERIOD = 0.05
#: Wall time between two images, s: drawing one takes longer than a step.
IMAGE_PERIOD = 0.04


class SimulatorNode(Node):
    """One simulated robot, which is put back on its feet when an episode ends."""

    def __init__(
        self,
        after_step: Callable[[Plant], None] = lambda _: None,
        **kwargs: Any,
    ) -> None:
        """
        Check the parameters and make the walker; raises :class:`ConfigError`.

        ``after_step`` is called after each step, for data that no topic carries.
        """
        super().__init__('simulator', **kwargs)
        shared, self._config, robot_config = parameters.declare(
            self, SharedConfig, SimulatorConfig, RobotConfig,
            live={RobotConfig: ()})  # only its controller can change them
        self._robot = Robot(robot_config)
        self.walker = plant_class(self._config.env_id)(
            self._config.env_id, shared.seed, robot=robot_config)
        spec = self.walker.spec
        self._joints, self._time_step = len(spec.joints), spec.time_step
        self._robot.observer(spec.readings)
        if self._config.change:
            self.walker.change(self._config.change)
        self.max_steps = self._config.max_steps
        """Steps after which the simulator ends; 0 means never."""
        self._after_step = after_step
        self.steps = 0
        """Steps taken since the start."""
        self.episodes = 0
        """Number of ended episodes, including those of the run that this one continues."""
        self._reward = 0.0
        if self._config.pace == LOCKSTEP and not self._config.publish_reward:
            raise ConfigError('parameter publish_reward must be true with pace lockstep, which '
                              'waits for a reward with each step')
        self._sensors = SensorPublishers(self, spec, self._config.publish_reward)
        self._other = {
            topic: self.create_publisher(
                kind, topic, topics.HISTORY if topic == topics.EPISODES else topics.QOS)
            for topic, kind in topics.SIMULATION.items()
        }
        self._clock_message = topics.SIMULATION[topics.CLOCK]()
        self._topic = topics.COMMAND_OF[robot_config.command]
        self._commands = self.create_subscription(
            topics.COMMANDS_TYPE, self._topic, self._on_command, topics.QOS)
        self.rejected = 0
        """Number of commands since the start that could not be used."""
        self.get_logger().info(
            f'{self._config.env_id}, seed {shared.seed}, pace {self._config.pace}')
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(IMAGE_PERIOD, self._publish_image, clock=self._steady)
        self._diagnostics = diagnostics.Diagnostics(self, self._report)
        if self._config.pace == LOCKSTEP:
            self._awaiting = False
            self._controllers: frozenset[bytes] = frozenset()
            self._steps_at_last_look = -1
            self.create_timer(LOOK_PERIOD, self._look_for_controller, clock=self._steady)
        else:
            self._command = self.walker.stop()
            self._command_age = math.inf
            self._timer = self.create_timer(
                self._time_step / self._config.real_time_factor, self._tick, clock=self._steady)
            self.add_post_set_parameters_callback(self._on_parameters)

    @property
    def finished(self) -> bool:
        """Whether the simulator has taken all the steps that it was asked for."""
        return 0 < self.max_steps <= self.steps

    @property
    def _stamp(self) -> Time:
        """Simulated time since the start."""
        sec, nanosec = divmod(self.steps * round(1e9 * self._time_step), 1_000_000_000)
        return Time(sec=sec, nanosec=nanosec)

    # Real time

    def _tick(self) -> None:
        if self.finished:
            return
        self._command_age += self._time_step
        if self._command_age > self.get_parameter('command_timeout').value:
            self._command = self.walker.stop()
        self._step(self._command)
        self._publish()

    def _on_parameters(self, changed: list[Parameter]) -> None:
        for parameter in changed:
            if parameter.name == 'real_time_factor':
                self._timer.timer_period_ns = int(1e9 * self._time_step / parameter.value)

    # Lock-step

    def _look_for_controller(self) -> None:
        """Publish the present step once all topics of a new controller are connected."""
        if self.steps != self._steps_at_last_look and self._awaiting:
            self._steps_at_last_look = self.steps
            return
        if self._awaiting:  # a controller that missed the clock cannot judge its inputs
            self._other[topics.CLOCK].publish(self._clock_message)
        publishers = self.get_publishers_info_by_topic(self._commands.topic_name)
        deaf = {bytes(end.endpoint_gid): self._unheard_by(end) for end in publishers}
        ready = frozenset(gid for gid, unheard in deaf.items() if not unheard)
        if self._awaiting and ready and ready <= self._controllers:
            return  # the controller is still there and working
        # If none is left, keep waiting: a last command may still be on its way.
        self._controllers = ready
        if ready:
            self._await_command()
            return
        unheard = next(iter(deaf.values()), [])
        self.get_logger().info(
            f'lock-step waits for a controller that publishes {self._topic}'
            + (f' and listens to {", ".join(unheard)}' if unheard else ''),
            throttle_duration_sec=WARNING_PERIOD, skip_first=True)

    def _unheard_by(self, commander: TopicEndpointInfo) -> list[str]:
        """List the needed topics that the node of a publisher has not subscribed to yet."""
        node = (commander.node_namespace, commander.node_name)
        unheard = []
        for topic in (*self._robot.topics, REWARD):
            publisher = self._sensors.publishers[topic]
            ends = self.get_subscriptions_info_by_topic(publisher.topic_name)
            nodes = {(end.node_namespace, end.node_name) for end in ends}
            if node not in nodes or publisher.get_subscription_count() < len(ends):
                unheard.append(topic)
        return unheard

    def _await_command(self) -> None:
        self._awaiting = True
        self._publish()

    # Both

    def _on_command(self, message: topics.COMMANDS_TYPE) -> None:
        values = message.data
        if len(values) != self._joints or not math.isfinite(sum(values)):
            self.rejected += 1
            self.get_logger().warning(
                f'a message on {self._topic} must hold {self._joints} finite numbers, not '
                f'{list(message.data)}', throttle_duration_sec=WARNING_PERIOD)
            return
        if self._config.pace != LOCKSTEP:
            self._command, self._command_age = np.array(values), 0.0
        elif self._awaiting and not self.finished:
            self._step(np.array(values))
            self._await_command()

    def _step(self, command: np.ndarray) -> None:
        """Send commands, in the order of the parameter ``joints``, for one step."""
        self._reward = self.walker.step(command)
        self.steps += 1
        self._after_step(self.walker)

    def _publish(self) -> None:
        """Publish the present step."""
        self._clock_message.clock = stamp = self._stamp
        self._other[topics.CLOCK].publish(self._clock_message)
        self._sensors.fill(
            self.walker.readings, self.walker.efforts, self.walker.position, self._reward, stamp)
        if not self.finished:  # whether a last set is acted on would depend on chance
            self._sensors.publish()
        if self.walker.episode is not None:
            self.episodes += 1
            self._publish_episode()

    def _publish_episode(self) -> None:
        episode = self.walker.episode
        for topic, value in (
            (topics.EPISODE_RETURN, episode.total),
            (topics.EPISODE_LENGTH, float(episode.length)),
        ):
            self._other[topic].publish(topics.SIMULATION[topic](data=value))
        message = topics.SIMULATION[topics.EPISODES]()
        message.layout.dim = [MultiArrayDimension(
            label=','.join(topics.EPISODE_FIELDS), size=3, stride=3)]
        message.data = [float(self.episodes), episode.total, float(episode.length)]
        self._other[topics.EPISODES].publish(message)

    def _publish_image(self) -> None:
        """Draw the walker if anybody has subscribed to its image."""
        if not self._other[topics.IMAGE].get_subscription_count():
            return
        try:
            pixels = self.walker.render()
        except ConfigError as error:
            self.get_logger().warning(
                f'no {topics.IMAGE}: {error}', throttle_duration_sec=WARNING_PERIOD)
            return
        height, width, _ = pixels.shape
        image = topics.SIMULATION[topics.IMAGE](
            height=height, width=width, encoding='rgb8', step=3 * width)
        image.data = pixels.tobytes()
        image.header.stamp = self._stamp
        image.header.frame_id = topics.HULL
        self._other[topics.IMAGE].publish(image)

    def _report(self) -> list[diagnostics.Report]:
        level, message = diagnostics.OK, f'simulating {self._config.env_id}'
        if self._config.pace == LOCKSTEP and not self._controllers and not self.finished:
            level, message = diagnostics.WARN, 'lock-step waits for a controller'
        elif self._config.pace != LOCKSTEP and self._command_age > self._time_step * 2:
            level, message = diagnostics.WARN, f'no command arrives on {self._topic}'
        return [diagnostics.Report('', level, message, {
            'pace': self._config.pace, 'steps': self.steps, 'episodes': self.episodes,
            'rejected commands': self.rejected})]


def main() -> int:
    """Run the simulator node until it is stopped or has taken its steps."""
    return run.run_node(SimulatorNode, finished=lambda node: node.finished)
