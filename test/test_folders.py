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


"""Folders of results: one kind of run, one process at a time, and nothing overwritten."""

import fcntl
import json
import signal
import subprocess
import sys

from dynsyn_ros.settings.files import replaced
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage.folders import (
    check_picture,
    Claim,
    InUse,
    kind_of,
    MANIFEST,
    SEARCH,
    SWEEP,
    TRAINING,
    WALK,
)
from programs import PATIENCE, refused
import pytest

HOLD = (sys.executable, '-c', """
import sys
from pathlib import Path
from dynsyn_ros.storage.folders import Claim
Claim(Path(sys.argv[1]), 'walk')
print('claimed', flush=True)
sys.stdin.read()
""")


def lock(folder):
    """Lock a folder as another process would; returns the open file."""
    file = (folder / MANIFEST).open('a')
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def test_a_folder_is_of_one_process_until_it_ends_however_it_does(tmp_path):
    with subprocess.Popen(
            [*HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b'claimed\n'
            with pytest.raises(ConfigError, match='is in use by another run'):
                Claim(tmp_path, WALK)
        finally:
            other.send_signal(signal.SIGKILL)
    Claim(tmp_path, WALK, patience=PATIENCE).release()


def test_a_process_may_claim_again_what_it_has(tmp_path):
    first, second = Claim(tmp_path, WALK), Claim(tmp_path, WALK)
    with pytest.raises(ConfigError, match='is the folder of a walk: choose another one for a tr'):
        Claim(tmp_path, TRAINING)
    with pytest.raises(InUse, match='is in use by another run'):
        Claim(tmp_path, WALK, alone=True)
    first.release()
    first.release()
    for held in (True, False):
        with (tmp_path / MANIFEST).open() as other:
            if held:
                with pytest.raises(BlockingIOError):
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                second.release()
            else:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_manifest_says_what_made_the_folder_and_stays(tmp_path):
    for _ in range(2):
        Claim(tmp_path / 'run', SWEEP).release(undo=_ == 1)
        manifest = json.loads((tmp_path / 'run' / MANIFEST).read_text())
        assert manifest['kind'] == kind_of(tmp_path / 'run') == SWEEP
        assert manifest.keys() == {'kind', 'version', 'command'}
    Claim(tmp_path / 'other', SWEEP).release(undo=True)
    assert not list((tmp_path / 'other').iterdir())


@pytest.mark.parametrize(('mark', 'kind'), [
    ('checkpoint_00000001.npz', WALK), ('best.npz', WALK), ('checkpoint.npz', TRAINING),
    ('as it is/seed_0/checkpoint.npz', SWEEP), ('study.journal', SEARCH)])
def test_older_folders_are_known_by_what_is_in_them(tmp_path, mark, kind):
    (tmp_path / mark).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / mark).touch()
    other = WALK if kind == TRAINING else TRAINING
    with pytest.raises(ConfigError, match=f'is the folder of a {kind}'):
        Claim(tmp_path, other)
    assert not (tmp_path / MANIFEST).exists()
    Claim(tmp_path, kind).release()


def test_what_killed_ones_left_half_written_is_cleared_and_nothing_else(tmp_path):
    mine = ('.finished_7', 'notes.tmp', '.notes.tmp', '.notes.txt.x1y2z3w4.tmp', 'a.dynsyn.tmp')
    for name in mine:
        (tmp_path / name).touch()
    folders = ('.cache.tmp', '.cache.dynsyn.tmp')
    for name in folders:
        (tmp_path / name).mkdir()
    with replaced(tmp_path / 'weights.npz'):
        (torn,) = tmp_path.glob('.weights.npz.*')
    (tmp_path / 'weights.npz').unlink()
    torn.touch()
    Claim(tmp_path, WALK).release()
    assert {path.name for path in tmp_path.iterdir()} == {*mine, *folders, MANIFEST}


@pytest.mark.parametrize('content', ['[]', '{', '{}', '[' * 100_000, 'x' * 2_000_000])
def test_a_manifest_that_is_none_is_refused(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(ConfigError, match=r'manifest\.json'):
        Claim(tmp_path, WALK)
    assert (tmp_path / MANIFEST).read_text() == content


def test_pictures_replace_no_result(tmp_path):
    check_picture(tmp_path / 'a.gif', '.gif')
    (tmp_path / 'a.gif').touch()
    check_picture(tmp_path / 'a.gif', '.gif')
    with pytest.raises(ConfigError, match=r'weights\.npz must have a name that ends in \.gif'):
        check_picture(tmp_path / 'weights.npz', '.gif')
    Claim(tmp_path, WALK).release()
    with pytest.raises(ConfigError, match=r'a\.gif is a result of the run in its folder'):
        check_picture(tmp_path / 'a.gif', '.gif')
    check_picture(tmp_path / 'b.gif', '.gif')


def test_no_program_takes_the_folder_of_another(tmp_path):
    Claim(tmp_path / 'walk', WALK).release()
    Claim(tmp_path / 'training', TRAINING).release()
    (tmp_path / 'sweep.yaml').write_text(
        '{env_id: BipedalWalker-v3, simulator: gymnasium, preset: default, learners: 1, '
        'separate: false, steps: 10, until_solved: false, weights: none, seeds: [0], '
        'settings: {a: {}}}')
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}
    for arguments in (('train', '--steps', 10, '--learners', 1, '--output', 'walk'),
                      ('figures', 'paper', '--output', 'walk'),
                      ('sweep', 'sweep.yaml', '--output', 'walk')):
        assert 'walk is the folder of a walk: choose another one for ' in refused(
            tmp_path, *arguments)
    file = lock(tmp_path / 'training')
    assert 'training is in use by another run' in refused(
        tmp_path, 'train', '--steps', 10, '--learners', 1, '--output', 'training')
    file.close()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')
            if 'ros_log' not in path.parts} == before
