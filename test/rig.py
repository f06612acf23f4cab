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

"""A controller with the stand-in for hardware, each in its own process, and a watcher."""

from contextlib import contextmanager
from pathlib import Path
import sys

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.nodes import topics
from dynsyn_ros.settings import parameters
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from ros import call, command, process, ros, spin_until
from std_msgs.msg import Float64, String
import yaml

BIPED = ROBOT_FILE.parent / 'biped.yaml'
LIMITS = parameters.read([BIPED])['torque_limits']
#: The control period, and the timeout of the inputs, s.
PERIOD = 0.08
AGE = 0.4


def slow(robot, folder, period, changes):
    """Write one of our robots with another control period, matching timeouts, and changes."""
    given = parameters.read([BIPED.with_stem(robot)])
    ages = {topic: {'timeout': 1.5 if topic == 'reward' else AGE}
            for topic in given['inputs']}
    given |= {'control_period': period, 'inputs': ages, 'output_dir': str(folder / 'out')}
    parameters.merge(given, changes)
    for name in [name for name, value in given.items() if value is None]:
        del given[name]
    file = folder / f'slow_{robot}.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': given}}))
    return file


SERVICES = {ChangeState: '/controller/change_state',
            SetParameters: '/controller/set_parameters'}


class Watcher(Node):
    """Receives the commands, and causes faults in the stand-in."""

    def __init__(self, topic):
        super().__init__('watcher')
        self.commands, self.began, self.state, self.inputs = [], [], {}, {}
        self.create_subscription(  # it must not miss a command, even on a busy machine
            topics.COMMANDS_TYPE, topic, self.on_command, 5000)
        self.create_subscription(
            Float64, 'fault_began', lambda m: self.began.append(m.data), topics.QOS)
        self.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, self.on_diagnostics, topics.QOS)
        self.faults = self.create_publisher(String, 'fault', topics.QOS)
        # Before the controller starts: a service drops answers to clients that it does not know.
        for kind, name in SERVICES.items():
            self.create_client(kind, name)

    def on_command(self, message, info):
        """Record a command and the time when it was sent, even if it arrives late."""
        self.commands.append((info['source_timestamp'] * 1e-9, np.array(message.data)))

    def on_diagnostics(self, message):
        for status in message.status:
            node, _, task = status.name.partition(': ')
            told = {'message': status.message, 'level': int.from_bytes(status.level, 'little'),
                    **{pair.key: pair.value for pair in status.values}}
            if (node, task) == ('/controller', 'control'):
                self.state = told
            elif node == '/controller':
                self.inputs[task] = told

    def last(self):
        return self.commands[-1][1]


class Rig:
    """A controller, a stand-in, and a watcher of both."""

    def __init__(self, executor, watcher, controller):
        self.executor, self.watcher, self.controller = executor, watcher, controller

    def until(self, done, what):
        spin_until(self.executor, done, what)

    def await_driving(self):
        count = len(self.watcher.commands)
        self.until(lambda: len(self.watcher.commands) > count + 10 and self.watcher.last().any(),
                   'torques that are not zero')

    def bring_about(self, fault):
        """
        Cause a fault; returns when it began.

        That is the last message of a topic that falls silent, or the first faulty one.
        """
        count = len(self.watcher.began)
        self.watcher.faults.publish(String(data=fault))
        self.until(lambda: len(self.watcher.began) > count, 'the fault')
        return self.watcher.began[-1]

    def await_zero(self, since):
        """
        Await a command of zero that was sent after a time.

        Returns how many were sent in between. Counts are reliable even if a busy machine is late.
        """
        def sent():
            return [torque.any() for t, torque in self.watcher.commands if t > since]
        self.until(lambda: not all(sent()), 'zero torque')
        return sent().index(False)

    def await_message(self, task, words):
        """Await some words in a diagnostic message of the controller."""
        def message():
            told = self.watcher.state if task == 'control' else self.watcher.inputs.get(task, {})
            return told.get('message', '')
        self.until(lambda: words in message(), f'{words!r} of {task}')

    def await_levels(self, expected):
        """Await the levels of all statuses except that of control."""
        seen = self.watcher.inputs
        self.until(lambda: {task: told['level'] for task, told in seen.items()} == expected,
                   f'levels {expected}')

    def change(self, *transitions):
        """Take the controller through transitions of its lifecycle."""
        for transition in transitions:
            request = ChangeState.Request(transition=Transition(id=transition))
            assert call(self.executor, self.watcher, ChangeState, SERVICES[ChangeState],
                        request).success

    def set(self, **values):
        """Set parameters of the controller."""
        request = SetParameters.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
        results = call(self.executor, self.watcher, SetParameters, SERVICES[SetParameters],
                       request).results
        assert all(result.successful for result in results), results

    def next_commands(self, count, moving=True):
        """Await and return more commands: all zero, or the last one not zero if ``moving``."""
        begun = len(self.watcher.commands)
        self.until(lambda: len(self.watcher.commands) >= begun + count
                   and self.watcher.last().any() == moving, f'{count} commands')
        return np.array([torque for _, torque in self.watcher.commands[begun:]])


@contextmanager
def rig(folder, period=PERIOD, stand_in=(), changes=None, robot='biped', **values):
    """Start all three; the controller drives unless ``autostart`` is false."""
    file = slow(robot, folder, period, changes or {})
    arguments = ['--ros-args', '--params-file', str(file), '--params-file',
                 str(preset_file('default'))]
    given = parameters.read([file])
    topic = topics.COMMAND_OF[given.get('command', 'effort')]
    for name, value in values.items():
        arguments += ['-p', f'{name}:={value}']
    drivers = [Path(__file__).with_name('stand_in.py'), period, '--commands', topic, '--feet',
               given['feet'], '--joints', ','.join(given['joints']), *stand_in]
    # The EventsExecutor does not pass the time of sending to callbacks.
    with ros(), command([sys.executable, *map(str, drivers)]), \
            process('controller', arguments) as controller, SingleThreadedExecutor() as executor:
        watcher = Watcher(topic)
        executor.add_node(watcher)
        one = Rig(executor, watcher, controller)
        spin_until(executor, watcher.faults.get_subscription_count, 'the stand-in')
        if values.get('autostart', True):
            one.await_driving()
        yield one
