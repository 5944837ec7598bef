"""The means of a dropped layer's members: over all masks, in one pass, by sampling."""

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from autograder.checks import conventions, expectation
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import mistake
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise, ensemble
from autograder.families.ensemble import Case, log_softmax, sigmoid, softmax
from autograder.families.network import SOFTMAX_OVERFLOWS
from autograder.laws.binomial import Proportion, agreement, exact_count

means = Exercise(
    "ensemble_means",
    chapter="ensembles",
    title="Average all members of a small ensemble, in both ways",
    signature="ensemble_means(x, weights, bias, keep_prob) -> (arithmetic, geometric)",
    section="ens-geometric",
)
scaling = Exercise(
    "weight_scaled_prediction",
    chapter="ensembles",
    title="Predict in one pass with a network trained by classic dropout",
    signature="weight_scaled_prediction(x, weights, bias, keep_prob) -> probabilities",
    section="ens-geometric",
)
monte_carlo = Exercise(
    "mc_dropout_prediction",
    chapter="ensembles",
    title="Average members that are drawn at random",
    signature=(
        "mc_dropout_prediction(x, weights, bias, keep_prob, samples, rng) "
        "-> probabilities"
    ),
    section="ens-montecarlo",
)
probit = Exercise(
    "probit_prediction",
    chapter="ensembles",
    title="Come near the arithmetic mean of a sigmoid unit in one pass",
    signature="probit_prediction(x, weights, bias, keep_prob) -> probability",
    section="ens-probit",
)

# ---- Mistakes behind any prediction --------------------------------------------------

RETURNS_LOGITS = mistake(
    "returns_logits",
    "you return logits; probabilities come out of the softmax, or of the sigmoid.",
    "ens-geometric",
)
RETURNS_LOGARITHMS = mistake(
    "returns_logarithms",
    "you return logarithms of probabilities; take the exponential at the end.",
    "ens-geometric",
)
SOFTMAX_TWICE = mistake(
    "applies_softmax_twice",
    "you apply softmax to probabilities; it belongs on the logits, once.",
    "ens-geometric",
)
NORMALISES_OVER_ANOTHER_AXIS = mistake(
    "normalises_over_another_axis",
    "you divide by a sum over another axis than the classes, or over several; each row's "
    "probabilities add up to 1.",
    "ens-geometric",
)
SIGMOID_OF_EACH_CLASS = mistake(
    "takes_a_sigmoid_of_each_class",
    "you take a sigmoid of each logit by itself; several classes take a softmax.",
    "ens-geometric",
)
FORGETS_THE_BIAS = mistake(
    "forgets_the_bias",
    "your logits are x @ weights without the bias.",
    "ens-geometric",
)
RESCALES_THE_BIAS = mistake(
    "rescales_the_bias",
    "you scale the bias together with the inputs; no mask touches it, so it stays as it "
    "is.",
    "ens-geometric",
)
CLIPS_LARGE_LOGITS = mistake(
    "clips_large_logits",
    "large logits are cut off on the way, or what they overflow to is replaced; only their "
    "differences matter, so subtract each row's largest instead.",
    "ens-geometric",
)

Named = Iterator[tuple[str, np.ndarray]]


def _misread(z: np.ndarray) -> Named:
    """Yield what else is made of the right logits (..., N, C), by name."""
    likely = softmax(z)
    e = np.exp(z - z.max())
    yield RETURNS_LOGITS, z
    yield RETURNS_LOGARITHMS, log_softmax(z)
    yield SOFTMAX_TWICE, softmax(likely)
    yield SIGMOID_OF_EACH_CLASS, sigmoid(z)
    yield NORMALISES_OVER_ANOTHER_AXIS, e / e.sum(axis=-2, keepdims=True)
    yield NORMALISES_OVER_ANOTHER_AXIS, e / e.sum(axis=(-1, -2), keepdims=True)
    yield NORMALISES_OVER_ANOTHER_AXIS, e / e.sum()
    if z.ndim > 2:
        yield NORMALISES_OVER_ANOTHER_AXIS, e / e.sum(axis=0)


def _first(
    found: np.ndarray, candidates: Iterable[tuple[str, np.ndarray]]
) -> str | None:
    """Return the name of the first candidate that was found, or None."""
    fits = (name for name, wrong in candidates if ensemble.same(found, wrong))
    return next(fits, None)


def _leaves_alone(function: StudentFunction, call: str, *given: Any) -> None:
    """Check that x, weights and bias are the same after the call as before."""
    _, after = function.observe(*given)
    names = ("x", "weights", "bias")
    for name, before, now in zip(names, given[:3], after[:3], strict=True):
        if not np.array_equal(before, now):
            raise CheckFailure(
                f"{call} changed {name} in place; {name} * c makes a new array, "
                f"{name} *= c does not.",
                elementwise.CHANGES_ITS_INPUT,
            )


def _expect_finite(trial: Trial, found: Any, call: str, largest: float) -> None:
    """Check a prediction whose logits reach ``largest`` for overflow."""
    ok = isinstance(found, np.ndarray) and found.dtype.kind == "f"
    trial.expect(
        not ok or np.isfinite(found).all(),
        f"{call}, with logits up to ±{largest:.0f}, returned NaN or infinity.",
        SOFTMAX_OVERFLOWS,
    )


# ---- ensemble_means ------------------------------------------------------------------

SWAPS_THE_MEANS = mistake(
    "swaps_the_two_means",
    "you return the geometric mean first; return (arithmetic, geometric).",
    "ens-geometric",
)
AVERAGES_THE_LOGITS = mistake(
    "averages_the_logits",
    "you average logits, or logarithms of probabilities, which gives the geometric mean; "
    "the arithmetic one averages probabilities.",
    "ens-mistakes",
)
TAKES_LOGS_OF_THE_MEAN = mistake(
    "takes_the_logarithm_of_the_mean",
    "your geometric mean is the arithmetic one: average the members' logarithms, not the "
    "members, and take the exponential after that.",
    "ens-geometric",
)
FORGETS_THE_ROOT = mistake(
    "multiplies_without_the_root",
    "you multiply all members' probabilities; in a geometric mean each has its mask's "
    "probability as exponent.",
    "ens-geometric",
)
FORGETS_TO_RENORMALISE = mistake(
    "forgets_to_renormalise",
    "your geometric means do not add up to 1; divide each row by its sum.",
    "ens-mistakes",
)
MEMBERS_ARE_NOT_RESCALED = mistake(
    "members_are_not_rescaled",
    "your members do not divide the kept inputs by keep_prob, as inverted dropout does.",
    "ens-geometric",
)
LOGS_OF_ROUNDED = mistake(
    "takes_logarithms_of_rounded_probabilities",
    "a member's probability, or the geometric mean before it is renormalised, has rounded "
    "to 0 or was kept from it; stay with logarithms until the last step.",
    "ens-geometric",
)
NEAR_THE_MEAN = mistake(
    "averages_some_members_only",
    "your mean is near the mean over all masks and not equal to it: either you average "
    "over drawn masks, or you leave some masks out.",
    "ens-geometric",
)

Variant = tuple[str, np.ndarray, np.ndarray]


def _variants(case: Case) -> Iterator[Variant]:
    """Yield wrong ensembles: the mistake, a weight for each member, their logits."""
    bits, p = ensemble.every_mask(case.x.shape[1]), case.keep_prob
    kept, n, q = bits.sum(axis=1), case.x.shape[1], 1 - case.keep_prob
    right, chance, each = case.members(), case.chances(), bits[:, None]
    fraction = np.maximum(kept, 1)[:, None, None] / n
    factors = {
        MEMBERS_ARE_NOT_RESCALED: each,
        conventions.DIVIDES_BY_DROP_PROBABILITY: each / q,
        conventions.MULTIPLIES_BY_KEEP_PROB: each * p,
        conventions.RESCALES_TWICE: each / p**2,
        conventions.DIVIDES_BY_KEPT_FRACTION: each / fraction,
    }
    for name, factor in factors.items():
        yield name, chance, case.logits(factor)
    yield FORGETS_THE_BIAS, chance, right - case.bias
    yield RESCALES_THE_BIAS, chance, right + case.bias * (1 / p - 1)
    choices = np.array([math.comb(n, int(k)) for k in kept])
    weights = {
        expectation.WEIGHS_MASKS_EQUALLY: np.ones(2**n),
        expectation.SWAPS_PROBABILITIES: q**kept * p ** (n - kept),
        expectation.FORGETS_THE_DROPPED_UNITS: p**kept,
        expectation.WEIGHS_MASKS_BY_THE_COUNT: choices * chance,
    }
    for name, weight in weights.items():
        yield name, weight, right
        yield name, weight / weight.sum(), right
    for few in (slice(1, None), slice(0, -1), slice(1, -1)):
        part = chance[few]
        if part.size:
            yield expectation.LEAVES_OUT_A_MASK, part, right[few]
            yield expectation.LEAVES_OUT_A_MASK, part / part.sum(), right[few]


def _two_means(
    function: StudentFunction, case: Case
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return both means, checked for shape, and the call. Raises ``CheckFailure``."""
    call = case.call("ensemble_means")
    two = facts.pair(function(*case.given), call, "(arithmetic, geometric)")
    shape = len(case.x), len(case.bias)
    arithmetic, geometric = (
        facts.float_array(item, shape, call, what)
        for item, what in zip(two, ("arithmetic", "geometric"), strict=True)
    )
    return arithmetic, geometric, call


def _arithmetic(case: Case) -> np.ndarray:
    return np.tensordot(case.chances(), softmax(case.members()), 1)


def _small_ensembles(trial: Trial) -> list[Case]:
    """Return cases of several shapes, keep probabilities on both sides of 0.5, zeros."""
    return [
        ensemble.ordinary(trial, 3, 4, 3, 0.8),
        ensemble.ordinary(trial, 4, 4, 2, 0.3, zeros=0.2),
        ensemble.ordinary(trial, 1, 1, 2, 0.6543),
        ensemble.ordinary(trial, 2, 9, 3, 0.4),
    ]


def _ensembles(trial: Trial) -> list[Case]:
    """Return the small ensembles and one of 4,096 members."""
    return [*_small_ensembles(trial), ensemble.ordinary(trial, 1, 12, 2, 0.437)]


@means.check(points=0.25)
def returns_two_float_arrays_with_a_row_for_each_input(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """Both means are float arrays of shape (N, C), the same at every call."""
    for case in _small_ensembles(trial):
        first = _two_means(ensemble_means, case)
        again = _two_means(ensemble_means, case)
        trial.expect(
            ensemble.same(first[0], again[0]) and ensemble.same(first[1], again[1]),
            f"{first[2]} gave two different answers in two calls; expected the same one.",
            expectation.ANSWERS_AT_RANDOM,
        )
    _two_means(ensemble_means, ensemble.ordinary(trial, 2, 12, 3, 0.4))


@means.check(points=0.75, after="returns_two_float_arrays_with_a_row_for_each_input")
def the_arithmetic_mean_is_over_all_masks(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """The first result is the mean of the members' probabilities, weighted by masks."""
    for case in _ensembles(trial):
        arithmetic, geometric, call = _two_means(ensemble_means, case)
        expected = _arithmetic(case)
        if ensemble.same(arithmetic, expected):
            continue
        trial.fail(
            f"{call}: the arithmetic mean is not right; "
            f"{facts.worst(arithmetic, expected)}.",
            _arithmetic_mistake(case, arithmetic, geometric, expected),
        )


def _arithmetic_mistake(
    case: Case, found: np.ndarray, other: np.ndarray, expected: np.ndarray
) -> str | None:
    if ensemble.same(found, case.scaled):
        swapped = ensemble.same(other, expected)
        return SWAPS_THE_MEANS if swapped else AVERAGES_THE_LOGITS

    def candidates() -> Named:
        for name, wrong in _misread(case.members()):
            yield name, np.tensordot(case.chances(), wrong, 1)
        yield RETURNS_LOGARITHMS, np.log(expected)
        yield SOFTMAX_TWICE, softmax(expected)
        for name, weight, z in _variants(case):
            yield name, np.tensordot(weight, softmax(z), 1)

    near = np.abs(found - expected).max() < 0.05
    return _first(found, candidates()) or (NEAR_THE_MEAN if near else None)


@means.check(points=0.75, after="returns_two_float_arrays_with_a_row_for_each_input")
def the_geometric_mean_is_over_all_masks(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """The second result is the members' geometric mean, up to a factor for each row."""
    for case in _ensembles(trial):
        _, geometric, call = _two_means(ensemble_means, case)
        total = geometric.sum(axis=1, keepdims=True)
        ready = bool((geometric >= 0).all() and (total > 0).all())
        if ready and ensemble.same(geometric / total, case.scaled):
            continue
        trial.fail(
            f"{call}: the geometric mean is not right; "
            f"{facts.worst(geometric, case.scaled)}.",
            _geometric_mistake(case, geometric),
        )


def _geometric_mistake(case: Case, found: np.ndarray) -> str | None:
    chance, z = case.chances(), case.members()
    logs = log_softmax(z)
    raw = np.exp(np.tensordot(chance, logs, 1))

    def candidates() -> Named:
        yield TAKES_LOGS_OF_THE_MEAN, _arithmetic(case)
        yield FORGETS_THE_ROOT, softmax(logs.sum(axis=0))
        yield FORGETS_THE_ROOT, np.exp(logs.sum(axis=0))
        yield RETURNS_LOGARITHMS, np.log(case.scaled)
        yield RETURNS_LOGARITHMS, np.log(raw)
        yield NORMALISES_OVER_ANOTHER_AXIS, raw / raw.sum(axis=0)
        yield NORMALISES_OVER_ANOTHER_AXIS, raw / raw.sum()
        yield from _misread(case.logits())
        for name, weight, logits in _variants(case):
            mean = np.tensordot(weight, log_softmax(logits), 1)
            yield name, np.exp(mean)
            yield name, softmax(mean)

    near = np.abs(found - case.scaled).max() < 0.05
    return _first(found, candidates()) or (NEAR_THE_MEAN if near else None)


@means.check(points=0.5, after="the_geometric_mean_is_over_all_masks")
def the_geometric_mean_is_renormalised(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """Each row of the geometric mean adds up to 1."""
    for case in _small_ensembles(trial):
        _, geometric, call = _two_means(ensemble_means, case)
        totals = geometric.sum(axis=1)
        if not facts.close(totals, 1):
            worst = totals[np.argmax(np.abs(totals - 1))]
            raw = np.exp(np.tensordot(case.chances(), log_softmax(case.members()), 1))
            trial.fail(
                f"{call}: a row of the geometric mean adds up to {worst:.4g}; expected 1.",
                FORGETS_TO_RENORMALISE if ensemble.same(geometric, raw) else None,
            )


_BOTH = (
    "the_arithmetic_mean_is_over_all_masks",
    "the_geometric_mean_is_over_all_masks",
)


@means.check(points=0.5, after=_BOTH)
def the_means_survive_large_logits(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """Logits up to ±1000 give both means: no overflow, and no logarithm of 0."""
    cases = ensemble.loud(trial, 5, 0.5), ensemble.loud(trial, 5, 0.7)
    for case in (*cases, ensemble.torn(trial, 5)):
        call = case.call("ensemble_means")
        pair = facts.pair(ensemble_means(*case.given), call, "(arithmetic, geometric)")
        _expect_finite(trial, pair[0], call, 1000)
        arithmetic = facts.float_array(pair[0], (5, 3), call, "arithmetic")
        expected = _arithmetic(case)
        trial.expect(
            facts.close(arithmetic, expected, rtol=1e-3, atol=1e-6),
            f"{call}, with logits up to ±1000: the arithmetic mean is not right; "
            f"{facts.worst(arithmetic, expected)}.",
            CLIPS_LARGE_LOGITS,
        )
        geometric = np.asarray(pair[1], float)
        with np.errstate(invalid="ignore"):  # all zeros, or NaN, is not close
            found = geometric / geometric.sum(axis=-1, keepdims=True)
        trial.expect(
            facts.close(found, case.scaled, rtol=1e-3, atol=1e-6),
            f"{call}, with logits up to ±1000: the geometric mean is not right; "
            f"{facts.worst(geometric, case.scaled)}.",
            LOGS_OF_ROUNDED,
        )


@means.check(points=0.25, after=_BOTH)
def there_is_one_member_at_keep_prob_one(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 both means are softmax(x @ weights + bias)."""
    case = ensemble.ordinary(trial, 3, 4, 3, 1.0)
    arithmetic, geometric, call = _two_means(ensemble_means, case)
    for found, what in ((arithmetic, "arithmetic"), (geometric, "geometric")):
        trial.expect(
            ensemble.same(found, case.scaled),
            f"{call}: the {what} mean is not the prediction without dropout; "
            f"{facts.worst(found, case.scaled)}.",
        )


@means.check(points=0.25, after=_BOTH)
def the_means_leave_their_arguments_alone(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 3, 4, 3, 0.8)
    _leaves_alone(ensemble_means, case.call("ensemble_means"), *case.given)


# ---- weight_scaled_prediction --------------------------------------------------------

SCALES_THE_PROBABILITIES = mistake(
    "scales_the_probabilities",
    "you multiply probabilities by keep_prob; the factor belongs to the inputs or the "
    "weights, before the softmax.",
    "ens-geometric",
)
TAKES_THE_ROOT_AT_TEST = mistake(
    "takes_the_root_at_test",
    "you multiply by the square root of keep_prob, which preserves the expected squared "
    "norm; the mean logits take keep_prob itself.",
    "conv-test-time",
)
GIVES_THE_ARITHMETIC_MEAN = mistake(
    "gives_the_arithmetic_mean",
    "you average the members' probabilities; weight scaling is one pass without masks.",
    "ens-geometric",
)


def _scaled_cases(trial: Trial) -> list[Case]:
    return [
        ensemble.ordinary(trial, 3, 4, 3, 0.8),
        ensemble.ordinary(trial, 6, 5, 2, 0.3, zeros=0.2),
        ensemble.ordinary(trial, 1, 1, 2, 0.6543),
        ensemble.ordinary(trial, 2, 4, 4, 0.95),
        ensemble.ordinary(trial, 5, 30, 10, 0.4),
        ensemble.ordinary(trial, 3, 4, 3, 1.0),
    ]


def _one_prediction(
    function: StudentFunction, case: Case, *more: Any
) -> tuple[np.ndarray, str]:
    """Return a prediction, checked for shape, and the call. Raises ``CheckFailure``."""
    call = case.call(function.name, *("rng" if _is_rng(a) else a for a in more))
    shape = len(case.x), len(case.bias)
    return facts.float_array(function(*case.given, *more), shape, call), call


def _is_rng(value: Any) -> bool:
    return isinstance(value, np.random.Generator)


@scaling.check(points=0.25)
def returns_a_row_of_floats_for_each_input(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """The result is a float array of shape (N, C), the same at every call."""
    for case in _scaled_cases(trial):
        first, call = _one_prediction(weight_scaled_prediction, case)
        again, _ = _one_prediction(weight_scaled_prediction, case)
        trial.expect(
            ensemble.same(first, again),
            f"{call} gave two different answers in two calls; expected the same one.",
            expectation.ANSWERS_AT_RANDOM,
        )


def _scaling_mistake(case: Case, found: np.ndarray) -> str | None:
    p, q = case.keep_prob, 1 - case.keep_prob
    right = case.logits(p)

    def candidates() -> Named:
        yield conventions.FORGETS_THE_TEST_FACTOR, case.scaled
        yield conventions.DIVIDES_AT_CLASSIC_TEST, softmax(case.logits(1 / p))
        yield conventions.SQUARES_THE_TEST_FACTOR, softmax(case.logits(p**2))
        yield conventions.DROP_PROBABILITY_AT_TEST, softmax(case.logits(q))
        yield TAKES_THE_ROOT_AT_TEST, softmax(case.logits(math.sqrt(p)))
        yield RESCALES_THE_BIAS, softmax(p * case.logits())
        yield FORGETS_THE_BIAS, softmax(right - case.bias)
        yield SCALES_THE_PROBABILITIES, p * case.scaled
        yield from _misread(right)
        yield from _misread(case.logits())
        if case.x.shape[1] <= 6:
            every = softmax(p * (case.members() - case.bias) + case.bias)
            yield GIVES_THE_ARITHMETIC_MEAN, np.tensordot(case.chances(), every, 1)

    return _first(found, candidates())


@scaling.check(points=0.75, after="returns_a_row_of_floats_for_each_input")
def is_the_softmax_of_the_mean_logits(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """The prediction is that of the logits' mean over classic dropout's masks."""
    for case in _scaled_cases(trial):
        found, call = _one_prediction(weight_scaled_prediction, case)
        expected = softmax(case.logits(case.keep_prob))
        if not ensemble.same(found, expected):
            trial.fail(
                f"{call}: the prediction is not right; {facts.worst(found, expected)}.",
                _scaling_mistake(case, found),
            )


@scaling.check(points=0.25, after="is_the_softmax_of_the_mean_logits")
def the_prediction_survives_large_logits(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """Logits up to ±1000 give a prediction: no overflow."""
    for case in (ensemble.shifted(trial, 0.8), ensemble.spread(trial, 0.8)):
        call = case.call("weight_scaled_prediction")
        found = weight_scaled_prediction(*case.given)
        _expect_finite(trial, found, call, 1000)
        found, expected = np.asarray(found), softmax(case.logits(case.keep_prob))
        trial.expect(
            facts.close(found, expected, rtol=1e-3, atol=1e-6),
            f"{call}, with logits up to ±1000: the prediction is not right; "
            f"{facts.worst(found, expected)}.",
            CLIPS_LARGE_LOGITS,
        )


@scaling.check(points=0.25, after="is_the_softmax_of_the_mean_logits")
def scaling_leaves_the_arguments_alone(
    weight_scaled_prediction: StudentFunction, trial: Trial
) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 3, 4, 3, 0.8)
    call = case.call("weight_scaled_prediction")
    _leaves_alone(weight_scaled_prediction, call, *case.given)


# ---- mc_dropout_prediction -----------------------------------------------------------

PREDICTS_WITHOUT_DROPOUT = mistake(
    "predicts_without_dropout",
    "no unit is dropped in your prediction; Monte Carlo leaves dropout on at test.",
    "ens-montecarlo",
)
DROPS_THE_OUTPUTS = mistake(
    "drops_the_outputs",
    "you drop logits or probabilities; the dropped layer is the one in front of the "
    "weights, x.",
    "ens-montecarlo",
)
DROPS_SINGLE_WEIGHTS = mistake(
    "drops_single_weights",
    "you drop entries of weights, each by itself; dropout drops a unit, with all the "
    "weights that leave it.",
    "ens-montecarlo",
)
SAMPLES_SHARE_A_MASK = mistake(
    "samples_share_a_mask",
    "all samples of a row are the same prediction: either they share one mask, or there "
    "is only one sample whatever samples is.",
    "ens-mistakes",
)
DIVIDES_BY_ANOTHER_NUMBER = mistake(
    "divides_by_another_number",
    "your rows do not add up to 1, although each sample's do: divide the sum of the "
    "predictions by samples.",
    "ens-montecarlo",
)
COUNTS_SAMPLES_WRONGLY = mistake(
    "counts_samples_wrongly",
    "what you average is not samples predictions of equal weight: either their number is "
    "another, or some of them count more than others.",
    "ens-montecarlo",
)
COUNTS_VOTES = mistake(
    "counts_votes",
    "you count which class each sample puts first; average the probabilities themselves.",
    "ens-montecarlo",
)
TAKES_THE_MEDIAN = mistake(
    "takes_the_median",
    "you take the median of the samples; the arithmetic mean is their average.",
    "ens-montecarlo",
)
DEPENDENT_SAMPLES = mistake(
    "samples_depend_on_each_other",
    "a row's two samples do not have independent masks: knowing one tells something about "
    "the other.",
    "ens-montecarlo",
)


def _one_sample(
    function: StudentFunction,
    trial: Trial,
    case: Case,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the mask (N, D) of a prediction with samples=1 of a readable case, True
    where kept. Raises ``CheckFailure`` when each row is not the prediction of a member."""
    rng = trial.generator() if rng is None else rng
    found, call = _one_prediction(function, case, 1, rng)
    if (found > 0).all() and facts.close(found.sum(axis=1), 1):
        ratios = ensemble.ratios_of(case, np.log(found))
        if ensemble.are_bits(ratios):
            return ratios > 0.5
    raise CheckFailure(
        f"{call}: {_what_is_wrong(case, found)}.", _member_mistake(case, found)
    )


def _what_is_wrong(case: Case, found: np.ndarray) -> str:
    """Return in words how a prediction with one sample differs from every member's."""
    totals = found.sum(axis=1)
    if not facts.close(totals, 1):
        worst = totals[np.argmax(np.abs(totals - 1))]
        return f"a row adds up to {worst:.4g}; expected 1"
    if (found <= 0).any():
        return f"a probability is {found.min():.4g}; expected it above 0"
    ratios = ensemble.ratios_of(case, np.log(found))
    if np.isnan(ratios).any():
        return "no mask of the inputs explains the prediction"
    odd = ratios[np.minimum(np.abs(ratios), np.abs(ratios - 1)) > 1e-2]
    return (
        f"the prediction is one for inputs multiplied by {odd[0] / case.keep_prob:.4g}; "
        f"expected 0 or {1 / case.keep_prob:.4g}"
    )


def _member_mistake(case: Case, found: np.ndarray) -> str | None:
    """Return what is behind a prediction with one sample that is no member's."""
    p, q = case.keep_prob, 1 - case.keep_prob
    with np.errstate(all="ignore"):
        logs, odds = np.log(np.abs(found)), np.log(found / (1 - found))
    bits = ensemble.are_bits
    if facts.close(found.sum(axis=1), 1) and (found > 0).all():
        ratios = ensemble.ratios_of(case, logs)
        scales = {
            MEMBERS_ARE_NOT_RESCALED: p,
            conventions.DIVIDES_BY_DROP_PROBABILITY: p / q,
            conventions.RESCALES_TWICE: 1 / p,
            conventions.MULTIPLIES_BY_KEEP_PROB: p**2,
            conventions.DIVIDES_BY_THE_ROOT: math.sqrt(p),
        }
        if not np.isnan(ratios).any() and (np.abs(ratios) > 1e-2).all():
            return PREDICTS_WITHOUT_DROPOUT
        fits = [name for name, scale in scales.items() if bits(ratios / scale)]
        if fits:
            return fits[0]
        kept = (np.abs(ratios) > 1e-2).mean(axis=1, keepdims=True)
        if bits(ratios * kept / p):
            return conventions.DIVIDES_BY_KEPT_FRACTION
        for bias, name in ((0, FORGETS_THE_BIAS), (1 / p, RESCALES_THE_BIAS)):
            if bits(ensemble.ratios_of(case, logs, bias * case.bias)):
                return name
        once = logs - logs.mean(axis=1, keepdims=True) + 1 / found.shape[1]
        if (once > 0).all() and bits(ensemble.ratios_of(case, np.log(once))):
            return SOFTMAX_TWICE
    if (found == 0).any() or _drops_logits(case, logs):
        return DROPS_THE_OUTPUTS
    if (found < 0).all() and facts.close(np.exp(found).sum(axis=1), 1):
        return RETURNS_LOGARITHMS
    if bits(ensemble.ratios_of(case, found)):
        return RETURNS_LOGITS
    if np.isfinite(odds).all() and bits(ensemble.ratios_of(case, odds)):
        return SIGMOID_OF_EACH_CLASS
    if facts.close(found.sum(axis=0), 1) or facts.close(found.sum(), 1):
        return NORMALISES_OVER_ANOTHER_AXIS
    return DROPS_SINGLE_WEIGHTS if _drops_weights(case, logs) else None


def _explained(logs: np.ndarray, choices: np.ndarray) -> bool:
    """Return whether every row of logs (N, C) is, up to a shift of its own, made of one of
    the choices (K, N, C) in each class."""
    for row, row_logs in enumerate(logs):
        options = choices[:, row]
        shifts = options[:, 0] - row_logs[0]
        gaps = np.abs(row_logs + shifts[:, None, None] - options[None])
        if not (gaps.min(axis=1).max(axis=1) < 1e-3).any():
            return False
    return True


def _drops_logits(case: Case, logs: np.ndarray) -> bool:
    full, zero = case.logits(), np.zeros(logs.shape)
    scales = (1, 1 / case.keep_prob)
    return any(_explained(logs, np.stack([zero, s * full])) for s in scales)


def _drops_weights(case: Case, logs: np.ndarray) -> bool:
    if case.x.shape[1] > 3:
        return False
    scales = (1, case.keep_prob)
    unbiased = case.members() - case.bias
    return any(_explained(logs, s * unbiased + case.bias) for s in scales)


@monte_carlo.check(points=0.25)
def returns_a_row_of_probabilities_for_each_input(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """The result is a float array of shape (N, C), for one sample and for several."""
    for shape in ((3, 4, 3), (1, 1, 2), (8, 20, 10)):
        for samples in (1, 2, 5):
            case = ensemble.ordinary(trial, *shape, 0.6, zeros=0.1)
            _one_prediction(mc_dropout_prediction, case, samples, trial.generator())


@monte_carlo.check(points=0.75, after="returns_a_row_of_probabilities_for_each_input")
def one_sample_is_the_prediction_of_a_member(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """With samples=1 each row is softmax(m ⊙ x / keep_prob @ weights + bias) for a mask m."""
    for n, d, keep_prob in ((40, 3, 0.8), (40, 3, 0.3), (1, 1, 0.6), (30, 25, 0.3)):
        case = ensemble.readable(trial, n, d, keep_prob)
        kept = _one_sample(mc_dropout_prediction, trial, case)
        if kept.size > 500:
            trial.expect(
                not kept.all() and kept.any(),
                f"{case.call('mc_dropout_prediction', 1, 'rng')}: {int(kept.sum())} of "
                f"{kept.size} units are kept; expected about {keep_prob:.0%}.",
                PREDICTS_WITHOUT_DROPOUT
                if kept.all()
                else elementwise.DROPS_EVERYTHING,
            )
    case = ensemble.ordinary(trial, 5, 4, 3, 1.0)
    found, call = _one_prediction(mc_dropout_prediction, case, 1, trial.generator())
    trial.expect(
        ensemble.same(found, case.scaled),
        f"{call}: nothing is dropped at keep_prob = 1; "
        f"{facts.worst(found, case.scaled)}.",
    )


_AFTER_MEMBER = "one_sample_is_the_prediction_of_a_member"
_INDEPENDENT = 0.7


@monte_carlo.check(points=0.25, after=_AFTER_MEMBER)
def the_masks_come_from_the_given_rng(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same prediction; another state, another one."""
    case, seed = ensemble.readable(trial, 40, 25, _INDEPENDENT), trial.new_seed()

    def mask(seed: int) -> np.ndarray:
        rng = trial.generator(seed)
        return _one_sample(mc_dropout_prediction, trial, case, rng)

    # 1,000 independent bits agree by chance with probability 0.58 ** 1000.
    trial.expect(
        np.array_equal(mask(seed), mask(seed)),
        "Two generators in the same state gave different predictions; expected equal "
        "ones.",
        elementwise.NOT_FROM_RNG,
    )
    trial.expect(
        not np.array_equal(mask(seed), mask(trial.new_seed())),
        "Generators in different states gave the same prediction; expected different "
        "ones.",
        elementwise.SAME_MASK_EVERY_CALL,
    )


@monte_carlo.check(points=0.25, after=_AFTER_MEMBER)
def every_row_has_a_mask_of_its_own(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """Rows, units and calls do not share bits."""
    rng, calls = trial.generator(), 12
    case = ensemble.readable(trial, 60, 20, _INDEPENDENT)
    drawn = [_one_sample(mc_dropout_prediction, trial, case, rng) for _ in range(calls)]
    call, first = case.call("mc_dropout_prediction", 1, "rng"), drawn[0]
    # Of these signs correct masks show none, but for chances below 0.58 ** 60 per sign.
    trial.expect(
        not (first == first[:, :1]).all(),
        f"{call}: a row keeps all of its units or none.",
        elementwise.ONE_BIT_FOR_ALL
        if first.all() or not first.any()
        else elementwise.ONE_BIT_PER_ROW,
    )
    trial.expect(
        not (first == first[0]).all(),
        f"{call}: all rows have the same mask.",
        elementwise.ONE_MASK_FOR_ALL_ROWS,
    )
    different = len({mask.tobytes() for mask in drawn})
    trial.expect(
        different == calls,
        f"{call}, called {calls} times with one rng, drew {different} different masks.",
        elementwise.SAME_MASK_EVERY_CALL,
    )
    counts = np.array([mask.sum(axis=1) for mask in drawn])
    trial.expect(
        np.ptp(counts) > 0,
        f"{call}: each of {counts.size} rows keeps {counts[0, 0]} of 20 units; expected a "
        "number that varies.",
        elementwise.SAME_COUNT_EVERY_TIME,
    )
    trial.expect(
        np.ptp(counts, axis=1).any(),
        f"{call}: in each call all rows keep the same number of units; expected a number "
        "that varies from row to row.",
        elementwise.DEPENDENT_BITS,
    )


_WIDTH = 25


def _drawn(
    function: StudentFunction,
    trial: Trial,
    units: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> tuple[Case, np.ndarray]:
    """Return a case and the mask of one sample of it, of at least this many units, in an
    even number of rows."""
    case = ensemble.readable(trial, 2 * -(-units // (2 * _WIDTH)), _WIDTH, keep_prob)
    return case, _one_sample(function, trial, case, rng)


@monte_carlo.check(
    points=0.5,
    after=_AFTER_MEMBER,
    looks={
        "kept at 0.85": Proportion(0.85, detects=0.02),
        "kept at 0.3": Proportion(0.3, detects=0.02),
        "large x kept at 0.3": Proportion(0.3, detects=0.04),
        "first rows kept at 0.3": Proportion(0.3, detects=0.04),
    },
)
def keeps_units_with_probability_keep_prob(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """Units are kept at the rate keep_prob, in front and behind, large and small."""
    for keep_prob in (0.85, 0.3):
        look = f"kept at {keep_prob}"
        case, kept = _drawn(mc_dropout_prediction, trial, trial.size(look), keep_prob)
        what = f"units kept at keep_prob = {keep_prob}, with one sample"
        name = partial(_rate_name, mc_dropout_prediction, trial, keep_prob)
        trial.judge(look, kept, kept.size, what, name)
    large = kept[np.abs(case.x) > 1.75]
    what = "units of large |x| kept at keep_prob = 0.3"
    trial.judge(
        "large x kept at 0.3", large, large.size, what, elementwise.DEPENDS_ON_VALUE
    )
    front = kept[: len(kept) // 2]
    what = "units in the first half of the rows kept at keep_prob = 0.3"
    trial.judge(
        "first rows kept at 0.3", front, front.size, what, elementwise.DEPENDS_ON_PLACE
    )


def _rate_name(
    function: StudentFunction, trial: Trial, keep_prob: float, share: float
) -> str | None:
    def measure(other: float) -> float:
        return float(_drawn(function, trial, 10_000, other)[1].mean())

    return elementwise.share_name(share, keep_prob, measure)


@monte_carlo.check(
    points=0.25,
    after=("every_row_has_a_mask_of_its_own", "keeps_units_with_probability_keep_prob"),
    looks={
        "neighbouring rows": agreement(_INDEPENDENT, detects=0.04),
        "distant rows": agreement(_INDEPENDENT, detects=0.04),
        "neighbouring units": agreement(_INDEPENDENT, detects=0.04),
        "successive calls": agreement(_INDEPENDENT, detects=0.04),
        "count in a row": exact_count(20, _INDEPENDENT),
    },
)
def masks_of_rows_and_calls_are_independent(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """Disjoint pairs of bits agree with probability p² + q²; the count in a row varies."""
    rng, pairs = trial.generator(), trial.size("neighbouring rows")
    case, first = _drawn(mc_dropout_prediction, trial, 3 * pairs, _INDEPENDENT, rng)
    second = _one_sample(mc_dropout_prediction, trial, case, rng)
    looks = {
        "neighbouring rows": (first[::2], first[1::2]),
        "distant rows": tuple(np.split(first, 2)),
        "neighbouring units": (first[:, :-1:2], first[:, 1::2]),
        "successive calls": (first, second),
    }
    for look, (a, b) in looks.items():
        what = f"{look}: mask bits that agree at keep_prob = {_INDEPENDENT}"
        trial.judge(look, a == b, a.size, what, elementwise.DEPENDENT_BITS)
    counts = first[:, :20].sum(axis=1) == 14
    what = "rows that keep exactly 14 of their first 20 units"
    trial.judge("count in a row", counts, counts.size, what, elementwise.DEPENDENT_BITS)


def _average(
    function: StudentFunction, trial: Trial, case: Case, samples: int
) -> np.ndarray:
    """Return in how many samples each row's only unit was kept, as whole numbers (N,).
    Raises ``CheckFailure`` when a row is no average of that many members."""
    found, call = _one_prediction(function, case, samples, trial.generator())
    counts = ensemble.kept_of(case, found, samples)
    whole = np.round(counts)
    ok = np.abs(counts - whole) < 1e-2
    if bool((ok & (whole >= 0) & (whole <= samples)).all()):
        return whole.astype(int)
    totals, row = found.sum(axis=1), int(np.argmin(ok))
    what = f"row {row} is no average of {samples} members"
    if not facts.close(totals, 1):
        what = f"row {row} adds up to {totals[row]:.4g}; expected 1"
    elif not np.isnan(counts[row]):
        what += f": its unit would have been kept {counts[row]:.4g} times"
    raise CheckFailure(f"{call}: {what}.", _average_mistake(case, found, samples))


def _average_mistake(case: Case, found: np.ndarray, samples: int) -> str | None:
    """Return what is behind an "average" that is none of so many members."""
    if not facts.close(found.sum(axis=1), 1):
        constant = facts.close(found.sum(axis=1), found[0].sum())
        return DIVIDES_BY_ANOTHER_NUMBER if constant else None
    dropped, kept = case.members()
    share = np.arange(samples + 1)[:, None, None] / samples
    averaged = softmax((1 - share) * dropped + share * kept)
    votes = [np.eye(found.shape[1])[z.argmax(axis=1)] for z in (dropped, kept)]
    counted = (1 - share) * votes[0] + share * votes[1]
    softened = softmax((1 - share) * softmax(dropped) + share * softmax(kept))
    named = {
        AVERAGES_THE_LOGITS: averaged,
        COUNTS_VOTES: counted,
        SOFTMAX_TWICE: softened,
    }
    for name, candidates in named.items():
        gaps = np.abs(candidates - found).max(axis=2).min(axis=0)
        if (gaps < 1e-5).all():
            return name
    on_the_line = ~np.isnan(ensemble.kept_of(case, found, samples))
    return COUNTS_SAMPLES_WRONGLY if on_the_line.all() else None


@monte_carlo.check(points=0.5, after=_AFTER_MEMBER)
def averages_the_probabilities_of_all_samples(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """Each row is the mean of samples members' probabilities, each member counted once."""
    for samples, keep_prob, n in (
        (2, 0.6, 400),
        (7, 0.3, 600),
        (47, 0.8, 100),
        (301, 0.55, 40),
    ):
        case = ensemble.readable(trial, n, 1, keep_prob)
        kept = _average(mc_dropout_prediction, trial, case, samples)
        extremes = np.isin(kept, (0, samples)).all()
        # Independent samples agree in all of 400 rows with probability 0.52 ** 400.
        trial.expect(
            not extremes,
            f"{case.call('mc_dropout_prediction', samples, 'rng')}: in each row the "
            f"{samples} samples all keep the unit or all drop it.",
            _extreme_mistake(float(np.mean(kept > 0)), keep_prob),
        )
    case = ensemble.readable(trial, 200, 3, _INDEPENDENT)
    found, call = _one_prediction(mc_dropout_prediction, case, 2, trial.generator())
    gap = ensemble.pairs_of(case, found)[1].max()
    trial.expect(
        gap < 1e-5,
        f"{call}: a row is no average of two members' probabilities; the nearest is "
        f"{gap:.2g} away.",
    )


def _extreme_mistake(share: float, keep_prob: float) -> str:
    """Return whether rows that show one member only share a mask or take the median."""
    middle = abs(share - keep_prob) > 0.1
    return TAKES_THE_MEDIAN if middle else SAMPLES_SHARE_A_MASK


@monte_carlo.check(
    points=0.25,
    after="averages_the_probabilities_of_all_samples",
    looks={
        "two samples of a row": agreement(_INDEPENDENT, detects=0.06),
        "kept in 50 samples": Proportion(0.8, detects=0.03),
    },
)
def every_sample_has_a_mask_of_its_own(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """A row's samples have independent masks, which keep at the rate keep_prob."""
    look = "two samples of a row"
    case = ensemble.readable(trial, trial.size(look), 1, _INDEPENDENT)
    kept = _average(mc_dropout_prediction, trial, case, 2)
    what = (
        f"rows whose two samples both keep the unit or both drop it, at {_INDEPENDENT}"
    )
    trial.judge(look, kept != 1, kept.size, what, DEPENDENT_SAMPLES)
    look = "kept in 50 samples"
    case = ensemble.readable(trial, -(-trial.size(look) // 50), 1, 0.8)
    kept = _average(mc_dropout_prediction, trial, case, 50)
    what = "units kept in 50 samples at keep_prob = 0.8"
    trial.judge(look, int(kept.sum()), 50 * kept.size, what, elementwise.DEPENDENT_BITS)


@monte_carlo.check(points=0.25, after=_AFTER_MEMBER)
def sampling_survives_large_logits(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """Logits up to ±1000 give the prediction of a member: no overflow."""
    case = ensemble.loud(trial, 40, 0.5)
    call = case.call("mc_dropout_prediction", 1, "rng")
    found = mc_dropout_prediction(*case.given, 1, trial.generator())
    _expect_finite(trial, found, call, 1000)
    gap = np.abs(softmax(case.members()) - np.asarray(found)).max(axis=2).min(axis=0)
    trial.expect(
        (gap < 1e-4).all(),
        f"{call}, with logits up to ±1000: a row is no member's prediction.",
        CLIPS_LARGE_LOGITS,
    )


@monte_carlo.check(points=0.25, after=_AFTER_MEMBER)
def sampling_leaves_the_arguments_alone(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 6, 4, 3, 0.6)
    call = case.call("mc_dropout_prediction", 3, "rng")
    _leaves_alone(mc_dropout_prediction, call, *case.given, 3, trial.generator())


# ---- probit_prediction ---------------------------------------------------------------

LEAVES_OUT_THE_CORRECTION = mistake(
    "leaves_out_the_correction",
    "your answer is weight scaling, the sigmoid of the mean logit; the correction "
    "divides that logit by a number above 1.",
    "ens-probit",
)
PUTS_IN_THE_STANDARD_DEVIATION = mistake(
    "puts_in_the_standard_deviation",
    "you put the logit's standard deviation where the formula has its variance s².",
    "ens-mistakes",
)
VARIANCE_FACTOR = mistake(
    "another_factor_of_the_variance",
    "your s² has the right sum and another factor than (1 − keep_prob) / keep_prob.",
    "ens-probit",
)
VARIANCE_TERMS = mistake(
    "another_sum_in_the_variance",
    "your s² is made of another sum than that of (x_i w_i)² over the units of the row: "
    "each unit has a term, the bias has none, and no row enters another's.",
    "ens-probit",
)
SQUARES_AFTER_SUMMING = mistake(
    "squares_the_sum_of_the_terms",
    "your s² squares the sum of the x_i w_i; independent units add their variances, so "
    "square each term and sum then.",
    "ens-probit",
)
PROBIT_CONSTANT = mistake(
    "another_constant_than_pi_over_eight",
    "your formula has another constant than π / 8 in front of s².",
    "ens-probit",
)
FORGETS_THE_SQUARE_ROOT = mistake(
    "forgets_the_square_root",
    "you divide by 1 + π s² / 8; divide by its square root.",
    "ens-probit",
)
MAKES_SURER = mistake(
    "multiplies_by_the_correction",
    "you multiply the mean logit by the square root; divide, since noise makes the mean "
    "less sure.",
    "ens-probit",
)
LEAVES_THE_BIAS_OUTSIDE = mistake(
    "leaves_the_bias_outside",
    "you divide x · w and add the bias after that; the mean logit has the bias in it, and "
    "is divided as a whole.",
    "ens-probit",
)
RESCALES_THE_MEAN_LOGIT = mistake(
    "rescales_the_mean_logit",
    "you scale the mean logit by keep_prob or its inverse; inverted dropout's mean logit "
    "is that of the network without dropout.",
    "ens-probit",
)
LEAVES_THE_NORMAL_DISTRIBUTION = mistake(
    "leaves_the_normal_distribution_function",
    "you end with the normal distribution function; the last step reads it as a sigmoid "
    "again.",
    "ens-probit",
)
GIVES_THE_OTHER_CLASS = mistake(
    "gives_the_other_class",
    "you return 1 minus the probability: the logit has the wrong sign.",
    "ens-probit",
)
ENUMERATES = mistake(
    "enumerates_the_members",
    "you return the mean itself, over all masks; the probit formula comes near it in one "
    "pass, for any number of units.",
    "ens-probit",
)
EXPANDS_TO_SECOND_ORDER = mistake(
    "expands_to_second_order",
    "you use the second-order expansion of the mean; the probit formula stays between 0 "
    "and 1 and is closer.",
    "ens-jensen",
)

#: What an exercise on a sigmoid unit is given: x, weights (D,), bias, keep_prob.
Unit = tuple[np.ndarray, np.ndarray, float, float]


def _units(trial: Trial) -> list[Unit]:
    """Return sigmoid units of several sizes, keep probabilities on both sides of 0.5."""
    rng = trial.rng
    shapes = ((6, 4, 0.8), (5, 6, 0.3), (1, 1, 0.6543), (3, 40, 0.4), (4, 3, 1.0))
    return [
        (
            trial.inputs(n, d, zeros=0.1 if d > 1 else 0),
            rng.uniform(-1, 1, d) / math.sqrt(d) * 2,
            float(rng.uniform(0.4, 1.2)),
            keep_prob,
        )
        for n, d, keep_prob in shapes
    ]


def _unit_call(unit: Unit) -> str:
    x, _, bias, keep_prob = unit
    return f"probit_prediction(x of shape {x.shape}, weights, {bias:.4g}, {keep_prob})"


def _corrected(unit: Unit) -> np.ndarray:
    x, weights, bias, p = unit
    variance = (1 - p) / p * (x * weights) ** 2 @ np.ones(len(weights))
    return sigmoid((x @ weights + bias) / np.sqrt(1 + math.pi / 8 * variance))


def _unit_answer(function: StudentFunction, unit: Unit) -> np.ndarray:
    return facts.float_array(function(*unit), (len(unit[0]),), _unit_call(unit))


@probit.check(points=0.25)
def returns_one_float_for_each_row(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """The result is a float array of shape (N,), the same at every call."""
    for unit in _units(trial):
        first = _unit_answer(probit_prediction, unit)
        again = _unit_answer(probit_prediction, unit)
        trial.expect(
            ensemble.same(first, again),
            f"{_unit_call(unit)} gave two different answers in two calls; expected the "
            "same one.",
            expectation.ANSWERS_AT_RANDOM,
        )


def _probit_mistakes(unit: Unit) -> Named:
    """Yield what wrong formulas give, by name."""
    x, w, b, p = unit
    q, terms, k = 1 - p, x * w, math.pi / 8
    mu, v = terms.sum(axis=1) + b, (terms**2).sum(axis=1)
    s2 = q / p * v

    def by(variance: Any, constant: float = k, mean: np.ndarray = mu) -> np.ndarray:
        return sigmoid(mean / np.sqrt(1 + constant * variance))

    yield LEAVES_OUT_THE_CORRECTION, sigmoid(mu)
    yield PUTS_IN_THE_STANDARD_DEVIATION, by(np.sqrt(s2))
    yield FORGETS_THE_SQUARE_ROOT, sigmoid(mu / (1 + k * s2))
    yield MAKES_SURER, sigmoid(mu * np.sqrt(1 + k * s2))
    yield FORGETS_THE_BIAS, by(s2, mean=mu - b)
    yield LEAVES_THE_BIAS_OUTSIDE, sigmoid((mu - b) / np.sqrt(1 + k * s2) + b)
    for factor in (p * q, q, 1, 1 / p, p / max(q, 1e-9), q / p**2, math.sqrt(q / p)):
        yield VARIANCE_FACTOR, by(factor * v)
    other = terms.sum(axis=1)
    for total in (other, mu):
        yield SQUARES_AFTER_SUMMING, by(q / p * total**2)
    sums: Mapping[str, Any] = {
        "bias": v + b**2,
        "all rows": v.sum(),
        "mean": v / len(w),
        "inputs": (x**2).sum(axis=1),
        "weights": (w**2).sum(),
        "apart": (x**2).sum(axis=1) * (w**2).sum(),
        "one square": (x * w**2).sum(axis=1).clip(0),
        "other square": (x**2 * w).sum(axis=1).clip(0),
    }
    for variance in sums.values():
        yield VARIANCE_TERMS, by(q / p * variance)
    for constant in (
        1,
        math.pi,
        math.pi / 4,
        math.pi / 2,
        1 / 8,
        3 / math.pi**2,
        1 / k,
    ):
        yield PROBIT_CONSTANT, by(s2, constant)
    yield PROBIT_CONSTANT, by(s2, math.pi**2 / 8)
    for scale in (p, 1 / p):
        yield RESCALES_THE_MEAN_LOGIT, by(s2, mean=scale * (mu - b) + b)
        yield RESCALES_THE_MEAN_LOGIT, by(s2, mean=scale * mu)
    root = math.sqrt(k) * mu / np.sqrt(1 + k * s2)
    normal = np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in root])
    yield LEAVES_THE_NORMAL_DISTRIBUTION, normal
    yield RETURNS_LOGITS, mu / np.sqrt(1 + k * s2)
    yield GIVES_THE_OTHER_CLASS, 1 - by(s2)
    at = sigmoid(mu)
    yield EXPANDS_TO_SECOND_ORDER, at + at * (1 - at) * (1 - 2 * at) * s2 / 2
    if len(w) <= 6:
        two = Case(x, np.stack([w, 0 * w], axis=1), np.array([b, 0.0]), p)
        yield ENUMERATES, _arithmetic(two)[:, 0]


@probit.check(points=1.0, after="returns_one_float_for_each_row")
def is_the_sigmoid_of_the_corrected_logit(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """The probability is σ(μ / √(1 + π s² / 8)), for every row."""
    for unit in _units(trial):
        found, expected = _unit_answer(probit_prediction, unit), _corrected(unit)
        if not ensemble.same(found, expected):
            trial.fail(
                f"{_unit_call(unit)}: the probability is not right; "
                f"{facts.worst(found, expected)}.",
                _first(found, _probit_mistakes(unit)),
            )


@probit.check(points=0.25, after="is_the_sigmoid_of_the_corrected_logit")
def the_sigmoid_survives_large_logits(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """Mean logits up to ±1000 give a probability: no overflow."""
    rng = trial.rng
    for keep_prob in (0.8, 1.0):
        x = np.array([[1.0, 0.5], [-1.0, 0.5], [0.0, 1.0]]) * 900
        unit: Unit = x, np.array([1.0, 0.1]), float(rng.uniform(0.4, 1.2)), keep_prob
        found, expected = probit_prediction(*unit), _corrected(unit)
        call = _unit_call(unit)
        _expect_finite(trial, found, call, 1000)
        trial.expect(
            facts.close(found, expected, rtol=1e-3, atol=1e-6),
            f"{call}, with mean logits up to ±1000: the probability is not right; "
            f"{facts.worst(np.asarray(found), expected)}.",
            CLIPS_LARGE_LOGITS,
        )


@probit.check(points=0.25, after="is_the_sigmoid_of_the_corrected_logit")
def the_correction_leaves_its_arguments_alone(
    probit_prediction: StudentFunction, trial: Trial
) -> None:
    """x and weights are the same after the call as before."""
    unit = _units(trial)[0]
    _leaves_alone(probit_prediction, _unit_call(unit), *unit)
