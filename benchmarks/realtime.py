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
Measure the latency and jitter of the controller, compared with a bare rclpy node.

This process stands in for the drivers: it publishes the sensors of the shipped biped at a fixed
rate and receives the commands of the node, which is another process. Latency is the time from a
message on joint_states to the command that answers it. The period error is that of the time
between two commands. A deadline is missed if an answer takes longer than the period. Both nodes
are measured alternately, in rounds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import domain
from dynsyn_ros.nodes import run, topics
from dynsyn_ros.pictures import canvas
from dynsyn_ros.robot.readings import REWARD
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import CONFIG, preset_file
from matplotlib.figure import Figure
import numpy as np
from rclpy.node import Node
from rclpy.time import Time
from tqdm import tqdm

if '--bare' not in sys.argv:  # a bare node joins the domain of the process that started it
    domain.join_alone()

BIPED = CONFIG / 'biped.yaml'
JOINTS = parameters.read([BIPED])['joints']
#: Rates in Hz, and the seconds of measurement at each.
RATES = {50: 300.0, 500: 60.0}
ROUNDS = 3
OURS, BARE = 'controller', 'bare node'
#: The other inputs of the biped's controller, published before the trigger.
OTHERS = ('imu', 'odom', 'foot_contacts', REWARD)


class Drivers(Node):
    """Publishes sensors at a rate and times the answers."""

    def __init__(self, seconds: float, rate: float) -> None:
        """Prepare the messages."""
        super().__init__('drivers')
        self.sent, self.answers = 0.0, []
        self.ends = {topic: self.create_publisher(topics.SENSORS[topic], topic, topics.QOS)
                     for topic in (*OTHERS, 'joint_states')}
        self.messages = {topic: topics.SENSORS[topic]() for topic in self.ends}
        joints = self.messages['joint_states']
        joints.name, zeros = JOINTS, [0.0] * len(JOINTS)
        joints.position = joints.velocity = joints.effort = zeros
        self.messages['imu'].orientation.w = 1.0
        self.messages['foot_contacts'].data = [1, 1]
        self.create_subscription(
            topics.COMMANDS_TYPE, topics.COMMANDS, self.on_command, topics.QOS)
        self.ticks, self.wanted = 0, int(seconds * rate)
        self.create_timer(1.0 / rate, self.tick)

    def tick(self) -> None:
        """Publish the sensors of one period, the trigger last."""
        stamp = Time(nanoseconds=time.time_ns()).to_msg()
        for topic, message in self.messages.items():
            if hasattr(message, 'header'):
                message.header.stamp = stamp
            if topic == 'joint_states':
                self.sent = time.perf_counter()
            self.ends[topic].publish(message)
        self.ticks += 1

    def on_command(self, _: topics.COMMANDS_TYPE) -> None:
        """Record when the answer arrived, and how long it took."""
        now = time.perf_counter()
        self.answers.append((now, now - self.sent))


class Bare(Node):
    """Only answers joint_states, with a constant command."""

    def __init__(self) -> None:
        """Subscribe to the topics of the controller."""
        super().__init__('bare')
        self.command = topics.COMMANDS_TYPE(data=[0.0] * len(JOINTS))
        self.commands = self.create_publisher(topics.COMMANDS_TYPE, topics.COMMANDS, topics.QOS)
        for topic in OTHERS:
            self.create_subscription(topics.SENSORS[topic], topic, lambda _: None, topics.QOS)
        self.create_subscription(topics.SENSORS['joint_states'], 'joint_states',
                                 lambda _: self.commands.publish(self.command), topics.QOS)


def bare() -> None:
    """Run the bare node until it is stopped."""
    with run.session([]) as stop, run.executor_of([Bare()]) as executor:
        run.spin(executor, lambda: bool(stop))


def measure(what: str, rate: float, seconds: float, folder: Path) -> np.ndarray:
    """Time the answers of one node; returns (answers, 2): when, and after how long, s."""
    arguments = run.ros_arguments((BIPED, preset_file('default')), {
        'control_period': 1.0 / rate, 'output_dir': folder, 'checkpoints_kept': 1,
        # Longer than any hiccup: late messages must be counted here, not refused.
        **{f'inputs.{topic}.timeout': 10.0 for topic in (*OTHERS, 'joint_states')}})
    words = (['-m', 'dynsyn_ros.nodes.programs', 'controller', *arguments] if what == OURS
             else [__file__, '--bare'])
    with domain.session():
        drivers = Drivers(seconds, rate)
        node = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        try:
            with run.executor_of([drivers]) as executor:
                run.spin(executor, lambda: len(drivers.answers) > rate)  # a second to warm up
                drivers.answers.clear()
                begun = drivers.ticks
                run.spin(executor, lambda: drivers.ticks - begun >= drivers.wanted)
        finally:
            node.terminate()
            node.wait()
    return np.array(drivers.answers)


def main() -> int:
    """Measure both nodes, print the table and draw the histograms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bare', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--scale', type=float, default=1.0,
                        help='factor on the times, which are 5 min at 50 Hz and 1 min at 500 Hz')
    parser.add_argument('--picture', type=Path, help='draw the histograms into this file')
    options = parser.parse_args()
    if options.bare:
        bare()
        return 0
    figure = Figure(figsize=(9, 6), layout='constrained')
    axes = figure.subplots(2, len(RATES))
    print('| rate | node | answers | latency, ms: median, 99 %, 99.9 %, most | period error, ms: '
          'SD, 99 % | deadlines missed |')
    print('|---|---|---|---|---|---|')
    with tempfile.TemporaryDirectory(prefix='dynsyn_realtime_') as folder, tqdm(
            total=len(RATES) * ROUNDS * 2, unit=' rounds', dynamic_ncols=True) as line:
        for column, (rate, seconds) in enumerate(RATES.items()):
            found: dict[str, list[np.ndarray]] = {OURS: [], BARE: []}
            for _ in range(ROUNDS):
                for what, rounds in found.items():
                    rounds.append(measure(
                        what, rate, options.scale * seconds / ROUNDS, Path(folder)))
                    line.update()
            for what, rounds in found.items():
                latency = 1e3 * np.concatenate([r[:, 1] for r in rounds])
                error = 1e3 * np.abs(np.concatenate([np.diff(r[:, 0]) for r in rounds]) - 1 / rate)
                middle, high, higher = np.percentile(latency, (50, 99, 99.9))
                missed = int((latency > 1e3 / rate).sum())
                tqdm.write(f'| {rate} Hz | {what} | {latency.size} | {middle:.2f}, {high:.2f}, '
                           f'{higher:.2f}, {latency.max():.1f} | {error.std():.2f}, '
                           f'{np.percentile(error, 99):.2f} | {missed} |', file=sys.stdout)
                for row, (values, name) in enumerate(((latency, 'latency'),
                                                      (error, 'period error'))):
                    axes[row, column].hist(values, bins=np.geomspace(0.01, 100, 80), label=what,
                                           histtype='step')
                    axes[row, column].set(xscale='log', yscale='log', xlabel=f'{name}, ms',
                                          ylabel='commands', title=f'{rate} Hz')
    canvas.legend(figure)
    if options.picture:
        figure.savefig(options.picture, dpi=100)
    return 0


if __name__ == '__main__':
    sys.exit(main())
