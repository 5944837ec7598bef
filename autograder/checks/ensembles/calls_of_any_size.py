"""Monte Carlo calls of every kind, of whose generators predictions are to follow."""

from functools import partial
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import entries, everywhere, kinds, repeats
from autograder.families.ensemble import softmax

#: In which share of all but large calls there are up to so many samples, and not up to 3;
#: classes, and from how many rows on they may be as few, for of two masks predictions
#: differ by more than noise that no check of values sees (``repeats``).
_MORE, _SAMPLES = 0.3, 50
_CLASSES, _FEW, _ROWS = (6, 12), 2, 6


def _of_any_size(
    trial: Trial,
    rng: np.random.Generator,
    number: int,
    rows: int,
    kind: entries.Entries | None = None,
    zeros: bool = False,
) -> kinds.Given:
    """Return a call with about so many bits a sample. Logits are moderate, whatever
    keep_prob is: each mask has a prediction of its own."""
    n, d = kinds.sides(rng, number, 2, rows)
    c = int(rng.integers(_FEW if n >= _ROWS else _CLASSES[0], _CLASSES[1]))
    more = number <= everywhere.SMALL and rng.random() < _MORE
    samples = int((_SAMPLES if more else 4) ** rng.random())
    x, marks = kinds.any_array(rng, (n, d), kind, kinds.some_share(rng, zeros))
    size = np.sqrt(np.square(x, dtype=float).mean()) or 1.0
    weights = rng.uniform(-0.4, 0.4, (d, c)) / np.sqrt(d) / size
    bias = rng.uniform(-1, 1, c)
    single = rng.random(2) < 0.5
    weights, bias = (
        each.astype(np.float32) if of else each
        for each, of in zip((weights, bias), single.tolist(), strict=True)
    )
    marks["samples"] = f"samples = {samples}, {c} classes"

    def read(result: Any, keep_prob: float, name: str) -> np.ndarray:
        return facts.float_array(result, (n, c), f"{name}(…)")

    def plain(out: np.ndarray, keep_prob: float) -> bool:
        """Return whether all units are kept, or none, or classes are voted for, or one unit
        a row, of which strata keep the same number in all."""
        each = [softmax(x * of @ weights + bias) for of in (0, 1, 1 / keep_prob)]
        lone = samples > 1 and np.count_nonzero(x, axis=1).max() < 2
        return bool(
            lone or (out % 1 == 0).any() or any(repeats.of_first(out, each, 1e-3))
        )

    shown, args = x != 0 if zeros else None, (x, weights, bias, samples)
    return kinds.Given(args, marks, x, read, shown=shown, may_stay=plain)


def _in_order(function: StudentFunction, trial: Trial) -> everywhere.Reordered:
    return everywhere.Reordered(
        function, lambda x, w, b, samples, p, rng: (x, w, b, p, samples, rng)
    )


KINDS = kinds.Kinds(
    _of_any_size,
    modes=False,
    of=_in_order,
    zeros=partial(_of_any_size, zeros=True),
    entries=_of_any_size,
)
