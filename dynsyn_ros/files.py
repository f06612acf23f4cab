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

from datetime import datetime
import os
from pathlib import Path
import tempfile

from dynsyn_ros.schema import ConfigError


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
