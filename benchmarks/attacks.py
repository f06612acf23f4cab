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

"""The stages of a campaign of faults, one function each; each returns what it tried and saw."""

from __future__ import annotations

from collections import deque
import math
import random
import time
from typing import TYPE_CHECKING

from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.robot import Robot
from dynsyn_ros.robot.readings import REWARD
from dynsyn_ros.settings.assets import ROBOT_FILE, TRAINED
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage import weights
from dynsyn_ros.training.presets import read_preset, read_robot
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool

if TYPE_CHECKING:
    from soak import Campaign

#: Approximate time until a killed node drives again, s.
KILL = 8.0


def nothing(topic: str, message: object) -> None:
    """Leave a message unchanged."""


def malformed(c: Campaign) -> tuple[str, str]:
    """Publish messages that are wrong in every way, from another publisher."""
    count = int(10_000 * min(1.0, c.seconds / 60.0)) or 1
    rng, relay = c.relay.random, c.relay
    rejected = int(relay.state.get('rejected messages', 0))
    for number in range(count):
        topic = rng.choice(list(topics.SENSORS))
        relay.ends[topic].publish(spoilt(rng, topic, relay.good[topic]))
        if number % 5 == 0:
            c.executor.spin_once(timeout_sec=0.005)
    steps = c.steps()
    return (f'{count} random messages',
            f'{int(relay.state["rejected messages"]) - rejected} rejected, {steps} steps in all')


def spoilt(rng: random.Random, topic: str, good: deque) -> object:
    """Make a message that is wrong in a random way."""
    value = rng.choice([math.nan, math.inf, -math.inf, 1e300, -1e300, 0.0, 1e-300])
    length = rng.choice([0, 1, 2, 3, 4, 5, 10, 11, 1000])
    message = topics.SENSORS[topic]()
    if good and rng.random() < 0.2:
        return rng.choice(good)  # a duplicate, or an old one
    if topic == REWARD:
        message.data = rng.choice([math.nan, math.inf, -math.inf])
        return message
    if topic == 'foot_contacts':
        message.data = [rng.randrange(256) for _ in range(length)]
        return message
    message.header.stamp.sec = rng.choice([-2**31, -1, 0, 1, 2**31 - 1])
    if topic == 'joint_states':
        names = ['hip_1', 'knee_1', 'hip_2', 'knee_2', 'arm', '', 'x' * 1000]
        message.name = [rng.choice(names) for _ in range(rng.choice([0, 3, 4, 7]))]
        message.position, message.velocity = [value] * length, [value] * rng.choice([length, 4])
    elif topic == 'imu':
        message.orientation.w = rng.choice([value, 1.0])
        message.angular_velocity.y = value
    elif topic == 'odom':
        message.twist.twist.linear.x = value
    else:
        message.ranges = [max(-3e38, min(value, 3e38))] * length
        message.range_max = rng.choice([math.inf, 5.0])
    return message


def dropped(c: Campaign) -> tuple[str, str]:
    """Drop 5 % of all messages."""
    before, moving = c.steps(), c.relay.moving
    c.relay.drop, c.relay.dropped = 0.05, 0
    c.wait(c.seconds)
    c.relay.drop = 0.0
    return (f'5 % of messages dropped, {c.relay.dropped} of them',
            f'{c.steps() - before} steps, {c.relay.moving - moving} commands that move')


def delayed(c: Campaign) -> tuple[str, str]:
    """Hold back all messages for 200 ms, then deliver them together."""
    bursts = max(1, int(c.seconds / 2))
    before, c.relay.delayed = c.steps(), 0
    for _ in range(bursts):
        c.relay.delay_until = time.monotonic() + 0.2
        c.wait(1.0)
    return (f'{bursts} bursts of 200 ms, {c.relay.delayed} messages late',
            f'{c.steps() - before} steps')


def controller_killed(c: Campaign) -> tuple[str, str]:
    """Kill the controller while it drives."""
    times = max(1, int(c.seconds / KILL))
    resumed = 0
    for _ in range(times):
        c.wait(2.5)  # a checkpoint or two
        c.kill('controller')
        log = c.folder / 'controller.log'
        begun = log.stat().st_size
        c.start('controller')
        c.driving()
        resumed += 'checkpoint_' in log.read_text()[begun:]
    alive = c.running['simulator'].poll() is None
    return (f'controller killed and restarted {times} times',
            f'{resumed} went on from a checkpoint, simulator {"alive" if alive else "dead"}')


def simulator_killed(c: Campaign) -> tuple[str, str]:
    """Kill the simulator while it runs; its time starts again at 0."""
    times = max(1, int(c.seconds / KILL))
    for _ in range(times):
        c.wait(1.0)
        c.kill('simulator')
        c.start('simulator')
        c.driving()
    return f'simulator killed and restarted {times} times', f'{c.steps()} steps, the same learner'


def subscribers(c: Campaign) -> tuple[str, str]:
    """Add a hundred more subscribers."""
    before = c.steps()
    ears = [c.relay.create_subscription(topics.SENSORS['joint_states'], 'joint_states',
                                        lambda _: None, topics.QOS) for _ in range(50)]
    ears += [c.relay.create_subscription(topics.COMMANDS_TYPE, topics.COMMANDS, lambda _: None,
                                         topics.QOS) for _ in range(50)]
    begun = time.monotonic()
    c.wait(c.seconds)
    rate = (c.steps() - before) / (time.monotonic() - begun)
    for ear in ears:
        c.relay.destroy_subscription(ear)
    return '100 more subscribers', f'{rate:.1f} steps per second of 50'


def clock_jumps(c: Campaign) -> tuple[str, str]:
    """Publish the time from another publisher, an hour off."""
    jumps = max(2, int(c.seconds / 2))
    before = c.steps()
    for number in range(jumps):
        message = Clock()
        message.clock.sec = 3600 if number % 2 else 0
        c.relay.clock.publish(message)
        c.wait(0.5)
    return f'{jumps} jumps of the clock, by up to an hour', f'{c.steps() - before} steps'


def parameter_changes(c: Campaign) -> tuple[str, str]:
    """Change parameters that may be changed, and some that may not."""
    client = AsyncParameterClient(c.relay, '/controller')
    c.until(client.services_are_ready)
    changes = max(10, int(c.seconds * 5))
    wanted = [Parameter('learning', value=False), Parameter('learning', value=True),
              Parameter('seed', value=3), Parameter('torque_limits', value=[1e6] * 4),
              Parameter('learning', value='perhaps'), Parameter('nonsense', value=1)]
    taken = refused = 0
    for number in range(changes):
        future = client.set_parameters([wanted[number % len(wanted)]])
        c.until(future.done)
        good = future.result().results[0].successful
        taken, refused = taken + good, refused + (not good)
    c.call(SetBool, 'set_learning', SetBool.Request(data=True))
    return f'{changes} parameter changes', f'{taken} taken, {refused} refused'


def absurd(c: Campaign) -> tuple[str, str]:
    """Publish rewards, praise and readings that are finite but absurdly large."""
    count = max(10, int(c.seconds * 20))
    human = c.relay.create_publisher(topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD, topics.QOS)
    c.until(human.get_subscription_count)
    for _ in range(count):
        number = c.relay.random.choice([1e12, -1e12, 1e300, -1e300, 1.7e308, -1.7e308])
        c.relay.ends[REWARD].publish(topics.SENSORS[REWARD](data=number))
        human.publish(topics.HUMAN_REWARD_TYPE(data=number))
        imu = topics.SENSORS['imu']()
        imu.orientation.w, imu.angular_velocity.y = 1.0, number
        c.relay.ends['imu'].publish(imu)
        c.wait(0.02)
    c.relay.destroy_publisher(human)
    c.steps()
    return (f'{count} rewards, praises and readings of 1e12 to 1.7e308',
            f'{c.relay.state["clipped rewards"]} clipped, {c.relay.state["faults"]} faults')


def requests(c: Campaign) -> tuple[str, str]:
    """Make impossible requests: transitions from another state, types that do not exist."""
    count = max(5, int(c.seconds))
    client = c.relay.create_client(SetParameters, '/controller/set_parameters')
    c.until(client.service_is_ready)
    nonsense = SetParameters.Request(parameters=[
        ParameterMessage(name='learning', value=ParameterValue(type=200))])
    refused = 0
    for number in range(count):
        future = client.call_async(nonsense)
        refused += c.until(future.done) and not future.result().results[0].successful
        refused += not c.call(ChangeState, 'change_state', ChangeState.Request(
            transition=Transition(id=(Transition.TRANSITION_ACTIVATE, 99)[number % 2])))
    c.relay.destroy_client(client)
    return f'{2 * count} impossible requests', f'{refused} refused'


def two_owners(c: Campaign) -> tuple[str, str]:
    """Let a second robot and a second controller appear and disappear."""
    noticed = learning = 0
    owned = {**topics.SENSORS, topics.COMMANDS: topics.COMMANDS_TYPE}
    others = ('joint_states', REWARD, topics.COMMANDS)
    for topic in others:
        other = c.relay.create_publisher(owned[topic], topic, topics.QOS)
        noticed += c.until(lambda t=topic: f'not learning: {t}' in c.relay.state['message'])
        c.relay.destroy_publisher(other)
        learning += c.until(lambda: 'not learning' not in c.relay.state['message'])
    return (f'a second publisher of {", ".join(others)}',
            f'{noticed} times nothing was learnt, {learning} times it went on')


def files(c: Campaign) -> tuple[str, str]:
    """Read damaged weights files and parameter files."""
    rng, file = c.relay.random, c.folder / 'damaged'
    robot = Robot(read_robot())
    learner = Learner(robot.layout, read_preset('default'), 0)
    kinds = ((TRAINED.read_bytes(), lambda: weights.load(file, learner, robot)),
             (ROBOT_FILE.read_bytes(), lambda: read_robot(file)))
    tried = refused = 0
    end = time.monotonic() + c.seconds
    while time.monotonic() < end:
        whole, read = kinds[tried % len(kinds)]
        torn = bytearray(whole)
        for _ in range(rng.randint(1, 20)):
            torn[rng.randrange(len(torn))] = rng.randrange(256)
        if rng.random() < 0.3:
            del torn[rng.randrange(len(torn)):]
        file.write_bytes(torn)
        tried += 1
        try:
            read()
        except ConfigError:
            refused += 1
        c.executor.spin_once(timeout_sec=0.0)
    return (f'{tried} damaged weights and parameter files',
            f'{refused} refused in a sentence, {tried - refused} harmless')


def activations(c: Campaign) -> tuple[str, str]:
    """Deactivate and activate the controller repeatedly."""
    done, times = 0, max(2, int(c.seconds / 2))
    for _ in range(times):
        for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
            done += c.call(ChangeState, 'change_state', ChangeState.Request(
                transition=Transition(id=transition)))
        c.driving(2)
    return f'{times} deactivations and activations', f'{done} of {2 * times} done'


def left_out(c: Campaign) -> tuple[str, str]:
    """Omit what nobody uses, as drivers do: the controller must keep driving."""
    def spoil(topic: str, message: object) -> None:
        if topic == 'imu':
            message.linear_acceleration.z = math.nan
        elif topic == 'joint_states':
            message.effort = []
        elif topic == 'scan' and c.relay.random.random() < 0.3:  # the last range is held meanwhile
            message.ranges[3], message.ranges[5] = math.nan, math.inf

    before, c.relay.spoil = c.steps(), spoil
    c.wait(c.seconds)
    c.relay.spoil = nothing
    taken = c.steps() - before
    return ('no effort, acceleration NaN, at times rays NaN and inf',
            f'{taken} steps' if taken > c.seconds else f'only {taken} steps')


def unoriented(c: Campaign) -> tuple[str, str]:
    """Remove the orientation, then the stamps: the controller must stop, and continue after."""
    def unorient(topic: str, message: object) -> None:
        if topic == 'imu':
            message.orientation_covariance[0] = -1.0

    def unstamp(topic: str, message: object) -> None:
        if topic == 'imu':
            message.header.stamp.sec = message.header.stamp.nanosec = 0

    def halted() -> bool:
        said = c.relay.state.get('message', '')
        return 'active; imu' in said or 'went back' in said

    halts = 0
    times = max(1, int(c.seconds / 8))
    for _ in range(times):
        for spoil in (unorient, unstamp):
            c.relay.spoil = spoil
            halts += c.until(halted, 5.0)
            c.relay.spoil = nothing
            c.driving()
    return (f'{2 * times} times an imu without orientation or stamps', f'{halts} halts')


STAGES = {
    'malformed messages': malformed,
    'left out': left_out,
    'imu unusable': unoriented,
    'dropped messages': dropped,
    'delayed messages': delayed,
    'controller killed': controller_killed,
    'simulator killed': simulator_killed,
    'load': subscribers,
    'clock': clock_jumps,
    'parameters': parameter_changes,
    'lifecycle': activations,
    'absurd numbers': absurd,
    'impossible requests': requests,
    'two owners': two_owners,
    'files from outside': files,
}
