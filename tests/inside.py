"""Answers that are wrong in one part of what a caller may pass, and right elsewhere.

    python -m tests.inside [EXERCISE …] [--forms | --magnitudes | --calls] [--seed N]

wraps each solution: for keep probabilities in one window, for arguments of one form, or, of a
closed form, for arguments of one magnitude or kind of entries, its result is 1.1 times as
large, or it raises, or it draws from another law; or, in calls of one form, from another
generator than rng, or always the same. An answer that keeps all points nevertheless
shows a part of the range at which no check looks; such answers are printed, with the number of
calls in which they were wrong. Those with no such call were never asked: the form lies outside
of what the statement promises (``OUTSIDE``), or is one that no check thinks of.
"""

import argparse
import inspect
import itertools
import math
import random
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract.exercise import all_exercises
from autograder.grading.run import CHECK_STOPPED, grade_functions
from tests import bank

SEED, WIDTH = 5, 0.1
NAMES = [e.name for e in all_exercises() if e.name != "is_inverted_dropout"]
#: Two classes or more, and a bias for each.
_SOFTMAX = (
    "(x|weights) of [134] axes|bias (transposed|of [234] axes|with axis 1)"
    "|(weights|bias) of (one entry|1 entries)|(weights with axis 1|bias with axis 0) of 1$"
)
#: By exercise: forms that its statement does not promise, by a pattern of their names.
OUTSIDE: dict[str, str] = {
    "effective_count": "transposed|of [234] axes|axis 1",
    "rescaled_sum_distribution": (
        "transposed|of [234] axes|axis 1|of more than|above (20|40|130)|of small entries"
        "|of 21 to"
    ),
    "classic_settings": "of [134] axes",
    "batchnorm_variance_ratio": "of [134] axes",
    "dropout_ridge": "float32|x of [134] axes|y transposed|y of [234] axes|y with axis 1",
    "weight_scaled_prediction": _SOFTMAX,
    "ensemble_means": (
        f"{_SOFTMAX}|bias of large entries"
        "|(x with axis 1|weights with axis 0) above (20|40|130)"
    ),
    "probit_prediction": (
        "x of [134] axes|weights (transposed|of [234] axes|with axis 1)"
        "|bias (transposed|float32|of [1-4] axes|of more than|with axis|of equal)"
    ),
    # Biases are of one axis; logits, which are b2 where all units are dropped, reach 1,000.
    "dropout_mlp_gradients": r"x of [134] axes|W\d. of [134] axes|b2. of large entries"
    r"|b\d. (of [234] axes|with axis 1|transposed)",
    **dict.fromkeys(("exact_count_dropout", "fixed_count_dropout"), r"x of [134] axes"),
    "dropconnect_forward": r"(x|weights) of [134] axes",
    # There are two classes and more; without any unit logits, up to 1,000, are the bias.
    "mc_dropout_prediction": r"(x|weights) of [134] axes|bias of ([234] axes|large entries)"
    r"|weights (of one entry|with axis 1 of 1$)|bias (transposed|of one entry|with axis 1)"
    r"|bias with axis 0 of 1$",
    "sequence_dropout": r"x of [124] axes",
    "spatial_dropout": r"x of [123] axes",
    "stochastic_depth": r"(x|branch) of 1 axes",
}
#: Parts of the range where 1.1 times a result is right, too, or the same, by a pattern.
ALIKE: dict[str, str] = {
    "bernoulli_mask": r"keep_prob around 0\.5",
    # Where all rows are the same, ratios are 0.
    "batchnorm_variance_ratio": (
        "x (of one entry|of 1 entries|with axis 0 of 1|of equal (entries|rows))$"
    ),
    # A row of one unit keeps it.
    "fixed_count_dropout": "x (of one entry|with axis 1 of 1$)",
    # Then softmax leaves no trace of x.
    "mc_dropout_prediction": "weights of equal entries",
    # Of a single class all is 0.
    "dropout_mlp_gradients": r"b2. (of one entry|with axis 0 of 1$)"
    r"|W2. (of one entry|with axis 1 of 1$)",
}

#: What is below the power that checks have: another rate of a bit or two a call, in calls
#: with so few. That a lone bit is never dropped, or never kept, is told.
_LONE = "draws otherwise with (x|branch) (of one entry|with axis 0 of 2)"
BELOW = {
    **dict.fromkeys(
        ("gaussian_dropout", "sequence_dropout", "stochastic_depth"), _LONE
    ),
    # Masks are read in one such call, or in none: this could be closed.
    "dropout_mlp_gradients": (
        r"draws otherwise with params.(W1. of large|b1. of (large|more than 3000)"
        r"|W2. (of large|with axis 1 above 130)"
        r"|b2. (of small|of more|with axis 0 above 130))"
    ),
}

Given = dict[str, Any]
_ARRAYS = ("x", "branch", "weights", "bias", "dout", "y", "shape")
_PARAMS = ("W1", "b1", "W2", "b2")
#: Whether training was passed.
_PASSED = "training was passed"


@dataclass(frozen=True)
class Part:
    """A part of the range: what it is called, and whether a call's arguments lie in it."""

    what: str
    holds: Callable[[Given], bool]


def windows(
    parameters: Sequence[str], width: float = WIDTH, offset: float = 0.02
) -> Iterator[Part]:
    """Yield windows of keep_prob that lie beside each other, in training and at test."""
    backward = "cache" in parameters
    key = next((p for p in parameters if p.endswith("keep_prob")), None)
    if key is None and not backward:
        return
    for low in np.arange(offset, 1 - width, width).tolist():
        for training in _modes(parameters):

            def holds(given: Given, low: float = low, mode: Any = training) -> bool:
                inside = low < given[key or "keep_prob"] < low + width
                return inside and _in_mode(given, mode)

            middle = f"keep_prob around {low + width / 2:.2f}"
            yield Part(f"{middle}{_told(training)}", holds)


def _modes(parameters: Sequence[str]) -> tuple[bool | None, ...]:
    either = "training" in parameters or "cache" in parameters
    return (True, False) if either else (None,)


def _in_mode(given: Given, mode: bool | None) -> bool:
    return mode is None or bool(given.get("training", True)) == mode


def _told(mode: bool | None) -> str:
    return {None: "", True: ", in training", False: ", at test"}[mode]


_FORMS: dict[str, Callable[[Any], Any]] = {
    "float32": lambda v: v.dtype == np.float32,
    "transposed": lambda v: v.ndim > 1 and not v.flags.c_contiguous,
    "of one entry": lambda v: v.size == 1,
    **{f"of {n} axes": lambda v, n=n: v.ndim == n for n in (1, 2, 3, 4)},
    **{
        f"of {n} axes in float32": lambda v, n=n: v.ndim == n and v.dtype == np.float32
        for n in (1, 2, 3, 4)
    },
    **{f"of more than {n}": lambda v, n=n: v.size > n for n in (50, 200, 1000, 3000)},
    **{
        f"with axis {axis} above {n}": lambda v, a=axis, n=n: (
            v.ndim > a and v.shape[a] > n
        )
        for axis in (0, 1)
        for n in (10, 20, 40, 130)
    },
    **{
        f"with axis {axis} of {n}": lambda v, a=axis, n=n: (
            v.ndim > a and v.shape[a] == n
        )
        for axis in (0, 1)
        for n in (1, 2)
    },
    "without a positive entry": lambda v: (v <= 0).all(),
    "without a negative entry": lambda v: (v >= 0).all(),
    "of positive entries": lambda v: (v > 0).all(),
    "of large entries": lambda v: np.abs(v).max() > 1e3,
    "of small entries": lambda v: 0 < np.abs(v).max() < 1e-3,
    "of equal entries": lambda v: v.size > 1 and np.ptp(v) == 0,
    "of whole numbers": lambda v: (v == np.rint(v)).all(),
    "with many zeros": lambda v: np.mean(v == 0) > 0.3,
}


def ways_of_calling(parameters: Sequence[str]) -> Iterator[Part]:
    """Yield forms of calls in training in which whatever is drawn follows from rng, too."""

    def part(what: str, holds: Callable[[Given], Any]) -> Part:
        return Part(what, lambda given: _in_mode(given, True) and bool(holds(given)))

    if "training" in parameters:
        yield part("training=True written out", lambda given: given[_PASSED])
    for name in {"x", "branch"} & {*parameters}:
        yield part(f"{name} with a zero", lambda given, name=name: 0 in given[name])
    sized = "shape" if "shape" in parameters else "x"

    def size(given: Given) -> int:
        return int(np.prod(given[sized] if sized == "shape" else given[sized].shape))

    yield part(f"{sized} of 41 to 200", lambda given: 40 < size(given) <= 200)


_LABELS: dict[str, Callable[[Any], Any]] = {
    "uint8": lambda v: v.dtype == np.uint8,
    "int32": lambda v: v.dtype == np.int32,
    "a single one": lambda v: len(v) == 1,
}
_SHAPES: dict[str, Callable[[Any], Any]] = {
    **{f"of {n} axes": lambda v, n=n: len(v) == n for n in (1, 2, 3, 4)},
    **{f"of more than {n}": lambda v, n=n: np.prod(v) > n for n in (100, 1000, 5000)},
}


def forms(name: str, parameters: Sequence[str]) -> Iterator[Part]:
    """Yield forms of each argument, in training and at test."""
    for what, read in _read(parameters):
        labels = what == "y" and name == "dropout_mlp_gradients"
        found = _LABELS if labels else _SHAPES if what == "shape" else _FORMS
        for (form, fits), mode in itertools.product(found.items(), _modes(parameters)):

            def holds(
                given: Given, read: Any = read, fits: Any = fits, mode: Any = mode
            ) -> bool:
                return bool(fits(read(given))) and _in_mode(given, mode)

            yield Part(f"{what} {form}{_told(mode)}", holds)


#: Exercises without chance in the answer.
CLOSED = tuple(
    name
    for name in NAMES
    if not {"rng", "cache"}
    & {*inspect.signature(bank.Answer(name, "solution", {}).functions[name]).parameters}
)
_WHOLE = ("step", "total_steps", "n")
_NUMBERS = ("bias", "learning_rate", "weight_decay", *_WHOLE)
#: From where to where windows of magnitude slide, how wide they are, and how far apart.
_LOW, _HIGH, _WINDOW, _SLIDE = 1e-3, 1e3, 3.0, 1.5


def _share(of: Any) -> float:
    return float(np.mean(of))


def _few(v: Any) -> bool:
    return bool(v.size <= 6)


_KINDS: dict[str, Callable[[Any], Any]] = {
    "between 0 and 1": lambda v: not _few(v) and (v > 0).all() and (v < 1).all(),
    "of whole numbers to 255": lambda v: (
        not _few(v) and (v == np.rint(v)).all() and v.min() >= 0 and 9 < v.max() <= 255
    ),
    "with 60 to 95% zeros": lambda v: not _few(v) and 0.6 <= _share(v == 0) <= 0.95,
    "of one-hot rows": lambda v: (
        v.size > 1 and (v.sum(axis=-1) == 1).all() and ((v == 0) | (v == 1)).all()
    ),
    "far from 0": lambda v: not _few(v) and abs(v.mean()) > 10 * v.std() > 0,
    "mostly positive": lambda v: not _few(v) and 0.7 < _share(v > 0) < 1,
    "mostly negative": lambda v: not _few(v) and 0.7 < _share(v < 0) < 1,
    "of negative entries": lambda v: not _few(v) and (v < 0).all(),
    "that rise": lambda v: not _few(v) and (np.diff(v.ravel()) >= 0).all(),
    "that fall": lambda v: not _few(v) and (np.diff(v.ravel()) <= 0).all(),
    "of equal rows": lambda v: len(v) > 1 and not np.ptp(v, axis=0).any() and v.any(),
    **{f"of {n} entries": lambda v, n=n: v.size == n for n in (1, 2, 3)},
    "of 4 to 6 entries": lambda v: 4 <= v.size <= 6,
    "of 7 to 20 entries": lambda v: 7 <= v.size <= 20,
    "of 21 to 100 entries": lambda v: 21 <= v.size <= 100,
}


def magnitudes(name: str, parameters: Sequence[str]) -> Iterator[Part]:
    """Yield windows of the largest entry of each argument, or of its value, and kinds of
    arrays."""
    numbers = [p for p in parameters if p in _NUMBERS or p.endswith("keep_prob")]
    arrays = [p for p in parameters if p in _ARRAYS]
    if name == "probit_prediction":
        arrays.remove("bias")
    for what in dict.fromkeys(arrays + numbers):
        top = 1.0 if what.endswith("keep_prob") else _HIGH
        start = 0.9 if what in _WHOLE else _LOW
        steps = math.log(top / _WINDOW / start) / math.log(_SLIDE)
        for low in (start * _SLIDE ** np.arange(math.floor(steps) + 1)).tolist():

            def inside(given: Given, what: str = what, low: float = low) -> bool:
                size = np.abs(np.asarray(given[what], float)).max()
                return bool(low < size < _WINDOW * low)

            yield Part(f"{what} around {low * _WINDOW**0.5:.2g}", inside)
        for kind, fits in _KINDS.items() if what in arrays else ():

            def of_kind(given: Given, what: str = what, fits: Any = fits) -> bool:
                value = np.asarray(given[what], float)
                return value.ndim > 0 and bool(fits(value))

            yield Part(f"{what} {kind}", of_kind)


def _read(parameters: Sequence[str]) -> Iterator[tuple[str, Callable[[Given], Any]]]:
    """Yield what has forms, and how it is read off the arguments."""
    for name in filter(parameters.__contains__, _ARRAYS):
        yield name, lambda given, name=name: _array(given, name)
    if "params" in parameters:
        for part in _PARAMS:
            yield f"params[{part}]", lambda given, part=part: given["params"][part]


def _array(given: Given, name: str) -> Any:
    return given[name] if name == "shape" else np.asarray(given[name])


def spoilt(result: Any) -> Any:
    """Return a result 1.1 times as large, with the other bits, or one more."""
    if isinstance(result, tuple):
        return (spoilt(result[0]), *result[1:])
    if isinstance(result, dict):
        return {name: spoilt(value) for name, value in result.items()}
    if isinstance(result, bool | np.bool_):
        return not result
    if isinstance(result, np.ndarray):
        return ~result if result.dtype == bool else (result * 1.1).astype(result.dtype)
    return result + 1 if isinstance(result, int) else result * 1.1


class _Biased(np.random.Generator):
    """A generator whose numbers are smaller the earlier their place in the last axis, or
    farther from the mean."""

    def random(self, *args: Any, **how: Any) -> Any:
        found = super().random(*args, **how)
        if np.ndim(found) == 0:
            return 0.2 * found
        return (found * np.linspace(0.2, 1, np.shape(found)[-1])).astype(found.dtype)

    def integers(self, *args: Any, **how: Any) -> Any:
        found = super().integers(*args, **how)
        if np.ndim(found) == 0:
            return found // 2
        less = np.linspace(0.2, 1, np.shape(found)[-1]) * found
        return less.astype(found.dtype)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return super().normal(loc, 1.3 * scale, size)

    def permuted(self, x: Any, axis: Any = None, **how: Any) -> Any:
        return np.sort(super().permuted(x, axis=axis, **how), axis=axis)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_same(one[name], other[name]) for name in one)
    if isinstance(one, tuple):
        return _same(one[0], other[0])
    return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f")


_VALUE, _RAISES, _DRAWS = "is wrong", "raises", "draws otherwise"
_ELSEWHERE, _AGAIN = "draws elsewhere", "draws the same"
WRONG_VALUE, WRONG_SOURCE = (_VALUE,), (_ELSEWHERE, _AGAIN)
#: From where an answer draws that should draw from rng.
_SOURCES: dict[str, Callable[[np.random.Generator], np.random.Generator]] = {
    _DRAWS: lambda rng: _Biased(rng.bit_generator),
    _ELSEWHERE: lambda rng: np.random.default_rng(),
    _AGAIN: lambda rng: np.random.default_rng(5),
}


class Answer:
    """The functions of a solution that is wrong in ``part``, and in how many calls it
    was."""

    def __init__(self, name: str, part: Part, does: str) -> None:
        solution = bank.Answer(name, "solution", {}).functions
        self._right, self._part, self._does = solution[name], part, does
        self._signature = inspect.signature(self._right)
        self.functions = {**solution, name: self._call}
        self.wrong = 0
        if name.endswith("_backward"):
            forward = name.removesuffix("_backward")
            self.functions[forward] = self._remembers(solution[forward])

    @staticmethod
    def _remembers(forward: Callable[..., Any]) -> Callable[..., Any]:
        """Return the forward pass whose cache tells how it was called."""

        def told(x: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
            out, cache = forward(x, keep_prob, rng, training)
            return out, (cache, keep_prob, training)

        return told

    def _call(self, *args: Any, **how: Any) -> Any:
        bound = self._signature.bind(*args, **how)
        bound.apply_defaults()
        given = {**bound.arguments, _PASSED: "training" in how}
        if "cache" in given:
            cache, keep_prob, training = given["cache"]
            args, how = (given["dout"], cache), {}
            given |= {"keep_prob": keep_prob, "training": training}
        inside = self._part.holds(given)
        if inside and self._does == _RAISES:
            self.wrong += 1
            raise ValueError("not for such")
        if inside and self._does in _SOURCES:
            self.wrong += 1
            bound.arguments["rng"] = _SOURCES[self._does](given["rng"])
            return self._right(*bound.args, **bound.kwargs)
        result = self._right(*args, **how)
        if not inside or _same(result, worse := spoilt(result)):
            return result
        self.wrong += 1
        return worse


def ways(name: str) -> tuple[str, ...]:
    """Return in what ways an answer may be wrong."""
    solution = bank.Answer(name, "solution", {}).functions[name]
    draws = "rng" in inspect.signature(solution).parameters
    return (_VALUE, _RAISES, _DRAWS) if draws else (_VALUE, _RAISES)


def survivors(
    name: str, parts: Sequence[Part], seed: int = SEED, of: Sequence[str] = ()
) -> Iterator[str]:
    """Yield what is said of each wrong answer that keeps all points, wrong in the ways
    ``of`` or in all."""
    outside, alike = OUTSIDE.get(name, "$^"), ALIKE.get(name, "$^")
    for part, does in itertools.product(parts, of or ways(name)):
        if does == _DRAWS and part.what.endswith(_told(False)):
            continue
        answer = Answer(name, part, does)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = grade_functions(name, answer.functions, seed)
        assert not any(CHECK_STOPPED in check.message for check in result.checks)
        if result.score < result.max_score:
            continue
        if (
            re.search(outside, part.what)
            or (does != _RAISES and re.search(alike, part.what))
            or re.search(BELOW.get(name, "$^"), f"{does} with {part.what}")
        ):
            continue
        yield f"{name} {does} with {part.what}: {answer.wrong or 'no'} calls"


def parts_of(name: str, of_forms: bool, width: float = WIDTH) -> list[Part]:
    parameters = [
        *inspect.signature(bank.Answer(name, "solution", {}).functions[name]).parameters
    ]
    if of_forms:
        return [*forms(name, parameters)]
    return [
        *windows(parameters, width, 0.02 + 0.5 * width * random.Random(name).random())
    ]


def calls_of(name: str) -> list[Part]:
    """Return the forms of calls of an exercise that draws, of others none."""
    solution = bank.Answer(name, "solution", {}).functions[name]
    parameters = [*inspect.signature(solution).parameters]
    return [*ways_of_calling(parameters)] if "rng" in parameters else []


def magnitudes_of(name: str) -> list[Part]:
    """Return the windows and kinds of a closed form."""
    solution = bank.Answer(name, "solution", {}).functions[name]
    return [*magnitudes(name, [*inspect.signature(solution).parameters])]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.inside")
    parser.add_argument("names", nargs="*", metavar="EXERCISE")
    parser.add_argument("--forms", action="store_true")
    parser.add_argument("--magnitudes", action="store_true")
    parser.add_argument("--calls", action="store_true")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--width", type=float, default=WIDTH)
    given = parser.parse_args()
    for name in given.names or (CLOSED if given.magnitudes else NAMES):
        parts, of = parts_of(name, given.forms, given.width), ways(name)
        if given.magnitudes:
            parts, of = magnitudes_of(name), WRONG_VALUE
        if given.calls:
            parts, of = calls_of(name), WRONG_SOURCE
        found = [*survivors(name, parts, given.seed, of)]
        number = len(of) * len(parts)
        print(f"{name}: {number} wrong answers, {len(found)} keep all points")
        print(*(f"   {each}" for each in found), sep="\n", flush=True)


if __name__ == "__main__":
    main()
