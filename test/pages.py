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

"""The pages of the documentation, and the commands in their blocks of code."""

from pathlib import Path
import re
import shlex

SOURCE = Path(__file__).resolve().parent.parent
PAGES = [SOURCE / 'README.md', *sorted((SOURCE / 'docs').glob('*.md'))]
#: The marks after a command on a page that no test can run: hardware, a display, a robot's bag.
NEEDS = re.compile(r'\s#.*\bneeds\b')


def commands(page, program, unmarked=False):
    """List a program's commands on a page, as words; all of them, or only those without a mark."""
    found = []
    for language, block in re.findall(r'^```(\w*)\n(.*?)^```', page.read_text(), re.M | re.S):
        if language in ('', 'bash'):
            for line in block.replace('\\\n', ' ').splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == [program] and not (unmarked and NEEDS.search(line)):
                    found.append(words[1:])
    return found


def pages_with(program):
    """List the pages that have unmarked commands of a program."""
    return [page for page in PAGES if commands(page, program, unmarked=True)]
