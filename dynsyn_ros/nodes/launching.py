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

"""What the launch files share: arguments for parameters, and how nodes are discovered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
from typing import Any

from dynsyn_ros.nodes.run import DISCOVERY_RANGE, LOCALHOST
from dynsyn_ros.settings.assets import (
    DEFAULT_PRESET,
    find,
    PRESET,
    PRESETS,
    ROBOT,
    weights_path,
)
from dynsyn_ros.settings.files import opened
from dynsyn_ros.settings.parameters import read_value
from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration

#: The variable for how Fast DDS passes messages within a machine.
TRANSPORTS = 'FASTDDS_BUILTIN_TRANSPORTS'
#: The value of an argument that leaves its parameter as in the file.
FROM_FILE = ''
#: An argument's meaning, and its values if there are few.
Arguments = Mapping[str, tuple[str, Sequence[str] | None]]
OUTPUT_DIR = 'folder for weights.npz and checkpoints; the newest checkpoint there is loaded'
COMMON: Arguments = {
    'learning': ('false freezes the weights at their centres', ('true', 'false')),
}


def declare(parameters: Arguments) -> list[DeclareLaunchArgument]:
    """Declare arguments for parameters of the same name, and those of every launch file."""
    return [
        DeclareLaunchArgument(
            'preset', default_value=DEFAULT_PRESET,
            description=f'settings of the learner: {", ".join(PRESETS)}, or a .yaml file'),
        DeclareLaunchArgument(
            'namespace', default_value='',
            description='namespace of all topics and nodes, for a second robot'),
        *(DeclareLaunchArgument(
            name,
            default_value=FROM_FILE,
            description=f'{meaning}; empty: as in params_file',
            **({'choices': [FROM_FILE, *choices]} if choices else {}),
        ) for name, (meaning, choices) in parameters.items()),
    ]


def discovery() -> list[SetEnvironmentVariable]:
    """Limit discovery of the nodes to this machine, unless the environment says otherwise."""
    if DISCOVERY_RANGE in os.environ:
        return []
    return [SetEnvironmentVariable(DISCOVERY_RANGE, LOCALHOST)]


def transport() -> list[SetEnvironmentVariable]:
    """Use UDP, so that the nodes reach other users of the machine; shared memory would not."""
    if TRANSPORTS in os.environ:
        return []
    return [SetEnvironmentVariable(TRANSPORTS, 'UDPv4')]


def value(context: Any, name: str) -> str:
    """Return the value of an argument."""
    return LaunchConfiguration(name).perform(context)


def files(context: Any) -> list[str]:
    """
    Find the parameter files of the robot and of the preset.

    Raises :class:`ConfigError` if one cannot be read: ROS would start without it.
    """
    found = [find(ROBOT, value(context, 'params_file')), find(PRESET, value(context, 'preset'))]
    for file in found:
        with opened(file):
            pass
    return [str(file) for file in found]


def given(context: Any, parameters: Arguments) -> dict[str, Any]:
    """Collect the parameters that were given, read as YAML."""
    values = {name: read_value(value(context, name)) for name in parameters
              if value(context, name) != FROM_FILE}
    if value(context, 'weights') != FROM_FILE:
        values['weights'] = weights_path(value(context, 'weights'))
    return values
