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
Ownership of a folder of results: one kind of run, and one process at a time.

A manifest in the folder says what made it. A run only continues a folder of its own kind, and
locks the manifest while it writes there. The lock ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
import shlex
import sys
import time

from dynsyn_ros.settings.assets import version
from dynsyn_ros.settings.files import check_folder, clear_leftovers, opened
from dynsyn_ros.settings.schema import ConfigError, cut

MANIFEST = 'manifest.json'
WALK, TRAINING, SWEEP, SEARCH, TRIAL = 'walk', 'training', 'sweep', 'search', 'trial'
#: The folder of one seed's training, within that of its setting or trial.
SEED_FOLDER = 'seed_{}'
#: The files that identify a folder that has no manifest, as it is from before there were any.
_MARKS = {
    WALK: ('checkpoint_*.npz', 'best.npz'),
    TRAINING: ('checkpoint.npz',),
    SEARCH: ('study.journal',),
    SWEEP: (f'*/{SEED_FOLDER.format("*")}/checkpoint.npz',),
}
_MOST_BYTES = 1_000_000
#: Time between two attempts to lock a folder, s.
_LOOK_PERIOD = 0.05


class InUse(ConfigError):
    """Another run has the folder."""


class Claim:
    """
    The right to write into a folder, until it is released or the process ends.

    A process may claim a folder several times, as a walk and its controller do. The folder is free
    when all claims are released.
    """

    #: The open manifest of each folder of this process, and how often it is claimed.
    _held: dict[tuple[int, int], tuple[int, int]] = {}  # noqa: RUF012  shared by all claims

    def __init__(
        self, folder: Path, kind: str, patience: float = 0.0, alone: bool = False
    ) -> None:
        """
        Claim a folder for a kind of run, and remove half-written files of a killed one.

        The folder is made if needed. Raises :class:`ConfigError`, with nothing written, if it is
        of another kind or cannot be written. Raises :class:`InUse` if another process still has it
        after ``patience``, s, or, with ``alone``, if this process has claimed it already.
        """
        check_kind(folder, kind)
        check_folder(folder)
        self._manifest = folder / MANIFEST
        self._released = False
        file = self._open()
        self._key = _identity(os.fstat(file))
        if self._key in self._held:
            os.close(file)
            if alone:
                raise self._in_use()
            file, times = self._held[self._key]
            self._held[self._key] = file, times + 1
            self._new = False
            return
        try:
            file = self._lock(file, time.monotonic() + patience)
            check_kind(folder, kind)
            self._new = not os.fstat(file).st_size
            if self._new:
                os.write(file, _manifest(kind).encode())
            clear_leftovers(folder)
        except OSError as error:
            os.close(file)
            raise ConfigError(f'cannot write {self._manifest}: {error.strerror}') from error
        except ConfigError:
            os.close(file)
            raise
        self._held[self._key] = file, 1

    def release(self, undo: bool = False) -> None:
        """
        Release the claim; further calls do nothing.

        With ``undo``, also remove the manifest if this claim wrote it.
        """
        if self._released:
            return
        self._released = True
        file, times = self._held.pop(self._key)
        if times > 1:
            self._held[self._key] = file, times - 1
            return
        if undo and self._new:
            self._manifest.unlink(missing_ok=True)
        os.close(file)

    def _in_use(self) -> InUse:
        return InUse(f'{self._manifest.parent} is in use by another run: wait until it ends, or '
                     'choose another folder')

    def _open(self) -> int:
        try:
            return os.open(self._manifest, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ConfigError(f'cannot write {self._manifest}: {error.strerror}') from error

    def _lock(self, file: int, end: float) -> int:
        """Lock the open manifest; returns it, or the new one if it has been replaced."""
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise self._in_use() from None
                time.sleep(_LOOK_PERIOD)
                continue
            try:
                if _identity(self._manifest.stat()) == _identity(os.fstat(file)):
                    return file
            except FileNotFoundError:
                pass
            os.close(file)
            file = self._open()
            self._key = _identity(os.fstat(file))


def kind_of(folder: Path) -> str | None:
    """Return the kind of run that made a folder, or None; raises :class:`ConfigError`."""
    manifest = folder / MANIFEST
    if manifest.exists():
        with opened(manifest, _MOST_BYTES) as file:
            content = file.read()
        try:
            # An empty manifest is from a run that was killed before it wrote its kind.
            return str(json.loads(content)['kind']) if content else None
        except (KeyError, RecursionError, TypeError, ValueError) as error:
            raise ConfigError(f'{manifest} is not the {MANIFEST} of a run') from error
    for kind, marks in _MARKS.items():
        if any(True for mark in marks for _ in folder.glob(mark)):
            return kind
    return None


def check_kind(folder: Path, kind: str) -> None:
    """Raise :class:`ConfigError` if a folder is of another kind of run."""
    found = kind_of(folder)
    if found not in (None, kind):
        raise ConfigError(f'{folder} is the folder of a {cut(found)[1:-1]}: choose another one '
                          f'for a {kind}')


def check_no_run(folder: Path, what: str) -> None:
    """Raise :class:`ConfigError` if a folder that is meant for something else is a run's."""
    found = kind_of(folder)
    if found:
        raise ConfigError(f'{folder} is the folder of a {cut(found)[1:-1]}: choose another one '
                          f'for {what}')


def check_picture(path: Path, *suffixes: str) -> None:
    """
    Raise :class:`ConfigError` if a picture must not be written to a path.

    Its name must end in one of the ``suffixes``, and it must not replace a file of a run.
    """
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f'{path} must have a name that ends in {" or ".join(suffixes)}')
    if path.exists() and kind_of(path.parent):
        raise ConfigError(f'{path} is a result of the run in its folder: choose another name')
    check_folder(path.parent)


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def _manifest(kind: str) -> str:
    """Say what made a folder."""
    return json.dumps({
        'kind': kind,
        'version': version(),
        'command': shlex.join(sys.argv),
    }, indent=1) + '\n'
