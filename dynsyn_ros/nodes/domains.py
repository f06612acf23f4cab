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
ROS domains of walks: each walk has its own, so that other walks do not affect it.

A walk binds a socket named after its domain, which the system frees when the process ends, and
writes a file that describes it. Other commands find the walk by this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
import json
import os
from pathlib import Path
import socket
import stat
import tempfile
from typing import NamedTuple

from dynsyn_ros.nodes.environment import DOMAIN, LAST_DOMAIN
from dynsyn_ros.settings.schema import ConfigError

#: Domains whose ports are outside Linux's ephemeral range, and that hardly anybody chooses.
DOMAINS = range(215, LAST_DOMAIN + 1)
#: The option to walk in the domain of the environment.
SHARED = '--shared-domain'


class Walk(NamedTuple):
    """A walk in its own domain."""

    domain: int
    output: str


@contextmanager
def own_domain(output: Path) -> Iterator[int]:
    """
    Set the environment to an unused domain, for a walk that writes into ``output``.

    Raises :class:`ConfigError` if all are in use.
    """
    folder = _folder()
    # In order, so that a program that looked at the last walk sees the next one too.
    held = hold(DOMAINS)
    if held is None:
        raise ConfigError(
            f'there are already {len(DOMAINS)} walks in their own domains: end one, or set '
            f'{DOMAIN} and use {SHARED}')
    domain, name = held
    with name:
        file = folder / f'{domain}.json'
        file.write_text(json.dumps({'pid': os.getpid(), 'output': str(output.absolute())}))
        os.environ[DOMAIN] = str(domain)
        try:
            yield domain
        finally:
            file.unlink(missing_ok=True)


def hold(candidates: Iterable[int]) -> tuple[int, socket.socket] | None:
    """Hold the first unused domain until the socket is closed or this process ends."""
    for domain in candidates:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if _bound(name, _name_of(domain)) and _empty(domain):
            return domain, name
        name.close()
    return None


def join(wanted: int | None, ros_arguments: Sequence[str]) -> None:
    """
    Set the environment to the domain ``wanted``, or else to that of the only walk with its own.

    If no domain is wanted, and there is no such walk or a namespace is given, the environment
    stays unchanged. Raises :class:`ConfigError` if there are several walks.
    """
    if wanted is None and not namespaced(ros_arguments):
        found = walks()
        if len(found) > 1:
            raise ConfigError(
                'choose one of the walks with --domain: '
                + ', '.join(f'{walk.domain} ({walk.output})' for walk in found))
        wanted = found[0].domain if found else None
    if wanted is not None:
        if not 0 <= wanted <= LAST_DOMAIN:
            raise ConfigError(f'--domain must be from 0 to {LAST_DOMAIN}, not {wanted}')
        os.environ[DOMAIN] = str(wanted)


def walks() -> list[Walk]:
    """List the walks of this user that run in their own domains."""
    found = []
    for file in sorted(_folder().glob('*.json')):
        with suppress(OSError, ValueError, KeyError, TypeError):  # being removed or written
            about = json.loads(file.read_text())
            if _lives(int(file.stem), int(about['pid'])):
                found.append(Walk(int(file.stem), about['output']))
    return found


def of_environment() -> str:
    """Return the number of the domain in the environment."""
    return os.environ.get(DOMAIN) or '0'


def namespaced(ros_arguments: Sequence[str]) -> bool:
    """Return whether ROS arguments put nodes into a namespace."""
    return any('__ns:=' in word for word in ros_arguments)


def _folder() -> Path:
    """Return this user's folder of files; raises :class:`ConfigError` if it is another user's."""
    runtime = os.environ.get('XDG_RUNTIME_DIR', '')
    folder = (Path(runtime, 'dynsyn_ros') if Path(runtime or 'none').is_dir() else
              Path(tempfile.gettempdir(), f'dynsyn_ros_{os.getuid()}'))
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
    except OSError as error:
        raise ConfigError(f'cannot make the folder {folder}: {error.strerror}') from error
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        raise ConfigError(f'{folder} must be a folder of this user')
    return folder


def _name_of(domain: int) -> str:
    """Return the abstract socket name of a domain, which is freed when its process ends."""
    return f'\0dynsyn_ros_domain_{domain}'


def _bound(to: socket.socket, address: str | tuple[str, int]) -> bool:
    try:
        to.bind(address)
    except OSError:
        return False
    return True


def _empty(domain: int) -> bool:
    """Return whether no participant of any user has the first port of a domain here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return _bound(probe, ('', 7410 + 250 * domain))  # as the DDS standard numbers them


def _lives(domain: int, process: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return Path(f'/proc/{process}').exists() and not _bound(probe, _name_of(domain))
