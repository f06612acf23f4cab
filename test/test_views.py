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

"""The layouts for rqt, PlotJuggler, Foxglove and RViz: in their formats, with our topics."""

from ast import literal_eval
from dataclasses import fields
from importlib import import_module
import json
import re
from xml.etree import ElementTree

from conftest import ROBOT_FILE
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.topics import LEVEL, ODOM
from dynsyn_ros.simulation.bipedal_walker import SPEC
from foxglove import layouts
import pytest
import yaml

VIEWS = ROBOT_FILE.parent / 'views'
#: What the plots must show.
SEEN = {'reward', 'episode_return', 'joint_states', 'joint_torques', 'controller/amplitude'}


FOXGLOVE = {
    'Plot': layouts.PlotConfig, 'Image': layouts.ImageConfig, '3D': layouts.ThreeDeeConfig}


def number_at(path):
    """Look up a path such as /joint_states/position[0] in the messages; returns its topic."""
    found = [topic for topic in topics.EVERY if re.match(rf'/{topic}[./]', path)]
    assert found, f'{path} is on no topic of ours'
    topic = max(found, key=len)
    kind = topics.EVERY[topic]
    for field in re.split(r'[./]', path[len(topic) + 2:]):
        name, _, index = field.partition('[')
        type_name = kind.get_fields_and_field_types()[name]
        if 'sequence' in type_name:
            assert int(index[:-1]) < len(SPEC.joints), path
            type_name = type_name[len('sequence<'):-1]
        else:
            assert not index, path
        if '/' in type_name:
            package, name = type_name.split('/')
            kind = getattr(import_module(f'{package}.msg'), name)
    assert type_name == 'double', path
    return topic


def perspective():
    """Read a perspective as rqt's import does: every value by the literal of its repr."""
    def tree(data):
        assert set(data) == {'keys', 'groups'}
        values = {}
        for key, value in data['keys'].items():
            assert value['type'] == 'repr'
            values[key] = literal_eval(value['repr'])
        return {**values, **{name: tree(group) for name, group in data['groups'].items()}}

    return tree(json.loads((VIEWS / 'dynsyn.perspective').read_text()))['pluginmanager']


def keys(kind):
    """List the fields of a class in Foxglove's own library, by their names in JSON."""
    return {re.sub('_(.)', lambda match: match[1].upper(), field.name) for field in fields(kind)}


def test_rqt_perspective():
    manager = perspective()
    paths = []
    for plugin, numbers in manager['running-plugins'].items():
        for number in numbers:
            settings = manager[f'plugin__{plugin.replace("/", "__")}__{number}']['plugin']
            if plugin == 'rqt_plot/Plot':
                shown = settings['topics']
                paths += [shown] if isinstance(shown, str) else shown
            else:
                assert (plugin, settings['topic']) == (
                    'rqt_image_view/ImageView', f'/{topics.IMAGE}')
    assert {number_at(path) for path in paths} == SEEN
    assert len(set(paths)) == 3 + 2 * len(SPEC.joints)


def test_plotjuggler_layout():
    root = ElementTree.parse(VIEWS / 'plotjuggler.xml').getroot()
    splitter = root.find('tabbed_widget/Tab/Container/DockSplitter')
    areas = splitter.findall('DockArea/plot')
    assert len(areas) == int(splitter.get('count')) == len(splitter.get('sizes').split(';'))
    assert [sum(map(float, splitter.get('sizes').split(';')))] == pytest.approx([1])
    paths = []
    for curve in root.iter('curve'):
        name = curve.get('name')
        for i, joint in enumerate(SPEC.joints):  # it names joints, which others number
            name = name.replace(f'/{joint}/position', f'/position[{i}]')
        paths.append(name)
    assert {number_at(path) for path in paths} == SEEN
    assert len(set(paths)) == 3 + 2 * len(SPEC.joints)
    streamer = root.find('previouslyLoaded_Streamer').get('name')
    heard = root.find(f"Plugins/plugin[@ID='{streamer}']/selected_topics").get('value').split(';')
    assert set(heard) == {f'/{topic}' for topic in SEEN}


def test_foxglove_layout():
    layout = json.loads((VIEWS / 'foxglove.json').read_text())

    def panels(node):
        if isinstance(node, str):
            return [node]
        assert node['direction'] in ('row', 'column')
        return panels(node['first']) + panels(node['second'])

    assert sorted(panels(layout['layout'])) == sorted(layout['configById'])
    paths = []
    for name, config in layout['configById'].items():
        kind = name.partition('!')[0]
        assert set(config) - {'foxglovePanelTitle'} <= keys(FOXGLOVE[kind])
        if kind == 'Plot':
            assert all(path['enabled'] for path in config['paths'])
            assert all(set(path) <= keys(layouts.PlotSeries) for path in config['paths'])
            paths += [path['value'] for path in config['paths']]
        elif kind == 'Image':
            assert config['imageMode'] == {'imageTopic': f'/{topics.IMAGE}'}
        else:
            assert kind == '3D'
            assert config['followTf'] == LEVEL
            assert '/scan' in config['topics']
    assert {number_at(path) for path in paths} == SEEN
    assert len(set(paths)) == 3 + 2 * len(SPEC.joints)


def test_rviz_shows_walker_and_lidar():
    shown = yaml.safe_load((VIEWS / 'walker.rviz').read_text())['Visualization Manager']
    assert shown['Global Options']['Fixed Frame'] == ODOM
    displays = {each['Class'].rpartition('/')[2]: each for each in shown['Displays']}
    assert displays['LaserScan']['Topic']['Value'] in topics.SENSORS
    assert displays['RobotModel']['Description Topic']['Value'] == 'robot_description'
    assert displays['RobotModel']['Description Topic']['Durability Policy'] == 'Transient Local'
