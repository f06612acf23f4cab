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
The reward of a robot that no simulator rewards, from its own sensors.

As in BipedalWalker, it is computed from the changes since the last step: forward progress, minus
the increase of the tilt, minus the torques spent. A fall costs once, until the body is upright
again. It is detected from the posture: a tilt past ``fall_tilt``, or an end of the body near the
ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import math

from dynsyn_ros.robot.config import Channel, EFFORT, HEADING, RewardTerms, RobotConfig
from dynsyn_ros.robot.readings import QUATERNION, REWARD
from dynsyn_ros.robot.robot import ALL, Robot
from dynsyn_ros.robot.sensors import topic_of
from dynsyn_ros.settings.schema import ConfigError


class Reward:
    """The reward of one robot, from one set of readings to the next."""

    def __init__(self, terms: RewardTerms, config: RobotConfig) -> None:
        """Find out which readings are needed; raises :class:`ConfigError` if one is unknown."""
        self._terms, self._config = terms, config
        topic_of(config, terms.height, 'reward_terms.height')
        self._efforts = [f'joint_states.{joint}.effort' for joint in config.joints
                         if terms.torque_weight]
        heading = terms.progress_along == HEADING
        self._forward = 'odom.linear.x' if heading else f'odom.position.{terms.progress_along}'
        self._by_speed = heading
        self.robot = _observer_of(
            ['imu.pitch', self._forward, terms.height, *self._efforts], config)
        """A robot that observes only what the reward needs, for :class:`SensorBuffer`."""
        self._before: tuple[float, float] | None = None
        self.fallen = False
        """Whether the body has fallen and is not upright again."""

    def reconfigure(self, config: RobotConfig) -> None:
        """Use other guards of falls from now on."""
        self._config = config

    def begin(self) -> None:
        """Begin again, with a body that has not fallen."""
        self._before, self.fallen = None, False

    def of(self, reading: Mapping[str, float], periods: int) -> float:
        """
        Reward the changes since the last readings, ``periods`` control periods ago.

        The reward is 0 if there were no readings before or ``periods`` is 0, because nothing is
        then known about what happened.
        """
        terms = self._terms
        x, y = (reading[name] for name in QUATERNION[:2])
        upright = 1.0 - 2.0 * (x * x + y * y)
        tilt = math.acos(min(max(upright, -1.0), 1.0))
        forward = reading[self._forward]
        before, self._before = self._before, (forward, tilt)
        if before is None or not periods:
            return 0.0
        seconds = periods * self._config.control_period
        progress = forward * seconds if self._by_speed else forward - before[0]
        tilting = tilt - before[1]
        if abs(progress) > self._config.max_speed * seconds:
            progress = tilting = 0.0  # somebody has moved it
        torque = sum(abs(reading[name]) for name in self._efforts)
        reward = (terms.progress_weight * progress - terms.tilt_weight * tilting
                  - terms.torque_weight * torque * seconds)
        return reward - terms.fall_cost * self._falls(reading[terms.height], tilt)

    def _falls(self, height: float, tilt: float) -> bool:
        """Return whether the body has just fallen."""
        terms, config = self._terms, self._config
        clearance = (height - terms.body_reach * math.sin(tilt)
                     - terms.body_depth * abs(math.cos(tilt)))
        low = clearance < terms.fall_clearance
        before = self.fallen
        if before:
            self.fallen = low or tilt >= config.upright_tilt
        else:
            self.fallen = low or tilt > config.fall_tilt
        return self.fallen and not before


def _observer_of(sources: list[str], config: RobotConfig) -> Robot:
    """Make a robot like the configured one that observes other readings."""
    topics = {source.partition('.')[0] for source in sources}
    trigger = config.trigger if config.trigger in (ALL, *topics) else sources[0].partition('.')[0]
    missing = sorted(topics - set(config.inputs))
    if missing:
        raise ConfigError(f'missing parameter inputs.{missing[0]}.timeout: the reward needs '
                          f'{missing[0]}')
    return Robot(replace(  # it sends no commands, so it needs no readings for safe ones
        config, command=EFFORT, damping=[], trigger=trigger, observations=sources,
        initial_centres={},
        observation={source: Channel(
            source=source, scale=1.0, offset=0.0, normalisation=1.0, amplitude_factor=1.0,
            kind='state')
            for source in sources},
        inputs={topic: config.inputs[topic] for topic in (*topics, REWARD)}))
