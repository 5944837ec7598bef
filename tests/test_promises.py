"""What the book promises, computed here a second time and read off the built pages.

``lab`` is shared with the pages; the formulas are written out again, on data and seeds
of this file. Experiments that take minutes are read from ``chapters/data/``, where
``tests/test_sweeps.py`` recomputes one seed of each.
"""

import ast
import functools
import importlib
import itertools
import json
import re
from typing import Any

import numpy as np
import pytest
from bs4 import BeautifulSoup

import dev

MASKS = np.array(list(itertools.product([0, 1], repeat=10)))
EXACT = 1e-10


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(dev.ROOT / "chapters"))
    return importlib.import_module("lab")


def built(path: str) -> str:
    """Return the text of a file of the built book."""
    if not (dev.BUILD / path).is_file():
        pytest.fail("This test reads the built book: run `make book` first.")
    return (dev.BUILD / path).read_text(encoding="utf-8")


def glued(page: str, name: str) -> Any:
    """Return a number, or a text, that the built page shows in its prose."""
    values = json.loads(built(f"jupyter_execute/chapters/{page}.glue.json"))
    return ast.literal_eval(values[name]["data"]["text/plain"])


@functools.cache
def shown(page: str) -> tuple[list[list[str]], str]:
    """Return the rows of a built page's tables, and what its cells print."""
    html = BeautifulSoup(built(f"html/chapters/{page}.html"), "html.parser")
    rows = [
        [cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])]
        for row in html.find_all("tr")
    ]
    printed = [cell.get_text() for cell in html.select("div.cell_output pre")]
    return rows, "\n".join(printed)


def row(page: str, *begins: str, below: str = "") -> list[str]:
    """Return the first row that begins with these cells, below one that begins so."""
    rows, _ = shown(page)
    start = next((i for i, cells in enumerate(rows) if cells[:1] == [below]), 0)
    (found, *_) = (r for r in rows[start:] if r[: len(begins)] == list(begins))
    return found


def number(text: str) -> float:
    """Return the number before a "±"."""
    return float(text.partition("±")[0].strip().replace("\u2212", "-"))


def printed(page: str, pattern: str) -> float:
    """Return the number that stands for the group in what a page's cells print."""
    found = re.search(pattern, shown(page)[1])
    assert found is not None, pattern
    return float(found[1])


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
    assert printed("backward", r"largest relative difference (\S+)") < EXACT


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


@pytest.mark.parametrize(
    "says", [r"largest difference (\S+), logits", r"all translated: .* at most (\S+)"]
)
def test_the_page_shows_that_the_conventions_agree(says: str) -> None:
    assert printed("conventions", says) < EXACT


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


@pytest.mark.parametrize("layers", [2, 4, 6])
@pytest.mark.parametrize("keep_prob", [0.5, 0.8])
def test_the_page_shows_the_energy_by_depth(keep_prob: float, layers: int) -> None:
    cells = row("energy", str(keep_prob), str(layers), below="keep_prob")
    expected = keep_prob**-layers
    assert number(cells[3]) == pytest.approx(expected, abs=0.05)
    assert number(cells[2]) == pytest.approx(expected, rel=0.05)


# ---- Trained ------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["low", "high"])
def test_fifty_samples_are_as_good_as_weight_scaling(rate: str) -> None:
    gaps = [
        run["monte_carlo"]["50"]["error"] - run["weight_scaling"]["error"]
        for run in sweep("ensembles")["monte_carlo"][rate]
    ]
    assert len(gaps) == 6
    assert abs(np.mean(gaps)) < 0.2
    column = {"low": 1, "high": 2}[rate]
    found = number(row("ensembles", "50", below="samples")[column])
    assert found == pytest.approx(np.mean(gaps), abs=0.00501)


def test_dropout_gains_on_a_thousand_images() -> None:
    """Two times six seeds: each six of them gain."""
    runs = sweep("backward")["minibatch"]
    gains = np.array([run["none"] - run["fresh"] for run in runs])
    assert len(gains) == 12
    assert gains[:6].mean() > 0.3 and gains[6:].mean() > 0.3
    changes = row("backward", "same mask both ways", below="masks")
    assert number(changes[2]) == pytest.approx(-gains.mean(), abs=0.00501)


def noise_gains(runs: list[Any]) -> np.ndarray:
    """Return, in points of test error, what dropout gains in each run."""
    return np.array([run["none"]["error"] - run["constant"]["error"] for run in runs])


def test_another_sweep_on_a_thousand_images_says_the_same() -> None:
    """Twelve seeds with other batches and single precision; the means of two such sweeps
    may differ by 0.3, so this one is held to a gain that is no luck."""
    gains = noise_gains([run["wide"] for run in sweep("noise")["runs"]])
    assert len(gains) == 12
    assert gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(12)
    found = number(row("schedules", "no dropout", below="minus constant dropout")[1])
    assert found == pytest.approx(gains.mean(), abs=0.00501)


def test_dropout_gains_nothing_on_fifty_images() -> None:
    gains = noise_gains([run["epochs"] for run in sweep("noise")["fewest"]])
    assert len(gains) == 24
    assert gains[:6].mean() < 0 and gains.mean() < 0
    found = number(glued("schedules", "sched_few50"))
    assert found == pytest.approx(-gains.mean(), abs=0.0501)
