"""Mutants that nobody chose lose points, or ``survivors.toml`` says why not."""

import pytest

from autograder.contract.exercise import Exercise, all_exercises
from tests import generated

EXERCISES = all_exercises()


def by_name(value: object) -> str:
    return getattr(value, "name", str(value))


def test_there_are_thousands_of_them() -> None:
    assert sum(len(generated.generated(each.name)) for each in EXERCISES) >= 5_000


def test_every_reason_says_of_what_kind_it_is() -> None:
    others = [
        entry["because"]
        for entry in generated.reasons()
        if not entry["because"].startswith(generated.KINDS)
    ]
    assert others == []


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_every_survivor_of_a_solution_is_explained(exercise: Exercise) -> None:
    mutants = generated.generated(exercise.name, styles=False)
    assert unexplained(mutants) == []


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_every_survivor_of_a_style_is_explained(exercise: Exercise) -> None:
    solution = set(generated.generated(exercise.name, styles=False))
    styles = [m for m in generated.generated(exercise.name) if m not in solution]
    assert unexplained(styles) == []


def unexplained(mutants: list[generated.Generated]) -> list[str]:
    found = generated.survivors(mutants, jobs=1)
    return [str(mutant) for mutant in found if generated.reason(mutant) is None]
