"""Counts are whole numbers: of kept units, in each row, and of a byte's values."""

import itertools
import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import mistake
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import Draw
from autograder.laws.binomial import Law, Proportion, agreement, log_binomial

counts = Exercise(
    "kept_count_distribution",
    chapter="quantization",
    title="Give the distribution of the number of kept units",
    signature="kept_count_distribution(n, keep_prob) -> array",
    section="quant-count",
)
exact = Exercise(
    "exact_count_dropout",
    chapter="quantization",
    title="Divide each row by the fraction of its units that was kept",
    signature="exact_count_dropout(x, keep_prob, rng) -> (out, cache)",
    section="quant-divisors",
)
fixed = Exercise(
    "fixed_count_dropout",
    chapter="quantization",
    title="Keep exactly keep_count units in each row",
    signature="fixed_count_dropout(x, keep_count, rng) -> (out, cache)",
    section="quant-divisors",
)
in_bytes = Exercise(
    "byte_dropout",
    chapter="quantization",
    title="Draw the mask from one byte per unit, without bias",
    signature="byte_dropout(x, keep_prob, rng) -> (out, keep_prob_effective)",
    section="quant-bits",
)

# ---- kept_count_distribution ---------------------------------------------------------

MISSES_A_COUNT = mistake(
    "misses_a_count",
    "of n units none to all can be kept: these are n + 1 counts, and you give n.",
    "quant-count",
)
COUNTS_THE_DROPPED = mistake(
    "counts_the_dropped_units",
    "this is the distribution of the number of dropped units; entry k is the "
    "probability that k units are kept.",
    "quant-count",
)
FORGETS_THE_ORDERS = mistake(
    "forgets_the_binomial_coefficient",
    "you give the probability of one mask with k kept units; there are n over k of them.",
    "quant-count",
)
COUNTS_MASKS_ALONE = mistake(
    "counts_masks_as_equally_likely",
    "you count the masks with k kept units and do not weigh them with keep_prob; they "
    "are equally likely at keep_prob = 0.5 alone.",
    "quant-count",
)
FORGETS_THE_DROPPED = mistake(
    "forgets_the_factor_of_the_dropped",
    "the factor (1 − keep_prob) ** (n − k) is missing: the other units must be dropped.",
    "quant-count",
)
CUMULATES = mistake(
    "gives_cumulative_probabilities",
    "your entries add up the probabilities of several counts; entry k is that of exactly "
    "k kept units.",
    "quant-count",
)
LEAVES_OUT_THE_EMPTY_MASK = mistake(
    "leaves_out_the_empty_mask",
    "your distribution excludes the mask that keeps nothing; it has probability "
    "(1 − keep_prob) ** n.",
    "quant-count",
)
GIVES_THE_FRACTIONS = mistake(
    "gives_the_fractions",
    "these are the possible fractions k / n; give their probabilities.",
    "quant-count",
)
APPROXIMATES_THE_DISTRIBUTION = mistake(
    "approximates_the_distribution",
    "your probabilities are near the exact ones: either a normal or a Poisson law stands "
    "for the binomial one, or they are rounded or simulated.",
    "quant-count",
)
SIMULATES_THE_DISTRIBUTION = mistake(
    "simulates_the_distribution",
    "your answer changes from call to call, as a simulation's does; the probabilities "
    "have a formula.",
    "quant-count",
)
ANOTHER_DISTRIBUTION = mistake(
    "is_no_binomial_distribution",
    "these are not the probabilities of a sum of n independent units, each kept with "
    "probability keep_prob.",
    "quant-count",
)
OVERFLOWS = mistake(
    "overflows_for_many_units",
    "right for few units; for many the binomial coefficients are larger than the largest "
    "float. Add logarithms, or add one unit at a time.",
    "quant-count",
)
UNDERFLOWS = mistake(
    "underflows_for_many_units",
    "right for few units; for many a power such as (1 − keep_prob) ** n is rounded to 0 and "
    "takes the rest with it. Add logarithms, or add one unit at a time.",
    "quant-count",
)
LOSES_DIGITS = mistake(
    "loses_digits_for_many_units",
    "right for few units and wrong for many: either whole numbers wrap around beyond "
    "2**63, or an approximation or rounding errors grow.",
    "quant-count",
)
FAILS_AT_ZERO_OR_ONE = mistake(
    "fails_at_keep_prob_zero_or_one",
    "right for other keep probabilities and wrong at 0 or 1, where one count is certain: "
    "either a logarithm of 0 is taken, or something is divided by 0.",
    "quant-count",
)

_FEW = ((8, 0.1234), (1, 0.8), (2, 0.3), (5, 0.3), (10, 0.8), (12, 0.35))
_MANY = ((30, 0.3), (100, 0.8), (600, 0.3), (1500, 0.8), (2000, 0.5), (2000, 0.003))


@cache
def _binomial(n: int, keep_prob: float) -> np.ndarray:
    """Return the n + 1 probabilities, for 0 <= keep_prob <= 1."""
    if keep_prob in (0, 1):
        return np.eye(n + 1)[round(keep_prob * n)]
    return np.exp([log_binomial(k, n, keep_prob) for k in range(n + 1)])


def _counts_call(n: int, keep_prob: float) -> str:
    return f"kept_count_distribution({n}, {keep_prob})"


def _probabilities(function: StudentFunction, n: int, keep_prob: float) -> np.ndarray:
    """Return n + 1 finite floats. Raises ``CheckFailure``."""
    result = function(n, keep_prob)
    return facts.float_array(result, (n + 1,), _counts_call(n, keep_prob))


def _right(found: np.ndarray, expected: np.ndarray) -> bool:
    return facts.close(found, expected, rtol=1e-5, atol=1e-12)


@counts.check(points=0.25)
def returns_one_float_for_each_count(
    kept_count_distribution: StudentFunction, trial: Trial
) -> None:
    """The result is an array of n + 1 floats, the same at every call."""
    for n, keep_prob in _FEW:
        call = _counts_call(n, keep_prob)
        result = kept_count_distribution(n, keep_prob)
        if isinstance(result, np.ndarray) and result.shape == (n,):
            trial.fail(
                f"{call} returned {n} probabilities; expected {n + 1}.", MISSES_A_COUNT
            )
        first = facts.float_array(result, (n + 1,), call)
        again = _probabilities(kept_count_distribution, n, keep_prob)
        trial.expect(
            facts.close(first, again),
            f"{call} gave two different answers in two calls; expected the same one.",
            SIMULATES_THE_DISTRIBUTION,
        )


@counts.check(points=1.0, after="returns_one_float_for_each_count")
def gives_the_chance_of_each_count(
    kept_count_distribution: StudentFunction, trial: Trial
) -> None:
    """Entry k is the probability that exactly k of n units are kept, for n up to 12."""
    found = {
        case: _probabilities(kept_count_distribution, *case) for case in reversed(_FEW)
    }
    for (n, keep_prob), chances in found.items():
        expected = _binomial(n, keep_prob)
        if _right(chances, expected):
            continue
        trial.fail(
            f"{_counts_call(n, keep_prob)} sums to {chances.sum():.6g}; entry by entry "
            f"{facts.worst(chances, expected)}.",
            _distribution_mistake(chances, n, keep_prob),
        )


def _distribution_mistake(found: np.ndarray, n: int, p: float) -> str:
    """Return the mistake behind wrong probabilities."""
    k = np.arange(n + 1)
    right, q = _binomial(n, p), 1 - p
    ways = 2.0**n * _binomial(n, 0.5)
    positive = np.where(k > 0, right, 0.0)
    named: tuple[tuple[str, np.ndarray], ...] = (
        (COUNTS_THE_DROPPED, right[::-1]),
        (FORGETS_THE_ORDERS, p**k * q ** (n - k)),
        (COUNTS_MASKS_ALONE, ways),
        (COUNTS_MASKS_ALONE, ways / 2**n),
        (FORGETS_THE_DROPPED, ways * p**k),
        (CUMULATES, np.cumsum(right)),
        (CUMULATES, np.cumsum(right[::-1])[::-1]),
        (LEAVES_OUT_THE_EMPTY_MASK, positive),
        (LEAVES_OUT_THE_EMPTY_MASK, positive / (1 - q**n)),
        (GIVES_THE_FRACTIONS, k / n),
    )
    for name, wrong in named:
        if _right(found, wrong):
            return name
    near = np.abs(found - right).max() < 0.15
    return APPROXIMATES_THE_DISTRIBUTION if near else ANOTHER_DISTRIBUTION


@counts.check(points=0.5, after="gives_the_chance_of_each_count")
def stays_exact_for_many_units(
    kept_count_distribution: StudentFunction, trial: Trial
) -> None:
    """The same for n up to 2,000, where a binomial coefficient overflows."""
    for n, keep_prob in _MANY:
        call, expected = _counts_call(n, keep_prob), _binomial(n, keep_prob)
        try:
            found = kept_count_distribution(n, keep_prob)
        except StudentError as error:
            if "OverflowError" not in error.message:
                raise
            trial.fail(f"{call} raised {error.message}.", OVERFLOWS)
        if isinstance(found, np.ndarray) and found.dtype.kind == "f":
            trial.expect(
                np.isfinite(found).all(),
                f"{call} holds NaN or infinity; expected finite numbers.",
                OVERFLOWS,
            )
        found = facts.float_array(found, (n + 1,), call)
        if _right(found, expected):
            continue
        lost = (found == 0) & (expected > 1e-6)
        trial.fail(
            f"{call} sums to {found.sum():.6g}; entry by entry "
            f"{facts.worst(found, expected)}.",
            UNDERFLOWS if lost.any() and found.sum() < 0.99 else LOSES_DIGITS,
        )


@counts.check(points=0.25, after="gives_the_chance_of_each_count")
def one_count_is_certain_at_zero_and_one(
    kept_count_distribution: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 0 the count is 0, at keep_prob = 1 it is n."""
    for n, keep_prob in itertools.product((1, 6, 40), (0.0, 1.0)):
        call = _counts_call(n, keep_prob)
        try:
            found = kept_count_distribution(n, keep_prob)
        except StudentError as error:
            trial.fail(f"{call} raised {error.message}.", FAILS_AT_ZERO_OR_ONE)
        certain = round(keep_prob * n)
        trial.expect(
            np.shape(found) == (n + 1,) and _right(found, _binomial(n, keep_prob)),
            f"{call}: expected probability 1 for {certain} and 0 for every other count, "
            f"found {np.array2string(np.asarray(found)[:6], precision=4)} at the "
            "beginning.",
            FAILS_AT_ZERO_OR_ONE,
        )


# ---- Masks whose rows share nothing --------------------------------------------------

DROPS_NO_UNIT = mistake(
    "drops_no_unit_at_all",
    "no unit came back 0: the mask is not applied, or its comparison is always true.",
    "quant-divisors",
)
KEEPS_NO_UNIT = mistake(
    "keeps_no_unit",
    "every unit came back 0: the comparison that draws the mask is never true, or the "
    "output is never filled.",
    "quant-divisors",
)
LEAVES_KEPT_UNITS_ALONE = mistake(
    "leaves_kept_units_alone",
    "kept units come back unchanged; divide them by the fraction that is kept.",
    "quant-divisors",
)

_CALLS, _ROWS, _COLUMNS = 40, 20, 20


def _expect_a_mixture(
    function: StudentFunction, trial: Trial, share: float, argument: float
) -> None:
    """Check that some of 2,400 units come back 0 and some do not."""
    got = elementwise.draw(function, trial, (60, 40), argument)
    kept = int(got.mask.sum())
    trial.expect(
        0 < kept < got.mask.size,
        f"{elementwise.call_text(function.name, got.x.shape, argument)}: {kept or 'none'} of "
        f"{got.mask.size} units came back other than 0; expected about {share:.0%}.",
        KEEPS_NO_UNIT if kept == 0 else DROPS_NO_UNIT,
    )


def _own_masks(
    function: StudentFunction, trial: Trial, argument: float
) -> tuple[np.ndarray, str]:
    """Return the masks of 40 calls, and the calls as text, after checking that rows,
    units of a row and calls do not share them.

    Hundreds of bits agree by chance with probability below 1e-40."""
    rng, shape = trial.generator(), (_ROWS, _COLUMNS)
    call = f"{_CALLS} calls {elementwise.call_text(function.name, shape, argument)}"
    bits = np.array(
        [
            elementwise.draw(function, trial, shape, argument, rng).mask
            for _ in range(_CALLS)
        ]
    )
    different = len({mask.tobytes() for mask in bits})
    rows, units = (bits == bits[:, :1]).all(), (bits == bits[:, :, :1]).all()
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        elementwise.SAME_MASK_EVERY_CALL,
    )
    trial.expect(
        not rows, f"{call}: all rows share a mask.", elementwise.ONE_MASK_FOR_ALL_ROWS
    )
    trial.expect(
        not units,
        f"{call}: a row is kept or dropped as a whole.",
        elementwise.ONE_BIT_PER_ROW,
    )
    trial.expect(
        different == _CALLS,
        f"{call} drew {different} different masks; expected {_CALLS}.",
        elementwise.REUSES_MASKS,
    )
    return bits, call


# ---- exact_count_dropout -------------------------------------------------------------

DIVIDES_BY_KEEP_PROB = mistake(
    "divides_by_keep_prob_itself",
    "you divide by keep_prob, as inverted dropout does; divide each row by the fraction "
    "of its units that was really kept.",
    "quant-divisors",
)
COUNTS_OVER_THE_BATCH = mistake(
    "counts_over_the_whole_batch",
    "you divide by the fraction kept of the whole array; each row has its own.",
    "quant-mistakes",
)
COUNTS_ALONG_COLUMNS = mistake(
    "counts_along_the_columns",
    "you divide by the fraction kept of each column; a row is an example, and the "
    "fraction is counted along it (axis 1).",
    "quant-divisors",
)
MULTIPLIES_BY_THE_FRACTION = mistake(
    "multiplies_by_the_kept_fraction",
    "you multiply by the fraction kept; divide by it.",
    "quant-divisors",
)
DIVIDES_BY_THE_COUNT = mistake(
    "divides_by_the_count",
    "you divide by the number of kept units; divide by their fraction of the row.",
    "quant-divisors",
)
DIVIDES_BY_THE_DROPPED = mistake(
    "divides_by_the_dropped_fraction",
    "you divide by the fraction that was dropped; divide by the one that was kept.",
    "quant-divisors",
)
TAKES_ROWS_FOR_UNITS = mistake(
    "takes_rows_for_units",
    "your factor holds the number of rows, len(x), where the number of units in a row "
    "belongs, x.shape[1].",
    "quant-divisors",
)
RESCALES_BOTH_WAYS = mistake(
    "divides_by_both_fractions",
    "you divide by keep_prob and by the fraction kept; one of them is enough, here the "
    "fraction.",
    "quant-divisors",
)
ADDS_TO_THE_COUNT = mistake(
    "adds_to_the_count",
    "your count of kept units is larger than it is, as when something is added against a "
    "division by 0; that case has a rule of its own.",
    "quant-divisors",
)
ANOTHER_DIVISOR = mistake(
    "divides_by_something_else",
    "kept units are divided by something else than the fraction of their row that was "
    "kept.",
    "quant-divisors",
)
COUNTS_NONZERO_OUTPUTS = mistake(
    "counts_nonzero_outputs",
    "you count the outputs that are not 0; a kept unit whose input is 0 belongs to the "
    "count as well. Count the mask.",
    "quant-divisors",
)
MISCOUNTS_ZEROS = mistake(
    "miscounts_units_with_input_zero",
    "units whose input is 0 are dropped, or counted, as if their value mattered; the mask "
    "does not look at x.",
    "quant-divisors",
)
DIVIDES_BY_AN_EMPTY_COUNT = mistake(
    "divides_by_an_empty_count",
    "a row of which nothing is kept makes your code divide by 0; the row is 0.",
    "quant-divisors",
)
DRAWS_EMPTY_ROWS_AGAIN = mistake(
    "draws_empty_rows_again",
    "no row is ever dropped as a whole: either such a row is drawn again, or a unit of it "
    "is kept after all. Here that row is 0.",
    "quant-divisors",
)
RETURNS_EMPTY_ROWS_WHOLE = mistake(
    "returns_empty_rows_whole",
    "a row of which nothing is kept comes back undropped; it is 0.",
    "quant-divisors",
)

_EXACT_SHAPES = ((60, 40), (30, 7), (1, 50), (200, 3), (40, 1), (3, 900))


@exact.check(points=0.25)
def returns_rows_with_dropped_units(
    exact_count_dropout: StudentFunction, trial: Trial
) -> None:
    """out has the shape of x and holds finite floats, some of them 0."""
    # Rows so long that none is dropped whole: an empty row has a check of its own.
    for keep_prob, dtype in itertools.product((0.8, 0.6), (np.float64, np.float32)):
        elementwise.draw(exact_count_dropout, trial, (40, 35), keep_prob, dtype=dtype)
    for keep_prob in elementwise.KEEP_PROBS:
        _expect_a_mixture(exact_count_dropout, trial, keep_prob, keep_prob)


@exact.check(points=0.25, after="returns_rows_with_dropped_units")
def leaves_its_rows_alone(exact_count_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(exact_count_dropout, trial)


@exact.check(points=0.25, after="returns_rows_with_dropped_units")
def gives_each_unit_of_a_row_its_own_bit(
    exact_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows, units and calls do not share bits, and the kept count varies."""
    bits, call = _own_masks(exact_count_dropout, trial, 0.7)
    for axis, where in ((2, "each row"), (1, "each column"), ((1, 2), "each call")):
        kept = bits.sum(axis=axis)
        trial.expect(
            np.ptp(kept) > 0,
            f"{call}: {where} keeps exactly {kept.flat[0]} units; expected a number that "
            "varies.",
            elementwise.SAME_COUNT_EVERY_TIME,
        )
    for axis, where in ((2, "row"), (1, "column")):
        trial.expect(
            np.ptp(bits.sum(axis=axis), axis=1).any(),
            f"{call}: in each call every {where} keeps the same number of units; expected "
            f"a number that varies from {where} to {where}.",
            elementwise.DEPENDENT_BITS,
        )


@exact.check(points=0.25, after="gives_each_unit_of_a_row_its_own_bit")
def a_row_without_kept_units_is_zero(
    exact_count_dropout: StudentFunction, trial: Trial
) -> None:
    """A row of which nothing is kept comes back as 0, and such rows occur."""
    shape, p = (400, 2), 0.3
    x, call = (
        trial.inputs(*shape),
        elementwise.call_text("exact_count_dropout", shape, p),
    )
    try:
        result = exact_count_dropout(x, p, trial.generator())
    except StudentError as error:
        divides = "ZeroDivision" in error.message
        trial.fail(
            f"{call} raised {error.message}; nothing is kept in some of these rows.",
            DIVIDES_BY_AN_EMPTY_COUNT if divides else facts.RAISES_AN_ERROR,
        )
    out = facts.pair(result, call)[0]
    if isinstance(out, np.ndarray) and out.dtype.kind == "f":
        bad = int((~np.isfinite(out)).any(axis=-1).sum())
        trial.expect(
            bad == 0,
            f"{call}: out holds NaN or infinity in {bad} rows; expected 0 in the rows of "
            "which nothing is kept.",
            DIVIDES_BY_AN_EMPTY_COUNT,
        )
    out = facts.float_array(out, shape, call, "out")
    # None of 400 rows is empty with probability 0.51 ** 400.
    whole = float((out == x).all(axis=1).mean())
    returned = abs(whole - p**2 - (1 - p) ** 2) < 0.15
    trial.expect(
        not out.any(axis=1).all(),
        f"{call}: no row came back as 0; nothing is kept in about {(1 - p) ** 2:.0%} of "
        "such rows.",
        RETURNS_EMPTY_ROWS_WHOLE if returned else DRAWS_EMPTY_ROWS_AGAIN,
    )


class _EmptyRowsAsZero:
    """The function, with rows that hold NaN or infinity as rows of 0.

    What an empty row comes back as has a check of its own."""

    def __init__(self, function: StudentFunction) -> None:
        self.name = function.name
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.observe(*args, **kwargs)[0]

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        result, after = self._function.observe(*args, **kwargs)
        out = result[0] if isinstance(result, tuple) and result else None
        if isinstance(out, np.ndarray) and out.ndim == 2 and out.dtype.kind == "f":
            finite = np.isfinite(out).all(axis=1, keepdims=True)
            result = (np.where(finite, out, 0), *result[1:])
        return result, after


@exact.check(
    points=0.25,
    after="gives_each_unit_of_a_row_its_own_bit",
    looks=elementwise.RATE_LOOKS,
)
def keeps_each_unit_with_keep_prob(
    exact_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with probability keep_prob, whatever its value and place."""
    elementwise.keeps_at_rate(_EmptyRowsAsZero(exact_count_dropout), trial)


@exact.check(
    points=0.25,
    after="gives_each_unit_of_a_row_its_own_bit",
    looks=elementwise.INDEPENDENCE_LOOKS,
)
def keeps_units_of_a_row_independently(
    exact_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Bits in pairs of rows, columns and calls are independent, and so are counts."""
    elementwise.is_independent(exact_count_dropout, trial)


@exact.check(points=0.5, after="returns_rows_with_dropped_units")
def divides_each_row_by_its_own_kept_fraction(
    exact_count_dropout: StudentFunction, trial: Trial
) -> None:
    """With K of D units kept in a row, each of them comes back D / K times as large.

    At keep_prob = 1 that is x itself."""
    cases: list[tuple[tuple[int, int], float, Any]]
    cases = [((60, 40), size, np.float64) for size in (1.0, 1e-6, 1e6)]
    cases += [(shape, 1.0, np.float32) for shape in _EXACT_SHAPES]
    for shape, size, dtype in cases:
        for p in (0.8, 0.3) if shape[1] > 20 else (0.8,):
            out, x = _rows(exact_count_dropout, trial, shape, p, size, dtype)
            mask = out != 0
            kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
            if facts.close(out * kept, x * mask * shape[1], atol=1e-12 * size):
                continue
            found, wanted = out[mask] / x[mask], np.broadcast_to(shape[1] / kept, shape)
            worst = int(np.argmax(np.abs(found - wanted[mask])))
            trial.fail(
                f"{elementwise.call_text('exact_count_dropout', shape, p)}: a kept unit comes "
                f"back {found[worst]:.4g} times as large; in its row "
                f"{kept[np.nonzero(mask)[0][worst], 0]} of {shape[1]} units were kept, so "
                f"expected {wanted[mask][worst]:.4g} times.",
                _divisor_mistake(out, x, p),
            )
    elementwise.keeps_everything_at_one(exact_count_dropout, trial)


def _rows(
    function: StudentFunction,
    trial: Trial,
    shape: tuple[int, int],
    keep_prob: float,
    size: float,
    dtype: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Return one output and its input as float64; what an empty row came back as is
    left to the check of empty rows."""
    try:
        whole = _EmptyRowsAsZero(function)
        got = elementwise.draw(whole, trial, shape, keep_prob, size=size, dtype=dtype)
    except StudentError:
        if shape[1] > 20:
            raise
        return np.zeros(shape), np.ones(shape)
    return got.out.astype(float), got.x.astype(float)


def _divisor_mistake(out: np.ndarray, x: np.ndarray, p: float) -> str:
    """Return the mistake behind wrong factors of kept units in an (N, D) array."""
    mask = out != 0
    n, d = x.shape
    kept = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    column = np.maximum(mask.sum(axis=0, keepdims=True), 1)
    named = (
        (LEAVES_KEPT_UNITS_ALONE, 1.0),
        (DIVIDES_BY_KEEP_PROB, 1 / p),
        (COUNTS_OVER_THE_BATCH, 1 / mask.mean()),
        (COUNTS_ALONG_COLUMNS, n / column),
        (COUNTS_ALONG_COLUMNS, d / column),
        (MULTIPLIES_BY_THE_FRACTION, kept / d),
        (DIVIDES_BY_THE_COUNT, 1 / kept),
        (DIVIDES_BY_THE_DROPPED, d / np.maximum(d - kept, 1)),
        (TAKES_ROWS_FOR_UNITS, n / kept),
        (RESCALES_BOTH_WAYS, d / kept / p),
    )
    for name, scale in named:
        if facts.close(out, x * mask * scale):
            return name
    if facts.close(out.sum(axis=1), x.sum(axis=1), rtol=1e-3, atol=1e-3):
        return elementwise.PRESERVES_THE_SUM
    ratio = np.where(mask, out, 1) / np.where(mask, x, 1)
    more = np.where(mask, d / ratio - kept, 0)  # by how much the count is too large
    typical = np.median(more[mask])
    if facts.close(more[mask], typical, rtol=1e-3) and 0 < typical <= 5:
        return ADDS_TO_THE_COUNT
    return ANOTHER_DIVISOR


@exact.check(
    points=0.25,
    after=(
        "divides_each_row_by_its_own_kept_fraction",
        "keeps_each_unit_with_keep_prob",
    ),
    looks={"unit with input 0 counted": Proportion(0.7, detects=0.3)},
)
def counts_kept_units_whose_input_is_zero(
    exact_count_dropout: StudentFunction, trial: Trial
) -> None:
    """K counts the mask: a kept unit whose input is 0 as well."""
    # The row's factor tells whether its one unit with input 0 counts as kept: it does
    # with probability keep_prob, whatever the row's other bits are.
    look, width = "unit with input 0 counted", 20
    x = trial.inputs(trial.size(look) + 50, width)
    x[np.arange(len(x)), trial.rng.integers(width, size=len(x))] = 0.0
    call = elementwise.call_text(exact_count_dropout.name, x.shape, 0.7)
    out = facts.pair(exact_count_dropout(x, 0.7, trial.generator()), call)[0]
    out = facts.float_array(out, x.shape, call, "out")
    mask = out != 0
    usable = mask.any(axis=1)  # all but one row in 1e10
    ratio = np.abs(out).sum(axis=1)[usable] / np.abs(x * mask).sum(axis=1)[usable]
    hidden = width / ratio - mask.sum(axis=1)[usable]
    whole = np.round(hidden)
    trial.expect(
        np.abs(hidden - whole).max() < 1e-2 and set(whole) <= {0.0, 1.0},
        f"{call}, with one 0 in each row: the factors do not fit a count of kept units.",
        MISCOUNTS_ZEROS,
    )
    what = "rows with one input of 0, at keep_prob = 0.7: that unit counts as kept"
    named = {0.0: COUNTS_NONZERO_OUTPUTS}
    trial.judge(
        look,
        np.asarray(whole == 1),
        len(whole),
        what,
        lambda share: named.get(share, MISCOUNTS_ZEROS),
    )


@exact.check(points=0.25, after="returns_rows_with_dropped_units")
def draws_its_bits_from_rng(exact_count_dropout: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(exact_count_dropout, trial)


# ---- fixed_count_dropout -------------------------------------------------------------

LETS_THE_COUNT_VARY = mistake(
    "lets_the_count_vary",
    "the number of kept units varies from row to row, as with independent bits; each row "
    "keeps exactly keep_count.",
    "quant-divisors",
)
COUNTS_ARE_OFF_BY_ONE = mistake(
    "counts_are_off_by_one",
    "you keep one unit too many or one too few in each row; look at the bounds of the "
    "slice or comparison.",
    "quant-divisors",
)
KEEPS_ANOTHER_COUNT = mistake(
    "keeps_another_count",
    "all rows keep the same number of units, and it is not keep_count: either it is "
    "computed from keep_count, or unit numbers wrap around in a small integer type.",
    "quant-divisors",
)
DRAWS_WITH_REPLACEMENT = mistake(
    "draws_with_replacement",
    "some rows keep fewer than keep_count units and none keeps more, as when a unit is "
    "drawn twice; draw without replacement.",
    "quant-divisors",
)
DROPS_KEEP_COUNT = mistake(
    "drops_keep_count_units",
    "you drop keep_count units in each row and keep the others; keep_count is the number "
    "that is kept.",
    "quant-divisors",
)
FIXES_THE_COUNT_OF_THE_BATCH = mistake(
    "fixes_the_count_of_the_batch",
    "the whole array keeps the right number of units and its rows do not; each row keeps "
    "exactly keep_count.",
    "quant-mistakes",
)
FIXES_THE_COUNT_OF_COLUMNS = mistake(
    "fixes_the_count_of_columns",
    "each column keeps the same number of units, and each row does not; a row is an "
    "example, choose along axis 1.",
    "quant-divisors",
)
CHOOSES_AMONG_NONZERO = mistake(
    "chooses_among_nonzero_units",
    "units whose input is 0 are never chosen; the choice does not look at x.",
    "quant-divisors",
)
WRONG_FACTOR = mistake(
    "divides_by_the_wrong_count",
    "your factor is made of keep_count and the number of units, and not as it should be: "
    "divide by keep_count / D.",
    "quant-divisors",
)
FEW_SUBSETS = mistake(
    "takes_few_of_the_subsets",
    "many rows keep the same units, as when one pattern is shifted, or a few are stored; "
    "each row draws from all subsets of keep_count units.",
    "quant-divisors",
)
KEEPS_NEIGHBOURS = mistake(
    "keeps_neighbours_together",
    "neighbouring units are kept together more often than by chance, as in blocks; every "
    "subset of keep_count units is equally likely.",
    "quant-divisors",
)
SUBSETS_NOT_EQUALLY_LIKELY = mistake(
    "subsets_are_not_equally_likely",
    "every unit is kept equally often, or nearly so, and some subsets come more often than "
    "others; a shuffle or sort must treat all orders alike.",
    "quant-divisors",
)
DEPENDENT_ROWS = mistake(
    "rows_choose_dependently",
    "the units kept in one row tell something about those of another row or call; each "
    "row draws its own subset.",
    "quant-divisors",
)

_FIXED = (
    ((60, 40), 10),
    ((60, 40), 26),
    ((30, 7), 2),
    ((1, 12), 5),
    ((25, 6), 1),
    ((3, 900), 300),
)


@fixed.check(points=0.25)
def returns_rows_of_kept_and_dropped_units(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """out has the shape of x and holds finite floats, some of them 0."""
    for (shape, keep_count), dtype in itertools.product(
        _FIXED, (np.float64, np.float32)
    ):
        elementwise.draw(fixed_count_dropout, trial, shape, keep_count, dtype=dtype)
    _expect_a_mixture(fixed_count_dropout, trial, 0.25, 10)


@fixed.check(points=0.25, after="returns_rows_of_kept_and_dropped_units")
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
        elementwise.CHANGES_ITS_INPUT,
    )


@fixed.check(points=0.5, after="returns_rows_of_kept_and_dropped_units")
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
        return DROPS_KEEP_COUNT
    if np.ptp(column) == 0 and n > 10:
        return FIXES_THE_COUNT_OF_COLUMNS
    if np.ptp(kept) == 0:
        near = abs(int(kept[0]) - keep_count) == 1
        return COUNTS_ARE_OFF_BY_ONE if near else KEEPS_ANOTHER_COUNT
    if n > 10 and np.isin(drawn.sum(axis=(1, 2)), (keep_count, n * keep_count)).all():
        return FIXES_THE_COUNT_OF_THE_BATCH
    return DRAWS_WITH_REPLACEMENT if kept.max() <= keep_count else LETS_THE_COUNT_VARY


@fixed.check(points=0.5, after="keeps_exactly_keep_count_in_each_row")
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
        return elementwise.PRESERVES_THE_SUM if whole else elementwise.SCALE_VARIES
    if facts.close(got.ratio, d // k) and d % k:
        return WRONG_FACTOR  # cut to a whole number, right where D / k is one
    named = {
        LEAVES_KEPT_UNITS_ALONE: (1.0,),
        DIVIDES_BY_THE_DROPPED: (d / max(d - k, 1),),
        TAKES_ROWS_FOR_UNITS: (n / k, n * d / k),
        MULTIPLIES_BY_THE_FRACTION: (k / d,),
        DIVIDES_BY_THE_COUNT: (1 / k,),
    }
    for name, scales in named.items():
        if any(facts.close(got.ratio, scale) for scale in scales):
            return name
    return WRONG_FACTOR


@fixed.check(points=0.25, after="keeps_exactly_keep_count_in_each_row")
def draws_each_row_a_subset_of_its_own(
    fixed_count_dropout: StudentFunction, trial: Trial
) -> None:
    """Rows and calls do not share the units that they keep."""
    _own_masks(fixed_count_dropout, trial, 8)
    shape = (800, 20)
    rows = elementwise.draw(fixed_count_dropout, trial, shape, 8).mask
    different = len({row.tobytes() for row in rows})
    # Of 800 rows with 125,970 subsets to choose from, three pairs agree on average.
    trial.expect(
        different > 600,
        f"{elementwise.call_text('fixed_count_dropout', shape, 8)}: the rows keep {different} "
        "different subsets; expected almost 800.",
        KEEPS_NEIGHBOURS if _are_blocks(rows) else FEW_SUBSETS,
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


@fixed.check(
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
        MISCOUNTS_ZEROS,
    )
    mask[every, zero] = shown == _KEPT - 1
    return x, mask, zero


def _choice_mistake(look: str, share: float) -> str:
    """Return what is behind a wrong share of rows in one of the looks."""
    if "largest" in look:
        return elementwise.DEPENDS_ON_VALUE
    if look == "unit with input 0":
        return CHOOSES_AMONG_NONZERO if share == 0 else elementwise.DEPENDS_ON_VALUE
    if look == "neighbours" and share > _BOTH.probability:
        return KEEPS_NEIGHBOURS
    if look in ("first unit", "last unit"):
        return elementwise.DEPENDS_ON_PLACE
    return SUBSETS_NOT_EQUALLY_LIKELY


def _judge_subsets(function: StudentFunction, trial: Trial) -> None:
    """Count each of the six subsets of two of four units."""
    looks = {pair: f"units {pair[0]} and {pair[1]} of 4" for pair in _SUBSETS}
    rows = max(map(trial.size, looks.values()))
    mask = elementwise.draw(function, trial, (rows, 4), 2).mask
    # A unit's share has a standard error of 0.006 here.
    by_place = np.abs(mask.mean(axis=0) - 0.5).max() > 0.06
    name = elementwise.DEPENDS_ON_PLACE if by_place else SUBSETS_NOT_EQUALLY_LIKELY
    for pair, look in looks.items():
        what = f"rows with 2 of 4 kept: exactly the units {pair[0]} and {pair[1]} kept"
        hits = mask[:, pair[0]] & mask[:, pair[1]]
        trial.judge(look, hits, rows, what, name)


_AGREE = agreement(0.4, detects=0.08)


@fixed.check(
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
        trial.judge(look, np.asarray(agree), len(one), what, DEPENDENT_ROWS)


@fixed.check(points=0.25, after="keeps_exactly_keep_count_in_each_row")
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
        elementwise.NOT_FROM_RNG,
    )
    trial.expect(
        not np.array_equal(first, output(trial.new_seed())),
        "Generators in different states gave the same mask; expected different ones.",
        elementwise.SAME_MASK_EVERY_CALL,
    )


# ---- byte_dropout --------------------------------------------------------------------

RETURNS_THE_REQUEST = mistake(
    "returns_the_requested_keep_prob",
    "you return keep_prob as it was asked for; return the multiple of 1/256 with which "
    "your mask keeps a unit.",
    "quant-bits",
)
ROUNDS_DOWN = mistake(
    "rounds_the_threshold_down",
    "256 * keep_prob is cut off to a whole number; take the nearest one.",
    "quant-bits",
)
ROUNDS_UP = mistake(
    "rounds_the_threshold_up",
    "256 * keep_prob is rounded up, as by a comparison of byte / 256 with keep_prob; take "
    "the nearest whole number.",
    "quant-bits",
)
COUNTS_255_VALUES = mistake(
    "counts_255_values",
    "you reckon with 255; a byte has 256 values, 0 to 255.",
    "quant-bits",
)
RETURNS_THE_THRESHOLD = mistake(
    "returns_the_threshold",
    "you return the whole number t; the keep probability is t / 256.",
    "quant-bits",
)
RETURNS_THE_FACTOR = mistake(
    "returns_the_factor_of_kept_units",
    "you return the factor 1 / keep_prob_effective; return the probability.",
    "quant-bits",
)
RETURNS_THE_DROP_PROBABILITY = mistake(
    "returns_the_effective_drop_probability",
    "you return the effective probability of dropping a unit; return that of keeping it.",
    "quant-bits",
)
RETURNS_THE_SHARE = mistake(
    "returns_the_share_that_was_kept",
    "your second value changes with the mask, as the share of units that happened to be "
    "kept does; the keep probability is known before a byte is drawn.",
    "quant-bits",
)
IS_OFF_THE_LATTICE = mistake(
    "keep_prob_is_not_of_a_byte",
    "your effective keep probability is not a whole number over 256, as that of a byte "
    "is.",
    "quant-bits",
)
IS_NOT_THE_NEAREST = mistake(
    "takes_a_byte_value_that_is_not_nearest",
    "there is a nearer whole number to 256 * keep_prob than the one you took.",
    "quant-bits",
)
FORGETS_THE_SMALLEST = mistake(
    "rounds_keep_prob_to_zero",
    "keep probabilities below 1/512 become 0; the smallest that you may take is 1/256.",
    "quant-bits",
)
DIVIDES_BY_THE_REQUEST = mistake(
    "divides_by_the_requested_keep_prob",
    "you divide by the keep_prob that was asked for; divide by the one that the byte "
    "gives, or the output is biased.",
    "quant-bits",
)
DIVIDES_BY_ANOTHER_KEEP_PROB = mistake(
    "scales_by_another_number",
    "kept units are scaled by neither 1 / keep_prob_effective nor another number that is "
    "made of it; divide by keep_prob_effective.",
    "quant-bits",
)
MULTIPLIES_BY_THE_PROBABILITY = mistake(
    "multiplies_by_the_effective_keep_prob",
    "you multiply by the keep probability; divide by it.",
    "quant-bits",
)
THRESHOLD_WRAPS = mistake(
    "threshold_does_not_fit_into_a_byte",
    "at keep_prob = 1 the threshold 256 does not fit into a byte and becomes 0; compare "
    "with a larger integer type.",
    "quant-bits",
)
DROPS_A_BYTE_VALUE_AT_ONE = mistake(
    "drops_one_value_in_256_at_one",
    "at keep_prob = 1 about one unit in 256 is dropped: one of the 256 byte values is "
    "still on the wrong side of your comparison.",
    "quant-bits",
)
KEEPS_AT_THE_REQUEST = mistake(
    "keeps_at_the_requested_rate",
    "you keep units with probability keep_prob and not keep_prob_effective, as a "
    "comparison of a finer random number with keep_prob does.",
    "quant-bits",
)
ONE_VALUE_TOO_MANY = mistake(
    "keeps_one_byte_value_too_many",
    "your comparison keeps t + 1 byte values, or t of 255: either `<=` stands for `<`, or "
    "255 stands for 256, or t is rounded up there.",
    "quant-bits",
)
ONE_VALUE_TOO_FEW = mistake(
    "keeps_one_byte_value_too_few",
    "your comparison keeps t − 1 byte values: either the bytes do not begin at 0, or `>` "
    "stands for `>=`, or t is cut off there.",
    "quant-bits",
)
SIGNED_BYTES = mistake(
    "compares_signed_bytes",
    "your bytes have a sign and run from −128 to 127, so half of them are below any "
    "threshold; take np.uint8.",
    "quant-bits",
)

#: Keep probabilities away from ties; the nearest of the 256 lies above and below.
_BYTE_KEEP_PROBS = (0.8, 0.3, 0.9, 0.7, 0.4, 0.2, 0.05, 0.97, 0.6, 0.123, 0.875)


def _nearest(keep_prob: float) -> float:
    return max(1, round(256 * keep_prob)) / 256


def _byte_pair(
    function: StudentFunction, trial: Trial, shape: tuple[int, ...], keep_prob: float
) -> tuple[Any, float]:
    """Return out, unseen, and the second value as a float. Raises ``CheckFailure``."""
    call = elementwise.call_text("byte_dropout", shape, keep_prob)
    result = function(trial.inputs(*shape), keep_prob, trial.generator())
    out, effective = facts.pair(result, call, "(out, keep_prob_effective)")
    return out, facts.number(effective, call, "keep_prob_effective")


@in_bytes.check(points=0.25)
def returns_floats_and_a_number(byte_dropout: StudentFunction, trial: Trial) -> None:
    """out has the shape of x and holds finite floats, some 0; then comes one number."""
    for shape in ((50,), (40, 30), (2, 3, 4, 5)):
        for keep_prob in elementwise.KEEP_PROBS:
            _byte_pair(byte_dropout, trial, shape, keep_prob)
            for dtype in (np.float64, np.float32):
                elementwise.draw(byte_dropout, trial, shape, keep_prob, dtype=dtype)
    share = elementwise.draw(byte_dropout, trial, (60, 60), 0.3).mask.mean()
    trial.expect(
        abs(share - (128 + 77) / 256) > 0.04
        or not elementwise.draw(byte_dropout, trial, (60, 60), 0.8).mask.all(),
        f"byte_dropout keeps {share:.0%} of the units at keep_prob = 0.3, and all of them "
        "at 0.8.",
        SIGNED_BYTES,
    )
    for keep_prob in elementwise.KEEP_PROBS:
        _expect_a_mixture(byte_dropout, trial, keep_prob, keep_prob)


@in_bytes.check(points=0.25, after="returns_floats_and_a_number")
def leaves_x_as_it_was(byte_dropout: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before."""
    elementwise.leaves_input_alone(byte_dropout, trial)


@in_bytes.check(points=0.5, after="returns_floats_and_a_number")
def rounds_to_the_nearest_keep_prob_of_a_byte(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """keep_prob_effective is the whole number over 256 that is nearest, at least 1/256."""
    drawn = trial.rng.uniform(0.01, 0.99, 200)
    clear = drawn[np.abs(256 * drawn % 1 - 0.5) > 0.05][:20]
    found: dict[float, float] = {}
    for p in (*_BYTE_KEEP_PROBS, *map(float, clear)):
        found[p] = _byte_pair(byte_dropout, trial, (20, 30), p)[1]
    if wrong := [p for p in found if not facts.close(found[p], _nearest(p))]:
        p = wrong[0]
        seen = {_byte_pair(byte_dropout, trial, (20, 30), p)[1] for _ in range(10)}
        trial.fail(
            f"{elementwise.call_text('byte_dropout', (20, 30), p)}: keep_prob_effective is "
            f"{found[p]:.6g}; expected {_nearest(p):.6g} = {256 * _nearest(p):.0f}/256.",
            RETURNS_THE_SHARE if len(seen) > 1 else _rounding_mistake(found),
        )
    for p, name in ((0.001, FORGETS_THE_SMALLEST), (0.999, ROUNDS_DOWN), (1.0, None)):
        _expect_effective(byte_dropout, trial, p, name)


def _expect_effective(
    function: StudentFunction, trial: Trial, p: float, name: str | None
) -> None:
    """Check keep_prob_effective where 256 * p lies near 0 or 256."""
    call = elementwise.call_text("byte_dropout", (20, 30), p)
    try:
        effective = _byte_pair(function, trial, (20, 30), p)[1]
    except StudentError as error:
        if "ZeroDivision" not in error.message:
            raise
        trial.fail(f"{call} raised {error.message}.", FORGETS_THE_SMALLEST)
    trial.expect(
        facts.close(effective, _nearest(p)),
        f"{call}: keep_prob_effective is {effective:.6g}; expected {_nearest(p):.6g}.",
        name or IS_NOT_THE_NEAREST,
    )


_ROUNDINGS: tuple[tuple[str, Callable[[float], float]], ...] = (
    (RETURNS_THE_REQUEST, lambda p: p),
    (ROUNDS_DOWN, lambda p: math.floor(256 * p) / 256),
    (ROUNDS_UP, lambda p: math.ceil(256 * p) / 256),
    (COUNTS_255_VALUES, lambda p: round(255 * p) / 255),
    (COUNTS_255_VALUES, lambda p: math.floor(255 * p) / 255),
    (COUNTS_255_VALUES, lambda p: round(255 * p) / 256),
    (COUNTS_255_VALUES, lambda p: math.floor(255 * p) / 256),
    (COUNTS_255_VALUES, lambda p: (math.floor(255 * p) + 1) / 256),
    (COUNTS_255_VALUES, lambda p: (round(255 * p) + 1) / 256),
    (COUNTS_255_VALUES, lambda p: round(256 * p) / 255),
    (RETURNS_THE_THRESHOLD, lambda p: 256 * _nearest(p)),
    (RETURNS_THE_FACTOR, lambda p: 1 / _nearest(p)),
    (RETURNS_THE_DROP_PROBABILITY, lambda p: 1 - _nearest(p)),
)


def _rounding_mistake(found: Mapping[float, float]) -> str:
    """Return the rule that gives these effective keep probabilities, by request."""
    for name, rule in _ROUNDINGS:
        if all(facts.close(value, rule(p), atol=1e-9) for p, value in found.items()):
            return name
    steps = np.array([256 * value for value in found.values()])
    whole = facts.close(steps, np.round(steps), rtol=1e-5)
    return IS_NOT_THE_NEAREST if whole else IS_OFF_THE_LATTICE


@in_bytes.check(points=0.5, after="returns_floats_and_a_number")
def divides_by_the_effective_keep_prob(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """Each output is 0 or x over the representable keep probability nearest to keep_prob."""
    elementwise.zero_or_scaled(
        byte_dropout, trial, lambda p: 1 / _nearest(p), _byte_scale_mistake
    )
    for p in (0.9, 0.7, 0.4, 0.05):
        got = elementwise.draw(byte_dropout, trial, (60, 60), p)
        if got.mask.any() and not facts.close(
            got.out[got.mask] * _nearest(p), got.x[got.mask]
        ):
            ratio = float(np.median(got.out[got.mask] / got.x[got.mask]))
            trial.fail(
                f"{elementwise.call_text('byte_dropout', (60, 60), p)}: a kept unit comes "
                f"back {ratio:.6g} times as large; expected {1 / _nearest(p):.6g} times.",
                _byte_scale_mistake(got, p),
            )


def _byte_scale_mistake(got: Draw, p: float) -> str:
    """Return what is behind a wrong factor of kept units in ``byte_dropout``."""
    if got.ratio is None:
        return elementwise.SCALE_VARIES
    named: tuple[tuple[str, float], ...] = (
        (DIVIDES_BY_THE_REQUEST, 1 / p),
        (LEAVES_KEPT_UNITS_ALONE, 1.0),
        (MULTIPLIES_BY_THE_PROBABILITY, _nearest(p)),
        (MULTIPLIES_BY_THE_PROBABILITY, p),
        (RETURNS_THE_SHARE, 1 / got.mask.mean()),
        (ROUNDS_DOWN, 256 / max(1, math.floor(256 * p))),
        (ROUNDS_UP, 256 / math.ceil(256 * p)),
        (COUNTS_255_VALUES, 255 / max(1, round(256 * p))),
        (COUNTS_255_VALUES, 255 / max(1, round(255 * p))),
        (COUNTS_255_VALUES, 256 / max(1, round(255 * p))),
    )
    for name, scale in named:
        if facts.close(got.ratio, scale):
            return name
    return DIVIDES_BY_ANOTHER_KEEP_PROB


@in_bytes.check(points=0.25, after="returns_floats_and_a_number")
def keeps_everything_where_that_is_nearest(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """At keep_prob = 1, and 0.999, all 256 values of the byte keep the unit: out is x."""
    for p in (1.0, 0.999):
        x = trial.inputs(90, 80)
        call = elementwise.call_text("byte_dropout", x.shape, p)
        try:
            result = byte_dropout(x, p, trial.generator())
        except StudentError as error:
            trial.fail(
                f"{call} raised {error.message}.",
                THRESHOLD_WRAPS
                if "OverflowError" in error.message
                else facts.RAISES_AN_ERROR,
            )
        out = facts.pair(result, call)[0]
        dropped = float(np.mean(np.equal(out, 0)))
        trial.expect(
            dropped == 0,
            f"{call}: {dropped:.2%} of the units are dropped; expected none.",
            _everything_mistake(p, dropped),
        )
        out = facts.float_array(out, x.shape, call, "out")
        trial.expect(
            facts.close(out, x),
            f"{call}: out is not x; {facts.worst(out, x)}.",
            DIVIDES_BY_THE_REQUEST if p < 1 else DIVIDES_BY_ANOTHER_KEEP_PROB,
        )


def _everything_mistake(p: float, dropped: float) -> str:
    if dropped == 1:
        return THRESHOLD_WRAPS
    # One value in 256 of 7,200 units is 28; 0.001 of them is 7.
    return DROPS_A_BYTE_VALUE_AT_ONE if p == 1 or dropped > 0.002 else ROUNDS_DOWN


@in_bytes.check(points=0.25, after="returns_floats_and_a_number")
def gives_each_unit_its_own_byte(byte_dropout: StudentFunction, trial: Trial) -> None:
    """Rows, columns, pixels and calls do not share bytes, and the kept count varies."""
    elementwise.gives_each_unit_its_own_bit(byte_dropout, trial)


_BYTE_LOOKS: Mapping[str, Law] = {
    "kept at 0.8": Proportion(205 / 256, detects=0.02),
    "kept at 0.3": Proportion(77 / 256, detects=0.02),
    "large x kept at 0.8": Proportion(205 / 256, detects=0.03),
    "positive x kept at 0.8": Proportion(205 / 256, detects=0.03),
    "first half kept at 0.8": Proportion(205 / 256, detects=0.03),
    "kept at 0.998": Proportion(255 / 256, detects=1 / 256),
    "kept at 0.005": Proportion(1 / 256, detects=1 / 256),
    "kept at 0.007": Proportion(2 / 256, detects=1 / 256),
    "kept at 0.001": Proportion(1 / 256, detects=0.0029),
}


@in_bytes.check(points=0.25, after="gives_each_unit_its_own_byte", looks=_BYTE_LOOKS)
def keeps_units_at_the_rate_of_the_byte(
    byte_dropout: StudentFunction, trial: Trial
) -> None:
    """Every unit is kept with the nearest representable probability, near 0 and 1 too."""
    for p in (0.8, 0.3, 0.001, 0.998, 0.005, 0.007):
        look = f"kept at {p}"
        got = elementwise.draw(
            byte_dropout, trial, (2 * -(-trial.size(look) // 40), 20), p
        )
        what = f"units kept at keep_prob = {p}, which is {256 * _nearest(p):.0f}/256"
        name = partial(_byte_rate_mistake, got, p)
        trial.judge(look, got.mask, got.mask.size, what, name)
        for subset, where in _halves(got.x).items():
            look = f"{subset} kept at {p}"
            if look in _BYTE_LOOKS:
                what = f"units with {subset} kept at keep_prob = {p}"
                trial.judge(look, got.mask[where], int(where.sum()), what, name)


def _halves(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return halves of the units by size, sign and place, each as a mask of ``x``."""
    front = np.arange(x.size).reshape(x.shape) < x.size // 2
    return {"large x": np.abs(x) > 1.75, "positive x": x > 0, "first half": front}


def _byte_rate_mistake(got: Draw, p: float, share: float) -> str:
    """Return what is behind a wrong rate of kept units, overall or in one half.

    Halves of correct masks differ by 0.02 in no more than one of 1e20 draws."""
    for half, where in _halves(got.x).items():
        if abs(got.mask[where].mean() - got.mask[~where].mean()) > 0.02:
            by_place = half == "first half"
            return (
                elementwise.DEPENDS_ON_PLACE
                if by_place
                else elementwise.DEPENDS_ON_VALUE
            )
    if p in (0.8, 0.3):
        return elementwise.share_name(share, p)
    if p == 0.001 and 0.0004 < share < 0.0025:
        return KEEPS_AT_THE_REQUEST
    return ONE_VALUE_TOO_FEW if share < _nearest(p) else ONE_VALUE_TOO_MANY


_BYTE_PAIRS: Mapping[str, Law] = {
    look: agreement(77 / 256, detects=0.02)
    for look in (
        "successive calls",
        "neighbouring rows",
        "distant rows",
        "neighbouring columns",
        "distant columns",
        "mirrored units",
    )
}
_SIX_OF_20 = Proportion(math.exp(log_binomial(6, 20, 77 / 256)), detects=0.05)
_BYTE_COUNTS: Mapping[str, Law] = {
    "count in a row": _SIX_OF_20,
    "count in a column": _SIX_OF_20,
}


@in_bytes.check(
    points=0.25,
    after="gives_each_unit_its_own_byte",
    looks={**_BYTE_PAIRS, **_BYTE_COUNTS},
)
def draws_bytes_independently(byte_dropout: StudentFunction, trial: Trial) -> None:
    """Bits in pairs of rows, columns and calls are independent; so are counts of 20."""
    rng = trial.generator()
    units = max(
        *map(trial.size, _BYTE_PAIRS), *(20 * trial.size(look) for look in _BYTE_COUNTS)
    )
    blocks = 2 * -(-units // 800)
    rows = 20 * blocks
    first, second = (
        elementwise.draw(byte_dropout, trial, (rows, 20), 0.3, rng).mask
        for _ in range(2)
    )
    flat = first.ravel()
    pairs = {
        "successive calls": (first, second),
        "neighbouring rows": (first[::2], first[1::2]),
        "distant rows": np.split(first, 2),
        "neighbouring columns": (first[:, ::2], first[:, 1::2]),
        "distant columns": np.split(first, 2, axis=1),
        "mirrored units": (np.split(flat, 2)[0], np.split(flat[::-1], 2)[0]),
    }
    for look, (a, b) in pairs.items():
        what = f"{look} at keep_prob = 0.3: mask bits that agree"
        trial.judge(look, a == b, a.size, what, elementwise.DEPENDENT_BITS)
    square = first.reshape(blocks, 20, 20)
    for axis, where in ((2, "row"), (1, "column")):
        six = square.sum(axis=axis) == 6
        what = f"20 units of a {where} at keep_prob = 0.3: exactly 6 kept"
        trial.judge(
            f"count in a {where}", six, six.size, what, elementwise.DEPENDENT_BITS
        )


@in_bytes.check(points=0.25, after="returns_floats_and_a_number")
def draws_its_bytes_from_rng(byte_dropout: StudentFunction, trial: Trial) -> None:
    """The same rng state gives the same output; another state, another output."""
    elementwise.draws_from_rng(byte_dropout, trial)
