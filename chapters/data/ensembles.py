"""Train the digits networks of chapter "Bagging, up to Jensen"; write ensembles.json.

Run in ``chapters/``: ``python -m data.ensembles`` (about three minutes on one core).
"""

import json
from pathlib import Path

import lab
import numpy as np
from data.settings import EXPERIMENTS

WIDE, NARROW, DEEP, FOREST = (
    EXPERIMENTS[name].settings for name in ("monte_carlo", "narrow", "deep", "forest")
)
KEEP_PROB = WIDE.keep_prob

SEEDS = [1, 2, 3, 4, 5, 6]
RATES = {"low": WIDE.rate, "high": 0.1}
SAMPLES = 1000
AVERAGED = [1, 2, 5, 10, 20, 50, 100, 200, 1000]  # each divides SAMPLES

NARROW_SEEDS = [1, 2, 3, 4, 5, 6]
DEEP_ROWS = 100

FOREST_SEEDS = [1, 2, 3, 4, 5, 6]
MEMBERS = 16
GROUPS = [1, 2, 4, 8, 16]  # each divides MEMBERS


class SameMask:
    """A generator for ``lab.draw_masks`` that gives one fixed mask to every row."""

    def __init__(self, uniforms: np.ndarray) -> None:
        self.uniforms = uniforms

    def random(self, shape: tuple[int, int]) -> np.ndarray:
        """Return the fixed uniforms (width,) for each of the (rows, width) asked for."""
        return np.broadcast_to(self.uniforms, shape)


def divergence(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean over rows of KL(first || second); both (rows, classes)."""
    return float(np.mean((first * np.log(first / second)).sum(axis=-1)))


def scores(logits: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the test error in percent and the mean cross-entropy of logits."""
    return {"error": lab.error_rate(logits, y), "nll": lab.cross_entropy(logits, y)}


def best_factor(logits: np.ndarray, y: np.ndarray) -> float:
    """Return the factor on the logits, 0.25 to 4 in steps of 2 %, of the lowest loss."""
    factors = np.geomspace(0.25, 4, 141)
    losses = [lab.cross_entropy(factor * logits, y) for factor in factors]
    return float(factors[np.argmin(losses)])


def sampled_logits(parameters, x, rng) -> np.ndarray:
    """Return logits (SAMPLES, rows, classes) of a network with two dropped layers, a
    fresh mask for each sample, row and layer; in single precision, for speed."""
    (w1, b1), *rest = [(w.astype("f4"), b.astype("f4")) for w, b in parameters]
    first = np.maximum(x.astype("f4") @ w1 + b1, 0) / np.float32(KEEP_PROB)
    out = np.empty((SAMPLES, len(x), rest[-1][0].shape[1]), "f4")
    for sample in range(SAMPLES):
        masks = [rng.random(first.shape, dtype="f4") < KEEP_PROB for _ in range(2)]
        (w2, b2), (w3, b3) = rest
        second = np.maximum((first * masks[0]) @ w2 + b2, 0) / np.float32(KEEP_PROB)
        out[sample] = (second * masks[1]) @ w3 + b3
    return out


def monte_carlo(seed: int, rate: float) -> dict:
    """Return test scores of weight scaling and of averages of k sampled predictions
    for one network, and how far the means over masks are from weight scaling.

    ``rate`` is the learning rate of the first epoch.
    """
    x, y, x_test, y_test = lab.load_digits()
    parameters = lab.train(
        lab.initial_parameters(WIDE.sizes, np.random.default_rng(seed)),
        x,
        y,
        keep_probs=(KEEP_PROB, KEEP_PROB),
        learning_rates=rate,
        epochs=WIDE.epochs,
        decay=WIDE.decay,
        rng=np.random.default_rng([seed, 1]),
    )
    scaled = lab.forward(parameters, x_test)[0]
    logits = sampled_logits(parameters, x_test, np.random.default_rng([seed, 2]))
    members = lab.softmax(logits)
    by_count = {}
    for k in AVERAGED:
        blocks = members.reshape(-1, k, *scaled.shape).mean(axis=1, dtype=float)
        each = [scores(np.log(np.maximum(block, 1e-30)), y_test) for block in blocks]
        by_count[str(k)] = {
            name: float(np.mean([one[name] for one in each])) for name in each[0]
        }
    unscaled = lab.forward(parameters, x_test, [1 / KEEP_PROB, 1 / KEEP_PROB])[0]
    return {
        "weight_scaling": scores(scaled, y_test),
        "unscaled": scores(unscaled, y_test),
        "best_factor": best_factor(scaled, y_test),
        "monte_carlo": by_count,
        **distances(scaled, logits, members),
    }


def distances(scaled, logits, members) -> dict[str, float]:
    """Return KL(GM || WS), KL(AM || WS), and the relative gap of the mean logits.

    The noise of a mean over k masks adds a term in 1/k to each; what the two halves of
    the samples say, beside all of them, removes it.
    """
    target = lab.softmax(scaled)

    def measured(z, member):
        mean_logits, mean_member = z.mean(0, dtype=float), member.mean(0, dtype=float)
        centred = mean_logits - mean_logits.mean(axis=1, keepdims=True)
        reference = scaled - scaled.mean(axis=1, keepdims=True)
        return np.array(
            [
                divergence(lab.softmax(mean_logits), target),
                divergence(mean_member, target),
                ((centred - reference) ** 2).sum() / (reference**2).sum(),
            ]
        )

    halves = zip(np.split(logits, 2), np.split(members, 2), strict=True)
    half = np.mean([measured(z, member) for z, member in halves], axis=0)
    geometric, arithmetic, gap = 2 * measured(logits, members) - half
    return {
        "kl_geometric": geometric,
        "kl_arithmetic": arithmetic,
        "logit_gap": float(np.sqrt(max(gap, 0))),
    }


def narrow(seed: int) -> dict:
    """Return what weight scaling, no scaling, and the mean over all 4,096 masks score
    for a network with 12 hidden units, and its members' mean loss."""
    x, y, x_test, y_test = lab.load_digits()
    rng = np.random.default_rng([seed, 7])
    parameters = lab.train(
        lab.initial_parameters(NARROW.sizes, rng),
        x,
        y,
        keep_probs=[KEEP_PROB],
        learning_rates=NARROW.rate,
        momentum=NARROW.momentum,
        epochs=NARROW.epochs,
        rng=rng,
    )
    scaled, (_, hidden) = lab.forward(parameters, x_test)
    weights, bias = parameters[1]
    masks = (np.arange(4096)[:, None] >> np.arange(12)) & 1
    arithmetic, losses = np.empty_like(scaled), []
    for row, (activations, label) in enumerate(zip(hidden, y_test, strict=True)):
        z = (masks / KEEP_PROB) @ (activations[:, None] * weights) + bias
        members = np.exp(z)
        members /= members.sum(axis=1, keepdims=True)
        arithmetic[row] = members.mean(axis=0)
        losses.append(-np.log(members[:, label]).mean())
    unscaled = lab.forward(parameters, x_test, [1 / KEEP_PROB])[0]
    return {
        "weight_scaling": scores(scaled, y_test),
        "unscaled": scores(unscaled, y_test),
        "best_factor": best_factor(scaled, y_test),
        "arithmetic": scores(np.log(arithmetic), y_test),
        "members_nll": float(np.mean(losses)),
        "largest_gap": float(np.abs(arithmetic - lab.softmax(scaled)).max()),
    }


def deep(seed: int) -> dict[str, float]:
    """Return how far weight scaling is from the geometric and the arithmetic mean over
    all 65,536 masks of two dropped layers, keep_prob 0.8: largest and mean difference
    of a probability on ``DEEP_ROWS`` test images."""
    x, y, x_test, _ = lab.load_digits()
    rng = np.random.default_rng([seed, 8])
    start = lab.initial_parameters(DEEP.sizes, rng)
    network = lab.train(
        start,
        x,
        y,
        keep_probs=[DEEP.keep_prob] * 2,
        epochs=DEEP.epochs,
        decay=DEEP.decay,
        rng=rng,
    )
    scaled, (_, hidden, _) = lab.forward(network, x_test[:DEEP_ROWS])
    (w2, b2), (w3, b3) = network[1:]
    masks = (np.arange(256)[:, None] >> np.arange(8)) & 1
    chance = 0.8 ** masks.sum(axis=1) * 0.2 ** (8 - masks.sum(axis=1))
    pairs = np.outer(chance, chance).ravel()
    arithmetic, log_mean = np.empty((2, *scaled.shape))
    for row, activations in enumerate(hidden):
        second = np.maximum(masks * activations / 0.8 @ w2 + b2, 0)
        logits = (second[:, None, :] * masks / 0.8).reshape(-1, 8) @ w3 + b3
        members = np.exp(logits)
        totals = members.sum(axis=1)
        arithmetic[row] = pairs / totals @ members
        log_mean[row] = pairs @ logits - pairs @ np.log(totals)
    target = lab.softmax(scaled)
    out = {}
    for name, mean in (
        ("geometric", lab.softmax(log_mean)),
        ("arithmetic", arithmetic),
    ):
        out[f"{name}_largest"] = float(np.abs(mean - target).max())
        out[f"{name}_mean"] = float(np.abs(mean - target).mean())
    return out


def train_small(start, keep_probs, rng, mask_rng=None):
    """Return ``start`` trained on digits as all networks of the comparison are."""
    x, y, *_ = lab.load_digits()
    return lab.train(
        start,
        x,
        y,
        keep_probs=keep_probs,
        epochs=FOREST.epochs,
        decay=FOREST.decay,
        rng=rng,
        mask_rng=mask_rng,
    )


def ensemble_scores(logits: np.ndarray, y: np.ndarray) -> dict:
    """Return scores of averages of 1, 2, 4 ... members' probabilities, by their number,
    and the share of pairs of members (percent) that name different classes.

    ``logits`` is (members, rows, classes).
    """
    members = lab.softmax(logits)
    by_count = {}
    for count in GROUPS:
        groups = members.reshape(-1, count, *members.shape[1:]).mean(axis=1)
        each = [scores(np.log(group), y) for group in groups]
        by_count[str(count)] = {
            name: float(np.mean([one[name] for one in each])) for name in each[0]
        }
    named = members.argmax(axis=-1)
    differ = np.mean(named[:, None] != named[None], axis=-1)
    pairs = len(named) * (len(named) - 1)
    return {"averages": by_count, "disagreement": float(100 * differ.sum() / pairs)}


def forest(seed: int) -> dict:
    """Return scores of the same subnetworks with shared and with separate weights."""
    _, _, x_test, y_test = lab.load_digits()
    uniforms = np.random.default_rng([seed, 3]).random((MEMBERS, FOREST.sizes[1]))
    start = lab.initial_parameters(FOREST.sizes, np.random.default_rng([seed, 4]))
    shared = train_small(start, [KEEP_PROB], np.random.default_rng([seed, 5]))
    plain = train_small(start, None, np.random.default_rng([seed, 5]))
    logits: dict[str, list] = {"shared": [], "separate": []}
    for number, member in enumerate(uniforms):
        noise = [(member < KEEP_PROB) / KEEP_PROB]
        logits["shared"].append(lab.forward(shared, x_test, noise)[0])
        rng = np.random.default_rng([seed, 6, number])
        own_start = lab.initial_parameters(FOREST.sizes, rng)
        same_mask = SameMask(member)
        own = train_small(own_start, [KEEP_PROB], rng, lambda step, m=same_mask: m)
        logits["separate"].append(lab.forward(own, x_test, noise)[0])
    return {
        "plain": scores(lab.forward(plain, x_test)[0], y_test),
        "weight_scaling": scores(lab.forward(shared, x_test)[0], y_test),
        **{name: ensemble_scores(np.array(z), y_test) for name, z in logits.items()},
    }


def main() -> None:
    """Run every seed and write ``ensembles.json`` beside this file."""
    result = {
        "command": "cd chapters && python -m data.ensembles",
        "seeds": SEEDS,
        "narrow_seeds": NARROW_SEEDS,
        "forest_seeds": FOREST_SEEDS,
        "rates": RATES,
        "monte_carlo": {
            name: [monte_carlo(seed, rate) for seed in SEEDS]
            for name, rate in RATES.items()
        },
        "narrow": [narrow(seed) for seed in NARROW_SEEDS],
        "deep": [deep(seed) for seed in NARROW_SEEDS],
        "forest": [forest(seed) for seed in FOREST_SEEDS],
    }
    text = json.dumps(result, indent=1) + "\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
