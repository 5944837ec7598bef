"""Takes a script apart into what can run by itself, so that one mistake costs the block it
stands in and no other. Only a worker parses a student's code: it has limits, a judge none.
"""

import ast
import itertools
import re
from collections.abc import Iterator

#: What Python's parser raises for code that is none, or that is too much for it.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_BEGINS = re.compile(r"[A-Za-z_@]")
#: Goes on with the block above, as a decorator does with the one below.
_GOES_ON = re.compile(r"(?:elif|else|except|finally)\b")
_QUOTES = '"""', "'''"


class Failures(Exception):
    """What came of a script's statements, where not all of them ran."""

    def __init__(self, errors: list[BaseException]) -> None:
        super().__init__()
        self.errors = errors

    def first(self) -> list[BaseException]:
        """Return the first three broken blocks, which explain all else; if the syntax is
        right, the first error."""
        broken = [isinstance(error, SyntaxError) for error in self.errors]
        return list(itertools.compress(self.errors, broken))[:3] or self.errors[:1]


def statements(source: str, filename: str) -> Iterator[ast.stmt | Exception]:
    """Yield the top-level statements of a script in their order.

    Where its syntax is broken, in place of each broken block comes what Python says of
    it. All carry their line in ``source``, from 1."""
    try:
        yield from ast.parse(source, filename).body
        return
    except UNREADABLE:
        pass
    for above, block in blocks(source):
        yield from _parsed(block, filename, above)


def _parsed(block: str, filename: str, above: int) -> Iterator[ast.stmt | Exception]:
    """Yield a block's statements, or its error; ``above`` counts the lines above it."""
    try:
        body = ast.parse(block, filename).body
    except UNREADABLE as error:
        if isinstance(error, SyntaxError) and error.lineno is not None:
            error.lineno += above
        yield error
        return
    for node in body:
        ast.increment_lineno(node, above)
        yield node


def blocks(source: str) -> list[tuple[int, str]]:
    """Return runs of lines that each start at column 0, joined where they belong together,
    each after the number of lines above it. Of broken ones that belong together, what
    parses alone comes again.

    Each line is parsed at most four times: all that costs what a whole script costs."""
    found: list[tuple[int, str]] = []
    broken = False
    for group in _groups(_pieces(source)):
        whole = "".join(text for _, text in group)
        if broken and _parses(found[-1][1] + whole):
            found[-1] = found[-1][0], found[-1][1] + whole
            broken = False
            continue
        broken = not _parses(whole)
        found.append((group[0][0], whole))
        if broken and len(group) > 1:
            found += [piece for piece in group if _parses(piece[1])]
            broken = False
    return found


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except UNREADABLE:
        return False
    return True


def _pieces(source: str) -> list[tuple[int, str]]:
    """Return the lines in runs, each after the number of lines above it. Each but the
    first starts with a word, or with the decorators of one."""
    lines = [line + "\n" for line in source.split("\n")]
    starts = [i for i, line in enumerate(lines) if i > 0 and _BEGINS.match(line)]
    edges = [
        i for above, i in itertools.pairwise([0, *starts]) if lines[above][0] != "@"
    ]
    return [
        (a, "".join(lines[a:b])) for a, b in itertools.pairwise([0, *edges, len(lines)])
    ]


def _groups(pieces: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield the pieces, together those that seem to belong together."""
    within = _within_texts([text for _, text in pieces])
    group: list[tuple[int, str]] = []
    for piece, inside in zip(pieces, within, strict=True):
        if group and not inside and not _GOES_ON.match(piece[1]):
            yield group
            group = []
        group.append(piece)
    yield group


def _within_texts(pieces: list[str]) -> list[bool]:
    """Return for each piece whether a text in triple quotes may be open before it."""
    opened = dict.fromkeys(_QUOTES, False)
    # A text that is never closed has no end to wait for.
    left = {q: sum(piece.count(q) % 2 for piece in pieces) for q in _QUOTES}
    within = []
    for piece in pieces:
        within.append(any(opened.values()))
        for quote in _QUOTES:
            if piece.count(quote) % 2:
                left[quote] -= 1
                opened[quote] = not opened[quote] and left[quote] > 0
    return within
