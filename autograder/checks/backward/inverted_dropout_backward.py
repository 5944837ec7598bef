"""inverted_dropout_backward: send the gradient back through inverted dropout."""

from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import backward_pass

exercise = Exercise(
    "inverted_dropout_backward",
    chapter="backward",
    title="Send the gradient back through inverted dropout",
    signature="inverted_dropout_backward(dout, cache) -> dx",
    section="back-derivation",
    needs=("inverted_dropout",),
)


@exercise.check(points=0.25)
def returns_a_gradient_of_the_inputs_shape(
    inverted_dropout: StudentFunction,
    inverted_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """The forward pass works, and dx has the shape of dout and holds finite floats."""
    backward_pass.runs(
        backward_pass.Pair(
            inverted_dropout, inverted_dropout_backward, trial, backward_pass.INVERTED
        )
    )


@exercise.check(points=0.25, after="returns_a_gradient_of_the_inputs_shape")
def its_forward_is_inverted_dropout(
    inverted_dropout: StudentFunction,
    inverted_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """The forward pass gives 0 or x / keep_prob in training and x at test."""
    backward_pass.forward_follows(
        backward_pass.Pair(
            inverted_dropout, inverted_dropout_backward, trial, backward_pass.INVERTED
        )
    )


@exercise.check(points=0.5, after="returns_a_gradient_of_the_inputs_shape")
def only_kept_units_get_a_gradient(
    inverted_dropout: StudentFunction,
    inverted_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """dx is 0 where the forward pass dropped, and nowhere else."""
    backward_pass.drops_the_gradient(
        backward_pass.Pair(
            inverted_dropout, inverted_dropout_backward, trial, backward_pass.INVERTED
        )
    )


@exercise.check(points=1.0, after="only_kept_units_get_a_gradient")
def kept_units_get_dout_over_keep_prob(
    inverted_dropout: StudentFunction,
    inverted_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """dx is dout / keep_prob where the forward pass kept a unit."""
    backward_pass.scales_the_gradient(
        backward_pass.Pair(
            inverted_dropout, inverted_dropout_backward, trial, backward_pass.INVERTED
        )
    )


@exercise.check(
    points=0.5, after="only_kept_units_get_a_gradient", looks=backward_pass.ZERO_LOOKS
)
def remembers_the_mask_where_x_is_zero(
    inverted_dropout: StudentFunction,
    inverted_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """A unit whose input is 0 gets a gradient with probability keep_prob."""
    pair = backward_pass.Pair(
        inverted_dropout, inverted_dropout_backward, trial, backward_pass.INVERTED
    )
    backward_pass.knows_the_mask_at_zero(pair)


@exercise.check(points=0.25, after="only_kept_units_get_a_gradient")
def passes_dout_through_at_test(
    inverted_dropout: StudentFunction,
    inverted_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """After a forward pass with training=False, dx equals dout."""
    backward_pass.follows_test_mode(
        backward_pass.Pair(
            inverted_dropout, inverted_dropout_backward, trial, backward_pass.INVERTED
        )
    )


@exercise.check(points=0.25, after="only_kept_units_get_a_gradient")
def leaves_the_upstream_gradient_alone(
    inverted_dropout: StudentFunction,
    inverted_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """dout is the same after the call as before."""
    backward_pass.leaves_dout_alone(
        backward_pass.Pair(
            inverted_dropout, inverted_dropout_backward, trial, backward_pass.INVERTED
        )
    )
