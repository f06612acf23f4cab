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

"""What all commands share: the live line, names, usage, completion, and YAML as ROS reads it."""

import io
import json
import os
import re
import shlex
import subprocess
import sys

from conftest import preset_file
from dynsyn_ros.cli.main import COMPLETING
from dynsyn_ros.cli.progress import _Line, Progress
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import find, NAMED, ROBOT, WEIGHTS
from dynsyn_ros.settings.schema import ConfigError
from pages import SOURCE
from programs import dynsyn, PATIENCE, PROGRAM, refused
import pytest

ITEMS = ['12%', 'mean of 64: -103.2', '2.40M/20.0M steps', '21:07 left', '3,211 episodes',
         '13.9k steps/s']


@pytest.mark.parametrize(('columns', 'shown'), [
    (120, ITEMS), (80, ITEMS[:5]), (40, [ITEMS[0], ITEMS[1], ITEMS[3]]),
    (20, [ITEMS[0], ITEMS[3]])])
def test_the_live_line_keeps_whole_what_matters_most(columns, shown):
    line = _Line(file=io.StringIO(), ncols=columns)
    line.items, line.share = ITEMS, 0.12
    words = str(line).split(' | ')
    assert [word for word in words if set(word) - set('#.')] == shown
    assert len(str(line)) < columns
    line.close()


def test_without_a_terminal_there_is_a_line_every_so_often(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    for quiet in (True, False):
        with Progress(1000, 'steps', quiet) as progress:
            for i in range(1000):
                progress.show(i + 1, lambda: ['mean of 4: 1.0'])
                now[0] += 0.125
            progress.show(1000, lambda: ['mean of 4: 2.0'], last=True)
    lines = capsys.readouterr().err.splitlines()
    # Over 125 s: after 2 s, every 30 s, and at the end.
    assert len(lines) == 6
    assert lines[0] == '2%, mean of 4: 1.0, 17/1.00k steps, 02:02 left, 8.00 steps/s'
    assert lines[-1] == '100%, mean of 4: 2.0, 1.00k/1.00k steps, 00:00 left, 7.99 steps/s'


@pytest.mark.parametrize(('arguments', 'usage'), [
    (['results', 'runs', '--bogus'], 'usage: dynsyn results [-h]'),
    (['weights', 'show', 'a.npz', '--bogus'], 'usage: dynsyn weights show [-h]'),
    (['--bogus', 'results', 'runs'], 'usage: dynsyn [-h]')])
def test_a_wrong_option_gets_the_usage_of_its_command(tmp_path, arguments, usage):
    done = dynsyn(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(usage)
    assert 'unrecognized arguments: --bogus' in done.stderr


def test_ctrl_c_during_imports_and_at_the_end_is_no_traceback(tmp_path):
    interrupt = 'os.kill(os.getpid(), signal.SIGINT)'
    start = "runpy.run_module('dynsyn_ros', run_name='__main__', alter_sys=True)"

    def interrupted(when):
        # Tests that were started in the background ignore Ctrl-C.
        code = ('import atexit, os, runpy, signal, sys\n'
                f'signal.signal(signal.SIGINT, signal.default_int_handler)\n{when}\n{start}')
        done = subprocess.run(
            [sys.executable, '-c', code, 'weights', 'show', 'bipedal_walker'], cwd=tmp_path,
            capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert 'Traceback' not in done.stderr
        return done.returncode

    for module in ('nodes.environment', 'storage.layers'):
        assert interrupted(f"""
class Watch:
    @staticmethod
    def find_spec(name, *_):
        if name == 'dynsyn_ros.{module}':
            {interrupt}

sys.meta_path.insert(0, Watch)""") == 130, module
    assert interrupted(f'atexit.register(lambda: {interrupt})') == 0


@pytest.mark.parametrize(('redirection', 'code', 'words'), [
    ('>/dev/full', 2, 'error: cannot use the output: No space left on device'),
    ('2>/dev/full', 0, ''), ('>&-', 0, ''), ('2>&-', 0, '')])
def test_an_output_that_is_full_or_closed_ends_no_work(tmp_path, redirection, code, words):
    train = shlex.join([*PROGRAM, 'train', '--learners', '2', '--steps', '10', '--output', 'out'])
    done = subprocess.run(['sh', '-c', f'{train} {redirection}'], cwd=tmp_path,
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == code
    assert 'Traceback' not in done.stderr
    assert words in done.stderr
    assert json.loads((tmp_path / 'out' / 'summary.json').read_text())['steps'] == 10


def test_a_path_that_the_system_refuses_is_one_sentence(tmp_path):
    for words in (['evaluate', 'x' * 300], ['results', 'x' * 300],
                  ['train', '--steps', '1', '--output', 'x' * 300]):
        assert 'File name too long' in refused(tmp_path, *words)


def test_a_shell_completes_commands_options_and_names(tmp_path):
    for line, expected in (('dynsyn ev', 'evaluate'), ('dynsyn results --m', '--markdown'),
                           ('dynsyn weights show bip', 'bipedal_walker'),
                           ('dynsyn walk --params-file bip', 'bipedal_walker'),
                           ('dynsyn compile --params-file bip', 'biped\nbipedal_walker')):
        answer = tmp_path / 'answer'
        subprocess.run(
            PROGRAM, timeout=PATIENCE, check=True, cwd=tmp_path, env={
                **os.environ, COMPLETING: '1', '_ARGCOMPLETE_IFS': '\n', 'COMP_LINE': line,
                'COMP_POINT': str(len(line)), '_ARGCOMPLETE_STDOUT_FILENAME': str(answer)})
        assert answer.read_text().strip() == expected


def test_files_that_ship_are_found_by_name_from_any_folder(tmp_path):
    done = dynsyn('weights', 'show', 'bipedal_walker', '--picture', 'a.png', folder=tmp_path)
    assert done.stdout.startswith('bipedal_walker: 4 joints')
    assert (tmp_path / 'a.png').stat().st_size > 10_000
    assert {'bipedal_walker', 'walker2d', 'quadruped'} <= NAMED[ROBOT].keys()
    for own in ('mine.npz', './mine'):
        assert str(find(WEIGHTS, own)) == own.removeprefix('./')
    with pytest.raises(ConfigError, match='unknown weights mine: it must be one of bipedal_walk'):
        find(WEIGHTS, 'mine')


def test_yaml_is_read_as_ros_reads_it(tmp_path):
    file = tmp_path / 'a.yaml'
    file.write_text(re.sub(
        'centre_rate: [^ ]+', 'centre_rate: 2e-5', preset_file('default').read_text()))
    assert parameters.read([file])['learner']['synapses']['centre_rate'] == 2e-5
    file.write_text('no: {1e3: -2E+5, on: .5e1}')
    assert parameters.read_yaml(file) == {'no': {'1e3': -2e5, 'on': 5.0}}
    read = [parameters.read_value(text) for text in ('2e-5', '1', 'true', 'e5')]
    assert read == [2e-5, 1, True, 'e5']
    file.write_text('a: 1\nb: 2\na: 3')
    with pytest.raises(ConfigError, match='the key a occurs twice'):
        parameters.read_yaml(file)


def test_make_alone_lists_the_targets():
    done = subprocess.run(['make', '--no-print-directory'], cwd=SOURCE, capture_output=True,
                          text=True, check=True)
    assert done.stdout.startswith('make walk ')
    assert sys.executable not in done.stdout
