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

"""Recorded runs and their replay: equal bit for bit, or the message where they differ."""

import argparse
from collections import Counter
import copy
from itertools import islice
import re
import resource

from conftest import preset, preset_file, ROBOT_FILE
from dynsyn_ros.cli import replay as cli
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.recorder import recorded, RecorderNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot.replay import Message, PARAMETER_EVENTS, Replay
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.recordings import recording, TYPES
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from programs import dynsyn, refused
import pytest
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from rclpy.parameter import Parameter
from ros import call, make, ros, spin_steps, spin_until, spinning
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as BagWriter
from rosbags.typesys import get_typestore, Stores
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger
import yaml

pytestmark = pytest.mark.ros

SEED = 3
STARTED = ('--seed', SEED, '--weights', 'none')


def change_settings(executor, controller):
    """Do everything to a controller that a recording contains."""
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
    """Record a run that is praised, reconfigured, frozen and stopped meanwhile."""
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
            for _ in change_settings(executor, controller):
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
    before = weights.read_about(checkpoint)['made_by']['steps']
    whole, after = (dynsyn('replay', 'run.mcap', *start, folder=run)
                    for start in (STARTED, ('--after', checkpoint)))
    assert after.returncode == 0, after.stderr
    steps = [int(each.stdout.split()[0]) for each in (whole, after)]
    assert 0 < before == steps[0] - steps[1]


def test_a_replay_that_compares_nothing_does_not_agree(run):
    assert 'run.mcap holds no step of the learner after out/weights.npz' in refused(
        run, 'replay', 'run.mcap', '--after', 'out/weights.npz')
    robot = ROBOT_FILE.read_text()
    for name, other in (('robot: bipedal_walker', 'robot: mine'), ('hip_1', 'leg_1')):
        robot = robot.replace(name, other)
    (run / 'mine.yaml').write_text(robot)
    assert ('run.mcap holds no step of the learner: a message on joint_states lacks the joint '
            'leg_1: it has hip_1, ') in refused(
        run, 'replay', 'run.mcap', '--params-file', 'mine.yaml', '--weights', 'none')


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--seed', 4, '--weights', 'none'),
     r'after \d+ steps that agree: command \d+ on joint_torques'),
    ((*STARTED, '--frozen'), 'on joint_torques'),
    ((*STARTED, '--namespace', '/left'), 'lacks .*/left/joint_torques.*: it has .*/joint_torques'),
    ((*STARTED, '--remap', 'joint_torques'), 'must be TOPIC:=RECORDED'),
    ((*STARTED, '--remap', 'torques:=left'),
     '--remap names torques, which no step needs: there are .*joint_torques'),
    (('--seed', 3), '--seed would have no effect: weights have their own random streams'),
    (('--after', 'out/none.npz'), 'cannot read out/none.npz'),
    (('--after', 'out/none.npz', *STARTED), '--seed, --weights would have no effect'),
    (('--after', str(ROBOT_FILE.with_suffix('.npz'))), 'does not say when'),
])
def test_a_difference_is_named(run, arguments, words):

    assert re.search(words, refused(run, 'replay', 'run.mcap', *arguments))


def test_no_recording_is_refused(tmp_path):
    (tmp_path / 'file.mcap').write_text('nothing')
    for path in ('file.mcap', 'none.mcap', '.'):
        assert f'cannot read {path}' in refused(tmp_path, 'replay', path)
    assert 'it has no metadata.yaml' in refused(tmp_path, 'replay', '.')
    assert 'with trigger: joint_states, a controller steps by its clock' in refused(
        tmp_path, 'replay', 'file.mcap', '--params-file', 'biped')
    assert 'cannot write in the folder' in refused(
        tmp_path, 'walk', '--steps', 10, '--record', 'file.mcap/a.mcap')


@pytest.mark.parametrize(('name', 'line', 'words'), [
    ('seed', '', 'missing parameter seed: seed of the random streams'),
    ('seed', '    seed: 1.5', 'parameter seed must be a whole number, not 1.5'),
    ('learning', '    learning: "no"', "parameter learning must be true or false, not 'no'"),
    ('human_reward_gain', '    human_reward_gain: [1.0]',
     'parameter human_reward_gain must be a number, not'),
    ('weights', '', ''),  # a launch may give it
])
def test_a_parameter_file_is_checked_as_the_controller_checks_it(
        tmp_path, run, monkeypatch, name, line, words):
    robot = tmp_path / 'robot.yaml'
    robot.write_text(re.sub(f'(?m)^    {name}:.*$', line, ROBOT_FILE.read_text()))
    monkeypatch.chdir(run)
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    options = parser.parse_args(['run.mcap', '--params-file', str(robot), '--weights', 'none'])
    # The file's own seed, if nothing is wrong with it, is not that of the run.
    with pytest.raises(ConfigError, match=words or 'after 0 steps that agree'):
        cli.main(options)


def test_a_recording_that_was_cut_off_is_replayed_up_to_its_last_whole_message(run):
    whole = (run / 'run.mcap').read_bytes()
    agreed = []
    for share in (0.35, 0.7, 1.0):
        (run / 'cut.mcap').write_bytes(whole[:int(share * len(whole))])
        said = dynsyn('replay', 'cut.mcap', *STARTED, folder=run).stdout
        assert (share < 1.0) == (
            'cut.mcap was cut off: this covers it up to its last whole' in said)
        agreed.append(int(said.split()[0]))
    assert 20 < agreed[0] < agreed[1] < agreed[2]


def test_a_full_disk_ends_the_recording_and_the_robot_walks_on(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    states = {}
    with ros():
        recorder = RecorderNode(tmp_path / 'full.mcap')
        simulator = make(SimulatorNode, pace='lockstep', seed=SEED)
        controller = make(ControllerNode, output_dir=tmp_path / 'out', pace='lockstep')
        viewer = Node('viewer')
        viewer.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS,
            lambda array: states.update({s.name: s for s in array.status}), topics.QOS)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
        try:
            with spinning(recorder, simulator, controller, viewer) as executor:
                controller.start()
                spin_until(executor, lambda: '/recorder' in states and (
                    states['/recorder'].level == b'\x01'), 'a warning')
                spin_steps(executor, simulator, 100)
                controller.stop()
                recorder.close()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 'there is no room left on its disk' in states['/recorder'].message
    with (tmp_path / 'full.mcap').open('rb') as file:
        assert make_reader(file).get_summary().statistics.message_count > 1000
    with recording(tmp_path / 'full.mcap') as bag:
        assert not bag.cut_off
        heard = list(bag.messages({'/joint_states': 'joint_states'}))
        assert 100 < len(heard) < simulator.steps


def write_mcap(path, messages):
    """Write messages into an uncompressed file; returns the file to damage."""
    with path.open('wb') as target:
        writer = Writer(target, compression=CompressionType.NONE)
        writer.start(profile='ros2')
        channels = {}
        for schema, channel, message in messages:
            if channel.topic not in channels:
                channels[channel.topic] = writer.register_channel(
                    channel.topic, 'cdr',
                    writer.register_schema(schema.name, schema.encoding, schema.data))
            writer.add_message(channels[channel.topic], message.log_time, message.data,
                               message.log_time)
        writer.finish()
    return path


def write_bag(path, messages):
    """Write messages into a folder as ``ros2 bag`` does; returns the file to damage."""
    store = get_typestore(Stores.LATEST)
    with BagWriter(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connections = {}
        for schema, channel, message in messages:
            if channel.topic not in connections:
                connections[channel.topic] = writer.add_connection(
                    channel.topic, schema.name, typestore=store)
            writer.write(connections[channel.topic], message.log_time, message.data)
    (file,) = path.glob('*.db3')
    return file


def said_of(path, learner, robot, values):
    """Replay a recording; returns the error message, or the difference."""
    replay = Replay(robot, learner, copy.deepcopy(values))
    names = {f'/{topic.lstrip("/")}': topic for topic in TYPES}
    try:
        with recording(path) as bag:
            for message in bag.messages(names):
                difference = replay.put(message)
                if difference:
                    return difference
    except ConfigError as error:
        return str(error)
    return ''


def test_parameters_of_another_robots_controller_change_nothing(robot):
    values = parameters.read([ROBOT_FILE, preset_file('default')])
    learner = Learner(robot.layout, preset('default'), SEED)
    replay = Replay(robot, learner, values, node='/left/controller')
    for name, learns in (('/right/controller', True), ('/left/controller', False)):
        event = ParameterEvent(node=name, changed_parameters=[
            Parameter('learning', value=False).to_parameter_msg()])
        replay.put(Message(PARAMETER_EVENTS, event, 0))
        assert learner.learning is learns


@pytest.mark.filterwarnings('ignore::RuntimeWarning')
@pytest.mark.parametrize('write', [write_mcap, write_bag])
def test_whatever_is_wrong_with_a_recording_is_said(run, tmp_path, write, robot):
    short = tmp_path / 'short'
    with (run / 'run.mcap').open('rb') as source:
        file = write(short, islice(make_reader(source).iter_messages(), 200))
    whole = file.read_bytes()
    values = parameters.read([ROBOT_FILE, preset_file('default')])
    learner = Learner(robot.layout, preset('default'), SEED)
    before = learner.snapshot()
    assert not said_of(short, learner, robot, values)
    seen = Counter()

    @settings(max_examples=80, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, len(whole) - 1), st.binary(max_size=9), st.sampled_from(
        ['over', 'insert', 'cut']))
    def is_read_or_refused(place, content, kind):
        after = {'over': place + len(content), 'insert': place, 'cut': len(whole)}[kind]
        file.write_bytes(whole[:place] + content + whole[after:])
        learner.restore(before)
        said = said_of(short, learner, robot, values)
        assert len(said) < 1500
        seen['said' if said else 'read'] += 1

    is_read_or_refused()
    assert min(seen['said'], seen['read']) > 5


@pytest.mark.parametrize(('record', 'words'), [
    (b'\x01' + (2**60).to_bytes(8, 'little'), f'it has a record of {2**60} bytes'),
    (b'\x06' + (44).to_bytes(8, 'little') + bytes(16) + (2**40).to_bytes(8, 'little')
     + bytes(20), f'it has a chunk of {2**40} bytes'),
])
def test_a_record_that_would_take_too_much_is_refused(tmp_path, record, words):
    (tmp_path / 'large.mcap').write_bytes(b'\x89MCAP0\r\n' + record + bytes(100))
    assert words in refused(tmp_path, 'replay', 'large.mcap')


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
