"""What departs in calls of every kind: how often bits are set, and how often two agree.

Counted are small calls by ``kinds``, larger ones by their entries and places, and large
masks with the next one, moved along.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import product

import numpy as np

from autograder.contract.budget import alpha_of
from autograder.contract.exercise import Property
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import by_values, counts, everywhere, kinds, lags, tally
from autograder.families.elementwise import Wrong
from autograder.families.kinds import PAIRS, RATE, Kinds
from autograder.laws.binomial import EveryKind, Law

#: Units that are never dropped agree at every distance, too: pairs in large masks count
#: for less where that is compared with a rate.
_WEIGHT = 0.25

#: In calls of some kind what follows from entries departs this much less than among the
#: entries, and what follows from the kind never: by 2.6 in wrong answers that were tried.
_BY_FAR = 3
#: And in places, where entries lie unevenly, this much less.
_IN_PLACES = 2

#: How ``kinds`` calls the pairs of a call.
_PAIRS_OF = [
    f"{which} along axis {axis}"
    for which, axis in product(("neighbours", "halves"), range(4))
]

#: What is behind another rate, or pairs, in calls of some kind.
_MISTAKES = {
    RATE: Wrong.keeps_some_calls_at_another_rate,
    PAIRS: Wrong.bits_depend_on_each_other,
    lags.LARGE: Wrong.bits_depend_on_each_other,
}


def _large(
    function: StudentFunction, trial: Trial, of: Kinds
) -> tuple[list[by_values.Read], lags.Counts]:
    """Return what is read of units by their entries and places, and the counts of large
    masks and the next ones, and note how many bits of these are set."""
    calls, reads, rng = everywhere.read_bits(function, trial, of), [], trial.rng
    moved: dict[str, tuple[int, int, float]] = {}
    trial.notes["large counts"] = numbers = defaultdict[str, list[counts.Usual]](list)
    for number, call in enumerate(calls):
        if call is None:
            continue
        given, keep_prob, what, (one, _, two, other, *more) = call
        p, (large, wide) = of.probability(keep_prob), _size(number, len(calls))
        first, later = (given.filled(bits, p, rng) for bits in (one, two))
        if wide or not large:
            own = given.values if given.signed is None else given.signed
            reads.append(by_values.Read(first, later, given.values, own, p))
        # What all generators give is for ``everywhere.expect_follows_rng`` to tell.
        if large and not np.array_equal(one, other):
            moved |= lags.of_two(first, later, p, f"a call with {what}", within=wide)
            # What is filled in for bits that do not show hides their number.
            for mask in (one, two, other, *more) if given.shown is None else ():
                for name, count in counts.of_large(mask, p):
                    numbers[name].append(count)
    return reads, moved


def _counted(
    function: StudentFunction, trial: Trial, of: Kinds, look: str
) -> tuple[int, kinds.Counts, tuple[str, str]]:
    """Return the number of calls, what is counted in them, by look, and the look and the
    kind of what departs furthest; all checks of one grading share them."""
    if "counted" not in trial.notes:
        calls, small = kinds.counted(function, trial, of, look)
        reads, moved = _large(function, trial, of)
        every = small[RATE] | (by_values.counts(reads) if reads else {})
        sets = {RATE: every, PAIRS: small[PAIRS], lags.LARGE: moved}
        far, weights = kinds.LAW.farthest, {lags.LARGE: _WEIGHT}
        found = {
            each: far(n)[1] * weights.get(each, 1) for each, n in sets.items() if n
        }
        # Entries lie unevenly in places, and both in calls of some kind: what is named is
        # the first of kinds, places and entries that tells, unless entries do by far.
        least = kinds.LAW.exponent(alpha_of(trial.check.exercise.chapter))
        places = {
            k: n for k, n in every.items() if not k.startswith(by_values.BY_VALUE)
        }
        rates = []
        if (farthest := far(every)[1]) > least:  # else no part of it does
            rates = [each for each in (small[RATE], places) if far(each)[1] > least]
            ends = _BY_FAR * far(small[RATE])[1], _IN_PLACES * far(places)[1]
            rates = [] if farthest > max(ends) else rates
        told = {**sets, RATE: next(iter(rates), every)}
        look = max(found, key=lambda each: found[each])
        trial.notes["counted"] = calls + len(reads), told, (look, far(told[look])[0])
    shared: tuple[int, kinds.Counts, tuple[str, str]] = trial.notes["counted"]
    return shared


def stands_alone(
    law: EveryKind,
    rates: lags.Counts,
    pairs: Callable[[str], Iterable[tuple[int, int, float]]],
    least: float,
) -> bool:
    """Return whether in calls of some kind the rate departs by more than ``least``, and by
    more than any of the ``pairs`` of these calls, of which there are some: then what makes
    pairs alike elsewhere is not the reason, but a second fault."""
    if not rates or law.farthest(rates)[1] <= least:
        return False
    for kind, count in rates.items():
        if (own := law.farthest({kind: count})[1]) <= least:
            continue
        of_pairs = [law.farthest({kind: each})[1] for each in pairs(kind)]
        if of_pairs and own > max(of_pairs):
            return True
    return False


def _is_second_fault(trial: Trial, counts: kinds.Counts) -> bool:
    """Return whether the rate is wrong in calls whose pairs are not the reason."""

    def pairs(kind: str) -> list[tuple[int, int, float]]:
        names = (kind, *(f"{kind}, {how}" for how in _PAIRS_OF))
        return [counts[PAIRS][name] for name in names if name in counts[PAIRS]]

    least = kinds.LAW.exponent(alpha_of(trial.check.exercise.chapter))
    return stands_alone(kinds.LAW, counts[RATE], pairs, least)


def judge(
    look: str,
    function: StudentFunction,
    trial: Trial,
    of: Kinds,
    mistake: str | None = None,
) -> None:
    """Check that in calls of every kind bits are set with their probability (``RATE``), or
    agree in pairs as independent ones do (``PAIRS``), and that their number varies."""
    _judge_farthest(look, function, trial, of, mistake)
    if look == PAIRS:
        counts.expect_varied(trial, trial.notes["large counts"], of.what)


def _judge_farthest(
    look: str,
    function: StudentFunction,
    trial: Trial,
    of: Kinds,
    mistake: str | None,
) -> None:
    """Check rates, or pairs, where these depart furthest.

    Another rate makes pairs alike more often, and bits that are shared upset a rate: what
    departs further fails alone, unless the rate does so in other calls as well."""
    calls, found, (farthest, kind) = _counted(function, trial, of, look)
    if (look == RATE) != (farthest == RATE):
        if look != RATE or not _is_second_fault(trial, found):
            return
        kind = kinds.LAW.farthest(found[RATE])[0]
    by_value = kind.startswith(by_values.BY_VALUE)
    mistake = mistake or (Wrong.drops_by_value if by_value else _MISTAKES[look])
    what = f"{of.what} {of.event}"
    if look == PAIRS:
        what = f"pairs of {of.what} that are alike ({of.event} or not)"
        if large := found[lags.LARGE]:
            again = lags.LAW.farthest(large)[0] in lags.repeated(large)
            name = Wrong.reuses_masks if again else mistake
            trial.judge_kinds(lags.LARGE, large, f"bits of {of.what} {{}}", name)
    what += f" in {calls} calls of all kinds, here: {{}}"
    trial.judge_kinds(look, found[look], what, mistake)


def in_rows(
    function: StudentFunction,
    trial: Trial,
    of: Kinds,
    count: Callable[[np.ndarray, float], int],
) -> tuple[lags.Counts, lags.Counts]:
    """Return, of rows that keep the same number each (``count``), the counts of units by
    their entries and places and of pairs of them, where there are more than 20; and those
    of units some places after one that is kept in the row or the large call before."""
    calls, reads, rng = everywhere.read_bits(function, trial, of), [], trial.rng
    within, between = (dict[str, tuple[int, int, float]]() for _ in range(2))
    for number, call in enumerate(calls):
        if call is None:
            continue
        given, share, what, (one, _, two, *_) = call
        kept = count(given.values, share)
        first, later = (_filled_rows(given, bits, kept, rng) for bits in (one, two))
        if not 0 < (rate := float(later[0].mean())) < 1:
            continue  # Another number is kept than was asked for.
        large, wide = _size(number, len(calls))
        if wide or not large:
            own = given.values
            reads.append(by_values.Read(first, later, own, own, rate))
        for kind, of_rows in _ends_of_rows(
            given, np.concatenate([first, later])
        ).items():
            known = np.array(within.get(kind, (0, 0, 0.0)))
            n, k, total = (known + of_rows).tolist()
            within[kind] = round(n), round(k), total
        if first.shape[1] <= 20:
            continue
        within |= lags.in_rows(later, f"a call with {what}")
        if large and len(first) > 1:
            even = len(later) // 2 * 2
            rows = later[:even:2], later[1:even:2]
            after = f"in the call after one with {what}"
            between |= lags.after_rows(first, later, after)
            between |= lags.after_rows(*rows, f"in the next row of a call with {what}")
    return within | (by_values.counts(reads) if reads else {}), between


def _filled_rows(
    given: kinds.Given, bits: np.ndarray, kept: int, rng: np.random.Generator
) -> np.ndarray:
    """Return bits of rows that keep so many each, where those that do not show are chosen
    here: all of them have the law that bits should have."""
    if given.shown is None:
        return bits
    order = np.where(given.shown, 2, rng.random(bits.shape)).argsort(axis=1)
    missing = (kept - (bits & given.shown).sum(axis=1, keepdims=True)).clip(0)
    chosen = order.argsort(axis=1) < missing
    return np.where(given.shown, bits, chosen)


def _ends_of_rows(given: kinds.Given, rows: np.ndarray) -> lags.Counts:
    """Return, for each mark of a call whose rows keep a number each, in how many rows, of all,
    the first unit is kept, the middle one and the last one, and what is to be expected."""
    width = rows.shape[1]
    places = {"first": 0, "in the middle": width // 2, "last": width - 1}
    expected = float(rows.sum()) / width
    return {
        f"{by_values.BY_PLACE}{where} in its row, {mark}": (
            len(rows),
            int(rows[:, place].sum()),
            expected,
        )
        for (where, place), mark in product(places.items(), _marks(given))
    }


def _marks(given: kinds.Given) -> list[str]:
    """Return what kind of call it is, in words, by its size, too."""
    return [*given.marks.values(), f"among {tally.size_of(given.values.size)}"]


def _size(number: int, calls: int) -> tuple[bool, bool]:
    """Return whether the call of this number is a large one, and whether one of few rows."""
    return number >= everywhere.CALLS, number >= calls - len(everywhere.ROWS)


#: The looks of ``judge``, by the one that it is asked for.
LOOKS: Mapping[str, Mapping[str, Law]] = {
    RATE: {RATE: kinds.LAW},
    PAIRS: {PAIRS: kinds.LAW, lags.LARGE: lags.LAW},
}


def also(look: str, known: Property, of: Kinds, mistake: str | None = None) -> Property:
    """Return the property, and that ``judge`` passes at this look."""

    def test(function: StudentFunction, trial: Trial) -> None:
        judge(look, function, trial, of, mistake)

    return known.also(test, LOOKS[look])
