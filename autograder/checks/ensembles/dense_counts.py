"""Monte Carlo on many units, of which no mask can be read: but how many of them were kept,
on balance, shows in the sum of the probabilities of some classes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners
from autograder.families.ensemble import Case
from autograder.families.references import in_turn, spread


class Wrong(Mistakes, section="ens-montecarlo"):
    multiplies_by_other_numbers = """where there are many units no choice of kept ones gives
        your predictions: either units are multiplied by something else than 0 and
        1 / keep_prob, as in Gaussian dropout, or what is averaged is not the predictions of
        so many samples."""


#: How many calls, and of how many units, classes and rows.
_CALLS, _UNITS, _CLASSES, _ROWS = 24, (9, 200), (2, 12), 25
#: How far a number may be from a whole one, in all but so few of the rows. Of other numbers
#: three in ten are so close to one: all but so few of a call's, once in a million.
_OFF, _FEW = 0.15, 6
#: What five digits of a probability near one half may be off by, twice.
_ERROR = 2e-5


class _Call(NamedTuple):
    """``step`` is what each kept unit adds to the logit of the sum of the probabilities of
    the ``group``, or takes from it; on average that logit is 0, and ``balance`` units more
    add than take, in each row."""

    case: Case
    samples: int
    group: np.ndarray
    step: float
    balance: int


def _step(units: int, keep_prob: float, samples: int) -> tuple[float, int]:
    """Return how much a unit is to add to a logit, and of how many samples, no more than
    these, the average shows how many units were kept: that it bends, and that it has
    five digits, may hide one of ten."""
    variance = units * keep_prob * (1 - keep_prob)
    if samples == 1:
        return float(min(0.5, 3 / variance**0.5)), 1
    bends = (variance + 1.6 * variance**1.5) / 12
    step = (2 * _ERROR / bends) ** (1 / 3)
    most = 0.1 / (bends * step**2 + 4 * _ERROR / step)
    return float(step), int(max(2, min(samples, most)))


def _calls(trial: Trial) -> Iterator[_Call]:
    rng = trial.rng
    turns = zip(
        spread(rng, *_UNITS, _CALLS).astype(int).tolist(),
        spread(rng, *_CLASSES, _CALLS).astype(int).tolist(),
        corners.spread_keep_probs(trial, _CALLS),
        in_turn(rng, (1, 1, 2, 5, 12, 50), _CALLS),
        strict=True,
    )
    for d, c, keep_prob, samples in turns:
        step, samples = _step(d, keep_prob, samples)
        first = int(rng.integers(1, c))
        group = rng.permutation(np.arange(c) < first)
        sizes = np.exp(rng.uniform(-1, 1, d))
        signs, adds = (
            rng.choice((-1, 1), d),
            rng.permutation(np.arange(d) < d * rng.random()),
        )
        # In all rows as many units add as in any other, other units in each.
        ways = np.where(rng.permuted(np.tile(adds, (_ROWS, 1)), axis=1), 1, -1)
        weights = rng.normal(0, 1 / d, (d, 1)) * keep_prob + (
            group * (step * keep_prob * signs / sizes)[:, None]
        )
        bias, balance = rng.uniform(-1, 1, c), int(ways[0].sum())
        odds = np.log(np.exp(bias[group]).sum() / np.exp(bias[~group]).sum())
        bias[group] -= odds + step * keep_prob * balance
        case = Case(ways * signs * sizes, weights, bias, keep_prob)
        yield _Call(case, samples, group, step, balance)


def _whole(call: _Call, found: np.ndarray) -> np.ndarray:
    """Return how many units more were kept that add than that take, in all samples, of each
    row: whole numbers, of right predictions, or nearly."""
    p, rest = (found[:, which].sum(axis=1) for which in (call.group, ~call.group))
    with np.errstate(all="ignore"):
        more = np.log(p / rest) if call.samples == 1 else 2 * (p - rest)
    whole: np.ndarray = more / call.step + call.case.keep_prob * call.balance
    return call.samples * whole


def expect_whole(function: StudentFunction, trial: Trial, *, single: bool) -> None:
    """Check that predictions of a ``single`` sample, or of several, are such as some choice
    of kept units gives, as far as their numbers show."""
    calls = [call for call in _calls(trial) if (call.samples == 1) == single]
    results = function.each(
        [(*call.case.given, call.samples, trial.generator()) for call in calls]
    )
    for call, result in zip(calls, results, strict=True):
        text = call.case.call(function.name, call.samples, "rng")
        found = facts.float_array(result, call.case.shape, text).astype(float)
        whole = _whole(call, found)
        off = ~(np.abs(whole - np.rint(whole)) <= _OFF)
        trial.expect(
            off.sum() <= _FEW,
            f"{text}: in {off.sum()} of {len(off)} rows the probabilities of "
            f"{call.group.sum()} of the classes do not add up to what any number of kept "
            "units gives.",
            Wrong.multiplies_by_other_numbers,
        )
