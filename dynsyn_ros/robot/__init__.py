"""The robot: what its messages mean to the learner and what its actions mean to the joints."""

from dynsyn_ros.robot.config import RewardTerms, RobotConfig
from dynsyn_ros.robot.drive import Drive
from dynsyn_ros.robot.inputs import BadMessage, Inputs, LostJoint, Taken
from dynsyn_ros.robot.reward import Reward
from dynsyn_ros.robot.robot import Robot

__all__ = ['BadMessage', 'Drive', 'Inputs', 'LostJoint', 'Reward', 'RewardTerms', 'Robot',
           'RobotConfig', 'Taken']
