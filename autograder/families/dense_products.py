"""DropConnect on ordinary arguments, dense and wide: sums of too many kept products for a
mask to be read, beside sums that fresh masks gave."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from autograder.contract import facts
from autograder.contract.budget import alpha_of
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners, elementwise
from autograder.families.dropped_weights import Wrong, call_weights
from autograder.families.references import (
    ALL,
    ENTRIES,
    LOUD,
    Counts,
    Tally,
    cut,
    departing,
    in_turn,
    pairs_of,
    rows_of,
    spread,
    typed,
    with_loud,
)
from autograder.laws.binomial import EveryKind

#: How many calls; references for each; bits of a call at most, and outputs.
_CALLS, _REFERENCES, _BITS, _OUTPUTS = 64, 3, 60_000, 1600
#: Rows of a call, at most; where there are few, outputs are many.
_ROWS = (1, 2, 5, 16, 64, 64)
#: What x and the weights are made of: more often of one sign each, where the kept products
#: tell most about how many they are.
_ONE_SIGN = ("between 0 and 1", "far from 0", "negative")
_MADE = [*product(ENTRIES, ENTRIES), *(2 * [*product(_ONE_SIGN, _ONE_SIGN)])]
SPREAD, PAIRS = "sums beside references", "pairs of sums beside references"
#: 47 marks, and two ways for each of four kinds of pairs, or of two numbers and four places.
LAW = EveryKind(376, detects=0.1, probability=0.25)


class _Call(NamedTuple):
    x: np.ndarray
    weights: np.ndarray
    keep_prob: float
    marks: Sequence[str]


def _calls(trial: Trial) -> Iterator[_Call]:
    rng = trial.rng
    turns = (
        spread(rng, 5, 200, _CALLS).astype(int).tolist(),
        corners.spread_keep_probs(trial, _CALLS),
        *(in_turn(rng, each, _CALLS) for each in (_ROWS, _MADE, LOUD)),
    )
    for d, keep_prob, rows, (of_x, of_w), loud in zip(*turns, strict=True):
        outputs = min(_OUTPUTS, _BITS // d)
        n = min(int(rng.integers(max(1, rows // 2), rows + 1)), outputs // 2)
        c = max(2, min(outputs // n, 20 if rows > 5 else 300))
        x = with_loud(rng, rows_of(rng, of_x, n, d), loud)
        weights = np.ascontiguousarray(rows_of(rng, of_w, c, d).T)
        one_sign = np.unique(np.sign(x)).size == np.unique(np.sign(weights)).size == 1
        sizes = 10.0 ** rng.uniform(-4, 4, 2)
        # Whole numbers stay as they are.
        x *= 1 if of_x == "whole numbers" else sizes[0]
        weights *= 1 if of_w == "whole numbers" else sizes[1]
        (x, weights), types, order = typed(rng, x, weights)
        marks = [
            ALL,
            f"D {cut(d, 11, 25, 60, 120)}",
            f"N {cut(n, 2, 3, 6, 20)}",
            f"C {cut(c, 5, 12, 21)}",
            f"x: {of_x}",
            f"weights: {of_w}",
            f"{loud} input large",
            f"keep_prob {cut(keep_prob, 0.15, 0.3, 0.5, 0.7, 0.85)}",
            f"products of {'one sign' if one_sign else 'either sign'}",
            types,
            order,
        ]
        yield _Call(x, weights, keep_prob, marks)


def _references(call: _Call, rng: np.random.Generator) -> np.ndarray:
    """Return outputs with fresh masks, (R, N, C)."""
    x, weights, p, _ = call
    products = x.astype(float)[:, None] * weights.T.astype(float)
    drawn = [
        np.einsum("ncd,ncd->nc", products, rng.random(products.shape) < p)
        for _ in range(_REFERENCES)
    ]
    return np.array(drawn) / p


def _add(tallies: dict[str, Tally], call: _Call, out: np.ndarray) -> None:
    """Count how far outputs (1 + R, N, C), the student's first, lie from their mean, and the
    difference of two of them, of rows or of outputs: if these shared bits, it would be
    small, or large, as their products are of one sign or not."""
    x, w = call.x.astype(float), call.weights.astype(float)
    error = 2e-5 * (np.abs(x) @ np.abs(w)) / call.keep_prob
    off = out - x @ w
    far, which = np.abs(off), tallies[SPREAD]
    which.add("sums", call.marks, far[0], far[1:], error)
    signed = off * np.sign(x @ w)
    which.add("sums, signed,", call.marks, signed[0], signed[1:], error)
    for place, at in (("first", 0), ("last", -1)):
        mark = [f"of the {place} row"]
        which.add("sums", mark, far[0, at], far[1:, at], error[at])
        mark = [f"of the {place} output"]
        which.add("sums", mark, far[0, :, at], far[1:, :, at], error[:, at])
    size = np.sqrt(x**2 @ w**2)
    size[size == 0] = 1
    off, error = off / size, error / size
    for axis, along in ((0, "rows"), (1, "outputs")):
        for how, (one, two) in pairs_of(out.shape[1 + axis]).items():
            if axis == 0:
                common = (x[one] * x[two]) @ w**2
                a, b, e = off[:, one], off[:, two], error[one] + error[two]
            else:
                common = x**2 @ (w[:, one] * w[:, two])
                a, b, e = off[:, :, one], off[:, :, two], error[:, one] + error[:, two]
            apart = np.abs(a - np.where(common < 0, -1, 1) * b)
            name = f"differences of {how} {along}"
            tallies[PAIRS].add(name, call.marks, apart[0], apart[1:], e)


def _counted(function: StudentFunction, trial: Trial) -> dict[str, Counts]:
    tallies = {SPREAD: Tally(), PAIRS: Tally()}
    calls, rng = [*_calls(trial)], trial.rng
    asked = [(*call[:3], trial.generator()) for call in calls]
    results = function.each(asked)
    for call, args, result in zip(calls, asked, results, strict=True):
        shape, text = (len(call.x), call.weights.shape[1]), call_weights(*args[:3])
        own = facts.float_array(result, shape, text, "out").astype(float)
        out = np.concatenate([own[None], _references(call, rng)])
        _add(tallies, call, out)
    return {look: tally.counts() for look, tally in tallies.items()}


def judge(function: StudentFunction, trial: Trial) -> None:
    """Check that sums lie as far from their mean as those of fresh masks, and that rows and
    outputs do not share bits."""
    counts = _counted(function, trial)
    look = departing(counts, LAW, alpha_of(trial.check.exercise.chapter))
    name = Wrong.sums_spread_otherwise
    if look == PAIRS:
        name = elementwise.Wrong.bits_depend_on_each_other
    text = f"dense x, outputs beside {_REFERENCES} with fresh masks: {{}}"
    trial.judge_kinds(look, counts[look], text, name)


LOOKS = {SPREAD: LAW, PAIRS: LAW}
