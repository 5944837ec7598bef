"""ensemble_means: average all members of a small ensemble, in both ways."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from autograder.checks.conventions.inverted_dropout import Wrong as WrongDropout
from autograder.checks.ensembles import shared
from autograder.checks.expectation.rescaled_sum_distribution import Wrong as WrongMasks
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction, foresee
from autograder.contract.trial import Trial
from autograder.families import ensemble, layer_magnitudes, magnitudes
from autograder.families.bit_tests import Wrong as Middle
from autograder.families.bit_tests import named_after_the_first
from autograder.families.corners import (
    SMALLEST,
    close_keep_probs,
    drawn_keep_probs,
    spread_keep_probs,
)
from autograder.families.ensemble import Case, log_softmax, softmax
from autograder.families.rivals import Rivals, first, joined

exercise = Exercise(
    "ensemble_means",
    chapter="ensembles",
    title="Average all members of a small ensemble, in both ways",
    signature="ensemble_means(x, weights, bias, keep_prob) -> (arithmetic, geometric)",
    section="ens-geometric",
    takes={
        "x": domain.floats("1 <= D <= 12", 2, 2),
        "weights": shared.WEIGHTS,
        "bias": shared.BIAS,
        "keep_prob": domain.keep_probs(smallest=SMALLEST),
        domain.TOGETHER: shared.LOGITS,
    },
)


class Wrong(Mistakes, section="ens-geometric"):
    swaps_the_two_means = """you return the geometric mean first; return (arithmetic,
        geometric)."""
    takes_the_logarithm_of_the_mean = """your geometric mean is the arithmetic one:
        average the members' logarithms, not the members, and take the exponential after
        that."""
    multiplies_without_the_root = """you multiply all members' probabilities; in a
        geometric mean each has its mask's probability as exponent."""
    forgets_to_renormalise = at(
        "ens-mistakes",
        "your geometric means do not add up to 1; divide each row by its sum.",
    )
    takes_logarithms_of_rounded_probabilities = """a member's probability, or the
        geometric mean before it is renormalised, has rounded to 0 or was kept from it;
        stay with logarithms until the last step."""
    averages_some_members_only = """your mean is near the mean over all masks and not
        equal to it: either you average over drawn masks, or you leave some masks out,
        or you round or bound what is given, such as keep_prob, or a number near 1 is
        multiplied in."""


def _wrong_weights(case: Case) -> Rivals:
    """Return what wrong answers weigh the masks by."""
    n, p, chance = case.x.shape[1], case.keep_prob, case.chances()
    kept = ensemble.every_mask(n).sum(axis=1)
    some = kept > 0, kept < n, (kept > 0) & (kept < n)
    return {
        WrongMasks.weighs_masks_equally: np.ones(2**n),
        WrongMasks.swaps_keep_and_drop_in_the_probabilities: (
            (1 - p) ** kept * p ** (n - kept)
        ),
        WrongMasks.forgets_the_dropped_units: p**kept,
        WrongMasks.weighs_masks_by_the_count: (
            chance * [math.comb(n, int(k)) for k in kept]
        ),
        WrongMasks.leaves_out_a_mask: [chance * few for few in some if few.any()],
    }


def _variants(
    case: Case, of: Callable[[np.ndarray], np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Return the means of wrong ensembles: of their members' ``of(logits)``."""
    p, each = case.keep_prob, ensemble.every_mask(case.x.shape[1])[:, None]
    members, right = case.members(), of(case.members())
    share = np.maximum(each.mean(axis=-1, keepdims=True), 1 / case.x.shape[1])
    logits = {
        shared.Wrong.members_are_not_rescaled: case.logits(each),
        WrongDropout.divides_by_drop_probability: case.logits(each / (1 - p)),
        WrongDropout.multiplies_by_keep_prob: case.logits(each * p),
        WrongDropout.rescales_twice: case.logits(each / p**2),
        WrongDropout.divides_by_kept_fraction: case.logits(each / share),
        shared.Wrong.forgets_the_bias: members - case.bias,
        shared.Wrong.rescales_the_bias: members + case.bias * (1 / p - 1),
    }
    return joined(
        {name: shared.mean(case, of(z)) for name, z in logits.items()},
        *(
            {name: [total, total / weight.sum()]}
            for name, weights in joined(_wrong_weights(case)).items()
            for weight in weights
            for total in [np.tensordot(weight, right, 1)]
        ),
    )


def _two_means(function: StudentFunction, case: Case) -> tuple[np.ndarray, str]:
    """Return both means, (2, N, C), and the call. Raises ``CheckFailure``."""
    call = case.call(function.name)
    two = facts.pair(function(*case.given), call, "(arithmetic, geometric)")
    means = [
        facts.float_array(item, case.shape, call, what)
        for item, what in zip(two, ("arithmetic", "geometric"), strict=True)
    ]
    return np.stack(means), call


def _inside(trial: Trial) -> list[Case]:
    """Return cases of several shapes, keep probabilities on both sides of 0.5, zeros."""
    return [
        ensemble.ordinary(trial, 3, 4, 3, 0.8),
        ensemble.ordinary(trial, 4, 4, 2, 0.3, zeros=0.2),
        ensemble.ordinary(trial, 1, 1, 2, 0.6543),
        ensemble.ordinary(trial, 2, 9, 3, 0.4),
    ]


def _of_every_magnitude(trial: Trial, *, loud: bool) -> list[Case]:
    """Return layers of every magnitude whose members' logits are ``loud``, or moderate."""
    return [
        case
        for case in layer_magnitudes.softmaxes(trial)
        if layer_magnitudes.is_loud(case.members()) == loud
    ]


def _small(trial: Trial) -> list[Case]:
    """Return cases inside the range and at its corners."""

    def factor(keep_prob: float) -> float:
        return 1 / keep_prob

    cases = _inside(trial) + ensemble.at_corners(trial, factor)
    cases += ensemble.all_over(trial, factor, 6)
    sizes = zip(range(7, 12), drawn_keep_probs(trial, 5), strict=True)
    cases += [ensemble.ordinary(trial, 1, d, 2, p) for d, p in sizes]
    cases += _of_every_magnitude(trial, loud=False)
    return cases + ensemble.close_to_the_ends(trial, factor)


def _kinds(trial: Trial) -> list[Case]:
    return [*_inside(trial), ensemble.ordinary(trial, 2, 12, 3, 0.4)]


def _means(
    function: StudentFunction, trial: Trial
) -> Iterator[tuple[Case, np.ndarray, str]]:
    """Yield small ensembles and one of 4,096 members, with both means and the call.

    Checks of one grading share them: ``_KIND`` holds that two calls give the same."""
    if "means" not in trial.notes:
        cases = [*_small(trial), ensemble.ordinary(trial, 1, 12, 2, 0.437)]
        trial.notes["means"] = cases, []
        foresee(function, [(case.given, {}) for case in cases])
    cases, known = trial.notes["means"]
    for i, case in enumerate(cases):
        if i == len(known):
            known.append(_two_means(function, case))
        yield case, *known[i]


_ROWS = "returns_two_float_arrays_with_a_row_for_each_input"
_BOTH = (
    "the_arithmetic_mean_is_over_all_masks",
    "the_geometric_mean_is_over_all_masks",
)
_KIND = shared.kind("Both means are float arrays of shape (N, C)", _kinds, _two_means)
exercise.asks(0.25, _ROWS, _KIND)


@exercise.check(points=0.75, after=_ROWS)
def the_arithmetic_mean_is_over_all_masks(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """The first result is the mean of the members' probabilities, weighted by masks."""
    means = named_after_the_first(_means(ensemble_means, trial))
    for (case, (found, other), call), some in means:
        expected = shared.arithmetic(case)
        if ensemble.same(found, expected):
            continue
        swapped = ensemble.same(found, case.scaled) and ensemble.same(other, expected)
        trial.fail(
            f"{call}: the arithmetic mean is not right; {facts.worst(found, expected)}.",
            Wrong.swaps_the_two_means
            if swapped
            else _named(found, expected, _arithmetic_rivals(case)) or some,
        )


def _named(found: np.ndarray, expected: np.ndarray, rivals: Rivals) -> str | None:
    """Return what is behind a wrong mean."""
    near = np.abs(found - expected).max() < 0.05
    other = Wrong.averages_some_members_only if near else None
    return first(found, rivals, ensemble.same) or other


def _arithmetic_rivals(case: Case) -> Rivals:
    if case.is_close_to_an_end:
        return {}
    expected = shared.arithmetic(case)
    misread = shared.misread(case.members())
    return joined(
        {shared.Wrong.averages_the_logits: case.scaled},
        {
            name: [shared.mean(case, z) for z in wrong]
            for name, wrong in misread.items()
        },
        {
            shared.Wrong.returns_logarithms: np.log(expected),
            shared.Wrong.applies_softmax_twice: softmax(expected),
        },
        _variants(case, softmax),
    )


@exercise.check(points=0.75, after=_ROWS)
def the_geometric_mean_is_over_all_masks(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """The second result is the members' geometric mean, up to a factor for each row."""
    means = named_after_the_first(_means(ensemble_means, trial))
    for (case, (_, found), call), some in means:
        total, expected = found.sum(axis=1, keepdims=True), case.scaled
        ready = (found >= 0).all() and (total > 0).all()
        if ready and ensemble.same(found / total, expected):
            continue
        trial.fail(
            f"{call}: the geometric mean is not right; {facts.worst(found, expected)}.",
            _named(found, expected, _geometric_rivals(case)) or some,
        )


def _raw(case: Case) -> np.ndarray:
    """Return the geometric mean before it is renormalised."""
    raw: np.ndarray = np.exp(shared.mean(case, log_softmax(case.members())))
    return raw


def _geometric_rivals(case: Case) -> Rivals:
    if case.is_close_to_an_end:
        return {}
    logs, raw = log_softmax(case.members()).sum(axis=0), _raw(case)
    shifted = raw / raw.max(axis=-1, keepdims=True)
    means = _variants(case, log_softmax)
    return joined(
        {
            Wrong.takes_the_logarithm_of_the_mean: shared.arithmetic(case),
            Wrong.multiplies_without_the_root: [softmax(logs), np.exp(logs)],
            shared.Wrong.returns_logarithms: [np.log(case.scaled), np.log(raw)],
            shared.Wrong.normalises_over_another_axis: [
                e / e.sum(axis=axis) for e in (raw, shifted) for axis in (0, None)
            ],
        },
        shared.misread(case.logits()),
        {n: [f(z) for z in zs for f in (np.exp, softmax)] for n, zs in means.items()},
    )


@exercise.check(points=0.5, after="the_geometric_mean_is_over_all_masks")
def the_geometric_mean_is_renormalised(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """Each row of the geometric mean adds up to 1."""
    for case, (_, found), call in _means(ensemble_means, trial):
        totals = found.sum(axis=1)
        worst = totals[np.argmax(np.abs(totals - 1))]
        if not facts.close(totals, 1):
            trial.fail(
                f"{call}: a row of the geometric mean adds up to {worst:.4g}; expected 1.",
                Wrong.forgets_to_renormalise
                if ensemble.same(found, _raw(case))
                else None,
            )


@exercise.check(points=0.5, after=_BOTH)
def the_means_survive_large_logits(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """Logits up to ±1000 give both means: no overflow, and no logarithm of 0."""
    loud = [ensemble.loud(trial, 5, keep_prob) for keep_prob in (0.5, 0.7)]
    kinds = itertools.cycle((ensemble.shifted, ensemble.spread))
    keep_probs = 0.8, 0.8, 0.1, 0.1, *spread_keep_probs(trial)
    apart = [
        logits(trial, p, 1 / p) for logits, p in zip(kinds, keep_probs, strict=False)
    ]
    known = [*loud, ensemble.torn(trial, 5), *apart]
    given = [*known, *_of_every_magnitude(trial, loud=True), *_rarely_sure(trial)]
    foresee(ensemble_means, [(case.given, {}) for case in given])
    for i, case in enumerate(given):
        large = i < len(known)
        _expect_both(ensemble_means, trial, case, ", with logits up to ±1000" * large)


def _rarely_sure(trial: Trial) -> list[Case]:
    """Return cases at keep probabilities close to 0 and to 1, where rare members are sure of
    a class to which the others give nothing: it has their share of the arithmetic mean.
    Those furthest from the ends come first: more shows there."""
    close = *close_keep_probs(), *magnitudes.near_the_ends(trial.rng)
    ends = sorted(close, key=lambda p: max(p, 1 - p))
    sizes = 10 ** trial.rng.uniform(1.5, 2.97, len(ends))
    return [
        ensemble.torn(trial, 2, keep_prob, size)
        for keep_prob, size in zip(ends, sizes.tolist(), strict=True)
    ]


def _expect_both(
    function: StudentFunction, trial: Trial, case: Case, text: str
) -> None:
    """Check both means of a case; ``text`` says that logits are as large as may be."""
    call = case.call(function.name)
    two = facts.pair(function(*case.given), call, "(arithmetic, geometric)")
    arithmetic = shared.without_overflow(trial, two[0], case, call, "arithmetic")
    geometric = facts.floats(two[1], case.shape, call, "geometric")
    total = geometric.sum(axis=-1, keepdims=True)
    found = geometric / np.where(total == 0, 1, total)  # NaN is not close
    clips, rounded = (
        (
            shared.Wrong.clips_large_logits,
            Wrong.takes_logarithms_of_rounded_probabilities,
        )
        if text
        else [Middle.right_in_the_middle_only] * 2
    )
    what, expected = f"{call}{text}: the", shared.arithmetic(case)
    # Close to an end a member of hardly any weight shows in the last digits alone.
    near = clips if case.is_close_to_an_end else shared.Wrong.loses_digits
    one, other = f"{what} arithmetic mean", f"{what} geometric mean"
    shared.expect_near(trial, arithmetic, expected, one, clips, near)
    shared.expect_near(trial, found, case.scaled, other, rounded, near)


@exercise.check(points=0.25, after=_BOTH)
def there_is_one_member_at_keep_prob_one(
    ensemble_means: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 both means are softmax(x @ weights + bias)."""
    certain = [ensemble.ordinary(trial, n, d, 3, 1.0) for n, d in ((3, 4), (1, 1))]
    for case in (*certain, ensemble.shifted(trial, 1.0, 1.0)):
        means, call = _two_means(ensemble_means, case)
        for found, what in zip(means, ("arithmetic", "geometric"), strict=True):
            if not ensemble.same(found, case.scaled):
                trial.fail(
                    f"{call}: the {what} mean is not the prediction without dropout; "
                    f"{facts.worst(found, case.scaled)}.",
                )


_PURE = shared.unchanged(_inside)
exercise.asks(0.25, "the_means_leave_their_arguments_alone", _PURE, _BOTH)
