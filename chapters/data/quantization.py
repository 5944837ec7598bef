"""Train the digits networks of chapter "Counts are whole numbers"; write quantization.json.

Run in ``chapters/``: ``python -m data.quantization`` (about four minutes on one core).
"""

import json
from math import comb
from pathlib import Path

import lab
import numpy as np
from data.backward import descend, in_batches
from data.settings import EXPERIMENTS

#: How many seeds each width of the two hidden layers gets.
SEEDS = {16: 32, 64: 24, 256: 12}
SETTINGS = EXPERIMENTS["quantization"].settings
KEEP_PROB = SETTINGS.keep_prob
DIVISORS = ["none", "keep_prob", "kept_fraction", "fixed_count", "equal_noise"]


def equal_noise_keep_prob(width: int) -> float:
    """Return the keep probability at which plain dropout gives a unit the variance that
    the kept fraction gives it: (1 - p) / p = width * E[1/K; K >= 1] - 1."""
    counts = np.arange(1, width + 1)
    chances = [
        comb(width, k) * KEEP_PROB**k * (1 - KEEP_PROB) ** (width - k)
        for k in counts.tolist()
    ]
    return float(1 / (width * (chances / counts).sum()))


def multipliers(divisor: str, rows: int, width: int, rng: np.random.Generator):
    """Return what the activations are multiplied with: float32 (rows, width).

    ``divisor`` is "keep_prob" (mask / keep_prob), "kept_fraction" (a row's mask over its
    own kept fraction; a row of zeros where nothing is kept) or "fixed_count" (exactly
    width * keep_prob units a row) or "equal_noise" (as "keep_prob", but with
    ``equal_noise_keep_prob``). It draws rows * width uniforms in each case.
    """
    u = rng.random((rows, width), dtype=np.float32)
    if divisor == "fixed_count":
        count = round(width * KEEP_PROB)
        last_kept = np.partition(u, count - 1, axis=1)[:, count - 1 : count]
        return (u <= last_kept) * np.float32(width / count)
    if divisor == "equal_noise":
        keep_prob = equal_noise_keep_prob(width)
        return (u < keep_prob) * np.float32(1 / keep_prob)
    mask = u < KEEP_PROB
    if divisor == "keep_prob":
        return mask * np.float32(1 / KEEP_PROB)
    kept = mask.sum(axis=1, keepdims=True)
    return mask * (width / np.maximum(kept, 1)).astype(np.float32)


def trained(divisor: str, width: int, seed: int) -> lab.Parameters:
    """Return the 64-width-width-10 network after training, in float32.

    Networks of one width and seed share their initial weights and their batches.
    """
    x, y, *_ = lab.load_digits()
    x = x.astype(np.float32)
    start = lab.initial_parameters((64, width, width, 10), np.random.default_rng(seed))
    start = [(w.astype(np.float32), b.astype(np.float32)) for w, b in start]
    shuffler, rng = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])

    def gradients(parameters, rows):
        noise = None
        if divisor != "none":
            noise = [multipliers(divisor, len(rows), width, rng) for _ in range(2)]
        return lab.gradients(parameters, x[rows], y[rows], noise)[1]

    batches = (in_batches(shuffler.permutation(len(y))) for _ in range(SETTINGS.epochs))
    return descend(start, batches, gradients, SETTINGS.rate, SETTINGS.decay)


def scores(width: int, seed: int) -> dict[str, list[float]]:
    """Return for each divisor the test error in percent and the test cross-entropy."""
    _, _, x_test, y_test = lab.load_digits()
    out = {}
    for divisor in DIVISORS:
        z, _ = lab.forward(trained(divisor, width, seed), x_test)
        pair = lab.error_rate(z, y_test), lab.cross_entropy(z, y_test)
        out[divisor] = [round(value, 4) for value in pair]
    return out


def main() -> None:
    """Run every width and seed and write ``quantization.json`` beside this file."""
    result = {
        "command": "cd chapters && python -m data.quantization",
        "keep_prob": KEEP_PROB,
        "epochs": SETTINGS.epochs,
        "runs": {
            str(width): [scores(width, seed) for seed in range(1, seeds + 1)]
            for width, seeds in SEEDS.items()
        },
    }
    text = json.dumps(result, separators=(",", ":")).replace("},{", "},\n{") + "\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
