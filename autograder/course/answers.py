"""The register of wrong answers (mutants) and of differently written correct ones.

A course keeps both in ``answers/<chapter>/``, beside its ``solutions/``; this project in
``tests/mutants/<chapter>/`` and ``tests/correct/<chapter>/``. Each stands as a function in
the body of a class. Students get none of these folders.
"""

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.contract.exercise import find_exercise, home_of
from autograder.contract.here import is_file, working_directory
from autograder.course.source import BEGIN, END, BuildError, read_source

Functions = Mapping[str, Callable[..., Any]]

#: Packages of answers, below the folder that holds ``solutions/``.
PACKAGES = ("answers", "tests.mutants", "tests.correct")


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


#: All that were registered in this process.
mutants: list[Answer] = []
styles: list[Answer] = []


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
            mutants.append(answer)


class Styles:
    """Correct answers to the exercise ``of``: the functions of the class's body."""

    def __init_subclass__(cls, of: str) -> None:
        for name, function in _functions(cls):
            own = {**vars(function).get("needs", {}), of: function}
            styles.append(Answer(of, name, own))


def _functions(cls: type) -> list[tuple[str, Callable[..., Any]]]:
    """Return the functions of a class's body, which go by their own names in errors."""
    found: list[tuple[str, Callable[..., Any]]] = [
        (n, f) for n, f in vars(cls).items() if inspect.isfunction(f)
    ]
    for name, function in found:
        function.__qualname__ = name
    return found


# ---- Where they are -----------------------------------------------------------------


def course_of(chapter: str) -> Path:
    """Return the nearest folder above the chapter's checks, else the working directory,
    that holds ``solutions/<chapter>.md``. Raises ``BuildError`` if none does."""
    home = home_of(chapter)
    for folder in (home, *home.parents, working_directory()):
        if is_file(folder / "solutions" / f"{chapter}.md"):
            return folder
    raise BuildError(
        f"There is no solutions/{chapter}.md above {home}, and none in the working "
        "directory: run this in the folder that holds it."
    )


@functools.cache
def load_answers(chapter: str) -> None:
    """Register the answers to the chapter's exercises. Raises ``BuildError``."""
    root = course_of(chapter)
    sys.path.insert(0, str(root))
    try:
        for package in PACKAGES:
            folder = root.joinpath(*package.split("."), chapter)
            for path in sorted(folder.glob("[!_]*.py")):
                importlib.import_module(f"{package}.{chapter}.{path.stem}")
    finally:
        sys.path.remove(str(root))


@functools.cache
def solution(chapter: str) -> dict[str, Any]:
    """Return the namespace of a chapter's solutions, executed. Raises ``BuildError``."""
    return _executed(chapter, lambda source: source)


@functools.cache
def starter(chapter: str) -> dict[str, Any]:
    """Return the same with what students find in the place of the solutions."""
    region = re.compile(rf"(?s){re.escape(BEGIN)}.*?{re.escape(END)}")
    return _executed(
        chapter, lambda text: region.sub("raise NotImplementedError()", text)
    )


def _executed(chapter: str, change: Callable[[str], str]) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "solution"}
    path = course_of(chapter) / "solutions" / f"{chapter}.md"
    for cell in read_source(path).cells:
        if cell.cell_type == "code" and "check(" not in cell.source:
            code = compile(change(cell.source), f"<solution of {chapter}>", "exec")
            exec(code, names)
    return names
