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

"""The recorder node: every topic of a run in one MCAP file, where no ``ros2 bag`` is installed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
import time
from typing import Any

from dynsyn_ros.files import check_folder
from dynsyn_ros.nodes import topics
from dynsyn_ros.replay import PARAMETER_EVENTS
from dynsyn_ros.schema import ConfigError
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from rclpy.qos import qos_profile_parameter_events


def recorded() -> dict[str, type]:
    """List every topic of one robot with its type; pictures are drawn for whoever wants them."""
    every = {**topics.EVERY, PARAMETER_EVENTS: ParameterEvent}
    del every[topics.IMAGE]
    return every


class RecorderNode(Node):
    """Writes messages as they come over the wire, none of them decoded."""

    def __init__(self, path: Path, **kwargs: Any) -> None:
        """Open the file; raises :class:`ConfigError` if that cannot be."""
        try:
            from mcap.writer import Writer  # noqa: PLC0415  an extra
            from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                "recording needs mcap and rosbags: pip install 'dynsyn_ros[record]'") from error
        check_folder(path.parent)
        try:
            self._file = path.open('wb')
        except OSError as error:
            raise ConfigError(f'cannot write {path}: {error.strerror}') from error
        super().__init__('recorder', **kwargs)
        self._time = 0
        self._writer = Writer(self._file)
        self._writer.start(profile='ros2')
        store = get_typestore(Stores.LATEST)
        for topic, kind in recorded().items():
            package, name = kind.__module__.split('.')[0], kind.__name__
            text, _ = store.generate_msgdef(f'{package}/msg/{name}', ros_version=2)
            schema = self._writer.register_schema(
                f'{package}/msg/{name}', 'ros2msg', text.encode())
            channel = self._writer.register_channel(
                self.resolve_topic_name(topic), 'cdr', schema)
            events = topic == PARAMETER_EVENTS
            self.create_subscription(
                kind, topic, partial(self._write, channel),
                qos_profile_parameter_events if events else topics.QOS, raw=True)

    def _write(self, channel: int, data: bytes) -> None:
        # By the wall clock as ros2 bag does it, and never twice the same: the order is the record.
        self._time = max(time.time_ns(), self._time + 1)
        self._writer.add_message(channel, self._time, data, self._time)

    def close(self) -> None:
        """Write the index of the file."""
        self._writer.finish()
        self._file.close()
