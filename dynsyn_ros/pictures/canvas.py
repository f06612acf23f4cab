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

"""Pictures without a screen."""

from __future__ import annotations

from pathlib import Path

from dynsyn_ros.settings.files import replaced
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def new(width: float = 8.0, height: float = 4.5) -> Figure:
    """Make an empty figure of a size in inches."""
    return Figure(figsize=(width, height), layout='constrained')


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all; raises :class:`ConfigError` if that cannot be."""
    with replaced(path) as file:
        FigureCanvasAgg(figure).print_png(file)
