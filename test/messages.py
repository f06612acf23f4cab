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

"""Plain objects with the fields of valid messages, to put into sensor buffers."""

from types import SimpleNamespace

from dynsyn_ros.simulation import bipedal_walker


def stamp(seconds):
    sec, nanosec = divmod(round(seconds * 1e9), 1_000_000_000)
    return SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec))


def xyz(x=0.0, y=0.0, z=0.0, **more):
    return SimpleNamespace(x=x, y=y, z=z, **more)


def message(topic, at=0, **values):
    """Make a plain object with the fields of a valid message, some of them changed."""
    good = {
        'joint_states': {
            'name': list(bipedal_walker.SPEC.joints), 'position': [0.1, 0.2, 0.3, 0.4],
            'velocity': [1.0, 2.0, 3.0, 4.0], 'effort': [0.0] * 4},
        'imu': {'orientation': xyz(w=1.0), 'angular_velocity': xyz(),
                'linear_acceleration': xyz(), 'orientation_covariance': [0.0] * 9,
                'angular_velocity_covariance': [0.0] * 9,
                'linear_acceleration_covariance': [-1.0] + [0.0] * 8},
        'odom': {'pose': SimpleNamespace(pose=SimpleNamespace(position=xyz())),
                 'twist': SimpleNamespace(twist=SimpleNamespace(linear=xyz(), angular=xyz()))},
        'scan': {'ranges': [1.0] * 10, 'range_min': 0.1, 'range_max': 5.0},
        'foot_contacts': {'data': [0, 1]},
        'reward': {'data': 1.0},
    }[topic]
    header = {} if topic in ('foot_contacts', 'reward') else {'header': stamp(at)}
    return SimpleNamespace(**{**good, **values}, **header)


def put(inputs, topic, at=0.0, now=None, **values):
    """Put in a message with the stamp ``at``, s, that arrives at once or at ``now``, s."""
    arrival = at if now is None else now
    return inputs.put(topic, message(topic, at, **values), lambda: round(arrival * 1e9))


ALL = ('joint_states', 'imu', 'odom', 'scan', 'foot_contacts', 'reward')
