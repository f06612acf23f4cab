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

"""The files of the package, by name: where they are, however the package was installed."""

from __future__ import annotations

from importlib import metadata
import os
from pathlib import Path
from xml.etree import ElementTree

from dynsyn_ros.settings.files import path_of
from dynsyn_ros.settings.schema import ConfigError

PACKAGE = 'dynsyn_ros'
_MARKER = Path('config', 'bipedal_walker.yaml')


def share_directory() -> Path:
    """
    Find the folder that holds ``config`` and ``launch``.

    That is the source tree (an editable install, or a symlinked colcon build), the share folder of
    a sourced workspace, or ``share/dynsyn_ros`` of the environment that pip installed into. Raises
    :class:`FileNotFoundError` if there is none.
    """
    source = Path(__file__).resolve().parents[2]
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    workspaces = [Path(prefix, 'share', PACKAGE) for prefix in prefixes if prefix]
    for folder in (source, *workspaces):
        if (folder / _MARKER).is_file():
            return folder
    for file in metadata.files(PACKAGE) or []:
        if file.match(str(_MARKER)):
            return Path(file.locate()).resolve().parent.parent
    raise FileNotFoundError(f'{_MARKER} of {PACKAGE} is not installed')


def version() -> str:
    """Return the version, which is stated only in ``package.xml``."""
    return ElementTree.parse(share_directory() / 'package.xml').findtext('version', '')


CONFIG = share_directory() / 'config'
#: The kinds of files that are found by name, and the suffix of each.
PRESET, ROBOT, WEIGHTS, SWEEP, SEARCH, CHANGES = (
    'preset', 'robot', 'weights', 'sweep', 'search', 'changes')
#: The robots that name the environment in which they are simulated; the others are for drivers.
SIMULATED = 'simulated robot'
SUFFIX = {PRESET: '.yaml', ROBOT: '.yaml', WEIGHTS: '.npz', SWEEP: '.yaml', SEARCH: '.yaml',
          CHANGES: '.yaml'}
_FOLDER = {PRESET: 'presets', ROBOT: '', WEIGHTS: '', SWEEP: 'sweeps', SEARCH: 'tune',
           CHANGES: 'changes'}
#: The files of each kind that come with the package, by name.
NAMED = {kind: {path.stem: path for path in sorted((CONFIG / _FOLDER[kind]).glob(f'*{suffix}'))}
         for kind, suffix in SUFFIX.items()}
NAMED[SIMULATED] = {
    name: path for name, path in NAMED[ROBOT].items() if ' env_id: ' in path.read_text()}
SUFFIX[SIMULATED] = SUFFIX[ROBOT]
PRESETS = list(NAMED[PRESET])
DEFAULT_PRESET = 'default'
#: The value of a ``weights`` option or parameter that means no file.
UNTRAINED = 'none'
ROBOT_FILE = CONFIG / 'bipedal_walker.yaml'
#: The pretrained weights of BipedalWalker.
TRAINED = CONFIG / 'bipedal_walker.npz'
#: What the walker looks like.
URDF = share_directory() / 'urdf' / 'bipedal_walker.urdf'


def find(kind: str, name: str) -> Path:
    """
    Find a file of the package by its name, from any folder, or any other file by its path.

    A path ends in the suffix of its kind, or has a folder before its name. Raises
    :class:`ConfigError` for any other name.
    """
    suffix = SUFFIX[kind]
    if name in NAMED[kind]:
        return NAMED[kind][name]
    if kind == SIMULATED and name in NAMED[ROBOT]:
        raise ConfigError(f'the robot {name} is for drivers, not for a simulator: choose one of '
                          f'{", ".join(NAMED[kind])}, or a file that has an env_id')
    # A folder passes here, so that its reader can refuse it with a better message.
    if not (name.endswith(suffix) or '/' in name or Path(name).is_dir()):
        raise ConfigError(f'unknown {kind} {name}: it must be one of {", ".join(NAMED[kind])}, '
                          f'or a file that ends in {suffix}')
    return path_of(name)


def preset_file(name: str) -> Path:
    """Find the file of a preset."""
    return find(PRESET, name)


def weights_path(name: str) -> str:
    """Return the path of the weights with this name or path; ``none`` stays ``none``."""
    return name if name == UNTRAINED else str(find(WEIGHTS, name))


def pretrained(robot: str) -> str:
    """Return the name of a robot's pretrained weights, or ``none`` if it has none."""
    return robot if robot in NAMED[WEIGHTS] else UNTRAINED
