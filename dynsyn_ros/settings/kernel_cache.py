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

"""
Where numba keeps compiled kernels: a folder named by a digest of the package's sources.

By itself numba looks at the file that a kernel is in, not at what the kernel calls from others.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
import hashlib
import os
from pathlib import Path
import shutil
import sys
import tempfile

from dynsyn_ros.settings.files import check_folder
from dynsyn_ros.settings.schema import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent
#: numba's own variable; a user's is the parent of our folder. Processes that we start inherit it.
VARIABLE = 'NUMBA_CACHE_DIR'
PREFIX = 'dynsyn_kernels_'
#: Folders that are kept in one parent, the last used ones.
KEPT = 8
#: The layers that no kernel is in and none can import from: edits there compile nothing anew.
ABOVE_KERNELS = ('cli', 'dashboard', 'figures', 'nodes', 'pictures', 'storage', 'training')


def use_kernel_cache() -> None:
    """Name the folder to numba; without one that can be written say so, and use a temporary."""
    name = PREFIX + _digest(PACKAGE)
    for parent in _parents():
        folder = parent / name
        new = not folder.exists()
        try:
            check_folder(folder)
            os.utime(folder)
        except (ConfigError, OSError):
            continue
        if new:
            _clear(parent)
        break
    else:
        parent = Path(tempfile.mkdtemp(prefix='dynsyn_'))
        atexit.register(shutil.rmtree, parent, ignore_errors=True)
        folder = parent / name
        print('warning: compiled kernels are kept for this run only, as no folder for them can be '
              f'written: set {VARIABLE} to one that can', file=sys.stderr)
        # Or matplotlib says the same in its own words: what it keeps is in the home folder too.
        os.environ.setdefault('MPLCONFIGDIR', str(parent))
    os.environ[VARIABLE] = str(folder)
    if 'numba' in sys.modules:
        sys.modules['numba'].config.reload_config()


def _digest(package: Path) -> str:
    """Digest the sources that kernels can be made of, names and contents."""
    digest = hashlib.sha256()
    for file in sorted(package.rglob('*.py')):
        name, content = file.relative_to(package), file.read_bytes()
        if name.parts[0] not in ABOVE_KERNELS:
            digest.update(f'{name}\0{len(content)}\0'.encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def _parents() -> Iterator[Path]:
    """Name the folders that ours may be in, the best first."""
    given = Path(os.environ.get(VARIABLE, ''))
    if given.name.startswith(PREFIX):  # of the process that started this one
        yield given.parent
    elif given.name:
        yield given
    else:
        yield PACKAGE / '__pycache__'
        home = Path(os.path.expanduser(os.environ.get('XDG_CACHE_HOME') or '~/.cache'))
        if home.is_absolute():
            yield home / 'dynsyn_ros'


def _clear(parent: Path) -> None:
    """Remove the folders that have not been used for longest."""
    used = {}
    for folder in parent.glob(f'{PREFIX}*'):
        try:
            used[folder] = folder.stat().st_mtime
        except OSError:  # another process has just removed it
            continue
    for folder in sorted(used, key=used.__getitem__)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
