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

"""The server of the dashboard: one page, the robot's scene, and a stream of what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
import json
from pathlib import Path
from typing import Any

from aiohttp import web, WSMsgType
from dynsyn_ros.schema import ConfigError

PAGE = Path(__file__).with_name('page.html')


class Server:
    """Serves everybody who looks the same news."""

    def __init__(
        self,
        scene: dict[str, Any],
        news: Callable[[], dict[str, Any]],
        press: Callable[[str], None],
        rate: float,
    ) -> None:
        """Take ``news`` so often a second, Hz, and pass the buttons on to ``press``."""
        self._scene, self._news, self._press, self._period = scene, news, press, 1.0 / rate
        self._looking: set[web.WebSocketResponse] = set()

    async def serve(self, host: str, port: int, stop: Callable[[], bool],
                    started: Callable[[str], None]) -> None:
        """Serve until ``stop``; raises :class:`ConfigError` if the address cannot be had."""
        application = web.Application()
        application.add_routes([
            web.get('/', self._page), web.get('/scene', self._draw), web.get('/live', self._live)])
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise ConfigError(
                    f'cannot serve on {host} port {port}: {error.strerror or error}') from error
            bound = runner.addresses[0]
            started(f'http://{bound[0]}:{bound[1]}')
            while not stop():
                await self._tell(json.dumps(self._news()))
                await asyncio.sleep(self._period)
        finally:
            for socket in list(self._looking):
                await socket.close()
            await runner.cleanup()

    async def _tell(self, news: str) -> None:
        for socket in list(self._looking):
            with suppress(ConnectionError):
                await socket.send_str(news)

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE)

    async def _draw(self, request: web.Request) -> web.Response:
        return web.json_response(self._scene)

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        # A page of another site must not press our buttons from a browser that happens to be here.
        origin = request.headers.get('Origin')
        if origin is not None and origin.partition('://')[2] != request.host:
            raise web.HTTPForbidden(text='the dashboard answers its own page only')
        socket = web.WebSocketResponse(heartbeat=10.0)
        await socket.prepare(request)
        self._looking.add(socket)
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._press(message.data)
        finally:
            self._looking.discard(socket)
        return socket
