"""exact_count_dropout: divide each row by the fraction of its units that was kept."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checks.quantization import every_form, shared
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    corners,
    departures,
    elementwise,
    everywhere,
    kinds,
    lags,
    small_calls,
    unit_bits,
    units,
)
from autograder.families.elementwise import Draw, call_text, draw
from autograder.families.properties import stated
from autograder.families.rivals import first
from autograder.laws.binomial import Proportion

exercise = Exercise(
    "exact_count_dropout",
    chapter="quantization",
    title="Divide each row by the fraction of its units that was kept",
    signature="exact_count_dropout(x, keep_prob, rng) -> (out, cache)",
    section="quant-divisors",
    takes={
        "x": domain.floats("float array of shape (N, D)", 2, 2),
        "keep_prob": domain.keep_probs(),
    },
)


class Wrong(Mistakes, section="quant-divisors"):
    divides_by_keep_prob_itself = """you divide by keep_prob, as inverted dropout does;
        divide each row by the fraction of its units that was really kept."""
    counts_over_the_whole_batch = at(
        "quant-mistakes",
        "you divide by the fraction kept of the whole array; each row has its own.",
    )
    counts_along_the_columns = """you divide by the fraction kept of each column; a row
        is an example, and the fraction is counted along it (axis 1)."""
    divides_by_both_fractions = """you divide by keep_prob and by the fraction kept; one
        of them is enough, here the fraction."""
    adds_to_the_count = """your count of kept units is larger than it is, as when
        something is added against a division by 0; that case has a rule of its own."""
    divides_by_something_else = """kept units are divided by something else than the
        fraction of their row that was kept."""
    counts_nonzero_outputs = """you count the outputs that are not 0; a kept unit whose
        input is 0 belongs to the count as well. Count the mask."""
    divides_by_an_empty_count = """a row of which nothing is kept makes your code divide
        by 0; the row is 0."""
    draws_empty_rows_again = """no row is ever dropped as a whole: either such a row is
        drawn again, or a unit of it is kept after all, or short rows are kept at another
        rate. Here that row is 0."""
    returns_empty_rows_whole = """a row of which nothing is kept comes back undropped;
        it is 0."""


def _draws_its_own_bits(function: StudentFunction, trial: Trial) -> None:
    """Rows, units and calls do not share bits, and the kept count varies."""
    bits, call = shared.own_masks(function, trial, 0.7)
    unit_bits.expect_varying_counts(trial, bits, call)


def _gives_empty_rows_as_zero(function: StudentFunction, trial: Trial) -> None:
    """A row of which nothing is kept comes back as 0, and such rows occur."""
    p = 0.3
    # First few rows: their factors lie in blocks that NumPy hands out again: see wire.memory.
    # None of 60 is empty with probability 0.51 ** 60 = 3e-18.
    for shape in ((60, 2), (400, 2)):
        x, call = trial.inputs(*shape), call_text(function.name, shape, p)
        out = _finite_rows(function, trial, x, p, call)
        _expect_some_empty(trial, x, out, p, call)
    _expect_both_faces(function, trial)


def _finite_rows(
    function: StudentFunction, trial: Trial, x: np.ndarray, p: float, call: str
) -> np.ndarray:
    """Return out, in which rows of which nothing is kept are neither NaN nor infinite."""
    named = {"ZeroDivision": Wrong.divides_by_an_empty_count, "": None}
    with shared.naming_errors(call, named, "; nothing is kept in some of these rows"):
        result = function(x, p, trial.generator())
    out = facts.pair(result, call)[0]
    if isinstance(out, np.ndarray) and out.dtype.kind == "f":
        bad = int((~np.isfinite(out)).any(axis=-1).sum())
        trial.expect(
            bad == 0,
            f"{call}: out holds NaN or infinity in {bad} rows; expected 0 in the rows of "
            "which nothing is kept.",
            facts.not_finite(out, Wrong.divides_by_an_empty_count),
        )
    return facts.float_array(out, x.shape, call, "out")


def _expect_some_empty(
    trial: Trial, x: np.ndarray, out: np.ndarray, p: float, call: str
) -> None:
    """Check that some rows came back as 0, as nearly half of those of two units do."""
    whole = float((out == x).all(axis=1).mean())
    returned = abs(whole - p**2 - (1 - p) ** 2) < 0.15
    trial.expect(
        not out.any(axis=1).all(),
        f"{call}: no row came back as 0; nothing is kept in about {(1 - p) ** 2:.0%} of "
        "such rows.",
        Wrong.returns_empty_rows_whole if returned else Wrong.draws_empty_rows_again,
    )


def _expect_both_faces(function: StudentFunction, trial: Trial) -> None:
    """Check that a single row of one or two units is sometimes 0 and sometimes not.

    By chance this fails with probability 0.64 ** 70 = 3e-14, and where keep and drop are
    swapped hardly more often."""
    for width, p in ((1, 0.5), (2, 0.4)):
        call = f"70 calls {call_text(function.name, (1, width), p)}"
        kept = shared.masks_of(function, trial, 70, (1, width), p).any(axis=(1, 2))
        trial.expect(
            not kept.all(),
            f"{call}: none dropped the whole row; about {(1 - p) ** width:.0%} do.",
            Wrong.draws_empty_rows_again,
        )
        trial.expect(
            kept.any(),
            f"{call}: all gave 0.",
            elementwise.Wrong.keeps_some_calls_at_another_rate,
        )


class _EmptyRowsAsZero:
    """The function, with rows that hold NaN or infinity as rows of 0.

    What an empty row comes back as has a check of its own."""

    def __init__(self, function: StudentFunction) -> None:
        self.name, self.observe, self._call = function.name, function.observe, function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._mended(self._call(*args, **kwargs))

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        return [self._mended(result) for result in self._call.each(calls, **kwargs)]

    @staticmethod
    def _mended(result: Any) -> Any:
        out = result[0] if isinstance(result, tuple) and result else None
        if isinstance(out, np.ndarray) and out.ndim == 2 and out.dtype.kind == "f":
            finite = np.isfinite(out).all(axis=1, keepdims=True)
            result = (np.where(finite, out, 0), *result[1:])
        return result


_KINDS = kinds.of_arrays(
    lambda rng, number, rows: kinds.sides(rng, number, 2, rows),
    call_text,
    lambda x, out, _: out != 0,
    modes=False,
    of=lambda function, trial: _EmptyRowsAsZero(function),
)


def _keeps_at_rate(function: StudentFunction, trial: Trial) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    unit_bits.keeps_at_rate(_EmptyRowsAsZero(function), trial)


def _draws_independently(function: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    shared.expect_independence(function, trial)


def _divides_by_the_kept_fraction(function: StudentFunction, trial: Trial) -> None:
    """With K of D units kept in a row, each of them comes back D / K times as large.

    At keep_prob = 1 that is x itself."""
    finite = _EmptyRowsAsZero(function)

    def expect_factors(shape: tuple[int, int], p: float, dtype: Any) -> None:
        got = draw(finite, trial, shape, p, dtype=dtype)
        _expect_factors(trial, call_text(function.name, shape, p), got, p)

    for p in (0.3, 0.8):
        expect_factors((60, 40), p, np.float64)
    # Before odd shapes, in which a factor that looks at x is hard to tell from others.
    _expect_factors_of_every_kind(finite, trial)
    shapes = ((60, 40), (30, 7), (1, 50), (200, 3), (40, 1), (3, 900))
    every = itertools.product(shapes, (0.8, 0.3), (np.float32,))
    ends = ((*case, np.float64) for case in _AT_ENDS)
    for shape, p, dtype in (*every, *ends):
        narrow = shape[1] <= 20  # rows may be empty
        if narrow and p == 0.3:
            continue
        try:
            expect_factors(shape, p, dtype)
        except StudentError as error:
            if not narrow:
                raise
            trial.leave(error)
    _expect_factors_of_every_form(finite, trial)
    units.keeps_everything_at_one(function, trial)
    for shape in ((1, 1), (1, 9), (9, 1)):
        got = draw(function, trial, shape, 1.0)
        call = call_text(function.name, shape, 1.0)
        if not facts.close(got.out, got.x):
            trial.fail(
                f"{call}: nothing is dropped at keep_prob = 1, so out equals x; "
                f"{facts.worst(got.out, got.x)}.",
                Wrong.divides_by_something_else,
            )


#: Rows so long that few or none is empty, near the ends of keep_prob.
_AT_ENDS = (
    *(((2, 2500), 0.02), ((8, 300), 0.1), ((30, 40), 0.97), ((1, 3000), 0.999)),
    *(((4, 60), 0.5), ((200, 1), 0.9), ((2, 1), 0.9)),
    *zip(((1, 20_000), (2, 3000)), corners.ENDS, strict=True),
)


def _expect_factors_of_every_kind(
    function: "StudentFunction | _EmptyRowsAsZero", trial: Trial
) -> None:
    """Check the factors, and that rows of 40 units keep some, whatever they hold.

    By chance one of these 180 rows is empty once in 5e13 draws; at 0.6 it hardly is
    where keep and drop are swapped, which has a check of its own."""
    for kind, x in shared.of_every_kind(trial, 20, 40).items():
        out, call = shared.output(function, x, 0.6, trial.generator())
        x, mask = x.astype(float), out != 0
        right = x * mask * (40 / np.maximum(mask.sum(axis=1, keepdims=True), 1))
        # 1e-5 is some hundred roundings of a float32.
        if not (mask.any(axis=1).all() and facts.close(out, right, atol=0)):
            trial.fail(
                f"{call}, with entries {kind}: {facts.worst(out, right)} if these units are "
                "kept."
                if mask.any(axis=1).all()
                else f"{call}, with entries {kind}: a row of 40 units came back as 0.",
                shared.Wrong.factor_depends_on_x,
            )
    out, call = shared.output(function, np.zeros((20, 5)), 0.8, trial.generator())
    trial.expect(not out.any(), f"{call}, with x = 0: out is not 0.")


def _expect_factors_of_every_form(function: Any, trial: Trial) -> None:
    """Check the factors on arrays of every form, all over the range of keep_prob."""
    every_form.expect_values(
        function,
        trial,
        lambda x, mask, _: (
            x * mask * x.shape[1] / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        ),
        elementwise.Wrong.scale_fits_some_keep_probs,
        errors_cost=False,
    )


def _expect_factors(trial: Trial, call: str, got: Draw, keep_prob: float) -> None:
    out, x = got.out.astype(float), got.x.astype(float)
    mask, d = got.mask, x.shape[1]
    kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    row = np.nonzero(mask)[0]
    found, wanted = out[mask] / x[mask], (d / kept)[row, 0]
    if not facts.close(found, wanted):
        worst = int(np.argmax(np.abs(found - wanted)))
        seen, right = shared.apart(float(found[worst]), float(wanted[worst]))
        half = got.out.dtype == np.float16
        trial.fail(
            f"{call}: a kept unit comes back {seen} times as large; in its row "
            f"{kept[row[worst], 0]} of {d} units were kept, so expected "
            f"{right} times.",
            shared.Wrong.computes_in_half_precision
            if half
            else _factor_mistake(out, x, keep_prob),
        )


def _factor_mistake(out: np.ndarray, x: np.ndarray, p: float) -> str:
    """Return the mistake behind wrong factors of kept units in an (N, D) array."""
    mask = out != 0
    n, d = x.shape
    kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    column = np.maximum(mask.sum(axis=0, keepdims=True), 1)
    rivals = {
        **shared.wrong_factors(n, d, kept),
        Wrong.divides_by_keep_prob_itself: 1 / p,
        Wrong.counts_over_the_whole_batch: 1 / mask.mean(),
        Wrong.counts_along_the_columns: [n / column, d / column],
        Wrong.divides_by_both_fractions: d / kept / p,
        shared.Wrong.cuts_the_factor_off: d // kept,
    }
    if name := first(out, rivals, lambda _, by: facts.close(out, x * mask * by)):
        return name
    if facts.close(out.sum(axis=1), x.sum(axis=1), rtol=1e-3, atol=1e-3):
        return elementwise.Wrong.preserves_the_sum
    more = d * x[mask] / out[mask] - np.broadcast_to(kept, x.shape)[mask]
    typical = np.median(more)  # by how much the count is too large
    adds = facts.close(more, typical, rtol=1e-3) and 0 < typical <= 5
    return Wrong.adds_to_the_count if adds else Wrong.divides_by_something_else


_WIDTH, _LOOK = 20, "unit with input 0 counted"


def _counts_the_mask(function: StudentFunction, trial: Trial) -> None:
    """K counts the mask: a kept unit whose input is 0 as well."""
    # The row's factor tells whether its one unit with input 0 counts as kept: it does
    # with probability keep_prob, whatever the row's other bits are.
    x = trial.inputs(trial.size(_LOOK) + 50, _WIDTH)
    x[np.arange(len(x)), trial.rng.integers(_WIDTH, size=len(x))] = 0.0
    out, call = shared.output(function, x, 0.7, trial.generator())
    kept = np.asarray(out.any(axis=1))  # in all rows but one in 1e10
    trial.expect(
        kept.sum() >= trial.size(_LOOK),
        f"{call}, with one 0 in each row: all units are 0 in {(~kept).sum():,} of "
        f"{len(kept):,} rows of {_WIDTH}; expected fewer than one.",
    )
    x, out = x[kept], out[kept]
    mask = out != 0
    factor = np.abs(out).sum(axis=1) / np.abs(x * mask).sum(axis=1)
    hidden = _WIDTH / factor - mask.sum(axis=1)
    whole, miscounts = np.round(hidden), shared.Wrong.miscounts_units_with_input_zero
    trial.expect(
        np.abs(hidden - whole).max() < 1e-2 and set(whole) <= {0.0, 1.0},
        f"{call}, with one 0 in each row: the factors do not fit a count of kept units.",
        miscounts,
    )
    what = "rows with one input of 0, at keep_prob = 0.7: that unit counts as kept"
    mistake = miscounts if whole.any() else Wrong.counts_nonzero_outputs
    trial.judge(_LOOK, whole == 1, len(whole), what, mistake)
    _expect_factors_beside_zeros(function, trial)


def _expect_factors_beside_zeros(function: StudentFunction, trial: Trial) -> None:
    """Check that a row half of which is 0 has the factor D / K, for a number K of units that
    may be kept in it."""
    for p in corners.spread_keep_probs(trial, 5):
        d = int(trial.rng.integers(30, 60))
        x = trial.inputs(20, d, zeros=0.5)
        out, call = shared.output(function, x, max(p, 0.3), trial.generator())
        # A row all of whose other units are dropped says nothing.
        some = (out != 0).any(axis=1)
        x, out, kept = x[some], out[some], out[some] != 0
        number = np.rint(d * np.abs(x * kept).sum(axis=1) / np.abs(out).sum(axis=1))
        may_be = kept.sum(axis=1) <= number
        may_be &= number <= (kept | (x == 0)).sum(axis=1)
        right = x * kept * (d / number)[:, None]
        trial.expect(
            may_be.all() and facts.close(out, right, atol=0),
            f"{call}, half of x being 0: a row is not x times {d} / K for K kept units.",
            shared.Wrong.miscounts_units_with_input_zero,
        )


# Rows so long that none is dropped whole: an empty row has a check of its own.
_LONG = (((40, 35), 0.8), ((40, 35), 0.6))
_RUNS, _OWN = "returns_rows_with_dropped_units", "gives_each_unit_of_a_row_its_own_bit"
_RATE, _FACTOR = (
    "keeps_each_unit_with_keep_prob",
    "divides_each_row_by_its_own_kept_fraction",
)
_RATES = departures.also(
    kinds.RATE, stated(_keeps_at_rate, unit_bits.RATE_LOOKS), _KINDS
)
_BIT_LOOKS = {**unit_bits.INDEPENDENCE_LOOKS, **shared.spread(0.7)}
_BITS = stated(_draws_independently, {**_BIT_LOOKS, lags.LOOK: lags.LAW})
_BITS = departures.also(kinds.PAIRS, _BITS, _KINDS)
_BITS = small_calls.own_bits(_BITS, small_calls.ROWS, modes=False)
_RATES = small_calls.at_rate(_RATES, small_calls.ROWS, modes=False)
_ZEROS = stated(_counts_the_mask, {_LOOK: Proportion(0.7, detects=0.3)})
exercise.asks(0.25, _RUNS, shared.drops_in_rows(_LONG, {0.8: 0.8, 0.3: 0.3}))
exercise.asks(0.25, "leaves_its_rows_alone", shared.leaves_x_alone(0.8), _RUNS)
exercise.asks(0.25, _OWN, stated(_draws_its_own_bits), _RUNS)
exercise.asks(
    0.25, "a_row_without_kept_units_is_zero", stated(_gives_empty_rows_as_zero), _OWN
)
# Before the rate: units that overflow come back as another share of kept ones, too.
exercise.asks(0.5, _FACTOR, stated(_divides_by_the_kept_fraction), _RUNS)
exercise.asks(0.25, _RATE, _RATES, _OWN)
exercise.asks(0.25, "keeps_units_of_a_row_independently", _BITS, _RATE)
exercise.asks(0.25, "counts_kept_units_whose_input_is_zero", _ZEROS, (_FACTOR, _RATE))
_FROM_RNG = everywhere.follows_rng(shared.draws_from_rng(0.7), _KINDS)
exercise.asks(0.25, "draws_its_bits_from_rng", _FROM_RNG, _RUNS)
