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

r"""
FitzHugh-Nagumo oscillators, the pattern generators of layer 3 (section II-B).

.. math::

    \dot v &= (v - v^3 - w + I) / \tau \\
    \dot w &= a (b v - c w) / \tau                                    \qquad\text{(Eq. 7, 8)}

- :math:`v, w` the states; :math:`I` the drive, tanh of a weighted sum of layer 2
- :math:`a, b, c` constants; :math:`1 / \tau` ``rate``, 1/ms
- :math:`v, w` are kept within +- ``bound``

The paper prints b = 0.2 and puts tau = 0.02 on the left. With those numbers the system never
oscillates. The authors' program has b = 2 and multiplies the right side by 0.02 / ms. The presets
follow the program.
"""

from __future__ import annotations

from typing import Any

from dynsyn_ros.learner.config import OscillatorConfig
from numba import njit
import numpy as np

CONSTANTS = np.dtype((np.record, [
    ('a', 'f8'), ('b', 'f8'), ('c', 'f8'), ('step', 'f8'), ('bound', 'f8')]))


def constants(config: OscillatorConfig, time_step: float) -> Any:
    """Pack the settings for the kernel, with the time step in units of tau."""
    return np.array(
        (config.a, config.b, config.c, config.rate * time_step, config.bound), CONSTANTS)[()]


@njit(cache=True)
def slope(v: float, w: float, drive: float, k: Any) -> tuple[float, float]:
    """Compute the right sides of Eq. 7 and 8, with time in units of tau."""
    return v - v * v * v - w + drive, k.a * (k.b * v - k.c * w)


@njit(cache=True)
def advance(v: float, w: float, drive: float, k: Any) -> tuple[float, float]:
    """Take one classic Runge-Kutta 4 step of one oscillator; returns the new v and w."""
    h = k.step
    dv1, dw1 = slope(v, w, drive, k)
    dv2, dw2 = slope(v + 0.5 * h * dv1, w + 0.5 * h * dw1, drive, k)
    dv3, dw3 = slope(v + 0.5 * h * dv2, w + 0.5 * h * dw2, drive, k)
    dv4, dw4 = slope(v + h * dv3, w + h * dw3, drive, k)
    v += h / 6.0 * (dv1 + 2.0 * dv2 + 2.0 * dv3 + dv4)
    w += h / 6.0 * (dw1 + 2.0 * dw2 + 2.0 * dw3 + dw4)
    return min(max(v, -k.bound), k.bound), min(max(w, -k.bound), k.bound)
