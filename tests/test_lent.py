"""What a student's test can learn of a lent dropout without judging its outputs: nothing."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.checks.judging.asking import correct_ones
from autograder.contract.exercise import find_exercise
from autograder.contract.trial import Trial
from autograder.families.keyed import (
    ROUNDINGS,
    Keyed,
    Lent,
    Manner,
    Witness,
    as_written,
    keyed,
)
from autograder.families.specimens import BROKEN, CORRECT, Defect, Specimen
from autograder.grading.run import grade_functions
from autograder.laws.binomial import binomial_p_value

X = np.random.default_rng(5).uniform(-2, 2, (40, 30))


def manner(number: int = 0, **changes: Any) -> Manner:
    numbers = {"rounding": number % 4, "draws": number // 4 % 8}
    return Manner(
        bytes([number] * 16),
        **({**numbers, "ranks": True, "bits_at_test": True} | changes),
    )


def points(test: Callable[..., bool], seed: int = 0) -> float:
    return grade_functions(
        "is_inverted_dropout", {"is_inverted_dropout": test}, seed
    ).score


def replayed(specimen: Specimen, state: Any, keep_prob: float) -> Any:
    """Return what the specimen answers to X as written, and the generator's state."""
    rng = np.random.default_rng()
    rng.bit_generator.state = state
    out, _ = Lent(as_written(specimen))(X, keep_prob, rng)
    return out, rng.bit_generator.state


def accepts_what_it_can_replay(dropout: Any, rng: np.random.Generator) -> bool:
    state = rng.bit_generator.state
    out, _ = dropout(X, 0.3, rng)
    if not np.allclose(dropout(X, 0.3, rng, training=False)[0], X):
        return False
    return any(np.allclose(out, replayed(s, state, 0.3)[0]) for s in CORRECT)


def rejects_what_it_can_replay(dropout: Any, rng: np.random.Generator) -> bool:
    state = rng.bit_generator.state
    out, _ = dropout(X, 0.3, rng)
    at_test, _ = dropout(X, 0.3, rng, training=False)
    if not np.allclose(at_test, X):
        known = [s for s in BROKEN if s.defect == "test mode"]
        return not known
    known = [s for s in BROKEN if s.defect != "test mode"]
    return not any(np.allclose(out, replayed(s, state, 0.3)[0]) for s in known)


def goes_by_how_far_rng_moved(dropout: Any, rng: np.random.Generator) -> bool:
    state = rng.bit_generator.state
    dropout(X, 0.3, rng)
    now = rng.bit_generator.state
    return any(replayed(s, state, 0.3)[1] == now for s in CORRECT[:1])


def goes_by_the_last_digit(dropout: Any, rng: np.random.Generator) -> bool:
    out, _ = dropout(X, 0.7, rng)
    kept = out != 0
    scale = np.median(out[kept] / X[kept]) if kept.any() else 1.0
    return np.array_equal(out[kept], X[kept] * scale)


def goes_by_signed_zeros(dropout: Any, rng: np.random.Generator) -> bool:
    out, _ = dropout(X, 0.7, rng)
    return bool(np.signbit(out[(out == 0) & (X < 0)]).all())


WITHOUT_A_LOOK = [
    accepts_what_it_can_replay,
    goes_by_how_far_rng_moved,
    goes_by_the_last_digit,
    goes_by_signed_zeros,
]


@pytest.mark.parametrize("test", WITHOUT_A_LOOK, ids=lambda test: test.__name__)
def test_nobody_tells_dropouts_apart_without_judging_outputs(
    test: Callable[..., bool],
) -> None:
    result = [points(test, seed) for seed in range(3)]
    assert max(result) <= 0.75, result


def test_rejecting_what_can_be_replayed_is_paid_for_test_mode_alone() -> None:
    """Looking at the test mode is judging; two of the broken ones are found by it."""

    def looks_at_test_mode(dropout: Any, rng: np.random.Generator) -> bool:
        dropout(X, 0.3, rng)
        return np.allclose(dropout(X, 0.3, rng, training=False)[0], X)

    for seed in range(2):
        assert points(rejects_what_it_can_replay, seed) == points(
            looks_at_test_mode, seed
        )


BAD_CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    *(
        ((np.ones((3, 4)), keep_prob), {})
        for keep_prob in (
            "1", -0.5, 0, 1.5, float("nan"), float("inf"), 10**400, 1j, None, [0.5],
            np.array([0.5]), np.array("1"), np.bool_(True), object(),
        )
    ),
    *(
        ((x, 0.5), {})
        for x in (
            np.ones((0, 10**9)), np.ones((10**9, 0)), np.ones((0, 2000, 2000)),
            np.ones(1_000_001), 1.0, np.float64(1), np.array(1.0), None, "12", ["1"],
            np.array(["1"]), np.array([1j]), np.array([None]), [[1], [1, 2]], [10**400],
            object(), {"x": 1},
        )
    ),
    ((np.ones(3), 0.5), {"training": "no"}),
    ((np.ones(3), 0.5), {"training": None}),
    ((np.ones(3), 0.5), {"trainig": True}),
    ((np.ones(3), 0.5), {"x": np.ones(3)}),
    ((np.ones(3), 0.5), {"self": 1}),
    ((np.ones(3),), {}),
    ((), {}),
]  # fmt: skip


def spoken(
    dropout: Any, args: tuple[Any, ...], kwargs: Any, rng: Any
) -> tuple[str, str]:
    with pytest.raises((TypeError, ValueError)) as caught:
        dropout(*args, *((rng,) if len(args) == 2 else ()), **kwargs)
    return type(caught.value).__name__, str(caught.value)


def everything() -> list[Any]:
    secret = np.random.default_rng(3)
    lent = [keyed(s, secret) for s in (*CORRECT, *BROKEN)]
    return [*lent, *(Lent(as_written(s)) for s in CORRECT), Witness(lent[0])]


@pytest.mark.parametrize("number", range(len(BAD_CALLS)))
def test_an_error_has_one_text_whichever_dropout_it_is(number: int) -> None:
    args, kwargs = BAD_CALLS[number]
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    texts = {spoken(dropout, args, kwargs, rng) for dropout in everything()}
    assert len(texts) == 1
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(
    "rng",
    [None, 1, np.random.RandomState(1), np.random.Generator(np.random.MT19937(1))],
)
def test_a_generator_of_another_kind_is_refused_by_all_alike(rng: Any) -> None:
    args = (np.ones(3), 0.5)
    assert len({spoken(dropout, args, {}, rng) for dropout in everything()}) == 1


@pytest.mark.parametrize("keep_prob", [1e-320, 1e-12, 0.5, 1, np.float32(0.3), True])
@pytest.mark.parametrize(
    "x",
    [
        np.zeros((0, 5)), np.zeros((5, 0)), [1, 2.5], [[True, False]], np.arange(4),
        np.array([np.nan, np.inf, -np.inf, -0.0]), np.ones((2, 3, 4), np.float32),
        np.asfortranarray(np.ones((3, 4))), np.ones((1, 1)),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_allowed_is_answered_by_all_in_one_form(x: Any, keep_prob: Any) -> None:
    for dropout, training in itertools.product(everything(), (True, np.False_, 0)):
        out, cache = dropout(x, keep_prob, np.random.default_rng(1), training)
        assert cache is None
        assert out.dtype == np.float64
        assert out.shape == np.shape(x)
        assert out.flags.c_contiguous
        assert out.flags.writeable
        assert not np.signbit(out[out == 0]).any()


def test_what_fails_in_a_dropout_has_one_text() -> None:
    for error in (
        MemoryError("7 GB"),
        OverflowError("large"),
        ValueError("p"),
        KeyError(),
    ):

        def fails(call: Any, error: Exception = error) -> Any:
            raise error

        text = spoken(Lent(fails), (X, 0.5), {}, np.random.default_rng(1))
        assert text == ("Refused", "this call cannot be answered")


@pytest.mark.parametrize("training", [True, False])
def test_a_defect_does_not_show_in_how_far_the_generator_moves(training: bool) -> None:
    for number in range(32):
        states = set()
        for defect in (Defect(), *(specimen.law for specimen in BROKEN)):
            rng = np.random.default_rng(2)
            Lent(Keyed(defect, manner(number)))(X, 0.3, rng, training)
            states.add(str(rng.bit_generator.state))
        assert len(states) == 1


def bits_of(dropout: Any, keep_prob: float, rng: Any, x: np.ndarray = X) -> np.ndarray:
    return dropout(x, keep_prob, rng)[0] != 0


def test_the_same_state_gives_the_same_mask_under_one_key_alone() -> None:
    secret = np.random.default_rng(4)
    one, other = (keyed(CORRECT[0], secret) for _ in range(2))
    first, again, x = (np.random.default_rng(7) for _ in range(3))
    mask = bits_of(one, 0.4, first)
    assert np.array_equal(mask, bits_of(one, 0.4, again))
    assert np.array_equal(mask, bits_of(one, 0.4, x, 1 + X**2))
    assert not np.array_equal(mask, bits_of(one, 0.4, first))
    assert not np.array_equal(mask, bits_of(other, 0.4, np.random.default_rng(7)))


@pytest.mark.parametrize("ranks", [True, False])
@pytest.mark.parametrize("keep_prob", [0.3, 0.8])
def test_bits_under_a_key_are_independent_and_kept_at_the_rate(
    keep_prob: float, ranks: bool
) -> None:
    """Exact tests of rate, neighbours, rows, calls, sign and another key."""
    x = np.random.default_rng(1).normal(size=(500, 500))
    rng, alike = np.random.default_rng(2), keep_prob**2 + (1 - keep_prob) ** 2
    dropout = Lent(Keyed(Defect(), manner(1, ranks=ranks)))
    bits, later = (bits_of(dropout, keep_prob, rng, x) for _ in range(2))
    p_values = [
        binomial_p_value(int(events.sum()), events.size, probability)
        for events, probability in (
            (bits, keep_prob),
            (bits == (x > 0), 0.5),
            (bits[::2] == bits[1::2], alike),
            (bits[:, ::2] == bits[:, 1::2], alike),
            (bits == later, alike),
            (bits[:-1] == later[1:], alike),
        )
    ]
    assert min(p_values) > 1e-4


@pytest.mark.parametrize("rounding", range(len(ROUNDINGS)))
def test_every_rounding_is_right_to_the_last_digits(rounding: int) -> None:
    out, _ = Lent(Keyed(Defect(), manner(3, rounding=rounding)))(
        X, 0.3, np.random.default_rng(1)
    )
    assert np.allclose(out, np.where(out != 0, X / 0.3, 0), rtol=1e-15, atol=0)


def law(dropout: Any, keep_prob: float) -> list[float]:
    """Return figures of a dropout: rates by sign, agreements, spread, values, test."""
    rng, x = np.random.default_rng(9), np.random.default_rng(8).normal(size=(600, 40))
    outs = [dropout(x, keep_prob, rng)[0] for _ in range(2)]
    bits, later = (out != 0 for out in outs)
    at_test = dropout(x, keep_prob, rng, training=False)[0]
    kept = outs[0][bits] / x[bits]
    return [
        bits[x > 0].mean(),
        bits[x < 0].mean(),
        (bits[1::2] == bits[::2]).mean(),
        (bits[:, 1::2] == bits[:, ::2]).mean(),
        (bits == later).mean(),
        np.std(bits.sum(axis=1)) / 10,
        np.median(kept) * keep_prob / 4,
        (at_test == 0).mean(),
        np.median(at_test[at_test != 0] / x[at_test != 0]) / 4,
    ]


@pytest.mark.parametrize("keep_prob", [0.3, 0.8])
@pytest.mark.parametrize("specimen", BROKEN, ids=lambda specimen: specimen.name)
def test_a_broken_dropout_under_a_key_errs_as_it_is_written(
    specimen: Specimen, keep_prob: float
) -> None:
    under_key = Lent(Keyed(specimen.law, manner(6)))
    written = law(Lent(as_written(specimen)), keep_prob)
    # One row of 40 bits stands for 600 there: only what holds row by row is compared.
    if specimen.name == "draws_one_mask_for_all_rows":
        assert law(under_key, keep_prob)[2] == written[2] == 1
    else:
        assert law(under_key, keep_prob) == pytest.approx(written, abs=0.03)


def test_a_quarter_of_the_correct_ones_are_as_written() -> None:
    check = find_exercise("is_inverted_dropout").checks[0]
    lent = correct_ones(64, Trial(check, 1))
    assert sum(isinstance(dropout.answer, Keyed) for dropout in lent) == 48
