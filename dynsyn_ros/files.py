"""Folders that results go into."""

from __future__ import annotations

from pathlib import Path
import tempfile

from dynsyn_ros.schema import ConfigError


def check_folder(folder: Path) -> None:
    """Make a folder if need be; raises :class:`ConfigError` if files cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f'cannot write in the folder {folder}: {error.strerror}') from error
