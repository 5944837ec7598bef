"""Batches in which no mask can be read, but every hidden unit is a whole multiple of one
number, and every class equally likely whatever the mask: then the gradient of W2 is made of
whole numbers as well."""

from collections.abc import Iterator

import numpy as np

from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners, network
from autograder.families.network import Batch
from autograder.families.references import in_turn, spread

#: How many batches, and from how many and to how many rows, inputs, hidden units and classes.
_BATCHES, _ROWS, _INPUTS, _UNITS, _CLASSES = 24, (4, 100), (1, 12), (8, 100), (2, 12)
#: How far a gradient right to five digits may be from a whole number. Of other numbers one in
#: five is so close to one: all of eight units, in two classes, once in 10 ** 11.
_OFF = 0.1


def _signed(rng: np.random.Generator, most: int, *shape: int) -> np.ndarray:
    """Return whole numbers up to this one, either way, none of which is 0."""
    return rng.choice((-1, 1), shape) * rng.integers(1, most + 1, shape)


def _batches(trial: Trial) -> Iterator[tuple[Batch, np.ndarray, float]]:
    """Yield batches, their hidden units as whole numbers, and of what these are multiples."""
    rng = trial.rng
    turns = zip(
        *(
            spread(rng, low, high + 1, _BATCHES).astype(int).tolist()
            for low, high in (_ROWS, _INPUTS, _UNITS, _CLASSES)
        ),
        corners.spread_keep_probs(trial, _BATCHES),
        in_turn(rng, (np.float64, np.float64, np.float32), _BATCHES),
        strict=True,
    )
    for n, d, h, c, keep_prob, dtype in turns:
        x, weights, bias = (
            _signed(rng, 2, n, d),
            _signed(rng, 2, d, h),
            _signed(rng, 3, h),
        )
        one, other = 10.0 ** rng.uniform(-1.5, 0.5, 2)
        behind = rng.normal(0, 1 / (d * h), (h, 1)) * keep_prob / (one * other)
        params = {
            "W1": weights * other,
            "b1": bias * (one * other),
            # All logits of a row are the same, but for what does not count.
            "W2": behind * (1 + 1e-7 * rng.standard_normal((h, c))),
            "b2": rng.normal() + 1e-7 * rng.standard_normal(c),
        }
        made = {name: value.astype(dtype) for name, value in params.items()}
        y = rng.integers(c, size=n)
        batch = Batch(made, (x * one).astype(dtype), y, keep_prob)
        yield batch, np.maximum(x @ weights + bias, 0), one * other


def expect_whole(function: StudentFunction, trial: Trial) -> None:
    """Check that gradients of W2 are those of some mask, as far as every mask's are whole
    multiples of one number, and none is beyond that of the kept units of either sign."""
    cases = [*_batches(trial)]
    results = function.each([(*case[0].given, trial.generator()) for case in cases])
    for (batch, hidden, unit), result in zip(cases, results, strict=True):
        (h, c), n = batch.params["W2"].shape, len(batch.y)
        found = network.loss_and_gradients(result, batch.params, batch.call)["W2"]
        step = unit / (batch.keep_prob * c * n)
        # A row adds its unit times 1 for each class, less c times that for its own.
        each = 1.0 - c * (batch.y[:, None] == np.arange(c))
        whole = found.astype(float) / step
        low = hidden.T @ np.minimum(each, 0) - _OFF
        high = hidden.T @ np.maximum(each, 0) + _OFF
        off = (np.abs(whole - np.rint(whole)) > _OFF) | (whole < low) | (whole > high)
        trial.expect(
            not off.any(),
            f"{batch.call}, H = {h}, C = {c}, all classes equally likely: each mask's "
            f"gradients of W2 are multiples of {step:.4g}, within bounds; {int(off.sum())} "
            f"of {off.size} are not.",
            network.Wrong.no_single_mask_explains_it,
        )
