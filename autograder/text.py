"""Text from outside, made fit for files, terminals and pages."""

import re

#: Control characters besides tab and newline, line separators, and marks that turn the
#: reading direction.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Return ``text`` with U+FFFD for what cannot be written as UTF-8 or would steer a
    terminal; tabs and newlines stay."""
    return _UNFIT.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Return ``clean(text)`` with each run of white space as one blank."""
    return " ".join(clean(text).split())
