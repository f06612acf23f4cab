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


"""``dynsyn compile``: compile the controller's code at install, so that it starts at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
import time
from typing import Any

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.robot.control_loop import ControlLoop
from dynsyn_ros.training.presets import read_preset, read_robot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; the compiled code serves every robot and preset."""
    shared_options.add_params_file(parser)
    shared_options.add_preset(parser)


def main(options: argparse.Namespace) -> None:
    """Compile, or load what was compiled before; raises :class:`ConfigError` for bad input."""
    robot = Robot(read_robot(options.params_file))
    learner = _timed('the learner', partial(Learner, robot.layout, read_preset(options.preset), 0))
    _timed('observations and commands', partial(ControlLoop, robot, learner))


def _timed(what: str, make: Callable[[], Any]) -> Any:
    """Make something and print how long it took."""
    print(f'{what}: ', end='', flush=True)
    begun = time.perf_counter()
    made = make()
    print(f'{time.perf_counter() - begun:.1f} s')
    return made
