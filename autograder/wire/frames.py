"""Frames: two lengths, a header, and a body of arrays' bytes one after another.

A judge's header is written by ``marshal``, which is quick, and reads as whatever it says:
only a worker reads one, and it does as the judge says anyway. A worker's is JSON."""

import json
import marshal
import struct
from typing import Any, BinaryIO

from autograder.wire.text import holds_more_items

_LENGTHS = struct.Struct("<II")
MAX_HEADER = 8 * 2**20
#: Brackets and commas in a header, outside its texts: parsed, they take 60 MB at most.
MAX_MARKS = 300_000
#: The largest answer that a check asks for holds 840,000 numbers, and 20 MB with all that
#: comes back beside it. Who reads a frame holds it twice.
MAX_BODY = 48 * 2**20


class WireError(Exception):
    """A frame that does not follow the language, or is too large for it."""


def packed(header: dict[str, Any], body: bytes = b"") -> tuple[bytes, bytes]:
    """Return one frame in two parts. Raises ``WireError`` when it is larger than a frame
    may be."""
    return _packed(json.dumps(header).encode(), body)


def packed_request(header: dict[str, Any], body: bytes = b"") -> tuple[bytes, bytes]:
    """Return one frame of a judge. Raises like ``packed``."""
    return _packed(marshal.dumps(header), body)


def _packed(text: bytes, body: bytes) -> tuple[bytes, bytes]:
    if len(text) > MAX_HEADER or len(body) > MAX_BODY:
        raise WireError(f"a frame of {len(text)} + {len(body)} bytes is too large")
    return _LENGTHS.pack(len(text), len(body)) + text, body


def write_frame(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    """Write one frame. Raises ``WireError``, and writes nothing, when it is too large."""
    for part in packed(header, body):
        stream.write(part)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Return one frame, or None at the end of the stream.

    Raises ``WireError`` for a frame that is cut off, too large or not a JSON object."""
    if (parts := _read(stream)) is None:
        return None
    text, body = parts
    if holds_more_items(text, MAX_MARKS):
        raise WireError("a frame's header holds too many items")
    try:
        # Of bytes, json would guess the encoding: in another one the marks are others.
        header = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise WireError("a frame's header is not JSON") from error
    if not isinstance(header, dict):
        raise WireError("a frame's header is not an object")
    return header, body


def read_request(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Return one frame of a judge, or None at the end of the stream: for a worker alone,
    and never for what a student's code may have written."""
    if (parts := _read(stream)) is None:
        return None
    header: dict[str, Any] = marshal.loads(parts[0])
    return header, parts[1]


def _read(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Return a frame's header and body as they came. Raises ``WireError``."""
    start = stream.read(_LENGTHS.size)
    if not start:
        return None
    if len(start) < _LENGTHS.size:
        raise WireError("a frame was cut off")
    header_size, body_size = _LENGTHS.unpack(start)
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise WireError("a frame announces more bytes than allowed")
    text, body = stream.read(header_size), stream.read(body_size)
    if len(text) < header_size or len(body) < body_size:
        raise WireError("a frame was cut off")
    return text, body


def expect_fields(header: dict[str, Any], **kinds: Any) -> None:
    """Raise ``WireError`` unless the header's fields are these and of these types.

    ``request``, the number of what it answers, may be there besides."""
    if header.keys() - {"request"} != kinds.keys():
        raise WireError("a frame with other fields than expected")
    for name, kind in kinds.items():
        value = header[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise WireError(f"a frame whose {name} is of another kind")
