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

"""Evaluation of trained weights, over episodes that they were not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dynsyn_ros.learner import Learner, LearnerConfig
from dynsyn_ros.pictures.film import Film
from dynsyn_ros.robot import Robot, RobotConfig
from dynsyn_ros.settings.assets import DEFAULT_PRESET
from dynsyn_ros.settings.schema import build, ConfigError
from dynsyn_ros.simulation.obstacles import Course, obstacles
from dynsyn_ros.simulation.plants import plant_class
from dynsyn_ros.simulation.walkers import GymnasiumWalkers
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.episodes import Episode
from dynsyn_ros.training.headless import Headless
from dynsyn_ros.training.presets import read_preset
import numpy as np

#: The number of the walker for evaluation; training numbers its walkers from 0.
WALKER = 2**31


def evaluate(
    file: Path,
    robot_config: RobotConfig,
    env_id: str,
    seed: int,
    episodes: int,
    learning: bool = False,
    config: LearnerConfig | None = None,
    film: Film | None = None,
    course: Course | None = None,
) -> Iterator[Episode]:
    """
    Yield episodes of one learner in gymnasium; the last is filmed, and obstacles are counted.

    The learner is restored exactly as saved, with its saved settings or those of ``config``.
    Unless ``learning``, it is frozen: its weights rest at their centres. Raises
    :class:`ConfigError` if the file cannot be used.
    """
    robot = Robot(robot_config)
    arrays, about = weights.read(file, robot=robot)
    if len(arrays['gain']) > 1:
        raise ConfigError(f'{file} holds {len(arrays["gain"])} learners; evaluate needs one')
    if config is None and about['learner'] is None:
        config = read_preset(DEFAULT_PRESET)  # the settings in a former format no longer apply
    config = config or build(LearnerConfig, about['learner'], 'learner.')
    learner = Learner(robot.layout, config, seed)
    weights.load(file, learner, robot)
    learner.learning = learning
    walker = plant_class(env_id)(env_id, seed, WALKER, robot_config)
    if film:
        film.begin(walker)
    loop = Headless(robot, learner, GymnasiumWalkers([walker]))
    for number in range(episodes):
        ahead, begun = obstacles(walker), walker.position[0]
        reached = begun
        while True:
            loop.step()
            if walker.episode is not None:
                break
            reached = walker.position[0]
            if film and number == episodes - 1:
                film.add(walker, 0)
        if course:
            course.add(
                ahead, begun, reached, walker.episode.length * walker.spec.time_step)
        yield walker.episode


def summary(episodes: Sequence[Episode], course: Course) -> dict[str, Any]:
    """Summarise the returns of episodes in numbers."""
    totals = np.array([episode.total for episode in episodes])
    return {
        'episodes': len(totals),
        'mean': float(totals.mean()),
        'sd': float(totals.std(ddof=1)) if len(totals) > 1 else None,
        'quartiles': np.percentile(totals, (25, 50, 75)).tolist(),
        'least': float(totals.min()),
        'most': float(totals.max()),
        'falls': sum(episode.fell for episode in episodes),
        'mean_steps': float(np.mean([episode.length for episode in episodes])),
        'obstacles': {name: {'met': met, 'passed': course.passed[name]}
                      for name, met in course.met.items() if met},
        'returns': totals.tolist(),
    }
