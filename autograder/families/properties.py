"""A test whose docstring states the property that it tests."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType

from autograder.contract.exercise import Property
from autograder.laws.binomial import Law


def stated(
    test: Callable[..., None], looks: Mapping[str, Law] = MappingProxyType({})
) -> Property:
    """Return the property that the first line of the test's docstring states."""
    says = (inspect.getdoc(test) or "").partition("\n")[0]
    return Property(says, test, looks)
