"""The backward pass of dropout, a network that uses it, and the ridge that it equals."""

from dataclasses import replace

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import mistake
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import backward_pass, elementwise, network
from autograder.laws.binomial import Proportion, agreement, exact_count

inverted = Exercise(
    "inverted_dropout_backward",
    chapter="backward",
    title="Send the gradient back through inverted dropout",
    signature="inverted_dropout_backward(dout, cache) -> dx",
    section="back-derivation",
    needs=("inverted_dropout",),
)
classic = Exercise(
    "classic_dropout_backward",
    chapter="backward",
    title="Send the gradient back through classic dropout",
    signature="classic_dropout_backward(dout, cache) -> dx",
    section="back-derivation",
    needs=("classic_dropout",),
)
mlp = Exercise(
    "dropout_mlp_gradients",
    chapter="backward",
    title="Loss and gradients of a network with one dropped layer",
    signature="dropout_mlp_gradients(params, x, y, keep_prob, rng) -> (loss, grads)",
    section="back-same-mask",
)
ridge = Exercise(
    "dropout_ridge",
    chapter="backward",
    title="The weights that dropout on a linear model tends to, without any mask",
    signature="dropout_ridge(x, y, keep_prob) -> weights",
    section="back-ridge",
)

# ---- The two backward passes ---------------------------------------------------------


@inverted.check(points=0.25)
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


@inverted.check(points=0.25, after="returns_a_gradient_of_the_inputs_shape")
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


@inverted.check(points=0.5, after="returns_a_gradient_of_the_inputs_shape")
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


@inverted.check(points=1.0, after="only_kept_units_get_a_gradient")
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


@inverted.check(
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


@inverted.check(points=0.25, after="only_kept_units_get_a_gradient")
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


@inverted.check(points=0.25, after="only_kept_units_get_a_gradient")
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


@classic.check(points=0.25)
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


@classic.check(points=0.25, after="returns_a_classic_gradient_of_the_inputs_shape")
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


@classic.check(points=0.25, after="returns_a_classic_gradient_of_the_inputs_shape")
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


@classic.check(points=0.5, after="only_kept_units_get_a_classic_gradient")
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


@classic.check(
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


@classic.check(points=0.25, after="only_kept_units_get_a_classic_gradient")
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


@classic.check(points=0.25, after="only_kept_units_get_a_classic_gradient")
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


# ---- A network with one dropped layer ------------------------------------------------


@mlp.check(points=0.25)
def returns_a_loss_and_four_gradients(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """loss is a number, and grads has a gradient of the right shape for each parameter."""
    for n, d, h, c in ((5, 4, 6, 3), (1, 3, 4, 2), (7, 2, 3, 5)):
        for keep_prob in (0.8, 0.3, 1.0):
            batch = network.Batch.random(trial, n, d, h, c, keep_prob)
            batch.run(dropout_mlp_gradients, trial.generator())


@mlp.check(points=0.5, after="returns_a_loss_and_four_gradients")
def is_plain_backpropagation_at_keep_prob_one(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, loss and gradients are those of the network without dropout."""
    for n, d, h, c in ((6, 4, 9, 3), (1, 3, 4, 2), (20, 5, 8, 4), (3, 3, 3, 3)):
        batch = network.Batch.random(trial, n, d, h, c, 1.0)
        found = batch.run(dropout_mlp_gradients, trial.generator())
        expected = batch.expected(np.ones(()))
        for name in network.PARTS:
            what = "loss" if name == "loss" else f"grads[{name!r}]"
            trial.expect(
                facts.close(found[name], expected[name], atol=1e-6),
                f"{batch.call}: {what} is wrong; {facts.worst(found[name], expected[name])}.",
                network.plain_mistake(batch, found, expected),
            )


@mlp.check(points=0.25, after="is_plain_backpropagation_at_keep_prob_one")
def large_logits_do_no_harm(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """With logits of ±1,000 loss and gradients are still finite and right."""
    batch = network.Batch.random(trial, 6, 3, 4, 3, 1.0)
    batch = replace(batch, y=np.arange(6) % 3)
    for offset in ([1000.0, 0.0, -1000.0], [1000.0, 1000.0, 1000.0]):
        params = {**batch.params, "b2": np.array(offset)}
        large = replace(batch, params=params)
        expected = large.expected(np.ones(()))
        call = f"{large.call} with the last bias {offset}"
        result = dropout_mlp_gradients(params, large.x, large.y, 1.0, trial.generator())
        try:
            found = network.loss_and_gradients(result, params, call)
        except CheckFailure as failure:
            nan = (
                network.SOFTMAX_OVERFLOWS
                if network.holds_nan(result)
                else network.CLIPS_THE_LOSS
            )
            raise CheckFailure(failure.message, nan) from None
        for name in network.PARTS:
            what = "loss" if name == "loss" else f"grads[{name!r}]"
            trial.expect(
                facts.close(found[name], expected[name], atol=1e-6),
                f"{call}: {what} is wrong; {facts.worst(found[name], expected[name])}.",
                network.CLIPS_THE_LOSS if name == "loss" else None,
            )


@mlp.check(points=1.0, after="is_plain_backpropagation_at_keep_prob_one")
def one_mask_explains_loss_and_gradients(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """Some mask of the hidden units gives the loss and all four gradients at once."""
    # Two rows of four hidden units have 256 masks: few enough to try each of them.
    kept = network.every_mask(2, 4)
    messages, explanations = [], set(network.EXPLANATIONS)
    for keep_prob in (0.8, 0.3) * 4:
        batch = network.Batch.random(trial, 2, 3, 4, 3, keep_prob)
        batch.params["b1"] += 1.0  # most units active: a dead one shows no mask
        found = batch.run(dropout_mlp_gradients, trial.generator())
        fits = network.fitting(found, batch.expected(kept / keep_prob))
        if network.together(fits).any():
            continue
        counts = ", ".join(f"{name} {int(fits[name].sum())}" for name in network.PARTS)
        messages.append(
            f"{batch.call}, 4 hidden units: none of the {len(kept)} masks gives loss and "
            f"gradients at once. Masks that give one of them: {counts}."
        )
        if explanations:
            explanations &= network.explanations_of(batch, found, kept)
    if messages:
        name = next(
            (name for name in network.EXPLANATIONS if name in explanations),
            network.NO_SINGLE_MASK,
        )
        trial.fail(messages[0], name)


MLP_RATE_LOOKS = {
    "kept at 0.8": Proportion(0.8, detects=0.03),
    "kept at 0.3": Proportion(0.3, detects=0.03),
}


@mlp.check(
    points=0.25, after="one_mask_explains_loss_and_gradients", looks=MLP_RATE_LOOKS
)
def keeps_hidden_units_at_the_stated_rate(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """Every hidden unit is kept with probability keep_prob."""
    for keep_prob in elementwise.KEEP_PROBS:
        look, rng = f"kept at {keep_prob}", trial.generator()
        rows = -(-trial.size(look) // 100)
        kept = network.hidden_mask(
            dropout_mlp_gradients, trial, rows, 100, keep_prob, rng
        )
        what = f"hidden units kept at keep_prob = {keep_prob}"

        dependent = network.dependence(kept)

        def name(
            share: float,
            keep_prob: float = keep_prob,
            dependent: str | None = dependent,
        ) -> str | None:
            return dependent or elementwise.share_name(share, keep_prob)

        trial.judge(look, kept, kept.size, what, name)


_INDEPENDENT = 0.7
MLP_INDEPENDENCE_LOOKS = {
    "row pairs": agreement(_INDEPENDENT, detects=0.05),
    "unit pairs": agreement(_INDEPENDENT, detects=0.05),
    "successive calls": agreement(_INDEPENDENT, detects=0.05),
    "count in a row": exact_count(20, _INDEPENDENT),
    "count in a call": exact_count(20, _INDEPENDENT),
}


@mlp.check(
    points=0.25,
    after="one_mask_explains_loss_and_gradients",
    looks=MLP_INDEPENDENCE_LOOKS,
)
def drops_hidden_units_independently(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """Rows, hidden units and calls have independent masks."""
    rng = trial.generator()
    pairs = max(
        trial.size(look) for look in MLP_INDEPENDENCE_LOOKS if "count" not in look
    )
    rows = 2 * -(-pairs // 100)
    first, second = (
        network.hidden_mask(dropout_mlp_gradients, trial, rows, 100, _INDEPENDENT, rng)
        for _ in range(2)
    )

    def agree(look: str, a: np.ndarray, b: np.ndarray, dependent: str) -> None:
        same = a == b
        name = dependent if same.all() else network.dependence(first)
        trial.judge(look, same, same.size, f"{look}: mask bits that agree", name)

    agree("successive calls", first, second, elementwise.SAME_MASK_EVERY_CALL)
    agree("row pairs", first[::2], first[1::2], elementwise.ONE_MASK_FOR_ALL_ROWS)
    agree("unit pairs", first[:, ::2], first[:, 1::2], elementwise.ONE_BIT_PER_ROW)

    def count(look: str, kept: np.ndarray, what: str) -> None:
        mean = round(kept.shape[1] * _INDEPENDENT)
        exact = kept.sum(axis=1) == mean
        fixed = elementwise.SAME_COUNT_EVERY_TIME if exact.all() else None
        trial.judge(look, exact, len(exact), f"{what} that keep exactly {mean}", fixed)

    many = trial.size("count in a row")
    kept = network.hidden_mask(
        dropout_mlp_gradients, trial, many, 20, _INDEPENDENT, rng
    )
    count("count in a row", kept, "rows of 20 hidden units")
    calls = [
        network.hidden_mask(
            dropout_mlp_gradients, trial, 4, 5, _INDEPENDENT, rng
        ).ravel()
        for _ in range(trial.size("count in a call"))
    ]
    count("count in a call", np.array(calls), "calls on 4 rows of 5 hidden units")


@mlp.check(points=0.25, after="one_mask_explains_loss_and_gradients")
def draws_the_mask_from_the_given_rng(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same gradients; another state, others."""
    batch, seed = network.Batch.random(trial, 40, 5, 50, 3, 0.7), trial.new_seed()

    def gradient(seed: int) -> np.ndarray:
        return batch.run(dropout_mlp_gradients, trial.generator(seed))["W2"]

    trial.expect(
        facts.close(gradient(seed), gradient(seed)),
        "Two generators in the same state gave different gradients; expected equal ones.",
        elementwise.NOT_FROM_RNG,
    )
    trial.expect(
        not facts.close(gradient(seed), gradient(trial.new_seed())),
        "Generators in different states gave the same gradients; expected different ones.",
        elementwise.SAME_MASK_EVERY_CALL,
    )


@mlp.check(points=0.25, after="is_plain_backpropagation_at_keep_prob_one")
def leaves_its_arguments_alone(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """params, x and y are the same after the call as before."""
    batch = network.Batch.random(trial, 8, 4, 6, 3, 0.8)
    given = (batch.params, batch.x, batch.y)
    _, after = dropout_mlp_gradients.observe(*given, 0.8, trial.generator())
    left = after[0] if isinstance(after[0], dict) else {}
    for name in sorted({*batch.params, *left}):
        before, now = batch.params.get(name), left.get(name)
        trial.expect(
            before is not None and now is not None and np.array_equal(before, now),
            f"{batch.call} changed params[{name!r}].",
            network.CHANGES_PARAMETERS,
        )
    for name, before, now in zip("xy", given[1:], after[1:3], strict=True):
        trial.expect(
            np.array_equal(before, now),
            f"{batch.call} changed {name} in place.",
            elementwise.CHANGES_ITS_INPUT,
        )


# ---- Ridge ---------------------------------------------------------------------------

SHRINKS_LEAST_SQUARES = mistake(
    "shrinks_least_squares",
    "your weights are those of least squares times keep_prob; that is the minimiser for "
    "columns without correlation only.",
    "back-ridge",
)
PENALTY_OF_LENGTHS = mistake(
    "penalty_of_column_lengths",
    "a weight pays in proportion to its column's length; it pays in proportion to the "
    "squared length, the sum of squares.",
    "back-ridge",
)
CLASSIC_WEIGHTS = mistake(
    "solves_for_classic_dropout",
    "your weights are larger by 1 / keep_prob: they belong to classic dropout, which does "
    "not rescale in training.",
    "back-ridge",
)
APPROXIMATES = mistake(
    "approximates_the_minimiser",
    "your weights are near the minimiser: either they come from drawn masks or from an "
    "iteration that stops early, or a small number is added for stability.",
    "back-ridge",
)
NEEDS_FULL_RANK = mistake(
    "needs_full_rank",
    "it works only where X'X has an inverse; with the penalty added first, the system "
    "has a solution for any number of rows.",
    "back-ridge",
)
IGNORES_DROPOUT = mistake(
    "least_squares_whatever_keep_prob",
    "your weights are those of least squares, without the penalty that dropout adds.",
    "back-ridge",
)
PENALTY_WITHOUT_ENERGY = mistake(
    "penalty_without_column_energy",
    "you add the same penalty to each weight; a weight pays in proportion to its "
    "column's sum of squares, and only for columns of unit length is that the same.",
    "back-ridge",
)
PENALTY_FACTOR = mistake(
    "penalty_factor",
    "your penalty has the right form and another factor than (1 − keep_prob) / keep_prob.",
    "back-ridge",
)
SWAPPED_PENALTY = mistake(
    "swapped_penalty",
    "your penalty's factor is keep_prob / (1 − keep_prob): keep and drop are swapped.",
    "back-ridge",
)
MEAN_PENALTY = mistake(
    "penalty_divided_by_rows",
    "your penalty is divided by the number of rows and the loss is not; both are sums "
    "over rows.",
    "back-ridge",
)
CENTRES = mistake(
    "adds_an_intercept",
    "you centre the data or fit an intercept; the model is x @ weights as it stands.",
    "back-ridge",
)


def weights_for(x: np.ndarray, y: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return the minimiser of squared loss plus sum(penalty * weights ** 2)."""
    return np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)


def energy(x: np.ndarray) -> np.ndarray:
    """Return each column's sum of squares."""
    return (x**2).sum(axis=0)


def expected_loss(
    x: np.ndarray, y: np.ndarray, keep_prob: float, weights: np.ndarray
) -> float:
    """Return the squared loss, summed over rows, expected over the masks."""
    penalty = (1 - keep_prob) / keep_prob * energy(x)
    return float(((y - x @ weights) ** 2).sum() + (penalty * weights**2).sum())


def problem(trial: Trial, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x whose columns differ in size and are not centred, and a target."""
    x = trial.rng.normal(0, 1, (n, d)) + trial.rng.uniform(-1, 1, d)
    x *= np.geomspace(0.3, 5, d)[trial.rng.permutation(d)]
    y = x @ trial.rng.normal(0, 1, d) + trial.rng.normal(0, 1, n) + 2
    return x, y


def same_weights(found: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether weights agree to 1e-5 of the largest of them."""
    return facts.close(found, expected, atol=1e-5 * float(np.abs(expected).max()))


def _ridge_mistake(
    x: np.ndarray, y: np.ndarray, keep_prob: float, found: np.ndarray
) -> str | None:
    """Return what is behind weights that do not minimise the expected loss."""
    q, columns = 1 - keep_prob, energy(x)
    factor = q / keep_prob
    centred, flat = x - x.mean(axis=0), np.ones_like(columns)
    variants = [
        (PENALTY_WITHOUT_ENERGY, x, y, factor * flat),
        (PENALTY_WITHOUT_ENERGY, x, y, factor * columns.mean() * flat),
        (SWAPPED_PENALTY, x, y, columns / factor),
        (MEAN_PENALTY, x, y, factor * columns / len(x)),
        (CENTRES, centred, y - y.mean(), factor * energy(centred)),
        (CENTRES, centred, y - y.mean(), factor * columns),
    ]
    other = (q, keep_prob, 1 / keep_prob, q / keep_prob**2, q * keep_prob, 2 * factor)
    variants += [
        (PENALTY_FACTOR, x, y, other_factor * columns) for other_factor in other
    ]
    variants.append((PENALTY_OF_LENGTHS, x, y, factor * np.sqrt(columns)))
    if len(x) >= x.shape[1]:
        variants.insert(0, (IGNORES_DROPOUT, x, y, 0 * columns))
    hits = (name for name, *of in variants if same_weights(found, weights_for(*of)))
    return next(hits, None) or _weights_mistake(x, y, keep_prob, found)


def _weights_mistake(
    x: np.ndarray, y: np.ndarray, keep_prob: float, found: np.ndarray
) -> str | None:
    """Return what is behind weights that no other penalty explains."""
    expected = weights_for(x, y, (1 - keep_prob) / keep_prob * energy(x))
    if same_weights(keep_prob * found, expected):
        return CLASSIC_WEIGHTS
    if len(x) < x.shape[1]:
        return NEEDS_FULL_RANK
    if same_weights(found, keep_prob * weights_for(x, y, 0 * energy(x))):
        return SHRINKS_LEAST_SQUARES
    losses = [expected_loss(x, y, keep_prob, w) for w in (found, expected)]
    return APPROXIMATES if losses[0] < 1.02 * losses[1] else None


def solves(
    function: StudentFunction, trial: Trial, n: int, d: int, keep_prob: float
) -> None:
    """Check the weights for one problem."""
    x, y = problem(trial, n, d)
    call = f"dropout_ridge(x of shape {x.shape}, y, {keep_prob})"
    found = facts.float_array(function(x, y, keep_prob), (d,), call, "weights")
    expected = weights_for(x, y, (1 - keep_prob) / keep_prob * energy(x))
    if same_weights(found, expected):
        return
    losses = [expected_loss(x, y, keep_prob, w) for w in (found, expected)]
    trial.fail(
        f"{call}: the expected loss at your weights is {losses[0]:.6g}, its minimum is "
        f"{losses[1]:.6g}; the weight that differs most: {facts.worst(found, expected)}.",
        _ridge_mistake(x, y, keep_prob, found)
        if keep_prob < 1
        else _weights_mistake(x, y, 1.0, found),
    )


@ridge.check(points=0.25)
def returns_one_weight_for_each_column(
    dropout_ridge: StudentFunction, trial: Trial
) -> None:
    """weights has shape (D,) and holds finite floating point numbers."""
    for n, d in ((30, 5), (12, 1), (10, 8)):
        for keep_prob in (0.8, 0.3, 1.0):
            x, y = problem(trial, n, d)
            call = f"dropout_ridge(x of shape {x.shape}, y, {keep_prob})"
            facts.float_array(dropout_ridge(x, y, keep_prob), (d,), call, "weights")


@ridge.check(points=0.25, after="returns_one_weight_for_each_column")
def is_least_squares_at_keep_prob_one(
    dropout_ridge: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 the weights are those of least squares."""
    for n, d in ((30, 5), (50, 2)):
        solves(dropout_ridge, trial, n, d, 1.0)


@ridge.check(points=1.0, after="returns_one_weight_for_each_column")
def minimises_the_expected_loss(dropout_ridge: StudentFunction, trial: Trial) -> None:
    """The weights minimise the squared loss expected over the masks."""
    for keep_prob in (0.8, 0.3, 0.95):
        for n, d in ((40, 5), (25, 3)):
            solves(dropout_ridge, trial, n, d, keep_prob)


@ridge.check(points=0.25, after="minimises_the_expected_loss")
def works_with_more_columns_than_rows(
    dropout_ridge: StudentFunction, trial: Trial
) -> None:
    """Below keep_prob = 1 the minimiser is found where least squares has many."""
    for keep_prob in elementwise.KEEP_PROBS:
        try:
            solves(dropout_ridge, trial, 4, 9, keep_prob)
        except StudentError as error:
            trial.fail(
                f"dropout_ridge(x of shape (4, 9), y, {keep_prob}): your code raised "
                f"{error.message}.",
                NEEDS_FULL_RANK,
            )


@ridge.check(points=0.25, after="minimises_the_expected_loss")
def leaves_the_data_alone(dropout_ridge: StudentFunction, trial: Trial) -> None:
    """x and y are the same after the call as before."""
    x, y = problem(trial, 20, 4)
    call = f"dropout_ridge(x of shape {x.shape}, y, 0.8)"
    _, after = dropout_ridge.observe(x, y, 0.8)
    for name, before, now in zip("xy", (x, y), after, strict=False):
        trial.expect(
            np.array_equal(before, now),
            f"{call} changed {name} in place.",
            elementwise.CHANGES_ITS_INPUT,
        )
