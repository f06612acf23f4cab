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

"""
Weights files: a learner's whole state and its robot, in one ``.npz`` that is read without pickle.

A file holds the arrays of :meth:`Learner.snapshot` and ``about``, a JSON text: the format, the
robot's name, joints and observations, the sizes of its network, the preset, and the run that made
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
import json
from pathlib import Path
from typing import Any

from dynsyn_ros.learner import contents as learner_contents
from dynsyn_ros.learner import Layout, Learner, learnt
from dynsyn_ros.robot import Robot
from dynsyn_ros.settings.arrays import ArraySpec, Contents, Mismatch
from dynsyn_ros.settings.files import opened, replaced
from dynsyn_ros.settings.schema import ConfigError, cut
from dynsyn_ros.storage.archive import Archive, Damaged
import numpy as np

FORMAT, FORMER = 'dynsyn_ros weights 5', 'dynsyn_ros weights 4'
#: Arrays that had other names in files of each format.
_RENAMED = {
    FORMAT: {'usual_reward': 'long_term_reward'},
    FORMER: {'turn_sine': 'step_sine', 'turn_cosine': 'step_cosine', 'reserve': 'normals',
             'drawn': 'next_normal', 'experience': 'clock', 'first_centre': 'initial_centre'}}
#: The name of a weights file in the folder of a run.
WEIGHTS_FILE = 'weights.npz'
_ABOUT = 'about'
_ABOUT_CONTENTS = {_ABOUT: ArraySpec(np.dtype((np.str_, 1_000_000)), ())}
#: The sizes of the network in a file; files of format 4 and early files of 5 lack them.
SIZES = ('states', 'ranges', 'actions', 'hidden', 'oscillators')
_MOST = 1_000_000
#: What must agree between a file and the robot it is loaded for; early files lack the command.
IDENTITY = ('robot', 'joints', 'observations', 'command')


class AnotherRobot(ConfigError):
    """A readable file of a robot with another name, joints, observations, command or network."""


def pack(
    learner: Learner,
    robot: Robot,
    made_by: Mapping[str, Any],
    member: int | None = None,
    beside: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """
    Copy the contents of a weights file, so that it can be written while the learner continues.

    With ``member``, the index of a learner, only that one is copied. The arrays ``beside`` go into
    the same file as the learner's.
    """
    about = {
        'format': FORMAT,
        **_identity(robot),
        'layout': _sizes(learner.layout),
        'learner': asdict(learner.config),
        'made_by': dict(made_by),
    }
    return {**learner.snapshot(member), **(beside or {}), _ABOUT: np.array(json.dumps(about))}


def write(path: Path | str, packed: Mapping[str, np.ndarray]) -> None:
    """
    Write a weights file; no file is ever half written.

    Raises :class:`ConfigError` if it cannot be written; an existing file is then left unchanged.
    """
    with replaced(Path(path)) as file:
        np.savez_compressed(file, **packed)


def load(path: Path | str, learner: Learner, robot: Robot) -> dict[str, Any]:
    """
    Restore a learner from a weights file; returns what the file says about itself.

    Raises :class:`ConfigError`, with the learner unchanged, if the file cannot be read, is not a
    weights file, or belongs to another robot or another number of learners.
    """
    arrays, about = read(path, learner.contents, robot)
    learner.restore(arrays)
    return about


def initialise_from(path: Path | str, learner: Learner, robot: Robot) -> None:
    """
    Start every learner from what the single learner of a weights file has learnt.

    Raises :class:`ConfigError`, with the learners unchanged, as :func:`load` does.
    """
    learner.initialise_from(read_learnt(path, robot))


def read_learnt(path: Path | str, robot: Robot) -> dict[str, np.ndarray]:
    """Read what the single learner of a weights file has learnt; raises as :func:`load` does."""
    arrays, _ = read(path, learnt(robot.layout), robot)
    return arrays


def check_robot(path: Path | str, about: Mapping[str, Any], robot: Robot) -> None:
    """Raise :class:`AnotherRobot` if what a file says about itself is of another robot."""
    mine = {**_identity(robot), 'layout': _sizes(robot.layout)}
    key = difference(about, mine)
    if key:
        raise AnotherRobot(
            f'{path} holds weights of another robot: its {key} is {cut(about[key])}, '
            f'here it is {cut(mine[key])}')


def difference(about: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Return what differs first between two robots, of that which both descriptions give."""
    for key in (*IDENTITY, 'layout'):
        if None not in (about.get(key), other.get(key)) and about[key] != other[key]:
            return key
    return None


def _identity(robot: Robot) -> dict[str, Any]:
    return {key: getattr(robot.config, key) for key in IDENTITY}


def _sizes(layout: Layout) -> dict[str, int]:
    return {name: getattr(layout, name) for name in SIZES}


def read(
    path: Path | str, contents: Contents | None = None, robot: Robot | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """
    Read the arrays of a file, and what the file says about itself.

    The arrays must match ``contents``, or, if it is None, be those of any number of learners of
    any size. With ``robot``, the file must also be of that robot. Raises :class:`ConfigError` if
    it is not so, or if the file cannot be read or is not a weights file.
    """
    with _opened(path) as (archive, about):
        if robot:
            check_robot(path, about, robot)
        arrays = archive.read(contents or _own_contents(archive, about))
        if about['format'] == FORMER and 'clock' in arrays:
            # The former clock summed the reward of a step times its milliseconds.
            arrays['clock'] = arrays['clock'] / about['time_step']
        return arrays, about


def read_about(path: Path | str) -> dict[str, Any]:
    """
    Read only what a file says about itself; raises as :func:`read` does.

    For a file of the former format, the settings of the learner are None: they no longer apply.
    """
    with _opened(path) as (_, about):
        return about


@contextmanager
def _opened(path: Path | str) -> Iterator[tuple[Archive, dict[str, Any]]]:
    """Open a weights file; any fault becomes a :class:`ConfigError`."""
    path = Path(path)
    if path.is_dir():
        raise ConfigError(f'{path} is a folder: name a weights file, as {path / WEIGHTS_FILE} is '
                          'after a training or a walk')
    with opened(path) as file:
        try:
            archive = Archive(file)
            yield archive, _about(archive)
        except Damaged as error:
            raise ConfigError(f'{path} is not a weights file, or is damaged') from error
        except _NotOurs as error:
            raise ConfigError(
                f'{path} is not a weights file of this program ({FORMAT})') from error
        except Mismatch as error:
            raise ConfigError(f'{path} does not fit: {error}') from error


class _NotOurs(Exception):
    """An archive of another program."""


def _about(archive: Archive) -> dict[str, Any]:
    """Read and check what a file says about itself, and give its arrays their present names."""
    try:
        about = json.loads(str(archive.read(_ABOUT_CONTENTS)[_ABOUT][()]))
        kinds = {'robot': str, 'joints': list, 'observations': list, 'learner': dict,
                 'made_by': dict}
        if about['format'] not in (FORMAT, FORMER) or not all(
                isinstance(about[key], kind) for key, kind in kinds.items()) or (
                    not about['robot'].isprintable()) or not _sizes_fit(about):
            raise _NotOurs
        if about['format'] == FORMER:
            about['time_step'] = float(about['learner']['time_step'])
            if not 0.001 <= about['time_step'] <= 1000.0:
                raise _NotOurs
            about['learner'] = None
        archive.rename(_RENAMED[about['format']])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _NotOurs from error
    return about


def _sizes_fit(about: Mapping[str, Any]) -> bool:
    """Return whether a file gives no sizes, or sizes that its robot can have."""
    sizes = about.get('layout')
    if sizes is None:
        return True
    return (isinstance(sizes, dict) and sorted(sizes) == sorted(SIZES)
            and all(type(size) is int and 0 <= size <= _MOST for size in sizes.values())
            and sizes['states'] + sizes['ranges'] == len(about['observations'])
            and sizes['actions'] == len(about['joints']))


def layout_of(
    shapes: Mapping[str, tuple[int, ...]], about: Mapping[str, Any]
) -> Layout | None:
    """Return the sizes of a file's network; None if no network fits its arrays."""
    if about.get('layout'):
        return Layout(**about['layout'])
    return _recovered_layout(shapes, about)


def _recovered_layout(
    shapes: Mapping[str, tuple[int, ...]], about: Mapping[str, Any]
) -> Layout | None:
    """Infer the sizes that a file does not give from its arrays and lists."""
    joints, observations = len(about['joints']), len(about['observations'])
    synapses, hidden, oscillators = (shapes[name][1] for name in ('centre', 'gain', 'v'))

    def layout(states: int) -> Layout:
        return Layout(states, observations - states, joints, hidden, oscillators)

    # Each observation that is a state adds the same number of synapses to layers 2 and 4.
    growth = layout(1).synapses - layout(0).synapses
    states, rest = divmod(synapses - layout(0).synapses, max(growth, 1))
    return layout(states) if rest == 0 and 0 <= states <= observations else None


def _own_contents(archive: Archive, about: Mapping[str, Any]) -> Contents:
    """List the arrays that a file must hold, by the number and size of its learners."""
    shapes = {}
    for name in ('centre', 'gain', 'v'):
        if name not in archive:
            raise Mismatch(f'{name} is missing')
        shapes[name] = archive.header(name).shape
        if len(shapes[name]) != 2:
            raise Mismatch(f'{name} has the shape {shapes[name]}; it must have two dimensions')
    layout = layout_of(shapes, about)
    learners, groups = shapes['gain'][0], shapes['centre'][0]
    if layout is None or not learners or groups not in (1, learners):
        raise Mismatch('the shapes of centre, gain and v fit no network of its robot')
    return learner_contents(layout, learners, groups)
