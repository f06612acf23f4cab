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

"""Reading presets and robots, the package's or the user's own, without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dynsyn_ros.learner import LearnerConfig
from dynsyn_ros.robot import RobotConfig
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import find, preset_file, ROBOT, ROBOT_FILE, SIMULATED
from dynsyn_ros.settings.schema import build, build_part, ConfigError, part_of
from dynsyn_ros.simulation.environments import ENVIRONMENTS


def env_id_of(name: str | Path = ROBOT_FILE) -> str:
    """Return the environment of a parameter file; raises :class:`ConfigError` if it has none."""
    file = find(SIMULATED, str(name))
    env_id = parameters.read([file]).get('env_id')
    if env_id not in ENVIRONMENTS:
        raise ConfigError(f'{file} has no simulated robot: its env_id must be one of '
                          f'{", ".join(ENVIRONMENTS)}')
    return str(env_id)


def read_preset(name: str | Path) -> LearnerConfig:
    """Read a preset; raises :class:`ConfigError`."""
    file = preset_file(str(name))
    values = parameters.read([file])
    if 'learner' not in values:
        raise ConfigError(f'{file} must have a table learner')
    for misplaced in part_of(LearnerConfig, values):
        raise ConfigError(f'{file}: {misplaced} must be in the table learner, not beside it')
    with _named(file):
        return build(LearnerConfig, values['learner'], 'learner.')


def read_robot(name: str | Path = ROBOT_FILE) -> RobotConfig:
    """Read the robot's part of a parameter file; raises :class:`ConfigError`."""
    file = find(ROBOT, str(name))
    values = parameters.read([file])
    with _named(file):
        return build_part(RobotConfig, values)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Name the file in the reason why its parameters are refused."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f'{file}: {error}') from error
