"""Figures to play with, of the later chapters: their numbers are those of Python."""

import itertools
import math
import sys
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import dev
from autograder.laws.binomial import accepted_counts, binomial_p_value
from tests import figures


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(dev.ROOT / "chapters"))
    sys.modules.pop("frameworks_table", None)
    import frameworks_table

    return frameworks_table


# ---- Your probability, in bytes -----------------------------------------------------

KERNELS = {
    "flash": "FlashAttention",
    "engine": "Transformer Engine",
    "first": "Transformer Engine, 1st version",
    "tensorflow": "TensorFlow, bfloat16 on CPU",
}
#: All that the slider has, all whole numbers of bytes, and what lies beside them.
RATES = sorted(
    {round(i / 200, 3) for i in range(199)}
    | {i / 256 for i in range(254)}
    | {i / 256 + 1e-4 for i in range(253)}
)


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_keep_what_the_dictionary_says(kernels: Any, kernel: str) -> None:
    states = [[{"kernel": kernel, "rate": rate}] for rate in RATES]
    answers = figures.call("your-probability", "numbers", *states)
    for rate, got in zip(RATES, answers, strict=True):
        want = kernels.effective_keep_prob(KERNELS[kernel], rate)
        if math.isnan(want):
            assert got["kept"] is got["keeps"] is got["bias"] is None
            continue
        assert got["keeps"] == want == got["kept"] / got["values"]
        assert math.isclose(got["bias"], want / (1 - rate) - 1, abs_tol=1e-12)


def test_the_cure_is_the_nearest_byte_without_a_bias() -> None:
    states = [[{"kernel": "cure", "rate": rate}] for rate in RATES]
    lattice = np.arange(1, 257) / 256
    for rate, got in zip(
        RATES, figures.call("your-probability", "numbers", *states), strict=True
    ):
        nearest = np.abs(lattice - (1 - rate)).min()
        assert abs(got["keeps"] - (1 - rate)) <= nearest + 1e-7  # rates are float32
        assert got["bias"] == 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_stairs_are_those_of_the_kernel(kernels: Any, kernel: str) -> None:
    (stairs,) = figures.call("your-probability", "steps", [kernel, 0, 0.99])
    keeps = [
        [kernels.effective_keep_prob(KERNELS[kernel], rate) for rate in step]
        for step in stairs
    ]
    assert all(first == last for first, last in keeps)
    # Every value of the lattice that a rate up to 0.99 reaches is a step of its own.
    levels = [first for first, _ in keeps]
    assert levels == sorted(set(levels), reverse=True)
    fine = np.arange(math.floor(0.99 * 4096) + 1) / 4096
    reached = {kernels.effective_keep_prob(KERNELS[kernel], rate) for rate in fine}
    assert set(levels) == {value for value in reached if not math.isnan(value)}


# ---- Which average ------------------------------------------------------------------


def averages(
    mean: float, spread: float, p: float, units: int, sign: int
) -> dict[str, float]:
    """Return the averages over all masks of the units, from their definitions."""
    term = sign * spread * math.sqrt(p / (1 - p) / units)
    masks = np.array(list(itertools.product([0, 1], repeat=units)))
    chance = stats.bernoulli.pmf(masks, p).prod(axis=1)
    z = mean - units * term + masks.sum(axis=1) * term / p
    assert math.isclose(chance @ z, mean, abs_tol=1e-9)
    assert math.isclose(chance @ (z - mean) ** 2, spread**2, abs_tol=1e-9)
    yes = math.exp(chance @ np.log(special.expit(z)))
    no = math.exp(chance @ np.log(special.expit(-z)))
    return {
        "each": term,
        "arithmetic": chance @ special.expit(z),
        "geometric": yes / (yes + no),
        "scaling": special.expit(mean),
        "probit": special.expit(mean / math.sqrt(1 + math.pi * spread**2 / 8)),
    }


def test_averages_over_all_masks() -> None:
    cases = list(
        itertools.product(
            (-4, -0.5, 0, 2.25), (0, 0.25, 3), (0.1, 0.55, 0.9), (1, 3, 10), (1, -1)
        )
    )
    names = "mean", "spread", "keepProb", "units", "sign"
    states = [[dict(zip(names, case, strict=True))] for case in cases]
    answers = figures.call("which-average", "numbers", *states)
    for case, got in zip(cases, answers, strict=True):
        for name, want in averages(*case).items():
            assert math.isclose(got[name], want, abs_tol=1e-9), (case, name)
        assert math.isclose(got["geometric"], got["scaling"], abs_tol=1e-9)
        chances = [chance for _, _, chance in got["members"]]
        np.testing.assert_allclose(
            chances, stats.binom.pmf(range(case[3] + 1), case[3], case[2]), atol=1e-12
        )


def test_the_pair_and_the_skewed_unit_of_the_chapter() -> None:
    pair = {"mean": 2, "spread": 2, "keepProb": 0.5, "units": 1, "sign": 1}
    skewed = {"mean": 0, "spread": 2, "keepProb": 0.8, "units": 1, "sign": -1}
    got = figures.call("which-average", "numbers", [pair], [skewed])
    for each, want in zip(got, ([0, 4], [4, -1]), strict=True):
        np.testing.assert_allclose([z for z, *_ in each["members"]], want, atol=1e-12)


# ---- Peek ---------------------------------------------------------------------------


def log_e_value(k: int, n: int) -> float:
    """Return the logarithm of a coin's wealth: the stake is spread over all biases."""
    against = k * math.log(0.8) + (n - k) * math.log(0.2)
    return float(special.betaln(k + 1, n - k + 1)) - against


def test_every_look_is_judged_as_the_grader_does() -> None:
    states = [
        {"truth": t, "seed": s, "looks": 31}
        for t in (0.8, 0.82, 0.85)
        for s in (1, 274)
    ]
    for looks in figures.call("peek", "numbers", *([state] for state in states)):
        assert [look["n"] for look in looks] == list(range(100, 3101, 100))
        for look in looks:
            k, n = look["kept"], look["n"]
            want = binomial_p_value(k, n, 0.8)
            assert math.isclose(look["pValue"], want, rel_tol=1e-8)
            assert math.isclose(
                math.log(look["eValue"]), log_e_value(k, n), abs_tol=1e-8
            )


def test_the_bits_have_the_probability_that_is_chosen() -> None:
    states = [
        {"truth": t, "seed": s, "looks": 31} for t in (0.8, 0.85) for s in range(20)
    ]
    last = [
        looks[-1]["kept"]
        for looks in figures.call("peek", "numbers", *([state] for state in states))
    ]
    for truth, kept in ((0.8, last[:20]), (0.85, last[20:])):
        assert binomial_p_value(sum(kept), 20 * 3100, truth) > 1e-4
        assert len(set(kept)) > 10


def rejected(truth: float) -> dict[str, list[float]]:
    """Return by which look a p-value, or an e-value, has rejected with which chance."""
    out: dict[str, list[float]] = {"byP": [], "byE": []}
    for rule, found in out.items():
        alive, gone = np.ones(1), 0.0
        for n in range(100, 3101, 100):
            alive = np.convolve(alive, stats.binom.pmf(range(101), 100, truth))
            k = np.arange(n + 1)
            first, last = accepted_counts(n, 0.8, 0.01)
            wealth = (
                special.betaln(k + 1, n - k + 1)
                - k * math.log(0.8)
                - (n - k) * math.log(0.2)
            )
            odd = (k < first) | (k > last) if rule == "byP" else wealth >= math.log(100)
            gone += alive[odd].sum()
            alive[odd] = 0
            found.append(gone)
    return out


@pytest.mark.parametrize("truth", [0.8, 0.82, 0.85])
def test_chances_to_have_rejected(truth: float) -> None:
    (got,) = figures.call("peek", "rejected", [truth])
    for rule, want in rejected(truth).items():
        np.testing.assert_allclose(got[rule], want, rtol=1e-7, atol=1e-12)
    if truth == 0.8:
        assert got["byE"][-1] <= 0.01 < got["byP"][1]
