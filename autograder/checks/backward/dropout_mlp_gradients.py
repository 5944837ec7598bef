"""dropout_mlp_gradients: loss and gradients of a network with one dropped layer."""

from dataclasses import replace
from functools import partial

import numpy as np

from autograder.checks.conventions.inverted_dropout import Wrong as WrongDropout
from autograder.checks.expectation.bernoulli_mask import Wrong as WrongMask
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import (
    any_size,
    elementwise,
    lags,
    network,
    network_draws,
    network_forms,
    ordinary_batches,
    ordinary_calls,
    shared_bits,
    small_batches,
    small_calls,
    whole_batches,
)
from autograder.families.ensemble import every_mask, expect_follows_rng
from autograder.families.network import Batch
from autograder.families.properties import expect_unchanged, stated
from autograder.laws.binomial import (
    Law,
    Proportion,
    agreement,
    exact_count,
    near_count,
)


def _has_dtype(name: str) -> domain.Fits:
    return lambda y: bool(y.dtype == name)


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
                "large biases": lambda params: np.abs(params["b2"]).max() >= 900,
                "biases of 0": lambda params: (
                    not (params["b1"].any() or params["b2"].any())
                ),
            },
        ),
        "x": domain.arrays("`x` is a float array (N, D), N >= 1", 2, 2).also(
            one_row=lambda x: len(x) == 1,
            zeros=lambda x: (x == 0).any(),
            whole_numbers=lambda x: (x == x.round()).all() and x.any(),
            float32=lambda x: x.dtype == np.float32,
        ),
        "y": domain.Range(
            "labels from 0 to C - 1",
            {
                "one label alone": lambda y: y.size > 1 and np.ptp(y) == 0,
                **{dtype: _has_dtype(dtype) for dtype in network_forms.LABELS},
            },
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
    ordinary = (batch.moderate() for batch in ordinary_batches.undropped(trial.rng))
    for batch in (*network_forms.plain(trial), *ordinary):
        found, expected = batch.run(function, trial.generator()), batch.expected(1.0)
        for _, what in network.differing(found, expected, batch.slack):
            name = network.plain_mistake(batch, found, expected)
            trial.fail(f"{batch.call}: {what}", name)


_TO_ALL_DIGITS = dict.fromkeys(network.PARTS, 1e-9)


def _survives_large_logits(function: StudentFunction, trial: Trial) -> None:
    """With logits of ±1,000 loss and gradients are still finite and right."""
    batch, wrong = Batch.random(trial, 6, 3, 4, 3, 1.0), network.Wrong
    clips, overflows = wrong.clips_the_loss, wrong.softmax_overflows
    # Only the last has labels of a probability that rounds to 0; no label is the third
    # class, whose gradients there are 0.
    for offset, name in (
        ([1000.0, 1000.0, 1000.0], overflows),
        ([-1000.0, -1000.0, -1000.0], overflows),
        (None, wrong.one_maximum_for_all_rows),
        ([1000.0, 0.0, -1000.0], clips),
    ):
        large = replace(batch, y=np.arange(6) % 2)
        if offset is None:
            large, what = _apart(large), "rows whose logits are near 990, -990 and 0"
        else:
            large = replace(large, params={**batch.params, "b2": np.array(offset)})
            what = f"the last bias {offset}"
        call = f"{large.call} with {what}"
        found, expected = _finite(function, trial, large, call, name), large.expected(1)
        for part, text in network.differing(found, expected, _TO_ALL_DIGITS):
            far = not facts.close(found[part], expected[part], rtol=1e-3, atol=1e-3)
            loses = wrong.loses_digits_in_large_logits
            trial.fail(f"{call}: {text}", clips if part == "loss" and far else loses)
    for batch in ordinary_batches.undropped(trial.rng):
        found = _finite(function, trial, batch, batch.call, overflows)
        for _, text in network.differing(found, batch.expected(1.0), batch.slack):
            trial.fail(f"{batch.call}: {text}", wrong.loses_digits_in_large_logits)


def _finite(
    function: StudentFunction, trial: Trial, batch: Batch, call: str, name: str
) -> network.Arrays:
    """Return loss and gradients; where they are not finite the mistake is ``name``, or
    an overflow where that shows in the gradients."""
    result = function(*batch.given, trial.generator())
    try:
        return network.loss_and_gradients(result, batch.params, call)
    except CheckFailure as failure:
        if name == network.Wrong.clips_the_loss and network.holds_nan(result):
            name = network.Wrong.softmax_overflows
        raise CheckFailure(failure.message, name) from None


def _apart(batch: Batch) -> Batch:
    """Return a batch of six rows whose logits are near 990, -990 or 0, as far as rows go;
    in each row they differ moderately."""
    params = {name: value.copy() for name, value in batch.params.items()}
    x, sides = batch.x.copy(), np.array([1.0, -1.0, 0.0, 1.0, -1.0, 0.0])
    x[:, 0] = 990 * sides
    params["W1"][0], params["W1"][1:, :2], params["b1"][:2] = 0, 0, 0.01
    params["W1"][0, :2], params["W2"][:2] = (1, -1), [[1], [-1]]
    return replace(batch, params=params, x=x)


def _survives_while_dropping(function: StudentFunction, trial: Trial) -> None:
    """Check that some mask explains a call whose logits, with it, reach ±1,000."""
    batch = Batch.random(trial, 2, 3, 4, 3, 0.5)
    batch.params["b1"] += 1.0
    batch.params["b2"][:], batch.y[:] = (900, 0, -900), (1, 2)
    hidden = np.maximum(batch.x @ batch.params["W1"] + batch.params["b1"], 0) / 0.5
    # One time in 2,500 no unit is active, and the sums are 0.
    batch.params["W2"] *= 99 / ((hidden @ np.abs(batch.params["W2"])).max() or 1)
    call = f"{batch.call} with logits up to ±1,000"
    found = _finite(function, trial, batch, call, network.Wrong.clips_the_loss)
    network_draws.expect_some_mask(trial, batch, found, call)


def _uses_one_mask(function: StudentFunction, trial: Trial) -> None:
    """Some mask of the hidden units gives the loss and all four gradients at once."""
    # Two rows of four hidden units have 256 masks: few enough to try each of them.
    kept = every_mask(2, 4)
    message, names = "", None
    for keep_prob in (0.8, 0.3) * 4:
        batch = Batch.random(trial, 2, 3, 4, 3, keep_prob)
        batch.params["b1"] += 1.0  # most units active: a dead one shows no mask
        found = batch.run(function, trial.generator())
        fits = network.fitting(found, batch.expected(kept / keep_prob), batch.slack)
        if network.together(fits).any():
            continue
        counts = ", ".join(f"{name} {int(fits[name].sum())}" for name in network.PARTS)
        message = message or (
            f"{batch.call}, 4 hidden units: none of the {len(kept)} masks gives loss and "
            f"gradients at once. Masks that give one of them: {counts}."
        )
        if names != []:  # what explains every call
            scales = _scales(kept, keep_prob)
            shown = network.explanations_of(batch, found, kept, scales)
            names = [name for name in names or shown if shown.get(name)]
    if message:
        trial.fail(
            message, [*(names or ()), network.Wrong.no_single_mask_explains_it][0]
        )
    any_size.expect_right(function, trial)
    _survives_while_dropping(function, trial)
    batch = network_forms.whole_numbers(trial.rng, 0.6)
    call = f"{batch.call} with whole numbers in all arrays"
    found = batch.run(function, trial.generator())
    network_draws.expect_some_mask(trial, batch, found, call)
    network_draws.expect_right(function, trial)
    ordinary_calls.expect_right(function, trial)
    whole_batches.expect_whole(function, trial)


def _scales(kept: np.ndarray, keep_prob: float) -> dict[str, np.ndarray]:
    """Return, by mistake, what wrong layers multiply the units of the masks with."""
    wrong, p = WrongDropout, keep_prob
    share = kept.mean(axis=-1, keepdims=True)
    whole = kept.mean(axis=(-1, -2), keepdims=True)
    factors = {
        wrong.divides_by_drop_probability: 1 / (1 - p),
        wrong.multiplies_by_keep_prob: p,
        wrong.rescales_twice: 1 / p**2,
        wrong.divides_by_the_root: p**-0.5,
    }
    scales = {name: np.asarray(factor) for name, factor in factors.items()}
    fractions = [1 / np.maximum(fraction, 1e-9) for fraction in (share, whole)]
    ones = np.ones_like(kept)
    scales[wrong.divides_by_kept_fraction] = np.stack([f * ones for f in fractions])
    return scales


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every hidden unit is kept with probability keep_prob."""
    for keep_prob, units in zip(elementwise.KEEP_PROBS, (100, 400), strict=True):
        look, rng = f"kept at {keep_prob}", trial.generator()
        rows, bias = -(-trial.size(look) // units), keep_prob > 0.5
        kept = network.hidden_mask(function, trial, rows, units, keep_prob, rng, bias)
        if shared_bits.leaves_them(trial, kept, function.name, _INDEPENDENT_BITS):
            return
        rate = partial(elementwise.share_name, keep_prob=keep_prob)
        what = f"hidden units kept at keep_prob = {keep_prob}"
        trial.judge(look, kept, kept.size, what, rate)
    rng, name = trial.generator(), elementwise.Wrong.rounds_or_clips_keep_prob
    for keep_prob in _NEAR_THE_ENDS:
        look = f"kept at {keep_prob}"
        rows = -(-trial.size(look) // 100)
        bias = keep_prob < 0.5
        kept = network.hidden_mask(function, trial, rows, 100, keep_prob, rng, bias)
        what = f"hidden units kept at keep_prob = {keep_prob}"
        trial.judge(look, kept, kept.size, what, name)
    other = elementwise.Wrong.keeps_some_calls_at_another_rate
    single = elementwise.Wrong.drops_at_least_one, WrongMask.keeps_at_least_one
    network_draws.judge(network_draws.RATE, function, trial, other, single)
    ordinary_calls.judge(ordinary_calls.RATE, function, trial, other)
    small = small_batches.SMALL
    small_calls.expect_rate(function, trial, small, judged_apart=True)


_INDEPENDENT = 0.7
_PAIRS = ("row pairs", "unit pairs", "successive calls")
_PAIR_LOOKS = {name: agreement(_INDEPENDENT, detects=0.05) for name in _PAIRS}
_COUNTS = ("count in a row", "count in a call")
_COUNT_LOOKS = {name: exact_count(20, _INDEPENDENT) for name in _COUNTS}
_SPREAD: dict[str, Law] = {lags.LOOK: lags.LAW, lags.LARGE: lags.LAW}
_SPREAD |= {network_draws.PAIRS: network_draws.LAW}
_SPREAD |= {ordinary_calls.SPREAD: ordinary_calls.LAWS[ordinary_calls.SPREAD]}
_SPREAD |= {"count in a large call": near_count(600, _INDEPENDENT, 6, detects=0.5)}
_NEAR_THE_ENDS = (0.02, 0.98)


def _drops_independently(function: StudentFunction, trial: Trial) -> None:
    """Rows, hidden units and calls have independent masks."""
    rng, pairs = trial.generator(), max(map(trial.size, _PAIR_LOOKS))

    def mask(rows: int, units: int) -> np.ndarray:
        return network.hidden_mask(function, trial, rows, units, _INDEPENDENT, rng)

    bits, other = (mask(2 * -(-pairs // 300), 300) for _ in range(2))
    wrong = elementwise.Wrong
    looks = {
        "successive calls": (bits, other, wrong.same_mask_every_call),
        "row pairs": (bits[::2], bits[1::2], wrong.one_mask_for_all_rows),
        "unit pairs": (bits[:, ::2], bits[:, 1::2], wrong.drops_whole_rows),
    }
    for look, (a, b, dependent) in looks.items():
        name = dependent if (a == b).all() else elementwise.shared_bits(bits)
        if name == wrong.same_mask_every_call and (mask(*bits.shape) != bits).any():
            name = wrong.reuses_masks
        trial.judge(look, a == b, a.size, f"{look}: mask bits that agree", name)

    def count(look: str, kept: np.ndarray, what: str) -> None:
        exact = kept.sum(axis=1) == 14
        fixed = wrong.keeps_a_fixed_number if exact.all() else None
        trial.judge(look, exact, len(exact), f"{what} that keep exactly 14", fixed)

    kept = mask(trial.size("count in a row"), 20)
    count("count in a row", kept, "rows of 20 hidden units")
    small = Batch.readable(trial, 4, 5, _INDEPENDENT)
    calls = trial.size("count in a call")
    kept = np.reshape(small.masks(function, rng, calls), (calls, 20))
    count("count in a call", kept, "calls on 4 rows of 5 hidden units")
    _varies_as_it_should(function, trial, rng)
    lags.judge(trial, {"a call": bits}, _INDEPENDENT, wrong.bits_depend_on_each_other)
    name = wrong.bits_depend_on_each_other
    lags.judge_next(trial, bits, other, _INDEPENDENT, name)
    network_draws.judge(network_draws.PAIRS, function, trial, name)
    ordinary_calls.judge(ordinary_calls.SPREAD, function, trial, name)
    small_calls.expect(function, trial, small_batches.SMALL)


def _varies_as_it_should(
    function: StudentFunction, trial: Trial, rng: np.random.Generator
) -> None:
    """Judge how the number of kept units spreads, that calls differ, and that a row, or
    a layer of one unit, may lose all of its units or none."""
    look, wrong = "count in a large call", elementwise.Wrong
    large = Batch.readable(trial, 15, 40, _INDEPENDENT)
    masks = large.masks(function, rng, trial.size(look))
    # Two masks of 600 independent bits are equal with probability 0.58 ** 600.
    trial.expect(
        len({mask.tobytes() for mask in masks}) == len(masks),
        f"Of {len(masks)} calls on 15 rows of 40 hidden units, some have the same mask.",
        wrong.reuses_masks,
    )
    near = np.array([abs(int(mask.sum()) - 420) <= 6 for mask in masks])
    what = "calls on 15 rows of 40 hidden units that keep 414 to 426"
    trial.judge(look, near, near.size, what, wrong.bits_depend_on_each_other)
    small_batches.expect_own_rows(function, trial, rng)
    pairs = network.hidden_mask(function, trial, 200, 2, 0.5, rng).sum(axis=1)
    one = Batch.readable(trial, 1, 1, 0.5)
    single = one.masks(function, rng, 46)
    for kept, what, units in (
        (pairs, "200 rows of 2 hidden units", 2),
        (np.ravel(single), "46 calls on 1 row of 1 hidden unit", 1),
    ):
        # Chance leaves one of them out with probability 0.5 ** 46 at most.
        for number, name in (
            (0, WrongMask.keeps_at_least_one),
            (units, wrong.drops_at_least_one),
        ):
            some = "none" if number == 0 else "all"
            trial.expect(
                (kept == number).any(),
                f"Of {what}, at keep_prob = 0.5, never are {some} kept.",
                name,
            )


def _follows_rng(function: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same gradients; another state, others."""
    batch = Batch.random(trial, 40, 5, 50, 3, 0.7)

    def gradient(rng: np.random.Generator) -> np.ndarray:
        return batch.run(function, rng)["W2"]

    expect_follows_rng(trial, gradient, "different gradients", "the same gradients")
    network_draws.expect_follows_rng(function, trial)
    ordinary_calls.expect_follows_rng(function, trial)
    gradient(trial.generator())  # what no check of bits can read ends here


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


_RATES: dict[str, Law] = {
    f"kept at {p}": Proportion(p, detects=0.03) for p in elementwise.KEEP_PROBS
}
_RATES |= {f"kept at {p}": Proportion(p, detects=0.019) for p in _NEAR_THE_ENDS}
_RATES |= {network_draws.RATE: network_draws.LAW}
_RATES |= {ordinary_calls.RATE: ordinary_calls.LAWS[ordinary_calls.RATE]}
_RUNS = "returns_a_loss_and_four_gradients"
_PLAIN = "is_plain_backpropagation_at_keep_prob_one"
_ONE = "one_mask_explains_loss_and_gradients"
_INDEPENDENT_BITS = "drops_hidden_units_independently"
_INDEPENDENCE = stated(_drops_independently, _PAIR_LOOKS | _COUNT_LOOKS | _SPREAD)
exercise.asks(0.25, _RUNS, stated(_runs))
exercise.asks(0.5, _PLAIN, stated(_is_plain), _RUNS)
exercise.asks(0.25, "large_logits_do_no_harm", stated(_survives_large_logits), _PLAIN)
exercise.asks(1.0, _ONE, stated(_uses_one_mask), _PLAIN)
exercise.asks(
    0.25, "keeps_hidden_units_at_the_stated_rate", stated(_keeps_at_rate, _RATES), _ONE
)
exercise.asks(0.25, _INDEPENDENT_BITS, _INDEPENDENCE, _ONE)
exercise.asks(0.25, "draws_the_mask_from_the_given_rng", stated(_follows_rng), _ONE)
exercise.asks(
    0.25, "leaves_its_arguments_alone", stated(_leaves_arguments_alone), _PLAIN
)
