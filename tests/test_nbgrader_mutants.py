"""Every wrong answer of a chapter gets the same score from both doors."""

import importlib
import inspect
import json
import sys
from pathlib import Path

import pytest

from autograder.contract.exercise import find_exercise
from autograder.grading.grade import grade
from tests import bank, fixture_class
from tests.fixture_class import CHAPTER, Notebook, answering, run
from tests.test_nbgrader_attacks import gradebook_scores, hand_in

pytest.importorskip("nbgrader")

#: What stands for the tests' own register, for a student who has none.
NO_REGISTER = """
class Mutants:
    def __init_subclass__(cls, **of): pass
def fails(*checks, **needs):
    return lambda function: function
"""


def chapter_mutants() -> list[bank.Answer]:
    return [m for m in bank.mutants() if find_exercise(m.exercise).chapter == CHAPTER]


def helpers_and_mutants(mutant: bank.Answer) -> str:
    """Return the source of the exercise's mutants as a student could hand it in."""
    module = sys.modules[mutant.own[mutant.exercise].__module__]
    shared = importlib.import_module(f"{module.__package__}.shared")
    lines = [*_without_tests(inspect.getsource(shared)), NO_REGISTER]
    return "\n".join([*lines, *_without_tests(inspect.getsource(module))])


def _without_tests(source: str) -> list[str]:
    """Return the lines, without those that import from the tests."""
    return [line for line in source.splitlines() if not line.startswith("from tests.")]


def with_mutant(perfect: Notebook, mutant: bank.Answer) -> Notebook:
    """Return the perfect notebook with the mutant in the place of its exercise's answer."""
    text = helpers_and_mutants(mutant)
    lines = [f"{name} = {f.__name__}" for name, f in mutant.own.items()]
    lines.insert(0, f"{mutant.name} = Sins.{mutant.name}")
    return answering(perfect, mutant.exercise, text + "\n" + "\n".join(lines))


@pytest.mark.slow
def test_every_mutant_gets_the_same_score_through_both_doors(tmp_path: Path) -> None:
    course = fixture_class.new_course(tmp_path / "course")
    released = course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"
    starter = json.loads(released.read_text(encoding="utf-8"))
    perfect = fixture_class.solved(course, starter)
    mutants = chapter_mutants()
    paths = {
        str(mutant): hand_in(course, str(mutant), with_mutant(perfect, mutant))
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
