"""The robot: what its messages mean to the learner and what its actions mean to the joints."""

from dynsyn_ros.robot.config import RobotConfig
from dynsyn_ros.robot.inputs import BadMessage, Inputs
from dynsyn_ros.robot.robot import Robot

__all__ = ['BadMessage', 'Inputs', 'Robot', 'RobotConfig']
