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

"""The dashboard's page in a real browser, with a real walk; the walk and the server are killed."""

from contextlib import contextmanager, ExitStack
import csv
import shutil
import socket
import time
from urllib.parse import urlsplit

from dynsyn_ros.storage.episodes import EPISODES_FILE
from PIL import Image
import pytest
from ros import await_line, PATIENCE, process
from selenium import webdriver
from selenium.common.exceptions import ElementNotInteractableException
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait
from served import asked, dashboard

pytestmark = pytest.mark.ros

CHROMIUM, DRIVER = shutil.which('chromium'), shutil.which('chromedriver')
#: A browser that requests nothing but the page.
OPTIONS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
           '--disable-background-networking', '--disable-component-update', '--disable-sync',
           '--window-size=1200,1300')
IN_A_BROWSER = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason='needs chromium and chromium-driver')
#: Records in the page how long a press took, ms, how old each part was when it turned grey, s, and
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


#: Asks whether to clear the stop.
WHERE_THE_ANSWERS_ARE = """
    document.getElementById('clear').click();
    return ['[data-press=clear]', '#keep'].map(part => {
      const {x, y, width} = document.querySelector(part).getBoundingClientRect();
      if (!width) throw Error(`${part} is not shown`);
      return {x: x + scrollX, y: y + scrollY};
    });
"""


#: Reads another robot's joints at the same place; returns how much ground is drawn.
ANOTHER_ROBOT = """
    const {robot} = dashboard;
    robot.read({'joint_states.leg.position': 0, 'odom.position.x': robot.place[0]}, {});
    return robot.ground.size;
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


class Page:
    """One browser on one dashboard of one walk, each of which can be killed and restarted."""

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
        self.walk = self._stack.enter_context(process('dynsyn', [
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
        """Click a button, again if it was not enabled."""
        def clicked():
            button = self.button(name)
            if button.is_enabled():
                button.click()
            return self.script('return window.clicked[arguments[0]]', name)

        self.script('delete window.clicked[arguments[0]]', name)
        self.until(clicked, f'{name} to be enabled')

    def answer(self, part, landed=lambda: True):
        """Answer whether to clear the stop, and ask again if the answer came too late."""
        def clicked():
            ask = self.driver.find_element('id', 'clear')
            if ask.is_displayed():
                ask.click()
            try:
                self.driver.find_element('css selector', part).click()
            except ElementNotInteractableException:
                return False
            return landed()

        self.until(clicked, part)

    def press(self, name, outcome):
        """Press a button, and see its outcome within 2 s."""
        self.click(name)
        self.await_outcome(name, outcome)

    def await_outcome(self, name, outcome):
        """See the outcome of a button that was clicked, within 2 s."""
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
        """Compare the chart with the walk's own log; returns its numbers."""
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
        """List the browser's errors, except for a server that is gone."""
        return [entry for entry in self.driver.get_log('browser') if entry['level'] == 'SEVERE'
                and 'ERR_CONNECTION_REFUSED' not in entry['message']]


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp('dashboard')
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv('ROS_HOME', str(folder / 'ros'))
        patch.setenv('ROS_LOG_DIR', str(folder / 'log'))
        patch.setenv('XDG_RUNTIME_DIR', str(folder))  # the walks of others are not seen
        yield Page(folder, stack)


@IN_A_BROWSER
def test_the_page_shows_the_walk(page, request):
    for part, least in (('#robot', 10), ('#weights canvas', 30), ('#reward canvas', 5),
                        ('#amplitude canvas', 5), ('#returns canvas', 5)):
        page.until(lambda p=part, n=least: page.pixels(p) > n, f'a picture of {part}')
    page.await_link('good')
    page.until(lambda: 'controller: active' in page.text('status'), 'the controller')
    kept = request.config.getoption('screenshot')
    enough = 16 if kept else 2  # a picture to keep should have something to show
    page.until(lambda: len(page.returns()[0]) >= enough, 'episodes')
    picture = kept or page.folder / 'page.png'
    page.driver.save_screenshot(str(picture))
    with Image.open(picture) as image:
        assert len(image.convert('RGB').getcolors(1 << 20)) > 100
    assert page.holds_what_was_written()[0] == 1
    numbers, returns = page.returns()
    assert float(page.text('return_now')) in [round(value, 1) for value in page.returns()[1]]
    # Legends name the synapses, the mouse reads values off, a drag zooms in.
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
    page.until(lambda: page.script('return dashboard.robot.ground.size'), 'the ground')
    assert page.script(ANOTHER_ROBOT) == 0, 'another robot has not seen this ground'
    # A reloaded page shows the past.
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
    in_the_way = page.output / 'weights.npz'
    in_the_way.mkdir()
    page.press('save', f'refused, cannot write {in_the_way}')
    in_the_way.rmdir()
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
    places = page.script(WHERE_THE_ANSWERS_ARE)
    page.answer('#keep')
    assert not page.button('clear').is_displayed()
    places.append(clear.rect)
    for one in places:
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
    page.script('delete window.clicked.clear')
    page.answer('[data-press=clear]', lambda: page.script('return window.clicked.clear'))
    page.await_outcome('clear', 'done, cleared')
    page.until(lambda: not clear.is_displayed(), 'word of the clearance')
    assert not page.logged()


@IN_A_BROWSER
def test_nothing_old_passes_for_new(page, monkeypatch):
    """Nor does a button that cannot work pass for one that can: walk and dashboard are killed."""
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
    # The walk continues: all is live again, its episodes are counted further, and there is a gap.
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
    # It is restarted: the page reconnects by itself, and it knows every episode.
    page.serve()
    page.await_link('good')
    page.until(lambda: page.returns()[0], 'an episode')
    assert page.holds_what_was_written()[0] > last, 'what the walk has told since it goes on'
    page.press('save', f'done, {page.output}')
    assert not page.logged()
    # The walk had its own dashboard, which ends with it.
    beside = page.until(opened.read_text, 'a browser')
    assert asked(beside)[0] == 200
    page.walk.kill()
    page.until(lambda: unreachable(beside), 'the end of the dashboard beside it')


def unreachable(address):
    """Return whether nothing listens at an address."""
    parts = urlsplit(address)
    with socket.socket() as trial:
        return trial.connect_ex((parts.hostname, parts.port)) != 0
