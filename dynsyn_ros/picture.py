"""Pictures without a screen."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynsyn_ros.schema import ConfigError


def new(width: float = 8.0, height: float = 4.5) -> Figure:
    """Make an empty figure of a size in inches."""
    return Figure(figsize=(width, height), layout='constrained')


def save(figure: Figure, path: Path) -> None:
    """Write a PNG; raises :class:`ConfigError` if that cannot be."""
    try:
        FigureCanvasAgg(figure).print_png(path)
    except OSError as error:
        raise ConfigError(f'cannot write {path}: {error.strerror}') from error
