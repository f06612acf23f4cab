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

numba itself only notices changes of a kernel's own file, not of the files that the kernel calls.
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

from dynsyn_ros.settings.files import check_folder, path_of
from dynsyn_ros.settings.schema import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent
#: numba's own variable. If the user sets it, our folder is made inside that one. Processes that we
#: start inherit it.
VARIABLE = 'NUMBA_CACHE_DIR'
PREFIX = 'dynsyn_kernels_'
#: How many folders are kept in one parent: the most recently used ones.
KEPT = 8
#: The layers without kernels, which no kernel can import: edits there recompile nothing.
ABOVE_KERNELS = ('cli', 'dashboard', 'figures', 'nodes', 'pictures', 'storage', 'training')


def use_kernel_cache() -> None:
    """Set numba's folder; if none is writable, warn and use a temporary folder."""
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
        print('warning: compiled kernels are kept for this run only, because no folder for them '
              f'is writable: set {VARIABLE} to one that is', file=sys.stderr)
        # Else matplotlib warns about the same, since its files are in the home folder too.
        os.environ.setdefault('MPLCONFIGDIR', str(parent))
    os.environ[VARIABLE] = str(folder)
    if 'numba' in sys.modules:
        sys.modules['numba'].config.reload_config()


def _digest(package: Path) -> str:
    """Digest the names and contents of all sources that can affect kernels."""
    digest = hashlib.sha256()
    for file in sorted(package.rglob('*.py')):
        name, content = file.relative_to(package), file.read_bytes()
        if name.parts[0] not in ABOVE_KERNELS:
            digest.update(f'{name}\0{len(content)}\0'.encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def _parents() -> Iterator[Path]:
    """Yield the folders that ours may be in, the best first."""
    given = Path(os.environ.get(VARIABLE, ''))
    if given.name.startswith(PREFIX):  # set by the process that started this one
        yield given.parent
    elif given.name:
        yield given
    else:
        yield PACKAGE / '__pycache__'
        home = path_of(os.environ.get('XDG_CACHE_HOME') or '~/.cache')
        if home.is_absolute():
            yield home / 'dynsyn_ros'


def _clear(parent: Path) -> None:
    """Remove all but the most recently used folders."""
    used = {}
    for folder in parent.glob(f'{PREFIX}*'):
        try:
            used[folder] = folder.stat().st_mtime
        except OSError:  # another process has just removed it
            continue
    for folder in sorted(used, key=used.__getitem__)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
