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
Memory: the state of all parts lies in one array of numbers, and each part takes views of it.

A compiled function must first unpack its arguments. Each array argument takes about a tenth of the
time of the rest of a step. Views of one array take almost no time.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit
import numpy as np

Shape = tuple[int, ...]


def allocate(shapes: tuple[Shape, ...]) -> np.ndarray:
    """Allocate memory for arrays of these shapes."""
    return np.zeros(sum(math.prod(shape) for shape in shapes))


def lone(part: Any, *sizes: int) -> Any:
    """Allocate memory for one part alone, such as ``fluctuation``; returns its state."""
    state, _ = part.unpack(allocate(part.shapes(*sizes)), *sizes)
    return state


@njit(cache=True)
def take(memory: np.ndarray, shape: Any) -> tuple[np.ndarray, np.ndarray]:
    """Take an array of this shape from the front of the memory; returns it and the rest."""
    size = 1
    for length in shape:
        size *= length
    return memory[:size].reshape(shape), memory[size:]
