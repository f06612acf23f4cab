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

"""Folders that results go into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
import fcntl
import os
from pathlib import Path
import tempfile
from typing import IO

from dynsyn_ros.schema import ConfigError

#: The file whose lock is a folder's; the system lets go of it when its process ends.
LOCK = '.lock'


def new_folder(kind: str) -> Path:
    """Name the folder of a run that nobody named, another one for each process."""
    return Path('runs') / f'{kind}_{datetime.now():%Y-%m-%d_%H-%M-%S}_{os.getpid()}'


def check_folder(folder: Path) -> None:
    """Make a folder if need be; raises :class:`ConfigError` if files cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f'cannot write in the folder {folder}: {error.strerror}') from error


def try_lock(folder: Path) -> IO[bytes] | None:
    """Take the lock of a folder, which is made if need be; None if another process has it."""
    check_folder(folder)
    file = (folder / LOCK).open('ab')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


@contextmanager
def lock_of(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, once nobody else does."""
    with (folder / LOCK).open('ab') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
