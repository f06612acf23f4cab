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

#: Commands, each a module here, and what they do. Only the module of the command given is
#: imported, as not every one needs ROS.
COMMANDS = {
    'walk': 'simulate a robot and let it learn to walk, over ROS topics in one process',
    'dashboard': 'show a robot that learns on a local web page, with buttons',
    'train': 'train headless, as fast as the machine goes; needs no ROS',
    'sweep': 'train with several settings and seeds, and draw them together; needs no ROS',
    'tune': 'search for settings that learn sooner, many trainings at a time; needs no ROS',
    'results': 'print what came out of trainings, as tables; needs no ROS',
    'evaluate': 'measure trained weights over some episodes; needs no ROS',
    'weights': 'print what a weights file holds, or how two differ; needs no ROS',
    'replay': 'run a learner over a recorded run and compare the commands; needs no ROS',
    'robot': 'draft the parameter file of your robot from its URDF; needs no ROS',
    'compile': 'compile the learner at install, not at the first start; needs no ROS',
    'figures': 'draw the figures of the paper, or of a robot that changes; needs no ROS',
}
#: How the program is called.
PROGRAM = 'dynsyn'
#: The commands that take what follows --ros-args.
WITH_ROS = ('walk', 'dashboard')
#: The variable of the environment by which a shell asks argcomplete.
COMPLETING = '_ARGCOMPLETE'


class _Parser(argparse.ArgumentParser):
    """Refuses what it does not know with its own usage, not with that of the whole program."""

    def parse_known_args(self, *arguments: Any) -> tuple[argparse.Namespace, list[str]]:
        """Parse, as a subcommand is parsed too, and leave nothing to the program above."""
        options, unknown = super().parse_known_args(*arguments)
        if unknown:
            self.error(f'unrecognized arguments: {" ".join(unknown)}')
        return options, unknown


def main() -> int:
    """Parse the command line and run a command; returns the exit code."""
    code = exit_code(_run)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that it could break off
    return code


def add_arguments(name: str, parser: argparse.ArgumentParser) -> ModuleType:
    """Declare the options of a command; returns its module, which is imported."""
    module = import_module(f'dynsyn_ros.cli.{name}')
    module.add_arguments(parser)
    return module


def _run() -> None:
    """Import the module of the command that is given, and run it."""
    arguments, ros_arguments = sys.argv[1:], []
    if '--ros-args' in arguments:
        split = arguments.index('--ros-args')
        arguments, ros_arguments = arguments[:split], arguments[split:]
    completing = COMPLETING in os.environ
    # An unfinished line has what no command knows yet.
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
    """Answer a shell that asks how the line goes on."""
    import argcomplete  # noqa: PLC0415  of use to a shell only

    name = next(iter(os.environ.get('COMP_LINE', '').split()[1:2]), '')
    if name in COMMANDS:
        with suppress(ImportError):  # of a command that needs what is not installed
            add_arguments(name, parsers[name])
    argcomplete.autocomplete(parser)
    raise SystemExit(1)
