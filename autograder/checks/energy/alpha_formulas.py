"""What may be wrong with AlphaDropout, and the wrong formulas that show it."""

from typing import Any

import numpy as np

from autograder.checks.energy import shared
from autograder.contract import facts
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families.alpha_units import OFF, constants, read
from autograder.families.rivals import Rivals, first


class Wrong(Mistakes, section="moments-alpha"):
    alpha_dropout_changes_nothing = """in training x comes back unchanged; dropped units
        have to be replaced."""
    dropped_units_have_no_common_value = """no two units come back with the same value;
        all dropped units take one value, whatever x was."""
    all_units_come_back_alike = """every unit comes back with the same value; kept units
        follow x."""
    drops_to_zero = """you replace dropped units by 0; AlphaDropout replaces them by d =
        −λα."""
    writes_inverted_dropout_for_alpha_dropout = """this is inverted dropout: dropped
        units are 0 and kept ones x / keep_prob; the mean stays and the variance
        grows."""
    forgets_the_affine_map = """you replace dropped units by d and stop there; A and B
        bring mean and variance back."""
    forgets_the_shift = """you multiply by A and do not add B; the mean of the layer
        moves."""
    forgets_the_factor_a = """you shift the layer and do not multiply it by A; its
        variance changes."""
    shift_lacks_the_factor_a = """your B is −q d for q = 1 − keep_prob; the bracket's
        mean q d is multiplied by A, so B is −A q d."""
    shifts_the_wrong_way = "your B has the wrong sign: B takes the bracket's mean away."
    shifts_by_keep_prob = """your B holds keep_prob; the bracket's mean comes from the
        dropped units, so B holds 1 − keep_prob."""
    forgets_the_root_in_a = """your A is one over the bracket's variance; it is one over
        the square root of it."""
    takes_a_from_the_mean_square = """your A comes from the bracket's mean square p + q
        d²; the variance is p + p q d²."""
    inverts_the_factor_a = """your A is the square root of the bracket's variance;
        divide by it."""
    divides_by_keep_prob_as_well = """you divide kept units by keep_prob as well; A does
        all the scaling that is needed."""
    leaves_the_dropped_out_of_the_affine_map = """kept units come back as A x + B, and
        dropped units as d; the affine map is for both, A d + B."""
    drops_after_the_affine_map = """kept units come back as A x + B, and dropped units
        as 0; drop first, then apply the affine map to the whole layer."""
    swaps_keep_and_drop_in_the_constants = "A and B are those of 1 − keep_prob."
    drops_to_another_value = """A and B follow their formulas, and the value d that you
        put in place of dropped units is another than −λα = −1.7581."""
    standardises_the_output = """you subtract the mean of what came out and divide by
        its standard deviation; A and B depend on keep_prob alone."""
    has_other_constants = """kept units come back as a x + b and dropped units as one
        value, but these three numbers are not A, B and A d + B."""
    kept_units_follow_no_affine_map = """kept units do not come back as a x + b with the
        same two numbers a and b everywhere."""
    is_wrong_at_keep_prob_one = """at keep_prob = 1 nothing is dropped; then A = 1, B =
        0 and out equals x."""
    applies_the_affine_map_at_test = """at test you still apply A and B; at test
        AlphaDropout is the identity."""
    scales_at_alpha_test = """at test x comes back multiplied by a constant; at test
        AlphaDropout is the identity."""


def _rivals(p: np.ndarray) -> Rivals:
    """Return a, b and the dropped units' value as wrong answers have them."""
    factor, shift, value = constants(p)
    mean = (1 - p) * OFF
    variance, root = p + p * (1 - p) * OFF**2, (p + (1 - p) * OFF**2) ** -0.5

    def mapped(a: Any, b: Any) -> tuple[Any, Any, Any]:
        return a, b, a * OFF + b

    return {
        Wrong.writes_inverted_dropout_for_alpha_dropout: (1 / p, 0, 0),
        Wrong.drops_after_the_affine_map: (factor, shift, 0),
        Wrong.drops_to_zero: [(factor, shift, shift), (p**-0.5, 0, 0), (1, 0, 0)],
        Wrong.forgets_the_affine_map: (1, 0, OFF),
        Wrong.forgets_the_shift: mapped(factor, 0),
        Wrong.forgets_the_factor_a: [mapped(1, -mean), mapped(1, shift)],
        Wrong.shift_lacks_the_factor_a: mapped(factor, -mean),
        Wrong.shifts_the_wrong_way: mapped(factor, -shift),
        Wrong.shifts_by_keep_prob: mapped(factor, -factor * p * OFF),
        Wrong.forgets_the_root_in_a: [
            mapped(1 / variance, b) for b in (-mean / variance, -mean, shift)
        ],
        Wrong.takes_a_from_the_mean_square: mapped(root, -root * mean),
        Wrong.inverts_the_factor_a: mapped(1 / factor, -mean / factor),
        Wrong.divides_by_keep_prob_as_well: [
            (factor / p, shift, value),
            (factor / p, shift / p, value / p),
            mapped(factor / p, shift),
        ],
        Wrong.leaves_the_dropped_out_of_the_affine_map: (factor, shift, OFF),
        Wrong.swaps_keep_and_drop_in_the_constants: constants(1 - p),
    }


def _fits(found: Any, wrong: Any) -> bool:
    pairs = zip(found, wrong, strict=True)
    return all(facts.close(one, other, rtol=1e-4, atol=1e-5) for one, other in pairs)


def mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind wrong values, from two large forward passes."""
    p = np.array(shared.BOTH_SIDES)
    try:
        got = [read(function, trial, each) for each in shared.BOTH_SIDES]
    except (StudentError, CheckFailure):
        return None
    if any(each.dropped.mean() in (0, 1) for each in got):
        return None
    moments = np.array([(each.out.mean(), each.out.std()) for each in got])
    if facts.close(moments, (0, 1), atol=1e-5):
        return Wrong.standardises_the_output
    lines = [each.line for each in got if each.line]
    if len(lines) < len(got):
        return Wrong.kept_units_follow_no_affine_map
    a, b = np.transpose(lines)
    value = np.array([each.value for each in got])
    if _fits((a, b, value), constants(p)):
        return None
    if name := first((a, b, value), _rivals(p), _fits):
        return name
    off = (value - b) / a
    consistent = facts.close(*off) and _fits((a, b, value), constants(p, off))
    return Wrong.drops_to_another_value if consistent else Wrong.has_other_constants
