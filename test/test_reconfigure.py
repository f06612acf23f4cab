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

"""What may be changed while the robot walks, and a person's reward."""

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.nodes import run, topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.schema import ConfigError
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from ros import make, ros, spin_steps, spin_until, spinning
import yaml

pytestmark = pytest.mark.ros


@pytest.fixture
def walk(tmp_path):
    with ros():
        values = {'pace': 'lockstep', 'output_dir': tmp_path / 'out'}
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        bystander = Node('bystander')
        with spinning(simulator, controller, bystander) as executor:
            controller.start()
            spin_until(executor, lambda: controller.steps > 10)
            yield executor, simulator, controller, bystander


def change(controller, name, value):
    (result,) = controller.set_parameters([Parameter(name, value=value)])
    return result


def test_torque_limits_hold_from_the_next_step(walk):
    executor, simulator, controller, _ = walk
    applied, step = [], simulator.walker.step
    simulator.walker.step = lambda torques: applied.append(torques.copy()) or step(torques)
    assert change(controller, 'torque_limits', [5.0, 5.0, 5.0, 5.0]).successful
    spin_steps(executor, simulator, 3)
    applied.clear()
    spin_steps(executor, simulator, 200)
    assert 1.0 < np.abs(applied).max() <= 5.0
    assert change(controller, 'torque_rate_limits', [10.0] * 4).successful
    spin_steps(executor, simulator, 3)
    applied.clear()
    spin_steps(executor, simulator, 200)
    assert np.abs(np.diff(applied, axis=0)).max() <= 0.2 + 1e-12


def test_amplitudes_and_rates_are_changed(walk):
    executor, simulator, controller, _ = walk
    learner = controller.learner
    before = learner.state.plasticity.amplitude.copy()
    amplitude = learner.config.synapses.amplitude
    assert change(controller, 'learner.synapses.amplitude', [
        2.0 * amplitude[0], amplitude[1], 0.5 * amplitude[2]]).successful
    ratio = (learner.state.plasticity.amplitude / before)[0]
    second, third, _ = learner.layout.layer_sizes
    np.testing.assert_allclose(ratio[:second], 2.0)
    np.testing.assert_allclose(ratio[second:second + third], 1.0)
    np.testing.assert_allclose(ratio[second + third:], 0.5)
    assert change(controller, 'learner.synapses.centre_rate', 0.0).successful
    centre = learner.state.plasticity.centre.copy()
    spin_steps(executor, simulator, 50)
    np.testing.assert_array_equal(learner.state.plasticity.centre, centre)
    assert change(controller, 'learner.synapses.centre_rate', 1e-2).successful
    spin_steps(executor, simulator, 50)
    assert (learner.state.plasticity.centre != centre).any()


@pytest.mark.parametrize(('name', 'value', 'words'), [
    ('seed', 3, 'seed'),
    ('joints', ['a', 'b', 'c', 'd'], 'joints'),
    ('learner.time_step', 20.0, 'learner.time_step'),
    ('torque_limits', [80.0], 'torque_limits must have 4 entries'),
    ('torque_rate_limits', [-1.0, 1.0, 1.0, 1.0], 'torque_rate_limits[0] must be from 0'),
    ('upright_tilt', -0.1, 'range'),
    ('learner.synapses.amplitude', [0.1], 'amplitude must have 3 entries'),
    ('learner.synapses.centre_rate', -1.0, 'range'),
])
def test_what_is_not_safe_is_refused_with_the_reason(tmp_path, name, value, words):
    with ros():
        controller = make(ControllerNode, output_dir=tmp_path)
        before = controller.get_parameter(name).value
        result = change(controller, name, value)
        assert not result.successful
        assert words in result.reason, result.reason
        assert controller.get_parameter(name).value == before
        controller.destroy_node()


@pytest.fixture
def blind(tmp_path):
    """Write a robot with nothing but its joints: no imu, no guard, no terms of a reward."""
    given = parameters.read([ROBOT_FILE])
    rows = {name: row for name, row in given['observation'].items()
            if row['source'].startswith('joint_states')}
    given |= {'observations': list(rows), 'observation': rows,
              'trigger': 'joint_states', 'output_dir': str(tmp_path / 'out'),
              'inputs': {topic: given['inputs'][topic] for topic in ('joint_states', 'reward')}}
    del given['reward_terms']
    file = tmp_path / 'blind.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': given}}))
    return file


def test_a_guard_without_its_sensor_is_refused_and_other_limits_hold(blind):
    with ros():
        controller = ControllerNode(
            cli_args=run.ros_arguments((blind, preset_file('default')), {}),
            use_global_arguments=False)
        assert 'upright_tilt must be at most' in change(controller, 'fall_tilt', 0.8).reason
        assert change(controller, 'upright_tilt', 0.5).successful
        for transition in (controller.trigger_configure, controller.trigger_activate):
            assert transition() == TransitionCallbackReturn.SUCCESS
            result = change(controller, 'fall_tilt', 0.8)
            assert 'it needs imu' in result.reason
            assert not result.successful
            assert controller.get_parameter('fall_tilt').value == np.inf
        assert change(controller, 'torque_limits', [1.0] * 4).successful
        assert (controller._loop._limiter._limits == 1.0).all()
        controller.destroy_node()


def test_a_parameter_within_a_value_is_refused_in_one_sentence(tmp_path):
    with ros(), pytest.raises(ConfigError, match='robot.foo: robot is a value, not a table'):
        make(ControllerNode, output_dir=tmp_path, overrides=[('robot.foo', 1)])


def test_a_person_may_praise_and_scold(walk):
    executor, simulator, controller, bystander = walk
    told, step = [], controller.learner.step

    def spy(observation, reward, *rest):
        told.append(float(reward[0]))
        return step(observation, reward, *rest)

    controller.learner.step = spy
    voice = bystander.create_publisher(topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD, topics.QOS)
    spin_until(executor, voice.get_subscription_count)
    assert change(controller, 'human_reward_gain', 50.0).successful
    for data, total in ((2.0, 100.0), (-3.0, -150.0)):
        voice.publish(topics.HUMAN_REWARD_TYPE(data=data))
        spin_until(executor, lambda total=total: any(abs(r - total) < 20.0 for r in told))
    rejected = controller.rejected
    voice.publish(topics.HUMAN_REWARD_TYPE(data=float('nan')))
    spin_until(executor, lambda: controller.rejected > rejected)
    spin_steps(executor, simulator, 10)
    assert np.isfinite(told).all()
