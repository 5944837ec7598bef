"""What every check promises: sample sizes, levels, smallest defects, and their sum.

They follow from the register of checks alone. What only the project's own tests know,
mutants killed and run times on the solutions, ``python -m tests.audit`` adds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autograder.contract.budget import alpha_of
from autograder.contract.exercise import all_chapters, all_exercises, expect_chapter


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

    def __str__(self) -> str:
        return f"kills {self.killed}, {1000 * self.seconds:.1f} ms"


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


def audit_text(
    chapters: Sequence[str] = (),
    evidence: Callable[[str], Mapping[tuple[str, str], Evidence]] = lambda chapter: {},
) -> str:
    """Return the audit as a table of text, with the bound for each chapter.

    ``evidence`` gives what tests know of a chapter, by exercise and check. Raises
    ``KeyError`` for a chapter without exercises."""
    for chapter in chapters:
        expect_chapter(chapter)
    rows = [f"{'check and look':58}{'n':>9}{'alpha':>10}{'detects':>9}"]
    for chapter in chapters or all_chapters():
        rows += _chapter_rows(chapter, evidence(chapter))
        bound = false_failure_bound(chapter)
        rows.append(
            f"{chapter}: a correct solution fails with probability at most {bound:.2g} "
            "(union bound)"
        )
    return "\n".join(rows)


def _chapter_rows(
    chapter: str, evidence: Mapping[tuple[str, str], Evidence]
) -> list[str]:
    rows = []
    previous = ("", "")
    for line in audit_lines(chapter):
        key = (line.exercise, line.check)
        if line.exercise != previous[0]:
            rows.append(f"{chapter}: {line.exercise}")
        if key != previous:
            found = evidence.get(key)
            tail = "" if found is None else str(found)
            rows.append(f"  {line.check:<56}{tail}".rstrip())
            previous = key
        if line.look:
            sizes = f"{line.n:>9,}{line.alpha:>10.1e}{line.detects:>9.3g}"
            rows.append(f"    {line.look:54}{sizes}")
    return rows
