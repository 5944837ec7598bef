"""Calls of few examples, and x of every size beside the branch: how often branches are
kept, and whether two of them are alike as often as independent ones."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial, usual
from autograder.families import corners, elementwise, kinds, residual
from autograder.families.residual import Branch
from autograder.laws.binomial import EveryKind

#: Numbers of entries of a call from the first to the second, for 2 to 4 axes each; how many
#: branches all calls of each have together, and a call at most.
_ENTRIES = ((2, 9), (10, 30), (31, 100), (101, 300))
_BRANCHES, _MOST = 105, 12
_X = (*residual.SIZES, *residual.SAME)
#: 12 of axes and entries, 3 of axes, 4 of entries, 9 of x, 2 dtypes, 2 orders, and all. Where
#: branches are never dropped at keep probabilities around one half, 60 of them show it.
LAW = EveryKind(33, detects=0.1)
RATE, PAIRS = "calls of few branches", "pairs in calls of few branches"
#: Of so many branches, those kept, and the sum of their probabilities.
_Counts = dict[str, tuple[int, int, float]]


class _Call(NamedTuple):
    branch: np.ndarray
    x: np.ndarray
    keep_prob: float
    marks: tuple[str, ...]


def _shape(rng: np.random.Generator, axes: int, low: int, high: int) -> tuple[int, ...]:
    """Return a random shape of so many entries, about, in a few examples."""
    entries = round(low * (high / low) ** rng.random())
    examples = 1 + int(rng.random() * min(_MOST, entries))
    each = max(-(-low // examples), entries // examples)
    return examples, *kinds.sides(rng, each, axes - 1)


def _calls(trial: Trial) -> Iterator[_Call]:
    """Yield calls with enough branches of each number of axes and entries, x in turn."""
    rng = trial.rng
    turns = itertools.cycle(rng.permutation(_X).tolist())
    for axes, (low, high) in itertools.product((2, 3, 4), _ENTRIES):
        found = 0
        while found < _BRANCHES:
            shape = _shape(rng, axes, low, high)
            which, turned, p = rng.random(3).tolist()
            dtype, order = elementwise.DTYPES[which < 0.5], kinds.ORDERS[turned < 0.5]
            branch, of_x = usual(rng, shape).astype(dtype), next(turns)
            x = residual.beside(branch, of_x, rng)
            if turned < 0.5:
                branch, x = map(corners.transposed, (branch, x))
            size, number = f"{low} to {high} entries", f"{axes} axes"
            marks = "all", size, number, f"{number} and {size}", of_x, str(x.dtype)
            yield _Call(branch, x, 0.3 + 0.4 * p, (*marks, order))
            found += shape[0]


def _counted(function: StudentFunction, trial: Trial) -> dict[str, _Counts]:
    """Return what is counted, by look, which the checks of one grading share."""
    if "few" not in trial.notes:
        calls, rng = [*_calls(trial)], trial.generator()
        given = [(branch, x, p, rng) for branch, x, p, _ in calls]
        results = Branch(function, trial).each(given)
        tallies: dict[str, dict[str, np.ndarray]] = {RATE: {}, PAIRS: {}}
        for call, (added, _) in zip(calls, results, strict=True):
            kept, p = added.reshape(len(added), -1).any(axis=1), call.keep_prob
            even = len(kept) // 2 * 2
            alike = kept[:even:2] == kept[1:even:2]
            for look, events, chance in (
                (RATE, kept, p),
                (PAIRS, alike, p**2 + (1 - p) ** 2),
            ):
                row = np.array([events.size, events.sum(), events.size * chance])
                for mark in call.marks:
                    tallies[look][mark] = tallies[look].get(mark, 0.0) + row
        trial.notes["few"] = {
            look: {
                mark: (round(n), round(k), total)
                for mark, (n, k, total) in tally.items()
                if n
            }
            for look, tally in tallies.items()
        }
    counts: dict[str, _Counts] = trial.notes["few"]
    return counts


def judge(look: str, function: StudentFunction, trial: Trial) -> None:
    """Check that branches are kept at keep_prob (``RATE``), or agree in pairs as independent
    ones do (``PAIRS``). What departs further fails alone."""
    counts = _counted(function, trial)
    farthest = max(counts, key=lambda each: LAW.farthest(counts[each])[1])
    if look != farthest:
        return
    what, name = "branches kept", elementwise.Wrong.keeps_some_calls_at_another_rate
    if look == PAIRS:
        what = "neighbouring branches that are alike (kept or not)"
        name = elementwise.Wrong.bits_depend_on_each_other
    text = f"{what} in calls of few examples at keep_prob from 0.3 to 0.7, here: {{}}"
    trial.judge_kinds(look, counts[look], text, name)
