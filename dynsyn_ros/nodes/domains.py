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
ROS domains of walks: each its own, so that a walk is the same run whoever else walks.

A walk holds a name of its domain for as long as it lives, however it ends, and says in a file what
runs there. What looks at a walk finds it by these files.
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

#: Domains whose ports Linux gives to nobody, and that next to nobody chooses.
DOMAINS = range(215, LAST_DOMAIN + 1)
#: The option to walk in the domain of the environment.
SHARED = '--shared-domain'


class Walk(NamedTuple):
    """A walk in a domain of its own."""

    domain: int
    output: str


@contextmanager
def own_domain(output: Path) -> Iterator[int]:
    """
    Set the environment to a domain that nobody is in, for a walk that writes into ``output``.

    Raises :class:`ConfigError` if there is none left.
    """
    folder = _folder()
    # In order, so that who looked at the last walk sees the next one too.
    held = hold(DOMAINS)
    if held is None:
        raise ConfigError(
            f'there are {len(DOMAINS)} walks in domains of their own already: end one, or choose '
            f'a {DOMAIN} and {SHARED}')
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
    """Hold the first domain that nobody is in, until the socket is closed or this process ends."""
    for domain in candidates:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if _bound(name, _name_of(domain)) and _empty(domain):
            return domain, name
        name.close()
    return None


def join(wanted: int | None, ros_arguments: Sequence[str]) -> None:
    """
    Set the environment to the domain ``wanted``, or to that of the one walk that has its own.

    Where none is wanted and no walk has, or a namespace is given, it stays. Raises
    :class:`ConfigError` if there are several to choose from.
    """
    if wanted is None and not namespaced(ros_arguments):
        found = walks()
        if len(found) > 1:
            raise ConfigError(
                'choose one of the walks by --domain: '
                + ', '.join(f'{walk.domain} ({walk.output})' for walk in found))
        wanted = found[0].domain if found else None
    if wanted is not None:
        if not 0 <= wanted <= LAST_DOMAIN:
            raise ConfigError(f'--domain must be from 0 to {LAST_DOMAIN}, not {wanted}')
        os.environ[DOMAIN] = str(wanted)


def walks() -> list[Walk]:
    """List the walks of this user that run in domains of their own."""
    found = []
    for file in sorted(_folder().glob('*.json')):
        with suppress(OSError, ValueError, KeyError, TypeError):  # ending, or just being written
            about = json.loads(file.read_text())
            if _lives(int(file.stem), int(about['pid'])):
                found.append(Walk(int(file.stem), about['output']))
    return found


def of_environment() -> str:
    """Tell the number of the domain that the environment says."""
    return os.environ.get(DOMAIN) or '0'


def namespaced(ros_arguments: Sequence[str]) -> bool:
    """Whether the arguments of ROS put nodes into a namespace."""
    return any('__ns:=' in word for word in ros_arguments)


def _folder() -> Path:
    """Find this user's folder of files; raises :class:`ConfigError` if it is somebody else's."""
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
    """Name a domain among the abstract sockets of this machine, which end with their process."""
    return f'\0dynsyn_ros_domain_{domain}'


def _bound(to: socket.socket, address: str | tuple[str, int]) -> bool:
    try:
        to.bind(address)
    except OSError:
        return False
    return True


def _empty(domain: int) -> bool:
    """Whether no participant, of whatever user, has the first port of a domain on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return _bound(probe, ('', 7410 + 250 * domain))  # as the DDS standard numbers them


def _lives(domain: int, process: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return Path(f'/proc/{process}').exists() and not _bound(probe, _name_of(domain))
