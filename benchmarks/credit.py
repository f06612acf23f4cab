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
Measure how much of the modulation of the centres is signal, and how much is noise.

For a weights file and a preset, in a few minutes, with the centres held still:

1. The shaped reward and the error of its prediction are summed over windows, with and without
   fluctuations. Their standard deviations are printed for windows with a fall, with a start from
   rest, and during a walk. What fluctuations add is the signal to learn from; the rest is noise.
2. The mean update of the centres is compared with a finite-difference gradient of the mean reward,
   along the directions in which the update is largest: its part in each layer, and the synapses
   that it moves most. Both are in units of amplitude: the change of reward for one amplitude.

It helps to judge critics, horizons, prices of falls and eligibility traces before a training.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.learner import annealing, Learner, LearnerConfig
from dynsyn_ros.pictures import canvas
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.assets import TRAINED
from dynsyn_ros.simulation.bipedal_walker import ENVIRONMENTS
from dynsyn_ros.simulation.walkers import make, SIMULATORS
from dynsyn_ros.storage import weights
from dynsyn_ros.training.headless import Headless
from dynsyn_ros.training.presets import read_preset, read_robot
import numpy as np
from tqdm import tqdm

WALKERS = 16
WINDOW = 150
#: Steps after a start in which a walker does not have its usual speed yet.
START = 150
KINDS = ('fall', 'start', 'under way')
#: Number of synapses, besides the layers, along which update and gradient are compared.
SYNAPSES = 5


class Held:
    """A fleet whose centres and amplitudes stay where they are."""

    def __init__(
        self, file: Path, config: LearnerConfig, simulator: str, seed: int, amplitude: float = 1.0
    ) -> None:
        """Load the weights, with all amplitudes multiplied by ``amplitude``."""
        robot = Robot(read_robot())
        self.fall_reward = robot.config.fall_reward
        held = replace(config, synapses=replace(config.synapses, centre_rate=0.0))
        self.learner = Learner(robot.layout, held, seed, range(WALKERS), shared=True)
        weights.initialise_from(file, self.learner, robot)
        self._annealing = self.learner.state.annealing
        self._clock = self._annealing.clock.copy()
        self._amplitude = amplitude * self.learner.state.plasticity.amplitude
        self._loop = Headless(robot, self.learner, make(
            simulator, ENVIRONMENTS[0], seed, range(WALKERS), robot.config))
        self._since = np.zeros(WALKERS, int)

    def step(self) -> tuple[np.ndarray, np.ndarray]:
        """Take a step; returns the steps since each walker's last start, and which have ended."""
        self._annealing.clock[:] = self._clock
        self.learner.state.plasticity.amplitude[:] = self._amplitude
        self._loop.step()
        ended = self._loop.control.moved.copy()
        self._since = np.where(ended, 0, self._since + 1)
        return self._since, ended

    @property
    def rewards(self) -> np.ndarray:
        """The rewards of the last step, (walkers,)."""
        return self._loop.rewards


def windows(held: Held, steps: int) -> dict[str, np.ndarray]:
    """Sum reward and error over windows; returns (windows, 2) for each kind."""
    sums: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    prediction = held.learner.state.prediction
    settle = steps // 4
    total, fell, started = np.zeros((WALKERS, 2)), np.zeros(WALKERS, bool), np.zeros(WALKERS, bool)
    for step in tqdm(range(1, settle + steps + 1), unit=' steps', leave=False):
        since, _ = held.step()
        total += np.stack([prediction.reward, prediction.error], axis=1)
        fell |= prediction.fell > 0
        started |= since < START
        if step % WINDOW:
            continue
        if step > settle:  # the critic has seen enough
            for i in range(WALKERS):
                kind = 'fall' if fell[i] else 'start' if started[i] else 'under way'
                sums[kind].append(total[i])
        total, fell[:], started[:] = np.zeros((WALKERS, 2)), False, False
    return {kind: np.array(rows).reshape(-1, 2) for kind, rows in sums.items()}


def mean_update(held: Held, steps: int, parts: int = 8) -> np.ndarray:
    """Average the update of the centres per step, in units of amplitude; (parts, synapses)."""
    state = held.learner.state
    updates = np.zeros((parts, held.learner.layout.synapses))
    for part in tqdm(range(parts), unit=' parts', leave=False):
        for _ in range(steps // parts):
            held.step()
            updates[part] += state.prediction.modulation @ state.plasticity.trace
    # A fluctuation has a mean square of A^2 / 2, and the modulation is in units of the scale.
    amplitude = state.plasticity.amplitude[0]
    unit = WALKERS * (steps // parts) * amplitude / 2 / state.prediction.scale[0]
    return updates / unit


def directions(update: np.ndarray, sizes: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the directions of largest update by name: unit vectors, in units of amplitude."""
    found, end = {}, 0
    for layer, size in enumerate(sizes, start=2):
        part, begin, end = np.zeros_like(update), end, end + size
        part[begin:end] = update[begin:end]
        found[f'layer {layer}'] = part / np.linalg.norm(part)
    for j in np.argsort(-np.abs(update))[:SYNAPSES]:
        found[f'synapse {j}'] = np.eye(1, update.size, j)[0] * np.sign(update[j])
    return found


def mean_reward(held: Held, steps: int) -> np.ndarray:
    """Measure the mean shaped reward per step of each walker, frozen."""
    held.learner.learning = False
    total = np.zeros(WALKERS)
    state, config = held.learner.state, held.learner.config
    constants = annealing.constants(
        config.annealing, config.fall, config.reheating, config.time_step, WALKERS)
    price = annealing.shape_reward(
        constants, 0.0, True, state.prediction.baseline[0], state.annealing.clock[0])
    for _ in range(steps):
        held.step()
        total += np.where(held.rewards > held.fall_reward, held.rewards, price)
    return total / steps


def main() -> None:
    """Measure and print; draw a picture if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights', nargs='?', type=Path, default=TRAINED)
    shared_options.add_preset(parser)
    parser.add_argument('--simulator', choices=SIMULATORS, default='envpool')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--steps', type=int, default=20_000,
                        help='steps of each walker, for each part')
    parser.add_argument('--picture', type=Path)
    options = parser.parse_args()
    config = read_preset(options.preset)
    if config.prediction is None:
        parser.error(f'preset {options.preset} predicts no reward')

    def held(amplitude: float = 1.0) -> Held:
        return Held(options.weights, config, options.simulator, options.seed, amplitude)

    spread = {}
    print(f'standard deviation of sums over {WINDOW} steps:\n'
          f'{"":12} {"fluctuations":>13} {"windows":>8} {"reward":>8} {"error":>8}')
    for amplitude, word in ((1.0, 'on'), (0.0, 'off')):
        for kind, sums in windows(held(amplitude), options.steps).items():
            spread[kind, word] = sums.std(axis=0) if len(sums) > 1 else np.full(2, np.nan)
            print(f'{kind:12} {word:>13} {len(sums):8} {spread[kind, word][0]:8.2f} '
                  f'{spread[kind, word][1]:8.2f}')
    fleet = held()
    mean_update(fleet, options.steps // 4)
    parts = mean_update(fleet, options.steps * 2)
    # One half gives the directions and the other half the updates along them. A direction that
    # was chosen by noise would agree with itself.
    tested = directions(parts[::2].mean(axis=0), fleet.learner.layout.layer_sizes)
    amplitude = fleet.learner.state.plasticity.amplitude[0]
    rows = []
    for name, direction in tqdm(tested.items(), unit=' directions', leave=False):
        ends = []
        for sign in (1.0, -1.0):
            moved = held()
            moved.learner.state.plasticity.centre[0] += sign * amplitude * direction
            moved.learner.state.prediction.baseline[:] = fleet.learner.state.prediction.baseline
            ends.append(mean_reward(moved, options.steps // 8))
        slope = (ends[0] - ends[1]) / 2
        along = parts[1::2] @ direction
        rows.append((name, along.mean(), along.std(ddof=1) / len(along) ** 0.5, slope.mean(),
                     slope.std(ddof=1) / WALKERS ** 0.5))
    print('\nchange of the mean reward of a step for one amplitude, and its standard error:\n'
          f'{"direction":14} {"by the update":>18} {"by differences":>18}')
    for name, along, along_error, slope, slope_error in rows:
        print(f'{name:14} {along:9.5f} +-{along_error:7.5f} {slope:9.5f} +-{slope_error:7.5f}')
    told, true = (np.array([row[k] for row in rows]) for k in (1, 3))
    cosine = told @ true / np.linalg.norm(told) / np.linalg.norm(true)
    halves = parts[::2].mean(axis=0), parts[1::2].mean(axis=0)
    agreement = halves[0] @ halves[1] / np.linalg.norm(halves[0]) / np.linalg.norm(halves[1])
    print(f'\ncosine of update and gradient on these: {cosine:.2f}; of two halves of the update '
          f'on all synapses: {agreement:.2f}')
    if options.picture:
        draw(spread, rows, options.picture)


def draw(spread: dict, rows: list, path: Path) -> None:
    """Draw both tables."""
    figure = canvas.new(10.0, 4.0)
    left, right = figure.subplots(1, 2)
    for k, (name, word) in enumerate((name, word) for name in ('reward', 'error')
                                     for word in ('on', 'off')):
        heights = [spread[kind, word][0 if name == 'reward' else 1] for kind in KINDS]
        left.bar(np.arange(len(KINDS)) + 0.2 * (k - 1.5), heights, 0.18,
                 color='C0' if name == 'reward' else 'C1', alpha=1.0 if word == 'on' else 0.45,
                 label=f'{name}, fluctuations {word}')
    left.set(xticks=np.arange(len(KINDS)), xticklabels=KINDS, title='noise and signal',
             ylabel=f'SD of sums over {WINDOW} steps')
    canvas.legend(figure)
    for name, along, along_error, slope, slope_error in rows:
        right.errorbar(slope, along, xerr=slope_error, yerr=along_error, fmt='o',
                       color='C2' if name.startswith('layer') else 'C3')
        right.annotate(name, (slope, along), fontsize='x-small', xytext=(4, 4),
                       textcoords='offset points')
    right.axline((0, 0), slope=1.0, color='grey', linewidth=0.7)
    right.axhline(0.0, color='grey', linewidth=0.3)
    right.locator_params(axis='x', nbins=5)
    right.set(xlabel='gradient by differences', ylabel='by the mean update of the centres',
              title='change of the reward of a step for one amplitude')
    canvas.save(figure, path)


if __name__ == '__main__':
    main()
