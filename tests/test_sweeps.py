"""The cached sweeps in ``chapters/data/`` are what their scripts compute: one seed each.

Networks are chaotic, so another BLAS may move a test error by a few images; the
tolerances say how far.
"""

import importlib
import json
import statistics
from typing import Any

import numpy as np
import pytest

from tests.bank import ROOT

DATA = ROOT / "chapters" / "data"
IMAGE = 100 / 797  # one test image, in percent


@pytest.fixture(autouse=True)
def _chapters_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "chapters"))


def script(chapter: str) -> Any:
    return importlib.import_module(f"data.{chapter}")


def cached(chapter: str) -> Any:
    return json.loads((DATA / f"{chapter}.json").read_text(encoding="utf-8"))


def recompute_backward() -> None:
    found = script("backward").full_batch_errors(1, 300)
    for name, error in cached("backward")["full_batch"]["300"][0].items():
        assert found[name] == pytest.approx(error, abs=5 * IMAGE), name
    noisy = script("backward").averaged_errors(1, True, ["1"])["1"]
    expected = cached("backward")["averaged"]["noisy"][0]["1"]
    assert noisy == pytest.approx(expected, abs=8 * IMAGE)
    costs = script("backward").costs(1)["dropped"][:2]
    assert costs == pytest.approx(
        cached("backward")["costs"][0]["dropped"][:2], rel=0.02
    )


def recompute_energy() -> None:
    found = script("energy").train_once(1, 0.0)
    for name, values in cached("energy")["runs"][0][0].items():
        assert found[name]["nll"] == pytest.approx(values["nll"], rel=0.05), name
        assert found[name]["error"] == pytest.approx(values["error"], abs=5 * IMAGE)


def recompute_quantization() -> None:
    found = script("quantization").scores(64, 3)
    for name, (error, loss) in cached("quantization")["runs"]["64"][2].items():
        assert found[name][0] == pytest.approx(error, abs=8 * IMAGE), name
        assert found[name][1] == pytest.approx(loss, rel=0.15), name


def recompute_ensembles() -> None:
    found = script("ensembles").narrow(1)
    expected = cached("ensembles")["narrow"][0]
    assert found["members_nll"] == pytest.approx(expected["members_nll"], rel=0.05)
    for name in ("weight_scaling", "unscaled", "arithmetic"):
        assert found[name]["nll"] == pytest.approx(expected[name]["nll"], rel=0.05)
        assert found[name]["error"] == pytest.approx(
            expected[name]["error"], abs=5 * IMAGE
        )


def recompute_noise() -> None:
    noise, runs = script("noise"), cached("noise")["runs"]
    found = noise.judged("gaussian", 1, n_train=200)
    expected = runs[0]["few"]["200"]["gaussian"]
    assert found["error"] == pytest.approx(expected["error"], abs=8 * IMAGE)
    assert found["nll"] == pytest.approx(expected["nll"], rel=0.15)
    found, expected = noise.fewest(1)["epochs"], cached("noise")["fewest"][0]["epochs"]
    for name in ("none", "constant"):
        assert found[name]["rms"] == pytest.approx(expected[name]["rms"], rel=0.05)
    found, expected = (
        noise.underfit(2)["early"],
        cached("noise")["underfit"][1]["early"],
    )
    assert found["train_nll"] == pytest.approx(expected["train_nll"], rel=0.3)


def test_dropout_gains_with_many_images_and_not_with_fifty() -> None:
    def gain(runs: list[Any], dropout: str) -> tuple[float, float]:
        errors = [(run["none"], run[dropout]) for run in runs]
        gains = [plain - dropped for plain, dropped in errors]
        return statistics.mean(gains), statistics.stdev(gains) / len(gains) ** 0.5

    def error_of(networks: dict[str, Any]) -> dict[str, float]:
        return {name: network["error"] for name, network in networks.items()}

    points, error = gain(cached("backward")["minibatch"], "fresh")
    assert points > 0.3 and points > 3 * error
    data = cached("noise")
    for runs in ([run["wide"] for run in data["runs"]], data["long"]):
        points, error = gain([error_of(run) for run in runs], "constant")
        assert points > 2 * error
    points, error = gain(
        [error_of(run["epochs"]) for run in data["fewest"]], "constant"
    )
    assert points < 2 * error


def test_gradients_of_the_network_hold_for_noise_of_either_sign() -> None:
    lab = importlib.import_module("lab")
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 5)), rng.integers(0, 3, 8)
    network = lab.initial_parameters((5, 6, 4, 3), rng)
    noise = [rng.normal(1, 1, (8, width)) for width in (6, 4)]
    grads = lab.gradients(network, x, y, noise)[1]
    for layer, (weights, _) in enumerate(network):
        for entry in range(weights.size):
            losses = []
            for h in (1e-6, -1e-6):
                weights.flat[entry] += h
                logits = lab.forward(network, x, noise)[0]
                losses.append(lab.cross_entropy(logits, y))
                weights.flat[entry] -= h
            slope = (losses[0] - losses[1]) / 2e-6
            assert grads[layer][0].flat[entry] == pytest.approx(slope, abs=1e-7)


def recompute_judging() -> None:
    judging, row = script("judging"), cached("judging")["suites"]["PyTorch"]
    subjects = judging.implementations()
    assert [subject.name for subject in subjects] == cached("judging")["subjects"]
    found = judging.rejections(
        judging.SUITES["PyTorch"], subjects, row["repeats"], judging.SEED
    )
    assert found == pytest.approx(row["rejected"], abs=0.1)


def recompute_why() -> None:
    why, expected = script("why"), cached("why")
    for way, errors in why.harm(1).items():
        for name, error in expected["harm"][0][way].items():
            assert errors[name] == pytest.approx(error, abs=5 * IMAGE), (way, name)
    network = why.trained(1, 0.5)
    found = {"test": why.test_error(network), **why.inside(network, 1)}
    for name, value in found.items():
        error = expected["dial"][0]["p=0.5"][name]
        assert value == pytest.approx(error, rel=0.1, abs=8 * IMAGE), name
    (rate, keep_prob), row = why.MASK_SETTINGS[0], expected["masks"][0]["0.1, 0.5"]
    for way in ("k=1", "k=4"):
        found = why.mask_error(way, rate, keep_prob, 1)
        assert found == pytest.approx(row[way], abs=16 * IMAGE), way


def test_averaging_masks_keeps_the_mean_gradient_and_divides_its_variance() -> None:
    why, lab = script("why"), importlib.import_module("lab")
    x, y, _ = why.noisy_digits(1)
    network = lab.initial_parameters((64, 8, 10), np.random.default_rng(1))

    def draws(k: int, number: int) -> np.ndarray:
        rng = np.random.default_rng(k)
        each = (
            why.averaged(network, x[:20], y[:20], k, 0.5, rng) for _ in range(number)
        )
        return np.array([layers[1][0] for layers in each])

    one, four = draws(1, 4000), draws(4, 1000)
    assert np.abs(one.mean(axis=0) - four.mean(axis=0)).max() < 0.02
    ratio = one.var(axis=0).sum() / four.var(axis=0).sum()
    assert ratio == pytest.approx(4, rel=0.1)


#: Those that take a minute are slow.
SLOW = {"energy", "quantization", "ensembles"}
RECOMPUTE = {
    "backward": recompute_backward,
    "energy": recompute_energy,
    "quantization": recompute_quantization,
    "ensembles": recompute_ensembles,
    "noise": recompute_noise,
    "judging": recompute_judging,
    "why": recompute_why,
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=pytest.mark.slow if path.stem in SLOW else ())
        for path in sorted(DATA.glob("*.json"))
    ],
)
def test_every_sweep_follows_from_its_script(name: str) -> None:
    """One that is added without a function here fails for want of it."""
    RECOMPUTE[name]()


def test_every_sweep_names_its_command() -> None:
    found = {path.stem for path in DATA.glob("*.json")}
    assert found == set(RECOMPUTE)
    for name in found:
        assert cached(name)["command"] == f"cd chapters && python -m data.{name}"
        assert (DATA / f"{name}.py").exists()
