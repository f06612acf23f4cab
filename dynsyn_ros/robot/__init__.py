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

"""The robot: from its messages to the learner's inputs, and from actions to joint commands."""

from dynsyn_ros.robot.command_limiter import CommandLimiter
from dynsyn_ros.robot.config import RewardTerms, RobotConfig
from dynsyn_ros.robot.control_loop import ControlLoop
from dynsyn_ros.robot.readers import BadMessage, LostJoint
from dynsyn_ros.robot.reward import Reward
from dynsyn_ros.robot.robot import Robot
from dynsyn_ros.robot.sensor_buffer import SensorBuffer, StepInput
from dynsyn_ros.robot.servos import LIMITERS

__all__ = ['LIMITERS', 'BadMessage', 'CommandLimiter', 'ControlLoop', 'LostJoint', 'Reward',
           'RewardTerms', 'Robot', 'RobotConfig', 'SensorBuffer', 'StepInput']
