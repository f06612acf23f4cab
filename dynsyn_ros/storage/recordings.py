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


"""Recordings of a run, an MCAP file or a folder from ``ros2 bag``, and the messages in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, ExitStack
from pathlib import Path
from typing import Any, Protocol

from dynsyn_ros.robot.replay import Message, PARAMETER_EVENTS
from dynsyn_ros.robot.robot import COMMANDS, HUMAN_REWARD
from dynsyn_ros.robot.sensors import SENSORS
from dynsyn_ros.settings.files import opened
from dynsyn_ros.settings.schema import ConfigError, cut

#: The types of the messages that a replay reads, by topic name.
TYPES = {
    **{topic: sensor.message_type.replace('/', '/msg/') for topic, sensor in SENSORS.items()},
    HUMAN_REWARD: 'std_msgs/msg/Float64',
    **dict.fromkeys(COMMANDS.values(), 'std_msgs/msg/Float64MultiArray'),
    PARAMETER_EVENTS: 'rcl_interfaces/msg/ParameterEvent',
}

#: A message that has not been decoded: its topic, the name of its type, its time, and its bytes.
Raw = tuple[str, str, int, bytes]


class Source(Protocol):
    """Where messages come from."""

    topics: set[str]
    """The recorded topics, by their full names."""
    cut_off: bool
    """Whether its end is missing, as after a recorder was killed."""

    def raw(self, topics: set[str]) -> Iterator[Raw]:
        """Yield the messages on some topics, in the order they were recorded."""


class Recording:
    """The messages of an MCAP file or a folder from ``ros2 bag``."""

    def __init__(self, path: Path, source: Source, store: Any) -> None:
        """Read from a source; ``store`` decodes its messages."""
        self._path, self._source, self._store = path, source, store
        self.topics, self.cut_off = source.topics, source.cut_off

    def messages(self, names: Mapping[str, str]) -> Iterator[Message]:
        """
        Yield the messages on the topics of ``names`` in recorded order.

        ``names`` maps full topic names to the names in the yielded messages. Raises
        :class:`ConfigError` if a message has the wrong type or is damaged.
        """
        raw = self._source.raw(set(names))
        while True:
            with _noticed(self._path):
                message = next(raw, None)
            if message is None:
                return
            topic, kind, time, data = message
            name = names[topic]
            if kind != TYPES[name]:
                raise ConfigError(
                    f'{self._path} has {cut(kind)} on {topic}; it must be {TYPES[name]}')
            try:
                content = self._store.deserialize_cdr(data, kind)
            except Exception as error:
                raise ConfigError(
                    f'{self._path} has a damaged message on {topic}, of {time} ns') from error
            yield Message(name, content, time)


@contextmanager
def recording(path: Path) -> Iterator[Recording]:
    """Open a recording; raises :class:`ConfigError` if it cannot be read."""
    try:
        from dynsyn_ros.storage.mcap_file import McapFile  # noqa: PLC0415  an extra
        from rosbags.rosbag2 import Reader  # noqa: PLC0415
        from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "a replay needs mcap and rosbags: pip install 'dynsyn_ros[record]'") from error
    if path.is_dir() and not (path / 'metadata.yaml').is_file():
        raise ConfigError(
            f'cannot read {path}: it has no metadata.yaml, which ros2 bag writes at its end; give '
            'the file in it, or run ros2 bag reindex')
    with ExitStack() as stack:
        with _noticed(path):
            source: Source = (
                _Bag(stack.enter_context(Reader(path))) if path.is_dir()
                else McapFile(stack.enter_context(opened(path))))
        yield Recording(path, source, get_typestore(Stores.LATEST))


@contextmanager
def _noticed(path: Path) -> Iterator[None]:
    """Turn any error of the libraries with a damaged file into a :class:`ConfigError`."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        words = ' '.join(str(error).split())
        raise ConfigError(f'cannot read {path}: {cut(words)[1:-1] or "it is damaged"}') from error


class _Bag:
    """A folder from ``ros2 bag``."""

    cut_off = False

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.topics = {each.topic for each in reader.connections}

    def raw(self, topics: set[str]) -> Iterator[Raw]:
        wanted = [each for each in self._reader.connections if each.topic in topics]
        for connection, time, data in self._reader.messages(connections=wanted):
            yield connection.topic, connection.msgtype, time, bytes(data)
