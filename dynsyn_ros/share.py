"""Where the configuration files are, however the package was installed."""

from __future__ import annotations

from importlib import metadata
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
    if (source / _MARKER).is_file():
        return source
    try:
        from ament_index_python.packages import get_package_share_directory

        return Path(get_package_share_directory(PACKAGE))
    except (ImportError, LookupError):  # no ROS, or none that is sourced
        pass
    for file in metadata.files(PACKAGE) or []:
        if file.match(str(_MARKER)):
            return Path(file.locate()).resolve().parent.parent
    raise FileNotFoundError(f'{_MARKER} of {PACKAGE} is not installed')
