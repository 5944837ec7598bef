"""statistics.py is held to SciPy and to its own promises."""

import numpy as np
import pytest
from scipy import stats

from autograder.laws.binomial import (
    POWER,
    Proportion,
    accepted_counts,
    agreement,
    binomial_p_value,
    exact_count,
    lower_tail,
    power,
    sample_size,
    upper_tail,
)

SIZES = (1, 2, 5, 50, 999, 30_000, 1_000_000)
PROBABILITIES = (1e-6, 0.01, 0.3, 0.5, 0.8, 0.999)
LAWS = [
    Proportion(0.8, 0.01),
    Proportion(0.3, 0.01),
    Proportion(0.5, 0.05),
    Proportion(0.02, 0.02),
    agreement(0.7, 0.02),
    exact_count(20, 0.7),
]


def counts_around(n: int, probability: float) -> list[int]:
    mean, sd = n * probability, (n * probability * (1 - probability)) ** 0.5
    around = [mean + z * sd for z in (-20, -7, -3, -1, 0, 1, 3, 7, 20)]
    return sorted({0, n, *(int(min(n, max(0, k))) for k in around)})


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("probability", PROBABILITIES)
def test_tails_equal_scipys(n: int, probability: float) -> None:
    for k in counts_around(n, probability):
        for ours, theirs in (
            (upper_tail(k, n, probability), stats.binom.sf(k - 1, n, probability)),
            (lower_tail(k, n, probability), stats.binom.cdf(k, n, probability)),
        ):
            assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-290)


@pytest.mark.parametrize("n", SIZES[2:])
@pytest.mark.parametrize("probability", PROBABILITIES[1:])
def test_accepted_counts_are_those_whose_p_value_reaches_alpha(
    n: int, probability: float
) -> None:
    for alpha in (0.05, 1e-6, 1e-11):
        first, last = accepted_counts(n, probability, alpha)
        assert binomial_p_value(first, n, probability) >= alpha * (1 - 1e-6)
        assert binomial_p_value(last, n, probability) >= alpha * (1 - 1e-6)
        if first > 0:
            assert binomial_p_value(first - 1, n, probability) < alpha
        if last < n:
            assert binomial_p_value(last + 1, n, probability) < alpha


@pytest.mark.parametrize("n", [1, 7, 60, 400])
@pytest.mark.parametrize("probability", [0.03, 0.3, 0.5, 0.8])
def test_p_values_are_valid_for_every_level(n: int, probability: float) -> None:
    """P(p-value <= u) <= u for every u: summed over all outcomes, so no sampling."""
    k = np.arange(n + 1)
    p_values = np.array([binomial_p_value(int(i), n, probability) for i in k])
    weights = stats.binom.pmf(k, n, probability)
    for u in p_values:
        assert weights[p_values <= u].sum() <= u * (1 + 1e-7)


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("alpha", [1e-3, 1e-9, 1e-11])
def test_the_sample_size_has_the_power_and_not_much_more(
    law: Proportion, alpha: float
) -> None:
    n = law.sample_size(alpha)
    truths = [law.probability + s * law.detects for s in (-1, 1)]
    truths = [min(1.0, max(0.0, t)) for t in truths if -1e-9 <= t <= 1 + 1e-9]

    def scipys_power(n: int, truth: float) -> float:
        k = np.arange(n + 1)
        tails = np.minimum(
            stats.binom.cdf(k, n, law.probability),
            stats.binom.sf(k - 1, n, law.probability),
        )
        rejected = np.minimum(1, 2 * tails) < alpha
        return float(stats.binom.pmf(k, n, truth)[rejected].sum())

    for truth in truths:
        assert scipys_power(n, truth) >= POWER - 1e-12
        assert power(n, law.probability, alpha, truth) == pytest.approx(
            scipys_power(n, truth), abs=1e-9
        )
    if n > 1000:
        smaller = int(0.96 * n)
        assert min(scipys_power(smaller, truth) for truth in truths) < POWER


def test_power_measured_by_simulation_reaches_the_stated_power() -> None:
    """At a looser level, where it can be measured: power 0.9, 4,000 experiments."""
    alpha, wanted, probability, defect = 1e-3, 0.9, 0.8, 0.03
    n = sample_size(probability, defect, alpha, wanted)
    rng = np.random.default_rng(20)
    for truth in (probability - defect, probability + defect):
        counts = rng.binomial(n, truth, 4000)
        first, last = accepted_counts(n, probability, alpha)
        rejected = np.mean((counts < first) | (counts > last))
        # The lower band: five standard errors below the promise.
        assert rejected >= wanted - 5 * np.sqrt(wanted * (1 - wanted) / 4000)


@pytest.mark.parametrize(
    ("n", "probability"), [(0, 0.5), (10, 0.0), (10, 1.0), (10, -0.1), (-3, 0.5)]
)
def test_a_law_that_is_none_is_refused(n: int, probability: float) -> None:
    with pytest.raises(ValueError, match="0 < probability < 1"):
        upper_tail(1, n, probability)


def test_a_defect_that_cannot_occur_is_refused() -> None:
    with pytest.raises(ValueError, match="away from"):
        sample_size(0.5, 0.7, 1e-9)
    with pytest.raises(ValueError, match="whole number"):
        exact_count(7, 0.8)
