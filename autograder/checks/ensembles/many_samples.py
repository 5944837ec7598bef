"""Many samples: with one unit the average says how many kept it; with a few, which
members were averaged."""

import math
from dataclasses import replace

import numpy as np

from autograder.checks.ensembles import (
    dense_counts,
    dense_members,
    one_member,
    shared,
    wide_rows,
)
from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction, foresee
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, elementwise, ensemble
from autograder.families.bit_tests import Wrong as Bits
from autograder.families.bit_tests import named_after_the_first
from autograder.families.ensemble import Case, softmax
from autograder.families.rivals import first
from autograder.laws.binomial import Law, Proportion, agreement, exact_count, upper_tail


class Wrong(Mistakes, section="ens-montecarlo"):
    samples_share_a_mask = at(
        "ens-mistakes",
        "all samples of a row are the same prediction: either they share one mask, or "
        "there is only one sample whatever samples is, or all units are kept, or none.",
    )
    drops_what_is_dropped = """each sample drops units of what the sample before it left,
        as where x is overwritten in the loop; every sample begins with x."""
    takes_the_median = """you take the median of the samples; the arithmetic mean is
        their average."""
    averages_spread_otherwise = """on ordinary arguments your averages lie nearer to the
        prediction without dropout, or farther from it, than those of samples independent
        members: their number is another, some are alike, or units are kept at another
        rate."""
    samples_depend_on_each_other = """a row's samples do not have independent masks:
        knowing one tells something about another."""


_INDEPENDENT = 0.7
#: Under this name the check of the rates notes that it found none that departs.
RATES_ARE_RIGHT = "rates are right"


def _average(
    function: StudentFunction,
    trial: Trial,
    case: Case,
    samples: int,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return in how many samples each row's only unit was kept, as whole numbers (N,).
    Raises ``CheckFailure`` when a row is no average of that many members."""
    rng = trial.generator() if rng is None else rng
    found, call = shared.one_prediction(function, case, samples, rng)
    counts = ensemble.kept_of(case, found, samples)
    whole = np.round(counts)
    dropped, kept = softmax(case.members())
    exact = dropped + (whole / samples)[:, None] * (kept - dropped)
    equal = np.isclose(found, exact, rtol=1e-5, atol=1e-9).all(axis=1)
    ok = equal & (np.abs(counts - whole) < 1e-2)
    if not (ok & (whole >= 0) & (whole <= samples)).all():
        totals, row = found.sum(axis=1), int(np.argmin(ok))
        what = f"row {row} is no average of {samples} members"
        if not facts.close(totals, 1):
            what = f"row {row} adds up to {totals[row]:.4g}; expected 1"
        elif not np.isnan(counts[row]):
            what += f": its unit would have been kept {counts[row]:.4g} times"
        name = _average_mistake(case, found, samples)
        if name == Wrong.drops_what_is_dropped:
            _, after = function.observe(*case.given, samples, rng)
            if not np.array_equal(after[0], case.x):
                name = elementwise.Wrong.changes_its_input
        trial.fail(f"{call}: {what}.", name)
    return whole.astype(int)


def _average_mistake(case: Case, found: np.ndarray, samples: int) -> str | None:
    """Return what is behind an "average" that is none of so many members."""
    totals = found.sum(axis=1)
    if not facts.close(totals, 1):
        constant = facts.close(totals, totals[0])
        return one_member.Wrong.divides_by_another_number if constant else None
    if case.x.shape[1] > 1:
        return None
    share = np.arange(samples + 1)[:, None, None] / samples

    def blend(members: np.ndarray) -> np.ndarray:
        blended: np.ndarray = (1 - share) * members[0] + share * members[1]
        return blended

    z = case.members()
    rivals = {
        shared.Wrong.averages_the_logits: softmax(blend(z)),
        one_member.Wrong.counts_votes: blend(np.eye(z.shape[-1])[z.argmax(axis=-1)]),
        shared.Wrong.applies_softmax_twice: softmax(blend(softmax(z))),
    }
    if samples == 2:
        again = softmax(case.logits(1 / case.keep_prob**2))
        dropped, kept = softmax(z)
        overwritten = np.stack([dropped + dropped, kept + dropped, kept + again]) / 2
        rivals[Wrong.drops_what_is_dropped] = overwritten
    on_the_line = ~np.isnan(ensemble.kept_of(case, found, samples))
    other = one_member.Wrong.counts_samples_wrongly if on_the_line.all() else None
    return first(found, rivals, _holds_every_row) or other


def _holds_every_row(found: np.ndarray, choices: np.ndarray) -> bool:
    """Return whether each row (N, C) is one of its choices (K, N, C)."""
    return bool((_nearest(found, choices) < 1e-5).all())


def _nearest(found: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Return each row's distance (N,) from the nearest of its choices (K, N, C)."""
    distance: np.ndarray = np.abs(choices - found).max(axis=2).min(axis=0)
    return distance


def averages(function: StudentFunction, trial: Trial) -> None:
    """Each row is the mean of samples members' probabilities, each member counted once."""
    cases = ((2, 0.6, 400), (7, 0.3, 600), (47, 0.8, 100), (301, 0.55, 40))
    for samples, keep_prob, n in cases:
        case = ensemble.readable(trial, n, 1, keep_prob)
        kept = _average(function, trial, case, samples)
        if np.ptp(kept) == 0:
            continue  # all rows share their masks, and another check says so
        middle = abs(np.mean(kept > 0) - keep_prob) > 0.1
        # Independent samples agree in all of 400 rows with probability 0.52 ** 400.
        trial.expect(
            not np.isin(kept, (0, samples)).all(),
            f"{case.call(function.name, samples, 'rng')}: in each row the "
            f"{samples} samples all keep the unit or all drop it.",
            Wrong.takes_the_median if middle else Wrong.samples_share_a_mask,
        )
    for samples, rows, units, keep_prob in (
        (2, 200, 3, 0.7),
        (3, 1, 2, 0.4),
        (3, 40, 2, 0.1),
    ):
        case = ensemble.readable(trial, rows, units, keep_prob)
        more = samples, trial.generator()
        found, call = shared.one_prediction(function, case, *more)
        fits = ensemble.averages_that_fit(softmax(case.members()), found, samples)
        trial.expect(
            fits.any(axis=0).all(),
            f"{call}: a row is no average of {samples} members' probabilities.",
            one_member.Wrong.counts_samples_wrongly,
        )
    _expect_averages(function, trial)


def _expect_averages(function: StudentFunction, trial: Trial) -> None:
    """Check averages all over the range of keep_prob, of 2 to 20 samples."""
    keep_probs = corners.spread_keep_probs(trial)
    numbers = trial.rng.permutation(np.geomspace(2, 20, 20)).astype(int).tolist()
    cases = [ensemble.readable(trial, 4, 1, keep_prob) for keep_prob in keep_probs]
    generators = [trial.generator() for _ in cases]
    more = [*zip(numbers, generators, strict=True)]
    given = [*zip(cases, more, strict=True)]
    foresee(function, [((*case.given, *each), {}) for case, each in given])
    for case, (samples, rng) in given:
        try:
            _average(function, trial, case, samples, rng)
        except CheckFailure as failure:
            name = Bits.right_in_the_middle_only
            raise CheckFailure(failure.message, name) from None


def draws_anew_for_each_sample(function: StudentFunction, trial: Trial) -> None:
    """A row's samples have independent masks, which keep at the rate keep_prob."""
    _expect_one_unit_varies(function, trial)
    look = "two samples of a row"
    name = _unless_rates_depart(trial, Wrong.samples_depend_on_each_other)
    case = ensemble.readable(trial, trial.size(look), 1, _INDEPENDENT)
    kept = _average(function, trial, case, 2)
    what = (
        f"rows whose two samples both keep the unit or both drop it, at {_INDEPENDENT}"
    )
    trial.judge(look, kept != 1, kept.size, what, name)
    look = "kept in 50 samples"
    name = _unless_rates_depart(trial, elementwise.Wrong.bits_depend_on_each_other)
    case = ensemble.readable(trial, -(-trial.size(look) // 50), 1, 0.8)
    kept = _average(function, trial, case, 50)
    what = "units kept in 50 samples at keep_prob = 0.8"
    trial.judge(look, int(kept.sum()), 50 * kept.size, what, name)
    _draws_whole_masks_anew(function, trial)
    dense_members.expect_probabilities(function, trial)
    _expect_numbers_vary(function, trial)
    # Another rate spreads averages otherwise, too, and has cost its own check.
    if RATES_ARE_RIGHT in trial.notes:
        name = Wrong.averages_spread_otherwise
        dense_members.judge(dense_members.SPREAD, function, trial, name)
        name = elementwise.Wrong.bits_depend_on_each_other
        dense_members.judge(dense_members.PAIRS, function, trial, name)
        dense_counts.expect_whole(function, trial, single=False)


#: Numbers of samples beyond those of other looks, each of so many rows.
_MANY, _ROWS = (24, 50, 120, 300), 40
#: What many rows keep with a probability below this is no chance.
_BY_CHANCE = 1e-20


def _expect_numbers_vary(function: StudentFunction, trial: Trial) -> None:
    """Check that of many samples, at keep_prob = 0.5, not just half keep a unit, as where
    they come in opposite pairs or are spread evenly."""
    for samples in _MANY:
        case = ensemble.readable(trial, _ROWS, 1, 0.5)
        kept = _average(function, trial, case, samples)
        half = int((2 * kept == samples).sum())
        usual = math.comb(samples, samples // 2) / 2**samples
        trial.expect(
            upper_tail(half, _ROWS, usual) > _BY_CHANCE,
            f"{case.call(function.name, samples, 'rng')}: {half} of {_ROWS} rows keep "
            f"their unit in just half of the samples; expected {usual:.0%} of them.",
            Wrong.samples_depend_on_each_other,
        )


def _unless_rates_depart(trial: Trial, name: str) -> str:
    """Return this mistake; that of another rate where units are kept at one, which upsets
    how often independent samples agree as well."""
    other = elementwise.Wrong.keeps_at_another_rate
    return name if RATES_ARE_RIGHT in trial.notes else other


def _expect_one_unit_varies(function: StudentFunction, trial: Trial) -> None:
    """Check that the samples of a single unit differ from each other."""
    one, rng = ensemble.readable(trial, 1, 1, 0.5), trial.generator()
    counts = [int(_average(function, trial, one, 30, rng)[0]) for _ in range(4)]
    # Independent samples agree in all of four calls with probability 2 ** -116.
    trial.expect(
        not np.isin(counts, (0, 30)).all(),
        f"{one.call(function.name, 30, 'rng')}: in each of four calls the 30 samples all "
        "keep the unit or all drop it.",
        Wrong.samples_share_a_mask,
    )


def _draws_whole_masks_anew(function: StudentFunction, trial: Trial) -> None:
    """Judge how the number of samples that keep a unit spreads, and whether samples of
    several units are independent of each other."""
    look = "count in 20 samples"
    depend = _unless_rates_depart(trial, Wrong.samples_depend_on_each_other)
    name = _unless_rates_depart(trial, elementwise.Wrong.bits_depend_on_each_other)
    case = ensemble.readable(trial, trial.size(look), 1, _INDEPENDENT)
    kept = _average(function, trial, case, 20)
    what = f"rows that keep their unit in exactly 14 of 20 samples, at {_INDEPENDENT}"
    trial.judge(look, kept == 14, kept.size, what, name)
    for samples in _FEW_SAMPLES:
        look = f"{samples} samples alike"
        case = ensemble.readable(trial, trial.size(look), 1, 0.5)
        kept = _average(function, trial, case, samples)
        alike = np.isin(kept, (0, samples))
        what = (
            f"rows that keep their unit in all of {samples} samples, or in none, at 0.5"
        )
        trial.judge(look, alike, alike.size, what, depend)
    look = "two samples of three units"
    rows = max(map(trial.size, (look, "four of six kept")))
    case = ensemble.readable(trial, rows, 3, _INDEPENDENT)
    found, call = shared.one_prediction(function, case, 2, trial.generator())
    fits = ensemble.averages_that_fit(softmax(case.members()), found, 2)
    trial.expect(fits.any(axis=0).all(), f"{call}: a row is no average of two members.")
    first, second = ensemble.choices(8, 2)[fits.argmax(axis=0)].T
    what = f"rows of 3 units whose two samples have the same mask, at {_INDEPENDENT}"
    trial.judge(look, first == second, first.size, what, name)
    look = "four of six kept"
    bits = ensemble.every_mask(3).sum(axis=1)
    total = bits[first] + bits[second]
    what = f"rows of 3 units whose two samples keep 4 units, at {_INDEPENDENT}"
    trial.judge(look, total == 4, total.size, what, name)
    counts = one_member.Wrong.counts_samples_wrongly
    wide_rows.judge(function, trial, counts, depend)


def expect_no_drops(function: StudentFunction, trial: Trial) -> None:
    """Check that at keep_prob = 1 one sample gives the prediction without dropout, which
    any weights and biases show."""
    given = [ensemble.ordinary(trial, *size, 1.0) for size in ((5, 4, 3), (1, 1, 2))]
    given += ensemble.at_corners(trial, lambda _: 1) + ensemble.drawn(
        trial, lambda _: 1, 60
    )
    for case, some in named_after_the_first(given):
        case = replace(case, keep_prob=1.0)
        found, call = shared.one_prediction(function, case, 1, trial.generator())
        everything = ensemble.same(found, softmax(case.logits(0)))
        one = elementwise.Wrong.takes_one_for_a_drop_probability
        trial.expect(
            ensemble.same(found, case.scaled),
            f"{call}: nothing is dropped at keep_prob = 1; "
            f"{facts.worst(found, case.scaled)}.",
            one if everything else some,
        )


#: Numbers of samples, and how often all of them are alike at keep_prob = 0.5.
_FEW_SAMPLES = {samples: 2 * 0.5**samples for samples in (3, 4, 5)}
#: The looks of ``draws_anew_for_each_sample``.
LOOKS: dict[str, Law] = {
    "two samples of a row": agreement(_INDEPENDENT, detects=0.06),
    "kept in 50 samples": Proportion(0.8, detects=0.03),
    "count in 20 samples": exact_count(20, _INDEPENDENT),
    **{f"{n} samples alike": Proportion(p, 0.1) for n, p in _FEW_SAMPLES.items()},
    "two samples of three units": Proportion(0.58**3, detects=0.15),
    "four of six kept": Proportion(15 * 0.7**4 * 0.3**2, detects=0.15),
} | wide_rows.LOOKS
LOOKS |= {
    dense_members.SPREAD: dense_members.LAW,
    dense_members.PAIRS: dense_members.LAW,
}
