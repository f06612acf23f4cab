"""Where the configuration files are, however the package was installed."""

from __future__ import annotations

from importlib import metadata
import os
from pathlib import Path

PACKAGE = 'dynsyn_ros'
_MARKER = Path('config', 'bipedal_walker.yaml')


def share_directory() -> Path:
    """
    Find the folder that holds ``config`` and ``launch``.

    That is the source tree (an editable install, or a symlinked colcon build), the share folder of
    a sourced workspace, or ``share/dynsyn_ros`` of the environment that pip installed into. Raises
    :class:`FileNotFoundError` if it is nowhere.
    """
    source = Path(__file__).resolve().parent.parent
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    workspaces = [Path(prefix, 'share', PACKAGE) for prefix in prefixes if prefix]
    for folder in (source, *workspaces):
        if (folder / _MARKER).is_file():
            return folder
    for file in metadata.files(PACKAGE) or []:
        if file.match(str(_MARKER)):
            return Path(file.locate()).resolve().parent.parent
    raise FileNotFoundError(f'{_MARKER} of {PACKAGE} is not installed')
