"""What every check promises: sample sizes, levels, smallest defects, and their sum.

The promises follow from the register of checks alone. What only the project's own tests
know (mutants killed, run times on the solutions) is added where ``tests/`` is at hand.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.contract.budget import alpha_of
from autograder.contract.exercise import Check, Exercise, all_chapters, all_exercises


@dataclass(frozen=True)
class Line:
    """One look of a check, or a check without looks (``look`` is then empty).

    ``n`` is the sample size, ``alpha`` the look's share of the false-failure budget and
    ``detects`` the smallest departure found with probability ``statistics.POWER``."""

    chapter: str
    exercise: str
    check: str
    look: str
    n: int
    alpha: float
    detects: float


@dataclass(frozen=True)
class Evidence:
    """What tests add to a check: mutants that name it, and its run time in seconds."""

    killed: int
    seconds: float


def audit_lines(chapter: str) -> list[Line]:
    """Return a line for each look of the chapter's checks, in their order."""
    alpha = alpha_of(chapter)
    lines = []
    for exercise in all_exercises(chapter):
        for check in exercise.checks:
            name = (chapter, exercise.name, check.name)
            if not check.looks:
                lines.append(Line(*name, "", 0, 0.0, 0.0))
            for look, law in check.looks.items():
                n = law.sample_size(alpha)
                lines.append(Line(*name, look, n, alpha, law.detects))
    return lines


def false_failure_bound(chapter: str) -> float:
    """Return the union bound on a correct solution's false-failure probability."""
    return sum(line.alpha for line in audit_lines(chapter))


def gather_evidence(
    chapter: str,
    solution: Mapping[str, Callable[..., Any]],
    mutants: Sequence[Any],
    repeats: int = 3,
) -> dict[tuple[str, str], Evidence]:
    """Return, by exercise and check, mutants killed and the median time on a solution.

    ``mutants`` have ``exercise`` and ``fails`` (names of checks)."""
    from autograder.grading.local import LocalFunction
    from autograder.grading.run import run_check

    def seconds(exercise: Exercise, check: Check) -> float:
        functions = {
            e.name: LocalFunction(e.name, solution[e.name], e.opaque)
            for e in all_exercises()
            if e.name in exercise.functions
        }
        times = []
        for seed in range(repeats):
            start = time.perf_counter()
            run_check(check, functions, seed)
            times.append(time.perf_counter() - start)
        return sorted(times)[repeats // 2]

    return {
        (exercise.name, check.name): Evidence(
            sum(m.exercise == exercise.name and check.name in m.fails for m in mutants),
            seconds(exercise, check),
        )
        for exercise in all_exercises(chapter)
        for check in exercise.checks
    }


def _known_evidence(chapter: str) -> dict[tuple[str, str], Evidence]:
    try:
        from tests import bank
    except ImportError:
        return {}
    return gather_evidence(chapter, bank.solution(chapter), bank.mutants())


def audit_text(chapters: Sequence[str] = ()) -> str:
    """Return the audit as a table of text, with the bound for each chapter.

    Raises ``KeyError`` for a chapter without exercises."""
    known = all_chapters()
    if unknown := [chapter for chapter in chapters if chapter not in known]:
        raise KeyError(
            f"No exercises in {', '.join(unknown)}. Known: {', '.join(known)}."
        )
    head = f"{'check and look':58}{'n':>9}{'alpha':>10}{'detects':>9}{'killed':>8}{'ms':>7}"
    rows = [head]
    for chapter in chapters or known:
        evidence = _known_evidence(chapter)
        previous = ("", "")
        for line in audit_lines(chapter):
            key = (line.exercise, line.check)
            tail = ""
            if key != previous:
                if line.exercise != previous[0]:
                    rows.append(f"{chapter}: {line.exercise}")
                found = evidence.get(key)
                tail = f"{found.killed:>8}{1000 * found.seconds:>7.1f}" if found else ""
                rows.append(f"  {line.check:<84}{tail}".rstrip())
                previous = key
            if line.look:
                rows.append(
                    f"    {line.look:54}{line.n:>9,}{line.alpha:>10.1e}{line.detects:>9.3g}"
                )
        bound = false_failure_bound(chapter)
        rows.append(
            f"{chapter}: a correct solution fails with probability at most {bound:.2g} "
            "(union bound)"
        )
    return "\n".join(rows)
