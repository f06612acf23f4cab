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


"""
The nodes as programs, which are imported only after the environment has been checked.

Imports take a second or two, so Ctrl-C is handled first.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
import os
import signal
import sys
from types import FrameType


def _interrupted(number: int, _: FrameType | None) -> None:
    """End at once with the exit code that shells expect; a broken-off import needs no cleanup."""
    os.write(2, b'interrupted\n')
    os._exit(128 + number)


def _node(name: str) -> Callable[[], int]:
    """Make the program of a node; it returns the exit code."""

    def main() -> int:
        signal.signal(signal.SIGINT, _interrupted)  # until the node itself handles it
        exit_code = import_module('dynsyn_ros.process').exit_code
        ended = 0

        def program() -> None:
            nonlocal ended
            import_module('dynsyn_ros.nodes.environment').check()
            ended = import_module(f'dynsyn_ros.nodes.{name}').main()

        return exit_code(program) or ended

    return main


NODES = ('simulator', 'controller', 'reward_node', 'transforms')
simulator, controller, reward_node, transforms = map(_node, NODES)

if __name__ == '__main__':
    if len(sys.argv) < 2 or sys.argv[1] not in NODES:
        sys.exit(f'usage: python -m {__spec__.name} {{{",".join(NODES)}}} [--ros-args ...]')
    sys.exit(_node(sys.argv.pop(1))())
