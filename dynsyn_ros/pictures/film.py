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

"""A GIF or MP4 of a walker."""

from __future__ import annotations

from collections import deque
from importlib import import_module
from pathlib import Path
import subprocess

from dynsyn_ros.settings.files import replaced
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.plant import Plant
from dynsyn_ros.storage.folders import check_picture
import numpy as np
from PIL import Image

#: Time between two frames and length of a film, s of the robot: an episode of BipedalWalker fits.
FRAME_PERIOD, LENGTH = 0.06, 32.4
WIDTH, HEIGHT = 300, 200
#: The format that needs an extra.
MP4 = '.mp4'
#: Number of colours of a frame; the scene has few.
COLOURS = 32


class Film:
    """The last half minute of a run."""

    def __init__(self, path: Path) -> None:
        """Check the path; raises :class:`ConfigError` if it must not be written."""
        check_picture(path, '.gif', MP4)
        self._path = path
        self._mp4 = path.suffix.lower() == MP4
        if self._mp4:
            try:
                self._ffmpeg = import_module('imageio_ffmpeg').get_ffmpeg_exe()
            except ImportError as error:
                raise ConfigError(
                    f"{path} needs imageio-ffmpeg: pip install 'dynsyn_ros[mp4]', or name a .gif"
                ) from error
        self._frames: deque[Image.Image] = deque()
        self._steps = 0

    def begin(self, walker: Plant) -> None:
        """Prepare to film a robot; raises :class:`ConfigError` if this machine cannot draw it."""
        walker.render()
        step = walker.spec.time_step
        self._steps_per_frame = max(1, round(FRAME_PERIOD / step))
        self._seconds = self._steps_per_frame * step
        self._frames = deque(maxlen=round(LENGTH / self._seconds))

    def add(self, walker: Plant, left: float) -> None:
        """Take a frame if it is due and late enough, with ``left`` steps of the run to go."""
        self._steps += 1
        if left * walker.spec.time_step < LENGTH and self._steps % self._steps_per_frame == 0:
            pixels = np.ascontiguousarray(walker.render())
            small = Image.fromarray(pixels).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
            self._frames.append(small.quantize(COLOURS))

    def save(self) -> bool:
        """Write the film in simulated time; returns whether it has any frame."""
        if not self._frames:
            return False
        with replaced(self._path) as file:
            if self._mp4:
                self._write_mp4(file.name)
            else:
                first, *rest = self._frames
                first.save(file, 'GIF', save_all=True, append_images=rest, loop=0,
                           duration=round(1000 * self._seconds))
        return True

    def _write_mp4(self, name: str) -> None:
        """Run ffmpeg; raises :class:`OSError` if it cannot write the whole film."""
        written = subprocess.run(
            [self._ffmpeg, '-y', '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24',
             '-s', f'{WIDTH}x{HEIGHT}', '-r', f'{1 / self._seconds:.6f}', '-i', '-',
             '-pix_fmt', 'yuv420p', '-f', MP4.lstrip('.'), name],
            input=b''.join(frame.convert('RGB').tobytes() for frame in self._frames),
            stderr=subprocess.PIPE, check=False,
            start_new_session=True,  # Ctrl-C would end it early
            restore_signals=False)  # a limit on file sizes would kill it without a word
        if written.returncode:
            raise OSError(written.stderr.decode(errors='replace').rpartition(': ')[2].strip())
