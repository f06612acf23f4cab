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

"""Pictures of robots in MuJoCo, with or without a display."""

from __future__ import annotations

from importlib import import_module
import os
from typing import Any

from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.environments import RENDERER
import mujoco
import numpy as np

#: The renderers without a display and with one, unless the environment names another.
OFF_SCREEN, ON_SCREEN = 'egl', 'glfw'
HEIGHT, WIDTH = 400, 600
#: The renderers that have failed in this process, and how.
_FAILED: dict[str, str] = {}


class View:
    """Draws a model from the side."""

    def __init__(
        self, model: mujoco.MjModel, up: float, distance: float, elevation: float
    ) -> None:
        """Look at the height ``up``, m; raises :class:`ConfigError` if nothing can be drawn."""
        self._model = model
        self._camera = mujoco.MjvCamera()
        self._camera.lookat[2], self._camera.distance = up, distance
        self._camera.azimuth, self._camera.elevation = 90.0, elevation
        self._options = mujoco.MjvOption()
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._area = mujoco.MjrRect(0, 0, WIDTH, HEIGHT)
        self._pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        self._gl, self._context = _contexts(model)

    def draw(self, data: mujoco.MjData, ahead: float) -> np.ndarray:
        """Draw the robot at ``ahead``, m: (height, width, 3), uint8."""
        self._gl.make_current()
        self._camera.lookat[0] = ahead
        mujoco.mjv_updateScene(
            self._model, data, self._options, None, self._camera,
            mujoco.mjtCatBit.mjCAT_ALL.value, self._scene)
        mujoco.mjr_render(self._area, self._scene, self._context)
        mujoco.mjr_readPixels(self._pixels, None, self._area, self._context)
        return self._pixels[::-1].copy()

    def close(self) -> None:
        """Free the renderer."""
        self._gl.make_current()
        self._context.free()
        self._gl.free()


def _contexts(model: mujoco.MjModel) -> tuple[Any, mujoco.MjrContext]:
    """
    Make the contexts of OpenGL and of MuJoCo.

    MuJoCo's own renderer is chosen when MuJoCo is imported, which then fails if the chosen one is
    not installed; so it is chosen here, when a picture is needed. A renderer that has failed is
    not tried again: MuJoCo would abort the process.
    """
    name = os.environ.get(RENDERER, '').strip().lower()
    if not name:
        name = ON_SCREEN if 'DISPLAY' in os.environ else OFF_SCREEN
    if name in _FAILED:
        raise ConfigError(_FAILED[name])
    try:
        context = import_module(f'mujoco.{name}').GLContext(WIDTH, HEIGHT)
        context.make_current()
        drawing = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, drawing)
    except Exception as error:  # each renderer raises its own
        _FAILED[name] = (
            f'MuJoCo cannot draw with the renderer {name} ({type(error).__name__}: {error}): set '
            f'{RENDERER} to another one, egl, osmesa or glfw')
        raise ConfigError(_FAILED[name]) from error
    return context, drawing
