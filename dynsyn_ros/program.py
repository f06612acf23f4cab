"""What every program of the package shares: how it is stopped and what it exits with."""

from __future__ import annotations

from collections.abc import Callable
import signal
import sys
from types import FrameType

from dynsyn_ros.schema import ConfigError

#: Exit code for bad input; 0 is a clean end, also by signal.
BAD_INPUT = 2


class StopRequest:
    """Becomes true at SIGINT or SIGTERM, however often they come."""

    def __init__(self) -> None:
        """Take over both signals."""
        self._requested = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._requested = True

    def __bool__(self) -> bool:
        """Whether a stop was requested."""
        return self._requested


def exit_code(program: Callable[[], None]) -> int:
    """Run a program; a user's mistake becomes one sentence on stderr and exit code 2."""
    try:
        program()
    except ConfigError as error:
        print(f'error: {error}', file=sys.stderr)
        return BAD_INPUT
    return 0
