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

"""``dynsyn replay``: replay a recorded run and compare it with the recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli.progress import over
from dynsyn_ros.learner import Learner, LearnerConfig
from dynsyn_ros.nodes.config import ControllerConfig, SharedConfig
from dynsyn_ros.robot import Robot, RobotConfig
from dynsyn_ros.robot.control_loop import ControlLoop
from dynsyn_ros.robot.replay import HUMAN_REWARD, PARAMETER_EVENTS, Replay
from dynsyn_ros.robot.robot import ALL
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import find, PRESET, pretrained, ROBOT, UNTRAINED, weights_path
from dynsyn_ros.settings.schema import build, build_part, ConfigError
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.checkpoint_manager import LAST_STEP
from dynsyn_ros.storage.recordings import recording

#: Parameters of a controller that a file may lack, as a launch may give them; no step needs them.
UNUSED = {'weights': UNTRAINED, 'output_dir': '', 'autostart': True}
#: Topics that a recording may lack.
OPTIONAL = (HUMAN_REWARD, PARAMETER_EVENTS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options: those that the controller was started with."""
    parser.add_argument('recording', type=Path, metavar='BAG',
                        help='a folder from ros2 bag, or a file from dynsyn walk --record')
    shared_options.add_params_file(parser)
    shared_options.add_preset(parser)
    parser.add_argument('--seed', type=shared_options.seed, help=(
        'seed of the random streams of a run that started without weights'))
    shared_options.add_weights(
        parser, '--weights', metavar='FILE', meaning='weights that the run started from, or none',
        without='the pretrained weights of the robot, if there are any')
    parser.add_argument('--frozen', action='store_true', help='the run did not learn')
    parser.add_argument('--after', type=Path, metavar='CHECKPOINT', help=(
        'begin after this checkpoint of the run, if the recording began late'))
    parser.add_argument('--namespace', default='',
                        help='namespace of the robot in the recording, for example /left')
    parser.add_argument('--remap', action='append', default=[], type=_remap,
                        metavar='TOPIC:=RECORDED', help=(
        'remapping of a topic in the recording, for example '
        'joint_torques:=effort_controller/commands; may be repeated'))
    shared_options.add_quiet(parser)


def main(options: argparse.Namespace) -> None:
    """Replay; raises :class:`ConfigError` at the first message that differs."""
    if options.after:
        shared_options.refuse_given(
            options, ('weights', 'seed').__contains__,
            'the checkpoint of --after has its own weights and random streams')
    values = parameters.read([find(ROBOT, options.params_file), find(PRESET, options.preset)])
    overrides = {'seed': options.seed, 'learning': False if options.frozen else None}
    values |= {name: value for name, value in overrides.items() if value is not None}
    robot = Robot(build_part(RobotConfig, values))
    if robot.config.trigger != ALL:
        raise ConfigError(
            f'with trigger: {robot.config.trigger}, a controller steps by its clock, which no '
            'recording holds: only a run with trigger: all can be replayed')
    config = build(LearnerConfig, values.get('learner', {}), 'learner.')
    learning = build_part(ControllerConfig, {**UNUSED, **values}).learning
    learner = Learner(robot.layout, config, build_part(SharedConfig, values).seed)
    after = arrays = None
    if options.after:
        arrays, about = weights.read(
            options.after, {**learner.contents, **ControlLoop(robot, learner).contents}, robot)
        learner.restore(arrays)
        after = about['made_by'].get(LAST_STEP)
        if after is None or not {'moved', 'sent_action'} <= arrays.keys():
            raise ConfigError(f'{options.after} does not say when its learner took its last step')
    elif (file := weights_path(options.weights or pretrained(robot.config.robot))) != (
            UNTRAINED):
        shared_options.refuse_given(
            options, 'seed'.__eq__, 'weights have their own random streams; give --weights none '
            'for a run that started without')
        weights.load(Path(file), learner, robot)
    learner.learning = learning
    replay = Replay(robot, learner, values, after, arrays, _full(options, 'controller'))
    names = {_full(options, topic): topic for topic in _topics(options, replay)}
    with recording(options.recording) as recorded:
        missing = {name for name, topic in names.items() if topic not in OPTIONAL}
        missing -= recorded.topics
        if missing:
            raise ConfigError(
                f'{options.recording} lacks {", ".join(sorted(missing))}: it has '
                f'{", ".join(sorted(recorded.topics)) or "no topic"}')
        for message in over(recorded.messages(names), 'messages', quiet=options.quiet):
            difference = replay.put(message)
            if difference:
                raise ConfigError(f'after {replay.steps} steps that agree: {difference}')
    if not replay.begun:
        raise ConfigError(
            f'{options.recording} does not hold the last step before {options.after}')
    if not replay.steps:
        raise ConfigError(f'{options.recording} holds no step of the learner'
                          + (f' after {options.after}' if options.after else '')
                          + (f': {replay.refusal}' if replay.refusal else ''))
    print(f'{replay.steps} steps agree bit for bit; commands of zero torque while the controller '
          f'halted: {replay.halts}')
    if recorded.cut_off:
        print(f'{options.recording} was cut off: this covers it up to its last whole message')


def _topics(options: argparse.Namespace, replay: Replay) -> list[str]:
    """List the topics that a replay reads; raises :class:`ConfigError` if others are remapped."""
    topics = [*replay.topics, *OPTIONAL]
    for topic, _ in options.remap:
        if topic not in topics:
            raise ConfigError(f'--remap names {topic}, which no step needs: there are '
                              f'{", ".join(sorted(topics))}')
    return topics


def _full(options: argparse.Namespace, topic: str) -> str:
    """Return the full name of a topic in the recording."""
    name = dict(options.remap).get(topic, topic)
    return name if name.startswith('/') else f'{options.namespace.rstrip("/")}/{name}'


def _remap(text: str) -> tuple[str, str]:
    """Read the remapping of a topic."""
    topic, separator, recorded = text.partition(':=')
    if not (topic and separator and recorded):
        raise argparse.ArgumentTypeError(f'must be TOPIC:=RECORDED, not {text}')
    return topic, recorded
