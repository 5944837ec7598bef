"""What an earlier run graded and need not be graded again.

A run may be stopped at any moment: what it wrote is whole, and the next one goes on from
there. A file is graded again when its bytes, the grader or the secret changed.
"""

import json
from pathlib import Path

from autograder import __version__
from autograder.doors.classroom import Graded, HandedIn
from autograder.grading.draws import replay_code
from autograder.grading.report import grader, report_of
from autograder.grading.secret import Secret
from autograder.submission.cells import SubmissionError
from autograder.submission.file import digest_of


def earlier(
    handed_in: HandedIn, report: Path, secret: Secret, sandbox: str
) -> Graded | None:
    """Return what the file at ``report`` says of a submission; None where there is none,
    it cannot be read, or it was made of other bytes, by another grader, with another
    secret, or with less of a sandbox than is required now."""
    try:
        data = json.loads(report.read_bytes())
        found = report_of(data)
        digest = digest_of(handed_in.path, handed_in.own)
    except (OSError, ValueError, SubmissionError, RecursionError):
        return None
    if sandbox == "required" and found.sandbox != "bubblewrap":
        return None
    same = data.get("grader") == grader() and found.error is None
    if not same or found.replay != replay_code(secret.key, __version__, digest):
        return None
    return Graded(handed_in, found)
