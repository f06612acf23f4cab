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

"""The classes of the robots that can be simulated, imported on demand."""

from __future__ import annotations

from importlib import import_module
import os
from typing import TYPE_CHECKING

from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import BIPEDAL_WALKERS, BOLT, RENDERER, WALKER2D

if TYPE_CHECKING:
    from dynsyn_ros.simulation.plant import Plant

#: For the robot of each environment: its module in this package, its class, and the package that
#: it needs.
_CLASSES = {
    **dict.fromkeys(BIPEDAL_WALKERS, ('bipedal_walker', 'BipedalWalker', 'gymnasium[box2d]')),
    WALKER2D: ('walker2d', 'Walker2d', 'dynsyn_ros[walker2d]'),
    BOLT: ('bolt', 'Bolt', 'dynsyn_ros[bolt]'),
}


def plant_class(env_id: str) -> type[Plant]:
    """Import the robot of an environment; raises :class:`ConfigError` without its simulator."""
    module, name, package = _CLASSES[env_id]
    try:
        return getattr(import_module(f'dynsyn_ros.simulation.{module}'), name)
    except ImportError as error:
        raise ConfigError(
            f'the simulator of {env_id} is not installed ({error}): pip install "{package}"'
        ) from error
    except (AttributeError, RuntimeError) as error:
        if RENDERER not in os.environ:
            raise
        raise ConfigError(  # MuJoCo imports its renderer
            f'the simulator of {env_id} cannot be imported with {RENDERER}='
            f'{os.environ[RENDERER]} ({error}): unset it, or set it to another renderer'
        ) from error
