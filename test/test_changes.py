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

"""Changes of a robot: they do what they say, in both simulators and in the node."""

from dataclasses import replace

from conftest import robot_config
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.settings.assets import CHANGES, CONFIG, NAMED
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker, ENVIRONMENTS, SPEC
from dynsyn_ros.simulation.changes import NONE
from dynsyn_ros.simulation.environments import BOLT
from dynsyn_ros.simulation.plants import plant_class
from dynsyn_ros.simulation.walkers import make, SIMULATORS
from dynsyn_ros.training.adaptation import read_changes
from dynsyn_ros.training.presets import env_id_of, read_robot
import numpy as np
import pytest
from ros import make as make_node
from ros import ros

ORDER = list(reversed(SPEC.joints))
WEAK = replace(NONE, motor_scale=[1.0, 0.5, 0.0, 0.25])
SKEW = replace(NONE, encoder_offset=[0.1, -0.2, 0.0, 0.3], pitch_offset=0.4)


def twins(simulator, change, joints=ORDER):
    """Two pairs of walkers in the same world, the first pair changed."""
    if simulator == 'envpool':
        pytest.importorskip('envpool', reason='envpool is an extra')
    robot = robot_config(joints=joints)
    both = [make(simulator, ENVIRONMENTS[0], 3, range(2), robot) for _ in range(2)]
    both[0].change(change)
    return both


def drive(changed, other, scale=1.0, steps=60):
    rng = np.random.default_rng(2)
    for _ in range(steps):
        torques = rng.uniform(-80, 80, size=(2, 4))
        yield changed.step(torques), other.step(torques * scale)


@pytest.mark.parametrize('simulator', SIMULATORS)
def test_a_weak_motor_gives_its_share_of_what_is_commanded(simulator):
    changed, other = twins(simulator, WEAK)
    for mine, theirs in drive(changed, other, np.array(WEAK.motor_scale)):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
        np.testing.assert_allclose(changed.readings, other.readings, atol=1e-4)


@pytest.mark.parametrize('simulator', SIMULATORS)
def test_a_sensor_that_slipped_reads_too_much_and_changes_nothing_else(simulator):
    changed, other = twins(simulator, SKEW)
    for mine, theirs in drive(changed, other):
        np.testing.assert_array_equal(mine, theirs)
    difference = dict(zip(SPEC.readings, (changed.readings - other.readings)[1], strict=True))
    for joint, offset in zip(ORDER, SKEW.encoder_offset, strict=True):
        assert difference.pop(f'joint_states.{joint}.position') == pytest.approx(offset)
    y, w = (SPEC.readings.index(f'imu.orientation.{axis}') for axis in 'yw')
    pitches = [2 * np.arctan2(walkers.readings[1, y], walkers.readings[1, w])
               for walkers in (changed, other)]
    assert pitches[0] - pitches[1] == pytest.approx(0.4)
    assert {name for name, value in difference.items() if value} == {
        'imu.orientation.y', 'imu.orientation.w'}


def test_friction_acts_against_the_motion():
    stiff = BipedalWalker(ENVIRONMENTS[0], 3)
    stiff.change(replace(NONE, joint_friction=[0.0, 5.0, 0.0, 200.0]))
    rng = np.random.default_rng(2)
    for _ in range(60):
        torques, speeds = rng.uniform(-80, 80, size=4), stiff.readings[4:8].copy()
        stiff.step(torques)
        friction = np.array([0.0, 5.0, 0.0, 200.0]) * np.tanh(speeds / 0.1)
        np.testing.assert_allclose(stiff.efforts, np.clip(torques - friction, -80.0, 80.0))


def test_a_payload_is_carried_through_falls_and_put_down_again():
    walker = BipedalWalker(ENVIRONMENTS[0], 3)

    def mass():
        return walker.environment.unwrapped.hull.mass

    alone, falls = mass(), 0
    walker.change(replace(NONE, payload=2.0))
    while falls < 2:
        assert mass() == pytest.approx(alone + 2.0, rel=1e-6)
        walker.step(np.array([80.0, 80.0, -80.0, -80.0]))
        falls += walker.episode is not None
    walker.change(NONE)
    assert mass() == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize('command', ['effort', 'position'])
def test_bolt_is_changed_in_the_model_of_it(command):
    pytest.importorskip('dynsyn_ros.simulation.bolt_model', reason='Bolt is an extra',
                        exc_type=ImportError)
    robot = replace(read_robot(CONFIG / 'bolt.yaml'), command=command, torque_limits=[2.7] * 6)
    bolts = [plant_class(BOLT)(BOLT, 3, robot=robot) for _ in range(2)]
    models = [bolt.environment.unwrapped.model for bolt in bolts]
    bolts[0].change(replace(
        NONE, motor_scale=[0.0] + [0.5] * 5, joint_friction=[2.0] * 6, payload=0.5))
    for bolt in bolts:
        for _ in range(3):  # commands come late
            bolt.step(np.full(6, 0.3))
    assert bolts[0].efforts[0] == 0.0 != bolts[1].efforts[0]
    np.testing.assert_allclose(
        models[0].actuator_forcerange[1:], models[1].actuator_forcerange[1:] / 2)
    np.testing.assert_allclose(models[0].dof_frictionloss[3:],
                               models[1].dof_frictionloss[3:] + 2.0)
    assert (models[0].body_mass - models[1].body_mass).sum() == pytest.approx(0.5)
    bolts[0].change(NONE)
    for name in ('actuator_gainprm', 'actuator_biasprm', 'actuator_forcerange',
                 'dof_frictionloss', 'body_mass'):
        np.testing.assert_allclose(getattr(models[0], name), getattr(models[1], name))


@pytest.mark.parametrize(('values', 'words'), [
    ({'motor_scale': [1.0]}, 'parameter change.motor_scale must have 4 entries'),
    ({'payload': 1.0}, 'parameter change.payload must be 0 with the simulator envpool'),
])
def test_a_change_that_cannot_be_is_refused(values, words):
    changed, other = twins('envpool', NONE)
    with pytest.raises(ConfigError, match=words):
        changed.change(replace(NONE, **values))
    for mine, theirs in drive(changed, other, steps=3):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize('robot', NAMED[CHANGES])
def test_the_changes_that_ship_are_changes_of_their_robot(robot):
    changes = read_changes(NAMED[CHANGES][robot])
    if robot == 'bolt':
        pytest.importorskip('dynsyn_ros.simulation.bolt', reason='the extra bolt')
    env_id = env_id_of(robot)
    plant = plant_class(env_id)(env_id, 3, robot=read_robot(robot))
    for change in changes.values():
        plant.change(change)
    assert changes['unchanged'] == NONE


@pytest.mark.ros
def test_the_simulator_node_is_changed_by_its_parameters():
    with ros():
        node = make_node(SimulatorNode, overrides=[('change.motor_scale', [1.0, 0.5, 1.0, 1.0])])
        node._step(np.full(4, 40.0))
        assert node.walker.efforts.tolist() == [40.0, 20.0, 40.0, 40.0]
        plain = make_node(SimulatorNode)
        plain._step(np.full(4, 40.0))
        assert plain.walker.efforts.tolist() == [40.0] * 4
        for each in (node, plain):
            each.destroy_node()
