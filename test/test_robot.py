"""The robot layer: configurations, readings and messages."""

from dataclasses import replace
from types import SimpleNamespace

from conftest import ROBOT_FILE, preset_file, robot_config
import numpy as np
import pytest

from dynsyn_ros import parameters
from dynsyn_ros.learner import LearnerConfig
from dynsyn_ros.robot import (
    BadMessage,
    Drive,
    Inputs,
    LostJoint,
    Reward,
    RewardTerms,
    Robot,
)
from dynsyn_ros.robot.robot import QUATERNION
from dynsyn_ros.schema import ConfigError, build
from dynsyn_ros.simulation import bipedal_walker

INF, NAN = float('inf'), float('nan')


def stamp(seconds):
    sec, nanosec = divmod(round(seconds * 1e9), 1_000_000_000)
    return SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec))


def xyz(x=0.0, y=0.0, z=0.0, **more):
    return SimpleNamespace(x=x, y=y, z=z, **more)


def message(topic, at=0, **values):
    """Make a plain object with the fields of a good message, some of them changed."""
    good = {
        'joint_states': {
            'name': list(bipedal_walker.ANATOMY.joints), 'position': [0.1, 0.2, 0.3, 0.4],
            'velocity': [1.0, 2.0, 3.0, 4.0], 'effort': [0.0] * 4},
        'imu': {'orientation': xyz(w=1.0), 'angular_velocity': xyz(),
                'linear_acceleration': xyz()},
        'odom': {'pose': SimpleNamespace(pose=SimpleNamespace(position=xyz())),
                 'twist': SimpleNamespace(twist=SimpleNamespace(linear=xyz(), angular=xyz()))},
        'scan': {'ranges': [1.0] * 10, 'range_max': 5.0},
        'foot_contacts': {'data': [0, 1]},
        'reward': {'data': 1.0},
    }[topic]
    header = {} if topic in ('foot_contacts', 'reward') else {'header': stamp(at)}
    return SimpleNamespace(**{**good, **values}, **header)


def put(inputs, topic, at=0.0, now=None, **values):
    """Put in a message with a stamp ``at`` that arrives when it is sent, or ``now``; s."""
    arrival = at if now is None else now
    return inputs.put(topic, message(topic, at, **values), round(arrival * 1e9))


ALL = ('joint_states', 'imu', 'odom', 'scan', 'foot_contacts', 'reward')


def test_walker_has_438_synapses(robot):
    assert robot.layout.inputs == 43
    assert robot.layout.layer_sizes == (344, 18, 76)
    assert robot.layout.synapses == 438


def test_another_robot_needs_only_another_configuration():
    joints = [f'j{i}' for i in range(6)]
    sources = [f'joint_states.{j}.{f}' for j in joints for f in ('position', 'velocity')]
    sources += ['imu.roll', 'imu.pitch', 'foot_contacts.3']
    channel = {'scale': 1.0, 'offset': 0.0, 'normalisation': 1.0, 'kind': 'state'}
    config = robot_config(
        robot='hexapod', joints=joints, torque_limits=[5.0, -5.0] * 3, torque_rates=[INF] * 6,
        inputs={t: {'greatest_age': 0.1} for t in ('joint_states', 'imu', 'foot_contacts',
                                                   'reward')},
        rays=0, feet=4,
        observations=sources, observation={s: {**channel, 'source': s} for s in sources},
        hidden_neurons=12, oscillators=3,
        first_centres={'j5': {'inputs': ['v_3', 'imu.roll', 'constant'],
                              'values': [0.5, -0.2, 0.1]}})
    robot = Robot(config)
    assert robot.topics == ('joint_states', 'imu', 'foot_contacts')
    assert robot.layout.inputs == 2 * 15 + 0 + 1 + 6
    assert robot.layout.layer_sizes == (12 * 37, 3 * 13, 6 * (6 + 15 + 1))
    centres = robot.layout.output_centres
    assert np.count_nonzero(centres) == 3
    assert centres[5, 2] == 0.5
    assert centres[5, 6 + 12] == -0.2
    assert centres[5, -1] == 0.1
    drive = Drive(config, Inputs(robot).names)
    np.testing.assert_array_equal(
        drive.torques(np.full((1, 6), 0.5), np.zeros((1, 99))),
        [[2.5, -2.5, 2.5, -2.5, 2.5, -2.5]])


def first_channel(**values):
    given = parameters.read([ROBOT_FILE])['observation']
    return {**given, 'hull_angle': {**given['hull_angle'], **values}}


@pytest.mark.parametrize(('values', 'words'), [
    ({'joints': ['hip_1', 'hip_1', 'hip_2', 'knee_2']}, 'joints names hip_1 twice'),
    ({'joints': []}, 'joints must name at least one'),
    ({'torque_limits': [80.0]}, 'torque_limits must have 4 entries, one a joint, not 1'),
    ({'torque_limits': [80.0, 80.0, 80.0, INF]}, r'torque_limits\[3\] must be from -10000'),
    ({'torque_limits': 80.0}, 'torque_limits must be a list'),
    ({'rays': -1}, 'rays must be from 0'),
    ({'rays': 9}, 'observation.ray_9.source must name a ray below 9'),
    ({'feet': 2.5}, 'feet must be a whole number'),
    ({'observations': ['hull_angle', 'height']}, r'missing parameter observation\.height'),
    ({'observations': ['hull_angle']}, 'unknown parameter observation.hull_angular_velocity'),
    ({'observation': first_channel(source='imu.heading')},
     'observation.hull_angle.source must be a reading such as'),
    ({'observation': first_channel(source='joint_states.ankle.position')},
     'observation.hull_angle.source names the unknown joint ankle: there are hip_1'),
    ({'observation': first_channel(kind='angle')}, 'kind must be one of state, range'),
    ({'observation': first_channel(kind='range')}, 'every observation of kind state before'),
    ({'observation': first_channel(scale=NAN)}, 'scale must be a number, not NaN'),
    ({'observation': first_channel(scale='1')}, "scale must be a number, not '1'"),
    ({'observation': first_channel(colour='red')}, 'unknown parameter observation.hull_angle.col'),
    ({'first_centres': {'ankle': {'inputs': ['v_1'], 'values': [1.0]}}},
     'unknown parameter first_centres.ankle: there are hip_1'),
    ({'first_centres': {'hip_1': {'inputs': ['v_3'], 'values': [1.0]}}},
     'first_centres.hip_1.inputs names the unknown input v_3: there are v_1'),
    ({'first_centres': {'hip_1': {'inputs': ['v_1'], 'values': [1.0, 2.0]}}},
     'first_centres.hip_1.values must have 1 entries'),
    ({'first_centres': {'hip_1': {'inputs': ['v_1']}}},
     'missing parameter first_centres.hip_1.values'),
])
def test_bad_configurations_are_refused_by_name(values, words):
    with pytest.raises(ConfigError, match=words):
        Robot(robot_config(**values))


@pytest.mark.parametrize(('section', 'key', 'value', 'words'), [
    ('synapses', 'amplitude', [0.1, -0.1, 0.1], r'learner.synapses.amplitude\[1\] must be from 0'),
    ('synapses', 'amplitude', [0.1, 0.1], 'learner.synapses.amplitude must have 3 entries'),
    ('synapses', 'repulsion', 'yes', 'learner.synapses.repulsion must be true or false'),
    ('synapses', 'amplitude_rule', 'none', 'must be one of multiplicative, additive'),
    ('synapses', 'period_mean', 300.0, 'learner.synapses.period_mean must be over 330 ms'),
    ('reward', 'aspiration', 0.0, 'learner.reward.punishment_horizon must be 0 unless'),
    ('reward', 'memory', 0.0, 'learner.reward.aspiration must be 0 unless'),
    ('network', 'gain', 0.0, 'learner.network.gain must be from 0.01 to 100'),
    ('oscillators', 'd', 1.0, 'unknown parameter learner.oscillators.d'),
])
def test_bad_presets_are_refused_by_name(section, key, value, words):
    given = parameters.read([preset_file('default')])['learner']
    given[section][key] = value
    with pytest.raises(ConfigError, match=words):
        build(LearnerConfig, given, 'learner.')


def test_missing_preset_key_is_named():
    given = parameters.read([preset_file('default')])['learner']
    del given['synapses']['trace']
    with pytest.raises(ConfigError, match='missing parameter learner.synapses.trace: time const'):
        build(LearnerConfig, given, 'learner.')


@pytest.mark.parametrize(('text', 'words'), [
    (None, 'cannot read .*: No such file'),
    ('a: [', 'is not YAML'),
    ('robot: walker', 'must be a ROS parameter file with a section'),
    ('', 'must be a ROS parameter file with a section'),
])
def test_bad_parameter_files_are_refused(tmp_path, text, words):
    file = tmp_path / 'robot.yaml'
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        parameters.read([file])
    assert str(file) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_later_parameter_files_win(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**: {ros__parameters: {seed: 7, learner: {time_step: 20.0}}}')
    merged = parameters.read([ROBOT_FILE, preset_file('default'), file])
    assert merged['seed'] == 7
    assert merged['learner']['time_step'] == 20.0
    assert merged['learner']['synapses']['period_mean'] == 20_000.0


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
        inputs.put('joint_states', joints, 0)
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
    ('joint_states', {'velocity': [0.0, 0.0, INF, 0.0]}, 'velocity that is not finite'),
    ('joint_states', {'position': [NAN] * 4}, 'position that is not finite'),
    ('imu', {'orientation': xyz(w=0.0)}, 'orientation of length 0'),
    ('imu', {'orientation': xyz(w=NAN)}, 'orientation of length nan'),
    ('imu', {'angular_velocity': xyz(y=NAN)}, 'imu holds a value that is not finite'),
    ('odom', {'twist': SimpleNamespace(twist=SimpleNamespace(
        linear=xyz(INF), angular=xyz()))}, 'odom holds a value that is not finite'),
    ('scan', {'ranges': [1.0] * 9}, 'scan has 9 entries instead of 10'),
    ('scan', {'ranges': [NAN] * 10}, 'scan holds a value that is not finite'),
    ('scan', {'ranges': [-INF] * 10}, 'scan holds a value that is not finite'),
    ('foot_contacts', {'data': [1]}, 'foot_contacts has 1 entries instead of 2'),
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
    after, reward, _ = inputs.take()
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
        _, reward, periods = inputs.take()
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


# What may be sent


def drive(**values):
    config = robot_config(torque_limits=[80.0, -40.0, 10.0, 0.0], **values)
    return Drive(config, bipedal_walker.ANATOMY.readings)


def standing(tilt=0.0):
    """Readings of a body with a tilt, rad."""
    readings = np.zeros((1, len(bipedal_walker.ANATOMY.readings)))
    place = bipedal_walker.ANATOMY.readings.index('imu.orientation.x')
    readings[0, place:place + 4] = 0.0, np.sin(tilt / 2), 0.0, np.cos(tilt / 2)
    return readings


def test_torques_are_finite_within_limits_and_what_is_fed_back():
    action = np.array([[NAN, 7.0, -INF, INF]])
    np.testing.assert_array_equal(
        drive().torques(action, standing()), [[0.0, -40.0, 0.0, 0.0]])
    np.testing.assert_array_equal(action, [[0.0, 1.0, 0.0, 0.0]])


def test_without_limits_in_reach_an_action_is_left_as_it_is():
    rng = np.random.default_rng(0)
    one = drive()
    for _ in range(100):
        wanted = np.tanh(rng.normal(size=(1, 4)))
        action = wanted.copy()
        one.torques(action, standing())
        np.testing.assert_array_equal(action, wanted)


def test_a_torque_changes_no_faster_than_its_rate():
    one = drive(torque_rates=[800.0, 400.0, INF, 1.0])  # 0.02 s: 16, 8 N m, at once
    action = np.ones((1, 4))
    torques = [one.torques(action, standing()).copy()[0] for _ in range(3) if not
               action.fill(1.0)]
    np.testing.assert_allclose(torques, [
        [16.0, -8.0, 10.0, 0.0], [32.0, -16.0, 10.0, 0.0], [48.0, -24.0, 10.0, 0.0]])
    np.testing.assert_allclose(action, [[0.6, 0.6, 1.0, 1.0]])
    assert not one.stop(action).any(), 'a stop knows no rate'
    assert not action.any()
    action.fill(1.0)
    np.testing.assert_allclose(one.torques(action, standing())[0, :2], [16.0, -8.0])


def test_a_fallen_body_gets_no_torque_until_it_is_upright():
    one = drive(fall_tilt=1.0, upright_tilt=0.3)
    sent = []
    for tilt in (0.0, 0.9, 1.01, 0.9, 0.31, 0.29, 0.9, -1.01, -0.31, -0.2):
        action = np.ones((1, 4))
        assert one.torques(action, standing(tilt)).any() == action.any()
        sent.append(bool(action.any()))
    assert sent == [True, True, False, False, False, True, True, False, False, True]


@pytest.mark.parametrize(('values', 'words'), [
    ({'trigger': 'sonar'}, 'parameter trigger must be one of all, imu, odom, joint_states'),
    ({'torque_rates': [1.0]}, 'torque_rates must have 4 entries, one a joint, not 1'),
    ({'fall_tilt': 0.5, 'upright_tilt': 0.6}, 'upright_tilt must be at most fall_tilt, 0.5'),
    ({'inputs': {}}, 'missing parameter inputs.imu.greatest_age'),
    ({'inputs': {t: {'greatest_age': 1.0} for t in (*ALL, 'sonar')}},
     'unknown parameter inputs.sonar: there are joint_states'),
    ({'control_period': 0.0}, 'control_period must be from 0.0001'),
])
def test_what_is_said_of_time_and_safety_is_checked(values, words):
    with pytest.raises(ConfigError, match=words):
        Robot(robot_config(**values))


# The reward of a robot without a simulator


def reward_of(**terms):
    given = parameters.read([ROBOT_FILE])['reward_terms']
    return Reward(build(RewardTerms, {**given, **terms}),
                  robot_config(fall_tilt=1.3, upright_tilt=0.5))


def seen(forward=0.0, tilt=0.0, effort=0.0, height=2.0):
    """Readings of a walker."""
    return {
        'odom.position.x': forward, 'scan.0': height,
        **{f'joint_states.{joint}.effort': effort for joint in bipedal_walker.ANATOMY.joints},
        **dict(zip(QUATERNION, (0.0, np.sin(tilt / 2), 0.0, np.cos(tilt / 2)), strict=True))}


def test_a_reward_is_of_what_has_changed():
    one = reward_of()
    assert one.of(seen(forward=3.0), 1) == 0.0, 'nothing is known of before'
    assert one.of(seen(forward=3.1), 1) == pytest.approx(0.1 * 130 / 30)
    assert one.of(seen(forward=3.1, tilt=-0.2), 1) == pytest.approx(-0.2 * 5)
    assert one.of(seen(forward=3.1, tilt=0.1), 1) == pytest.approx(0.1 * 5)
    # 4 motors at 0.00035 x 80 of an action of 0.5 each step.
    assert one.of(seen(forward=3.1, tilt=0.1, effort=-40.0), 1) == pytest.approx(
        -4 * 0.00035 * 80 * 0.5)
    assert one.of(seen(forward=3.1, tilt=0.1, effort=-40.0), 2) == pytest.approx(
        -2 * 4 * 0.00035 * 80 * 0.5)
    assert one.of(seen(forward=9.0, tilt=0.1), 1) == 0.0, 'it was put elsewhere'
    assert one.of(seen(forward=9.1, tilt=0.1), 0) == 0.0, 'time went back'


@pytest.mark.parametrize('down', [{'tilt': 1.35}, {'tilt': 0.45, 'height': 0.9}])
def test_a_fall_costs_once_until_upright_again(down):
    one = reward_of(progress_weight=0.0, tilt_weight=0.0, torque_weight=0.0)
    upright = {'tilt': 0.1}
    postures = [upright, upright, down, down, {'tilt': 0.9}, upright, down]
    assert [one.of(seen(**posture), 1) for posture in postures] == [
        0.0, 0.0, -100.0, 0.0, 0.0, 0.0, -100.0]


def test_the_reward_needs_its_topics():
    config = robot_config()
    config = replace(config, inputs={t: a for t, a in config.inputs.items() if t != 'odom'})
    terms = build(RewardTerms, parameters.read([ROBOT_FILE])['reward_terms'])
    with pytest.raises(ConfigError, match='inputs.odom.greatest_age: the reward needs odom'):
        Reward(terms, config)
    with pytest.raises(ConfigError, match='not .sonar.0'):
        Reward(replace(terms, height='sonar.0'), replace(config, inputs={
            **robot_config().inputs, 'sonar': config.inputs['imu']}))
