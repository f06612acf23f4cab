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
A robot between its readings and the learner: readings -> observation.

Readings come in a flat array, from a simulator or from the messages in a
:class:`dynsyn_ros.robot.sensor_buffer.SensorBuffer`. A list of names gives their order, so joints
are found by name and never by position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import math

from dynsyn_ros.learner import Layout
from dynsyn_ros.robot.config import EFFORT, POSITION, RobotConfig, VELOCITY
from dynsyn_ros.robot.readings import ANGLES, QUATERNION, readings_of, REWARD
from dynsyn_ros.robot.sensors import SENSORS, topic_of, used_readings
from dynsyn_ros.settings.schema import ConfigError
from numba import njit
import numpy as np

#: The topic of a person's reward, which is multiplied by the parameter ``human_reward_gain`` and
#: added to the reward.
HUMAN_REWARD = 'human_reward'
#: The topic of each kind of command; its entries are in the order of the parameter ``joints``.
COMMANDS = {EFFORT: 'joint_torques', POSITION: 'joint_positions', VELOCITY: 'joint_velocities'}
#: The trigger that is not a topic.
ALL = 'all'


class Robot:
    """One robot, made of its configuration."""

    def __init__(self, config: RobotConfig) -> None:
        """Check the names in the configuration; raises :class:`ConfigError`."""
        self.config = config
        topics = [topic_of(config, config.observation[name].source, f'observation.{name}.source')
                  for name in config.observations]
        others = sorted({reading.partition('.')[0] for reading in used_readings(config)})
        self.topics = tuple(dict.fromkeys((*topics, *others)))
        """The sensor topics that observations, guards and safe commands come from."""
        channels = [config.observation[name] for name in config.observations]
        kinds = [channel.kind for channel in channels]
        if 'state' in kinds[kinds.index('range') if 'range' in kinds else len(kinds):]:
            raise ConfigError(
                'parameter observations must list every observation of kind state before those of '
                'kind range')
        self._check_inputs()
        states = kinds.count('state')
        self.layout = Layout(
            states=states,
            ranges=len(kinds) - states,
            actions=len(config.joints),
            hidden=config.hidden_neurons,
            oscillators=config.oscillators,
            normalisation=np.array([channel.normalisation for channel in channels]),
            amplitude_factors=np.array([
                channel.amplitude_factor for channel in channels[:states]]),
            output_centres=_output_centres(config, states),
        )

    def _check_inputs(self) -> None:
        """Check the table of inputs against the topics that the observations come from."""
        topics = (*self.topics, REWARD)
        for topic in topics:
            if topic not in self.config.inputs:
                raise ConfigError(f'missing parameter inputs.{topic}.timeout')
        for topic, given in self.config.inputs.items():
            if topic not in SENSORS:
                raise ConfigError(f'unknown parameter inputs.{topic}: there are '
                                  f'{", ".join(SENSORS)}')
            given.check_for(topic, SENSORS[topic].stamped, self.config.trigger == ALL)
        if self.config.trigger not in (ALL, *topics):
            raise ConfigError(f'parameter trigger must be one of {ALL}, {", ".join(topics)}, not '
                              f'{self.config.trigger!r}')

    @property
    def first_synapses(self) -> dict[str, int]:
        """Indices of the synapses of layer 4 that do not start at 0, by "JOINT from INPUT"."""
        first = sum(self.layout.layer_sizes[:2])
        inputs = _output_inputs(self.config, self.layout.states)
        return {
            f'{self.config.joints[joint]} from {inputs[i]}': first + joint * len(inputs) + i
            for joint, i in np.argwhere(self.layout.output_centres).tolist()
        }

    def observer(
        self, names: Sequence[str], robots: int = 1
    ) -> Callable[[np.ndarray], np.ndarray]:
        """
        Return the function that turns readings named ``names`` into observations.

        It takes (robots, len(names)) and returns (robots, observations), float64, in an array that
        the next call overwrites. Raises :class:`ConfigError` if an observation needs a reading
        that is not among the names.
        """
        place = {name: i for i, name in enumerate(names)}
        channels = [self.config.observation[name] for name in self.config.observations]
        for source in readings_of(c.source for c in channels):
            if source not in place:
                raise ConfigError(f'this robot has no sensor for the reading {source}')
        angle = np.array([ANGLES.get(c.source, 0) for c in channels])
        index = np.array([place.get(c.source, 0) for c in channels])
        quaternion = np.array([place.get(name, 0) for name in QUATERNION])
        scale = np.array([c.scale for c in channels])
        offset = np.array([c.offset for c in channels])
        observation = np.zeros((robots, len(channels)))

        def observe(readings: np.ndarray) -> np.ndarray:
            _observe(readings, index, angle, quaternion, scale, offset, observation)
            return observation

        return observe


def _output_inputs(config: RobotConfig, states: int) -> list[str]:
    """Name the inputs of layer 4, in order."""
    inputs = [f'{state}_{k + 1}' for state in 'vw' for k in range(config.oscillators)]
    return [*inputs, *config.observations[:states], 'constant']


def _output_centres(config: RobotConfig, states: int) -> np.ndarray:
    """Lay out the initial centres of layer 4, shape (joints, output inputs)."""
    inputs = _output_inputs(config, states)
    centres = np.zeros((len(config.joints), len(inputs)))
    for joint, first in config.initial_centres.items():
        for name, value in zip(first.inputs, first.values, strict=True):
            if name not in inputs:
                raise ConfigError(
                    f'parameter initial_centres.{joint}.inputs names the unknown input {name}: '
                    f'there are {", ".join(inputs)}')
            centres[config.joints.index(joint), inputs.index(name)] = value
    return centres


@njit(cache=True)
def _tilt(angle: int, x: float, y: float, z: float, w: float) -> float:
    """
    Compute roll (1), pitch (2) or yaw (3) of a quaternion, rad, about the axes of REP 103.

    Roll and pitch are the tilts of the vertical in the body's front and side planes. Each is valid
    over a full turn. If one of them is 0, the other is the Euler angle.
    """
    upright = 1.0 - 2.0 * (x * x + y * y)
    if angle == 1:
        return math.atan2(2.0 * (w * x + y * z), upright)
    if angle == 2:
        return math.atan2(2.0 * (w * y - z * x), upright)
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


@njit(cache=True)
def _observe(
    readings: np.ndarray, index: np.ndarray, angle: np.ndarray, quaternion: np.ndarray,
    scale: np.ndarray, offset: np.ndarray, observation: np.ndarray
) -> None:
    for i in range(readings.shape[0]):
        for j in range(index.size):
            if angle[j] == 0:
                value = readings[i, index[j]]
            else:
                value = _tilt(
                    angle[j],
                    readings[i, quaternion[0]],
                    readings[i, quaternion[1]],
                    readings[i, quaternion[2]],
                    readings[i, quaternion[3]],
                )
            observation[i, j] = scale[j] * value + offset[j]
