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
Settings declared once: as dataclass fields that carry their unit, range and meaning.

The same declaration validates a YAML file, describes a ROS parameter and fills the tables of the
documentation. A settings class is a frozen dataclass whose fields are made by :func:`setting`, are
settings classes themselves, optional ones (``Section | None``), or are a ``dict`` from a name to a
settings class (a table).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
import math
import reprlib
from typing import Any, get_args, get_origin, get_type_hints

#: The smallest absolute value of a number that is not 0: dividing by less may overflow.
SMALLEST = 1e-15
#: An upper limit that means no limit.
NO_LIMIT = 2**62


class ConfigError(ValueError):
    """A setting, file or folder that cannot be used; the message is one sentence for the user."""


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100


def cut(value: Any) -> str:
    """Return the repr of a value, cut to a readable length."""
    try:
        words = _SHORT.repr(value)
    except ValueError:  # an integer with more digits than Python converts
        words = 'an integer with thousands of digits'
    return words if len(words) <= 300 else f'{words[:300]}...'


@dataclass(frozen=True)
class Setting:
    """One leaf of a settings class: its dotted name, its type and its allowed values."""

    name: str
    kind: Any
    doc: str
    unit: str
    low: float | None
    high: float | None
    unlimited: bool
    choices: tuple[str, ...]
    read_only: bool
    default: Any
    """The value if it is not given; None if it must be given."""

    @property
    def constraint(self) -> str:
        """Say what is allowed, in words (empty if any value of the type is)."""
        if self.choices:
            return f'one of {", ".join(self.choices)}'
        if self.low is None or self.high is None:
            return ''
        return _span(self.low, self.high, self.unlimited)


def setting(
    doc: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    unlimited: bool = False,
    choices: tuple[str, ...] = (),
    read_only: bool = True,
    default: Any = None,
) -> Any:
    """
    Declare one setting.

    A number may be from ``low`` to ``high``, both included, and also ``.inf`` if ``unlimited``.
    Unless it is 0, its absolute value is at least :data:`SMALLEST`. A string is one of
    ``choices``. ``read_only`` settings keep their value for the life of a node. A setting with a
    ``default`` may be omitted.
    """
    return field(
        metadata={
            'doc': doc,
            'unit': unit,
            'low': low,
            'high': high,
            'unlimited': unlimited,
            'choices': choices,
            'read_only': read_only,
            'default': default,
        }
    )


def settings_of(cls: type, names: Mapping[str, list[str]], prefix: str = '') -> Iterator[Setting]:
    """
    Yield the leaves of a settings class, in the order they are declared.

    ``names`` gives the rows of each table, by the table's dotted name.
    """
    types = get_type_hints(cls)
    for entry in fields(cls):
        name, kind = prefix + entry.name, types[entry.name]
        if _section(kind):
            yield from settings_of(_section(kind), names, f'{name}.')
        elif get_origin(kind) is dict:
            for row in names.get(name, []):
                yield from settings_of(get_args(kind)[1], names, f'{name}.{row}.')
        else:
            yield Setting(name=name, kind=kind, **entry.metadata)


def part_of(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Select the parameters of one settings class from those of several."""
    return {entry.name: values[entry.name] for entry in fields(cls) if entry.name in values}


def build(cls: type, values: Mapping[str, Any], prefix: str = '') -> Any:
    """
    Make a settings object from nested mappings.

    Raises :class:`ConfigError` that names a key that is missing, unknown, of another type or out
    of its range. The class's own ``check`` method, if any, runs last.
    """
    types = get_type_hints(cls)
    if not isinstance(values, Mapping):
        raise ConfigError(f'{prefix[:-1]} must be a table of {", ".join(types)}')
    for key in values:
        if key not in types:
            raise ConfigError(
                f'unknown parameter {prefix}{key}: {prefix[:-1] or "the top level"} has '
                f'{", ".join(types)}'
            )
    made: dict[str, Any] = {}
    for entry in fields(cls):
        name, kind = prefix + entry.name, types[entry.name]
        if entry.name not in values and _is_optional(kind):
            made[entry.name] = None
            continue
        default = entry.metadata.get('default')
        if entry.name not in values and default is None:
            raise ConfigError(f'missing parameter {name}: {_expectation(entry)}')
        value = values.get(entry.name, default)
        if value is None and _is_optional(kind):
            made[entry.name] = None
        elif _section(kind):
            made[entry.name] = build(_section(kind), value, f'{name}.')
        elif get_origin(kind) is dict:
            if not isinstance(value, Mapping):
                raise ConfigError(f'parameter {name} must be a table')
            row_type = get_args(kind)[1]
            made[entry.name] = {
                row: build(row_type, content, f'{name}.{row}.') for row, content in value.items()
            }
        else:
            made[entry.name] = _checked(name, kind, entry, value)
    settings = cls(**made)
    if hasattr(settings, 'check'):
        settings.check(prefix)
    return settings


def build_part(cls: type, values: Mapping[str, Any]) -> Any:
    """Make a settings object from the parameters of several, as :func:`build` does."""
    return build(cls, part_of(cls, values))


def _section(kind: Any) -> Any:
    """Return the settings class of a field, optional or not; None if it has none."""
    return next((each for each in (kind, *get_args(kind)) if is_dataclass(each)), None) \
        if get_origin(kind) is not dict else None


def _is_optional(kind: Any) -> bool:
    return type(None) in get_args(kind)


def _expectation(entry: Any) -> str:
    """Say what a field expects: its meaning, or that it is a table."""
    return str(entry.metadata.get('doc', 'a table of parameters'))


def _span(low: float, high: float, unlimited: bool) -> str:
    if high >= NO_LIMIT:
        return f'{_number(low)} or more'
    return f'from {_number(low)} to {_number(high)}{" or .inf" if unlimited else ""}'


def _number(value: float) -> str:
    """Write a limit as a person would."""
    return str(value) if isinstance(value, int) else f'{value:.10g}'


_WORDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a string'}


def _checked(name: str, kind: Any, entry: Any, value: Any) -> Any:
    if get_origin(kind) is list:
        (inner,) = get_args(kind)
        if isinstance(value, (str, Mapping)) or not hasattr(value, '__iter__'):
            raise ConfigError(f'parameter {name} must be a list, each entry {_WORDS[inner]}')
        return [_checked(f'{name}[{i}]', inner, entry, v) for i, v in enumerate(value)]
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or (kind is not bool and isinstance(value, bool)):
        raise ConfigError(f'parameter {name} must be {_WORDS[kind]}, not {cut(value)}')
    try:
        value = kind(value)
    except OverflowError as error:
        raise ConfigError(f'parameter {name} must be a number that fits a float') from error
    low, high, unlimited, choices = (
        entry.metadata[key] for key in ('low', 'high', 'unlimited', 'choices'))
    if choices and value not in choices:
        raise ConfigError(
            f'parameter {name} must be one of {", ".join(choices)}, not {cut(value)}')
    if kind is float and math.isnan(value):
        raise ConfigError(f'parameter {name} must be a number, not NaN')
    if low is not None and not (low <= value <= high or (unlimited and value == math.inf)):
        allowed = (f'{_number(high)} or less' if value > high >= NO_LIMIT
                   else _span(low, high, unlimited))
        raise ConfigError(f'parameter {name} must be {allowed}, not {cut(value)}')
    if kind is float and 0.0 < abs(value) < SMALLEST:
        raise ConfigError(
            f'parameter {name} must be 0 or at least {SMALLEST:g} in size, not {cut(value)}')
    return value
