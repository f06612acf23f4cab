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

"""The reward of a robot without a simulator, compared with the environment's own."""

from dataclasses import replace

from conftest import robot_config, ROBOT_FILE
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.reward_node import RewardNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot import CommandLimiter, Reward, RewardTerms, Robot, RobotConfig
from dynsyn_ros.robot.readings import QUATERNION
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import TRAINED
from dynsyn_ros.settings.schema import build, build_part, ConfigError
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker, SPEC
from dynsyn_ros.storage import weights
from dynsyn_ros.training.presets import read_preset
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from ros import make, PATIENCE, process, ros, ros_arguments, spin_until, spinning


def policies():
    """Yield a trained walk and random flailing, each as a function of the readings."""
    robot = Robot(robot_config())
    learner = Learner(robot.layout, read_preset('default'), seed=0)
    weights.load(TRAINED, learner, robot)
    learner.learning = False
    observe, limiter = robot.observer(SPEC.readings), CommandLimiter(robot.config, SPEC.readings)
    yield 'trained', 3, lambda readings: limiter.commands(
        learner.step(observe(readings[np.newaxis]), np.zeros(1), limiter.sent),
        readings[np.newaxis])[0]
    rng = np.random.default_rng(7)
    yield 'flailing', 15, lambda _: rng.uniform(-80.0, 80.0, size=4)
    yield 'limp', 10, lambda _: rng.uniform(-8.0, 8.0, size=4)


@pytest.mark.parametrize(('name', 'episodes', 'policy'), list(policies()))
def test_the_sum_over_an_episode_is_the_environments(name, episodes, policy):
    terms = build(RewardTerms, parameters.read([ROBOT_FILE])['reward_terms'])
    one = Reward(terms, robot_config(fall_tilt=1.6, upright_tilt=0.5))
    walker = BipedalWalker('BipedalWalker-v3', seed=11)

    def reward():
        efforts = {f'joint_states.{j}.effort': e for j, e in zip(
            SPEC.joints, walker.efforts.tolist(), strict=True)}
        seen = dict(zip(SPEC.readings, walker.readings.tolist(), strict=True))
        return one.of({**seen, **efforts, 'odom.position.x': walker.position[0]}, 1)

    total, falls = reward(), 0
    for _ in range(episodes):
        while True:
            walker.step(policy(walker.readings))
            total += reward()
            if walker.episode is not None:
                break
        falls += walker.episode.fell
        assert total == pytest.approx(walker.episode.total, rel=0.02)
        total = 0.0
    assert (falls == 0) if name == 'trained' else (falls > episodes / 2)


@pytest.mark.ros
def test_the_learner_is_driven_by_the_reward_node(tmp_path):
    own, told, config = [], [], robot_config()
    # Two steps per second, so that each is rewarded before the next, and no input is ever too old.
    values = {'publish_reward': False, 'real_time_factor': 0.04, 'output_dir': tmp_path / 'out',
              'weights': TRAINED,
              **{f'inputs.{topic}.timeout': PATIENCE for topic in config.inputs}}

    def on_reward(message):
        # A fall is detected by the posture some steps before the contact.
        fell = message.data < config.fall_reward
        told.append(message.data + fell * config.reward_terms.fall_cost)

    def heard():
        return told and told[-1] == pytest.approx(own[-1])

    with ros(), process('reward_node', ros_arguments(**values)):
        simulator = make(
            SimulatorNode, lambda _: own.append(simulator._reward), **values)
        controller = make(ControllerNode, **values)
        listener = Node('listener')
        listener.create_subscription(
            topics.SENSORS['reward'], 'reward', on_reward, topics.QOS)
        with spinning(simulator, controller, listener) as executor:
            spin_until(executor, heard, 'the reward of the newest step')
            # From now on a step waits for the reward of the last, so that none is missed.
            simulator._timer.cancel()
            own.clear()
            told.clear()
            controller.start()
            while len(own) < 300:
                simulator._tick()
                spin_until(executor, lambda: len(told) == len(own) == controller.steps,
                           'a reward and a step of the learner')
            assert simulator.count_publishers('reward') == 1
            controller.trigger_deactivate()
    told, own = np.array(told), np.array(own)
    upright = own > config.fall_reward
    assert told[upright] == pytest.approx(own[upright])
    assert np.ptp(told) > 0.5, 'it moves'


@pytest.mark.ros
def test_lock_step_needs_the_simulators_reward():
    with ros(), pytest.raises(ConfigError, match='publish_reward must be true with pace lockstep'):
        make(SimulatorNode, pace='lockstep', publish_reward=False)


@pytest.mark.ros
def test_only_the_guards_of_falls_may_be_set_while_it_rewards():
    def change(name, value):
        (result,) = node.set_parameters([Parameter(name, value=value)])
        return result

    with ros():
        node = make(RewardNode)
        down = seen(tilt=0.3)
        assert node._reward.of(down, 1) == node._reward.of(down, 1) == 0.0
        assert change('upright_tilt', 0.1).successful
        assert change('fall_tilt', 0.2).successful
        assert node._reward.of(down, 1) == -100.0
        assert 'read-only' in change('torque_limits', [1.0] * 4).reason, 'it would do nothing'
        node.destroy_node()


def reward_of(**terms):
    given = parameters.read([ROBOT_FILE])['reward_terms']
    return Reward(build(RewardTerms, {**given, **terms}),
                  robot_config(fall_tilt=1.3, upright_tilt=0.5))


def seen(forward=0.0, tilt=0.0, effort=0.0, height=2.0):
    """Make readings of a walker."""
    return {
        'odom.position.x': forward, 'scan.0': height,
        **{f'joint_states.{joint}.effort': effort for joint in SPEC.joints},
        **dict(zip(QUATERNION, (0.0, np.sin(tilt / 2), 0.0, np.cos(tilt / 2)), strict=True))}


def test_a_reward_is_of_what_has_changed():
    one = reward_of()
    assert one.of(seen(forward=3.0), 1) == 0.0, 'nothing is known of before'
    assert one.of(seen(forward=3.1), 1) == pytest.approx(0.1 * 130 / 30)
    assert one.of(seen(forward=3.1, tilt=-0.2), 1) == pytest.approx(-0.2 * 5)
    assert one.of(seen(forward=3.1, tilt=0.1), 1) == pytest.approx(0.1 * 5)
    # 4 motors at 0.00035 x 80 of an action of 0.5 each step.
    assert one.of(seen(forward=3.1, tilt=0.1, effort=-40.0), 1) == pytest.approx(
        -4 * 0.00035 * 80 * 0.5)
    assert one.of(seen(forward=3.1, tilt=0.1, effort=-40.0), 2) == pytest.approx(
        -2 * 4 * 0.00035 * 80 * 0.5)
    assert one.of(seen(forward=9.0, tilt=0.1), 1) == 0.0, 'it was put elsewhere'
    assert one.of(seen(forward=9.1, tilt=0.1), 0) == 0.0, 'time went back'


@pytest.mark.parametrize('down', [{'tilt': 1.35}, {'tilt': 0.45, 'height': 0.9}])
def test_a_fall_costs_once_until_upright_again(down):
    one = reward_of(progress_weight=0.0, tilt_weight=0.0, torque_weight=0.0)
    upright = {'tilt': 0.1}
    postures = [upright, upright, down, down, {'tilt': 0.9}, upright, down]
    assert [one.of(seen(**posture), 1) for posture in postures] == [
        0.0, 0.0, -100.0, 0.0, 0.0, 0.0, -100.0]


@pytest.mark.parametrize('changes', [
    {}, {'command': 'effort', 'torque_limits': [9.0] * 12, 'torque_rate_limits': [9.0] * 12,
         'damping': [1.0] * 12}])
def test_a_robot_of_any_command_has_a_reward_of_the_topics_that_it_names(changes):
    given = parameters.read([ROBOT_FILE.with_stem('quadruped')])
    config = build_part(RobotConfig, given)
    for each in (config, replace(config, **changes)):
        assert set(Reward(config.reward_terms, each).robot.topics) == {'imu', 'odom'}


def test_the_reward_needs_its_topics():
    config = robot_config()
    config = replace(config, inputs={t: a for t, a in config.inputs.items() if t != 'odom'})
    terms = build(RewardTerms, parameters.read([ROBOT_FILE])['reward_terms'])
    with pytest.raises(ConfigError, match='inputs.odom.timeout: the reward needs odom'):
        Reward(terms, config)
    for height, words in (('sonar.0', 'must .* not .sonar.0'), ('bogus', 'must .* not .bogus'),
                          ('scan.99', 'names scan.99, but rays is 10 ')):
        with pytest.raises(ConfigError, match=rf'reward_terms\.height {words}'):
            Reward(replace(terms, height=height), robot_config())
