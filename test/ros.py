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

"""Real nodes over real DDS, in this process or in separate ones."""

from contextlib import contextmanager, suppress
import gc
import os
import signal
import subprocess
import sys
import time

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import run
from dynsyn_ros.nodes.run import executor_of
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot import Robot
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker
from dynsyn_ros.simulation.walkers import GymnasiumWalkers
from dynsyn_ros.storage import weights
from dynsyn_ros.training.headless import Headless
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

#: Longest wait for anything, s: discovery sometimes takes five.
PATIENCE = 60.0


def ros_arguments(*files, preset='default', namespace='', **values):
    """Build the ROS arguments for the package's files and some parameters."""
    arguments = run.ros_arguments((ROBOT_FILE, preset_file(preset), *files), values)
    if namespace:
        arguments += ['-r', f'__ns:={namespace}']
    return arguments


@contextmanager
def ros():
    """Initialise ROS in this process, in the domain of the test run."""
    # A managed node's own services exist, and are visible by its name, until it is collected.
    gc.collect()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield
    finally:
        # What is collected after its context has ended may end the process.
        for node in [each for each in gc.get_objects() if issubclass(type(each), Node)]:
            node.destroy_node()
        gc.collect()
        rclpy.try_shutdown()


def make(node_class, *args, files=(), namespace='', overrides=(), **values):
    """Make one of our nodes in this process, as if from the command line."""
    return node_class(
        *args,
        cli_args=ros_arguments(*files, namespace=namespace, **values),
        use_global_arguments=False,
        parameter_overrides=[Parameter(name, value=value) for name, value in overrides])


def spin_until(executor, done, what='what was awaited'):
    """Spin until ``done``; fail if that takes too long."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, f'{what} did not come in {PATIENCE} s'
        executor.spin_once(timeout_sec=0.2)


@contextmanager
def spinning(*nodes):
    """Put nodes into the executor that the programs use."""
    with executor_of(nodes) as executor:
        yield executor


def lockstep(tmp_path, **values):
    """Return the parameters of nodes in lock-step."""
    return {'pace': 'lockstep', 'output_dir': tmp_path / 'out', **values}


def process(program, arguments):
    """Run dynsyn, or a node by its name, as a process that has ended at the end."""
    words = ['dynsyn_ros'] if program == 'dynsyn' else ['dynsyn_ros.nodes.programs', program]
    return command([sys.executable, '-m', *words, *map(str, arguments)])


@contextmanager
def driven_in_lockstep(robot_file, folder):
    """Let a controller in another process drive a robot's simulator, which is spun here."""
    files = robot_file, preset_file('default')
    arguments = run.ros_arguments(files, lockstep(folder))
    with ros(), process('controller', arguments):
        simulator = SimulatorNode(cli_args=arguments, use_global_arguments=False)
        with spinning(simulator) as executor:
            yield simulator, executor


@contextmanager
def command(words):
    """Run a command as a process; at the end it and its children have ended."""
    running = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy(),
        start_new_session=True)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def record_torques(simulator):
    """Record the torques that a simulator applies, in the walker's order."""
    torques, step = [], simulator.walker.step

    def spy(command):
        reward = step(command)
        torques.append(simulator.walker.efforts.copy())
        return reward

    simulator.walker.step = spy
    return torques


def headless_torques(config, preset, seed, steps, learning=True, start=None):
    """Compute the torques of a run without ROS, in the walker's order."""
    robot = Robot(config)
    learner = Learner(robot.layout, preset, seed)
    learner.learning = learning
    if start:
        weights.load(start, learner, robot)
    walker = BipedalWalker('BipedalWalker-v3', seed, robot=config)
    loop = Headless(robot, learner, GymnasiumWalkers([walker]))
    torques = []
    for _ in range(steps):
        loop.step()
        torques.append(walker.efforts.copy())
    return np.array(torques)


def await_line(stream, words):
    """Read lines until one holds some words, and return it."""
    for line in stream:
        if words in line:
            return line
    raise AssertionError(f'the program ended without saying {words!r}')


def spin_steps(executor, simulator, steps):
    """Spin until a simulator has taken this many more steps."""
    target = simulator.steps + steps
    spin_until(executor, lambda: simulator.steps >= target, f'{steps} steps')


def call(executor, node, kind, name, request):
    """Call a service and return its answer."""
    clients = {client.service_name: client for client in node.clients}
    client = clients.get(name) or node.create_client(kind, name)
    spin_until(executor, client.service_is_ready, name)
    future = client.call_async(request)
    spin_until(executor, future.done, name)
    return future.result()
