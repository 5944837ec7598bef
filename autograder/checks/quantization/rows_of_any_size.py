"""Rows of any size that keep a fixed number each: units, pairs and rows in calls of every
kind."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.budget import alpha_of
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial, usual
from autograder.families import (
    by_values,
    corners,
    departures,
    everywhere,
    kinds,
    lags,
)
from autograder.families.elementwise import Wrong, call_text

#: The look of ``judge_choice``; ``judge_apart`` has ``lags.LARGE``.
CHOICE = "units and pairs in calls of every kind"


def _of_any_size(
    trial: Trial, rng: np.random.Generator, number: int, rows: int
) -> kinds.Given:
    """Return a call on about so many units, two or more in a row."""
    n, d = kinds.sides(rng, number, 2, rows)
    x, marks = kinds.any_array(rng, (n, max(d, 2)))

    def read(result: Any, share: float, name: str) -> np.ndarray:
        call = call_text(name, x.shape, count(x, share))
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        return np.array(out != 0)

    return kinds.Given((x,), marks, x, read)


def count(x: np.ndarray, share: float) -> int:
    """Return about this share of a row's units: one at least, and not all of several."""
    d = int(x.shape[1])
    return max(1, min(round(share * d), d - 1))


def _by_count(function: StudentFunction, trial: Trial) -> everywhere.Reordered:
    return everywhere.Reordered(
        function, lambda x, share, rng: (x, count(x, share), rng)
    )


KINDS = kinds.Kinds(_of_any_size, modes=False, of=_by_count)


def expect_counts(
    function: StudentFunction,
    trial: Trial,
    mistake: Callable[[np.ndarray, int], str],
) -> None:
    """Check that in calls of every kind each row keeps its number of units; ``mistake``, by
    masks and that number, is behind another."""
    for call in filter(None, everywhere.read_bits(function, trial, KINDS)):
        given, share, _, masks = call
        number = count(given.values, share)
        kept = np.concatenate(masks).sum(axis=1)
        worst = int(kept[np.abs(kept - number).argmax()])
        if worst != number:
            trial.fail(
                f"{call_text(function.name, given.values.shape, number)}: a row keeps "
                f"{worst} units; expected {number}.",
                mistake(np.stack(masks), number),
            )


def _counted(
    function: StudentFunction, trial: Trial
) -> tuple[lags.Counts, lags.Counts, bool]:
    """Return the counts in rows and between them, and whether it is between them that
    something is wrong; all checks of one grading share them.

    Rows that are alike upset the counts in them a little, and uneven choice those of two
    rows about as much as those in one: what departs further by far fails alone."""
    if "rows" not in trial.notes:
        within, between = departures.in_rows(function, trial, KINDS)
        within = {**within, **_beside_zeros(function, trial)}
        apart, chosen = (
            lags.LAW.farthest(counts)[1] if counts else 0.0
            for counts in (between, within)
        )
        trial.notes["rows"] = within, between, apart > 4 * chosen
    found: tuple[lags.Counts, lags.Counts, bool] = trial.notes["rows"]
    return found


#: How many calls have zeros, and how many rows each.
_CALLS, _ROWS = 12, 20


def _beside_zeros(function: StudentFunction, trial: Trial) -> lags.Counts:
    """Return how often the first unit of a row, the middle one and the last one are kept
    where most of the others are 0."""
    rng, kept, expected = trial.rng, np.zeros(3), 0.0
    given = []
    for share in corners.spread_keep_probs(trial, _CALLS):
        d = int(rng.integers(4, 30))
        x = usual(rng, (_ROWS, d))
        zeros = np.flatnonzero(rng.random(d) < 0.7)
        x[:, np.setdiff1d(zeros, [0, d // 2, d - 1])] = 0
        given.append((x, count(x, share), trial.generator()))
    for (x, number, _), result in zip(given, function.each(given), strict=True):
        call, d = call_text(function.name, x.shape, number), x.shape[1]
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        kept += np.count_nonzero(out[:, [0, d // 2, d - 1]], axis=0)
        expected += _ROWS * number / d
    places = ("first", "in the middle", "last")
    return {
        f"{by_values.BY_PLACE}{where} in its row, others are 0": (
            _CALLS * _ROWS,
            int(number),
            expected,
        )
        for where, number in zip(places, kept, strict=True)
    }


def judge_choice(
    function: StudentFunction, trial: Trial, together: str, uneven: str
) -> None:
    """Check that units are kept equally often, whatever their entries and places, and
    pairs of them."""
    counts, _, between = _counted(function, trial)
    if between or not counts:
        return
    far = lags.LAW.farthest
    least = lags.LAW.exponent(alpha_of(trial.check.exercise.chapter))
    blocks = {kind: n for kind, n in counts.items() if kind.startswith(lags.NEXT)}
    # Blocks lie unevenly by chance: neighbours tell where they depart about as far.
    if blocks and 3 * far(blocks)[1] > max(far(counts)[1], 3 * least):
        counts = blocks
    kind, _ = far(counts)
    names = {
        by_values.BY_VALUE: Wrong.drops_by_value,
        by_values.BY_PLACE: Wrong.drops_by_place,
        lags.NEXT: together,
    }
    found = (name for start, name in names.items() if kind.startswith(start))
    what = "units kept, or pairs, in calls of every kind, here: {}"
    trial.judge_kinds(CHOICE, counts, what, next(found, uneven))


def judge_apart(function: StudentFunction, trial: Trial, mistake: str) -> None:
    """Check that no row follows from the one before it, nor from the call before."""
    _, counts, between = _counted(function, trial)
    if between:
        what = "units kept in calls of every kind, here: {}"
        again = lags.LAW.farthest(counts)[0] in lags.repeated(counts)
        name = Wrong.reuses_masks if again else mistake
        trial.judge_kinds(lags.LARGE, counts, what, name)
