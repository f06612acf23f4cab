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

"""``dynsyn evaluate``: the return of trained weights over some episodes."""

from __future__ import annotations

import argparse
from pathlib import Path

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.pictures.film import Film
from dynsyn_ros.process import StopRequest
from dynsyn_ros.simulation.environments import ENVIRONMENTS
from dynsyn_ros.simulation.obstacles import Course
from dynsyn_ros.training.evaluation import describe, evaluate
from dynsyn_ros.training.presets import read_preset, read_robot
from tqdm import tqdm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('weights', type=Path, metavar='WEIGHTS', help='a weights file')
    shared_options.add_params_file(parser)
    parser.add_argument('--env-id', choices=ENVIRONMENTS, default=ENVIRONMENTS[0],
                        help='what is simulated (default: %(default)s)')
    parser.add_argument('--episodes', type=shared_options.count, default=100, metavar='N',
                        help='how many (default: %(default)s)')
    parser.add_argument('--seed', type=shared_options.seed, default=0, help=(
        'of the terrains, which no training has with any seed (default: %(default)s)'))
    parser.add_argument('--learn', action='store_true',
                        help='let the weights fluctuate and learn (default: frozen)')
    parser.add_argument('--preset', metavar='NAME', help=(
        'settings to learn with (default: those of the file, which for a fleet are too hasty for '
        'one walker alone)'))
    parser.add_argument('--gif', type=Path, metavar='FILE', help='film the last episode')


def main(options: argparse.Namespace) -> None:
    """Evaluate until done or stopped; raises :class:`ConfigError` for bad input."""
    stop = StopRequest()
    film = Film(options.gif) if options.gif else None
    course = Course()
    run = evaluate(
        options.weights, read_robot(options.params_file), options.env_id,
        options.seed, options.episodes, options.learn,
        read_preset(options.preset) if options.preset else None, film, course)
    episodes = []
    with tqdm(total=options.episodes, unit=' episodes', dynamic_ncols=True) as line:
        for episode in run:
            episodes.append(episode)
            line.set_postfix_str(f'return {episode.total:.1f}', refresh=False)
            line.update()
            if stop:
                break
    if film and len(episodes) == options.episodes:
        film.save()
    elif film:
        print(f'stopped before the last episode, the one to film: {options.gif} is not written')
    print(describe(episodes))
    if course.speeds:
        speeds = course.speeds
        print(f'speed: mean {sum(speeds) / len(speeds):.2f} m/s, least {min(speeds):.2f}, '
              f'most {max(speeds):.2f}')
    if any(course.met.values()):
        print(f'passed: {course}')
