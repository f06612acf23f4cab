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

"""The nodes' own parameters; those of the robot and the learner are declared in their layers."""

from __future__ import annotations

from dataclasses import dataclass

from dynsyn_ros.learner import LearnerConfig
from dynsyn_ros.robot import RobotConfig
from dynsyn_ros.settings.schema import NO_LIMIT, setting
from dynsyn_ros.simulation.changes import Change
from dynsyn_ros.simulation.environments import ENVIRONMENTS

REALTIME, LOCKSTEP = 'realtime', 'lockstep'
NO_DEADMAN, BOOL, JOY = 'none', 'bool', 'joy'


@dataclass(frozen=True)
class SharedConfig:
    """Parameters of both nodes."""

    seed: int = setting('seed of the random streams', low=0, high=2**31 - 1)


@dataclass(frozen=True)
class SimulatorConfig:
    """Parameters of the simulator node."""

    env_id: str = setting('environment of gymnasium to simulate', choices=ENVIRONMENTS)
    pace: str = setting(
        'realtime: steps follow the clock; lockstep: each step waits for the command computed '
        'from the last one', choices=(REALTIME, LOCKSTEP))
    real_time_factor: float = setting('simulated seconds per second, with pace realtime',
                                      low=0.01, high=100.0, read_only=False)
    command_timeout: float = setting(
        'simulated time after which an old command is replaced by zero torque (a position is '
        'held), with pace realtime', unit='s', low=0.02, high=10.0, read_only=False)
    publish_reward: bool = setting(
        'the simulator publishes its own reward (false: a reward node does, with pace realtime '
        'only)')
    max_steps: int = setting('steps after which the simulator ends (0: never)',
                             low=0, high=NO_LIMIT)
    change: Change | None


@dataclass(frozen=True)
class ControllerConfig:
    """Parameters of the controller node."""

    weights: str = setting('weights file to start from, read when the node is configured, or none',
                           read_only=False)
    learning: bool = setting('false: frozen, weights rest at their centres and nothing learns',
                             read_only=False)
    autostart: bool = setting('configure and activate the node when it starts')
    output_dir: str = setting(
        'folder for weights.npz and checkpoints, made when the node is configured; if it has '
        'checkpoints, the newest valid one is loaded instead of weights', read_only=False)
    checkpoint_period: float = setting('time between two checkpoints, by the wall clock',
                                       unit='s', low=0.1, high=1e6)
    checkpoints_kept: int = setting('how many of the last checkpoints are kept', low=1,
                                    high=10_000)
    best_window: float = setting(
        'robot time of each window whose mean reward decides whether the weights are the best '
        'so far', unit='s', low=0.1, high=1e6)
    rollback_share: float = setting(
        'share of the best mean reward below which the learner rolls back to the best weights by '
        'itself (0: never)', low=0.0, high=1.0, read_only=False)
    human_reward_gain: float = setting(
        'factor on the values on human_reward before they are added to the reward', low=-1e6,
        high=1e6, read_only=False)
    deadman: str = setting(
        'a switch on the topic deadman that must be held: bool, std_msgs/Bool, true while it is '
        'held; joy, a button of sensor_msgs/Joy; or none', choices=(NO_DEADMAN, BOOL, JOY),
        default=NO_DEADMAN)
    deadman_button: int = setting('index of the button in a Joy message', low=0, high=1000,
                                  default=0)
    deadman_timeout: float = setting(
        'the robot stops if nothing arrives on deadman for this long', unit='s', low=0.01,
        high=10.0, default=0.5)


@dataclass(frozen=True)
class LearnerSection:
    """The part of the parameters that a preset fills."""

    learner: LearnerConfig


#: All settings classes of a parameter file; each node uses those that it needs.
SECTIONS = (SharedConfig, SimulatorConfig, ControllerConfig, RobotConfig, LearnerSection)
