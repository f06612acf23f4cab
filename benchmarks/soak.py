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
Run a campaign of faults against both nodes, each in its own process, over real DDS.

All sensor messages pass through a relay that can drop and delay them. Each stage tries one fault,
waits until the controller drives again, and adds a row to the table. The exit code is 1 if a
torque was not finite or past its limit, if a process died without being killed, or if the
controller did not drive again.
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

from attacks import nothing, STAGES
from budgets import memory
import domain
from dynsyn_ros.nodes import run, topics
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import preset_file, ROBOT_FILE, TRAINED
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from tqdm import tqdm

domain.join_alone()

#: Longest wait for the controller to drive again, s.
PATIENCE = 60.0
RAW = 'raw'
#: Topics whose drivers are best effort, like most drivers.
BEST_EFFORT_TOPICS = ('imu', 'scan')
DRIVERS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
LIMITS = parameters.read([ROBOT_FILE])['torque_limits']
NODES = ('simulator', 'controller')


@dataclass
class Row:
    """The result of one stage."""

    stage: str
    tried: str
    seen: str
    bad_torques: int
    crashes: int
    growth: float


class Relay(Node):
    """Passes on the sensors, and watches the commands and the controller's diagnostics."""

    def __init__(self) -> None:
        """Subscribe to everything."""
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
        """Pass a message on, drop it, or delay it."""
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
        """Pass on the delayed messages."""
        if time.monotonic() >= self.delay_until:
            while self.waiting:
                topic, message = self.waiting.popleft()
                self.ends[topic].publish(message)

    def on_command(self, message: topics.COMMANDS_TYPE) -> None:
        """Count all commands, those that are not zero, and those past their limits."""
        self.commands += 1
        self.moving += any(message.data)
        self.bad += not all(abs(torque) <= abs(limit) for torque, limit in zip(
            message.data, LIMITS, strict=True))

    def on_diagnostics(self, message: topics.DIAGNOSTICS_TYPE) -> None:
        """Keep the controller's status."""
        for status in message.status:
            if status.name == '/controller: control':
                self.state = {'message': status.message,
                              **{pair.key: pair.value for pair in status.values}}


class Campaign:
    """Both nodes, the relay between them, and the rows so far."""

    def __init__(self, folder: Path, executor: Executor, relay: Relay, seconds: float) -> None:
        """Start the nodes; each stage takes about this many ``seconds``."""
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
                [sys.executable, '-m', 'dynsyn_ros.nodes.programs', name, *arguments], stdout=log,
                stderr=subprocess.STDOUT)

    def kill(self, name: str) -> None:
        """Kill a node with SIGKILL, so that it can do nothing more."""
        self.running[name].kill()
        self.running[name].wait()

    def stop(self) -> None:
        """End both nodes as with Ctrl-C."""
        for process in self.running.values():
            process.send_signal(signal.SIGINT)
        for process in self.running.values():
            self.crashes += process.wait(PATIENCE) != 0

    def until(self, done: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Spin until done, but no longer than ``seconds``; returns whether it is done."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            self.executor.spin_once(timeout_sec=0.05)
        return True

    def wait(self, seconds: float) -> None:
        """Spin for this many seconds."""
        self.until(lambda: False, seconds)

    def driving(self, times: int = 20) -> bool:
        """Wait until the controller drives again."""
        aim = self.relay.moving + times
        return self.until(lambda: self.relay.moving >= aim)

    def steps(self) -> int:
        """Return the number of steps that the controller reports."""
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
        """Run one stage and return its row."""
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


@contextmanager
def campaign(seconds: float) -> Iterator[Campaign]:
    """Set up a campaign with about this many seconds per stage, and clean up after it."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix='dynsyn_soak_')))
        ends.enter_context(domain.session())
        relay = Relay()
        executor = ends.enter_context(run.executor_of([relay]))
        one = Campaign(folder, executor, relay, seconds)

        @ends.callback
        def end() -> None:
            for process in one.running.values():
                process.kill()
                process.wait()

        if not one.driving():
            sys.exit(f'the nodes do not start: {(folder / "controller.log").read_text()}')
        yield one


def main() -> int:
    """Run all stages and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=600.0,
                        help='approximate duration of the campaign (default: %(default)s)')
    parser.add_argument('--only', nargs='+', choices=STAGES, default=list(STAGES),
                        metavar='STAGE', help='stages to run (default: all)')
    options = parser.parse_args()
    rows = []
    with campaign(options.seconds / len(options.only)) as one:
        for name in tqdm(options.only, unit=' stages', dynamic_ncols=True):
            rows.append(one.stage(name, STAGES[name]))
        one.stop()
    print('| stage | tried | seen | bad torques | crashes | memory growth, MB |')
    print('|---|---|---|---|---|---|')
    for row in rows:
        growth = '-' if math.isnan(row.growth) else f'{row.growth:.1f}'
        print(f'| {row.stage} | {row.tried} | {row.seen} | {row.bad_torques} | {row.crashes} | '
              f'{growth} |')
    return 1 if any(row.bad_torques or row.crashes for row in rows) or one.crashes else 0


if __name__ == '__main__':
    sys.exit(main())
