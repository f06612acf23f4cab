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
Adaptation: a robot that has learnt to walk is changed, and continues to learn, or does not.

Separate learners start from the same weights and walk for a while. Then every robot is changed in
the same way, and they continue, with learning on or off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from dynsyn_ros.learner import Learner, LearnerConfig
from dynsyn_ros.robot import Robot, RobotConfig
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.files import opened, replaced, strict_json
from dynsyn_ros.settings.schema import build, ConfigError
from dynsyn_ros.simulation.changes import Change
from dynsyn_ros.simulation.walkers import make
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.episodes import Table
from dynsyn_ros.training.headless import Headless
import numpy as np

COLUMNS = ('learner', 'steps', 'length', 'return', 'fell')


@dataclass(frozen=True)
class Experiment:
    """The settings of an experiment, which fully determine its results."""

    env_id: str
    simulator: str
    learners: int
    seed: int
    before: int
    """Steps of each learner before the change."""
    steps: int
    """Steps of each learner after the change."""
    weights: str
    change: Change
    robot: RobotConfig
    learner: LearnerConfig
    learning: bool


def read_changes(path: Path) -> dict[str, Change]:
    """Read a table of named changes; raises :class:`ConfigError`."""
    content = parameters.read_yaml(path)
    if not isinstance(content, dict) or not content:
        raise ConfigError(f'{path} must be a table from the names of changes to changes')
    return {str(name): build(Change, change, f'{name}.') for name, change in content.items()}


def check(experiment: Experiment, path: Path) -> None:
    """
    Raise :class:`ConfigError` if an experiment is impossible, or ``path`` has other results.

    An experiment takes hours, and the change comes in its middle.
    """
    weights.read_learnt(experiment.weights, Robot(experiment.robot))
    make(experiment.simulator, experiment.env_id, experiment.seed, range(1),
         experiment.robot).change(experiment.change)
    if _made_by(path) not in (None, _description(experiment)):
        raise ConfigError(f'{path} is of an experiment with other settings: choose another '
                          '--output')


def _description(experiment: Experiment) -> str:
    return strict_json(asdict(experiment), indent=1)


def _made_by(path: Path) -> str | None:
    """Return the description of the experiment that a CSV file is of, if it is complete."""
    described = path.with_suffix('.json')
    if not (path.exists() and described.exists()):
        return None
    with opened(described) as file:
        return file.read().decode('utf-8', 'replace')


def episodes(experiment: Experiment) -> Iterator[tuple[int, ...] | None]:
    """
    Yield the rows of :data:`COLUMNS` as episodes end, and None after each step.

    Steps are counted from the change. Raises :class:`ConfigError` if the experiment is impossible.
    """
    robot = Robot(experiment.robot)
    numbers = range(experiment.learners)
    walkers = make(experiment.simulator, experiment.env_id, experiment.seed, numbers,
                   experiment.robot)
    learner = Learner(robot.layout, experiment.learner, experiment.seed, numbers)
    weights.initialise_from(experiment.weights, learner, robot)
    learner.learning = experiment.learning
    loop = Headless(robot, learner, walkers)
    for step in range(-experiment.before, experiment.steps):
        if step == 0:
            walkers.change(experiment.change)
        loop.step()
        for i, episode in walkers.ended:
            yield i, step + 1, episode.length, round(episode.total, 3), int(episode.fell)
        yield None


def run(
    experiment: Experiment, path: Path, stop: Callable[[], bool], step: Callable[[], None]
) -> bool:
    """
    Write the episodes of an experiment to a CSV file, unless it is complete already.

    Returns whether it is complete now. ``step`` is called after each step. A ``.json`` file next
    to the CSV describes the experiment.
    """
    description, text = path.with_suffix('.json'), _description(experiment)
    if _made_by(path) == text:
        return True
    description.unlink(missing_ok=True)
    table = Table(path, COLUMNS)
    for row in episodes(experiment):
        if row is None:
            step()
            if stop():
                return False
        else:
            table.write(row)
    table.close()
    with replaced(description, 'w') as file:
        file.write(text)
    return True


def read(path: Path) -> dict[str, np.ndarray]:
    """Read the columns of a CSV file of an experiment; raises :class:`ConfigError`."""
    with opened(path) as file:
        content = file.read()
    try:
        lines = content.decode('utf-8').splitlines()[1:]
        rows = np.loadtxt(lines, delimiter=',', ndmin=2) if lines else np.empty((0, len(COLUMNS)))
        return dict(zip(COLUMNS, rows.T, strict=True))
    except ValueError as error:
        raise ConfigError(f'{path} is not a result of an adaptation') from error
