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
Every ``dynsyn`` command in the documentation, run in the order of its page in a user's folder.

Those in the lab notes are for the versions named there.
Long commands are shortened by a last option, or in a copy of the sweep file.
"""

import shutil
import signal
import subprocess
import sys

from dynsyn_ros.settings.assets import URDF
from pages import commands, pages_with, SOURCE
from programs import dynsyn, PATIENCE
import pytest
from ros import await_line, process
import yaml

pytestmark = pytest.mark.ros
for extra in ('aiohttp', 'envpool', 'mcap', 'mujoco', 'optuna', 'rosbags'):
    pytest.importorskip(extra, reason='the pages have commands for every extra')

PAGES = [page for page in pages_with('dynsyn') if page.stem != 'lab_notes']

#: Steps of the run that a command continues.
MADE_STEPS = 3200

#: What shortens a command; if an option occurs twice, the last one counts.
SHORTER = {
    'walk': ['--steps', '100'],
    'train': ['--steps', '320'],
    'train --resume': ['--steps', str(MADE_STEPS + 320)],
    'evaluate': ['--episodes', '1'],
    'dashboard': ['--port', '0'],
    'figures adaptation': ['--learners', '2', '--before', '1300', '--steps', '1700',
                           '--frozen-steps', '1700'],
}

#: The folder of the shortened copies of files that a command takes by name.
SHORT_COPIES = {'sweep': 'config/sweeps/{}.yaml', 'tune': 'config/tune/{}.yaml'}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Make what a user has at that point: the package's files, and a run."""
    folder = tmp_path_factory.mktemp('made')
    shutil.copytree(SOURCE / 'config', folder / 'config')
    for file in (folder / 'config' / 'sweeps').iterdir():
        sweep = yaml.safe_load(file.read_text())
        settings = dict(list(sweep['settings'].items())[:2])
        sweep |= {'learners': 1, 'steps': 50, 'seeds': [0], 'settings': settings}
        file.write_text(yaml.safe_dump(sweep, sort_keys=False))
    for file in (folder / 'config' / 'tune').iterdir():
        search = yaml.safe_load(file.read_text())
        search |= {'simulator': 'gymnasium', 'learners': 1, 'trials': 1,
                   'budgets': [{'steps': 1650, 'seeds': 1}]}  # an episode ends in it
        file.write_text(yaml.safe_dump(search, sort_keys=False))
    done = dynsyn('train', '--steps', MADE_STEPS, '--output', 'run', folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def provide(made, folder, word):
    """Give a command the run, the sweep or the weights that it names."""
    path = folder / word
    if path.exists() or not word.startswith('runs/'):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep = made / 'config' / 'sweeps' / f'{path.name}.yaml'
    if path.suffix == '.npz':
        shutil.copy(made / 'run' / 'weights.npz', path)
    elif sweep.exists():
        if not (made / word).exists():
            assert dynsyn('sweep', sweep, folder=made, workers=False).returncode == 0
        shutil.copytree(made / word, path)
    else:
        shutil.copytree(made / 'run', path)


def run(words, folder, number):
    """Run one command to its end, which for the dashboard is Ctrl-C."""
    name = words[0]
    end = words.index('--ros-args') if '--ros-args' in words else len(words)
    shorter = SHORTER.get(' '.join(words[:2]), SHORTER.get(name, ()))
    short = [*words[:end], *shorter, *words[end:]]
    if name in SHORT_COPIES:  # by its name it would be the package's own, which takes hours
        short[1] = SHORT_COPIES[name].format(short[1])
    if name == 'train' and '--resume' not in short:  # the page's own folder was provided
        short += ['--output', f'runs/{number}']
    if name == 'dashboard':
        with process('dynsyn', short) as running:
            await_line(running.stdout, 'the dashboard is at')
            running.send_signal(signal.SIGINT)
            assert running.wait(PATIENCE) == 0
    else:
        done = dynsyn(*short, folder=folder, workers=False)
        assert done.returncode == 0, f'{words}: {done.stderr}'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page(page, made, tmp_path):
    shutil.copytree(made / 'config', tmp_path / 'config')
    shutil.copy(URDF, tmp_path / 'my_robot.urdf')
    for number, words in enumerate(commands(page, 'dynsyn', unmarked=True)):
        for word in words:
            provide(made, tmp_path, word)
        run(words, tmp_path, number)


def test_make_walk(tmp_path):
    """Run the README's first command, in an environment that is ready."""
    (tmp_path / 'bin').mkdir()
    (tmp_path / '.ready').touch()
    program = tmp_path / 'bin' / 'dynsyn'
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dynsyn_ros "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ['make', 'walk', f'VENV={tmp_path}', f'ARGS=--steps 300 --output {tmp_path / "out"}'],
        cwd=SOURCE, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'out' / 'weights.npz').is_file()
