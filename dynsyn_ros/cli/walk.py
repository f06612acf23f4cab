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
from contextlib import ExitStack
from pathlib import Path
import sys

from dynsyn_ros.cli import dashboard
from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.nodes import domains, run
from dynsyn_ros.nodes.config import LOCKSTEP, REALTIME
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.recorder import RecorderNode
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.pictures.curves import draw_learning_curve
from dynsyn_ros.pictures.film import Film
from dynsyn_ros.process import StopRequest
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.assets import preset_file, TRAINED
from dynsyn_ros.settings.files import new_folder
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import ENVIRONMENTS
from dynsyn_ros.simulation.plant import Plant
from dynsyn_ros.storage.episodes import CURVE_FILE, EpisodeLog, EPISODES_FILE, whole_rows, WINDOW
from dynsyn_ros.storage.folders import Claim, WALK
from dynsyn_ros.storage.weights import WEIGHTS_FILE
from rclpy.executors import Executor
from tqdm import tqdm

#: How often the live line is written, s.
LINE_PERIOD = 0.5
#: How often it is said that the log cannot be written, s.
WARNING_PERIOD = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; what is not said comes from the parameter files."""
    parser.epilog = 'what follows --ros-args is for ROS: remaps, parameters, log levels'
    shared_options.add_params_file(parser)
    shared_options.add_preset(parser)
    parser.add_argument('--env-id', choices=ENVIRONMENTS, help='what is simulated')
    parser.add_argument('--steps', type=int, dest='max_steps', metavar='N',
                        help='stop after so many steps (default: go on until Ctrl-C)')
    parser.add_argument('--seed', type=int, help='of the random streams')
    parser.add_argument('--weights', metavar='FILE', default=str(TRAINED), help=(
        'weights to start from, or none to start untrained (default: those that ship)'))
    parser.add_argument('--frozen', action='store_true',
                        help='rest all weights at their centres and learn nothing')
    parser.add_argument('--pace', choices=(REALTIME, LOCKSTEP), default=LOCKSTEP,
                        help='realtime keeps to the clock, lockstep is as fast as the machine '
                             '(default: %(default)s)')
    parser.add_argument('--real-time-factor', type=float,
                        help='simulated seconds per second, with --pace realtime')
    parser.add_argument('--output', type=Path, metavar='DIR',
                        help='folder for weights, checkpoints, episodes and curve; a walk that is '
                             'there goes on (default: a new one in runs)')
    parser.add_argument(domains.SHARED, action='store_true', help=(
        'walk where all see it, in the ROS_DOMAIN_ID of the environment, as with a namespace '
        '(default: in a domain of its own, so that no other robot is in the way)'))
    parser.add_argument('--record', type=Path, metavar='FILE.mcap',
                        help='record every topic into a new file, for dynsyn replay and whatever '
                             'reads MCAP')
    parser.add_argument('--gif', type=Path, metavar='FILE',
                        help='film the last half minute of the run')
    parser.add_argument('--dashboard', action='store_true',
                        help='show the walk on a local web page, opened in a browser')


def main(options: argparse.Namespace) -> None:
    """Walk until the steps are taken or Ctrl-C; raises :class:`ConfigError` for bad input."""
    files = (options.params_file, preset_file(options.preset))
    parameters.read(files)  # says what is wrong with a file more plainly than ROS does
    output = options.output or new_folder('walk')
    changed = {
        'env_id': options.env_id,
        'max_steps': options.max_steps,
        'seed': options.seed,
        'weights': options.weights,
        'learning': False if options.frozen else None,
        'pace': options.pace,
        'real_time_factor': options.real_time_factor,
        'output_dir': str(output),
    }
    arguments = run.ros_arguments(
        files, {name: value for name, value in changed.items() if value is not None})
    with ExitStack() as stack:
        if not (options.shared_domain or domains.namespaced(options.ros_arguments)):
            stack.enter_context(domains.own_domain(output))
        stop = stack.enter_context(run.session([*arguments, *options.ros_arguments]))
        if options.dashboard:
            stack.enter_context(dashboard.beside(options.ros_arguments))
        _walk(stop, output, options.gif, options.record, watched=options.dashboard)
    print(f'{output}: {WEIGHTS_FILE}, {EPISODES_FILE}, {CURVE_FILE}')


def _walk(stop: StopRequest, output: Path, gif: Path | None, record: Path | None, *,
          watched: bool) -> None:
    """Spin the nodes, with a live line, until stopped or finished; then write what is to stay."""

    def after_step(walker: Plant) -> None:
        if walker.episode is not None:
            try:
                log.add(0, walker.episode, begun + simulator.steps)
            except ConfigError as error:
                simulator.get_logger().warning(
                    f'{error}; it walks on', throttle_duration_sec=WARNING_PERIOD)
        if film:
            film.add(walker, simulator.max_steps - simulator.steps if simulator.max_steps else 0)

    recorder = RecorderNode(record) if record else None
    simulator = SimulatorNode(after_step)
    controller = ControllerNode()
    env_id = simulator.get_parameter('env_id').value
    if not watched:
        print(f'to watch it: {dashboard.command(simulator.get_namespace())}, or the tools of ROS '
              f'with {domains.DOMAIN}={domains.of_environment()}', file=sys.stderr)
    film = Film(gif) if gif else None
    with run.executor_of([*filter(None, [recorder]), simulator, controller]) as executor:
        controller.start()
        # The controller's until now; ours too until all is written.
        claim = Claim(output, WALK)
        log = EpisodeLog(output / EPISODES_FILE, go_on_from=whole_rows(output / EPISODES_FILE))
        begun, simulator.episodes = log.steps, log.episodes[0]
        try:
            _spin(stop, simulator, controller, executor, log)
        finally:
            controller.stop()
            if recorder:
                run.settle(executor)
                recorder.close()
    log.close()
    draw_learning_curve(output / EPISODES_FILE, output / CURVE_FILE, f'{env_id}, {output.name}')
    claim.release()
    if film:
        film.save()


def _spin(
    stop: StopRequest,
    simulator: SimulatorNode,
    controller: ControllerNode,
    executor: Executor,
    log: EpisodeLog,
) -> None:
    """Spin with a live line until stopped or finished."""
    with tqdm(total=simulator.max_steps or None, unit=' steps', mininterval=LINE_PERIOD,
              dynamic_ncols=True) as line:

        def done() -> bool:
            ended = bool(stop) or simulator.finished
            if ended or simulator.steps - line.n >= line.miniters:
                line.set_postfix_str(_status(log, controller), refresh=False)
                line.update(simulator.steps - line.n)
            return ended

        run.spin(executor, done)


def _status(log: EpisodeLog, controller: ControllerNode) -> str:
    amplitude = f'amplitude {controller.learner.mean_amplitude:.4f}'
    (mean,) = log.means()
    episode = f'episode {log.episodes[0] + 1}'
    if mean is None:
        return f'{episode}, {amplitude}'
    return f'{episode}, mean of {WINDOW} {mean:.1f}, {amplitude}'
