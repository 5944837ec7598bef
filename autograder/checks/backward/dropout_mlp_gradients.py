"""dropout_mlp_gradients: loss and gradients of a network with one dropped layer."""

from dataclasses import replace
from functools import partial

import numpy as np

from autograder.contract import domain
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise, network
from autograder.families.ensemble import every_mask, expect_follows_rng
from autograder.families.network import Batch
from autograder.families.properties import expect_unchanged, stated
from autograder.laws.binomial import Proportion, agreement, exact_count

exercise = Exercise(
    "dropout_mlp_gradients",
    chapter="backward",
    title="Loss and gradients of a network with one dropped layer",
    signature="dropout_mlp_gradients(params, x, y, keep_prob, rng) -> (loss, grads)",
    section="back-same-mask",
    takes={
        "params": domain.Range(
            "`params` is a dict of four float arrays",
            {
                "D = 1": lambda params: params["W1"].shape[0] == 1,
                "H = 1": lambda params: params["W1"].shape[1] == 1,
                "C = 2": lambda params: params["W2"].shape[1] == 2,
                "large weights": lambda params: np.abs(params["W2"]).max() > 100,
            },
        ),
        "x": domain.arrays("`x` is a float array (N, D), N >= 1", 2, 2).also(
            one_row=lambda x: len(x) == 1,
            zeros=lambda x: (x == 0).any(),
        ),
        "y": domain.Range(
            "labels from 0 to C - 1",
            {"one label alone": lambda y: y.size > 1 and np.ptp(y) == 0},
        ),
        "keep_prob": domain.keep_probs(),
    },
)


def _runs(function: StudentFunction, trial: Trial) -> None:
    """loss is a number, and grads has a gradient of the right shape for each parameter."""
    for sizes in ((5, 4, 6, 3), (1, 3, 4, 2), (7, 2, 3, 5)):
        for keep_prob in (0.8, 0.3, 1.0):
            Batch.random(trial, *sizes, keep_prob).run(function, trial.generator())


def _is_plain(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, loss and gradients are those of the network without dropout."""
    for sizes in ((6, 4, 9, 3), (1, 3, 4, 2), (20, 5, 8, 4), (3, 3, 3, 3)):
        batch = Batch.random(trial, *sizes, 1.0)
        found, expected = batch.run(function, trial.generator()), batch.expected(1.0)
        for _, what in network.differing(found, expected):
            name = network.plain_mistake(batch, found, expected)
            trial.fail(f"{batch.call}: {what}", name)


def _survives_large_logits(function: StudentFunction, trial: Trial) -> None:
    """With logits of ±1,000 loss and gradients are still finite and right."""
    batch, clips = Batch.random(trial, 6, 3, 4, 3, 1.0), network.Wrong.clips_the_loss
    for offset in ([1000.0, 0.0, -1000.0], [1000.0, 1000.0, 1000.0]):
        params = {**batch.params, "b2": np.array(offset)}
        large = replace(batch, params=params, y=np.arange(6) % 3)
        call = f"{large.call} with the last bias {offset}"
        result = function(*large.given, trial.generator())
        try:
            found = network.loss_and_gradients(result, params, call)
        except CheckFailure as failure:
            nan = network.holds_nan(result)
            name = network.Wrong.softmax_overflows if nan else clips
            raise CheckFailure(failure.message, name) from None
        for part, what in network.differing(found, large.expected(1.0)):
            trial.fail(f"{call}: {what}", clips if part == "loss" else None)


def _uses_one_mask(function: StudentFunction, trial: Trial) -> None:
    """Some mask of the hidden units gives the loss and all four gradients at once."""
    # Two rows of four hidden units have 256 masks: few enough to try each of them.
    kept = every_mask(2, 4)
    message, names = "", None
    for keep_prob in (0.8, 0.3) * 4:
        batch = Batch.random(trial, 2, 3, 4, 3, keep_prob)
        batch.params["b1"] += 1.0  # most units active: a dead one shows no mask
        found = batch.run(function, trial.generator())
        fits = network.fitting(found, batch.expected(kept / keep_prob))
        if network.together(fits).any():
            continue
        counts = ", ".join(f"{name} {int(fits[name].sum())}" for name in network.PARTS)
        message = message or (
            f"{batch.call}, 4 hidden units: none of the {len(kept)} masks gives loss and "
            f"gradients at once. Masks that give one of them: {counts}."
        )
        if names != []:  # what explains every call
            shown = network.explanations_of(batch, found, kept)
            names = [name for name in names or shown if shown.get(name)]
    if message:
        trial.fail(
            message, [*(names or ()), network.Wrong.no_single_mask_explains_it][0]
        )


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every hidden unit is kept with probability keep_prob."""
    for keep_prob in elementwise.KEEP_PROBS:
        look, rng = f"kept at {keep_prob}", trial.generator()
        rows = -(-trial.size(look) // 100)
        kept = network.hidden_mask(function, trial, rows, 100, keep_prob, rng)
        rate = partial(elementwise.share_name, keep_prob=keep_prob)
        what = f"hidden units kept at keep_prob = {keep_prob}"
        trial.judge(look, kept, kept.size, what, network.dependence(kept) or rate)


_INDEPENDENT = 0.7
_PAIRS = ("row pairs", "unit pairs", "successive calls")
_PAIR_LOOKS = {name: agreement(_INDEPENDENT, detects=0.05) for name in _PAIRS}
_COUNTS = ("count in a row", "count in a call")
_COUNT_LOOKS = {name: exact_count(20, _INDEPENDENT) for name in _COUNTS}


def _drops_independently(function: StudentFunction, trial: Trial) -> None:
    """Rows, hidden units and calls have independent masks."""
    rng, pairs = trial.generator(), max(map(trial.size, _PAIR_LOOKS))

    def mask(rows: int, units: int) -> np.ndarray:
        return network.hidden_mask(function, trial, rows, units, _INDEPENDENT, rng)

    bits, other = (mask(2 * -(-pairs // 100), 100) for _ in range(2))
    wrong = elementwise.Wrong
    looks = {
        "successive calls": (bits, other, wrong.same_mask_every_call),
        "row pairs": (bits[::2], bits[1::2], wrong.one_mask_for_all_rows),
        "unit pairs": (bits[:, ::2], bits[:, 1::2], wrong.drops_whole_rows),
    }
    for look, (a, b, dependent) in looks.items():
        name = dependent if (a == b).all() else network.dependence(bits)
        trial.judge(look, a == b, a.size, f"{look}: mask bits that agree", name)

    def count(look: str, kept: np.ndarray, what: str) -> None:
        exact = kept.sum(axis=1) == 14
        fixed = wrong.keeps_a_fixed_number if exact.all() else None
        trial.judge(look, exact, len(exact), f"{what} that keep exactly 14", fixed)

    kept = mask(trial.size("count in a row"), 20)
    count("count in a row", kept, "rows of 20 hidden units")
    calls = [mask(4, 5).ravel() for _ in range(trial.size("count in a call"))]
    count("count in a call", np.array(calls), "calls on 4 rows of 5 hidden units")


def _follows_rng(function: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same gradients; another state, others."""
    batch = Batch.random(trial, 40, 5, 50, 3, 0.7)

    def gradient(rng: np.random.Generator) -> np.ndarray:
        return batch.run(function, rng)["W2"]

    expect_follows_rng(trial, gradient, "different gradients", "the same gradients")


def _leaves_arguments_alone(function: StudentFunction, trial: Trial) -> None:
    """params, x and y are the same after the call as before."""
    batch = Batch.random(trial, 8, 4, 6, 3, 0.8)
    _, after = function.observe(*batch.given, trial.generator())
    left = after[0] if isinstance(after[0], dict) else {}
    for name in sorted({*batch.params, *left}):
        before, now = batch.params.get(name), left.get(name)
        trial.expect(
            before is not None and now is not None and np.array_equal(before, now),
            f"{batch.call} changed params[{name!r}].",
            network.Wrong.changes_parameters,
        )
    expect_unchanged(trial, batch.call, "xy", batch.given[1:], after[1:])


_RATES = {f"kept at {p}": Proportion(p, detects=0.03) for p in elementwise.KEEP_PROBS}
_RUNS = "returns_a_loss_and_four_gradients"
_PLAIN = "is_plain_backpropagation_at_keep_prob_one"
_ONE = "one_mask_explains_loss_and_gradients"
_INDEPENDENCE = stated(_drops_independently, _PAIR_LOOKS | _COUNT_LOOKS)
exercise.asks(0.25, _RUNS, stated(_runs))
exercise.asks(0.5, _PLAIN, stated(_is_plain), _RUNS)
exercise.asks(0.25, "large_logits_do_no_harm", stated(_survives_large_logits), _PLAIN)
exercise.asks(1.0, _ONE, stated(_uses_one_mask), _PLAIN)
exercise.asks(
    0.25, "keeps_hidden_units_at_the_stated_rate", stated(_keeps_at_rate, _RATES), _ONE
)
exercise.asks(0.25, "drops_hidden_units_independently", _INDEPENDENCE, _ONE)
exercise.asks(0.25, "draws_the_mask_from_the_given_rng", stated(_follows_rng), _ONE)
exercise.asks(
    0.25, "leaves_its_arguments_alone", stated(_leaves_arguments_alone), _PLAIN
)
