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


"""The joints of a robot and what they can do, read from its URDF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
import math
from pathlib import Path
from xml.etree import ElementTree

from dynsyn_ros.robot.config import MOST_POSITION
from dynsyn_ros.settings.files import opened
from dynsyn_ros.settings.schema import ConfigError, cut

REVOLUTE, CONTINUOUS = 'revolute', 'continuous'
LOWER, UPPER, EFFORT, VELOCITY = 'lower', 'upper', 'effort', 'velocity'
#: A limit smaller than this counts as 0.
NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Joint:
    """A joint that can be driven; a limit that the URDF does not give is 0, as in its standard."""

    name: str
    lower: float
    upper: float
    effort: float
    """Largest torque, N m."""
    velocity: float
    """Largest velocity, rad/s."""
    unknown: frozenset[str]
    """The limits that the URDF does not give, or with which the joint could not move."""


def read_urdf(path: Path) -> tuple[str, list[Joint]]:
    """Read a robot's name and its joints; raises :class:`ConfigError` if they cannot be used."""
    root = _root(path)
    name = root.get('name') or path.stem
    _check_name(name, f'{path}: the name of the robot')
    joints = [_joint(element, path) for element in _driven(root)]
    if not joints:
        raise ConfigError(f'{path} has no joint that is revolute or continuous')
    twice = [each for each, count in Counter(joint.name for joint in joints).items() if count > 1]
    if twice:
        raise ConfigError(f'{path} has two joints named {cut(twice[0])}')
    return name, joints


def _root(path: Path) -> ElementTree.Element:
    with opened(path) as file:
        try:
            root = ElementTree.parse(file).getroot()
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise ConfigError(f'{path} is not a URDF: {error}') from error
    if root.tag != 'robot':
        raise ConfigError(f'{path} is not a URDF: its root is {root.tag}, not robot')
    return root


def _driven(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    for joint in root.findall('joint'):
        if joint.get('type') in (REVOLUTE, CONTINUOUS) and joint.find('mimic') is None:
            yield joint


def _joint(element: ElementTree.Element, path: Path) -> Joint:
    name = element.get('name')
    if not name:
        raise ConfigError(f'{path} has a {element.get("type")} joint without a name')
    _check_name(name, f'{path}: the name of a joint')
    if '.' in name:
        raise ConfigError(f'{path}: the name of a joint must have no dot, which separates the '
                          f'names of ROS parameters, not {cut(name)}')
    where = f'{path}: joint {name}'
    limit = element.find('limit')
    given = dict(limit.attrib) if limit is not None else {}
    if element.get('type') == CONTINUOUS:
        given.update({LOWER: repr(-math.pi), UPPER: repr(math.pi)})
    limits = {key: _number(given.get(key, '0'), f'{where}: {key}')
              for key in (LOWER, UPPER, EFFORT, VELOCITY)}
    _check_limits(limits, where)
    return Joint(name, **limits, unknown=frozenset(
        key for key in limits if key not in given or _is_stuck(key, limits)))


def _check_name(name: str, what: str) -> None:
    if not name.isprintable():
        raise ConfigError(f'{what} must have printable characters only, not {cut(name)}')


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f'{what} must be a finite number, not {cut(text)}')
    return value


def _check_limits(limits: dict[str, float], where: str) -> None:
    for key in (EFFORT, VELOCITY):
        if limits[key] < 0.0:
            raise ConfigError(f'{where}: {key} must be 0 or more, not {limits[key]:g}')
    if limits[LOWER] > limits[UPPER]:
        raise ConfigError(f'{where}: lower must be at most upper, {limits[UPPER]:g}, not '
                          f'{limits[LOWER]:g}')
    for key, nearest in ((LOWER, limits[LOWER]), (UPPER, -limits[UPPER])):
        if nearest > MOST_POSITION:
            raise ConfigError(f'{where}: {key} must leave a position within +-{MOST_POSITION:g} '
                              f'rad, not {limits[key]:g}')


def _is_stuck(key: str, limits: dict[str, float]) -> bool:
    """Return whether a joint could not move with this limit; many files say 0 for unknown."""
    if key in (LOWER, UPPER):
        return limits[UPPER] - limits[LOWER] < NEGLIGIBLE
    return limits[key] < NEGLIGIBLE
