"""The language between judge and worker; both processes load it, and it needs NumPy alone.

Nothing that a worker says is unpickled or evaluated: its frames are JSON with raw bytes
of arrays."""

from autograder.wire.frames import (
    MAX_BODY,
    MAX_HEADER,
    MAX_MARKS,
    WireError,
    expect_fields,
    packed,
    packed_request,
    read_frame,
    read_request,
    write_frame,
)
from autograder.wire.generators import generator_node, generator_of, generator_state
from autograder.wire.many import Arguments, Results, read_results, written_calls
from autograder.wire.memory import Marks, shows_marks
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
    "Arguments",
    "Foreign",
    "Handle",
    "Held",
    "Last",
    "Marks",
    "Reader",
    "Results",
    "WireError",
    "Writer",
    "copy_of_plain",
    "expect_fields",
    "foreign",
    "generator_node",
    "generator_of",
    "generator_state",
    "packed",
    "packed_request",
    "read_frame",
    "read_request",
    "read_results",
    "same",
    "shows_marks",
    "write_frame",
    "written_calls",
]
