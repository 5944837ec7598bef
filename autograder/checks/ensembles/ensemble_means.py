"""ensemble_means: average all members of a small ensemble, in both ways."""

import math
from collections.abc import Iterator

import numpy as np

from autograder.checks.conventions import inverted_dropout
from autograder.checks.ensembles import shared
from autograder.checks.expectation import rescaled_sum_distribution
from autograder.checks.expectation import shared as expectation_shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import ensemble
from autograder.families.ensemble import Case, log_softmax, softmax

exercise = Exercise(
    "ensemble_means",
    chapter="ensembles",
    title="Average all members of a small ensemble, in both ways",
    signature="ensemble_means(x, weights, bias, keep_prob) -> (arithmetic, geometric)",
    section="ens-geometric",
)


class Wrong(Mistakes, section="ens-geometric"):
    swaps_the_two_means = (
        "you return the geometric mean first; return (arithmetic, geometric)."
    )
    takes_the_logarithm_of_the_mean = (
        "your geometric mean is the arithmetic one: average the members' logarithms, "
        "not the members, and take the exponential after that."
    )
    multiplies_without_the_root = (
        "you multiply all members' probabilities; in a geometric mean each has its "
        "mask's probability as exponent."
    )
    forgets_to_renormalise = at(
        "ens-mistakes",
        "your geometric means do not add up to 1; divide each row by its sum.",
    )
    takes_logarithms_of_rounded_probabilities = (
        "a member's probability, or the geometric mean before it is renormalised, has "
        "rounded to 0 or was kept from it; stay with logarithms until the last step."
    )
    averages_some_members_only = (
        "your mean is near the mean over all masks and not equal to it: either you "
        "average over drawn masks, or you leave some masks out."
    )


Variant = tuple[str, np.ndarray, np.ndarray]


def _variants(case: Case) -> Iterator[Variant]:
    """Yield wrong ensembles: the mistake, a weight for each member, their logits."""
    bits, p = ensemble.every_mask(case.x.shape[1]), case.keep_prob
    kept, n, q = bits.sum(axis=1), case.x.shape[1], 1 - case.keep_prob
    right, chance, each = case.members(), case.chances(), bits[:, None]
    fraction = np.maximum(kept, 1)[:, None, None] / n
    factors = {
        shared.Wrong.members_are_not_rescaled: each,
        inverted_dropout.Wrong.divides_by_drop_probability: each / q,
        inverted_dropout.Wrong.multiplies_by_keep_prob: each * p,
        inverted_dropout.Wrong.rescales_twice: each / p**2,
        inverted_dropout.Wrong.divides_by_kept_fraction: each / fraction,
    }
    for name, factor in factors.items():
        yield name, chance, case.logits(factor)
    yield shared.Wrong.forgets_the_bias, chance, right - case.bias
    yield shared.Wrong.rescales_the_bias, chance, right + case.bias * (1 / p - 1)
    choices = np.array([math.comb(n, int(k)) for k in kept])
    weights = {
        rescaled_sum_distribution.Wrong.weighs_masks_equally: np.ones(2**n),
        rescaled_sum_distribution.Wrong.swaps_keep_and_drop_in_the_probabilities: q
        ** kept
        * p ** (n - kept),
        rescaled_sum_distribution.Wrong.forgets_the_dropped_units: p**kept,
        rescaled_sum_distribution.Wrong.weighs_masks_by_the_count: choices * chance,
    }
    for name, weight in weights.items():
        yield name, weight, right
        yield name, weight / weight.sum(), right
    for few in (slice(1, None), slice(0, -1), slice(1, -1)):
        part = chance[few]
        if part.size:
            yield rescaled_sum_distribution.Wrong.leaves_out_a_mask, part, right[few]
            yield (
                rescaled_sum_distribution.Wrong.leaves_out_a_mask,
                part / part.sum(),
                right[few],
            )


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


@exercise.check(points=0.25)
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
            expectation_shared.Wrong.answers_at_random,
        )
    _two_means(ensemble_means, ensemble.ordinary(trial, 2, 12, 3, 0.4))


@exercise.check(points=0.75, after="returns_two_float_arrays_with_a_row_for_each_input")
def the_arithmetic_mean_is_over_all_masks(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """The first result is the mean of the members' probabilities, weighted by masks."""
    for case in _ensembles(trial):
        arithmetic, geometric, call = _two_means(ensemble_means, case)
        expected = shared.arithmetic(case)
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
        return (
            Wrong.swaps_the_two_means if swapped else shared.Wrong.averages_the_logits
        )

    def candidates() -> shared.Named:
        for name, wrong in shared.misread(case.members()):
            yield name, np.tensordot(case.chances(), wrong, 1)
        yield shared.Wrong.returns_logarithms, np.log(expected)
        yield shared.Wrong.applies_softmax_twice, softmax(expected)
        for name, weight, z in _variants(case):
            yield name, np.tensordot(weight, softmax(z), 1)

    near = np.abs(found - expected).max() < 0.05
    return shared.first(found, candidates()) or (
        Wrong.averages_some_members_only if near else None
    )


@exercise.check(points=0.75, after="returns_two_float_arrays_with_a_row_for_each_input")
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

    def candidates() -> shared.Named:
        yield Wrong.takes_the_logarithm_of_the_mean, shared.arithmetic(case)
        yield Wrong.multiplies_without_the_root, softmax(logs.sum(axis=0))
        yield Wrong.multiplies_without_the_root, np.exp(logs.sum(axis=0))
        yield shared.Wrong.returns_logarithms, np.log(case.scaled)
        yield shared.Wrong.returns_logarithms, np.log(raw)
        yield shared.Wrong.normalises_over_another_axis, raw / raw.sum(axis=0)
        yield shared.Wrong.normalises_over_another_axis, raw / raw.sum()
        yield from shared.misread(case.logits())
        for name, weight, logits in _variants(case):
            mean = np.tensordot(weight, log_softmax(logits), 1)
            yield name, np.exp(mean)
            yield name, softmax(mean)

    near = np.abs(found - case.scaled).max() < 0.05
    return shared.first(found, candidates()) or (
        Wrong.averages_some_members_only if near else None
    )


@exercise.check(points=0.5, after="the_geometric_mean_is_over_all_masks")
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
                Wrong.forgets_to_renormalise if ensemble.same(geometric, raw) else None,
            )


_BOTH = (
    "the_arithmetic_mean_is_over_all_masks",
    "the_geometric_mean_is_over_all_masks",
)


@exercise.check(points=0.5, after=_BOTH)
def the_means_survive_large_logits(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """Logits up to ±1000 give both means: no overflow, and no logarithm of 0."""
    cases = ensemble.loud(trial, 5, 0.5), ensemble.loud(trial, 5, 0.7)
    for case in (*cases, ensemble.torn(trial, 5)):
        call = case.call("ensemble_means")
        pair = facts.pair(ensemble_means(*case.given), call, "(arithmetic, geometric)")
        shared.expect_finite(trial, pair[0], call, 1000)
        arithmetic = facts.float_array(pair[0], (5, 3), call, "arithmetic")
        expected = shared.arithmetic(case)
        trial.expect(
            facts.close(arithmetic, expected, rtol=1e-3, atol=1e-6),
            f"{call}, with logits up to ±1000: the arithmetic mean is not right; "
            f"{facts.worst(arithmetic, expected)}.",
            shared.Wrong.clips_large_logits,
        )
        geometric = np.asarray(pair[1], float)
        with np.errstate(invalid="ignore"):  # all zeros, or NaN, is not close
            found = geometric / geometric.sum(axis=-1, keepdims=True)
        trial.expect(
            facts.close(found, case.scaled, rtol=1e-3, atol=1e-6),
            f"{call}, with logits up to ±1000: the geometric mean is not right; "
            f"{facts.worst(geometric, case.scaled)}.",
            Wrong.takes_logarithms_of_rounded_probabilities,
        )


@exercise.check(points=0.25, after=_BOTH)
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


@exercise.check(points=0.25, after=_BOTH)
def the_means_leave_their_arguments_alone(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 3, 4, 3, 0.8)
    shared.leaves_alone(ensemble_means, case.call("ensemble_means"), *case.given)
