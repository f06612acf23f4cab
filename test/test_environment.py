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


"""The controller on a robot's computer: packages that it can lack, and environment mistakes."""

from contextlib import ExitStack
import os
import re
import shutil
import signal
import subprocess
import sys

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.settings.assets import URDF
from programs import PATIENCE
import pytest
import rclpy
from ros import await_line, command

pytestmark = pytest.mark.ros

#: Packages that simulate, draw or train, which a robot's computer does not have.
ABSENT = ('gymnasium', 'Box2D', 'pygame', 'mujoco', 'envpool', 'matplotlib', 'PIL')
START = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))
if {absent!r}:
    import dynsyn_ros.nodes.reward_node, dynsyn_ros.nodes.transforms, dynsyn_ros.training.presets
from dynsyn_ros.nodes.programs import controller
sys.exit(controller())
"""


def controller(folder, absent=()):
    """Build the command that starts a controller as the installed program does."""
    return [sys.executable, '-c', START.format(absent=absent), '--ros-args',
            '--params-file', str(ROBOT_FILE.with_name('biped.yaml')),
            '--params-file', str(preset_file('default')), '-p', f'output_dir:={folder / "out"}']


def test_a_controller_needs_no_simulator(tmp_path):
    with command(controller(tmp_path, ABSENT)) as running:
        await_line(running.stderr, 'compiling the learner')
        assert 'ready after' in await_line(running.stderr, ' synapses for biped')
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 0
    assert (tmp_path / 'out' / 'weights.npz').is_file()


LACKING = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))
from dynsyn_ros.cli.main import main
for arguments in {lines!r}:
    sys.argv = ['dynsyn', *arguments]
    print(main())
"""


def test_the_commands_for_a_robot_need_no_simulator_and_others_name_what_they_lack(tmp_path):
    weights = str(ROBOT_FILE.with_suffix('.npz'))
    lines = [['compile'], ['weights', 'show', weights], ['robot', str(URDF)],
             ['replay', 'none.mcap'], ['dashboard', '--domain', '300'],
             ['walk'], ['train'], ['weights', 'show', weights, '--picture', 'a.png']]
    done = subprocess.run(
        [sys.executable, '-c', LACKING.format(absent=ABSENT, lines=lines)], cwd=tmp_path,
        capture_output=True, text=True, timeout=PATIENCE, check=False)
    codes = re.findall(r'^\d$', done.stdout, re.M)
    assert codes == [*'000', *'22222'], done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    for error, words in zip(errors, (
            'cannot read none.mcap', '--domain must be from 0 to 232', 'which is not installed',
            'which is not installed', 'the Python module matplotlib, which'), strict=True):
        assert words in error


def test_a_mistake_in_the_environment_is_one_sentence_that_names_the_variable(
        tmp_path, monkeypatch):
    other = tmp_path / 'other'
    ours = os.path.dirname(rclpy.__file__)
    shutil.copytree(ours, other / 'python' / 'rclpy', ignore=shutil.ignore_patterns('*.so'))
    shutil.copytree(ours, other / 'old' / 'rclpy')
    shutil.rmtree(other / 'old' / 'rclpy' / 'experimental')
    (tmp_path / 'keys' / 'enclaves').mkdir(parents=True)
    secure = {'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce'}
    mistakes = [
        ({'RMW_IMPLEMENTATION': 'rmw_nobody_cpp'}, 'set it to one of rmw_fastrtps_cpp'),
        ({'ROS_DOMAIN_ID': '233'}, "must be a number from 0 to 232, not '233'"),
        ({'PYTHONPATH': str(other / 'python')}, f'{other / "python"}, cannot be imported'),
        ({'PYTHONPATH': str(other / 'old')}, 'has no EventsExecutor: upgrade'),
        ({'ROS_LOG_DIR': '/proc/nothing'}, 'must be a writable folder'),
        ({'ROS_SECURITY_KEYSTORE': str(tmp_path / 'none'), **secure}, 'must be a keystore'),
        ({'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_KEYSTORE': str(tmp_path / 'keys'),
          **secure}, 'was built without SROS 2'),
    ]
    with ExitStack() as ends:
        started = []
        for variables, _ in mistakes:  # side by side: each takes a second or two
            with monkeypatch.context() as patch:
                for name, value in variables.items():
                    patch.setenv(name, value)
                started.append(ends.enter_context(command(controller(tmp_path))))
        for (variables, words), running in zip(mistakes, started, strict=True):
            _, said = running.communicate(timeout=PATIENCE)
            assert running.returncode == 2, said
            assert 'Traceback' not in said
            (sentence,) = [line for line in said.splitlines() if line.startswith('error: ')]
            named = next(iter(variables)) if 'PYTHONPATH' not in variables else 'rclpy'
            assert named in sentence, sentence
            assert words in sentence, sentence
