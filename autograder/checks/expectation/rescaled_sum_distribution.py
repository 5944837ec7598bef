"""rescaled_sum_distribution: a dropped layer's sum over all its masks."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

from autograder.checks.conventions.inverted_dropout import Wrong as WrongDropout
from autograder.checks.expectation import shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, elementwise, magnitudes
from autograder.families.ensemble import every_mask
from autograder.families.formula import Formula, Given
from autograder.families.rivals import Rivals, first

exercise = Exercise(
    "rescaled_sum_distribution",
    chapter="expectation",
    title="Compute the distribution of a dropped layer's sum over all its masks",
    signature="rescaled_sum_distribution(x, keep_prob) -> (values, probabilities)",
    section="exp-enumeration",
    takes={
        "x": domain.floats(
            "float array of shape (n,), 1 <= n <= 12", 1, 1, small=3e-3
        ).also(
            n_is_12=lambda x: len(x) == 12,
        ),
        "keep_prob": domain.keep_probs(smallest=corners.SMALLEST),
    },
)


class _Sums(Mistakes, section="exp-mean"):
    sums_without_rescaling = """your values are the sums of the kept entries; divide
        them by keep_prob."""
    divides_sums_by_drop_probability = """you divide the sums by 1 − keep_prob; divide
        by keep_prob."""


class Wrong(_Sums, section="exp-enumeration"):
    divides_sums_by_kept_fraction = at(
        "exp-mistakes",
        "you divide each sum by the fraction that its mask keeps; divide by "
        "keep_prob, the same for every mask.",
    )
    leaves_out_a_mask = """you leave out the mask that drops every unit or the one that
        keeps every unit; both belong to the 2ⁿ masks."""
    weighs_masks_equally = """you give all masks the same probability, which is right at
        keep_prob = 0.5 alone; a mask that keeps K of n units has p^K (1 − p)^(n −
        K)."""
    swaps_keep_and_drop_in_the_probabilities = """your probabilities are those of masks
        that keep with probability 1 − keep_prob."""
    forgets_the_dropped_units = """your probabilities multiply keep_prob for each kept
        unit, and nothing for a dropped one; each dropped unit contributes 1 −
        keep_prob."""
    weighs_masks_by_the_count = """you give each mask the binomial probability of its
        number of kept units, which all masks with that number share."""
    misaligns_values_and_probabilities = """your probabilities are the right ones, but
        they stand beside the wrong values, as when only one of the two arrays is
        sorted."""
    averages_instead_of_summing = """your values are means of the rescaled units; the
        exercise asks for their sum."""
    gives_the_mean_alone = """you return the one sum that dropout has on average; the
        distribution lists the sum of every mask."""
    lists_some_masks_only = """your values are sums of kept entries, and some masks' sums
        are not among them: masks are drawn, the loop leaves some out, or different sums
        that lie near each other are merged into one."""
    averages_what_is_kept = """your values depend on the number of kept units alone; which
        of the entries are kept matters."""
    multiplies_all_probabilities = """your probabilities are the right ones times one
        number, so that they do not add up to 1."""
    counts_kept_zeros_as_dropped = """where an entry is 0 its unit counts as dropped, as when
        products are counted that are not 0; count the mask."""
    gives_percentages = "your probabilities add up to 100: they are percentages."
    counts_equal_sums_twice = """masks with equal sums are added up and listed each as
        well, so that their probability counts more than once."""
    loses_equal_sums = """of masks with equal sums one counts, and the others'
        probability is lost; add the probabilities, or list each mask."""


Masses = tuple[np.ndarray, np.ndarray]

#: Four times the masks of the longest x. Longer lists may be right, as values of
#: probability 0 are welcome, but sorting them takes the judge's time.
_MOST_VALUES = 2**14


def _call(x: np.ndarray, keep_prob: float) -> str:
    return f"rescaled_sum_distribution({shared.listed(x)}, {keep_prob})"


def _masses(function: StudentFunction, x: np.ndarray, keep_prob: float) -> Masses:
    """Return values and probabilities, in order of value. Raises ``CheckFailure``."""
    call = _call(x, keep_prob)
    items = facts.pair(function(x, keep_prob), call, "(values, probabilities)")
    for item, what in zip(items, ("values", "probabilities"), strict=True):
        if not isinstance(item, np.ndarray) or item.ndim != 1:
            raise CheckFailure(
                f"{call}: {what} is {facts.describe(item)}; expected a 1-D array.",
                facts.Wrong.returns_another_kind,
            )
        if len(item) > _MOST_VALUES:
            raise CheckFailure(
                f"{call} returned {len(item):,} {what}; expected at most "
                f"{_MOST_VALUES:,}, for {2 ** len(x):,} masks.",
                facts.Wrong.returns_another_shape,
            )
        facts.float_array(item, item.shape, call, what)
    values, probabilities = items
    if values.shape != probabilities.shape:
        raise CheckFailure(
            f"{call} returned {len(values)} values but {len(probabilities)} "
            "probabilities; expected one probability for each value.",
            facts.Wrong.returns_another_shape,
        )
    if not len(values):
        raise CheckFailure(f"{call} returned empty arrays.")
    order = np.argsort(values, kind="stable")
    return values[order].astype(float), probabilities[order].astype(float)


def _exact(x: np.ndarray, p: float) -> Masses:
    bits = every_mask(len(x))[:, ::-1]
    kept = bits.sum(axis=1)
    return bits @ x / p, p**kept * (1 - p) ** (len(x) - kept)


def _grain(x: np.ndarray, keep_prob: float) -> float:
    """Return the difference below which two sums count as equal: rounding in float32.

    All sums of a zero vector are equal, so any positive grain will do."""
    return 3e-6 * float(np.abs(x).sum()) / keep_prob or 1e-12


def _lacks(values: np.ndarray, among: np.ndarray, grain: float) -> np.ndarray:
    """Return those ``values`` that have no neighbour within ``grain`` in ``among``."""
    ends = np.concatenate([[-np.inf], np.sort(among), [np.inf]])
    right = np.searchsorted(ends, values)
    gap = np.minimum(ends[right] - values, values - ends[right - 1])
    found: np.ndarray = values[gap > grain]
    return found


def _same_values(a: np.ndarray, b: np.ndarray, grain: float) -> bool:
    return not (_lacks(a, b, grain).size or _lacks(b, a, grain).size)


def _gap(a: Masses, b: Masses, grain: float) -> tuple[float, float, float, float]:
    """Return the place where two distributions differ most, both masses there, and the
    largest difference of the distribution functions. Values that a chain of steps below
    ``grain`` joins are one place."""
    values = np.concatenate([a[0], b[0]])
    order = np.argsort(values, kind="stable")
    place = np.empty(len(values), dtype=int)
    place[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > grain)])
    mass_a = np.bincount(place[: len(a[0])], a[1], minlength=place.max() + 1)
    mass_b = np.bincount(place[len(a[0]) :], b[1], minlength=place.max() + 1)
    worst = int(np.argmax(np.abs(mass_a - mass_b)))
    distance = np.abs(np.cumsum(mass_a - mass_b)).max()
    return values[place == worst][0], mass_a[worst], mass_b[worst], distance


def _same_masses(found: Masses, expected: Masses, *given: Any) -> bool:
    _, one, other, _ = _gap(found, expected, _grain(*given))
    return bool(abs(one - other) <= 1e-5 * np.abs(expected[1]).max())


def _value_rivals(x: np.ndarray, p: float) -> Rivals:
    bits = every_mask(len(x))
    sums = bits @ x
    right, by_fraction = sums / p, sums / np.maximum(bits.mean(axis=1), 0.5 / len(x))
    return {
        Wrong.sums_without_rescaling: sums,
        Wrong.divides_sums_by_drop_probability: sums / (1 - p),
        WrongDropout.divides_by_the_root: sums / np.sqrt(p),
        Wrong.divides_sums_by_kept_fraction: [by_fraction, by_fraction[1:]],
        Wrong.averages_what_is_kept: np.arange(len(x) + 1) * x.mean() / p,
        Wrong.leaves_out_a_mask: [right[1:], right[:-1], right[1:-1]],
        Wrong.averages_instead_of_summing: right / len(x),
        Wrong.gives_the_mean_alone: np.array([x.sum()]),
    }


def _near_values(values: np.ndarray, expected: np.ndarray, *given: Any) -> str | None:
    if len(expected) > 2 and not _lacks(values, expected, _grain(*given)).size:
        return Wrong.lists_some_masks_only
    near = _same_values(values, expected, 0.02 * float(np.abs(expected).max()))
    return shared.Wrong.close_but_not_exact if near else None


def _values_gap(values: np.ndarray, expected: np.ndarray, *given: Any) -> str:
    grain = _grain(*given)
    extra, absent = _lacks(values, expected, grain), _lacks(expected, values, grain)
    seen = [f"the values hold {v:.6g}, which no mask gives" for v in extra[:1]]
    seen += [f"the values lack {v:.6g}, which a mask gives" for v in absent[:1]]
    return f": {' and '.join(seen)}"


def _mass_rivals(x: np.ndarray, p: float) -> Rivals:
    """Return wrong weights of the masks."""
    kept, n, q = every_mask(len(x)).sum(axis=1), len(x), 1 - p
    choices = np.array([math.comb(n, int(k)) for k in kept])
    return {
        Wrong.weighs_masks_equally: np.ones(2**n),
        Wrong.swaps_keep_and_drop_in_the_probabilities: q**kept * p ** (n - kept),
        Wrong.forgets_the_dropped_units: p**kept,
        Wrong.weighs_masks_by_the_count: choices * p**kept * q ** (n - kept),
    }


def _name_of_masses(found: Masses, exact: Masses, *given: Any) -> str | None:
    """Return the mistake whose probabilities these are, up to a common factor."""
    total = found[1].sum()
    if total <= 0:
        return None

    def same(shares: Masses, weights: np.ndarray) -> bool:
        return _same_masses(shares, (exact[0], weights / weights.sum()), *given)

    if name := first((found[0], found[1] / total), _mass_rivals(*given), same):
        return name
    one, other = np.sort(found[1]), np.sort(exact[1])
    if len(one) == len(other) and facts.close(one, other):
        return Wrong.misaligns_values_and_probabilities
    if facts.close(total, 100):
        return Wrong.gives_percentages
    shares = found[0], found[1] / total
    if not facts.close(total, 1) and _same_masses(shares, exact, *given):
        return Wrong.multiplies_all_probabilities
    near = facts.close(total, 1) and len(found[1]) > 1
    near = near and _gap(found, exact, _grain(*given))[3] < 0.1
    return shared.Wrong.close_but_not_exact if near else None


def _name_of_equal_sums(found: Masses, expected: Masses, *given: Any) -> str:
    (x, p), (_, is_, should, _) = given, _gap(found, expected, _grain(*given))
    kept = (every_mask(len(x))[:, ::-1] * (x != 0)).sum(axis=1)
    dropped = expected[0], p**kept * (1 - p) ** (len(x) - kept)
    if (x == 0).any() and _same_masses(found, dropped, *given):
        return Wrong.counts_kept_zeros_as_dropped
    lost = should - is_ > 1e-5 and found[1].sum() < 1 - 1e-5
    return Wrong.loses_equal_sums if lost else Wrong.counts_equal_sums_twice


def _masses_gap(found: Masses, expected: Masses, *given: Any) -> str:
    value, is_, should, _ = _gap(found, expected, _grain(*given))
    return f": the sum {value:.6g} has probability {is_:.6g}; expected {should:.6g}"


_formula = partial(Formula, exercise, call=_call)
_MASSES = _formula(
    _exact, shared.Wrong.answers_at_random, reading=_masses, same=_same_masses
)
_VALUES = _formula(
    lambda *given: _exact(*given)[0],
    reading=lambda *given: _masses(*given)[0],
    same=lambda found, expected, *given: _same_values(found, expected, _grain(*given)),
)
_LISTS, _WEIGHS = "lists_every_rescaled_sum", "weighs_each_mask_by_its_probability"


def _cases(trial: Trial) -> list[Given]:
    """Return vectors whose sums over the masks differ, and keep probabilities; those at
    the corners of the range come last."""
    sizes = 1e-3 * (1 + trial.rng.random(4))
    vectors = [1e6 * trial.inputs(5), sizes, -(trial.inputs(3) ** 2)]
    vectors += [trial.inputs(6).astype(np.float32), trial.inputs(1)]
    # Of every number of entries, those of which there are few masks twice.
    drawn = [
        trial.inputs(n).astype(dtype)
        for n, dtype in zip(
            (*range(1, 12), *range(1, 10)), cycle(elementwise.DTYPES), strict=False
        )
    ]
    return [
        (np.array([1.0, 2.0, 4.0, -8.0]), 0.8),
        (np.array([2.5]), 0.3),
        (np.array([14.1, 13.1, 1.2, 0.8, 2.1, 0.5]), 0.3),
        (trial.inputs(12), 0.8),
        *corners.with_keep_probs(vectors),
        *zip(drawn, corners.spread_keep_probs(trial, len(drawn)), strict=True),
        (trial.inputs(4), 0.5),
        *((trial.inputs(3), p) for p in corners.close_keep_probs()),
        *_of_every_magnitude(trial),
        *((np.array([p * value]), p) for value, p in _between_decimals(trial)),
    ]


def _between_decimals(trial: Trial) -> list[tuple[float, float]]:
    """Return values half-way between numbers of 8 decimals, with keep probabilities: an entry
    p * value is so small that 8 decimals are too few for a millionth of the value."""
    shares = trial.rng.uniform(0.85, 0.99, 2).tolist()
    return [(float(round(1e5 / p) + 10**4 + 0.5) / 1e8, p) for p in shares]


_SHAPES = ((5,), (7,), (4,), (8,), (6,), (3,), (1,), (9,), (2,))


def _of_every_magnitude(
    trial: Trial, kinds: Sequence[str] = magnitudes.APART
) -> list[Given]:
    """Return vectors of these kinds, from all over the range."""
    given = magnitudes.with_keep_probs(trial, _SHAPES, 1e-3, 1e7, kinds)
    return [(x + 1e-3 * np.sign(x) * (np.abs(x) < 1e-3), p) for x, p in given]


@_MASSES.kind(0.25, dtypes=(np.float64,))
def returns_values_and_probabilities(trial: Trial) -> list[Given]:
    """Values and probabilities are 1-D float arrays of one length, the same each call."""
    return _cases(trial)[:3]


@_VALUES.equals(
    0.75,
    after="returns_values_and_probabilities",
    rivals=_value_rivals,
    named=_near_values,
    gap=_values_gap,
)
def lists_every_rescaled_sum(trial: Trial) -> list[Given]:
    """The values are the sums of the kept entries over keep_prob, for all 2ⁿ masks."""
    return _cases(trial)


@_MASSES.unchanged(0.25, "x", after=_LISTS)
def enumerating_leaves_x_alone(trial: Trial) -> list[Given]:
    """x is the same after the call as before."""
    return [(trial.inputs(5), 0.8)]


@exercise.check(points=0.25, after=_LISTS)
def the_probabilities_sum_to_one(
    rescaled_sum_distribution: StudentFunction, trial: Trial
) -> None:
    """The probabilities are not negative and add up to 1."""
    for given in _cases(trial):
        found = _masses(rescaled_sum_distribution, *given)
        least, total = float(found[1].min()), float(found[1].sum())
        call = _call(*given)
        trial.expect(least >= 0, f"{call}: a probability is negative, {least:.4g}.")
        if not facts.close(total, 1):
            trial.fail(
                f"{call}: the probabilities add up to {total:.6g}; expected 1.",
                _name_of_masses(found, _exact(*given), *given),
            )


@_MASSES.equals(0.75, after=_LISTS, named=_name_of_masses, gap=_masses_gap)
def weighs_each_mask_by_its_probability(trial: Trial) -> list[Given]:
    """Each sum has the probability of the masks that give it."""
    return _cases(trial)


@_MASSES.equals(0.25, after=_WEIGHS, named=_name_of_equal_sums, gap=_masses_gap)
def equal_sums_keep_their_probability(trial: Trial) -> list[Given]:
    """When several masks give one sum, their probabilities add up."""
    several = zip(cycle(range(2, 7)), corners.spread_keep_probs(trial))
    drawn = [(trial.inputs(2)[trial.rng.integers(2, size=n)], p) for n, p in several]
    return [
        (np.array([1.0, 1.0, 2.0, 0.0]), 0.8),
        (np.array([1.5, -1.5, 3.0]), 0.3),
        (np.ones(12), 0.3),
        (np.zeros(3), 0.8),
        (np.full(4, -1e6), 0.97),
        *((x * (np.arange(len(x)) % 3 > 0), p) for x, p in drawn[::2]),
        *drawn[1::2],
        *_of_every_magnitude(trial, magnitudes.ALIKE),
    ]


@_MASSES.equals(0.25, after=_WEIGHS, gap=_masses_gap)
def has_one_outcome_at_keep_prob_one(trial: Trial) -> list[Given]:
    """At keep_prob = 1 the sum of x has probability 1, every other sum 0."""
    return [(trial.inputs(5), 1.0), (trial.inputs(1), 1.0), (1e-3 * np.ones(4), 1.0)]
