"""What the exercises of ``quantization`` share.

The second argument of these dropouts is a keep probability, or the count that each row
keeps; here it is called ``argument``.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import bit_tests, elementwise
from autograder.families.elementwise import Draw, call_text, draw


class Wrong(Mistakes, section="quant-divisors"):
    drops_no_unit_at_all = (
        "no unit came back 0: the mask is not applied, or its comparison is always "
        "true."
    )
    keeps_no_unit = (
        "every unit came back 0: the comparison that draws the mask is never true, or "
        "the output is never filled."
    )
    leaves_kept_units_alone = (
        "kept units come back unchanged; divide them by the fraction that is kept."
    )
    multiplies_by_the_kept_fraction = "you multiply by the fraction kept; divide by it."
    divides_by_the_count = (
        "you divide by the number of kept units; divide by their fraction of the row."
    )
    divides_by_the_dropped_fraction = (
        "you divide by the fraction that was dropped; divide by the one that was kept."
    )
    takes_rows_for_units = (
        "your factor holds the number of rows, len(x), where the number of units in a "
        "row belongs, x.shape[1]."
    )
    miscounts_units_with_input_zero = (
        "units whose input is 0 are dropped, or counted, as if their value mattered; "
        "the mask does not look at x."
    )


#: What wrong code gives, by its mistake, in the order in which they are tried; a list
#: where several wrong formulas have one name.
Rivals = Mapping[str, Any]


def first(
    found: Any, rivals: Rivals, same: Callable[[Any, Any], bool] = facts.close
) -> str | None:
    """Return the name of the first rival that gives what was found, or None."""
    for name, wrong in rivals.items():
        if any(same(found, w) for w in (wrong if isinstance(wrong, list) else [wrong])):
            return name
    return None


def wrong_factors(n: int, d: int, kept: Any) -> Rivals:
    """Return factors that stand for d / kept, where rows of d units keep ``kept``."""
    return {
        Wrong.leaves_kept_units_alone: 1.0,
        Wrong.divides_by_the_dropped_fraction: d / np.maximum(d - kept, 1),
        Wrong.takes_rows_for_units: [n / kept, n * d / kept],
        Wrong.multiplies_by_the_kept_fraction: kept / d,
        Wrong.divides_by_the_count: 1 / kept,
    }


LEAVES_X = Property(
    "x is the same after the call as before.", elementwise.leaves_input_alone
)
FROM_RNG = Property(
    "The same rng state gives the same output; another state, another output.",
    elementwise.draws_from_rng,
)


def drops_in_rows(
    cases: Iterable[tuple[tuple[int, int], float]], shares: Mapping[float, float]
) -> Property:
    """The property that out is as it should be in these cases, ``(shape, argument)``, and
    mixed for these arguments, given with their shares of kept units."""

    def test(function: StudentFunction, trial: Trial) -> None:
        for (shape, argument), dtype in itertools.product(
            cases, (np.float64, np.float32)
        ):
            draw(function, trial, shape, argument, dtype=dtype)
        for argument, share in shares.items():
            expect_a_mixture(function, trial, argument, share)

    says = "out has the shape of x and holds finite floats, some of them 0."
    return Property(says, test)


def expect_a_mixture(
    function: StudentFunction, trial: Trial, argument: float, share: float
) -> None:
    """Check that some of 2,400 units come back 0 and some do not."""
    got = draw(function, trial, (60, 40), argument)
    kept = int(got.mask.sum())
    trial.expect(
        0 < kept < got.mask.size,
        f"{call_text(function.name, got.x.shape, argument)}: {kept or 'none'} of "
        f"{got.mask.size} units came back other than 0; expected about {share:.0%}.",
        Wrong.keeps_no_unit if kept == 0 else Wrong.drops_no_unit_at_all,
    )


def expect_factor(
    got: Draw,
    call: str,
    expected: float,
    mistake: Callable[[], str],
    digits: int = 4,
) -> None:
    """Raise ``CheckFailure`` unless kept units come back ``expected`` times as large."""
    found = got.out[got.mask] / got.x[got.mask]
    if not facts.close(found, expected):
        raise CheckFailure(
            f"{call}: a kept unit comes back {np.median(found):.{digits}g} times as large"
            f"{'' if got.ratio else ' (median; it varies)'}; expected "
            f"{expected:.{digits}g} times.",
            mistake(),
        )


def output(
    function: StudentFunction, x: np.ndarray, argument: float, rng: np.random.Generator
) -> np.ndarray:
    """Return out for this x, a float array of its shape. Raises ``CheckFailure``."""
    call = call_text(function.name, x.shape, argument)
    out = facts.pair(function(x, argument, rng), call)[0]
    return facts.float_array(out, x.shape, call, "out")


def own_masks(
    function: StudentFunction, trial: Trial, argument: float
) -> tuple[np.ndarray, str]:
    """Return the masks of 40 calls, and the calls as text, after checking that rows,
    units of a row and calls do not share them.

    Hundreds of bits agree by chance with probability below 1e-40."""
    rng, shape, calls = trial.generator(), (20, 20), 40
    call = f"{calls} calls {call_text(function.name, shape, argument)}"
    bits = np.array(
        [draw(function, trial, shape, argument, rng).mask for _ in range(calls)]
    )
    bit_tests.expect_own_calls(trial, bits, call)
    wrong = elementwise.Wrong
    rows, units = (bits == bits[:, :1]).all(), (bits == bits[:, :, :1]).all()
    trial.expect(
        not rows, f"{call}: all rows share a mask.", wrong.one_mask_for_all_rows
    )
    whole = f"{call}: a row is kept or dropped as a whole."
    trial.expect(not units, whole, wrong.drops_whole_rows)
    return bits, call
