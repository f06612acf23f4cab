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

"""Options that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
import math
from pathlib import Path
from typing import Any

from dynsyn_ros.process import CORES
from dynsyn_ros.settings.assets import (
    CHANGES,
    DEFAULT_PRESET,
    NAMED,
    PRESET,
    PRESETS,
    ROBOT,
    ROBOT_FILE,
    SUFFIX,
    WEIGHTS,
)
from dynsyn_ros.settings.schema import ConfigError


def add_params_file(
    parser: argparse.ArgumentParser, kind: str = ROBOT, file: str = 'a .yaml file',
    default: str | None = ROBOT_FILE.stem,
) -> None:
    """Add ``--params-file`` for the package's robots of a kind, or another ``file``."""
    _named(parser.add_argument(
        '--params-file', default=default, metavar='ROBOT', help=(
            f'parameters of the robot and the nodes: {_names(kind)}, or {file} '
            f'(default: {ROBOT_FILE.stem})')), kind)


def add_preset(
    parser: argparse.ArgumentParser, default: str | None = DEFAULT_PRESET,
    meaning: str = 'settings of the learner', without: str = DEFAULT_PRESET,
) -> None:
    """Add ``--preset`` with a ``meaning``; ``without`` describes the default."""
    _named(parser.add_argument('--preset', default=default, metavar='NAME', help=(
        f'{meaning}: {", ".join(PRESETS)}, or a .yaml file (default: {without})')), PRESET)


def add_weights(
    parser: argparse.ArgumentParser, *names: str, meaning: str, without: str = '', **more: Any
) -> None:
    """Add an option or argument for a weights file or the name of pretrained weights."""
    _named(parser.add_argument(*names, **more, help=(
        f'{meaning}: {_names(WEIGHTS)}, or an .npz file'
        + (f' (default: {without})' if without else ''))), WEIGHTS)


def add_changes(parser: argparse.ArgumentParser) -> None:
    """Add ``--changes``."""
    _named(parser.add_argument('--changes', metavar='FILE', help=(
        f'table of changes: {_names(CHANGES)}, or a .yaml file (default: that of the robot)')),
        CHANGES)


def add_described_file(
    parser: argparse.ArgumentParser, kind: str, description: str | None
) -> None:
    """Add an argument for a file, and a text below the options that describes such files."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = description
    _named(parser.add_argument('file', metavar='FILE', help=(
        f'{kind} file: {_names(kind)}, or a .yaml file')), kind)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``."""
    parser.add_argument('--workers', type=count, metavar='N', help=(
        f'trainings at a time (default: one per core, here {CORES})'))


def add_video(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add ``--video``, also under its former name."""
    parser.add_argument('--video', '--gif', type=Path, metavar='FILE',
                        help=f'{meaning}, as a .gif or, with an extra, an .mp4')


def add_markdown(parser: argparse.ArgumentParser) -> None:
    """Add ``--markdown``."""
    parser.add_argument('--markdown', action='store_true',
                        help='print tables in Markdown (default: aligned for a terminal)')


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add ``--quiet``."""
    parser.add_argument('--quiet', action='store_true',
                        help='print no progress, only the results')


def refuse_given(options: argparse.Namespace, names: Callable[[str], bool], why: str) -> None:
    """Raise :class:`ConfigError` if an option is given that would have no effect."""
    given = [f'--{name.replace("_", "-")}' for name, value in vars(options).items()
             if names(name) and value is not None and value is not False]
    if given:
        raise ConfigError(f'{", ".join(given)} would have no effect: {why}')


def count(text: str) -> int:
    """Read a whole number above 0."""
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'must be 1 or more, not {text}')
    return number


def finite(text: str) -> float:
    """Read a number that is neither infinite nor NaN."""
    number = _number(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f'must be a number, not {text}')
    return number


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    number = _number(text)
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f'must be from 0 to 1, not {text}')
    return number


def seed(text: str) -> int:
    """Read a seed."""
    number = _whole(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError(f'must be from 0 to {2**31 - 1}, not {text}')
    return number


def port(text: str) -> int:
    """Read the number of a TCP port."""
    number = _whole(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError(f'must be from 0 to {2**16 - 1}, not {text}')
    return number


def _number(text: str) -> float:
    """Read a number; NaN if the text is not one."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'must be a whole number, not {text}') from None


def _names(kind: str) -> str:
    return ', '.join(sorted(NAMED[kind]))


def _named(action: argparse.Action, kind: str) -> None:
    """Let a shell complete the package's names, or else a path."""

    def complete(prefix: str, **_: object) -> list[str]:
        from argcomplete.completers import FilesCompleter  # noqa: PLC0415  of use to a shell only

        return [*NAMED[kind], *FilesCompleter(SUFFIX[kind].lstrip('.'))(prefix)]

    action.completer = complete  # type: ignore[attr-defined]  as argcomplete has it
