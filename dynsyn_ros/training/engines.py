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

"""Where the jobs of a sweep run: on the cores of this machine, or on a Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing import connection, get_context
from multiprocessing.queues import SimpleQueue
import os
import sys

from dynsyn_ros.program import BAD_INPUT, StopRequest
from dynsyn_ros.schema import ConfigError
from dynsyn_ros.training.sweep import Job

ENGINES = ('local', 'ray')
#: How often a job is tried again after its worker has died.
RETRIES = 3
#: How often a stop request is looked for, s.
LOOK_PERIOD = 0.5


def run(
    engine: str,
    jobs: Sequence[Job],
    workers: int,
    stop: Callable[[], bool],
    finished: Callable[[Job], None],
) -> None:
    """
    Run jobs, ``workers`` at a time, and call ``finished`` for each as it ends.

    A job whose worker dies goes on from its last checkpoint in another. Ends early at ``stop``.
    Raises :class:`ConfigError` if a job cannot be run.
    """
    (_run_local if engine == 'local' else _run_ray)(jobs, workers, stop, finished)


def _given_up(job: Job) -> ConfigError:
    return ConfigError(
        f'the worker of {job.folder} died {1 + RETRIES} times; the sweep goes on from its '
        'checkpoints when it is run again')


def _work(job: Job, refusals: SimpleQueue) -> None:
    """Run a job in a process of its own; a stop request leaves a checkpoint."""
    stop = StopRequest()
    try:
        job.run(lambda: bool(stop))
    except ConfigError as error:
        refusals.put(str(error))
        sys.exit(BAD_INPUT)


def _run_local(
    jobs: Sequence[Job],
    workers: int,
    stop: Callable[[], bool],
    finished: Callable[[Job], None],
) -> None:
    context = get_context('spawn')
    refusals = context.SimpleQueue()
    waiting = deque((job, 0) for job in jobs)
    running = {}
    try:
        while (waiting or running) and not stop():
            while waiting and len(running) < workers:
                job, tries = waiting.popleft()
                process = context.Process(target=_work, args=(job, refusals))
                process.start()
                running[process] = (job, tries)
            connection.wait([process.sentinel for process in running], LOOK_PERIOD)
            for process in [process for process in running if process.exitcode is not None]:
                job, tries = running.pop(process)
                if job.finished:
                    finished(job)
                elif process.exitcode == BAD_INPUT:
                    raise ConfigError(refusals.get())
                elif tries == RETRIES:
                    raise _given_up(job)
                elif not stop():
                    waiting.appendleft((job, tries + 1))
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join()


def train(job: Job) -> None:
    """Run a job to its end, as a task of Ray."""
    job.run(lambda: False)


def _run_ray(
    jobs: Sequence[Job],
    workers: int,
    stop: Callable[[], bool],
    finished: Callable[[Job], None],
) -> None:
    try:
        ray = import_module('ray')
    except ImportError as error:
        raise ConfigError(
            "the engine ray is not installed: pip install 'dynsyn_ros[ray]'") from error
    # Ray joins the cluster at RAY_ADDRESS, or else makes one of this machine.
    here = {} if 'RAY_ADDRESS' in os.environ else {'num_cpus': workers, 'include_dashboard': False}
    ray.init(log_to_driver=False, logging_level='error', **here)
    try:
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(train)
        running = {task.remote(job): job for job in jobs}
        while running and not stop():
            for done in ray.wait(list(running), timeout=LOOK_PERIOD)[0]:
                job = running.pop(done)
                try:
                    ray.get(done)
                except ray.exceptions.RayTaskError as error:
                    if isinstance(error.cause, ConfigError):
                        raise error.cause from error
                    raise
                except ray.exceptions.WorkerCrashedError as error:
                    raise _given_up(job) from error
                finished(job)
    finally:
        ray.shutdown()
