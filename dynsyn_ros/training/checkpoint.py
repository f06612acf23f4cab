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

"""What the checkpoint of a training says about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dynsyn_ros.settings.schema import build, ConfigError, NO_LIMIT, setting
from dynsyn_ros.storage import weights
from dynsyn_ros.training.config import TrainingConfig

#: A key of the task in files of a former version, whose steps were those of each learner.
FORMER_KEY = 'shared'


class NothingLeft(ConfigError):
    """A training that has no steps left."""


@dataclass(frozen=True)
class Progress:
    """What a checkpoint says about its training."""

    task: TrainingConfig
    steps: int = setting('steps of all walkers together', low=0, high=NO_LIMIT)
    seconds: float = setting('time taken so far', unit='s', low=0.0, high=1e12)
    bytes: list[int] = setting('lengths of the two logs', low=1, high=NO_LIMIT)
    best: float = setting('mean that the kept weights had when they were looked at')

    def check(self, prefix: str) -> None:
        """Refuse more or fewer lengths than there are logs."""
        if len(self.bytes) != 2:
            raise ConfigError(f'parameter {prefix}bytes must have 2 entries')

    def check_left(self, folder: Path, steps: int | None, reheat: float) -> None:
        """Refuse ``steps`` that have been taken already, and reheating with no steps left."""
        if (steps or reheat) and self.steps >= self.task.steps:
            raise NothingLeft(f'{folder} has already taken {self.steps} steps: give --steps above '
                              f'{self.steps}')


def read_progress(file: Path, steps: int | None = None) -> Progress:
    """Read what a checkpoint says about its training, with another number of steps if given."""
    made_by = weights.read_about(file)['made_by']
    task = made_by.get('task')
    if isinstance(task, dict):
        if FORMER_KEY in task:
            raise ConfigError(
                f'{file} is of a former version and cannot be continued: start from its '
                f'weights with --weights {file.with_name(weights.WEIGHTS_FILE)}')
        if steps:
            task['steps'] = steps
    try:
        return build(Progress, made_by)
    except ConfigError as error:
        raise ConfigError(f'{file} is not a checkpoint of a training: {error}') from error
