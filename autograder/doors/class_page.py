"""A class's results on one page that needs nothing beside it: where it stands, what it gets
wrong and what should be taught again."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.contract.exercise import find_exercise
from autograder.contract.mistakes import find_mistake, page_of
from autograder.doors.alike import NOTHING, Comparison
from autograder.doors.class_reports import harmless
from autograder.doors.classroom import Graded, HandedIn
from autograder.doors.own_page import rendered
from autograder.grading.report import ExerciseResult
from autograder.submission.file import called
from autograder.wire.text import one_line, one_name

#: Bars of the picture of scores, and rows of the lists of mistakes and checks.
BINS, ROWS = 10, 12


@dataclass(frozen=True)
class Bar:
    """A row of a picture: what it counts, how often, of how many, and more on it."""

    label: str
    count: int
    of: int
    note: str = ""
    link: str = ""

    @property
    def share(self) -> float:
        """The bar's length in percent."""
        return 100 * self.count / self.of if self.of else 0.0


@dataclass(frozen=True)
class Page:
    """What the page shows. ``scores`` has the bars of each assignment; ``failed`` says of
    files that got no score, or could not be read, why. Of several files of a student's
    the best result of each exercise counts."""

    files: int
    students: int
    scores: dict[str, list[Bar]]
    means: dict[str, str]
    mistakes: list[Bar]
    checks: list[Bar]
    failed: list[tuple[str, str]]
    #: How many files these are.
    without: int
    #: The files of each group or pair, and in percent how alike they are.
    alike: list[tuple[list[str], int]]
    #: The files of whose code not all was compared.
    in_part: list[str]


def page_of_class(
    results: Sequence[Graded],
    names: bool = True,
    compared: Comparison = NOTHING,
    rows: int | None = ROWS,
) -> Page:
    """Return what there is to see; without ``names`` files are numbered. Lists end after
    so many ``rows``; None: never."""
    shown = {
        graded.handed_in: graded.handed_in.titled if names else f"file {number}"
        for number, graded in enumerate(results, start=1)
    }
    students = _best(results)
    shares = _shares(students.values())
    exercises = [
        exercise
        for best in students.values()
        for exercise in best.values()
        if exercise.status == "graded"
    ]
    return Page(
        files=sum(1 + graded.alike for graded in results),
        students=len(students),
        scores={chapter: _histogram(found) for chapter, found in shares.items()},
        means={c: f"{100 * sum(s) / len(s):.0f}" for c, s in shares.items()},
        mistakes=_mistakes(exercises)[:rows],
        checks=_checks(exercises)[:rows],
        failed=_failed(results, shown),
        without=sum(1 + g.alike for g in results if _why(g)),
        alike=[
            ([shown[file] for file in each.files], math.floor(100 * each.share))
            for each in compared.alike
        ],
        in_part=[shown[file] for file in compared.in_part],
    )


def _best(results: Sequence[Graded]) -> dict[str, dict[str, ExerciseResult]]:
    """Return of each student the best result of each exercise."""
    students: dict[str, dict[str, ExerciseResult]] = {}
    for graded in results:
        best = students.setdefault(graded.handed_in.person, {})
        if graded.report is None or not graded.report.max_score:
            continue
        for exercise in graded.report.exercises:
            before = best.get(exercise.name)
            if before is None or _rank(before) < _rank(exercise):
                best[exercise.name] = exercise
    return students


def _shares(students: Iterable[dict[str, ExerciseResult]]) -> dict[str, list[float]]:
    """Return of each assignment the part of its points that each student has."""
    shares: dict[str, list[float]] = {}
    for best in students:
        for chapter in dict.fromkeys(exercise.chapter for exercise in best.values()):
            own = [e for e in best.values() if e.chapter == chapter]
            if most := sum(e.max_score for e in own):
                share = sum(e.score for e in own) / most
                shares.setdefault(chapter, []).append(share)
    return shares


def _rank(exercise: ExerciseResult) -> tuple[float, bool]:
    return exercise.score, exercise.status == "graded"


def _histogram(shares: Sequence[float]) -> list[Bar]:
    """Return bars for equal parts of the way from none to all points."""
    counts = Counter(min(int(share * BINS), BINS - 1) for share in shares)
    width = 100 // BINS
    return [
        Bar(
            f"{width * i}–{width * (i + 1)}%" if i < BINS - 1 else f"{width * i}–100%",
            counts[i],
            len(shares),
        )
        for i in range(BINS)
    ]


def _mistakes(exercises: Iterable[ExerciseResult]) -> list[Bar]:
    """Return the most frequent mistakes, each in its exercise, with the section to teach
    again."""
    graded = list(exercises)
    answers = Counter(e.name for e in graded)
    counts = Counter((e.name, e.mistake) for e in graded if e.mistake is not None)
    bars = []
    for (name, mistake), count in counts.most_common():
        assert mistake is not None
        exercise, known = find_exercise(name), find_mistake(mistake)
        link = page_of(known.section or exercise.section)
        bars.append(Bar(name, count, answers[name], known.says, link))
    return bars


def _checks(exercises: Iterable[ExerciseResult]) -> list[Bar]:
    """Return the checks that most answers fail, of those that they came to."""
    tried: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for exercise in exercises:
        for check in exercise.checks:
            tried[exercise.name, check.name] += check.status != "skipped"
            failed[exercise.name, check.name] += check.status == "failed"
    hardest = sorted(
        (key for key in failed if failed[key]),
        key=lambda key: (-failed[key] / tried[key], key),
    )
    return [
        Bar(key[0], failed[key], tried[key], key[1].replace("_", " "))
        for key in hardest
    ]


def _failed(
    results: Iterable[Graded], shown: dict[HandedIn, str]
) -> list[tuple[str, str]]:
    found = []
    for graded in results:
        if why := _why(graded):
            file = graded.handed_in
            name = shown[file]
            plain = name == file.titled
            found.append((name, one_line(why) if plain else _without(file, why, name)))
    return found


def _why(graded: Graded) -> str:
    """Return why there is no verdict on a file's code, nothing where there is one."""
    return graded.failure if graded.report is None else graded.report.error or ""


def _without(file: HandedIn, why: str, name: str) -> str:
    """Return a reason that calls a file ``name``; by its own name nobody finds it."""
    for known in (file.name, file.path.name, called(file.path), file.student):
        for shown in (known, one_line(known), one_name(known)):
            why = re.sub(rf"(?<!\w){re.escape(shown)}(?!\w)", name, why)
    return one_line(why)


def class_csv(page: Page) -> str:
    """Return what the page shows as a table: a row for each bar, file and group."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["what", "where", "detail", "section", "count", "of"])
    rows: list[tuple[Any, ...]] = [
        ("scores", chapter, bar.label, "", bar.count, bar.of)
        for chapter, bars in page.scores.items()
        for bar in bars
    ]
    for kind, bars in (("mistake", page.mistakes), ("check", page.checks)):
        rows += [(kind, b.label, b.note, b.link, b.count, b.of) for b in bars]
    rows += [("not graded", name, why, "", "", "") for name, why in page.failed]
    rows += [
        ("alike", file, f"group {group}: {share}%", "", len(files), page.files)
        for group, (files, share) in enumerate(page.alike, start=1)
        for file in files
    ]
    rows += [("compared in part", name, "", "", "", "") for name in page.in_part]
    writer.writerows([harmless(value) for value in row] for row in rows)
    return text.getvalue()


def class_page(
    results: Sequence[Graded],
    names: bool = True,
    compared: Comparison = NOTHING,
) -> str:
    """Return the page as HTML. Raises ``ImportError`` as ``rendered`` does."""
    return rendered(_TEMPLATE, **vars(page_of_class(results, names, compared)))


_TEMPLATE = """\
<title>Results of a class</title>
<style>
:root { color-scheme: light dark; --bar: #2a6fb0; --rest: #e3e7ec; --dim: #555d66 }
@media (prefers-color-scheme: dark) {
  :root { --bar: #6fb1ee; --rest: #30363d; --dim: #a5adb8 }
}
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem }
caption, th { text-align: left; font-weight: 600 }
td, th { padding: .25rem .75rem .25rem 0; vertical-align: top }
td { overflow-wrap: anywhere }
th { white-space: nowrap }
td.bar { width: 35%; min-width: 6rem }
td.bar div { background: var(--rest); border-radius: .2rem; height: 1rem; margin-top: .25rem }
td.bar span { display: block; background: var(--bar); border-radius: .2rem; height: 1rem }
td.count { white-space: nowrap; font-variant-numeric: tabular-nums }
.dim { color: var(--dim) }
@media (max-width: 40rem) { td, th { padding-right: .4rem } td.bar { min-width: 4rem } }
</style>
</head>
<body>
<h1>Results of a class</h1>
<p>{{ files }} file{{ "" if files == 1 else "s" }}
{%- if files != students %} of {{ students }} student{{ "" if students == 1 else "s" }}
{%- endif %}
{%- if failed %}, {{ without }} of them without a verdict on the code{% endif %}.
{%- if files != students %} Each student counts once: where there are several files, with the
best result of each exercise.{% endif %}</p>
{% macro table(caption, what, of, bars) %}
<table>
<caption>{{ caption }}</caption>
<thead><tr><th>{{ what }}</th><th></th><th>{{ of }}</th></tr></thead>
<tbody>
{% for bar in bars %}
<tr>
<td>{{ bar.label }}{% if bar.note %}<br><span class="dim">{{ bar.note }}</span>{% endif %}
{% if bar.link.startswith("http") %}<br><a href="{{ bar.link }}">Teach again</a>
{% elif bar.link %}<br><span class="dim">Teach again: {{ bar.link }}</span>{% endif %}
</td>
<td class="bar"><div aria-hidden="true">
<span style="width: {{ "%.1f"|format(bar.share) }}%"></span></div></td>
<td class="count">{{ bar.count }} of {{ bar.of }}</td>
</tr>
{% endfor %}
</tbody>
</table>
{% endmacro %}
<h2>Scores</h2>
{% for chapter, bars in scores.items() %}
{{ table(chapter ~ ": " ~ means[chapter] ~ "% of the points on average", "Points", "Students",
  bars) }}
{% else %}
<p>Nothing was graded.</p>
{% endfor %}
{% if mistakes %}
<h2>Mistakes</h2>
{{ table("The most frequent causes, and how many of the answers they are behind",
  "Exercise", "Answers", mistakes) }}
{% endif %}
{% if checks %}
<h2>Hardest checks</h2>
{{ table("Failed, of the answers that reached them", "Check", "Answers", checks) }}
{% endif %}
{% if alike or in_part %}
<h2>Code that is alike</h2>
{% endif %}
{% if alike %}
<p>An occasion to look, and no verdict: comments, layout and the names of locals were left out,
and what the starter or the solution says. Short answers are often alike without anybody having
copied; these share more than that.</p>
<table>
<caption>Files with the same code (100%), or nearly the same</caption>
<thead><tr><th>Files</th><th>Alike</th></tr></thead>
<tbody>
{% for files, share in alike %}
<tr><td>{% for file in files %}<div>{{ file }}</div>{% endfor %}</td>
<td class="count">{{ share }}%</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
{% if in_part %}
<p>Not all of the code of these files was compared, for it is too long, too deep or no
Python:</p>
<ul>{% for file in in_part %}<li>{{ file }}</li>{% endfor %}</ul>
{% endif %}
{% if failed %}
<h2>Not graded</h2>
<table>
<caption>Files without a verdict on the code, and why</caption>
<thead><tr><th>File</th><th>Why</th></tr></thead>
<tbody>
{% for name, why in failed %}
<tr><td>{{ name }}</td><td>{{ why }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
</body>
</html>"""
