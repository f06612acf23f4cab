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
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
import os
from pathlib import Path
import socket
import subprocess
import sys
import webbrowser

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.dashboard import scene
from dynsyn_ros.nodes import domains, run
from dynsyn_ros.nodes.dashboard import DashboardNode
from dynsyn_ros.process import end_with
from dynsyn_ros.settings.assets import URDF
from dynsyn_ros.settings.schema import ConfigError

#: The words before the printed address, by which programs find it.
ANNOUNCEMENT = 'the dashboard is at'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = 'what follows --ros-args is for ROS: remaps, a namespace, log levels'
    parser.add_argument('--host', default='127.0.0.1', help=(
        'address to serve on; anybody who can reach it and has the printed URL with its token can '
        'press the buttons (default: %(default)s, this machine only)'))
    parser.add_argument('--port', type=shared_options.port, default=8808,
                        help='TCP port, 0 for any (default: %(default)s)')
    parser.add_argument('--allow-host', action='append', default=[], metavar='NAME', help=(
        'another name by which browsers reach this machine, for example through a proxy; may be '
        'repeated'))
    parser.add_argument('--open', action='store_true', help='open the page in a browser')
    parser.add_argument('--domain', type=int, metavar='N', help=(
        'ROS domain of the robot (default: that of the running dynsyn walk; without one, or with '
        'a namespace, that of the environment)'))
    parser.add_argument('--rate', type=float, default=20.0, metavar='HZ',
                        help='how often the page gets new data (default: %(default)g)')
    parser.add_argument('--urdf', type=Path, default=URDF, metavar='FILE',
                        help='URDF of the robot, which is drawn from the side: its boxes, and the '
                             'first face of each of its .obj meshes (default: BipedalWalker)')
    parser.add_argument('--parent', type=int, help=argparse.SUPPRESS)  # of :func:`beside`


def main(options: argparse.Namespace) -> None:
    """Serve until Ctrl-C; raises :class:`ConfigError`."""
    try:
        from dynsyn_ros.dashboard import access, server  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ConfigError(
            "the dashboard needs aiohttp: pip install 'dynsyn_ros[dashboard]'") from error
    if not 2.0 <= options.rate <= 100.0:
        raise ConfigError(f'--rate must be from 2 to 100 Hz, not {options.rate:g}')
    if options.parent is not None:
        end_with(options.parent)
    drawn = scene.read(options.urdf)
    domains.join(options.domain, options.ros_arguments)
    allowed = access.Access(options.host, options.allow_host, access.read_token())

    def started(host: str, port: int) -> None:
        if access.beyond_this_machine(options.host):
            print(f'served beyond this machine: anybody who can reach {host} port {port} and has '
                  'the token can press the buttons, and nothing is encrypted', file=sys.stderr)
        address = f'http://{_reached_by(host)}:{port}/?token={allowed.token}'
        print(f'{ANNOUNCEMENT} {address}', flush=True)
        if options.open and _has_a_display():
            webbrowser.open(address)

    with run.session([*run.ros_arguments((), {}), *options.ros_arguments]) as stop:
        node = DashboardNode()
        ended: list[bool] = []
        with run.executor_of([node]) as executor, ThreadPoolExecutor(1) as thread:
            spinning = thread.submit(run.spin, executor, lambda: bool(ended))
            try:
                drawn['domain'] = domains.of_environment()
                serving = server.Server(drawn, node.news, node.press, options.rate, allowed)
                asyncio.run(serving.serve(options.host, options.port,
                                          lambda: bool(stop) or spinning.done(), started))
            finally:
                ended.append(True)
            spinning.result()


def command(namespace: str) -> str:
    """Write the command that shows the robot of a namespace in the present domain."""
    remap = '' if namespace == '/' else f' --ros-args -r __ns:={namespace}'
    return f'dynsyn dashboard --domain {domains.of_environment()}{remap}'


@contextmanager
def beside(ros_arguments: Sequence[str]) -> Iterator[None]:
    """
    Serve a dashboard and open it in a browser, in a separate process that ends with this one.

    Raises :class:`ConfigError` if it does not start.
    """
    # With -m, Python would import the modules of the user's current folder instead of its own.
    program = (f'import sys; sys.path[:] = {sys.path!r}; '
               'from dynsyn_ros.cli.main import main; sys.exit(main())')
    words = [sys.executable, '-c', program, 'dashboard', '--port', '0', '--open',
             '--parent', str(os.getpid()), '--domain', domains.of_environment(), *ros_arguments]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as serving:
        try:
            address = serving.stdout.readline()
            if not address:
                raise ConfigError('the dashboard did not start, for the reason above')
            print(address, end='', file=sys.stderr)
            yield
        finally:
            serving.terminate()


def _has_a_display() -> bool:
    """Return whether a browser can open a window; a text browser would take over the terminal."""
    return not sys.platform.startswith('linux') or any(
        os.environ.get(name) for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'BROWSER'))


def _reached_by(host: str) -> str:
    """Return the name by which an address can be reached."""
    if host in ('0.0.0.0', '::'):
        return socket.gethostname()
    return f'[{host}]' if ':' in host else host
