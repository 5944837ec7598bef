"""Reads the mask of the weights off the output of a DropConnect layer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction, foresee
from autograder.contract.trial import CheckFailure, Trial, usual
from autograder.families import corners, elementwise, kinds
from autograder.families.bit_tests import Read
from autograder.families.bit_tests import Wrong as Middle
from autograder.families.elementwise import KEEP_PROBS


class Wrong(Mistakes, section="noise-dropconnect"):
    drops_units_instead_of_weights = """all weights of an input are dropped together:
        you drop units of x. DropConnect gives every weight its own bit."""
    one_weight_mask_for_the_batch = """all rows share one mask of the weights; each row
        (example) needs its own."""
    drops_outputs_instead_of_weights = """all weights of an output are dropped together:
        you drop units of x @ weights. DropConnect gives every weight its own bit."""
    forgets_to_rescale_the_weights = """the kept weights are not divided by keep_prob,
        so out is too small on average."""
    rescales_the_weights_wrongly = """the kept weights are multiplied by another number
        than 1 / keep_prob; only that one keeps the mean of out at x @ weights."""
    divides_the_weights_by_drop_probability = """you divide the kept weights by 1 −
        keep_prob; divide by keep_prob."""
    divides_by_the_kept_weights = """you divide by the share of weights that happened to
        be kept, which varies; divide by keep_prob."""
    no_sum_of_kept_weights = """no choice of kept weights gives such outputs: either the
        weights are multiplied by something else than 0 and 1 / keep_prob, or something
        is added."""
    keeps_at_least_one_weight = """something is kept every time: either the mask is drawn
        again until it is not empty, or a weight is kept after all, or few weights are kept
        at another rate; when each is dropped on its own, all may be."""
    differs_from_the_product_at_keep_prob_one = """at keep_prob = 1 no weight is
        dropped, and out is x @ weights; you compute another product, or numbers are
        rounded or cut off."""
    sums_spread_otherwise = """on dense x of many inputs, sums of kept weights lie nearer to
        x @ weights, or farther from it, than those of weights each kept with keep_prob: some
        are never dropped, or not at that rate, or not on their own."""
    drops_no_weight = """no weight is dropped: the comparison that draws the mask is always
        true, or the mask is not applied."""


INPUTS, OUTPUTS = 10, 20

#: What the numbers that x and the weights are made of are, by kind: the corners of their
#: ranges.
_KINDS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "inside": lambda v, _: v,
    "of all sizes": lambda v, rng: v * 10.0 ** rng.uniform(-6, 6, v.shape),
    "large": lambda v, _: 1e12 * v,
    "small": lambda v, _: 1e-12 * v,
    "negative": lambda v, _: -np.abs(v),
    "positive": lambda v, _: np.abs(v),
    "of whole numbers": lambda v, _: np.copysign(np.ceil(3 * np.abs(v)), v),
    "equal": lambda v, _: np.full_like(v, v.flat[0]),
    "equal, of weights": lambda v, _: np.full_like(v, v.flat[0]),
    "with zeros": lambda v, _: v,
}
KINDS = tuple(_KINDS)


@dataclass(frozen=True)
class Connections:
    """A forward pass whose weights' mask can be read off the outputs.

    Row n, input d and output c contribute ``unit[n, c] * 2**exponents[d]`` when the
    weight is kept: a binary number with a digit for each input."""

    x: np.ndarray
    weights: np.ndarray
    unit: np.ndarray
    exponents: np.ndarray
    #: x and weights as they are handed over.
    given: tuple[np.ndarray, np.ndarray]
    out: np.ndarray

    def digits(self, factor: float) -> np.ndarray | None:
        """Return the mask, of shape (N, D, C), if kept weights are multiplied with
        ``factor`` and the others with 0; else None."""
        values = self.out / self.unit / factor
        whole = np.rint(values)
        # Arithmetic in float32 is off by less than 0.001.
        top = 2 ** len(self.exponents)
        fits = (np.abs(values - whole) < 0.01) & (whole >= 0) & (whole < top)
        if not fits.all():
            return None
        digits = whole.astype(np.int64)[:, None, :] >> self.exponents[:, None] & 1
        mask = digits.astype(bool)
        # A product of 0 leaves no digit.
        empty = (self.x == 0)[:, :, None] | (self.weights == 0)
        return None if (mask & empty).any() else mask


def call_weights(x: np.ndarray, weights: np.ndarray, keep_prob: float) -> str:
    """Return a call as it is shown in messages."""
    return (
        f"dropconnect_forward(x of shape {x.shape}, weights of shape {weights.shape}, "
        f"{keep_prob}, rng)"
    )


def product(
    function: StudentFunction,
    trial: Trial,
    x: np.ndarray,
    weights: np.ndarray,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the output, a finite float array of shape (N, C), or raise."""
    out = function(x, weights, keep_prob, trial.generator() if rng is None else rng)
    shape = (len(x), weights.shape[1])
    return facts.float_array(out, shape, call_weights(x, weights, keep_prob), "out")


def connect(
    function: StudentFunction,
    trial: Trial,
    shape: tuple[int, int, int],
    keep_prob: float,
    rng: np.random.Generator | None = None,
    kind: str = "of all sizes",
    dtype: Any = np.float64,
    among: int = 0,
) -> Connections:
    """Return a forward pass on inputs that make its mask readable, of ``shape`` (rows,
    inputs, outputs), with at most 10 inputs; ``kind`` is one of ``KINDS``. ``among`` is
    the number of inputs of which these are some, and the others 0."""
    got = prepared(trial, shape, kind, dtype, among)
    return replace(got, out=product(function, trial, *got.given, keep_prob, rng))


def prepared(
    trial: Trial,
    shape: tuple[int, int, int],
    kind: str = "of all sizes",
    dtype: Any = np.float64,
    among: int = 0,
) -> Connections:
    """Return a pass as ``connect`` does, before it, without an output."""
    rows, inputs, outputs = shape
    rng_of_inputs = trial.rng
    # Small and large weights take turns, so that neither are the first inputs.
    halves = np.arange(-(-inputs // 2) * 2).reshape(2, -1)
    exponents = rng_of_inputs.permuted(halves, axis=1).T.ravel()
    exponents = exponents[exponents < inputs]
    row, column, entry = (
        _KINDS[kind](usual(rng_of_inputs, size), rng_of_inputs)
        for size in ((rows, 1), (1, outputs), (inputs,))
    )
    if kind in ("large", "small", "negative"):
        entry = np.abs(entry) / np.abs(entry).max()
    if kind == "of whole numbers":
        entry = np.sign(entry)
    if kind == "equal, of weights":
        entry = 2.0**exponents
    x, weights = row * entry, 2.0 ** exponents[:, None] * column / entry[:, None]
    if kind == "with zeros":
        x[rng_of_inputs.random(x.shape) < 0.4] = 0.0
        weights[rng_of_inputs.random(weights.shape) < 0.4] = 0.0
    x, weights = x.astype(dtype), weights.astype(dtype)
    given = x, weights
    if among:
        places = np.sort(rng_of_inputs.permutation(among)[:inputs])
        given = np.zeros((rows, among), dtype), np.ones((among, outputs), dtype)
        given[0][:, places], given[1][places] = x, weights
    return Connections(x, weights, row * column, exponents, given, np.empty(0))


#: Sizes (rows, inputs, outputs) of which that of -1 follows from how many bits are needed,
#: by what is special about a call, with how ``prepared`` makes it; and the dtypes of x and
#: of the weights, and which of both lie transposed in memory.
_USUAL, _WIDE, _SINGLE = (-1, INPUTS, OUTPUTS), np.float64, np.float32
_FORMS: Mapping[str, tuple[tuple[int, int, int], dict[str, Any], Any, str]] = {
    "x and weights in float64": (_USUAL, {"kind": "inside"}, (_WIDE, _WIDE), ""),
    "x and weights in float32": (_USUAL, {"kind": "inside"}, (_SINGLE, _SINGLE), ""),
    "x in float32": (_USUAL, {"kind": "inside"}, (_SINGLE, _WIDE), ""),
    "weights in float32": (_USUAL, {"kind": "inside"}, (_WIDE, _SINGLE), ""),
    "x transposed": (_USUAL, {"kind": "inside"}, (_WIDE, _WIDE), "x"),
    "weights transposed": (_USUAL, {"kind": "inside"}, (_WIDE, _WIDE), "w"),
    "both transposed": (_USUAL, {"kind": "inside"}, (_SINGLE, _SINGLE), "xw"),
    **{
        f"entries {kind}": (_USUAL, {"kind": kind}, (_WIDE, _WIDE), "")
        for kind in KINDS[1:]
    },
    "50 inputs": (_USUAL, {"kind": "inside", "among": 50}, (_SINGLE, _WIDE), ""),
    "200 inputs": (_USUAL, {"kind": "inside", "among": 200}, (_WIDE, _WIDE), ""),
    "many rows": ((600, 2, -1), {"kind": "inside"}, (_WIDE, _WIDE), ""),
    "many outputs": ((-1, 2, 300), {"kind": "inside"}, (_WIDE, _WIDE), ""),
    "a single row": ((1, INPUTS, -1), {"kind": "inside"}, (_WIDE, _WIDE), ""),
    "a single input": ((-1, 1, OUTPUTS), {"kind": "inside"}, (_WIDE, _WIDE), ""),
    "a single output": ((-1, INPUTS, 1), {"kind": "inside"}, (_WIDE, _WIDE), ""),
}
#: Forms that do not tell whether outputs share bits, and rows or inputs: at the keep
#: probabilities of these the first is tried, too.
_SAY_LESS = "entries with zeros", "a single row", "a single input", "a single output"
#: Bits are so many that all are alike with probability exp(-40) at most, and in each axis
#: so many that no other chance is greater.
_ALIKE, _LEAST = 40, 24


def in_every_form(
    function: StudentFunction, trial: Trial
) -> Iterator[tuple[Connections, float, str]]:
    """Yield calls of every form, at keep probabilities all over the range, and
    what to say of them. Raises ``CheckFailure`` of no matrix."""
    keep_probs = corners.spread_keep_probs(trial, len(_FORMS))
    cases = [*zip(_FORMS, keep_probs, strict=True)]
    first = cases[0][0]
    cases += [(first, p) for form, p in cases if form in _SAY_LESS]
    made = [_in_form(trial, _FORMS[form], p) for form, p in cases]
    asked = [
        (*got.given, p, trial.generator())
        for got, (_, p) in zip(made, cases, strict=True)
    ]
    foresee(function, [(args, {}) for args in asked])
    for got, args, (form, _) in zip(made, asked, cases, strict=True):
        call = f"{call_weights(*args[:3])}, {form}"
        shape = len(got.x), got.weights.shape[1]
        out = facts.float_array(function(*args), shape, call, "out")
        yield replace(got, out=out), args[2], call


def _in_form(
    trial: Trial, form: tuple[tuple[int, int, int], dict[str, Any], Any, str], p: float
) -> Connections:
    """Return a pass of this form, before it, whose bits are not all alike by chance."""
    shape, how, dtypes, turned = form
    bits = _ALIKE / -np.log(max(p, 1 - p))
    others = -np.prod(shape)
    free = max(_LEAST, round(1.5 + bits / others))
    n, d, c = (free if side == -1 else side for side in shape)
    got = prepared(trial, (n, d, c), **how)
    x, weights = (
        array.astype(dtype) for array, dtype in zip(got.given, dtypes, strict=True)
    )
    x = corners.transposed(x) if "x" in turned else x
    weights = corners.transposed(weights) if "w" in turned else weights
    return replace(got, given=(x, weights))


def reading(rows: int, inputs: int, outputs: int, bits: int = 1, **how: Any) -> Read:
    """Return how bits are read off x and weights of these sizes, of which one that is -1
    is what the caller asks for, over ``bits``; ``how`` is as in ``connect``.

    The mask has the shape (rows, inputs, outputs)."""

    def read(
        function: StudentFunction,
        trial: Trial,
        number: int,
        keep_prob: float,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
        rest = -(-number // bits)
        n, d, c = (rest if size == -1 else size for size in (rows, inputs, outputs))
        got = connect(function, trial, (n, d, c), keep_prob, rng, **how)
        mask = _mask(got, keep_prob)
        return mask, {"weights": np.abs(got.weights), "x": np.abs(got.x)[:, :, None]}

    return read


def _mask(got: Connections, keep_prob: float) -> np.ndarray:
    mask = got.digits(1 / keep_prob)
    if mask is None:
        call = call_weights(got.x, got.weights, keep_prob)
        raise CheckFailure(
            f"{call}: out is not a sum of kept products / keep_prob.",
            Wrong.no_sum_of_kept_weights,
        )
    return mask


#: What entries a call may have, besides zeros; how many inputs; and in what share of calls
#: these stand among how many others at most.
_WHOLE = tuple(kind for kind in KINDS if kind not in ("of all sizes", "with zeros"))
_INPUTS = (1, 2, 2, *range(3, INPUTS + 1))
_AMONG, _OTHERS = 0.25, 300


def of_weights(
    trial: Trial, rng: np.random.Generator, number: int, n: int, zeros: bool = False
) -> kinds.Given:
    """Return a call with about so many bits, of any kind, for ``kinds.Kinds``."""
    inputs = min(number, int(rng.choice(_INPUTS)))
    rows, outputs = kinds.sides(rng, max(1, number // inputs), 2, n)
    a, b, c, among = rng.random(4).tolist()
    entries = "with zeros" if zeros else _WHOLE[int(a * len(_WHOLE))]
    dtype, order = ("float64", "float32")[int(2 * b)], kinds.ORDERS[int(2 * c)]
    others = 1 + int(_OTHERS * among / _AMONG) if among < _AMONG else 0
    around = inputs + others if others else 0
    got = prepared(trial, (rows, inputs, outputs), entries, dtype, around)
    if order == kinds.ORDERS[1]:
        x, weights = map(corners.transposed, got.given)
        got = replace(got, given=(x, weights))

    def bits(result: Any, keep_prob: float, _: str) -> np.ndarray:
        call = call_weights(got.x, got.weights, keep_prob)
        out = facts.float_array(result, (rows, outputs), call, "out")
        return _mask(replace(got, out=out), keep_prob)

    products = got.x[:, :, None] * got.weights
    marks = {"dtype": dtype, "entries": f"entries {entries}", "order": order}
    marks["inputs"] = {1: "a single input", 2: "two inputs"}.get(inputs, "more inputs")
    marks["inputs"] += " among others" if others else ""
    shown = products != 0 if zeros else None
    return kinds.Given(got.given, marks, products, bits, shown=shown)


def zeros_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind outputs that are all 0 at keep_prob = 1."""
    x, weights = trial.inputs(20, 12), trial.inputs(12, 5)
    if product(function, trial, x, weights, 0.5).any():
        return elementwise.Wrong.takes_one_for_a_drop_probability
    return elementwise.Wrong.drops_everything


def sum_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind outputs that are no rescaled sums of kept products."""
    shape = (60, INPUTS, OUTPUTS)
    draws = {p: connect(function, trial, shape, p, kind="inside") for p in KEEP_PROBS}
    named = {
        "1": Wrong.forgets_to_rescale_the_weights,
        "1/q": Wrong.divides_the_weights_by_drop_probability,
    }
    for factor, value in elementwise.FACTORS.items():
        found = {p: got.digits(value(p)) for p, got in draws.items()}
        # All digits 0: the outputs are zeros, which every factor explains.
        if all(mask is not None and mask.any() for mask in found.values()):
            everything = all(mask is not None and mask.all() for mask in found.values())
            if factor == "1" and everything:
                return Wrong.drops_no_weight
            if factor == "1/p":
                return Middle.right_in_the_middle_only
            return named.get(factor, Wrong.rescales_the_weights_wrongly)
    if all(_over_kept(got) for got in draws.values()):
        return Wrong.divides_by_the_kept_weights
    return Wrong.no_sum_of_kept_weights


def _over_kept(got: Connections) -> bool:
    """Return whether sums are divided by a kept share: of each output's own weights, or
    of the whole mask."""
    values = got.out / got.unit
    whole = np.arange(1, 2**INPUTS)
    counts = (whole[:, None] >> np.arange(INPUTS) & 1).sum(axis=1)
    own = np.sort(np.append(0.0, whole * INPUTS / counts))
    nearest = own[np.clip(np.searchsorted(own, values - 1e-3), 0, len(own) - 1)]
    if (np.abs(nearest - values) < 2e-3).all():
        return True
    total = values.size * INPUTS
    for kept in range(1, total):
        if (mask := got.digits(total / kept)) is not None and mask.sum() == kept:
            return True
    return False
