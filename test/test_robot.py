"""The robot layer: configurations, readings and messages."""

from types import SimpleNamespace

from conftest import ROBOT_FILE, preset_file, robot_config
import numpy as np
import pytest

from dynsyn_ros import parameters
from dynsyn_ros.learner import LearnerConfig
from dynsyn_ros.robot import BadMessage, Inputs, Robot
from dynsyn_ros.schema import ConfigError, build
from dynsyn_ros.simulation import bipedal_walker

INF, NAN = float('inf'), float('nan')


def stamp(seconds):
    return SimpleNamespace(stamp=SimpleNamespace(sec=int(seconds), nanosec=0))


def xyz(x=0.0, y=0.0, z=0.0, **more):
    return SimpleNamespace(x=x, y=y, z=z, **more)


def message(topic, at=0, **values):
    """Make a plain object with the fields of a good message, some of them changed."""
    good = {
        'joint_states': {
            'name': list(bipedal_walker.JOINTS), 'position': [0.1, 0.2, 0.3, 0.4],
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
        robot='hexapod', joints=joints, torque_limits=[5.0, -5.0] * 3, rays=0, feet=4,
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
    np.testing.assert_array_equal(
        robot.torques(np.full((1, 6), 0.5)), [[2.5, -2.5, 2.5, -2.5, 2.5, -2.5]])


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
        assert not inputs.put(topic, message(topic, at=1))
    assert inputs.put('reward', message('reward'))
    inputs.take()
    assert not inputs.complete
    for topic in reversed(ALL[1:]):
        assert not inputs.put(topic, message(topic, at=2))
    assert inputs.put('joint_states', message('joint_states', at=2))


def test_inputs_of_different_steps_are_never_mixed(robot):
    inputs = Inputs(robot)
    for topic in ALL:
        inputs.put(topic, message(topic, at=1))
    inputs.take()
    for topic in ALL[:-1]:
        inputs.put(topic, message(topic, at=3 if topic == 'imu' else 2))
    assert not inputs.put('reward', message('reward'))
    for topic in ('joint_states', 'odom'):
        assert not inputs.put(topic, message(topic, at=3))
    assert inputs.put('scan', message('scan', at=3))


def test_rewards_add_up_until_they_are_taken(robot):
    inputs = Inputs(robot)
    for value in (1.0, -100.0, 0.5):
        inputs.put('reward', message('reward', data=value))
    assert inputs.take()[1] == -98.5
    assert inputs.take()[1] == 0.0


def test_frozen_needs_no_reward(robot):
    inputs = Inputs(robot)
    inputs.need_reward(False)
    for topic in ALL[:4]:
        assert not inputs.put(topic, message(topic))
    assert inputs.put('foot_contacts', message('foot_contacts'))


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
        inputs.put('joint_states', joints)
        readings.append(inputs.take()[0])
    np.testing.assert_array_equal(*readings)
    place = inputs.names.index('joint_states.hip_2.position')
    assert readings[1][0, place] == 0.3


def test_nothing_in_reach_of_the_lidar_is_its_range_max(robot):
    inputs = Inputs(robot)
    inputs.put('scan', message('scan', ranges=[INF, 7.0] + [1.0] * 8))
    readings = dict(zip(inputs.names, inputs.take()[0][0], strict=True))
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
        inputs.put(good, message(good))
    before, reward = inputs.take()
    before = before.copy()
    with pytest.raises(BadMessage, match=words):
        inputs.put(topic, message(topic, **values))
    after, reward = inputs.take()
    np.testing.assert_array_equal(after, before)
    assert reward == 0.0


@pytest.mark.parametrize('angle', [-2.5, -1.0, 0.0, 1e-4, 1.5, 3.0])
@pytest.mark.parametrize(('name', 'axis'), [('roll', 0), ('pitch', 1), ('yaw', 2)])
def test_angles_of_a_quaternion_about_each_axis(name, axis, angle):
    channel = {'scale': 1.0, 'offset': 0.0, 'normalisation': 1.0, 'kind': 'state',
               'source': f'imu.{name}'}
    robot = Robot(robot_config(
        observations=['angle'], observation={'angle': channel}, first_centres={}))
    q = [0.0, 0.0, 0.0, np.cos(angle / 2)]
    q[axis] = np.sin(angle / 2)
    inputs = Inputs(robot)
    inputs.need_reward(False)
    inputs.put('imu', message('imu', orientation=SimpleNamespace(x=q[0], y=q[1], z=q[2], w=q[3])))
    observation = robot.observer(inputs.names)(inputs.take()[0])
    assert observation[0, 0] == pytest.approx(angle, abs=1e-12)
