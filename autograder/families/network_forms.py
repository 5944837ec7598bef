"""Batches for a network with one dropped layer, in which every form of every argument meets
every form of the others, and masks that show in the gradients whatever the form.

A mask is read where little else depends on it: logits are so weak that the gradient of the
logits is known before. Then the gradients of W1 and b1 are a row's own numbers times
(x, 1), as long as rows are no more than inputs; or that of W2 is hidden units times the
gradient of the logits, as long as labels differ and classes are more than rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from autograder.contract.trial import Trial, put_zeros, usual
from autograder.families.corners import of_all_digits, transposed
from autograder.families.network import Arrays, Batch

#: How many forms an argument has, sizes and ranges of keep_prob are told apart. It is a
#: prime: in its square of calls each two forms meet once, of eight arguments or fewer.
FORMS = 7
CALLS = FORMS**2
_LOW, _HIGH = 0.03, 0.97

_Ends = tuple[float, float]
_Make = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _whole(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    found: np.ndarray = rng.integers(-3, 3, shape)
    return (found + (found >= 0)).astype(float)


_ENTRIES: Mapping[str, _Make] = {
    "entries of both signs": usual,
    "some entries 0": lambda rng, shape: put_zeros(usual(rng, shape), 0.3, rng),
    "positive entries": lambda rng, shape: np.abs(usual(rng, shape)),
    "negative entries": lambda rng, shape: -np.abs(usual(rng, shape)),
    "whole numbers": _whole,
    "equal entries": lambda rng, shape: np.full(shape, usual(rng, (1,))[0]),
}
_WHOLE, _EQUAL, _ZEROS = "whole numbers", "equal entries", "zeros"
_UNUSUAL = "large or small entries"
#: Of x, whose entries all 0 show nothing, and of each parameter.
INPUTS: Mapping[str, _Make] = {
    **_ENTRIES,
    _UNUSUAL: lambda rng, shape: usual(rng, shape) * rng.choice((2_000.0, 2e-4)),
}
PARAMETERS: Mapping[str, _Make] = {
    **_ENTRIES,
    _ZEROS: lambda rng, shape: np.zeros(shape),
}
LABELS = ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32")


class _Size(NamedTuple):
    """From how many to how many rows, hidden units and inputs, which follow from the rows
    where they are None."""

    rows: tuple[int, int]
    units: tuple[int, int]
    inputs: tuple[int, int] | None = None


ONE_UNIT, MANY_ROWS, WIDE = "H = 1", "many rows", "a wide layer"
_TWO_CLASSES, _FEW = "C = 2", (2, 3)
SIZES: Mapping[str, _Size] = {
    "N = 1": _Size((1, 1), (200, 600)),
    "D = 1": _Size((2, 8), (100, 400), (1, 1)),
    ONE_UNIT: _Size((65, 90), (1, 1)),
    _TWO_CLASSES: _Size((2, 12), (100, 400)),
    "more rows than inputs": _Size((4, 9), (150, 400), _FEW),
    MANY_ROWS: _Size((20, 44), (16, 64)),
    WIDE: _Size((2, 5), (500, 1200)),
}
#: Where nothing is dropped, and no mask is read.
_SMALL = _Size((1, 6), (1, 8), (1, 5))

_DRAWN = ("x", "W1", "b1", "W2", "b2", "y")
_OTHERS = ("entries of both signs", "positive entries")
#: With these b1 makes no unit active.
_LOW_BIASES = (_ZEROS, "negative entries")

#: What is varied, and how many ranges of keep_prob there are.
FACTORS: Mapping[str, tuple[str, ...]] = {
    "x": tuple(INPUTS),
    **{name: tuple(PARAMETERS) for name in ("W1", "b1", "W2", "b2")},
    "y": LABELS,
    "size": tuple(SIZES),
    "keep_prob": tuple(
        f"from {low:.2f} to {high:.2f}"
        for low, high in pairwise(np.linspace(_LOW, _HIGH, FORMS + 1).tolist())
    ),
}


#: By how much logits may change with the mask where it is read by inputs, or of a single
#: row; by labels, of which each row's is told from the others'; and at keep_prob = 1.
_WEAK, _WEAKER, _MODERATE = 0.05, 1e-4, 4.0
#: Between which powers of ten x is scaled, and hidden units: at keep_prob = 1, and where the
#: mask is read by labels, whose gradients are theirs, or by inputs, where W2 counts.
_INPUTS_SCALED, _PLAIN_SCALED = (-1.5, 2.5), (-3.0, 3.0)
_HIDDEN_SCALED = ((-1.0, 5.0), (-6.0, 1.0))
#: What is made smaller than by this shows too little beside an accuracy of 1e-9.
_SMALLEST = 1e-6


@dataclass(frozen=True)
class Form:
    """A batch, what is said of it, and how its mask is read: ``solve`` gives what a kept
    unit of each row adds to a gradient, ``whole`` (N, H) how much that is. ``shown``
    (N, H) says which units are active: others show nothing, and change nothing."""

    batch: Batch
    marks: Mapping[str, str]
    shown: np.ndarray
    whole: np.ndarray
    solve: np.ndarray | None
    by_inputs: bool

    def masks(self, results: Sequence[Arrays]) -> np.ndarray:
        """Return the mask (N, H) of each result, False where it does not show."""
        assert self.solve is not None  # but at keep_prob = 1
        if self.by_inputs:
            seen = [np.vstack([found["W1"], found["b1"]]) for found in results]
        else:
            seen = [found["W2"].T for found in results]
        each = np.abs(self.solve @ np.array(seen, float)) * self.batch.keep_prob
        kept: np.ndarray = (each > self.whole / 4) & self.shown
        return kept


def every_form(rng: np.random.Generator) -> Iterator[Form]:
    """Yield ``CALLS`` batches: each form of an argument meets each of every other once, and
    each size, and each range of keep_prob, over which the calls lie evenly."""
    a, b = np.divmod(np.arange(CALLS), FORMS)
    columns = [(a + j * b) % FORMS for j in range(FORMS)] + [b]
    levels = {
        factor: rng.permutation(FORMS)[column]
        for factor, column in zip(FACTORS, columns, strict=True)
    }
    within = np.array([_places(rng) for _ in range(FORMS)])
    within = within[levels["keep_prob"], levels["size"]]
    places = (levels["keep_prob"] + (within + rng.random()) / FORMS) / FORMS
    keep_probs = of_all_digits(rng, _LOW + (_HIGH - _LOW) * places, 1 / (8 * CALLS))
    for call, keep_prob in enumerate(keep_probs):
        plan = {factor: FACTORS[factor][levels[factor][call]] for factor in FACTORS}
        yield _made(rng, plan, keep_prob)


def _places(rng: np.random.Generator) -> list[int]:
    """Return, by size, the calls' order in a range of keep_prob. The large ones lie so far
    apart, in this range and the next, that no tenth of keep_prob lies between two."""
    two = [int(rng.integers(1, 3)), int(rng.integers(4, 6))]
    others = rng.permutation([place for place in range(FORMS) if place not in two])
    return [*map(int, others), *two]


def undropped(rng: np.random.Generator) -> Iterator[Batch]:
    """Yield ``FORMS`` small batches at keep_prob = 1, one with each form of an array."""
    names = {factor: of for factor, of in FACTORS.items() if factor in _DRAWN}
    turns = [rng.permutation(FORMS) for _ in names]
    for call in range(FORMS):
        own = zip(names.items(), turns, strict=True)
        plan = {factor: of[turn[call]] for (factor, of), turn in own}
        yield _made(rng, plan, 1.0).batch


def plain(trial: Trial) -> list[Batch]:
    """Return batches at keep_prob = 1: of several sizes, at the corners, of every form."""
    sizes = ((6, 4, 9, 3), (1, 3, 4, 2), (20, 5, 8, 4), (3, 3, 3, 3))
    corners = ((1, 1, 1, 2), (5, 1, 3, 2), (4, 3, 1, 3), (4, 3, 5, 2), (4, 2, 5, 3))
    batches = [Batch.random(trial, *each, 1.0) for each in sizes + corners]
    *_, one_label, other = batches
    single = batches[len(sizes)]  # its only unit is made active
    single.params["b1"][:] = np.abs(single.params["W1"] * single.x).sum() + 0.1
    one_label.y[:] = trial.rng.integers(2)
    other.x[0, 0] = 0
    for size in (1e6, 1e-6):
        params = {**other.params, "W1": other.params["W1"] / size}
        params["b1"] = np.abs(params["b1"]) + 0.1  # active even where x is cut to 0
        batches.append(replace(other, x=size * other.x, params=params))
    n, h, c = trial.rng.integers((301, 65, 11), (500, 120, 20)).tolist()
    large = Batch.random(trial, n, 6, h, c, 1.0)
    single_class = Batch.random(trial, 4, 3, 5, 1, 1.0)
    biases = {name: np.zeros_like(other.params[name]) for name in ("b1", "b2")}
    bare = replace(other, params=other.params | biases)
    batches += large, single_class, bare, replace(other, x=0 * other.x)
    return [batch.moderate() for batch in batches] + [*undropped(trial.rng)]


def whole_numbers(rng: np.random.Generator, keep_prob: float) -> Batch:
    """Return a batch of two rows and four hidden units all of whose arrays are of whole
    numbers, none of the units at the ReLU's corner."""
    shapes = {"W1": (3, 4), "b1": (4,), "W2": (4, 3), "b2": (3,)}
    z = np.zeros(1)
    while not z.all():
        params = {name: _whole(rng, shape) for name, shape in shapes.items()}
        x = _whole(rng, (2, 3))
        z = x @ params["W1"] + params["b1"]
    return Batch(params, x, rng.integers(3, size=2), keep_prob)


def _made(rng: np.random.Generator, plan: dict[str, str], keep_prob: float) -> Form:
    """Return a batch of these forms. Where every unit lies at the ReLU's corner, as where W1
    and b1 are 0, W1 has another form, and after that b1."""
    form = _drawn(rng, plan, keep_prob)
    while form is None:
        plan["W1"], plan["b1"] = rng.choice(_OTHERS), rng.choice(_OTHERS)
        form = _drawn(rng, plan, keep_prob)
    return form


def _drawn(
    rng: np.random.Generator, plan: dict[str, str], keep_prob: float
) -> Form | None:
    scale = _scale(rng, plan, "x W1", _INPUTS_SCALED)
    x, solve = _inputs(rng, plan, keep_prob, scale)
    n, by_inputs, h = len(x), solve is not None, _between(rng, _size(plan).units)
    # Some units are left out.
    params = _parameters(rng, plan, x.shape, h + h // 4 + 8, by_inputs)
    params["W1"] /= scale
    y = _labels(rng, n, len(params["b2"]), plan, by_inputs)
    errors, z = _errors(params["b2"], y), x @ params["W1"] + params["b1"]
    if np.count_nonzero(z > 0) < 0.3 * z.size and plan["b1"] not in _LOW_BIASES:
        z = _raised(params, z, plan)
    clear = _are_clear(x, params, z, errors if by_inputs else None).all(axis=0)
    columns = np.flatnonzero(clear)
    if solve is None and keep_prob < 1:  # labels differ, and are fewer than classes
        solve = _inverse(errors)
    if not len(columns) or (solve is None and keep_prob < 1):
        return None
    columns = columns[np.argsort(-(z[:, columns] > 0).sum(axis=0))[:h]]
    params |= {name: params[name][..., columns] for name in ("W1", "b1")}
    params["W2"], z = params["W2"][columns], z[:, columns]
    weak = _WEAK if by_inputs or n == 1 else _WEAKER
    weak = weak * keep_prob if keep_prob < 1 else _MODERATE
    z *= _weaken(params, plan, weak, np.maximum(z, 0))
    ends = _PLAIN_SCALED if keep_prob == 1 else _HIDDEN_SCALED[by_inputs]
    z *= (scale := _scale(rng, plan, "W1 b1 W2", ends))
    params |= {name: params[name] * scale for name in ("W1", "b1")}
    params["W2"] /= scale
    whole = np.abs(errors @ params["W2"].T) if by_inputs else z
    batch = _typed(rng, Batch(params, x, y, keep_prob), plan)
    return Form(batch, plan, z > 0, whole, solve, by_inputs)


def _parameters(
    rng: np.random.Generator,
    plan: Mapping[str, str],
    inputs: tuple[int, ...],
    units: int,
    by_inputs: bool,
) -> Arrays:
    n, d = inputs
    c = int(rng.integers(2, 6)) if by_inputs else n + _between(rng, (1, 3))
    c = 2 if plan.get("size") == _TWO_CLASSES else c
    shapes = {"W1": (d, units), "b1": (units,), "W2": (units, c), "b2": (c,)}
    params = {name: PARAMETERS[plan[name]](rng, of) for name, of in shapes.items()}
    # Of moderate logits none hides the others.
    params["b2"] /= np.maximum(np.abs(params["b2"]), 1) if plan["b2"] == _WHOLE else 3
    return params


def _inputs(
    rng: np.random.Generator, plan: Mapping[str, str], keep_prob: float, scale: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return x, scaled, and what the mask is read with if it is read by inputs."""
    size, draw, solve = _size(plan), INPUTS[plan["x"]], None
    n = _between(rng, size.rows)
    bare = plan["x"] == _EQUAL or plan["W2"] in (_EQUAL, _ZEROS)
    if keep_prob < 1 and not bare and size.inputs != _FEW and rng.random() < 0.7:
        d = _between(rng, size.inputs or (n + (n + 1) // 2, n + (n + 1) // 2 + 5))
        x = scale * draw(rng, (min(n, d + 1), d))
        if (solve := _inverse(np.hstack([x, np.ones((len(x), 1))]))) is not None:
            return x, solve
    n = 1 if plan.get("size") == _TWO_CLASSES and keep_prob < 1 else n
    return scale * draw(rng, (n, _between(rng, size.inputs or (1, 12)))), None


def _scale(
    rng: np.random.Generator, plan: Mapping[str, str], names: str, ends: _Ends
) -> float:
    """Return by what arrays are made larger, or smaller, and others make up for it; 1 where
    one of them has entries of a size of their own. ``ends`` are logarithms to base 10."""
    if {plan[name] for name in names.split()} & {_WHOLE, _UNUSUAL}:
        return 1.0
    return float(10 ** rng.uniform(*ends))


def _size(plan: Mapping[str, str]) -> _Size:
    return SIZES[plan["size"]] if "size" in plan else _SMALL


def _between(rng: np.random.Generator, ends: tuple[int, int]) -> int:
    return int(rng.integers(ends[0], ends[1] + 1))


def _labels(
    rng: np.random.Generator, n: int, c: int, plan: dict[str, str], by_inputs: bool
) -> np.ndarray:
    if not by_inputs:
        plan["labels"] = "each another"
        return rng.permutation(c)[:n]
    if rng.random() < 0.3:
        plan["labels"] = "all the same"
        return np.full(n, rng.integers(c))
    plan["labels"] = "any"
    return rng.integers(c, size=n)


def _inverse(rows: np.ndarray) -> np.ndarray | None:
    """Return (N, K) what gives the factors of a sum of rows (N, K); None if rounding might
    show in them."""
    products: np.ndarray = rows @ rows.T
    if len(rows) == 1:
        return np.asarray(rows / products)
    try:
        inverse = np.linalg.inv(products)
    except np.linalg.LinAlgError:
        return None
    exact = np.abs(inverse).max() * np.abs(products).max() < 1e5
    return np.asarray(inverse @ rows) if exact else None


def _errors(bias: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the gradient of the logits where all hidden units are dropped."""
    odds = np.exp(bias)
    each = np.empty((len(y), len(bias)))
    each[:] = odds / odds.sum()
    each[np.arange(len(y)), y] -= 1
    each /= len(y)
    return each


def _are_clear(
    x: np.ndarray, params: Arrays, z: np.ndarray, errors: np.ndarray | None
) -> np.ndarray:
    """Return which units (N, H) lie so far from the ReLU's corner that rounding does not
    decide, and add enough to a gradient to be seen there: that of W1, by the ``errors`` of
    the logits, or that of W2."""
    size = np.abs(x) @ np.abs(params["W1"]) + np.abs(params["b1"])
    far = np.abs(z)
    clear: np.ndarray = far * len(z) > 0.1 * size
    if errors is None:
        clear &= far > 0.02 * far.max(axis=0)
    else:
        weights = np.abs(params["W2"]).max(axis=1) / len(z)
        # The mask changes errors by up to 0.05 of the weights (``_WEAK``).
        clear &= np.abs(errors @ params["W2"].T) > 0.1 * weights
    return clear


def _raised(params: Arrays, z: np.ndarray, plan: Mapping[str, str]) -> np.ndarray:
    """Make b1 so large that it decides which units are active, and return z with it."""
    inner = z - params["b1"]
    if plan["b1"] == _EQUAL:
        params["b1"] = np.abs(params["b1"])
    params["b1"] *= np.ceil(4 * np.abs(inner).max())
    raised: np.ndarray = inner + params["b1"]
    return raised


def _weaken(
    params: Arrays, plan: dict[str, str], most: float, active: np.ndarray
) -> float:
    """Make parameters smaller, until no mask changes a logit by more than so much, and
    return by what the hidden units are multiplied. Whole numbers stay what they are where
    that can be, and are named otherwise elsewhere."""
    logits = float((active @ np.abs(params["W2"])).max())
    if logits <= most:
        return 1.0
    whole = {name for name in params if plan[name] == _WHOLE} - {"b2"}
    first, second = whole & {"W1", "b1"}, whole & {"W2"}
    factor, powers = most / logits, (0.5, 0.5)
    if factor < _SMALLEST or bool(first) == bool(second):
        plan |= dict.fromkeys(whole, "entries of both signs")
    else:
        powers = (0.0, 1.0) if first else (1.0, 0.0)
    params["W1"] *= factor ** powers[0]
    params["b1"] *= factor ** powers[0]
    params["W2"] *= factor ** powers[1]
    return float(factor ** powers[0])


def _typed(rng: np.random.Generator, batch: Batch, plan: dict[str, str]) -> Batch:
    """Return the batch with arrays of float32 in part, some transposed, and noted so."""
    single, order = rng.random(5) < 0.5, bool(rng.random() < 0.5)
    arrays = {"x": batch.x, **batch.params}
    for name, small in zip(arrays, single.tolist(), strict=True):
        plan[f"dtype of {name}"] = "float32" if small else "float64"
        if small:
            arrays[name] = arrays[name].astype(np.float32)
        if order and arrays[name].ndim > 1:
            arrays[name] = transposed(arrays[name])
    plan["order"] = "transposed" if order else "rows in a row"
    x = arrays.pop("x")
    return Batch(arrays, x, batch.y.astype(plan["y"]), batch.keep_prob)
