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

"""The ``dynsyn`` program, run to its end in a process of its own."""

import subprocess
import sys

#: Longest wait for a program, s.
PATIENCE = 120.0


def dynsyn(*arguments, folder):
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, '-m', 'dynsyn_ros.cli.main', *map(str, arguments)], cwd=folder,
        capture_output=True, text=True, timeout=PATIENCE, check=False)


def refused(folder, *arguments):
    """Run the program with something wrong; returns its one sentence, and nothing else is left."""
    done = dynsyn(*arguments, folder=folder)
    assert done.returncode == 2, done.stderr
    assert 'Traceback' not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if 'error: ' in line]
    return sentence
