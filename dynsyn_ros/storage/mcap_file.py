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
An MCAP file as a stream of messages, so that a file that was cut off yields all that it has.

An MCAP record is a byte for its kind, eight bytes for its length, and its content. Messages are
records inside compressed records, the chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import IO
import zlib

from lz4.frame import LZ4FrameDecompressor
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message, Schema
from zstandard import ZstdDecompressor

#: The longest record, and the most that a chunk may hold, bytes.
MOST_BYTES = 2**26
_MAGIC = b'\x89MCAP0\r\n'
_HEAD_BYTES = 9


class McapFile:
    """An open file; a damaged one may raise any exception."""

    def __init__(self, file: IO[bytes]) -> None:
        """Find the topics, and whether the file is complete."""
        self._file = file
        self.topics: set[str] = set()
        self.cut_off = False
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError('it is not an MCAP file')
        # The summary at the end would list the topics, but a file that was cut off has none.
        for _ in self.raw(set()):
            pass

    def raw(self, topics: set[str]) -> Iterator[tuple[str, str, int, bytes]]:
        """Yield the messages on some topics: topic, name of the type, time in ns, and bytes."""
        types = {0: ''}
        channels = {}
        for opcode, body in self._records():
            stream = ReadDataStream(BytesIO(body))
            if opcode == Opcode.SCHEMA:
                schema = Schema.read(stream)
                types[schema.id] = schema.name
            elif opcode == Opcode.CHANNEL:
                channel = Channel.read(stream)
                channels[channel.id] = channel.topic, types[channel.schema_id]
                self.topics.add(channel.topic)
            elif opcode == Opcode.MESSAGE:
                topic, kind = channels[int.from_bytes(body[:2], 'little')]
                if topic in topics:
                    message = Message.read(stream, len(body))
                    yield topic, kind, message.log_time, message.data

    def _records(self) -> Iterator[tuple[int, bytes]]:
        """Yield the records up to the end or the last complete one, with chunks unpacked."""
        self._file.seek(len(_MAGIC))
        self.cut_off = True
        for opcode, body, whole in _split(self._file):
            if opcode == Opcode.DATA_END:
                self.cut_off = False
                return
            if opcode == Opcode.CHUNK:
                data = _unpacked(Chunk.read(ReadDataStream(BytesIO(body))), whole)
                for part, content, complete in _split(BytesIO(data)):
                    if complete:
                        yield part, content
            elif whole:
                yield opcode, body


def _split(stream: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Split a stream into records: kind, content, and whether the content is complete."""
    while len(head := stream.read(_HEAD_BYTES)) == _HEAD_BYTES:
        length = int.from_bytes(head[1:], 'little')
        if length > MOST_BYTES:
            raise ValueError(
                f'it has a record of {length} bytes; at most {MOST_BYTES} are allowed')
        body = stream.read(length)
        yield head[0], body, len(body) == length


def _unpacked(chunk: Chunk, whole: bool) -> bytes:
    """Unpack a chunk, or as much of it as there is."""
    size, data = chunk.uncompressed_size, chunk.data
    if size > MOST_BYTES:
        raise ValueError(f'it has a chunk of {size} bytes; at most {MOST_BYTES} are allowed')
    if chunk.compression == 'zstd':
        with ZstdDecompressor(max_window_size=MOST_BYTES).stream_reader(data) as packed:
            data = packed.read(size + 1)
    elif chunk.compression == 'lz4':
        data = LZ4FrameDecompressor().decompress(data, size + 1)
    elif chunk.compression:
        raise ValueError('its chunks have an unknown compression')
    if whole and (len(data) != size or (
            chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc)):
        raise ValueError('it has a chunk with a wrong checksum or size')
    return data
