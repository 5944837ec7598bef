"""Every wrong answer of a chapter gets the same score from both doors."""

import ast
import inspect
import json
from pathlib import Path

import pytest

from autograder.contract.exercise import find_exercise
from autograder.grading.grade import grade
from tests import bank, fixture_class
from tests.fixture_class import CHAPTER, Notebook, answering, run
from tests.mutants import conventions
from tests.test_nbgrader_attacks import gradebook_scores, hand_in

pytest.importorskip("nbgrader")

#: What the module of mutants imports from the tests, for a student who has none.
NO_REGISTER = """
def mutant(*arguments, **needs):
    return lambda function: function
"""


def chapter_mutants() -> list[bank.Answer]:
    return [m for m in bank.mutants() if find_exercise(m.exercise).chapter == CHAPTER]


def helpers_and_mutants() -> str:
    """Return the source of the chapter's mutants as a student could hand it in."""
    source = inspect.getsource(conventions)
    imported = [
        ast.get_source_segment(source, node)
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom) and node.module == "tests.bank"
    ]
    assert imported == ["from tests.bank import mutant"]
    return source.replace("from tests.bank import mutant", NO_REGISTER)


def with_mutant(perfect: Notebook, mutant: bank.Answer, text: str) -> Notebook:
    """Return the perfect notebook with the mutant in the place of its exercise's answer."""
    names = {name: function.__name__ for name, function in mutant.own.items()}
    assert all(vars(conventions)[names[n]] is mutant.own[n] for n in names), mutant
    lines = [f"{name} = {other}" for name, other in names.items()]
    return answering(perfect, mutant.exercise, text + "\n" + "\n".join(lines))


@pytest.mark.slow
def test_every_mutant_gets_the_same_score_through_both_doors(tmp_path: Path) -> None:
    course = fixture_class.new_course(tmp_path / "course")
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text(encoding="utf-8"))
    perfect, text = fixture_class.solved(course, starter), helpers_and_mutants()
    mutants = chapter_mutants()
    paths = {
        str(mutant): hand_in(course, str(mutant), with_mutant(perfect, mutant, text))
        for mutant in mutants
    }
    done = run(course, "nbgrader", "generate_assignment", CHAPTER)
    assert done.returncode == 0, done.stderr[-3000:]
    done = run(course, "nbgrader", "autograde", CHAPTER, patience=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    by_nbgrader = gradebook_scores(course)
    by_line = {name: grade(path).score for name, path in paths.items()}
    assert len(by_line) == len(mutants) > 100
    assert by_nbgrader == by_line
    assert all(score < 10 for score in by_line.values())
