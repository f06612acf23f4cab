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

"""The parameters of the nodes: described, guarded, and refused by name."""

from contextlib import nullcontext
import copy
from dataclasses import asdict
import math

from conftest import preset, preset_file, ROBOT_FILE
from dynsyn_ros.learner import Learner, LearnerConfig
from dynsyn_ros.nodes.config import SECTIONS
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.settings.assets import PRESETS
from dynsyn_ros.settings.parameters import merge, nested
from dynsyn_ros.settings.schema import build, ConfigError, settings_of, SMALLEST
from dynsyn_ros.simulation import bipedal_walker
from dynsyn_ros.training.presets import read_robot
import numpy as np
import pytest
from rclpy.parameter import Parameter
from ros import make, ros
import yaml

pytestmark = pytest.mark.ros

INF = math.inf


@pytest.mark.parametrize(('node_class', 'values', 'words'), [
    (SimulatorNode, {'env_id': 'Ant-v5'}, 'env_id must be one of BipedalWalker-v3'),
    (SimulatorNode, {'pace': 'fast'}, 'pace must be one of realtime, lockstep'),
    (SimulatorNode, {'real_time_factor': 0.0}, 'real_time_factor must be from 0.01 to 100'),
    (SimulatorNode, {'command_timeout': -1.0}, 'command_timeout must be from 0.02 to 10'),
    (SimulatorNode, {'seed': -1}, 'seed must be from 0'),
    (SimulatorNode, {'seed': 1.5}, 'seed must be a whole number, not 1.5'),
    (SimulatorNode, {'max_steps': True}, 'max_steps must be a whole number, not True'),
    (SimulatorNode, {'colour': 'red'}, 'unknown parameter colour'),
    (ControllerNode, {'learning': 'maybe'}, 'learning must be true or false'),
    (ControllerNode, {'torque_limits': [80.0]}, 'torque_limits must have 4 entries'),
    (ControllerNode, {'learner.time_step': 0.0}, 'learner.time_step must be from 0.001'),
    (ControllerNode, {'learner.synapses.speed': 1.0}, 'unknown parameter learner.synapses.speed'),
    (ControllerNode, {'learner': 3}, 'learner'),
])
def test_bad_parameters_are_refused_by_name(node_class, values, words):
    with ros(), pytest.raises(ConfigError, match=words):
        make(node_class, overrides=values.items())


def test_an_empty_list_of_a_file_is_one_and_refused_by_name(tmp_path):
    content = yaml.safe_load(ROBOT_FILE.read_text())
    parameters = content['/**']['ros__parameters']
    parameters['damping'], parameters['inputs']['imu']['rotation'] = [], []
    file = tmp_path / 'robot.yaml'
    for joints, words in ((parameters['joints'], ''), ([], 'joints must name at least one')):
        parameters['joints'] = joints
        file.write_text(yaml.dump(content))
        with ros(), pytest.raises(ConfigError, match=words) if words else nullcontext():
            node = SimulatorNode(cli_args=['--ros-args', '--params-file', str(file)],
                                 use_global_arguments=False)
            assert list(node.get_parameter('damping').value) == []
            node.destroy_node()


def test_a_number_of_a_file_without_a_point_may_become_one_with_a_point():
    with ros():
        controller = make(ControllerNode, overrides=[
            ('rollback_share', 0), ('learner.synapses.amplitude', [1, 1, 1])])
        for result in controller.set_parameters([
                Parameter('rollback_share', value=0.5),
                Parameter('learner.synapses.amplitude', value=[0.5, 0.5, 0.5])]):
            assert result.successful, result.reason
        controller.destroy_node()


@pytest.mark.parametrize('key', ['env_id', 'joints', 'seed'])
def test_missing_parameters_are_named(tmp_path, key):
    content = yaml.safe_load(ROBOT_FILE.read_text())
    del content['/**']['ros__parameters'][key]
    file = tmp_path / 'robot.yaml'
    file.write_text(yaml.dump(content))
    with ros(), pytest.raises(ConfigError, match=f'missing parameter {key}: '):
        SimulatorNode(cli_args=['--ros-args', '--params-file', str(file)],
                      use_global_arguments=False)


def test_unknown_joint_is_refused():
    joints = ['hip_1', 'knee_1', 'hip_9', 'knee_2']
    with ros():
        for node_class in (SimulatorNode, ControllerNode):
            with pytest.raises(ConfigError, match='initial_centres.hip_2: there are .* hip_9'):
                make(node_class, overrides=[('joints', joints)]).start()


def test_parameters_are_described_and_guarded():
    with ros():
        simulator = make(SimulatorNode)
        names = ['env_id', 'seed', 'pace', 'real_time_factor', 'command_timeout']
        described = dict(zip(names, simulator.describe_parameters(names), strict=True))
        assert all(descriptor.description for descriptor in described.values())
        assert [n for n in names if described[n].read_only] == ['env_id', 'seed', 'pace']
        (span,) = described['real_time_factor'].floating_point_range
        assert (span.from_value, span.to_value, span.step) == (0.01, 100.0, 0.0)
        assert described['pace'].additional_constraints == 'one of realtime, lockstep'
        assert described['command_timeout'].description.endswith('[s]')

        def change(name, value):
            (result,) = simulator.set_parameters([Parameter(name, value=value)])
            return result

        assert change('real_time_factor', 0.123456).successful, 'ranges have no grid'
        for name, value in (('real_time_factor', 1000.0), ('pace', 'lockstep'), ('seed', 3),
                            ('torque_limits', [1.0] * 4)):
            refusal = change(name, value)
            assert not refusal.successful
            assert name in refusal.reason or 'range' in refusal.reason.lower(), refusal.reason
        assert not simulator.has_parameter('learner.time_step'), 'that is of the controller'
        simulator.destroy_node()


def leaves():
    names = {'observation': ['hull_angle'], 'inputs': ['imu'], 'initial_centres': ['hip_1']}
    for section in SECTIONS:
        yield from settings_of(section, names)


def test_every_number_has_finite_bounds():
    numbers = [leaf for leaf in leaves() if leaf.kind in (int, float, list[float])]
    assert len(numbers) > 50
    for leaf in numbers:
        assert leaf.low is not None, leaf.name
        assert math.isfinite(leaf.high - leaf.low), leaf.name


@pytest.mark.parametrize('name', PRESETS)
def test_whatever_may_be_set_keeps_the_learner_finite(name, robot):
    """Every bound of every setting, and many together, under rewards at their limits."""
    config = preset(name)
    given = asdict(config)
    floats = [leaf for leaf in settings_of(LearnerConfig, {})
              if leaf.kind in (float, list[float]) and given[leaf.name.partition('.')[0]]]
    rng = np.random.default_rng(0)
    most = robot.config.reward_limit + robot.config.human_reward_limit

    def corner(leaf):
        value = rng.choice([leaf.low, SMALLEST, leaf.high, *[INF] * leaf.unlimited])
        return [float(value)] * 3 if leaf.kind is list[float] else float(value)

    tried = 0
    for number in range(60):
        chosen = [floats[number % len(floats)], *rng.choice(floats, number % 4)]
        changed = nested({leaf.name: corner(leaf) for leaf in chosen})
        values = copy.deepcopy(given)
        merge(values, changed)
        try:
            new = build(LearnerConfig, values)
        except ConfigError:
            continue
        tried += 1
        learner = Learner(robot.layout, new if number % 2 else config, number)
        learner.reconfigure(new)
        for reward in rng.choice([most, -most, 0.1], 200):
            learner.step(rng.normal(size=(1, 24)), np.array([reward]), np.zeros((1, 4)))
        for array, content in learner.snapshot().items():
            assert np.isfinite(content).all(), (array, changed)
    assert tried > 20


def test_controller_knows_its_own_parameters(tmp_path):
    with ros():
        controller = make(ControllerNode, output_dir=tmp_path)
        assert controller.get_parameter('learner.synapses.period_mean').value == 20000.0
        assert controller.get_parameter('joints').value == list(bipedal_walker.SPEC.joints)
        assert controller.describe_parameter('joints').read_only
        assert not controller.has_parameter('env_id')
        controller.destroy_node()


@pytest.mark.parametrize(('section', 'words'), [
    ({'reheating': None}, 'own.yaml: reheating must be in the table learner, not beside it'),
    ({'learner': {'colour': 1}}, 'own.yaml: unknown parameter learner.colour: learner has'),
    ({'learner': None}, 'own.yaml: learner must be a table of time_step')])
def test_what_is_wrong_with_a_preset_is_said_with_its_file(tmp_path, section, words):
    """A table beside learner, where it has no effect, is the slip of an indentation."""
    content = yaml.safe_load(preset_file('default').read_text())
    content['/**']['ros__parameters'].update(section)
    (tmp_path / 'own.yaml').write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=words):
        preset(tmp_path / 'own.yaml')


def test_what_is_wrong_with_a_robot_is_said_with_its_file():
    with pytest.raises(ConfigError, match=r'presets/default.yaml: missing parameter robot: name'):
        read_robot(preset_file('default'))
