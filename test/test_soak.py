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

"""The campaign of faults, in half a minute."""

from pathlib import Path
import subprocess
import sys

import pytest

SOAK = Path(__file__).resolve().parent.parent / 'benchmarks' / 'soak.py'


@pytest.mark.ros
def test_no_fault_makes_a_bad_torque_or_ends_a_node():
    done = subprocess.run(
        [sys.executable, str(SOAK), '--seconds', '30'], capture_output=True, text=True,
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip('| ').split(' | ') for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 9
    for stage, tried, seen, bad, crashes, growth in rows:
        assert (bad, crashes) == ('0', '0'), stage
        assert growth == '-' or float(growth) < 5.0, (stage, tried, seen)
