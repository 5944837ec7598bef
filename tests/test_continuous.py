"""laws/normal.py is held to SciPy, and its choice of counts to a chi-square test."""

import numpy as np
import pytest
from scipy import stats

from autograder.laws import normal
from autograder.laws.binomial import POWER, power

ALPHA = 1e-11


@pytest.mark.parametrize("z", [-9.0, -3.0, -0.5, 0.0, 1e-9, 1.5, 6.0, 20.0])
def test_normal_probabilities_equal_scipys(z: float) -> None:
    assert normal.normal_cdf(z) == pytest.approx(stats.norm.cdf(z), rel=1e-12)
    two_sided = 2 * stats.norm.sf(abs(z))
    assert normal.beyond_probability(abs(z)) == pytest.approx(two_sided, rel=1e-12)
    law = normal.above(z, 0.1)
    assert law.probability == pytest.approx(stats.norm.sf(z), rel=1e-12)


def test_the_quartile_is_scipys() -> None:
    assert pytest.approx(stats.norm.ppf(0.75), rel=1e-15) == normal.QUARTILE
    assert normal.beyond_probability(normal.QUARTILE) == pytest.approx(0.5)


@pytest.mark.parametrize("shift", [0.01, 0.05, 0.3])
def test_the_location_look_detects_its_shift(shift: float) -> None:
    law = normal.location(shift)
    n = law.sample_size(ALPHA)
    for side in (-1, 1):
        truth = stats.norm.sf(0, loc=side * shift)
        assert power(n, law.probability, ALPHA, truth) >= POWER


@pytest.mark.parametrize("off", [0.01, 0.05, 0.3])
def test_the_scale_look_detects_its_standard_deviation(off: float) -> None:
    law = normal.scale(off)
    n = law.sample_size(ALPHA)
    for spread in (1 - off, 1 + off):
        truth = 2 * stats.norm.sf(normal.SCALE_DISTANCE / spread)
        assert power(n, law.probability, ALPHA, truth) >= POWER


def test_the_distance_of_the_scale_look_is_nearly_the_best() -> None:
    """Draws needed go as p (1 - p) over the squared slope of p in the scale."""

    def draws(distance: np.ndarray) -> np.ndarray:
        p = 2 * stats.norm.sf(distance)
        return p * (1 - p) / (2 * distance * stats.norm.pdf(distance)) ** 2

    distances = np.linspace(0.5, 3, 2501)
    best = distances[draws(distances).argmin()]
    assert round(float(best), 1) == normal.SCALE_DISTANCE


def test_a_chi_square_would_need_two_thirds_of_the_draws() -> None:
    off = 0.02
    count = normal.scale(off).sample_size(ALPHA)

    def chi_square_power(n: int) -> float:
        low, high = stats.chi2.ppf(ALPHA / 2, n), stats.chi2.isf(ALPHA / 2, n)
        return min(
            stats.chi2.cdf(low / r**2, n) + stats.chi2.sf(high / r**2, n)
            for r in (1 - off, 1 + off)
        )

    assert chi_square_power(int(0.70 * count)) >= POWER
    assert chi_square_power(int(0.60 * count)) < POWER


def test_looks_pass_normal_numbers_and_fail_twelve_uniforms() -> None:
    """Seeded: the count beyond three standard deviations tells the two apart."""
    rng = np.random.default_rng(12)
    law = normal.beyond(3.0, 0.0007)
    n = law.sample_size(ALPHA)
    right = rng.standard_normal(n)
    uniforms = sum(rng.random(n) for _ in range(12)) - 6
    for numbers, passes in ((right, True), (uniforms, False)):
        count = int((np.abs(numbers) > 3).sum())
        assert (law.p_value(count, n) >= ALPHA) == passes
