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
The obstacles of BipedalWalkerHardcore, found in the terrain of gymnasium's environment.

They are the polygons among its bodies. A stair is 4 terrain steps wide and 1 high, a stump is as
wide as it is high, and a pit has two walls, each 1 wide and 4 high.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dynsyn_ros.simulation.bipedal_walker import BipedalWalker
from dynsyn_ros.simulation.plant import Plant
from gymnasium.envs.box2d.bipedal_walker import TERRAIN_STEP

KINDS = ('stairs', 'stump', 'pit')


class Obstacle(NamedTuple):
    """One obstacle, from its nearest to its farthest position, m."""

    kind: str
    begin: float
    end: float


def obstacles(walker: Plant) -> list[Obstacle]:
    """List the obstacles ahead of a walker at the beginning of its episode, in order."""
    found: list[Obstacle] = []
    if not isinstance(walker, BipedalWalker):
        return found
    for body in reversed(walker.environment.unwrapped.terrain):
        corners = getattr(body.fixtures[0].shape, 'vertices', [])
        if len(corners) != 4:
            continue
        (left, right), (low, high) = (
            (min(side), max(side)) for side in zip(*corners, strict=True))
        width, height = round((right - left) / TERRAIN_STEP), round((high - low) / TERRAIN_STEP)
        kind = 'stump' if width == height else 'pit' if height > width else 'stairs'
        before = found[-1] if found else None
        # The next stair begins where the last one ends; a pit's far wall follows its near wall.
        joined = before is not None and before.kind == kind and (
            (kind == 'stairs' and abs(before.end - left) < 0.5 * TERRAIN_STEP)
            or (kind == 'pit' and before.end - before.begin < 1.5 * TERRAIN_STEP))
        if joined:
            found[-1] = before._replace(end=right)
        else:
            found.append(Obstacle(kind, left, right))
    return found


class Course:
    """The speeds of a walker over its episodes, and the obstacles that it passed."""

    def __init__(self) -> None:
        """Start without episodes."""
        self.met = dict.fromkeys(KINDS, 0)
        self.passed = dict.fromkeys(KINDS, 0)
        self.speeds: list[float] = []
        """Mean speed of each episode, m/s."""

    def add(
        self, course: Iterable[Obstacle], begun: float, reached: float, seconds: float
    ) -> None:
        """Add an episode from position ``begun`` to ``reached``, m, that took ``seconds``."""
        self.speeds.append((reached - begun) / seconds)
        for obstacle in course:
            self.met[obstacle.kind] += reached > obstacle.begin
            self.passed[obstacle.kind] += reached > obstacle.end + TERRAIN_STEP

    def __str__(self) -> str:
        """Say how many of each kind were passed."""
        return ', '.join(
            f'{kind} {self.passed[kind]} of {self.met[kind]}' for kind in KINDS)
