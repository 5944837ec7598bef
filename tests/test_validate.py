"""nbgrader's button Validate shows why a cell fails, in the words of the verdict."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")

from nbgrader.validator import Validator

from tests import fixture_class
from tests.fixture_class import (
    CHAPTER,
    FORGETS,
    SYNTAX,
    WARNS,
    answering,
    free_response,
    run,
)


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = fixture_class.new_course(tmp_path_factory.mktemp("validate"))
    return course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"


@pytest.fixture(autouse=True)
def this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run notebooks in the kernel of this environment, with nobody's settings."""
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix, "share/jupyter")))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


def test_validate_shows_the_verdict_of_each_cell_that_fails(
    handed_out: Path, tmp_path: Path
) -> None:
    starter = json.loads(handed_out.read_bytes())
    notebook = answering(starter, "inverted_dropout", FORGETS)
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(notebook))
    found = Validator().validate(str(path))
    failed = {each["source"]: each["raw_error"] for each in found["failed"]}
    names = ("classic_dropout", "inverted_dropout", "classic_settings")
    question = failed.pop("*Your answer goes here.*")
    assert question == "You did not provide a response."
    assert set(failed) == {f'check("{name}")' for name in names}
    wrong = failed['check("inverted_dropout")']
    assert "Likely cause: kept units come back unchanged" in wrong
    assert "✗ every output is zero or rescaled" in wrong
    assert "not written yet" in failed['check("classic_settings")']
    assert "Partial credit" not in str(failed)


def test_what_is_right_passes_and_warnings_cost_nothing(
    handed_out: Path, tmp_path: Path
) -> None:
    starter = json.loads(handed_out.read_bytes())
    perfect = fixture_class.solved(handed_out.parents[2], starter)
    perfect = answering(perfect, free_response(perfect), "As before.")
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(answering(perfect, "inverted_dropout", WARNS)))
    assert Validator().validate(str(path)) == {}
    path.write_text(json.dumps(answering(perfect, "classic_dropout", SYNTAX)))
    done = run(tmp_path, "nbgrader", "validate", path.name)
    assert "VALIDATION FAILED ON 1 CELL(S)" in done.stdout, done.stderr[-2000:]
    assert "no function named classic_dropout" in done.stdout
