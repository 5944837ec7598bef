"""mc_dropout_prediction: average members that are drawn at random."""

import math
from functools import partial

import numpy as np

from autograder.checks.conventions import inverted_dropout
from autograder.checks.ensembles import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise, ensemble
from autograder.families.ensemble import Case, softmax
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
)


class Wrong(Mistakes, section="ens-montecarlo"):
    predicts_without_dropout = (
        "no unit is dropped in your prediction; Monte Carlo leaves dropout on at test."
    )
    drops_the_outputs = (
        "you drop logits or probabilities; the dropped layer is the one in front of "
        "the weights, x."
    )
    drops_single_weights = (
        "you drop entries of weights, each by itself; dropout drops a unit, with all "
        "the weights that leave it."
    )
    samples_share_a_mask = at(
        "ens-mistakes",
        "all samples of a row are the same prediction: either they share one mask, or "
        "there is only one sample whatever samples is.",
    )
    divides_by_another_number = (
        "your rows do not add up to 1, although each sample's do: divide the sum of "
        "the predictions by samples."
    )
    counts_samples_wrongly = (
        "what you average is not samples predictions of equal weight: either their "
        "number is another, or some of them count more than others."
    )
    counts_votes = (
        "you count which class each sample puts first; average the probabilities "
        "themselves."
    )
    takes_the_median = (
        "you take the median of the samples; the arithmetic mean is their average."
    )
    samples_depend_on_each_other = (
        "a row's two samples do not have independent masks: knowing one tells "
        "something about the other."
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
    found, call = shared.one_prediction(function, case, 1, rng)
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
            shared.Wrong.members_are_not_rescaled: p,
            inverted_dropout.Wrong.divides_by_drop_probability: p / q,
            inverted_dropout.Wrong.rescales_twice: 1 / p,
            inverted_dropout.Wrong.multiplies_by_keep_prob: p**2,
            inverted_dropout.Wrong.divides_by_the_root: math.sqrt(p),
        }
        if not np.isnan(ratios).any() and (np.abs(ratios) > 1e-2).all():
            return Wrong.predicts_without_dropout
        fits = [name for name, scale in scales.items() if bits(ratios / scale)]
        if fits:
            return fits[0]
        kept = (np.abs(ratios) > 1e-2).mean(axis=1, keepdims=True)
        if bits(ratios * kept / p):
            return inverted_dropout.Wrong.divides_by_kept_fraction
        for bias, name in (
            (0, shared.Wrong.forgets_the_bias),
            (1 / p, shared.Wrong.rescales_the_bias),
        ):
            if bits(ensemble.ratios_of(case, logs, bias * case.bias)):
                return name
        once = logs - logs.mean(axis=1, keepdims=True) + 1 / found.shape[1]
        if (once > 0).all() and bits(ensemble.ratios_of(case, np.log(once))):
            return shared.Wrong.applies_softmax_twice
    if (found == 0).any() or _drops_logits(case, logs):
        return Wrong.drops_the_outputs
    if (found < 0).all() and facts.close(np.exp(found).sum(axis=1), 1):
        return shared.Wrong.returns_logarithms
    if bits(ensemble.ratios_of(case, found)):
        return shared.Wrong.returns_logits
    if np.isfinite(odds).all() and bits(ensemble.ratios_of(case, odds)):
        return shared.Wrong.takes_a_sigmoid_of_each_class
    if facts.close(found.sum(axis=0), 1) or facts.close(found.sum(), 1):
        return shared.Wrong.normalises_over_another_axis
    return Wrong.drops_single_weights if _drops_weights(case, logs) else None


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


@exercise.check(points=0.25)
def returns_a_row_of_probabilities_for_each_input(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """The result is a float array of shape (N, C), for one sample and for several."""
    for shape in ((3, 4, 3), (1, 1, 2), (8, 20, 10)):
        for samples in (1, 2, 5):
            case = ensemble.ordinary(trial, *shape, 0.6, zeros=0.1)
            shared.one_prediction(
                mc_dropout_prediction, case, samples, trial.generator()
            )


@exercise.check(points=0.75, after="returns_a_row_of_probabilities_for_each_input")
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
                Wrong.predicts_without_dropout
                if kept.all()
                else elementwise.Wrong.drops_everything,
            )
    case = ensemble.ordinary(trial, 5, 4, 3, 1.0)
    found, call = shared.one_prediction(
        mc_dropout_prediction, case, 1, trial.generator()
    )
    trial.expect(
        ensemble.same(found, case.scaled),
        f"{call}: nothing is dropped at keep_prob = 1; "
        f"{facts.worst(found, case.scaled)}.",
    )


_AFTER_MEMBER = "one_sample_is_the_prediction_of_a_member"


_INDEPENDENT = 0.7


@exercise.check(points=0.25, after=_AFTER_MEMBER)
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
        elementwise.Wrong.does_not_draw_from_rng,
    )
    trial.expect(
        not np.array_equal(mask(seed), mask(trial.new_seed())),
        "Generators in different states gave the same prediction; expected different "
        "ones.",
        elementwise.Wrong.same_mask_every_call,
    )


@exercise.check(points=0.25, after=_AFTER_MEMBER)
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
        elementwise.Wrong.one_bit_for_the_whole_array
        if first.all() or not first.any()
        else elementwise.Wrong.drops_whole_rows,
    )
    trial.expect(
        not (first == first[0]).all(),
        f"{call}: all rows have the same mask.",
        elementwise.Wrong.one_mask_for_all_rows,
    )
    different = len({mask.tobytes() for mask in drawn})
    trial.expect(
        different == calls,
        f"{call}, called {calls} times with one rng, drew {different} different masks.",
        elementwise.Wrong.same_mask_every_call,
    )
    counts = np.array([mask.sum(axis=1) for mask in drawn])
    trial.expect(
        np.ptp(counts) > 0,
        f"{call}: each of {counts.size} rows keeps {counts[0, 0]} of 20 units; expected a "
        "number that varies.",
        elementwise.Wrong.keeps_a_fixed_number,
    )
    trial.expect(
        np.ptp(counts, axis=1).any(),
        f"{call}: in each call all rows keep the same number of units; expected a number "
        "that varies from row to row.",
        elementwise.Wrong.bits_depend_on_each_other,
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


@exercise.check(
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
        "large x kept at 0.3", large, large.size, what, elementwise.Wrong.drops_by_value
    )
    front = kept[: len(kept) // 2]
    what = "units in the first half of the rows kept at keep_prob = 0.3"
    trial.judge(
        "first rows kept at 0.3",
        front,
        front.size,
        what,
        elementwise.Wrong.drops_by_place,
    )


def _rate_name(
    function: StudentFunction, trial: Trial, keep_prob: float, share: float
) -> str | None:
    def measure(other: float) -> float:
        return float(_drawn(function, trial, 10_000, other)[1].mean())

    return elementwise.share_name(share, keep_prob, measure)


@exercise.check(
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
        trial.judge(
            look, a == b, a.size, what, elementwise.Wrong.bits_depend_on_each_other
        )
    counts = first[:, :20].sum(axis=1) == 14
    what = "rows that keep exactly 14 of their first 20 units"
    trial.judge(
        "count in a row",
        counts,
        counts.size,
        what,
        elementwise.Wrong.bits_depend_on_each_other,
    )


def _average(
    function: StudentFunction, trial: Trial, case: Case, samples: int
) -> np.ndarray:
    """Return in how many samples each row's only unit was kept, as whole numbers (N,).
    Raises ``CheckFailure`` when a row is no average of that many members."""
    found, call = shared.one_prediction(function, case, samples, trial.generator())
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
        return Wrong.divides_by_another_number if constant else None
    dropped, kept = case.members()
    share = np.arange(samples + 1)[:, None, None] / samples
    averaged = softmax((1 - share) * dropped + share * kept)
    votes = [np.eye(found.shape[1])[z.argmax(axis=1)] for z in (dropped, kept)]
    counted = (1 - share) * votes[0] + share * votes[1]
    softened = softmax((1 - share) * softmax(dropped) + share * softmax(kept))
    named = {
        shared.Wrong.averages_the_logits: averaged,
        Wrong.counts_votes: counted,
        shared.Wrong.applies_softmax_twice: softened,
    }
    for name, candidates in named.items():
        gaps = np.abs(candidates - found).max(axis=2).min(axis=0)
        if (gaps < 1e-5).all():
            return name
    on_the_line = ~np.isnan(ensemble.kept_of(case, found, samples))
    return Wrong.counts_samples_wrongly if on_the_line.all() else None


@exercise.check(points=0.5, after=_AFTER_MEMBER)
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
    found, call = shared.one_prediction(
        mc_dropout_prediction, case, 2, trial.generator()
    )
    gap = ensemble.pairs_of(case, found)[1].max()
    trial.expect(
        gap < 1e-5,
        f"{call}: a row is no average of two members' probabilities; the nearest is "
        f"{gap:.2g} away.",
    )


def _extreme_mistake(share: float, keep_prob: float) -> str:
    """Return whether rows that show one member only share a mask or take the median."""
    middle = abs(share - keep_prob) > 0.1
    return Wrong.takes_the_median if middle else Wrong.samples_share_a_mask


@exercise.check(
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
    trial.judge(look, kept != 1, kept.size, what, Wrong.samples_depend_on_each_other)
    look = "kept in 50 samples"
    case = ensemble.readable(trial, -(-trial.size(look) // 50), 1, 0.8)
    kept = _average(mc_dropout_prediction, trial, case, 50)
    what = "units kept in 50 samples at keep_prob = 0.8"
    trial.judge(
        look,
        int(kept.sum()),
        50 * kept.size,
        what,
        elementwise.Wrong.bits_depend_on_each_other,
    )


@exercise.check(points=0.25, after=_AFTER_MEMBER)
def sampling_survives_large_logits(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """Logits up to ±1000 give the prediction of a member: no overflow."""
    case = ensemble.loud(trial, 40, 0.5)
    call = case.call("mc_dropout_prediction", 1, "rng")
    found = mc_dropout_prediction(*case.given, 1, trial.generator())
    shared.expect_finite(trial, found, call, 1000)
    gap = np.abs(softmax(case.members()) - np.asarray(found)).max(axis=2).min(axis=0)
    trial.expect(
        (gap < 1e-4).all(),
        f"{call}, with logits up to ±1000: a row is no member's prediction.",
        shared.Wrong.clips_large_logits,
    )


@exercise.check(points=0.25, after=_AFTER_MEMBER)
def sampling_leaves_the_arguments_alone(
    mc_dropout_prediction: StudentFunction, trial: Trial
) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 6, 4, 3, 0.6)
    call = case.call("mc_dropout_prediction", 3, "rng")
    shared.leaves_alone(mc_dropout_prediction, call, *case.given, 3, trial.generator())
