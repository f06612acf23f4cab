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


"""When steps are due: once per control period, on a grid that follows the clock."""

from __future__ import annotations

import math

#: A second in ns, the unit of all times here.
SECOND = 1_000_000_000
#: Share of a period that a step may wait for a message of the trigger.
PATIENCE = 0.25


class Schedule:
    """
    A grid of control periods. All times are in ns.

    A step may be up to half a period off its place in the grid. So every step counts as one period
    in spite of jitter, and in the long run there are as many steps as the clock says.
    """

    def __init__(self, period: float, most: int) -> None:
        """Begin the grid at the first step; a step makes up for at most ``most`` periods."""
        self._period, self._most = period, most
        self._last: int | None = None

    def _passed(self, now: int, last: int) -> int:
        """Return the number of periods since the last place in the grid, rounded."""
        return math.floor((now - last) / self._period + 0.5)

    def due(self, now: int) -> bool:
        """Return whether it is time for a step."""
        return self._last is None or self._passed(now, self._last) != 0

    def late(self, now: int) -> bool:
        """Return whether a step must not wait any longer for its trigger."""
        return self.due(now) and (
            self._last is None or not 0 <= now - self._last < (1.0 + PATIENCE) * self._period)

    def take(self, now: int) -> int:
        """Advance to ``now``; returns the periods that have passed, 0 if time went back."""
        if self._last is None:
            self._last = now
            return 1
        passed = self._passed(now, self._last)
        if 0 <= passed <= self._most:
            self._last += round(passed * self._period)
        else:
            self._last = now
        return min(max(passed, 0), self._most)

    def restart(self) -> None:
        """Forget when the last step was."""
        self._last = None
