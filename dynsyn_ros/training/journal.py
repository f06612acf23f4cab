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

"""The journal of a study, which neither a kill nor a full disk can damage."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
import os
from pathlib import Path
from typing import Any

from dynsyn_ros.settings.files import whole_length
from dynsyn_ros.settings.schema import ConfigError
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock


class _Lock(JournalFileSymlinkLock):
    """Whoever gets the lock, to add lines, first removes half a line that another one left."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path

    def acquire(self) -> bool:
        """Wait for the lock."""
        super().acquire()
        try:
            whole = whole_length(self._path)
            if whole < self._path.stat().st_size:
                os.truncate(self._path, whole)
        except BaseException:
            self.release()
            raise
        return True


class Journal(JournalFileBackend):
    """A journal that raises :class:`ConfigError` if it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        """Open the journal, or begin one."""
        self._path = path
        with self._named('write'):
            super().__init__(str(path), _Lock(path))

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Read its lines from a number on; half a line at its end does not count."""
        with self._named('read'):
            yield from super().read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add lines."""
        with self._named('write'):
            super().append_logs(logs)

    @contextmanager
    def _named(self, do: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(f'cannot {do} {self._path}: {error.strerror}') from error
