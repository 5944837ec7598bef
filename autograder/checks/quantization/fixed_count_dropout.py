"""fixed_count_dropout: keep exactly keep_count units in each row."""

import itertools
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.quantization import (
    every_form,
    few_rows,
    rows_of_any_size,
    shared,
)
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise, everywhere, lags
from autograder.families.corners import transposed
from autograder.families.elementwise import Draw, call_text, draw
from autograder.families.properties import stated
from autograder.families.rivals import first
from autograder.laws.binomial import Law, Proportion, agreement

exercise = Exercise(
    "fixed_count_dropout",
    chapter="quantization",
    title="Keep exactly keep_count units in each row",
    signature="fixed_count_dropout(x, keep_count, rng) -> (out, cache)",
    section="quant-divisors",
    takes={
        "x": domain.floats("float array of shape (N, D)", 2, 2),
        "keep_count": domain.Range("1 <= `keep_count` <= D", {"1": lambda k: k == 1}),
        domain.TOGETHER: domain.Range(
            "At D nothing is dropped",
            {
                "all are kept": lambda given: (
                    given["keep_count"] == given["x"].shape[1]
                ),
                "all but one are kept": lambda given: (
                    given["keep_count"] + 1 == given["x"].shape[1]
                ),
            },
        ),
    },
)


class Wrong(Mistakes, section="quant-divisors"):
    lets_the_count_vary = """the number of kept units varies from row to row, as with
        independent bits; each row keeps exactly keep_count."""
    counts_are_off_by_one = """you keep one unit too many or one too few in each row:
        either a bound (of a slice, a comparison or the count) is off, or the count is
        computed by way of a float and cut off, as int(k / D * D) is 0 for k = 1 and D = 49."""
    keeps_another_count = """all rows keep the same number of units, and it is not
        keep_count: either another number stands for it, or unit numbers wrap around in
        a small integer type."""
    draws_with_replacement = """some rows keep fewer than keep_count units and none
        keeps more, as when a unit is drawn twice; draw without replacement."""
    drops_keep_count_units = """you drop keep_count units in each row and keep the
        others; keep_count is the number that is kept."""
    fixes_the_count_of_the_batch = at(
        "quant-mistakes",
        "the whole array keeps the right number of units and its rows do not; each "
        "row keeps exactly keep_count.",
    )
    fixes_the_count_of_columns = """each column keeps the same number of units, and each
        row does not; a row is an example, choose along axis 1."""
    chooses_among_nonzero_units = """units whose input is 0 are never chosen; the choice
        does not look at x."""
    divides_by_the_wrong_count = """kept units come back multiplied by another number than
        D / keep_count: divide by keep_count / D."""
    takes_few_of_the_subsets = """many rows keep the same units, as when one pattern is
        shifted, or a few are stored; each row draws from all subsets of keep_count
        units."""
    keeps_neighbours_together = """neighbouring units are kept together more often than
        by chance, as in blocks; every subset of keep_count units is equally likely."""
    subsets_are_not_equally_likely = """every unit is kept equally often, or nearly so,
        and some subsets come more often than others; a shuffle or sort must treat all
        orders alike."""
    rows_choose_dependently = """the units kept in one row tell something about those of
        another row or call; each row draws its own subset."""


_CASES = (
    ((60, 40), 10),
    ((60, 40), 26),
    ((30, 7), 2),
    ((1, 12), 5),
    ((25, 6), 1),
    ((3, 900), 300),
)
#: Every count of short rows; and counts of long ones that k / D * D, in floats of either
#: size, makes a little smaller or larger.
_SHORT = [((3, d), k) for d in range(1, 7) for k in range(1, d + 1)]
_AWKWARD = [
    ((3, d), k)
    for d, k in (
        *((49, 1), (22, 15), (25, 7), (41, 1), (300, 299)),
        (300, 1),  # NumPy's partition sorts shorter rows whole, on some machines
    )
]
_ALL_CASES = (*_CASES, ((20, 9), 9), ((1, 1), 1), *_SHORT, *_AWKWARD)
_KINDS = (30, 12), 5


def _keeps_the_count(function: StudentFunction, trial: Trial) -> None:
    """Each row keeps keep_count units, neither more nor fewer."""
    for shape, keep_count in _ALL_CASES:
        kept = (mask := draw(function, trial, shape, keep_count).mask).sum(axis=1)
        if (kept != keep_count).any():
            # A batch may keep n * keep_count units once by chance.
            more = [draw(function, trial, shape, keep_count).mask for _ in range(2)]
            trial.fail(
                f"{call_text(function.name, shape, keep_count)}: the rows keep "
                f"{kept.min()} to {kept.max()} units; expected {keep_count} in each.",
                _count_mistake(np.stack([mask, *more]), keep_count),
            )
    for kind, x in shared.of_every_kind(trial, *_KINDS[0]).items():
        out, call = shared.output(function, x, _KINDS[1], trial.generator())
        kept = (out != 0).sum(axis=1)
        trial.expect(
            (kept == _KINDS[1]).all(),
            f"{call}, with entries {kind}: the rows keep {kept.min()} to {kept.max()} "
            f"units; expected {_KINDS[1]} in each.",
            shared.Wrong.factor_depends_on_x,
        )
    rows_of_any_size.expect_counts(function, trial, _count_mistake)


def _count_mistake(drawn: np.ndarray, keep_count: int) -> str:
    """Return what is behind rows that keep another number than ``keep_count``; ``drawn``
    holds the masks of a few calls, (calls, N, D)."""
    _, n, d = drawn.shape
    kept, columns = drawn[0].sum(axis=1), drawn[0].sum(axis=0)
    same, off = np.ptp(kept) == 0, np.abs(kept - keep_count).max()
    batch = np.isin(drawn.sum(axis=(1, 2)), (keep_count, n * keep_count))
    signs = {
        Wrong.drops_keep_count_units: (kept == d - keep_count).all(),
        Wrong.fixes_the_count_of_columns: n > 10 and np.ptp(columns) == 0,
        Wrong.counts_are_off_by_one: same and off == 1,
        Wrong.keeps_another_count: same,
        Wrong.fixes_the_count_of_the_batch: n > 10 and batch.all(),
        Wrong.draws_with_replacement: kept.max() <= keep_count,
    }
    return first(True, signs) or Wrong.lets_the_count_vary


def _divides_by_the_fraction(function: StudentFunction, trial: Trial) -> None:
    """Kept units come back D / keep_count times as large; with keep_count = D, out is x."""
    dtypes = itertools.cycle((np.float64, np.float32, np.float32))
    for (shape, k), dtype in zip(_ALL_CASES, dtypes, strict=False):
        got = draw(function, trial, shape, k, dtype=dtype)
        shared.expect_factor(function.name, got, k, shape[1] / k, _factor_mistake)
        # How many are kept has a check of its own; of none the factor does not show.
        trial.expect(
            got.mask.all() if k == shape[1] else got.mask.any(),
            f"{call_text(function.name, shape, k)}: {np.mean(got.mask):.0%} of the units "
            f"came back other than 0; expected {k / shape[1]:.0%}, {shape[1] / k:.4g} times "
            "as large.",
        )
    shape, k = _KINDS
    zeros = {
        "some of them 0": trial.inputs(*shape, zeros=0.5),
        "all 0": np.zeros(shape),
        "transposed": transposed(trial.inputs(*shape)),
    }
    for kind, x in (shared.of_every_kind(trial, *shape) | zeros).items():
        out, call = shared.output(function, x, k, trial.generator())
        right = np.where(out != 0, x.astype(float) * (shape[1] / k), 0)
        # 1e-5 is some hundred roundings of a float32.
        if not facts.close(out, right, atol=0):
            trial.fail(
                f"{call}, with entries {kind}: {facts.worst(out, right)}, or 0.",
                shared.Wrong.factor_depends_on_x,
            )
    every_form.expect_values(
        function,
        trial,
        lambda x, mask, k: x * mask * x.shape[1] / k,
        Wrong.divides_by_the_wrong_count,
        argument=rows_of_any_size.count,
    )


def _factor_mistake(got: Draw, k: float) -> str:
    n, d = got.x.shape
    if got.ratio is None:
        preserved = facts.close(got.out.sum(axis=1), got.x.sum(axis=1), rtol=1e-3)
        return (
            elementwise.Wrong.preserves_the_sum
            if preserved
            else elementwise.Wrong.scale_differs_from_unit_to_unit
        )
    rivals = {
        # Cut to a whole number, which is right where D / k is one.
        shared.Wrong.cuts_the_factor_off: [d // k] if d % k else [],
        **shared.wrong_factors(n, d, k),
    }
    return first(got.ratio, rivals) or Wrong.divides_by_the_wrong_count


def _draws_its_own_subsets(function: StudentFunction, trial: Trial) -> None:
    """Rows and calls do not share the units that they keep."""
    shared.own_masks(function, trial, 8)
    rows = draw(function, trial, (800, 20), 8).mask
    different = len({row.tobytes() for row in rows})
    # Whether each row's kept units stand side by side, around the end or not.
    blocks = ((rows != np.roll(rows, 1, axis=1)).sum(axis=1) == 2).all()
    # Of 800 rows with 125,970 subsets to choose from, three pairs agree on average.
    trial.expect(
        different > 600,
        f"{call_text(function.name, rows.shape, 8)}: the rows keep {different} different "
        "subsets; expected almost 800.",
        Wrong.keeps_neighbours_together if blocks else Wrong.takes_few_of_the_subsets,
    )


_WIDTH, _KEPT = 20, 8
_SHARE = Proportion(_KEPT / _WIDTH, detects=0.06)
_BOTH = Proportion(_KEPT * (_KEPT - 1) / (_WIDTH * (_WIDTH - 1)), detects=0.05)
#: Looks at one unit of each row, and what is behind a wrong share of rows that keep it.
_ALONE = {
    "unit with the largest size": elementwise.Wrong.drops_by_value,
    "unit with the largest value": elementwise.Wrong.drops_by_value,
    "unit with input 0": elementwise.Wrong.drops_by_value,
    "first unit": elementwise.Wrong.drops_by_place,
    "last unit": elementwise.Wrong.drops_by_place,
}
_TOGETHER = ("neighbours", "distant pair", "mirrored pair")
_SUBSETS = {
    f"units {i} and {j} of 4": (i, j) for i, j in itertools.combinations(range(4), 2)
}
_LOOKS: dict[str, Law] = {
    rows_of_any_size.CHOICE: lags.LAW,
    **dict.fromkeys(_ALONE, _SHARE),
    **dict.fromkeys(_TOGETHER, _BOTH),
    **dict.fromkeys(_SUBSETS, Proportion(1 / 6, detects=0.05)),
}


#: Rows in all, rows of a call, units of a row, count, and how far from the count's share
#: a unit's may be: 7 standard errors or more, which happens once in 1e11 if at all.
_AT_CORNERS = (
    (500, 500, 6, 1, 0.15),
    (500, 500, 6, 5, 0.15),
    (500, 500, 2, 1, 0.2),
    (128, 1, 6, 2, 0.333),
    (140, 140, 300, 100, 0.333),
    (140, 140, 300, 1, 0.1),
)


def _expect_every_place(function: StudentFunction, trial: Trial) -> None:
    """Check that units have about the same share at counts of 1 and of all but one, in
    single rows and in long ones."""
    for rows, n, d, k, within in _AT_CORNERS:
        share = shared.masks_of(function, trial, rows // n, (n, d), k).mean(axis=(0, 1))
        worst = int(np.argmax(np.abs(share - k / d)))
        if abs(share[worst] - k / d) >= within:
            trial.fail(
                f"{rows // n} x {call_text(function.name, (n, d), k)}: unit {worst} is "
                f"kept in {share[worst]:.0%} of {rows} rows; expected about {k / d:.0%}.",
                _place_mistake(shared.masks_of(function, trial, 20, (n, d), k)),
            )


def _place_mistake(masks: np.ndarray) -> str:
    """Return what is behind uneven shares of units; ``masks`` has an axis of calls first."""
    alike = masks.shape[1] > 1 and (masks == masks[:, :1]).all()
    if alike and not (masks == masks[0]).all():
        return Wrong.rows_choose_dependently
    return elementwise.Wrong.drops_by_place


def _chooses_evenly(function: StudentFunction, trial: Trial) -> None:
    """Units are kept equally often, alone and in pairs, whatever their value and place."""
    rows = max(trial.size(look) for look in (*_ALONE, *_TOGETHER))
    x, mask, zero = _with_one_zero(function, trial, rows)
    every, place = np.arange(rows), trial.rng.integers(_WIDTH, size=rows)
    chosen: dict[str, tuple[Any, ...]] = {
        "unit with the largest size": (np.abs(x).argmax(axis=1),),
        "unit with the largest value": (x.argmax(axis=1),),
        "unit with input 0": (zero,),
        "first unit": (0,),
        "last unit": (_WIDTH - 1,),
        "neighbours": (place, place + 1),
        "distant pair": (place, place + _WIDTH // 2),
        "mirrored pair": (place // 2, _WIDTH - 1 - place // 2),
    }
    for look, columns in chosen.items():
        hits = np.all([mask[every, column % _WIDTH] for column in columns], axis=0)
        both = "both " if look in _TOGETHER else ""
        what = f"rows with {_KEPT} of {_WIDTH} kept: {look} {both}kept"
        trial.judge(look, hits, rows, what, partial(_choice_mistake, look))
    _judge_subsets(function, trial)
    _expect_every_place(function, trial)
    names = Wrong.keeps_neighbours_together, Wrong.subsets_are_not_equally_likely
    rows_of_any_size.judge_choice(function, trial, *names)
    few_rows.expect_even(function, trial, *names)


def _with_one_zero(
    function: StudentFunction, trial: Trial, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x with one 0 in each row, the mask, and the zeros' columns.

    A row that shows one unit less than it keeps has kept its 0."""
    x = trial.inputs(rows, _WIDTH)
    every, zero = np.arange(rows), trial.rng.integers(_WIDTH, size=rows)
    x[every, zero] = 0.0
    out, call = shared.output(function, x, _KEPT, trial.generator())
    shown = (mask := out != 0).sum(axis=1)
    trial.expect(
        np.isin(shown, (_KEPT - 1, _KEPT)).all(),
        f"{call}, with one 0 in each row: {shown.min()} to {shown.max()} outputs of a row "
        f"are not 0; expected {_KEPT - 1} or {_KEPT}.",
        shared.Wrong.miscounts_units_with_input_zero,
    )
    mask[every, zero] = shown == _KEPT - 1
    return x, mask, zero


def _choice_mistake(look: str, share: float) -> str:
    """Return what is behind a wrong share of rows in one of the looks."""
    if look == "unit with input 0" and share == 0:
        return Wrong.chooses_among_nonzero_units
    if look == "neighbours" and share > _BOTH.probability:
        return Wrong.keeps_neighbours_together
    return _ALONE.get(look, Wrong.subsets_are_not_equally_likely)


def _judge_subsets(function: StudentFunction, trial: Trial) -> None:
    """Count each of the six subsets of two of four units."""
    rows = max(map(trial.size, _SUBSETS))
    mask = draw(function, trial, (rows, 4), 2).mask
    # A unit's share has a standard error of 0.006 here.
    by_place = np.abs(mask.mean(axis=0) - 0.5).max() > 0.06
    name = Wrong.subsets_are_not_equally_likely
    if by_place:
        name = _place_mistake(shared.masks_of(function, trial, 20, (50, 4), 2))
    for look, (i, j) in _SUBSETS.items():
        what = f"rows with 2 of 4 kept: exactly the units {i} and {j} kept"
        trial.judge(look, mask[:, i] & mask[:, j], rows, what, name)


_ROWS = ("successive calls", "neighbouring rows", "distant rows")


def _draws_rows_independently(function: StudentFunction, trial: Trial) -> None:
    """One unit of each of two rows, or calls, is kept as if the other were not there."""
    rng, shape = trial.generator(), (2 * trial.size("distant rows"), 10)
    a, b = (draw(function, trial, shape, 4, rng).mask for _ in range(2))
    place, (front, back) = trial.rng.integers(10, size=len(a)), np.split(a, 2)
    compared = (a, b), (a[::2], a[1::2]), (front, back)
    for look, (one, other) in zip(_ROWS, compared, strict=True):
        unit = np.arange(len(one)), place[: len(one)]
        what = f"{look} with 4 of 10 units kept: a unit's bits agree"
        agree = one[unit] == other[unit]
        trial.judge(look, agree, len(one), what, Wrong.rows_choose_dependently)
    # One unit of each row: those of a row depend on each other.
    firsts = {"the rows' first units": a[:, 0]}
    lags.judge(trial, firsts, 0.4, Wrong.rows_choose_dependently)
    rows_of_any_size.judge_apart(function, trial, Wrong.rows_choose_dependently)
    few_rows.expect_apart(function, trial, Wrong.rows_choose_dependently)


def _follows_rng(function: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    shared.draws_from_rng(10).test(function, trial)
    everywhere.expect_follows_rng(function, trial, rows_of_any_size.KINDS)


_RUNS, _COUNT, _OWN = (
    "returns_rows_of_kept_and_dropped_units",
    "keeps_exactly_keep_count_in_each_row",
    "draws_each_row_a_subset_of_its_own",
)
_FACTOR, _CHOICE = stated(_divides_by_the_fraction), stated(_chooses_evenly, _LOOKS)
_APART_LOOKS: dict[str, Law] = dict.fromkeys(_ROWS, agreement(0.4, detects=0.08))
_APART_LOOKS |= {lags.LOOK: lags.LAW, lags.LARGE: lags.LAW}
_APART = stated(_draws_rows_independently, _APART_LOOKS)
exercise.asks(0.25, _RUNS, shared.drops_in_rows(_CASES, {10: 0.25}))
exercise.asks(0.25, "leaves_its_given_rows_alone", shared.leaves_x_alone(8), _RUNS)
exercise.asks(0.5, _COUNT, stated(_keeps_the_count), _RUNS)
exercise.asks(0.5, "divides_by_the_fixed_fraction", _FACTOR, _COUNT)
exercise.asks(0.25, _OWN, stated(_draws_its_own_subsets), _COUNT)
exercise.asks(0.5, "chooses_every_subset_equally_often", _CHOICE, _OWN)
exercise.asks(0.25, "draws_rows_independently", _APART, _OWN)
exercise.asks(0.25, "draws_its_subsets_from_rng", stated(_follows_rng), _OWN)
