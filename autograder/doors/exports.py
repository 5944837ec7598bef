"""A report in the forms that other systems read."""

from typing import Any

from autograder.grading.report import CheckResult, Report
from autograder.grading.text import mistake_text, report_text


def gradescope(report: Report) -> dict[str, Any]:
    """Return what Gradescope reads in ``results.json``: the score, the whole verdict as
    text, and a test for each check, with its points.

    Gradescope adds nothing up where there is a ``score``; it is the report's own."""
    tests = [
        {
            "name": f"{exercise.name}: {check.name.replace('_', ' ')}",
            "score": check.score,
            "max_score": check.max_score,
            "status": "passed" if check.status == "passed" else "failed",
            "output": _output(check, exercise.name),
            "output_format": "text",
            "visibility": "visible",
        }
        for exercise in report.exercises
        for check in exercise.checks
    ]
    return {
        "score": report.score,
        "output": report_text(report),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


def _output(check: CheckResult, exercise: str) -> str:
    cause = "" if check.mistake is None else mistake_text(check.mistake, exercise)
    return "\n".join(part for part in (check.message, cause) if part)
