"""Train the digits networks of chapter "Why rescale at all?"; write energy.json.

Run in ``chapters/``: ``python -m data.energy`` (about three minutes on one core).
"""

import json
from pathlib import Path

import lab
import numpy as np
from data.settings import REFERENCE

SEEDS = [1, 2, 3, 4, 5, 6]
KEEP_PROBS = (REFERENCE.keep_prob,) * 2
WEIGHT_DECAYS = [0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2]


def judged(logits: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the test loss, the error in percent and the root mean square logit."""
    return {
        "nll": lab.cross_entropy(logits, y),
        "error": lab.error_rate(logits, y),
        "rms": float(np.sqrt(np.mean(logits**2))),
    }


def train_once(seed: int, weight_decay: float) -> dict[str, dict[str, float]]:
    """Return what the test set says of one network, with two test passes.

    ``weight_decay`` is in units of inverted dropout. "scaled" is the right test pass.
    "unscaled" belongs to a network that never rescales: its hidden layers come out
    1/keep_prob times as large as at training.
    """
    x, y, x_test, y_test = lab.load_digits()
    rng = np.random.default_rng([seed, 7])
    network = lab.train(
        lab.initial_parameters(REFERENCE.sizes, rng),
        x,
        y,
        keep_probs=KEEP_PROBS,
        weight_decays=weight_decay,
        learning_rates=REFERENCE.rate,
        epochs=REFERENCE.epochs,
        decay=REFERENCE.decay,
        rng=rng,
    )
    passes = {"scaled": None, "unscaled": [1 / p for p in KEEP_PROBS]}
    return {
        name: judged(lab.forward(network, x_test, factors)[0], y_test)
        for name, factors in passes.items()
    }


def main() -> None:
    """Run every seed and write ``energy.json`` beside this file."""
    result = {
        "command": "cd chapters && python -m data.energy",
        "seeds": SEEDS,
        "weight_decays": WEIGHT_DECAYS,
        "runs": [
            [train_once(seed, decay) for decay in WEIGHT_DECAYS] for seed in SEEDS
        ],
    }
    text = json.dumps(result, indent=1) + "\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
