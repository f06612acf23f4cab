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
Measure how much the dashboard, or a recording, slows down a walk.

Each round walks in lock-step three times, with both nodes in one process: alone, with a dashboard
in a separate process that updates a client 20 times per second, and with every topic recorded. The
table gives the steps per second relative to those alone: the median, the least and the most.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import re
import statistics
import subprocess
import sys
import tempfile
from threading import Thread

from aiohttp import ClientSession
import domain
from tqdm import tqdm

domain.join_alone()
DYNSYN = (sys.executable, '-m', 'dynsyn_ros')


def steps_per_second(steps: int, folder: str, *more: str) -> float:
    """Walk this many steps; returns the steps per second, from the progress bar."""
    done = subprocess.run(
        [*DYNSYN, 'walk', '--seed', '1', '--steps', str(steps), '--output', f'{folder}/out',
         '--shared-domain',
         *more],
        capture_output=True, text=True, check=True)
    for file in Path(folder, 'out').iterdir():
        file.unlink()
    return float(re.findall(rf'{steps}/{steps} \[[^,]*, +([\d.]+) steps', done.stderr)[-1])


async def look(address: str, heard: list[int]) -> None:
    """Read the stream of a dashboard until it ends."""
    async with ClientSession() as session, session.ws_connect(
            address.replace('/?', '/live?')) as socket:
        async for message in socket:
            heard.append(len(message.data))


@contextmanager
def looked_at() -> Iterator[None]:
    """Serve a dashboard and connect a client to it."""
    heard: list[int] = []
    with subprocess.Popen([*DYNSYN, 'dashboard', '--port', '0'], stdout=subprocess.PIPE,
                          text=True) as server:
        address = server.stdout.readline().split()[-1]
        client = Thread(target=lambda: asyncio.run(look(address, heard)))
        client.start()
        try:
            yield
        finally:
            server.terminate()
            client.join()
    assert heard, 'the dashboard sent nothing'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--steps', type=int, default=12_000)
    options = parser.parse_args()
    ratios: dict[str, list[float]] = {'with the dashboard': [], 'recorded': []}
    with tempfile.TemporaryDirectory() as folder:
        for number in tqdm(range(options.rounds), unit=' rounds'):
            alone = steps_per_second(options.steps, folder)
            with looked_at():
                watched = steps_per_second(options.steps, folder)
            ratios['with the dashboard'].append(watched / alone)
            ratios['recorded'].append(steps_per_second(
                options.steps, folder, '--record', f'{folder}/{number}.mcap') / alone)
    print('| a walk in lock-step | steps per second over those alone |\n|---|---|')
    for name, values in ratios.items():
        print(f'| {name} | {statistics.median(values):.2f} '
              f'({min(values):.2f} to {max(values):.2f}) |')


if __name__ == '__main__':
    main()
