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
from contextlib import suppress
from importlib import import_module
import os
import signal
import sys
from types import ModuleType
from typing import Any, NoReturn

from dynsyn_ros.nodes import environment
from dynsyn_ros.process import exit_code
from dynsyn_ros.settings.assets import PACKAGE, version
from dynsyn_ros.settings.schema import ConfigError

#: The commands and what they do; each is a module here. Only the module of the given command is
#: imported, because not all of them need ROS.
COMMANDS = {
    'walk': 'simulate a robot and let it learn to walk, over ROS topics in one process',
    'dashboard': 'show a learning robot on a local web page, with buttons',
    'train': 'train headless, as fast as the machine can; needs no ROS',
    'sweep': 'train with several settings and seeds, and draw them together; needs no ROS',
    'tune': 'search for settings that learn sooner, many trainings at a time; needs no ROS',
    'results': 'print the results of trainings as tables; needs no ROS',
    'evaluate': 'measure trained weights over some episodes; needs no ROS',
    'weights': 'print what a weights file holds, or how two differ; needs no ROS',
    'replay': 'run a learner over a recorded run and compare the commands; needs no ROS',
    'robot': 'draft the parameter file of your robot from its URDF; needs no ROS',
    'compile': 'compile the learner at install, not at the first start; needs no ROS',
    'figures': 'draw the figures of the paper, or of a robot that changes; needs no ROS',
}
#: The name of the program.
PROGRAM = 'dynsyn'
#: The commands that accept --ros-args.
WITH_ROS = ('walk', 'dashboard')
#: The environment variable that is set when a shell asks for completions.
COMPLETING = '_ARGCOMPLETE'


class _Parser(argparse.ArgumentParser):
    """Refuses unknown arguments with its own usage, not with that of the whole program."""

    def parse_known_args(self, *arguments: Any) -> tuple[argparse.Namespace, list[str]]:
        """Parse, also as a subcommand, and leave no unknown arguments to the parser above."""
        options, unknown = super().parse_known_args(*arguments)
        if unknown:
            self.error(f'unrecognized arguments: {" ".join(unknown)}')
        return options, unknown


def main() -> int:
    """Parse the command line and run a command; returns the exit code."""
    code = exit_code(_run)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt
    return code


def add_arguments(name: str, parser: argparse.ArgumentParser) -> ModuleType:
    """Import the module of a command, declare its options, and return the module."""
    module = import_module(f'dynsyn_ros.cli.{name}')
    module.add_arguments(parser)
    return module


def _run() -> None:
    """Import the module of the given command and run it."""
    arguments, ros_arguments = sys.argv[1:], []
    if '--ros-args' in arguments:
        split = arguments.index('--ros-args')
        arguments, ros_arguments = arguments[:split], arguments[split:]
    completing = COMPLETING in os.environ
    # An unfinished line may hold words that no command knows yet.
    parser = (argparse.ArgumentParser if completing else _Parser)(
        prog=PROGRAM, description='A legged robot that learns to walk while it runs.',
        epilog='Tab completion: eval "$(register-python-argcomplete dynsyn)"')
    parser.add_argument('--version', action='version', version=f'{PACKAGE} {version()}')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    parsers = {
        name: commands.add_parser(name, help=does, description=f'{does[0].upper()}{does[1:]}.')
        for name, does in COMMANDS.items()
    }
    if completing:
        _complete(parser, parsers)
    name = next((word for word in arguments if not word.startswith('-')), '')
    if name in COMMANDS:
        if name in WITH_ROS:
            environment.check()
        module = add_arguments(name, parsers[name])
    options = parser.parse_args(arguments)
    if ros_arguments and name not in WITH_ROS:
        raise ConfigError(f'{PROGRAM} {name} needs no ROS and takes no --ros-args')
    options.ros_arguments = ros_arguments
    module.main(options)


def _complete(
    parser: argparse.ArgumentParser, parsers: dict[str, argparse.ArgumentParser]
) -> NoReturn:
    """Answer a shell that asks for completions."""
    import argcomplete  # noqa: PLC0415  of use to a shell only

    name = next(iter(os.environ.get('COMP_LINE', '').split()[1:2]), '')
    if name in COMMANDS:
        with suppress(ImportError):  # the command may need packages that are not installed
            add_arguments(name, parsers[name])
    argcomplete.autocomplete(parser)
    raise SystemExit(1)
