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

"""``dynsyn walk``: simulator and controller in one process and one executor, over real topics."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
import sys

from dynsyn_ros.cli import dashboard, simulated
from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli.closing import command, counted, files_of, given, said
from dynsyn_ros.cli.progress import Progress
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import domains, run
from dynsyn_ros.nodes.config import LOCKSTEP, REALTIME
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.recorder import RecorderNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.pictures.curves import draw_learning_curve
from dynsyn_ros.pictures.film import Film
from dynsyn_ros.process import StopRequest
from dynsyn_ros.robot import Robot, RobotConfig
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import (
    find,
    PRESET,
    pretrained,
    SIMULATED,
    UNTRAINED,
    weights_path,
)
from dynsyn_ros.settings.files import new_folder, whole_length
from dynsyn_ros.settings.schema import build_part, ConfigError
from dynsyn_ros.simulation.environments import SOLVED_AT
from dynsyn_ros.simulation.plant import Plant
from dynsyn_ros.storage import checkpoints, weights
from dynsyn_ros.storage.episodes import CURVE_FILE, EpisodeLog, EPISODES_FILE
from dynsyn_ros.storage.folders import Claim, WALK
from dynsyn_ros.storage.weights import WEIGHTS_FILE
from rclpy.executors import Executor

#: Time between two warnings that the log cannot be written, s.
WARNING_PERIOD = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; those not given come from the parameter files."""
    parser.epilog = 'what follows --ros-args is for ROS: remaps, parameters, log levels'
    simulated.add_robot(parser)
    shared_options.add_preset(parser)
    parser.add_argument('--steps', type=shared_options.count, dest='max_steps', metavar='N',
                        help='stop after this many steps (default: until Ctrl-C)')
    parser.add_argument('--seed', type=shared_options.seed, help='seed of the random streams')
    shared_options.add_weights(
        parser, '--weights', metavar='FILE', meaning='weights to start from, or none to start '
        'untrained', without='the pretrained weights of the robot, if there are any')
    parser.add_argument('--frozen', action='store_true',
                        help='keep all weights at their centres and learn nothing')
    parser.add_argument('--pace', choices=(REALTIME, LOCKSTEP), default=LOCKSTEP,
                        help='realtime follows the clock, lockstep runs as fast as the machine '
                             'can (default: %(default)s)')
    parser.add_argument('--real-time-factor', type=float, metavar='FACTOR',
                        help='simulated seconds per second, with --pace realtime')
    parser.add_argument('--output', type=Path, metavar='DIR',
                        help='folder for weights, checkpoints, episodes and curve; if it holds a '
                             'walk, that is continued (default: a new one in runs)')
    parser.add_argument(domains.SHARED, action='store_true', help=(
        'use the ROS_DOMAIN_ID of the environment, so that other programs see the walk, as with '
        'a namespace (default: use a separate domain, so that no other robot interferes)'))
    parser.add_argument('--record', type=Path, metavar='FILE.mcap',
                        help='record every topic into a new file, for dynsyn replay and any other '
                             'reader of MCAP')
    shared_options.add_video(parser, 'film the last half minute of the run')
    parser.add_argument('--dashboard', action='store_true',
                        help='show the walk on a local web page, opened in a browser')
    shared_options.add_quiet(parser)


def main(options: argparse.Namespace) -> None:
    """Walk for the given steps or until Ctrl-C; raises :class:`ConfigError` for bad input."""
    if options.pace != REALTIME:
        shared_options.refuse_given(
            options, 'real_time_factor'.__eq__, 'it is for --pace realtime')
    output = options.output or new_folder('walk')
    files = (find(SIMULATED, options.params_file), find(PRESET, options.preset))
    values = parameters.read(files)  # its errors are clearer than those of ROS
    start = weights_path(options.weights or pretrained(str(values.get('robot'))))
    earlier = checkpoints.numbered(output)
    if earlier:
        _check_robot(earlier, Robot(build_part(RobotConfig, values)))
        shared_options.refuse_given(
            options, 'weights'.__eq__, f'the walk in {output} is continued from its checkpoint')
    elif start != UNTRAINED:
        weights.read_about(Path(start))  # before anything is compiled
    changed = {
        'env_id': options.env_id,
        'max_steps': options.max_steps,
        'seed': options.seed,
        'weights': start,
        'learning': False if options.frozen else None,
        'pace': options.pace,
        'real_time_factor': options.real_time_factor,
        'output_dir': str(output),
    }
    arguments = run.ros_arguments(
        files, {name: value for name, value in changed.items() if value is not None})
    if options.quiet:
        arguments += ['--log-level', 'warn']
    with ExitStack() as stack:
        if not (options.shared_domain or domains.namespaced(options.ros_arguments)):
            stack.enter_context(domains.own_domain(output))
        stop = stack.enter_context(run.session([*arguments, *options.ros_arguments]))
        if options.dashboard:
            stack.enter_context(dashboard.beside(options.ros_arguments))
        happened, filmed = _walk(stop, output, options)
    same = given(options, 'params_file', 'env_id')
    print(said(
        happened,
        files_of(output),
        f'recording: {options.record}' if options.record else '',
        f'film: {options.video}' if filmed else '',
        'measure it with: ' + command('evaluate', output / WEIGHTS_FILE, *same),
        'continue with: ' + command(
            'walk', '--output', output, *same, *given(options, 'preset'),
            *(['--frozen'] if options.frozen else []))))


def _check_robot(earlier: Sequence[Path], robot: Robot) -> None:
    """Refuse to continue the walk of another robot, by the newest readable checkpoint."""
    for file in earlier:
        try:
            about = weights.read_about(file)
        except ConfigError:  # the controller will report it and try the one before
            continue
        try:
            weights.check_robot(file, about, robot)
        except weights.AnotherRobot as error:
            raise ConfigError(f'{error}; continue its walk with the --params-file of that robot, '
                              'or choose another --output') from error
        return


def _walk(stop: StopRequest, output: Path, options: argparse.Namespace) -> tuple[str, bool]:
    """
    Spin the nodes, with a live line, until stopped or finished; then write the results.

    Returns what happened, in words, and whether a film was written.
    """

    def after_step(walker: Plant) -> None:
        if walker.episode is not None:
            try:
                log.add(0, walker.episode, begun + simulator.steps)
            except ConfigError as error:
                simulator.get_logger().warning(
                    f'{error}; the walk continues', throttle_duration_sec=WARNING_PERIOD)
        if film:
            film.add(walker, simulator.max_steps - simulator.steps if simulator.max_steps else 0)

    film = Film(options.video) if options.video else None
    recorder = RecorderNode(options.record) if options.record else None
    simulator = SimulatorNode(after_step)
    if film:
        film.begin(simulator.walker)
    controller = ControllerNode()
    env_id = simulator.get_parameter('env_id').value
    if not (options.dashboard or options.quiet):
        print(f'to watch it: {dashboard.command(simulator.get_namespace())}, or use the tools of '
              f'ROS with {domains.DOMAIN}={domains.of_environment()}', file=sys.stderr)
    with run.executor_of([*filter(None, [recorder]), simulator, controller]) as executor:
        controller.start()
        learner = controller.learner  # the node drops it when it ends
        if learner is None:
            raise ConfigError('autostart must be true for dynsyn walk; ros2 launch starts a '
                              'controller that waits for its transitions')
        # Until now only the controller has claimed the folder; we keep it until all is written.
        claim = Claim(output, WALK)
        log = EpisodeLog(output / EPISODES_FILE, go_on_from=whole_length(output / EPISODES_FILE))
        begun, simulator.episodes = log.steps, log.episodes[0]
        try:
            _spin(stop, simulator, learner, executor, log, options.quiet)
        finally:
            controller.stop()
            if recorder:
                run.settle(executor)
                recorder.close()
    log.close()
    draw_learning_curve(
        output / EPISODES_FILE, output / CURVE_FILE, f'{env_id}, {output.name}', 1, True,
        SOLVED_AT.get(env_id))
    claim.release()
    filmed = film is not None and film.save()
    ended = 'finished' if simulator.finished else 'interrupted'
    return (f'{ended} after {simulator.steps:,} steps: {", ".join(_status(log, learner))}',
            filmed)


def _spin(
    stop: StopRequest,
    simulator: SimulatorNode,
    learner: Learner,
    executor: Executor,
    log: EpisodeLog,
    quiet: bool,
) -> None:
    """Spin with a live line until stopped or finished."""
    with Progress(simulator.max_steps or None, 'steps', quiet) as line:

        def done() -> bool:
            ended = bool(stop) or simulator.finished
            line.show(simulator.steps, lambda: _status(log, learner), last=ended)
            return ended

        run.spin(executor, done)


def _status(log: EpisodeLog, learner: Learner) -> list[str]:
    """Describe the state of the learner, most important first."""
    (mean,) = log.means
    return [
        'no episode has ended' if mean.value is None else f'mean of {mean.of}: {mean.value:.1f}',
        counted(log.episodes[0], 'episode'), f'amplitude {learner.mean_amplitude:.4f}']
