"""What the book promises, computed here a second time and read off the built pages.

``lab`` is shared with the pages; the formulas are written out again, on data and seeds
of this file. Experiments that take minutes are read from ``chapters/data/``, where
``tests/test_sweeps.py`` recomputes one seed of each.
"""

import ast
import importlib
import itertools
import json
from typing import Any

import numpy as np
import pytest

import dev

MASKS = np.array(list(itertools.product([0, 1], repeat=10)))
EXACT = 1e-10


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(dev.ROOT / "chapters"))
    return importlib.import_module("lab")


def glued(page: str, name: str) -> float:
    """Return a number that the built page shows in its prose."""
    folder = dev.BUILD / "jupyter_execute/chapters"
    if not folder.is_dir():
        pytest.fail("This test reads the built book: run `make book` first.")
    values = json.loads((folder / f"{page}.glue.json").read_text(encoding="utf-8"))
    return float(ast.literal_eval(values[name]["data"]["text/plain"]))


def sweep(page: str) -> Any:
    path = dev.ROOT / f"chapters/data/{page}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def probabilities(keep_prob: float) -> np.ndarray:
    """Return the probability of each of the 1,024 ``MASKS``."""
    return np.where(MASKS == 1, keep_prob, 1 - keep_prob).prod(axis=1)


def agree(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two arrays differ by less than 1e-10 of the largest entry."""
    return bool(np.abs(one - other).max() < EXACT * np.abs(other).max())


# ---- Exact --------------------------------------------------------------------------


@pytest.mark.parametrize("keep_prob", [0.3, 0.5, 0.8])
def test_dropout_on_a_linear_model_is_ridge(lab: Any, keep_prob: float) -> None:
    from sklearn.linear_model import Ridge

    x, y = lab.load_diabetes()
    noise, chance = MASKS / keep_prob, probabilities(keep_prob)
    # The normal equations of the squared loss, summed over all masks.
    grams = np.einsum("m,mi,mj->ij", chance, noise, noise) * (x.T @ x)
    from_masks = np.linalg.solve(grams, (chance @ noise) * (x.T @ y))
    alpha = (1 - keep_prob) / keep_prob
    ridge = Ridge(alpha=alpha, fit_intercept=False, solver="cholesky").fit(x, y)
    assert agree(from_masks, ridge.coef_)


def test_the_page_shows_that_dropout_is_ridge() -> None:
    assert glued("backward", "back_ridge_gap") < EXACT


def test_weight_scaling_is_the_geometric_mean(lab: Any) -> None:
    x, y, x_test, _ = lab.load_digits(200)
    rng = np.random.default_rng(5)
    start = lab.initial_parameters((64, 10, 10), rng)
    network = lab.train(start, x, y, keep_probs=[0.7], epochs=20, rng=rng)
    scaled, (_, hidden) = lab.forward(network, x_test[:100])
    weights, bias = network[1]
    members = (hidden[:, None, :] * MASKS / 0.7) @ weights + bias
    logs = np.log(lab.softmax(members))
    geometric = np.exp(np.einsum("m,nmc->nc", probabilities(0.7), logs))
    geometric /= geometric.sum(axis=1, keepdims=True)
    assert np.abs(geometric - lab.softmax(scaled)).max() < EXACT
    arithmetic = np.einsum("m,nmc->nc", probabilities(0.7), lab.softmax(members))
    assert (
        np.abs(arithmetic - lab.softmax(scaled)).max() > 0.1
    )  # there is a gap to miss


def test_the_page_shows_the_geometric_mean() -> None:
    assert glued("ensembles", "ens_gm_gap") < EXACT


def test_classic_and_inverted_trainings_give_the_same_logits(lab: Any) -> None:
    x, y, x_test, _ = lab.load_digits(500)
    keep_probs, left = [0.7, 0.4], np.array([1.0, 0.7, 0.4])
    start = lab.initial_parameters((64, 40, 30, 10), np.random.default_rng(6))

    def logits(start: Any, convention: str, rates: Any, decays: Any) -> np.ndarray:
        trained = lab.train(
            start,
            x,
            y,
            keep_probs=keep_probs,
            convention=convention,
            learning_rates=rates,
            weight_decays=decays,
            epochs=30,
            rng=np.random.default_rng(7),
        )
        at_test = lab.test_multipliers(keep_probs, convention)
        return lab.forward(trained, x_test, at_test)[0]

    inverted = logits(start, "inverted", 0.03, 1e-3)
    scaled = [(w / p, b) for (w, b), p in zip(start, left, strict=True)]
    classic = logits(scaled, "classic", 0.03 / left**2, 1e-3 * left**2)
    assert np.abs(classic - inverted).max() < EXACT
    copied = logits(scaled, "classic", 0.03, 1e-3)
    assert np.abs(copied - inverted).max() > 1


@pytest.mark.parametrize("name", ["conv_matched", "conv_adam"])
def test_the_page_shows_that_the_conventions_agree(name: str) -> None:
    assert glued("conventions", name) < EXACT


@pytest.mark.parametrize("keep_count", [3, 5, 8])
def test_the_variance_ratio_of_whole_counts(keep_count: int) -> None:
    rng = np.random.default_rng(8)
    n, p = 10, keep_count / 10
    exactly = MASKS[MASKS.sum(axis=1) == keep_count]
    for x in (np.ones(10), rng.exponential(size=10), rng.normal(size=10)):
        effective = x.sum() ** 2 / (x @ x)
        chance, sums = probabilities(p), MASKS @ x / p
        independent = chance @ (sums - x.sum()) ** 2
        fixed = ((exactly @ x / p - x.sum()) ** 2).mean()
        assert abs(fixed / independent - (n - effective) / (n - 1)) < EXACT


# ---- Simulated ----------------------------------------------------------------------


@pytest.mark.parametrize("keep_prob", [0.5, 0.8])
def test_batchnorm_formula_against_simulation(lab: Any, keep_prob: float) -> None:
    x, *_ = lab.load_digits()
    rng = np.random.default_rng(9)
    (first, _), (weights, _) = lab.initial_parameters((64, 128, 64), rng)
    hidden = np.maximum(x @ first, 0)
    test = np.var(hidden @ weights, axis=0).sum()
    energy = (hidden**2).mean(axis=0) @ weights**2
    formula = test / (test + (1 - keep_prob) / keep_prob * energy.sum())
    masks = (rng.random(hidden.shape) < keep_prob for _ in range(60))
    simulated = [np.var(hidden * m / keep_prob @ weights, axis=0).sum() for m in masks]
    assert test / np.mean(simulated) == pytest.approx(formula, rel=0.01)


@pytest.mark.parametrize("keep_prob", [0.5, 0.8])
def test_energy_of_four_layers(lab: Any, keep_prob: float) -> None:
    _, _, images, _ = lab.load_digits()
    rng = np.random.default_rng(10)
    energies = np.zeros((2, 4))
    for _ in range(64):
        dropped = kept = images[:50]
        for layer, (weights, _) in enumerate(
            lab.initial_parameters((64, 256, 256, 256, 256), rng)
        ):
            mask = rng.random((50, 256)) < keep_prob
            dropped = np.maximum(dropped @ weights, 0) * mask / keep_prob
            kept = np.maximum(kept @ weights, 0)
            energies[:, layer] += (dropped**2).sum(), (kept**2).sum()
    expected = keep_prob ** -np.arange(1.0, 5)
    assert energies[0] / energies[1] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", ["energy_depth_worst_5", "energy_depth_worst_8"])
def test_the_page_shows_the_energy_by_depth(name: str) -> None:
    assert 0 < glued("energy", name) < 5  # percent


# ---- Trained ------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["low", "high"])
def test_fifty_samples_are_as_good_as_weight_scaling(rate: str) -> None:
    gaps = [
        run["monte_carlo"]["50"]["error"] - run["weight_scaling"]["error"]
        for run in sweep("ensembles")["monte_carlo"][rate]
    ]
    assert len(gaps) == 6
    assert abs(np.mean(gaps)) < 0.2
    assert glued("ensembles", f"ens_gap_{rate}_error_50") == pytest.approx(
        float(np.mean(gaps))
    )


def test_dropout_gains_on_a_thousand_images() -> None:
    """Two times six seeds: each six of them gain."""
    runs = sweep("backward")["minibatch"]
    gains = np.array([run["none"] - run["fresh"] for run in runs])
    assert len(gains) == 12
    assert gains[:6].mean() > 0.3 and gains[6:].mean() > 0.3
    shown = glued("backward", "back_mini_none") - glued("backward", "back_mini_fresh")
    assert shown == pytest.approx(gains.mean())


def noise_gains(runs: list[Any]) -> np.ndarray:
    """Return, in points of test error, what dropout gains in each run."""
    return np.array([run["none"]["error"] - run["constant"]["error"] for run in runs])


def test_another_sweep_on_a_thousand_images_says_the_same() -> None:
    """Twelve seeds with other batches and single precision; the means of two such sweeps
    may differ by 0.3, so this one is held to a gain that is no luck."""
    gains = noise_gains([run["wide"] for run in sweep("noise")["runs"]])
    assert len(gains) == 12
    assert gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(12)
    shown = glued("noise", "noise_constant_error_vs_none_60")
    assert shown == pytest.approx(-gains.mean(), abs=1e-9)


def test_dropout_gains_nothing_on_fifty_images() -> None:
    gains = noise_gains([run["epochs"] for run in sweep("noise")["fewest"]])
    assert len(gains) == 24
    assert gains[:6].mean() < 0 and gains.mean() < 0
    shown = glued("noise", "noise_fewest_epochs_error")
    assert shown == pytest.approx(-gains.mean(), abs=1e-9)
