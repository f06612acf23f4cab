"""The reward node against the environment's own reward."""

from conftest import ROBOT_FILE, robot_config
import numpy as np
import pytest
from rclpy.node import Node
from ros import make, process, ros, ros_arguments, spin_until, spinning

from dynsyn_ros import parameters, weights
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import topics
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.robot import Drive, Reward, RewardTerms, Robot
from dynsyn_ros.schema import ConfigError, build
from dynsyn_ros.simulation.bipedal_walker import ANATOMY, BipedalWalker
from dynsyn_ros.training.presets import TRAINED, read_preset


def policies():
    """Yield a trained walk and random flailing, each as a function of the readings."""
    robot = Robot(robot_config())
    learner = Learner(robot.layout, read_preset('default'), seed=0)
    weights.load(TRAINED, learner, robot)
    learner.learning = False
    observe, drive = robot.observer(ANATOMY.readings), Drive(robot.config, ANATOMY.readings)
    yield 'trained', 3, lambda readings: drive.torques(
        learner.step(observe(readings[np.newaxis]), np.zeros(1)), readings[np.newaxis])[0]
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
            ANATOMY.joints, walker.efforts.tolist(), strict=True)}
        seen = dict(zip(ANATOMY.readings, walker.readings.tolist(), strict=True))
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
    values = {'publish_reward': False, 'real_time_factor': 4.0, 'output_dir': tmp_path / 'out',
              'weights': TRAINED}
    own, told = [], []
    with ros(), process('nodes.reward_node', ros_arguments(**values)):
        simulator = make(
            SimulatorNode, lambda _: own.append(simulator._reward), **values)
        controller = make(ControllerNode, **values)
        listener = Node('listener')
        listener.create_subscription(
            topics.SENSORS['reward'], 'reward', lambda m: told.append(m.data), topics.QOS)
        with spinning(simulator, controller, listener) as executor:
            spin_until(executor, lambda: told, 'a reward')
            begun = len(own)
            controller.start()
            spin_until(executor, lambda: controller.steps > 500)
            assert simulator.count_publishers('reward') == 1
            controller.trigger_deactivate()
    # It may have missed a message or two of sensors while it woke up.
    assert sum(told) == pytest.approx(sum(own[begun:]), abs=3.0)
    assert np.ptp(told) > 0.5, 'it moves'


@pytest.mark.ros
def test_lock_step_needs_the_simulators_reward():
    with ros(), pytest.raises(ConfigError, match='publish_reward must be true with pace lockstep'):
        make(SimulatorNode, pace='lockstep', publish_reward=False)
