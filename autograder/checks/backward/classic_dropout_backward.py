"""classic_dropout_backward: send the gradient back through classic dropout."""

from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import backward_pass

exercise = Exercise(
    "classic_dropout_backward",
    chapter="backward",
    title="Send the gradient back through classic dropout",
    signature="classic_dropout_backward(dout, cache) -> dx",
    section="back-derivation",
    needs=("classic_dropout",),
)


@exercise.check(points=0.25)
def returns_a_classic_gradient_of_the_inputs_shape(
    classic_dropout: StudentFunction,
    classic_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """The forward pass works, and dx has the shape of dout and holds finite floats."""
    backward_pass.runs(
        backward_pass.Pair(
            classic_dropout, classic_dropout_backward, trial, backward_pass.CLASSIC
        )
    )


@exercise.check(points=0.25, after="returns_a_classic_gradient_of_the_inputs_shape")
def its_forward_is_classic_dropout(
    classic_dropout: StudentFunction,
    classic_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """The forward pass gives 0 or x in training and keep_prob * x at test."""
    backward_pass.forward_follows(
        backward_pass.Pair(
            classic_dropout, classic_dropout_backward, trial, backward_pass.CLASSIC
        )
    )


@exercise.check(points=0.25, after="returns_a_classic_gradient_of_the_inputs_shape")
def only_kept_units_get_a_classic_gradient(
    classic_dropout: StudentFunction,
    classic_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """dx is 0 where the forward pass dropped, and nowhere else."""
    backward_pass.drops_the_gradient(
        backward_pass.Pair(
            classic_dropout, classic_dropout_backward, trial, backward_pass.CLASSIC
        )
    )


@exercise.check(points=0.5, after="only_kept_units_get_a_classic_gradient")
def kept_units_get_dout_itself(
    classic_dropout: StudentFunction,
    classic_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """dx is dout where the forward pass kept a unit."""
    backward_pass.scales_the_gradient(
        backward_pass.Pair(
            classic_dropout, classic_dropout_backward, trial, backward_pass.CLASSIC
        )
    )


@exercise.check(
    points=0.25,
    after="only_kept_units_get_a_classic_gradient",
    looks=backward_pass.ZERO_LOOKS,
)
def remembers_the_classic_mask_where_x_is_zero(
    classic_dropout: StudentFunction,
    classic_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """A unit whose input is 0 gets a gradient with probability keep_prob."""
    pair = backward_pass.Pair(
        classic_dropout, classic_dropout_backward, trial, backward_pass.CLASSIC
    )
    backward_pass.knows_the_mask_at_zero(pair)


@exercise.check(points=0.25, after="only_kept_units_get_a_classic_gradient")
def scales_dout_by_keep_prob_at_test(
    classic_dropout: StudentFunction,
    classic_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """After a forward pass with training=False, dx equals keep_prob * dout."""
    backward_pass.follows_test_mode(
        backward_pass.Pair(
            classic_dropout, classic_dropout_backward, trial, backward_pass.CLASSIC
        )
    )


@exercise.check(points=0.25, after="only_kept_units_get_a_classic_gradient")
def leaves_the_classic_upstream_gradient_alone(
    classic_dropout: StudentFunction,
    classic_dropout_backward: StudentFunction,
    trial: Trial,
) -> None:
    """dout is the same after the call as before."""
    backward_pass.leaves_dout_alone(
        backward_pass.Pair(
            classic_dropout, classic_dropout_backward, trial, backward_pass.CLASSIC
        )
    )
