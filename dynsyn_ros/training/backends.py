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

from collections import Counter, deque
from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing import connection, get_context, resource_tracker
import os
from pathlib import Path
import signal

from dynsyn_ros.process import end_with, StopRequest
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.training.sweep import Job

BACKENDS = ('local', 'ray')
#: How often a job is tried again after its worker has died.
RETRIES = 3
#: Time between two checks for a stop request, s.
LOOK_PERIOD = 0.5


def run(
    backend: str,
    jobs: Sequence[Job],
    workers: int,
    stop: Callable[[], bool],
    finished: Callable[[Job], None],
    meanwhile: Callable[[], None],
) -> None:
    """
    Run jobs, ``workers`` at a time, and call ``finished`` for each as it ends.

    ``meanwhile`` is called from time to time. If a worker dies, another one continues its job from
    the last checkpoint. Ends early at ``stop``. Raises :class:`ConfigError` if a job cannot run.
    """
    if backend == 'ray':
        _run_ray(jobs, workers, stop, finished, meanwhile)
        return
    waiting = deque(jobs)
    run_local(
        lambda: waiting.popleft() if waiting else None, workers, stop, finished, meanwhile)


def _given_up(job: Job) -> ConfigError:
    return ConfigError(
        f'the worker of {job.folder} died {1 + RETRIES} times; the sweep continues from its '
        'checkpoints when it is run again')


class _Worker:
    """A process that runs one job after another, and ends when this one does."""

    def __init__(self) -> None:
        """Start the process; a Ctrl-C waits until it has imported what it needs."""
        context = get_context('spawn')
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, os.getpid()))
        resource_tracker.ensure_running()  # its start would let Ctrl-C through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            self.process.start()  # it inherits what is blocked
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def end(self) -> None:
        """Stop the process; its job writes a checkpoint first."""
        self.process.terminate()
        self.pipe.close()


def _work(pipe: connection.Connection, parent: int) -> None:
    """Run jobs as they arrive, and answer each with None or the reason why it cannot be run."""
    end_with(parent)
    stop = StopRequest()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
    while not stop:
        try:
            job = pipe.recv()
        except EOFError:
            return
        refusal = None
        try:
            job.run(lambda: bool(stop))
        except ConfigError as error:
            refusal = str(error)
        if stop:
            return  # the job is not finished, and the parent may be gone
        pipe.send(refusal)


def run_local(
    take: Callable[[], Job | None],
    workers: int,
    stop: Callable[[], bool],
    finished: Callable[[Job], None],
    meanwhile: Callable[[], None],
) -> None:
    """
    Run jobs on the cores of this machine, as :func:`run` does.

    ``take`` returns the next job, or None if there is none until another is ``finished``. The run
    is over when there is none and nothing is running.
    """
    idle: list[_Worker] = []
    running: dict[connection.Connection, tuple[_Worker, Job]] = {}
    again: deque[Job] = deque()
    deaths: Counter[Path] = Counter()
    try:
        while not stop():
            while len(running) < workers and (job := again.popleft() if again else take()):
                worker = idle.pop() if idle else _Worker()
                running[worker.pipe] = worker, job
                worker.pipe.send(job)
            if not running:
                break
            meanwhile()
            for pipe in connection.wait(list(running), LOOK_PERIOD):
                worker, job = running.pop(pipe)
                try:
                    refusal = pipe.recv()
                    idle.append(worker)
                except (EOFError, OSError):
                    worker.end()
                    refusal = None
                if refusal is not None:
                    raise ConfigError(refusal)
                if job.finished:
                    finished(job)
                elif deaths[job.folder] == RETRIES:
                    raise _given_up(job)
                elif not stop():
                    deaths[job.folder] += 1
                    again.append(job)
    finally:
        alive = [*idle, *(worker for worker, _ in running.values())]
        for worker in alive:
            worker.end()
        for worker in alive:
            worker.process.join()


def on_a_cluster(backend: str) -> bool:
    """Return whether a backend is an existing cluster, not only this machine."""
    return backend == 'ray' and 'RAY_ADDRESS' in os.environ


def train(job: Job) -> None:
    """Run a job to its end, as a task of Ray."""
    job.run(lambda: False)


def _run_ray(
    jobs: Sequence[Job],
    workers: int,
    stop: Callable[[], bool],
    finished: Callable[[Job], None],
    meanwhile: Callable[[], None],
) -> None:
    try:
        ray = import_module('ray')
    except ImportError as error:
        raise ConfigError(
            "the backend ray is not installed: pip install 'dynsyn_ros[ray]'") from error
    # Ray joins the cluster at RAY_ADDRESS, or else starts one on this machine.
    here = {} if on_a_cluster('ray') else {'num_cpus': workers, 'include_dashboard': False}
    ray.init(log_to_driver=False, logging_level='error', **here)
    try:
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(train)
        running = {task.remote(job): job for job in jobs}
        while running and not stop():
            meanwhile()
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
