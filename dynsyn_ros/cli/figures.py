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

"""``dynsyn figures``: figures of the paper and of adaptation, from runs of this package."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
import shutil

from dynsyn_ros.cli import adaptation
from dynsyn_ros.cli import options as shared_options
from dynsyn_ros.cli.closing import files_of
from dynsyn_ros.cli.progress import over
from dynsyn_ros.figures import learning, oscillator, rule
from dynsyn_ros.settings.files import check_folder, opened, replaced
from dynsyn_ros.storage.folders import check_no_run
from dynsyn_ros.training import sweep
from dynsyn_ros.training.presets import read_preset

#: The default preset of the paper's figures.
PAPER_PRESET = 'authors'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    kinds = parser.add_subparsers(dest='kind', required=True, metavar='KIND')
    paper = kinds.add_parser('paper', help='figures of the paper', description=(
        'Draw the figures of the paper: 1 to 7 show the rule and the oscillators, the others are '
        'drawn from runs.'))
    shared_options.add_preset(
        paper, PAPER_PRESET, 'settings of the learner, for Fig. 1 to 7', PAPER_PRESET)
    paper.add_argument('--training', type=Path, metavar='DIR',
                       help='folder of dynsyn train, for Fig. 8 to 10')
    paper.add_argument('--ablation', type=Path, metavar='DIR',
                       help='folder of dynsyn sweep, for Fig. 11')
    changed = kinds.add_parser('adaptation', help='return of a robot that changes', description=(
        'Change a robot while it walks, and draw its return over time with learning on and off.'))
    adaptation.add_arguments(changed)
    for kind in (paper, changed):
        kind.add_argument('--output', type=Path, default=Path('figures'), metavar='DIR',
                          help='folder for the pictures (default: %(default)s)')
        shared_options.add_quiet(kind)


def main(options: argparse.Namespace) -> None:
    """Draw what can be drawn; raises :class:`ConfigError` for bad input."""
    check_no_run(options.output, 'the figures')
    if options.kind == 'adaptation':
        adaptation.main(options)
    else:
        _draw_paper(options)


def _draw_paper(options: argparse.Namespace) -> None:
    config = read_preset(options.preset)
    figures: dict[str, Callable[[Path], None]] = {}
    # The figures of runs come first, so that a folder without a run is refused at once.
    if options.training:
        figures |= {
            'figure_8': partial(learning.figure_8, options.training),
            'figure_9': partial(learning.figure_9, options.training),
            'figure_10': partial(learning.figure_10, options.training),
        }
    if options.ablation:
        figures['figure_11'] = partial(_copy, options.ablation / sweep.CURVES)
    figures |= {
        'figure_1': partial(rule.figure_1, config),
        'figure_2': partial(rule.figure_2, config),
        'figure_3': partial(rule.figure_3, config),
        'figure_6': partial(oscillator.figure_6, config),
        'figure_7': partial(oscillator.figure_7, config),
    }
    check_folder(options.output)
    for name, draw in over(figures.items(), 'figures', len(figures), options.quiet):
        draw(options.output / f'{name}.png')
    print(files_of(options.output, (f'{name}.png' for name in figures)))


def _copy(picture: Path, path: Path) -> None:
    """Copy the picture that a sweep has drawn of its settings, which is Fig. 11."""
    with opened(picture) as source, replaced(path) as file:
        shutil.copyfileobj(source, file)
