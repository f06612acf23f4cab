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

"""The server of the dashboard: the page, the robot's scene, and a stream of news."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
import json
import logging
import math
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
import time
from typing import Any

from aiohttp import web, WSCloseCode, WSMsgType
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger
from dynsyn_ros.dashboard.access import Access, HEADERS
from dynsyn_ros.dashboard.history import History
from dynsyn_ros.settings.schema import ConfigError

FOLDER = Path(__file__).parent
#: The files of the page; third-party files are in the folder ``vendor``.
FILES = ('page.css', 'page.js', 'charts.js', 'robot.js',
         'vendor/uPlot.iife.min.js', 'vendor/uPlot.min.css')
#: The most clients at a time, queued messages for each, and letters in a message from one.
MOST_CLIENTS, MOST_WAITING, MOST_LETTERS = 32, 100, 1000
#: How many reports of presses a page receives that is opened late.
MOST_REPORTS = 10
#: Largest amount of data on its way to a client, bytes, in addition to its queue.
MOST_SENT = 65_536
#: Time for a client to close its connection, s.
FAREWELL_TIME = 0.5


class Client:
    """A viewer with its own queue, so that a client that does not read delays no other."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        """Serve an opened socket."""
        self._socket, self._transport = socket, request.transport
        if self._transport is not None:
            self._transport.get_extra_info('socket').setsockopt(SOL_SOCKET, SO_SNDBUF, MOST_SENT)
        self._queue: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._socket.send_str(await self._queue.get())

    def tell(self, news: str) -> None:
        """Queue a message; a client that is too far behind is cut off, and may reconnect."""
        try:
            self._queue.put_nowait(news)
        except asyncio.QueueFull:
            self._cut()

    def _cut(self) -> None:
        self._sending.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Close the connection, or cut it if the client does not respond."""
        self._sending.cancel()
        with suppress(asyncio.TimeoutError, ConnectionError):
            await asyncio.wait_for(
                self._socket.close(code=WSCloseCode.GOING_AWAY), FAREWELL_TIME)
        self._cut()


class Server:
    """Serves the same news to all clients, and keeps a history for those that join late."""

    def __init__(
        self,
        scene: dict[str, Any],
        news: Callable[[], dict[str, Any]],
        press: Callable[[str, str], None],
        rate: float,
        access: Access,
    ) -> None:
        """Call ``news`` at ``rate``, Hz, and pass the buttons on to ``press``."""
        self._scene, self._news, self._press, self._period = scene, news, press, 1.0 / rate
        self._access = access
        self._history = History()
        self._reports: list[dict[str, Any]] = []
        self._clients: set[Client] = set()

    async def serve(self, host: str, port: int, stop: Callable[[], bool],
                    started: Callable[[str, int], None]) -> None:
        """
        Serve until ``stop``; raises :class:`ConfigError` if the address cannot be used.

        ``started`` is called with the address and port in use.
        """
        application = web.Application(middlewares=[self._guard])
        application.add_routes([
            web.get('/', self._page), web.get('/scene', self._draw), web.get('/live', self._live),
            *(web.get(f'/{name}', self._file) for name in FILES)])
        application.on_response_prepare.append(_add_headers)
        server_logger.addFilter(_is_ours)
        runner = web.AppRunner(application, shutdown_timeout=FAREWELL_TIME)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except (OSError, UnicodeError) as error:
                reason = getattr(error, 'strerror', None) or error
                raise ConfigError(f'cannot serve on {host} port {port}: {reason}') from error
            started(*runner.addresses[0][:2])
            while not stop():
                self._tell(self._news())
                await asyncio.sleep(self._period)
        finally:
            await asyncio.gather(*(client.close() for client in self._clients))
            await runner.cleanup()

    def _tell(self, news: dict[str, Any]) -> None:
        """Keep the news and queue it for all clients."""
        now = time.time()
        added = self._history.add(now, news.pop('streams'), news.pop('episodes'))
        answers = [{**answer, 'time': now} for answer in news.pop('answers')]
        self._reports = [*self._reports, *answers][-MOST_REPORTS:]
        text = _json({'time': now, 'history': added, 'reports': answers, **news})
        for client in self._clients:
            client.tell(text)

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse requests without access; the static files need no token."""
        self._access.check_name(request)
        self._access.check_origin(request)
        if request.path.lstrip('/') not in FILES:
            self._access.check_token(request)
        return await handler(request)

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(FOLDER / 'page.html')

    async def _file(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(FOLDER / request.path.lstrip('/'))

    async def _draw(self, request: web.Request) -> web.Response:
        return web.Response(text=_json(self._scene), content_type='application/json')

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        if len(self._clients) >= MOST_CLIENTS:
            raise web.HTTPServiceUnavailable(text=f'{MOST_CLIENTS} pages are already open')
        socket = web.WebSocketResponse(
            heartbeat=10.0, timeout=FAREWELL_TIME, max_msg_size=MOST_LETTERS, compress=False,
            writer_limit=MOST_SENT)
        await socket.prepare(request)
        client = Client(socket, request)
        client.tell(_json({'time': time.time(), 'history': self._history.everything(),
                           'reports': self._reports}))
        self._clients.add(client)
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._on_message(message.data)
        finally:
            self._clients.discard(client)
            await client.close()
        return socket

    def _on_message(self, text: str) -> None:
        """Press a button; anything else is ignored."""
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            said = json.loads(text)
            self._press(str(said['press']), str(said['who']))


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether an error is not a malformed request, nor a client that has gone meanwhile."""
    return not (record.exc_info and isinstance(
        record.exc_info[1], (HttpProcessingError, ConnectionError)))


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _json(value: Any) -> str:
    return json.dumps(finite(value), allow_nan=False, separators=(',', ':'))


def finite(value: Any) -> Any:
    """Copy a value for JSON, with null for each number that JSON cannot express."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
