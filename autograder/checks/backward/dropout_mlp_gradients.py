"""dropout_mlp_gradients: loss and gradients of a network with one dropped layer."""

from dataclasses import replace

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise, network
from autograder.families.ensemble import every_mask, expect_follows_rng
from autograder.laws.binomial import Proportion, agreement, exact_count

exercise = Exercise(
    "dropout_mlp_gradients",
    chapter="backward",
    title="Loss and gradients of a network with one dropped layer",
    signature="dropout_mlp_gradients(params, x, y, keep_prob, rng) -> (loss, grads)",
    section="back-same-mask",
)


@exercise.check(points=0.25)
def returns_a_loss_and_four_gradients(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """loss is a number, and grads has a gradient of the right shape for each parameter."""
    for n, d, h, c in ((5, 4, 6, 3), (1, 3, 4, 2), (7, 2, 3, 5)):
        for keep_prob in (0.8, 0.3, 1.0):
            batch = network.Batch.random(trial, n, d, h, c, keep_prob)
            batch.run(dropout_mlp_gradients, trial.generator())


@exercise.check(points=0.5, after="returns_a_loss_and_four_gradients")
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


@exercise.check(points=0.25, after="is_plain_backpropagation_at_keep_prob_one")
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
                network.Wrong.softmax_overflows
                if network.holds_nan(result)
                else network.Wrong.clips_the_loss
            )
            raise CheckFailure(failure.message, nan) from None
        for name in network.PARTS:
            what = "loss" if name == "loss" else f"grads[{name!r}]"
            trial.expect(
                facts.close(found[name], expected[name], atol=1e-6),
                f"{call}: {what} is wrong; {facts.worst(found[name], expected[name])}.",
                network.Wrong.clips_the_loss if name == "loss" else None,
            )


@exercise.check(points=1.0, after="is_plain_backpropagation_at_keep_prob_one")
def one_mask_explains_loss_and_gradients(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """Some mask of the hidden units gives the loss and all four gradients at once."""
    # Two rows of four hidden units have 256 masks: few enough to try each of them.
    kept = every_mask(2, 4)
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
            network.Wrong.no_single_mask_explains_it,
        )
        trial.fail(messages[0], name)


MLP_RATE_LOOKS = {
    "kept at 0.8": Proportion(0.8, detects=0.03),
    "kept at 0.3": Proportion(0.3, detects=0.03),
}


@exercise.check(
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


@exercise.check(
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

    agree("successive calls", first, second, elementwise.Wrong.same_mask_every_call)
    agree("row pairs", first[::2], first[1::2], elementwise.Wrong.one_mask_for_all_rows)
    agree(
        "unit pairs", first[:, ::2], first[:, 1::2], elementwise.Wrong.drops_whole_rows
    )

    def count(look: str, kept: np.ndarray, what: str) -> None:
        mean = round(kept.shape[1] * _INDEPENDENT)
        exact = kept.sum(axis=1) == mean
        fixed = elementwise.Wrong.keeps_a_fixed_number if exact.all() else None
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


@exercise.check(points=0.25, after="one_mask_explains_loss_and_gradients")
def draws_the_mask_from_the_given_rng(
    dropout_mlp_gradients: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same gradients; another state, others."""
    batch = network.Batch.random(trial, 40, 5, 50, 3, 0.7)

    def gradient(rng: np.random.Generator) -> np.ndarray:
        return batch.run(dropout_mlp_gradients, rng)["W2"]

    expect_follows_rng(trial, gradient, "different gradients", "the same gradients")


@exercise.check(points=0.25, after="is_plain_backpropagation_at_keep_prob_one")
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
            network.Wrong.changes_parameters,
        )
    for name, before, now in zip("xy", given[1:], after[1:3], strict=True):
        trial.expect(
            np.array_equal(before, now),
            f"{batch.call} changed {name} in place.",
            elementwise.Wrong.changes_its_input,
        )
