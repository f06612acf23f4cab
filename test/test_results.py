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

"""What ``dynsyn results`` prints is what the episodes say."""

from conftest import write_training
from dynsyn_ros.training.results import read_results
from programs import dynsyn, refused
import pytest

GOALS = (50.0, 149.5, 300.0)


def rising(learner, episodes, slope):
    """
    Episodes of 10 steps each; number ``n`` has the mean of 100 ``slope * n``, odd ones are falls.

    The first 99 have a mean of 1000, over fewer than 100 episodes.
    """
    return [(learner, n, 10 * n, 10 + n % 4, 0.0, n % 2, slope * n if n >= 100 else 1000.0)
            for n in range(1, episodes + 1)]


def tables(folder, *options):
    """Print both tables in Markdown; returns their cells."""
    done = dynsyn('results', 'run', '--markdown', *options, folder=folder)
    assert done.returncode == 0, done.stderr
    parts = done.stdout.split('\n\n')[:2]
    return [[[cell.strip() for cell in line.strip('|').split('|')]
             for line in part.splitlines()[2:]] for part in parts]


def test_each_learner_alone_is_told_of_by_itself(tmp_path):
    rows = [*rising(0, 200, 1.0), *rising(1, 150, 2.0), *rising(2, 99, 1.0)]
    rows.sort(key=lambda row: row[2])
    write_training(tmp_path / 'run', rows, 3, False, 2500)
    first, second, third = read_results(tmp_path / 'run', GOALS)
    assert (first.name, first.steps, first.episodes) == ('learner 0', 2500, 200)
    # At the hundredth episode at the earliest, even if the mean is above the goal by then.
    assert first.after == (1000, 1500, None)
    assert (first.best, first.best_after, first.last, first.solved) == (200.0, 2000, 200.0, False)
    assert (first.falls, first.length) == (50, 11.5)
    assert (second.after, second.best, second.solved) == ((1000, 1000, 1500), 300.0, True)
    assert (third.episodes, third.after, third.best) == (99, (None,) * 3, None)
    assert (third.last, third.last_of) == (1000.0, 99)


def test_a_fleet_is_one_and_its_steps_are_those_of_all(tmp_path):
    write_training(tmp_path / 'sweep' / 'fast' / 'seed_10', rising(0, 150, 2.0), 16, True, 1000)
    write_training(tmp_path / 'sweep' / 'fast' / 'seed_2', rising(0, 120, 1.0), 16, True, 1300)
    second, tenth = read_results(tmp_path / 'sweep', GOALS)
    assert (second.name, second.steps, second.best_after) == ('seed_2', 16 * 1300, 16 * 1200)
    # It has continued since its last checkpoint.
    assert (tenth.name, tenth.steps, tenth.after[2]) == ('seed_10', 16 * 1500, 16 * 1500)
    assert second.group == tenth.group == tmp_path / 'sweep' / 'fast'


def test_separate_learners_in_a_sweep_are_a_group_of_their_setting(tmp_path):
    for seed in range(2):
        write_training(tmp_path / 'sweep' / 'slow' / f'seed_{seed}', rising(0, 120, 1.0), 2, False,
                       1300)
    results = read_results(tmp_path / 'sweep', GOALS)
    assert [each.name for each in results] == [
        f'seed_{seed}, learner {i}' for seed in range(2) for i in range(2)]
    assert {each.group for each in results} == {tmp_path / 'sweep' / 'slow'}


def test_a_training_without_episodes_has_only_steps(tmp_path):
    write_training(tmp_path / 'run', [], 2, False, 50)
    runs, groups = tables(tmp_path)
    assert runs[0] == ['run, learner 0', '50', '0', *'-------']
    assert groups == [['run', '2', '0', *'----']]


def test_the_tables_have_a_row_for_each_and_one_for_all(tmp_path):
    rows = [*rising(0, 200, 1.0), *rising(1, 100, 3.0), *rising(2, 64, 1.0)]
    write_training(tmp_path / 'run', rows, 3, False, 2_500_000)
    runs, groups = tables(tmp_path, '--goals', 150)
    assert runs == [
        ['run, learner 0', '2.50 M', '200', '1,500', '200.0 at 2,000', '200.0', '50', '12'],
        ['run, learner 1', '2.50 M', '100', '1,000', '300.0 at 1,000', '300.0', '50', '12'],
        ['run, learner 2', '2.50 M', '64', '-', '-', '1000.0 (of 64)', '32', '12']]
    # Mean and standard deviation of 200 and 300: 250 and 100 / sqrt(2).
    assert groups == [
        ['run', '3', '1', '200.0, 300.0', '250.0 (70.7)', '250.0 (70.7)', '50.0']]
    done = dynsyn('results', 'run', '--goals', 150, folder=tmp_path)
    aligned = done.stdout.split('\n\n')[0].splitlines()
    assert len({len(line) for line in aligned[2:]}) == 1
    assert not any('|' in line for line in aligned)


def test_runs_and_groups_with_the_same_name_are_told_apart(tmp_path):
    for setting in ('fast', 'slow'):
        write_training(tmp_path / 'run' / setting / 'a', [], 2, False, 50)
    runs, groups = tables(tmp_path)
    assert [row[0] for row in runs] == [
        f'{setting}/a, learner {i}' for setting in ('fast', 'slow') for i in (0, 1)]
    assert [row[:2] for row in groups] == [['fast/a', '2'], ['slow/a', '2']]


def test_a_training_that_is_in_two_of_the_folders_counts_once(tmp_path):
    write_training(tmp_path / 'run' / 'fast' / 'seed_0', [], 2, True, 50)
    alone, both = (dynsyn('results', *folders, folder=tmp_path) for folders in (
        ['run'], ['run', 'run/fast/seed_0']))
    assert (both.returncode, both.stdout) == (0, alone.stdout)


def test_a_task_that_nobody_calls_solved_has_no_such_count(tmp_path):
    write_training(tmp_path / 'run', rising(0, 100, 9.0), 1, True, 1000, 'Bolt-v0')
    runs, groups = tables(tmp_path)
    assert runs[0][3:6] == ['1,000', '1,000', '1,000']
    assert groups[0][2] == '-'
    write_training(tmp_path / 'runs' / 'a', rising(0, 100, 9.0), 1, True, 1000, 'Bolt-v0')
    write_training(tmp_path / 'runs' / 'b', rising(0, 100, 9.0), 1, True, 1000)
    done = dynsyn('results', 'runs', '--markdown', folder=tmp_path)
    (group,) = (line for line in done.stdout.splitlines() if line.startswith('| runs '))
    assert group.split('|')[3].strip() == '1', 'of those that have such a mean'


def test_the_files_of_a_former_version_are_read_as_they_were_meant(tmp_path):
    (tmp_path / 'summary.json').write_text(
        '{"steps": 1300, "task": {"env_id": "BipedalWalker-v3", "learners": 16, "shared": true}}')
    rows = [','.join(map(str, row)) for row in rising(0, 120, 1.0)]
    (tmp_path / 'episodes.csv').write_text('\n'.join(
        ['learner,episode,steps,length,return,fell,mean_100', *rows, '']))
    (result,) = read_results(tmp_path, GOALS)
    assert (result.steps, result.best_after, result.best) == (16 * 1300, 16 * 1200, 120.0)


def test_a_run_that_is_half_written_is_told_of_like_a_whole_one(tmp_path):
    folder = tmp_path / 'sweep' / 'fast' / 'seed_0'
    done = dynsyn('train', '--learners', 2, '--steps', 1200, '--output', folder, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (whole,) = read_results(folder, GOALS)
    assert whole.episodes > 3
    with (folder / 'episodes.csv').open('a') as file:
        file.write('0,99,13')  # as a full disk leaves it
    assert read_results(folder, GOALS) == [whole]
    (folder / 'summary.json').unlink()  # as after a kill before the first one
    (tmp_path / 'sweep' / 'other').mkdir()
    (tmp_path / 'sweep' / 'other' / 'checkpoint.npz').write_text('junk')
    assert read_results(folder, GOALS) == read_results(tmp_path / 'sweep', GOALS) == [whole]


@pytest.mark.parametrize(('summary', 'words'), [
    (None, 'run holds no training: there is no summary.json or checkpoint.npz in it'),
    ('[]', 'run/summary.json is not the summary.json of a training'),
    ('{"steps": 1, "task": {"learners": 1}}',
     'run/summary.json is not the summary.json of a training'),
    ('{"steps": 1, "task": {"env_id": "Bolt-v0", "learners": 1, "separate": true}}',
     'cannot read'),
])
def test_bad_input_is_refused_in_one_sentence(tmp_path, summary, words):
    (tmp_path / 'run').mkdir()
    if summary:
        (tmp_path / 'run' / 'summary.json').write_text(summary)
    assert words in refused(tmp_path, 'results', 'run')


def test_a_goal_is_a_number(tmp_path):
    for goal in ('nan', 'inf', 'high'):
        assert f'must be a number, not {goal}' in refused(
            tmp_path, 'results', 'run', '--goals', '100', goal)
