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

"""Sweeps: the same on every backend, also when a worker dies, and never run twice."""

import csv
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys

from conftest import write_training
from dynsyn_ros.pictures import canvas
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.training import sweep, sweep_picture
import numpy as np
from PIL import Image
from programs import (
    await_lines,
    await_that,
    descendants,
    dynsyn,
    PATIENCE,
    PROGRAM,
    refused,
)
import pytest
import yaml

SWEEP = {
    'env_id': 'BipedalWalker-v3', 'simulator': 'gymnasium', 'preset': 'default', 'learners': 2,
    'separate': False, 'steps': 2000, 'until_solved': False, 'weights': 'none', 'seeds': [0, 1],
    'settings': {'as it is': {}, 'no repulsion': {'learner': {'synapses': {'repulsion': False}}}},
}
FILES = (sweep.EPISODES, sweep.SUMMARY, sweep.CURVES)


def write(folder, **changes):
    """Write a sweep file; keys that are changed to None are omitted."""
    file = folder / 'sweep.yaml'
    content = {key: value for key, value in {**SWEEP, **changes}.items() if value is not None}
    file.write_text(yaml.safe_dump(content))
    return file


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


#: A sweep of one short training.
ALONE = {'steps': 200, 'seeds': [0], 'settings': {'as it is': {}}}


@pytest.fixture(scope='module')
def swept(tmp_path_factory):
    """Run the sweep of one short training; returns its folder."""
    folder = tmp_path_factory.mktemp('swept')
    write(folder, **ALONE)
    done = dynsyn('sweep', 'sweep.yaml', '--output', 'out', folder=folder, workers=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope='module')
def local(tmp_path_factory):
    """Run the sweep on the cores of this machine; returns the folder and what was printed."""
    folder = tmp_path_factory.mktemp('local')
    write(folder)
    done = dynsyn('sweep', 'sweep.yaml', '--output', 'out', '--workers', 2, folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith('100%, 4/4 trainings, 8.00k/8.00k steps')
    return folder / 'out'


def test_a_sweep_is_every_setting_with_every_seed(local):
    with (local / sweep.SUMMARY).open() as file:
        rows = list(csv.DictReader(file))
    assert [(row['setting'], row['seed']) for row in rows] == [
        ('as it is', '0'), ('as it is', '1'), ('no repulsion', '0'), ('no repulsion', '1')]
    assert all(row['steps'] == '2000' for row in rows)
    with (local / sweep.EPISODES).open() as file:
        episodes = list(csv.DictReader(file))
    for row in rows:
        mine = [e for e in episodes if (e['setting'], e['seed']) == (row['setting'], row['seed'])]
        assert len(mine) == int(row['episodes']) > 0
    assert len({row['mean'] for row in rows}) == 4
    with Image.open(local / sweep.CURVES) as picture:
        assert len(picture.convert('RGB').getcolors(10**6)) > 20


@pytest.mark.parametrize(('after', 'told'), [([900, 1200], 1200), ([900, None], '')])
def test_a_training_of_several_learners_is_solved_when_the_last_of_them_has(
        tmp_path, after, told):
    job = sweep.read_sweep(write(tmp_path, separate=True), tmp_path / 'out')[0]
    row = sweep._row(job, {'steps': 2000, 'episodes': 9, 'mean': [300.0, 301.0, 305.0],
                           'mean_of': [100] * 3, 'best_mean': 305.0, 'solved_after_steps': after})
    assert (row[4], row[-1]) == ('302.000', told)


def test_the_picture_says_of_how_many_episodes_and_ends_each_seed_where_it_ends(
        tmp_path, monkeypatch):
    jobs = sweep.read_sweep(write(tmp_path, settings={'as it is': {}}), tmp_path / 'out')
    for job, ends in zip(jobs, ((100, 200), (100, 300, 400)), strict=True):
        write_training(job.folder, [(0, i, at, at, at, 0, at) for i, at in enumerate(ends)],
                       2, True, ends[-1])
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda figure, _: drawn.append(figure))
    sweep_picture.draw(sweep._logs(jobs), 2, 300.0, tmp_path / 'curves.png')
    (axes,) = drawn[0].axes
    assert axes.get_ylabel() == 'mean return of up to 3 episodes'
    mean, alone = axes.lines[:2]
    assert mean.get_xdata()[-1] == 400, 'steps of both walkers'
    assert alone.get_xydata().tolist() == [[400, 200], [600, 300], [800, 400]]


def test_a_dot_shows_where_a_seed_first_solved_the_task(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda figure, _: drawn.append(figure))
    steps = np.array([100, 200, 300, 400])
    whole = np.full(4, 100)
    sweep_picture.draw({'each': [
        {'steps': steps, 'mean': np.array([200.0, 301.0, 302.0, 250.0]), 'mean_of': whole},
        {'steps': steps, 'mean': np.array([200.0, 250.0, 260.0, 299.0]), 'mean_of': whole},
        {'steps': steps, 'mean': np.full(4, 310.0), 'mean_of': np.arange(1, 5)},
    ]}, 2, 300.0, tmp_path)
    dots = [line for line in drawn[0].axes[0].lines if line.get_marker() == 'o']
    assert [dot.get_xydata().tolist() for dot in dots] == [[[200, 301]]], (
        'neither where it ends, nor for too few episodes')


def test_the_curve_of_separate_learners_is_the_mean_over_all_of_them(tmp_path):
    job, few = sweep.read_sweep(
        write(tmp_path, separate=True, settings={'as it is': {}}), tmp_path / 'out')
    rows = [(0, n, n, 1, 0.0, 0, float(n)) for n in range(1, 103)]
    rows += [(1, n, 2 * n, 1, 0.0, 0, 300.0) for n in range(1, 101)]
    rows.sort(key=lambda row: row[2])
    write_training(job.folder, rows, 2, False, 200)
    (log,) = sweep._logs([job])['as it is']
    assert [log[name].tolist() for name in ('steps', 'mean', 'mean_of')] == [
        [400], [(102 + 300) / 2], [100]], 'once both have 100 episodes'
    write_training(few.folder, [(1, 1, 5, 5, 0.0, 0, 7.0), (0, 1, 6, 6, 0.0, 0, 9.0)], 2, False, 9)
    long, short = sweep._logs([job, few])['as it is']
    assert [short[name].tolist() for name in ('mean', 'mean_of')] == [[7, 8], [1, 1]]
    assert len(long['steps']) == len(rows), 'no curve begins late where another is short'


def test_the_picture_gives_no_number_of_walkers_that_is_not_that_of_all(tmp_path, monkeypatch):
    settings = {'fleet': {}, 'single': {'learners': 1}}
    jobs = sweep.read_sweep(write(tmp_path, settings=settings, seeds=[0]), tmp_path / 'out')
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda figure, _: drawn.append(figure))
    for chosen in (jobs, jobs[:1]):
        for job in chosen:
            shutil.rmtree(job.folder, ignore_errors=True)
            write_training(job.folder, [(0, 1, 100, 100, 1.0, 0, 1.0)], job.config.learners, True,
                           100)
        monkeypatch.setattr(sweep, '_result', lambda _: ())
        sweep.merge(chosen, tmp_path / 'out')
    assert [figure.axes[0].get_xlabel() for figure in drawn] == [
        'steps of all walkers', 'steps of all 2 walkers']


def test_many_settings_have_a_panel_each_with_the_first_behind_it(tmp_path, monkeypatch):
    log = {'steps': np.array([200, 400]), 'mean': np.array([1.0, 2.0]),
           'mean_of': np.array([100, 100])}
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda figure, _: drawn.append(figure))
    sweep_picture.draw({f'setting {i}': [log] for i in range(7)}, 2, 300.0, tmp_path)
    shown = [axes for axes in drawn[0].axes if axes.axison]
    assert [axes.get_title() for axes in shown] == [f'setting {i}' for i in range(7)]
    means = [[line for line in axes.lines if len(line.get_xdata()) == 400] for axes in shown]
    assert [len(lines) for lines in means] == [1] + [2] * 6
    assert [axes.xaxis.get_tick_params()['labelbottom'] for axes in shown] == (
        [False] * 4 + [True] * 3)
    labels = [text.get_text() for text in drawn[0].legends[0].texts]
    assert labels.count('grey: setting 0') == 1


def test_what_is_finished_is_not_run_again(local, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in local.glob('*/*/*')}
    made_with, read = sweep.trainer.made_with, []
    monkeypatch.setattr(sweep.trainer, 'made_with', lambda folder: (
        read.append(folder) or made_with(folder)))
    done = dynsyn('sweep', '../sweep.yaml', '--output', '.', folder=local)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in local.glob('*/*/*')} == before
    assert len(set(read)) == len(read) == 4


@pytest.mark.parametrize(('backend', 'worker'), [
    ('local', 'spawn_main'), ('ray', '^ray::train')])
def test_the_same_on_every_backend_though_a_worker_is_killed(tmp_path, local, backend, worker):
    if backend == 'ray':
        pytest.importorskip('ray', reason='ray is an extra')
    write(tmp_path)
    running = subprocess.Popen(
        [*PROGRAM, 'sweep', 'sweep.yaml', '--output', 'out',
         '--workers', '2', '--backend', backend],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    episodes = tmp_path / 'out' / 'as it is' / 'seed_0' / 'episodes.csv'
    try:
        await_lines(episodes, 2, running)
        at_work = [
            pid for pid, words in descendants(running.pid) if re.search(worker, words)]
        os.kill(at_work[0], signal.SIGKILL)
        _, errors = running.communicate(timeout=PATIENCE)
    finally:
        for pid, _ in [*descendants(running.pid), (running.pid, '')]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    assert running.returncode == 0, errors
    assert contents(tmp_path / 'out') == contents(local)


def test_a_stopped_sweep_goes_on(tmp_path, local):
    write(tmp_path)
    running = subprocess.Popen(
        [*PROGRAM, 'sweep', 'sweep.yaml', '--output', 'out', '--workers', '1'], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    folder = tmp_path / 'out' / 'as it is' / 'seed_0'
    await_lines(folder / 'episodes.csv', 2, running)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    said, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert 'Traceback' not in errors, 'nor does a worker break off'
    assert 'of 4 trainings left\ncontinue with: dynsyn sweep sweep.yaml --output out' in said
    stopped = json.loads((folder / sweep.trainer.SUMMARY).read_text())
    assert 0 < stopped['steps'] <= 2000, 'with a checkpoint'
    done = dynsyn('sweep', 'sweep.yaml', '--output', 'out', folder=tmp_path, workers=False)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / 'out') == contents(local)


def test_ctrl_c_while_its_workers_are_imported_is_no_traceback(tmp_path):
    """A terminal sends it to the workers, too."""
    write(tmp_path)
    code = ('import runpy, signal, sys\n'
            'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
            "runpy.run_module('dynsyn_ros', run_name='__main__', alter_sys=True)")
    running = subprocess.Popen(
        [sys.executable, '-c', code, 'sweep', 'sweep.yaml', '--output', 'out', '--workers', '1'],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True)

    def importing():
        return any('spawn_main' in words and 'numpy' in Path(f'/proc/{pid}/maps').read_text()
                   for pid, words in descendants(running.pid))

    await_that(importing, running)
    os.killpg(running.pid, signal.SIGINT)
    said, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert 'Traceback' not in errors
    assert said.startswith('interrupted: 4 of 4 trainings left')


def test_a_killed_sweep_takes_its_workers_along_and_goes_on(tmp_path, local):
    write(tmp_path, seeds=[0], settings={'as it is': {}})
    running = subprocess.Popen(
        [*PROGRAM, 'sweep', 'sweep.yaml', '--output', 'out'], cwd=tmp_path,
        stderr=subprocess.DEVNULL)
    episodes = tmp_path / 'out' / 'as it is' / 'seed_0' / 'episodes.csv'
    try:
        await_lines(episodes, 2, running)
        workers = [pid for pid, _ in descendants(running.pid)]
    finally:
        running.kill()
        running.wait()
    assert workers
    # While they run the folder is theirs, and the next sweep waits for it.
    done = dynsyn('sweep', 'sweep.yaml', '--output', 'out', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not any(Path(f'/proc/{pid}').exists() for pid in workers)
    part = Path('as it is', 'seed_0', 'episodes.csv')
    assert (tmp_path / 'out' / part).read_bytes() == (local / part).read_bytes()


def test_a_finished_sweep_goes_on_if_more_steps_are_asked_for(tmp_path, local):
    alone = {'seeds': [0], 'settings': {'as it is': {}}}
    for steps in (SWEEP['steps'] // 2, SWEEP['steps']):
        write(tmp_path, steps=steps, **alone)
        done = dynsyn('sweep', 'sweep.yaml', '--output', 'out', folder=tmp_path, workers=False)
        assert done.returncode == 0, done.stderr
    episodes = Path('as it is', 'seed_0', 'episodes.csv')
    assert (tmp_path / 'out' / episodes).read_bytes() == (local / episodes).read_bytes()


OTHER = {'learner': {'synapses': {'period_mean': 5000.0}}}


@pytest.mark.parametrize(('changes', 'words'), [
    ({'settings': {'as it is': OTHER}}, 'the first is learner.synapses.period_mean: choose anoth'),
    ({'settings': {'as it is': OTHER}, 'steps': 300}, 'was made with other settings'),
    ({'learners': 1}, 'the first is learners: choose another --output'),
    ({'weights': 'bipedal_walker'}, 'the first is weights: choose another --output'),
    ({'steps': 100}, 'seed_0 has taken 200 steps already, more than the 100 that are asked for'),
])
@pytest.mark.parametrize('lost', [(), (sweep.trainer.SUMMARY,), (sweep.trainer.CHECKPOINT,)])
def test_results_of_other_settings_are_not_taken_for_those_of_the_file(
        tmp_path, swept, changes, words, lost):
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    for name in lost:
        (tmp_path / 'out' / 'as it is' / 'seed_0' / name).unlink()
    write(tmp_path, **{**ALONE, **changes})
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('*')}
    sentence = refused(tmp_path, 'sweep', 'sweep.yaml', '--output', 'out')
    assert words in sentence
    assert f'{tmp_path}/out/as it is/seed_0 ' in sentence
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('*')} == before


def test_a_sweep_that_was_killed_before_it_noted_an_end_goes_on(
        tmp_path, swept, monkeypatch):
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    mark = tmp_path / 'out' / 'as it is' / 'seed_0' / '.finished_200'
    mark.unlink()
    summary = mark.with_name(sweep.trainer.SUMMARY)
    whole = summary.read_bytes()
    summary.write_bytes(whole.replace(b'"steps": 200,', b'"steps": 100,', 1))

    def full(*args, **options):
        raise OSError(28, 'No space left on device')

    (job,) = sweep.read_sweep(tmp_path / 'sweep.yaml', tmp_path / 'out')
    with monkeypatch.context() as patch:
        patch.setattr(Path, 'touch', full)
        with pytest.raises(ConfigError, match=r'cannot write .*finished_200: No space left'):
            job.run(lambda: False)
    done = dynsyn('sweep', 'sweep.yaml', '--output', 'out', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert mark.exists()
    assert summary.read_bytes() == whole, 'it was killed between checkpoint and summary'
    assert contents(tmp_path / 'out') == contents(swept / 'out')


def test_settings_and_seeds_may_be_added_to_a_sweep(tmp_path, swept):
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    write(tmp_path, **{**ALONE, 'seeds': [0, 1], 'settings': {'slow': OTHER, 'as it is': {}}})
    done = dynsyn('sweep', 'sweep.yaml', '--output', 'out', folder=tmp_path, workers=False)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / 'out' / sweep.SUMMARY).read_text().splitlines()) == 5


@pytest.mark.parametrize(('changes', 'words'), [
    ({'settings': {'fast': {'learner': {'synapse': {}}}}}, 'setting fast: learner changes the'),
    ({'settings': {'fast': 3}}, 'setting fast must be a table, not 3'),
    ({'settings': {}}, 'seeds must be a list and settings a table, neither empty'),
    ({'seeds': 4}, 'seeds must be a list and settings a table, neither empty'),
    ({'seeds': [-1]}, 'parameter seed must be from 0'),
    ({'seeds': [1, 0, 0]}, 'seeds names 0 twice'),
    ({'seeds': list(range(20_000))}, '40000 trainings are too many'),
    ({'settings': {'../fast': {}}}, "the setting '../fast' must have a name of up to 100"),
    ({'settings': {'summary.csv': {}}}, "the setting 'summary.csv' must have a name"),
    ({'settings': {'manifest.json': {}}}, "the setting 'manifest.json' must have a name"),
    ({'settings': {'\ud800': {}}}, "must have a name of up to 100 characters"),
    ({'settings': {'名' * 100: {}}}, "must have a name of up to 100 characters"),
    ({'settings': {'fast': False}}, 'setting fast must be a table, not False'),
    ({'settings': {'as it is': {}, 'far': {'weights': 'none.npz'}}},
     'setting far: cannot read none.npz'),
    ({'settings': {'as it is': {}, 'other': {'env_id': 'Walker2d-v5'}}},
     'setting other: parameter joints must be thigh, leg, foot'),
    ({'settings': {1: {}, '1': {}}}, 'the key 1 occurs twice'),
    ({'steps': None, 'separate': None}, 'sweep.yaml: missing separate, steps; see dynsyn sweep'),
    ({'steps': 'many'}, "parameter steps must be a whole number, not 'many'"),
    ({'preset': 'best'}, 'unknown preset best'),
    ({'colour': 'red'}, "sweep.yaml: unknown 'colour', there are preset, env_id, "),
    ({'settings': None, 'setings': {}}, "missing settings; unknown 'setings', there are "),
    ({'learner': {'modulation': 'reward'}}, "unknown 'learner', there are preset, "),
    ({'weights': 'none.npz'}, 'cannot read none.npz'),
    ({'weights': 'best'}, 'setting as it is: unknown weights best: it must be one of bipedal_w'),
])
def test_bad_sweeps_are_refused_before_anything_is_run(tmp_path, changes, words):
    write(tmp_path, **changes)
    assert words in refused(tmp_path, 'sweep', 'sweep.yaml')
    assert not (tmp_path / 'runs').exists()


def test_the_sweeps_that_ship_can_be_read(tmp_path):
    for file in Path(__file__).parent.parent.glob('config/sweeps/*.yaml'):
        jobs, content = sweep.read_sweep(file, tmp_path), yaml.safe_load(file.read_text())
        named = len(content['seeds']) * len(content['settings'])
        assert len({job.folder for job in jobs}) == len(jobs) == named > 1


def test_a_missing_sweep_file(tmp_path):
    assert 'cannot read none.yaml: No such file' in refused(tmp_path, 'sweep', 'none.yaml')
    (tmp_path / 'list.yaml').write_text('- 1')
    assert 'list.yaml must be a table' in refused(tmp_path, 'sweep', 'list.yaml')
