"""rescaled_sum_distribution: a dropped layer's sum over all its masks."""

import itertools
import math
from functools import cache

import numpy as np

from autograder.checks.expectation import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.facts import describe
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial

exercise = Exercise(
    "rescaled_sum_distribution",
    chapter="expectation",
    title="Compute the distribution of a dropped layer's sum over all its masks",
    signature="rescaled_sum_distribution(x, keep_prob) -> (values, probabilities)",
    section="exp-enumeration",
)


class Wrong(Mistakes, section="exp-enumeration"):
    sums_without_rescaling = at(
        "exp-mean",
        "your values are the sums of the kept entries; divide them by keep_prob.",
    )
    divides_sums_by_drop_probability = at(
        "exp-mean",
        "you divide the sums by 1 − keep_prob; divide by keep_prob.",
    )
    divides_sums_by_kept_fraction = at(
        "exp-mistakes",
        "you divide each sum by the fraction that its mask keeps; divide by "
        "keep_prob, the same for every mask.",
    )
    leaves_out_a_mask = (
        "you leave out the mask that drops every unit or the one that keeps every "
        "unit; both belong to the 2ⁿ masks."
    )
    weighs_masks_equally = (
        "you give all masks the same probability, which is right at keep_prob = 0.5 "
        "alone; a mask that keeps K of n units has p^K (1 − p)^(n − K)."
    )
    swaps_keep_and_drop_in_the_probabilities = (
        "your probabilities are those of masks that keep with probability 1 − "
        "keep_prob."
    )
    forgets_the_dropped_units = (
        "your probabilities multiply keep_prob for each kept unit, and nothing for a "
        "dropped one; each dropped unit contributes 1 − keep_prob."
    )
    weighs_masks_by_the_count = (
        "you give each mask the binomial probability of its number of kept units, "
        "which all masks with that number share."
    )
    misaligns_values_and_probabilities = (
        "your probabilities are the right ones, but they stand beside the wrong "
        "values, as when only one of the two arrays is sorted."
    )
    averages_instead_of_summing = (
        "your values are means of the rescaled units; the exercise asks for their sum."
    )
    gives_the_mean_alone = (
        "you return the one sum that dropout has on average; the distribution lists "
        "the sum of every mask."
    )
    gives_percentages = "your probabilities add up to 100: they are percentages."
    counts_equal_sums_twice = (
        "masks with equal sums are added up and listed each as well, so that their "
        "probability counts more than once."
    )
    loses_equal_sums = (
        "masks with equal sums overwrite each other and their probability is lost; "
        "add the probabilities, or list each mask."
    )


Masses = tuple[np.ndarray, np.ndarray]


def _sum_call(x: np.ndarray, keep_prob: float) -> str:
    listed = (
        f"[{', '.join(f'{v:.4g}' for v in x)}]" if len(x) <= 6 else f"x, n = {len(x)}"
    )
    return f"rescaled_sum_distribution({listed}, {keep_prob})"


def _masses(function: StudentFunction, x: np.ndarray, keep_prob: float) -> Masses:
    """Return values and probabilities, in order of value. Raises ``CheckFailure``."""
    call = _sum_call(x, keep_prob)
    items = facts.pair(function(x, keep_prob), call, "(values, probabilities)")
    for item, what in zip(items, ("values", "probabilities"), strict=True):
        if not isinstance(item, np.ndarray) or item.ndim != 1:
            raise CheckFailure(
                f"{call}: {what} is {describe(item)}; expected a 1-D array.",
                facts.Wrong.returns_another_kind,
            )
        facts.float_array(item, item.shape, call, what)
    values, probabilities = items
    if values.shape != probabilities.shape:
        raise CheckFailure(
            f"{call} returned {len(values)} values but {len(probabilities)} "
            "probabilities; expected one probability for each value.",
            facts.Wrong.returns_another_shape,
        )
    order = np.argsort(values, kind="stable")
    return values[order].astype(float), probabilities[order].astype(float)


@cache
def _all_masks(n: int) -> np.ndarray:
    """Return the 2**n masks of n units, the empty one first and the full one last."""
    return np.array(list(itertools.product([0, 1], repeat=n)), dtype=float)


def _exact(x: np.ndarray, p: float) -> Masses:
    bits = _all_masks(len(x))
    kept = bits.sum(axis=1)
    return bits @ x / p, p**kept * (1 - p) ** (len(x) - kept)


def _grain(x: np.ndarray, keep_prob: float) -> float:
    """Return the difference below which two sums count as equal: rounding in float32."""
    return 3e-6 * float(np.abs(x).sum()) / keep_prob


def _lacks(values: np.ndarray, among: np.ndarray, grain: float) -> np.ndarray:
    """Return those ``values`` that have no neighbour within ``grain`` in ``among``."""
    if not len(among):
        return values
    among = np.sort(among)
    right = np.clip(np.searchsorted(among, values), 0, len(among) - 1)
    left = np.maximum(right - 1, 0)
    gap = np.minimum(np.abs(among[right] - values), np.abs(among[left] - values))
    return values[gap > grain]


def _same_values(a: np.ndarray, b: np.ndarray, grain: float) -> bool:
    return not (_lacks(a, b, grain).size or _lacks(b, a, grain).size)


def _gap(a: Masses, b: Masses, grain: float) -> tuple[float, float, float]:
    """Return the place of the largest difference of two distributions, and both masses
    there. Values that a chain of steps below ``grain`` joins are one place."""
    values = np.concatenate([a[0], b[0]])
    order = np.argsort(values, kind="stable")
    place = np.empty(len(values), dtype=int)
    place[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > grain)])
    mass_a = np.bincount(place[: len(a[0])], a[1], minlength=place.max() + 1)
    mass_b = np.bincount(place[len(a[0]) :], b[1], minlength=place.max() + 1)
    worst = int(np.argmax(np.abs(mass_a - mass_b)))
    return float(values[place == worst][0]), float(mass_a[worst]), float(mass_b[worst])


def _same_masses(found: Masses, expected: Masses, grain: float) -> bool:
    _, a, b = _gap(found, expected, grain)
    return abs(a - b) <= 1e-5 * float(np.abs(expected[1]).max())


def _sum_inputs(trial: Trial) -> list[tuple[np.ndarray, float]]:
    """Return vectors whose sums over the masks differ, and keep probabilities."""
    return [
        (np.array([1.0, 2.0, 4.0, -8.0]), 0.8),
        (np.array([2.5]), 0.3),
        (np.array([14.1, 13.1, 1.2, 0.8, 2.1, 0.5]), 0.3),
        (trial.inputs(12), 0.8),
    ]


@exercise.check(points=0.25)
def returns_values_and_probabilities(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """Values and probabilities are 1-D float arrays of one length, the same each call."""
    for x, keep_prob in _sum_inputs(trial)[:3]:
        first = _masses(rescaled_sum_distribution, x, keep_prob)
        again = _masses(rescaled_sum_distribution, x, keep_prob)
        grain = _grain(x, keep_prob)
        trial.expect(
            len(first[0]) > 0, f"{_sum_call(x, keep_prob)} returned empty arrays."
        )
        trial.expect(
            _same_values(first[0], again[0], grain)
            and _same_masses(first, again, grain),
            f"{_sum_call(x, keep_prob)} gave two different answers in two calls.",
            shared.Wrong.answers_at_random,
        )


def _name_of_values(values: np.ndarray, x: np.ndarray, p: float) -> str | None:
    bits = _all_masks(len(x))
    grain = _grain(x, p)
    fractions = np.maximum(bits.mean(axis=1), 0.5 / len(x))
    expected = bits @ x / p
    named: dict[str, list[np.ndarray]] = {
        Wrong.sums_without_rescaling: [bits @ x],
        Wrong.divides_sums_by_drop_probability: [bits @ x / (1 - p)],
        Wrong.divides_sums_by_kept_fraction: [
            bits @ x / fractions,
            (bits @ x / fractions)[1:],
        ],
        Wrong.leaves_out_a_mask: [expected[1:], expected[:-1], expected[1:-1]],
        Wrong.averages_instead_of_summing: [expected / len(x)],
        Wrong.gives_the_mean_alone: [np.array([x.sum()])],
    }
    hits = (
        name
        for name, candidates in named.items()
        if any(_same_values(values, wrong, grain) for wrong in candidates)
    )
    near = 0.02 * float(np.abs(expected).max())
    close = (
        shared.Wrong.close_but_not_exact
        if _same_values(values, expected, near)
        else None
    )
    return next(hits, close)


@exercise.check(points=0.75, after="returns_values_and_probabilities")
def lists_every_rescaled_sum(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """The values are the sums of the kept entries over keep_prob, for all 2ⁿ masks."""
    for x, keep_prob in _sum_inputs(trial):
        values, _ = _masses(rescaled_sum_distribution, x, keep_prob)
        expected, grain = _exact(x, keep_prob)[0], _grain(x, keep_prob)
        extra, absent = _lacks(values, expected, grain), _lacks(expected, values, grain)
        if not (extra.size or absent.size):
            continue
        seen = (
            f"the values hold {extra[0]:.6g}, which no mask gives" if extra.size else ""
        )
        gone = (
            f"the values lack {absent[0]:.6g}, which a mask gives"
            if absent.size
            else ""
        )
        trial.fail(
            f"{_sum_call(x, keep_prob)}: {' and '.join(filter(None, (seen, gone)))}.",
            _name_of_values(values, x, keep_prob),
        )


@exercise.check(points=0.25, after="lists_every_rescaled_sum")
def enumerating_leaves_x_alone(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """x is the same after the call as before."""
    x = trial.inputs(5)
    shared.leaves_x_alone(rescaled_sum_distribution, _sum_call(x, 0.8), x, 0.8)


def _name_of_masses(found: Masses, x: np.ndarray, p: float) -> str | None:
    """Return the mistake whose probabilities these are, up to a common factor."""
    sums, exact = _exact(x, p)
    kept, n = _all_masks(len(x)).sum(axis=1), len(x)
    choices = np.array([math.comb(n, int(k)) for k in kept])
    named = {
        Wrong.weighs_masks_equally: np.ones(2**n),
        Wrong.swaps_keep_and_drop_in_the_probabilities: (1 - p) ** kept
        * p ** (n - kept),
        Wrong.forgets_the_dropped_units: p**kept,
        Wrong.weighs_masks_by_the_count: choices * p**kept * (1 - p) ** (n - kept),
    }
    total = found[1].sum()
    if total <= 0:
        return None
    shares = found[0], found[1] / total
    hits = (
        name
        for name, weights in named.items()
        if _same_masses(shares, (sums, weights / weights.sum()), _grain(x, p))
    )
    shuffled = len(exact) == len(found[1]) and facts.close(
        np.sort(found[1]), np.sort(exact)
    )
    return next(
        hits,
        Wrong.misaligns_values_and_probabilities
        if shuffled
        else _name_of_total(found, (sums, exact)),
    )


def _name_of_total(found: Masses, exact: Masses) -> str | None:
    """Return the mistake of probabilities that are wrong in another way than any weight."""
    if facts.close(found[1].sum(), 100):
        return Wrong.gives_percentages
    near = facts.close(found[1].sum(), 1) and len(found[1]) > 1
    return (
        shared.Wrong.close_but_not_exact
        if near and _distance(found, exact) < 0.1
        else None
    )


def _distance(a: Masses, b: Masses) -> float:
    """Return the largest difference of two distribution functions."""
    steps = np.concatenate([a[0], b[0]])

    def below(masses: Masses) -> np.ndarray:
        order = np.argsort(masses[0], kind="stable")
        total = np.concatenate([[0.0], np.cumsum(masses[1][order])])
        return total[np.searchsorted(masses[0][order], steps, side="right")]

    return float(np.abs(below(a) - below(b)).max())


@exercise.check(points=0.25, after="lists_every_rescaled_sum")
def the_probabilities_sum_to_one(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """The probabilities are not negative and add up to 1."""
    for x, keep_prob in _sum_inputs(trial):
        found = _masses(rescaled_sum_distribution, x, keep_prob)
        call = _sum_call(x, keep_prob)
        least, total = float(found[1].min()), float(found[1].sum())
        trial.expect(least >= 0, f"{call}: a probability is negative, {least:.4g}.")
        if not facts.close(total, 1):
            trial.fail(
                f"{call}: the probabilities add up to {total:.6g}; expected 1.",
                _name_of_masses(found, x, keep_prob),
            )


@exercise.check(points=0.75, after="lists_every_rescaled_sum")
def weighs_each_mask_by_its_probability(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """Each sum has the probability of the masks that give it."""
    for x, keep_prob in _sum_inputs(trial):
        found = _masses(rescaled_sum_distribution, x, keep_prob)
        expected, grain = _exact(x, keep_prob), _grain(x, keep_prob)
        if not _same_masses(found, expected, grain):
            value, is_, should = _gap(found, expected, grain)
            trial.fail(
                f"{_sum_call(x, keep_prob)}: the sum {value:.6g} has probability "
                f"{is_:.6g}; expected {should:.6g}.",
                _name_of_masses(found, x, keep_prob),
            )


@exercise.check(points=0.25, after="weighs_each_mask_by_its_probability")
def equal_sums_keep_their_probability(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """When several masks give one sum, their probabilities add up."""
    for x, keep_prob in (
        (np.array([1.0, 1.0, 2.0, 0.0]), 0.8),
        (np.array([1.5, -1.5, 3.0]), 0.3),
        (np.ones(12), 0.3),
        (np.zeros(3), 0.8),
    ):
        found = _masses(rescaled_sum_distribution, x, keep_prob)
        # All sums of a zero vector are equal, so any positive grain will do.
        expected, grain = _exact(x, keep_prob), _grain(x, keep_prob) or 1e-12
        if not _same_masses(found, expected, grain):
            value, is_, should = _gap(found, expected, grain)
            lost = should - is_ > 1e-5 and found[1].sum() < 1 - 1e-5
            trial.fail(
                f"{_sum_call(x, keep_prob)}: the sum {value:.6g} has probability "
                f"{is_:.6g}; expected {should:.6g}.",
                Wrong.loses_equal_sums if lost else Wrong.counts_equal_sums_twice,
            )


@exercise.check(points=0.25, after="weighs_each_mask_by_its_probability")
def has_one_outcome_at_keep_prob_one(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1 the sum of x has probability 1, every other sum 0."""
    x = trial.inputs(5)
    found = _masses(rescaled_sum_distribution, x, 1.0)
    expected = np.array([x.sum()]), np.ones(1)
    if not _same_masses(found, expected, _grain(x, 1.0)):
        value, is_, should = _gap(found, expected, _grain(x, 1.0))
        trial.fail(
            f"{_sum_call(x, 1.0)}: the sum {value:.6g} has probability {is_:.6g}; "
            f"expected {should:.6g}."
        )
