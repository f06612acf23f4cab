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

"""``dynsyn train``: learners and walkers, headless in one process."""

from __future__ import annotations

import argparse
from dataclasses import asdict
import math
from pathlib import Path
import statistics

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli import simulated
from dynsyn_ros.cli.closing import command, counted, files_of, said
from dynsyn_ros.cli.progress import Progress
from dynsyn_ros.process import StopRequest
from dynsyn_ros.settings.assets import (
    DEFAULT_PRESET,
    NAMED,
    ROBOT,
    ROBOT_FILE,
    UNTRAINED,
    weights_path,
)
from dynsyn_ros.settings.files import new_folder
from dynsyn_ros.settings.schema import build
from dynsyn_ros.simulation.environments import SOLVED_AT
from dynsyn_ros.simulation.walkers import SIMULATORS
from dynsyn_ros.storage.episodes import WINDOW
from dynsyn_ros.storage.weights import WEIGHTS_FILE
from dynsyn_ros.training.config import TrainingConfig
from dynsyn_ros.training.presets import env_id_of, read_preset, read_robot
from dynsyn_ros.training.scalars import Scalars
from dynsyn_ros.training.trainer import Trainer

#: Default number of learners of a fleet, and of steps of all walkers together.
FLEET, STEPS = 16, 20_000_000
#: The options that have an effect together with --resume.
WITH_RESUME = ('resume', 'reheat', 'steps', 'tensorboard', 'quiet', 'command', 'ros_arguments')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; None means not given."""
    simulated.add_robot(parser, None)
    shared_options.add_preset(parser, None)
    parser.add_argument('--simulator', choices=SIMULATORS, help=(
        'simulator; envpool is faster, but an extra to install '
        f'(default: {SIMULATORS[0]})'))
    parser.add_argument('--learners', type=shared_options.count, metavar='N',
                        help=f'learners side by side (default: {FLEET}, or 1 with --separate)')
    parser.add_argument('--separate', action='store_true',
                        help='give each learner its own synapses, instead of a fleet that '
                             'teaches one set')
    parser.add_argument('--seed', type=shared_options.seed,
                        help='seed of the random streams (default: 0)')
    parser.add_argument('--steps', type=shared_options.count, metavar='N', help=(
        f'steps of all walkers together (default: {STEPS // 1_000_000} million)'))
    parser.add_argument('--until-solved', action='store_true', help=(
        'end as soon as the fleet, or every learner, has solved the task: '
        f'a mean of {max(SOLVED_AT.values()):g} over {WINDOW} episodes of a BipedalWalker'))
    shared_options.add_weights(parser, '--weights', metavar='FILE', without=UNTRAINED,
                               meaning='weights of one learner, from which all start')
    parser.add_argument('--output', type=Path, metavar='DIR',
                        help='folder for the results (default: a new one in runs)')
    parser.add_argument('--resume', type=Path, metavar='DIR', help=(
        'continue from the last checkpoint in a folder, with its settings; --steps above those '
        'taken and --reheat may also be given'))
    parser.add_argument('--reheat', type=shared_options.share, metavar='SHARE', help=(
        'with --resume: turn the annealing clock back by this share, so that a walk that settled '
        'too early fluctuates more and settles again'))
    parser.add_argument('--tensorboard', action='store_true', help=(
        'also log mean returns, their numbers of episodes, amplitudes, shifts of centres and '
        'gains for TensorBoard; an extra to install'))
    shared_options.add_quiet(parser)


def main(options: argparse.Namespace) -> None:
    """Train until finished or stopped; raises :class:`ConfigError` for bad input."""
    if options.resume:
        shared_options.refuse_given(
            options, lambda name: name not in WITH_RESUME,
            f'a resumed training has the settings in {options.resume}')
    else:
        shared_options.refuse_given(
            options, 'reheat'.__eq__, 'it is for a training that is continued with --resume')
    stop = StopRequest()
    scalars = Scalars() if options.tensorboard else None
    trainer = _resumed(options) if options.resume else _new(options)
    if scalars:
        scalars.open(trainer)
    rounds = math.ceil(trainer.config.steps / trainer.config.learners)
    with Progress(rounds * trainer.config.learners, 'steps', options.quiet) as line:

        def progress(trainer: Trainer) -> None:
            line.show(trainer.steps, lambda: _status(trainer))
            if scalars:
                scalars.log(trainer)

        trainer.run(lambda: bool(stop), progress)
        line.show(trainer.steps, lambda: _status(trainer), last=True)
    if scalars:
        scalars.close()
    print(said(*_closing(trainer, options.params_file)))


def _new(options: argparse.Namespace) -> Trainer:
    learners = options.learners or _usual_learners(options.separate)
    robot = options.params_file or ROBOT_FILE
    config = build(TrainingConfig, {
        'env_id': options.env_id or env_id_of(robot),
        'simulator': options.simulator or SIMULATORS[0],
        'learners': learners,
        'separate': options.separate,
        'seed': options.seed or 0,
        'steps': options.steps or STEPS,
        'until_solved': options.until_solved,
        'weights': weights_path(options.weights or UNTRAINED),
        'robot': asdict(read_robot(robot)),
        'learner': asdict(read_preset(options.preset or DEFAULT_PRESET)),
    })
    return Trainer(config, options.output or new_folder('train'))


def _resumed(options: argparse.Namespace) -> Trainer:
    trainer = Trainer.resume(options.resume, options.steps, reheat=options.reheat or 0.0)
    where = ('in the middle of the episodes' if trainer.resumes_within_episode
             else f'with new episodes, because {trainer.config.simulator} cannot restore the old')
    print(f'continuing from step {trainer.steps:,} of {trainer.config.steps:,}, {where}')
    return trainer


def _status(trainer: Trainer) -> list[str]:
    """Describe the state of the learners, most important first."""
    means = [mean for mean in trainer.log.means if mean.value is not None]
    if not means:
        return ['no episode has ended']
    if len(trainer.log.means) == 1:
        words = [f'mean of {means[0].of}: {means[0].value:.1f}']
    else:
        best = max(means, key=lambda mean: mean.value)
        least = min(mean.of for mean in means)
        words = [f'mean of {least} {"or more" if best.of > least else ""}'.rstrip()
                 + f': best {best.value:.1f}, median '
                 f'{statistics.median(mean.value for mean in means):.1f}']
    return [*words, counted(sum(trainer.log.episodes), 'episode')]


def _closing(trainer: Trainer, robot_file: str | None) -> list[str]:
    """Say what happened, what was written, and how to continue."""
    folder, config = trainer.folder, trainer.config
    ended = 'finished' if trainer.finished else 'interrupted'
    verdict = '' if config.solved_at is None else _verdict(trainer.log.solved_after, config.shared)
    lines = [
        f'{ended} after {trainer.steps:,} of {config.steps:,} steps of all walkers: {verdict}'
        f'{", ".join(_status(trainer))}',
        files_of(folder),
        'measure it with: ' + command(
            'evaluate', folder / WEIGHTS_FILE, *_robot(config, robot_file)),
    ]
    if trainer.solved:
        return lines
    more = ('--steps', 2 * trainer.steps) if trainer.finished else ()
    return [*lines, 'continue with: ' + command('train', '--resume', folder, *more)]


def _verdict(solved_after: list[int | None], shared: bool) -> str:
    """Say who has solved the task, and after how many steps, from the first to the last."""
    solved = sorted(steps for steps in solved_after if steps is not None)
    if not solved:
        return 'not solved; '
    who = 'the fleet' if shared else f'{len(solved)} of {counted(len(solved_after), "learner")}'
    when = ' to '.join(f'{steps:,}' for steps in dict.fromkeys((solved[0], solved[-1])))
    return f'solved by {who} after {when}; '


def options_of(config: TrainingConfig, robot_file: str | None) -> list[str]:
    """List the options for what is trained, and how many learn it, that are no defaults."""
    words = _robot(config, robot_file)
    if config.simulator != SIMULATORS[0]:
        words += ['--simulator', config.simulator]
    if config.separate:
        words.append('--separate')
    if config.learners != _usual_learners(config.separate):
        words += ['--learners', str(config.learners)]
    if config.weights != UNTRAINED:
        words += ['--weights', config.weights]
    return words


def _usual_learners(separate: bool) -> int:
    return 1 if separate else FLEET


def _robot(config: TrainingConfig, file: str | None) -> list[str]:
    """
    List the options for the robot and its environment that differ from the defaults.

    ``file`` is the robot's as given. A resumed training has not been given one: the name of its
    robot then stands for that of its file.
    """
    robot = config.robot.robot
    name = file or (robot if robot in NAMED[ROBOT] else f'{robot}.yaml')
    words = [] if name == ROBOT_FILE.stem else ['--params-file', name]
    if name not in NAMED[ROBOT] or config.env_id != env_id_of(name):
        words += ['--env-id', config.env_id]
    return words
