"""Train the digits networks of chapter "The same mask both ways"; write backward.json.

Run in ``chapters/``: ``python -m data.backward`` (about a quarter of an hour on one core).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import lab
import numpy as np
from data.settings import EXPERIMENTS, REFERENCE

SEEDS = [1, 2, 3, 4, 5, 6]
MINIBATCH_SEEDS = [*SEEDS, 7, 8, 9, 10, 11, 12]
SIZES = REFERENCE.sizes
KEEP_PROBS = (REFERENCE.keep_prob,) * 2
FULL_BATCH = EXPERIMENTS["full_batch"].settings
NOISY = EXPERIMENTS["averaged_noisy"].settings
FULL_BATCH_ROWS = [300, 1000]
COST_EPOCHS = [0, 1, 2, 3, 5, 8, 12, 20, EXPERIMENTS["costs"].settings.epochs]
COST_DRAWS = 25
#: "none", or how many masks an example the gradient is averaged over.
AVERAGED = ("none", "1", "4", "16")
AVERAGED_SEEDS = [1, 2, 3, 4]


class OneRow:
    """A generator for ``lab.draw_masks`` that gives all rows of a batch one mask."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def random(self, shape: tuple[int, int]) -> np.ndarray:
        """Return uniforms of the given (rows, width), all rows equal."""
        return np.broadcast_to(self.rng.random((1, shape[1])), shape)


def backward_only_gradients(parameters, x, y, multipliers):
    """Return gradients (a (weights, bias) pair a layer) of a network whose forward pass
    has no dropout and whose backward pass multiplies with ``multipliers``."""
    z, inputs = lab.forward(parameters, x)
    d = lab.softmax(z)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    out = []
    for layer in reversed(range(len(parameters))):
        noise = multipliers[layer - 1] if layer > 0 else 1.0
        out.append(((inputs[layer] * noise).T @ d, d.sum(axis=0)))
        if layer > 0:
            d = (d @ parameters[layer][0].T) * noise * (inputs[layer] > 0)
    return out[::-1]


def descend(parameters, batches, gradients, rate, decay=1.0):
    """Return parameters after SGD with momentum 0.9 over epochs of ``batches``.

    ``batches`` yields for each epoch a list of arrays of row numbers;
    ``gradients(parameters, rows)`` returns one (weights, bias) pair a layer. ``rate``
    is multiplied by ``decay`` after each epoch.
    """
    parameters = [(w.copy(), b.copy()) for w, b in parameters]
    velocity = [(np.zeros_like(w), np.zeros_like(b)) for w, b in parameters]
    for epoch in batches:
        for rows in epoch:
            grads = gradients(parameters, rows)
            for pair, speeds, slopes in zip(parameters, velocity, grads, strict=True):
                for value, speed, slope in zip(pair, speeds, slopes, strict=True):
                    speed *= 0.9
                    speed -= rate * slope
                    value += speed
        rate *= decay
    return parameters


def in_batches(order: np.ndarray) -> list[np.ndarray]:
    """Return row numbers, split into the reference's batches."""
    return np.split(order, range(REFERENCE.batch, len(order), REFERENCE.batch))


def test_error(parameters) -> float:
    """Return the error on the 797 test digits in percent, without dropout."""
    _, _, x_test, y_test = lab.load_digits()
    return lab.error_rate(lab.forward(parameters, x_test)[0], y_test)


def minibatch_errors(seed: int) -> dict[str, float]:
    """Return the test error in percent for each way to draw masks; batches of 50."""
    x, y, *_ = lab.load_digits()
    start = lab.initial_parameters(SIZES, np.random.default_rng(seed))

    def trained(keep_probs, mask_rng=None):
        return lab.train(
            start,
            x,
            y,
            keep_probs=keep_probs,
            learning_rates=REFERENCE.rate,
            epochs=REFERENCE.epochs,
            decay=REFERENCE.decay,
            rng=np.random.default_rng([seed, 1]),
            mask_rng=mask_rng,
        )

    rng = np.random.default_rng([seed, 1])

    def shuffled() -> Iterator[list[np.ndarray]]:
        for _ in range(REFERENCE.epochs):
            yield in_batches(rng.permutation(len(y)))

    def backward_only(parameters, rows):
        masks = lab.draw_masks(parameters, len(rows), KEEP_PROBS, rng)
        noise = [m / p for m, p in zip(masks, KEEP_PROBS, strict=True)]
        return backward_only_gradients(parameters, x[rows], y[rows], noise)

    one_row = OneRow(np.random.default_rng([seed, 2]))
    networks = {
        "none": trained(None),
        "fresh": trained(KEEP_PROBS),
        "reseeded": trained(KEEP_PROBS, lambda step: np.random.default_rng(seed)),
        "one_per_batch": trained(KEEP_PROBS, lambda step: one_row),
        "backward_only": descend(
            start, shuffled(), backward_only, REFERENCE.rate, REFERENCE.decay
        ),
    }
    return {name: test_error(network) for name, network in networks.items()}


def averaged_errors(
    seed: int, noisy: bool, names: Sequence[str] = AVERAGED
) -> dict[str, float]:
    """Return the test error in percent when each step averages the gradient over k masks
    an example, for each of ``names``, which are of ``AVERAGED``; batches of 50.

    ``noisy`` trains on images of which some got a random label. In single precision,
    for speed.
    """
    settings = NOISY if noisy else REFERENCE
    x, y, *_ = lab.load_digits(settings.rows)
    if noisy:
        labels = np.random.default_rng([seed, 6])
        redrawn = labels.random(len(y)) < settings.redrawn
        y = np.where(redrawn, labels.integers(0, 10, len(y)), y)
    x = x.astype(np.float32)
    start = [
        (w.astype(np.float32), b.astype(np.float32))
        for w, b in lab.initial_parameters(SIZES, np.random.default_rng(seed))
    ]
    errors = {}
    for name in names:
        rng = np.random.default_rng([seed, 5])

        def batches(rng=rng) -> Iterator[list[np.ndarray]]:
            for _ in range(settings.epochs):
                yield in_batches(rng.permutation(len(y)))

        def gradients(parameters, rows, name=name, rng=rng):
            if name == "none":
                return lab.gradients(parameters, x[rows], y[rows])[1]
            rows = np.tile(rows, int(name))
            masks = lab.draw_masks(parameters, len(rows), KEEP_PROBS, rng)
            noise = [
                m.astype(np.float32) / p for m, p in zip(masks, KEEP_PROBS, strict=True)
            ]
            return lab.gradients(parameters, x[rows], y[rows], noise)[1]

        network = descend(start, batches(), gradients, settings.rate, settings.decay)
        errors[name] = test_error(network)
    return errors


def full_batch_errors(seed: int, n_train: int) -> dict[str, float]:
    """Return the test error in percent after full-batch descent on ``n_train`` rows.

    ``n_train`` is 1 to 1000. The keys say how masks are drawn: "none", "fresh" at every
    step, or "reseeded", which gives the same masks at every step.
    """
    x, y, *_ = lab.load_digits(n_train)
    start = lab.initial_parameters(SIZES, np.random.default_rng(seed))
    rng = np.random.default_rng([seed, 3])
    sources = {
        "none": None,
        "fresh": lambda: rng,
        "reseeded": lambda: np.random.default_rng(seed),
    }
    errors = {}
    for name, source in sources.items():

        def gradients(parameters, rows, source=source):
            if source is None:
                return lab.gradients(parameters, x, y)[1]
            masks = lab.draw_masks(parameters, len(y), KEEP_PROBS, source())
            noise = [m / p for m, p in zip(masks, KEEP_PROBS, strict=True)]
            return lab.gradients(parameters, x, y, noise)[1]

        epochs = ([np.arange(len(y))] for _ in range(FULL_BATCH.epochs))
        errors[name] = test_error(descend(start, epochs, gradients, FULL_BATCH.rate))
    return errors


def costs(seed: int) -> dict[str, list[float]]:
    """Return the training cost without and (mean of ``COST_DRAWS`` masks) with dropout,
    at each of ``COST_EPOCHS`` of one training with dropout."""
    x, y, *_ = lab.load_digits()
    rng = np.random.default_rng([seed, 4])
    parameters = lab.initial_parameters(SIZES, np.random.default_rng(seed))
    out: dict[str, list[float]] = {"clean": [], "dropped": []}
    for before, after in zip([0, *COST_EPOCHS], COST_EPOCHS, strict=False):
        parameters = lab.train(
            parameters, x, y, keep_probs=KEEP_PROBS, epochs=after - before, rng=rng
        )
        draws = []
        for _ in range(COST_DRAWS):
            masks = lab.draw_masks(parameters, len(y), KEEP_PROBS, rng)
            noise = [m / p for m, p in zip(masks, KEEP_PROBS, strict=True)]
            draws.append(lab.cross_entropy(lab.forward(parameters, x, noise)[0], y))
        out["clean"].append(lab.cross_entropy(lab.forward(parameters, x)[0], y))
        out["dropped"].append(float(np.mean(draws)))
    return out


def main() -> None:
    """Run every seed and write ``backward.json`` beside this file."""
    result = {
        "command": "cd chapters && python -m data.backward",
        "seeds": SEEDS,
        "minibatch_seeds": MINIBATCH_SEEDS,
        "cost_epochs": COST_EPOCHS,
        "costs": [costs(seed) for seed in SEEDS],
        "full_batch": {
            str(n): [full_batch_errors(seed, n) for seed in SEEDS]
            for n in FULL_BATCH_ROWS
        },
        "minibatch": [minibatch_errors(seed) for seed in MINIBATCH_SEEDS],
        "averaged": {
            name: [averaged_errors(seed, name == "noisy") for seed in AVERAGED_SEEDS]
            for name in ("clean", "noisy")
        },
    }
    text = json.dumps(result, indent=1) + "\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
