"""kept_count_distribution: give the distribution of the number of kept units."""

import itertools
import math
from collections.abc import Callable, Iterable

import numpy as np

from autograder.checks.ensembles.shared import Wrong as Ensemble
from autograder.checks.quantization.shared import naming_errors
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families.corners import spread_keep_probs
from autograder.families.magnitudes import near_the_ends
from autograder.families.properties import stated
from autograder.families.rivals import first

exercise = Exercise(
    "kept_count_distribution",
    chapter="quantization",
    title="Give the distribution of the number of kept units",
    signature="kept_count_distribution(n, keep_prob) -> array",
    section="quant-count",
    takes={
        "n": domain.whole_numbers("1 <= `n` <= 2000", 1, 2000),
        "keep_prob": domain.keep_probs_from_0("0 <= `keep_prob` <= 1").also(
            **domain.close_to_the_ends(1e-14)
        ),
    },
)


class Wrong(Mistakes, section="quant-count"):
    misses_a_count = """of n units none to all can be kept: these are n + 1 counts, and
        you give n."""
    counts_the_dropped_units = """this is the distribution of the number of dropped
        units; entry k is the probability that k units are kept."""
    forgets_the_binomial_coefficient = """you give the probability of one mask with k
        kept units; there are n over k of them."""
    counts_masks_as_equally_likely = """you count the masks with k kept units and do not
        weigh them with keep_prob; they are equally likely at keep_prob = 0.5 alone."""
    forgets_the_factor_of_the_dropped = """the factor (1 − keep_prob) ** (n − k) is
        missing: the other units must be dropped."""
    gives_cumulative_probabilities = """your entries add up the probabilities of several
        counts; entry k is that of exactly k kept units."""
    leaves_out_the_empty_mask = """your distribution excludes the mask that keeps
        nothing; it has probability (1 − keep_prob) ** n."""
    leaves_out_the_full_mask = """your distribution excludes the mask that keeps
        everything; it has probability keep_prob ** n, and range(n) ends at n - 1."""
    gives_the_fractions = """these are the possible fractions k / n; give their
        probabilities."""
    approximates_the_distribution = """your probabilities are near the exact ones:
        either a normal or a Poisson law stands for the binomial one, or they are
        simulated, or a number is rounded, bounded or added on the way."""
    simulates_the_distribution = """your answer changes from call to call, as a
        simulation's does; the probabilities have a formula."""
    is_no_binomial_distribution = """these are not the probabilities of a sum of n
        independent units, each kept with probability keep_prob."""
    overflows_for_many_units = """right for few units; for many the factorials or
        binomial coefficients are larger than any float. Add logarithms, or add one
        unit at a time."""
    underflows_for_many_units = """right for few units; for many a power such as (1 −
        keep_prob) ** n is rounded to 0 and takes the rest with it. Add logarithms, or
        add one unit at a time."""
    loses_digits_for_many_units = """right for few units and wrong for many: either
        whole numbers wrap around beyond 2**63, or an approximation or rounding errors
        grow, or keep_prob or n is bounded."""
    fails_at_keep_prob_zero_or_one = """right for other keep probabilities and wrong at
        0 or 1, or next to them: either a logarithm of 0 is taken, or something is divided
        by 0, or keep_prob is kept from there, or taken for 0 or 1."""


_FEW = ((8, 0.1234), (1, 0.8), (2, 0.3), (5, 0.3), (10, 0.8), (12, 0.35))
_FEW_AT_ENDS = (
    *((1, 0.02), (3, 0.999), (7, 0.001), (9, 0.97), (12, 0.01), (12, 1e-7)),
    (3, 1 - 1e-6),
)
_MANY = (
    *((30, 0.3), (100, 0.8), (600, 0.3), (1500, 0.8), (2000, 0.5), (2000, 0.003)),
    *((40, 0.02), (63, 0.05), (171, 0.1), (1030, 0.6), (1999, 0.97), (2000, 0.999)),
    *((2000, 0.0007), (2000, 1e-7), (2000, 1 - 1e-7)),
)
#: Where what is taken for 0 or 1 shows, and what is kept from there.
_NEXT_TO_THE_EDGES = ((11, 1e-300), (2000, 1e-14), (2000, 1 - 1e-14))
_LOG_FACTORIAL = np.array([math.lgamma(k + 1) for k in range(2001)])


def _binomial(n: int, keep_prob: float) -> np.ndarray:
    """Return the n + 1 probabilities, for 0 <= keep_prob <= 1."""
    if keep_prob in (0, 1):
        found = np.zeros(n + 1)
        found[round(keep_prob * n)] = 1.0
        return found
    logs, k = _LOG_FACTORIAL[: n + 1], np.arange(n + 1)
    odds = k * math.log(keep_prob) + k[::-1] * math.log1p(-keep_prob)
    exact: np.ndarray = np.exp(logs[n] - logs - logs[::-1] + odds)
    return exact


def _inside(trial: Trial, numbers: Iterable[int]) -> list[tuple[int, float]]:
    """Return keep probabilities from all over the range with these numbers of units, in
    turn."""
    shares = spread_keep_probs(trial) + near_the_ends(trial.rng)
    return list(zip(itertools.cycle(numbers), shares))


def _call(n: int, keep_prob: float) -> str:
    return f"kept_count_distribution({n}, {keep_prob})"


def _read(function: StudentFunction, n: int, keep_prob: float) -> np.ndarray:
    """Return n + 1 finite floats. Raises ``CheckFailure``."""
    result, call = function(n, keep_prob), _call(n, keep_prob)
    if isinstance(result, np.ndarray) and result.shape == (n,):
        message = f"{call} returned {n} probabilities; expected {n + 1}."
        raise CheckFailure(message, Wrong.misses_a_count)
    return facts.float_array(result, (n + 1,), call)


def _is_an_array(function: StudentFunction, trial: Trial) -> None:
    """The result is an array of n + 1 floats, the same at every call."""
    for case in _FEW:
        one, other = _read(function, *case), _read(function, *case)
        trial.expect(
            facts.close(one, other),
            f"{_call(*case)} gave two different answers in two calls; expected the same "
            "one.",
            Wrong.simulates_the_distribution,
        )


def _expect_right(
    found: np.ndarray, n: int, keep_prob: float, mistake: Callable[..., str]
) -> None:
    """Raise ``CheckFailure`` unless these are the n + 1 probabilities."""
    expected = _binomial(n, keep_prob)
    if not facts.close(found, expected):
        # Where it is furthest beyond its digits: 1 and 1 - 1e-11 would look alike.
        k = int(np.argmax(np.abs(found - expected) - 1e-5 * expected))
        raise CheckFailure(
            f"{_call(n, keep_prob)} sums to {found.sum():.6g}; entry by entry expected "
            f"{expected[k]:.6g} at ({k},), found {found[k]:.6g}.",
            mistake(found, n, keep_prob),
        )


def _is_right_for_few(function: StudentFunction, trial: Trial) -> None:
    """Entry k is the probability that exactly k of n units are kept, for n up to 12."""
    for case in (*_FEW[::-1], *_FEW_AT_ENDS, *_inside(trial, range(1, 13))):
        _expect_right(_read(function, *case), *case, _few_mistake)


def _few_mistake(found: np.ndarray, n: int, p: float) -> str:
    k, right, q = np.arange(n + 1), _binomial(n, p), 1 - p
    ways, above_zero = 2.0**n * _binomial(n, 0.5), np.where(k > 0, right, 0.0)
    below_n = np.where(k < n, right, 0.0)
    at_least = np.cumsum(right[::-1])[::-1]
    rivals = {
        Wrong.counts_the_dropped_units: right[::-1],
        Wrong.forgets_the_binomial_coefficient: p**k * q ** (n - k),
        Wrong.counts_masks_as_equally_likely: [ways, ways / 2**n],
        Wrong.forgets_the_factor_of_the_dropped: ways * p**k,
        Wrong.gives_cumulative_probabilities: [np.cumsum(right), at_least],
        Wrong.leaves_out_the_empty_mask: [above_zero, above_zero / (1 - q**n)],
        Wrong.leaves_out_the_full_mask: [below_n, below_n / max(1 - p**n, 1e-300)],
        Wrong.gives_the_fractions: k / n,
        Ensemble.returns_logarithms: np.log(right),
    }
    near = np.abs(found - right).max() < 0.15
    other = Wrong.approximates_the_distribution
    # Next to an end one mask has all but a millionth, and wrong formulas are alike.
    if min(p, q) < 1e-6:
        rivals = {}
    return first(found, rivals) or (
        other if near else Wrong.is_no_binomial_distribution
    )


def _is_right_for_many(function: StudentFunction, trial: Trial) -> None:
    """The same for n up to 2,000, where a binomial coefficient overflows."""
    overflows = Wrong.overflows_for_many_units
    trial.notes["wrong for many"] = True
    drawn = np.geomspace(15, 2000, 20) * trial.rng.uniform(0.9, 1, 20)
    for n, keep_prob in (*_MANY, *_inside(trial, np.ceil(drawn).astype(int).tolist())):
        call = _call(n, keep_prob)
        with naming_errors(call, {"OverflowError": overflows}):
            found = function(n, keep_prob)
        if isinstance(found, np.ndarray) and found.dtype.kind == "f":
            whole = f"{call} holds NaN or infinity; expected finite numbers."
            trial.expect(np.isfinite(found).all(), whole, overflows)
        found = facts.float_array(found, (n + 1,), call)
        _expect_right(found, n, keep_prob, _many_mistake)
    trial.notes["wrong for many"] = False


def _many_mistake(found: np.ndarray, n: int, keep_prob: float) -> str:
    least = min(keep_prob, 1 - keep_prob)
    # Other powers than those below any float do not become 0.
    lost = found.sum() < 0.99 and n * math.log(max(least, 1e-300)) < -700
    lost = lost and ((found == 0) & (_binomial(n, keep_prob) > 1e-6)).any()
    other = Wrong.loses_digits_for_many_units
    return Wrong.underflows_for_many_units if lost else other


def _is_right_at_the_edges(function: StudentFunction, trial: Trial) -> None:
    """At keep_prob = 0 the count is 0, at keep_prob = 1 it is n, next to them nearly."""
    fails = many_fail = Wrong.fails_at_keep_prob_zero_or_one
    if trial.notes.get("wrong for many"):
        many_fail = Wrong.loses_digits_for_many_units
    drawn = trial.rng.integers((3, 13, 100, 600, 1030), (13, 100, 600, 1030, 2000))
    numbers = (1, 2, 6, 40, 400, *drawn.tolist(), 2000)
    for n, keep_prob in itertools.product(numbers, (0.0, 1.0)):
        call, expected = _call(n, keep_prob), _binomial(n, keep_prob)
        # Of many units an error may be that of their number, as a recursion's is.
        many = {"OverflowError": Wrong.overflows_for_many_units}
        with naming_errors(call, {"": fails} if n <= 400 else many):
            found = function(n, keep_prob)
        if not isinstance(found, list) and getattr(found, "shape", ()) != (n + 1,):
            trial.fail(f"{call} returned {facts.describe(found)}.", fails)
        found = facts.floats(found, (n + 1,), call)
        if facts.close(found, expected):
            continue
        beginning = np.array2string(np.asarray(found)[:6], precision=4)
        trial.fail(
            f"{call}: expected probability 1 for {expected.argmax()} and 0 for every "
            f"other count, found {beginning} at the beginning.",
            Wrong.counts_the_dropped_units
            if facts.close(found, expected[::-1])
            else many_fail
            if n > 12
            else fails,
        )
    for n, keep_prob in _NEXT_TO_THE_EDGES:
        if n <= 12 or not trial.notes.get("wrong for many"):
            with naming_errors(_call(n, keep_prob), {"": fails}):
                found = _read(function, n, keep_prob)
            _expect_right(found, n, keep_prob, lambda *_: fails)


_KIND, _FORMULA = "returns_one_float_for_each_count", "gives_the_chance_of_each_count"
_MANY_UNITS, _EDGES = (
    "stays_exact_for_many_units",
    "one_count_is_certain_at_zero_and_one",
)
exercise.asks(0.25, _KIND, stated(_is_an_array))
exercise.asks(1.0, _FORMULA, stated(_is_right_for_few), after=_KIND)
exercise.asks(0.5, _MANY_UNITS, stated(_is_right_for_many), after=_FORMULA)
exercise.asks(0.25, _EDGES, stated(_is_right_at_the_edges), after=_FORMULA)
