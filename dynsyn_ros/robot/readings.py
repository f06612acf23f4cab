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
The names of readings.

A *reading* is one number of one message, in SI units. Its name is the one used in a robot's YAML
(``joint_states.hip_1.position``).
"""

from __future__ import annotations

from collections.abc import Iterable

#: The topic of rewards, whose messages hold no readings.
REWARD = 'reward'
AXES = 'xyz'
JOINT_FIELDS = ('position', 'velocity', 'effort')
#: The readings of an orientation quaternion, from which roll, pitch and yaw are computed.
QUATERNION = tuple(f'imu.orientation.{axis}' for axis in 'xyzw')
ANGLES = {'imu.roll': 1, 'imu.pitch': 2, 'imu.yaw': 3}


def readings_of(sources: Iterable[str]) -> set[str]:
    """Return the readings that sources need; an angle needs the whole orientation."""
    needed: set[str] = set()
    for source in sources:
        needed.update(QUATERNION if source in ANGLES else (source,))
    return needed
