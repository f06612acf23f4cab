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
Arrays from outside: each is checked against its specification, first its header, then its values.

Compiled code trusts its arrays: an index out of range reads and writes past their ends. So code
that accepts arrays specifies them beforehand, and rejects everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math

import numpy as np


class Mismatch(ValueError):
    """An array is missing, or is not what it must be; the message is for the user."""


@dataclass(frozen=True)
class ArraySpec:
    """What an array must be: its type, its shape, and the range of its values."""

    dtype: np.dtype
    """Its type; for a text, one with the largest number of characters that is allowed."""
    shape: tuple[int | range, ...]
    """Each length, or the range that it must be in."""
    low: float = -math.inf
    high: float = math.inf
    """The least and greatest value, both included; if infinite, any finite value is allowed."""
    optional: bool = False
    """Whether it may be missing; it is then zeros."""

    def check_header(self, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        """Raise :class:`Mismatch` unless an array of this type and shape is allowed."""
        if dtype.kind == 'U' == self.dtype.kind:
            fits = dtype.itemsize <= self.dtype.itemsize
        else:
            fits = dtype == self.dtype
        if not fits:
            raise Mismatch(f'{name} is of the type {_cut(dtype)}; it must be {self.dtype}')
        if len(shape) != len(self.shape) or not all(map(_within, shape, self.shape)):
            raise Mismatch(
                f'{name} has the shape {_cut(shape)}; it must be {_shape(self.shape)}')

    def check_values(self, name: str, array: np.ndarray) -> None:
        """Raise :class:`Mismatch` unless every value is in the range."""
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            raise Mismatch(f'{name} holds a value that is not finite')
        if array.dtype.kind == 'U' or (math.isinf(self.low) and math.isinf(self.high)):
            return
        if array.size and not (self.low <= array.min() and array.max() <= self.high):
            raise Mismatch(f'{name} holds a value that is not from {self.low:g} to {self.high:g}: '
                             f'its values are from {array.min():g} to {array.max():g}')


#: The arrays that are expected, by name.
Contents = Mapping[str, ArraySpec]


def checked(arrays: Mapping[str, np.ndarray], contents: Contents) -> dict[str, np.ndarray]:
    """
    Return all arrays of ``contents``, with zeros for optional arrays that are missing.

    Raises :class:`Mismatch` that names the first array that is missing or not what it must be.
    """
    found = {}
    for name, spec in contents.items():
        if name in arrays:
            array = arrays[name]
            spec.check_header(name, array.dtype, array.shape)
            spec.check_values(name, array)
        elif spec.optional:
            array = np.zeros(spec.shape, spec.dtype)  # type: ignore[arg-type]
        else:
            raise Mismatch(f'{name} is missing')
        found[name] = array
    return found


def _within(length: int, allowed: int | range) -> bool:
    return length in allowed if isinstance(allowed, range) else length == allowed


def _shape(shape: tuple[int | range, ...]) -> str:
    """Put a shape into words."""
    lengths = [f'{length.start} to {length.stop - 1}' if isinstance(length, range)
               else str(length) for length in shape]
    return f'({", ".join(lengths)}{"," if len(lengths) == 1 else ""})'


def _cut(value: object) -> str:
    """Write a value, cut to 40 characters."""
    words = str(value)
    return words if len(words) <= 40 else f'{words[:40]}...'
