"""mc_dropout_prediction: average members that are drawn at random."""

from functools import partial
from typing import Any

import numpy as np

from autograder.checks.ensembles import (
    calls_of_any_size,
    dense_counts,
    many_samples,
    members_of_every_form,
    one_member,
    shared,
)
from autograder.checks.expectation.bernoulli_mask import Wrong as WrongMask
from autograder.contract import domain
from autograder.contract.exercise import Exercise
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    corners,
    elementwise,
    ensemble,
    everywhere,
    lags,
    shared_bits,
    small_calls,
)
from autograder.families.bit_tests import named_after_the_first
from autograder.families.ensemble import Case, softmax
from autograder.families.follows_rng import expect_own_calls
from autograder.families.properties import stated
from autograder.laws.binomial import (
    Law,
    Proportion,
    agreement,
    exact_count,
    near_count,
)

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


_INDEPENDENT = 0.7
_NEAR_THE_ENDS = (0.02, 0.98)


# ---- One sample: the mask is read off the prediction ---------------------------------


def _runs(function: StudentFunction, trial: Trial) -> None:
    """The result is a float array of shape (N, C), for one sample and for several."""
    for shape in ((3, 4, 3), (1, 1, 2), (8, 20, 10)):
        for samples in (1, 2, 5):
            case = ensemble.ordinary(trial, *shape, 0.6, zeros=0.1)
            shared.one_prediction(function, case, samples, trial.generator())


def _predicts_a_member(function: StudentFunction, trial: Trial) -> None:
    """With samples=1 each row is softmax(m ⊙ x / keep_prob @ weights + bias) for a mask m."""
    sizes = ((40, 3, 0.8), (40, 3, 0.3), (1, 1, 0.6), (30, 25, 0.3))
    cases = [ensemble.readable(trial, *each) for each in sizes]
    cases += ensemble.readable_at_corners(trial)
    for case, some in named_after_the_first(cases):
        kept = one_member.mask_of(function, trial, case, otherwise=some)
        usual = 0.1 < np.abs(case.x).max() < 10
        none = elementwise.Wrong.drops_everything if usual else some
        telling = case.x.shape[1] == 25 and 0.25 <= case.keep_prob <= 0.75
        trial.expect(
            not telling or 0 < kept.sum() < kept.size,
            f"{case.call(function.name, 1, 'rng')}: {int(kept.sum())} of "
            f"{kept.size} units are kept; expected about {case.keep_prob:.0%}.",
            one_member.Wrong.predicts_without_dropout if kept.all() else none,
        )
    for keep_prob in corners.ENDS:  # of so many units some are kept
        case = ensemble.readable(trial, 500, 25, keep_prob)
        one_member.mask_of(
            function,
            trial,
            case,
            otherwise=elementwise.Wrong.scale_fits_some_keep_probs,
        )
    many_samples.expect_no_drops(function, trial)
    members_of_every_form.expect_members(function, trial)
    dense_counts.expect_whole(function, trial, single=True)


def _follows_rng(function: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same prediction; another state, another one."""
    # 1,000 independent bits agree by chance with probability 0.58 ** 1000.
    case = ensemble.readable(trial, 40, 25, _INDEPENDENT)
    mask = partial(one_member.mask_of, function, trial, case)
    ensemble.expect_follows_rng(
        trial, mask, "different predictions", "the same prediction"
    )
    everywhere.expect_follows_rng(function, trial, calls_of_any_size.KINDS, again=True)


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
    name = wrong.same_mask_every_call if different == 1 else wrong.reuses_masks
    # Of a thousand masks two in twelve calls are equal now and then: many calls decide.
    refuse(different < calls - 2, what, name)
    few = ensemble.readable(trial, 4, 20, _INDEPENDENT)
    bits = one_member.masks_of(function, trial, few, rng, 200)
    expect_own_calls(trial, [*bits], few.call(function.name, 1, rng))
    what = f": each of {counts.size} rows keeps {counts[0, 0]} of 20 units"
    varies = "; expected a number that varies"
    refuse(not np.ptp(counts), what + varies, wrong.keeps_a_fixed_number)
    what = f": in each call all rows keep the same number of units{varies}"
    what += " from row to row"
    name = wrong.bits_depend_on_each_other
    refuse(not np.ptp(counts, axis=1).any(), what, name)
    members_of_every_form.expect_own_rows(function, trial)


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


_SMALL = small_calls.Small(
    small_calls.of_cases(ensemble.readable, one_member.masks_of), small_calls.ROWS
)


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Units are kept at the rate keep_prob, in front and behind, large and small."""

    def measure(keep_prob: float) -> float:
        return float(_drawn(function, trial, 10_000, keep_prob)[1].mean())

    wrong = elementwise.Wrong
    for keep_prob in (0.85, 0.3):
        look = f"kept at {keep_prob}"
        case, kept = _drawn(function, trial, trial.size(look), keep_prob)
        call = case.call(function.name, 1, "rng")
        if shared_bits.leaves_them(trial, kept, call, _OWN):
            return
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
    for keep_prob in _NEAR_THE_ENDS:
        look = f"kept at {keep_prob}"
        _, kept = _drawn(function, trial, trial.size(look), keep_prob)
        what = f"units kept at keep_prob = {keep_prob}, with one sample"
        redrawn = keep_prob < 0.5 and kept.any(axis=1).all()
        by = (
            WrongMask.keeps_at_least_one if redrawn else wrong.rounds_or_clips_keep_prob
        )
        trial.judge(look, kept, kept.size, what, by)
    members_of_every_form.judge_rates(function, trial)
    small_calls.expect_rate(function, trial, _SMALL)
    trial.notes[many_samples.RATES_ARE_RIGHT] = True


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
    _varies_as_it_should(function, trial, rng)
    lags.judge(trial, {"a call": mask}, _INDEPENDENT, name)
    lags.judge_next(trial, mask, second, _INDEPENDENT, name)
    members_of_every_form.expect_own_rows(function, trial, two=True)
    small_calls.expect(function, trial, _SMALL)


def _varies_as_it_should(
    function: StudentFunction, trial: Trial, rng: np.random.Generator
) -> None:
    """Judge how the number of kept units spreads, that calls differ, and that a row, or
    a single unit, may be dropped and kept as a whole."""
    look, wrong = "count in a large call", elementwise.Wrong
    large = ensemble.readable(trial, 30, 20, _INDEPENDENT)
    draw = partial(one_member.mask_of, function, trial)
    # Of a thousand masks two in 130 calls are equal but once in 4,000 gradings.
    masks = [draw(large, rng) for _ in range(max(130, trial.size(look)))]
    # Two masks of 600 independent bits are equal with probability 0.58 ** 600.
    trial.expect(
        len({mask.tobytes() for mask in masks}) == len(masks),
        f"Of {len(masks)} calls on x of shape (30, 20), some have the same mask.",
        wrong.reuses_masks,
    )
    near = np.array([abs(int(mask.sum()) - 420) <= 6 for mask in masks])
    what = "calls on x of shape (30, 20) that keep 414 to 426 units"
    trial.judge(look, near, near.size, what, wrong.bits_depend_on_each_other)
    pairs = draw(ensemble.readable(trial, 200, 2, 0.5), rng).sum(axis=1)
    one = ensemble.readable(trial, 1, 1, 0.5)
    single = np.ravel([draw(one, rng) for _ in range(60)])
    for kept, what, units in (
        (pairs, "200 rows of 2 units", 2),
        (single, "60 calls on 1 row of 1 unit", 1),
    ):
        # Chance leaves one of them out with probability 0.5 ** 60 at most.
        for number, some, name in (
            (0, "none", WrongMask.keeps_at_least_one),
            (units, "all", wrong.drops_at_least_one),
        ):
            trial.expect(
                (kept == number).any(),
                f"Of {what}, at keep_prob = 0.5, never are {some} kept.",
                name,
            )


def _survives(function: StudentFunction, trial: Trial) -> None:
    """Logits up to ±1000 give the prediction of a member: no overflow."""
    loud = ensemble.loud(trial, 40, 0.5)
    apart = ensemble.shifted(trial, 0.8, 1.25), ensemble.spread(trial, 0.5, 2.0)
    for samples, case in [(1, loud), *((k, case) for case in apart for k in (1, 2))]:
        call = case.call(function.name, samples, "rng")
        value = function(*case.given, samples, trial.generator())
        found = shared.without_overflow(trial, value, case, call)
        members = softmax(case.members())
        fits = ensemble.averages_that_fit(members, found, samples).any(axis=0).all()
        near = ensemble.averages_that_fit(members, found, samples, 1e-3, 1e-4)
        wrong = shared.Wrong
        clips = wrong.clips_large_logits if samples == 1 else None
        trial.expect(
            fits,
            f"{call}, with logits up to ±1000: a row is no average of {samples} "
            "members' predictions.",
            wrong.loses_digits if near.any(axis=0).all() else clips,
        )


def _leaves_arguments_alone(function: StudentFunction, trial: Trial) -> None:
    """x, weights and bias are the same after the call as before."""
    case = ensemble.ordinary(trial, 6, 4, 3, 0.6)
    shared.expect_unchanged(function, trial, case, 3, trial.generator())


_RATE_LOOKS: dict[str, Law] = {
    "kept at 0.85": Proportion(0.85, detects=0.02),
    "kept at 0.3": Proportion(0.3, detects=0.02),
    "large x kept at 0.3": Proportion(0.3, detects=0.04),
    "first rows kept at 0.3": Proportion(0.3, detects=0.04),
    **{f"kept at {p}": Proportion(p, detects=0.019) for p in _NEAR_THE_ENDS},
    members_of_every_form.LOOK: members_of_every_form.LAW,
}
_PAIRS = ("neighbouring rows", "distant rows", "neighbouring units", "successive calls")
_PAIR_LOOKS = {name: agreement(_INDEPENDENT, detects=0.04) for name in _PAIRS}
_COUNT_LOOKS: dict[str, Law] = {
    lags.LOOK: lags.LAW,
    lags.LARGE: lags.LAW,
    "count in a row": exact_count(20, _INDEPENDENT),
    "count in a large call": near_count(600, _INDEPENDENT, 6, detects=0.5),
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
exercise.asks(0.5, _MEAN, stated(many_samples.averages), _MEMBER)
exercise.asks(
    0.25,
    "every_sample_has_a_mask_of_its_own",
    stated(many_samples.draws_anew_for_each_sample, many_samples.LOOKS),
    after=(_MEAN, _OWN),
)
exercise.asks(0.25, "sampling_survives_large_logits", stated(_survives), _MEMBER)
exercise.asks(
    0.25,
    "sampling_leaves_the_arguments_alone",
    stated(_leaves_arguments_alone),
    after=_MEMBER,
)
