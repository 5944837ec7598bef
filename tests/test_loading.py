"""Checks load in the book's order; one that does not load says the same at every attempt."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from autograder import checks
from autograder.contract import exercise

ROOT = Path(__file__).resolve().parent.parent
HELPER = """
from autograder.contract.exercise import Exercise
Exercise("helping", "zz", "Helping", "helping(x) -> y", "zz-helping")
"""
HALF = """
from autograder.checks.zz import helping
from autograder.contract.exercise import Exercise
Exercise("half", "zz", "Half", "half(x) -> y", "zz-half")
1 / 0
"""


def test_chapters_are_in_the_order_of_the_book() -> None:
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert list(checks.CHAPTERS) == re.findall(r"file: exercises/(\w+)/\1\b", toc)
    assert exercise.all_chapters() == list(checks.CHAPTERS)


@pytest.mark.parametrize("chapter", checks.CHAPTERS)
def test_every_exercise_is_listed_and_its_module_named_after_it(
    chapter: str,
) -> None:
    package = importlib.import_module(f"autograder.checks.{chapter}")
    folder = ROOT / "autograder/checks" / chapter
    modules = {
        path.stem
        for path in folder.glob("*.py")
        if "\nexercise = Exercise(" in path.read_text(encoding="utf-8")
    }
    assert modules == set(package.EXERCISES)
    assert [e.name for e in exercise.all_exercises(chapter)] == [*package.EXERCISES]


def test_exercises_are_in_the_order_of_their_notebook() -> None:
    for chapter in checks.CHAPTERS:
        source = (ROOT / "solutions" / f"{chapter}.md").read_text(encoding="utf-8")
        cells = re.findall(r"(?m)^check\([\"'](\w+)[\"']\)", source)
        assert [e.name for e in exercise.all_exercises(chapter)] == cells


def test_a_broken_module_of_checks_tells_its_error_each_time_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [e.name for e in exercise.all_exercises()]
    registered = list(exercise._registry)
    (tmp_path / "zz").mkdir()
    (tmp_path / "zz/__init__.py").write_text('EXERCISES = ("helping", "half")')
    (tmp_path / "zz/helping.py").write_text(HELPER)
    (tmp_path / "zz/half.py").write_text(HALF)
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    monkeypatch.setattr(checks, "CHAPTERS", (*checks.CHAPTERS, "zz"))
    monkeypatch.setattr(exercise, "_registry", dict(exercise._registry))
    importlib.invalidate_caches()
    exercise._load.cache_clear()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            exercise.all_exercises()
        with pytest.raises(ZeroDivisionError):
            exercise.find_exercise("inverted_dropout")
        assert list(exercise._registry) == registered
    # Mended, it loads: without a new process.
    (tmp_path / "zz/half.py").write_text(HALF.replace("1 / 0", "pass  # mended"))
    names = [e.name for e in exercise.all_exercises()]
    assert names == [*before, "helping", "half"]
    exercise._load.cache_clear()
    vars(checks).pop("zz")
    for name in ("zz", "zz.half", "zz.helping"):
        sys.modules.pop(f"autograder.checks.{name}")
