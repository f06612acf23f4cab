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

"""The scalars of a training for TensorBoard, which is an optional extra."""

from __future__ import annotations

from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.training.trainer import LOOK_STEPS, Trainer

#: The folder of the scalars, inside that of the training.
FOLDER = 'tensorboard'


class Scalars:
    """Writes the progress of a training over the steps of all walkers."""

    def __init__(self) -> None:
        """Raise :class:`ConfigError` if tensorboardX is not installed."""
        try:
            from tensorboardX import SummaryWriter  # noqa: PLC0415  an extra
        except ImportError as error:
            raise ConfigError(
                "--tensorboard needs tensorboardX: pip install 'dynsyn_ros[tensorboard]'"
            ) from error
        self._make = SummaryWriter

    def open(self, trainer: Trainer) -> None:
        """Begin in the folder of a training, and discard what came after its checkpoint."""
        self._writer = self._make(str(trainer.folder / FOLDER), purge_step=trainer.steps + 1)
        self._episodes = sum(trainer.log.episodes)

    def log(self, trainer: Trainer) -> None:
        """Write the means when an episode has ended, and the amplitudes from time to time."""
        episodes = sum(trainer.log.episodes)
        if episodes != self._episodes:
            self._episodes = episodes
            values = {'episodes': episodes}
            for i, mean in enumerate(trainer.log.means):
                if mean.value is not None:
                    name = 'fleet' if trainer.config.shared else f'learner_{i}'
                    values |= {f'mean_return/{name}': mean.value, f'mean_of/{name}': mean.of}
            self._write(trainer, values)
        if trainer.steps % (LOOK_STEPS * trainer.config.learners) == 0:
            self._write(trainer, trainer.standing)

    def close(self) -> None:
        """Write the remaining scalars and close the file."""
        self._writer.close()

    def _write(self, trainer: Trainer, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, trainer.steps)
