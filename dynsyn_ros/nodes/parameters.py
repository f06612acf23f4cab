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

"""ROS parameters from settings classes, with the types, ranges and meanings declared there."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
import math
from types import MappingProxyType
from typing import Any

from dynsyn_ros.nodes.config import SECTIONS
from dynsyn_ros.settings.parameters import nested
from dynsyn_ros.settings.schema import build_part, ConfigError, Setting, settings_of
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

#: Parameters that every node of rclpy has.
_BUILT_IN = ('use_sim_time', 'start_type_description_service', 'qos_overrides')


def declare(
    node: Node, *classes: type, live: Mapping[type, Container[str]] = MappingProxyType({})
) -> tuple[Any, ...]:
    """
    Check and describe the parameters of ``classes`` that a node was started with.

    Settings say whether their parameters may be changed while a node runs. Of a class in ``live``,
    only those named there may be. Returns one settings object per class. Raises
    :class:`ConfigError` that names a parameter that is missing, unknown or out of range.
    """
    # rclpy refuses to declare an empty list of a file, which it gives as None.
    given = {
        name: [] if override.value is None else override.value
        for name, override in node._parameter_overrides.items()
        if not _built_in(name)
    }
    tree = nested(given)
    known = {entry.name for section in SECTIONS for entry in fields(section)}
    for key in tree:
        if key not in known:
            raise ConfigError(f'unknown parameter {key}: there are {", ".join(sorted(known))}')
    settings = [build_part(cls, tree) for cls in classes]
    for cls, made in zip(classes, settings, strict=True):
        omitted = tuple(_omitted(made))
        for leaf in settings_of(cls, _rows(made)):
            if leaf.name.startswith(omitted):
                continue
            # ROS keeps the type of the first value, so it must be the one that was checked: a file
            # may write a number without a point.
            node.declare_parameter(
                leaf.name,
                _value(made, leaf.name),
                _descriptor(leaf, leaf.read_only or leaf.name not in live.get(cls, (leaf.name,))),
                ignore_override=True,
            )
    node.add_on_set_parameters_callback(lambda new: _check(node, classes, new))
    return tuple(settings)


def current(node: Node, cls: type, new: Iterable[Parameter] = ()) -> Any:
    """Make the settings object of a class from the present parameters and the ``new`` ones."""
    values = {**node.get_parameters_by_prefix(''), **{each.name: each for each in new}}
    values = {name: parameter.value for name, parameter in values.items()}
    return build_part(cls, nested(values))


def of_ros(new: Iterable[Parameter]) -> bool:
    """Return whether all of ``new`` belong to ROS itself; each publisher declares some."""
    return all(_built_in(each.name) for each in new)


def _built_in(name: str) -> bool:
    return name.partition('.')[0] in _BUILT_IN


def _omitted(settings: Any, prefix: str = '') -> Iterator[str]:
    """Yield what the names of all parameters in an omitted section begin with."""
    for entry in fields(settings):
        name, value = f'{prefix}{entry.name}.', getattr(settings, entry.name)
        if value is None:
            yield name
        elif is_dataclass(value):
            yield from _omitted(value, name)


def _rows(settings: Any) -> dict[str, list[str]]:
    """List the rows of each table of a settings object."""
    values = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    return {name: list(value) for name, value in values.items() if isinstance(value, dict)}


def _value(settings: Any, name: str) -> Any:
    """Return the value of a parameter from the settings object of its class."""
    for part in name.split('.'):
        settings = settings[part] if isinstance(settings, dict) else getattr(settings, part)
    return settings


def _descriptor(leaf: Setting, read_only: bool) -> ParameterDescriptor:
    unit = f' [{leaf.unit}]' if leaf.unit else ''
    descriptor = ParameterDescriptor(
        description=f'{leaf.doc}{unit}',
        additional_constraints=leaf.constraint,
        read_only=read_only,
        dynamic_typing=leaf.default == (),  # ROS mistakes an empty list for a list of bytes
    )
    if leaf.low is not None and leaf.kind is float:
        most = math.inf if leaf.unlimited else float(leaf.high)
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(leaf.low), to_value=most, step=0.0)]
    elif leaf.low is not None and leaf.kind is int:
        descriptor.integer_range = [
            IntegerRange(from_value=int(leaf.low), to_value=int(leaf.high), step=1)]
    return descriptor


def _check(
    node: Node, classes: Iterable[type], new: list[Parameter]
) -> SetParametersResult:
    """Refuse a value that a parameter file could not have, with the same sentence."""
    if of_ros(new):
        return SetParametersResult(successful=True)
    try:
        for cls in classes:
            current(node, cls, new)
    except ConfigError as error:
        return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)
