"""Learners and walkers in one loop without ROS: what the nodes do over topics, and as exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.simulation import bipedal_walker
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker


class Headless:
    """Learner ``i`` drives walker ``i``, all in step."""

    def __init__(self, robot: Robot, learner: Learner, walkers: Sequence[BipedalWalker]) -> None:
        """Put walkers, made for the robot's joints, under learners."""
        self._learner, self._robot, self._walkers = learner, robot, walkers
        self._observe = robot.observer(bipedal_walker.READINGS, len(walkers))
        self._readings = np.array([walker.readings for walker in walkers])
        for walker, row in zip(walkers, self._readings, strict=True):
            walker.readings = row
        self._rewards = np.zeros(len(walkers))

    def step(self) -> np.ndarray:
        """Step every learner and its walker; returns the torques, (walkers, joints)."""
        action = self._learner.step(self._observe(self._readings), self._rewards)
        torques = self._robot.torques(action)
        for i, walker in enumerate(self._walkers):
            self._rewards[i] = walker.step(torques[i])
        return torques
