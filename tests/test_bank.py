"""The tests of the tests: solutions, starters, correct styles, mutants."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from autograder.contract.budget import BUDGET, alpha_of
from autograder.contract.exercise import (
    Exercise,
    all_chapters,
    all_exercises,
    find_exercise,
)
from autograder.contract.mistakes import all_mistakes
from autograder.doors.exercise_test import quota_of
from autograder.grading.report import ExerciseResult
from autograder.grading.run import CHECK_STOPPED, grade_functions
from tests import bank
from tests.seeds import depending_on_the_seed

#: Twenty seeds each: a few in ``make test``, the others in ``make test-all``.
FIRST, OTHERS = range(3), range(3, 20)
#: "comes back 3.333 times as large; expected 3.333": what was found is not what is wrong.
FOUND_AS_EXPECTED = re.compile(
    r"back (-?\d[\d.e+-]*) times [^.;:]*; expected \1[ .](?!\d)"
)
#: Exercises whose checks run a student's test hundreds of times: fewer at first.
LONG = {"is_inverted_dropout"}
EXERCISES = all_exercises()
in_two_parts = pytest.mark.parametrize(
    "part",
    [
        pytest.param(FIRST, id="first seeds"),
        pytest.param(OTHERS, id="other seeds", marks=pytest.mark.slow),
    ],
)


def seeds(exercise: str, part: Sequence[int]) -> Sequence[int]:
    if exercise not in LONG:
        return part
    return FIRST[:2] if part == FIRST else [*FIRST[2:], *OTHERS]


def by_name(value: object) -> str:
    return getattr(value, "name", str(value))


@in_two_parts
@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_the_solution_earns_every_point(
    exercise: Exercise, part: Sequence[int]
) -> None:
    for seed in seeds(exercise.name, part):
        result = grade_functions(exercise, bank.solution(exercise.chapter), seed)
        assert_all_passed(result, seed)


#: Seeds at which a check drew what no answer survives: all eight units of a batch inactive.
ONCE_FAILED = [
    ("dropout_mlp_gradients", seed) for seed in (2388, 2673, 5733, 7713, 7956)
]


@pytest.mark.parametrize(("name", "seed"), ONCE_FAILED)
def test_the_solution_passes_where_it_once_failed(name: str, seed: int) -> None:
    functions = bank.solution(find_exercise(name).chapter)
    assert_all_passed(grade_functions(name, functions, seed), seed)


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_the_starter_earns_nothing(exercise: Exercise) -> None:
    starter = bank.starter(exercise.chapter)
    for seed in (*FIRST, *OTHERS):
        result = grade_functions(exercise, starter, seed)
        assert result.score == 0, (seed, result)
        assert result.status == "unwritten"


@in_two_parts
@pytest.mark.parametrize("answer", bank.correct_answers(), ids=str)
def test_a_correct_style_loses_no_point(
    answer: bank.Answer, part: Sequence[int]
) -> None:
    for seed in seeds(answer.exercise, part):
        result = grade_functions(answer.exercise, answer.functions, seed)
        assert_all_passed(result, seed)


@in_two_parts
@pytest.mark.parametrize("answer", bank.mutants(), ids=str)
def test_a_mutant_fails_what_it_names_and_is_named(
    answer: bank.Answer, part: Sequence[int]
) -> None:
    failed = {
        assert_is_wrong_as_named(answer, seed) for seed in seeds(answer.exercise, part)
    }
    assert len(failed) == 1 or str(answer) in depending_on_the_seed(), failed


def test_mutants_that_may_depend_on_the_seed_are_there_and_few() -> None:
    listed = depending_on_the_seed()
    assert set(listed) - set(map(str, bank.mutants())) == set()
    assert len(listed) <= 30
    assert [name for name, why in listed.items() if len(why) < 30] == []


def assert_all_passed(result: ExerciseResult, seed: int) -> None:
    lost = [check for check in result.checks if check.status != "passed"]
    assert not lost, (seed, lost)


def assert_is_wrong_as_named(answer: bank.Answer, seed: int) -> frozenset[str]:
    """Return the checks that the answer failed."""
    result = grade_functions(answer.exercise, answer.functions, seed)
    failed = {check.name for check in result.checks if check.status == "failed"}
    assert set(answer.fails) <= failed, (seed, failed, result.message)
    assert result.score < result.max_score
    assert result.mistake == answer.mistake, (seed, result.message)
    assert result.message
    assert CHECK_STOPPED not in result.message
    for check in result.checks:
        assert not FOUND_AS_EXPECTED.search(check.message), (seed, check.message)
    return frozenset(failed)


def test_every_check_kills_a_mutant() -> None:
    killed = {(m.exercise, check) for m in bank.mutants() for check in m.fails}
    checks = {(e.name, check.name) for e in EXERCISES for check in e.checks}
    assert checks - killed == set()
    assert killed - checks == set()


def test_every_mutant_says_why_a_student_writes_it() -> None:
    assert [m.name for m in bank.mutants() if len(m.why) < 20 or not m.fails] == []


def test_every_mutant_has_a_name() -> None:
    assert [str(m) for m in bank.mutants() if m.mistake is None] == []


def test_every_named_mistake_is_the_diagnosis_of_a_mutant() -> None:
    diagnosed = {m.mistake for m in bank.mutants()} - {None}
    assert set(all_mistakes()) - diagnosed == set()
    assert diagnosed - set(all_mistakes()) == set()


@pytest.mark.parametrize("exercise", EXERCISES, ids=by_name)
def test_every_exercise_has_enough_mutants_and_styles(exercise: Exercise) -> None:
    quota = quota_of(exercise)
    assert len(bank.correct_answers(exercise.name)) >= quota.styles
    assert len(bank.mutants(exercise.name)) >= quota.mutants


def test_inverted_dropout_has_twelve_styles_and_thirty_mutants() -> None:
    names = ("inverted_dropout", "inverted_dropout_backward")
    assert sum(len(bank.correct_answers(name)) for name in names) >= 12
    assert sum(len(bank.mutants(name)) for name in names) >= 30


def test_names_in_the_bank_are_unique() -> None:
    names = Counter(map(str, [*bank.mutants(), *bank.correct_answers()]))
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("chapter", all_chapters())
def test_a_chapter_has_ten_points_and_keeps_the_budget(chapter: str) -> None:
    exercises = all_exercises(chapter)
    assert sum(exercise.max_score for exercise in exercises) == 10
    looks = [look for e in exercises for check in e.checks for look in check.looks]
    assert len(looks) * alpha_of(chapter) <= BUDGET * (1 + 1e-12)
