"""The small network, the data and the bookkeeping that the chapters share."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Parameters = list[tuple[np.ndarray, np.ndarray]]


def glue(**numbers: Any) -> None:
    """Make each number available to the page's prose as ``{glue:text}`name:.2f```.

    Outside the book, as in a downloaded notebook, there is no prose to put it into."""
    try:
        from myst_nb import glue as glue_one
    except ImportError:
        return
    for name, value in numbers.items():
        if isinstance(value, np.generic):
            value = value.item()
        glue_one(name, value, display=False)


def standard_error(values: Any) -> Any:
    """Return the standard error of the mean over the first axis of ``values``."""
    return np.std(values, axis=0, ddof=1) / np.sqrt(len(values))


def load_digits(n_train: int = 1000) -> tuple[np.ndarray, ...]:
    """Return ``x_train, y_train, x_test, y_test`` of scikit-learn's digits.

    ``x`` are float64 pixels in [0, 1] of shape (rows, 64), ``y`` integer labels 0-9 of
    shape (rows,). The test set is always the same 797 rows; ``n_train`` is 1 to 1000.
    Raises ``ValueError`` outside that range.
    """
    from sklearn.datasets import load_digits as sklearn_digits

    if not 1 <= n_train <= 1000:
        raise ValueError(f"n_train is 1 to 1000, not {n_train}")
    x, y = sklearn_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order] / 16, y[order]
    return x[:n_train], y[:n_train], x[1000:], y[1000:]


def load_diabetes() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's diabetes data: ``x`` (442, 10), columns centred with unit sum
    of squares, and ``y`` (442,), centred here so that no intercept is needed."""
    from sklearn.datasets import load_diabetes as sklearn_diabetes

    x, y = sklearn_diabetes(return_X_y=True)
    return x, y - y.mean()


def load_breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """Return the first ten features of scikit-learn's breast-cancer data: ``x``
    (569, 10), columns of mean 0 and variance 1, and ``y`` (569,), 1 where benign."""
    from sklearn.datasets import load_breast_cancer as sklearn_breast_cancer

    x, y = sklearn_breast_cancer(return_X_y=True)
    x = x[:, :10]
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def initial_parameters(sizes: Sequence[int], rng: np.random.Generator) -> Parameters:
    """Return a (weights, bias) pair for each affine layer; weights (n_in, n_out) are
    normal with variance 2 / n_in (He initialisation), biases are zero."""
    return [
        (rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)), np.zeros(n_out))
        for n_in, n_out in itertools.pairwise(sizes)
    ]


def softmax(z: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis; the largest logit is subtracted first."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(z: np.ndarray, y: np.ndarray) -> float:
    """Return the mean over rows of minus the log-probability of the true class.

    ``z`` are logits (rows, classes), ``y`` integer labels (rows,)."""
    z = z - z.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(z).sum(axis=-1))
    return float(np.mean(log_sum - z[np.arange(len(y)), y]))


def error_rate(z: np.ndarray, y: np.ndarray) -> float:
    """Return the share of rows whose largest logit is not the true class, in percent."""
    return float(100 * np.mean(z.argmax(axis=-1) != y))


def forward(
    parameters: Parameters, x: np.ndarray, multipliers: Sequence[Any] | None = None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the logits of a ReLU network and the inputs of its affine layers.

    ``multipliers`` has one array or number for each hidden layer: what the activations
    are multiplied with (a mask, a mask over keep_prob, a test-time scale). None means 1.
    """
    inputs, a = [], x
    for layer, (weights, bias) in enumerate(parameters):
        inputs.append(a)
        a = a @ weights + bias
        if layer < len(parameters) - 1:
            a = np.maximum(a, 0)
            if multipliers is not None:
                a = a * multipliers[layer]
    return a, inputs


def gradients(
    parameters: Parameters,
    x: np.ndarray,
    y: np.ndarray,
    multipliers: Sequence[Any] | None = None,
) -> tuple[float, Parameters]:
    """Return the mean cross-entropy and its gradient for each (weights, bias) pair."""
    z, inputs = forward(parameters, x, multipliers)
    d = softmax(z)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    out: Parameters = []
    for layer in reversed(range(len(parameters))):
        out.append((inputs[layer].T @ d, d.sum(axis=0)))
        if layer > 0:
            d = d @ parameters[layer][0].T
            if multipliers is not None:
                d = d * multipliers[layer - 1]
            # The input of this layer is not zero only where ReLU let it through (noise
            # may have turned its sign); where a mask made it zero, d is zero already.
            d = d * (inputs[layer] != 0)
    return cross_entropy(z, y), out[::-1]


def draw_masks(
    parameters: Parameters,
    rows: int,
    keep_probs: Sequence[float],
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Return a fresh boolean mask (rows, width) for each hidden layer, True is kept."""
    return [
        rng.random((rows, weights.shape[1])) < keep_prob
        for (weights, _), keep_prob in zip(parameters[:-1], keep_probs, strict=True)
    ]


def train(
    parameters: Parameters,
    x: np.ndarray,
    y: np.ndarray,
    *,
    keep_probs: Sequence[float] | None = None,
    convention: str = "inverted",
    learning_rates: float | Sequence[float] = 0.05,
    weight_decays: float | Sequence[float] = 0.0,
    momentum: float = 0.9,
    epochs: int = 30,
    batch_size: int | None = 50,
    decay: float = 1.0,
    train_biases: bool = True,
    rng: np.random.Generator,
    mask_rng: Callable[[int], np.random.Generator] | None = None,
    after_epoch: Callable[[int, Parameters], None] | None = None,
) -> Parameters:
    """Return parameters trained by SGD with momentum on the mean cross-entropy.

    ``keep_probs`` has one keep probability in (0, 1] for each hidden layer (None: no
    dropout). ``convention`` is "inverted" (mask / keep_prob) or "classic" (mask alone;
    then use ``test_multipliers`` at test). ``learning_rates`` and ``weight_decays`` (L2
    on weights, never on biases) are numbers or one for each affine layer's weights;
    biases use the first, or stay as they are without ``train_biases``. ``batch_size``
    None is the full batch. Rates are multiplied by ``decay`` after each epoch. ``rng``
    shuffles, and draws the masks unless ``mask_rng(step)`` hands out the generator for
    a step's masks.
    """
    if convention not in ("inverted", "classic"):
        raise ValueError(f'convention is "inverted" or "classic", not {convention!r}')
    layers = len(parameters)
    rates = np.broadcast_to(np.asarray(learning_rates, float), layers).copy()
    bias_rate = float(rates[0]) if train_biases else 0.0
    decays = np.broadcast_to(np.asarray(weight_decays, float), layers)
    parameters = [(w.copy(), b.copy()) for w, b in parameters]
    velocity = [(np.zeros_like(w), np.zeros_like(b)) for w, b in parameters]
    step = 0
    for epoch in range(epochs):
        order = rng.permutation(len(y))
        for rows in np.split(
            order, range(batch_size or len(y), len(y), batch_size or len(y))
        ):
            multipliers: list[np.ndarray] | None = None
            if keep_probs is not None:
                source = rng if mask_rng is None else mask_rng(step)
                masks = draw_masks(parameters, len(rows), keep_probs, source)
                multipliers = [
                    m / p if convention == "inverted" else m.astype(float)
                    for m, p in zip(masks, keep_probs, strict=True)
                ]
            _, grads = gradients(parameters, x[rows], y[rows], multipliers)
            for i, ((w, b), (vw, vb), (gw, gb)) in enumerate(
                zip(parameters, velocity, grads, strict=True)
            ):
                vw *= momentum
                vw -= rates[i] * (gw + decays[i] * w)
                vb *= momentum
                vb -= bias_rate * gb
                w += vw
                b += vb
            step += 1
        rates *= decay
        bias_rate *= decay
        if after_epoch is not None:
            after_epoch(epoch, parameters)
    return parameters


def test_multipliers(keep_probs: Sequence[float], convention: str) -> list[float]:
    """Return what each hidden layer is multiplied with at test: 1 for inverted dropout,
    keep_prob for classic dropout."""
    return [1.0 if convention == "inverted" else keep_prob for keep_prob in keep_probs]


test_multipliers.__test__ = False  # type: ignore[attr-defined]  # pytest: no test
