"""The record of episodes: a CSV that grows as they end, and its learning curve."""

from __future__ import annotations

from collections import deque
import csv
from pathlib import Path
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynsyn_ros.files import check_folder
from dynsyn_ros.simulation.bipedal_walker import Episode

#: Episodes over which the task's criterion takes the mean, and what it must reach.
WINDOW, SOLVED = 100, 300.0
COLUMNS = ('episode', 'steps', 'length', 'return', 'fell', f'mean_{WINDOW}')


class Progress(NamedTuple):
    """How the walker fares after its last episode."""

    episodes: int
    total: float
    """Return of the last episode."""
    mean: float
    """Mean return of the last episodes, up to 100."""


class EpisodeLog:
    """Append each episode to a CSV file as it ends."""

    def __init__(self, path: Path) -> None:
        """Start the file; raises :class:`ConfigError` if it cannot be written."""
        check_folder(path.parent)
        self._file = path.open('w', newline='', encoding='utf-8', buffering=1)
        self._writer = csv.writer(self._file)
        self._writer.writerow(COLUMNS)
        self._last: deque[float] = deque(maxlen=WINDOW)
        self.progress: Progress | None = None
        """None until the first episode has ended."""

    def add(self, episode: Episode, steps: int) -> None:
        """Add an episode that ended after ``steps`` steps of the whole run."""
        count = 1 + (self.progress.episodes if self.progress else 0)
        self._last.append(episode.total)
        mean = sum(self._last) / len(self._last)
        self._writer.writerow((
            count, steps, episode.length, f'{episode.total:.3f}', int(episode.fell),
            f'{mean:.3f}'))
        self.progress = Progress(count, episode.total, mean)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def draw_learning_curve(log: Path, picture: Path, title: str) -> None:
    """Draw the returns of a log and their mean over 100 episodes, as in the paper's Fig. 8."""
    with log.open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    data = {name: [float(row[name]) for row in rows] for name in COLUMNS}
    figure = Figure(figsize=(8, 4.5), layout='constrained')
    axes = figure.add_subplot(
        title=title, xlabel='episode', ylabel='return')
    axes.plot(data['episode'], data['return'], '.', color='0.7', markersize=3, label='episode')
    axes.plot(data['episode'], data[f'mean_{WINDOW}'], color='C0', label=f'mean of {WINDOW}')
    axes.axhline(SOLVED, color='C2', linestyle='--', linewidth=1, label='solved')
    axes.legend(loc='upper left')
    FigureCanvasAgg(figure).print_png(picture)
