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


"""Checks for mistakes in the environment that make ROS print a traceback or end the process."""

from __future__ import annotations

from importlib import import_module, metadata
import os
from pathlib import Path
import sys

from dynsyn_ros.settings.schema import ConfigError

RMW, DOMAIN, SECURITY = 'RMW_IMPLEMENTATION', 'ROS_DOMAIN_ID', 'ROS_SECURITY_ENABLE'
KEYSTORE, LOG_FOLDER = 'ROS_SECURITY_KEYSTORE', 'ROS_LOG_DIR'
#: The largest domain for which there are ports.
LAST_DOMAIN = 232
#: Where an installed ROS lists its middlewares, below each prefix.
_RESOURCES = Path('share', 'ament_index', 'resource_index', 'rmw_typesupport')
#: Words in errors of ROS, and the sentence that names the variable; the first match counts.
_SENTENCES = {
    'log directory': f'{LOG_FOLDER} must be a writable folder',
    'security libraries': (
        f'{SECURITY} is true, but this ROS was built without SROS 2: unset it, or use an '
        'installed ROS with security plugins'),
    'SECURITY ERROR': f'{KEYSTORE} must be a keystore with the enclave of this node',
    'domain_id': f'{DOMAIN} must be a number from 0 to {LAST_DOMAIN}',
}


def check() -> None:
    """
    Check the environment and import rclpy.

    Raises :class:`ConfigError` that names the faulty variable of the environment.
    """
    if os.environ.get(RMW):
        _check_rmw(os.environ[RMW])
    domain = os.environ.get(DOMAIN, '') or '0'
    if not domain.isdecimal() or int(domain) > LAST_DOMAIN:
        raise ConfigError(f'{_SENTENCES["domain_id"]}, not {domain!r}')
    try:
        import_module('rclpy._rclpy_pybind11')
    except ImportError as error:
        raise ConfigError(_no_rclpy(error)) from error
    try:
        import_module('rclpy.experimental')
    except ImportError as error:
        raise ConfigError(
            f'rclpy {_version("rclpy")} has no EventsExecutor: upgrade ros-$ROS_DISTRO-rclpy, for '
            'Jazzy to 7.1.6 or later') from error


def blamed(error: Exception) -> str:
    """Name the variable that caused an error of ROS, in one sentence; empty if none did."""
    text = ' '.join(str(error).split())
    return next((f'{sentence} ({text})' for words, sentence in _SENTENCES.items()
                 if words in text), '')


def _check_rmw(name: str) -> None:
    """Refuse a middleware that is not installed: rcl would end the process without a message."""
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    found = {path.name for prefix in prefixes if prefix
             for path in Path(prefix, _RESOURCES).glob('*')}
    found |= {each.name.removeprefix('ros-').replace('-', '_') for each in metadata.distributions()
              if each.name.startswith('ros-rmw-') and each.name.endswith('-cpp')}
    found = {each for each in found if 'shared' not in each}
    if found and name not in found:
        raise ConfigError(
            f'{RMW} is {name}, which is not installed: unset it, or set it to one of '
            f'{", ".join(sorted(found))}')


def _no_rclpy(error: ImportError) -> str:
    """Say why rclpy cannot be imported."""
    if isinstance(error, ModuleNotFoundError) and error.name == 'rclpy':
        return ("ROS 2 was not found: source its setup.bash, or install its wheels with pip "
                "install 'dynsyn_ros[wheels]'")
    place = next((folder for folder in sys.path if Path(folder, 'rclpy').is_dir()), '')
    return (f'the rclpy from PYTHONPATH or the sourced ROS, in {place}, cannot be imported by '
            f'Python {sys.version.split()[0]}: it was made for another Python, or its libraries '
            'are not on LD_LIBRARY_PATH')


def _version(package: str) -> str:
    """Return the version of an installed ROS package, or of its wheel."""
    for name in (package, f'ros-{package}'):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ''
