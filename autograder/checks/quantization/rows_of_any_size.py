"""Rows of any size that keep a fixed number each: units, pairs and rows in calls of every
kind."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
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
    entries,
    everywhere,
    kinds,
    lags,
)
from autograder.families.elementwise import Wrong, call_text

#: The look of ``judge_choice``; ``judge_apart`` has ``lags.LARGE``.
CHOICE = "units and pairs in calls of every kind"


def _of_any_size(
    trial: Trial, rng: np.random.Generator, number: int, rows: int, zeros: bool = False
) -> kinds.Given:
    """Return a call on about so many units, two or more in a row; some may be ``zeros``."""
    n, d = kinds.sides(rng, number, 2, rows)
    share = kinds.some_share(rng, zeros)
    x, marks = kinds.any_array(rng, (n, max(d, 2)), zeros=share)

    def read(result: Any, share: float, name: str) -> np.ndarray:
        call = call_text(name, x.shape, count(x, share))
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        return np.array(out != 0)

    shown = x != 0 if zeros else None

    def alike(bits: np.ndarray, _: float) -> bool:
        """Return whether rows are, as those of whoever chooses by place."""
        seen = True if shown is None else shown
        return not ((bits & seen).any(axis=0) & (~bits & seen).any(axis=0)).any()

    return kinds.Given((x,), marks, x, read, shown=shown, may_stay=alike)


def count(x: np.ndarray, share: float) -> int:
    """Return about this share of a row's units: one at least, and not all of several."""
    d = int(x.shape[1])
    return max(1, min(round(share * d), d - 1))


def _by_count(function: StudentFunction, trial: Trial) -> everywhere.Reordered:
    return everywhere.Reordered(
        function, lambda x, share, rng: (x, count(x, share), rng)
    )


KINDS = kinds.Kinds(
    _of_any_size,
    modes=False,
    of=_by_count,
    zeros=partial(_of_any_size, zeros=True),
    asked=lambda given, share: f"keep_count = {count(given.values, share)}",
)


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
        if given.shown is not None:
            continue  # How many are kept does not show.
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
        within, between = departures.in_rows(function, trial, KINDS, count)
        kept, alike = _by_entries(function, trial)
        within, between = {**within, **kept}, {**between, **alike}
        apart, chosen = (
            lags.LAW.farthest(counts)[1] if counts else 0.0
            for counts in (between, within)
        )
        trial.notes["rows"] = within, between, apart > 4 * chosen
    found: tuple[lags.Counts, lags.Counts, bool] = trial.notes["rows"]
    return found


#: How many calls have zeros, how many times each kind of entries has its turn, how many
#: rows each call has, and how many units a row at least and at most.
_ZEROS, _TURNS, _ROWS, _WIDTHS = 12, 2, 100, (4, 25)
_PLACES = ("first", "in the middle", "last")


def _of_entries(trial: Trial) -> list[tuple[str, np.ndarray, int]]:
    """Return calls with entries of each kind, and with rows most of which is 0: what is said
    of these, x, and how many units are kept. Where bits are read none is 0."""
    rng, calls = trial.rng, list[tuple[str, np.ndarray, int]]()
    turns = entries.in_turn(rng)
    whose = [*islice(turns, _TURNS * entries.TURNS), *[None] * _ZEROS]
    for kind, share in zip(
        whose, corners.spread_keep_probs(trial, len(whose)), strict=True
    ):
        d = int(rng.integers(*_WIDTHS))
        x, of = usual(rng, (_ROWS, d)), "others are 0"
        if kind is None:
            zeros = np.flatnonzero(rng.random(d) < rng.uniform(0.5, 1))
            x[:, np.setdiff1d(zeros, _places(d))] = 0
        else:
            x, of = kind.make(x, 0.0), f"{kind.signs}, {kind.entries}"
        calls.append((of, x, count(x, share)))
    return calls


def _places(d: int) -> list[int]:
    return [0, d // 2, d - 1]


def _by_entries(
    function: StudentFunction, trial: Trial
) -> tuple[lags.Counts, lags.Counts]:
    """Return, by kinds of entries, how often the first unit of a row, the middle one and
    the last one are kept, and how often they are alike in a row and the next one."""
    calls = _of_entries(trial)
    given = [(x, number, trial.generator()) for _, x, number in calls]
    kept, alike = (
        defaultdict[str, list[float]](list),
        defaultdict[str, list[float]](list),
    )
    for (of, x, number), result in zip(calls, function.each(given), strict=True):
        call, d = call_text(function.name, x.shape, number), x.shape[1]
        out = facts.float_array(facts.pair(result, call)[0], x.shape, call, "out")
        bits, p = out[:, _places(d)] != 0, number / d
        same = (bits[::2] == bits[1::2]).sum(axis=0).tolist()
        for place, n, k in zip(_PLACES, bits.sum(axis=0).tolist(), same, strict=True):
            where = f"{place} in its row, {of}"
            kept[f"{by_values.BY_PLACE}{where}"] += (_ROWS, n, _ROWS * p)
            pairs = _ROWS // 2
            alike[f"alike in the next row, {where}"] += (
                *(pairs, k),
                pairs * (p**2 + (1 - p) ** 2),
            )
    return _summed(kept), _summed(alike)


def _summed(counts: Mapping[str, list[float]]) -> lags.Counts:
    return {
        kind: (int(sum(n[::3])), int(sum(n[1::3])), sum(n[2::3]))
        for kind, n in counts.items()
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
