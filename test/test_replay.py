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

"""Recorded runs and their replay: bit for bit, or the message where they part."""

import re

from conftest import ROBOT_FILE
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.recorder import recorded, RecorderNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.replay import recording
from programs import dynsyn, refused
import pytest
from rclpy.parameter import Parameter
from ros import call, make, ros, spin_steps, spin_until, spinning
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger
import yaml

pytestmark = pytest.mark.ros

SEED = 3
STARTED = ('--seed', SEED, '--weights', 'none')


def steer(executor, controller):
    """Do to a controller all that a recording tells of."""
    name = controller.get_name()
    praise = controller.create_publisher(Float64, topics.HUMAN_REWARD, topics.QOS)
    spin_until(executor, praise.get_subscription_count, 'ears for praise')

    def service(topic, value):
        assert call(executor, controller, SetBool, f'/{name}/{topic}',
                    SetBool.Request(data=value)).success

    for stage in (
        lambda: praise.publish(Float64(data=-3.0)),
        lambda: controller.set_parameters(
            [Parameter('learner.synapses.centre_rate', value=5.0e-4),
             Parameter('torque_limits', value=[80.0, 70.0, 60.0, -50.0])]),
        lambda: service('set_learning', False),
        lambda: service('estop', True),
        lambda: service('set_learning', True),
        lambda: service('estop', False),
    ):
        stage()
        yield


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Record a run that is praised, steered, frozen and stopped on its way."""
    folder = tmp_path_factory.mktemp('run')
    with ros():
        recorder = RecorderNode(folder / 'run.mcap')
        simulator = make(SimulatorNode, pace='lockstep', seed=SEED)
        controller = make(ControllerNode, output_dir=folder / 'out', seed=SEED, pace='lockstep')
        with spinning(recorder, simulator, controller) as executor:
            controller.start()
            spin_steps(executor, simulator, 100)
            assert call(executor, controller, Trigger, '/controller/save',
                        Trigger.Request()).success
            for _ in steer(executor, controller):
                spin_steps(executor, simulator, 50)
            controller.stop()
            recorder.close()
    return folder


def test_a_replay_agrees_bit_for_bit(run):
    done = dynsyn('replay', 'run.mcap', *STARTED, folder=run)
    assert done.returncode == 0, done.stderr
    steps, halts = (int(word) for word in done.stdout.split() if word.isdigit())
    assert steps > 250
    assert halts >= 100, 'the steps while it was stopped'


def test_a_replay_may_begin_behind_a_checkpoint(run):
    (checkpoint, *_) = sorted((run / 'out').glob('checkpoint_*'))
    done = dynsyn('replay', 'run.mcap', '--after', checkpoint, folder=run)
    assert done.returncode == 0, done.stderr
    assert 150 < int(done.stdout.split()[0]) < 350


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--seed', 4, '--weights', 'none'),
     r'after \d+ steps that agree: command \d+ on joint_torques'),
    ((*STARTED, '--frozen'), 'on joint_torques'),
    ((*STARTED, '--namespace', '/left'), 'lacks .*/left/joint_torques.*: it has .*/joint_torques'),
    ((*STARTED, '--remap', 'joint_torques'), 'must be TOPIC:=RECORDED'),
    (('--after', 'out/none.npz'), 'cannot read out/none.npz'),
    (('--after', str(ROBOT_FILE.with_suffix('.npz'))), 'does not say when'),
])
def test_a_difference_is_named(run, arguments, words):

    assert re.search(words, refused(run, 'replay', 'run.mcap', *arguments))


def test_no_recording_is_refused(tmp_path):
    (tmp_path / 'file.mcap').write_text('nothing')
    for path in ('file.mcap', 'none.mcap', '.'):
        assert f'cannot read {path}' in refused(tmp_path, 'replay', path)
    assert 'cannot write in the folder' in refused(
        tmp_path, 'walk', '--steps', 10, '--record', 'file.mcap/a.mcap')


def test_walk_records_every_topic(tmp_path):
    done = dynsyn('walk', '--steps', 300, '--seed', SEED, '--weights', 'none', '--record',
                  'walk.mcap', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with recording(tmp_path / 'walk.mcap') as bag:
        assert bag.topics == {f'/{topic.lstrip("/")}' for topic in recorded()}
        heard = list(bag.messages({'/joint_states': 'joint_states'}))
        assert len(heard) == 300
        assert list(heard[0].content.name) == yaml.safe_load(
            ROBOT_FILE.read_text())['/**']['ros__parameters']['joints']
    done = dynsyn('replay', 'walk.mcap', *STARTED, folder=tmp_path)
    assert done.stdout.startswith('300 steps agree'), done.stderr
