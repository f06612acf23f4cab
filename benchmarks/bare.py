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

"""The bare baselines: environments that are only stepped, and nodes that only pass messages."""

from __future__ import annotations

from dynsyn_ros.nodes import run, topics
from dynsyn_ros.nodes.control import command_message
from dynsyn_ros.nodes.sensors import SensorPublishers
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker, ENVIRONMENTS, renew_world, SPEC
import numpy as np
from rclpy.node import Node


class BareWalkers:
    """The environments alone, stepped with recorded actions."""

    def __init__(self, seed: int, walkers: int) -> None:
        """Make the same environments as walkers of this seed have."""
        made = (BipedalWalker(ENVIRONMENTS[0], seed, i) for i in range(walkers))
        self._environments = [walker.environment for walker in made]
        self.rewards = np.zeros(walkers)
        """The rewards of the last step; equal actions earn what our walkers earn, to the bit."""

    def step(self, actions: np.ndarray) -> None:
        """Step each environment once, and reset it if an episode ended."""
        for i, (environment, action) in enumerate(zip(self._environments, actions, strict=True)):
            _, self.rewards[i], terminated, truncated, _ = environment.step(action)
            if terminated or truncated:
                renew_world(environment)
                environment.reset()


class BareSimulator(Node):
    """Only publishes the simulator's messages and steps the same environment."""

    def __init__(self, seed: int, actions: np.ndarray) -> None:
        """Prepare to step through recorded ``actions``, (steps, joints)."""
        super().__init__('bare_simulator')
        self._walkers = BareWalkers(seed, 1)
        self._actions = actions
        self.steps = 0
        self._partner_is_there = False
        sensors = SensorPublishers(self, SPEC)
        clock = topics.SIMULATION[topics.CLOCK]
        self._ends = [(self.create_publisher(clock, topics.CLOCK, topics.QOS), clock())]
        self._ends += [(publisher, sensors.messages[topic])
                       for topic, publisher in sensors.publishers.items()]
        self.create_subscription(
            topics.COMMANDS_TYPE, topics.COMMANDS, self._on_command, topics.QOS)

    @property
    def connected(self) -> bool:
        """Whether the partner has subscribed to all topics and sent its greeting."""
        return self._partner_is_there and all(
            publisher.get_subscription_count() for publisher, _ in self._ends)

    def send(self) -> None:
        """Publish one step."""
        for publisher, message in self._ends:
            publisher.publish(message)

    def _on_command(self, message: topics.COMMANDS_TYPE) -> None:
        if not self._partner_is_there:
            self._partner_is_there = True  # its greeting
        elif self.steps < len(self._actions):
            self._walkers.step(self._actions[self.steps][np.newaxis])
            self.steps += 1
            self.send()


class BareController(Node):
    """Only answers every set of sensor messages, with a constant command."""

    def __init__(self) -> None:
        """Subscribe to the topics of the controller."""
        super().__init__('bare_controller')
        self._count = 0
        self._command = command_message(len(SPEC.joints))
        for topic, kind in topics.SENSORS.items():
            self.create_subscription(kind, topic, self._on_message, topics.QOS)
        self.create_subscription(
            topics.SIMULATION[topics.CLOCK], topics.CLOCK, lambda _: None, topics.QOS)
        self._commands = self.create_publisher(
            topics.COMMANDS_TYPE, topics.COMMANDS, topics.QOS)

    def greeted(self) -> bool:
        """Send a greeting once there is a subscriber; returns whether it was sent."""
        if not self._commands.get_subscription_count():
            return False
        self._commands.publish(self._command)
        return True

    def _on_message(self, message: object) -> None:
        self._count += 1
        if self._count == len(topics.SENSORS):
            self._count = 0
            self._commands.publish(self._command)


def main() -> None:
    """Run a bare controller in a separate process until it is stopped."""
    with run.session([]) as stop:
        node = BareController()
        with run.executor_of([node]) as executor:
            run.spin(executor, lambda: bool(stop) or node.greeted())
            run.spin(executor, lambda: bool(stop))


if __name__ == '__main__':
    main()
