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
"""The arrays of a snapshot of learners, and the range of values that each may hold."""

from __future__ import annotations

from dynsyn_ros.learner.config import Layout
from dynsyn_ros.learner.fluctuation import NORMALS_PER_SYNAPSE
from dynsyn_ros.settings.arrays import ArraySpec
import numpy as np

#: The bound of arrays that have no bound of their own. No sum or power of such values overflows.
_LARGE = 1e9
_WEIGHT = 1e6
#: A sine that has been rotated by many small angles may exceed 1 by rounding.
_UNIT = 1.001
_LEARNT = ('centre', 'amplitude', 'gain', 'clock', 'value_weight', 'baseline', 'scale',
           'recent_reward', 'long_term_reward', 'counted')


def contents(layout: Layout, learners: int, groups: int) -> dict[str, ArraySpec]:
    """List the arrays of a snapshot of ``learners`` in ``groups`` that share their synapses."""
    size = layout.synapses
    shared, own, group = (groups, size), (learners, size), (groups,)
    cells, features = (learners, layout.oscillators), (learners, layout.features)
    normals = NORMALS_PER_SYNAPSE * size

    def real(shape: tuple[int, ...], low: float, high: float, optional: bool = False) -> ArraySpec:
        return ArraySpec(np.dtype(np.float64), shape, low, high, optional)

    return {
        'phase': real(own, 0.0, _LARGE),
        'period': real(own, 0.1, _LARGE),
        'sine': real(own, -_UNIT, _UNIT),
        'cosine': real(own, -_UNIT, _UNIT),
        'step_sine': real(own, -1.0, 1.0),
        'step_cosine': real(own, -1.0, 1.0),
        'weight': real(own, -3 * _WEIGHT, 3 * _WEIGHT),
        # Standard normal.
        'normals': real((learners, normals), -40.0, 40.0),
        # An index into normals; one step may use one number for every synapse.
        'next_normal': ArraySpec(np.dtype(np.int64), (learners,), 0, normals - size),
        'centre': real(shared, -_WEIGHT, _WEIGHT),
        'amplitude': real(shared, 0.0, _WEIGHT),
        'trace': real(own, -3 * _WEIGHT, 3 * _WEIGHT),
        # Files from before the reward prediction lack these arrays; they then start at zero.
        'value_weight': real((groups, layout.features), -_LARGE, _LARGE, optional=True),
        'features': real(features, -1e3, 1e3, optional=True),
        'adapted': real(features, -1e3, 1e3, optional=True),
        'value_trace': real(features, -_LARGE, _LARGE, optional=True),
        'baseline': real(group, -_LARGE, _LARGE, optional=True),
        'scale': real(group, 0.0, _LARGE, optional=True),
        'steps': real(group, 0.0, 1e18, optional=True),
        'clock': real(group, 0.0, 1e15),
        # Files from before reheating lack these.
        'recent_reward': real(group, -_LARGE, _LARGE, optional=True),
        'long_term_reward': real(group, -_LARGE, _LARGE, optional=True),
        'counted': real(group, 0.0, 1e18, optional=True),
        'v': real(cells, -1e3, 1e3),
        'w': real(cells, -1e3, 1e3),
        'drive': real(cells, -1.0, 1.0),
        'gain': real((learners, layout.hidden), 1e-6, 1e6),
        'initial_centre': real(shared, -_WEIGHT, _WEIGHT),
        'stream': ArraySpec(np.dtype(np.uint64), (learners, 4)),
    }


def learnt(layout: Layout) -> dict[str, ArraySpec]:
    """
    List what a new run takes over from the snapshot of one learner.

    That is what was learnt, and how far it is annealed. The means of the reward then start again
    from its own rewards, as the task may be another one; only its first step is compared with
    ``baseline``.
    """
    one = contents(layout, 1, 1)
    return {name: one[name] for name in _LEARNT}
