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


"""Drivers as real robots have them: best effort, at any rate, with missing fields."""

import re
import time
from types import SimpleNamespace

from conftest import preset_file, robot_config, ROBOT_FILE
from dynsyn_ros.nodes import diagnostics, topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.robot import Robot, SensorBuffer
from dynsyn_ros.settings import parameters
from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from rcl_interfaces.msg import Log
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rig import PERIOD, rig, slow
from ros import make, ros, spin_until, spinning
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu
from std_msgs.msg import Float32, Float32MultiArray

pytestmark = pytest.mark.ros
UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
DOWN = Transition.TRANSITION_DEACTIVATE


def test_best_effort_drivers_are_heard_and_judged_by_what_is_used(tmp_path):
    """Bare joint states, an upside-down IMU with its own clock, and then faults."""
    pitch_rate = {'source': 'imu.angular_velocity.y', 'scale': 1.0, 'offset': 0.0,
                  'normalisation': 0.2, 'kind': 'state'}
    changes = {'inputs': {'joint_states': {'velocity_time_constant': 0.02},
                          'imu': {'stamp': 'arrival', 'rotation': [3.141592653589793, 0.0, 0.0]}},
               'observation': {'pitch_rate': pitch_rate}, 'deadman': 'joy', 'deadman_button': 1}
    usual = 'joint_states bare, imu unstamped, imu upside down, imu elsewhere'
    with rig(tmp_path, stand_in=['--best-effort'], changes=changes, autostart=False) as one:
        one.bring_about(usual)
        one.change(*UP)
        one.await_driving()
        seen = one.watcher.inputs

        fine = dict.fromkeys(
            ('learning', 'joint_states', 'imu', 'odom', 'foot_contacts', 'reward'), 0)
        one.await_levels(fine)
        assert 2 < float(seen['imu']['rate, Hz']) < 30
        assert float(seen['imu']['age, s']) < 1.0

        # Something used is missing: it is named, the command is safe, and all is well afterwards.
        for fault, task, words in (
            ('imu unoriented', 'imu', 'orientation_covariance[0] = -1, so it holds no'),
            ('imu disoriented', 'imu', 'orientation of length nan'),
            ('imu silent', 'imu', 'over its timeout of 0.4'),
            ('joint_states lost', 'joint_states', 'lacks the joint left_knee'),
        ):
            began = one.bring_about(f'{fault}, {usual}')
            one.await_zero(began)
            one.await_message(task, words)
            one.await_levels({**fine, task: 2})
            one.await_message('control', 'active; ')
            assert len(one.next_commands(5, moving=False)) >= 5, 'each period, for the drivers'
            one.bring_about(usual)
            one.await_driving()
            one.await_levels(fine)

        logged = []
        one.watcher.create_subscription(Log, '/rosout', lambda m: logged.append(m.msg), 10)
        for fault, words in (('joy released', 'deadman is not held'),
                             ('joy silent', 'nothing has arrived on deadman for 0.5 s')):
            logged.clear()
            one.await_zero(one.bring_about(f'{fault}, {usual}'))
            one.await_message('control', words)
            one.until(lambda: f'halted: {words}' in logged, 'the log')  # noqa: B023
            one.bring_about(usual)
            one.await_driving()
            # A message that comes late meanwhile is a newer reason.
            end = re.compile(r'driving, no longer halted: '
                             rf'({words}|nothing has arrived on deadman for 0.5 s|.+, over its '
                             r'timeout of .+)')
            one.until(lambda: any(map(end.fullmatch, logged)), 'its end')  # noqa: B023


def diagnosed(node):
    """Let a node subscribe to the diagnostics; returns the message of each status, by its name."""
    told = {}
    node.create_subscription(
        topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS,
        lambda array: told.update({s.name: s.message for s in array.status}), topics.QOS)
    return told


def test_who_is_not_heard_is_told_why(tmp_path):
    """A reliable subscription to a best-effort driver, by qos_overrides, and no subscriber."""
    with ros():
        controller = ControllerNode(
            cli_args=['--ros-args', '--params-file', str(slow('biped', tmp_path, PERIOD, {})),
                      '--params-file', str(preset_file('default'))],
            parameter_overrides=[Parameter(
                'qos_overrides./imu.subscription.reliability', value='reliable')],
            use_global_arguments=False)
        driver = Node('driver')
        imu = driver.create_publisher(
            Imu, 'imu', QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
        told = diagnosed(driver)
        with spinning(controller, driver) as executor:
            controller.start()
            spin_until(executor, lambda: 'best effort' in told.get('/controller: imu', ''))
            assert told['/controller: imu'].endswith(
                'the publisher of /imu is best effort, so inputs.imu.qos must be best_effort')
            assert told['/controller: odom'] == (
                'no message yet: nobody publishes /odom')
            assert told['/controller: control'].endswith(
                'odom, joint_states, foot_contacts, reward: no message yet')
            assert imu.get_subscription_count() == 0
            controller.stop()


def test_who_uses_another_type_is_named(tmp_path):
    with ros():
        controller = make(ControllerNode, output_dir=tmp_path)
        context = rclpy.Context()  # as one process cannot use two types for a topic
        rclpy.init(context=context)
        driver = Node('driver', context=context)
        driver.create_publisher(Float32, 'reward', 1)
        driver.create_subscription(Float32MultiArray, 'joint_torques', print, 1)
        watcher = Node('watcher')
        told = diagnosed(watcher)
        with spinning(controller, watcher) as executor:
            controller.start()
            spin_until(executor, lambda: 'driver' in told.get('/controller: reward', ''))
            assert told['/controller: reward'] == (
                'no message yet: driver publishes /reward as std_msgs/msg/Float32, not '
                'std_msgs/msg/Float64')
            spin_until(executor, lambda: 'driver' in controller.control.deafness)
            assert controller.control.deafness == (
                'nobody listens to /joint_torques as std_msgs/msg/Float64MultiArray: driver wants '
                'std_msgs/msg/Float32MultiArray')
            controller.stop()
        driver.destroy_node()
        context.shutdown()


#: Torque rates of the biped for the test of slopes, N m/s.
SLOW = 10.0


def test_time_and_slopes_follow_the_clock_at_any_rate_of_the_sensors(tmp_path):
    """A control period of 20 ms, joint states at 20 to 1000 Hz."""
    period, window = 0.02, 0.05
    ages = {topic: {'timeout': 1.5} for topic in (
        'joint_states', 'imu', 'odom', 'foot_contacts', 'reward')}
    changes = {'torque_rate_limits': [SLOW] * 6, 'inputs': ages}
    with rig(tmp_path, period=period, changes=changes) as one:
        for hertz in (20, 50, 200, 500, 1000):
            one.bring_about(f'joint_states {hertz} Hz')
            one.await_message('joint_states', 'slower than' if hertz < 45 else 'receiving')
            torques = one.next_commands(60)
            begun = len(one.watcher.commands) - len(torques)
            times = np.array([t for t, _ in one.watcher.commands[begun:begun + len(torques)]])
            # Mostly one per period, even if a busy machine delays a few.
            assert 0.85 < np.median(np.diff(times)) / period < 1.5
            assert len(times) / (times[-1] - times[0]) < 1.15 / period, 'late, but never early'
            steps = round(window / period)
            steepest = np.abs(torques[steps:] - torques[:-steps]).max()
            assert 0.2 * SLOW * window < steepest <= SLOW * (steps * period) + 1e-9


@pytest.mark.parametrize(('factor', 'rate', 'words'), [
    (0.5, 100, 'receiving'), (2.0, 100, 'receiving'), (2.0, 50, 'it comes at 50 Hz, slower')])
def test_the_rate_of_an_input_is_judged_by_the_clock_of_a_simulation(
        monkeypatch, factor, rate, words):
    clock, steady = 10**9, 1.0
    monkeypatch.setattr(diagnostics.time, 'monotonic', lambda: steady)
    inputs = SensorBuffer(Robot(robot_config(trigger='joint_states')))
    with ros():
        node = Node('judge')
        monkeypatch.setattr(node, 'get_clock', lambda: SimpleNamespace(
            now=lambda: SimpleNamespace(nanoseconds=clock)))
        reports = diagnostics.InputReports(node, inputs, 0.01)
        assert reports() == [], 'it is too early'
        clock, steady = clock + round(factor * 10**9), steady + 1.0
        inputs.status['joint_states'].received += round(factor * rate)
        inputs.status['joint_states'].time = clock
        (report,) = [each for each in reports() if each.task == 'joint_states']
        node.destroy_node()
    assert report.message.startswith(words)
    assert report.values['rate, Hz'] == rate


#: How many commands a subscriber may miss that has just found their publisher.
MISSED = 4


def test_position_drives_are_never_told_to_jump(tmp_path):
    """The quadruped: from where its joints are, through faults, to where it rests, and again."""
    period, rate, robot = 0.04, 2.0, parameters.read([ROBOT_FILE.with_stem('quadruped')])
    pose, rest = np.array(robot['default_pose']), np.array(robot['rest_pose'])
    with rig(tmp_path, period, robot='quadruped', autostart=False, changes={
            'position_rate_limits': [rate] * 12, 'rest_rate': 2.0, 'hold_time': 0.4}) as one:
        def away(target):
            return np.abs(one.watcher.last() - target)

        one.change(*UP)
        one.until(lambda: len(one.watcher.commands) > 60, 'commands')
        _, first = one.watcher.commands[0]
        step = rate * period
        assert np.abs(first - 0.1).max() <= MISSED * step + 1e-9 < np.abs(pose - 0.1).max()
        ranges = np.abs(robot['position_ranges'])
        one.until(lambda: (away(pose) - ranges).max() < 1e-9, 'its ranges')

        one.bring_about('imu silent')
        one.await_message('imu', 'over its timeout')
        one.until(lambda: away(rest).max() < 1e-9, 'the rest pose')
        one.bring_about('')
        one.until(lambda: away(rest).max() > 0.2, 'a way back')

        one.change(DOWN)
        one.until(lambda: one.watcher.count_publishers('joint_positions') == 0, 'silence')
        before = len(one.watcher.commands)
        one.change(UP[1])
        one.until(lambda: len(one.watcher.commands) > before + 20, 'commands')
        commands = np.array([command for _, command in one.watcher.commands])
    jumps = np.abs(np.diff(commands, axis=0)).max(axis=1)
    assert jumps[before - 1] <= MISSED * step + 1e-9
    jumps[before - 1] = 0.0
    assert 0.5 * step < jumps.max() <= step + 1e-9, 'as fast as it may, and no faster'


def test_in_sets_the_safe_command_goes_on_though_no_set_comes(tmp_path):
    rest = np.array(parameters.read([ROBOT_FILE.with_stem('quadruped')])['rest_pose'])
    with rig(tmp_path, 0.04, ['--sets'], robot='quadruped', changes={
            'trigger': 'all', 'position_rate_limits': [2.0] * 12, 'rest_rate': 2.0,
            'hold_time': 0.4}) as one:
        one.bring_about('imu silent')
        one.await_message('imu', 'over its timeout')
        one.until(lambda: np.abs(one.watcher.last() - rest).max() < 1e-9, 'the rest pose')
        one.next_commands(20)  # nor do commands end there, which a drive may take for a loss


def test_a_clock_that_stands_still_ends_in_zero_torque(tmp_path):
    with rig(tmp_path, autostart=False, use_sim_time=True) as one:
        clock = one.watcher.create_publisher(Clock, 'clock', 10)
        timer = one.watcher.create_timer(0.01, lambda: clock.publish(Clock(clock=Time(
            nanoseconds=time.time_ns()).to_msg())))
        one.change(*UP)
        one.await_driving()
        timer.cancel()
        one.await_message('control', 'the clock stands still')
        one.next_commands(10, moving=False)
        timer.reset()
        one.await_driving()
