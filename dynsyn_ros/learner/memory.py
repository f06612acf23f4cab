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
Memory: the state of all parts lies in one array of numbers, which each part names its share of.

The first step of a compiled function is to receive its arguments, and every array takes it a tenth
of what the rest of a step does. Views of one array cost it next to nothing.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit
import numpy as np

Shape = tuple[int, ...]


def allocate(shapes: tuple[Shape, ...]) -> np.ndarray:
    """Allocate the memory of arrays of these shapes."""
    return np.zeros(sum(math.prod(shape) for shape in shapes))


def lone(part: Any, *sizes: int) -> Any:
    """Allocate the memory of one part on its own, such as ``fluctuation``; returns its state."""
    state, _ = part.unpack(allocate(part.shapes(*sizes)), *sizes)
    return state


@njit(cache=True)
def take(memory: np.ndarray, shape: Any) -> tuple[np.ndarray, np.ndarray]:
    """Take an array of a shape from the front of the memory; returns it and the rest."""
    size = 1
    for length in shape:
        size *= length
    return memory[:size].reshape(shape), memory[size:]
