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
Measure the time and memory budgets, each against its bare baseline in the same run.

Every ratio is measured in rounds that alternate between our code and the bare baseline, with the
same actions on the same terrain. The table gives the median and the spread over the rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TypeVar

import bare
import domain
from dynsyn_ros.learner import Learner, LearnerConfig
from dynsyn_ros.nodes import run
from dynsyn_ros.nodes.config import LOCKSTEP
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.assets import preset_file, ROBOT_FILE
from dynsyn_ros.simulation.bipedal_walker import ENVIRONMENTS, SPEC
from dynsyn_ros.simulation.walkers import make as walkers_of
from dynsyn_ros.training.headless import Headless
from dynsyn_ros.training.presets import read_preset, read_robot
import numpy as np
from rclpy.executors import Executor
from rclpy.node import Node
from tqdm import tqdm

domain.join_alone()

FILES = (ROBOT_FILE, preset_file('default'))
FLEET = 16
#: Steps of each turn of two that are compared.
TURN = 50
Result = TypeVar('Result')


def parts() -> tuple[Robot, LearnerConfig]:
    """Read the walker and the default preset."""
    return Robot(read_robot()), read_preset('default')


def memory(pid: int | str = 'self') -> float:
    """Return the resident memory of a process, MB."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmRSS')) / 1024


def timed(work: Callable[[], object]) -> float:
    """Run some work; returns the time it took, s."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make_headless(seed: int, walkers: int) -> Headless:
    """Make learners and walkers."""
    robot, preset = parts()
    learner = Learner(robot.layout, preset, seed, range(walkers))
    return Headless(
        robot, learner, walkers_of('gymnasium', ENVIRONMENTS[0], seed, range(walkers)))


def headless_ratio(seed: int, walkers: int, steps: int) -> float:
    """
    Compare headless training with the bare environments, in steps per second.

    They take turns, so that a machine whose speed changes is equally fast for both.
    """
    ours, bare_walkers = make_headless(seed, walkers), bare.BareWalkers(seed, walkers)
    actions: list[np.ndarray] = []

    def learn() -> None:
        actions[:] = [ours.step().copy() for _ in range(TURN)]  # each step overwrites it

    def step_bare() -> None:
        for action in actions:
            bare_walkers.step(action)

    ours_seconds = bare_seconds = 0.0
    for _ in range(max(steps // TURN, 1)):
        ours_seconds += timed(learn)
        actions[:] = [torques / SPEC.torque for torques in actions]
        bare_seconds += timed(step_bare)
        if (bare_walkers.rewards != ours.rewards).any():
            raise RuntimeError('the bare environments do not walk as ours do')
    return bare_seconds / ours_seconds


def learner_step(steps: int) -> list[float]:
    """Time single steps of one learner, microseconds."""
    robot, preset = parts()
    learner = Learner(robot.layout, preset, 0)
    observation = np.random.default_rng(0).normal(size=(1, robot.layout.observations))
    reward, sent = np.ones(1), np.zeros((1, robot.layout.actions))
    return [1e6 * timed(lambda: learner.step(observation, reward, sent)) for _ in range(steps)]


def step_rate(executor: Executor, node: SimulatorNode | bare.BareSimulator, steps: int) -> float:
    """Spin until a node has taken its steps; returns steps per second after the first tenth."""
    run.spin(executor, lambda: node.steps >= steps // 10)
    begun = node.steps
    return (steps - begun) / timed(lambda: run.spin(executor, lambda: node.steps >= steps))


def lockstep_ours(
    seed: int, steps: int, partner: bool
) -> tuple[float, np.ndarray, list[float]]:
    """Run our nodes in lock-step; returns steps per second, the actions and the memory used."""
    actions = []
    with tempfile.TemporaryDirectory() as output:
        words = [*run.ros_arguments(FILES, {
            'pace': LOCKSTEP, 'seed': seed, 'max_steps': steps, 'output_dir': output,
        }), '--log-level', 'error']
        with domain.session(words):
            simulator = SimulatorNode()
            step = simulator.walker.step
            simulator.walker.step = lambda torques: (
                actions.append(torques / SPEC.torque) or step(torques))
            controllers = [] if partner else [ControllerNode()]
            process = subprocess.Popen([
                sys.executable, '-m', 'dynsyn_ros.nodes.programs', 'controller',
                *words]) if partner else None
            with run.executor_of([simulator, *controllers]) as executor:
                for controller in controllers:
                    controller.start()
                rate = step_rate(executor, simulator, steps)
                used = [memory(), *([memory(process.pid)] if process else [])]
                for controller in controllers:
                    controller.stop()
            if process:
                process.terminate()
                process.wait()
    return rate, np.array(actions), used


def lockstep_bare(seed: int, actions: np.ndarray, partner: bool) -> float:
    """Run the bare ping-pong over the same actions; returns steps per second."""
    with domain.session():
        simulator = bare.BareSimulator(seed, actions)
        controllers = [] if partner else [bare.BareController()]
        process = subprocess.Popen([sys.executable, bare.__file__]) if partner else None
        nodes: list[Node] = [simulator, *controllers]
        with run.executor_of(nodes) as executor:
            for controller in controllers:
                run.spin(executor, controller.greeted)
            run.spin(executor, lambda: simulator.connected)
            simulator.send()
            rate = step_rate(executor, simulator, len(actions))
        if process:
            process.terminate()
            process.wait()
    return rate


def headless_memory(steps: int) -> list[float]:
    """Train headless; returns the memory used after each tenth of the steps, MB."""
    trainer, used = make_headless(0, 1), []
    for _ in tqdm(range(10), desc='memory', leave=False):
        for _ in range(steps // 10):
            trainer.step()
        used.append(memory())
    return used


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """Run some work in a fresh process, so that its memory can be measured."""
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        return pool.submit(work, *arguments).result()


def row(name: str, values: Sequence[float], bound: str, met: bool) -> bool:
    """Print a line of the table; returns whether the bound is met."""
    low, middle, high = np.percentile(values, [10, 50, 90])
    print(f'{name:52} {middle:8.3f}  ({low:.3f} to {high:.3f})  {bound:16} '
          f'{"met" if met else "MISSED"}')
    return met


def main() -> int:
    """Print the table; returns 1 if a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=7,
                        help='rounds of each pair (default: 7)')
    parser.add_argument('--steps', type=int, default=4000,
                        help='steps of each half of a round (default: 4000)')
    parser.add_argument('--memory-steps', type=int, default=1_000_000,
                        help='steps over which memory must stay flat (default: 1000000)')
    options = parser.parse_args()
    rounds, steps = range(options.rounds), options.steps
    print(f'{"what":52} {"median":>8}  (10 % to 90 %)  budget')
    met = []

    for walkers, bound in ((1, 0.90), (FLEET, 0.85)):
        ratios = [headless_ratio(seed, walkers, max(steps // walkers, 1)) for seed in
                  tqdm(rounds, desc='headless', leave=False)]
        met.append(row(f'headless, {walkers} learners, over the bare environments', ratios,
                       f'at least {bound:.2f}', statistics.median(ratios) >= bound))

    micros = learner_step(20_000)
    met.append(row('step of one learner, microseconds', micros, 'under 10',
                   statistics.median(micros) < 10))

    for partner, place in ((False, 'one process'), (True, 'two processes')):
        ratios, rates = [], []
        for seed in tqdm(rounds, desc=f'lock-step, {place}', leave=False):
            rate, actions, _ = lockstep_ours(seed, steps, partner)
            rates.append(rate)
            ratios.append(rate / lockstep_bare(seed, actions, partner))
        met.append(row(f'lock-step over ROS, {place}, over bare ping-pong', ratios,
                       'at least 0.75', statistics.median(ratios) >= 0.75))
        if not partner:
            speeds = [rate * SPEC.time_step for rate in rates]
            met.append(row(f'lock-step over ROS, {place}, times real time', speeds,
                           'at least 15', statistics.median(speeds) >= 15))
    _, _, used = alone(lockstep_ours, 0, steps, True)
    for name, megabytes in zip(('simulator', 'controller'), used, strict=True):
        met.append(row(f'memory of the {name} node, MB', [megabytes], 'under 250',
                       megabytes < 250))
    used = alone(headless_memory, options.memory_steps)
    met.append(row('memory of headless training, MB', used, 'under 400', max(used) < 400))
    growth = [used[-1] - used[0]]
    met.append(row('its growth from a tenth of the steps to all, MB', growth, 'under 1',
                   growth[0] < 1))
    return 0 if all(met) else 1


if __name__ == '__main__':
    sys.exit(main())
