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

"""``dynsyn figures adaptation``: a robot changes, with learning on and off."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli import simulated
from dynsyn_ros.cli.closing import files_of, said
from dynsyn_ros.cli.progress import Progress
from dynsyn_ros.figures import adaptation as figure
from dynsyn_ros.process import StopRequest
from dynsyn_ros.settings.assets import CHANGES, find, TRAINED, weights_path
from dynsyn_ros.settings.files import check_folder
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.changes import NONE
from dynsyn_ros.simulation.walkers import SIMULATORS
from dynsyn_ros.training import adaptation
from dynsyn_ros.training.presets import env_id_of, read_preset, read_robot
import numpy as np

#: The table shows the return after this time, min, and at the end.
FIRST_LOOK = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    simulated.add_robot(parser)
    shared_options.add_preset(parser)
    shared_options.add_weights(parser, '--weights', default=TRAINED.stem, metavar='FILE',
                               meaning='weights to start from', without=TRAINED.stem)
    shared_options.add_changes(parser)
    parser.add_argument('--change', default='slipped_knee', metavar='NAME',
                        help='name of the change to make (default: %(default)s)')
    parser.add_argument('--simulator', choices=SIMULATORS, default=SIMULATORS[0],
                        help='simulator of the robots (default: %(default)s)')
    parser.add_argument('--learners', type=shared_options.count, default=8, metavar='N',
                        help='robots, each with its own learner (default: %(default)s)')
    parser.add_argument('--seed', type=shared_options.seed, default=0,
                        help='seed of the random streams (default: %(default)s)')
    for name, steps, meaning in (
            ('before', 20_000, 'before the change'),
            ('steps', 1_000_000, 'after the change, with learning on'),
            ('frozen-steps', 60_000, 'after the change, with learning off, but at most --steps')):
        parser.add_argument(f'--{name}', type=shared_options.count, default=steps, metavar='N',
                            help=f'steps of each robot {meaning} (default: %(default)s)')


def main(options: argparse.Namespace) -> None:
    """Run the missing experiments, draw them, and print a row of a table."""
    file = find(CHANGES, options.changes or Path(options.params_file).stem)
    changes = adaptation.read_changes(file)
    if options.change not in changes:
        raise ConfigError(f'{file} has no change {options.change}: there are '
                          f'{", ".join(changes)}')
    check_folder(options.output)
    on = adaptation.Experiment(
        options.env_id or env_id_of(options.params_file), options.simulator, options.learners,
        options.seed, options.before, options.steps, weights_path(options.weights),
        changes[options.change], read_robot(options.params_file), read_preset(options.preset),
        True)
    off = replace(on, learning=False, steps=min(options.frozen_steps, options.steps))
    name = f'adaptation_{options.change}'
    parts = [(experiment, options.output / f'{name}_{word}.csv')
             for experiment, word in ((off, 'off'), (on, 'on'))]
    for experiment, file in parts:
        adaptation.check(experiment, file)
    stop = StopRequest()
    done, results = 0, []
    with Progress(sum(each.before + each.steps for each, _ in parts), 'steps of each robot',
                  options.quiet) as line:

        def taken() -> None:
            nonlocal done
            done += 1
            line.show(done, tuple)

        for experiment, file in parts:
            if not adaptation.run(experiment, file, lambda: bool(stop), taken):
                print(said(f'interrupted: {file} is not finished, and the figure is not drawn',
                           'continue with: the same command, which starts that file again'))
                return
            results.append(_ended(file, 'steps' if experiment.learning else 'frozen-steps'))
    still, learning = results
    minutes = on.robot.control_period / 60
    times = tuple(sorted({min(FIRST_LOOK, on.steps * minutes), on.steps * minutes}))
    picture = options.output / f'{name}.png'
    figure.figure_adaptation(
        learning, still, minutes, options.change.replace('_', ' '), picture)
    if on.change == NONE:
        share, error = figure.price(learning, still)
        spread = f' +- {100 * error:.2f}' if options.learners > 1 else ''
        print(f'learning costs {100 * share:.2f}{spread} % of the return')
    else:
        print(f'| change | before | learning off | '
              f'{" | ".join(f"after {time:.0f} min" for time in times)} |')
        print(figure.row(options.change, figure.outcome(learning, still, minutes, times)))
    written = [picture, *(file.with_suffix(end) for _, file in parts for end in ('.csv', '.json'))]
    print(files_of(options.output, (file.name for file in written)))


def _ended(file: Path, after: str) -> dict[str, np.ndarray]:
    """
    Read the episodes that have ended.

    Raises :class:`ConfigError` if there is none before the change, or none within the option
    ``after``.
    """
    results = adaptation.read(file)
    for option, ended in (('before', results['steps'] <= 0), (after, results['steps'] > 0)):
        if not ended.any():
            raise ConfigError(f'no episode ended within --{option}, so there is nothing to draw: '
                              'choose more, and another --output')
    return results
