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

"""One loop for one robot or many: what the learner receives, and that each is as if alone."""

from conftest import preset, robot_config
from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import ControlLoop, Robot, SensorBuffer, StepInput
import numpy as np
import pytest

POSITIONS = {
    'command': 'position', 'torque_limits': [], 'torque_rate_limits': [],
    'default_pose': [0.1] * 4, 'position_ranges': [0.5] * 4, 'position_rate_limits': [2.0] * 4,
    'rest_pose': [0.0] * 4}


def loop_of(config, numbers):
    robot = Robot(config)
    return ControlLoop(robot, Learner(robot.layout, preset('default'), 3, numbers))


def inputs(config, robots, steps):
    """Make readings of upright robots, and rewards; some robots are moved."""
    rng, count = np.random.default_rng(4), len(SensorBuffer(Robot(config)).names)
    for _ in range(steps):
        readings = 0.1 * rng.normal(size=(robots, count))
        yield StepInput(readings, rng.normal(size=robots), moved=rng.random(robots) < 0.1)


@pytest.mark.parametrize('changes', [{}, POSITIONS], ids=['torques', 'positions'])
def test_each_of_several_robots_is_as_if_it_were_alone(changes):
    config = robot_config(**changes)
    together, alone = loop_of(config, range(3)), loop_of(config, [1])
    for given in inputs(config, 3, 200):
        commands = together.step(given)
        one = alone.step(StepInput(
            given.readings[1:2], given.reward[1], moved=given.moved[1]))
        np.testing.assert_array_equal(commands[1:2], one)
    np.testing.assert_array_equal(together.sent[1:2], alone.sent)
    assert together.sent.any()


def test_what_the_learner_is_told():
    config = robot_config(fall_reward=-50.0)
    loop = loop_of(config, range(2))
    (given,) = inputs(config, 2, 1)
    told, step = [], loop.learner.step

    def spy(observation, reward, sent, moved, fell):
        told.append((reward.tolist(), moved.tolist(), None if fell is None else fell.tolist()))
        return step(observation, reward, sent, moved, fell)

    loop.learner.step = spy
    loop.step(given._replace(reward=np.array([-50.0, -49.9]), moved=False))
    loop.step(given._replace(reward=1.0, periods=3, moved=np.array([False, True])))
    loop.stop()
    loop.step(given._replace(reward=0.5, moved=False))
    nothing = [0.0, 0.0]
    assert told == [
        ([-50.0, -49.9], [True, True], [True, False]),  # nobody knows where they were before
        (nothing, [False, True], None),  # a put-back is reported once, the reward comes last
        (nothing, [False, False], None),
        ([1.0, 1.0], [False, False], [False, False]),
        ([0.5, 0.5], [True, True], [False, False])]
