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

"""Running nodes in a process: start, spin until stopped, and a clean end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, ExitStack
import gc
import os
from pathlib import Path
import sys
import time
from typing import TypeVar

from dynsyn_ros.nodes.environment import blamed
from dynsyn_ros.nodes.guard import guard_services
from dynsyn_ros.nodes.topics import CLOCK
from dynsyn_ros.process import exit_code, StopRequest
from dynsyn_ros.settings.schema import ConfigError
import rclpy
from rclpy.exceptions import InvalidNamespaceException
from rclpy.executors import Executor
from rclpy.experimental import EventsExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

N = TypeVar('N', bound=Node)
#: The variable for the range of discovery, and our default for it.
DISCOVERY_RANGE, LOCALHOST = 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST'
#: Longest sleep of the executor, s: a signal is noticed within this time.
SPIN_PERIOD = 0.2
#: How long the last messages may take to arrive on this machine, s.
SETTLING_TIME = 0.3
#: Time between two collections of garbage, s.
COLLECTION_PERIOD = 1.0
#: One in this many collections is of old garbage too.
OLD_EVERY = 60


def ros_arguments(files: Iterable[Path], parameters: Mapping[str, object]) -> list[str]:
    """
    Build the command line of our nodes: parameter files, then parameters, which override them.

    The clock is remapped into the node's own namespace, so that each robot has its own time.
    """
    words = ['--ros-args', '-r', f'/{CLOCK}:={CLOCK}']
    for file in files:
        words += ['--params-file', str(file)]
    for name, value in parameters.items():
        text = repr(str(value)) if isinstance(value, (str, Path)) else str(value).lower()
        words += ['-p', f'{name}:={text}']
    return words


@contextmanager
def session(arguments: Sequence[str]) -> Iterator[StopRequest]:
    """
    Initialise ROS with command line arguments and shut it down at the end.

    Discovery is limited to this machine, unless the environment says otherwise. Signals only make
    the yielded request true, so that nodes can still publish when they end. Raises
    :class:`ConfigError` for arguments, names or parameter files that ROS cannot use.
    """
    os.environ.setdefault(DISCOVERY_RANGE, LOCALHOST)
    try:
        rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    except (rclpy_implementation.RCLError, rclpy_implementation.RCLInvalidROSArgsError,
            rclpy_implementation.UnknownROSArgsError) as error:
        raise ConfigError(blamed(error) or ' '.join(str(error).split())) from error
    try:
        yield StopRequest()
    except InvalidNamespaceException as error:
        raise ConfigError(' '.join(str(error).split())) from error
    except rclpy_implementation.RCLError as error:
        if not blamed(error):
            raise
        raise ConfigError(blamed(error)) from error
    finally:
        rclpy.try_shutdown()


@contextmanager
def executor_of(nodes: Sequence[Node]) -> Iterator[Executor]:
    """
    Put nodes into one executor, guard their services, and destroy them at the end.

    It is the events executor, which is several times faster than the default one.
    """
    executor = EventsExecutor()
    try:
        for node in nodes:
            guard_services(node)
            executor.add_node(node)
        yield executor
    finally:
        executor.shutdown()
        for node in nodes:
            node.destroy_node()


def run_node(
    make: Callable[[], N],
    start: Callable[[N], None] | None = None,
    end: Callable[[N], None] | None = None,
    finished: Callable[[N], bool] = lambda _: False,
) -> int:
    """Run the program of one node until it is stopped or ``finished``; returns the exit code."""

    def program() -> None:
        with session(sys.argv) as stop:
            node = make()
            with executor_of([node]) as executor, ExitStack() as ends:
                if start:
                    start(node)
                if end:
                    ends.callback(end, node)
                spin(executor, lambda: bool(stop) or finished(node))

    return exit_code(program)


def settle(executor: Executor) -> None:
    """Spin for a moment to receive messages that are still on their way."""
    end = time.monotonic() + SETTLING_TIME
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=SETTLING_TIME)


def spin(executor: Executor, done: Callable[[], bool]) -> None:
    """
    Spin until ``done``. Each turn has a time-out; without one, the executor would spin hot.

    Automatic garbage collection is off, because it could delay a command. Young garbage is
    collected between two turns from time to time, and old garbage more rarely, as that takes
    nearly a millisecond. Objects from before the start never are.
    """
    gc.freeze()
    gc.disable()
    collected, collections = time.monotonic(), 0
    try:
        while not done():
            executor.spin_once(timeout_sec=SPIN_PERIOD)
            if time.monotonic() - collected > COLLECTION_PERIOD:
                collections += 1
                gc.collect(1 if collections % OLD_EVERY else 2)
                collected = time.monotonic()
    finally:
        gc.enable()
        gc.unfreeze()
