"""nbgrader's settings; its commands read them when run in this folder."""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821

root = Path(__file__).resolve().parent

# nbgrader makes its gradebook with the program alembic, which stands beside this Python
# and is otherwise found only where the virtual environment is activated.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
)

# ---- Where students read the book, for the links in verdicts: its address on the web, as
# "https://example.org/dropout". Without one, verdicts name the page.
os.environ.setdefault("DROPOUT_BOOK", "")

# ---- Where things are: students' notebooks are committed, all else stays in course/.
c.CourseDirectory.root = str(root)
c.CourseDirectory.source_directory = "course/source"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "course/submitted"
c.CourseDirectory.autograded_directory = "course/autograded"
c.CourseDirectory.feedback_directory = "course/feedback"
c.CourseDirectory.solution_directory = "course/solution"
c.CourseDirectory.db_url = f"sqlite:///{root / 'course' / 'gradebook.db'}"

# ---- What students find where the answers were.
c.ClearSolutions.code_stub = {
    "python": "# Your code goes here.\nraise NotImplementedError()"
}
c.ClearSolutions.text_stub = "*Your answer goes here.*"

# exercises/ is generated and committed: making it again fills the gradebook.
c.GenerateAssignment.force = True
# What it makes takes the place of the old at the end; cells may be added though there are
# submissions.
c.GenerateAssignment.exporter_class = (
    "autograder.doors.nbgrader.handed_out.ReleaseExporter"
)
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.InstantiateTests",
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.ClearSolutions",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "autograder.doors.nbgrader.handed_out.KeptCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# ---- Who grades: our judge takes the place of the kernel. The two steps that write scores
# are nbgrader's own; they wait until the student's notebooks are written.
c.Autograde.autograde_preprocessors = [
    "autograder.doors.nbgrader.execute.JudgedExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.doors.nbgrader.gradebook.WaitingAutoGrades",
    "autograder.doors.nbgrader.gradebook.WaitingLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Reads whatever was handed in; stock nbgrader stops at a file that is no notebook.
c.Autograde.exporter_class = "autograder.doors.nbgrader.handed_in.JudgedExporter"

# ---- What students get back: a page that loads nothing, and runs no student's HTML.
c.GenerateFeedback.exporter_class = "autograder.doors.nbgrader.feedback.OfflineFeedback"

# ---- What whoever grades sees in formgrader: a page whose scripts may change every score
# runs no student's HTML.
c.HTMLExporter.filters = {
    "markdown2html": "autograder.doors.nbgrader.feedback.harmless_markdown",
    "highlight_code": "autograder.doors.nbgrader.feedback.bounded_highlight",
    "strip_files_prefix": "autograder.doors.nbgrader.feedback.unchanged",
    "clean_html": "autograder.doors.nbgrader.feedback.shown_or_text",
    "ansi2html": "autograder.doors.nbgrader.feedback.with_links",
}

# The mark scheme stands below each written answer there, and on no other page.
c.HTMLExporter.preprocessors = ["autograder.doors.nbgrader.mark_scheme.ShownMarkScheme"]

# ---- The table of scores says which of them are not final.
c.ExportApp.plugin_class = "autograder.doors.nbgrader.unfinished.CarefulExport"
