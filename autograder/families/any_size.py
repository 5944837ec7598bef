"""A network with one dropped layer on batches of any size and form, moderate and large: its
mask shows in a gradient, and with that mask everything else must be right."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.contract.student import StudentFunction, foresee
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
    (200, 90, 3),
    (1, 40, 6),
)


def _scaled(batch: Batch, size: float) -> Batch:
    """Return a batch whose hidden units are so many times as large, and its logits the
    same."""
    one = batch.params
    params = {"W1": one["W1"] * size, "b1": one["b1"] * size, "W2": one["W2"] / size}
    return replace(batch, params=one | params)


def _with(change: Callable[[network.Arrays], Mapping[str, Any]]) -> Any:
    """Return what replaces parameters, on a batch all of whose units are active."""

    def changed(batch: Batch) -> Batch:
        params = {name: np.abs(batch.params[name]) + 0.1 for name in ("W1", "b1")}
        batch = replace(batch, params=batch.params | params, x=np.abs(batch.x))
        return replace(batch, params={**batch.params, **change(batch.params)})

    return changed


def _typed(params: type, x: type) -> Any:
    def typed(batch: Batch) -> Batch:
        own: network.Arrays = {
            name: value.astype(params) for name, value in batch.params.items()
        }
        return replace(batch, params=own, x=batch.x.astype(x))

    return typed


def _wide(batch: Batch) -> Batch:
    """Return a batch with 300 inputs more, which change little."""
    more = np.resize(batch.params["W1"], (300, batch.params["W1"].shape[1])) / 1e4
    x = np.hstack([batch.x, np.resize(batch.x, (len(batch.x), 300))])
    params = batch.params | {"W1": np.vstack([batch.params["W1"], more])}
    return replace(batch, params=params, x=x)


_FLOAT32 = "all in float32"
#: Forms that batches of larger logits may have, each with rows, hidden units and classes;
#: ``network_forms`` has others.
_FORMS: Mapping[str, tuple[Callable[[Batch], Batch], tuple[int, int, int]]] = {
    _FLOAT32: (_typed(np.float32, np.float32), (30, 40, 3)),
    "both biases 0": (
        _with(lambda p: {"b1": 0 * p["b1"], "b2": 0 * p["b2"]}),
        (8, 30, 3),
    ),
    "large entries in b1": (_with(lambda p: {"b1": 2e3 * p["b1"]}), (8, 30, 3)),
    "small entries in b1 and b2": (
        _with(lambda p: {"b1": 1e-5 * p["b1"], "b2": 1e-5 * p["b2"]}),
        (8, 30, 3),
    ),
    "large entries in W2": (lambda batch: _scaled(batch, 1e-9), (8, 30, 3)),
    "small entries in W2": (lambda batch: _scaled(batch, 1e6), (8, 30, 3)),
    "many hidden units": (lambda batch: batch, (2, 3100, 2)),
    "many classes": (lambda batch: batch, (2, 3, 3100)),
    "many rows": (lambda batch: _crowded(batch), (8, 32, 3)),
    "many inputs": (_wide, (5, 30, 3)),
}
#: How many rows are many, and how many of them have inputs together: x with one for each
#: is large.
_MANY, _CROWD = 560, 16
#: One that shows nothing: all gradients are 0.
_BARE: Mapping[str, tuple[Callable[[Batch], Batch], tuple[int, int, int]]] = {
    "one class and one hidden unit": (lambda batch: batch, (1, 1, 1)),
}


def expect_right(function: StudentFunction, trial: Trial) -> None:
    """Compare loss and gradients with those at the mask that the gradient of W1 shows."""
    given = [(*each, trial.generator()) for each in _all(trial)]
    foresee(function, [((*batch.given, rng), {}) for batch, _, rng in given])
    for batch, form, rng in given:
        found = batch.run(function, rng)
        mask = _shown(batch, found) / batch.keep_prob
        expected = batch.expected(mask)
        # What float32 holds of terms that cancel is less.
        more = 10 if form == _FLOAT32 else 1
        slack = {name: more * size for name, size in batch.slack.items()}
        for _, what in network.differing(found, expected, slack):
            h, c = batch.params["W2"].shape
            trial.fail(
                f"{batch.call}, H = {h}, C = {c}{form}: with the mask that grads['W1'] "
                f"shows, {what}",
                mistake(batch, found, mask),
            )


def _all(trial: Trial) -> Iterator[tuple[Batch, str]]:
    """Yield batches and what is said of their form: at the corners of the range of
    keep_prob, then all over it."""
    keep_probs = (*corners.KEEP_PROBS, 0.6, *corners.ENDS)
    for i, (sizes, keep_prob) in enumerate(zip(_SIZES, keep_probs, strict=True)):
        batch = _batch(trial, *sizes, keep_prob)
        yield _raised(trial, batch) if i % 2 else batch, ""
    spread = corners.spread_keep_probs(trial, len(_FORMS))
    spread += corners.drawn_keep_probs(trial, len(_BARE))
    forms = {**_FORMS, **_BARE}.items()
    for (form, (change, sizes)), keep_prob in zip(forms, spread, strict=True):
        batch = _moderate(change(_clear(_batch(trial, *sizes, keep_prob))))
        yield batch, f", {form}"


def _shown(batch: Batch, found: network.Arrays) -> np.ndarray:
    """Return the mask (N, H) that the gradients show, of active units: each row has an
    input of its own, but where rows are many. In a single row it is where there is a
    gradient of W2."""
    rows, inputs = np.arange(len(batch.x)), batch.x.shape[1]
    shown: np.ndarray = (
        found["W1"][rows if inputs > len(rows) else rows // _CROWD * 2] != 0
    )
    return shown | found["W2"].any(axis=1) if len(rows) == 1 else shown


def mistake(batch: Batch, found: network.Arrays, multiplier: np.ndarray) -> str:
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


def _crowded(batch: Batch) -> Batch:
    """Return a batch of ``_MANY`` rows, of which each ``_CROWD`` have two inputs of their
    own, and of these each is active in units of its own."""
    hidden, groups = len(batch.params["b1"]), np.arange(_MANY // _CROWD)
    turn = 2 * np.pi / _CROWD * np.arange(max(_CROWD, hidden)) + 0.1
    around = np.column_stack([np.cos(turn), np.sin(turn)])
    x = np.zeros((len(groups), _CROWD, len(groups), 2))
    x[groups, :, groups] = 20 * around[:_CROWD]
    weights = np.tile(around[:hidden].T, (len(groups), 1))
    bias = np.full(hidden, -20 * np.cos(np.pi / _CROWD))
    params = batch.params | {"W1": weights, "b1": bias}
    y = np.resize(batch.y, _MANY)
    return replace(batch, params=params, x=x.reshape(_MANY, -1), y=y)


def _clear(batch: Batch) -> Batch:
    """Return the batch with no hidden unit so near to 0 that rounding decides whether it
    is active."""
    z = batch.x @ batch.params["W1"] + batch.params["b1"]
    weights, rows = batch.params["W1"].copy(), len(batch.x)
    away = np.where(np.abs(z) < 0.05, np.copysign(0.1, z), 0)
    weights[:rows] += away / np.diag(batch.x)[:, None]
    return replace(batch, params={**batch.params, "W1": weights})


def _moderate(batch: Batch) -> Batch:
    """Return the batch with logits of 6 at most beside the biases, whatever the mask."""
    hidden = np.maximum(batch.x @ batch.params["W1"] + batch.params["b1"], 0)
    weights = batch.params["W2"]
    largest = float((hidden @ np.abs(weights)).max() / batch.keep_prob)
    less = weights.dtype.type(min(1.0, 6 / max(largest, 1e-9)))
    return replace(batch, params={**batch.params, "W2": weights * less})


def _raised(trial: Trial, batch: Batch) -> Batch:
    """Return the batch with logits up to ±900, of which a row's differ moderately but for
    those of the last class."""
    params = {name: value.copy() for name, value in batch.params.items()}
    hidden = np.maximum(batch.x @ params["W1"] + params["b1"], 0) / batch.keep_prob
    where = trial.rng.normal(size=(hidden.shape[1], 1))
    params["W2"] += 400 * where / max((hidden @ np.abs(where)).max(), 1e-9)
    params["b2"][-1] -= 400 * (len(params["b2"]) > 2)
    return replace(batch, params=params)
