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

"""The limits of what is sent to the motors."""

from dataclasses import replace

from conftest import robot_config
from dynsyn_ros.robot import CommandLimiter, LIMITERS, Robot
from dynsyn_ros.robot.readings import QUATERNION
from dynsyn_ros.robot.sensors import used_readings
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation import bipedal_walker
import numpy as np
import pytest

INF, NAN = float('inf'), float('nan')


def limiter(**values):
    config = robot_config(torque_limits=[80.0, -40.0, 10.0, 0.0], **values)
    return CommandLimiter(config, bipedal_walker.SPEC.readings)


def standing(tilt=0.0):
    """Make readings of a body with a tilt, rad."""
    readings = np.zeros((1, len(bipedal_walker.SPEC.readings)))
    place = bipedal_walker.SPEC.readings.index('imu.orientation.x')
    readings[0, place:place + 4] = 0.0, np.sin(tilt / 2), 0.0, np.cos(tilt / 2)
    return readings


def test_torques_are_finite_within_limits_and_what_is_fed_back():
    one = limiter()
    np.testing.assert_array_equal(
        one.commands(np.array([[NAN, 7.0, -INF, INF]]), standing()), [[0.0, -40.0, 0.0, 0.0]])
    np.testing.assert_array_equal(one.sent, [[0.0, 1.0, 0.0, 0.0]])


def test_without_limits_in_reach_an_action_is_left_as_it_is():
    rng = np.random.default_rng(0)
    one = limiter()
    for _ in range(100):
        wanted = np.tanh(rng.normal(size=(1, 4)))
        one.commands(wanted, standing())
        np.testing.assert_array_equal(one.sent, wanted)


def test_a_torque_changes_no_faster_than_its_rate():
    one = limiter(torque_rate_limits=[800.0, 400.0, INF, 1.0])  # 0.02 s: 16, 8 N m, at once
    action = np.ones((1, 4))
    torques = [one.commands(action, standing()).copy()[0] for _ in range(3)]
    np.testing.assert_allclose(torques, [
        [16.0, -8.0, 10.0, 0.0], [32.0, -16.0, 10.0, 0.0], [48.0, -24.0, 10.0, 0.0]])
    np.testing.assert_allclose(one.sent, [[0.6, 0.6, 1.0, 1.0]])
    np.testing.assert_allclose(
        one.commands(action, standing(), slew=0.25)[0], [52.0, -26.0, 10.0, 0.0])
    assert not one.stop().any(), 'a stop knows no rate'
    assert not one.sent.any()
    np.testing.assert_allclose(one.commands(action, standing())[0, :2], [16.0, -8.0])


def test_a_fallen_body_gets_no_torque_until_it_is_upright():
    one = limiter(fall_tilt=1.0, upright_tilt=0.3)
    sent = []
    for tilt in (0.0, 0.9, 1.01, 0.9, 0.31, 0.29, 0.9, -1.01, -0.31, -0.2):
        assert one.commands(np.ones((1, 4)), standing(tilt)).any() == one.sent.any()
        sent.append(bool(one.sent.any()))
    assert sent == [True, True, False, False, False, True, True, False, False, True]


@pytest.mark.parametrize('tilt', [INF, 4.0])
def test_a_fall_is_over_where_nothing_counts_as_one_any_more(tilt):
    one = limiter(fall_tilt=1.0, upright_tilt=0.3)
    assert not one.commands(np.ones((1, 4)), standing(2.0)).any()
    one.reconfigure(robot_config(
        torque_limits=[80.0, -40.0, 10.0, 0.0], fall_tilt=tilt, upright_tilt=0.3))
    assert one.commands(np.ones((1, 4)), standing(2.0)).any()


# What is safe, and drives of position and velocity

NAMES = [*(f'joint_states.{joint}.position' for joint in bipedal_walker.SPEC.joints),
         *(f'joint_states.{joint}.velocity' for joint in bipedal_walker.SPEC.joints)]


def of(command, **values):
    """Make a limiter of the walker's joints for another kind of command."""
    config = robot_config(command=command, torque_limits=[], torque_rate_limits=[], **values)
    return LIMITERS[command](config, NAMES)


def servos():
    return of('position', default_pose=[0.5, 0.0, 0.0, 0.0], position_ranges=[1.0, -0.5, 0.2, 0.0],
              position_rate_limits=[2.0] * 4, rest_pose=[0.0] * 4, rest_rate=0.5, hold_time=0.1)


def joints(position=(0.0,) * 4, velocity=(0.0,) * 4):
    return np.array([[*position, *velocity]])


def test_a_stop_damps_where_that_is_wanted_and_the_speeds_are_known():
    config = robot_config(torque_limits=[80.0, -40.0, 10.0, 0.0], damping=[5.0] * 4)
    one = CommandLimiter(config, NAMES)
    np.testing.assert_allclose(
        one.stop(joints(velocity=(2.0, 2.0, -9.0, 1.0))), [[-10.0, -10.0, 10.0, 0.0]])
    np.testing.assert_allclose(one.sent, [[-0.125, 0.25, 1.0, 0.0]])
    assert not one.stop(None).any(), 'joint_states is not fresh'
    one.stop(joints(velocity=(2.0,) * 4))
    assert not np.any(list(one.last())), 'what may be held for ever'


def test_a_robot_that_has_fallen_is_damped_too():
    config = robot_config(torque_limits=[80.0, -40.0, 10.0, 0.0], damping=[5.0] * 4,
                          fall_tilt=0.5, upright_tilt=0.2)
    one, seen = CommandLimiter(config, [*NAMES, *QUATERNION], 2), np.zeros((2, 12))
    seen[:, 4:8], seen[:, -1] = (2.0, 2.0, -9.0, 1.0), 1.0
    seen[1, -3:] = np.sin(0.5), 0.0, np.cos(0.5)
    torques = one.commands(np.full((2, 4), 0.5), seen)
    np.testing.assert_allclose(torques, [[40.0, -20.0, 5.0, 0.0], [-10.0, -10.0, 10.0, 0.0]])
    np.testing.assert_allclose(one.sent, [[0.5] * 4, [-0.125, 0.25, 1.0, 0.0]])


def test_positions_begin_where_the_joints_are_and_never_jump():
    one, seen = servos(), joints(position=(-3.0, 0.1, 0.1, 0.3))
    assert one.stop() is None, 'nobody knows where the joints are'
    assert list(one.last()) == []
    before = one.stop(seen).copy()
    np.testing.assert_array_equal(before, seen[:, :4])
    for action in ([1.0] * 4, [NAN] * 4, [-INF, 9.0, -9.0, 0.0]):
        for _ in range(100):
            command = one.commands(np.array([action]), seen).copy()
            assert (np.abs(command - before) <= 2.0 * 0.02 + 1e-12).all()
            before = command
        if action[0] == 1.0:
            np.testing.assert_allclose(command, [[1.0, -0.5, 0.2, 0.0]])
            np.testing.assert_allclose(one.sent, [[0.5, 1.0, 1.0, 0.0]])
    np.testing.assert_allclose(command, [[1.0, -0.5, -0.2, 0.0]])


def test_of_a_fleet_only_those_that_have_fallen_stop():
    config = robot_config(
        command='position', torque_limits=[], torque_rate_limits=[], default_pose=[0.0] * 4,
        position_ranges=[0.5] * 4, position_rate_limits=[2.0] * 4, rest_pose=[0.0] * 4,
        rest_rate=0.5, hold_time=0.1, fall_tilt=0.5, upright_tilt=0.2)
    one, seen = LIMITERS['position'](config, [*NAMES, *QUATERNION], 2), np.zeros((2, 12))
    seen[:, :4], seen[:, -1] = 0.3, 1.0
    seen[1, -3:] = np.sin(0.5), 0.0, np.cos(0.5)
    for _ in range(20):
        commands = one.commands(np.ones((2, 4)), seen)
    np.testing.assert_allclose(commands[0], [0.5] * 4)
    np.testing.assert_allclose(commands[1], [0.3 - 15 * 0.01] * 4, atol=1e-12)


def test_a_stop_of_positions_holds_and_then_goes_slowly_to_rest():
    one, seen = servos(), joints(position=(0.5, -0.2, 0.0, 0.0))
    for _ in range(3):
        held = one.commands(np.array([[0.0, 0.4, 0.0, 0.0]]), seen).copy()
    assert [one.stop(seen).tolist() for _ in range(5)] == [held.tolist()] * 5
    one.stop(seen)
    np.testing.assert_allclose(one.stop(seen), [[0.48, -0.18, 0.0, 0.0]])
    for _ in range(100):
        rest = one.stop(None).copy()
    np.testing.assert_allclose(rest, np.zeros((1, 4)), atol=1e-12)
    one.commands(np.zeros((1, 4)), seen)
    one.begin()
    np.testing.assert_array_equal(one.stop(seen), seen[:, :4], 'as it may have been moved')


def test_positions_begin_anew_where_the_joints_are_after_their_drivers_restarted():
    moved, step = joints(position=(-0.9, 0.2, 0.1, 0.3)), 0.5 * 0.02 + 1e-12
    for gap, restarted in ((0.8, False), (1.2, True)):
        one = servos()
        one.stop(joints(position=(0.5, -0.2, 0.0, 0.0)))
        for _ in range(round(gap / 0.02)):
            held = one.stop(None).copy()
        first = one.stop(moved)
        assert np.abs(first - (moved[:, :4] if restarted else held)).max() <= step


def test_velocities_slow_down_at_their_rates():
    one = of('velocity', velocity_limits=[2.0, -2.0, 1.0, 0.0], velocity_rate_limits=[5.0] * 4)
    steps = [one.commands(np.ones((1, 4)), joints()).copy()[0] for _ in range(30)]
    assert (np.abs(np.diff(steps, axis=0)) <= 0.1 + 1e-12).all()
    np.testing.assert_allclose(steps[-1], [2.0, -2.0, 1.0, 0.0])
    ended = [command.copy()[0] for command in one.last()]
    assert (np.abs(np.diff([steps[-1], *ended], axis=0)) <= 0.1 + 1e-12).all()
    assert not ended[-1].any()
    assert len(ended) == 20


def test_the_last_velocity_is_0_whatever_the_rates_allow():
    one = of('velocity', velocity_limits=[5.0] * 4, velocity_rate_limits=[2.0, 2.0, 0.5, 0.1])
    for _ in range(200):
        one.commands(np.array([[1.0, -1.0, 1.0, 1.0]]), joints())
    ended = [command.copy()[0] for command in one.last()]
    assert not ended[-1].any()
    assert len(ended) == 50, 'a second'
    first, second = (one.commands(np.ones((1, 4)), joints()).copy()[0] for _ in range(2))
    np.testing.assert_allclose(second - first, [0.04, 0.04, 0.01, 0.002])


def test_a_fallen_body_holds_its_positions():
    values = {'default_pose': [0.0] * 4, 'position_ranges': [1.0] * 4, 'rest_pose': [0.0] * 4,
              'position_rate_limits': [9.0] * 4}
    config = robot_config(command='position', torque_limits=[], torque_rate_limits=[],
                          fall_tilt=1.0, upright_tilt=0.3, **values)
    one = LIMITERS['position'](config, [*NAMES, *QUATERNION])

    def lying(tilt):
        return np.append(joints(), [[0.0, np.sin(tilt / 2), 0.0, np.cos(tilt / 2)]], axis=1)

    one.commands(np.ones((1, 4)), lying(0.0))
    held = one.commands(np.ones((1, 4)), lying(1.2)).copy()
    np.testing.assert_array_equal(one.commands(-np.ones((1, 4)), lying(1.2)), held)
    assert (one.commands(np.ones((1, 4)), lying(0.1)) > held).all()


@pytest.mark.parametrize(('values', 'words'), [
    ({'command': 'pwm'}, 'command must be one of effort, position, velocity'),
    ({'command': 'position'}, 'torque_limits must not be given: it is for command effort'),
    ({'command': 'velocity', 'torque_limits': [], 'torque_rate_limits': []},
     'velocity_limits must have 4 entries, one per joint, not 0'),
    ({'rest_pose': [0.0] * 4}, 'rest_pose must not be given: it is for command position'),
    ({'damping': [1.0]}, 'damping must have 4 entries'),
    ({'command': 'velocity', 'torque_limits': [], 'torque_rate_limits': [],
      'velocity_limits': [1.0, 0.0, 1.0, 1.0], 'velocity_rate_limits': [5.0, 0.0, 0.0, 5.0]},
     'velocity_rate_limits must be above 0 for hip_2: at 0, the safe command could not slow it'),
])
def test_limits_must_be_those_of_the_command(values, words):
    with pytest.raises(ConfigError, match=words):
        robot_config(**values)


@pytest.mark.parametrize(('values', 'reading'), [
    ({'damping': [1.0] * 4}, 'joint_states.hip_1.velocity'),
    ({'command': 'position', 'torque_limits': [], 'torque_rate_limits': [],
      'default_pose': [0.0] * 4, 'position_ranges': [1.0] * 4, 'position_rate_limits': [1.0] * 4,
      'rest_pose': [0.0] * 4},
     'joint_states.hip_1.position'),
])
def test_what_is_safe_needs_its_readings(values, reading):
    config = robot_config(**values)
    blind = replace(config, observations=['foot_1_contact'], initial_centres={})
    assert reading in used_readings(blind)
    assert 'joint_states' in Robot(blind).topics
