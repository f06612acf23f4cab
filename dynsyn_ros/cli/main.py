"""The ``dynsyn`` program."""

from __future__ import annotations

import argparse
import sys

from dynsyn_ros.cli import walk
from dynsyn_ros.nodes.run import exit_code

COMMANDS = {'walk': walk}


def main() -> int:
    """Parse the command line and run a command; returns the exit code."""
    arguments, ros_arguments = sys.argv[1:], []
    if '--ros-args' in arguments:
        split = arguments.index('--ros-args')
        arguments, ros_arguments = arguments[:split], arguments[split:]
    parser = argparse.ArgumentParser(
        prog='dynsyn', description='A walker that learns while it runs.')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, module in COMMANDS.items():
        module.add_arguments(
            commands.add_parser(name, help=module.HELP, description=module.HELP))
    options = parser.parse_args(arguments)
    return exit_code(lambda: COMMANDS[options.command].main(options, ros_arguments))


if __name__ == '__main__':
    sys.exit(main())
