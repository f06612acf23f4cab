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

"""The closing lines of a command: what happened, what was written, and how to continue."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
import shlex

from dynsyn_ros.settings.assets import DEFAULT_PRESET, ROBOT_FILE


def said(*lines: str) -> str:
    """Join the closing lines; empty ones are omitted."""
    return '\n'.join(line for line in lines if line)


def counted(number: int, what: str) -> str:
    """Write a number of things, of which one is called ``what``."""
    return f'{number:,} {what}{"" if number == 1 else "s"}'


def command(*words: object) -> str:
    """Write a ``dynsyn`` command quoted for a shell."""
    return shlex.join(('dynsyn', *map(str, words)))


def given(options: argparse.Namespace, *names: str) -> list[str]:
    """List the options with a value that differs from the default, to repeat them."""
    values = {name: getattr(options, name) for name in names}
    return [word for name, value in values.items()
            if value not in (None, ROBOT_FILE.stem, DEFAULT_PRESET)
            for word in (f'--{name.replace("_", "-")}', str(value))]


def files_of(folder: Path, names: Iterable[str] | None = None) -> str:
    """List the files in a folder, or those with these names."""
    if names is None:
        names = sorted(path.name + ('/' if path.is_dir() else '') for path in folder.iterdir()
                       if not path.name.startswith('.'))
    return f'in {folder}: {", ".join(names)}'
