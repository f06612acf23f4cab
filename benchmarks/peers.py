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
Compare our fleet with common alternatives, in one run on one machine.

Each method learns BipedalWalker-v3 in its own process, on one thread, one after the other, until
the mean of its last 100 training episodes is 300 or its steps or minutes are used up. Minutes are
minutes of processor time, so that other work on the machine does not count. A2C, ARS,
PPO, SAC and TQC have the tuned settings of RL Baselines3 Zoo (its hyperparams/*.yml), A2C and PPO
also its number of steps. CMA-ES searches the centres of our network from our initial centres.
Results are appended to a file one by one, and results in that file are not run again. Needs
``pip install '.[peers]'``.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from itertools import product
import json
from math import inf, isfinite
import os
from pathlib import Path
import resource
import subprocess
import sys
import tempfile
import time

from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.schema import build
from dynsyn_ros.simulation.bipedal_walker import ENVIRONMENTS
from dynsyn_ros.simulation.environments import SOLVED_AT
from dynsyn_ros.simulation.walkers import make
from dynsyn_ros.storage.episodes import WINDOW
from dynsyn_ros.training.config import TrainingConfig
from dynsyn_ros.training.headless import Headless
from dynsyn_ros.training.presets import read_preset, read_robot
from dynsyn_ros.training.trainer import Trainer
import gymnasium
import numpy as np
from tqdm import tqdm

SOLVED = SOLVED_AT[ENVIRONMENTS[0]]
GOALS = (200.0, SOLVED)
#: Steps of A2C and PPO in the zoo.
ZOO_STEPS = 5_000_000


class Done(Exception):
    """The goal is reached, or the steps or minutes are used up."""


class Record:
    """Counts the steps and episodes of one method, and records when it reached its goals."""

    def __init__(self, minutes: float, steps: float) -> None:
        """Start the clock of a method that has this number of minutes and steps."""
        self._begun, self._minutes, self._steps = time.process_time(), minutes, steps
        self._last: deque[float] = deque(maxlen=WINDOW)
        self.steps, self.best = 0, -np.inf
        self.reached: dict[str, list[float] | None] = {f'{goal:g}': None for goal in GOALS}

    @property
    def minutes(self) -> float:
        """Minutes of processor time since the start."""
        return (time.process_time() - self._begun) / 60

    def step(self, count: int = 1) -> None:
        """Count steps; raises :class:`Done` when the steps or the minutes are used up."""
        self.steps += count
        if self.steps >= self._steps or self.minutes > self._minutes:
            raise Done

    def episode(self, total: float) -> None:
        """Add an episode; raises :class:`Done` when the last goal is reached."""
        self._last.append(total)
        if len(self._last) < WINDOW:
            return
        self.best = max(self.best, self.mean)
        for goal in GOALS:
            if self.reached[f'{goal:g}'] is None and self.mean >= goal:
                self.reached[f'{goal:g}'] = [self.steps, self.minutes]
        if self.mean >= SOLVED:
            raise Done

    @property
    def mean(self) -> float:
        """Mean return of the last episodes, at most 100."""
        return float(np.mean(self._last)) if self._last else float('nan')


class Counted(gymnasium.Wrapper):
    """An environment whose steps and episodes are recorded."""

    def __init__(self, record: Record, seed: int) -> None:
        """Make the environment."""
        super().__init__(gymnasium.make(ENVIRONMENTS[0]))
        self._record, self._seed, self._total = record, seed, 0.0

    def reset(self, **kwargs):
        """Begin an episode; only the first one uses the seed."""
        kwargs['seed'], self._seed = self._seed, None
        self._total = 0.0
        return self.env.reset(**kwargs)

    def step(self, action):
        """Step and record."""
        result = self.env.step(action)
        self._total += float(result[1])
        self._record.step()
        if result[2] or result[3]:
            self._record.episode(self._total)
        return result


def ours(simulator: str) -> Callable[[Record, int], None]:
    """Train the fleet in a simulator."""

    def run(record: Record, seed: int) -> None:
        config = build(TrainingConfig, {
            'env_id': ENVIRONMENTS[0], 'simulator': simulator, 'learners': 16, 'separate': False,
            'seed': seed, 'steps': 2**62, 'until_solved': True, 'weights': 'none',
            'robot': asdict(read_robot()), 'learner': asdict(read_preset('default'))})
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(config, Path(folder), threads=1)
            add = trainer.log.add

            def spy(learner, episode, steps):
                add(learner, episode, steps)
                record.episode(episode.total)

            trainer.log.add = spy
            trainer.run(lambda: False, lambda _: record.step(config.learners))

    return run


def cma_es(record: Record, seed: int) -> None:
    """Search the centres of our network with CMA-ES, with one episode per candidate."""
    import cma

    robot = Robot(read_robot())
    preset = read_preset('default')
    learner = Learner(robot.layout, preset, seed)
    learner.learning = False
    walkers = make('gymnasium', ENVIRONMENTS[0], seed, [0])
    loop = Headless(robot, learner, walkers)
    search = cma.CMAEvolutionStrategy(
        learner.state.plasticity.centre[0].copy(), preset.synapses.amplitude[0],
        {'seed': seed + 1, 'verbose': -9})
    while True:
        candidates = search.ask()
        losses = []
        for candidate in candidates:
            learner.state.plasticity.centre[0] = candidate
            while True:
                loop.step()
                record.step()
                if walkers.ended:
                    break
            losses.append(-walkers.ended[0][1].total)
            record.episode(-losses[-1])
        search.tell(candidates, losses)


def off_policy(module: str, name: str) -> Callable[[Record, int], None]:
    """Train SAC or TQC."""

    def run(record: Record, seed: int) -> None:
        algorithm = getattr(__import__(module), name)
        algorithm(
            'MlpPolicy', Counted(record, seed), learning_rate=7.3e-4, buffer_size=300_000,
            batch_size=256, ent_coef='auto', gamma=0.98, tau=0.02, train_freq=64,
            gradient_steps=64, learning_starts=10_000, use_sde=True, seed=seed,
            policy_kwargs={'log_std_init': -3, 'net_arch': [400, 300]}, device='cpu',
        ).learn(10**12)

    return run


def normalised(record: Record, seed: int, count: int, **options):
    """Make environments with running normalisation of observations."""
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    environments = [lambda i=i: Counted(record, seed + i) for i in range(count)]
    return VecNormalize(DummyVecEnv(environments), **options)


def a2c(record: Record, seed: int) -> None:
    """Train A2C with state-dependent exploration."""
    from stable_baselines3 import A2C

    A2C('MlpPolicy', normalised(record, seed, 16, gamma=0.99),
        learning_rate=lambda left: 9.6e-4 * left, n_steps=8, gae_lambda=0.9, gamma=0.99,
        ent_coef=0.0, vf_coef=0.4, max_grad_norm=0.5, use_rms_prop=True,
        normalize_advantage=False, use_sde=True,
        policy_kwargs={'log_std_init': -2, 'ortho_init': False}, seed=seed, device='cpu',
        ).learn(ZOO_STEPS)


def ppo(record: Record, seed: int) -> None:
    """Train PPO."""
    from stable_baselines3 import PPO

    PPO('MlpPolicy', normalised(record, seed, 32, gamma=0.999), n_steps=2048, batch_size=64,
        gae_lambda=0.95, gamma=0.999, n_epochs=10, ent_coef=0.0, learning_rate=3e-4,
        clip_range=0.18, seed=seed, device='cpu').learn(ZOO_STEPS)


def ars(record: Record, seed: int) -> None:
    """Train ARS."""
    from sb3_contrib import ARS

    ARS('MlpPolicy', normalised(record, seed, 1, norm_reward=False), learning_rate=0.02,
        delta_std=0.0075, n_delta=64, n_top=32, alive_bonus_offset=-0.1,
        policy_kwargs={'net_arch': [16]}, seed=seed, device='cpu').learn(10**12)


METHODS = {
    'ours, envpool': ours('envpool'),
    'ours, gymnasium': ours('gymnasium'),
    'A2C': a2c,
    'PPO': ppo,
    'CMA-ES on our network': cma_es,
    'ARS': ars,
    'SAC': off_policy('stable_baselines3', 'SAC'),
    'TQC': off_policy('sb3_contrib', 'TQC'),
}
#: Methods that end after a number of steps, for which their settings are tuned; the others are
#: limited by time.
STEPS = {'A2C': ZOO_STEPS, 'PPO': ZOO_STEPS}


def measure(method: str, minutes: float, seed: int) -> None:
    """Run one method in this process and print its result as JSON."""
    steps = STEPS.get(method, inf)
    record = Record(inf if method in STEPS else minutes, steps)
    with suppress(Done):
        METHODS[method](record, seed)
    print(json.dumps({
        'method': method, 'seed': seed, 'steps': record.steps, 'minutes': record.minutes,
        'mean': record.mean, 'best': record.best, 'reached': record.reached,
        'memory': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def row(result: dict) -> str:
    """Write a result as a row of the table."""
    goals = [
        '-' if at is None else f'{at[0] / 1e6:.2f} M, {at[1]:.1f} min'
        for at in result['reached'].values()]
    return ' | '.join([
        f'| {result["method"]}', f'{result["seed"]}',
        f'{result["steps"] / result["minutes"] / 60:.0f}',
        f'{result["steps"] / 1e6:.2f} M', f'{result["minutes"]:.1f}', *goals,
        *(f'{mean:.0f}' if isfinite(mean) else '-' for mean in (result['mean'], result['best'])),
        f'{result["memory"]:.0f} MB |'])


def read(file: Path) -> list[dict]:
    """Read the results in a file, in the order of the methods and seeds."""
    lines = file.read_text().splitlines() if file.exists() else []
    order = list(METHODS)
    return sorted(map(json.loads, lines), key=lambda r: (order.index(r['method']), r['seed']))


def main() -> None:
    """Measure all methods that were asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('methods', nargs='*', metavar='METHOD',
                        help=f'{", ".join(METHODS)} (default: all)')
    parser.add_argument('--minutes', type=float, default=60.0,
                        help=f'minutes for each method except {" and ".join(STEPS)} (default: 60)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--output', type=Path, default=Path('runs/peers.jsonl'),
                        help='file of results (default: runs/peers.jsonl)')
    parser.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.methods) - set(METHODS)
    if unknown:
        parser.error(f'unknown method {", ".join(unknown)}: there are {", ".join(METHODS)}')
    if options.inside:
        measure(options.methods[0], options.minutes, options.seeds[0])
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    done = {(result['method'], result['seed']) for result in read(options.output)}
    pairs = product(options.seeds, options.methods or list(METHODS))
    for seed, method in tqdm([p for p in pairs if p[::-1] not in done], unit=' trainings'):
        answer = subprocess.run(
            [sys.executable, __file__, method, '--inside', '--minutes', str(options.minutes),
             '--seeds', str(seed)],
            stdout=subprocess.PIPE, text=True, check=True,
            env={**os.environ, 'OMP_NUM_THREADS': '1'})
        with options.output.open('a') as file:
            file.write(answer.stdout.splitlines()[-1] + '\n')
    columns = ('method', 'seed', 'steps/s', 'steps', 'minutes', 'to 200', 'to 300', 'last mean',
               'best', 'memory')
    print('| ' + ' | '.join(columns) + ' |', '|---' * len(columns) + '|',
          *map(row, read(options.output)), sep='\n')


if __name__ == '__main__':
    main()
