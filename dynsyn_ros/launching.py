"""What the launch files share: arguments that are parameters, and who may hear the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
import os
from pathlib import Path
from typing import Any

from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
import yaml

from dynsyn_ros.nodes.run import DISCOVERY_RANGE, LOCALHOST
from dynsyn_ros.training.presets import PRESETS

#: The value of an argument that leaves its parameter as the file says.
FROM_FILE = ''
#: An argument's meaning, and its values if there are few.
Arguments = Mapping[str, tuple[str, Sequence[str] | None]]
COMMON: Arguments = {
    'output_dir': ('folder for weights.npz and checkpoints, which are gone on from (default: a '
                   'new one in runs)', None),
    'learning': ('false freezes the weights at their centres', ('true', 'false')),
}


def declare(parameters: Arguments) -> list[DeclareLaunchArgument]:
    """Declare arguments that are parameters of the same name, and those of every launch file."""
    return [
        DeclareLaunchArgument(
            'preset', default_value='default', choices=PRESETS,
            description='settings of the learner'),
        DeclareLaunchArgument(
            'namespace', default_value='',
            description='put all topics and nodes into it, for a second robot beside the first'),
        *(DeclareLaunchArgument(
            name,
            default_value=FROM_FILE,
            description=f'{meaning}; empty: as params_file says',
            **({'choices': [FROM_FILE, *choices]} if choices else {}),
        ) for name, (meaning, choices) in parameters.items()),
    ]


def discovery() -> list[SetEnvironmentVariable]:
    """Let the nodes be found on this machine only, unless the environment says otherwise."""
    if DISCOVERY_RANGE in os.environ:
        return []
    return [SetEnvironmentVariable(DISCOVERY_RANGE, LOCALHOST)]


def value(context: Any, name: str) -> str:
    """Tell the value of an argument."""
    return LaunchConfiguration(name).perform(context)


def given(context: Any, parameters: Arguments) -> dict[str, Any]:
    """Collect the parameters that were given, each read as YAML would, and an output folder."""
    values = {name: yaml.safe_load(value(context, name)) for name in parameters
              if value(context, name) != FROM_FILE}
    values['weights'] = value(context, 'weights')
    values.setdefault('output_dir', str(
        Path('runs', f'launch_{datetime.now():%Y-%m-%d_%H-%M-%S}')))
    return values
