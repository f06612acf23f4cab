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


"""A first parameter file from a URDF: complete, for that robot, and refused in one sentence."""

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.robot.control_loop import ControlLoop
from dynsyn_ros.settings.assets import URDF
from dynsyn_ros.training.presets import read_preset, read_robot
import numpy as np
from programs import dynsyn_here, refused
import pytest


@pytest.mark.parametrize('command', ['effort', 'position', 'velocity'])
def test_a_draft_is_a_whole_file_of_a_careful_robot(tmp_path, command):
    assert dynsyn_here('robot', URDF, '--command', command, folder=tmp_path) == 0
    config = read_robot(tmp_path / 'bipedal_walker.yaml')
    assert config.joints == ['hip_1', 'knee_1', 'hip_2', 'knee_2']
    assert config.command == command
    robot = Robot(config)
    assert robot.topics == ('imu', 'odom', 'joint_states')
    assert set(config.initial_centres) == set(config.joints)
    loop = ControlLoop(robot, Learner(robot.layout, read_preset('default'), 0))
    stopped = loop.stop()
    assert stopped is None or not stopped.any()
    if command == 'effort':
        np.testing.assert_allclose(config.torque_limits, 8.0)
        np.testing.assert_allclose(config.torque_rate_limits, 160.0)


def test_what_is_no_urdf_is_refused(tmp_path):
    (tmp_path / 'a.urdf').write_text('<robot name="a"><joint type="fixed"/></robot>')
    (tmp_path / 'b.urdf').write_text('<sdf/>')
    (tmp_path / 'c.urdf').write_text('robot')
    (tmp_path / 'd.yaml').write_text('mine')
    for arguments, words in (
        (['a.urdf'], 'a.urdf has no joint that is revolute or continuous'),
        (['b.urdf'], 'b.urdf is not a URDF: its root is sdf, not robot'),
        (['c.urdf'], 'c.urdf is not a URDF'),
        (['none.urdf'], 'cannot read none.urdf: No such file'),
        ([URDF, '--output', 'd.yaml'], 'cannot write d.yaml: File exists'),
    ):
        assert words in refused(tmp_path, 'robot', *arguments)
