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
from dynsyn_ros.cli.closing import command, counted, files_of, given, said
from dynsyn_ros.cli.progress import Progress
from dynsyn_ros.process import CORES, StopRequest
from dynsyn_ros.settings.assets import find
from dynsyn_ros.settings.assets import SWEEP as SWEEP_FILE
from dynsyn_ros.storage.folders import Claim, SWEEP
from dynsyn_ros.training import backends, sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared_options.add_described_file(parser, SWEEP_FILE, sweep.__doc__)
    parser.add_argument('--output', type=Path, metavar='DIR', help=(
        'folder for the results (default: runs/ and the name of the file); trainings that are '
        'finished there are not run again'))
    names = backends.BACKENDS
    parser.add_argument('--backend', choices=names, default=names[0], help=(
        'where trainings run: on the cores of this machine, or on the Ray cluster at RAY_ADDRESS, '
        'whose machines must all see the output folder (default: %(default)s)'))
    shared_options.add_workers(parser)
    shared_options.add_quiet(parser)


def main(options: argparse.Namespace) -> None:
    """Run the unfinished trainings and merge the results; raises :class:`ConfigError`."""
    if backends.on_a_cluster(options.backend):
        shared_options.refuse_given(
            options, 'workers'.__eq__, 'the cluster at RAY_ADDRESS decides how many run at a time')
    file = find(SWEEP_FILE, options.file)
    output = (options.output or Path('runs') / file.stem).resolve()
    jobs = sweep.read_sweep(file, output)
    new = [job for job in jobs if not job.check(longer=False)]
    if not backends.on_a_cluster(options.backend):  # its machines may have what this one lacks
        sweep.try_out(new)
    claim = Claim(output, SWEEP)
    stop = StopRequest()
    done = {job.folder: job.steps for job in jobs}
    waiting = [job for job in jobs if not job.finished]
    total = sum(job.config.steps for job in jobs)

    def status() -> list[str]:
        return [f'{sum(job.finished for job in jobs)}/{len(jobs)} trainings']

    with Progress(total, 'steps', options.quiet) as line:

        def running() -> None:
            if not line.due:
                return
            for job in waiting:
                done[job.folder] = job.steps
            line.show(sum(done.values()), status)

        def finished(job: sweep.Job) -> None:
            line.write(f'{job.setting}, seed {job.config.seed}: finished')

        backends.run(options.backend, waiting, options.workers or CORES, lambda: bool(stop),
                    finished, running)
        line.show(sum(job.steps for job in jobs), status, last=True)
    left = sum(not job.finished for job in jobs)
    if left:
        print(said(
            f'interrupted: {left} of {counted(len(jobs), "training")} left',
            'continue with: ' + command('sweep', options.file, *given(options, 'output'))))
    else:
        sweep.merge(jobs, output)
        print(said(
            f'finished: {counted(len(jobs), "training")}, at most {total:,} steps of all walkers',
            files_of(output, (sweep.EPISODES, sweep.SUMMARY, sweep.CURVES)),
            'see them with: ' + command('results', output)))
    claim.release()
