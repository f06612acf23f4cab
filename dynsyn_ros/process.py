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

"""What every program of the package shares: how it stops, and its exit codes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
import ctypes
from io import TextIOWrapper
import os
import signal
import sys
from types import FrameType

from dynsyn_ros.settings.assets import PACKAGE
from dynsyn_ros.settings.schema import ConfigError

#: Exit code for bad input. 0 is a clean end, also by a signal if the program may be stopped so.
BAD_INPUT = 2
#: Exit code if Ctrl-C left the work unfinished, the one that shells use.
INTERRUPTED = 128 + signal.SIGINT
#: Exit code if the reader of the output has gone, as `head` does; likewise.
NO_READER = 128 + signal.SIGPIPE
#: Cores that this process may use.
CORES = len(os.sched_getaffinity(0))
#: Linux only: the signal that a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1
#: The longest error message, characters: names from a file may have any length.
LONGEST = 1000
#: The signals that stop a program in good order; SIGHUP comes when its terminal or ssh has gone.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Becomes true at the first of :data:`STOPS`, and stays true."""

    def __init__(self) -> None:
        """Take over the signals, except SIGHUP under ``nohup``."""
        self._requested = False
        for number in STOPS:
            if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN):
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._requested = True

    def __bool__(self) -> bool:
        """Whether a stop was requested."""
        return self._requested


def end_with(parent: int) -> None:
    """End this process as soon as its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the call above
        os.kill(os.getpid(), signal.SIGKILL)


def _refuse(reason: str) -> int:
    words = ' '.join(reason.split())
    with suppress(OSError):  # the exit code still tells
        print(f'error: {words if len(words) < LONGEST else f"{words[:LONGEST]}..."}',
              file=sys.stderr)
    return BAD_INPUT


def exit_code(program: Callable[[], None]) -> int:
    """
    Run a program and return its exit code.

    A user's mistake, a file or an output that cannot be used, a package that is not installed, or
    Ctrl-C also prints a line on stderr; a closed output pipe does not.
    """
    _prepare_output()
    try:
        program()
        sys.stdout.flush()
    except ConfigError as error:
        return _refuse(str(error))
    except ModuleNotFoundError as error:
        missing = (error.name or '').partition('.')[0]
        if missing in ('', PACKAGE):
            raise
        return _refuse(f'this needs the Python module {missing}, which is not installed: see '
                       'docs/installation.md')
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return NO_READER
    except OSError as error:
        if error.filename is None:
            _drop_output()
        return _refuse(f'cannot use {error.filename or "the output"}: {error.strerror or error}')
    return 0


def _prepare_output() -> None:
    """Make sure that something is there to print to, and that any name can be printed."""
    for name in ('stdout', 'stderr'):
        if getattr(sys, name) is None:  # the program was started with it closed
            setattr(sys, name, open(os.devnull, 'w'))  # noqa: SIM115  as long as the program runs
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')


def _drop_output() -> None:
    """Send what is left of the output nowhere: Python must not try to flush it at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
