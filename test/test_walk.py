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

"""The programs as a user runs them: in separate processes, by their exit codes and files."""

import csv
import re
import signal
import sys

from conftest import ROBOT_FILE
import numpy as np
from PIL import Image
from programs import dynsyn, node, refused
import pytest
from ros import await_line, command, PATIENCE, process, ros_arguments
import yaml

pytestmark = pytest.mark.ros


def files(folder):
    """List the files in a folder except checkpoints."""
    return {path.name for path in folder.iterdir()} - {
        'best.npz', 'manifest.json', *(path.name for path in folder.glob('checkpoint_*.npz'))}


def test_walk_leaves_weights_episodes_and_a_curve(tmp_path):
    done = dynsyn('walk', '--steps', 400, '--seed', 3, '--gif', 'walk.gif', '--weights', 'none',
                  folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r'\n100%, mean of \d+: -\d+\.\d, 400/400 steps, 00:00 left, '
                     r'(1 episode|[2-9]\d* episodes), amplitude 0\.\d+, .* steps/s\n', done.stderr)
    (output,) = (tmp_path / 'runs').iterdir()
    for words in ('finished after 400 steps: mean of ', f'in runs/{output.name}: ',
                  'film: walk.gif', f'continue with: dynsyn walk --output runs/{output.name}'):
        assert words in done.stdout
    assert files(output) == {'episodes.csv', 'learning_curve.png', 'weights.npz'}
    with (output / 'episodes.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row['episode']) for row in rows] == list(range(1, len(rows) + 1))
    returns = [float(row['return']) for row in rows]
    assert float(rows[-1]['mean']) == pytest.approx(np.mean(returns), abs=1e-3)
    assert int(rows[-1]['mean_of']) == len(rows) < 100
    assert int(rows[-1]['steps']) == sum(int(row['length']) for row in rows) <= 400
    assert all(int(row['fell']) == (float(row['return']) < 0) for row in rows)
    with Image.open(output / 'learning_curve.png') as curve:
        assert len(curve.convert('L').getcolors()) > 10
    with Image.open(tmp_path / 'walk.gif') as film:
        assert film.n_frames > 100
        assert film.info['duration'] == 60


def test_same_seed_same_files(tmp_path):
    for output in ('a', 'b'):
        done = dynsyn('walk', '--steps', 300, '--seed', 5, '--weights', 'none', '--output', output,
                      folder=tmp_path)
        assert done.returncode == 0, done.stderr
    for name in ('weights.npz', 'episodes.csv'):
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()
    # A walk in the folder of another one continues its log.
    done = dynsyn('walk', '--steps', 300, '--output', 'a', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / 'a' / 'b.gif').touch()
    swapped = yaml.safe_load(ROBOT_FILE.read_text())
    swapped['/**']['ros__parameters']['joints'] = ['hip_2', 'knee_2', 'hip_1', 'knee_1']
    (tmp_path / 'swapped.yaml').write_text(yaml.safe_dump(swapped))
    first, both = ((tmp_path / name / 'episodes.csv').read_text() for name in 'ba')
    assert both.startswith(first)
    rows = list(csv.DictReader(both.splitlines()))
    assert len(rows) > first.count('\n') - 1 >= 1
    assert [int(row['episode']) for row in rows] == list(range(1, len(rows) + 1))
    steps = [int(row['steps']) for row in rows]
    assert steps == sorted(set(steps))
    for arguments, words in (
            (('--gif', 'a/b.gif'), 'a/b.gif is a result of the run in its folder'),
            (('--gif', 'a/weights.npz'), 'must have a name that ends in .gif or .mp4'),
            (('--output', 'a', '--weights', 'none'), '--weights would have no effect: the walk'),
            (('--output', 'a', '--params-file', 'walker2d'),
             "another robot: its robot is 'bipedal_walker', here it is 'walker2d'; continue its"),
            (('--output', 'a', '--params-file', 'swapped.yaml'),
             'another robot: its joints is [\'hip_1\', \'knee_1\', \'hip_2\', \'knee_2\'], here'),
            (('--record', 'a/weights.npz'), 'a/weights.npz already exists')):
        assert words in refused(tmp_path, 'walk', '--steps', 10, *arguments)
    assert (tmp_path / 'a' / 'episodes.csv').read_text() == both


def test_walk_goes_on_from_weights(tmp_path):
    first = dynsyn('walk', '--steps', 200, '--output', 'a', '--weights', 'none', folder=tmp_path)
    assert first.returncode == 0, first.stderr
    weights = tmp_path / 'a' / 'weights.npz'
    second = dynsyn('walk', '--steps', 200, '--output', 'b', '--weights', weights, '--frozen',
                    '--pace', 'realtime', '--real-time-factor', 20, folder=tmp_path)
    assert second.returncode == 0, second.stderr
    assert second.stdout.endswith('continue with: dynsyn walk --output b --frozen\n')
    with np.load(weights) as a, np.load(tmp_path / 'b' / 'weights.npz') as b:
        np.testing.assert_array_equal(a['centre'], b['centre'])
        assert (a['v'] != b['v']).any()


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--weights', 'none.npz'], 'cannot read none.npz: No such file or directory'),
    (['--output', 'file/run'], 'cannot write in the folder file/run'),
    (['--gif', 'file/walk.gif'], 'cannot write in the folder file'),
    (['--record', 'walk.bag'], 'walk.bag must have a name that ends in .mcap'),
    (['--params-file', 'none.yaml'], 'cannot read none.yaml'),
    (['--params-file', 'file'], 'unknown simulated robot file: it must be one of bipedal_'),
    (['--params-file', 'biped'], 'the robot biped is for drivers, not for a simulator: choose'),
    (['--env-id', 'Ant-v5'], "invalid choice: 'Ant-v5'"),
    (['--steps', 'many'], 'must be a whole number, not many'),
    (['--steps', '-1'], 'must be 1 or more, not -1'),
    (['--real-time-factor', '2'], '--real-time-factor would have no effect: it is for --pace'),
    (['--pace', 'realtime', '--real-time-factor', '0'], 'real_time_factor must be from 0.01'),
    (['--env-id', 'Walker2d-v5'], 'the parameter file is for another robot than env_id'),
    (['--ros-args', '-p', 'colour:=red'], 'unknown parameter colour'),
    (['--ros-args', '-p', 'autostart:=false'], 'autostart must be true for dynsyn walk'),
])
def test_walk_refuses_bad_input_in_one_sentence(tmp_path, arguments, words):
    (tmp_path / 'file').write_text('')
    assert words in refused(tmp_path, 'walk', '--steps', '10', *arguments)
    assert [path.name for path in tmp_path.glob('[!.]*') if path.name != 'ros_log'] == ['file']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_walk_cleanly(tmp_path, number):
    output = tmp_path / 'run'
    with process('dynsyn', ['walk', '--output', output]) as running:
        await_line(running.stderr, 'controller]: 438 synapses')
        running.stderr.read(20)  # of its progress
        running.send_signal(number)
        assert running.wait(PATIENCE) == 0
    assert files(output) == {'episodes.csv', 'learning_curve.png', 'weights.npz'}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_both_nodes_with_weights_saved(tmp_path, number):
    output = tmp_path / 'out'
    arguments = ros_arguments(pace='lockstep', output_dir=output)
    with process('simulator', arguments) as simulator, \
            process('controller', arguments) as controller:
        await_line(simulator.stderr, 'pace lockstep')
        await_line(controller.stderr, '438 synapses')
        for running in (controller, simulator):
            running.send_signal(number)
            running.send_signal(number)  # as launch does
        assert controller.wait(PATIENCE) == 0
        assert simulator.wait(PATIENCE) == 0
        assert 'weights saved' in controller.stderr.read()
    assert files(output) == {'weights.npz'}


def test_ctrl_c_ends_a_node_that_is_still_being_imported():
    program = ['-m', 'dynsyn_ros.nodes.programs', 'controller']
    with command([sys.executable, '-X', 'importtime', *program]) as running:
        await_line(running.stderr, 'numba.core')
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert 'Traceback' not in said


@pytest.mark.parametrize(('module', 'key'), [('simulator', 'env_id'), ('controller', 'joints')])
def test_nodes_refuse_bad_files_with_exit_code_2(tmp_path, module, key):
    content = yaml.safe_load(ROBOT_FILE.read_text())
    del content['/**']['ros__parameters'][key]
    file = tmp_path / 'robot.yaml'
    file.write_text(yaml.dump(content))
    for arguments, words in (
        (['--ros-args', '--params-file', str(file)], f'error: missing parameter {key}'),
        (['--ros-args', '--params-file', 'none.yaml'], 'error: '),
        ([], 'error: missing parameter seed'),
    ):
        done = node(module, *arguments, folder=tmp_path)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert 'Traceback' not in done.stderr


def test_controller_that_cannot_start_itself_ends(tmp_path):
    arguments = ros_arguments(weights=tmp_path / 'none.npz', output_dir=tmp_path)
    with process('controller', arguments) as running:
        _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 2
    assert 'error: cannot read' in said
    assert 'Traceback' not in said
