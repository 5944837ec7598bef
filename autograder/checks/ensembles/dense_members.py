"""Monte Carlo on ordinary arguments: averages of which no mask can be read, beside averages
that fresh masks gave."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from autograder.checks.ensembles import one_member, shared
from autograder.contract import facts
from autograder.contract.budget import alpha_of
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners
from autograder.families.ensemble import Case, softmax
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

#: How many calls; references for each; units, or probabilities, of all samples of a call, and
#: rows, at most; and of all samples of a row.
_CALLS, _REFERENCES, _WORK, _ROWS, _ROW = 64, 3, 36_000, 300, 10_000
SPREAD, PAIRS = "averages beside references", "pairs of averages beside references"
#: At most 75 marks, and two ways for each of two numbers and two rows, one for two pairs.
LAW = EveryKind(460, detects=0.2, probability=0.25)
#: Bounds of the marks of magnitudes, in which x, weights and biases have no gap.
_SIZES = (1e-3, 1, 3, 30, 300, 1e4)
_BIASES = (0.3, 3, 30, 100)
#: How much rows have in common.
_ALIKE = (0.85, 0.95, 0.99)
#: The largest logit of a member, and where float32 has digits enough.
_LARGEST, _FEW = 950, 60
#: Twice what five digits of probabilities allow, and what float32 adds at such logits.
_ERROR = 4e-5
#: By how much a row may be off for it to be said that digits are lost.
_DIGITS = 2e-3


class _Call(NamedTuple):
    case: Case
    samples: int
    marks: list[str]


def _calls(trial: Trial) -> Iterator[_Call]:
    """Yield calls of 1 to 200 samples on 1 to 200 inputs, of more classes and of fewer."""
    rng = trial.rng
    turns = zip(
        spread(rng, 1, 201, _CALLS).astype(int).tolist(),
        spread(rng, 1, 201, _CALLS).astype(int).tolist(),
        spread(rng, 2, 26, _CALLS).astype(int).tolist(),
        corners.spread_keep_probs(trial, _CALLS),
        # Logits spread over the masks by so much; most moderately.
        spread(rng, 0.7, 4, _CALLS) ** in_turn(rng, (1, 1, 3), _CALLS),
        rng.permutation([*_spread_twice(rng)]).tolist(),
        (spread(rng, 0.01, 400, _CALLS) * in_turn(rng, (1, -1), _CALLS)).tolist(),
        *(in_turn(rng, each, _CALLS) for each in (ENTRIES, LOUD, _ALIKE)),
        strict=True,
    )
    for d, samples, c, p, loudness, size, shift, of_x, loud, alike in turns:
        samples = max(1, min(samples, _ROW // d))
        n = int(max(2, min(_ROWS, _WORK // (samples * max(c, d)))))
        x = with_loud(rng, rows_of(rng, of_x, n, d, alike), loud)
        weights, bias = _around(rng, x, p, c, float(loudness))
        x, weights, bias = x * size, weights / size, bias + shift
        moderate = _largest(x, weights, bias, p) < _FEW
        (x, weights), types, order = typed(rng, x, weights, single=bool(moderate))
        case = Case(x, weights, bias, p)
        marks = [f"x: {of_x}", f"{loud} input large", types, order]
        marks.append(f"logits that vary by {cut(float(loudness), 3, 10)}")
        yield _Call(case, samples, [*_marks(case, samples), *marks])


def _marks(case: Case, samples: int) -> Iterator[str]:
    """Yield what a call's sizes and magnitudes are."""
    (d, c), p = case.weights.shape, case.keep_prob
    more = "D > C" if d > c else "D <= C"
    yield from (ALL, more, f"D {cut(d, 2, 5, 12, 40, 100)}")
    yield from (f"C {cut(c, 3, 6, 12)}", f"samples {cut(samples, 2, 6, 20, 70)}")
    if samples > 1:
        yield f"{more}, samples > 1"
    yield f"keep_prob {cut(p, 0.15, 0.3, 0.5, 0.7, 0.85)}"
    for name, array, bounds in (
        ("x", case.x, _SIZES),
        ("weights", case.weights, _SIZES),
        ("bias", case.bias, _BIASES),
    ):
        yield f"{name} up to {cut(float(np.abs(array).max()), *bounds)}"


def _spread_twice(rng: np.random.Generator) -> Iterator[float]:
    """Yield sizes of x: half of them usual, half from all over the range."""
    yield from spread(rng, 0.1, 500, _CALLS // 2).tolist()
    yield from spread(rng, 1e-5, 1e5, _CALLS - _CALLS // 2).tolist()


def _around(
    rng: np.random.Generator, x: np.ndarray, p: float, c: int, loudness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (D, C) behind which logits vary by about so much over the masks, and a
    bias that takes away the mean of most of them, lest one class have all."""
    weights = rng.standard_normal((x.shape[1], c))
    noise = np.sqrt((1 - p) / p * (x**2 @ weights**2)).mean()
    weights *= loudness / max(float(noise), 1e-9)
    bias = rng.uniform(-1, 1, c)
    most = _largest(x, weights, bias, p) + np.abs(x.mean(axis=0) @ weights).max()
    weights *= min(1.0, (_LARGEST - 450) / most)
    return weights, bias - x.mean(axis=0) @ weights


def _largest(x: np.ndarray, weights: np.ndarray, bias: np.ndarray, p: float) -> float:
    """Return a bound on the largest logit of all members."""
    return float((np.abs(x) @ np.abs(weights) / p + np.abs(bias)).max())


def _references(call: _Call, rng: np.random.Generator) -> np.ndarray:
    """Return averages of fresh members, (R, N, C)."""
    x, w, bias = (
        a.astype(float) for a in (call.case.x, call.case.weights, call.case.bias)
    )
    p = call.case.keep_prob
    masks = rng.random((_REFERENCES, call.samples, *x.shape)) < p
    members: np.ndarray = softmax((masks * (x / p)) @ w + bias).mean(axis=1)
    return members


def _add(tallies: dict[str, Tally], call: _Call, found: np.ndarray) -> None:
    """Count how far averages (1 + R, N, C), the student's first, lie from the prediction
    without dropout, in all and to the side where logits are large with more units, and how
    far those of two rows, which are alike, lie from each other: if these shared masks, they
    would be nearer. No such number changes by more than the averages do."""
    off = found - call.case.scaled
    more = call.case.x.astype(float) @ call.case.weights
    more -= more.mean(axis=1, keepdims=True)
    more /= np.maximum(np.sqrt((more**2).sum(axis=1, keepdims=True)), 1e-300)
    far = np.sqrt((off**2).sum(axis=-1))
    which = tallies[SPREAD]
    which.add("averages", call.marks, far[0], far[1:], _ERROR)
    along = (off * more).sum(axis=-1)
    which.add("averages, signed,", call.marks, along[0], along[1:], _ERROR)
    for place, at in (("first", 0), ("last", -1)):
        which.add("averages", [f"of the {place} row"], far[0, at], far[1:, at], _ERROR)
    for how, (one, two) in pairs_of(found.shape[1]).items():
        apart = np.sqrt(((off[:, one] - off[:, two]) ** 2).sum(axis=-1))
        name = f"differences of {how} rows"
        args = name, call.marks, apart[0], apart[1:], 2 * _ERROR
        which.add(*args, "farther out")
        tallies[PAIRS].add(*args, "nearer")


def _counted(function: StudentFunction, trial: Trial) -> dict[str, Counts]:
    """Return what is counted, by look, which the checks of one grading share."""
    if "dense" not in trial.notes:
        tallies = {SPREAD: Tally(), PAIRS: Tally()}
        sums: list[tuple[float, float, float, str]] = []
        calls, rng = [*_calls(trial)], trial.rng
        asked = [(*c.case.given, c.samples, trial.generator()) for c in calls]
        results = function.each(asked)
        for call, result in zip(calls, results, strict=True):
            text = call.case.call(function.name, call.samples, "rng")
            own = facts.float_array(result, call.case.shape, text).astype(float)
            totals = own.sum(axis=1)
            off = np.abs(totals - 1)
            sums.append(
                (
                    float(off.max()),
                    float(totals[off.argmax()]),
                    float(np.ptp(totals)),
                    text,
                )
            )
            _add(tallies, call, np.concatenate([own[None], _references(call, rng)]))
        trial.notes["sums"] = sums
        trial.notes["dense"] = {look: tally.counts() for look, tally in tallies.items()}
    counts: dict[str, Counts] = trial.notes["dense"]
    return counts


def expect_probabilities(function: StudentFunction, trial: Trial) -> None:
    """Check that each row adds up to 1, to the digits that the statement asks for."""
    _counted(function, trial)
    off, total, apart, text = max(trial.notes["sums"])
    # Rounding moves each row another way.
    rounds = off < _DIGITS and apart > off / 2
    more = one_member.Wrong.divides_by_another_number
    trial.expect(
        off < _ERROR,
        f"{text}: a row adds up to {total:.6g}; expected 1.",
        shared.Wrong.loses_digits if rounds else more,
    )


def judge(look: str, function: StudentFunction, trial: Trial, mistake: str) -> None:
    """Check that averages lie as far from the prediction without dropout as those of fresh
    masks (``SPREAD``), and that rows do not share masks (``PAIRS``). One of them fails
    alone."""
    counts = _counted(function, trial)
    if look == departing(counts, LAW, alpha_of(trial.check.exercise.chapter)):
        text = f"ordinary arguments, beside {_REFERENCES} with fresh masks: {{}}"
        trial.judge_kinds(look, counts[look], text, mistake)
