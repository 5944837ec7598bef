"""What properties of many families share: the sentence, and arguments left alone."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from autograder.contract.exercise import Property
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.laws.binomial import Law


def stated(
    test: Callable[..., None], looks: Mapping[str, Law] = MappingProxyType({})
) -> Property:
    """Return the property that the first line of the test's docstring states."""
    says = (inspect.getdoc(test) or "").partition("\n")[0]
    return Property(says, test, looks)


def expect_unchanged(
    trial: Trial,
    call: str,
    names: Iterable[str],
    given: Iterable[Any],
    after: Iterable[Any],
    hint: str = "",
) -> None:
    """Check that the given arguments, of these names, are as they were after the call;
    ``hint`` says how to do without, "{0}" in it being the name. A change in any other
    call of the grading then fails this check."""
    trial.asks_for_pure_calls(elementwise.Wrong.changes_its_input)
    for name, before, now in zip(names, given, after, strict=False):
        trial.expect(
            np.array_equal(before, now),
            f"{call} changed {name} in place{hint.format(name)}.",
            elementwise.Wrong.changes_its_input,
        )
