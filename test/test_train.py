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

"""Headless training: reproducible, continued after a kill, and nothing lost on bad input."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess

from conftest import preset, robot_config, ROBOT_FILE
from dynsyn_ros.cli import train
from dynsyn_ros.learner import Learner
from dynsyn_ros.process import exit_code, INTERRUPTED
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import (
    BIPEDAL_WALKERS,
    ENVIRONMENTS,
    SOLVED_AT,
    WALKER2D,
)
from dynsyn_ros.storage import episodes, weights
from dynsyn_ros.storage.episodes import Episode, EpisodeLog, read_episodes
from dynsyn_ros.storage.folders import MANIFEST
from dynsyn_ros.training import results as results_of_trainings
from dynsyn_ros.training import trainer as training
from dynsyn_ros.training.config import TrainingConfig
from dynsyn_ros.training.scalars import Scalars
from dynsyn_ros.training.trainer import Trainer
import gymnasium
import numpy as np
from PIL import Image
from programs import await_lines, dynsyn, dynsyn_apart, PATIENCE, PROGRAM, refused
import pytest


def make_config(**values):
    """Describe a short training of two learners."""
    return TrainingConfig(**{
        'env_id': ENVIRONMENTS[0], 'simulator': 'gymnasium', 'learners': 2, 'separate': False,
        'seed': 3, 'steps': 3000, 'until_solved': False, 'weights': 'none',
        'robot': robot_config(), 'learner': preset('default'), **values})


def run(trainer, until=None):
    """Train to the end, or for this many steps."""
    trainer.run(lambda: until is not None and trainer.steps >= until, lambda _: None)
    return trainer


def results(folder):
    """Read what must be the same: the episodes and all arrays of the last checkpoint."""
    arrays, _ = weights.read(folder / training.CHECKPOINT)
    return (folder / training.EPISODES).read_bytes(), arrays


def same(one, other):
    """Compare the results of two folders, bit for bit."""
    (episodes, arrays), (other_episodes, other_arrays) = results(one), results(other)
    assert episodes == other_episodes
    assert episodes.count(b'\n') > 5
    assert arrays.keys() == other_arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, other_arrays[name], err_msg=name)


@pytest.mark.parametrize('learners', [1, 4])
def test_same_command_same_episodes(tmp_path, learners):
    for program, output in ((dynsyn_apart, 'b'), (dynsyn, 'a')):
        done = program('train', '--seed', 7, '--learners', learners, '--steps', 2_400,
                       '--output', output, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    same(tmp_path / 'a', tmp_path / 'b')
    names = {path.name for path in (tmp_path / 'a').iterdir()}
    assert names == {training.EPISODES, training.CURVE, training.WEIGHTS, training.CHECKPOINT,
                     training.SUMMARY, training.SYNAPSES, MANIFEST}
    count = len(read_episodes(tmp_path / 'a' / training.EPISODES, learners)['return'])
    assert re.search(rf'100%, mean of {min(count, 100)}: -\d+\.\d, 2.40k/2.40k steps, '
                     rf'00:00 left, {count} episodes, .* steps/s\n', done.stderr)
    for words in ('finished after 2,400 of 2,400 steps of all walkers: not solved',
                  f'in {output}: {", ".join(sorted(names))}',
                  f'dynsyn train --resume {output}'):
        assert words in done.stdout
    with Image.open(tmp_path / 'a' / training.CURVE) as curve:
        assert len(curve.convert('L').getcolors()) > 10


def test_episodes_add_up(tmp_path):
    run(Trainer(make_config(learners=3, steps=4500, separate=True), tmp_path))
    data = read_episodes(tmp_path / training.EPISODES, 3)
    for learner in range(3):
        rows = data['learner'] == learner
        np.testing.assert_array_equal(data['episode'][rows], 1 + np.arange(rows.sum()))
        np.testing.assert_array_equal(data['steps'][rows], 3 * data['length'][rows].cumsum())
        means = [data['return'][rows][:i + 1][-100:].mean() for i in range(rows.sum())]
        np.testing.assert_allclose(data['mean'][rows], means, atol=1e-3)
        np.testing.assert_array_equal(data['mean_of'][rows], data['episode'][rows].clip(max=100))
    summary = json.loads((tmp_path / training.SUMMARY).read_text(), parse_constant=pytest.fail)
    assert summary['task']['robot']['torque_rate_limits'] == ['.inf'] * 4
    assert summary['mean_of'] == [int((data['learner'] == i).sum()) for i in range(3)]
    assert summary['episodes'] == len(data['return'])
    assert summary['steps'] == 4500


@pytest.mark.parametrize('separate', [False, True], ids=['fleet', 'separate'])
def test_a_resumed_training_is_the_same_as_one_never_stopped(tmp_path, separate):
    run(Trainer(make_config(separate=separate), tmp_path / 'whole'))
    trainer = run(Trainer(make_config(separate=separate), tmp_path / 'parts'), until=1400)
    with (tmp_path / 'parts' / training.EPISODES).open('a') as file:
        file.write('0,99,written after the checkpoint')
    trainer = Trainer.resume(tmp_path / 'parts')
    assert trainer.resumes_within_episode
    assert trainer.steps == 1400
    run(trainer)
    same(tmp_path / 'whole', tmp_path / 'parts')


def test_a_killed_training_goes_on(tmp_path):
    arguments = ['--seed', '3', '--learners', '2', '--output', 'run']
    running = subprocess.Popen(
        [*PROGRAM, 'train', *arguments, '--steps', '1000000'],
        cwd=tmp_path, stderr=subprocess.PIPE)
    episodes = tmp_path / 'run' / training.EPISODES
    try:
        await_lines(episodes, 4, running)
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=PATIENCE)
    done = dynsyn('train', '--resume', 'run', '--steps', 1200, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'continuing from step 0 of 1,200, in the middle of the episodes' in done.stdout
    dynsyn('train', *arguments[:-1], 'whole', '--steps', 1200, folder=tmp_path)
    assert results(tmp_path / 'run')[0] == results(tmp_path / 'whole')[0]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_leave_a_checkpoint(tmp_path, number):
    running = subprocess.Popen(
        [*PROGRAM, 'train', '--output', 'a run'],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while ' steps, ' not in running.stderr.readline():
            assert running.poll() is None
        running.send_signal(number)
    finally:
        said, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert said.startswith('interrupted after ')
    assert said.endswith("continue with: dynsyn train --resume 'a run'\n")
    _, about = weights.read(tmp_path / 'a run' / training.CHECKPOINT)
    assert about['made_by']['steps'] > 0


def test_ctrl_c_where_nothing_is_to_be_saved_is_no_traceback(capsys):
    def program():
        raise KeyboardInterrupt

    assert exit_code(program) == INTERRUPTED == 130
    assert capsys.readouterr().err == 'interrupted\n'


def test_weights_are_those_of_the_best_learner(tmp_path, monkeypatch, robot):
    monkeypatch.setattr(training, 'LOOK_STEPS', 10)
    monkeypatch.setattr(training, 'WINDOW', 2)
    trainer = run(Trainer(make_config(separate=True, learners=3), tmp_path))
    _, about = weights.read(tmp_path / training.WEIGHTS)
    means = [mean.value for mean in trainer.log.means]
    assert about['made_by']['learner'] == int(np.argmax(means)) or (
        about['made_by']['mean'] >= max(means))
    learner = Learner(robot.layout, preset('default'), seed=0)
    weights.load(tmp_path / training.WEIGHTS, learner, robot)
    steps = dynsyn('evaluate', tmp_path / training.WEIGHTS, '--episodes', 2, folder=tmp_path)
    assert '2 episodes: mean' in steps.stdout
    assert '1 learner' not in steps.stderr


def test_the_best_mean_is_that_of_all_episodes(tmp_path, monkeypatch):
    monkeypatch.setattr(training, 'LOOK_STEPS', 800)
    for module in (episodes, results_of_trainings, training):
        monkeypatch.setattr(module, 'WINDOW', 20)
    run(Trainer(make_config(steps=6000), tmp_path), until=4000)
    trainer = run(Trainer.resume(tmp_path))
    (best,) = (result.best for result in results_of_trainings.read_results(tmp_path, ()))
    summary = json.loads((tmp_path / training.SUMMARY).read_text())
    assert summary['best_mean'] == trainer.log.best == best
    # Weights are kept at a look only, and say the mean that they had then.
    _, about = weights.read(tmp_path / training.WEIGHTS)
    assert summary['weights_mean'] == about['made_by']['mean'] < best


def test_scalars_for_tensorboard(tmp_path):
    pytest.importorskip('tensorboardX', reason='an extra')
    scalars, trainer = Scalars(), Trainer(make_config(), tmp_path)
    scalars.open(trainer)
    trainer.run(lambda: False, scalars.log)
    scalars.close()
    (events,) = (tmp_path / 'tensorboard').iterdir()
    content = events.read_bytes()
    for name in (b'mean_return/fleet', b'mean_of/fleet'):
        assert content.count(name) == content.count(b'episodes') > 5
    assert content.count(b'amplitude') == trainer.steps // 2 // 1000 == 1


def test_a_checkpoint_of_a_former_version_is_not_misread(tmp_path, robot):
    learner = Learner(robot.layout, preset('default'), seed=0)
    weights.write(tmp_path / training.CHECKPOINT, weights.pack(
        learner, robot, {'task': {'shared': True, 'steps': 1000}}))
    with pytest.raises(ConfigError, match='is of a former version and cannot be continued'):
        Trainer.resume(tmp_path)


def test_start_from_weights(tmp_path, robot):
    run(Trainer(make_config(), tmp_path / 'first'))
    arrays, _ = weights.read(tmp_path / 'first' / training.WEIGHTS)
    trainer = Trainer(make_config(learners=4, weights=str(tmp_path / 'first' / training.WEIGHTS)),
                      tmp_path / 'second')
    state = trainer._loop.learner.state
    np.testing.assert_array_equal(state.plasticity.centre, arrays['centre'])
    np.testing.assert_array_equal(state.plasticity.amplitude, arrays['amplitude'])
    np.testing.assert_array_equal(state.prediction.value_weight, arrays['value_weight'])
    assert state.annealing.clock == arrays['clock']


def episode(total):
    return Episode(total, 100, False)


def test_solved_takes_a_hundred_episodes(tmp_path):
    log = EpisodeLog(tmp_path / 'log.csv', learners=2, solved_at=300.0)
    for i in range(100):
        assert (log.solved_after, log.best) == ([None, None], None)
        log.add(0, episode(301.0), 100 * i)
    assert log.solved_after == [9900, None]
    for i in range(101):
        log.add(1, episode(299.0 if i == 0 else 300.0), 100 * i)
    assert log.solved_after == [9900, 10000]
    assert log.best == 301.0, 'that of any learner'
    assert log.solved


@pytest.mark.parametrize(('solved_after', 'shared', 'words'), [
    ([None, None], False, 'not solved; '),
    ([4410, None], False, 'solved by 1 of 2 learners after 4,410; '),
    ([4410, 8600], False, 'solved by 2 of 2 learners after 4,410 to 8,600; '),
    ([4410], True, 'solved by the fleet after 4,410; '),
])
def test_the_last_words_tell_when_the_task_was_solved(solved_after, shared, words):
    assert train._verdict(solved_after, shared) == words


def test_a_task_is_solved_at_what_gymnasium_says_if_it_says_so(tmp_path):
    known = (*BIPEDAL_WALKERS, WALKER2D)
    assert {name: SOLVED_AT.get(name) for name in known} == {
        name: gymnasium.spec(name).reward_threshold for name in known}
    log = EpisodeLog(tmp_path / 'log.csv')
    for i in range(100):
        log.add(0, episode(1e6), i)
    assert not log.solved
    assert log.solved_after == [None]
    log.close()
    assert 'until_solved must be false for Bolt-v0' in refused(
        tmp_path, 'train', '--params-file', 'bolt', '--until-solved')


def test_a_fleet_solves_together(tmp_path):
    log = EpisodeLog(tmp_path / 'log.csv', learners=2, shared=True, solved_at=300.0)
    for i in range(50):
        log.add(0, episode(290.0), i)
        assert not log.solved
        log.add(1, episode(310.0), i)
    assert log.solved_after == [49]
    log.close()
    with (tmp_path / 'log.csv').open() as file:
        assert [row['episode'] for row in csv.DictReader(file)][-2:] == ['50', '50']


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--env-id', 'Ant-v5'], "invalid choice: 'Ant-v5'"),
    (['--preset', 'best'], 'unknown preset best: it must be one of authors, default'),
    (['--preset', 'none.yaml'], 'cannot read none.yaml: No such file'),
    (['--preset', 'file.yaml'], 'file.yaml must be a ROS parameter file'),
    (['--learners', '0'], 'must be 1 or more'),
    (['--steps', '-5'], 'must be 1 or more'),
    (['--seed', '-1'], 'must be from 0'),
    (['--simulator', 'mujoco'], "invalid choice: 'mujoco'"),
    (['--output', 'file.yaml/run'], 'cannot write in the folder file.yaml/run'),
    (['--weights', 'none.npz'], 'cannot read none.npz'),
    (['--resume', 'nowhere'], 'cannot read nowhere/checkpoint.npz'),
    (['--steps', 2**62 + 1], 'steps must be 4611686018427387904 or less, not 4611686018427387905'),
    (['--reheat', '1.5'], 'must be from 0 to 1, not 1.5'),
    (['--reheat', '0.5'], '--reheat would have no effect: it is for a training that is continued'),
    (['--resume', 'a', '--seed', '0', '--separate'], '--separate, --seed would have no effect: '),
    (['--steps', '1e6'], 'must be a whole number, not 1e6'),
    (['--params-file', 'none.yaml'], 'cannot read none.yaml'),
    (['--params-file', 'quadruped'], 'the robot quadruped is for drivers, not for a simulator'),
])
def test_bad_input_is_refused_in_one_sentence(tmp_path, arguments, words):
    (tmp_path / 'file.yaml').write_text('')
    assert words in refused(tmp_path, 'train', *arguments)
    assert [path.name for path in tmp_path.glob('*') if path.name != 'ros_log'] == ['file.yaml']


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """Train to the end; returns the folder."""
    folder = tmp_path_factory.mktemp('finished')
    run(Trainer(make_config(steps=800), folder / 'run'))
    return folder


@pytest.mark.parametrize('arguments', [
    ['--steps', 100], ['--steps', 800], ['--reheat', 0.5], ['--reheat', 0.5, '--steps', 800]])
def test_a_finished_training_does_not_pretend_to_go_on(finished, arguments):
    folder = finished / 'run'
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert 'run has already taken 800 steps: give --steps above 800' in refused(
        finished, 'train', '--resume', 'run', *arguments)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_finished_training_goes_on_with_more_steps(tmp_path, finished):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    done = dynsyn('train', '--resume', 'run', '--steps', 802, '--reheat', 1.0, folder=tmp_path)
    assert 'finished after 802 of 802 steps' in done.stdout
    assert done.stdout.endswith('continue with: dynsyn train --resume run --steps 1604\n')
    assert dynsyn('train', '--resume', 'run', folder=tmp_path).returncode == 0


def test_what_a_training_is_resumed_with_is_kept_though_it_is_killed_at_once(tmp_path, finished):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    first = Trainer.resume(tmp_path / 'run', 1600)
    first._loop.learner.state.annealing.clock[:] = 1e6
    first.checkpoint()
    Trainer.resume(tmp_path / 'run', 3200, reheat=0.75)
    resumed = Trainer.resume(tmp_path / 'run')
    assert (resumed.steps, resumed.config.steps) == (800, 3200)
    assert resumed._loop.learner.state.annealing.clock == pytest.approx(2.5e5)


def test_the_next_command_of_a_fleet_that_took_more_steps_than_asked_for(tmp_path):
    done = dynsyn('train', '--steps', 1, '--output', 'run', folder=tmp_path)
    *_, advice = done.stdout.splitlines()
    assert advice == 'continue with: dynsyn train --resume run --steps 32'


def test_the_next_command_for_a_robot_of_ones_own_names_its_file(tmp_path):
    text = ROBOT_FILE.read_text().replace('robot: bipedal_walker', 'robot: mine')
    (tmp_path / 'my.yaml').write_text(text)
    done = dynsyn('train', '--steps', 1, '--output', 'run', '--params-file', 'my.yaml',
                  folder=tmp_path)
    advice = done.stdout.splitlines()[2].removeprefix('measure it with: dynsyn ').split()
    assert advice[2:] == ['--params-file', 'my.yaml', '--env-id', 'BipedalWalker-v3']
    measured = dynsyn(*advice, '--episodes', 1, folder=tmp_path)
    assert measured.returncode == 0, measured.stderr
    resumed = dynsyn('train', '--resume', 'run', folder=tmp_path)
    assert '--params-file mine.yaml --env-id BipedalWalker-v3' in resumed.stdout


@pytest.mark.parametrize(('changed', 'file', 'words'), [
    ({'learners': 16}, 'bipedal_walker', []),
    ({'learners': 1}, None, ['--learners', '1']),
    ({'learners': 1, 'separate': True}, None, ['--separate']),
    ({'learners': 16}, 'config/mine.yaml',
     ['--params-file', 'config/mine.yaml', '--env-id', ENVIRONMENTS[0]]),
    ({'simulator': 'envpool', 'learners': 16, 'weights': 'a.npz', 'env_id': ENVIRONMENTS[1]}, None,
     ['--env-id', ENVIRONMENTS[1], '--simulator', 'envpool', '--weights', 'a.npz'])])
def test_the_options_of_a_training_are_those_that_are_no_defaults(changed, file, words):
    assert train.options_of(make_config(**changed), file) == words


def test_a_training_that_ended_when_it_solved_its_task_stays_ended(tmp_path, monkeypatch):
    monkeypatch.setitem(SOLVED_AT, ENVIRONMENTS[0], -1000.0)
    monkeypatch.setattr(episodes, 'WINDOW', 10)
    run(Trainer(make_config(steps=10**6, until_solved=True, learners=16), tmp_path / 'run'))
    before = (tmp_path / 'run' / training.CHECKPOINT).read_bytes()
    for arguments in (['--steps', 2 * 10**6], ['--reheat', 0.5]):
        assert 'run ended when it solved its task: start from its weights with --weights' in (
            refused(tmp_path, 'train', '--resume', 'run', *arguments))
    assert (tmp_path / 'run' / training.CHECKPOINT).read_bytes() == before
    done = dynsyn('train', '--resume', 'run', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'continue with' not in done.stdout


def test_a_training_is_not_written_over(tmp_path):
    run(Trainer(make_config(steps=400), tmp_path))
    before = results(tmp_path)
    with pytest.raises(ConfigError, match='already holds a training: continue it with --resume'):
        Trainer(make_config(steps=400), tmp_path)
    assert results(tmp_path)[0] == before[0]


@pytest.mark.parametrize('left', [
    training.EPISODES, training.SYNAPSES, training.WEIGHTS, training.SUMMARY])
def test_results_without_their_checkpoint_are_not_written_over(tmp_path, finished, left):
    (tmp_path / 'run').mkdir()
    shutil.copy(finished / 'run' / left, tmp_path / 'run')
    before = (tmp_path / 'run' / left).read_bytes()
    assert (f'run holds {left} of an earlier training, but no checkpoint.npz to continue it: put '
            'that back and use --resume, or choose another folder') in refused(
        tmp_path, 'train', '--steps', 100, '--output', 'run')
    assert {path.name: path.read_bytes() for path in (tmp_path / 'run').iterdir()} == {
        left: before}


def test_a_training_that_was_killed_before_its_first_step_begins_anew(tmp_path, finished):
    for name in (training.EPISODES, training.SYNAPSES):
        header, _, _ = (finished / 'run' / name).read_bytes().partition(b'\n')
        (tmp_path / name).write_bytes(header + b'\n')
    assert Trainer(make_config(), tmp_path).steps == 0


def test_a_checkpoint_must_be_one(tmp_path):
    run(Trainer(make_config(steps=400), tmp_path))
    (tmp_path / training.WEIGHTS).replace(tmp_path / training.CHECKPOINT)
    with pytest.raises(ConfigError, match='is not a checkpoint of a training'):
        Trainer.resume(tmp_path)


def test_a_shortened_log_is_noticed(tmp_path):
    run(Trainer(make_config(steps=1200), tmp_path))
    os.truncate(tmp_path / training.EPISODES, 30)
    with pytest.raises(ConfigError, match='is shorter than when it was last written'):
        Trainer.resume(tmp_path)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    run(Trainer(make_config(), tmp_path), until=1000)
    trainer = Trainer.resume(tmp_path)
    before = (tmp_path / training.CHECKPOINT).read_bytes()

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(ConfigError, match=r'cannot write .*episodes\.csv: No space left'):
        trainer.checkpoint()
    assert (tmp_path / training.CHECKPOINT).read_bytes() == before
    assert not list(tmp_path.glob('.*'))
    monkeypatch.undo()
    assert Trainer.resume(tmp_path).steps == 1000
