"""What the gradebook's door does once for a class, nbgrader does at every cell."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

import jsonschema
from jsonschema import ValidationError
from nbformat import v4
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import overwritecells

from autograder.doors.nbgrader.gradebook import HeldGradebook, common

KNOWN = {
    "schema_version": 3,
    "grade": True,
    "solution": False,
    "locked": True,
    "task": False,
    "grade_id": "check-one",
    "points": 2,
}
WRONG: dict[str, dict[str, Any]] = {
    "points of a wrong type": {"points": "many"},
    "points below zero": {"points": -1},
    "no flag": {"grade": "perhaps"},
    "a key of nobody's": {"own": 1},
}


def checked(metadata: dict[str, Any]) -> None:
    cell = v4.new_code_cell("check('one')", metadata={"nbgrader": metadata})
    MetadataValidator().validate_cell(cell)


@pytest.mark.parametrize("what", WRONG)
def test_metadata_is_refused_as_nbgrader_refuses_it(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(KNOWN)
    with pytest.raises(ValidationError) as ours:
        checked(KNOWN | WRONG[what])
    monkeypatch.setattr(common, "jsonschema", jsonschema)
    with pytest.raises(ValidationError) as theirs:
        checked(KNOWN | WRONG[what])
    assert str(ours.value) == str(theirs.value)


def test_cells_are_checked_by_the_rules_that_nbgraders_schema_names() -> None:
    schema = MetadataValidator().schema
    theirs = jsonschema.validators.validator_for(schema)
    theirs.check_schema(schema)
    ours = common.jsonschema.validate.keywords["cls"]
    assert ours.VALIDATORS == theirs.VALIDATORS
    assert ours.META_SCHEMA == theirs.META_SCHEMA
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theirs, "check_schema", lambda *_: pytest.fail("looked again"))
        checked(KNOWN)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # A new gradebook is stamped by the program alembic.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("sums")
        gradebook.add_notebook("sums", "sums")
        cell: dict[str, Any] = {"name": "check-one", "cell_type": "code"}
        cell |= {"notebook": "sums", "assignment": "sums"}
        gradebook.add_source_cell(**cell, source="1 + 1")
    return url


def test_what_was_handed_out_is_asked_for_once(database: str) -> None:
    names = "check-one", "sums", "sums"
    held = HeldGradebook(database, "")
    with held.lent():
        assert overwritecells.Gradebook(database) is held
        found = held.find_source_cell(*names)
        assert found.source == "1 + 1"
        with pytest.raises(MissingEntry):
            held.find_source_cell("check-two", "sums", "sums")
    assert overwritecells.Gradebook is Gradebook
    with held.lent():
        assert held.find_source_cell(*names) is found
    Gradebook.close(held)


def test_what_is_not_kept_is_forgotten_by_the_next_who_is_lent_it(
    database: str,
) -> None:
    held = HeldGradebook(database, "")
    with pytest.raises(ZeroDivisionError), held.lent():
        held.add_student("lost")
        _ = 1 / 0
    with held.lent():
        held.add_student("left")
    with held.lent():
        held.add_student("kept")
        held.keep()
    Gradebook.close(held)
    with Gradebook(database) as gradebook:
        assert [student.id for student in gradebook.students] == ["kept"]


def test_no_grammar_of_addresses_is_made_at_the_start() -> None:
    """It takes longer than nbgrader's own import."""
    code = (
        "import sys, autograder.doors.nbgrader.whole_class, jsonschema;"
        "print(sys.modules['rfc3987_syntax'], 'lark' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["None", "False"]
