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

"""``dynsyn train``: learners and walkers headless in one process."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
import statistics

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.process import StopRequest
from dynsyn_ros.settings.files import new_folder
from dynsyn_ros.settings.schema import build
from dynsyn_ros.simulation.environments import ENVIRONMENTS
from dynsyn_ros.simulation.walkers import SIMULATORS
from dynsyn_ros.storage.episodes import WINDOW
from dynsyn_ros.storage.weights import UNTRAINED
from dynsyn_ros.training.config import TrainingConfig
from dynsyn_ros.training.presets import read_preset, read_robot
from dynsyn_ros.training.trainer import Trainer
from tqdm import tqdm

#: Learners of a fleet, and steps that all of them take together, unless said otherwise.
FLEET, STEPS = 16, 20_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared_options.add_params_file(parser)
    shared_options.add_preset(parser)
    parser.add_argument('--env-id', choices=ENVIRONMENTS, default=ENVIRONMENTS[0],
                        help='what is simulated (default: %(default)s)')
    parser.add_argument('--simulator', choices=SIMULATORS, default=SIMULATORS[0],
                        help='envpool is faster, and an extra to install (default: %(default)s)')
    parser.add_argument('--learners', type=shared_options.count, metavar='N',
                        help=f'learners side by side (default: {FLEET}, or 1 with --separate)')
    parser.add_argument('--separate', action='store_true',
                        help='each learner has synapses of its own, instead of a fleet that '
                             'teaches one set')
    parser.add_argument('--seed', type=shared_options.seed, default=0,
                        help='of the random streams (default: %(default)s)')
    parser.add_argument('--steps', type=shared_options.count, metavar='N', help=(
        f'steps of each learner (default: {STEPS // 1_000_000} million shared among all)'))
    parser.add_argument('--until-solved', action='store_true', help=(
        'end as soon as the fleet, or every learner, has solved the task'))
    parser.add_argument('--weights', metavar='FILE', default=UNTRAINED,
                        help='weights of one learner that all start from')
    parser.add_argument('--output', type=Path, metavar='DIR',
                        help='folder for the results (default: a new one in runs)')
    parser.add_argument('--resume', type=Path, metavar='DIR', help=(
        'go on from the last checkpoint in a folder; of the other options only --steps and '
        '--reheat count'))
    parser.add_argument('--reheat', type=shared_options.share, metavar='SHARE', default=0.0, help=(
        'with --resume: set the annealing back by this share, so that a walk that has settled too '
        'early is stirred up and settles again (default: 0)'))


def main(options: argparse.Namespace) -> None:
    """Train until finished or stopped; raises :class:`ConfigError` for bad input."""
    stop = StopRequest()
    trainer = _resumed(options) if options.resume else _new(options)
    config = trainer.config
    with tqdm(total=config.steps * config.learners, initial=trainer.steps * config.learners,
              unit=' steps', unit_scale=True, mininterval=0.5, dynamic_ncols=True) as line:

        def progress(trainer: Trainer) -> None:
            if trainer.steps * config.learners - line.n >= line.miniters:
                line.set_postfix_str(_status(trainer), refresh=False)
                line.update(trainer.steps * config.learners - line.n)

        trainer.run(lambda: bool(stop), progress)
        line.set_postfix_str(_status(trainer), refresh=False)
        line.update(trainer.steps * config.learners - line.n)
    print(_result(trainer))


def _new(options: argparse.Namespace) -> Trainer:
    learners = (1 if options.separate else FLEET) if options.learners is None else options.learners
    config = build(TrainingConfig, {
        'env_id': options.env_id,
        'simulator': options.simulator,
        'learners': learners,
        'shared': not options.separate,
        'seed': options.seed,
        'steps': max(STEPS // learners, 1) if options.steps is None else options.steps,
        'until_solved': options.until_solved,
        'weights': options.weights,
        'robot': asdict(read_robot(options.params_file)),
        'learner': asdict(read_preset(options.preset)),
    })
    return Trainer(config, options.output or new_folder('train'))


def _resumed(options: argparse.Namespace) -> Trainer:
    trainer = Trainer.resume(options.resume, options.steps, reheat=options.reheat)
    where = ('in the midst of the episodes' if trainer.resumes_within_episode
             else f'with new episodes, as {trainer.config.simulator} cannot restore the old ones')
    print(f'going on from step {trainer.steps} of {trainer.config.steps}, {where}')
    return trainer


def _status(trainer: Trainer) -> str:
    means = [mean for mean in trainer.log.means() if mean is not None]
    if not means:
        return 'episode 1'
    return (f'{sum(trainer.log.episodes)} episodes, mean of {WINDOW}: best {max(means):.1f}, '
            f'median {statistics.median(means):.1f}')


def _result(trainer: Trainer) -> str:
    solved = [steps for steps in trainer.log.solved_after if steps is not None]
    who = 'the fleet' if trainer.config.shared else f'{len(solved)} of {trainer.config.learners}'
    word = f'solved by {who} after {solved} steps each' if solved else 'not solved'
    return f'{trainer.folder}: {word}'
