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

"""Compiled kernels are kept, but only as long as their sources do not change."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

from dynsyn_ros.settings import kernel_cache
from pages import SOURCE
import pytest

#: A kernel that calls one in another file; only that file is edited. The slope of v at 2 is 2 - 8.
CALLER = '''
from dynsyn_ros.learner import oscillators
import numpy as np

CONSTANTS = np.zeros((), oscillators.CONSTANTS)[()]
from numba import njit

@njit(cache=True)
def slope(v):
    return oscillators.slope(v, 0.0, 0.0, CONSTANTS)[0]

print(slope(2.0))
'''
CUBE = 'v * v * v'
RUN = 'import dynsyn_ros.caller'


@pytest.fixture
def tree(tmp_path):
    """Copy the package and add the caller; nothing is compiled yet."""
    package = tmp_path / 'tree' / 'dynsyn_ros'
    shutil.copytree(SOURCE / 'dynsyn_ros', package, ignore=shutil.ignore_patterns('__pycache__'))
    (package / 'caller.py').write_text(CALLER)
    return package


def run(tree, code=RUN, **environment):
    """Run code on the copy; returns its output, what numba did, and the warnings."""
    env = {key: value for key, value in os.environ.items() if key != kernel_cache.VARIABLE}
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True,
        cwd=tree.parent, env={
            **env, 'PYTHONPATH': str(tree.parent), 'NUMBA_DEBUG_CACHE': '1', **environment})
    lines = done.stdout.splitlines()
    return ([line for line in lines if not line.startswith('[cache]')],
            {word for line in lines for word in ('saved', 'loaded') if f'data {word}' in line},
            done.stderr.splitlines())


def folders(parent):
    return {folder.name for folder in parent.glob(f'{kernel_cache.PREFIX}*')}


def test_kernels_are_as_old_as_all_sources(tree):
    assert run(tree) == (['-6.0'], {'saved'}, [])
    with (tree / 'cli' / 'main.py').open('a') as file:
        file.write('# edited')
    assert run(tree, 'import numba;' + RUN) == (['-6.0'], {'loaded'}, [])
    source = tree / 'learner' / 'oscillators.py'
    text = source.read_text()
    assert text.count(CUBE) == 1
    source.write_text(text.replace(CUBE, f'1000.0 * {CUBE}'))
    assert run(tree) == (['-7998.0'], {'saved'}, [])
    assert len(folders(tree / '__pycache__')) == 2


def test_no_kernel_is_in_a_layer_whose_edits_do_not_count():
    for layer in kernel_cache.ABOVE_KERNELS:
        for file in (SOURCE / 'dynsyn_ros' / layer).rglob('*.py'):
            assert 'numba' not in file.read_text(), file


def test_no_folder_can_be_written(tree, tmp_path):
    for folder in (tree, tree / 'learner'):
        (folder / '__pycache__').touch()
    code = f'{RUN}; import subprocess, sys; subprocess.run([sys.executable, "-c", "{RUN}"])'
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    said, did, warnings = run(
        tree, code, HOME='/dev/null', XDG_CACHE_HOME='', TMPDIR=str(temporary))
    assert (said, did) == (['-6.0', '-6.0'], {'saved', 'loaded'})
    (warning,) = warnings
    assert 'compiled kernels are kept for this run only' in warning
    assert 'set NUMBA_CACHE_DIR to one that is' in warning
    assert not list(temporary.iterdir())


@pytest.mark.parametrize('given', ['', f'{kernel_cache.PREFIX}of_the_parent'],
                         ids=["a user's", "of the process that started this one"])
def test_a_given_folder_holds_ours_and_the_old_ones_go(tmp_path, monkeypatch, given):
    old = [tmp_path / f'{kernel_cache.PREFIX}{i}' for i in range(kernel_cache.KEPT + 2)]
    for i, folder in enumerate(old):
        folder.mkdir()
        os.utime(folder, (i, i))
    (tmp_path / 'of_others').mkdir()
    monkeypatch.setenv(kernel_cache.VARIABLE, str(tmp_path / given))
    kernel_cache.use_kernel_cache()
    ours = Path(os.environ[kernel_cache.VARIABLE])
    assert ours.parent == tmp_path
    assert folders(tmp_path) == {ours.name, *(folder.name for folder in old[3:])}
    assert (tmp_path / 'of_others').exists()
