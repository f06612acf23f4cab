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

"""The figures: what they are drawn from is right, and something is drawn."""

from conftest import preset, write_training
from dynsyn_ros.figures import learning, oscillator, rule
from dynsyn_ros.figures.learning import crossings
from dynsyn_ros.pictures import canvas
import numpy as np
from PIL import Image
from programs import dynsyn, refused
import pytest


def test_crossings_of_a_sine_are_where_they_must_be():
    steps = np.arange(0.0, 1000.0, 10.0)
    angle = 2 * np.pi * (steps + 3.0) / 200
    when, upwards, (cosine,) = crossings(steps, np.sin(angle), np.cos(angle))
    np.testing.assert_allclose(when, 97.0 + 100.0 * np.arange(10)[:len(when)], atol=0.05)
    assert upwards.tolist() == [False, True] * (len(when) // 2) + [False] * (len(when) % 2)
    # Linear between samples of a step's angle, so short of 1 by its square over 8.
    np.testing.assert_allclose(np.abs(cosine), 1.0, atol=(2 * np.pi * 10 / 200) ** 2 / 8)


def test_figure_1_shows_a_centre_that_finds_the_rewarded_weight():
    weight, centre, amplitude, reward = rule.fluctuate(
        rule.hurried(preset('authors')), 1, 1, rule.TARGET)
    assert (np.abs(weight - centre) <= amplitude * (1 + 1e-9)).all()
    # Over its last period it is there to within the ripple of a period, alpha A T / 2 pi.
    ripple = rule.RATE * amplitude[-1, 0] * 20_000 / (2 * np.pi)
    assert abs(centre[-round(20_000 / 33):].mean() - rule.TARGET) < ripple < 0.05
    np.testing.assert_allclose(
        reward, np.exp(-((weight[:, 0] - rule.TARGET) / rule.WIDTH) ** 2))


def test_figure_6_oscillates_in_the_middle_of_the_ramp_only():
    drive, v, w = oscillator.ramp(preset('authors'))
    turns = np.flatnonzero(np.diff(np.sign(np.diff(v))) != 0)
    swings = turns[np.abs(np.diff(v[turns], prepend=v[0])) > 1.0]
    # The fixed point is unstable for |I| < 1.01; a ramp enters and leaves late.
    assert -0.7 < drive[swings[0]] < -0.3
    assert 0.9 < drive[swings[-1]] < 1.2
    assert np.abs(w).max() <= 2.0


@pytest.fixture(scope='module')
def training(tmp_path_factory):
    folder = tmp_path_factory.mktemp('training')
    done = dynsyn('train', '--learners', 2, '--steps', 4000, '--output', 'run', folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / 'run'


def test_every_figure_is_drawn(tmp_path, training):
    done = dynsyn('figures', '--training', training, '--output', 'out', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {f'figure_{i}.png' for i in (1, 2, 3, 6, 7, 8, 9, 10)}
    assert {path.name for path in (tmp_path / 'out').iterdir()} == names
    for name in names:
        with Image.open(tmp_path / 'out' / name) as picture:
            assert len(picture.convert('RGB').getcolors(10**6)) > 20


def test_synapses_are_read_as_they_were_written(training):
    steps, weights, centres = learning.read_synapses(training)
    np.testing.assert_array_equal(steps, np.arange(100, 4001, 100))
    assert list(weights) == list(centres)
    assert 'hip_1 from w_1' in weights
    first = preset('default').synapses.amplitude[-1]
    for name, weight in weights.items():
        assert 0 < np.abs(weight - centres[name]).max() < 1.2 * first


@pytest.mark.parametrize(('shared', 'curves'), [
    (False, [([1, 2], [1.5, 2.5]), ([1], [3.5])]),
    (True, [([1, 2, 3], [1.5, 3.5, 2.5])]),
], ids=['walkers apart', 'fleet'])
def test_figure_8_counts_the_episodes_that_its_means_are_over(
        tmp_path, monkeypatch, shared, curves):
    rows = [(0, 1, 90, 90, 1, 1, 1.5), (1, 1, 95, 95, 3, 1, 3.5), (0, 2, 200, 110, 2, 1, 2.5)]
    write_training(tmp_path / 'run', rows, 2, shared, 200)
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda figure, _: drawn.append(figure))
    learning.figure_8(tmp_path / 'run', tmp_path / 'figure_8.png')
    (axes,) = drawn[0].axes
    assert curves == [(line.get_xdata().tolist(), line.get_ydata().tolist())
                      for line in axes.lines if line.get_label().startswith('mean')]


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--training', 'nowhere'], 'cannot read nowhere/episodes.csv'),
    (['--ablation', 'nowhere'], 'cannot read nowhere/curves.png'),
    (['--preset', 'best'], 'unknown preset best'),
    (['--output', 'file/out'], 'cannot write in the folder file/out'),
])
def test_bad_input_is_refused_in_one_sentence(tmp_path, arguments, words):
    (tmp_path / 'file').write_text('')
    assert words in refused(tmp_path, 'figures', *arguments)
