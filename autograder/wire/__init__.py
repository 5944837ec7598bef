"""The language between judge and worker; both processes load it, and it needs NumPy alone.

Nothing is unpickled or evaluated: a frame is JSON with raw array bytes."""

from autograder.wire.frames import (
    MAX_BODY,
    MAX_HEADER,
    MAX_MARKS,
    WireError,
    expect_fields,
    packed,
    read_frame,
    write_frame,
)
from autograder.wire.sizes import MAX_HELD, Held
from autograder.wire.values import (
    EARLIER_RESULT,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_NUMBERS,
    Foreign,
    Handle,
    Last,
    Reader,
    Writer,
    copy_of_plain,
    foreign,
    generator_node,
    generator_state,
    same,
)

__all__ = [
    "EARLIER_RESULT",
    "MAX_BODY",
    "MAX_DEPTH",
    "MAX_HEADER",
    "MAX_HELD",
    "MAX_ITEMS",
    "MAX_MARKS",
    "MAX_NUMBERS",
    "Foreign",
    "Handle",
    "Held",
    "Last",
    "Reader",
    "WireError",
    "Writer",
    "copy_of_plain",
    "expect_fields",
    "foreign",
    "generator_node",
    "generator_state",
    "packed",
    "read_frame",
    "same",
    "write_frame",
]
