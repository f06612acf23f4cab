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

"""The ``dynsyn`` program."""

from __future__ import annotations

import argparse
from importlib import import_module
import sys

from dynsyn_ros.nodes import environment
from dynsyn_ros.process import exit_code
from dynsyn_ros.settings.schema import ConfigError

#: Commands, each a module here, and what they do. Only the module of the command given is
#: imported, as not every one needs ROS.
COMMANDS = {
    'walk': 'simulate the walker and let it learn, over ROS topics in one process',
    'dashboard': 'show a robot that learns on a local web page, with buttons',
    'train': 'train headless, as fast as the machine goes; needs no ROS',
    'sweep': 'train with several settings and seeds, and draw them together; needs no ROS',
    'tune': 'search for settings that learn sooner, many trainings at a time; needs no ROS',
    'results': 'print what came out of trainings, as tables; needs no ROS',
    'evaluate': 'measure trained weights over some episodes; needs no ROS',
    'weights': 'print what a weights file holds, or how two differ; needs no ROS',
    'replay': 'run a learner over a recorded run, and see where they differ; needs no ROS',
    'robot': 'draft the parameter file of your robot from its URDF; needs no ROS',
    'compile': 'compile the learner at install, not at the first start; needs no ROS',
    'figures': 'draw the figures of the paper from runs; needs no ROS',
}
#: The commands that take what follows --ros-args.
WITH_ROS = ('walk', 'dashboard')


def main() -> int:
    """Parse the command line and run a command; returns the exit code."""
    arguments, ros_arguments = sys.argv[1:], []
    if '--ros-args' in arguments:
        split = arguments.index('--ros-args')
        arguments, ros_arguments = arguments[:split], arguments[split:]
    parser = argparse.ArgumentParser(
        prog='dynsyn', description='A walker that learns while it runs.')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    parsers = {
        name: commands.add_parser(name, help=does, description=does)
        for name, does in COMMANDS.items()
    }
    return exit_code(lambda: _run(parser, parsers, arguments, ros_arguments))


def _run(
    parser: argparse.ArgumentParser,
    parsers: dict[str, argparse.ArgumentParser],
    arguments: list[str],
    ros_arguments: list[str],
) -> None:
    """Import the module of the command that is given, and run it."""
    if arguments and arguments[0] in COMMANDS:
        if arguments[0] in WITH_ROS:
            environment.check()
        module = import_module(f'dynsyn_ros.cli.{arguments[0]}')
        module.add_arguments(parsers[arguments[0]])
    options = parser.parse_args(arguments)
    if ros_arguments and options.command not in WITH_ROS:
        raise ConfigError(f'dynsyn {options.command} needs no ROS and takes no --ros-args')
    options.ros_arguments = ros_arguments
    module.main(options)


if __name__ == '__main__':
    sys.exit(main())
