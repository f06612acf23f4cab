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

"""Access to the dashboard: requests need its token and one of its host names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
import hmac
from ipaddress import ip_address
import os
from pathlib import Path
import re
import secrets
import socket
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from dynsyn_ros.settings.files import path_of

#: The names by which this machine reaches itself.
LOCAL = frozenset(('localhost', '127.0.0.1', '::1'))
#: Sent with every response: no content from other sites, no frames, and no leak of the token.
HEADERS = {
    'Content-Security-Policy': (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
}
TOKEN = re.compile(r'[\w-]{20,100}\Z', re.ASCII)


def token_file() -> Path:
    """Return the file of the token, in the folder where ROS keeps its logs."""
    return path_of(os.environ.get('ROS_HOME') or '~/.ros') / 'dynsyn_dashboard.token'


def read_token() -> str:
    """
    Read this user's token, or make it at the first call.

    A page survives a restart of its server, because the token is kept. If it cannot be kept, it
    is only valid for this run.
    """
    path = token_file()
    with suppress(OSError, UnicodeDecodeError):
        kept = path.read_text().strip()
        if TOKEN.match(kept) and not path.stat().st_mode & 0o077:
            return kept
    token = secrets.token_urlsafe(24)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as file:
            file.write(token)
    return token


def beyond_this_machine(host: str) -> bool:
    """Return whether other machines can reach an address to serve on."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host not in LOCAL


class Access:
    """Checks requests: their host name, the origin of their page, and the token."""

    def __init__(self, host: str, allowed: Iterable[str], token: str) -> None:
        """Allow the names of this machine, the address to serve on, and those ``allowed``."""
        self.token = token
        self._names = {*LOCAL, host.lower(), *(name.lower() for name in allowed)}
        self._beyond = beyond_this_machine(host)
        if self._beyond:
            name = socket.gethostname().lower()
            self._names |= {name, f'{name}.local'}

    def check_name(self, request: web.Request) -> None:
        """
        Refuse a request for a host name that is not ours.

        This stops DNS rebinding, by which a page of another site reaches a local server: it makes
        a name of its own resolve to our address.
        """
        name = (_split(f'//{request.headers.get("Host", "")}').hostname or '').lower()
        here = request.transport.get_extra_info('sockname') if request.transport else None
        if name not in self._names and not (self._beyond and here and name == here[0]):
            raise web.HTTPForbidden(text=(
                f'the dashboard is not called {name[:100]!r}; to allow that name, start it with '
                '--allow-host'))

    def check_token(self, request: web.Request) -> None:
        """Refuse a request without the token."""
        given = request.query.get('token', '')
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPForbidden(
                text='open the address that dynsyn dashboard has printed, with its token')

    @staticmethod
    def check_origin(request: web.Request) -> None:
        """Refuse a page of another site."""
        origin = request.headers.get('Origin')
        if origin is not None and _split(origin).netloc != request.host:
            raise web.HTTPForbidden(text='the dashboard only answers its own page')


def _split(address: str) -> SplitResult:
    """Split an address; one that cannot be split has no name, so it is a foreign one."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit('')
