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

"""Who may command: the policy for SROS 2 against the nodes, and the range of discovery."""

import os
import subprocess
import sys
from xml.etree import ElementTree

from conftest import ROBOT_FILE
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.reward_node import RewardNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.schema import ConfigError
import pytest
from ros import make, ros, spin_until, spinning

pytestmark = pytest.mark.ros

POLICY = ElementTree.parse(ROBOT_FILE.parent / 'sros2' / 'policy.xml').getroot()


def allowed(node, kind, right):
    """List what the policy lets a node do, by full names."""
    names = set()
    for block in POLICY.findall(f".//profile[@node='{node}']/{kind}s[@{right}='ALLOW']"):
        for entry in block.findall(kind):
            names.add('/' + entry.text.replace('~', node))
    return names


def test_the_policy_allows_what_the_nodes_do_and_no_more(tmp_path):
    with ros():
        nodes = [make(SimulatorNode), make(RewardNode),
                 make(ControllerNode, output_dir=tmp_path / 'out')]
        with spinning(*nodes) as executor:
            nodes[2].start()
            for node in nodes:
                name = node.get_name()

                def ends(name=name, node=node):
                    return [{end for end, _ in found(name, '/')} for found in (
                        node.get_publisher_names_and_types_by_node,
                        node.get_subscriber_names_and_types_by_node,
                        node.get_service_names_and_types_by_node)]

                wanted = [allowed(name, 'topic', 'publish'), allowed(name, 'topic', 'subscribe'),
                          allowed(name, 'service', 'reply')]
                spin_until(executor, lambda wanted=wanted, ends=ends: all(
                    w <= e for w, e in zip(wanted, ends(), strict=True)), f'all ends of {name}')
                assert ends() == wanted
    services = allowed('controller', 'service', 'reply')
    assert allowed('operator', 'service', 'request') == services
    everything = set().union(*(
        allowed(n, 'topic', 'publish') for n in ('simulator', 'controller', 'reward_node')))
    assert allowed('operator', 'topic', 'subscribe') == everything


def test_programs_are_found_on_this_machine_only_unless_told_otherwise():
    ask = ('import os; from dynsyn_ros.nodes import run\n'
           "with run.session([]): print(os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'])")
    for given, expected in ((None, 'LOCALHOST'), ('SUBNET', 'SUBNET')):
        env = {k: v for k, v in os.environ.items() if k != 'ROS_AUTOMATIC_DISCOVERY_RANGE'}
        if given:
            env['ROS_AUTOMATIC_DISCOVERY_RANGE'] = given
        done = subprocess.run(
            [sys.executable, '-c', ask], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [expected]


def test_a_yaml_from_outside_executes_nothing(tmp_path):
    bait = tmp_path / 'touched'
    file = tmp_path / 'robot.yaml'
    order = f"!!python/object/apply:os.mkdir ['{bait}']"
    file.write_text(f'/**: {{ros__parameters: {{seed: {order}}}}}')
    with pytest.raises(ConfigError, match=r'robot\.yaml'):
        parameters.read([file])
    assert not bait.exists()
