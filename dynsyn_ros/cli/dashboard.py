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

"""``dynsyn dashboard``: a local web page of a robot that learns, with its services as buttons."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from threading import Thread

from dynsyn_ros.dashboard import scene
from dynsyn_ros.nodes import run
from dynsyn_ros.nodes.dashboard import DashboardNode
from dynsyn_ros.schema import ConfigError
from dynsyn_ros.training.presets import URDF


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = 'what follows --ros-args is for ROS: remaps, a namespace, log levels'
    parser.add_argument('--host', default='127.0.0.1', help=(
        'address to serve on; anybody who reaches it can press the buttons (default: '
        '%(default)s, this machine only)'))
    parser.add_argument('--port', type=int, default=8808, help='0: any (default: %(default)s)')
    parser.add_argument('--rate', type=float, default=20.0, metavar='HZ',
                        help='how often the page is told what is new (default: %(default)g)')
    parser.add_argument('--urdf', type=Path, default=URDF, metavar='FILE',
                        help='what the robot looks like (default: the walker)')


def main(options: argparse.Namespace) -> None:
    """Serve until Ctrl-C; raises :class:`ConfigError`."""
    try:
        from dynsyn_ros.dashboard.server import Server  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ConfigError(
            "the dashboard needs aiohttp: pip install 'dynsyn_ros[dashboard]'") from error
    if not 1.0 <= options.rate <= 100.0:
        raise ConfigError(f'--rate must be from 1 to 100 Hz, not {options.rate:g}')
    drawn = scene.read(options.urdf)
    with run.session([*run.ros_arguments((), {}), *options.ros_arguments]) as stop:
        node = DashboardNode()
        ended: list[bool] = []
        with run.executor_of([node]) as executor:
            spinning = Thread(target=run.spin, args=(executor, lambda: bool(ended)))
            spinning.start()
            try:
                asyncio.run(Server(drawn, node.news, node.press, options.rate).serve(
                    options.host, options.port, lambda: bool(stop),
                    lambda address: print(f'the dashboard is at {address}', flush=True)))
            finally:
                ended.append(True)
                spinning.join()
