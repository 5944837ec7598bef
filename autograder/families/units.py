"""Properties of every element-wise Bernoulli dropout, but for those of its bits.

``inverted_dropout``, ``classic_dropout`` and their relatives differ in the scale of a kept
unit; what they share is here, and in ``unit_bits``.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Property
from autograder.contract.student import StudentError, StudentFunction, foresee
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, everywhere, unit_forms
from autograder.families.elementwise import (
    ALL_KEEP_PROBS,
    ALL_SHAPES,
    DTYPES,
    KEEP_PROBS,
    LARGE,
    Draw,
    Wrong,
    by_size,
    call_text,
    constant,
    covering,
    draw,
    draws,
    factor,
    wide,
)
from autograder.families.evidence import Evidence
from autograder.families.properties import stated
from autograder.families.rivals import wrong_factor


def returns_float_arrays(function: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers.

    The arrays are so large that no row or column of them is dropped whole: a division
    by a kept count of 0 is told by its scale, not by a NaN that comes now and then."""
    shapes, dtypes = ((50,), (40, 30), (30, 8, 20), (25, 2, 3, 20)), DTYPES
    cases = (
        (
            trial.inputs(*shape).astype(dtype, copy=False),
            0.8 if (dtype is np.float64) == (training is None) else 0.6,
            training,
        )
        for shape, training, dtype in product(shapes, (None, True, False), dtypes)
    )
    for _ in draws(function, trial, cases):
        continue


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
    if draw(function, trial, LARGE, 0.7).ratio is None:
        return Wrong.replaces_dropped_units
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
    cases = covering(((30, 20), *ALL_SHAPES), KEEP_PROBS, DTYPES)
    given = [
        (trial.inputs(*shape, zeros=0.2).astype(dtype), keep_prob, trial.generator())
        for shape, keep_prob, dtype in cases
    ]
    foresee(function, [(args, {}) for args in given])
    trial.asks_for_pure_calls(Wrong.changes_its_input)
    for args in given:
        _, after = function.observe(*args)
        call = call_text(function.name, args[0].shape, args[1])
        expect_unchanged(trial, args[0], after[0], call)


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
    cases = [*product([LARGE], (*ALL_KEEP_PROBS, 1.0), DTYPES[:1])]
    forms = [*product((*ALL_SHAPES, (10, 150), (150, 10)), DTYPES)]
    small = covering(forms, ALL_KEEP_PROBS)
    cases += [(shape, keep_prob, dtype) for (shape, dtype), keep_prob in small]
    given = [
        (wide(trial, shape, zeros=0.1).astype(dtype), keep_prob, trial.generator())
        for shape, keep_prob, dtype in cases
    ]
    foresee(function, [(args, {"training": False}) for args in given])
    for x, keep_prob, rng in given:
        call = call_text(function.name, x.shape, keep_prob, training=False)
        try:
            result, after = function.observe(x, keep_prob, rng, training=False)
        except StudentError as error:
            if keep_prob != 1:
                raise
            trial.leave(error)  # to ``keeps_everything_at_one``
            continue
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        expect_unchanged(trial, x, after[0], call)
        if not facts.close(out, scale(keep_prob) * x, atol=0):
            name = name_of(factor(function, trial, training=False))
            _fail_at_test(trial, call, x, out, scale(keep_prob), name)


def _fail_at_test(
    trial: Trial,
    call: str,
    x: np.ndarray,
    out: np.ndarray,
    expected: float,
    name: str | None,
) -> None:
    """Say how ``out`` differs from ``expected * x``, and why: because of ``name``, or
    what else shows."""
    lost, others = (x != 0) & (out == 0), out != 0
    trial.expect(
        not lost.any() or not others.any(),
        f"{call}: {lost.sum() / (x != 0).sum():.0%} of the units came back 0; at test "
        "nothing is dropped.",
        Wrong.changes_x_at_test
        if by_size(x, lost, others)
        else Wrong.still_drops_at_test,
    )
    trial.expect(
        not out[x == 0].any(),
        f"{call}: a unit whose input is 0 comes back non-zero.",
        name
        or (Wrong.adds_a_number if constant(out[x == 0]) else Wrong.changes_x_at_test),
    )
    found, wanted = wrong_factor(out[x != 0], x[x != 0], expected)
    trial.fail(
        f"{call}: a unit comes back {found} times as large; expected {wanted} times.",
        name or Wrong.changes_x_at_test,
    )


def keeps_everything_at_one(
    function: StudentFunction,
    trial: Trial,
    shapes: Sequence[Sequence[int]] = ((50, 40),),
) -> None:
    """Check that at keep_prob = 1 out equals x, on these shapes."""
    inputs = (
        trial.inputs(*shape).astype(dtype, copy=False)
        for shape, dtype in product(shapes, DTYPES)
    )
    for got in draws(function, trial, ((x, 1.0, None) for x in inputs)):
        if not facts.close(got.out, got.x, atol=0):
            trial.fail(
                f"{call_text(function.name, got.x.shape, 1.0)}: nothing is dropped at "
                f"keep_prob = 1, so out equals x; {facts.worst(got.out, got.x)}.",
                _edge_mistake(function, trial, got),
            )


def keeps_everything(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 1, out equals x.

    What comes back at test is judged by ``test_mode``, if anything does."""
    keeps_everything_at_one(function, trial, ((50, 40), (40,), *ALL_SHAPES))
    draw(function, trial, (6, 5), 1.0, training=False)
    everywhere.expect_plain(function, trial, unit_forms.KINDS, training=True)


def _edge_mistake(function: StudentFunction, trial: Trial, got: Draw) -> str | None:
    """Return what is behind dropped units at keep_prob = 1, unless it shows below 1.

    Of few units one, or all, are dropped by any other rate as well, but not every time."""
    masks = [draw(function, trial, got.x.shape, 1.0).mask for _ in range(20)]
    lost = {int((~mask).sum()) for mask in (got.mask, *masks)}
    names = {
        1: Wrong.drops_at_least_one,
        got.mask.size: Wrong.takes_one_for_a_drop_probability,
    }
    name = names.get(lost.pop()) if len(lost) == 1 else None
    below = draw(function, trial, LARGE, 0.8).mask.mean()
    return None if abs(below - 0.8) > 0.05 else name


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
        on_zeros = draw(function, trial, LARGE, keep_prob, x=np.zeros(LARGE)).mask
        varies = Wrong.scale_differs_from_unit_to_unit
        return Wrong.adds_a_number if on_zeros.any() else varies
    # Entries of all sizes have a sum that hardly depends on what is dropped.
    usual = draw(function, trial, LARGE, keep_prob)
    if not usual.mask.all() and facts.close(usual.out.sum(), usual.x.sum(), rtol=1e-3):
        return Wrong.preserves_the_sum
    if factor(function, trial, training=True) == "2":
        return Wrong.doubles_whatever_keep_prob
    if got.x.shape == LARGE and got.x.dtype == np.float64:
        return Wrong.scale_fits_some_keep_probs if keep_prob not in KEEP_PROBS else None
    on_matrix = draw(function, trial, LARGE, keep_prob).ratio
    right_there = on_matrix is not None and facts.close(on_matrix, expected)
    return Wrong.scale_depends_on_the_shape if right_there else None


def _arrays(
    trial: Trial, keep_probs: Sequence[float]
) -> list[tuple[np.ndarray, float]]:
    """Return arrays of every shape, size and dtype, each with a keep probability."""
    matrices = [wide(trial, LARGE) for _ in keep_probs]
    matrices += [size * trial.inputs(*LARGE) for size in (1e-12, 1e12)]
    matrices += [trial.inputs(*LARGE, zeros=0.5), np.zeros(LARGE), np.ones(LARGE)]
    matrices.append(corners.transposed(trial.inputs(*LARGE)))
    cases = [*covering(matrices, keep_probs)]
    small = [wide(trial, s).astype(np.float32) for s in (LARGE, *ALL_SHAPES)]
    cases += product(small, KEEP_PROBS)
    return cases


def zero_or_scaled(
    function: StudentFunction,
    trial: Trial,
    scale: Callable[[float], float],
    name_of: Callable[[Draw, float], str | None],
    keep_probs: Sequence[float] = KEEP_PROBS,
    modes: Sequence[bool | None] = (None,),
) -> None:
    """Check that outputs are 0 or ``scale(keep_prob) * x``, to rounding error, and not all 0,
    on every shape, for tiny and huge x and zeros. ``name_of`` names what is wrong."""
    evidence = Evidence(function.name, both=scale(0.5) == 1)
    asked = [
        (*case, mode) for case, mode in covering(_arrays(trial, keep_probs), modes)
    ]
    made = draws(function, trial, asked)
    for (x, keep_prob, training), got in zip(asked, made, strict=True):
        # Of few units all may be dropped, and show nothing.
        for _ in range(7 if x.size < 20 else 0):
            if got.mask.any():
                break
            how: dict[str, Any] = {"training": training, "dtype": x.dtype, "x": x}
            got = draw(function, trial, x.shape, keep_prob, **how)
        expected = scale(keep_prob)
        evidence.add(keep_prob, got.mask[x != 0])
        if facts.close(got.out, got.mask * x * expected, atol=0):
            continue
        call = call_text(function.name, x.shape, keep_prob)
        trial.expect(
            not got.mask[x == 0].any(),
            f"{call}: a unit whose input is 0 comes back non-zero.",
            Wrong.adds_a_number,
        )
        found, wanted = wrong_factor(got.out[got.mask], x[got.mask], expected)
        trial.fail(
            f"{call}: a kept unit comes back {found} times as large"
            f"{'' if got.ratio else ' (median; it varies)'}; expected {wanted} times.",
            name_of(got, keep_prob)
            or _scale_mistake(function, trial, got, expected, keep_prob),
        )
    evidence.expect(trial)


RUNS = stated(returns_float_arrays)
DROPS_SOME = stated(drops_some)
LEAVES_X = stated(leaves_input_alone)
KEEPS_ALL_AT_ONE = stated(keeps_everything)


def at_test(
    out: str,
    scale: Callable[[float], float],
    mistake: Callable[[StudentFunction, Trial, str | None], str | None],
) -> Property:
    """Return the property that test mode gives ``scale(keep_prob) * x``, written ``out``;
    ``mistake`` names what is behind another of ``FACTORS``."""

    def test(function: StudentFunction, trial: Trial) -> None:
        test_mode(function, trial, scale, lambda f: mistake(function, trial, f))
        everywhere.expect_plain(function, trial, unit_forms.KINDS, scale)

    return Property(f"With training=False, out equals {out}.", test)


def scaled(
    out: str,
    scale: Callable[[float], float],
    mistake: Callable[[StudentFunction, Trial, Draw], str | None],
) -> Property:
    """Return the property that training gives 0 or ``scale(keep_prob) * x``, written
    ``out``; ``mistake`` names what is behind a draw that does not."""

    def test(function: StudentFunction, trial: Trial) -> None:
        def name_of(got: Draw, _: float) -> str | None:
            return mistake(function, trial, got)

        zero_or_scaled(function, trial, scale, name_of, ALL_KEEP_PROBS, (None, True))
        everywhere.expect_scaled(function, trial, unit_forms.KINDS, scale)

    return Property(f"In training each output is 0 or {out}.", test)
