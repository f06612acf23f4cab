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

"""FitzHugh-Nagumo oscillators against their closed forms and the published program's numbers."""

from conftest import changed, preset
from dynsyn_ros.learner import oscillators
import numpy as np
import pytest

STEP = 10.0  # ms
CONFIG = preset('default').oscillators
CONSTANTS = oscillators.constants(CONFIG, STEP)


def simulate(drive, seconds, v=0.1, w=0.0, constants=CONSTANTS):
    """Run one oscillator; returns v at every step."""
    course = []
    for _ in range(int(1000 * seconds / STEP)):
        v, w = oscillators.advance(v, w, drive, constants)
        course.append(v)
    return np.array(course)


def resting_point(drive):
    """Solve v - v^3 - w + I = 0 and b v = c w for the resting v."""
    slope = 1 - CONFIG.b / CONFIG.c
    roots = np.roots([-1, 0, slope, drive])
    return roots[np.abs(roots.imag) < 1e-9].real[0]


def test_period_and_swing_without_drive():
    course = simulate(0.0, 60)[2000:]
    up = np.flatnonzero((course[:-1] < 0) & (course[1:] >= 0))
    crossings = up + course[up] / (course[up] - course[up + 1])
    periods = np.diff(crossings) * STEP
    # The program's numbers, known to the millisecond and to three decimals.
    assert periods.mean() == pytest.approx(1035, abs=0.5)
    assert course.max() == pytest.approx(1.117, abs=5e-4)
    assert course.min() == pytest.approx(-1.117, abs=5e-4)


def test_rests_and_oscillates_on_either_side_of_the_closed_form():
    # The resting point loses its stability where the Jacobian's trace is 0: 1 - 3 v^2 = a c.
    v = np.sqrt((1 - CONFIG.a * CONFIG.c) / 3)
    critical = v**3 - v + CONFIG.b / CONFIG.c * v
    assert critical == pytest.approx(1.01, abs=0.005)
    for drive in (critical + 0.005, -critical - 0.005):
        rest = resting_point(drive)
        course = simulate(drive, 600, rest + 1e-3, CONFIG.b / CONFIG.c * rest)
        assert np.abs(course[-100:] - rest).max() < 1e-5
    for drive in (critical - 0.005, -critical + 0.005):
        rest = resting_point(drive)
        course = simulate(drive, 600, rest + 1e-3, CONFIG.b / CONFIG.c * rest)
        assert np.abs(course[-200:] - rest).max() > 0.1


def test_printed_constant_never_oscillates():
    # b = 0.2 as printed: it settles at v = 0.866, where v^2 = 1 - b / c.
    printed = oscillators.constants(
        changed(preset('default'), b=0.2).oscillators, STEP)
    course = simulate(0.0, 60, constants=printed)
    assert course[-1] == pytest.approx(np.sqrt(1 - 0.2 / 0.8), abs=1e-6)


def test_runge_kutta_is_of_fourth_order():
    def end(step):
        constants = oscillators.constants(CONFIG, step)
        v, w = 0.3, 0.1
        for _ in range(round(320 / step)):
            v, w = oscillators.advance(v, w, 0.2, constants)
        return v

    truth = end(0.5)
    ratio = (end(32.0) - truth) / (end(16.0) - truth)
    assert ratio == pytest.approx(2**4, rel=0.35)


def test_states_are_bounded():
    short = oscillators.constants(CONFIG, 1e-6 / CONFIG.rate)
    assert oscillators.advance(50.0, -50.0, 0.0, short) == (2.0, -2.0)
