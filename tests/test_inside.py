"""No answer keeps all points that is wrong in one part of what a caller may pass."""

import pytest

from tests import inside


@pytest.mark.parametrize("name", inside.NAMES)
def test_a_window_of_keep_prob_costs_something(name: str) -> None:
    parts = inside.parts_of(name, of_forms=False)
    assert not [*inside.survivors(name, parts)]


@pytest.mark.slow
@pytest.mark.parametrize("name", inside.NAMES)
def test_a_form_of_the_arguments_costs_something(name: str) -> None:
    parts = inside.parts_of(name, of_forms=True)
    assert not [*inside.survivors(name, parts)]
