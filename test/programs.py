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

"""The programs, run to their ends, in this process or in one of their own."""

from contextlib import redirect_stderr, redirect_stdout
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

from dynsyn_ros.cli.main import main
from dynsyn_ros.nodes import domains
from dynsyn_ros.nodes import programs as nodes
from dynsyn_ros.process import STOPS
from dynsyn_ros.training import backends
import pytest

#: The words that start the program; its arguments follow.
PROGRAM = (sys.executable, '-m', 'dynsyn_ros')
#: Longest wait for a program, s.
PATIENCE = 120.0


def dynsyn(*arguments, folder, workers=True):
    """
    Run the program to its end in this process, which has imported it already.

    Unless ``workers`` are allowed, a sweep or a search trains in this process too.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not workers:
            patch.setattr(backends, 'run_local', _train_here)
        return _here(main, ['dynsyn', *map(str, arguments)], folder)


def _train_here(take, workers, stop, finished, meanwhile):
    """Run jobs as workers do."""
    while not stop() and (job := take()):
        job.run(stop)
        finished(job)


def node(name, *arguments, folder):
    """Run the program of a node to its end in this process."""
    return _here(getattr(nodes, name), [name, *map(str, arguments)], folder)


def _here(program, words, folder):
    """Run a program with these words as its command line, in a folder."""
    handlers = {which: signal.getsignal(which) for which in STOPS}
    with (tempfile.TemporaryFile('w+') as said, tempfile.TemporaryFile('w+') as errors,
          redirect_stdout(said), redirect_stderr(errors), pytest.MonkeyPatch.context() as patch):
        patch.chdir(folder)
        patch.setenv(domains.DOMAIN, os.environ[domains.DOMAIN])  # a walk changes it
        patch.setattr(sys, 'argv', words)
        signal.alarm(int(PATIENCE))  # what hangs ends the tests, as any signal without a handler
        try:
            code = program()
        except SystemExit as end:
            code = end.code
        finally:
            signal.alarm(0)
            for which, handler in handlers.items():
                signal.signal(which, handler)
        for stream in (said, errors):
            stream.seek(0)
        return subprocess.CompletedProcess(words, code, said.read(), errors.read())


def dynsyn_apart(*arguments, folder):
    """Run the program to its end in a process of its own."""
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], cwd=folder,
        capture_output=True, text=True, timeout=PATIENCE, check=False)


def refused(folder, *arguments):
    """Run the program with bad input; returns its one sentence and checks that it left nothing."""
    done = dynsyn(*arguments, folder=folder)
    assert done.returncode == 2, done.stderr
    assert 'Traceback' not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if 'error: ' in line]
    return sentence


def await_lines(file, number, running):
    """Wait until a process has written that many lines into a file."""
    await_that(lambda: file.exists() and file.read_text().count('\n') >= number, running)


def await_that(happened, running):
    """Wait until something has happened that a running process does, but gives no event of."""
    while not happened():
        assert running.poll() is None, 'it ended too soon'
        time.sleep(0.01)  # a loop without it would take a core


def descendants(pid):
    """List the processes under a process, with their command lines."""
    children = {}
    for entry in Path('/proc').glob('[0-9]*'):
        try:
            stat, words = (entry / 'stat').read_text(), (entry / 'cmdline').read_bytes()
        except OSError:
            continue
        parent = int(stat.rpartition(')')[2].split()[1])
        children.setdefault(parent, []).append((int(entry.name), words.decode(errors='replace')))
    found, waiting = [], [pid]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += [child for child, _ in mine]
    return found
