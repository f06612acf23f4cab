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

"""The controller with a stand-in for hardware, in separate processes, and faults."""

from contextlib import contextmanager
from functools import partial
from pathlib import Path
import signal
import subprocess
import sys
import time

from conftest import ROBOT_FILE
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.settings import parameters
from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from rig import AGE, BIPED, LIMITS, rig
from ros import call, make, record_torques, ros, spin_steps, spin_until, spinning
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger
import yaml

pytestmark = pytest.mark.ros

SOAK = Path(__file__).resolve().parent.parent / 'benchmarks' / 'soak.py'


def test_another_robot_by_configuration_alone(tmp_path):
    """Sensors at 200, 100, 50 and 20 Hz; the learner follows joint_states."""
    applied = []
    with rig(tmp_path, period=0.005) as one:
        one.watcher.create_subscription(
            Float64MultiArray, 'applied', lambda m: applied.append(m.data), topics.QOS)
        one.until(lambda: len(one.watcher.commands) > 1000, 'a thousand commands')
        one.until(lambda: one.watcher.state.get('steps', '0') != '0'
                  and one.watcher.state['message'] == 'active', 'it to be active')
        one.until(lambda: any(map(any, applied)), 'torques that reach the motors')
        torques = np.array([torque for _, torque in one.watcher.commands])
    assert np.isfinite(torques).all()
    assert (np.abs(torques) <= np.abs(LIMITS)).all()
    # 400 N m/s at 200 Hz, and zero at once when it was halted.
    rises = np.diff(torques, axis=0)[torques[1:].any(axis=1)]
    assert (np.abs(rises) <= np.array([2.0, 2.0, 1.0] * 2) + 1e-9).all()
    assert (np.abs(torques).max(axis=0) > 1.0).all()


@pytest.fixture(scope='class')
def one(tmp_path_factory):
    """Start a rig that several tests share."""
    folder = tmp_path_factory.mktemp('rig')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_LOG_DIR', str(folder / 'ros_log'))
        with rig(folder) as one:
            yield one


class TestWhatARobotRecoversFrom:
    """Each test finds the robot driving, and leaves it so."""

    @pytest.fixture(autouse=True)
    def driving(self, one):
        one.bring_about('')
        one.await_driving()

    @pytest.mark.parametrize(('fault', 'age'), [
        ('joint_states silent', AGE),
        ('imu silent', AGE),
        ('imu elsewhere', AGE),
        ('foot_contacts silent', AGE),
        ('joint_states lost', 0.0),
        ('imu back', 0.0),
    ])
    def test_zero_torque_within_two_periods_of_a_fault(self, one, fault, age):
        def refused():
            return int(one.watcher.inputs.get('imu', {}).get('refused', 0))

        for _ in range(2):
            before = refused()
            assert one.await_zero(one.bring_about(fault) + age) <= 2
            if 'back' not in fault:  # the stamps continue from where they are
                # A busy machine may have been late before; such a zero does not last.
                one.until(lambda: not one.watcher.last().any()
                          and 'zero' not in one.watcher.state.get('message', ''), 'news')
            if fault == 'imu elsewhere':
                one.until(lambda: refused() > before, 'an input that says it')  # noqa: B023
            one.bring_about('')
            one.await_driving()

    def test_an_emergency_stop_latches(self, one):
        stop = partial(call, one.executor, one.watcher, SetBool, '/controller/estop')
        assert stop(SetBool.Request(data=True)).success
        assert one.await_zero(time.time()) == 0, 'none after its answer'
        one.until(lambda: 'emergency stop' in one.watcher.state.get('message', ''), 'diagnostics')
        steps = one.watcher.state['steps']
        count = len(one.watcher.commands)
        one.until(lambda: len(one.watcher.commands) > count + 10, 'commands')
        assert not any(torque.any() for _, torque in one.watcher.commands[count:])
        one.until(lambda: one.watcher.state['steps'] == steps, 'a learner that waits')
        assert stop(SetBool.Request(data=False)).message == 'cleared'
        one.await_driving()

    def test_a_fall_has_no_torque_and_is_learnt_from(self, one):
        one.await_zero(one.bring_about('imu tilted'))
        one.until(lambda: 'fallen' in one.watcher.state.get('message', ''), 'diagnostics')
        before = int(one.watcher.state['steps'])
        one.until(lambda: int(one.watcher.state['steps']) > before, 'steps while it lies')
        assert not one.watcher.last().any()
        one.bring_about('')
        one.await_driving()


@pytest.fixture
def hangups():
    """Let SIGHUP end processes, even if nohup keeps it from the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures('hangups')
@pytest.mark.parametrize('end', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_zero_torque_is_the_last_command_of_a_process(tmp_path, end):
    with rig(tmp_path) as one:
        one.controller.send_signal(end)
        one.until(lambda: one.controller.poll() is not None, 'the end of the controller')
        assert one.controller.returncode == 0
        one.until(lambda: not one.watcher.last().any(), 'zero torque')


def test_safety_limits_hold_in_whatever_state_they_were_set(tmp_path):
    """As at the first power-on of docs/hardware.md: set them, then configure and activate."""
    down, up = (
        (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP),
        (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE))
    period = 0.02
    with rig(tmp_path, period, autostart=False) as one:

        def limit(torque, rate):
            one.set(torque_limits=[torque] * 6, torque_rate_limits=[rate] * 6,
                    upright_tilt=0.005, fall_tilt=0.01)  # less than its tilt

        def holds(torque, rate):
            assert not one.next_commands(10, moving=False)[-5:].any(), 'it counts as fallen'
            one.set(fall_tilt=0.8, upright_tilt=0.3)
            torques = one.next_commands(40)
            assert 0.1 * torque < np.abs(torques).max() <= torque
            rises = np.abs(np.diff(torques, axis=0)[torques[1:].any(axis=1)])
            assert 0.1 * rate * period < rises.max() <= rate * period + 1e-9

        limit(1.0, 10.0)
        one.change(*up)
        holds(1.0, 10.0)
        limit(0.5, 8.0)  # active
        holds(0.5, 8.0)
        one.change(down[0])
        limit(2.0, 30.0)  # inactive
        one.change(up[1])
        holds(2.0, 30.0)
        one.set(upright_tilt=0.005, fall_tilt=0.01)
        one.change(*down, *up)  # they are kept
        holds(2.0, 30.0)
        one.change(*down)
        limit(1.5, 20.0)  # unconfigured again
        one.change(*up)
        holds(1.5, 20.0)


# In lock-step with the walker


@contextmanager
def walk(tmp_path, **values):
    with ros():
        values = {'pace': 'lockstep', 'output_dir': tmp_path / 'out', **values}
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        with spinning(simulator, controller) as executor:
            controller.start()
            spin_until(executor, lambda: controller.steps > 10)
            yield executor, simulator, controller


def test_lock_step_stays_one_command_a_step_over_an_emergency_stop(tmp_path):
    """An extra command would be taken for the answer to the next set, from then on."""
    with walk(tmp_path) as (executor, simulator, controller):
        for on in (True, False, True, False):
            call(executor, simulator, SetBool, '/controller/estop', SetBool.Request(data=on))
            spin_steps(executor, simulator, 50)
            assert controller.estopped is on
        sent = []
        step, fly = simulator.walker.step, controller._loop.step
        controller._loop.step = lambda given: sent.append(fly(given).copy()) or sent[-1]
        applied = []
        simulator.walker.step = lambda t: applied.append(t.copy()) or step(t)
        spin_steps(executor, simulator, 100)
        # Each command is applied before the next one is computed.
        assert len(applied) - len(sent) in (0, -1, 1)
        matches = [i for i, t in enumerate(sent) if np.array_equal(t[0], applied[-1])]
        assert matches[-1] >= len(sent) - 1


def test_an_emergency_stop_latches_from_any_state(tmp_path):
    with ros():
        values = {'real_time_factor': 5.0, 'output_dir': tmp_path / 'out'}
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        torques = record_torques(simulator)
        with spinning(simulator, controller) as executor:
            stop = partial(call, executor, simulator, SetBool, '/controller/estop')
            assert stop(SetBool.Request(data=True)).success, 'unconfigured'
            controller.start()
            spin_until(executor, lambda: controller.halted == 'emergency stop')
            spin_steps(executor, simulator, 20)
            controller.trigger_deactivate()
            controller.trigger_activate()
            spin_until(executor, lambda: controller.halted == 'emergency stop')
            spin_steps(executor, simulator, 20)
            assert not np.any(torques)
            assert stop(SetBool.Request(data=False)).success
            spin_until(executor, lambda: np.any(torques))


def test_an_error_in_a_transition_ends_in_zero_torque(tmp_path):
    with walk(tmp_path) as (executor, simulator, controller):
        torques = record_torques(simulator)
        spin_until(executor, lambda: np.any(torques))

        def fails():
            raise RuntimeError('as no transition should')

        controller._ends.callback(fails)
        controller.trigger_deactivate()
        spin_until(executor, lambda: not torques[-1].any(), 'zero torque')
        assert controller._state_machine.current_state[1] == 'unconfigured'
        assert 'on_deactivate has raised RuntimeError: as no' in controller.faults.shown
        assert (tmp_path / 'out' / 'weights.npz').exists()
        answer = call(executor, simulator, Trigger, '/controller/save', Trigger.Request())
        assert (answer.success, 'before the node is configured' in answer.message) == (False, True)


def test_rollback_to_the_best_weights(tmp_path):
    with walk(tmp_path, best_window=2.0) as (executor, simulator, controller):
        learner, manager = controller.learner, controller.manager
        spin_until(executor, lambda: np.isfinite(manager.best_mean), 'a first window')
        assert manager.best_mean == pytest.approx(manager.mean, abs=1.0)
        learner.state.plasticity.centre[:] = 5.0
        answer = call(executor, simulator, Trigger, '/controller/rollback', Trigger.Request())
        assert answer.success
        assert 'rolled back to a mean reward of' in answer.message
        assert np.abs(learner.state.plasticity.centre).max() < 1.0
        spin_until(executor, (tmp_path / 'out' / 'best.npz').exists)
        best = manager.best_mean
    # The next run knows the best of this one.
    with walk(tmp_path, best_window=1000.0) as (executor, simulator, controller):
        assert controller.manager.best_mean >= best
        answer = call(executor, simulator, Trigger, '/controller/rollback', Trigger.Request())
        assert answer.success


def test_rollback_needs_a_best(tmp_path):
    with walk(tmp_path, best_window=1000.0) as (executor, simulator, _):
        answer = call(executor, simulator, Trigger, '/controller/rollback', Trigger.Request())
        assert not answer.success
        assert 'no best weights yet: the first window of 50000 steps' in answer.message


def test_rollback_by_itself_when_all_goes_wrong(tmp_path):
    trained = ROBOT_FILE.parent / 'bipedal_walker.npz'
    with walk(tmp_path, best_window=4.0, rollback_share=0.3, weights=trained) as (
            executor, _, controller):
        learner, manager = controller.learner, controller.manager
        spin_until(executor, lambda: manager.best_mean > 0.1, 'a walk')
        learner.state.plasticity.centre[:] = 0.0  # from now on it may stand or fall
        spin_until(executor, lambda: np.abs(learner.state.plasticity.centre).max() > 1.0,
                   'a rollback')


@pytest.mark.parametrize(('name', 'command'), [('biped', 'effort'), ('quadruped', 'position')])
def test_the_drivers_to_paste_suit_the_robot(name, command):
    robot = parameters.read([BIPED.with_stem(name)])
    drivers = yaml.safe_load((BIPED.parent / 'ros2_control' / f'{name}.yaml').read_text())
    parts = {name: part['ros__parameters'] for name, part in drivers.items()}
    assert robot.get('command', 'effort') == command
    assert parts[f'{command}_controller']['joints'] == robot['joints']
    assert parts[f'{command}_controller']['interface_name'] == command
    assert parts['controller_manager']['update_rate'] * robot['control_period'] >= 1.0


def test_no_fault_makes_a_bad_torque_or_ends_a_node():
    """The campaign of faults, in half a minute."""
    done = subprocess.run(
        [sys.executable, str(SOAK), '--seconds', '30'], capture_output=True, text=True,
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip('| ').split(' | ') for line in done.stdout.splitlines()[2:]]
    seen = {stage: what for stage, _, what, *_ in rows}
    assert seen['two owners'] == '3 times nothing was learnt, 3 times it went on'
    assert seen['impossible requests'] == '10 refused'
    assert 'files from outside' in seen
    for stage, tried, seen, bad, crashes, growth in rows:
        assert (bad, crashes) == ('0', '0'), stage
        assert growth == '-' or float(growth) < 5.0, (stage, tried, seen)
