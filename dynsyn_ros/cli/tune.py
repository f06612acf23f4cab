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

"""``dynsyn tune``: settings found by search."""

from __future__ import annotations

import argparse
from pathlib import Path
import tempfile

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli.results import table
from dynsyn_ros.process import StopRequest
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.training import backends, tune_file
from dynsyn_ros.training.trainer import Trainer
from tqdm import tqdm

#: Trials in the table that is printed.
SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared_options.add_described_file(parser, 'a search', tune_file.__doc__)
    parser.add_argument('--output', type=Path, metavar='DIR', help=(
        'folder for the study and its trainings (default: runs/ and the name of the file); what '
        'is finished there is not run again, and any number of machines that see the folder may '
        'run the same command at a time'))
    shared_options.add_workers(parser)


def main(options: argparse.Namespace) -> None:
    """Search until done or stopped, and tell what mattered; raises :class:`ConfigError`."""
    search = tune_file.read_search(options.file)
    try:
        from dynsyn_ros.training import tune_report  # noqa: PLC0415  an extra
        from dynsyn_ros.training.study import Study  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("dynsyn tune needs Optuna: pip install 'dynsyn_ros[tune]'") from error
    # What cannot be trained is refused before a study begins.
    with tempfile.TemporaryDirectory() as folder:
        first = search.training({}, search.config.seeds[0], search.budgets[0].steps)
        Trainer(first, Path(folder), 1)
    output = (options.output or Path('runs') / options.file.stem).resolve()
    stop = StopRequest()
    with tqdm(total=search.config.trials, unit=' trials', dynamic_ncols=True) as line:

        def say(told: str) -> None:
            line.write(told)
            line.n = study.ended
            line.refresh()

        study = Study(search, output, say)
        line.n = study.ended
        backends.run_local(study.take, options.workers, lambda: bool(stop), study.finished)
    with study.locked() as trials:
        written = tune_report.write(search, trials, options.file, output)
    head, *rows = tune_report.rows(search, trials, SHOWN)
    print('\n'.join(table(head, rows)))
    for i, budget in enumerate(search.budgets):
        shares = tune_report.importances(search, trials, i)
        if shares:
            print(f'\nWhat mattered after {budget.steps} steps:\n')
            print('\n'.join(table(('setting', 'importance'), (
                (name, f'{share:.2f}') for name, share in shares.items()))))
    left = search.config.trials - study.ended
    print(f'\n{output}: {", ".join(written)}')
    if left:
        print(f'{left} of {search.config.trials} trials left, the same command goes on')
