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

"""Tables: aligned for a terminal, or in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate


def table(head: Sequence[str], rows: Iterable[Sequence[str]], markdown: bool) -> str:
    """Lay out a table; line breaks in its head only apply in a terminal."""
    if markdown:
        head = [' '.join(cell.split()) for cell in head]
    return tabulate(
        list(rows), list(head), tablefmt='pipe' if markdown else 'simple', disable_numparse=True,
        colalign=['left', *['right'] * (len(head) - 1)])
