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

"""Parallel walks, each in its own domain, and which commands find them."""

import csv
import os
import signal

from conftest import preset
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import domains
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker
from dynsyn_ros.simulation.walkers import GymnasiumWalkers
from dynsyn_ros.training.headless import Headless
import pytest
from rclpy.node import Node
from ros import await_line, PATIENCE, process, ros, spin_until, spinning

pytestmark = pytest.mark.ros

STEPS, SEED = 800, 1


def returns_alone(robot):
    """Compute the returns of a walk that nothing can disturb, because it has no topics."""
    walker = BipedalWalker('BipedalWalker-v3', SEED, robot=robot.config)
    loop = Headless(robot, Learner(robot.layout, preset('default'), SEED),
                    GymnasiumWalkers([walker]))
    returns = []
    for _ in range(STEPS):
        loop.step()
        if walker.episode is not None:
            returns.append(f'{walker.episode.total:.3f}')
    return returns


def test_a_walk_is_the_same_run_whoever_else_walks(tmp_path, monkeypatch, robot):
    monkeypatch.setenv(domains.DOMAIN, os.environ[domains.DOMAIN])  # it is put back at the end
    walk = ['walk', '--weights', 'none', '--output']
    with process('dynsyn', [*walk, tmp_path / 'other', '--pace', 'realtime']) as other:
        said = await_line(other.stderr, 'to watch it: dynsyn dashboard --domain ')
        domain = int(said.rpartition('=')[2])
        assert domain in domains.DOMAINS
        # Another command finds it, and the controller there is the only one.
        assert domains.walks() == [(domain, str(tmp_path / 'other'))]
        domains.join(None, ['--ros-args'])
        assert os.environ[domains.DOMAIN] == str(domain)
        with ros():
            eye = Node('eye')
            with spinning(eye) as executor:
                spin_until(executor, lambda: eye.count_publishers('joint_torques'))
                with process('dynsyn', [*walk, tmp_path / 'beside', '--seed', SEED, '--steps',
                                          STEPS]) as beside:
                    await_line(beside.stderr, '438 synapses')
                    with pytest.raises(ConfigError, match=f'with --domain: .*{domain} .*other'):
                        domains.join(None, [])
                    assert beside.wait(PATIENCE) == 0
                assert eye.count_publishers('joint_torques') == 1
        other.send_signal(signal.SIGINT)
        assert other.wait(PATIENCE) == 0
    with (tmp_path / 'beside' / 'episodes.csv').open() as file:
        returns = [row['return'] for row in csv.DictReader(file)]
    assert len(returns) > 2
    assert returns == returns_alone(robot)
    assert domains.walks() == []
    with pytest.raises(ConfigError, match='--domain must be from 0 to 232, not 233'):
        domains.join(233, [])
