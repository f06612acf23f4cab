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

"""Reading and writing files, and the folders for results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
import errno
from itertools import chain, count
import json
import math
import os
from pathlib import Path
import stat
import tempfile
from typing import Any, IO

from dynsyn_ros.settings.schema import ConfigError

#: The end of the name of a file while it is being written, which no other program uses.
_LEFTOVER = '.dynsyn.tmp'
#: Bytes that are read at a time to find the end of a line.
_BLOCK = 2**16


def new_folder(kind: str) -> Path:
    """Return a folder that does not exist yet, for a run without a given folder."""
    first = Path('runs') / f'{kind}_{datetime.now():%Y-%m-%d_%H-%M-%S}_{os.getpid()}'
    # Containers that share a disk may have the same process number.
    others = (first.with_name(f'{first.name}_{number}') for number in count(2))
    return next(path for path in chain([first], others) if not path.exists())


def path_of(name: str) -> Path:
    """Make a path; a leading ~ is the home folder, if that is known, as no shell has seen it."""
    return Path(os.path.expanduser(name))


def check_folder(folder: Path) -> None:
    """Make a folder if needed; raises :class:`ConfigError` if files cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = 'it is a file' if isinstance(error, FileExistsError) else error.strerror
        raise ConfigError(f'cannot write in the folder {folder}: {reason}') from error


@contextmanager
def replaced(path: Path, mode: str = 'wb') -> Iterator[IO[Any]]:
    """
    Replace a file: write a temporary file, sync it and rename it, so no file is ever half written.

    Raises :class:`ConfigError` if that fails; an existing file is then left unchanged.
    """
    check_folder(path.parent)
    text: dict[str, Any] = {} if 'b' in mode else {'encoding': 'utf-8', 'newline': ''}
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
                mode, dir=path.parent, prefix=f'.{path.name}.', suffix=_LEFTOVER, delete=False,
                **text) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f'cannot write {path}: {_reason(error)}') from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> None:
    """Remove half-written files of a killed process; no other process may be writing there."""
    for torn in folder.glob(f'.*{_LEFTOVER}'):
        if torn.is_file():
            torn.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut, if the file system can."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(file)


@contextmanager
def opened(path: Path, most: int | None = None) -> Iterator[IO[bytes]]:
    """
    Open a file to read it; raises :class:`ConfigError` if it cannot be read.

    It must be a regular file of at most ``most`` bytes, so a pipe does not block and a device is
    not read forever.
    """
    try:
        file = open(path, 'rb', opener=_open_at_once)  # noqa: SIM115  closed below
    except (OSError, ValueError) as error:
        raise ConfigError(f'cannot read {path}: {_reason(error)}') from error
    with file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ConfigError(f'cannot read {path}: it is not a regular file')
        if most is not None and about.st_size > most:
            raise ConfigError(
                f'cannot read {path}: it has {about.st_size} bytes; at most {most} are allowed')
        try:
            yield file
        except OSError as error:
            raise ConfigError(f'cannot read {path}: {_reason(error)}') from error


def whole_length(path: Path) -> int:
    """
    Return the length of a file up to its last complete line, bytes; 0 if there is none.

    A full disk, or a kill, may leave half a line at the end of a file that grows line by line.
    """
    if not path.exists():
        return 0
    with opened(path) as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(end - _BLOCK, 0)
            file.seek(begin)
            found = file.read(end - begin).rfind(b'\n')
            if found >= 0:
                return begin + found + 1
            end = begin
    return 0


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def strict_json(value: Any, indent: int | None = None) -> str:
    """Write JSON that every reader accepts; infinity, which JSON lacks, is written as in YAML."""
    return json.dumps(_spelled(value), indent=indent, allow_nan=False)


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(each) for each in value]
    if isinstance(value, float) and math.isinf(value):
        return '.inf' if value > 0.0 else '-.inf'
    return value


def _reason(error: Exception) -> str:
    """Return the reason that the system gives, without the path."""
    return getattr(error, 'strerror', None) or str(error)
