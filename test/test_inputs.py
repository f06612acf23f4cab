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

"""Messages become readings: sets, rates, ages, time, and what is refused."""

from types import SimpleNamespace

from conftest import robot_config
from dynsyn_ros.robot import BadMessage, Inputs, LostJoint, Robot
from messages import ALL, message, put, xyz
import numpy as np
import pytest

INF, NAN = float('inf'), float('nan')


def test_a_set_is_complete_when_every_topic_of_one_step_has_come(robot):
    inputs = Inputs(robot)
    for topic in ALL[:-1]:
        assert not put(inputs, topic, at=1)
    assert put(inputs, 'reward')
    inputs.take()
    assert not inputs.due
    for topic in reversed(ALL[1:]):
        assert not put(inputs, topic, at=2)
    assert put(inputs, 'joint_states', at=2)


def test_inputs_of_different_steps_are_never_mixed(robot):
    inputs = Inputs(robot)
    for topic in ALL:
        put(inputs, topic, at=1)
    inputs.take()
    for topic in ALL[:-1]:
        put(inputs, topic, at=3 if topic == 'imu' else 2)
    assert not put(inputs, 'reward')
    for topic in ('joint_states', 'odom'):
        assert not put(inputs, topic, at=3)
    assert put(inputs, 'scan', at=3)


def test_rewards_add_up_until_they_are_taken(robot):
    inputs = Inputs(robot)
    for value in (1.0, -100.0, 0.5):
        put(inputs, 'reward', data=value)
    assert inputs.take().reward == -98.5
    assert inputs.take().reward == 0.0


def test_what_is_rewarded_or_praised_in_a_step_is_bounded_both_ways(robot):
    """A reward of 1e12 would narrow every fluctuation, and stay the best for ever."""
    inputs = Inputs(robot)
    for value, bounded in ((1e12, 200.0), (-1e300, -200.0), (1.7e308, 200.0)):
        put(inputs, 'reward', data=value)
        put(inputs, 'reward', data=value)
        inputs.praise(value)
        inputs.praise(value)
        assert inputs.take().reward == 2 * bounded
    put(inputs, 'reward', data=-1e9)
    put(inputs, 'reward', data=1.5)
    inputs.praise(-1e9)
    inputs.praise(0.25)
    assert inputs.take().reward == -398.25
    assert inputs.clipped == 14


def test_frozen_needs_no_reward(robot):
    inputs = Inputs(robot)
    inputs.need_reward(False)
    for topic in ALL[:4]:
        assert not put(inputs, topic)
    assert put(inputs, 'foot_contacts')


def test_joints_are_found_by_name(robot):
    order = [2, 0, 3, 1]
    good = message('joint_states')
    shuffled = message('joint_states', **{
        field: [getattr(good, field)[i] for i in order] for field in ('name', 'position',
                                                                      'velocity', 'effort')})
    shuffled.name.append('arm')
    for field in ('position', 'velocity', 'effort'):
        getattr(shuffled, field).append(NAN)  # of a joint that nobody needs
    readings = []
    for joints in (good, shuffled):
        inputs = Inputs(robot)
        inputs.put('joint_states', joints, int)
        readings.append(inputs.take().readings)
    np.testing.assert_array_equal(*readings)
    place = inputs.names.index('joint_states.hip_2.position')
    assert readings[1][0, place] == 0.3


def test_nothing_in_reach_of_the_lidar_is_its_range_max(robot):
    inputs = Inputs(robot)
    put(inputs, 'scan', ranges=[INF, 7.0] + [1.0] * 8)
    readings = dict(zip(inputs.names, inputs.take().readings[0], strict=True))
    assert [readings[f'scan.{i}'] for i in range(3)] == [5.0, 5.0, 1.0]


@pytest.mark.parametrize(('topic', 'values', 'words'), [
    ('joint_states', {'name': ['hip_1', 'knee_1', 'hip_2', 'ankle']}, 'lacks the joint knee_2'),
    ('joint_states', {'name': []}, 'lacks the joint hip_1: it has none'),
    ('joint_states', {'position': [0.0] * 3}, '4 names but 3 entries of position'),
    ('joint_states', {'velocity': []}, '4 names but 0 entries of velocity'),
    ('joint_states', {'velocity': [0.0, 0.0, INF, 0.0]},
     r'holds joint_states.hip_2.velocity = inf, which must be a number within \+-10000'),
    ('joint_states', {'position': [NAN] * 4}, 'holds joint_states.hip_1.position = nan'),
    ('imu', {'orientation': xyz(w=0.0)}, 'orientation of length 0'),
    ('imu', {'orientation': xyz(w=NAN)}, 'orientation of length nan'),
    ('imu', {'angular_velocity': xyz(y=NAN)}, 'imu holds imu.angular_velocity.y = nan'),
    ('odom', {'twist': SimpleNamespace(twist=SimpleNamespace(
        linear=xyz(INF), angular=xyz()))}, 'odom holds odom.linear.x = inf'),
    ('scan', {'ranges': [1.0] * 9}, 'scan has 9 entries instead of 10'),
    ('scan', {'ranges': [NAN] * 10}, 'scan holds scan.0 = nan'),
    ('scan', {'ranges': [1.0, -INF] * 5}, 'scan holds scan.1 = -inf'),
    ('foot_contacts', {'data': [1]}, 'foot_contacts has 1 entries instead of 2'),
    ('joint_states', {'velocity': [0.0, 1.7e308, 0.0, 0.0]}, 'knee_1.velocity = 1.7e[+]308'),
    ('imu', {'linear_acceleration': xyz(z=-1e5)}, r'acceleration.z = -100000, .* \+-10000'),
    ('odom', {'pose': SimpleNamespace(pose=SimpleNamespace(position=xyz(1e8)))}, 'position.x'),
    ('scan', {'ranges': [1e6] * 10, 'range_max': INF}, 'scan.0 = 1e[+]06'),
    ('reward', {'data': NAN}, 'reward holds a value that is not finite'),
    ('reward', {'data': INF}, 'reward holds a value that is not finite'),
])
def test_bad_messages_are_refused_and_change_nothing(robot, topic, values, words):
    inputs = Inputs(robot)
    for good in ALL:
        put(inputs, good)
    before = inputs.take().readings.copy()
    with pytest.raises(BadMessage, match=words):
        put(inputs, topic, **values)
    after, reward, *_ = inputs.take()
    np.testing.assert_array_equal(after, before)
    assert reward == 0.0


@pytest.mark.parametrize('angle', [-2.5, -1.0, 0.0, 1e-4, 1.5, 3.0])
@pytest.mark.parametrize(('name', 'axis'), [('roll', 0), ('pitch', 1), ('yaw', 2)])
def test_angles_of_a_quaternion_about_each_axis(name, axis, angle):
    channel = {'scale': 1.0, 'offset': 0.0, 'normalisation': 1.0, 'kind': 'state',
               'source': f'imu.{name}'}
    robot = Robot(robot_config(
        observations=['angle'], observation={'angle': channel}, first_centres={},
        inputs={'imu': {'greatest_age': 0.1}, 'reward': {'greatest_age': 0.1}}))
    q = [0.0, 0.0, 0.0, np.cos(angle / 2)]
    q[axis] = np.sin(angle / 2)
    inputs = Inputs(robot)
    inputs.need_reward(False)
    put(inputs, 'imu', orientation=SimpleNamespace(x=q[0], y=q[1], z=q[2], w=q[3]))
    observation = robot.observer(inputs.names)(inputs.take().readings)
    assert observation[0, 0] == pytest.approx(angle, abs=1e-12)


# Sensors at rates of their own


def paced(trigger='joint_states', **values):
    """Make inputs paced by one topic every 10 ms, with a lidar that may be 0.3 s old."""
    ages = {t: {'greatest_age': 0.3 if t == 'scan' else 0.05} for t in ALL}
    return Inputs(Robot(robot_config(
        trigger=trigger, control_period=0.01, inputs=ages, **values)))


def test_each_message_of_the_trigger_makes_a_step_while_the_others_hold():
    inputs = paced()
    for topic in ALL[1:]:
        assert not put(inputs, topic, at=1.0)
    assert put(inputs, 'joint_states', at=1.0)
    assert inputs.take().periods == 1
    for k in range(1, 4):
        assert not put(inputs, 'imu', at=1.0 + 0.01 * k)
        assert put(inputs, 'joint_states', at=1.0 + 0.01 * k)
        assert inputs.trouble(round(1e9 + k * 1e7)) == ''
        _, reward, periods, _ = inputs.take()
        assert (reward, periods) == (0.0, 1)
    assert not put(inputs, 'joint_states', at=1.03), 'the same message twice is one step'


def test_time_follows_the_stamps_within_a_bound():
    inputs = paced(longest_step=5)
    for topic in ALL:
        put(inputs, topic, at=1.0)
    inputs.take()
    for at, periods in ((1.01, 1), (1.03, 2), (1.041, 1), (1.0801, 4), (9.0, 5)):
        assert put(inputs, 'joint_states', at=at)
        assert inputs.take().periods == periods


def test_each_input_has_its_own_greatest_age():
    inputs = paced()
    for topic in ALL:
        put(inputs, topic, at=1.0)
    assert inputs.trouble(1_050_000_000) == ''
    for topic in ALL:
        if topic != 'scan':
            put(inputs, topic, at=1.3)
    assert inputs.trouble(1_300_000_000) == ''
    for topic in ('joint_states', 'imu', 'odom', 'foot_contacts', 'reward'):
        put(inputs, topic, at=1.31)
    assert inputs.trouble(1_310_000_000) == (
        'scan is 0.31 s old, over its greatest age of 0.3 s')


def test_a_message_that_was_long_on_its_way_is_old():
    inputs = paced()
    for topic in ALL:
        put(inputs, topic, at=1.0)
    put(inputs, 'imu', at=1.01, now=1.2)
    for topic in ALL:
        if topic != 'imu':
            put(inputs, topic, at=1.2)
    assert 'imu is 0.19 s old' in inputs.trouble(1_200_000_000)


def test_a_reward_grows_old_only_while_it_is_needed():
    inputs = paced()
    for at in (1.0, 2.0):
        for topic in ALL if at == 1.0 else ALL[:-1]:
            put(inputs, topic, at=at)
    assert 'reward is 1 s old' in inputs.trouble(2_000_000_000)
    inputs.need_reward(False)
    assert inputs.trouble(2_000_000_000) == ''


def test_a_stamp_ahead_of_the_clock_is_not_acted_on():
    inputs = paced()
    for topic in ALL:
        put(inputs, topic, at=5.0, now=1.0)
    assert 'bears a stamp 4 s ahead of the clock' in inputs.trouble(1_000_000_000)


@pytest.mark.parametrize('trigger', ['all', 'joint_states'])
def test_when_time_goes_back_everything_must_come_anew(trigger):
    inputs = paced(trigger)
    for topic in ALL:
        put(inputs, topic, at=100.0)
    inputs.take()
    put(inputs, 'imu', at=1.0)
    assert inputs.trouble(1_000_000_000) == 'the stamps on imu went back by 99 s'
    for topic in ALL[2:]:
        assert not put(inputs, topic, at=1.0)
    assert put(inputs, 'joint_states', at=1.0)
    assert inputs.trouble(1_000_000_000) == ''
    assert inputs.take().periods == 0, 'nobody knows how much time has passed'
    for topic in ALL:
        put(inputs, topic, at=1.01)
    assert inputs.take().periods == 1


def test_a_lost_joint_is_told_from_another_publisher(robot):
    inputs = Inputs(robot)
    with pytest.raises(LostJoint, match='lacks the joint knee_1: it has hip_1, hip_2'):
        put(inputs, 'joint_states', name=['hip_1', 'hip_2'])
    with pytest.raises(BadMessage, match='lacks the joint hip_1: it has arm') as caught:
        put(inputs, 'joint_states', name=['arm'])
    assert not isinstance(caught.value, LostJoint)
