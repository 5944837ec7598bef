"""Train the digits networks of chapter "Other noises, other schedules"; write noise.json.

Run in ``chapters/``: ``python -m data.noise`` (about eight minutes on one core).
"""

import itertools
import json
from collections.abc import Callable
from math import exp
from pathlib import Path

import lab
import numpy as np
from data.backward import descend
from data.settings import EXPERIMENTS, REFERENCE

SEEDS = list(range(1, 13))
WIDTH, ROWS = REFERENCE.sizes[1], REFERENCE.rows
KEEP_PROB = REFERENCE.keep_prob
EPOCHS, BATCH_SIZE = REFERENCE.epochs, REFERENCE.batch
#: The learning rate, and the factor by which it has fallen after ``EPOCHS`` epochs. ``LONG``
#: trainings end at the same rate.
RATE, LAST = REFERENCE.rate, REFERENCE.decay**EPOCHS
LONG = EXPERIMENTS["noise_long"].settings.epochs
#: Standard deviation of the additive noise: about the root mean square of a hidden
#: activation before training, so that both kinds of noise start equally strong.
ADDITIVE_SD = 0.5
#: The share of the steps after which "early" stops dropping and "late" starts.
SWITCH = 1 / 6

#: The keep probability of each schedule, by the share of the steps that is done.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: KEEP_PROB,
    "annealed": lambda done: KEEP_PROB + (1 - KEEP_PROB) * done,
    "curriculum": lambda done: KEEP_PROB + (1 - KEEP_PROB) * exp(-10 * done),
    "early": lambda done: KEEP_PROB if done < SWITCH else 1.0,
    "late": lambda done: 1.0 if done < SWITCH else KEEP_PROB,
}
PAIR = ("none", "constant")
NOISES = ["none", "gaussian", "additive", *SCHEDULES]
LONG_SEEDS = SEEDS[:7]
NARROW = [16, 32, 64]
#: Run at the smallest of these widths too, where a network does better without dropout.
UNDERFIT = ["early", "late"]
NARROW_KEEP_PROBS = [0.5, 0.8]
FEW_ROWS = [50, 100, 200, 500]
#: Further seeds for the smallest of them, whose results scatter most.
MORE_SEEDS = list(range(13, 25))
DIRECTION_EPOCHS = [0, 1, 3]
DIRECTION_BATCHES = 20


def draw(law: str, keep_prob: float, shape: tuple[int, int], rng: np.random.Generator):
    """Return what the activations are multiplied with: float32, mean 1 and variance
    (1 - p) / p. ``law`` is "bernoulli" or "gaussian"."""
    if law == "gaussian":
        sd = np.sqrt((1 - keep_prob) / keep_prob).astype(np.float32)
        return 1 + sd * rng.standard_normal(shape, dtype=np.float32)
    kept = rng.random(shape, dtype=np.float32) < keep_prob
    return kept * np.float32(1 / keep_prob)


def additive_gradients(parameters, x, y, noises):
    """Return gradients (a (weights, bias) pair a layer) of a ReLU network that adds
    ``noises``, one array for each hidden layer, to its activations."""
    inputs, gates, a = [], [], x
    for layer, (weights, bias) in enumerate(parameters):
        inputs.append(a)
        a = a @ weights + bias
        if layer < len(noises):
            gates.append(a > 0)
            a = a * gates[layer] + noises[layer]
    d = lab.softmax(a)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    out = []
    for layer in reversed(range(len(parameters))):
        out.append((inputs[layer].T @ d, d.sum(axis=0)))
        if layer > 0:
            d = (d @ parameters[layer][0].T) * gates[layer - 1]
    return out[::-1]


def rows_and_start(width: int, n_train: int, seed: int):
    """Return ``n_train`` of the 1,000 training digits, chosen by ``seed``, and the
    initial 64-width-width-10 network, in float32."""
    x, y, *_ = lab.load_digits()
    chosen = np.random.default_rng([seed, 3]).permutation(len(y))[:n_train]
    start = lab.initial_parameters((64, width, width, 10), np.random.default_rng(seed))
    start = [(w.astype(np.float32), b.astype(np.float32)) for w, b in start]
    return x[chosen].astype(np.float32), y[chosen], start


def batches(rows: int, epochs: int, steps: int, rng: np.random.Generator):
    """Yield ``epochs`` lists of ``steps`` batches of row numbers; ``descend`` lowers the
    rate after each list."""

    def endless():
        while True:
            yield from np.split(
                rng.permutation(rows), range(BATCH_SIZE, rows, BATCH_SIZE)
            )

    stream = endless()
    for _ in range(epochs):
        yield list(itertools.islice(stream, steps))


def judged(
    noise: str,
    seed: int,
    *,
    width: int = WIDTH,
    n_train: int = ROWS,
    keep_prob: float | None = None,
    steps: int | None = None,
    epochs: int = EPOCHS,
) -> dict[str, float]:
    """Train one network and return its test error in percent, its test and training
    cross-entropy and the root mean square activation of its hidden layers.

    ``noise`` is "none", "gaussian", "additive" or the name of a schedule; with
    ``keep_prob`` the schedule "constant" uses it. An epoch has n_train / 50 steps, or
    ``steps``. Networks of one width, n_train, steps and seed share their rows, initial
    weights and batches.
    """
    x, y, start = rows_and_start(width, n_train, seed)
    rng = np.random.default_rng([seed, 2])
    steps = steps or n_train // BATCH_SIZE
    step = itertools.count()

    def gradients(parameters, rows):
        shape = (len(rows), width)
        if noise == "none":
            return lab.gradients(parameters, x[rows], y[rows])[1]
        if noise == "additive":
            sd = np.float32(ADDITIVE_SD)
            drawn = [sd * rng.standard_normal(shape, dtype=np.float32) for _ in "12"]
            return additive_gradients(parameters, x[rows], y[rows], drawn)
        p = SCHEDULES.get(noise, SCHEDULES["constant"])(next(step) / (steps * epochs))
        law = "gaussian" if noise == "gaussian" else "bernoulli"
        drawn = [draw(law, keep_prob or p, shape, rng) for _ in "12"]
        return lab.gradients(parameters, x[rows], y[rows], drawn)[1]

    shuffled = batches(n_train, epochs, steps, np.random.default_rng([seed, 1]))
    network = descend(start, shuffled, gradients, RATE, LAST ** (1 / epochs))
    _, _, x_test, y_test = lab.load_digits()
    z, (_, *hidden) = lab.forward(network, x_test)
    values = {
        "error": lab.error_rate(z, y_test),
        "nll": lab.cross_entropy(z, y_test),
        "train_nll": lab.cross_entropy(lab.forward(network, x)[0], y),
        "rms": float(np.sqrt(np.mean([np.mean(a**2) for a in hidden]))),
    }
    return {name: float(f"{value:.5g}") for name, value in values.items()}


def direction_variances(seed: int) -> dict[str, list[float]]:
    """Return, at ``DIRECTION_EPOCHS``, the mean of (1 - cosine) / 2 over all pairs of 20
    batches' gradients, for a network trained without and one trained with dropout."""
    x, y, *_ = lab.load_digits()
    out = {}
    for name, keep_probs in (("none", None), ("constant", [KEEP_PROB] * 2)):
        rng = np.random.default_rng([seed, 4])
        network = lab.initial_parameters((64, WIDTH, WIDTH, 10), rng)
        out[name] = []
        for before, after in itertools.pairwise([0, *DIRECTION_EPOCHS]):
            network = lab.train(
                network, x, y, keep_probs=keep_probs, epochs=after - before, rng=rng
            )
            directions = []
            for rows in np.split(rng.permutation(len(y)), DIRECTION_BATCHES):
                noise = None
                if keep_probs:
                    masks = lab.draw_masks(network, len(rows), keep_probs, rng)
                    noise = [m / KEEP_PROB for m in masks]
                grads = lab.gradients(network, x[rows], y[rows], noise)[1]
                flat = np.concatenate([part.ravel() for pair in grads for part in pair])
                directions.append(flat / np.linalg.norm(flat))
            cosines = np.array(directions) @ np.array(directions).T
            pairs = cosines[np.triu_indices(DIRECTION_BATCHES, 1)]
            out[name].append(float(f"{np.mean((1 - pairs) / 2):.5g}"))
    return out


def fewest(seed: int) -> dict[str, dict]:
    """Return results on 50 rows: after 60 steps, and after as many as 1,000 rows get."""
    return {
        name: {noise: judged(noise, seed, n_train=50, steps=steps) for noise in PAIR}
        for name, steps in (("epochs", 1), ("steps", ROWS // BATCH_SIZE))
    }


def underfit(seed: int) -> dict[str, dict]:
    """Return the results of the two schedules made for opposite regimes at width 16."""
    return {name: judged(name, seed, width=NARROW[0]) for name in UNDERFIT}


def twice_as_long(seed: int) -> dict[str, dict]:
    """Return the results of ``NOISES`` after ``LONG`` epochs."""
    return {name: judged(name, seed, epochs=LONG) for name in NOISES}


def run(seed: int) -> dict[str, dict]:
    """Return everything that one seed contributes to ``noise.json``."""
    few = {}
    for rows in FEW_ROWS:
        noises = [*PAIR] + ["gaussian"] * (rows == 200)
        few[str(rows)] = {name: judged(name, seed, n_train=rows) for name in noises}
    narrow = {}
    for width in NARROW:
        narrow[str(width)] = {"none": judged("none", seed, width=width)}
        for p in NARROW_KEEP_PROBS:
            found = judged("constant", seed, width=width, keep_prob=p)
            narrow[str(width)][str(p)] = found
    return {
        "wide": {name: judged(name, seed) for name in NOISES},
        "wide_0.8": judged("constant", seed, keep_prob=0.8),
        "few": few,
        "narrow": narrow,
        "directions": direction_variances(seed),
    }


def main() -> None:
    """Run every seed and write ``noise.json`` beside this file."""
    result = {
        "command": "cd chapters && python -m data.noise",
        "seeds": SEEDS,
        "more_seeds": MORE_SEEDS,
        "runs": [run(seed) for seed in SEEDS],
        "long": [twice_as_long(seed) for seed in LONG_SEEDS],
        "fewest": [fewest(seed) for seed in SEEDS + MORE_SEEDS],
        "underfit": [underfit(seed) for seed in SEEDS],
    }
    text = json.dumps(result, separators=(",", ":")).replace("},{", "},\n{") + "\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
