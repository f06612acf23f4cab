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

from dataclasses import replace
import re
from types import SimpleNamespace

from conftest import robot_config
from dynsyn_ros.robot import BadMessage, LostJoint, Robot, SensorBuffer
from dynsyn_ros.robot.rotation import rotation_of
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import SPEC
from messages import ALL, message, put, xyz
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

JOINTS = SPEC.joints
INF, NAN = float('inf'), float('nan')


def test_a_set_is_complete_when_every_topic_of_one_step_has_come(robot):
    inputs = SensorBuffer(robot)
    for topic in ALL[:-1]:
        assert not put(inputs, topic, at=1)
    assert put(inputs, 'reward')
    inputs.take()
    assert not inputs.due
    for topic in reversed(ALL[1:]):
        assert not put(inputs, topic, at=2)
    assert put(inputs, 'joint_states', at=2)


def test_inputs_of_different_steps_are_never_mixed(robot):
    inputs = SensorBuffer(robot)
    for topic in ALL:
        put(inputs, topic, at=1)
    inputs.take()
    for topic in ALL[:-1]:
        put(inputs, topic, at=3 if topic == 'imu' else 2)
    assert not put(inputs, 'reward')
    for topic in ('joint_states', 'odom'):
        assert not put(inputs, topic, at=3)
    assert put(inputs, 'scan', at=3)


def test_a_jump_that_no_walk_can_make_is_noticed(robot):
    inputs, moved = SensorBuffer(robot), []
    for at, x in ((0.02, 0.0), (0.04, 0.1), (0.06, -0.2), (0.08, -0.2), (0.5, 0.9)):
        for topic in ALL:
            place = {'pose': SimpleNamespace(pose=SimpleNamespace(position=xyz(x)))}
            put(inputs, topic, at=at, **(place if topic == 'odom' else {}))
        moved.append(inputs.take().moved)
    assert moved == [False, False, True, False, False]


def test_rewards_add_up_until_they_are_taken(robot):
    inputs = SensorBuffer(robot)
    for value in (1.0, -100.0, 0.5):
        put(inputs, 'reward', data=value)
    assert inputs.take().reward == -98.5
    assert inputs.take().reward == 0.0


def test_what_is_rewarded_during_a_halt_is_nobodys_merit_or_fault():
    """Whoever lays a halted robot down must not punish its next step for a fall."""
    inputs = SensorBuffer(Robot(robot_config(trigger='joint_states')))
    put(inputs, 'reward', data=-100.0)
    inputs.add_human_reward(5.0)
    inputs.wait(20_000_000)
    put(inputs, 'reward', data=0.5)
    assert inputs.take(40_000_000).reward == 0.5


def test_what_is_rewarded_or_praised_in_a_step_is_bounded_both_ways(robot):
    """A reward of 1e12 would narrow every fluctuation, and stay the best forever."""
    inputs = SensorBuffer(robot)
    for value, bounded in ((1e12, 200.0), (-1e300, -200.0), (1.7e308, 200.0)):
        put(inputs, 'reward', data=value)
        put(inputs, 'reward', data=value)
        inputs.add_human_reward(value)
        inputs.add_human_reward(value)
        assert inputs.take().reward == 2 * bounded
    put(inputs, 'reward', data=-1e9)
    put(inputs, 'reward', data=1.5)
    inputs.add_human_reward(-1e9)
    inputs.add_human_reward(0.25)
    assert inputs.take().reward == -398.25
    assert inputs.clipped == 14


def test_frozen_needs_no_reward(robot):
    inputs = SensorBuffer(robot)
    inputs.need_reward(False)
    for topic in ALL[:4]:
        assert not put(inputs, topic)
    assert put(inputs, 'foot_contacts')


def test_fields_of_joints_that_nobody_uses_are_shown_if_they_are_there(robot):
    inputs = SensorBuffer(robot)
    for effort, shown in (([3.0, -1.0, 0.5, 2.0], 3.0), ([], 3.0), ([9.0] * 4, 9.0)):
        put(inputs, 'joint_states', effort=effort)
        values = dict(zip(inputs.names, inputs.values, strict=True))
        assert values[f'joint_states.{JOINTS[0]}.effort'] == shown


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
        inputs = SensorBuffer(robot)
        inputs.put('joint_states', joints, int)
        readings.append(inputs.take().readings)
    np.testing.assert_array_equal(*readings)
    place = inputs.names.index('joint_states.hip_2.position')
    assert readings[1][0, place] == 0.3


def test_rays_mean_what_rep_117_says(robot):
    inputs = SensorBuffer(robot)
    rays = [f'scan.{i}' for i in range(10)]

    def seen(ranges, at):
        put(inputs, 'scan', at=at, ranges=ranges)
        readings = dict(zip(inputs.names, inputs.take().readings[0], strict=True))
        return [readings[ray] for ray in rays]

    with pytest.raises(BadMessage, match='scan.2 = nan'):
        seen([2.0, 2.0, NAN] + [2.0] * 7, at=0.0)
    # Nothing in reach is range_max, 0.0 of an old driver too; too near is range_min; NaN holds.
    seen([3.0] * 10, at=0.1)
    assert seen([INF, 7.0, -INF, 0.05, 0.0, -1.0, NAN] + [1.0] * 3, at=0.2) == [
        5.0, 5.0, 0.1, 0.1, 5.0, 5.0, 3.0] + [1.0] * 3


def watched(*sources, topic='joint_states', trigger='all', **given):
    """Make inputs that use only some readings of one topic."""
    channel = {'scale': 1.0, 'offset': 0.0, 'normalisation': 1.0, 'kind': 'state'}
    return SensorBuffer(Robot(robot_config(
        trigger=trigger, observations=list(sources), initial_centres={},
        observation={source: {**channel, 'source': source} for source in sources},
        inputs={topic: {'timeout': 0.1, **given}, 'reward': {'timeout': 0.1}})))


@pytest.mark.parametrize(('sources', 'values'), [
    (['imu.angular_velocity.y'], {'orientation': xyz(w=0.0), 'orientation_covariance': [-1.0]}),
    (['imu.angular_velocity.y'], {'orientation': xyz(w=NAN), 'linear_acceleration': xyz(NAN),
                                  'angular_velocity': xyz(NAN, 1.0)}),
    (['imu.pitch'], {'angular_velocity': xyz(NAN, NAN), 'angular_velocity_covariance': [-1.0]}),
    (['odom.linear.x'], {'pose': SimpleNamespace(pose=SimpleNamespace(position=xyz(NAN)))}),
    (['joint_states.knee_1.position'], {'velocity': [], 'effort': [NAN] * 4}),
    (['joint_states.knee_1.position'], {'position': [NAN, 0.5, NAN, NAN]}),
    (['scan.3'], {'ranges': [NAN] * 3 + [2.0] + [NAN] * 6}),
])
def test_what_nobody_uses_may_be_anything(sources, values):
    topic = sources[0].split('.')[0]
    inputs = watched(*sources, topic=topic)
    put(inputs, topic, **values)
    assert np.isfinite(inputs.take().readings).all(), 'for those who plot them'


def test_a_guard_uses_the_orientation_and_may_be_set_while_it_walks():
    inputs = watched('imu.angular_velocity.y', topic='imu')
    lost = {'orientation': xyz(w=0.0)}
    put(inputs, 'imu', **lost)
    inputs.reconfigure(replace(inputs._robot.config, fall_tilt=1.0, upright_tilt=0.5))
    with pytest.raises(BadMessage, match='orientation of length 0'):
        put(inputs, 'imu', **lost)
    unseen = watched('scan.0', topic='scan')._robot.config
    ages = {**unseen.inputs, 'imu': unseen.inputs['scan']}
    assert Robot(replace(unseen, inputs=ages, fall_tilt=1.0)).topics == ('scan', 'imu')


@pytest.mark.parametrize(('rotation', 'sensor', 'body'), [
    ([np.pi, 0.0, 0.0], 'upside down', {'pitch': 0.3, 'rate': (0.1, 0.2, 0.3)}),
    ([0.0, 0.0, np.pi / 2], 'a quarter to the left', {'pitch': 0.3, 'rate': (0.1, 0.2, 0.3)}),
    ([0.5, 0.5, 0.5, 0.5], 'on its corner', {'pitch': -0.7, 'rate': (1.0, 2.0, 3.0)}),
])
def test_an_imu_may_be_mounted_any_way(rotation, sensor, body):
    mount = Rotation.from_quat(rotation) if len(rotation) == 4 else Rotation.from_euler(
        'xyz', rotation)
    x, y, z, w = (Rotation.from_euler('y', body['pitch']) * mount).as_quat()
    inputs = watched('imu.pitch', 'imu.angular_velocity.y', 'imu.linear_acceleration.z',
                     topic='imu', rotation=[float(r) for r in rotation])
    put(inputs, 'imu', orientation=SimpleNamespace(x=x, y=y, z=z, w=w),
        angular_velocity=xyz(*mount.inv().apply(body['rate'])),
        linear_acceleration=xyz(*mount.inv().apply([0.0, 0.0, 9.8])),
        linear_acceleration_covariance=[0.0])
    readings = inputs.take().readings
    observed = inputs._robot.observer(inputs.names)(readings)[0]
    np.testing.assert_allclose(observed, [body['pitch'], body['rate'][1], 9.8], atol=1e-12)


def test_a_mounting_may_come_from_static_transforms():
    """base -> plate -> imu, and base -> leg, a chain whose root is elsewhere."""
    turns = {'plate': [0.0, 0.0, 1.2], 'imu_link': [3.0, 0.1, 0.0], 'base_link': [0.3, 0.2, 0.1],
             'leg': [1.0, 0.0, 0.0]}
    fixed = {'plate': 'base_link', 'imu_link': 'plate', 'base_link': 'world', 'leg': 'base_link'}
    parents = {frame: (fixed[frame], tuple(Rotation.from_euler('xyz', turn).as_quat()))
               for frame, turn in turns.items()}
    of = {frame: Rotation.from_quat(quaternion) for frame, (_, quaternion) in parents.items()}
    for base, expected in (('base_link', of['plate'] * of['imu_link']),
                           ('leg', of['leg'].inv() * of['plate'] * of['imu_link'])):
        found = Rotation.from_quat(rotation_of('imu_link', base, parents))
        assert (found.inv() * expected).magnitude() < 1e-12
    assert rotation_of('imu_link', 'elsewhere', parents) is None
    inputs = watched('imu.pitch', topic='imu')
    inputs.mount(tuple(Rotation.from_euler('x', np.pi).as_quat()))
    put(inputs, 'imu', orientation=xyz(1.0, w=0.0))
    assert inputs._robot.observer(inputs.names)(inputs.take().readings)[0, 0] == pytest.approx(0.0)


@pytest.mark.parametrize('missing', [[], [NAN] * 4])
def test_velocities_that_are_missing_are_filtered_differences(missing):
    inputs = watched(*(f'joint_states.{j}.velocity' for j in JOINTS),
                     velocity_time_constant=0.02)
    for k in range(40):
        at, place = 0.01 * k, 3.0 * 0.01 * k
        put(inputs, 'joint_states', at=at, velocity=missing, position=[0.0, place, -place, 0.0])
        velocity = inputs.take().readings[0][4:8]
        if k == 0:
            assert not velocity.any()
    np.testing.assert_allclose(velocity, [0.0, 3.0, -3.0, 0.0], atol=1e-3)
    put(inputs, 'joint_states', at=9.0, velocity=missing, position=[5.0] * 4)
    assert not inputs.take().readings[0][4:8].any(), 'nothing is known of so long a time'
    put(inputs, 'joint_states', at=9.01, velocity=[7.0] * 4, position=[5.0] * 4)
    assert (inputs.take().readings[0][4:8] == 7.0).all(), 'what is measured is believed'
    put(inputs, 'joint_states', at=9.02, velocity=missing, position=[5.1] * 4)
    assert inputs.take().readings[0][4:8].all()
    put(inputs, 'joint_states', at=1.0, velocity=missing, position=[5.1] * 4)
    assert not inputs.take().readings[0][4:8].any(), 'nor of what is in the future'


@pytest.mark.parametrize(('topic', 'values', 'words'), [
    ('joint_states', {'name': ['hip_1', 'knee_1', 'hip_2', 'ankle']}, 'lacks the joint knee_2'),
    ('joint_states', {'name': []}, 'lacks the joint hip_1: it has none'),
    ('joint_states', {'position': [0.0] * 3}, '4 names but 3 entries of position'),
    ('joint_states', {'velocity': []}, '4 names but 0 entries of velocity'),
    ('joint_states', {'velocity': [0.0, 0.0, INF, 0.0]}, 'hip_2.velocity = inf, which must be'),
    ('joint_states', {'position': [NAN] * 4}, 'holds joint_states.hip_1.position = nan'),
    ('imu', {'orientation': xyz(w=0.0)}, 'orientation of length 0'),
    ('imu', {'orientation': xyz(w=NAN)}, 'orientation of length nan'),
    ('imu', {'orientation_covariance': [-1.0]}, r'orientation_covariance\[0\] = -1, so it holds'),
    ('imu', {'angular_velocity': xyz(y=NAN)}, 'holds imu.angular_velocity.y = nan'),
    ('imu', {'angular_velocity_covariance': [-1.0]}, 'no angular_velocity, which is used'),
    ('odom', {'twist': SimpleNamespace(twist=SimpleNamespace(
        linear=xyz(INF), angular=xyz()))}, 'holds odom.linear.x = inf'),
    ('scan', {'ranges': [1.0] * 9}, 'scan has 9 entries instead of 10'),
    ('scan', {'ranges': [INF] * 10, 'range_max': INF}, 'holds scan.0 = inf'),
    ('scan', {'ranges': [1.0, NAN] + [1.0] * 8, 'at': 0.3}, 'holds scan.1 = nan'),
    ('joint_states', {'velocity': [0.0, 1.7e308, 0.0, 0.0]}, 'knee_1.velocity = 1.7e[+]308'),
    ('imu', {'angular_velocity': xyz(y=-1e5)}, r'velocity.y = -100000, .* \+-1000'),
    ('scan', {'ranges': [1e6] * 10, 'range_max': INF}, 'scan.0 = 1e[+]06'),
    ('odom', {'pose': SimpleNamespace(pose=SimpleNamespace(position=xyz(1e8))),
              'twist': SimpleNamespace(twist=SimpleNamespace(linear=xyz(2e3), angular=xyz()))},
     'linear.x = 2000'),
    ('foot_contacts', {'data': [1]}, 'foot_contacts has 1 entries instead of 2'),
    ('reward', {'data': NAN}, 'reward holds a value that is not finite'),
    ('reward', {'data': INF}, 'reward holds a value that is not finite'),
])
def test_bad_messages_are_refused_and_change_nothing(robot, topic, values, words):
    inputs = SensorBuffer(robot)
    for good in ALL:
        put(inputs, good)
    before = inputs.take().readings.copy()
    if 'at' in values:  # a ray that has been lost for as long as a scan may be old
        put(inputs, topic, **{**values, 'at': 0.01})
    with pytest.raises(BadMessage, match=words):
        put(inputs, topic, **values)
    assert re.search(words, inputs.status[topic].refusal)
    after, reward, *_ = inputs.take()
    np.testing.assert_array_equal(after, before)
    assert reward == 0.0


@pytest.mark.parametrize('angle', [-2.5, -1.0, 0.0, 1e-4, 1.5, 3.0])
@pytest.mark.parametrize(('name', 'axis'), [('roll', 0), ('pitch', 1), ('yaw', 2)])
def test_angles_of_a_quaternion_about_each_axis(name, axis, angle):
    channel = {'scale': 1.0, 'offset': 0.0, 'normalisation': 1.0, 'kind': 'state',
               'source': f'imu.{name}'}
    robot = Robot(robot_config(
        observations=['angle'], observation={'angle': channel}, initial_centres={},
        inputs={'imu': {'timeout': 0.1}, 'reward': {'timeout': 0.1}}))
    q = [0.0, 0.0, 0.0, np.cos(angle / 2)]
    q[axis] = np.sin(angle / 2)
    inputs = SensorBuffer(robot)
    inputs.need_reward(False)
    put(inputs, 'imu', orientation=SimpleNamespace(x=q[0], y=q[1], z=q[2], w=q[3]))
    observation = robot.observer(inputs.names)(inputs.take().readings)
    assert observation[0, 0] == pytest.approx(angle, abs=1e-12)


# Sensors at their own rates


def paced(trigger='joint_states', **values):
    """Make inputs triggered by one topic every 10 ms, with a lidar that may be 0.3 s old."""
    ages = {t: {'timeout': 0.3 if t == 'scan' else 0.05} for t in ALL}
    return SensorBuffer(Robot(robot_config(
        trigger=trigger, control_period=0.01, inputs=ages, **values)))


@pytest.mark.parametrize('hertz', [20, 97, 100, 104, 500, 1000])
def test_a_step_is_due_once_a_period_at_any_rate(hertz):
    """Sensors at a rate, polled four times per period: learner time follows the clock."""
    inputs, steps, slew, periods = paced(max_catch_up=10), [], [], 0
    for topic in ALL[1:]:
        put(inputs, topic, at=0.0)
    events = sorted([(k / hertz, True) for k in range(2 * hertz)]
                    + [(0.0025 * k + 0.0011, False) for k in range(800)])
    for at, arrives in events:
        now = round(at * 1e9)
        if put(inputs, 'joint_states', at=at) if arrives else inputs.late(now):
            steps.append(at)
            taken = inputs.take(now)
            periods += taken.periods
            slew.append(taken.slew)
    assert periods == pytest.approx(200, abs=1)
    assert len(steps) == pytest.approx(200, abs=1)
    # A command never changes by more than the elapsed time allows.
    assert (0.01 * np.array(slew[1:]) <= np.diff(steps) + 1e-9).all()
    assert max(slew) == 1.0


def test_a_step_makes_up_for_what_was_missed_within_a_bound():
    inputs = paced(max_catch_up=5)
    for topic in ALL:
        put(inputs, topic, at=1.0)
    inputs.take(1_000_000_000)
    for at, periods in ((1.01, 1), (1.03, 2), (1.041, 1), (1.0801, 4), (9.0, 5), (9.01, 1)):
        assert put(inputs, 'joint_states', at=at)
        assert inputs.take(round(at * 1e9)).periods == periods
    assert not put(inputs, 'joint_states', at=9.014)
    assert put(inputs, 'joint_states', at=9.014, now=4.0), 'the clock has gone back'
    assert inputs.take(4_000_000_000).periods == 0


def test_sets_that_come_faster_than_the_period_make_a_step_a_period(robot):
    inputs = SensorBuffer(robot)
    due = [[put(inputs, topic, at=0.004 * k) for topic in ALL][-1] and inputs.take().periods
           for k in range(26)]
    assert sum(due) == 1 + 5
    assert due[0] == 1


def test_each_input_has_its_own_timeout():
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
        'scan is 0.31 s old, over its timeout of 0.3 s')


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
    for topic in (*ALL[2:], 'joint_states'):
        put(inputs, topic, at=1.0)
    assert inputs.trouble(1_000_000_000) == ''
    assert inputs.take(1_000_000_000).periods == 0, 'nobody knows how much time has passed'
    for topic in ALL:
        put(inputs, topic, at=1.01)
    assert inputs.take(1_010_000_000).periods == 1


def test_a_clock_that_goes_back_makes_no_silent_sensor_fresh():
    ages = {topic: {'timeout': 0.05, 'stamp': 'arrival'} for topic in ALL}
    inputs = SensorBuffer(Robot(robot_config(trigger='joint_states', inputs=ages)))
    for topic in ALL:
        put(inputs, topic, now=100.0)
    for at in (1.0, 30.0, 60.0):
        for topic in set(ALL) - {'imu'}:
            put(inputs, topic, now=at)
        assert 'went back by more than' in inputs.trouble(round(at * 1e9))
    put(inputs, 'imu', now=60.0)
    assert inputs.trouble(60_000_000_000) == ''


def test_what_was_never_heard_is_named():
    inputs = paced()
    for topic in ('joint_states', 'odom', 'scan', 'reward'):
        put(inputs, topic, at=1.0)
    assert inputs.trouble(1_000_000_000) == 'imu, foot_contacts: no message yet'


@pytest.mark.parametrize('stamp', [0.0, 5.0])
def test_a_driver_with_another_clock_may_be_believed_by_arrival(stamp):
    ages = {t: {'timeout': 0.3} for t in ALL}
    for how, trouble in (('header', 'see inputs.imu.stamp'), ('arrival', '')):
        ages['imu'] = {'timeout': 0.3, 'stamp': how}
        inputs = SensorBuffer(Robot(robot_config(trigger='joint_states', inputs=ages)))
        for topic in ALL:
            put(inputs, topic, at=1.0)
        put(inputs, 'imu', at=stamp, now=1.0)
        if stamp:
            assert inputs.trouble(1_000_000_000).endswith(trouble)
        else:
            assert bool(inputs.trouble(1_000_000_000)) == bool(trouble)


@pytest.mark.parametrize(('topic', 'given', 'words'), [
    ('imu', {'rotation': [1.0]}, 'inputs.imu.rotation must have 3 entries, roll, pitch, yaw, or'),
    ('imu', {'rotation': [1.0, 1.0, 0.0, 0.0]}, 'imu.rotation must be a quaternion of length 1'),
    ('odom', {'rotation': [0.0] * 3}, 'inputs.odom.rotation must not be given'),
    ('imu', {'velocity_time_constant': 0.1}, 'velocity_time_constant must not be given: it is'),
    ('imu', {'stamp': 'arrival'}, 'inputs.imu.stamp must be header with trigger all'),
    ('imu', {'stamp': 'never'}, "stamp must be one of header, arrival, not 'never'"),
    ('imu', {'qos': 'tcp'}, 'qos must be one of best_effort, reliable'),
])
def test_what_an_input_cannot_have_is_refused_by_name(topic, given, words):
    ages = {t: {'timeout': 0.3} for t in ALL}
    with pytest.raises(ConfigError, match=words):
        Robot(robot_config(inputs={**ages, topic: {'timeout': 0.3, **given}}))


def test_a_lost_joint_is_told_from_another_publisher(robot):
    inputs = SensorBuffer(robot)
    with pytest.raises(LostJoint, match='lacks the joint knee_1: it has hip_1, hip_2'):
        put(inputs, 'joint_states', name=['hip_1', 'hip_2'])
    with pytest.raises(BadMessage, match='lacks the joint hip_1: it has arm') as caught:
        put(inputs, 'joint_states', name=['arm'])
    assert not isinstance(caught.value, LostJoint)


def test_a_lost_joint_is_trouble_until_the_next_whole_message():
    inputs = paced()
    for topic in ALL:
        put(inputs, topic, at=1.0)
    with pytest.raises(LostJoint):
        put(inputs, 'joint_states', at=1.0, name=['hip_1'])
    assert 'lacks the joint knee_1' in inputs.trouble(1_000_000_000)
    put(inputs, 'joint_states', at=1.0)
    assert inputs.trouble(1_000_000_000) == ''
