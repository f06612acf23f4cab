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

"""The progress of learning, for rqt_plot and the dashboard: scalars, weights and readings."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.robot import Robot, SensorBuffer
from dynsyn_ros.storage.checkpoint_manager import CheckpointManager
import numpy as np
from rclpy.clock import Clock
from rclpy.node import Node
from std_msgs.msg import MultiArrayDimension

#: Time between two publications, s of wall clock.
PERIOD = 0.05


def table(kind: type, rows: Sequence[str], columns: Sequence[str]) -> Any:
    """Lay out an array message whose rows and columns have names."""
    message, size = kind(), len(columns)
    message.layout.dim = [
        MultiArrayDimension(label=','.join(rows), size=len(rows), stride=len(rows) * size),
        MultiArrayDimension(label=','.join(columns), size=size, stride=size)]
    return message


class Monitor:
    """Publishers of a controller's progress, until they are closed."""

    def __init__(
        self,
        node: Node,
        robot: Robot,
        learner: Learner,
        manager: CheckpointManager,
        inputs: SensorBuffer,
        clock: Clock,
    ) -> None:
        """Begin to publish."""
        self._node, self._learner, self._manager, self._inputs = node, learner, manager, inputs
        self._places = np.array(list(robot.first_synapses.values()), dtype=int)
        self._messages = {topic: kind() for topic, kind in topics.SCALARS.items()} | {
            topics.WEIGHTS: table(
                topics.ARRAYS[topics.WEIGHTS], ('weight', 'centre'), list(robot.first_synapses)),
            topics.READINGS: table(topics.ARRAYS[topics.READINGS], ('reading',), inputs.names),
        }
        self._steps, self._earned = manager.steps, manager.earned
        self._newest: int | None = None
        self._ends = {topic: node.create_publisher(kind, topic, topics.QOS)
                      for topic, kind in {**topics.SCALARS, **topics.ARRAYS}.items()}
        self._timer = node.create_timer(PERIOD, self._publish, clock=clock)

    def _publish(self) -> None:
        steps, earned = self._manager.steps, self._manager.earned
        for topic, value in (
            (topics.AMPLITUDE, self._learner.mean_amplitude),
            (topics.CENTRE_SHIFT, self._learner.centre_shift),
            (topics.GAIN, self._learner.mean_gain),
        ):
            self._messages[topic].data = value
        state = self._learner.state
        self._messages[topics.WEIGHTS].data = array('d', np.concatenate(
            [state.fluctuation.weight[0, self._places],
             state.plasticity.centre[0, self._places]]))
        old = set()  # unchanged data is not published again
        if steps > self._steps:
            self._messages[topics.MEAN_REWARD].data = (
                (earned - self._earned) / (steps - self._steps))
            self._steps, self._earned = steps, earned
        else:
            old.add(topics.MEAN_REWARD)
        if self._inputs.newest != self._newest:
            self._messages[topics.READINGS].data = self._inputs.values
            self._newest = self._inputs.newest
        else:
            old.add(topics.READINGS)
        for topic, publisher in self._ends.items():
            if topic not in old:
                publisher.publish(self._messages[topic])

    def close(self) -> None:
        """Stop publishing, even if the executor already has the timer in its queue."""
        self._node.destroy_timer(self._timer)
        while self._ends:
            _, publisher = self._ends.popitem()
            self._node.destroy_publisher(publisher)
