"""fixed_count_dropout: keep exactly keep_count units in each row."""

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.quantization import shared
from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import Draw
from autograder.laws.binomial import Law, Proportion, agreement

exercise = Exercise(
    "fixed_count_dropout",
    chapter="quantization",
    title="Keep exactly keep_count units in each row",
    signature="fixed_count_dropout(x, keep_count, rng) -> (out, cache)",
    section="quant-divisors",
)


class Wrong(Mistakes, section="quant-divisors"):
    lets_the_count_vary = (
        "the number of kept units varies from row to row, as with independent bits; "
        "each row keeps exactly keep_count."
    )
    counts_are_off_by_one = (
        "you keep one unit too many or one too few in each row; look at the bounds of "
        "the slice or comparison."
    )
    keeps_another_count = (
        "all rows keep the same number of units, and it is not keep_count: either it "
        "is computed from keep_count, or unit numbers wrap around in a small integer "
        "type."
    )
    draws_with_replacement = (
        "some rows keep fewer than keep_count units and none keeps more, as when a "
        "unit is drawn twice; draw without replacement."
    )
    drops_keep_count_units = (
        "you drop keep_count units in each row and keep the others; keep_count is the "
        "number that is kept."
    )
    fixes_the_count_of_the_batch = at(
        "quant-mistakes",
        "the whole array keeps the right number of units and its rows do not; each "
        "row keeps exactly keep_count.",
    )
    fixes_the_count_of_columns = (
        "each column keeps the same number of units, and each row does not; a row is "
        "an example, choose along axis 1."
    )
    chooses_among_nonzero_units = (
        "units whose input is 0 are never chosen; the choice does not look at x."
    )
    divides_by_the_wrong_count = (
        "your factor is made of keep_count and the number of units, and not as it "
        "should be: divide by keep_count / D."
    )
    takes_few_of_the_subsets = (
        "many rows keep the same units, as when one pattern is shifted, or a few are "
        "stored; each row draws from all subsets of keep_count units."
    )
    keeps_neighbours_together = (
        "neighbouring units are kept together more often than by chance, as in "
        "blocks; every subset of keep_count units is equally likely."
    )
    subsets_are_not_equally_likely = (
        "every unit is kept equally often, or nearly so, and some subsets come more "
        "often than others; a shuffle or sort must treat all orders alike."
    )
    rows_choose_dependently = (
        "the units kept in one row tell something about those of another row or call; "
        "each row draws its own subset."
    )


_FIXED = (
    ((60, 40), 10),
    ((60, 40), 26),
    ((30, 7), 2),
    ((1, 12), 5),
    ((25, 6), 1),
    ((3, 900), 300),
)


@exercise.check(points=0.25)
def returns_rows_of_kept_and_dropped_units(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """out has the shape of x and holds finite floats, some of them 0."""
    for (shape, keep_count), dtype in itertools.product(
        _FIXED, (np.float64, np.float32)
    ):
        elementwise.draw(fixed_count_dropout, trial, shape, keep_count, dtype=dtype)
    shared.expect_a_mixture(fixed_count_dropout, trial, 0.25, 10)


@exercise.check(points=0.25, after="returns_rows_of_kept_and_dropped_units")
def leaves_its_given_rows_alone(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """x is the same after the call as before."""
    x = trial.inputs(30, 20, zeros=0.2)
    _, after = fixed_count_dropout.observe(x, 8, trial.generator())
    trial.expect(
        np.array_equal(after[0], x),
        f"{elementwise.call_text('fixed_count_dropout', x.shape, 8)} changed x in place; "
        "write into a new array.",
        elementwise.Wrong.changes_its_input,
    )


@exercise.check(points=0.5, after="returns_rows_of_kept_and_dropped_units")
def keeps_exactly_keep_count_in_each_row(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Each row keeps keep_count units, neither more nor fewer."""
    for shape, keep_count in (*_FIXED, ((20, 9), 9), ((5, 1), 1)):
        mask = elementwise.draw(fixed_count_dropout, trial, shape, keep_count).mask
        kept = mask.sum(axis=1)
        if (kept == keep_count).all():
            continue
        # A batch may keep n * keep_count units once by chance.
        again = elementwise.draw(fixed_count_dropout, trial, shape, keep_count).mask
        once_more = elementwise.draw(fixed_count_dropout, trial, shape, keep_count).mask
        trial.fail(
            f"{elementwise.call_text('fixed_count_dropout', shape, keep_count)}: the rows "
            f"keep {kept.min()} to {kept.max()} units; expected {keep_count} in each.",
            _count_mistake(np.stack([mask, again, once_more]), keep_count),
        )


def _count_mistake(drawn: np.ndarray, keep_count: int) -> str:
    """Return what is behind rows that keep another number than ``keep_count``; ``drawn``
    holds the masks of a few calls."""
    mask = drawn[0]
    n, d = mask.shape
    kept, column = mask.sum(axis=1), mask.sum(axis=0)
    if (kept == d - keep_count).all():
        return Wrong.drops_keep_count_units
    if np.ptp(column) == 0 and n > 10:
        return Wrong.fixes_the_count_of_columns
    if np.ptp(kept) == 0:
        near = abs(int(kept[0]) - keep_count) == 1
        return Wrong.counts_are_off_by_one if near else Wrong.keeps_another_count
    if n > 10 and np.isin(drawn.sum(axis=(1, 2)), (keep_count, n * keep_count)).all():
        return Wrong.fixes_the_count_of_the_batch
    return (
        Wrong.draws_with_replacement
        if kept.max() <= keep_count
        else Wrong.lets_the_count_vary
    )


@exercise.check(points=0.5, after="keeps_exactly_keep_count_in_each_row")
def divides_by_the_fixed_fraction(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Kept units come back D / keep_count times as large; with keep_count = D, out is x."""
    cases = [(*case, 1.0) for case in (*_FIXED, ((20, 9), 9), ((5, 1), 1))]
    for shape, keep_count, size in (*cases, ((60, 40), 10, 1e-6), ((60, 40), 10, 1e6)):
        for dtype in (np.float64, np.float32):
            got = elementwise.draw(
                fixed_count_dropout, trial, shape, keep_count, size=size, dtype=dtype
            )
            expected = shape[1] / keep_count
            found = got.out[got.mask] / got.x[got.mask]
            if facts.close(found, expected):
                continue
            trial.fail(
                f"{elementwise.call_text('fixed_count_dropout', shape, keep_count)}: a kept "
                f"unit comes back {np.median(found):.4g} times as large"
                f"{'' if got.ratio else ' (median; it varies)'}; expected {expected:.4g} "
                "times.",
                _fixed_scale_mistake(got, shape, keep_count),
            )


def _fixed_scale_mistake(got: Draw, shape: tuple[int, ...], k: int) -> str:
    n, d = shape
    if got.ratio is None:
        whole = facts.close(got.out.sum(axis=1), got.x.sum(axis=1), rtol=1e-3)
        return (
            elementwise.Wrong.preserves_the_sum
            if whole
            else elementwise.Wrong.scale_differs_from_unit_to_unit
        )
    if facts.close(got.ratio, d // k) and d % k:
        return (
            Wrong.divides_by_the_wrong_count
        )  # cut to a whole number, right where D / k is one
    named = {
        shared.Wrong.leaves_kept_units_alone: (1.0,),
        shared.Wrong.divides_by_the_dropped_fraction: (d / max(d - k, 1),),
        shared.Wrong.takes_rows_for_units: (n / k, n * d / k),
        shared.Wrong.multiplies_by_the_kept_fraction: (k / d,),
        shared.Wrong.divides_by_the_count: (1 / k,),
    }
    for name, scales in named.items():
        if any(facts.close(got.ratio, scale) for scale in scales):
            return name
    return Wrong.divides_by_the_wrong_count


@exercise.check(points=0.25, after="keeps_exactly_keep_count_in_each_row")
def draws_each_row_a_subset_of_its_own(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows and calls do not share the units that they keep."""
    shared.own_masks(fixed_count_dropout, trial, 8)
    shape = (800, 20)
    rows = elementwise.draw(fixed_count_dropout, trial, shape, 8).mask
    different = len({row.tobytes() for row in rows})
    # Of 800 rows with 125,970 subsets to choose from, three pairs agree on average.
    trial.expect(
        different > 600,
        f"{elementwise.call_text('fixed_count_dropout', shape, 8)}: the rows keep {different} "
        "different subsets; expected almost 800.",
        Wrong.keeps_neighbours_together
        if _are_blocks(rows)
        else Wrong.takes_few_of_the_subsets,
    )


def _are_blocks(rows: np.ndarray) -> bool:
    """Return whether each row's kept units stand side by side, around the end or not."""
    edges = (rows != np.roll(rows, 1, axis=1)).sum(axis=1)
    return bool((edges == 2).all())


_WIDTH, _KEPT = 20, 8


_SHARE = Proportion(_KEPT / _WIDTH, detects=0.06)


_BOTH = Proportion(_KEPT * (_KEPT - 1) / (_WIDTH * (_WIDTH - 1)), detects=0.05)


_SUBSETS = tuple(itertools.combinations(range(4), 2))


_UNIFORM_LOOKS: Mapping[str, Law] = {
    "unit with the largest size": _SHARE,
    "unit with the largest value": _SHARE,
    "unit with input 0": _SHARE,
    "first unit": _SHARE,
    "last unit": _SHARE,
    "neighbours": _BOTH,
    "distant pair": _BOTH,
    "mirrored pair": _BOTH,
    **{f"units {i} and {j} of 4": Proportion(1 / 6, detects=0.05) for i, j in _SUBSETS},
}


@exercise.check(
    points=0.5, after="draws_each_row_a_subset_of_its_own", looks=_UNIFORM_LOOKS
)
def chooses_every_subset_equally_often(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Units are kept equally often, alone and in pairs, whatever their value and place."""
    looks = [look for look in _UNIFORM_LOOKS if not look.endswith("of 4")]
    rows = max(trial.size(look) for look in looks)
    x, mask, zero = _with_one_zero(fixed_count_dropout, trial, rows)
    every = np.arange(rows)
    place = trial.rng.integers(_WIDTH, size=rows)

    def kept(columns: Any) -> np.ndarray:
        return mask[every, columns % _WIDTH]

    observed = {
        "unit with the largest size": kept(np.abs(x).argmax(axis=1)),
        "unit with the largest value": kept(x.argmax(axis=1)),
        "unit with input 0": kept(zero),
        "first unit": kept(0),
        "last unit": kept(_WIDTH - 1),
        "neighbours": kept(place) & kept(place + 1),
        "distant pair": kept(place) & kept(place + _WIDTH // 2),
        "mirrored pair": kept(place // 2) & kept(_WIDTH - 1 - place // 2),
    }
    for look, hits in observed.items():
        pair = "pair" in look or look == "neighbours"
        what = f"rows with {_KEPT} of {_WIDTH} kept: {look} {'both ' * pair}kept"
        trial.judge(look, hits, rows, what, partial(_choice_mistake, look))
    _judge_subsets(fixed_count_dropout, trial)


def _with_one_zero(
    function: StudentFunction, trial: Trial, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x with one 0 in each row, the mask, and the zeros' columns.

    A row that shows one unit less than it keeps has kept its 0."""
    x = trial.inputs(rows, _WIDTH)
    every, zero = np.arange(rows), trial.rng.integers(_WIDTH, size=rows)
    x[every, zero] = 0.0
    call = elementwise.call_text(function.name, x.shape, _KEPT)
    out = facts.pair(function(x, _KEPT, trial.generator()), call)[0]
    mask = facts.float_array(out, x.shape, call, "out") != 0
    shown = mask.sum(axis=1)
    trial.expect(
        ((shown == _KEPT) | (shown == _KEPT - 1)).all(),
        f"{call}, with one 0 in each row: {shown.min()} to {shown.max()} outputs of a row "
        f"are not 0; expected {_KEPT - 1} or {_KEPT}.",
        shared.Wrong.miscounts_units_with_input_zero,
    )
    mask[every, zero] = shown == _KEPT - 1
    return x, mask, zero


def _choice_mistake(look: str, share: float) -> str:
    """Return what is behind a wrong share of rows in one of the looks."""
    if "largest" in look:
        return elementwise.Wrong.drops_by_value
    if look == "unit with input 0":
        return (
            Wrong.chooses_among_nonzero_units
            if share == 0
            else elementwise.Wrong.drops_by_value
        )
    if look == "neighbours" and share > _BOTH.probability:
        return Wrong.keeps_neighbours_together
    if look in ("first unit", "last unit"):
        return elementwise.Wrong.drops_by_place
    return Wrong.subsets_are_not_equally_likely


def _judge_subsets(function: StudentFunction, trial: Trial) -> None:
    """Count each of the six subsets of two of four units."""
    looks = {pair: f"units {pair[0]} and {pair[1]} of 4" for pair in _SUBSETS}
    rows = max(map(trial.size, looks.values()))
    mask = elementwise.draw(function, trial, (rows, 4), 2).mask
    # A unit's share has a standard error of 0.006 here.
    by_place = np.abs(mask.mean(axis=0) - 0.5).max() > 0.06
    name = (
        elementwise.Wrong.drops_by_place
        if by_place
        else Wrong.subsets_are_not_equally_likely
    )
    for pair, look in looks.items():
        what = f"rows with 2 of 4 kept: exactly the units {pair[0]} and {pair[1]} kept"
        hits = mask[:, pair[0]] & mask[:, pair[1]]
        trial.judge(look, hits, rows, what, name)


_AGREE = agreement(0.4, detects=0.08)


@exercise.check(
    points=0.25,
    after="draws_each_row_a_subset_of_its_own",
    looks={
        "successive calls": _AGREE,
        "neighbouring rows": _AGREE,
        "distant rows": _AGREE,
    },
)
def draws_rows_independently(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """One unit of each of two rows, or calls, is kept as if the other were not there."""
    pairs, rng = trial.size("neighbouring rows"), trial.generator()
    shape = (2 * pairs, 10)
    first, second = (
        elementwise.draw(fixed_count_dropout, trial, shape, 4, rng).mask
        for _ in range(2)
    )
    every = np.arange(2 * pairs)
    front, back = first[:pairs], first[pairs:]
    place = trial.rng.integers(10, size=2 * pairs)
    compared = {
        "successive calls": (first, second),
        "neighbouring rows": (first[::2], first[1::2]),
        "distant rows": (front, back),
    }
    for look, (one, other) in compared.items():
        rows, column = every[: len(one)], place[: len(one)]
        agree = one[rows, column] == other[rows, column]
        what = f"{look} with 4 of 10 units kept: a unit's bits agree"
        trial.judge(
            look, np.asarray(agree), len(one), what, Wrong.rows_choose_dependently
        )


@exercise.check(points=0.25, after="keeps_exactly_keep_count_in_each_row")
def draws_its_subsets_from_rng(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same output; another state, another output."""
    seed, x = trial.new_seed(), trial.inputs(40, 25)
    call = elementwise.call_text("fixed_count_dropout", x.shape, 10)

    def output(seed: int) -> Any:
        return facts.pair(fixed_count_dropout(x, 10, trial.generator(seed)), call)[0]

    first = output(seed)
    trial.expect(
        np.array_equal(first, output(seed)),
        "Two generators in the same state gave different masks; expected equal ones.",
        elementwise.Wrong.does_not_draw_from_rng,
    )
    trial.expect(
        not np.array_equal(first, output(trial.new_seed())),
        "Generators in different states gave the same mask; expected different ones.",
        elementwise.Wrong.same_mask_every_call,
    )
