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
from collections.abc import Mapping
from typing import Any

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli import simulated
from dynsyn_ros.cli.closing import counted, said
from dynsyn_ros.cli.progress import Progress
from dynsyn_ros.pictures.film import Film
from dynsyn_ros.process import StopRequest
from dynsyn_ros.settings.assets import find, WEIGHTS
from dynsyn_ros.settings.files import strict_json
from dynsyn_ros.simulation.obstacles import Course
from dynsyn_ros.training.evaluation import evaluate, summary
from dynsyn_ros.training.presets import env_id_of, read_preset, read_robot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    shared_options.add_weights(parser, 'weights', metavar='WEIGHTS', meaning='weights to measure')
    simulated.add_robot(parser)
    parser.add_argument('--episodes', type=shared_options.count, default=100, metavar='N',
                        help='number of episodes (default: %(default)s)')
    parser.add_argument('--seed', type=shared_options.seed, default=0, help=(
        'seed of the terrains, which differ from those of any training (default: %(default)s)'))
    parser.add_argument('--learn', action='store_true',
                        help='let the weights fluctuate and learn (default: frozen)')
    shared_options.add_preset(parser, None, 'with --learn: settings to learn with',
                              'those of the weights file')
    parser.add_argument('--json', action='store_true',
                        help='print the result as JSON, with the return of each episode')
    shared_options.add_video(parser, 'film the last episode')
    shared_options.add_quiet(parser)


def main(options: argparse.Namespace) -> None:
    """Evaluate until done or stopped; raises :class:`ConfigError` for bad input."""
    if not options.learn:
        shared_options.refuse_given(
            options, 'preset'.__eq__, 'without --learn, the settings are from the weights file')
    stop = StopRequest()
    film = Film(options.video) if options.video else None
    course = Course()
    file = find(WEIGHTS, options.weights)
    env_id = options.env_id or env_id_of(options.params_file)
    run = evaluate(
        file, read_robot(options.params_file), env_id, options.seed, options.episodes,
        options.learn, read_preset(options.preset) if options.preset else None, film, course)
    episodes = []
    with Progress(options.episodes, 'episodes', options.quiet) as line:
        for episode in run:
            episodes.append(episode)
            line.show(len(episodes), lambda: [
                f'mean {sum(each.total for each in episodes) / len(episodes):.1f}',
                f'last {episodes[-1].total:.1f}'])
            if stop:
                break
    done = len(episodes) == options.episodes
    found = summary(episodes, course)
    if film and done:
        film.save()
    if options.json:
        print(strict_json({
            'weights': str(file), 'env_id': env_id, 'seed': options.seed,
            'learning': options.learn, 'interrupted': not done, **found}, 1))
        return
    print(said(
        '' if done else
        f'interrupted after {len(episodes):,} of {counted(options.episodes, "episode")}',
        describe(found),
        f'speed: mean {sum(course.speeds) / len(course.speeds):.2f} m/s, least '
        f'{min(course.speeds):.2f}, most {max(course.speeds):.2f}' if course.speeds else '',
        f'passed: {course}' if any(course.met.values()) else '',
        '' if film is None else f'film: {options.video}' if done else
        f'{options.video} is not written: it would show the last episode'))


def describe(found: Mapping[str, Any]) -> str:
    """Put a :func:`summary` into words."""
    low, median, high = found['quartiles']
    spread = '-' if found['sd'] is None else f'{found["sd"]:.1f}'
    return (
        f'{counted(found["episodes"], "episode")}: mean {found["mean"]:.1f}, SD {spread}, '
        f'quartiles {low:.1f} {median:.1f} {high:.1f}, least {found["least"]:.1f}, '
        f'most {found["most"]:.1f}; {counted(found["falls"], "fall")}; '
        f'{found["mean_steps"]:.0f} steps on average')
