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

"""The figures: their data are right, and something is drawn."""

import json
import shutil

from conftest import preset, write_training
from dynsyn_ros.figures import adaptation, learning, oscillator, rule
from dynsyn_ros.figures.learning import crossings
from dynsyn_ros.pictures import canvas
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.training import trainer
from dynsyn_ros.training.adaptation import COLUMNS, read
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
    # Linear interpolation between samples: below 1 by an eighth of the squared angle of a step.
    np.testing.assert_allclose(np.abs(cosine), 1.0, atol=(2 * np.pi * 10 / 200) ** 2 / 8)


def test_figure_1_shows_a_centre_that_finds_the_rewarded_weight():
    weight, centre, amplitude, reward = rule.fluctuate(
        rule.hurried(preset('authors')), 1, 1, rule.TARGET)
    assert (np.abs(weight - centre) <= amplitude * (1 + 1e-9)).all()
    # Over its last period it is there within the ripple of a period, alpha A T / 2 pi.
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


def test_half_a_row_of_synapses_does_not_count(tmp_path, training):
    shutil.copytree(training, tmp_path, dirs_exist_ok=True)
    steps, *_ = learning.read_synapses(tmp_path)
    with (tmp_path / trainer.SYNAPSES).open('a') as file:
        file.write('99999,0.1')
    np.testing.assert_array_equal(learning.read_synapses(tmp_path)[0], steps)


@pytest.mark.filterwarnings('error')
def test_synapses_without_rows_are_refused_as_such(tmp_path, training):
    shutil.copytree(training, tmp_path, dirs_exist_ok=True)
    file = tmp_path / trainer.SYNAPSES
    file.write_text(file.read_text().splitlines(keepends=True)[0])
    with pytest.raises(ConfigError, match=r'synapses.csv has no rows yet: .* every 100 steps'):
        learning.read_synapses(tmp_path)


def test_every_figure_is_drawn(tmp_path, training):
    done = dynsyn('figures', 'paper', '--training', training, '--output', 'out', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {f'figure_{i}.png' for i in (1, 2, 3, 6, 7, 8, 9, 10)}
    assert {path.name for path in (tmp_path / 'out').iterdir()} == names
    where, _, written = done.stdout.splitlines()[-1].partition(': ')
    assert (where, set(written.split(', '))) == ('in out', names)
    for name in names:
        with Image.open(tmp_path / 'out' / name) as picture:
            assert len(picture.convert('RGB').getcolors(10**6)) > 20


def test_synapses_are_read_as_they_were_written(training, robot):
    steps, weights, centres = learning.read_synapses(training)
    np.testing.assert_array_equal(steps, np.arange(100, 2001, 100))
    assert list(weights) == list(centres)
    assert 'hip_1 from w_1' in weights
    first = robot.layout.amplitudes(preset('default').synapses)
    for name, weight in weights.items():
        widest = np.abs(weight - centres[name]).max()
        assert 0 < widest < 1.2 * first[robot.first_synapses[name]]


def test_figure_10_has_the_time_of_the_robot_that_was_trained(tmp_path, monkeypatch, training):
    folder = tmp_path / 'run'
    shutil.copytree(training, folder)
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda figure, _: drawn.append(figure))
    for period in (0.02, 0.01):
        summary = json.loads((folder / 'summary.json').read_text())
        summary['task']['robot']['control_period'] = period
        (folder / 'summary.json').write_text(json.dumps(summary))
        learning.figure_10(folder, tmp_path / 'figure_10.png')
        line, *_ = drawn[-1].axes[0].lines
        assert line.get_xdata()[-1] == pytest.approx(2000 * period / 60)
    del summary['task']['robot']
    (folder / 'summary.json').write_text(json.dumps(summary))
    with pytest.raises(ConfigError, match=r'summary\.json has no control_period of its robot'):
        learning.figure_10(folder, tmp_path / 'figure_10.png')


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


@pytest.mark.parametrize('name', ['a$\\frac$', '$5 and $6_', 'bad\udcffname', 'two\nlines'])
def test_any_name_can_be_drawn(tmp_path, name):
    figure = canvas.new()
    axes = figure.add_subplot(title=name, yscale='log')
    axes.plot([1, 2], [1, 1000], label=name)
    axes.set_xticks([1, 2], ['a$\\frac$', 'knee_$'])
    canvas.legend(figure)
    canvas.save(figure, tmp_path / 'named.png')
    assert axes.get_title() == name.replace('\udcff', '?')
    assert '$' in axes.get_yticklabels()[0].get_text()  # numbers still have exponents


def test_a_legend_names_each_curve_of_all_panels_once():
    figure = canvas.new()
    for axes, labels in zip(figure.subplots(1, 2), (('both', 'left'), ('both', 'right')),
                            strict=True):
        for label in labels:
            axes.plot([0, 1], label=label)
    canvas.legend(figure)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ['both', 'left', 'right']


@pytest.mark.parametrize(('arguments', 'words'), [
    (['paper', '--training', 'nowhere'], 'cannot read nowhere/summary.json'),
    (['paper', '--ablation', 'nowhere'], 'cannot read nowhere/curves.png'),
    (['paper', '--preset', 'best'], 'unknown preset best'),
    (['adaptation', '--training', 'run'], 'unrecognized arguments: --training run'),
    (['adaptation', '--change', 'wings'], 'has no change wings: there are unchanged, '),
    (['adaptation', '--changes', './file'], 'file must be a table from the names of changes'),
    (['paper', '--output', 'file/out'], 'cannot write in the folder file/out'),
])
def test_bad_input_is_refused_in_one_sentence(tmp_path, arguments, words):
    (tmp_path / 'file').write_text('')
    assert words in refused(tmp_path, 'figures', *arguments)
    assert not list(tmp_path.rglob('*.png')), 'before anything is drawn'


ADAPT = ('figures', 'adaptation', '--learners', 2, '--before', 1300, '--steps', 1700,
         '--frozen-steps', 1700, '--change', 'weak_hip', '--output', 'out')


def test_an_adaptation_is_run_once_and_drawn(tmp_path):
    done = dynsyn(*ADAPT, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {f'adaptation_weak_hip{end}' for end in (
        '.png', '_on.csv', '_on.json', '_off.csv', '_off.json')}
    assert {path.name for path in (tmp_path / 'out').iterdir()} == names
    where, _, written = done.stdout.splitlines()[-1].partition(': ')
    assert (where, set(written.split(', '))) == ('in out', names)
    json.loads((tmp_path / 'out' / 'adaptation_weak_hip_on.json').read_text(),
               parse_constant=pytest.fail)
    first = (tmp_path / 'out' / 'adaptation_weak_hip_on.csv').stat()
    on, off = (read(tmp_path / 'out' / f'adaptation_weak_hip_{word}.csv')
               for word in ('on', 'off'))
    assert set(on['learner']) == {0, 1}
    assert (on['return'][on['steps'] <= 0] > 300).all(), 'they can walk until they change'
    assert off['return'][-1] < 200
    assert f'| weak_hip | {on["return"][on["steps"] <= 0].mean():.1f} |' in done.stdout
    again = dynsyn(*ADAPT, folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
    assert (tmp_path / 'out' / 'adaptation_weak_hip_on.csv').stat() == first
    assert 'weak_hip_off.csv is of an experiment with other settings' in refused(
        tmp_path, *ADAPT, '--seed', 1)
    assert (tmp_path / 'out' / 'adaptation_weak_hip_on.csv').stat() == first


@pytest.mark.parametrize(('change', 'arguments', 'words'), [
    ('{motor_scale: [0.5]}', (), 'change.motor_scale must have 4 entries, one per joint, not 1'),
    ('{payload: 1.0}', ('--params-file', 'walker2d', '--weights', 'bipedal_walker'),
     'holds weights of another robot'),
    ('{}', ('--before', 5), 'no episode ended within --before'),
    ('{}', ('--frozen-steps', 5), 'no episode ended within --frozen-steps')])
def test_an_impossible_adaptation_is_refused(tmp_path, change, arguments, words):
    (tmp_path / 'changes.yaml').write_text(f'odd: {change}')
    assert words in refused(
        tmp_path, *ADAPT, '--changes', 'changes.yaml', '--change', 'odd', '--learners', 1,
        *arguments)
    written = [path.stem for path in (tmp_path / 'out').iterdir()]
    # The short experiment comes first, and the long one does not begin after it has failed.
    assert set(written) == ({'adaptation_odd_off'} if words.startswith('no episode') else set())


def test_what_was_regained_is_a_share_of_what_was_lost():
    def data(*rows):
        return dict(zip(COLUMNS, np.array(rows, float).T, strict=True))

    # A step is a minute here: 10 of each learner before, 30 after.
    on = data((0, -1, 9, 300, 0), (1, -2, 8, 320, 0), (0, 10, 10, 50, 1), (1, 29, 20, 110, 0),
              (0, 29, 20, 150, 0), (0, 30, 1, 210, 0), (1, 30, 1, 130, 0))
    off = data((0, -1, 9, 999, 0), (0, 3, 9, 999, 0), (0, 20, 9, 20, 1), (1, 20, 9, 0, 1))
    result = adaptation.outcome(on, off, 1.0, (30.0,))
    assert (result.before, result.frozen) == (310.0, 10.0)
    assert result.returns[30.0].tolist() == [180.0, 120.0]
    np.testing.assert_allclose(result.regained(30.0), [170 / 300, 110 / 300])
    learning, frozen = data((0, 5, 5, 90, 0), (1, 5, 5, 100, 0)), data(
        (0, -1, 5, 10, 1), (0, 5, 5, 100, 0), (1, 5, 5, 100, 0))
    assert adaptation.price(learning, frozen) == pytest.approx((0.05, 0.05))
    late = data((2, -1, 5, 90, 0))  # no episode of a third learner has ended since the change
    for i, known in enumerate((learning, frozen)):
        parts = [learning, frozen]
        parts[i] = {name: np.append(known[name], late[name]) for name in COLUMNS}
        assert adaptation.price(*parts) == pytest.approx((0.05, 0.05))
    assert adaptation.row('x', result) == (
        '| x | 310.0 | 10.0 (97 % lost) | 150.0 +- 42.4: 47 % (37 to 57) |')


@pytest.mark.parametrize('minutes', [20, 60, 200])
def test_an_adaptation_is_drawn_to_its_end(tmp_path, monkeypatch, minutes):
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda *given: drawn.append(given[0]))
    steps = np.arange(-9.5, minutes + 0.5)
    data = {'learner': np.zeros(steps.size), 'steps': steps, 'return': np.ones(steps.size)}
    adaptation.figure_adaptation(data, data, 1.0, 'a change', tmp_path / 'a.png')
    hours = len(drawn[0].axes) == 2
    points = np.concatenate([line.get_xdata() for line in drawn[0].axes[-1].get_lines()
                             if line.get_marker() == '.'])
    assert minutes - 11 < points.max() * (60 if hours else 1) <= minutes


@pytest.mark.parametrize('first', [-9.5, 0.5])
def test_learning_off_may_end_long_before_the_spans_of_the_late_panel(
        tmp_path, monkeypatch, first):
    drawn = []
    monkeypatch.setattr(canvas, 'save', lambda *given: drawn.append(given[0]))
    on, off = ({'learner': np.zeros(steps.size), 'steps': steps, 'return': np.full(steps.size, at)}
               for steps, at in ((np.arange(-9.5, 200.5), 5.0), (np.arange(first, 0.6), 2.0)))
    adaptation.figure_adaptation(on, off, 1.0, 'a change', tmp_path / 'a.png')
    for axes, end in zip(drawn[0].axes, (40.0, 200 / 60), strict=True):
        (line,) = (line for line in axes.get_lines() if 'as it would go on' in line.get_label())
        assert (line.get_xdata()[-1], *line.get_ydata()) == (pytest.approx(end, 0.01), 2.0, 2.0)
