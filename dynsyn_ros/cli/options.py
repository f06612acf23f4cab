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
from pathlib import Path

from dynsyn_ros.settings.assets import PRESETS, ROBOT_FILE
from dynsyn_ros.simulation.walkers import CORES


def add_params_file(parser: argparse.ArgumentParser) -> None:
    """Add ``--params-file``."""
    parser.add_argument('--params-file', type=Path, default=ROBOT_FILE,
                        help='parameters of robot and nodes (default: bipedal_walker.yaml)')


def add_preset(parser: argparse.ArgumentParser) -> None:
    """Add ``--preset``, that of one walker."""
    parser.add_argument('--preset', default='default', metavar='NAME', help=(
        f'settings of the learner: {", ".join(PRESETS)}, or a .yaml file (default: '
        '%(default)s)'))


def add_described_file(
    parser: argparse.ArgumentParser, kind: str, description: str | None
) -> None:
    """Add a YAML file of one's own, and a text below the options that describes it."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = description
    parser.add_argument('file', type=Path, metavar='FILE', help=f'{kind} file, YAML')


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``."""
    parser.add_argument('--workers', type=count, default=CORES, metavar='N',
                        help='trainings at a time (default: a core each, here %(default)s)')


def count(text: str) -> int:
    """Read a whole number over 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'must be 1 or more, not {text}')
    return number


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f'must be from 0 to 1, not {text}')
    return number


def seed(text: str) -> int:
    """Read a seed."""
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError(f'must be from 0 to {2**31 - 1}, not {text}')
    return number
