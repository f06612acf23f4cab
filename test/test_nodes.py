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

"""The nodes: what is on the wire, lifecycle, bad messages, and time."""

from functools import partial
from pathlib import Path

from conftest import preset, robot_config
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.monitor import Monitor
from dynsyn_ros.nodes.sensors import SensorPublishers
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot import Robot, SensorBuffer
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation import bipedal_walker
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker
from dynsyn_ros.storage.checkpoint_manager import CheckpointManager
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
import pytest
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.time import Time
from ros import (
    call,
    lockstep,
    make,
    process,
    record_torques,
    ros,
    ros_arguments,
    spin_steps,
    spin_until,
    spinning,
)
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.ros


# On the wire


def test_observations_survive_the_messages(robot):
    """Observation -> serialised SI messages -> observation, for 2 000 real ones."""
    inputs = SensorBuffer(robot)
    observe = robot.observer(inputs.names)
    walker = BipedalWalker('BipedalWalker-v3', seed=3)
    rng = np.random.default_rng(3)
    torques = np.zeros(4)
    falls = 0
    with ros():
        node = Node('codec')
        sensors = SensorPublishers(node, bipedal_walker.SPEC)
        wire = {}
        for topic, publisher in sensors.publishers.items():
            publisher.publish = partial(
                lambda topic, m: wire.__setitem__(topic, serialize_message(m)), topic)
        for step in range(2_000):
            if step % 10 == 0:
                torques = rng.uniform(-80, 80, size=4)
            reward = walker.step(torques)
            falls += walker.episode is not None
            sensors.fill(walker.readings, torques, walker.position, reward,
                         Time(nanoseconds=20_000_000 * step).to_msg())
            sensors.publish()
            due = [inputs.put(topic, deserialize_message(data, topics.SENSORS[topic]), int)
                   for topic, data in wire.items()]
            assert due == [False] * 5 + [True]
            readings, told, periods, *_ = inputs.take()
            observation = observe(readings)[0]
            assert (told, periods) == (reward, 1)
            # A quaternion loses full turns, which the hull makes in some falls.
            if abs(walker.observation[0]) > np.pi:
                turns = float(np.sign(walker.observation[0]))
                observation[0] += 2 * np.pi * turns
            np.testing.assert_array_equal(observation[:14].astype(np.float32),
                                          walker.observation[:14])
            # Lidar ranges are float32 on the wire, in m: up to one more rounding.
            np.testing.assert_allclose(
                observation[14:], walker.observation[14:], rtol=2.0**-23, atol=0)
            joints = deserialize_message(wire['joint_states'], topics.SENSORS['joint_states'])
            assert list(joints.effort) == list(torques)
        node.destroy_node()
    assert falls > 8


def test_graph_is_the_contract(tmp_path):
    contract = {
        'joint_states': 'sensor_msgs/msg/JointState', 'imu': 'sensor_msgs/msg/Imu',
        'odom': 'nav_msgs/msg/Odometry', 'scan': 'sensor_msgs/msg/LaserScan',
        'foot_contacts': 'std_msgs/msg/UInt8MultiArray', 'reward': 'std_msgs/msg/Float64',
        'joint_torques': 'std_msgs/msg/Float64MultiArray', 'clock': 'rosgraph_msgs/msg/Clock',
        'image': 'sensor_msgs/msg/Image', 'episode_return': 'std_msgs/msg/Float64',
        'episode_length': 'std_msgs/msg/Float64', 'controller/amplitude': 'std_msgs/msg/Float64',
        'controller/centre_shift': 'std_msgs/msg/Float64',
        'controller/gain': 'std_msgs/msg/Float64',
        '/diagnostics': 'diagnostic_msgs/msg/DiagnosticArray',
        'human_reward': 'std_msgs/msg/Float64',
    }

    def full(topic):
        return topic if topic.startswith('/') else f'/robot/{topic}'

    with ros():
        values = lockstep(tmp_path, namespace='/robot')
        simulator = make(SimulatorNode, **values)
        controller = make(ControllerNode, **values)
        with spinning(simulator, controller) as executor:
            controller.start()
            spin_until(executor, lambda: simulator.steps > 10)
            found = dict(simulator.get_topic_names_and_types())
            for topic, kind in contract.items():
                name = full(topic)
                assert found.get(name) == [kind], name
                ends = (simulator.get_publishers_info_by_topic(name)
                        + simulator.get_subscriptions_info_by_topic(name))
                for end in ends:
                    profile = end.qos_profile
                    # rclpy's own time source has its own subscription to the clock.
                    if (topic, end.endpoint_type.name) != ('clock', 'SUBSCRIPTION'):
                        assert profile.reliability == ReliabilityPolicy.RELIABLE, name
                        assert profile.durability == DurabilityPolicy.VOLATILE, name
            listeners = {
                topic: {end.node_name for end in
                        simulator.get_subscriptions_info_by_topic(full(topic))}
                for topic in contract}
            assert all(listeners[t] == {'controller'} for t in (*topics.SENSORS, 'clock'))
            assert listeners['joint_torques'] == {'simulator'}
            assert listeners['episode_return'] == set(), 'the learner never sees episodes'
            assert controller.get_clock().now().nanoseconds > 0, 'the simulator keeps the time'


def test_scalars_for_plotting(tmp_path):
    """Episodes as they end, and the progress of learning, for plots."""
    plotted = ('episode_return', 'episode_length', 'controller/amplitude',
               'controller/centre_shift', 'controller/gain', 'controller/mean_reward')
    with ros():
        values = lockstep(tmp_path)
        ended = []
        simulator = make(SimulatorNode, lambda w: w.episode and ended.append(w.episode), **values)
        controller = make(ControllerNode, **values)
        viewer = Node('viewer')
        told = {topic: [] for topic in plotted}
        for topic in plotted:
            viewer.create_subscription(
                topics.SIMULATION['episode_return'], topic,
                lambda message, topic=topic: told[topic].append(message.data), topics.QOS)
        with spinning(simulator, controller, viewer) as executor:
            spin_until(executor, lambda: all(
                simulator.count_subscribers(topic) for topic in plotted))
            controller.start()
            spin_until(executor, lambda: len(told['episode_length']) >= 3 and all(told.values()))
            controller.trigger_deactivate()
            learner = controller.learner
            assert told['episode_return'][:3] == [e.total for e in ended[:3]]
            assert told['episode_length'][:3] == [e.length for e in ended[:3]]
            assert told['controller/amplitude'][-1] == pytest.approx(
                learner.mean_amplitude, rel=1e-3)
            assert told['controller/gain'][-1] == pytest.approx(learner.mean_gain, rel=1e-2)
            assert 0 < told['controller/centre_shift'][-1] <= 2 * learner.centre_shift


def test_a_monitor_that_is_closed_stays_silent(robot, tmp_path):
    """The executor may already have their timer in its queue when they are closed."""
    with ros():
        node = Node('plotted')
        learner = Learner(robot.layout, preset('default'), seed=0)
        manager = CheckpointManager(tmp_path, learner, robot, 1, 1, dict, print, print)
        monitor = Monitor(node, robot, learner, manager, SensorBuffer(robot),
                          Clock(clock_type=ClockType.STEADY_TIME))
        monitor.close()
        monitor._publish()
        assert node.count_publishers('plotted/gain') == 0
        node.destroy_node()


def test_image_is_drawn_for_those_who_look(tmp_path):
    with ros():
        simulator = make(SimulatorNode, real_time_factor=10.0)
        drawn, render = [], simulator.walker.render
        simulator.walker.render = lambda: drawn.append(1) or render()
        viewer = Node('viewer')
        with spinning(simulator, viewer) as executor:
            spin_until(executor, lambda: simulator.steps > 20)
            assert not drawn
            images = []
            viewer.create_subscription(
                topics.SIMULATION['image'], 'image', images.append, topics.QOS)
            spin_until(executor, lambda: images)
    (image, *_) = images
    assert (image.encoding, image.width, image.height) == ('rgb8', 600, 400)
    assert len(image.data) == image.step * image.height
    assert len(set(image.data)) > 10, 'there is something to see'


def test_diagnostics_of_both_nodes(tmp_path):
    with ros():
        values = lockstep(tmp_path)
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        viewer = Node('viewer')
        told = {}

        def on_message(array):
            for status in array.status:
                told[status.name] = status

        viewer.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, on_message, topics.QOS)
        with spinning(simulator, controller, viewer) as executor:
            spin_until(executor, lambda: set(told) == {'/simulator', '/controller: control'})
            assert told['/simulator'].message == 'lock-step waits for a controller'
            assert told['/controller: control'].message == 'unconfigured'
            controller.start()
            parts = {f'/controller: {part}' for part in ('control', 'learning', *topics.SENSORS)}
            spin_until(executor, lambda: parts < set(told))
            spin_until(executor, lambda: told['/controller: control'].message == 'active')
            spin_until(executor, lambda: all(told[part].level == b'\0' for part in parts))
            spin_until(executor, lambda: 'simulating' in told['/simulator'].message)
            values = {pair.key: pair.value for pair in told['/controller: learning'].values}
            assert values['learning'] == 'True'
            assert 'mean reward' not in values, 'before a first window has ended'
            values = {pair.key: pair.value for pair in told['/controller: scan'].values}
            assert set(values) == {'rate, Hz', 'age, s', 'messages', 'refused'}


# Lifecycle


def test_lifecycle_from_outside(tmp_path):
    """Drive every transition by service, with the controller in a separate process."""
    out = tmp_path / 'out'
    arguments = ros_arguments(pace='lockstep', autostart=False, output_dir=out)
    with ros(), process('controller', arguments):
        simulator = make(SimulatorNode, pace='lockstep')
        torques = record_torques(simulator)
        with spinning(simulator) as executor:

            def change(transition):
                request = ChangeState.Request(transition=Transition(id=transition))
                answer = call(
                    executor, simulator, ChangeState, '/controller/change_state', request)
                state = call(
                    executor, simulator, GetState, '/controller/get_state', GetState.Request())
                return answer.success, state.current_state.id

            save = partial(call, executor, simulator, Trigger, '/controller/save')
            answer = save(Trigger.Request())
            assert (answer.success, 'before the node is configured' in answer.message) == (
                False, True)

            # A missing file: refused, reported, and corrected without a restart.
            told = []
            simulator.create_subscription(
                topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, lambda array: told.extend(
                    (status.level, status.message) for status in array.status
                    if status.name == '/controller: control'), topics.QOS)
            client = AsyncParameterClient(simulator, '/controller')
            spin_until(executor, client.services_are_ready)
            missing = tmp_path / 'no.npz'
            for weights, outcome, report in (
                (missing, (False, State.PRIMARY_STATE_UNCONFIGURED),
                 (b'\2', f'unconfigured; cannot read {missing}: No such file or directory')),
                ('none', (True, State.PRIMARY_STATE_INACTIVE), (b'\0', 'inactive')),
            ):
                future = client.set_parameters([Parameter('weights', value=str(weights))])
                spin_until(executor, future.done)
                assert change(Transition.TRANSITION_CONFIGURE) == outcome
                spin_until(executor, lambda: report in told, report)  # noqa: B023
            assert simulator.steps == 0

            assert change(Transition.TRANSITION_ACTIVATE) == (
                True, State.PRIMARY_STATE_ACTIVE)
            spin_until(executor, lambda: simulator.steps > 100)

            # Messages on their way at a deactivation do no harm, and the zero command arrives.
            for _ in range(8):
                assert change(Transition.TRANSITION_DEACTIVATE)[0]
                spin_until(executor, lambda: not torques[-1].any(), 'zero torque')
                assert change(Transition.TRANSITION_ACTIVATE)[0]
                spin_steps(executor, simulator, 10)

            answer = save(Trigger.Request())
            assert (answer.success, answer.message) == (True, str(out / 'weights.npz'))
            assert (out / 'weights.npz').is_file()

            assert change(Transition.TRANSITION_DEACTIVATE) == (
                True, State.PRIMARY_STATE_INACTIVE)
            spin_until(executor, lambda: not torques[-1].any(), 'zero torque')
            assert any(t.any() for t in torques)
            spin_until(
                executor, lambda: simulator.count_publishers('joint_torques') == 0, 'no publisher')

            (out / 'weights.npz').unlink()
            assert change(Transition.TRANSITION_CLEANUP) == (
                True, State.PRIMARY_STATE_UNCONFIGURED)
            assert (out / 'weights.npz').is_file()

            for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
                assert change(transition)[0]
            (out / 'weights.npz').unlink()
            spin_steps(executor, simulator, 10)
            assert change(Transition.TRANSITION_ACTIVE_SHUTDOWN) == (
                True, State.PRIMARY_STATE_FINALIZED)
            assert (out / 'weights.npz').is_file()


def test_set_learning(tmp_path):
    with ros():
        values = lockstep(tmp_path)
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        with spinning(simulator, controller) as executor:
            controller.start()

            def set_learning(on):
                answer = call(executor, simulator, SetBool, '/controller/set_learning',
                              SetBool.Request(data=on))
                assert answer.success
                assert controller.get_parameter('learning').value is on
                spin_steps(executor, simulator, 2)
                before = controller.learner.state.plasticity.centre.copy()
                spin_steps(executor, simulator, 50)
                return (controller.learner.state.plasticity.centre != before).any()

            assert set_learning(True)
            assert not set_learning(False)
            assert set_learning(True)


# Bad messages, time


def bad_messages():
    """Yield every kind of message that cannot be used, by topic."""
    nan, inf = float('nan'), float('inf')
    for topic, kind in topics.SENSORS.items():
        for value in (inf,) if topic == 'scan' else (nan, inf, -inf):
            message = kind()
            if topic == 'joint_states':
                message.name = list(bipedal_walker.SPEC.joints)
                message.position = message.velocity = message.effort = [value] * 4
            elif topic == 'imu':
                message.orientation.w = 1.0
                message.angular_velocity.y = value
            elif topic == 'odom':
                message.twist.twist.linear.x = value
            elif topic == 'scan':
                message.ranges, message.range_max = [value] * 10, inf
            elif topic == 'foot_contacts':
                message.data = [1, 0, 1]
            else:
                message.data = value
            yield topic, message
        if topic in ('joint_states', 'scan', 'foot_contacts'):
            yield topic, kind()  # empty


def test_bad_messages_never_make_a_bad_torque(tmp_path):
    """A bad message is dropped with a warning; the walker continues with finite torques."""
    bad = list(bad_messages())
    with ros():
        values = lockstep(tmp_path)
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        torques = record_torques(simulator)
        intruder = Node('intruder')
        ends = {topic: intruder.create_publisher(kind, topic, topics.QOS)
                for topic, kind in topics.SENSORS.items()}
        with spinning(simulator, controller, intruder) as executor:
            controller.start()
            spin_until(executor, lambda: simulator.steps > 10)
            spin_until(executor, lambda: all(e.get_subscription_count() for e in ends.values()))
            for count, (topic, message) in enumerate(bad, start=1):
                ends[topic].publish(message)
                spin_until(executor, lambda count=count: controller.rejected >= count,
                           f'the refusal of {topic}')
            spin_steps(executor, simulator, 100)
            assert controller.rejected == len(bad)
            learnt = controller.learner.snapshot()
    assert np.isfinite(torques).all()
    assert all(np.isfinite(array).all() for array in learnt.values())


def test_bad_commands_are_dropped_by_the_simulator():
    with ros():
        simulator = make(SimulatorNode, real_time_factor=10.0)
        torques = record_torques(simulator)
        driver = Node('driver')
        commands = driver.create_publisher(topics.COMMANDS_TYPE, topics.COMMANDS, topics.QOS)
        with spinning(simulator, driver) as executor:
            spin_until(executor, commands.get_subscription_count)
            bad = ([1.0], [1.0] * 5, [float('nan')] * 4, [float('inf')] * 4, [])
            for count, data in enumerate(bad, start=1):
                commands.publish(topics.COMMANDS_TYPE(data=data))
                spin_until(executor, lambda count=count: simulator.rejected >= count)
            commands.publish(topics.COMMANDS_TYPE(data=[1e6, -1e6, 1.0, 0.0]))
            spin_until(executor, lambda: np.any(torques[-1]))
    assert torques[-1].tolist() == [80.0, -80.0, 1.0, 0.0]


def test_stale_command_becomes_zero_torque():
    with ros():
        simulator = make(SimulatorNode, real_time_factor=5.0, command_timeout=0.2)
        torques = record_torques(simulator)
        driver = Node('driver')
        commands = driver.create_publisher(topics.COMMANDS_TYPE, topics.COMMANDS, topics.QOS)
        with spinning(simulator, driver) as executor:
            spin_until(executor, commands.get_subscription_count)
            commands.publish(topics.COMMANDS_TYPE(data=[1.0] * 4))
            spin_until(executor, lambda: torques and torques[-1].any())
            spin_until(executor, lambda: not torques[-1].any())
    # 0.2 s of simulated time are ten steps of 20 ms.
    assert sum(t.any() for t in torques) == 10


def test_clock_runs_with_the_steps():
    with ros():
        simulator = make(SimulatorNode, real_time_factor=20.0, max_steps=50)
        viewer = Node('viewer')
        times, rewards = [], []
        viewer.create_subscription(
            topics.SIMULATION['clock'], 'clock',
            lambda m: times.append(m.clock.sec + 1e-9 * m.clock.nanosec), topics.QOS)
        viewer.create_subscription(
            topics.SENSORS['reward'], 'reward', rewards.append, topics.QOS)
        with spinning(simulator, viewer) as executor:
            spin_until(executor, lambda: simulator.finished)
            spin_until(executor, lambda: times and times[-1] >= 50 * 0.02 - 1e-9)
    np.testing.assert_allclose(np.diff(times), 0.02, rtol=0, atol=1e-8)


def test_nobody_is_driven_blind(tmp_path):
    """Without a subscriber to its torques the learner takes no step."""
    with ros():
        controller = make(ControllerNode, output_dir=tmp_path)
        robot = Robot(robot_config())
        walker = BipedalWalker('BipedalWalker-v3', 0)
        source = Node('source')
        sensors = SensorPublishers(source, bipedal_walker.SPEC)
        with spinning(controller, source) as executor:
            controller.start()
            spin_until(executor, lambda: all(
                sensors.publishers[t].get_subscription_count() for t in robot.topics))
            sensors.fill(walker.readings, np.zeros(4), walker.position, 0.0, Time().to_msg())
            sensors.publish()
            spin_until(executor, lambda: controller.control.inputs.due)
            assert controller.steps == 0
            commands = []
            source.create_subscription(
                topics.COMMANDS_TYPE, topics.COMMANDS, commands.append, topics.QOS)
            spin_until(executor, commands.__len__)
            assert controller.steps == 1


def test_output_folder_is_checked_before_the_walk(tmp_path):
    blocked = tmp_path / 'file'
    blocked.write_text('')
    with ros():
        controller = make(ControllerNode, output_dir=Path(blocked) / 'runs')
        with pytest.raises(ConfigError, match='cannot write in the folder'):
            controller.start()
        controller.destroy_node()
