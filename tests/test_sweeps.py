"""The cached sweeps in ``chapters/data/`` are what their scripts compute: one seed each.

Networks are chaotic, so another BLAS may move a test error by a few images; the
tolerances say how far.
"""

import importlib
import json
from pathlib import Path
from typing import Any

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


def test_the_backward_sweep_follows_from_its_script() -> None:
    found = script("backward").full_batch_errors(1, 300)
    for name, error in cached("backward")["full_batch"]["300"][0].items():
        assert found[name] == pytest.approx(error, abs=5 * IMAGE), name
    costs = script("backward").costs(1)["dropped"][:2]
    assert costs == pytest.approx(
        cached("backward")["costs"][0]["dropped"][:2], rel=0.02
    )


@pytest.mark.slow
def test_the_energy_sweep_follows_from_its_script() -> None:
    found = script("energy").train_once(1, 0.0)
    for name, values in cached("energy")["runs"][0][0].items():
        assert found[name]["nll"] == pytest.approx(values["nll"], rel=0.05), name
        assert found[name]["error"] == pytest.approx(values["error"], abs=5 * IMAGE)


@pytest.mark.slow
def test_the_quantization_sweep_follows_from_its_script() -> None:
    found = script("quantization").scores(64, 3)
    for name, (error, loss) in cached("quantization")["runs"]["64"][2].items():
        assert found[name][0] == pytest.approx(error, abs=8 * IMAGE), name
        assert found[name][1] == pytest.approx(loss, rel=0.15), name


@pytest.mark.slow
def test_the_ensembles_sweep_follows_from_its_script() -> None:
    found = script("ensembles").narrow(1)
    expected = cached("ensembles")["narrow"][0]
    assert found["members_nll"] == pytest.approx(expected["members_nll"], rel=0.05)
    for name in ("weight_scaling", "unscaled", "arithmetic"):
        assert found[name]["nll"] == pytest.approx(expected[name]["nll"], rel=0.05)
        assert found[name]["error"] == pytest.approx(
            expected[name]["error"], abs=5 * IMAGE
        )


def test_the_judging_matrix_follows_from_its_script() -> None:
    judging, row = script("judging"), cached("judging")["suites"]["PyTorch"]
    subjects = judging.implementations()
    assert [subject.name for subject in subjects] == cached("judging")["subjects"]
    found = judging.rejections(
        judging.SUITES["PyTorch"], subjects, row["repeats"], judging.SEED
    )
    assert found == pytest.approx(row["rejected"], abs=0.1)


def test_every_sweep_names_its_command_and_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for path in DATA.glob("*.json"):
        command = cached(path.stem)["command"]
        assert command == f"cd chapters && python -m data.{path.stem}"
        assert f'script("{path.stem}")' in text
        assert path.with_suffix(".py").exists()
