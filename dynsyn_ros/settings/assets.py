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

from dynsyn_ros.settings.schema import ConfigError

PACKAGE = 'dynsyn_ros'
_MARKER = Path('config', 'bipedal_walker.yaml')


def share_directory() -> Path:
    """
    Find the folder that holds ``config`` and ``launch``.

    That is the source tree (an editable install, or a symlinked colcon build), the share folder of
    a sourced workspace, or ``share/dynsyn_ros`` of the environment that pip installed into. Raises
    :class:`FileNotFoundError` if it is nowhere.
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
    """Tell the version, which stands in ``package.xml`` and nowhere else."""
    return ElementTree.parse(share_directory() / 'package.xml').findtext('version', '')


CONFIG = share_directory() / 'config'
#: What there is by name, and how each kind of file ends.
PRESET, ROBOT, WEIGHTS, SWEEP, SEARCH, CHANGES = (
    'preset', 'robot', 'weights', 'sweep', 'search', 'changes')
SUFFIX = {PRESET: '.yaml', ROBOT: '.yaml', WEIGHTS: '.npz', SWEEP: '.yaml', SEARCH: '.yaml',
          CHANGES: '.yaml'}
_FOLDER = {PRESET: 'presets', ROBOT: '', WEIGHTS: '', SWEEP: 'sweeps', SEARCH: 'tune',
           CHANGES: 'changes'}
#: The files of the package, of each kind, by name.
NAMED = {kind: {path.stem: path for path in sorted((CONFIG / _FOLDER[kind]).glob(f'*{suffix}'))}
         for kind, suffix in SUFFIX.items()}
PRESETS = list(NAMED[PRESET])
DEFAULT_PRESET = 'default'
#: The value of a ``weights`` option or parameter that means no file.
UNTRAINED = 'none'
ROBOT_FILE = CONFIG / 'bipedal_walker.yaml'
#: The pretrained weights, of a walker that walks.
TRAINED = CONFIG / 'bipedal_walker.npz'
#: What the walker looks like.
URDF = share_directory() / 'urdf' / 'bipedal_walker.urdf'


def find(kind: str, name: str) -> Path:
    """
    Find a file of the package by its name, from any folder, or else any file by its path.

    A path has the suffix of its kind at its end, or a folder before its name. Raises
    :class:`ConfigError` for any other name.
    """
    suffix = SUFFIX[kind]
    if name in NAMED[kind]:
        return NAMED[kind][name]
    # A folder is told from a name that is unknown by who reads it.
    if not (name.endswith(suffix) or '/' in name or Path(name).is_dir()):
        raise ConfigError(f'unknown {kind} {name}: it must be one of {", ".join(NAMED[kind])}, '
                          f'or a file that ends in {suffix}')
    return Path(name)


def preset_file(name: str) -> Path:
    """Find the file of a preset."""
    return find(PRESET, name)


def weights_path(name: str) -> str:
    """Write which weights are meant by a name or path; of ``none``, that."""
    return name if name == UNTRAINED else str(find(WEIGHTS, name))


def pretrained(robot: str) -> str:
    """Name the pretrained weights of a robot, or none where there are none."""
    return robot if robot in NAMED[WEIGHTS] else UNTRAINED
