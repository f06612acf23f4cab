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

"""A ROS domain for a benchmark, so that nothing else on the machine joins in."""

import os

from dynsyn_ros.nodes import domains

_held = []


def join_alone() -> None:
    """Set the environment before ROS is initialised; the tests have the domains below 51."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    _held.append(domains.hold(51 + (os.getpid() + k) % 50 for k in range(50)))
    os.environ[domains.DOMAIN] = str(_held[-1][0])
