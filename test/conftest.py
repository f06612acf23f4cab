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

"""What the tests share: the package's robot and presets, and their own ROS domain."""

from collections import Counter
import csv
from dataclasses import fields, replace
import json
import os

from dynsyn_ros.nodes import domains

os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
# Domains up to 101 are safe on Linux; each worker and each parallel run has its own. Those above
# 50 are for the programs in benchmarks.
_HELD = domains.hold(1 + (os.getpid() + k) % 50 for k in range(50))
os.environ[domains.DOMAIN] = str(_HELD[0])

from dynsyn_ros.robot import Robot, RobotConfig  # noqa: E402
from dynsyn_ros.settings import parameters  # noqa: E402
from dynsyn_ros.settings.assets import preset_file, ROBOT_FILE  # noqa: E402
from dynsyn_ros.settings.schema import build, part_of  # noqa: E402
from dynsyn_ros.storage.episodes import COLUMNS  # noqa: E402
from dynsyn_ros.training.presets import read_preset as preset  # noqa: E402
import pytest  # noqa: E402

#: What tests import from here: the package's files and presets, and what is defined below.
__all__ = ['ROBOT_FILE', 'changed', 'preset', 'preset_file', 'robot_config',
           'write_training']


def changed(config, **values):
    """Copy a preset with some settings of its sections changed."""
    for section in ('synapses', 'prediction', 'fall', 'narrowing', 'annealing', 'network',
                    'oscillators'):
        part = getattr(config, section)
        if part is None:
            continue
        names = {f.name for f in fields(part)} & set(values)
        config = replace(config, **{section: replace(part, **{n: values.pop(n) for n in names})})
    return replace(config, **values)


def robot_config(**values):
    """Read the walker's configuration, with some entries changed."""
    given = part_of(RobotConfig, parameters.read([ROBOT_FILE]))
    return build(RobotConfig, {**given, **values})


def write_training(
        folder, rows, learners, shared, steps, env_id='BipedalWalker-v3', task=()):
    """
    Write the results of a training: its episodes and its summary.

    ``steps``, and those of the rows, are of each walker; rows are without ``mean_of``. ``task``
    has all its settings, if a test compares them.
    """
    folder.mkdir(parents=True)
    ended = Counter()
    with (folder / 'episodes.csv').open('w', newline='') as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for learner, episode, at, *rest in rows:
            group = 0 if shared else learner
            ended[group] += 1
            out.writerow((learner, episode, at * learners, *rest, min(ended[group], 100)))
    (folder / 'summary.json').write_text(
        json.dumps({'steps': steps * learners,
                    'task': {'env_id': env_id, 'learners': learners, 'separate': not shared,
                             **dict(task)}}))


#: The slowest files. They run first, or one of them would still run when all others are done.
LONG = ('test_commands', 'test_train', 'test_sweep', 'test_safety', 'test_walk', 'test_nodes',
        'test_tune', 'test_dashboard_page', 'test_drivers', 'test_evaluate', 'test_checkpoints')


def pytest_collection_modifyitems(items):
    """Run the slow files first."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else 99)


def pytest_addoption(parser):
    parser.addoption('--screenshot', help='keep the picture of the dashboard in this file')


@pytest.fixture(scope='session')
def robot():
    return Robot(robot_config())


@pytest.fixture(autouse=True)
def ros_log_folder(tmp_path, monkeypatch):
    """Keep the log files of ROS out of the home folder."""
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'ros_log'))


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path_factory, monkeypatch):
    """Hide the walks of one test from the dashboards of a parallel one."""
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path_factory.mktemp('runtime')))
