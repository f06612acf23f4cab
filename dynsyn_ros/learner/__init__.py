"""
The learner: arrays in, arrays out.

It knows no ROS, no gymnasium and no robot, has no notion of an episode and no reset.
"""

from dynsyn_ros.learner.config import Layout, LearnerConfig
from dynsyn_ros.learner.learner import Learner

__all__ = ['Layout', 'Learner', 'LearnerConfig']
