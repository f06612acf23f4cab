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
A ``.npz`` file from outside, in which nothing is trusted before it is checked.

The header of an array gives its type and size. Both are checked before the array is read, and
nothing is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import math
import os
from typing import IO, NamedTuple
import zipfile

from dynsyn_ros.settings.arrays import Contents, Mismatch
import numpy as np

#: The most memory of all arrays together: in bytes, and as a multiple of the file's own size.
MOST_BYTES, MOST_TIMES = 2**30, 100
#: The longest list of an archive's members, and the longest header of a member, bytes.
_MOST_DIRECTORY, _MOST_HEADER = 2**23, 1000
_SUFFIX = '.npy'
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: The last bytes of an archive without a comment, and those before them in one of over 4 GB.
_END, _END_BYTES, _LARGE_END, _LARGE_END_BYTES = b'PK\x05\x06', 22, b'PK\x06\x07', 20
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Damaged(Exception):
    """The file is not an archive of arrays, or cannot be read to its end."""


class Header(NamedTuple):
    """What the header of an array says."""

    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Size of the array, bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


class Archive:
    """
    An archive of arrays.

    Any fault of the file raises :class:`Damaged`, here or when it is read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Read the list of the archive's members."""
        with _noticed():
            self._size = file.seek(0, os.SEEK_END)
            _check_end(file, self._size)
            self._archive = zipfile.ZipFile(file)
        names = self._archive.namelist()
        #: The member of each array, by its name.
        self._members = {
            name.removesuffix(_SUFFIX): name for name in names if name.endswith(_SUFFIX)}
        if len(self._members) != len(names):
            raise Damaged

    def __contains__(self, name: str) -> bool:
        """Whether there is an array of this name."""
        return name in self._members

    def rename(self, names: Mapping[str, str]) -> None:
        """Give arrays other names from now on."""
        self._members = {
            names.get(name, name): member for name, member in self._members.items()}

    def header(self, name: str) -> Header:
        """Read the header of an array, and check that its member has the size it says."""
        with _noticed():
            info = self._archive.getinfo(self._members[name])
            if info.compress_type not in _METHODS:
                raise Damaged
            with self._archive.open(info) as member:
                read = _HEADER_READERS[np.lib.format.read_magic(member)]
                shape, _, dtype = read(member, max_header_size=_MOST_HEADER)
                header = Header(dtype, shape)
                if dtype.hasobject or min(shape, default=0) < 0 or (
                        info.file_size != member.tell() + header.size):
                    raise Damaged
        return header

    def read(self, contents: Contents) -> dict[str, np.ndarray]:
        """
        Read the arrays of ``contents`` after checking the headers of all.

        Raises :class:`Mismatch` that names an array that is missing or not what it must be.
        """
        total, found = 0, []
        for name, spec in contents.items():
            if name in self:
                header = self.header(name)
                spec.check_header(name, *header)
                total += header.size
                found.append(name)
            elif not spec.optional:
                raise Mismatch(f'{name} is missing')
        most = min(MOST_BYTES, MOST_TIMES * self._size)
        if total > most:
            raise Mismatch(f'its arrays would take {total} bytes, at most {most} are allowed')
        arrays = {}
        for name in found:
            with _noticed(), self._archive.open(self._members[name]) as member:
                arrays[name] = np.lib.format.read_array(
                    member, allow_pickle=False, max_header_size=_MOST_HEADER)
            contents[name].check_values(name, arrays[name])
        return arrays


@contextmanager
def _noticed() -> Iterator[None]:
    """Turn any error of reading a damaged archive, except OSError, into :class:`Damaged`."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise Damaged from error


def _check_end(file: IO[bytes], size: int) -> None:
    """Refuse an archive whose list of members is longer than any of ours, before reading it."""
    file.seek(max(size - _LARGE_END_BYTES - _END_BYTES, 0))
    last = file.read()
    end, before = last[-_END_BYTES:], last[:-_END_BYTES]
    if not end.startswith(_END) or before.startswith(_LARGE_END) or (
            int.from_bytes(end[12:16], 'little') > _MOST_DIRECTORY):
        raise Damaged
