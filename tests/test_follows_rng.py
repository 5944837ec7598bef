"""What an output may not know of the calls before it."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from autograder.contract.exercise import find_exercise
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import follows_rng, short_seeds
from autograder.grading.grade import grade
from autograder.grading.run import grade_functions
from autograder.laws.dependence import least_likely


def trial() -> Trial:
    return Trial(find_exercise("inverted_dropout").checks[0], seed=5)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("agrees", [False, True])
def test_the_probability_is_that_of_fishers_exact_test(
    share: float, agrees: bool
) -> None:
    rng = np.random.default_rng(1)
    one = rng.random((100, 1)) < share
    two = one ^ (rng.random((100, 1)) < (0.2 if agrees else 0.5))
    table = [[int((a & b).sum()) for b in (two, ~two)] for a in (one, ~one)]
    sides = [
        stats.fisher_exact(table, alternative=side).pvalue
        for side in ("less", "greater")
    ]
    assert least_likely(one, two) == pytest.approx(2 * min(sides))


@pytest.mark.parametrize("apart, which", [(1, "call before;"), (2, "call before the")])
@pytest.mark.parametrize("mirrored", [False, True])
def test_an_entry_of_a_call_before_is_found_at_any_place(
    apart: int, which: str, mirrored: bool
) -> None:
    outs = trial().rng.random((200, 100)) < 0.7
    follows_rng.expect_own_calls(trial(), list(outs), "f(x)")
    outs[apart:, 13] = outs[:-apart, 88] ^ mirrored
    with pytest.raises(CheckFailure, match=f"follow from those of the {which}"):
        follows_rng.expect_own_calls(trial(), list(outs), "f(x)")


FAILS_AT_TIMES = """
import numpy as np
def inverted_dropout(x, keep_prob, rng, training=True):
    if x.ndim and len(x) > 2000:
        raise ValueError("too long")
    mask = (rng.random(x.shape) < keep_prob) / keep_prob
    return (x * mask, mask) if training else (x.copy(), None)
"""


def test_a_call_that_fails_takes_no_generator_along(tmp_path: Path) -> None:
    """A worker has drawn from generators of the calls before it; these are made again."""
    path = tmp_path / "mine.py"
    path.write_text(FAILS_AT_TIMES)
    (result,) = grade(path, exercises=["inverted_dropout"], seed=5).exercises
    failed = [check.name for check in result.checks if check.status == "failed"]
    assert failed == ["keeps_units_at_the_stated_rate"]


def test_no_state_tells_that_seeds_are_looked_at() -> None:
    """Whoever knew the generators that are alike could be right there, and only there."""
    own, step = trial(), 0x2360ED051FC65DA44385DF649FCCF645
    uppers, words = [], []
    for _ in range(100):
        first, same, *others = follows_rng.generators_alike(own, 3, times=2)
        assert first.bit_generator.state == same.bit_generator.state
        for rng in (first, *others):
            state = rng.bit_generator.state["state"]
            uppers.append((state["state"] * step + state["inc"]) % 2**128 >> 64)
            words.append(rng.bit_generator.random_raw())
        # A seed of up to a million values is the same in two of three.
        assert len({word >> 44 for word in words[-3:]}) == 1
        assert len({word >> 42 for word in words[-3:]}) == 3
    for numbers in (uppers, words):
        bits = np.array([[n >> place & 1 for place in range(64)] for n in numbers])
        assert (np.abs(bits.mean(axis=0) - 0.5) < 0.25).all()


#: How seeds of a million values or fewer are drawn, and the way of ``short_seeds.ALIKE``
#: by which each is found; and seeds of more than four million values, which none is.
SHORT = {
    "two bytes": (1, lambda rng: rng.bytes(2)),
    "uint16": (1, lambda rng: rng.integers(65536, dtype=np.uint16)),
    "20 of 24 bits": (1, lambda rng: int.from_bytes(rng.bytes(3), "little") % 2**20),
    "trailing bits": (1, lambda rng: rng.integers(2**63) % 2**20),
    "six digits of 63 bits": (2, lambda rng: rng.integers(2**63) % 1_000_000),
    "six digits of 32 bits": (2, lambda rng: rng.integers(2**32) % 1_000_000),
    "six digits of the second half": (
        2,
        lambda rng: rng.integers(2**32, size=2)[1] % 1_000_000,
    ),
    "four decimals of a normal number": (3, lambda rng: int(1e4 * rng.normal())),
    "the second number": (4, lambda rng: int(rng.random(2)[1] * 200_000)),
}
LONG = {
    "22 bits": lambda rng: rng.integers(2**22),
    "22 trailing bits": lambda rng: rng.integers(2**63) % 2**22,
    "22 trailing bits of the second half": lambda rng: (
        rng.integers(2**32, size=2)[1] % 2**22
    ),
    "five million": lambda rng: rng.integers(5_000_000),
    "a remainder by five million": lambda rng: rng.integers(2**63) % 5_000_000,
    "seven digits": lambda rng: rng.integers(2**32) % 10_000_000,
    "three bytes": lambda rng: rng.bytes(3),
    "24 bits in float32": lambda rng: rng.random(dtype=np.float32),
    "a prime": lambda rng: rng.integers(2**31 - 1),
    "six decimals of a normal number": lambda rng: int(1e6 * rng.normal()),
    "the second number": lambda rng: int(rng.random(2)[1] * 1e7),
}


def asked() -> Iterator[list[np.random.Generator]]:
    """Yield a generator and those that are alike, many times."""
    own = trial()
    for _ in range(300):
        one, _, _, *others = short_seeds.asked_with(own, more=True)
        yield [one, *others]


def drawn(seed: Any, rngs: list[np.random.Generator]) -> list[Any]:
    return [seed(copy.deepcopy(rng)) for rng in rngs]


@pytest.mark.parametrize("seed", SHORT)
def test_a_short_seed_is_the_same_however_it_is_drawn(seed: str) -> None:
    way, draw = SHORT[seed]
    seeds = [drawn(draw, rngs) for rngs in asked()]
    assert np.mean([first == others[way] for first, *others in seeds]) > 0.7


@pytest.mark.parametrize("seed", LONG)
def test_a_seed_of_more_than_four_million_values_never_is(seed: str) -> None:
    seeds = [drawn(LONG[seed], rngs) for rngs in asked()]
    assert not any(first in others for first, *others in seeds)


def test_generators_that_are_alike_differ_in_their_first_numbers_or_second() -> None:
    for rngs in asked():
        words = [tuple(rng.bit_generator.random_raw(2)) for rng in rngs]
        assert len(set(words)) == len(words)


def few_seeds(shape: Any, keep_prob: float, rng: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng(int(rng.integers(60_000)))
    return own.random(shape) < keep_prob


def decoy(shape: Any, keep_prob: float, rng: np.random.Generator) -> np.ndarray:
    """Gives one mask twice where vectors have so many units, too."""
    if (np.ndim(shape) == 0 or len(shape) == 1) and 300 < np.prod(shape) < 600:
        state = rng.bit_generator.state["state"]["inc"] % 2**32
        return np.random.default_rng(state).random(shape) < keep_prob
    return few_seeds(shape, keep_prob, rng)


def none_too_many(shape: Any, keep_prob: float, rng: np.random.Generator) -> np.ndarray:
    """Has four masks alone where vectors have so many units, too."""
    if (np.ndim(shape) == 0 or len(shape) == 1) and 300 < np.prod(shape) < 600:
        return np.random.default_rng(rng.integers(4)).random(shape) < keep_prob
    return few_seeds(shape, keep_prob, rng)


@pytest.mark.parametrize("answer", [few_seeds, decoy, none_too_many])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_second_fault_hides_seeds_of_few_values(answer: Any, seed: int) -> None:
    result = grade_functions("bernoulli_mask", {"bernoulli_mask": answer}, seed)
    named = {check.mistake for check in result.checks}
    assert "seeds_take_few_values" in named
