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

"""
Write the pages that are generated from the program itself.

docs/parameters.md lists every parameter of the nodes, from its declaration, and
docs/command_line.md lists every command with its options.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from dynsyn_ros.cli.main import add_arguments, COMMANDS, PROGRAM
from dynsyn_ros.nodes.config import (
    ControllerConfig,
    LearnerSection,
    SharedConfig,
    SimulatorConfig,
)
from dynsyn_ros.process import CORES
from dynsyn_ros.robot import RobotConfig
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import DEFAULT_PRESET, preset_file, ROBOT_FILE
from dynsyn_ros.settings.schema import Setting, settings_of

DOCS = Path(__file__).parent
SECTIONS = {
    'The simulator and the controller': SharedConfig,
    'The simulator': SimulatorConfig,
    'The controller': ControllerConfig,
    'The robot': RobotConfig,
    'The learner': LearnerSection,
}
#: The placeholder for the rows of each table of parameters.
ROWS = {'inputs': ['TOPIC'], 'observation': ['NAME'], 'initial_centres': ['JOINT']}
_TYPES = {bool: 'true or false', int: 'whole number', float: 'number', str: 'string'}
_NONE = '-'
PARAMETERS = """# Parameters

All parameters of the nodes are in one file such as
[`bipedal_walker.yaml`](../config/bipedal_walker.yaml); those of the learner are in a preset such
as [`default.yaml`](../config/presets/default.yaml). `make tables` writes this page from the
declarations.

*Default* is the value in these two files, or else the one that applies if none is given. The unit
1 means a plain number. A *live* parameter can be changed while its node runs, with
`ros2 param set`. Each node has its own copy of the robot's parameters. They are live in the
controller; in the reward node only `fall_tilt` and `upright_tilt` are, and in the simulator none.
"""
COMMAND_LINE = """# Command line

The program is `dynsyn`, or `python -m dynsyn_ros`; in a ROS 2 workspace, `ros2 run dynsyn_ros
dynsyn`. `make tables` writes this page from the options that the commands declare; `dynsyn COMMAND
--help` prints the same. Presets, robots, pretrained
weights, sweeps and searches are found by name from any folder; a path of your own has a suffix or
a folder in it. Steps are those of all walkers together, unless an option says otherwise.

Exit codes: 0 if a command did what it was asked for, or if you stopped a run with Ctrl-C and its
results are saved; 2 for a mistake in the input, with one sentence on stderr; 130 if Ctrl-C left
nothing to save.

Tab completion in bash and zsh: put `eval "$(register-python-argcomplete dynsyn)"` into your
shell's startup file.
"""


def parameters_page() -> str:
    """Generate the page of parameters."""
    given = dict(_flat(parameters.read([ROBOT_FILE, preset_file(DEFAULT_PRESET)])))
    parts = [PARAMETERS]
    for title, cls in SECTIONS.items():
        rows = [(f'`{leaf.name}`', _type(leaf.kind), _unit(leaf), _default(leaf, given),
                 leaf.constraint or _NONE, 'no' if leaf.read_only else 'yes', leaf.doc)
                for leaf in settings_of(cls, ROWS)]
        parts.append(f'\n## {title}\n\n' + _table(
            ('parameter', 'type', 'unit', 'default', 'allowed', 'live', 'what'), rows))
    return ''.join(parts)


def command_line_page() -> str:
    """Generate the page of commands."""
    parts = [COMMAND_LINE, '\n', _table(
        ('command', 'what it does'), [(f'[`{name}`](#dynsyn-{name})', does)
                                      for name, does in COMMANDS.items()])]
    for name, does in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=f'{PROGRAM} {name}')
        add_arguments(name, parser)
        parts.append(f'\n## {PROGRAM} {name}\n\n{does[0].upper()}{does[1:]}.\n')
        parts += _command(parser)
    return ''.join(parts)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Write the options of a command, or of each of its actions if it has any."""
    actions = [each for each in parser._actions if each.help != argparse.SUPPRESS]
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield f'\n### {parser.prog} {name}\n\n{inner.description}\n'
                yield from _command(inner)
            return
    yield '\n' + _table(('option', 'what it does'), [
        (_names(action), _help(action)) for action in actions
        if not isinstance(action, argparse._HelpAction)])
    if parser.epilog:
        words = parser.epilog.strip()
        yield (f'\n```text\n{words}\n```\n' if '\n' in words
               else f'\n{words[0].upper()}{words[1:]}.\n')


def _names(action: argparse.Action) -> str:
    """Write an option with its value."""
    if not action.option_strings:
        return f'`{action.metavar or action.dest}`'
    value = ''
    if action.nargs != 0:
        value = ' ' + ('|'.join(map(str, action.choices)) if action.choices
                       else str(action.metavar or action.dest.upper()))
    return ', '.join(f'`{name}{value}`' for name in action.option_strings)


def _help(action: argparse.Action) -> str:
    """Write what an option does, without the number of cores of this machine."""
    words = action.help or ''
    if '%(default)' in words:
        words %= {'default': action.default}
    return words.replace(f', here {CORES}', '')


def _flat(tree: dict[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield prefix + key, value


def _type(kind: Any) -> str:
    """Describe the type of a parameter."""
    if get_origin(kind) is list:
        return f'list of {_TYPES[get_args(kind)[0]]}s' if get_args(kind)[0] is not bool else 'list'
    return _TYPES[kind]


def _unit(leaf: Setting) -> str:
    number = leaf.kind in (int, float) or get_args(leaf.kind)[:1] in ((int,), (float,))
    return leaf.unit or ('1' if number else _NONE)


def _default(leaf: Setting, given: dict[str, Any]) -> str:
    """Write the value in the package's files, or else the declared default."""
    value = given.get(leaf.name, leaf.default)
    if value is None or value in ((), []):
        return _NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and len(value) > 6:
        return f'a list of {len(value)}'
    return str(value).replace('inf', '.inf')


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Lay out a table in Markdown."""
    escaped = [tuple(cell.replace('|', '\\|') for cell in row) for row in rows]
    return ''.join(f'| {" | ".join(row)} |\n' for row in (head, ('---',) * len(head), *escaped))


#: The pages, and the function that generates each.
PAGES = {DOCS / 'parameters.md': parameters_page, DOCS / 'command_line.md': command_line_page}

if __name__ == '__main__':
    for page, make in PAGES.items():
        page.write_text(make())
