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

"""The configuration files are found however the package was installed."""

import ast
from importlib import import_module
from importlib.util import find_spec
import os
from pathlib import Path
import shutil
import subprocess
import sys

from dynsyn_ros.settings.assets import share_directory
import pytest

SOURCE = Path(__file__).resolve().parent.parent
ASK = 'from dynsyn_ros.settings.assets import share_directory; print(share_directory())'


def ask(folder, **environment):
    """Ask a copy of the package that lies in ``folder``, away from the source tree."""
    env = {key: value for key, value in os.environ.items() if key != 'AMENT_PREFIX_PATH'}
    return subprocess.run(
        [sys.executable, '-c', ASK], capture_output=True, text=True, cwd=folder, check=False,
        env={**env, 'PYTHONPATH': str(folder), **environment})


@pytest.fixture
def copy(tmp_path):
    """Make a bare copy of the package, with no files beside it."""
    folder = tmp_path / 'site'
    shutil.copytree(SOURCE / 'dynsyn_ros', folder / 'dynsyn_ros')
    return folder


@pytest.mark.parametrize('file', sorted((SOURCE / 'launch').iterdir()), ids=lambda path: path.name)
def test_launch_files_import_what_there_is(file):
    """Check it even if launch is not installed and no launch file can run."""
    taken = [(node.module, name.name) for node in ast.walk(ast.parse(file.read_text()))
             if isinstance(node, ast.ImportFrom) and node.module.startswith('dynsyn_ros')
             for name in node.names]
    assert taken
    for module, name in taken:
        assert hasattr(import_module(module), name) or find_spec(f'{module}.{name}'), (
            f'{module} has no {name}')


def test_in_the_source_tree():
    assert share_directory() == SOURCE


def test_in_a_sourced_workspace(copy, tmp_path):
    share = tmp_path / 'install' / 'share' / 'dynsyn_ros'
    shutil.copytree(SOURCE / 'config', share / 'config')
    found = ask(copy, AMENT_PREFIX_PATH=f'/opt/nowhere:{tmp_path / "install"}')
    assert found.stdout.split() == [str(share)]


def test_installed_by_pip(tmp_path):
    tree = tmp_path / 'tree'
    shutil.copytree(SOURCE, tree, ignore=shutil.ignore_patterns(
        '.git', '.venv*', 'runs', '*.egg-info', '__pycache__', 'build'))
    target = tmp_path / 'prefix'
    subprocess.run(
        [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-build-isolation',
         '--no-compile', '--ignore-installed', '--prefix', str(target), str(tree)],
        check=True, capture_output=True)
    (site,) = target.glob('lib/python*/site-packages')
    found = ask(site).stdout.split()
    assert found == [str(target / 'share' / 'dynsyn_ros')]
    for file in ('package.xml', 'launch/walker_sim.launch.py', 'config/presets/default.yaml',
                 'config/tune/first_half.yaml'):
        assert Path(found[0], file).is_file()
    for file in ('page.html', 'page.js', 'vendor/uPlot.iife.min.js', 'vendor/uPlot.LICENSE'):
        assert (site / 'dynsyn_ros' / 'dashboard' / file).is_file()
    assert (target / 'lib' / 'dynsyn_ros' / 'simulator').exists() or (
        target / 'bin' / 'simulator').exists()
