"""What formgrader reads of a submission before anybody grades it: when it was handed in."""

from datetime import datetime
from pathlib import Path

from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.doors.nbgrader.timestamps import CarefulDirectory, time_in


def read_all_dates_carefully() -> None:
    """Have whatever of nbgrader's is in this process do so, such as formgrader, which makes
    its course anew for each page, and shows none of a class if one date cannot be read: it
    asks the course, or reads the file by itself."""
    CourseDirectory.get_existing_timestamp = CarefulDirectory.get_existing_timestamp
    NbGraderAPI.get_submitted_timestamp = _submitted_at


def _submitted_at(
    api: NbGraderAPI, assignment_id: str, student_id: str
) -> datetime | None:
    course = api.coursedir
    step = course.submitted_directory
    return time_in(Path(course.format_path(step, student_id, assignment_id)).absolute())
