"""Compares what a message claims with what a wrong answer says of itself.

A named mistake is a sentence; its claims stand before the first semicolon (what follows is
advice). ``claims.toml`` holds patterns of claims, each with a pattern of what an answer that
does so says in its name or docstring. Where a sentence offers several causes, one must fit,
otherwise all.

    python -m tests.claims

prints how many pairs of message and mutant were compared, which are false, and how many of
the sentences of other mistakes in the same exercise would have been refused.
"""

import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from autograder.contract.exercise import all_exercises
from autograder.contract.mistakes import find_mistake
from tests import bank

CLAIMS = Path(__file__).with_name("claims.toml")
_SEVERAL = re.compile(r"\b(either|or|such as|as (when|where|if|after))\b")


@functools.cache
def vocabulary() -> dict[str, str]:
    """Return patterns of claims, each with that of what supports it."""
    known: dict[str, str] = tomllib.loads(CLAIMS.read_text("utf-8"))["claims"]
    return known


@functools.cache
def claims_of(mistake: str) -> tuple[str, ...]:
    """Return which claims of the vocabulary a mistake's sentence makes."""
    says = find_mistake(mistake).says.lower()
    found = [claim for claim in vocabulary() if re.search(claim, says)]
    return tuple(found)


def own_words(mutant: bank.Answer) -> str:
    """Return what a wrong answer says of itself: its name and its docstring."""
    return " ".join(f"{mutant.name.replace('_', ' ')}: {mutant.why}".lower().split())


def supports(mutant: bank.Answer, mistake: str) -> bool:
    """Return whether the mutant says that it does what the mistake's sentence claims."""
    words = own_words(mutant)
    fits = [bool(re.search(vocabulary()[c], words)) for c in claims_of(mistake)]
    several = _SEVERAL.search(find_mistake(mistake).says)
    return any(fits) if several else bool(fits) and all(fits)


def pairs() -> Iterator[tuple[bank.Answer, str]]:
    """Yield each mutant with the mistake that its report names."""
    for mutant in bank.mutants():
        if mutant.mistake:
            yield mutant, mutant.mistake


def refused() -> tuple[int, int]:
    """Return how many wrong pairings within an exercise are refused, and of how many."""
    no = count = 0
    for mutant, right in pairs():
        others = {other.mistake for other in bank.mutants(mutant.exercise)}
        for other in others - {right, None}:
            no += not supports(mutant, str(other))
            count += 1
    return no, count


if __name__ == "__main__":
    all_exercises()
    compared = list(pairs())
    false = [(m, name) for m, name in compared if not supports(m, name)]
    for mutant, name in false:
        print(f"{name}: {find_mistake(name).says}\n    {own_words(mutant)}")
    no, count = refused()
    print(f"{len(compared)} pairs compared, {len(false)} false")
    print(f"{no} of {count} wrong pairings refused ({no / count:.1%})")
