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

"""ROS parameter files, read without ROS: the headless programs use the same YAML as the nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
import re
from typing import Any

from dynsyn_ros.settings.files import opened
from dynsyn_ros.settings.schema import ConfigError, cut
import yaml

#: The section whose parameters are for every node, in any namespace.
EVERY_NODE = '/**'
#: The longest file that is read, bytes, and how deep its tables may be nested.
MOST_BYTES, MOST_DEPTH = 250_000, 50


class _Loader(yaml.SafeLoader):
    """
    Reads as ROS does: keys are strings and 2e-5 is a number.

    Aliases are refused, because a few lines of them can expand to any size. If a key occurs twice,
    ROS takes the last one; here it is refused.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, unless it is an alias or nested too deep."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem=f'the alias *{event.anchor} must be written out',
                problem_mark=event.start_mark)  # type: ignore[arg-type]
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f'its tables are nested over {MOST_DEPTH} deep',
                problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise yaml.MarkedYAMLError(
                        problem='a key must be a string', problem_mark=key.start_mark)
                key.tag = self.DEFAULT_SCALAR_TAG
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f'the key {key.value} occurs twice', problem_mark=key.start_mark)
                seen.add(key.value)
        return node


_Loader.add_implicit_resolver(
    'tag:yaml.org,2002:float', re.compile(r'[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$'),
    list('-+.0123456789'))


def read_value(text: str) -> Any:
    """Read one value as in a file; raises :class:`ConfigError`."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ArithmeticError, ValueError) as error:
        raise ConfigError(f'{text} is not a YAML value') from error


@lru_cache(maxsize=16)
def _load(text: str) -> Any:
    """Load a text once; a robot's file is read part by part, and loading takes a while."""
    return yaml.load(text, _Loader)


def read_yaml(path: Path) -> Any:
    """Read a YAML file; raises :class:`ConfigError` that names it if it cannot be read."""
    with opened(path, MOST_BYTES) as file:
        content = file.read()
    try:
        return deepcopy(_load(content.decode('utf-8')))
    except (yaml.YAMLError, ArithmeticError, ValueError) as error:
        words = ' '.join(str(error).split())
        raise ConfigError(f'cannot read {path} as YAML: {words[:300]}') from error


def read_table(
    path: Path, keys: Sequence[str], optional: Sequence[str], command: str
) -> dict[str, Any]:
    """Read a YAML file for a command: a table with these keys, and maybe the ``optional`` ones."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ConfigError(f'{path} must be a table: see dynsyn {command} --help')
    missing = [key for key in keys if key not in content]
    unknown = [cut(key) for key in content if key not in (*keys, *optional)]
    wrong = [f'missing {", ".join(missing)}'] if missing else []
    if unknown:
        wrong.append(f'unknown {", ".join(unknown)}, there are {", ".join((*keys, *optional))}')
    if wrong:
        raise ConfigError(f'{path}: {"; ".join(wrong)}; see dynsyn {command} --help')
    return content


def read(paths: Iterable[Path]) -> dict[str, Any]:
    """
    Read the parameters for every node from parameter files; later files override earlier ones.

    Raises :class:`ConfigError` that names the file if one cannot be read or has another form.
    """
    parameters: dict[str, Any] = {}
    for path in paths:
        content = read_yaml(Path(path))
        section = content
        for key in (EVERY_NODE, 'ros__parameters'):
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            raise ConfigError(
                f'{path} must be a ROS parameter file with a section {EVERY_NODE}: '
                'ros__parameters:')
        merge(parameters, section)
    return parameters


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """
    Turn dotted names into nested tables.

    Raises :class:`ConfigError` if a name is within another one that has a value.
    """
    tree: dict[str, Any] = {}
    for name, value in sorted(flat.items()):
        *path, leaf = name.split('.')
        table = tree
        for key in path:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise ConfigError(f'unknown parameter {name}: {key} is a value, not a table')
        table[leaf] = value
    return tree


def merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Override parameters with new ones, table by table."""
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value
