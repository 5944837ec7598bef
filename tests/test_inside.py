"""No answer keeps all points that is wrong in one part of what a caller may pass."""

import pytest

from autograder.grading.run import grade_functions
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


@pytest.mark.parametrize("name", [n for n in inside.NAMES if inside.calls_of(n)])
def test_a_way_of_calling_in_which_rng_is_not_drawn_from_costs_something(
    name: str,
) -> None:
    parts = inside.calls_of(name)
    assert not [*inside.survivors(name, parts, of=inside.WRONG_SOURCE)]


#: Every so many windows and kinds are tried at each run, the others in ``make test-all``.
_FEW = 12


@pytest.mark.parametrize("name", inside.CLOSED)
@pytest.mark.parametrize(
    "few", [True, pytest.param(False, marks=pytest.mark.slow)], ids=("few", "all")
)
def test_a_magnitude_or_kind_of_arguments_costs_something(name: str, few: bool) -> None:
    """Of a closed form nothing but the value can be wrong."""
    parts = inside.magnitudes_of(name)[:: _FEW if few else 1]
    assert not [*inside.survivors(name, parts, of=inside.WRONG_VALUE)]


#: Wrong in calls of one form, and what is true of others alone.
FALSE_OF_FORMS = [
    ("alpha_dropout", "x of one entry, in training", "is wrong", "drops_at_least_one"),
    ("alpha_dropout", "x of more than 1000, in training", "draws", "drops_by_value"),
    ("effective_count", "x of one entry", "is wrong", "ignores_negative_contributions"),
    (
        *("inverted_dropout_backward", "dout of 3 axes, in training", "is wrong"),
        "gradient_is_another_at_zero",
    ),
    (
        *("classic_dropout", "x with axis 0 above 20, in training", "draws"),
        "one_bit_for_the_whole_array",
    ),
    (
        *("spatial_dropout", "x with axis 1 above 20, in training", "draws"),
        "does_not_drop_whole_channels",
    ),
    (
        "spatial_dropout",
        "x of large entries, in training",
        "draws",
        "same_mask_every_call",
    ),
    (
        *("spatial_dropout", "x of more than 200, in training", "draws"),
        "one_bit_for_the_whole_array",
    ),
    (
        "stochastic_depth",
        "x of 3 axes, in training",
        "draws",
        "drops_one_branch_for_the_batch",
    ),
]


@pytest.mark.parametrize(("name", "what", "does", "mistake"), FALSE_OF_FORMS)
def test_what_is_wrong_in_some_calls_alone_is_not_said_of_all(
    name: str, what: str, does: str, mistake: str
) -> None:
    """The calls in question keep everything, or are 1.1 times as large."""
    [part] = [
        each for each in inside.parts_of(name, of_forms=True) if each.what == what
    ]
    [way] = [each for each in inside.ways(name) if each.startswith(does)]
    answer = inside.Answer(name, part, way)
    result = grade_functions(name, answer.functions, inside.SEED)
    assert result.score < result.max_score
    assert mistake not in {check.mistake for check in result.checks}
