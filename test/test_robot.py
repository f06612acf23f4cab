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

"""The robot layer: configurations and parameter files."""

from conftest import preset_file, robot_config, ROBOT_FILE
from dynsyn_ros.learner import LearnerConfig
from dynsyn_ros.robot import CommandLimiter, Robot, SensorBuffer
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.schema import build, ConfigError
from messages import ALL
import numpy as np
import pytest

INF, NAN = float('inf'), float('nan')


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
        robot='hexapod', joints=joints, torque_limits=[5.0, -5.0] * 3,
        torque_rate_limits=[INF] * 6,
        inputs={t: {'timeout': 0.1} for t in ('joint_states', 'imu', 'foot_contacts', 'reward')},
        rays=0, feet=4,
        observations=sources, observation={s: {**channel, 'source': s} for s in sources},
        hidden_neurons=12, oscillators=3,
        initial_centres={'j5': {'inputs': ['v_3', 'imu.roll', 'constant'],
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
    limiter = CommandLimiter(config, SensorBuffer(robot).names)
    np.testing.assert_array_equal(
        limiter.commands(np.full((1, 6), 0.5), np.zeros((1, 99))),
        [[2.5, -2.5, 2.5, -2.5, 2.5, -2.5]])


def first_channel(**values):
    given = parameters.read([ROBOT_FILE])['observation']
    return {**given, 'hull_angle': {**given['hull_angle'], **values}}


@pytest.mark.parametrize(('values', 'words'), [
    ({'joints': ['hip_1', 'hip_1', 'hip_2', 'knee_2']}, 'joints names hip_1 twice'),
    ({'joints': []}, 'joints must name at least one'),
    ({'torque_limits': [80.0]}, 'torque_limits must have 4 entries, one per joint, not 1'),
    ({'torque_limits': [80.0, 80.0, 80.0, INF]}, r'torque_limits\[3\] must be from -10000'),
    ({'torque_limits': 80.0}, 'torque_limits must be a list'),
    ({'rays': -1}, 'rays must be from 0'),
    ({'rays': 9}, r'observation\.ray_9\.source names scan\.9, but rays is 9 \('),
    ({'rays': 0}, r'observation\.ray_0\.source names scan\.0, but rays is 0 \('),
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
    ({'initial_centres': {'ankle': {'inputs': ['v_1'], 'values': [1.0]}}},
     'unknown parameter initial_centres.ankle: there are hip_1'),
    ({'initial_centres': {'hip_1': {'inputs': ['v_3'], 'values': [1.0]}}},
     'initial_centres.hip_1.inputs names the unknown input v_3: there are v_1'),
    ({'initial_centres': {'hip_1': {'inputs': ['v_1'], 'values': [1.0, 2.0]}}},
     'initial_centres.hip_1.values must have 1 entries'),
    ({'initial_centres': {'hip_1': {'inputs': ['v_1']}}},
     'missing parameter initial_centres.hip_1.values'),
])
def test_bad_configurations_are_refused_by_name(values, words):
    with pytest.raises(ConfigError, match=words):
        Robot(robot_config(**values))


@pytest.mark.parametrize(('section', 'key', 'value', 'words'), [
    ('synapses', 'amplitude', [0.1, -0.1, 0.1], r'learner.synapses.amplitude\[1\] must be from 0'),
    ('synapses', 'amplitude', [0.1, 0.1], 'learner.synapses.amplitude must have 3 entries'),
    ('synapses', 'repulsion', 'yes', 'learner.synapses.repulsion must be true or false'),
    ('synapses', 'period_mean', 300.0, 'learner.synapses.period_mean must be over 330 ms'),
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
    del given['synapses']['period_sd']
    with pytest.raises(ConfigError, match='missing parameter learner.synapses.period_sd: stand'):
        build(LearnerConfig, given, 'learner.')


@pytest.mark.parametrize(('changes', 'words'), [
    ({'amplitude_law': 'none'}, 'must be one of multiplicative, additive, annealed'),
    ({'prediction': None}, 'modulation prediction_error needs the table learner.prediction'),
    ({'fall': None}, 'modulation prediction_error needs the table learner.fall'),
    ({'modulation': 'reward'}, 'table learner.prediction must be left out unless learner.modul'),
    ({'amplitude_law': 'additive'}, 'amplitude_law additive needs the table learner.narrowing'),
    ({'narrowing': {'amplitude_rate': 1e-9}}, 'learner.narrowing must be left out unless'),
])
def test_tables_must_fit_what_is_chosen(changes, words):
    given = {**parameters.read([preset_file('default')])['learner'], **changes}
    with pytest.raises(ConfigError, match=words):
        build(LearnerConfig, given, 'learner.')


@pytest.mark.parametrize(('text', 'words'), [
    (None, 'cannot read .*: No such file'),
    ('a: [', 'as YAML'),
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


@pytest.mark.parametrize(('values', 'words'), [
    ({'trigger': 'sonar'}, 'parameter trigger must be one of all, imu, odom, joint_states'),
    ({'torque_rate_limits': [1.0]}, 'torque_rate_limits must have 4 entries, one per joint, not'),
    ({'fall_tilt': 0.5, 'upright_tilt': 0.6}, 'upright_tilt must be at most fall_tilt, 0.5'),
    ({'inputs': {}}, 'missing parameter inputs.imu.timeout'),
    ({'inputs': {t: {'timeout': 1.0} for t in (*ALL, 'sonar')}},
     'unknown parameter inputs.sonar: there are joint_states'),
    ({'control_period': 0.0}, 'control_period must be from 0.0001'),
])
def test_what_is_said_of_time_and_safety_is_checked(values, words):
    with pytest.raises(ConfigError, match=words):
        Robot(robot_config(**values))
