"""How learning goes, for rqt_plot and the dashboard: single numbers, and some weights."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np
from rclpy.clock import Clock
from rclpy.node import Node
from std_msgs.msg import MultiArrayDimension

from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics

#: How often they are published, s of wall clock.
PERIOD = 0.1


class Monitor:
    """Publishers of what a learner is at, until they are closed."""

    def __init__(
        self, node: Node, learner: Learner, synapses: Mapping[str, int], clock: Clock
    ) -> None:
        """Begin to publish, the weights of those ``synapses`` (places by name)."""
        self._node, self._learner = node, learner
        self._places = np.array(list(synapses.values()), dtype=int)
        size = len(synapses)
        self._weights = topics.WEIGHTS_TYPE()
        self._weights.layout.dim = [
            MultiArrayDimension(label='weight,centre', size=2, stride=2 * size),
            MultiArrayDimension(label=','.join(synapses), size=size, stride=size)]
        self._ends = {
            topic: node.create_publisher(kind, topic, topics.QOS)
            for topic, kind in {**topics.SCALARS, topics.WEIGHTS: topics.WEIGHTS_TYPE}.items()}
        self._timer = node.create_timer(PERIOD, self._publish, clock=clock)

    def _publish(self) -> None:
        values = {
            topics.AMPLITUDE: self._learner.mean_amplitude,
            topics.CENTRE_SHIFT: self._learner.centre_shift,
            topics.GAIN: self._learner.mean_gain,
        }
        state = self._learner.synapses
        self._weights.data = array('d', np.concatenate(
            [state.weight[0, self._places], state.centre[0, self._places]]))
        for topic, publisher in self._ends.items():
            publisher.publish(self._weights if topic == topics.WEIGHTS
                              else topics.SCALARS[topic](data=values[topic]))

    def close(self) -> None:
        """Fall silent, also where the executor has the timer in its queue already."""
        self._node.destroy_timer(self._timer)
        while self._ends:
            _, publisher = self._ends.popitem()
            self._node.destroy_publisher(publisher)
