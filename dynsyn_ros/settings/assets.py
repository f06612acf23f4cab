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

"""The files that ship, by name: where they are, however the package was installed."""

from __future__ import annotations

from importlib import metadata
import os
from pathlib import Path

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


CONFIG = share_directory() / 'config'
PRESETS = sorted(path.stem for path in (CONFIG / 'presets').glob('*.yaml'))
DEFAULT_PRESET = 'default'
ROBOT_FILE = CONFIG / 'bipedal_walker.yaml'
#: The weights that ship, of a walker that walks.
TRAINED = CONFIG / 'bipedal_walker.npz'
#: What the walker looks like.
URDF = share_directory() / 'urdf' / 'bipedal_walker.urdf'


def preset_file(name: str) -> Path:
    """Find the file of a preset; a name that ends in .yaml is a file of one's own."""
    if name.endswith('.yaml'):
        return Path(name)
    if name not in PRESETS:
        raise ConfigError(
            f'unknown preset {name}: it must be one of {", ".join(PRESETS)}, or a .yaml file')
    return CONFIG / 'presets' / f'{name}.yaml'
