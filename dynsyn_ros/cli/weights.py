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

"""``dynsyn weights``: the contents of a weights file, and the differences of two."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.settings.assets import find, WEIGHTS
from dynsyn_ros.settings.schema import ConfigError, cut
from dynsyn_ros.storage import weights
from dynsyn_ros.storage.folders import check_picture
from dynsyn_ros.storage.layers import layers
import numpy as np


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    show = actions.add_parser('show', help='print what a file holds', description=(
        'Print the robot and the run of a weights file, and a table of its layers.'))
    shared_options.add_weights(show, 'file', metavar='FILE', meaning='weights')
    show.add_argument('--picture', type=Path, metavar='PNG', help=(
        'draw the centre and amplitude of every synapse, with the names of inputs and joints'))
    diff = actions.add_parser('diff', help='print how two files differ', description=(
        'Print how far apart the centres and amplitudes of two weights files of one robot are.'))
    shared_options.add_weights(diff, 'file', metavar='A', meaning='weights')
    shared_options.add_weights(diff, 'other', metavar='B',
                               meaning='other weights of the same robot')


def main(options: argparse.Namespace) -> None:
    """Print a table of a weights file's layers, or of the differences of two."""
    if options.action == 'show' and options.picture:
        check_picture(options.picture, '.png')
    arrays, about = weights.read(find(WEIGHTS, options.file))
    if options.action == 'show':
        print('\n'.join(described(arrays, about)))
        if options.picture:
            from dynsyn_ros.figures import synapses  # noqa: PLC0415  a robot cannot draw

            synapses.draw(arrays, about, options.picture)
            print(f'\npicture: {options.picture}')
        return
    others, other_about = weights.read(find(WEIGHTS, options.other))
    key = weights.difference(other_about, about)
    if key:
        raise ConfigError(
            f'{options.other} holds weights of another robot than {options.file}: its {key} is '
            f'{cut(other_about[key])}, not {cut(about[key])}')
    if others['centre'].shape != arrays['centre'].shape:
        raise ConfigError(f'{options.other} holds {len(others["centre"])} sets of '
                          f'{others["centre"].shape[1]} synapses, but {options.file} holds '
                          f'{len(arrays["centre"])} of {arrays["centre"].shape[1]}')
    print('\n'.join(compared(arrays, others, about)))


def described(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> list[str]:
    """Describe a file: its robot, its run and its layers."""
    learners = len(arrays['gain'])
    lines = [
        f'{about["robot"]}: {len(about["joints"])} joints, {len(about["observations"])} '
        f'observations, {learners} learner{"s" if learners > 1 else ""}, '
        f'{len(arrays["centre"])} set{"s" if len(arrays["centre"]) > 1 else ""} of synapses',
        f'gains of layer 2: {arrays["gain"].min():.3g} to {arrays["gain"].max():.3g}; '
        f'annealing clock: {arrays["clock"].mean():.4g} of reward',
        f'made by: {run_of(about)}',
        '',
        f'{"":28} {"synapses":>8} {"|C| mean":>9} {"|C| max":>9} {"A mean":>9} {"A max":>9}',
    ]
    for layer in layers(arrays, about):
        centre = np.abs(arrays['centre'][:, layer.synapses])
        amplitude = arrays['amplitude'][:, layer.synapses]
        lines.append(f'{layer.title:28} {centre.shape[1]:8} {centre.mean():9.4f} '
                     f'{centre.max():9.4f} {amplitude.mean():9.4f} {amplitude.max():9.4f}')
    return lines


def compared(
    arrays: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray], about: Mapping[str, Any]
) -> list[str]:
    """Describe how far apart the centres are, absolutely and in amplitudes of the first file."""
    lines = [f'{"":28} {"mean":>9} {"max":>9} {"in amplitudes":>14} {"A, B over A":>12}']
    for layer in layers(arrays, about):
        part = layer.synapses
        shift = np.abs(others['centre'][:, part] - arrays['centre'][:, part])
        first, second = (a['amplitude'][:, part].mean() for a in (arrays, others))
        scale = f'{shift.mean() / first:14.2f}' if first else f'{"-":>14}'
        share = f'{second / first:12.2f}' if first else f'{"-":>12}'
        lines.append(f'{layer.title:28} {shift.mean():9.4f} {shift.max():9.4f} {scale} {share}')
    return lines


def run_of(about: Mapping[str, Any]) -> str:
    """Describe the run that made a file."""
    made_by = dict(about['made_by'])
    task = made_by.pop('task', None)
    if isinstance(task, dict):
        kept = ('env_id', 'simulator', 'learners', 'shared', 'separate', 'seed')
        made_by |= {key: task[key] for key in kept if key in task}
    return json.dumps(made_by)
