"""What grading found, as text for people."""

import re
import textwrap

from autograder.contract.exercise import find_exercise
from autograder.contract.mistakes import find_mistake, page_of
from autograder.grading.report import ExerciseResult, Report
from autograder.wire.text import one_line

_MARKS = {"passed": ("✓", "32"), "failed": ("✗", "31"), "skipped": ("–", "33")}


def exercise_text(result: ExerciseResult, colour: bool = False) -> str:
    """Return an exercise's verdict as lines of text, marked in colour if asked."""

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if colour else text

    head = f"{result.name}: {result.score:g} of {result.max_score:g}"
    if result.status == "unwritten":
        said = re.sub(r" raises [^)]*", "", result.message.rstrip("."))
        return paint(f"{head}, {said[:1].lower()}{said[1:]}", "1")
    lines = [paint(head, "1")]
    if result.status != "graded":
        lines.append(f"  {paint('✗', '31')} {wrapped(result.message, 4)}")
        return "\n".join(lines)
    for check in result.checks:
        mark, code = _MARKS[check.status]
        points = f"{check.score:g}/{check.max_score:g}"
        lines.append(f"  {paint(mark, code)} {check.name.replace('_', ' ')} ({points})")
        if check.message:
            lines.append(" " * 6 + wrapped(check.message, 6))
    if result.mistake is not None:
        lines.append(
            "  " + paint(wrapped(mistake_text(result.mistake, result.name), 4), "1")
        )
    return "\n".join(lines)


def wrapped(text: str, indent: int) -> str:
    """Return the text in lines of at most 79 characters, all but the first indented; pages
    and notebooks break no line of a verdict. Words and addresses stay whole."""
    return textwrap.fill(
        text,
        79,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ).lstrip()


def mistake_text(name: str, exercise: str) -> str:
    """Return what a named mistake in an exercise says to the student, and where the book
    explains it."""
    # A report may come from another process: its exercise knows, once loaded, the mistake.
    usual = find_exercise(exercise).section
    mistake = find_mistake(name)
    page = page_of(mistake.section or usual)
    return f"Likely cause: {mistake.says}" + (f" See {page}" if page else "")


def reason(result: ExerciseResult) -> str:
    """Return in a sentence or two why an answer lost points; "" when it lost none, or
    nothing was written."""
    if result.status == "unwritten" or result.score >= result.max_score:
        return ""
    if result.status != "graded":
        return result.message
    said = [check.message for check in result.checks if check.status == "failed"][:1]
    if result.mistake is not None:
        said.append(mistake_text(result.mistake, result.name))
    return " ".join(said)


def report_text(report: Report, colour: bool = False) -> str:
    """Return the whole verdict as text."""
    lines = []
    name = one_line(report.submission)
    if report.error is not None:
        lines.append(f"{name} could not be graded. {one_line(report.error)}")
    lines += [exercise_text(e, colour) for e in report.exercises]
    lines += [wrapped(f"Note: {note}", 2) for note in report.notes]
    lines.append(
        f"{name}: {report.score:g} of {report.max_score:g} "
        f"(grader {report.version}, {report.draws}, sandbox {report.sandbox})"
    )
    return "\n".join(lines)
