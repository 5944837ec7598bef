"""A page of feedback for each student, on all that the student handed in."""

import itertools
from collections.abc import Iterable
from pathlib import Path

from autograder.contract.exercise import find_exercise
from autograder.contract.mistakes import find_mistake, page_of
from autograder.doors.classroom import Graded
from autograder.doors.one_part import below, one_part
from autograder.doors.own_page import rendered
from autograder.isolation.atomic import write_whole

_ENDING = ".html"


def write_student_pages(results: Iterable[Graded], folder: Path) -> None:
    """Write ``<student>.html`` for each student into the folder, and nothing elsewhere. A
    name that is no file's, or leaves no room for the ending, is cut or loses what leads to
    another place, and has a hash of the whole behind it.

    Raises ``OSError``, or ``ValueError``, once all are written that can be, and
    ``ImportError`` where there is no jinja2, which comes with the course's packages."""
    students: dict[str, list[Graded]] = {}
    for graded in results:
        students.setdefault(graded.handed_in.student, []).append(graded)
    # What is some student's name as it is, is no other's page.
    taken = {f"{name}{_ENDING}" for name in students}
    written: set[tuple[int, int]] = set()
    failed: OSError | ValueError | None = None
    for name, of_student in students.items():
        try:
            path = _free_place(folder, name, taken, written)
            write_whole(path, student_page(name, of_student))
            written |= _which(path)
        except (OSError, ValueError) as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _free_place(
    folder: Path, name: str, taken: set[str], written: set[tuple[int, int]]
) -> Path:
    """Return where a student's page belongs, and take the place. What this run has
    ``written`` stays, also where the disk takes two names for one."""
    for again in itertools.count():
        page = one_part(name, _ENDING, again)
        path = below(folder, page)
        own = page == f"{name}{_ENDING}"
        if (own or page not in taken) and not _which(path) & written:
            break
    taken.add(page)
    return path


def _which(path: Path) -> set[tuple[int, int]]:
    """Return which file of the system's this is, as far as there is one and it says."""
    try:
        found = path.lstat()
    except OSError:
        return set()
    return {(found.st_dev, found.st_ino)} if found.st_ino else set()


def student_page(student: str, results: Iterable[Graded]) -> str:
    """Return the page as HTML: it needs nothing beside it and runs nothing. What it says
    is what the reports say, which hold nothing of other students."""
    return rendered(_TEMPLATE, student=student, results=list(results), cause=_cause)


def _cause(mistake: str | None, exercise: str) -> tuple[str, str]:
    """Return what a mistake's name says to the student, and the page that explains it."""
    if mistake is None:
        return "", ""
    usual = find_exercise(exercise).section
    known = find_mistake(mistake)
    return known.says, page_of(known.section or usual)


_TEMPLATE = """\
<title>Feedback for {{ student|name }}</title>
<style>
:root { color-scheme: light dark; --good: #1e7042; --bad: #a8321c; --dim: #555d66 }
@media (prefers-color-scheme: dark) {
  :root { --good: #6fcf97; --bad: #ff9c85; --dim: #a5adb8 }
}
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto;
  padding: 0 1rem; overflow-wrap: break-word }
ul { list-style: none; padding-left: 0 }
li { margin: .25rem 0; padding-left: 1.5rem; text-indent: -1.5rem }
li p { margin: .1rem 0 .5rem; text-indent: 0 }
.passed { color: var(--good) }
.failed { color: var(--bad) }
.skipped, .dim { color: var(--dim) }
.cause { border-left: .25rem solid var(--bad); padding-left: .75rem }
</style>
</head>
<body>
<h1>Feedback for {{ student|name }}</h1>
{% set marks = {"passed": "✓", "failed": "✗", "skipped": "–"} %}
{% for graded in results %}
<h2>{{ graded.handed_in.path.name|name }}</h2>
{% set report = graded.report %}
{% if report is none %}
<p class="failed">This file has no verdict yet: that is the grader's doing, not yours.</p>
{% else %}
<p>{{ "%g"|format(report.score) }} of {{ "%g"|format(report.max_score) }} points.</p>
{% if report.error %}<p class="failed">{{ report.error }}</p>{% endif %}
{% for exercise in report.exercises %}
<h3>{{ exercise.name }}: {{ "%g"|format(exercise.score) }} of
 {{ "%g"|format(exercise.max_score) }}</h3>
{% if exercise.status != "graded" %}
<p>{{ exercise.message }}</p>
{% else %}
{% set says, page = cause(exercise.mistake, exercise.name) %}
{% if says %}
<p class="cause">Likely cause: {{ says }}
{% if page.startswith("http") %}<a href="{{ page }}">Read about it</a>
{% elif page %}See {{ page }}{% endif %}</p>
{% endif %}
<ul>
{% for check in exercise.checks %}
<li><span class="{{ check.status }}">{{ marks[check.status] }} {{ check.status }}</span>
 {{ check.name.replace("_", " ") }}
 <span class="dim">({{ "%g"|format(check.score) }}/{{ "%g"|format(check.max_score) }})</span>
{% if check.message %}<p>{{ check.message }}</p>{% endif %}
</li>
{% endfor %}
</ul>
{% endif %}
{% endfor %}
{% for note in report.notes %}<p class="dim">Note: {{ note }}</p>{% endfor %}
<p class="dim">Grader {{ report.version }}, {{ report.draws }},
 sandbox {{ report.sandbox }}</p>
{% endif %}
{% endfor %}
</body>
</html>
"""
