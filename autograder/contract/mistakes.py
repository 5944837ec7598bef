"""What can be wrong, by name: what the grader says, and where the book explains it.

A mistake is recognised by behaviour (scales, rates, dependence), never by source text.
Each chapter's mistakes stand beside its checks; this module only holds the register.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """A named mistake.

    ``says`` completes the message to the student, in the second person; ``section`` is
    a target in the book, such as ``"conv-definitions"``, or None when the mistake may
    be made in any exercise: then the exercise's own section helps.
    """

    name: str
    says: str
    section: str | None

    @property
    def is_general(self) -> bool:
        return self.section is None


_register: dict[str, Mistake] = {}


def mistake(name: str, says: str, section: str | None) -> str:
    """Register a mistake and return its name, which checks pass to ``CheckFailure``.

    Raises ``ValueError`` when the name stands for another mistake already."""
    new = Mistake(name, says, section)
    if _register.setdefault(name, new) != new:
        raise ValueError(f"the mistake {name} is registered twice, differently")
    return name


class _Elsewhere(str):
    """What a mistake says, with the section that explains it."""

    section: str


def at(section: str, says: str) -> str:
    """Return what a mistake says that another section explains than its group's."""
    text = _Elsewhere(says)
    text.section = section
    return text


class Mistakes:
    """A group of mistakes: each attribute says what is wrong, and becomes its name.

    ``class Wrong(Mistakes, section="quant-count"): misses_a_count = "of n units …"``
    registers the mistake ``misses_a_count`` and leaves its name in
    ``Wrong.misses_a_count``, for checks to pass on. Line breaks in what a mistake says
    count as spaces, so that a long text may stand in triple quotes."""

    def __init_subclass__(cls, section: str | None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, says in list(vars(cls).items()):
            if isinstance(says, str) and not name.startswith("_"):
                where = getattr(says, "section", section)
                setattr(cls, name, mistake(name, " ".join(says.split()), where))


def find_mistake(name: str) -> Mistake:
    """Return the mistake of that name. Raises ``KeyError`` if there is none."""
    return _register[name]


def all_mistakes() -> Mapping[str, Mistake]:
    """Return every registered mistake by name."""
    return dict(_register)


#: The first word of a section's target, and the chapter whose page holds it.
_CHAPTERS = {
    "exp": "expectation",
    "conv": "conventions",
    "back": "backward",
    "quant": "quantization",
    "ens": "ensembles",
}


#: The environment variable that says where a course's students read the book.
BOOK = "DROPOUT_BOOK"


def book_address() -> str:
    """Return the address of the course's book with a / at its end, or nothing where the
    course set none, or what is no address of the web."""
    given = os.environ.get(BOOK, "").strip()
    return given.rstrip("/") + "/" if _is_address(given) and "#" not in given else ""


def _is_address(text: str) -> bool:
    fits = r"https?://[\w.\-:\[\]]+(/[\w.\-~/%+@]*(#[\w\-]+)?)?"
    return re.fullmatch(fits, text, re.ASCII) is not None


def page_of(section: str) -> str:
    """Return the address of a section: in the course's book, else from the book's root. A
    whole address stays as it is, as does the empty section of an exercise that the book
    does not explain."""
    if not section or _is_address(section):
        return section
    prefix = section.partition("-")[0]
    page = f"chapters/{_CHAPTERS.get(prefix, prefix)}.html#{section}"
    return book_address() + page
