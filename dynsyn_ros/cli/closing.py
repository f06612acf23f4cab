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

"""The last words of a command: what happened, what was written, and how to continue."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
import shlex

from dynsyn_ros.settings.assets import DEFAULT_PRESET, ROBOT_FILE


def said(*lines: str) -> str:
    """Put the last words together; those that are empty are left out."""
    return '\n'.join(line for line in lines if line)


def command(*words: object) -> str:
    """Write a ``dynsyn`` command as a shell takes it, whatever is in the names of files."""
    return shlex.join(('dynsyn', *map(str, words)))


def given(options: argparse.Namespace, *names: str) -> list[str]:
    """List again those options with a value that were not left as they are."""
    values = {name: getattr(options, name) for name in names}
    return [word for name, value in values.items()
            if value not in (None, ROBOT_FILE.stem, DEFAULT_PRESET)
            for word in (f'--{name.replace("_", "-")}', str(value))]


def files_of(folder: Path, names: Iterable[str] | None = None) -> str:
    """List what is in a folder, or some of it, as it was written there."""
    if names is None:
        names = sorted(path.name + ('/' if path.is_dir() else '') for path in folder.iterdir()
                       if not path.name.startswith('.'))
    return f'in {folder}: {", ".join(names)}'
