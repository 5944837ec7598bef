"""The law of ranks is held to SciPy, to every order of a few values, and to its promises."""

from itertools import permutations
from math import comb, log

import numpy as np
import pytest
from scipy import stats

from autograder.contract.budget import alpha_of
from autograder.contract.exercise import find_exercise
from autograder.contract.trial import Trial
from autograder.families import ordinary_calls
from autograder.families.ordinary_batches import CALLS, INPUTS, NUMBERS, ordinary
from autograder.grading.local import LocalFunction
from autograder.laws.ranks import Ranks, pairs_below
from tests import bank

_SIZES = [(1, 1), (2, 3), (4, 2), (3, 4)]


@pytest.mark.parametrize(("asked", "others"), _SIZES)
def test_the_law_of_one_group_is_that_of_all_orders(asked: int, others: int) -> None:
    counts = np.zeros(asked * others + 1)
    for order in permutations(range(asked + others)):
        counts[sum(a > b for a in order[:asked] for b in order[asked:])] += 1
    assert pairs_below(asked, others, 1) == pytest.approx(counts / counts.sum())


@pytest.mark.parametrize(("asked", "others"), [(5, 20), (6, 9)])
def test_one_group_has_scipys_p_values(asked: int, others: int) -> None:
    exponents = Ranks(asked, others, 1).exponents(1)
    rng = np.random.default_rng(3)
    for _ in range(20):
        values = rng.random(asked + others)
        less = stats.mannwhitneyu(
            values[:asked], values[asked:], alternative="less", method="exact"
        )
        more = stats.mannwhitneyu(
            values[:asked], values[asked:], alternative="greater", method="exact"
        )
        tail = min(less.pvalue, more.pvalue)
        assert np.exp(-exponents[int(less.statistic)]) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize("groups", [2, 4, 28])
def test_of_groups_the_numbers_add_up(groups: int) -> None:
    found = pairs_below(5, 20, groups)
    pairs, each = np.arange(len(found)), 5 * 20
    assert len(found) == groups * each + 1
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert found @ pairs == pytest.approx(groups * each / 2)
    variance = groups * each * (5 + 20 + 1) / 12
    assert found @ (pairs - groups * each / 2) ** 2 == pytest.approx(variance)
    assert found[0] == pytest.approx(comb(25, 5) ** -float(groups), rel=1e-9)


def test_p_values_are_valid_for_every_level() -> None:
    law = Ranks(5, 20, kinds=1)
    for groups in (1, 4):
        weights, exponents = pairs_below(5, 20, groups), law.exponents(groups)
        p_values = np.array([law.p_value(t, 100 * groups) for t in exponents.tolist()])
        for level in p_values:
            assert weights[p_values <= level].sum() <= level * (1 + 1e-9)
        low, high = law.accepted(100 * groups, 1e-6)
        inside = np.flatnonzero(p_values >= 1e-6)
        assert (low, high) == (inside[0], inside[-1])


@pytest.mark.parametrize("look", ordinary_calls.LAWS)
def test_four_batches_of_a_kind_are_enough_to_see_what_is_always_greater(
    look: str,
) -> None:
    law, alpha = ordinary_calls.LAWS[look], alpha_of("backward")
    assert law.sample_size(alpha) <= 4 * law.asked * law.others
    assert 4 * log(comb(law.asked + law.others, law.asked)) > law.exponent(alpha) + 5


@pytest.mark.parametrize("seed", range(4))
def test_ordinary_batches_are_what_the_statement_promises(seed: int) -> None:
    forms = [*ordinary(np.random.default_rng(seed))]
    assert len(forms) == CALLS and {form.law for form in forms} == {*INPUTS}
    for form in forms:
        batch, p = form.batch, form.batch.keep_prob
        z = batch.x.astype(float) @ batch.params["W1"] + batch.params["b1"]
        active = int((z > 0).sum())
        assert 0.02 <= p <= 0.98 and set(form.numbers) == {*NUMBERS}
        # Two masks are alike in all active units with a probability below this.
        assert (p**2 + (1 - p) ** 2) ** active < 1e-18
        most = (np.maximum(z, 0) / p @ np.abs(batch.params["W2"])).max()
        assert most + np.abs(batch.params["b2"]).max() < 1000
        assert set(np.unique(batch.y)) <= set(range(len(batch.params["b2"])))


def test_the_kinds_are_as_many_as_the_laws_count() -> None:
    forms = [*ordinary(np.random.default_rng(5))]
    kinds = sum(len(members) for _, members in ordinary_calls._kinds(forms))
    for look, law in ordinary_calls.LAWS.items():
        assert law.kinds == kinds * len(ordinary_calls._VALUES[look])


@pytest.mark.parametrize("seed", range(6))
def test_values_of_right_calls_have_ranks_of_every_size(seed: int) -> None:
    exercise = find_exercise("dropout_mlp_gradients")
    solution = bank.solution(exercise.chapter)[exercise.name]
    function = LocalFunction(exercise.name, solution)
    reads = ordinary_calls._read(function, Trial(exercise.checks[-1], seed))
    for look, law in ordinary_calls.LAWS.items():
        for value in ordinary_calls._VALUES[look]:
            above = sum(read.above[value] for read in reads)
            assert law.exponents(CALLS)[above] < 12
