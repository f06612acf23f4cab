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

"""The dashboard: the page in a real browser, over a real walk, and what is refused."""

from contextlib import contextmanager
import csv
import json
import math
from pathlib import Path
import shutil
from urllib.request import Request, urlopen

from conftest import ROBOT_FILE
from dynsyn_ros.dashboard import scene
from dynsyn_ros.episodes import EPISODES_FILE
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.dashboard import BUTTONS, DashboardNode, REWARDS
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.simulation.bipedal_walker import ANATOMY
from PIL import Image
from programs import refused
import pytest
from ros import await_line, make, PATIENCE, process, ros, spin_until, spinning
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.ros

CHROMIUM, DRIVER = shutil.which('chromium'), shutil.which('chromedriver')
#: A browser that looks at nothing but the page.
OPTIONS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
           '--disable-background-networking', '--disable-component-update', '--disable-sync',
           '--window-size=1200,900')


@contextmanager
def browser(folder):
    """Open Chromium, with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f'--user-data-dir={folder / "profile"}'):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.implicitly_wait(PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def dashboard():
    """Serve a dashboard; gives its address."""
    with process('cli.main', ['dashboard', '--port', '0']) as running:
        yield await_line(running.stdout, 'dashboard is at').split()[-1]


def colours(driver, canvas):
    """Count the colours of a canvas."""
    return len(set(driver.execute_script(
        'const c = document.getElementById(arguments[0]);'
        'const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;'
        'return [...new Uint32Array(d.buffer)]', canvas)))


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason='needs chromium and chromium-driver')
def test_the_page_shows_the_walk_and_its_buttons_work(tmp_path, request):
    output = tmp_path / 'out'
    walk = ['walk', '--pace', 'realtime', '--real-time-factor', '4', '--seed', '1', '--output',
            output, '--ros-args', '-p', 'best_window:=4.0']
    with process('cli.main', walk), dashboard() as address, browser(tmp_path) as driver:
        driver.get(address)

        def until(done, what):
            return WebDriverWait(driver, PATIENCE, 0.1).until(lambda _: done(), what)

        def text(part):
            return driver.find_element('id', part).text

        def press(name, answer):
            driver.find_element('css selector', f'[data-press={name}]').click()
            until(lambda: text('said').startswith(f'{name}: {answer}'), f'the answer to {name}')

        for canvas, least in (('robot', 10), ('weights', 30), ('reward', 5), ('amplitude', 5)):
            until(lambda c=canvas, n=least: colours(driver, c) > n, f'a picture of {canvas}')
        until(lambda: 'controller: active' in text('status'), 'the controller')
        kept = request.config.getoption('screenshot')
        enough = 6 if kept else 1  # a picture to keep should have something to show
        until(lambda: driver.execute_script('return episodes') >= enough, 'episodes')
        shown = float(until(lambda: text('return_now'), 'the return'))
        picture = kept or tmp_path / 'page.png'
        driver.save_screenshot(str(picture))
        press('praise', '+5')
        press('scold', '-5')
        press('pause', 'frozen')
        press('learn', 'learning')
        press('save', str(output))
        assert (output / 'weights.npz').is_file()
        press('rollback', 'rolled back')
        press('stop', 'stopped')
        until(lambda: 'emergency stop' in text('status'), 'word of the stop')
        press('clear', 'cleared')
        assert not [entry for entry in driver.get_log('browser') if entry['level'] == 'SEVERE']
    with (output / EPISODES_FILE).open() as log:
        written = [float(row['return']) for row in csv.DictReader(log)]
    assert min(abs(value - shown) for value in written) <= 0.051, 'it has one decimal'
    with Image.open(picture) as image:
        assert len(image.convert('RGB').getcolors(1 << 20)) > 100


def test_only_its_own_page_may_press():
    with dashboard() as address:
        with urlopen(f'{address}/scene', timeout=PATIENCE) as answer:
            assert {link['name'] for link in json.load(answer)['links']} > {'hull', 'shin_2'}
        assert '127.0.0.1' in address
        for origin, status in (('http://elsewhere.example', 403), (address, 400)):
            with pytest.raises(OSError, match=str(status)):
                urlopen(Request(f'{address}/live', headers={'Origin': origin}), timeout=PATIENCE)


def test_news_are_those_of_the_nodes(tmp_path):
    with ros():
        values = {'output_dir': tmp_path / 'out', 'real_time_factor': 10.0}
        page = DashboardNode()
        page.press('save')
        assert page.news()['said'] == ['save: there is no /controller/save']
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        with spinning(simulator, controller, page) as executor:
            controller.start()
            news = {}

            def all_there():
                news.update({key: value for key, value in page.news().items() if value})
                return {'readings', 'amplitude', 'weights', 'mean_reward', 'returns',
                        'lidar'} <= set(news) and set(news['diagnostics']) == {
                            'controller', 'simulator'}

            spin_until(executor, all_there, 'news of everything')
            readings = news['readings']['reading']
            assert list(readings) == list(controller._inputs.names)
            assert news['lidar']['most'] == pytest.approx(ANATOMY.range_max)
            assert all(map(math.isfinite, readings.values()))
            centre = controller.learner.synapses.centre[0]
            places = controller._robot.first_synapses
            assert news['weights']['centre'] == pytest.approx(
                {name: centre[i] for name, i in places.items()}, abs=0.05)
            assert -110 < news['mean_reward'] < 1
            assert json.loads(json.dumps(news)) == news
            heard = []
            controller.create_subscription(
                topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD,
                lambda message: heard.append(message.data), topics.QOS)
            spin_until(executor, lambda: page._praise.get_subscription_count() == 2)
            for button in REWARDS:
                page.press(button)
            spin_until(executor, lambda: heard == list(REWARDS.values()), 'praise')
            controller.stop()


def test_every_button_of_the_page_is_known():
    page = Path(scene.__file__).with_name('page.html').read_text()
    for button in (*BUTTONS, *REWARDS):
        assert f"'{button}'" in page or f'data-press="{button}"' in page, button


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--urdf', 'none.urdf'], 'cannot read none.urdf'),
    (['--urdf', str(ROBOT_FILE)], 'is no URDF that can be drawn'),
    (['--rate', '0'], '--rate must be from 1 to 100 Hz, not 0'),
    (['--host', '192.0.2.1'], 'cannot serve on 192.0.2.1'),
])
def test_bad_input_is_refused(tmp_path, arguments, words):
    assert words in refused(tmp_path, 'dashboard', *arguments)
