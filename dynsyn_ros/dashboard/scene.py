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

"""A robot's description for drawing it from the side: links with polygons, on joints."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from dynsyn_ros.settings.assets import PACKAGE, share_directory
from dynsyn_ros.settings.schema import ConfigError, cut

#: The colour of a link whose URDF gives none, as red, green, blue and opacity.
COLOUR = '0.5 0.5 0.5 1'


def read(path: Path) -> dict[str, Any]:
    """
    Read a URDF; raises :class:`ConfigError` that names it if it cannot be read.

    Returns ``links`` (name, polygon of (ahead, up) in m, colour) and ``joints`` (name, parent,
    child, place, pitch in rad about the y axis, whether it floats, and the direction in which its
    angle turns). Only turns about the y axis are drawn, and only boxes and the first faces of OBJ
    files: other shapes are left out.
    """
    try:
        root = ElementTree.parse(path).getroot()
        colours = {material.get('name'): _colour(material)
                   for material in root.findall('material')}
        return {
            'links': [_link(link, colours, path) for link in root.findall('link')],
            'joints': [_joint(joint) for joint in root.findall('joint')],
        }
    except OSError as error:
        raise ConfigError(f'cannot read {path}: {error.strerror}') from error
    except (ElementTree.ParseError, ValueError, LookupError, OverflowError) as error:
        raise ConfigError(f'{path} is not a URDF that can be drawn: {error}') from error


def _numbers(element: ElementTree.Element | None, key: str) -> list[float]:
    text = (element.get(key) if element is not None else None) or '0 0 0'
    try:
        x, y, z = map(float, text.split())
    except ValueError:
        raise ValueError(f'{key} must be three numbers, not {cut(text)}') from None
    return [x, y, z]


def _colour(material: ElementTree.Element | None) -> str | None:
    """Return the colour that a material gives itself; it may have none, or only a texture."""
    colour = material.find('color') if material is not None else None
    return colour.get('rgba') if colour is not None else None


def _link(
    link: ElementTree.Element, colours: dict[str | None, str | None], urdf: Path
) -> dict[str, Any]:
    visual = link.find('visual')
    if visual is None:
        return {'name': link.get('name'), 'polygon': []}
    box, mesh = visual.find('geometry/box'), visual.find('geometry/mesh')
    ahead, _, up = _numbers(visual.find('origin'), 'xyz')
    if box is not None:
        depth, _, height = _numbers(box, 'size')
        x, z = depth / 2, height / 2
        corners = [(-x, z), (x, z), (x, -z), (-x, -z)]
    elif mesh is not None:
        corners = _outline(mesh.get('filename', ''), urdf)
    else:
        corners = []
    material = visual.find('material')
    named = colours.get(material.get('name')) if material is not None else None
    rgba = (_colour(material) or named or COLOUR).split()
    return {
        'name': link.get('name'),
        'polygon': [(x + ahead, z + up) for x, z in corners],
        'colour': 'rgb({})'.format(', '.join(str(round(255 * float(c))) for c in rgba[:3])),
    }


def _outline(name: str, urdf: Path) -> list[tuple[float, float]]:
    """Read the first face of an OBJ file; raises :class:`ConfigError` that names it."""
    own = f'package://{PACKAGE}/'
    file = share_directory() / name.removeprefix(own) if name.startswith(own) else (
        urdf.parent / name)
    if file.suffix.lower() != '.obj':
        return []
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
        vertices = [(float(words[1]), float(words[3])) for words in lines if words[:1] == ['v']]
        face = next((words[1:] for words in lines if words[:1] == ['f']), [])
        return [vertices[int(word.partition('/')[0]) - 1] for word in face]
    except OSError as error:
        raise ConfigError(f'cannot read the mesh {name} of {urdf}: {error.strerror}') from error
    except (IndexError, ValueError) as error:
        raise ConfigError(f'the mesh {name} of {urdf} is not an OBJ file: {error}') from error


def _joint(joint: ElementTree.Element) -> dict[str, Any]:
    origin, parent, child = (joint.find(part) for part in ('origin', 'parent', 'child'))
    if parent is None or child is None:
        raise ValueError(f'the joint {joint.get("name")} has no parent or no child')
    ahead, _, up = _numbers(origin, 'xyz')
    return {
        'name': joint.get('name'),
        'parent': parent.get('link'),
        'child': child.get('link'),
        'place': (ahead, up),
        'pitch': _numbers(origin, 'rpy')[1],
        'floating': joint.get('type') == 'floating',
        'sense': _numbers(joint.find('axis'), 'xyz')[1],
    }
