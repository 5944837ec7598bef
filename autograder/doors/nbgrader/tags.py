"""So many tags for what a student wrote on a page, and no more.

nbconvert reads each page that it has made once again, with BeautifulSoup, which takes about
1.5 kB for a tag: half a gigabyte for tables of 450,000 characters.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

#: Tags on a page, with those that close others. Solved notebooks have fewer than 2,000.
MOST_TAGS = 60_000

_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)


@contextlib.contextmanager
def bounded_tags() -> Iterator[None]:
    """Give the page that is made in the body room for ``MOST_TAGS``."""
    token = _left.set([MOST_TAGS])
    try:
        yield
    finally:
        _left.reset(token)


def there_is_room(part: str) -> bool:
    """Return whether the page has room for the tags of some HTML, which then take it.
    Outside a page there is room for every part by itself."""
    left = _left.get() or [MOST_TAGS]
    tags = part.count("<")
    if tags > left[0]:
        return False
    left[0] -= tags
    return True
