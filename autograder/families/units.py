"""Properties of every element-wise Bernoulli dropout, but for those of its bits.

``inverted_dropout``, ``classic_dropout`` and their relatives differ in the scale of a kept
unit; what they share is here, and in ``unit_bits``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families.elementwise import (
    KEEP_PROBS,
    LARGE,
    SHAPES,
    Draw,
    Wrong,
    call_text,
    draw,
    factor,
)
from autograder.families.properties import stated


def returns_float_arrays(function: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers.

    The arrays are so large that no row or column of them is dropped whole: a division
    by a kept count of 0 is told by its scale, not by a NaN that comes now and then."""
    for shape in ((50,), (40, 30), (30, 8, 20), (25, 2, 3, 20)):
        for keep_prob in (0.8, 0.6):
            for dtype in (np.float64, np.float32):
                for training in (None, False):
                    mode: dict[str, Any] = {"training": training, "dtype": dtype}
                    draw(function, trial, shape, keep_prob, **mode)


_OTHER_SHAPES = (*SHAPES, (1,), (1, 5), (5, 1), (1, 1, 1, 1))


def drops_some(function: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some units come back as 0 and some do not."""
    for keep_prob in KEEP_PROBS:
        got = draw(function, trial, LARGE, keep_prob)
        kept = int(got.mask.sum())
        if 0 < kept < got.mask.size:
            continue
        trial.fail(
            f"{call_text(function.name, LARGE, keep_prob)}: "
            f"{kept or 'none'} of {got.mask.size} units came back other than 0; expected "
            f"about {keep_prob:.0%}.",
            _all_or_none_mistake(function, trial),
        )


def _all_or_none_mistake(function: StudentFunction, trial: Trial) -> str | None:
    """Return what is behind an output without a mixture of kept and dropped units."""
    # A bit for the whole array shows one face in all calls with probability 0.7 ** 60.
    shares = {
        float(draw(function, trial, (20, 20), 0.7).mask.mean()) for _ in range(60)
    }
    if shares == {0.0, 1.0}:
        return Wrong.one_bit_for_the_whole_array
    if shares == {0.0}:
        return Wrong.drops_everything
    if shares != {1.0}:
        return None
    named = {True: Wrong.does_not_train_by_default, False: Wrong.training_flag_reversed}
    for training, name in named.items():
        try:
            kept = draw(function, trial, LARGE, 0.7, training=training).mask
        except (StudentError, CheckFailure):
            return None
        if not kept.all():
            return name
    return Wrong.drops_nothing


def leaves_input_alone(function: StudentFunction, trial: Trial) -> None:
    """x is the same after the call as before.

    That is so in training; ``test_mode`` checks the same."""
    x = trial.inputs(30, 20, zeros=0.2)
    _, after = function.observe(x, 0.3, trial.generator())
    expect_unchanged(trial, x, after[0], call_text(function.name, x.shape, 0.3))


def expect_unchanged(trial: Trial, x: np.ndarray, now: np.ndarray, call: str) -> None:
    trial.expect(
        np.array_equal(now, x),
        f"{call} changed x in place; write x * mask, which makes a new array, "
        "rather than x *= mask.",
        Wrong.changes_its_input,
    )


def test_mode(
    function: StudentFunction,
    trial: Trial,
    scale: Callable[[float], float],
    name_of: Callable[[str | None], str | None],
) -> None:
    """Check that test mode returns ``scale(keep_prob) * x``, exactly and always, and
    leaves ``x`` alone. ``name_of`` names the mistake behind another of ``FACTORS``."""
    for shape in (LARGE, *_OTHER_SHAPES):
        for keep_prob in (*KEEP_PROBS, 1.0):
            x = trial.inputs(*shape)
            call = call_text(function.name, x.shape, keep_prob, training=False)
            rng = trial.generator()
            result, after = function.observe(x, keep_prob, rng, training=False)
            out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
            expect_unchanged(trial, x, after[0], call)
            if facts.close(out, scale(keep_prob) * x):
                continue
            dropped = float(np.mean(out == 0))
            trial.expect(
                not 0 < dropped < 1,
                f"{call}: {dropped:.0%} of the units came back 0; at test nothing is "
                "dropped.",
                Wrong.still_drops_at_test,
            )
            trial.fail(
                f"{call}: out is {np.median(out / x):.4g} times x (median); expected "
                f"{scale(keep_prob):.4g} times x.",
                name_of(factor(function, trial, training=False)),
            )


def keeps_everything_at_one(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, out equals x."""
    x = trial.inputs(50, 40)
    call = call_text(function.name, x.shape, 1.0)
    result = function(x, 1.0, trial.generator())
    out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
    trial.expect(
        facts.close(out, x),
        f"{call}: nothing is dropped at keep_prob = 1, so out equals x; "
        f"{facts.worst(out, x)}.",
        _edge_mistake(function, trial, out),
    )


def _edge_mistake(
    function: StudentFunction, trial: Trial, out: np.ndarray
) -> str | None:
    """Return what is behind dropped units at keep_prob = 1, unless it shows below 1."""
    dropped = int((out == 0).sum())
    if dropped not in (1, out.size):
        return None
    below = draw(function, trial, LARGE, 0.8).mask.mean()
    if abs(below - 0.8) > 0.05:
        return None
    return (
        Wrong.drops_at_least_one
        if dropped == 1
        else Wrong.takes_one_for_a_drop_probability
    )


def _scale_mistake(
    function: StudentFunction,
    trial: Trial,
    got: Draw,
    expected: float,
    keep_prob: float,
) -> str | None:
    """Return what is behind a wrong factor of kept units, of those that any scale may
    show."""
    if got.ratio is None:
        return Wrong.scale_differs_from_unit_to_unit
    if facts.close(got.out.sum(), got.x.sum(), rtol=1e-3):
        return Wrong.preserves_the_sum
    if factor(function, trial, training=True) == "2":
        return Wrong.doubles_whatever_keep_prob
    on_matrix = draw(function, trial, LARGE, keep_prob).ratio
    right_there = on_matrix is not None and facts.close(on_matrix, expected)
    return (
        Wrong.scale_depends_on_the_shape
        if right_there and got.x.shape != LARGE
        else None
    )


def zero_or_scaled(
    function: StudentFunction,
    trial: Trial,
    scale: Callable[[float], float],
    name_of: Callable[[Draw, float], str | None],
) -> None:
    """Check that each output is 0 or ``scale(keep_prob) * x``, to rounding error, on
    every shape, for tiny and huge x and zeros. ``name_of`` names what is wrong."""
    cases: list[tuple[Sequence[int], float, Any]] = [(LARGE, 1.0, np.float64)]
    cases += [(LARGE, size, np.float64) for size in (1e-6, 1e6)]
    cases += [(shape, 1.0, np.float32) for shape in (LARGE, *_OTHER_SHAPES)]
    for shape, size, dtype in cases:
        for keep_prob in KEEP_PROBS:
            got = draw(function, trial, shape, keep_prob, size=size, dtype=dtype)
            expected = scale(keep_prob)
            found = got.out[got.mask] / got.x[got.mask]
            if facts.close(found, expected):
                continue
            trial.fail(
                f"{call_text(function.name, got.x.shape, keep_prob)}: a kept unit comes "
                f"back {np.median(found):.4g} times as large"
                f"{'' if got.ratio else ' (median; it varies)'}; expected {expected:.4g} "
                "times.",
                name_of(got, keep_prob)
                or _scale_mistake(function, trial, got, expected, keep_prob),
            )
    for x in (trial.inputs(30, 20, zeros=0.5), np.zeros((30, 20))):
        call = call_text(function.name, x.shape, 0.3)
        result = function(x, 0.3, trial.generator())
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        trial.expect(
            not out[x == 0].any(),
            f"{call}: a unit whose input is 0 comes back non-zero.",
        )


RUNS = stated(returns_float_arrays)
DROPS_SOME = stated(drops_some)
LEAVES_X = stated(leaves_input_alone)
KEEPS_ALL_AT_ONE = stated(keeps_everything_at_one)


def at_test(
    out: str,
    scale: Callable[[float], float],
    mistake: Callable[[StudentFunction, Trial, str | None], str | None],
) -> Property:
    """Return the property that test mode gives ``scale(keep_prob) * x``, written ``out``;
    ``mistake`` names what is behind another of ``FACTORS``."""

    def test(function: StudentFunction, trial: Trial) -> None:
        test_mode(function, trial, scale, lambda f: mistake(function, trial, f))

    return Property(f"With training=False, out equals {out}.", test)


def scaled(
    out: str,
    scale: Callable[[float], float],
    mistake: Callable[[StudentFunction, Trial, Draw], str | None],
) -> Property:
    """Return the property that training gives 0 or ``scale(keep_prob) * x``, written
    ``out``; ``mistake`` names what is behind a draw that does not."""

    def test(function: StudentFunction, trial: Trial) -> None:
        zero_or_scaled(function, trial, scale, lambda d, _: mistake(function, trial, d))

    return Property(f"In training each output is 0 or {out}.", test)
