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


"""``dynsyn robot``: a first parameter file for a robot, from its URDF."""

from __future__ import annotations

import argparse
from pathlib import Path

from dynsyn_ros.robot.config import EFFORT, POSITION, VELOCITY
from dynsyn_ros.robot.draft import draft, file_stem
from dynsyn_ros.robot.urdf import read_urdf
from dynsyn_ros.settings.assets import ROBOT, SUFFIX
from dynsyn_ros.settings.files import check_folder
from dynsyn_ros.settings.parameters import MOST_BYTES
from dynsyn_ros.settings.schema import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('urdf', type=Path, metavar='URDF',
                        help='description of the robot, without xacro')
    parser.add_argument('--command', choices=(EFFORT, POSITION, VELOCITY), default=EFFORT,
                        help='what its drives accept (default: %(default)s)')
    parser.add_argument('--output', type=Path, metavar='FILE.yaml',
                        help='file to write (default: named after the robot, in this folder)')


def main(options: argparse.Namespace) -> None:
    """Write a new file, never over an old one; raises :class:`ConfigError` for bad input."""
    if options.output and options.output.suffix != SUFFIX[ROBOT]:
        raise ConfigError(f'--output must have a name that ends in {SUFFIX[ROBOT]}, not '
                          f'{options.output}: no other file is found as parameters')
    name, joints = read_urdf(options.urdf)
    file = options.output or Path(f'{file_stem(name)}.yaml')
    text = draft(name, joints, options.command)
    if len(text.encode()) > MOST_BYTES:
        raise ConfigError(f'{options.urdf} has {len(joints)} joints, too many for a parameter '
                          f'file of at most {MOST_BYTES} bytes')
    check_folder(file.parent)
    try:
        with file.open('x', encoding='utf-8') as out:
            out.write(text)
    except OSError as error:
        raise ConfigError(f'cannot write {file}: {error.strerror}') from error
    print(f'{file}: {len(joints)} joints; fill in what is marked TODO')
