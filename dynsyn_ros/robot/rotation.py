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


"""Rotations of single vectors and orientations, as quaternions x, y, z, w."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math

Quaternion = tuple[float, float, float, float]


def mounting(rotation: Sequence[float]) -> Quaternion | None:
    """Convert roll, pitch, yaw (rad), or a quaternion, to a quaternion; an empty list to None."""
    if not rotation:
        return None
    if len(rotation) == 4:
        x, y, z, w = rotation
        return x, y, z, w
    (sx, cx), (sy, cy), (sz, cz) = (
        (math.sin(0.5 * angle), math.cos(0.5 * angle)) for angle in rotation)
    return (sx * cy * cz - cx * sy * sz, cx * sy * cz + sx * cy * sz,
            cx * cy * sz - sx * sy * cz, cx * cy * cz + sx * sy * sz)


def product(a: Sequence[float], b: Sequence[float]) -> Quaternion:
    """Combine two rotations: by ``b``, then by ``a``."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (aw * bx + ax * bw + ay * bz - az * by, aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw, aw * bw - ax * bx - ay * by - az * bz)


def rotation_of(
    frame: str, base: str, parents: Mapping[str, tuple[str, Quaternion]]
) -> Quaternion | None:
    """
    Return how ``frame`` is turned in ``base``; None if that is not known.

    ``parents`` gives for each frame the frame it is fixed to, and how it is turned in that frame.
    """
    up, down = _path(frame, parents), _path(base, parents)
    for ancestor, turned in up.items():
        if ancestor in down:
            x, y, z, w = down[ancestor]
            return product((-x, -y, -z, w), turned)
    return None


def _path(
    frame: str, parents: Mapping[str, tuple[str, Quaternion]]
) -> dict[str, Quaternion]:
    """List a frame and its ancestors, each with how the frame is turned in it."""
    path: dict[str, Quaternion] = {frame: (0.0, 0.0, 0.0, 1.0)}
    at = frame
    while at in parents:
        parent, turned = parents[at]
        if parent in path:
            break
        path[parent] = product(turned, path[at])
        at = parent
    return path


def turn(by: Quaternion, vector: Sequence[float]) -> tuple[float, float, float]:
    """Turn a vector, from the frame of a sensor to that of the body it is mounted in."""
    x, y, z, w = by
    turned = product(product(by, (*vector, 0.0)), (-x, -y, -z, w))
    return turned[:3]


def unturn_orientation(by: Quaternion, orientation: Sequence[float]) -> Quaternion:
    """Return the orientation of the body, from that of a sensor mounted in it by ``by``."""
    x, y, z, w = by
    return product(orientation, (-x, -y, -z, w))
