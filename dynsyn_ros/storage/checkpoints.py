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

"""The last few states of a learner in a folder, written outside the control path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage import weights
import numpy as np

T = TypeVar('T')
_PREFIX, _SUFFIX = 'checkpoint_', '.npz'


class Checkpoints:
    """
    Numbered weights files: the highest number is the newest, and only the last ones are kept.

    A thread of its own writes them, so a slow disk blocks nothing. A file is either complete or
    not there.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        """Keep the last ``keep`` files of ``folder``."""
        self._folder, self._keep = folder, keep
        self.trouble = ''
        """Why the last file could not be written; empty if it could."""
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future | None = None
        self._number = max(map(_number, self.files()), default=0)

    def files(self) -> list[Path]:
        """List the checkpoints, newest first."""
        return numbered(self._folder)

    def newest(
        self, load: Callable[[Path], None], skipped: Callable[[str], None]
    ) -> Path | None:
        """
        Load the newest checkpoint that ``load`` accepts, and return its path.

        ``load`` refuses a file with :class:`ConfigError`. Then ``skipped`` gets the reason, and
        the next older file is tried. If none is accepted and one is of another robot, raises
        :class:`dynsyn_ros.storage.weights.AnotherRobot`: new checkpoints would replace it.
        """
        others: list[weights.AnotherRobot] = []
        for file in self.files():
            try:
                load(file)
            except weights.AnotherRobot as error:
                others.append(error)
            except ConfigError as error:
                skipped(str(error))
            else:
                for other in others:
                    skipped(str(other))
                return file
        if others:
            raise weights.AnotherRobot(f'{others[0]}; choose another output_dir')
        return None

    def write(self, packed: Mapping[str, np.ndarray], path: Path | None = None) -> None:
        """
        Begin to write what :func:`dynsyn_ros.storage.weights.pack` has packed.

        It becomes the newest checkpoint, or the file ``path`` if one is given.
        """
        if path is None:
            self._number += 1
            path = self._folder / f'{_PREFIX}{self._number:08d}{_SUFFIX}'
        self.then(lambda: self._write(path, packed))

    def then(self, job: Callable[[], T]) -> Future[T]:
        """Queue a job to run after all files that are being written."""
        self._writing = self._writer.submit(job)
        return self._writing

    def close(self) -> None:
        """End the thread, once everything is written."""
        self._writer.shutdown()

    @property
    def busy(self) -> bool:
        """Whether a file is still being written."""
        return self._writing is not None and not self._writing.done()

    def _write(self, path: Path, packed: Mapping[str, np.ndarray]) -> None:
        try:
            weights.write(path, packed)
            for file in self.files()[self._keep:]:
                file.unlink(missing_ok=True)
        except ConfigError as error:
            self.trouble = str(error)
        except OSError as error:
            self.trouble = f'cannot remove old checkpoints from {self._folder}: {error.strerror}'
        else:
            self.trouble = ''


def numbered(folder: Path) -> list[Path]:
    """List the checkpoints in a folder, newest first."""
    found = folder.glob(f'{_PREFIX}*{_SUFFIX}')
    return sorted((file for file in found if _number(file)), key=_number, reverse=True)


def _number(file: Path) -> int:
    """Read the number of a checkpoint from its name; 0 if it is not a checkpoint."""
    digits = file.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return int(digits) if digits.isdecimal() else 0
