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

"""ROS for a benchmark, in a domain that nothing else on the machine uses; Ctrl-C ends it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import os
import signal
import sys

from dynsyn_ros.nodes import domains, run

_held = []


def join_alone() -> None:
    """Set the environment before ROS is initialised; the tests use the domains below 51."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    _held.append(domains.hold(51 + (os.getpid() + k) % 50 for k in range(50)))
    os.environ[domains.DOMAIN] = str(_held[-1][0])


@contextmanager
def session(words: Sequence[str] = ()) -> Iterator[None]:
    """Initialise ROS; a signal ends the benchmark, which then ends its processes."""
    with run.session(words):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit('interrupted'))
        yield
