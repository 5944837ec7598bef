"""DropConnect on many inputs: of so many kept products no mask can be read, but if all are
whole multiples of one number, so is each sum, whatever the mask."""

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners
from autograder.families.dropped_weights import Wrong, call_weights
from autograder.families.references import in_turn, spread, typed

#: How many calls, of how many inputs at most, and outputs of a call at least and at most.
_CALLS, _INPUTS, _OUTPUTS = 24, 200, (30, 400)
_ROWS = (1, 2, 5, 20)
#: How far a sum right to five digits may be from a whole number. Of other numbers one in
#: ten is so close to one: all of a call, by chance, once in 10 ** 30.
_OFF = 0.05


def _whole(rng: np.random.Generator, signs: float, *shape: int) -> np.ndarray:
    """Return whole numbers from 1 to 3, of which such a share is negative."""
    numbers = rng.integers(1, 4, shape)
    return np.where(rng.random(shape) < signs, -numbers, numbers)


def expect_sums(function: StudentFunction, trial: Trial) -> None:
    """Check that outputs on many inputs are sums of kept products, which are multiples of
    one number."""
    rng = trial.rng
    turns = (
        spread(rng, 11, _INPUTS + 1, _CALLS).astype(int).tolist(),
        corners.spread_keep_probs(trial, _CALLS),
        *(in_turn(rng, each, _CALLS) for each in (_ROWS, (0, 0.5, 1), (0, 0.5))),
    )
    made = []
    for d, keep_prob, n, *signs in zip(*turns, strict=True):
        c = int(rng.integers(-(-_OUTPUTS[0] // n), _OUTPUTS[1] // n + 1))
        whole = _whole(rng, signs[0], n, d), _whole(rng, signs[1], d, c)
        steps = 10.0 ** rng.uniform(-2, 2, 2)
        given, *_ = typed(rng, *(a * s for a, s in zip(whole, steps, strict=True)))
        made.append((whole, float(np.prod(steps)), (*given, keep_prob)))
    results = function.each([(*args, trial.generator()) for *_, args in made])
    for ((x, weights), step, args), result in zip(made, results, strict=True):
        text, shape = call_weights(*args), (len(x), weights.shape[1])
        out = facts.float_array(result, shape, text, "out").astype(float)
        sums, of_all = out * args[2] / step, x @ weights
        most = np.abs(x) @ np.abs(weights)  # the positive ones, less the negative
        off = np.abs(sums - np.rint(sums)) > _OFF
        off |= np.abs(2 * sums - of_all) > most + 2 * _OFF
        trial.expect(
            not off.any(),
            f"{text}: all products are multiples of {step:.4g}; {int(off.sum())} of "
            f"{off.size} outputs, times keep_prob, are no sum of some of them.",
            Wrong.no_sum_of_kept_weights,
        )
