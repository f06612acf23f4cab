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

"""The documentation against the program: tables, commands, links, and that it builds."""

import argparse
from importlib import import_module
from itertools import takewhile
import re
import subprocess
import sys

from conftest import preset_file, ROBOT_FILE
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.buttons import BUTTONS
from dynsyn_ros.nodes.frames import STATIC_TRANSFORMS
from dynsyn_ros.settings import parameters
from pages import commands, PAGES, SOURCE
from programs import dynsyn
import pytest

#: Topics of no one type that every installation has.
FOREIGN = {topics.DEADMAN, topics.TRANSFORMS, STATIC_TRANSFORMS}
TOPICS = (SOURCE / 'docs' / 'topics.md').read_text()


def rows(title):
    """Read the table whose first column is called ``title``: cells by first cell."""
    table = TOPICS[TOPICS.index(f'\n| {title} | '):].lstrip('\n').split('\n\n')[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip('|').split('|')] for row in table]
    return {name.strip('` '): rest for first, *rest in cells for name in first.split(',')}


def test_every_topic_is_in_the_table():
    documented = rows('topic')
    assert set(documented) == set(topics.EVERY) | FOREIGN
    for topic, kind in topics.EVERY.items():
        package, name = kind.__module__.split('.')[0], kind.__name__
        assert documented[topic][0] == f'{package}/{name}', topic


def test_every_topic_is_in_the_graph():
    (graph,) = re.findall(r'```mermaid\n(.*?)```', TOPICS, re.S)
    named = {name for label in re.findall(r'-- "?(.*?)"? -->', graph)
             for name in re.split(r', | and the services', label) if name}
    assert named == set(topics.EVERY) - {topics.DIAGNOSTICS} | FOREIGN


def test_every_service_is_in_the_table():
    called = {f'~/{service}': f'std_srvs/{kind.__name__}' for service, kind, _ in BUTTONS.values()}
    assert {name: cells[0] for name, cells in rows('service').items()} == called


def test_the_pages_that_are_made_from_the_program_are_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(str(SOURCE / 'docs'))
    tables = import_module('tables')
    for page, make in tables.PAGES.items():
        assert page.read_text() == make(), f'make tables writes {page.name} anew'
    # Every parameter has a type, unit, default, range, liveness and meaning.
    assert '|  |' not in tables.parameters_page()


def test_the_learner_is_used_from_python_as_the_page_says(capsys):
    page = (SOURCE / 'docs' / 'python.md').read_text()
    (program,) = re.findall(r'^```python\n(.*?)^```', page, re.M | re.S)
    exec(program, {})
    # Frozen pretrained weights walk to the end of the course.
    assert float(capsys.readouterr().out.removeprefix('return ')) > 300.0


def test_the_version_is_the_same_everywhere():
    (changes,) = re.findall(r'^(\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)\n-+\n\n\*\*Added',
                            (SOURCE / 'CHANGELOG.rst').read_text(), re.M)
    (citation,) = re.findall(r'^version: (.*)$', (SOURCE / 'CITATION.cff').read_text(), re.M)
    setup = subprocess.run([sys.executable, 'setup.py', '--version'], cwd=SOURCE,
                           capture_output=True, text=True, check=True).stdout.split()[-1]
    assert dynsyn('--version', folder=SOURCE).stdout == f'dynsyn_ros {changes}\n'
    assert citation == setup == changes


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r'\]\(([^)#]+)[^)]*\)', page.read_text()):
            if '://' not in target:
                assert (page.parent / target).exists(), f'{page.name}: {target}'


def _parse(words):
    """Parse a command with the program's own parser, for those that no test can run."""
    name, *arguments = words
    parser = argparse.ArgumentParser(prog=name)
    import_module(f'dynsyn_ros.cli.{name}').add_arguments(parser)
    parser.parse_args(list(takewhile('--ros-args'.__ne__, arguments)))


def _launch(words):
    """Look the launch file and its arguments up."""
    package, name, *arguments = words
    text = (SOURCE / 'launch' / name).read_text() + (
        SOURCE / 'dynsyn_ros' / 'nodes' / 'launching.py').read_text()
    assert package == 'dynsyn_ros'
    for argument in arguments:
        if argument == '--show-args':
            continue
        key = argument.split(':=')[0]
        remapped = key.endswith('_topic') and f"'{key.removesuffix('_topic')}'" in text
        assert f"'{key}'" in text or remapped or key == 'joint_torques_topic', argument


def _ros2(words):
    kind, action, *rest = words
    if kind == 'launch':
        _launch([action, *rest])
    elif (kind, action) == ('service', 'call'):
        services = {f'/controller/{service}': f'std_srvs/srv/{cls.__name__}'
                    for service, cls, _ in BUTTONS.values()}
        assert services[rest[0]] == rest[1]
    elif (kind, action) == ('param', 'set'):
        values = parameters.read([ROBOT_FILE, preset_file('default')])
        for key in rest[1].split('.'):
            values = values[key]
    elif (kind, action) == ('topic', 'pub'):
        name, message = (word for word in rest[:3] if not word.startswith('-'))
        assert (name.lstrip('/'), message) == (topics.HUMAN_REWARD, 'std_msgs/msg/Float64')
    else:
        assert kind in ('control', 'lifecycle', 'run', 'security', 'topic', 'param'), words


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_what_is_said_to_the_programs_is_there(page):
    for words in commands(page, 'dynsyn'):
        _parse(words)
    for words in commands(page, 'ros2'):
        _ros2(words)
    targets = re.findall(r'^([a-z-]+):', (SOURCE / 'Makefile').read_text(), re.M)
    assert {word for words in commands(page, 'make') for word in words[:1]} <= set(targets)


def test_the_pages_build_without_a_warning(tmp_path):
    for tool in ('sphinx', 'myst_parser'):
        pytest.importorskip(tool, reason='the pages are built with it')
    done = subprocess.run(
        [sys.executable, '-m', 'sphinx', '--fail-on-warning', '--keep-going', '--quiet',
         '--doctree-dir', tmp_path / 'trees', SOURCE / 'docs', tmp_path / 'html'],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'html' / 'index.html').is_file()
