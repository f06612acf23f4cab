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

"""Absurd numbers, a learner that is not finite, and exceptions: none of them ends a node."""

from functools import partial
from threading import Event

from dynsyn_ros.nodes import guard, topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.owners import Owners
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.storage import weights
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rig import rig
from ros import call, make, PATIENCE, record_torques, ros, spin_steps, spin_until, spinning
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.ros

ERROR = b'\2'


@pytest.fixture
def walk(tmp_path):
    """Walk in lock-step with the paper's preset, which bounds nothing by itself."""
    with ros():
        values = {'pace': 'lockstep', 'output_dir': tmp_path / 'out', 'checkpoint_period': 1e3,
                  'preset': 'authors', 'best_window': 1.0}
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        bystander = Node('bystander')
        bystander.told = []
        bystander.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS,
            lambda m: bystander.told.extend(
                s for s in m.status if s.name in ('/controller: control', '/simulator')),
            topics.QOS)
        with spinning(simulator, controller, bystander) as executor:
            controller.start()
            spin_until(executor, lambda: controller.steps > 10)
            yield executor, simulator, controller, bystander


def await_error(executor, bystander, words):
    spin_until(executor, lambda: any(
        words in s.message and s.level == ERROR for s in bystander.told), f'an error of {words!r}')


def test_absurd_rewards_and_readings_harm_nothing(walk, monkeypatch):
    monkeypatch.setattr(guard, 'SHOWN', 1.5)
    executor, simulator, controller, bystander = walk
    learner, manager = controller.learner, controller.manager
    amplitude = learner.mean_amplitude
    step, absurd = simulator.walker.step, []

    def reward(torques):
        earned = step(torques)
        return absurd.pop() if absurd else earned

    simulator.walker.step = reward
    human = bystander.create_publisher(topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD, topics.QOS)
    imu = bystander.create_publisher(topics.SENSORS['imu'], 'imu', topics.QOS)
    clock = bystander.create_publisher(topics.SIMULATION['clock'], 'clock', topics.QOS)
    for end in (human, imu, clock):
        spin_until(executor, end.get_subscription_count)
    for number in (1e12, -1e300, 1.7e308, -1.7e308, 1e308):
        absurd += [number] * 5
        for _ in range(3):
            human.publish(topics.HUMAN_REWARD_TYPE(data=number))
        message = topics.SENSORS['imu']()
        message.orientation.w, message.angular_velocity.y = 1.0, number
        rejected = controller.rejected
        imu.publish(message)
        spin_until(executor, lambda: not absurd and controller.rejected > rejected)  # noqa: B023
    faults = controller.faults.count
    message = topics.SIMULATION['clock']()
    message.clock.sec = -1
    clock.publish(message)
    spin_until(executor, lambda: controller.faults.count > faults, 'a refusal of the time')
    spin_steps(executor, simulator, 60)
    assert controller.control.inputs.clipped >= 40
    spin_until(executor, lambda: any(
        'rewards were past their limit' in s.message for s in bystander.told), 'a warning')
    bystander.told.clear()
    spin_until(executor, lambda: any(s.message == 'active' for s in bystander.told), 'its end')
    assert abs(manager.mean) <= manager.best_mean <= 400.0
    assert learner.mean_amplitude == pytest.approx(amplitude, rel=0.01)
    assert all(np.isfinite(array).all() for array in learner.snapshot().values())


def test_a_learner_that_is_not_finite_is_rolled_back_and_never_kept(walk, tmp_path):
    executor, simulator, controller, bystander = walk
    learner, manager = controller.learner, controller.manager
    spin_until(executor, lambda: np.isfinite(manager.best_mean), 'a first window')
    torques = record_torques(simulator)
    for where in (learner.state.plasticity.centre, learner.state.plasticity.trace,
                  learner.state.neurons.gain):
        torques.clear()
        where[0, 3] = np.nan
        spin_until(executor, lambda: not all(map(np.any, torques)), 'zero torque')
        spin_until(executor, lambda: np.any(torques[-1]), 'torques')
        assert all(np.isfinite(array).all() for array in learner.snapshot().values())
        assert sum(not torque.any() for torque in torques) <= 2, 'it is noticed at once'
        assert np.isfinite(torques).all()
    await_error(executor, bystander, 'rolled back to the best weights')
    # What the check in each step misses is found before anything is kept.
    learner.state.fluctuation.normals[0, -1] = np.inf
    saved = call(executor, bystander, Trigger, '/controller/save', Trigger.Request())
    assert saved.success, saved.message
    assert manager.finite
    for file in (tmp_path / 'out').glob('[!.]*.npz'):
        arrays, _ = weights.read(file)
        assert all(np.isfinite(array).all() for array in arrays.values()), file


def test_what_is_raised_ends_in_zero_torque_and_an_answer(walk):
    executor, simulator, controller, bystander = walk
    torques = record_torques(simulator)

    def fails(*_):
        raise ZeroDivisionError('as no step should')

    for owner, name in ((controller._loop, 'step'), (controller.control.inputs, 'take')):
        count = controller.steps
        setattr(owner, name, fails)
        torques.clear()
        spin_until(executor, lambda: len(torques) > 20 and not np.any(torques[-10:]), 'no torque')
        assert controller.steps <= count + 10
        delattr(owner, name)
        spin_until(executor, lambda: np.any(torques[-1]), 'torques')
    await_error(executor, bystander, 'ZeroDivisionError: as no step should (test_faults.py')
    controller.manager.begin_save = fails
    answer = call(executor, bystander, Trigger, '/controller/save', Trigger.Request())
    assert (answer.success, 'as no step should' in answer.message) == (False, True)
    del controller.manager.begin_save
    spin_steps(executor, simulator, 10)


def test_a_transition_that_is_impossible_now_is_refused_and_no_fault(walk):
    executor, _, controller, bystander = walk
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert not call(executor, bystander, ChangeState, '/controller/change_state', request).success
    assert controller.faults.count == 0


def test_a_slow_disk_keeps_nobody_from_commanding(walk, tmp_path, monkeypatch):
    executor, simulator, controller, bystander = walk
    written, begun, write = Event(), Event(), weights.write

    def slowly(*arguments):
        begun.set()
        assert written.wait(PATIENCE)
        write(*arguments)

    monkeypatch.setattr(weights, 'write', slowly)
    client = bystander.create_client(Trigger, '/controller/save')
    spin_until(executor, client.service_is_ready)
    answer = client.call_async(Trigger.Request())
    spin_until(executor, begun.is_set, 'the disk')
    spin_steps(executor, simulator, 200)
    assert not answer.done()
    assert not (tmp_path / 'out' / 'weights.npz').exists()
    written.set()
    spin_until(executor, answer.done, 'an answer')
    assert answer.result().success
    assert answer.result().message == str(tmp_path / 'out' / 'weights.npz')
    weights.load(tmp_path / 'out' / 'weights.npz', controller.learner, controller._robot)


def test_no_request_ends_a_controller(tmp_path):
    with rig(tmp_path) as one:
        ask = partial(call, one.executor, one.watcher)
        nonsense = [Parameter(name='learning', value=ParameterValue(type=200))]
        result = ask(SetParameters, '/controller/set_parameters',
                     SetParameters.Request(parameters=nonsense)).results[0]
        assert (result.successful, 'not a valid' in result.reason) == (False, True)
        result = ask(SetParametersAtomically, '/controller/set_parameters_atomically',
                     SetParametersAtomically.Request(parameters=nonsense)).result
        assert (result.successful, 'not a valid' in result.reason) == (False, True)
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE, 99):
            request = ChangeState.Request(transition=Transition(id=transition))
            assert not ask(ChangeState, '/controller/change_state', request).success
        assert ask(SetBool, '/controller/set_learning', SetBool.Request(data=False)).success
        one.await_driving()
        assert one.controller.poll() is None


def test_a_second_publisher_is_seen_behind_a_remap():
    said, arguments = [], ['--ros-args', '-r', 'joint_torques:=effort_controller/commands']
    with ros():
        node = Node('controller', cli_args=arguments, use_global_arguments=False)
        other = Node('other')
        for each, topic in ((node, topics.COMMANDS), (other, 'effort_controller/commands')):
            each.create_publisher(topics.COMMANDS_TYPE, topic, topics.QOS)
        with spinning(node, other) as executor:
            Owners(node, said.append, node.get_clock())
            spin_until(executor, lambda: said, 'the other one')
    assert '2 publishers, /controller and /other' in said[0]


def test_nothing_is_learnt_while_there_is_a_second_robot_or_controller(walk):
    executor, simulator, controller, bystander = walk
    for topic, kind in (('joint_states', topics.SENSORS['joint_states']),
                        ('reward', topics.SENSORS['reward']),
                        (topics.COMMANDS, topics.COMMANDS_TYPE)):
        other = bystander.create_publisher(kind, topic, topics.QOS)
        spin_until(executor, lambda: controller.second, 'the other one')
        owner = '/controller' if topic == topics.COMMANDS else '/simulator'
        names = ' and '.join(sorted((owner, '/bystander')))
        assert f'{topic} has 2 publishers, {names}: give each robot a' in controller.second
        centre, steps = controller.learner.state.plasticity.centre.copy(), controller.steps
        spin_steps(executor, simulator, 50)
        answer = call(executor, bystander, SetBool, '/controller/set_learning',
                      SetBool.Request(data=True))
        assert (answer.success, 'publishers' in answer.message) == (False, True)
        spin_until(executor, lambda steps=steps: controller.steps > steps + 100)
        np.testing.assert_array_equal(controller.learner.state.plasticity.centre, centre)
        if topic == 'reward':
            await_error(executor, bystander, 'not learning: reward has 2 publishers')
        bystander.destroy_publisher(other)
        spin_until(executor, lambda: not controller.second, 'its end')
        spin_steps(executor, simulator, 10)
        assert (controller.learner.state.plasticity.centre != centre).any()
