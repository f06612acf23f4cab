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

"""Fig. 1 to 3: the rule alone, with a few synapses and no robot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dynsyn_ros.learner import fluctuation, memory, plasticity
from dynsyn_ros.learner.config import LearnerConfig, NarrowingConfig
from dynsyn_ros.pictures import canvas
import numpy as np

#: Fig. 1: the weight that is rewarded, the width of its reward, and the centre rate in 1/ms, which
#: is faster than in the walker so that a few periods are enough.
TARGET, WIDTH, RATE = 0.25, 0.15, 1.5e-4
#: Steps of the figures.
STEPS = 6000


def fluctuate(
    config: LearnerConfig, seed: int, count: int, target: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Let ``count`` synapses fluctuate, starting about 0, rewarded near a ``target`` if given.

    Returns weights, centres and amplitudes, each (steps, count), and the rewards, (steps,).
    """
    stream = np.random.default_rng(seed)
    f = memory.lone(fluctuation, 1, count)
    p = memory.lone(plasticity, 1, 1, count)
    swinging = fluctuation.constants(config.synapses, config.time_step)
    plastic = plasticity.constants(config)
    p.amplitude[:] = config.synapses.amplitude[-1]
    fluctuation.start(f, swinging, 0, stream.uniform(size=count), stream.standard_normal(count))
    history, rewards, reward = np.zeros((3, STEPS, count)), np.zeros(STEPS), 0.0
    for step in range(STEPS):
        f.normals[:], f.next_normal[:] = stream.standard_normal(f.normals.shape), 0
        fluctuation.advance(f, swinging, 0)
        plasticity.follow(p, plastic, 0, 0, f.sine[0])
        plasticity.move_centres(p, plastic, 0, 0, 1.0, reward)
        plasticity.move_amplitudes(p, plastic, 0, reward)
        fluctuation.set_weights(f, 0, p.centre[0], p.amplitude[0])
        history[:, step] = f.weight[0], p.centre[0], p.amplitude[0]
        if target is not None:
            rewards[step] = reward = np.exp(-((f.weight[0] - target) / WIDTH) ** 2).mean()
    return *history, rewards


def hurried(config: LearnerConfig) -> LearnerConfig:
    """Return settings with which the paper's rule learns within a few periods."""
    return replace(
        config, modulation='reward', prediction=None, fall=None, amplitude_law='multiplicative',
        annealing=None, narrowing=NarrowingConfig(RATE / 20),
        synapses=replace(config.synapses, centre_rate=RATE))


def figure_1(config: LearnerConfig, path: Path, seed: int = 1) -> None:
    """Reproduces Fig. 1: reward moves the centre of a fluctuation and narrows it."""
    weight, centre, amplitude, reward = fluctuate(hurried(config), seed, 1, TARGET)
    seconds = np.arange(STEPS) * config.time_step / 1000
    figure = canvas.new()
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    above.fill_between(seconds, (centre - amplitude)[:, 0], (centre + amplitude)[:, 0],
                       color='0.9', label='centre ± amplitude')
    above.plot(seconds, weight, color='C2', label='weight')
    above.plot(seconds, centre, color='C3', label='centre')
    above.axhline(TARGET, color='k', linestyle=':', linewidth=1, label='weight that is rewarded')
    above.set_ylabel('weight')
    below.plot(seconds, reward, color='C0')
    below.set(xlabel='learner time (s)', ylabel='reward')
    canvas.legend(figure)
    canvas.save(figure, path)


def figure_2(config: LearnerConfig, path: Path, seed: int = 2) -> None:
    """Reproduces Fig. 2: two synapses explore a plane."""
    weight = fluctuate(config, seed, 2)[0]
    figure = canvas.new(5.0, 5.0)
    axes = figure.add_subplot(xlabel='weight 1', ylabel='weight 2', aspect='equal')
    axes.plot(*weight.T, linewidth=0.8)
    axes.locator_params(nbins=5)
    canvas.save(figure, path)


def figure_3(config: LearnerConfig, path: Path, seed: int = 3) -> None:
    """Reproduces Fig. 3: three synapses explore a space."""
    weight = fluctuate(config, seed, 3)[0]
    figure = canvas.new(6.0, 5.0)
    axes = figure.add_subplot(
        projection='3d', xlabel='weight 1', ylabel='weight 2', zlabel='weight 3')
    axes.plot(*weight.T, linewidth=0.8)
    axes.locator_params(nbins=5)
    axes.set_box_aspect(None, zoom=0.85)  # leaves room for the labels outside the box
    canvas.save(figure, path)
