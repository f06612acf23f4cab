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

"""Write docs/parameters.md: every parameter of the nodes, from where it is declared."""

from pathlib import Path

from dynsyn_ros.nodes.config import (
    ControllerConfig,
    LearnerSection,
    SharedConfig,
    SimulatorConfig,
)
from dynsyn_ros.robot import RobotConfig
from dynsyn_ros.settings.schema import Setting, settings_of

PAGE = Path(__file__).with_name('parameters.md')
SECTIONS = {
    'All nodes': SharedConfig,
    'The simulator': SimulatorConfig,
    'The controller': ControllerConfig,
    'The robot': RobotConfig,
    'The learner': LearnerSection,
}
#: What stands for a row of each table of parameters.
ROWS = {'inputs': ['TOPIC'], 'observation': ['NAME'], 'initial_centres': ['JOINT']}
HEAD = """# Parameters

Of the nodes, all in one file such as `config/bipedal_walker.yaml`, the learner's in a preset.
`make tables` writes this page from the declarations. *Live* ones can be changed while the node
runs, by `ros2 param set`.
"""


def page() -> str:
    """Make the page."""
    parts = [HEAD]
    for title, cls in SECTIONS.items():
        parts.append(f'\n## {title}\n\n| parameter | unit | allowed | live | what |\n'
                     '|---|---|---|---|---|\n')
        for leaf in settings_of(cls, ROWS):
            parts.append(
                f'| `{leaf.name}` | {leaf.unit} | {_allowed(leaf)} | '
                f'{"" if leaf.read_only else "yes"} | {leaf.doc.replace("|", chr(92) + "|")} |\n')
    return ''.join(parts)


def _allowed(leaf: Setting) -> str:
    """Say what may stand there, and what does where nothing is said."""
    if leaf.default is None:
        return leaf.constraint
    default = 'none' if leaf.default == () else leaf.default
    return f'{leaf.constraint}; default {default}'.lstrip('; ')


if __name__ == '__main__':
    PAGE.write_text(page())
