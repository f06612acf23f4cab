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

"""Walks side by side, each in a domain of its own, and who finds them."""

import os
import signal

from dynsyn_ros import domains
from dynsyn_ros.schema import ConfigError
from programs import dynsyn, refused
import pytest
from rclpy.node import Node
from ros import await_line, PATIENCE, process, ros, spin_until, spinning

pytestmark = pytest.mark.ros


def test_a_walk_is_the_same_run_whoever_else_walks(tmp_path, monkeypatch):
    monkeypatch.setenv(domains.DOMAIN, os.environ[domains.DOMAIN])  # it is put back at the end
    one = ['walk', '--steps', 1500, '--seed', 1, '--output']
    assert dynsyn(*one, 'alone', folder=tmp_path).returncode == 0
    with process('cli.main', ['walk', '--seed', 3, '--output', tmp_path / 'other']) as other:
        said = await_line(other.stderr, 'to watch it: dynsyn dashboard --domain ')
        domain = int(said.rpartition('=')[2])
        assert domain in domains.DOMAINS
        # What looks finds it, and the controller there is the only one.
        assert domains.walks() == [(domain, str(tmp_path / 'other'))]
        domains.join(None, ['--ros-args'])
        assert os.environ[domains.DOMAIN] == str(domain)
        with ros():
            eye = Node('eye')
            with spinning(eye) as executor:
                spin_until(executor, lambda: eye.count_publishers('joint_torques'))
                with process('cli.main', [*one, tmp_path / 'beside']) as beside:
                    await_line(beside.stderr, '438 synapses')
                    with pytest.raises(ConfigError, match=f'by --domain: .*{domain} .*other'):
                        domains.join(None, [])
                    assert beside.wait(PATIENCE) == 0
                assert eye.count_publishers('joint_torques') == 1
        other.send_signal(signal.SIGINT)
        assert other.wait(PATIENCE) == 0
    for name in ('episodes.csv', 'weights.npz'):
        alone, beside = ((tmp_path / each / name).read_bytes() for each in ('alone', 'beside'))
        assert alone == beside, name
    assert domains.walks() == []


def test_a_domain_that_cannot_be_is_refused(tmp_path):
    assert '--domain must be from 0 to 232, not 233' in refused(
        tmp_path, 'dashboard', '--domain', '233')
