"""What the exercises of ``quantization`` share."""

import numpy as np

from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise


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


CALLS, ROWS, COLUMNS = 40, 20, 20


def expect_a_mixture(
    function: StudentFunction, trial: Trial, share: float, argument: float
) -> None:
    """Check that some of 2,400 units come back 0 and some do not."""
    got = elementwise.draw(function, trial, (60, 40), argument)
    kept = int(got.mask.sum())
    trial.expect(
        0 < kept < got.mask.size,
        f"{elementwise.call_text(function.name, got.x.shape, argument)}: {kept or 'none'} of "
        f"{got.mask.size} units came back other than 0; expected about {share:.0%}.",
        Wrong.keeps_no_unit if kept == 0 else Wrong.drops_no_unit_at_all,
    )


def own_masks(
    function: StudentFunction, trial: Trial, argument: float
) -> tuple[np.ndarray, str]:
    """Return the masks of 40 calls, and the calls as text, after checking that rows,
    units of a row and calls do not share them.

    Hundreds of bits agree by chance with probability below 1e-40."""
    rng, shape = trial.generator(), (ROWS, COLUMNS)
    call = f"{CALLS} calls {elementwise.call_text(function.name, shape, argument)}"
    bits = np.array(
        [
            elementwise.draw(function, trial, shape, argument, rng).mask
            for _ in range(CALLS)
        ]
    )
    different = len({mask.tobytes() for mask in bits})
    rows, units = (bits == bits[:, :1]).all(), (bits == bits[:, :, :1]).all()
    trial.expect(
        different > 1,
        f"{call}: every call drew the same mask.",
        elementwise.Wrong.same_mask_every_call,
    )
    trial.expect(
        not rows,
        f"{call}: all rows share a mask.",
        elementwise.Wrong.one_mask_for_all_rows,
    )
    trial.expect(
        not units,
        f"{call}: a row is kept or dropped as a whole.",
        elementwise.Wrong.drops_whole_rows,
    )
    trial.expect(
        different == CALLS,
        f"{call} drew {different} different masks; expected {CALLS}.",
        elementwise.Wrong.reuses_masks,
    )
    return bits, call
