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

"""What may be sent to the motors."""

from conftest import robot_config
from dynsyn_ros.robot import Drive
from dynsyn_ros.simulation import bipedal_walker
import numpy as np

INF, NAN = float('inf'), float('nan')


def drive(**values):
    config = robot_config(torque_limits=[80.0, -40.0, 10.0, 0.0], **values)
    return Drive(config, bipedal_walker.ANATOMY.readings)


def standing(tilt=0.0):
    """Make readings of a body with a tilt, rad."""
    readings = np.zeros((1, len(bipedal_walker.ANATOMY.readings)))
    place = bipedal_walker.ANATOMY.readings.index('imu.orientation.x')
    readings[0, place:place + 4] = 0.0, np.sin(tilt / 2), 0.0, np.cos(tilt / 2)
    return readings


def test_torques_are_finite_within_limits_and_what_is_fed_back():
    action, one = np.array([[NAN, 7.0, -INF, INF]]), drive()
    np.testing.assert_array_equal(one.torques(action, standing()), [[0.0, -40.0, 0.0, 0.0]])
    np.testing.assert_array_equal(one.sent, [[0.0, 1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(action, [[NAN, 7.0, -INF, INF]])


def test_without_limits_in_reach_an_action_is_left_as_it_is():
    rng = np.random.default_rng(0)
    one = drive()
    for _ in range(100):
        action = np.tanh(rng.normal(size=(1, 4)))
        one.torques(action, standing())
        np.testing.assert_array_equal(one.sent, action)


def test_a_torque_changes_no_faster_than_its_rate():
    one = drive(torque_rates=[800.0, 400.0, INF, 1.0])  # 0.02 s: 16, 8 N m, at once
    action = np.ones((1, 4))
    torques = [one.torques(action, standing()).copy()[0] for _ in range(3)]
    np.testing.assert_allclose(torques, [
        [16.0, -8.0, 10.0, 0.0], [32.0, -16.0, 10.0, 0.0], [48.0, -24.0, 10.0, 0.0]])
    np.testing.assert_allclose(one.sent, [[0.6, 0.6, 1.0, 1.0]])
    assert not one.stop().any(), 'a stop knows no rate'
    assert not one.sent.any()
    np.testing.assert_allclose(one.torques(action, standing())[0, :2], [16.0, -8.0])


def test_a_fallen_body_gets_no_torque_until_it_is_upright():
    one = drive(fall_tilt=1.0, upright_tilt=0.3)
    sent = []
    for tilt in (0.0, 0.9, 1.01, 0.9, 0.31, 0.29, 0.9, -1.01, -0.31, -0.2):
        action = np.ones((1, 4))
        assert one.torques(action, standing(tilt)).any() == one.sent.any()
        sent.append(bool(one.sent.any()))
    assert sent == [True, True, False, False, False, True, True, False, False, True]


def test_a_fall_is_over_where_nothing_counts_as_one_any_more():
    one = drive(fall_tilt=1.0, upright_tilt=0.3)
    assert not one.torques(np.ones((1, 4)), standing(2.0)).any()
    one.steer(robot_config(torque_limits=[80.0, -40.0, 10.0, 0.0]))
    assert one.torques(np.ones((1, 4)), standing(2.0)).any()
