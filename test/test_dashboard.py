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

"""The dashboard: its page in a real browser over a real walk, and what others send it."""

import argparse
import asyncio
from contextlib import contextmanager, ExitStack
import csv
import json
import math
from pathlib import Path
import re
import shutil
import signal
import socket
import time
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from aiohttp import ClientSession
from conftest import ROBOT_FILE
from dynsyn_ros import domains
from dynsyn_ros.cli import dashboard as cli
from dynsyn_ros.dashboard import access, history, scene
from dynsyn_ros.dashboard.server import FILES, MOST_WAITING, Server
from dynsyn_ros.episodes import EPISODES_FILE
from dynsyn_ros.nodes import buttons, topics
from dynsyn_ros.nodes.buttons import BUTTONS, REWARDS
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.dashboard import DashboardNode
from dynsyn_ros.nodes.monitor import table
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import ANATOMY
from PIL import Image
from programs import refused
import pytest
from rclpy.node import Node
from ros import await_line, lockstep, make, PATIENCE, process, ros, spin_until, spinning
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.ros

CHROMIUM, DRIVER = shutil.which('chromium'), shutil.which('chromedriver')
#: A browser that looks at nothing but the page.
OPTIONS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
           '--disable-background-networking', '--disable-component-update', '--disable-sync',
           '--window-size=1200,1300')
IN_A_BROWSER = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason='needs chromium and chromium-driver')
#: Notes in the page how long a press took, ms, how old each part was when it turned grey, s, and
#: how late the browser's own timers have been, ms: a busy machine is not the page's fault.
NOTES = """
    window.took = {}; window.turned = {}; window.lag = 0;
    let ticked = performance.now();
    setInterval(() => {
      window.lag = Math.max(window.lag, performance.now() - ticked - 50);
      ticked = performance.now();
    }, 50);
    window.clicked = {};
    document.addEventListener('click', event => {
      const button = event.target.dataset.press;
      if (button) { window.clicked[button] = performance.now(); delete window.took[button]; }
    }, true);
    new MutationObserver(changes => {
      for (const {dataset} of changes.flatMap(change => [...change.addedNodes]))
        window.took[dataset.button] ??= performance.now() - window.clicked[dataset.button];
    }).observe(document.getElementById('reports'), {childList: true});
    new MutationObserver(() => {
      const parts = [...document.querySelectorAll('section.stale')].map(
        part => [part.dataset.stream, part.querySelector('.age').textContent]);
      for (const line of document.querySelectorAll('#status li.stale'))
        parts.push([line.textContent.split(':')[0], line.textContent]);
      for (const [name, text] of parts) window.turned[name] ??= Number(text.match(/[0-9.]+/)?.[0]);
    }).observe(document.body, {subtree: true, childList: true, attributes: true});
"""


@contextmanager
def chromium(folder):
    """Open Chromium, with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f'--user-data-dir={folder / "profile"}'):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def dashboard(*arguments, port=0):
    """Serve a dashboard; gives its process and its address."""
    with process('cli.main', ['dashboard', '--port', port, *arguments]) as running:
        yield running, await_line(running.stdout, 'dashboard is at').split()[-1]


class Page:
    """One browser on one dashboard of one walk, each of which can be killed and begun anew."""

    def __init__(self, folder, stack):
        self.folder, self._stack, self.output = folder, stack, folder / 'walk'
        self.walk = self.server = None
        self.port = 0
        self.serve()
        self.begin()
        self.driver = stack.enter_context(chromium(folder))
        self.open()

    def open(self):
        self.driver.get(self.address)
        self.script(NOTES)

    def serve(self):
        self.server, self.address = self._stack.enter_context(dashboard(port=self.port))
        self.port = urlsplit(self.address).port

    def begin(self, *more):
        self.walk = self._stack.enter_context(process('cli.main', [
            'walk', '--shared-domain', '--pace', 'realtime', '--real-time-factor', '8', '--seed',
            '1', '--output', self.output, *more, '--ros-args', '-p', 'best_window:=4.0']))
        await_line(self.walk.stderr,
                   'the dashboard is at' if more else 'to watch it: dynsyn dashboard')
        await_line(self.walk.stderr, 'synapses for')  # compiling them may take its time

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def until(self, done, what):
        return WebDriverWait(self.driver, PATIENCE, 0.1).until(lambda _: done(), what)

    def text(self, part):
        return self.driver.find_element('id', part).text

    def button(self, name):
        (found,) = self.until(lambda: self.driver.find_elements(
            'css selector', f'[data-press={name}]'), f'the button {name}')
        return found

    def click(self, name):
        """Click a button, once more where it was just not enabled."""
        def clicked():
            button = self.button(name)
            if button.is_enabled():
                button.click()
            return self.script('return window.clicked[arguments[0]]', name)

        self.script('delete window.clicked[arguments[0]]', name)
        self.until(clicked, f'{name} to be enabled')

    def press(self, name, outcome):
        """Press a button, and see its outcome within 2 s."""
        self.click(name)
        took = self.until(lambda: self.script('return window.took[arguments[0]]', name),
                          f'the answer to {name}')
        said = self.driver.find_element('css selector', f'#reports [data-button={name}]').text
        assert outcome in said, said
        assert took <= 2000 + self.script('return window.lag'), name

    def await_grey(self):
        """Await that every part turns grey, none of them older than 2 s when it does."""
        parts = {'readings', 'weights', 'mean_reward', 'amplitude', 'returns',
                 'controller', 'simulator'}
        self.until(lambda: set(self.script('return window.turned')) == parts, 'all to turn grey')
        ages, lag = self.script('return [window.turned, window.lag]')
        assert max(ages.values()) <= 2.0 + lag / 1000, ages

    def returns(self):
        """Read the numbers and returns of the chart."""
        return self.script('return dashboard.charts.returns')

    def holds_what_was_written(self):
        """Hold the chart against the walk's own log; returns its numbers."""
        numbers, returns = self.returns()
        with (self.output / EPISODES_FILE).open() as log:
            written = {int(row['episode']): float(row['return']) for row in csv.DictReader(log)}
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert returns == pytest.approx([written[number] for number in numbers], abs=1e-3)
        return numbers

    def pixels(self, canvas):
        """Count the colours of a canvas."""
        return self.script(
            'const c = document.querySelector(arguments[0]);'
            'const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;'
            'return new Set(new Uint32Array(d.buffer)).size', canvas)

    def await_link(self, kind):
        self.until(lambda: self.driver.find_element('id', 'link').get_attribute('class') == kind,
                   f'the banner to be {kind}')

    def logged(self):
        """List what the browser complains of, but for a server that is gone."""
        return [entry for entry in self.driver.get_log('browser') if entry['level'] == 'SEVERE'
                and 'ERR_CONNECTION_REFUSED' not in entry['message']]


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp('dashboard')
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv('ROS_HOME', str(folder / 'ros'))
        patch.setenv('ROS_LOG_DIR', str(folder / 'log'))
        patch.setenv('XDG_RUNTIME_DIR', str(folder))  # no walk of others is seen
        patch.setenv(domains.DOMAIN, '0')  # set back at the end
        stack.enter_context(domains.own_domain(folder))
        yield Page(folder, stack)


@IN_A_BROWSER
def test_the_page_shows_the_walk(page, request):
    for part, least in (('#robot', 10), ('#weights canvas', 30), ('#reward canvas', 5),
                        ('#amplitude canvas', 5), ('#returns canvas', 5)):
        page.until(lambda p=part, n=least: page.pixels(p) > n, f'a picture of {part}')
    page.await_link('good')
    page.until(lambda: 'controller: active' in page.text('status'), 'the controller')
    kept = request.config.getoption('screenshot')
    enough = 6 if kept else 2  # a picture to keep should have something to show
    page.until(lambda: len(page.returns()[0]) >= enough, 'episodes')
    picture = kept or page.folder / 'page.png'
    page.driver.save_screenshot(str(picture))
    with Image.open(picture) as image:
        assert len(image.convert('RGB').getcolors(1 << 20)) > 100
    assert page.holds_what_was_written()[0] == 1
    numbers, returns = page.returns()
    assert float(page.text('return_now')) in [round(value, 1) for value in page.returns()[1]]
    # Legends name the synapses, the mouse reads a chart off, a drag magnifies it.
    legend = page.driver.find_element('css selector', '#weights .u-legend').text
    assert 'hip_1 from w_1' in legend
    assert 'centre' in legend
    over = page.driver.find_element('css selector', '#reward .u-over')
    span = 'const {min, max} = dashboard.charts.charts[0].plot.scales.x; return max - min'
    shown = page.script(span)
    ActionChains(page.driver).move_to_element(over).perform()
    page.until(lambda: page.script('return dashboard.charts.charts[0].plot.cursor.left > 0'),
               'the cursor')
    ActionChains(page.driver).click_and_hold().move_by_offset(60, 0).release().perform()
    page.until(lambda: page.script(span) < 0.5 * shown, 'the part that was dragged over')
    page.driver.find_element('id', 'unzoom').click()
    page.driver.find_element('css selector', '[data-span=hour]').click()
    page.until(lambda: page.script(span) > 0.9 * shown, 'the whole span')
    labels = page.script(
        "return [...document.querySelectorAll('[role=img]')].map(e => e.ariaLabel)")
    assert len(labels) == 5
    assert all(labels), labels
    # A page that is reloaded shows what was.
    started = 'return dashboard.charts.tables[arguments[0]].values[0][0]'
    before = page.script(started, 'recent')
    page.open()
    page.until(lambda: len(page.returns()[0]) >= len(numbers), 'the returns')
    assert page.returns()[0][:len(numbers)] == numbers
    assert page.returns()[1][:len(numbers)] == returns
    assert page.script(started, 'recent') == before
    assert page.script(started, 'hour') == pytest.approx(before, abs=2.0)
    assert not page.logged()


@IN_A_BROWSER
def test_buttons_report_what_came_of_them(page):
    for name, outcome in (
        ('praise', 'done, +5'), ('scold', 'done, -5'), ('pause', 'done, frozen'),
        ('learn', 'done, learning'), ('save', f'done, {page.output}'),
        ('rollback', 'done, rolled back'), ('stop', 'done, stopped'),
    ):
        page.press(name, outcome)
    assert (page.output / 'weights.npz').is_file()
    stop, clear = page.button('stop'), page.driver.find_element('id', 'clear')
    page.until(clear.is_displayed, 'word of the stop')
    assert 'emergency stop' in page.text('status')
    assert not page.button('clear').is_displayed(), 'it asks first'
    places = [stop.rect]
    clear.click()
    places += [page.button('clear').rect, page.driver.find_element('id', 'keep').rect]
    page.driver.find_element('id', 'keep').click()
    assert not page.button('clear').is_displayed()
    places.append(clear.rect)
    for one in places[1:]:
        assert (one['y'] > stop.rect['y'] + stop.rect['height']
                or one['x'] > stop.rect['x'] + stop.rect['width']), 'where the stop is'
    page.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
        'width': 390, 'height': 700, 'deviceScaleFactor': 1, 'mobile': True})
    inside = ("const {left, top, right, bottom} = document.getElementById('estop')"
              '.getBoundingClientRect();'
              'return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight'
              " && document.elementFromPoint((left + right) / 2, (top + bottom) / 2).id")
    page.until(lambda: page.script('return innerWidth') == 390, 'a phone')
    for down in (0, 300, 100_000):
        page.script('scrollTo(0, arguments[0])', down)
        assert page.script(inside) == 'estop', f'scrolled by {down}'
    page.script('scrollTo(0, 0)')
    page.driver.save_screenshot(str(page.folder / 'phone.png'))
    page.driver.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
    page.driver.find_element('id', 'clear').click()
    page.press('clear', 'done, cleared')
    page.until(lambda: not clear.is_displayed(), 'word of the clearance')
    assert not page.logged()


@IN_A_BROWSER
def test_nothing_old_passes_for_new(page, monkeypatch):
    """Nor anything that cannot work for a button: with the walk killed, and the dashboard."""
    page.await_link('good')
    page.until(lambda: page.returns()[0], 'an episode')
    page.script('window.turned = {}')
    killed = time.time()
    page.walk.kill()
    page.await_grey()
    last = page.returns()[0][-1]
    page.await_link('warn')
    page.press('stop', 'no answer')
    for name in ('praise', 'scold', 'pause', 'save', 'rollback'):
        assert not page.button(name).is_enabled(), name
    # The walk goes on: all is live again, its episodes are counted on, and there is a gap.
    opened = page.folder / 'opened'
    browser = page.folder / 'browser'
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv('BROWSER', f'{browser} %s')
    page.begin('--dashboard')
    page.await_link('good')
    page.until(lambda: not page.driver.find_elements('css selector', '.stale'), 'all to be live')
    times, values = page.script("return dashboard.charts.tables.recent.of(['amplitude'])")
    assert [at for at, value in zip(times, values, strict=True) if value is None and at > killed]
    page.until(lambda: page.returns()[0][-1] > last, 'its first episode')
    assert page.holds_what_was_written()[0] == 1
    # The dashboard is killed: no button works, and all is grey.
    page.script('window.turned = {}')
    page.server.kill()
    page.await_link('bad')
    page.await_grey()
    assert 'Not connected' in page.text('link')
    assert not page.driver.find_elements('css selector', '[data-press]:enabled')
    # It is begun anew: the page finds it by itself, and it knows of every episode.
    page.serve()
    page.await_link('good')
    page.until(lambda: page.returns()[0], 'an episode')
    assert page.holds_what_was_written()[0] > last, 'what the walk has told since it goes on'
    page.press('save', f'done, {page.output}')
    assert not page.logged()
    # The walk has had a dashboard of its own beside it, which ends with it.
    beside = page.until(opened.read_text, 'a browser')
    assert asked(beside)[0] == 200
    page.walk.kill()
    page.until(lambda: unreachable(beside), 'the end of the dashboard beside it')


def unreachable(address):
    """Tell whether nothing listens at an address."""
    parts = urlsplit(address)
    with socket.socket() as trial:
        return trial.connect_ex((parts.hostname, parts.port)) != 0


def strict(text):
    """Read JSON as browsers do."""
    def refuse(word):
        raise AssertionError(f'{word} is no JSON')

    return json.loads(text, parse_constant=refuse)


class Looker:
    """Knows what a page would of a node's news."""

    def __init__(self, node):
        self.seen = {'reports': []}
        self._news, self._looked = node.news, 0.0
        self._server = Server({}, node.news, node.press, 20.0, None)
        self._server._clients.add(self)

    def tell(self, text):
        told = strict(text)
        self.seen['reports'] += told.pop('reports')
        self.seen.update({key: value for key, value in told.items() if value})

    def __call__(self):
        """Look once more, at the pace of a server."""
        if time.monotonic() - self._looked > 0.05:
            self._looked = time.monotonic()
            self._server._tell(self._news())
        return self.seen | self._server._history.everything()


def test_news_are_those_of_the_nodes_whatever_else_is_on_the_topics(tmp_path, monkeypatch):
    monkeypatch.setattr(buttons, 'ANSWER_TIME', PATIENCE)
    with ros():
        # In a namespace, for the walk of the page is still about.
        values = lockstep(tmp_path, namespace='/own')
        node = DashboardNode(namespace='/own')
        look = Looker(node)
        node.press('save', 'a')
        seen = look()
        assert seen['reports'][0]['outcome'] == 'refused'
        assert seen['obstacles']['stop'] == 'there is no /own/controller/estop'
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        other = Node('other', namespace='/own')
        with spinning(simulator, controller, node, other) as executor:
            controller.start()

            def all_there():
                seen = look()
                return (seen.get('readings') and seen.get('lidar') and seen['returns']
                        and any(name.startswith('centre') for name in seen['columns'])
                        and set(seen['diagnostics']) == {'controller', 'simulator'})

            spin_until(executor, all_there, 'news of everything')
            seen = look()
            assert list(seen['readings']) == list(controller.control.inputs.names)
            assert seen['lidar']['most'] == pytest.approx(ANATOMY.range_max)
            assert {name.partition(' ')[2] for name in seen['columns'] if ' ' in name} == set(
                controller._robot.first_synapses)
            assert max(seen['ages'].values()) < PATIENCE
            assert 'heard' not in seen['diagnostics']['controller']['message'], 'all is well there'
            assert [number for number, _ in seen['returns']] == list(
                range(1, len(seen['returns']) + 1))
            spin_until(executor, lambda: not look()['obstacles']['scold'], 'an ear for praise')
            heard = []
            other.create_subscription(topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD,
                                      lambda message: heard.append(message.data), topics.QOS)
            spin_until(executor, lambda: other.count_publishers(topics.HUMAN_REWARD) and
                       node._buttons._praise.get_subscription_count() == 2)
            for button in (*REWARDS, 'rollback', 'dance'):
                node.press(button, button)
            spin_until(executor, lambda: len(look()['reports']) == 5, 'answers')
            spin_until(executor, lambda: heard == list(REWARDS.values()), 'praise')
            assert {each['button']: each['outcome'] for each in look()['reports'][1:]} == {
                'praise': 'done', 'scold': 'done', 'rollback': 'refused', 'dance': 'refused'}
            # What others publish is shown as it is, or not at all; nothing ends, all is JSON.
            controller.stop()
            names, joint = ('weights', 'readings'), 'joint_states.hip_1.position'
            kinds = {name: topics.OWN[f'controller/{name}'] for name in names}
            ends = {name: other.create_publisher(kinds[name], f'controller/{name}', topics.QOS)
                    for name in names}
            scans = other.create_publisher(topics.SENSORS['scan'], 'scan', topics.QOS)
            scan = topics.SENSORS['scan'](range_max=math.inf, angle_min=math.nan)
            node._see_lidar()

            def infinite():
                ends['weights'].publish(kinds['weights'](data=[1.0, 2.0]))
                readings = table(kinds['readings'], ('reading',), (joint,))
                readings.data = [math.nan]
                ends['readings'].publish(readings)
                scans.publish(scan)
                seen = look()
                return (seen['lidar']['most'] is None and seen['lidar']['first'] is None and
                        seen['readings'] == {joint: None})

            spin_until(executor, infinite, 'numbers that are none')
            assert 'weights' not in look()['ages'], 'nothing is shown of what has no layout'


def asked(address, path='/', token=None, **headers):
    """Ask a dashboard for a path; gives the status and the headers of its answer."""
    token = urlsplit(address).query.removeprefix('token=') if token is None else token
    place = urlsplit(address)._replace(path=path, query=f'token={token}').geturl()
    try:
        with urlopen(Request(place, headers=headers), timeout=PATIENCE) as answer:
            return answer.status, answer.headers
    except HTTPError as answer:
        return answer.code, answer.headers


def test_only_its_own_page_with_its_token_may_press(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    reached = '--host', '0.0.0.0', '--allow-host', 'robot.example'
    with dashboard(*reached) as (running, printed):
        parts = urlsplit(printed)
        assert parts.hostname == socket.gethostname().lower()
        address = parts._replace(netloc=f'127.0.0.1:{parts.port}').geturl()
        upgrade = {'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
                   'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA=='}
        for expected, path, token, headers in (
            (200, '/', None, {}),
            (200, '/scene', None, {'Host': 'robot.example'}),
            (200, '/page.js', '', {}),
            (403, '/', '', {}),
            (403, '/', 'guessed', {}),
            (403, '/', None, {'Host': 'attacker.example'}),
            (403, '/page.js', None, {'Host': f'attacker.example:{parts.port}'}),
            (403, '/scene', '', {}),
            (403, '/live', '', upgrade),
            (403, '/live', None, {**upgrade, 'Host': 'a.example', 'Origin': 'http://a.example'}),
            (403, '/live', None, {**upgrade, 'Origin': 'http://attacker.example'}),
            # It may, but urllib closes each connection, which is no way to upgrade one.
            (400, '/live', None, {**upgrade, 'Origin': f'http://127.0.0.1:{parts.port}'}),
        ):
            status, answered = asked(address, path, token, **headers)
            assert status == expected, (path, token, headers)
            assert "frame-ancestors 'none'" in answered['Content-Security-Policy'], path
        # One that never reads keeps nobody, and is no reason to live on.
        deaf = socket.create_connection(('127.0.0.1', parts.port))
        deaf.sendall('\r\n'.join((
            f'GET /live?{parts.query} HTTP/1.1', f'Host: 127.0.0.1:{parts.port}',
            *(f'{name}: {value}' for name, value in upgrade.items()), '', '')).encode())
        assert deaf.recv(12) == b'HTTP/1.1 101'
        asked_at = time.monotonic()
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=PATIENCE)
        assert time.monotonic() - asked_at < 10.0
        assert running.returncode == 0
        assert 'beyond this machine' in said
        assert 'Traceback' not in said
        deaf.close()
    file = access.token_file()
    assert file.stat().st_mode & 0o777 == 0o600
    assert access.read_token() == file.read_text(), 'a restarted dashboard has the same address'
    file.chmod(0o644)
    assert access.read_token() != parts.query.removeprefix('token='), 'others may have read it'


def test_a_client_that_never_reads_delays_no_other():
    told = iter(range(1 << 30))
    large = 'x' * 100_000

    def news():
        return {'streams': {}, 'episodes': [], 'answers': [], 'number': next(told), 'is': large}

    async def look(port, stop):
        async with ClientSession(f'http://127.0.0.1:{port}') as session:
            deaf = await session.ws_connect('/live?token=t', max_msg_size=0)
            deaf._conn.transport.pause_reading()
            async with session.ws_connect('/live?token=t', max_msg_size=0) as socket:
                await socket.receive_json()
                numbers = [(await socket.receive_json())['number']]
                while len(server._clients) > 1:
                    numbers.append((await socket.receive_json())['number'])
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert len(numbers) < 2 * MOST_WAITING, 'its queue was bounded'
            stop.append(True)
            deaf._conn.transport.abort()

    async def serve():
        stop, port = [], asyncio.get_running_loop().create_future()
        serving = asyncio.ensure_future(server.serve(
            '127.0.0.1', 0, lambda: bool(stop), lambda _, bound: port.set_result(bound)))
        await asyncio.wait_for(look(await port, stop), PATIENCE)
        await asyncio.wait_for(serving, PATIENCE)

    server = Server({}, news, None, 100.0, access.Access('127.0.0.1', (), 't'))
    asyncio.run(serve())


def weights(value):
    return {'amplitude': value, 'weights': {'weight': {'a': value}, 'centre': {'a': -value}}}


def test_the_last_hour_is_kept_and_gaps_are_gaps():
    kept = history.History()
    for k in range(20 * 100):
        kept.add(1000.0 + k / 20, weights(k // 20), ())
    for k in range(20):  # silence, then on
        assert kept.add(1100.0 + k / 20, {}, ()) == {'recent': [], 'hour': [], 'returns': []}
    kept.add(1110.0, weights(1.0), ())
    everything = kept.everything()
    assert everything['columns'] == ['amplitude', 'mean_reward', 'centre a', 'weight a']
    assert everything['hour'][:2] == [[1000.5, 0, None, 0, 0], [1001.5, 1, None, -1, 1]]
    *_, last, gap, now = everything['recent']
    assert (last[0], gap[1:], now) == (1099.95, [None] * 4, [1110.0, 1.0, None, -1.0, 1.0])
    for second in range(5000):
        kept.add(2000.0 + second, weights(math.nan if second % 2 else 2.0), ())
    everything = kept.everything()
    assert len(everything['hour']) <= 3602
    assert everything['hour'][-1][0] - everything['hour'][0][0] <= 3600
    assert len(everything['recent']) <= 122
    assert [row[1] for row in everything['hour'][-2:]] in ([2.0, None], [None, 2.0])
    other = {'weights': {'weight': {'b': 0.0}, 'centre': {'b': 0.0}}}
    everything = kept.add(7000.0, other, ())  # another robot
    assert everything['columns'] == ['amplitude', 'mean_reward', 'centre b', 'weight b']
    assert everything['recent'][-1] == [7000.0, None, None, 0.0, 0.0]
    assert everything['recent'][-3] == [6998.0, 2.0, None, None, None]


def test_episodes_keep_their_numbers():
    kept = history.History()
    assert kept.add(1.0, {}, [(41, 1.5), (42, 2.5)])['returns'] == [[41, 1.5], [42, 2.5]]
    assert kept.add(2.0, {}, [(45, 3.5)])['returns'] == [[45, 3.5]], 'two were not heard'
    assert kept.everything()['returns'] == [[41, 1.5], [42, 2.5], [45, 3.5]]
    assert kept.add(3.0, {}, [(1, 0.5)])['returns'] == [[1, 0.5]], 'another run'
    assert kept.add(4.0, {}, [(2, 0.5)]) == {'recent': [], 'hour': [], 'returns': [[2, 0.5]]}


def test_every_button_of_the_page_is_known_and_every_file_served():
    folder = Path(scene.__file__).parent
    page = ''.join((folder / name).read_text() for name in ('page.html', 'page.js'))
    for button in (*BUTTONS, *REWARDS):
        assert f"'{button}'" in page or f'data-press="{button}"' in page, button
    for name in FILES:
        assert (folder / name).is_file(), name
    assert 'http:' not in page.replace('https:', ''), 'nothing comes from the network'


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--urdf', 'none.urdf'], 'cannot read none.urdf'),
    (['--urdf', str(ROBOT_FILE)], 'is no URDF that can be drawn'),
    (['--rate', '0'], '--rate must be from 2 to 100 Hz, not 0'),
    (['--port', '99999'], '--port must be from 0 to 65535, not 99999'),
])
def test_bad_options_are_refused(arguments, words):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    with pytest.raises(ConfigError, match=re.escape(words)):
        cli.main(parser.parse_args(arguments))


def test_an_address_that_cannot_be_had_is_refused(tmp_path):
    assert 'cannot serve on 192.0.2.1' in refused(tmp_path, 'dashboard', '--host', '192.0.2.1')
