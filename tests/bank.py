"""The register of wrong answers (mutants) and of differently written correct ones.

A module ``tests/mutants/<chapter>/<exercise>.py`` holds mutants, and the one of the same
name in ``tests/correct/`` correct styles, in the body of a class.
"""

import functools
import importlib
import pkgutil
from pathlib import Path
from typing import Any

from autograder.contract.exercise import find_exercise
from autograder.course import answers
from autograder.course.answers import Answer, Mutants, Styles, fails, needs, solution

__all__ = ["Answer", "Mutants", "Styles", "fails", "needs", "solution"]

ROOT = Path(__file__).resolve().parent.parent


@functools.cache
def _load(folder: str) -> None:
    package = importlib.import_module(f"tests.{folder}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def mutants(exercise: str | None = None) -> list[Answer]:
    """Return all mutants, or those of one exercise."""
    _load("mutants")
    return [m for m in answers.mutants if exercise in (None, m.exercise)]


def correct_answers(exercise: str | None = None) -> list[Answer]:
    """Return all correct styles, or those of one exercise."""
    _load("correct")
    return [c for c in answers.styles if exercise in (None, c.exercise)]


def statement(name: str) -> str:
    """Return what an exercise's statement says, without its code."""
    text = (ROOT / f"solutions/{find_exercise(name).chapter}.md").read_text("utf-8")
    after = text.partition(f"\n## `{name}`\n")[2]
    return after.partition("\n## ")[0].partition("\n```{code-cell}")[0]


@functools.cache
def starter(chapter: str) -> dict[str, Any]:
    """Return the namespace of a chapter's student notebook, as it is handed out."""
    import json

    path = ROOT / "exercises" / chapter / f"{chapter}.ipynb"
    names: dict[str, Any] = {"__name__": "starter"}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "check(" not in source:
            exec(compile(source, f"<starter of {chapter}>", "exec"), names)
    return names
