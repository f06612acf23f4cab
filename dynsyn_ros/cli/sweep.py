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

"""``dynsyn sweep``: trainings with several settings and seeds."""

from __future__ import annotations

import argparse
from pathlib import Path

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.process import StopRequest
from dynsyn_ros.storage.folders import Claim, SWEEP
from dynsyn_ros.training import backends, sweep
from tqdm import tqdm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared_options.add_described_file(parser, 'a sweep', sweep.__doc__)
    parser.add_argument('--output', type=Path, metavar='DIR', help=(
        'folder for the results (default: runs/ and the name of the file); what is finished there '
        'is not run again'))
    names = backends.BACKENDS
    parser.add_argument('--backend', choices=names, default=names[0], help=(
        'where it runs: on the cores of this machine, or on the Ray cluster at RAY_ADDRESS, whose '
        'machines must all see the output folder (default: %(default)s)'))
    shared_options.add_workers(parser)


def main(options: argparse.Namespace) -> None:
    """Run what is not finished and merge the results; raises :class:`ConfigError`."""
    output = (options.output or Path('runs') / options.file.stem).resolve()
    jobs = sweep.read_sweep(options.file, output)
    claim = Claim(output, SWEEP)
    stop = StopRequest()
    waiting = [job for job in jobs if not job.finished]
    with tqdm(total=len(jobs), initial=len(jobs) - len(waiting), unit=' trainings',
              dynamic_ncols=True) as line:

        def finished(job: sweep.Job) -> None:
            line.set_postfix_str(f'{job.setting}, seed {job.config.seed}', refresh=False)
            line.update()

        backends.run(options.backend, waiting, options.workers, lambda: bool(stop), finished)
    if all(job.finished for job in jobs):
        sweep.merge(jobs, output)
        print(f'{output}: {sweep.EPISODES}, {sweep.SUMMARY}, {sweep.CURVES}')
    else:
        left = sum(not job.finished for job in jobs)
        print(f'{output}: {left} of {len(jobs)} trainings left, the same command goes on')
    claim.release()
