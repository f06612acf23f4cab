"""How learning goes, as single numbers for rqt_plot."""

from __future__ import annotations

from rclpy.clock import Clock
from rclpy.node import Node

from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics

#: How often they are published, s of wall clock.
PERIOD = 0.1


class Scalars:
    """Publishers of a learner's scalars, until they are closed."""

    def __init__(self, node: Node, learner: Learner, clock: Clock) -> None:
        """Begin to publish."""
        self._node, self._learner = node, learner
        self._ends = {topic: node.create_publisher(kind, topic, topics.QOS)
                      for topic, kind in topics.SCALARS.items()}
        self._timer = node.create_timer(PERIOD, self._publish, clock=clock)

    def _publish(self) -> None:
        values = {
            topics.AMPLITUDE: self._learner.mean_amplitude,
            topics.CENTRE_SHIFT: self._learner.centre_shift,
            topics.GAIN: self._learner.mean_gain,
        }
        for topic, publisher in self._ends.items():
            publisher.publish(topics.SCALARS[topic](data=values[topic]))

    def close(self) -> None:
        """Fall silent, also where the executor has the timer in its queue already."""
        self._node.destroy_timer(self._timer)
        while self._ends:
            _, publisher = self._ends.popitem()
            self._node.destroy_publisher(publisher)
