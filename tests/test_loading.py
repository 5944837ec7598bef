"""A module of checks that does not load says the same at every attempt."""

import importlib
import sys
from pathlib import Path

import pytest

import autograder.checks
from autograder.contract import exercise

HALF = """
from autograder.checks import zz_helper
from autograder.contract.exercise import Exercise
Exercise("half", "zz", "Half", "half(x) -> y", "zz-half")
1 / 0
"""
HELPER = """
from autograder.contract.exercise import Exercise
Exercise("helping", "zz", "Helping", "helping(x) -> y", "zz-helping")
"""


def test_a_broken_module_of_checks_tells_its_error_each_time_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [e.name for e in exercise.all_exercises()]
    (tmp_path / "zz_broken.py").write_text(HALF)
    (tmp_path / "zz_helper.py").write_text(HELPER)
    paths = [*autograder.checks.__path__, str(tmp_path)]
    monkeypatch.setattr(autograder.checks, "__path__", paths)
    monkeypatch.setattr(exercise, "_registry", dict(exercise._registry))
    importlib.invalidate_caches()
    exercise._load.cache_clear()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            exercise.all_exercises()
        with pytest.raises(ZeroDivisionError):
            exercise.find_exercise("inverted_dropout")
        assert list(exercise._registry) == before
    # Mended, it loads: without a new process.
    (tmp_path / "zz_broken.py").write_text(HALF.replace("1 / 0", "pass  # mended"))
    names = [e.name for e in exercise.all_exercises()]
    assert names == [*before, "helping", "half"]
    exercise._load.cache_clear()
    for name in ("zz_broken", "zz_helper"):
        vars(autograder.checks).pop(name)
        sys.modules.pop(f"autograder.checks.{name}")
