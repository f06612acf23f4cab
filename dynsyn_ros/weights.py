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
Weights files: a learner's whole state and whose it is, in one ``.npz`` read without pickle.

A file holds the arrays of :meth:`Learner.snapshot` and ``about``, a JSON text: the format, the
robot's name, joints and observations, the preset, and how the run was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
import json
import os
from pathlib import Path
import tempfile
import tokenize
from typing import Any
import zipfile
import zlib

from dynsyn_ros.files import check_folder
from dynsyn_ros.learner import Learner
from dynsyn_ros.robot import Robot
from dynsyn_ros.schema import ConfigError
import numpy as np

FORMAT, FORMER = 'dynsyn_ros weights 5', 'dynsyn_ros weights 4'
#: Arrays of the former format that have other names today.
_RENAMED = {'turn_sine': 'step_sine', 'turn_cosine': 'step_cosine', 'reserve': 'normals',
            'drawn': 'next_normal', 'experience': 'clock', 'first_centre': 'initial_centre'}
#: The value of a ``weights`` option or parameter that means no file.
UNTRAINED = 'none'
#: The name of a weights file in the folder of a run.
WEIGHTS_FILE = 'weights.npz'
_ABOUT = 'about'
#: What must agree between a file and the robot it is loaded for.
IDENTITY = ('robot', 'joints', 'observations')


def pack(
    learner: Learner,
    robot: Robot,
    made_by: Mapping[str, Any],
    member: int | None = None,
    beside: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """
    Copy what a weights file holds, so that it can be written while the learner goes on.

    Only the learner with the number ``member`` is copied if one is given. Arrays that are to be
    found ``beside`` the learner's go into the same file.
    """
    about = {
        'format': FORMAT,
        **{key: getattr(robot.config, key) for key in IDENTITY},
        'learner': asdict(learner.config),
        'made_by': dict(made_by),
    }
    return {**learner.snapshot(member), **(beside or {}), _ABOUT: np.array(json.dumps(about))}


def write(path: Path, packed: Mapping[str, np.ndarray]) -> None:
    """
    Write a weights file: to a temporary name, synced, renamed, so that none is ever half done.

    Raises :class:`ConfigError` if it cannot be written; a file that was there is then unharmed.
    """
    check_folder(path.parent)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
                dir=path.parent, prefix=f'.{path.name}.', delete=False) as file:
            temporary = Path(file.name)
            np.savez_compressed(file, **packed)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise ConfigError(f'cannot write {path}: {error.strerror}') from error


def load(path: Path, learner: Learner, robot: Robot) -> dict[str, Any]:
    """
    Put a learner into the state of a weights file; returns what the file says about itself.

    Raises :class:`ConfigError`, with the learner unchanged, if the file cannot be read, is not one
    of ours, or belongs to another robot or another number of learners.
    """
    arrays, about = read_for(robot, path)
    fit(path, learner.restore, arrays)
    return about


def initialise_from(path: Path, learner: Learner, robot: Robot) -> None:
    """
    Give every learner what the one learner of a weights file has learnt.

    Raises :class:`ConfigError`, with the learners unchanged, as :func:`load` does.
    """
    arrays, _ = read_for(robot, path)
    fit(path, learner.initialise_from, arrays)


def fit(
    path: Path,
    take: Callable[[Mapping[str, np.ndarray]], None],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Let a learner ``take`` the arrays of a file; raises :class:`ConfigError` if it cannot."""
    try:
        take(arrays)
    except ValueError as error:
        raise ConfigError(f'{path} does not fit: {error}') from error


def read_for(robot: Robot, path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a file as :func:`read` does, and refuse it if it belongs to another robot."""
    arrays, about = read(path)
    for key in IDENTITY:
        mine = getattr(robot.config, key)
        if about.get(key) != mine:
            raise ConfigError(
                f'{path} holds weights of another robot: its {key} is {about.get(key)!r}, here it '
                f'is {mine!r}')
    return arrays, about


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """
    Read all arrays of a file, none of them by pickle, and what the file says about itself.

    Raises :class:`ConfigError` if it cannot be read or is none of ours.
    """
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise ConfigError(f'cannot read {path}: {error.strerror or error}') from error
    except (ValueError, EOFError, KeyError, NotImplementedError, RuntimeError, MemoryError,
            OverflowError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile,
            zlib.error) as error:
        raise ConfigError(f'{path} is no weights file, or a damaged one') from error
    try:
        about = json.loads(str(arrays.pop(_ABOUT)[()]))
        if about['format'] == FORMAT:
            return arrays, about
        if about['format'] == FORMER:
            return _from_former(arrays, about)
    except (KeyError, TypeError, ValueError):
        pass
    raise ConfigError(f'{path} is no weights file of this program ({FORMAT})')


def _from_former(
    arrays: dict[str, np.ndarray], about: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Give the arrays of the former format their present names; its settings are of no use."""
    arrays = {_RENAMED.get(name, name): array for name, array in arrays.items()}
    # It summed up the reward of a step times its milliseconds.
    arrays['clock'] = arrays['clock'] / float(about['learner']['time_step'])
    return arrays, {**about, 'learner': None}
