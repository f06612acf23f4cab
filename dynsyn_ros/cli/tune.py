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

"""``dynsyn tune``: a search for settings."""

from __future__ import annotations

import argparse
from itertools import count
from pathlib import Path

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli.closing import command, counted, files_of, given, said
from dynsyn_ros.cli.progress import Progress
from dynsyn_ros.cli.tables import table
from dynsyn_ros.cli.train import options_of
from dynsyn_ros.process import CORES, StopRequest
from dynsyn_ros.settings.assets import find, SEARCH
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.training import backends, tune_file

#: Trials in the table that is printed.
SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared_options.add_described_file(parser, SEARCH, tune_file.__doc__)
    parser.add_argument('--output', type=Path, metavar='DIR', help=(
        'folder for the study and its trainings (default: runs/ and the name of the file); '
        'trainings that are finished there are not run again, and any number of machines that '
        'see the folder may run the same command at the same time'))
    shared_options.add_workers(parser)
    shared_options.add_markdown(parser)
    shared_options.add_quiet(parser)


def main(options: argparse.Namespace) -> None:
    """Search until done or stopped, and print what mattered; raises :class:`ConfigError`."""
    file = find(SEARCH, options.file)
    search = tune_file.read_search(file)
    try:
        from dynsyn_ros.training import tune_report  # noqa: PLC0415  an extra
        from dynsyn_ros.training.study import Study  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("dynsyn tune needs Optuna: pip install 'dynsyn_ros[tune]'") from error
    seeds = search.config.seeds
    training = search.training({}, seeds[0], search.budgets[0].steps)
    training.try_out()  # one that is impossible is refused before a study begins
    output = (options.output or Path('runs') / file.stem).resolve()
    stop = StopRequest()
    with Progress(search.config.trials, 'trials', options.quiet) as line:
        study = Study(search, output, line.write)

        def meanwhile() -> None:
            if line.due:
                line.show(study.ended, tuple)

        backends.run_local(study.take, options.workers or CORES, lambda: bool(stop),
                          study.finished, meanwhile)
        line.show(study.ended, tuple, last=True)
    with study.locked() as trials:
        written = tune_report.write(search, trials, file, output)
    head, *rows = tune_report.rows(search, trials, SHOWN)
    print(table(head, rows, options.markdown))
    for i, budget in enumerate(search.budgets):
        shares = tune_report.importances(search, trials, i)
        if shares:
            print(f'\nWhat mattered after {budget.steps:,} steps of all walkers:\n')
            print(table(('setting', 'importance'), (
                (name, f'{share:.2f}') for name, share in shares.items()), options.markdown))
    # Fewer trials may be asked for than have ended; other programs may still run the last ones.
    left = max(search.config.trials - study.ended, 0)
    print('\n' + said(
        f'{"interrupted" if stop else "other programs continue"}: {left} of '
        f'{counted(search.config.trials, "trial")} left' if left else
        f'finished: {counted(study.ended, "trial")}',
        files_of(output, written),
        'continue with: ' + command('tune', options.file, *given(options, 'output')) if left else
        'confirm the best with other seeds: '
        + command('train', '--preset', output / tune_report.BEST,
                  *options_of(training, search.robot_file), '--seed',
                  next(seed for seed in count() if seed not in seeds))
        if tune_report.BEST in written else ''))
