"""Correct answers to the exercises of ``ensembles``, each in another style."""

import itertools
import math

import numpy as np

from tests.bank import correct


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


# ---------------------------------------------------------------- ensemble_means


@correct("ensemble_means")
def means_by_a_loop_over_masks(x, weights, bias, keep_prob):
    arithmetic = np.zeros((len(x), len(bias)))
    logs = np.zeros_like(arithmetic)
    for mask in itertools.product([True, False], repeat=x.shape[1]):
        chance = 1.0
        for kept in mask:
            chance *= keep_prob if kept else 1 - keep_prob
        log_member = log_softmax(np.where(mask, x, 0) / keep_prob @ weights + bias)
        arithmetic += chance * np.exp(log_member)
        logs += chance * log_member
    return arithmetic, softmax(logs)


@correct("ensemble_means")
def geometric_mean_by_the_theorem(x, weights, bias, keep_prob):
    masks = np.array(list(itertools.product([0, 1], repeat=x.shape[1])))
    chance = np.where(masks == 1, keep_prob, 1 - keep_prob).prod(axis=1)
    members = [softmax((m * x) @ weights / keep_prob + bias) for m in masks]
    arithmetic = np.average(members, axis=0, weights=chance)
    return arithmetic, softmax(x @ weights + bias)


@correct("ensemble_means")
def means_by_recursion(x, weights, bias, keep_prob):
    def both(unit, logits):
        if unit == x.shape[1]:
            logs = log_softmax(logits)
            return np.exp(logs), logs
        dropped = both(unit + 1, logits)
        share = x[:, [unit]] * weights[unit] / keep_prob
        kept = both(unit + 1, logits + share)
        p, q = keep_prob, 1 - keep_prob
        return tuple(p * k + q * d for k, d in zip(kept, dropped, strict=True))

    arithmetic, logs = both(0, np.tile(bias, (len(x), 1)))
    geometric = np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))
    return arithmetic, geometric


@correct("ensemble_means")
def means_row_by_row(x, weights, bias, keep_prob):
    d = x.shape[1]
    bits = (np.arange(2**d)[:, None] & (1 << np.arange(d))) > 0
    with np.errstate(divide="ignore"):
        log_chance = np.where(bits, np.log(keep_prob), np.log1p(-keep_prob)).sum(1)
    chance = np.exp(log_chance)
    arithmetic, geometric = [], []
    for row in x:
        logs = log_softmax((bits * row / keep_prob).dot(weights) + bias)
        arithmetic.append(chance @ np.exp(logs))
        geometric.append(softmax(chance @ logs))
    return np.array(arithmetic), np.array(geometric)


@correct("ensemble_means")
def means_returned_as_float32(x, weights, bias, keep_prob):
    arithmetic, geometric = means_by_recursion(x, weights, bias, keep_prob)
    return arithmetic.astype(np.float32), geometric.astype(np.float32)


@correct("ensemble_means")
def means_with_expected_log_normaliser(x, weights, bias, keep_prob):
    d = x.shape[1]
    masks = np.unpackbits(
        np.arange(2**d, dtype=">u2").view(np.uint8).reshape(-1, 2), axis=1
    )
    masks = masks[:, 16 - d :].astype(float)
    chance = keep_prob ** masks.sum(1) * (1 - keep_prob) ** (d - masks.sum(1))
    z = np.einsum("md,nd,dc->nmc", masks, x / keep_prob, weights) + bias
    top = z.max(axis=2, keepdims=True)
    log_total = np.log(np.exp(z - top).sum(axis=2, keepdims=True)) + top
    arithmetic = np.einsum("m,nmc->nc", chance, np.exp(z - log_total))
    mean_log = np.einsum("m,nmc->nc", chance, z - log_total)
    disagreement = -np.logaddexp.reduce(mean_log, axis=1, keepdims=True)
    return arithmetic, np.exp(mean_log + disagreement)


# ------------------------------------------------------ weight_scaled_prediction


@correct("weight_scaled_prediction")
def scaling_the_weights(x, weights, bias, keep_prob):
    return softmax(x @ (keep_prob * weights) + bias)


@correct("weight_scaled_prediction")
def scaling_the_activations(x, weights, bias, keep_prob):
    return np.exp(log_softmax((x * keep_prob).dot(weights) + bias[None, :]))


@correct("weight_scaled_prediction")
def scaling_the_product_in_place(x, weights, bias, keep_prob):
    logits = x @ weights
    logits *= keep_prob
    logits += bias
    logits -= np.max(logits, axis=1)[:, None]
    np.exp(logits, out=logits)
    return (logits.T / logits.sum(axis=1)).T


@correct("weight_scaled_prediction")
def scaling_row_by_row(x, weights, bias, keep_prob):
    rows = []
    for row in x:
        z = [
            keep_prob * sum(a * w for a, w in zip(row, column, strict=True)) + b
            for column, b in zip(weights.T, bias, strict=True)
        ]
        e = [math.exp(v - max(z)) for v in z]
        rows.append([v / sum(e) for v in e])
    return np.array(rows)


@correct("weight_scaled_prediction")
def scaling_by_differences_of_logits(x, weights, bias, keep_prob):
    z = keep_prob * (x @ weights) + bias
    with np.errstate(over="ignore"):
        return 1 / np.exp(z[:, None, :] - z[:, :, None]).sum(axis=2)


@correct("weight_scaled_prediction")
def scaling_as_float32(x, weights, bias, keep_prob):
    return softmax(keep_prob * x @ weights + bias).astype(np.float32)


# --------------------------------------------------------- mc_dropout_prediction


@correct("mc_dropout_prediction")
def samples_all_at_once(x, weights, bias, keep_prob, samples, rng):
    masks = rng.random((samples, *x.shape)) < keep_prob
    return softmax((masks * x / keep_prob) @ weights + bias).mean(axis=0)


@correct("mc_dropout_prediction")
def samples_by_binomial(x, weights, bias, keep_prob, samples, rng):
    members = []
    for _ in range(samples):
        mask = rng.binomial(1, keep_prob, size=x.shape) / keep_prob
        members.append(softmax(np.dot(mask * x, weights) + bias))
    return np.mean(members, axis=0)


@correct("mc_dropout_prediction")
def samples_row_by_row(x, weights, bias, keep_prob, samples, rng):
    out = np.zeros((len(x), len(bias)))
    for i, row in enumerate(x):
        kept = rng.random((samples, len(row))) < keep_prob
        out[i] = softmax(kept * row @ weights / keep_prob + bias).mean(axis=0)
    return out


@correct("mc_dropout_prediction")
def samples_with_a_running_mean(x, weights, bias, keep_prob, samples, rng):
    mean = 0.0
    for k in range(1, samples + 1):
        noisy = np.where(rng.random(x.shape) >= keep_prob, 0, x / keep_prob)
        mean = mean + (softmax(noisy @ weights + bias) - mean) / k
    return mean


@correct("mc_dropout_prediction")
def samples_by_repeating_rows(x, weights, bias, keep_prob, samples, rng):
    many = np.repeat(x, samples, axis=0)
    many *= rng.choice([0, 1 / keep_prob], many.shape, p=[1 - keep_prob, keep_prob])
    members = np.exp(log_softmax(many @ weights + bias))
    return members.reshape(len(x), samples, -1).mean(axis=1)


@correct("mc_dropout_prediction")
def samples_by_tiling_the_batch(x, weights, bias, keep_prob, samples, rng):
    many = np.tile(x, (samples, 1))
    many = many * (rng.uniform(size=many.shape) > 1 - keep_prob) / keep_prob
    return softmax(many @ weights + bias).reshape(samples, len(x), -1).mean(axis=0)


@correct("mc_dropout_prediction")
def samples_from_float32_uniforms(x, weights, bias, keep_prob, samples, rng):
    shape = (samples, *x.shape)
    masks = rng.random(shape, dtype=np.float32) < keep_prob
    return sum(softmax(m * (x / keep_prob) @ weights + bias) for m in masks) / samples


@correct("mc_dropout_prediction")
def samples_drawn_transposed(x, weights, bias, keep_prob, samples, rng):
    masks = rng.random((samples, *x.T.shape)) < keep_prob
    z = np.einsum("sdn,nd,dc->snc", masks, x, weights) / keep_prob + bias
    return np.average(softmax(z), axis=0).astype(np.float32)


@correct("mc_dropout_prediction")
def samples_from_child_generators(x, weights, bias, keep_prob, samples, rng):
    total = np.zeros((len(x), len(bias)))
    for seed in rng.integers(2**63, size=(samples, 2)):
        child = np.random.default_rng(seed)
        total += softmax(
            x * (child.random(x.shape) < keep_prob) @ weights / keep_prob + bias
        )
    return total / samples


@correct("mc_dropout_prediction")
def samples_by_a_list_of_predictions(x, weights, bias, keep_prob, samples, rng):
    def forward():
        mask = rng.random(x.shape) < keep_prob
        return softmax((x * mask / keep_prob) @ weights + bias)

    return np.stack([forward() for _ in range(samples)], axis=-1).mean(axis=-1)


# ------------------------------------------------------------- probit_prediction


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@correct("probit_prediction")
def probit_with_plain_sigmoid(x, weights, bias, keep_prob):
    mean = x.dot(weights) + bias
    variance = ((x * weights) ** 2).sum(axis=1) * (1 - keep_prob) / keep_prob
    with np.errstate(over="ignore"):
        return sigmoid(mean / np.sqrt(1 + np.pi / 8 * variance))


@correct("probit_prediction")
def probit_by_hyperbolic_tangent(x, weights, bias, keep_prob):
    mean = np.einsum("nd,d->n", x, weights) + bias
    variance = np.einsum("nd,d->n", x**2, weights**2) * (1 / keep_prob - 1)
    return 0.5 + 0.5 * np.tanh(0.5 * mean * (1 + np.pi * variance / 8) ** -0.5)


@correct("probit_prediction")
def probit_row_by_row(x, weights, bias, keep_prob):
    answers = []
    for row in x:
        terms = [a * w for a, w in zip(row, weights, strict=True)]
        mean = math.fsum(terms) + bias
        variance = (1 - keep_prob) / keep_prob * math.fsum(t * t for t in terms)
        z = mean / math.sqrt(1 + math.pi * variance / 8)
        tail = math.exp(-abs(z))
        answers.append(1 / (1 + tail) if z >= 0 else tail / (1 + tail))
    return np.array(answers)


@correct("probit_prediction")
def probit_from_the_members_variance(x, weights, bias, keep_prob):
    scaled = x * weights / keep_prob
    bit_variance = keep_prob * (1 - keep_prob)
    mean = keep_prob * scaled.sum(axis=1) + bias
    variance = (bit_variance * scaled**2).sum(axis=1)
    z = mean / np.hypot(1, np.sqrt(np.pi * variance / 8))
    return np.exp(-np.logaddexp(0, -z))


@correct("probit_prediction")
def probit_as_float32(x, weights, bias, keep_prob):
    with np.errstate(over="ignore"):
        answer = probit_with_plain_sigmoid(x, weights, bias, keep_prob)
    return answer.astype(np.float32)
