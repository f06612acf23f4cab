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

"""What ROS expects of a package's sources, if ament's linters can be imported."""

from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize('linter', ['copyright', 'flake8', 'pep257'])
def test_ament_has_nothing_to_say(linter, monkeypatch, capsys):
    pytest.importorskip(f'ament_{linter}', reason='comes with an installed ROS 2, not as a wheel')
    monkeypatch.chdir(SOURCE)
    main = import_module(f'ament_{linter}.main').main
    folders = [name for name in ('dynsyn_ros', 'launch', 'test', 'benchmarks', 'setup.py')
               if (linter, name) != ('copyright', 'setup.py')]
    assert main(argv=folders) == 0, capsys.readouterr().out
