"""What the exercises of ``quantization`` share.

The second argument of these dropouts is a keep probability, or the count that each row
keeps; here it is called ``argument``.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise, follows_rng, lags, unit_bits, units
from autograder.families.elementwise import Draw, call_text, draw
from autograder.families.rivals import Rivals
from autograder.laws.binomial import AtMost, Law, log_binomial


class Wrong(Mistakes, section="quant-divisors"):
    drops_no_unit_at_all = """no unit came back 0: the mask is not applied, or its
        comparison is always true, or something other than 0 stands for dropped units,
        such as noise or a number far below 0."""
    keeps_no_unit = """every unit came back 0: the comparison that draws the mask is
        never true, or the output is never filled."""
    leaves_kept_units_alone = """kept units come back unchanged; divide them by the
        fraction that is kept."""
    multiplies_by_the_kept_fraction = "you multiply by the fraction kept; divide by it."
    divides_by_the_count = """you divide by the number of kept units; divide by their
        fraction of the row."""
    divides_by_the_dropped_fraction = """you divide by the fraction that was dropped;
        divide by the one that was kept."""
    takes_rows_for_units = """your factor holds the number of rows, len(x), where the
        number of units in a row belongs, x.shape[1]."""
    factor_depends_on_x = """right for common entries and wrong for others, such as large,
        small or equal ones or those of one sign: either the mask or the
        factor looks at x, or entries are bounded, rounded or added to."""
    computes_in_half_precision = """your result has dtype float16, which holds three
        digits; it should be right to five, as float32 is."""
    cuts_the_factor_off = """your factor is cut off to a whole number, as after `//`; it
        has a fraction."""
    miscounts_units_with_input_zero = """units whose input is 0 are dropped, or counted,
        as if their value mattered; the mask does not look at x."""


def wrong_factors(n: int, d: int, kept: Any) -> Rivals:
    """Return factors that stand for d / kept, where rows of d units keep ``kept``."""
    return {
        Wrong.leaves_kept_units_alone: 1.0,
        Wrong.divides_by_the_dropped_fraction: d / np.maximum(d - kept, 1),
        Wrong.takes_rows_for_units: [n / kept, n * d / kept],
        Wrong.multiplies_by_the_kept_fraction: kept / d,
        Wrong.divides_by_the_count: 1 / kept,
    }


@contextlib.contextmanager
def naming_errors(
    call: str, mistakes: Mapping[str, str | None], why: str = ""
) -> Iterator[None]:
    """Turn an error of the student's code whose text holds a key of ``mistakes`` into a
    ``CheckFailure``: the call raised it, ``why``. A mistake that is None is the one which
    the error itself shows."""
    try:
        yield
    except StudentError as error:
        for text, mistake in mistakes.items():
            if text in error.message:
                message = f"{call} raised {error.message}{why}."
                shown = mistake or facts.of_an_error(error.message)
                raise CheckFailure(message, shown) from None
        raise


def of_every_kind(trial: Trial, *shape: int) -> dict[str, np.ndarray]:
    """Return inputs from the corners of their range, without zeros, by what they hold."""
    x = trial.inputs(*shape)
    sizes = {f"around {size}": x * size for size in (1e-30, 1e-6, 1e6, 1e30)}
    return sizes | {
        "of float32": x.astype(np.float32),
        "above 0": np.abs(x),
        "below 0": -np.abs(x),
        "all equal": np.full(shape, x.flat[0]),
        "of very different sizes": x * 10.0 ** trial.rng.integers(-9, 10, size=shape),
    }


def leaves_x_alone(argument: int | float) -> Property:
    """The property that x is not changed in place: a matrix, a row, of either dtype."""

    def test(function: StudentFunction, trial: Trial) -> None:
        trial.asks_for_pure_calls(elementwise.Wrong.changes_its_input)
        shapes, dtypes = ((30, 20), (1, 20)), (np.float64, np.float32)
        for shape, dtype in itertools.product(shapes, dtypes):
            x = trial.inputs(*shape, zeros=0.2).astype(dtype)
            _, after = function.observe(x, argument, trial.generator())
            call = call_text(function.name, x.shape, argument)
            units.expect_unchanged(trial, x, after[0], call)

    return Property("x is the same after the call as before.", test)


def draws_from_rng(argument: float) -> Property:
    """The property that out follows from the state of rng, and changes with it."""

    def test(function: StudentFunction, trial: Trial) -> None:
        x = trial.inputs(40, 25)

        def masks(rngs: Sequence[np.random.Generator]) -> list[np.ndarray]:
            return [output(function, x, argument, rng)[0] for rng in rngs]

        varies = follows_rng.expect_state_decides(trial, masks)
        follows_rng.expect_no_short_seed(trial, masks)
        call, few = partial(call_text, function.name), elementwise.Wrong.reuses_masks
        arrays = [trial.inputs(5, 40)]
        follows_rng.expect_many(
            function,
            trial,
            arrays,
            lambda x, p: call(x.shape, p),
            few,
            argument,
            varies=varies,
        )

    says = "The same rng state gives the same output; another state, another output."
    return Property(says, test)


def drops_in_rows(
    cases: Iterable[tuple[tuple[int, int], float]], shares: Mapping[float, float]
) -> Property:
    """The property that out is as it should be in these cases, ``(shape, argument)``, and
    mixed for these arguments, given with their shares of kept units."""

    def test(function: StudentFunction, trial: Trial) -> None:
        for case, dtype in itertools.product(cases, (np.float64, np.float32)):
            draw(function, trial, *case, dtype=dtype)
        for argument, share in shares.items():
            expect_a_mixture(function, trial, argument, share)

    says = "out has the shape of x and holds finite floats, some of them 0."
    return Property(says, test)


def expect_independence(
    function: StudentFunction, trial: Trial, keep_prob: float = 0.7
) -> None:
    """Test rows, columns, calls and their counts. Where they are not as they should be,
    the rate of kept units may be behind it."""
    try:
        mask = unit_bits.is_independent(function, trial)
        wrong = elementwise.Wrong.bits_depend_on_each_other
        lags.judge(trial, {"a call": mask}, unit_bits.INDEPENDENT_AT, wrong)
    except CheckFailure as failure:
        share = float(draw(function, trial, (100, 100), keep_prob).mask.mean())
        if abs(share - keep_prob) < 0.03:
            raise
        trial.fail(failure.message, elementwise.share_name(share, keep_prob))
    expect_spread(function, trial, keep_prob, keep_prob)


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
    name: str,
    got: Draw,
    argument: float,
    expected: float,
    mistake: Callable[[Draw, float], str],
) -> None:
    """Raise ``CheckFailure`` unless kept units come back ``expected`` times as large;
    ``mistake(got, argument)`` names the cause."""
    found = got.out[got.mask] / got.x[got.mask]
    if not facts.close(found, expected):
        wrong = found[~np.isclose(found, expected, rtol=1e-5, atol=0)]
        seen, wanted = apart(float(np.median(wrong)), expected)
        half = got.out.dtype == np.float16
        raise CheckFailure(
            f"{call_text(name, got.x.shape, argument)}: a kept unit comes back {seen} "
            f"times as large{'' if got.ratio else ' (median; it varies)'}; expected "
            f"{wanted} times.",
            Wrong.computes_in_half_precision if half else mistake(got, argument),
        )


def output(
    function: StudentFunction, x: np.ndarray, argument: float, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    """Return out for this x, a float array of its shape, and the call as it is shown in
    messages. Raises ``CheckFailure``."""
    (out,), call = outputs(function, x, argument, rng, 1)
    return out, call


def outputs(
    function: StudentFunction,
    x: np.ndarray,
    argument: float,
    rng: np.random.Generator,
    calls: int,
) -> tuple[list[np.ndarray], str]:
    """Return what ``output`` does of so many calls."""
    call = call_text(function.name, x.shape, argument)
    found = function.each([(x, argument, rng)] * calls)
    outs = [facts.pair(result, call)[0] for result in found]
    return [facts.float_array(out, x.shape, call, "out") for out in outs], call


def own_masks(
    function: StudentFunction, trial: Trial, argument: float
) -> tuple[np.ndarray, str]:
    """Return the masks of 40 calls, and the calls as text, after checking that rows,
    units of a row and calls do not share them.

    Hundreds of bits agree by chance with probability below 1e-40. Seeds of so few values
    that a mask returns now and then: ``draws_from_rng``."""
    bits, call = unit_bits.masks(function, trial, (20, 20), argument, 40)
    unit_bits.expect_own_bits(trial, bits, call, least=21)
    return bits, call


def apart(found: float, expected: float) -> tuple[str, str]:
    """Return two numbers as texts that differ, in four digits or as many as that takes."""
    texts = ((f"{found:.{n}g}", f"{expected:.{n}g}") for n in range(4, 18))
    return next((two for two in texts if two[0] != two[1]), (str(found), "another"))


def masks_of(
    function: StudentFunction,
    trial: Trial,
    calls: int,
    shape: tuple[int, int],
    argument: float,
) -> np.ndarray:
    """Return the masks of so many calls on the same x, without zeros, and one rng."""
    x, rng = trial.inputs(*shape), trial.generator()
    outs = np.array(outputs(function, x, argument, rng, calls)[0])
    return np.array(outs != 0)


_CALLS, _CALL = 200, (8, 20)


def spread(keep_prob: float) -> dict[str, Law]:
    """Return the look of ``expect_spread`` at units kept with this probability."""
    units = math.prod(_CALL)
    near = range(round(units * keep_prob) - 6, round(units * keep_prob) + 7)
    share = math.fsum(math.exp(log_binomial(k, units, keep_prob)) for k in near)
    return {"calls that keep nearly the mean": AtMost(share, detects=0.25)}


def expect_spread(
    function: StudentFunction, trial: Trial, argument: float, keep_prob: float
) -> None:
    """Test that calls differ in their number of kept units as independent units make
    them."""
    (look,), units = spread(keep_prob), math.prod(_CALL)
    kept = masks_of(function, trial, _CALLS, _CALL, argument).sum(axis=(1, 2))
    near = np.abs(kept - round(units * keep_prob)) <= 6
    call = call_text(function.name, _CALL, argument)
    what = f"calls {call} that keep {round(units * keep_prob)} units, give or take 6"
    trial.judge(look, near, _CALLS, what, elementwise.Wrong.varies_the_count_too_little)
