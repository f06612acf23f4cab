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

"""A dashboard in a separate process, and its answers."""

from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ros import await_line, PATIENCE, process


@contextmanager
def dashboard(*arguments, port=0):
    """Serve a dashboard; yields its process and its address."""
    with process('dynsyn', ['dashboard', '--port', port, *arguments]) as running:
        yield running, await_line(running.stdout, 'dashboard is at').split()[-1]


def asked(address, path='/', token=None, **headers):
    """Request a path from a dashboard; returns the status and the headers of its answer."""
    token = urlsplit(address).query.removeprefix('token=') if token is None else token
    place = urlsplit(address)._replace(path=path, query=f'token={token}').geturl()
    try:
        with urlopen(Request(place, headers=headers), timeout=PATIENCE) as answer:
            return answer.status, answer.headers
    except HTTPError as answer:
        return answer.code, answer.headers
