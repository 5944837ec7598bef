"""The register of wrong answers (mutants) and of differently written correct ones.

A module ``tests/mutants/<chapter>/<exercise>.py`` holds mutants, and the one of the same
name in ``tests/correct/`` correct styles, in the body of a class.
"""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.contract.exercise import find_exercise

ROOT = Path(__file__).resolve().parent.parent

Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Answer:
    """A whole answer to an exercise: its function and those that it needs.

    For a mutant, ``fails`` names checks that it must fail (others may fail or be
    skipped as well) and ``mistake`` the diagnosis that the report must give.
    ``functions`` overrides the chapter's solution."""

    exercise: str
    name: str
    own: Functions
    fails: tuple[str, ...] = ()
    mistake: str | None = None
    why: str = ""

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        return {**solution(find_exercise(self.exercise).chapter), **self.own}

    def __str__(self) -> str:
        return f"{self.exercise}-{self.name}"


_mutants: list[Answer] = []
_correct: list[Answer] = []


def fails(
    checks: str | tuple[str, ...],
    mistake: str | None = None,
    **needs: Callable[..., Any],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say of a mutant which checks it must fail and which mistake must be named.

    ``needs`` gives other functions of the same answer, such as the forward of a
    backward: ``inverted_dropout=my_forward``."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        names = (checks,) if isinstance(checks, str) else checks
        vars(function).update(fails=names, mistake=mistake, needs=needs)
        return function

    return mark


def needs(**functions: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Say of a correct answer which other functions belong to it."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        vars(function).update(needs=functions)
        return function

    return mark


class Mutants:
    """Wrong answers to the exercise ``of``: the functions of the class's body.

    Each stands under ``@fails(…)``, is named after the sin, and says in its docstring why
    a student writes it. They are plain functions, without self."""

    def __init_subclass__(cls, of: str) -> None:
        for name, function in _functions(cls):
            marks = vars(function)
            own = {**marks["needs"], of: function}
            why = inspect.getdoc(function) or ""
            answer = Answer(of, name, own, marks["fails"], marks["mistake"], why)
            _mutants.append(answer)


class Styles:
    """Correct answers to the exercise ``of``: the functions of the class's body."""

    def __init_subclass__(cls, of: str) -> None:
        for name, function in _functions(cls):
            own = {**vars(function).get("needs", {}), of: function}
            _correct.append(Answer(of, name, own))


def _functions(cls: type) -> list[tuple[str, Callable[..., Any]]]:
    """Return the functions of a class's body, which go by their own names in errors."""
    found = [(n, f) for n, f in vars(cls).items() if inspect.isfunction(f)]
    for name, function in found:
        function.__qualname__ = name
    return found


@functools.cache
def _load(folder: str) -> None:
    package = importlib.import_module(f"tests.{folder}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def mutants(exercise: str | None = None) -> list[Answer]:
    """Return all mutants, or those of one exercise."""
    _load("mutants")
    return [m for m in _mutants if exercise in (None, m.exercise)]


def correct_answers(exercise: str | None = None) -> list[Answer]:
    """Return all correct styles, or those of one exercise."""
    _load("correct")
    return [c for c in _correct if exercise in (None, c.exercise)]


@functools.cache
def solution(chapter: str) -> dict[str, Any]:
    """Return the namespace of a chapter's solutions, executed."""
    from autograder.course.source import read_source

    names: dict[str, Any] = {"__name__": "solution"}
    for cell in read_source(ROOT / "solutions" / f"{chapter}.md").cells:
        if cell.cell_type == "code" and "check(" not in cell.source:
            exec(compile(cell.source, f"<solution of {chapter}>", "exec"), names)
    return names


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
