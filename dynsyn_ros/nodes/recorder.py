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
The recorder node: every topic of a run in one MCAP file, without ``ros2 bag``.

If the disk is full, the recording ends with its index, so that the file opens, and the robot
continues to walk.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
import os
from pathlib import Path
import resource
import time
from typing import Any, IO

from dynsyn_ros.nodes import diagnostics, topics
from dynsyn_ros.robot.replay import PARAMETER_EVENTS
from dynsyn_ros.settings.files import check_folder
from dynsyn_ros.settings.schema import ConfigError
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from rclpy.qos import qos_profile_parameter_events

#: The suffix of a recording, by which tools recognise the format.
MCAP = '.mcap'
#: Size at which messages are compressed and written together, bytes.
CHUNK_BYTES = 2**18
#: Space that is reserved for the end of the file, bytes: its last chunk, and an index with an
#: entry per chunk.
END_BYTES, ENTRY_BYTES = 2 * CHUNK_BYTES, 2**10
#: What a message takes in addition to its own bytes: its headers in the chunk and in the index.
MESSAGE_BYTES = 31 + 16
#: Larger than any chunk, so that the writer only writes chunks on request.
_NEVER = 2**62


def recorded() -> dict[str, type]:
    """List every topic of one robot with its type, except images, which are drawn on demand."""
    every = {**topics.EVERY, PARAMETER_EVENTS: ParameterEvent}
    del every[topics.IMAGE]
    return every


class RecorderNode(Node):
    """Writes messages as they arrive, without decoding them."""

    def __init__(self, path: Path, **kwargs: Any) -> None:
        """Check the path; raises :class:`ConfigError` if it must not be written."""
        try:
            from mcap.writer import Writer  # noqa: PLC0415  an extra
            from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                "recording needs mcap and rosbags: pip install 'dynsyn_ros[record]'") from error
        if path.exists():
            raise ConfigError(f'{path} already exists: choose another name for the recording')
        if path.suffix.lower() != MCAP:
            raise ConfigError(f'{path} must have a name that ends in {MCAP}')
        check_folder(path.parent)
        super().__init__('recorder', **kwargs)
        self._path = path
        self._writer_class, store = Writer, get_typestore(Stores.LATEST)
        self._file: IO[bytes] | None = None
        self._ended = False
        self._time = self._messages = self._waiting = self._chunks = self._written = 0
        self.trouble = ''
        """Why the recording has ended before the run; empty if it has not."""
        self._channels = []
        for topic, kind in recorded().items():
            package, name = kind.__module__.split('.')[0], kind.__name__
            text, _ = store.generate_msgdef(f'{package}/msg/{name}', ros_version=2)
            self._channels.append(
                (self.resolve_topic_name(topic), f'{package}/msg/{name}', text.encode()))
            events = topic == PARAMETER_EVENTS
            self.create_subscription(
                kind, topic, partial(self._write, len(self._channels)),
                qos_profile_parameter_events if events else topics.QOS, raw=True)
        self._diagnostics = diagnostics.Diagnostics(self, self._report)

    def _begin(self) -> None:
        """Open the file, only when needed, so that a refused run leaves none."""
        self._file = self._path.open('xb')
        self._writer = self._writer_class(self._file, chunk_size=_NEVER)
        self._writer.start(profile='ros2')
        for name, kind, text in self._channels:
            schema = self._writer.register_schema(kind, 'ros2msg', text)
            self._writer.register_channel(name, 'cdr', schema)

    def _write(self, channel: int, data: bytes) -> None:
        if self._ended:
            return
        # By the wall clock, like ros2 bag, and never the same twice, to preserve the order.
        self._time = max(time.time_ns(), self._time + 1)
        try:
            if self._file is None:
                self._begin()
            self._writer.add_message(channel, self._time, data, self._time)
            self._messages += 1
            self._waiting += len(data) + MESSAGE_BYTES
            if self._waiting > CHUNK_BYTES:
                self._write_chunk()
        except OSError as error:
            self._give_up(error.strerror)

    def _write_chunk(self) -> None:
        """Write the waiting messages, if that leaves room for the end of the file."""
        if self._room() < self._waiting + END_BYTES + self._chunks * ENTRY_BYTES:
            self._end()
            self._give_up('there is no room left on its disk')
            return
        self._writer.flush()
        self._written = self._file.tell()
        self._waiting = 0
        self._chunks += 1

    def _room(self) -> float:
        """Return how much the file may still grow, bytes."""
        disk = os.fstatvfs(self._file.fileno())
        free = disk.f_bavail * disk.f_frsize
        longest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if longest == resource.RLIM_INFINITY:
            return free
        return min(free, longest - self._file.tell())

    def _end(self) -> None:
        """Write the waiting messages and the index, so that the file opens."""
        self._ended = True
        self._writer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _give_up(self, reason: str) -> None:
        """Report that the recording has ended before the run, and keep only complete chunks."""
        self._ended = True
        self.trouble = f'the recording {self._path} has ended: {reason}'
        self.get_logger().warning(self.trouble)
        if self._file is not None and not self._file.closed:
            with suppress(OSError):
                self._file.close()
            os.truncate(self._path, self._written)

    def close(self) -> None:
        """End the file, if it has not ended yet; report any error."""
        if self._ended:
            return
        try:
            if self._file is None:
                self._begin()
            self._end()
        except OSError as error:
            self._give_up(error.strerror)

    def _report(self) -> list[diagnostics.Report]:
        level = diagnostics.WARN if self.trouble else diagnostics.OK
        return [diagnostics.Report(
            '', level, self.trouble or 'recording', {'messages': self._messages})]
