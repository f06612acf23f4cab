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

"""The options of every command that simulates a robot: which one, and where."""

from __future__ import annotations

import argparse

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.settings.assets import ROBOT_FILE, SIMULATED
from dynsyn_ros.simulation.environments import ENVIRONMENTS


def add_robot(parser: argparse.ArgumentParser, default: str | None = ROBOT_FILE.stem) -> None:
    """Add ``--params-file`` and ``--env-id``."""
    shared_options.add_params_file(parser, SIMULATED, 'a .yaml file with an env_id', default)
    parser.add_argument('--env-id', choices=ENVIRONMENTS,
                        help='environment to simulate (default: that of the parameter file)')
