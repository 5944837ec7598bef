"""Train the digits networks of chapter "Why drop anything?"; write why.json.

Run in ``chapters/``: ``python -m data.why`` (about half an hour on one core).
"""

import json
from pathlib import Path

import lab
import numpy as np
from data.backward import descend, in_batches, test_error
from data.settings import EXPERIMENTS, NOISY, Settings

SEEDS = list(range(1, 13))
N_TRAIN = NOISY.rows
NOISE = NOISY.redrawn  # some of these labels come out as they were
KEEP_PROBS = [1.0, 0.8, 0.5, 0.3, 0.15, 0.05]
WEIGHT_DECAYS = [0.001, 0.003, 0.01, 0.02]
#: The ways into which is looked: dropout, weight decay, both, neither.
INSIDE = ["p=1", "p=0.8", "p=0.5", "decay=0.01", "both"]
DIAL, HARM, MASKS = (
    EXPERIMENTS[name].settings for name in ("why", "why_harm", "why_masks")
)

MASK_SEEDS = [1, 2, 3, 4, 5, 6]
#: Learning rate and keep_prob of the networks that average k masks.
MASK_SETTINGS = [(MASKS.rate, MASKS.keep_prob), (0.02, MASKS.keep_prob)]
#: Masks in each row's average, and whether noise is added up to that of one mask.
#: No mask at all is 0: the plain gradient.
MASK_WAYS = {
    "none": (0, False),
    "k=1": (1, False),
    "k=4": (4, False),
    "k=16": (16, False),
    "k=16 + noise": (16, True),
    "none + noise": (0, True),
}


def schedule(settings: Settings) -> dict[str, float]:
    """Return what ``lab.train`` takes of the settings, beside dropout."""
    return {
        "learning_rates": settings.rate,
        "decay": settings.decay,
        "epochs": settings.epochs,
    }


def noisy_digits(seed: int) -> tuple[np.ndarray, ...]:
    """Return pixels (500, 64) of digits, labels (500,) of which three in ten were
    replaced by one of the ten classes at random, and the true labels."""
    x, y, *_ = lab.load_digits()
    rng = np.random.default_rng([seed, 0])
    rows = rng.permutation(len(y))[:N_TRAIN]
    labels = y[rows]
    redrawn = rng.random(N_TRAIN) < NOISE
    labels[redrawn] = rng.integers(0, 10, redrawn.sum())
    return x[rows], labels, y[rows]


def trained(
    seed: int, keep_prob: float = 1.0, weight_decay: float = 0.0, **more
) -> lab.Parameters:
    """Return the reference network 64-128-10 after training on ``noisy_digits(seed)``.

    ``more`` goes to ``lab.train`` (``after_epoch``, say)."""
    x, y, _ = noisy_digits(seed)
    start = lab.initial_parameters(DIAL.sizes, np.random.default_rng([seed, 1]))
    return lab.train(
        start,
        x,
        y,
        keep_probs=[keep_prob],
        weight_decays=weight_decay,
        rng=np.random.default_rng([seed, 2]),
        **schedule(DIAL),
        **more,
    )


def contributions(parameters: lab.Parameters) -> np.ndarray:
    """Return what each hidden unit adds to the logit of the right class, (797, units),
    for the test digits, without dropout."""
    _, _, x, y = lab.load_digits()
    hidden = lab.forward(parameters, x)[1][1]
    return hidden * parameters[1][0][:, y].T


def inside(parameters: lab.Parameters, seed: int) -> dict[str, float]:
    """Return what is measured in a network with one hidden layer, on the test digits.

    Medians over the digits of the effective count and of net over gross contributions
    to the right logit; means of the numbers of units that speak for it and against it;
    the share of zeros; errors in percent without the unit that speaks for it loudest,
    and without a random half of the units.
    """
    _, _, x, y = lab.load_digits()
    (_, _), (weights, bias) = parameters
    hidden = lab.forward(parameters, x)[1][1]
    c = contributions(parameters)
    net, gross = c.sum(axis=1), np.abs(c).sum(axis=1)
    beheaded = hidden.copy()
    beheaded[np.arange(len(y)), c.argmax(axis=1)] = 0
    half = np.random.default_rng([seed, 3]).random(hidden.shape) < 0.5
    return {
        "n_eff": float(np.median(net**2 / (c**2).sum(axis=1))),
        "net_over_gross": float(np.median(np.abs(net) / gross)),
        "for": float((c > 0).sum(axis=1).mean()),
        "against": float((c < 0).sum(axis=1).mean()),
        "zeros": float(100 * np.mean(hidden == 0)),
        "without_top": lab.error_rate(beheaded @ weights + bias, y),
        "without_half": lab.error_rate(hidden * half @ weights + bias, y),
    }


def dial(seed: int) -> dict[str, dict[str, float]]:
    """Return errors in percent on the (noisy) training labels and on the test digits,
    for each keep probability and each weight decay, and what is inside ``INSIDE``."""
    x, y, _ = noisy_digits(seed)
    ways = {f"p={p:g}": {"keep_prob": p} for p in KEEP_PROBS}
    ways |= {f"decay={d:g}": {"weight_decay": d} for d in WEIGHT_DECAYS}
    ways["both"] = {"keep_prob": 0.5, "weight_decay": 0.01}
    result = {}
    for name, way in ways.items():
        network = trained(seed, **way)
        result[name] = {
            "train": lab.error_rate(lab.forward(network, x)[0], y),
            "test": test_error(network),
        }
        if name in INSIDE:
            result[name] |= inside(network, seed)
    return result


def harm(seed: int) -> dict[str, dict[str, float]]:
    """Return errors in percent of a network of eight hidden units on 1,000 clean digits,
    for each of three keep probabilities."""
    x, y, *_ = lab.load_digits()
    result = {}
    for p in (1.0, 0.8, 0.5):
        network = lab.train(
            lab.initial_parameters(HARM.sizes, np.random.default_rng([seed, 4])),
            x,
            y,
            keep_probs=[p],
            rng=np.random.default_rng([seed, 5]),
            **schedule(HARM),
        )
        train = lab.error_rate(lab.forward(network, x)[0], y)
        result[f"p={p:g}"] = {"train": train, "test": test_error(network)}
    return result


def averaged(parameters, x, y, k, keep_prob, rng):
    """Return the gradient, a (weights, bias) pair a layer, averaged over ``k`` masks of
    each row; without masks if ``k`` is 0."""
    if k == 0:
        return lab.gradients(parameters, x, y)[1]
    x, y = np.tile(x, (k, 1)), np.tile(y, k)
    noise = [
        (rng.random((len(y), w.shape[1]), dtype=np.float32) < keep_prob)
        * np.float32(1 / keep_prob)
        for w, _ in parameters[:-1]
    ]
    return lab.gradients(parameters, x, y, noise)[1]


def mask_error(way: str, rate: float, keep_prob: float, seed: int) -> float:
    """Return the test error in percent of a network 64-128-128-10 whose steps average
    the gradient over the masks that ``MASK_WAYS[way]`` names.

    The noise that may be added is a multiple of the difference of the gradients under
    two fresh masks: its mean is 0, and it restores the covariance of a single mask
    (Wei, Kakade and Ma, 2020).
    """
    k, repaired = MASK_WAYS[way]
    x, y, _ = noisy_digits(seed)
    x = x.astype(np.float32)
    rng = np.random.default_rng([seed, 6])
    start = lab.initial_parameters(MASKS.sizes, np.random.default_rng([seed, 7]))
    start = [(w.astype(np.float32), b.astype(np.float32)) for w, b in start]
    size = np.float32(np.sqrt((1 - 1 / k if k else 1) / 2))

    def gradients(parameters, rows):
        mean = averaged(parameters, x[rows], y[rows], k, keep_prob, rng)
        if not repaired:
            return mean
        one, other = (
            averaged(parameters, x[rows], y[rows], 1, keep_prob, rng) for _ in range(2)
        )
        return [
            tuple(g + size * (a - b) for g, a, b in zip(*layer, strict=True))
            for layer in zip(mean, one, other, strict=True)
        ]

    shuffle = np.random.default_rng([seed, 8])
    batches = (in_batches(shuffle.permutation(len(y))) for _ in range(MASKS.epochs))
    return test_error(descend(start, batches, gradients, rate, MASKS.decay))


def masks(seed: int) -> dict[str, dict[str, float]]:
    """Return the test error in percent of each way to average masks, for each learning
    rate and keep probability ("0.1, 0.5")."""
    return {
        f"{rate:g}, {p:g}": {way: mask_error(way, rate, p, seed) for way in MASK_WAYS}
        for rate, p in MASK_SETTINGS
    }


def main() -> None:
    """Run every seed and write ``why.json`` beside this file."""
    result = {
        "command": "cd chapters && python -m data.why",
        "seeds": SEEDS,
        "mask_seeds": MASK_SEEDS,
        "dial": [dial(seed) for seed in SEEDS],
        "harm": [harm(seed) for seed in SEEDS],
        "masks": [masks(seed) for seed in MASK_SEEDS],
    }
    text = json.dumps(result, indent=1) + "\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
