"""Reads of a notebook's JSON what grading needs, and nothing else.

A file of ``MAX_BYTES`` may hold outputs, and whatever a student puts into metadata: as
Python's objects they take twenty times that. What is not needed is passed over as bytes; of
it only brackets and quotes are looked at.
"""

import codecs
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

#: What is needed of a value: the whole (None), or of an object these items, or of each
#: value in a list the same.
Part = None | dict[str, "Part"] | list["Part"]

#: What grading needs of a notebook.
NOTEBOOK: Part = {
    "nbformat": None,
    "metadata": {"autograder": None},
    "cells": [
        {
            "cell_type": None,
            "source": None,
            "attachments": None,
            "metadata": {"nbgrader": None},
        }
    ],
}

_TOKEN = re.compile(rb'"[^"]*"?|[\[\]{}:,]|[^\s"\[\]{}:,]+')
_AT_ONCE = 2**16
#: Brackets, marks and values in a text: JSON of ``MAX_ITEMS`` has less than half as many.
MOST_TOKENS = 4_000_000
#: Lists and objects in the values that are needed whole: an attached image is one. A value
#: that has more than is left of them is not needed; the parts of cells are not counted.
MOST_INNER = 2_000


def in_ascii(text: str) -> str:
    """Return JSON in which what is beyond ASCII is escaped. In Python's texts one such
    character makes each of the others take up to four bytes, an image's too."""
    return text.encode("ascii", "json-escape").decode("ascii")


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("json-escape", _escape)


def skim(data: bytes, part: Part) -> Any:
    """Return the needed part of a JSON text in UTF-8, which may begin with a byte order
    mark. Of an object that should be a list, say, nothing is needed: it is None.

    Raises ``ValueError`` for what is no JSON as far as it was looked at, and
    ``RecursionError`` for what is nested too deeply."""
    for _ in _in_parts(data):
        pass  # all of it is text
    return _Reader(data).whole(part)


def _in_parts(data: bytes) -> Iterator[str]:
    """Yield the text, a part at a time. Raises ``UnicodeDecodeError``."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _AT_ONCE):
        yield decoder.decode(data[start : start + _AT_ONCE])
    yield decoder.decode(b"", final=True)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.start = 3 if data.startswith(codecs.BOM_UTF8) else 0
        self.room = MOST_INNER
        # As long as the text, and a quote in it begins or ends a string.
        plain = data.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        self.every = _TOKEN.finditer(plain, self.start)
        self.tokens = itertools.islice(self.every, MOST_TOKENS)

    def whole(self, part: Part) -> Any:
        found = self.value(self.next(), part)
        if (more := next(self.tokens, None)) is not None:
            raise self.error("there is more after its end", more.start())
        return found

    def next(self, expected: bytes = b"") -> re.Match[bytes]:
        token = next(self.tokens, None)
        if token is None and (more := next(self.every, None)) is not None:
            told = f"it has more than {MOST_TOKENS:,} brackets, marks and values"
            raise self.error(told, more.start())
        if token is None:
            raise self.error("it ends in the middle", len(self.data))
        if expected and token[0] not in expected.split():
            told = expected.decode().replace(" ", " or ")
            raise self.error(f"expected {told}", token.start())
        return token

    def value(self, token: re.Match[bytes], part: Part) -> Any:
        """Return the needed part of the value that begins with the token."""
        if isinstance(part, dict) and token[0] == b"{":
            return self.items(part)
        if isinstance(part, list) and token[0] == b"[":
            return self.values(part[0])
        end, inner = self.passed_over(token)
        if part is not None or inner > self.room:
            return None
        self.room -= inner
        return self.parsed(token.start(), end)

    def items(self, part: dict[str, Part]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        token = self.next()
        while token[0] != b"}":
            name = self.name(token)
            self.next(b":")
            value = self.next()
            if name in part:
                found[name] = self.value(value, part[name])
            else:
                self.passed_over(value)
            if (token := self.next(b", }"))[0] == b",":
                token = self.next()
        return found

    def values(self, part: Part) -> list[Any]:
        found = []
        token = self.next()
        while token[0] != b"]":
            found.append(self.value(token, part))
            if (token := self.next(b", ]"))[0] == b",":
                token = self.next()
        return found

    def name(self, token: re.Match[bytes]) -> str:
        """Return an item's name; "" for one that is too long to be needed."""
        if not token[0].startswith(b'"'):
            raise self.error("expected a name in quotes", token.start())
        if token.end() - token.start() > 200:
            return ""
        return str(self.parsed(token.start(), token.end()))

    def passed_over(self, token: re.Match[bytes]) -> tuple[int, int]:
        """Return where the value ends that begins with the token, and how many lists and
        objects are in it."""
        depth, inner = 0, 0
        while True:
            mark = token[0]
            inner += depth > 0 and mark in (b"[", b"{")
            depth += (mark in (b"[", b"{")) - (mark in (b"]", b"}"))
            if depth < 0 or (depth == 0 and mark in (b",", b":")):
                raise self.error("expected a value", token.start())
            if mark[:1] == b'"' and (len(mark) == 1 or mark[-1:] != b'"'):
                raise self.error("a text does not end", token.start())
            if depth == 0:
                return token.end(), inner
            token = self.next()

    def parsed(self, start: int, end: int) -> Any:
        parts = _in_parts(self.data[start:end])
        try:
            return json.loads("".join(map(in_ascii, parts)))
        except json.JSONDecodeError as error:
            raise self.error(error.msg, start + error.pos) from None

    def error(self, what: str, at: int) -> ValueError:
        line = self.data.count(b"\n", 0, at) + 1
        return ValueError(f"{what}: line {line}")
