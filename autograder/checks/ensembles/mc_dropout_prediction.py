"""mc_dropout_prediction: average members that are drawn at random."""

from functools import partial
from typing import Any

import numpy as np

from autograder.checks.ensembles import one_member, shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise, ensemble
from autograder.families.ensemble import Case, softmax
from autograder.families.properties import stated
from autograder.families.rivals import first
from autograder.laws.binomial import Proportion, agreement, exact_count

exercise = Exercise(
    "mc_dropout_prediction",
    chapter="ensembles",
    title="Average members that are drawn at random",
    signature=(
        "mc_dropout_prediction(x, weights, bias, keep_prob, samples, rng) "
        "-> probabilities"
    ),
    section="ens-montecarlo",
    takes={
        "x": domain.floats("`x` is a float array (N, D)", 2, 2),
        "weights": shared.WEIGHTS,
        "bias": shared.BIAS,
        "keep_prob": domain.keep_probs(),
        "samples": domain.whole_numbers("`samples` is an integer >= 1", 1, 50),
        domain.TOGETHER: shared.LOGITS,
    },
)


class Wrong(Mistakes, section="ens-montecarlo"):
    samples_share_a_mask = at(
        "ens-mistakes",
        "all samples of a row are the same prediction: either they share one mask, or "
        "there is only one sample whatever samples is.",
    )
    divides_by_another_number = """your rows do not add up to 1, although each sample's
        do: divide the sum of the predictions by samples."""
    counts_samples_wrongly = """what you average is not samples predictions of equal
        weight: either their number is another, or some of them count more than
        others."""
    counts_votes = """you count which class each sample puts first; average the
        probabilities themselves."""
    takes_the_median = """you take the median of the samples; the arithmetic mean is
        their average."""
    samples_depend_on_each_other = """a row's two samples do not have independent masks:
        knowing one tells something about the other."""


_INDEPENDENT = 0.7


# ---- One sample: the mask is read off the prediction ---------------------------------


def _runs(function: StudentFunction, trial: Trial) -> None:
    """The result is a float array of shape (N, C), for one sample and for several."""
    for shape in ((3, 4, 3), (1, 1, 2), (8, 20, 10)):
        for samples in (1, 2, 5):
            case = ensemble.ordinary(trial, *shape, 0.6, zeros=0.1)
            shared.one_prediction(function, case, samples, trial.generator())


def _predicts_a_member(function: StudentFunction, trial: Trial) -> None:
    """With samples=1 each row is softmax(m ⊙ x / keep_prob @ weights + bias) for a mask m."""
    for n, d, keep_prob in ((40, 3, 0.8), (40, 3, 0.3), (1, 1, 0.6), (30, 25, 0.3)):
        case = ensemble.readable(trial, n, d, keep_prob)
        kept = one_member.mask_of(function, trial, case)
        none = elementwise.Wrong.drops_everything
        trial.expect(
            kept.size <= 500 or 0 < kept.sum() < kept.size,
            f"{case.call(function.name, 1, 'rng')}: {int(kept.sum())} of "
            f"{kept.size} units are kept; expected about {keep_prob:.0%}.",
            one_member.Wrong.predicts_without_dropout if kept.all() else none,
        )
    case = ensemble.ordinary(trial, 5, 4, 3, 1.0)
    more = 1, trial.generator()
    found, call = shared.one_prediction(function, case, *more)
    trial.expect(
        ensemble.same(found, case.scaled),
        f"{call}: nothing is dropped at keep_prob = 1; "
        f"{facts.worst(found, case.scaled)}.",
    )


def _follows_rng(function: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same prediction; another state, another one."""
    # 1,000 independent bits agree by chance with probability 0.58 ** 1000.
    case = ensemble.readable(trial, 40, 25, _INDEPENDENT)
    mask = partial(one_member.mask_of, function, trial, case)
    ensemble.expect_follows_rng(
        trial, mask, "different predictions", "the same prediction"
    )


def _draws_own_masks(function: StudentFunction, trial: Trial) -> None:
    """Rows, units and calls do not share bits."""
    rng, calls, wrong = trial.generator(), 12, elementwise.Wrong
    case = ensemble.readable(trial, 60, 20, _INDEPENDENT)
    draw = partial(one_member.mask_of, function, trial, case, rng)
    drawn = np.array([draw() for _ in range(calls)])
    call, mask, counts = case.call(function.name, 1, rng), drawn[0], drawn.sum(axis=2)
    different = len({m.tobytes() for m in drawn})
    whole = wrong.drops_whole_rows
    if mask.all() or not mask.any():
        whole = wrong.one_bit_for_the_whole_array

    def refuse(shows: Any, what: str, name: str) -> None:
        trial.expect(not shows, f"{call}{what}.", name)

    # Of these signs correct masks show none, but for chances below 0.58 ** 60 per sign.
    refuse((mask == mask[:, :1]).all(), ": a row keeps all of its units or none", whole)
    name = wrong.one_mask_for_all_rows
    refuse((mask == mask[0]).all(), ": all rows have the same mask", name)
    what = f", called {calls} times with one rng, drew {different} different masks"
    refuse(different < calls, what, wrong.same_mask_every_call)
    what = f": each of {counts.size} rows keeps {counts[0, 0]} of 20 units"
    varies = "; expected a number that varies"
    refuse(not np.ptp(counts), what + varies, wrong.keeps_a_fixed_number)
    what = f": in each call all rows keep the same number of units{varies}"
    what += " from row to row"
    name = wrong.bits_depend_on_each_other
    refuse(not np.ptp(counts, axis=1).any(), what, name)


def _drawn(
    function: StudentFunction,
    trial: Trial,
    units: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> tuple[Case, np.ndarray]:
    """Return a case and the mask of one sample of it, of at least this many units, in an
    even number of rows of 25."""
    case = ensemble.readable(trial, 2 * -(-units // 50), 25, keep_prob)
    return case, one_member.mask_of(function, trial, case, rng)


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Units are kept at the rate keep_prob, in front and behind, large and small."""

    def measure(keep_prob: float) -> float:
        return float(_drawn(function, trial, 10_000, keep_prob)[1].mean())

    wrong = elementwise.Wrong
    for keep_prob in (0.85, 0.3):
        look = f"kept at {keep_prob}"
        case, kept = _drawn(function, trial, trial.size(look), keep_prob)
        what = f"units kept at keep_prob = {keep_prob}, with one sample"
        name = partial(elementwise.share_name, keep_prob=keep_prob, measure=measure)
        trial.judge(look, kept, kept.size, what, name)
    front = np.arange(len(kept)) < len(kept) / 2
    parts = {
        "large x": (np.abs(case.x) > 1.75, "units of large |x|", wrong.drops_by_value),
        "first rows": (
            front,
            "units in the first half of the rows",
            wrong.drops_by_place,
        ),
    }
    for part, (where, units, by) in parts.items():
        bits, what = kept[where], f"{units} kept at keep_prob = 0.3"
        trial.judge(f"{part} kept at 0.3", bits, bits.size, what, by)


def _draws_independently(function: StudentFunction, trial: Trial) -> None:
    """Disjoint pairs of bits agree with probability p² + q²; the count in a row varies."""
    rng, pairs = trial.generator(), trial.size("neighbouring rows")
    case, mask = _drawn(function, trial, 3 * pairs, _INDEPENDENT, rng)
    second = one_member.mask_of(function, trial, case, rng)
    looks = {
        "neighbouring rows": (mask[::2], mask[1::2]),
        "distant rows": tuple(np.split(mask, 2)),
        "neighbouring units": (mask[:, :-1:2], mask[:, 1::2]),
        "successive calls": (mask, second),
    }
    name = elementwise.Wrong.bits_depend_on_each_other
    for look, (a, b) in looks.items():
        what = f"{look}: mask bits that agree at keep_prob = {_INDEPENDENT}"
        trial.judge(look, a == b, a.size, what, name)
    counts = mask[:, :20].sum(axis=1) == 14
    what = "rows that keep exactly 14 of their first 20 units"
    trial.judge("count in a row", counts, counts.size, what, name)


# ---- Many samples: with one unit the average says how many kept it -------------------


def _average(
    function: StudentFunction, trial: Trial, case: Case, samples: int
) -> np.ndarray:
    """Return in how many samples each row's only unit was kept, as whole numbers (N,).
    Raises ``CheckFailure`` when a row is no average of that many members."""
    found, call = shared.one_prediction(function, case, samples, trial.generator())
    counts = ensemble.kept_of(case, found, samples)
    whole = np.round(counts)
    ok = np.abs(counts - whole) < 1e-2
    if not (ok & (whole >= 0) & (whole <= samples)).all():
        totals, row = found.sum(axis=1), int(np.argmin(ok))
        what = f"row {row} is no average of {samples} members"
        if not facts.close(totals, 1):
            what = f"row {row} adds up to {totals[row]:.4g}; expected 1"
        elif not np.isnan(counts[row]):
            what += f": its unit would have been kept {counts[row]:.4g} times"
        trial.fail(f"{call}: {what}.", _average_mistake(case, found, samples))
    return whole.astype(int)


def _average_mistake(case: Case, found: np.ndarray, samples: int) -> str | None:
    """Return what is behind an "average" that is none of so many members."""
    totals = found.sum(axis=1)
    if not facts.close(totals, 1):
        constant = facts.close(totals, totals[0])
        return Wrong.divides_by_another_number if constant else None
    share = np.arange(samples + 1)[:, None, None] / samples

    def blend(members: np.ndarray) -> np.ndarray:
        found: np.ndarray = (1 - share) * members[0] + share * members[1]
        return found

    z = case.members()
    rivals = {
        shared.Wrong.averages_the_logits: softmax(blend(z)),
        Wrong.counts_votes: blend(np.eye(z.shape[-1])[z.argmax(axis=-1)]),
        shared.Wrong.applies_softmax_twice: softmax(blend(softmax(z))),
    }
    on_the_line = ~np.isnan(ensemble.kept_of(case, found, samples))
    other = Wrong.counts_samples_wrongly if on_the_line.all() else None
    return first(found, rivals, _holds_every_row) or other


def _holds_every_row(found: np.ndarray, choices: np.ndarray) -> bool:
    """Return whether each row (N, C) is one of its choices (K, N, C)."""
    return bool((_nearest(found, choices) < 1e-5).all())


def _nearest(found: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Return each row's distance (N,) from the nearest of its choices (K, N, C)."""
    distance: np.ndarray = np.abs(choices - found).max(axis=2).min(axis=0)
    return distance


def _averages(function: StudentFunction, trial: Trial) -> None:
    """Each row is the mean of samples members' probabilities, each member counted once."""
    cases = ((2, 0.6, 400), (7, 0.3, 600), (47, 0.8, 100), (301, 0.55, 40))
    for samples, keep_prob, n in cases:
        case = ensemble.readable(trial, n, 1, keep_prob)
        kept = _average(function, trial, case, samples)
        middle = abs(np.mean(kept > 0) - keep_prob) > 0.1
        # Independent samples agree in all of 400 rows with probability 0.52 ** 400.
        trial.expect(
            not np.isin(kept, (0, samples)).all(),
            f"{case.call(function.name, samples, 'rng')}: in each row the "
            f"{samples} samples all keep the unit or all drop it.",
            Wrong.takes_the_median if middle else Wrong.samples_share_a_mask,
        )
    case, more = ensemble.readable(trial, 200, 3, _INDEPENDENT), (2, trial.generator())
    found, call = shared.one_prediction(function, case, *more)
    gap = ensemble.distance_to_pairs(case, found).max()
    trial.expect(
        gap < 1e-5,
        f"{call}: a row is no average of two members' probabilities; the nearest is "
        f"{gap:.2g} away.",
    )


def _draws_anew_for_each_sample(function: StudentFunction, trial: Trial) -> None:
    """A row's samples have independent masks, which keep at the rate keep_prob."""
    look, name = "two samples of a row", Wrong.samples_depend_on_each_other
    case = ensemble.readable(trial, trial.size(look), 1, _INDEPENDENT)
    kept = _average(function, trial, case, 2)
    what = (
        f"rows whose two samples both keep the unit or both drop it, at {_INDEPENDENT}"
    )
    trial.judge(look, kept != 1, kept.size, what, name)
    look, name = "kept in 50 samples", elementwise.Wrong.bits_depend_on_each_other
    case = ensemble.readable(trial, -(-trial.size(look) // 50), 1, 0.8)
    kept = _average(function, trial, case, 50)
    what = "units kept in 50 samples at keep_prob = 0.8"
    trial.judge(look, int(kept.sum()), 50 * kept.size, what, name)


def _survives(function: StudentFunction, trial: Trial) -> None:
    """Logits up to ±1000 give the prediction of a member: no overflow."""
    case = ensemble.loud(trial, 40, 0.5)
    call = case.call(function.name, 1, "rng")
    value = function(*case.given, 1, trial.generator())
    found = shared.without_overflow(trial, value, case, call)
    trial.expect(
        (_nearest(found, softmax(case.members())) < 1e-4).all(),
        f"{call}, with logits up to ±1000: a row is no member's prediction.",
        shared.Wrong.clips_large_logits,
    )


def _leaves_arguments_alone(function: StudentFunction, trial: Trial) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 6, 4, 3, 0.6)
    shared.expect_unchanged(function, trial, case, 3, trial.generator())


_RATE_LOOKS = {
    "kept at 0.85": Proportion(0.85, detects=0.02),
    "kept at 0.3": Proportion(0.3, detects=0.02),
    "large x kept at 0.3": Proportion(0.3, detects=0.04),
    "first rows kept at 0.3": Proportion(0.3, detects=0.04),
}
_PAIRS = ("neighbouring rows", "distant rows", "neighbouring units", "successive calls")
_PAIR_LOOKS = {name: agreement(_INDEPENDENT, detects=0.04) for name in _PAIRS}
_COUNT_LOOKS = {"count in a row": exact_count(20, _INDEPENDENT)}
_SAMPLE_LOOKS = {
    "two samples of a row": agreement(_INDEPENDENT, detects=0.06),
    "kept in 50 samples": Proportion(0.8, detects=0.03),
}
_RUNS = "returns_a_row_of_probabilities_for_each_input"
_MEMBER = "one_sample_is_the_prediction_of_a_member"
_OWN = "every_row_has_a_mask_of_its_own"
_RATE = "keeps_units_with_probability_keep_prob"
_MEAN = "averages_the_probabilities_of_all_samples"

exercise.asks(0.25, _RUNS, stated(_runs))
exercise.asks(0.75, _MEMBER, stated(_predicts_a_member), _RUNS)
exercise.asks(0.25, "the_masks_come_from_the_given_rng", stated(_follows_rng), _MEMBER)
exercise.asks(0.25, _OWN, stated(_draws_own_masks), _MEMBER)
exercise.asks(0.5, _RATE, stated(_keeps_at_rate, _RATE_LOOKS), _MEMBER)
exercise.asks(
    0.25,
    "masks_of_rows_and_calls_are_independent",
    stated(_draws_independently, _PAIR_LOOKS | _COUNT_LOOKS),
    after=(_OWN, _RATE),
)
exercise.asks(0.5, _MEAN, stated(_averages), _MEMBER)
exercise.asks(
    0.25,
    "every_sample_has_a_mask_of_its_own",
    stated(_draws_anew_for_each_sample, _SAMPLE_LOOKS),
    after=_MEAN,
)
exercise.asks(0.25, "sampling_survives_large_logits", stated(_survives), _MEMBER)
exercise.asks(
    0.25,
    "sampling_leaves_the_arguments_alone",
    stated(_leaves_arguments_alone),
    after=_MEMBER,
)
