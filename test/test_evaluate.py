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

"""Evaluation: frozen is frozen, the numbers add up, and obstacles are recognised."""

from itertools import count, pairwise
import json
import resource
import signal
import subprocess
from types import SimpleNamespace

from conftest import preset, robot_config
from dynsyn_ros.cli.evaluate import describe
from dynsyn_ros.learner import Learner
from dynsyn_ros.pictures.film import Film
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker, ENVIRONMENTS
from dynsyn_ros.simulation.obstacles import Course, Obstacle, obstacles
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.episodes import Episode
from dynsyn_ros.training.evaluation import evaluate, summary
import numpy as np
from PIL import Image
from programs import dynsyn, PATIENCE, PROGRAM, refused
import pytest


@pytest.fixture
def file(tmp_path, robot):
    path = tmp_path / 'weights.npz'
    weights.write(path, weights.pack(Learner(robot.layout, preset('authors'), seed=1), robot, {}))
    return path


def test_evaluate_describes_its_episodes(tmp_path, file):
    done = dynsyn('evaluate', file, '--episodes', 4, '--seed', 2, '--gif', 'last.gif',
                  folder=tmp_path)
    assert done.returncode == 0, done.stderr
    episodes = list(evaluate(file, robot_config(), ENVIRONMENTS[0], 2, 4))
    totals = [episode.total for episode in episodes]
    returns, speed, film = done.stdout.splitlines()
    assert returns == describe(summary(episodes, Course()))
    assert speed.startswith('speed: mean ')
    assert film == 'film: last.gif'
    mean, spread = np.mean(totals), np.std(totals, ddof=1)
    assert f'4 episodes: mean {mean:.1f}, SD {spread:.1f}' in done.stdout
    assert f'{sum(episode.fell for episode in episodes)} fall' in done.stdout
    with Image.open(tmp_path / 'last.gif') as film:
        assert film.n_frames == episodes[-1].length // 3


def test_one_episode_is_described_as_one():
    words = describe(summary([Episode(-100.0, 50, True)], Course()))
    assert words.startswith('1 episode: mean -100.0, SD -, quartiles ')
    assert '; 1 fall; 50 steps' in words


def test_interrupted_it_describes_the_episodes_it_has(tmp_path, file):
    with subprocess.Popen(
            [*PROGRAM, 'evaluate', file, '--episodes', '100000',
             '--gif', 'last.gif'],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        said = ''
        while 'mean' not in said:
            said = program.stderr.readline() or pytest.fail(said)
        program.send_signal(signal.SIGINT)
        out, errors = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, errors
    interrupted, words, _, film = out.splitlines()
    assert film.startswith('last.gif is not written')
    assert 1 <= int(words.split()[0]) < 100_000
    assert interrupted == f'interrupted after {words.split()[0]} of 100,000 episodes'
    assert not (tmp_path / 'last.gif').exists()


def test_json_and_a_film_as_mp4(tmp_path, file):
    ffmpeg = pytest.importorskip('imageio_ffmpeg', reason='mp4 is an extra')
    done = dynsyn('evaluate', file, '--episodes', 1, '--seed', 2, '--json', '--quiet',
                  '--video', 'last.mp4', folder=tmp_path)
    assert not done.stderr
    result = json.loads(done.stdout, parse_constant=pytest.fail)
    (episode,) = evaluate(file, robot_config(), ENVIRONMENTS[0], 2, 1)
    assert (result['mean'], result['returns'], result['falls']) == (
        episode.total, [episode.total], int(episode.fell))
    frames = ffmpeg.read_frames(str(tmp_path / 'last.mp4'))
    assert next(frames)['size'] == (300, 200)
    assert len(list(frames)) == episode.length // 3


@pytest.mark.parametrize(('step', 'period'), [(0.02, 0.06), (0.01, 0.06), (0.008, 0.064)])
def test_a_film_is_the_last_half_minute_of_any_robot(tmp_path, step, period):
    film, drawn = Film(tmp_path / 'a.gif'), count()
    robot = SimpleNamespace(  # each picture has a shade of its own, since a GIF merges equal ones
        spec=SimpleNamespace(time_step=step),
        render=lambda: np.full((20, 30, 3), next(drawn) % 251, np.uint8))
    film.begin(robot)
    steps = round(40.0 / step)
    for number in range(1, steps + 1):
        film.add(robot, steps - number)
    assert film.save()
    with Image.open(tmp_path / 'a.gif') as picture:
        assert picture.n_frames * period == pytest.approx(32.4, abs=period)
    assert next(drawn) <= picture.n_frames + 2, 'earlier frames are not drawn'


def test_a_film_without_a_frame_replaces_nothing(tmp_path):
    path = tmp_path / 'walk.gif'
    path.write_text('another')
    assert not Film(path).save()
    assert path.read_text() == 'another'


@pytest.mark.parametrize('suffix', ['.gif', '.mp4'])
def test_a_film_that_the_disk_cannot_hold_is_reported_and_replaces_nothing(tmp_path, suffix):
    if suffix == '.mp4':
        pytest.importorskip('imageio_ffmpeg', reason='mp4 is an extra')
    path = tmp_path / f'walk{suffix}'
    path.write_text('another')
    film = Film(path)
    robot = SimpleNamespace(spec=SimpleNamespace(time_step=0.06),
                            render=lambda: np.zeros((20, 30, 3), np.uint8))
    film.begin(robot)
    film.add(robot, 0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**6, limits[1]))
    try:
        with pytest.raises(ConfigError, match=f'cannot write .*{suffix}: File too large'):
            film.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == 'another'
    assert list(tmp_path.iterdir()) == [path]


def test_frozen_and_learning_differ(file):
    def first(learning):
        return next(evaluate(file, robot_config(), ENVIRONMENTS[0], 2, 1, learning))

    assert first(False) == first(False)
    assert first(True) == first(True)
    assert first(True) != first(False)


def test_weights_of_several_learners_are_refused(tmp_path, robot):
    learner = Learner(robot.layout, preset('default'), seed=1, numbers=range(3), shared=True)
    weights.write(tmp_path / 'fleet.npz', weights.pack(learner, robot, {}))
    with pytest.raises(ConfigError, match=r'fleet\.npz holds 3 learners; evaluate needs one'):
        next(evaluate(tmp_path / 'fleet.npz', robot_config(), ENVIRONMENTS[0], 2, 1))
    weights.write(tmp_path / 'one.npz', weights.pack(learner, robot, {}, member=1))
    assert next(evaluate(tmp_path / 'one.npz', robot_config(), ENVIRONMENTS[0], 2, 1)).length > 0


@pytest.mark.parametrize(('arguments', 'words'), [
    (['none.npz'], 'cannot read none.npz'),
    (['file.npz'], 'file.npz is not a weights file'),
    (['file.npz', '--episodes', '0'], 'must be 1 or more'),
    (['file.npz', '--seed', '-3'], 'must be from 0'),
    (['file.npz', '--params-file', 'biped'], 'the robot biped is for drivers, not for a simul'),
    (['file.npz', '--gif', 'file.npz/a.gif'], 'cannot write in the folder file.npz'),
    (['file.npz', '--video', 'a.avi'], 'a.avi must have a name that ends in .gif or .mp4'),
    (['file.npz', '--preset', 'authors'], '--preset would have no effect: without --learn'),
    (['best'], 'unknown weights best: it must be one of bipedal_walker, or a file that ends in'),
    (['./'], 'is a folder: name a weights file, as weights.npz is after a training'),
    (['run'], 'run is a folder: name a weights file, as run/weights.npz is after a training'),
    (['bipedal_walker', '--env-id', 'Walker2d-v5'], 'the parameter file is for another robot'),
])
def test_bad_input_is_refused_in_one_sentence(tmp_path, arguments, words):
    (tmp_path / 'file.npz').write_text('')
    (tmp_path / 'run').mkdir()
    assert words in refused(tmp_path, 'evaluate', *arguments)


def test_the_flat_course_has_no_obstacles():
    assert obstacles(BipedalWalker(ENVIRONMENTS[0], seed=1)) == []


@pytest.mark.parametrize('seed', range(3))
def test_obstacles_are_those_of_the_terrain(seed):
    walker = BipedalWalker(ENVIRONMENTS[1], seed)
    step = walker.environment.unwrapped.terrain_x[1]
    x, y = (np.array(getattr(walker.environment.unwrapped, f'terrain_{axis}')) for axis in 'xy')
    found = obstacles(walker)
    assert len(found) > 5
    assert {'stairs', 'stump', 'pit'} == {obstacle.kind for obstacle in found}
    for before, after in pairwise(found):
        assert before.begin < before.end < after.begin
    for kind, begin, end in found:
        inside = y[(x > begin - step / 2) & (x < end + step / 2)]
        depth = np.ptp(inside) / step
        width = (end - begin) / step
        if kind == 'pit':
            assert depth > 3
            assert 3.5 < width < 5.5
        elif kind == 'stairs':
            assert 1 < depth < 5
            assert width > 11
        else:
            assert depth < 1
            assert width < 2.5


def test_a_course_counts_what_was_met_and_passed():
    course = Course()
    course.add([Obstacle('stairs', 10, 20), Obstacle('pit', 30, 32), Obstacle('pit', 50, 52)],
               1.0, 31.0, 20.0)
    assert str(course) == 'stairs 1 of 1, stump 0 of 0, pit 0 of 1'
    assert course.speeds == [1.5]
