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

"""Fig. 6 and 7: one FitzHugh-Nagumo oscillator under a growing drive."""

from __future__ import annotations

from pathlib import Path

from dynsyn_ros.learner import oscillators
from dynsyn_ros.learner.config import LearnerConfig
from dynsyn_ros.pictures import canvas
import numpy as np

#: The ramp of the drive, and its time in ms.
DRIVE, RAMP = (-2.0, 2.0), 60_000.0


def ramp(config: LearnerConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drive an oscillator with the ramp; returns drive, v and w, (steps,) each."""
    k = oscillators.constants(config.oscillators, config.time_step)
    drive = np.linspace(*DRIVE, round(RAMP / config.time_step))
    # The oscillator starts at rest under the first drive of the ramp.
    v, w = 0.0, 0.0
    for _ in range(len(drive)):
        v, w = oscillators.advance(v, w, DRIVE[0], k)
    states = np.zeros((len(drive), 2))
    for i, value in enumerate(drive):
        v, w = oscillators.advance(v, w, value, k)
        states[i] = v, w
    return drive, states[:, 0], states[:, 1]


def figure_6(config: LearnerConfig, path: Path) -> None:
    """Reproduces Fig. 6: the oscillator is silent, oscillates, and is silent again."""
    drive, v, w = ramp(config)
    seconds = np.arange(len(drive)) * config.time_step / 1000
    figure = canvas.new()
    axes = figure.add_subplot(xlabel='learner time (s)', ylabel='state and drive')
    axes.plot(seconds, v, label='v')
    axes.plot(seconds, w, label='w')
    axes.plot(seconds, drive, color='k', linestyle='--', linewidth=1, label='drive I')
    canvas.legend(figure)
    canvas.save(figure, path)


def figure_7(config: LearnerConfig, path: Path) -> None:
    """Reproduces Fig. 7: the same run in the plane of the two states, coloured by the drive."""
    drive, v, w = ramp(config)
    figure = canvas.new(6.0, 5.0)
    axes = figure.add_subplot(xlabel='v', ylabel='w')
    axes.plot(v, w, color='0.85', linewidth=0.6, zorder=0)
    points = axes.scatter(v, w, c=drive, s=3, cmap='viridis')
    figure.colorbar(points, label='drive I')
    canvas.save(figure, path)
