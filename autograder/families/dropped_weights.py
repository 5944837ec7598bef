"""Reads the mask of the weights off the output of a DropConnect layer."""

from dataclasses import dataclass

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import elementwise
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
    differs_from_the_product_at_keep_prob_one = """at keep_prob = 1 no weight is
        dropped, and out is x @ weights; you compute another product."""


INPUTS, OUTPUTS = 10, 20


@dataclass(frozen=True)
class Connections:
    """A forward pass whose weights' mask can be read off the outputs.

    Row n, input d and output c contribute ``unit[n, c] * 2**exponents[d]`` when the
    weight is kept: a binary number with a digit for each input."""

    x: np.ndarray
    weights: np.ndarray
    unit: np.ndarray
    exponents: np.ndarray
    out: np.ndarray

    def digits(self, factor: float) -> np.ndarray | None:
        """Return the mask, of shape (N, D, C), if kept weights are multiplied with
        ``factor`` and the others with 0; else None."""
        values = self.out / self.unit / factor
        whole = np.rint(values)
        # Arithmetic in float32 is off by less than 0.001.
        fits = (np.abs(values - whole) < 0.01) & (whole >= 0) & (whole < 2**INPUTS)
        if not fits.all():
            return None
        digits = whole.astype(np.int64)[:, None, :] >> self.exponents[:, None] & 1
        return digits.astype(bool)


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
    rows: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> Connections:
    """Return a forward pass on inputs that make its mask readable."""
    # Small and large weights take turns, so that neither are the first inputs.
    half = trial.rng.permuted(np.arange(INPUTS).reshape(2, -1), axis=1)
    exponents = half.T.ravel()
    row, column = trial.inputs(rows, 1), trial.inputs(1, OUTPUTS)
    entry = trial.inputs(INPUTS)
    x, weights = row * entry, 2.0 ** exponents[:, None] * column / entry[:, None]
    out = product(function, trial, x, weights, keep_prob, rng)
    return Connections(x, weights, row * column, exponents, out)


def bits(
    function: StudentFunction,
    trial: Trial,
    rows: int,
    keep_prob: float,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mask of a forward pass, of shape (rows, inputs, outputs), and which
    weights are large, of shape (inputs, outputs)."""
    got = connect(function, trial, rows, keep_prob, rng)
    mask = got.digits(1 / keep_prob)
    if mask is None:
        call = call_weights(got.x, got.weights, keep_prob)
        raise CheckFailure(
            f"{call}: out is not a sum of kept products / keep_prob.",
            Wrong.no_sum_of_kept_weights,
        )
    size = np.abs(got.weights)
    return mask, size > np.median(size)


def zeros_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind outputs that are all 0 at keep_prob = 1."""
    x, weights = trial.inputs(20, 12), trial.inputs(12, 5)
    if product(function, trial, x, weights, 0.5).any():
        return elementwise.Wrong.takes_one_for_a_drop_probability
    return elementwise.Wrong.drops_everything


def sum_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind outputs that are no rescaled sums of kept products."""
    draws = {p: connect(function, trial, 60, p) for p in KEEP_PROBS}
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
                return elementwise.Wrong.drops_nothing
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
