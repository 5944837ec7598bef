"""A network with one dropped layer on batches of any size, moderate and large: its mask
shows in a gradient, and with that mask everything else must be right."""

from dataclasses import replace

import numpy as np

from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners, network
from autograder.families.bit_tests import Wrong
from autograder.families.network import Batch
from autograder.families.rivals import first

#: Rows, hidden units and classes; every second batch has large logits.
_SIZES: tuple[tuple[int, int, int], ...] = (
    (60, 50, 3),
    (40, 70, 3),
    (2, 130, 4),
    (5, 20, 2),
    (90, 5, 12),
    (80, 110, 4),
    (1, 40, 2),
    (1, 30, 6),
    (200, 90, 3),
    (3, 40, 3),
)


def expect_right(function: StudentFunction, trial: Trial) -> None:
    """Compare loss and gradients with those at the mask that the gradient of W1 shows."""
    drawn = corners.drawn_keep_probs(trial, 3)
    keep_probs = (*corners.KEEP_PROBS, *drawn, *corners.ENDS)
    for i, (sizes, keep_prob) in enumerate(zip(_SIZES, keep_probs, strict=True)):
        batch = _batch(trial, *sizes, keep_prob)
        batch = _raised(trial, batch) if i % 2 else batch
        found = batch.run(function, trial.generator())
        mask = found["W1"][: len(batch.x)] != 0
        expected = batch.expected(mask / keep_prob)
        for _, what in network.differing(found, expected, batch.slack):
            trial.fail(
                f"{batch.call}: with the mask that grads['W1'] shows, {what}",
                _mistake(batch, found, mask / keep_prob),
            )


def _mistake(batch: Batch, found: network.Arrays, multiplier: np.ndarray) -> str:
    """Return what is behind a wrong result after right ones for two rows."""
    linear = batch.expected(multiplier, relu=False, gate=False)
    rivals = {
        network.Wrong.forgets_the_relu: linear,
        network.Wrong.lacks_the_relu_gate: batch.expected(multiplier, gate=False),
    }

    def same(one: network.Arrays, other: network.Arrays) -> bool:
        return not any(network.differing(one, other, batch.slack))

    return first(found, rivals, same) or Wrong.right_in_the_middle_only


def _batch(trial: Trial, n: int, h: int, c: int, keep_prob: float) -> Batch:
    """Return a batch of moderate logits, whose units are active or not: each row of x has
    a column of its own, and three that all rows share."""
    params = network.parameters(trial, n + 3, h, c)
    params["W2"] *= keep_prob
    x = np.hstack([np.diag(trial.rng.uniform(2, 4, n)), trial.inputs(n, 3)])
    return Batch(params, x, trial.rng.integers(c, size=n), keep_prob)


def _raised(trial: Trial, batch: Batch) -> Batch:
    """Return the batch with logits up to ±900, of which a row's differ moderately but for
    those of the last class."""
    params = {name: value.copy() for name, value in batch.params.items()}
    hidden = np.maximum(batch.x @ params["W1"] + params["b1"], 0) / batch.keep_prob
    where = trial.rng.normal(size=(hidden.shape[1], 1))
    params["W2"] += 400 * where / max((hidden @ np.abs(where)).max(), 1e-9)
    params["b2"][-1] -= 400 * (len(params["b2"]) > 2)
    return replace(batch, params=params)
