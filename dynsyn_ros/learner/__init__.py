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
The learner: arrays in, arrays out.

It does not depend on ROS, gymnasium or any robot. It has no episodes and no reset.
"""

from dynsyn_ros.learner.config import Layout, LearnerConfig
from dynsyn_ros.learner.contents import contents, learnt
from dynsyn_ros.learner.learner import Learner

__all__ = ['Layout', 'Learner', 'LearnerConfig', 'contents', 'learnt']
