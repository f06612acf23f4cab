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

"""
A campaign of faults against both nodes, each a process of its own, over real DDS.

All sensor messages pass through a relay here that can drop and delay them. Each stage tries one
thing, waits until the controller drives again, and gives one row of the table. The exit code is 1
if a torque was not finite, a process died that was not killed, or the controller did not drive
again.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass
import math
from pathlib import Path
import random
import signal
import subprocess
import sys
import tempfile
import time

from budgets import memory
import domain
from dynsyn_ros.nodes import run, topics
from dynsyn_ros.robot.readings import REWARD
from dynsyn_ros.training.presets import preset_file, ROBOT_FILE, TRAINED
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool
from tqdm import tqdm

domain.join_alone()

#: Longest wait for the controller to drive again, s.
PATIENCE = 60.0
RAW = 'raw'
#: Topics whose drivers are best effort, as most are.
BEST_EFFORT_TOPICS = ('imu', 'scan')
DRIVERS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
NODES = ('simulator', 'controller')


def nothing(topic: str, message: object) -> None:
    """Leave a message as it is."""


@dataclass
class Row:
    """What came of one stage."""

    stage: str
    tried: str
    seen: str
    bad_torques: int
    crashes: int
    growth: float


class Relay(Node):
    """Passes the sensors on, and watches the commands and what the controller says of itself."""

    def __init__(self) -> None:
        """Listen to everything."""
        super().__init__('relay')
        self.drop, self.delay_until = 0.0, 0.0
        self.spoil = nothing
        self.dropped = self.delayed = 0
        self.random = random.Random(0)
        self.waiting: deque[tuple[str, object]] = deque()
        self.good: dict[str, deque] = {topic: deque(maxlen=20) for topic in topics.SENSORS}
        self.commands = self.moving = self.bad = 0
        self.state: dict[str, str] = {}
        self.ends = {}
        for topic, kind in topics.SENSORS.items():
            self.ends[topic] = self.create_publisher(
                kind, topic, DRIVERS if topic in BEST_EFFORT_TOPICS else topics.QOS)
            self.create_subscription(
                kind, f'{RAW}/{topic}', lambda m, t=topic: self.on_sensor(t, m), topics.QOS)
        self.clock = self.create_publisher(Clock, topics.CLOCK, topics.QOS)
        self.create_subscription(
            topics.COMMANDS_TYPE, topics.COMMANDS, self.on_command, topics.QOS)
        self.create_subscription(
            topics.DIAGNOSTICS_TYPE, topics.DIAGNOSTICS, self.on_diagnostics, topics.QOS)
        self.create_timer(0.005, self.release)

    def on_sensor(self, topic: str, message: object) -> None:
        """Pass a message on, or do not, or later."""
        self.good[topic].append(message)
        self.spoil(topic, message)
        if self.random.random() < self.drop:
            self.dropped += 1
        elif time.monotonic() < self.delay_until or self.waiting:
            self.delayed += 1
            self.waiting.append((topic, message))
        else:
            self.ends[topic].publish(message)

    def release(self) -> None:
        """Let go of what was delayed."""
        if time.monotonic() >= self.delay_until:
            while self.waiting:
                topic, message = self.waiting.popleft()
                self.ends[topic].publish(message)

    def on_command(self, message: topics.COMMANDS_TYPE) -> None:
        """Count commands, those that are not zero, and those that must never be."""
        self.commands += 1
        self.moving += any(message.data)
        self.bad += not all(map(math.isfinite, message.data))

    def on_diagnostics(self, message: topics.DIAGNOSTICS_TYPE) -> None:
        """Keep what the controller says."""
        for status in message.status:
            if status.name == '/controller: control':
                self.state = {'message': status.message,
                              **{pair.key: pair.value for pair in status.values}}


class Campaign:
    """Both nodes, the relay between them, and the rows so far."""

    def __init__(self, folder: Path, executor: Executor, relay: Relay, seconds: float) -> None:
        """Start the nodes; each stage has about so many seconds."""
        self.folder, self.executor, self.relay, self.seconds = folder, executor, relay, seconds
        self.running: dict[str, subprocess.Popen] = {}
        self.crashes = 0
        for name in NODES:
            self.start(name)

    def start(self, name: str) -> None:
        """Start a node as a process."""
        arguments = run.ros_arguments((ROBOT_FILE, preset_file('default')), {
            'output_dir': self.folder / 'out', 'weights': TRAINED, 'trigger': 'joint_states',
            'checkpoint_period': 1.0,
            **{f'inputs.{topic}.qos': 'best_effort' for topic in BEST_EFFORT_TOPICS}})
        if name == 'simulator':
            for topic in topics.SENSORS:
                arguments += ['-r', f'{topic}:={RAW}/{topic}']
        with (self.folder / f'{name}.log').open('a') as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, '-m', f'dynsyn_ros.nodes.{name}', *arguments], stdout=log,
                stderr=subprocess.STDOUT)

    def kill(self, name: str) -> None:
        """Kill a node as nothing else does: it has no time for anything."""
        self.running[name].kill()
        self.running[name].wait()

    def stop(self) -> None:
        """End both nodes as Ctrl-C does."""
        for process in self.running.values():
            process.send_signal(signal.SIGINT)
        for process in self.running.values():
            self.crashes += process.wait(PATIENCE) != 0

    def until(self, done: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Spin until done, at most so long; returns whether it is."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            self.executor.spin_once(timeout_sec=0.05)
        return True

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.until(lambda: False, seconds)

    def driving(self, times: int = 20) -> bool:
        """Wait until the controller drives again."""
        aim = self.relay.moving + times
        return self.until(lambda: self.relay.moving >= aim)

    def steps(self) -> int:
        """Tell how many steps the controller says it has taken."""
        self.relay.state = {}
        self.until(lambda: 'steps' in self.relay.state)
        return int(self.relay.state.get('steps', -1))

    def call(self, kind: type, name: str, request: object) -> bool:
        """Call a service of the controller; returns whether it succeeded."""
        client = self.relay.create_client(kind, f'/controller/{name}')
        self.until(client.service_is_ready)
        future = client.call_async(request)
        answered = self.until(future.done)
        self.relay.destroy_client(client)
        return answered and future.result().success

    def stage(self, name: str, attempt: Callable[[Campaign], tuple[str, str]]) -> Row:
        """Try something and see what comes of it."""
        bad, crashes, process = self.relay.bad, self.crashes, self.running['controller']
        before = memory(process.pid)
        tried, seen = attempt(self)
        recovered = self.driving()
        for dead in [n for n, p in self.running.items() if p.poll() is not None]:
            self.crashes += 1
            self.start(dead)
            self.driving()
        same = process is self.running['controller']
        growth = memory(process.pid) - before if same else math.nan
        return Row(name, tried, seen if recovered else f'{seen}; it does not drive again',
                   self.relay.bad - bad, self.crashes - crashes + (not recovered), growth)


# What is tried


def malformed(c: Campaign) -> tuple[str, str]:
    """Let somebody else publish messages that are wrong in every way."""
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
    """Make a message that is wrong in a way chosen at random."""
    value = rng.choice([math.nan, math.inf, -math.inf, 1e300, -1e300, 0.0, 1e-300])
    length = rng.choice([0, 1, 2, 3, 4, 5, 10, 11, 1000])
    message = topics.SENSORS[topic]()
    if good and rng.random() < 0.2:
        return rng.choice(good)  # once more, or late
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
    """Lose 5 % of all messages."""
    before, moving = c.steps(), c.relay.moving
    c.relay.drop, c.relay.dropped = 0.05, 0
    c.wait(c.seconds)
    c.relay.drop = 0.0
    return (f'5 % of messages dropped, {c.relay.dropped} of them',
            f'{c.steps() - before} steps, {c.relay.moving - moving} commands that move')


def delayed(c: Campaign) -> tuple[str, str]:
    """Let nothing arrive for 200 ms, and then everything."""
    bursts = max(1, int(c.seconds / 2))
    before, c.relay.delayed = c.steps(), 0
    for _ in range(bursts):
        c.relay.delay_until = time.monotonic() + 0.2
        c.wait(1.0)
    return (f'{bursts} bursts of 200 ms, {c.relay.delayed} messages late',
            f'{c.steps() - before} steps')


def controller_killed(c: Campaign) -> tuple[str, str]:
    """Kill the controller in the midst of it."""
    times = max(1, int(c.seconds / 20))
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
    """Kill the simulator in the midst of it; its time begins at 0 again."""
    times = max(1, int(c.seconds / 20))
    for _ in range(times):
        c.wait(1.0)
        c.kill('simulator')
        c.start('simulator')
        c.driving()
    return f'simulator killed and restarted {times} times', f'{c.steps()} steps, the same learner'


def subscribers(c: Campaign) -> tuple[str, str]:
    """Let a hundred more subscribers listen."""
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
    """Let somebody else publish the time, an hour off."""
    jumps = max(2, int(c.seconds / 2))
    before = c.steps()
    for number in range(jumps):
        message = Clock()
        message.clock.sec = 3600 if number % 2 else 0
        c.relay.clock.publish(message)
        c.wait(0.5)
    return f'{jumps} jumps of the clock, by up to an hour', f'{c.steps() - before} steps'


def parameter_changes(c: Campaign) -> tuple[str, str]:
    """Change what may be changed, and what may not."""
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


def activations(c: Campaign) -> tuple[str, str]:
    """Deactivate and activate."""
    done = 0
    for _ in range(20):
        for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
            done += c.call(ChangeState, 'change_state', ChangeState.Request(
                transition=Transition(id=transition)))
        c.driving(2)
    return '20 deactivations and activations', f'{done} of 40 done'


def left_out(c: Campaign) -> tuple[str, str]:
    """Leave out what nobody uses, as drivers do: it must go on."""
    def spoil(topic: str, message: object) -> None:
        if topic == 'imu':
            message.linear_acceleration.z = math.nan
        elif topic == 'joint_states':
            message.effort = []
        elif topic == 'scan':
            message.ranges[3], message.ranges[5] = math.nan, math.inf

    before, c.relay.spoil = c.steps(), spoil
    c.wait(c.seconds)
    c.relay.spoil = nothing
    taken = c.steps() - before
    return ('no effort, acceleration NaN, rays NaN and inf',
            f'{taken} steps' if taken > c.seconds else f'only {taken} steps')


def unoriented(c: Campaign) -> tuple[str, str]:
    """Take the orientation away, and the stamps: it must stop, and go on after."""
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
}


@contextmanager
def campaign(seconds: float) -> Iterator[Campaign]:
    """Set up a campaign of about so many seconds, and leave nothing of it."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix='dynsyn_soak_')))
        ends.enter_context(run.session([]))
        relay = Relay()
        executor = ends.enter_context(run.executor_of([relay]))
        one = Campaign(folder, executor, relay, seconds / len(STAGES))

        @ends.callback
        def end() -> None:
            for process in one.running.values():
                process.kill()
                process.wait()

        if not one.driving():
            sys.exit(f'the nodes do not start: {(folder / "controller.log").read_text()}')
        yield one


def main() -> int:
    """Go through all stages and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=600.0,
                        help='of the campaign, about (default: %(default)s)')
    options = parser.parse_args()
    rows = []
    with campaign(options.seconds) as one:
        for name, attempt in tqdm(STAGES.items(), unit=' stages', dynamic_ncols=True):
            rows.append(one.stage(name, attempt))
        one.stop()
    print('| stage | tried | seen | torques not finite | crashes | memory growth, MB |')
    print('|---|---|---|---|---|---|')
    for row in rows:
        growth = '-' if math.isnan(row.growth) else f'{row.growth:.1f}'
        print(f'| {row.stage} | {row.tried} | {row.seen} | {row.bad_torques} | {row.crashes} | '
              f'{growth} |')
    return 1 if any(row.bad_torques or row.crashes for row in rows) or one.crashes else 0


if __name__ == '__main__':
    sys.exit(main())
