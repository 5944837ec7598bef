"""inverted_dropout_backward: send the gradient back through inverted dropout."""

from autograder.contract.exercise import Exercise
from autograder.families.backward_pass import GRADIENT_TAKES, INVERTED, Family

exercise = Exercise(
    "inverted_dropout_backward",
    chapter="backward",
    title="Send the gradient back through inverted dropout",
    signature="inverted_dropout_backward(dout, cache) -> dx",
    section="back-derivation",
    needs=("inverted_dropout",),
    takes=GRADIENT_TAKES,
)

_family = Family(INVERTED)
_RUNS = "returns_a_gradient_of_the_inputs_shape"
_MASK = "only_kept_units_get_a_gradient"
exercise.asks(0.25, _RUNS, _family.runs)
exercise.asks(0.25, "its_forward_is_inverted_dropout", _family.forward, _RUNS)
exercise.asks(0.5, _MASK, _family.mask, _RUNS)
exercise.asks(1.0, "kept_units_get_dout_over_keep_prob", _family.scale, _MASK)
exercise.asks(0.5, "remembers_the_mask_where_x_is_zero", _family.zeros, _MASK)
exercise.asks(0.25, "passes_dout_through_at_test", _family.at_test, _MASK)
exercise.asks(0.25, "leaves_the_upstream_gradient_alone", _family.pure, _MASK)
