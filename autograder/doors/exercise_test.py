"""Tests one exercise alone: its solution, its starter, its mutants, its correct styles.

The project's own tests ask the same of every exercise of the book, over more seeds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autograder.contract.budget import BUDGET, alpha_of, looks_of
from autograder.contract.exercise import Exercise, find_exercise
from autograder.course import answers
from autograder.course.answers import Answer
from autograder.course.source import source_notebook
from autograder.grading.report import ExerciseResult
from autograder.grading.run import CHECK_STOPPED, grade_functions


@dataclass(frozen=True)
class Quota:
    """How many correct styles and mutants an exercise has at least."""

    styles: int
    mutants: int


#: Of an exercise with a look, a test that draws, and of one without.
RANDOM, EXACT = Quota(styles=4, mutants=6), Quota(styles=2, mutants=4)


def quota_of(exercise: Exercise) -> Quota:
    """Return how many answers an exercise needs."""
    return RANDOM if any(check.looks for check in exercise.checks) else EXACT


@dataclass(frozen=True)
class Line:
    """One thing that was tested, and what is wrong with it, if anything is."""

    says: str
    faults: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        mark = "✓" if self.passed else "✗"
        return "\n".join([f"{mark} {self.says}", *(f"    {f}" for f in self.faults)])


def exercise_test(name: str, seeds: int) -> list[Line]:
    """Test an exercise over so many seeds; return what was found.

    Raises ``KeyError`` for an unknown one and ``BuildError`` where its solution or its
    statement cannot be built. Answers are trusted: they run in this process."""
    began = time.perf_counter()
    exercise = find_exercise(name)
    answers.load_answers(exercise.chapter)
    styles = [each for each in answers.styles if each.exercise == name]
    mutants = [each for each in answers.mutants if each.exercise == name]
    root = answers.course_of(exercise.chapter)
    source_notebook(root / "solutions" / f"{exercise.chapter}.md")
    draws = range(seeds)
    lines = [
        _solution(exercise, draws),
        _starter(exercise, draws),
        _all(
            f"{len(styles)} correct styles lose no point",
            styles,
            draws,
            faults_of_style,
        ),
        _all(
            f"{len(mutants)} mutants fail what they name, by the mistake's name",
            mutants,
            draws,
            faults_of_mutant,
        ),
        Line("every check is failed by a mutant", tuple(_unkilled(exercise, mutants))),
        _enough(exercise, styles, mutants),
        _budget(exercise.chapter),
    ]
    seconds = time.perf_counter() - began
    passed = all(line.passed for line in lines)
    head = f"{name} ({exercise.chapter}), {exercise.max_score:g} points, {seeds} seeds"
    verdict = "is as it should be" if passed else "is not yet as it should be"
    return [
        *lines,
        Line(f"{head}: {verdict} ({seconds:.1f} s)", () if passed else ("",)),
    ]


def _solution(exercise: Exercise, seeds: Sequence[int]) -> Line:
    solved = answers.solution(exercise.chapter)
    results = (grade_functions(exercise, solved, seed) for seed in seeds)
    faults = [fault for result in results for fault in _lost(result)]
    return Line("the solution has every point", tuple(dict.fromkeys(faults)))


def _starter(exercise: Exercise, seeds: Sequence[int]) -> Line:
    empty = answers.starter(exercise.chapter)
    results = [grade_functions(exercise, empty, seed) for seed in seeds]
    faults = [f"it has {r.score:g} points" for r in results if r.status != "unwritten"]
    return Line("the starter has none", tuple(dict.fromkeys(faults)))


def _all(
    says: str,
    listed: Sequence[Answer],
    seeds: Sequence[int],
    faults_of: Callable[[Answer, int], Iterator[str]],
) -> Line:
    """Judge every answer at every seed; of each tell one fault."""
    faults = []
    for answer in listed:
        found = (fault for seed in seeds for fault in faults_of(answer, seed))
        faults += [f"{answer.name}: {fault}" for fault in list(found)[:1]]
    return Line(says, tuple(faults))


def _lost(result: ExerciseResult) -> Iterator[str]:
    for check in result.checks:
        if check.status != "passed":
            yield f"{check.name} {check.status}: {check.message}"


def faults_of_style(answer: Answer, seed: int) -> Iterator[str]:
    """Yield what takes a point from a correct answer."""
    result = grade_functions(answer.exercise, answer.functions, seed)
    yield from (f"seed {seed}: {fault}" for fault in _lost(result))


def faults_of_mutant(answer: Answer, seed: int) -> Iterator[str]:
    """Yield what the verdict on a mutant has other than the mutant says."""
    result = grade_functions(answer.exercise, answer.functions, seed)
    failed = {check.name for check in result.checks if check.status == "failed"}
    for name in answer.fails:
        if name not in failed:
            yield f"seed {seed}: does not fail {name}, but {sorted(failed) or 'nothing'}"
    if result.score >= result.max_score:
        yield f"seed {seed}: has every point"
    if result.mistake != answer.mistake:
        told = f"expected the mistake {answer.mistake}, found {result.mistake}"
        yield f"seed {seed}: {told}: {result.message}"
    if CHECK_STOPPED in result.message:
        yield f"seed {seed}: {result.message}"
    if len(answer.why) < 20 or not answer.fails or answer.mistake is None:
        yield "say why a student writes it, which checks it fails and by which mistake"


def _unkilled(exercise: Exercise, mutants: Sequence[Answer]) -> Iterator[str]:
    checks = [check.name for check in exercise.checks]
    killed = {name for mutant in mutants for name in mutant.fails}
    yield from (f"{name} is failed by none" for name in checks if name not in killed)
    yield from (f"there is no check {name}" for name in sorted(killed - {*checks}))


def _enough(
    exercise: Exercise, styles: Sequence[Answer], mutants: Sequence[Answer]
) -> Line:
    quota = quota_of(exercise)
    counts = {"correct styles": len(styles), "mutants": len(mutants)}
    wanted = {"correct styles": quota.styles, "mutants": quota.mutants}
    faults = [
        f"{counts[kind]} {kind}; expected {wanted[kind]} or more"
        for kind in counts
        if counts[kind] < wanted[kind]
    ]
    return Line("there are enough of both", tuple(faults))


def _budget(chapter: str) -> Line:
    bound = looks_of(chapter) * alpha_of(chapter)
    says = f"a correct solution of {chapter} fails with probability at most {bound:.2g}"
    over = bound > BUDGET * (1 + 1e-12)
    return Line(says, (f"expected {BUDGET:g} or less",) if over else ())
