"""classic_dropout_backward: send the gradient back through classic dropout."""

from autograder.contract.exercise import Exercise
from autograder.families.backward_pass import CLASSIC, GRADIENT_TAKES, Family

exercise = Exercise(
    "classic_dropout_backward",
    chapter="backward",
    title="Send the gradient back through classic dropout",
    signature="classic_dropout_backward(dout, cache) -> dx",
    section="back-derivation",
    needs=("classic_dropout",),
    takes=GRADIENT_TAKES,
)

_family = Family(CLASSIC)
_RUNS = "returns_a_classic_gradient_of_the_inputs_shape"
_MASK = "only_kept_units_get_a_classic_gradient"
exercise.asks(0.25, _RUNS, _family.runs)
exercise.asks(0.25, "its_forward_is_classic_dropout", _family.forward, _RUNS)
exercise.asks(0.25, _MASK, _family.mask, _RUNS)
exercise.asks(0.5, "kept_units_get_dout_itself", _family.scale, _MASK)
exercise.asks(0.25, "remembers_the_classic_mask_where_x_is_zero", _family.zeros, _MASK)
exercise.asks(0.25, "scales_dout_by_keep_prob_at_test", _family.at_test, _MASK)
exercise.asks(0.25, "leaves_the_classic_upstream_gradient_alone", _family.pure, _MASK)
