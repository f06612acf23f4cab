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

"""Searches: kills and other programs lose or double nothing, and errors come before any run."""

import csv
from dataclasses import asdict
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys

from conftest import write_training
from dynsyn_ros.pictures import canvas
from dynsyn_ros.settings.assets import ROBOT_FILE
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.training import tune_file
from dynsyn_ros.training.presets import read_preset
from dynsyn_ros.training.trainer import plain
import numpy as np
from pages import SOURCE
from PIL import Image
from programs import await_lines, descendants, dynsyn, PATIENCE, PROGRAM, refused
import pytest
import yaml

pytest.importorskip('optuna', reason='optuna is an extra')
from dynsyn_ros.training import tune_report  # noqa: E402
from dynsyn_ros.training.study import objective, Study  # noqa: E402
from optuna.storages.journal import JournalFileBackend  # noqa: E402

RATE, LAYER_4, REPULSION = 'synapses.centre_rate', 'synapses.amplitude[2]', 'synapses.repulsion'
TUNE = {
    'env_id': 'BipedalWalker-v3', 'simulator': 'gymnasium', 'preset': 'default', 'learners': 2,
    'separate': False, 'until_solved': False, 'weights': 'none', 'trials': 3, 'sampler': 'random',
    'sampler_seed': 0, 'objective': 'last', 'episodes': 5, 'over_seeds': 'mean', 'seeds': [0, 1],
    'budgets': [{'steps': 1000, 'seeds': 2}], 'reduction_factor': 2,
    'ranges': {
        RATE: {'low': 1e-6, 'high': 1e-2, 'log': True},
        LAYER_4: {'low': 0.01, 'high': 0.5},
        REPULSION: {'choices': [True, False]},
    },
}


def write(folder, **changes):
    """Write a search file; keys that are changed to None are omitted."""
    file = folder / 'search.yaml'
    content = {key: value for key, value in {**TUNE, **changes}.items() if value is not None}
    file.write_text(yaml.safe_dump(content))
    return file


def table_of(output):
    with (output / tune_report.TABLE).open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Run an undisturbed search; returns the folder and what was printed."""
    folder = tmp_path_factory.mktemp('whole')
    write(folder)
    done = dynsyn('tune', 'search.yaml', '--output', 'out', '--workers', 1, '--markdown',
                  folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / 'out', done.stderr + done.stdout


def test_a_search_tells_what_it_found(whole):
    output, said = whole
    rows = table_of(output)
    assert [(row['trial'], row['state']) for row in rows] == [
        ('0', 'finished'), ('1', 'finished'), ('2', 'finished')]
    preset = read_preset('default')
    assert float(rows[0][RATE]) == preset.synapses.centre_rate
    assert float(rows[0][LAYER_4]) == preset.synapses.amplitude[2]
    assert len({row[RATE] for row in rows}) == len({row['after_1000'] for row in rows}) == 3
    best = max(rows, key=lambda row: float(row['after_1000']))
    for row in rows:
        assert f'trial {row["trial"]} after 1000 steps, budget 1 of 1: last' in said
    assert re.search(rf'\| {best["trial"]} +\| +{float(best["after_1000"]):.1f} \|', said)
    assert 'null' not in (output / tune_report.BEST).read_text(), 'ROS would not take it'
    found = read_preset(str(output / tune_report.BEST)).synapses
    assert (found.centre_rate, found.amplitude[2], found.repulsion) == (
        float(best[RATE]), float(best[LAYER_4]), best[REPULSION] == 'True')
    assert found.amplitude[:2] == preset.synapses.amplitude[:2]
    assert said.splitlines()[-1] == (
        'confirm the best with other seeds: dynsyn train --preset '
        f'{output / tune_report.BEST} --learners 2 --seed 2')
    with Image.open(output / tune_report.PICTURE) as picture:
        assert len(picture.convert('RGB').getcolors(10**6)) > 20


def test_the_picture_of_a_search_marks_the_preset_and_the_ends_of_a_range(whole, monkeypatch):
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda figure, _: drawn.append(figure))
    search = tune_file.read_search(whole[0].parent / 'search.yaml')
    with Study(search, whole[0], print).locked() as trials:
        tune_report.draw(search, trials, whole[0] / 'unused.png')
    preset = read_preset('default').synapses
    slices = {axes.get_title(): axes for axes in drawn[0].axes}
    for name, value in ((RATE, preset.centre_rate), (LAYER_4, preset.amplitude[2])):
        (ring,) = (line for line in slices[name].lines if line.get_marker() == 'o')
        assert ring.get_xdata() == [value]
    assert [text.get_text() for text in slices[RATE].get_xticklabels()] == [
        '1e-06', '0.0001', '0.01']


def test_the_advice_after_a_search_names_the_file_of_the_robot(tmp_path, whole):
    (tmp_path / 'mine.yaml').write_text(ROBOT_FILE.read_text())
    write(tmp_path, params_file='mine.yaml')
    shutil.copytree(whole[0], tmp_path / 'out')
    done = dynsyn('tune', 'search.yaml', '--output', 'out', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ' --params-file mine.yaml --env-id BipedalWalker-v3 ' in done.stdout


def test_a_search_may_be_asked_for_fewer_trials_than_have_ended(tmp_path, whole):
    write(tmp_path, trials=2)
    shutil.copytree(whole[0], tmp_path / 'out')
    done = dynsyn('tune', 'search.yaml', '--output', 'out', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '\nfinished: 3 trials\n' in done.stdout
    assert 'continue with' not in done.stdout


def test_a_trial_of_another_program_is_not_an_interruption(tmp_path):
    file = write(tmp_path, trials=2, budgets=[{'steps': 200, 'seeds': 1}])
    assert Study(tune_file.read_search(file), tmp_path / 'out', print).take()
    done = dynsyn('tune', 'search.yaml', '--output', 'out', '--workers', 1, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '\nother programs continue: 1 of 2 trials left\n' in done.stdout


def test_killed_and_gone_on_with_by_two_at_a_time(tmp_path, whole):
    write(tmp_path)
    command = [*PROGRAM, 'tune', 'search.yaml', '--output', 'out']
    killed = subprocess.Popen(
        [*command, '--workers', '1'], cwd=tmp_path, stderr=subprocess.DEVNULL)
    episodes = tmp_path / 'out' / 'trial_0000' / 'seed_0' / 'episodes.csv'
    await_lines(episodes, 2, killed)
    (worker,) = (pid for pid, words in descendants(killed.pid) if 'spawn_main' in words)
    os.kill(worker, signal.SIGSTOP)  # in the middle of a training, which it cannot end now
    handle = os.pidfd_open(worker)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    await_end(handle)
    both = [subprocess.Popen([*command, '--workers', '1'], cwd=tmp_path, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    ends = [each.communicate(timeout=4 * PATIENCE) for each in both]
    assert [each.returncode for each in both] == [0, 0], [errors[-400:] for _, errors in ends]
    output, _ = whole
    for name in (tune_report.TABLE, tune_report.BEST):
        assert (tmp_path / 'out' / name).read_bytes() == (output / name).read_bytes()
    trials = [line for _, said in ends for line in said.splitlines()
              if line.startswith('trial') and 'finished' in line]
    assert len(trials) == len(set(trials)) == 3


def await_end(handle):
    """Wait until a process that is not our child has ended; kill it if it does not."""
    ended, _, _ = select.select([handle], [], [], PATIENCE)
    if not ended:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
    assert ended, 'the worker lives on'


def train(job, returns):
    """Write what a training writes, with these returns."""
    steps = job.config.steps // job.config.learners
    rows = [(0, i, steps * (i + 1) // len(returns), 100, value, 0, value)
            for i, value in enumerate(returns)]
    if not job.folder.exists():
        write_training(job.folder, rows, 2, True, steps, task=plain(asdict(job.config)))
    job._done.touch()


def worth(number):
    """Return the values of trials in tests without training: later ones are better."""
    return 10.0 * (number % 4) + 0.1 * number


def end(study, job):
    train(job, [worth(int(job.folder.parent.name[-4:]))])
    study.finished(job)


def run(studies, stop=10**6):
    """Run the programs' trainings in turn, at most ``stop``; others that they began are left."""
    while stop > 0 and any(jobs := [(study, study.take()) for study in studies]):
        for study, job in jobs:
            if job is not None and stop > 0:
                end(study, job)
                stop -= 1
        if all(job is None for _, job in jobs):
            return


BUDGETS = [{'steps': 200, 'seeds': 1}, {'steps': 400, 'seeds': 1}, {'steps': 800, 'seeds': 2}]


def test_the_better_ones_go_on(tmp_path):
    search = tune_file.read_search(write(tmp_path, trials=24, budgets=BUDGETS))
    told = []
    study = Study(search, tmp_path / 'out', told.append)
    first, second = study.take(), study.take()
    end(study, second)
    end(study, first)
    run([study])
    came = [[value is not None for value in tune_report.values_of(search, trial)].count(True)
            for trial in study.trials]
    assert len(came) == study.ended == 24
    assert came[0] == 3, 'the preset itself, the worst of all, is trained to the end'
    assert set(came[3::4]) == {3}
    assert (set(came[4::4]), set(came[5::4])) == ({1}, {2})
    assert tune_report.ranking(search, study.trials)[0].number == 23
    assert set(tune_report.importances(search, study.trials, 0)) == set(TUNE['ranges'])
    assert not tune_report.importances(search, study.trials[:9], 0)
    assert len(told) == sum(came)


@pytest.mark.parametrize('sampler', tune_file.SAMPLERS)
def test_trials_are_the_same_whoever_draws_them(tmp_path, sampler):
    search = tune_file.read_search(write(tmp_path, trials=6, budgets=BUDGETS, sampler=sampler))
    alone, told = Study(search, tmp_path / 'one', print), []
    run([alone])
    for stop in (3, 2, 10**6):  # each of the first programs leaves a trial behind
        together = [Study(search, tmp_path / 'two', told.append) for _ in range(2)]
        run(together, stop)
        for study in together:
            for running in study._running:
                running.claim.release()
    assert [trial.state.is_finished() for trial in together[0].trials] == 6 * [True]
    reports = [line for line in told if 'is taken over' not in line]
    assert len(told) > len(reports) == len(set(reports)) == sum(
        len(trial.intermediate_values) for trial in together[0].trials)
    first = 6 if sampler == 'random' else 2  # what TPE draws depends on what is known by then
    assert [trial.params for trial in alone.trials][:first] == [
        trial.params for trial in together[0].trials][:first]


def test_a_trial_that_no_episode_of_has_ended_stops(tmp_path):
    search = tune_file.read_search(write(tmp_path, trials=1))
    study = Study(search, tmp_path / 'out', print)
    while job := study.take():
        train(job, [])
        study.finished(job)
    assert tune_report.write(search, study.trials, tmp_path, tmp_path / 'out') == [
        tune_report.TABLE]
    (row,) = table_of(tmp_path / 'out')
    assert (row['state'], row['after_1000']) == ('stopped', '')


def test_settings_that_clash_are_a_trial_refused(tmp_path):
    search = tune_file.read_search(write(
        tmp_path, preset='authors', trials=4, ranges={
            'synapses.period_mean': {'low': 340.0, 'high': 380.0},
            'time_step': {'choices': [33.0, 39.0]}}))
    told = []
    study = Study(search, tmp_path / 'out', told.append)
    run([study])
    tune_report.write(search, study.trials, tmp_path / 'search.yaml', tmp_path / 'out')
    rows = table_of(tmp_path / 'out')
    assert {(row['state'], row['time_step'], bool(row['refused'])) for row in rows} == {
        ('finished', '33.0', False), ('refused', '39.0', True)}
    assert len(told) == len(rows) == 4
    assert 'is refused: parameter learner.synapses.period_mean must be over 390 ms' in str(told)


def test_a_study_of_another_search_is_refused(tmp_path):
    Study(tune_file.read_search(write(tmp_path)), tmp_path / 'search', print)
    Study(tune_file.read_search(write(tmp_path, trials=9)), tmp_path / 'search', print)
    write(tmp_path, episodes=6, ranges={RATE: TUNE['ranges'][RATE]})
    sentence = refused(tmp_path, 'tune', 'search.yaml', '--output', 'search')
    assert 'holds a search with other episodes, ranges: once a search' in sentence
    (tmp_path / 'swept').mkdir()
    (tmp_path / 'swept' / 'manifest.json').write_text('{"kind": "sweep"}')
    sentence = refused(tmp_path, 'tune', 'search.yaml', '--output', 'swept')
    assert 'swept is the folder of a sweep: choose another one for a search' in sentence
    for content in ('noise', '{"op_code": 1}\n', '[]\n'):
        (tmp_path / 'search' / 'study.journal').write_text(f'{content}\n' * 2)
        sentence = refused(tmp_path, 'tune', 'search.yaml', '--output', 'search')
        assert 'study.journal is not a study of this program, or is damaged' in sentence


def test_half_a_line_in_the_journal_is_removed(tmp_path, whole):
    output, _ = whole
    shutil.copytree(output, tmp_path / 'out')
    write(tmp_path)
    for half in ('{"op_code":', '{'):
        with (tmp_path / 'out' / 'study.journal').open('a') as journal:
            journal.write(half)
        done = dynsyn('tune', 'search.yaml', '--output', 'out', folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert table_of(tmp_path / 'out') == table_of(output)


def test_a_full_disk_loses_nothing_of_a_study(tmp_path, monkeypatch):
    search = tune_file.read_search(write(tmp_path, budgets=BUDGETS))
    undisturbed = Study(search, tmp_path / 'whole', print)
    run([undisturbed])
    study = Study(search, tmp_path / 'out', print)
    job = study.take()
    train(job, [worth(0)])
    journal, limits = tmp_path / 'out' / 'study.journal', resource.getrlimit(resource.RLIMIT_FSIZE)
    size = journal.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
    try:
        with pytest.raises(ConfigError, match=r'cannot write .*study\.journal: File too large'):
            study.finished(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert journal.stat().st_size == size + 10, 'half a line'
    for running in study._running:
        running.claim.release()
    study = Study(search, tmp_path / 'out', print)
    run([study])
    assert [(trial.params, trial.intermediate_values, trial.state) for trial in study.trials] == [
        (trial.params, trial.intermediate_values, trial.state) for trial in undisturbed.trials]

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(JournalFileBackend, 'append_logs', full)
    assert 'out/study.journal: No space left on device' in refused(
        tmp_path, 'tune', 'search.yaml', '--output', 'out')


@pytest.mark.parametrize('lines', range(3))
def test_a_full_disk_as_a_search_begins_loses_nothing(tmp_path, monkeypatch, lines):
    search = tune_file.read_search(write(tmp_path))
    append, left = JournalFileBackend.append_logs, iter(range(lines))

    def full(backend, logs):
        if next(left, None) is None:
            raise OSError(28, 'No space left on device')
        append(backend, logs)

    with monkeypatch.context() as patch:
        patch.setattr(JournalFileBackend, 'append_logs', full)
        with pytest.raises(ConfigError, match=r'cannot write .*study\.journal: No space left'):
            Study(search, tmp_path / 'out', print)
    study = Study(search, tmp_path / 'out', print)
    run([study])
    params = [trial.params for trial in study.trials]
    assert params.count(search.as_it_is) == 1
    assert params[0] == search.as_it_is


def test_trainings_of_another_search_are_not_taken_for_those_of_a_new_one(tmp_path):
    narrow = {RATE: {'low': 1e-6, 'high': 1e-5}}
    run([Study(tune_file.read_search(write(tmp_path)), tmp_path / 'out', print)])
    (tmp_path / 'out' / 'study.journal').unlink()
    study = Study(tune_file.read_search(write(tmp_path, ranges=narrow)), tmp_path / 'out', print)
    with pytest.raises(ConfigError, match='seed_0 was made with other settings, the first is '
                                          r'learner\.synapses\.centre_rate: choose another --out'):
        study.take()


@pytest.mark.parametrize(('name', 'value'), [('last', 4.0), ('best', 5.0), ('area', 3.5)])
def test_what_a_training_is_worth(name, value):
    returns, steps = np.array([1.0, 3.0, 7.0, 1.0]), np.array([0.0, 250.0, 500.0, 1000.0])
    found = objective(name, returns, steps, 2, 1000)
    assert found == pytest.approx(value, abs=1e-2)


def ranges(name, **table):
    return {'ranges': {name: table}}


@pytest.mark.parametrize(('changes', 'words'), [
    (ranges('synapses.rate', low=0, high=1),
     'ranges has the unknown setting synapses.rate: there are synapses.amplitude, synapses'),
    (ranges('colour', low=0, high=1), 'unknown setting colour: there are time_step, '),
    (ranges(RATE, low=1, high=0), f'ranges.{RATE}.low must be under ranges.{RATE}.high, not 1'),
    (ranges(RATE, low=0, high=1, log=True), 'low must be over 0 where log is true, not 0'),
    (ranges(RATE, low=0, high=float('inf')), f'ranges.{RATE}.high must be from -1e+15 to 1e+15'),
    (ranges(RATE, low=-1, high=1), f'ranges.{RATE}: parameter {RATE} must be from 0'),
    (ranges(RATE, low=0), f'missing parameter ranges.{RATE}.high'),
    (ranges(RATE, low=0, high=1, step=1), f'unknown parameter ranges.{RATE}.step'),
    (ranges(f'{RATE}[0]', low=0, high=1), 'has an index, but synapses.centre_rate is not a list'),
    (ranges('synapses.amplitude[3]', low=0, high=1), 'there is no entry 3, the first is 0'),
    (ranges('synapses.amplitude', choices=[[1.0], [2.0]]), 'synapses.amplitude must have 3 entr'),
    (ranges(REPULSION, low=0, high=1), 'needs choices: synapses.repulsion is not a number'),
    (ranges(REPULSION, choices=[True]), 'choices must be a list of two or more, with no other k'),
    (ranges(REPULSION, choices=[True, 3]), 'synapses.repulsion must be true or false, not 3'),
    ({'ranges': {'synapses.amplitude[0]': {'low': 0.1, 'high': 0.2},
                 'synapses.amplitude': {'low': 0.1, 'high': 0.2}}},
     'which overlap'),
    ({'ranges': {RATE: 3}}, 'must be a table of low and high, or of choices'),
    ({'ranges': {}}, 'ranges must be a table of settings'),
    ({'budgets': []}, 'budgets must be a list of tables of steps and seeds'),
    ({'budgets': [{'steps': 5, 'seeds': 1}, {'steps': 5, 'seeds': 1}]}, 'have more steps than'),
    ({'budgets': [{'steps': 5, 'seeds': 3}]}, 'budgets take 3 seeds, but seeds lists 2'),
    ({'budgets': [{'steps': 0, 'seeds': 1}]}, 'parameter budgets[0].steps must be 1 or more'),
    ({'seeds': [1, 1]}, 'seeds must be a list of seeds that differ'),
    ({'objective': 'fame'}, 'parameter objective must be one of last, best, area'),
    ({'sampler': 'grid'}, 'parameter sampler must be one of random, tpe'),
    ({'trials': 0}, 'parameter trials must be from 1'),
    ({'trials': None, 'separate': None}, 'search.yaml: missing separate, trials; see dynsyn tune'),
    ({'preset': 'best'}, 'unknown preset best'),
    ({'colour': 'red'}, "search.yaml: unknown 'colour', there are preset, env_id, "),
    ({'learner': {'modulation': 'reward'}}, "unknown 'learner', there are preset, "),
    ({'weights': 'none.npz'}, 'cannot read none.npz'),
])
def test_bad_searches_are_refused_before_anything_is_run(tmp_path, changes, words):
    write(tmp_path, **changes)
    assert words in refused(tmp_path, 'tune', 'search.yaml')
    assert not (tmp_path / 'runs').exists()


def test_without_optuna(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'optuna', None)
    for name in ('study', 'tune_report'):
        monkeypatch.delitem(sys.modules, f'dynsyn_ros.training.{name}')
    write(tmp_path)
    assert "needs Optuna: pip install 'dynsyn_ros[tune]'" in refused(
        tmp_path, 'tune', 'search.yaml')


def test_the_searches_that_ship_can_be_read():
    files = list((SOURCE / 'config' / 'tune').glob('*.yaml'))
    for file in files:
        assert tune_file.read_search(file).ranges
    assert len(files) == 3
