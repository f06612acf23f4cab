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

"""The best learner of a run so far, by its mean reward or return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math

import numpy as np

#: What a weights file holds, see :func:`dynsyn_ros.storage.weights.pack`.
Packed = Mapping[str, np.ndarray]


class BestSoFar:
    """Keeps the best learner in memory and in a file."""

    def __init__(self, write: Callable[[Packed], object], mean: float = -math.inf) -> None:
        """Begin with no learner; only a mean above ``mean`` will be kept."""
        self._write = write
        self.mean = mean
        """The best mean; -inf before the first."""
        self.packed: Packed | None = None
        """The learner with that mean, if this process has measured or loaded it."""

    def offer(self, mean: float, pack: Callable[[], Packed | None]) -> None:
        """Keep and write what ``pack`` returns if the mean is the best, unless it is None."""
        if mean > self.mean:
            packed = pack()
            if packed is not None:
                self.mean, self.packed = mean, packed
                self._write(packed)
