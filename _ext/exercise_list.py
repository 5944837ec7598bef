"""The directive ``{exercises} <chapter>``: what a page of the chapter asks you to write."""

import inspect
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from autograder.contract import exercise
from autograder.contract.mistakes import book_address, page_of


def points(score: float) -> str:
    """Return "1 point" or "2.5 points"."""
    return f"{score:g} point{'' if score == 1 else 's'}"


def explained_on(each: exercise.Exercise) -> str:
    """Return the page that explains an exercise, such as "chapters/energy"."""
    return page_of(each.section).removeprefix(book_address()).partition(".html")[0]


def as_markdown(
    chapter: str, exercises: list[exercise.Exercise], here: str
) -> list[str]:
    """Return the lines that introduce a chapter's exercises and list those that the page
    ``here`` explains (all, if it explains none), in MyST."""
    page = f"/exercises/{chapter}/{chapter}"
    total = points(sum(each.max_score for each in exercises))
    listed = [each for each in exercises if explained_on(each) == here] or exercises
    others = dict.fromkeys(explained_on(e) for e in exercises if e not in listed)
    return [
        f"Write these functions in {{doc}}`the exercise notebook <{page}>` "
        f"({{download}}`download it <{page}.ipynb>`), {total} in all. "
        f"Then `python -m autograder check {chapter}.ipynb` judges your file.",
        "",
        *(
            f"- `{each.name}` — {each.title.rstrip('.')}. {points(each.max_score)}."
            for each in listed
        ),
        *(
            line
            for other in others
            for line in (
                "",
                f"The notebook has more: they belong to {{doc}}`/{other}`.",
            )
        ),
    ]


class Exercises(SphinxDirective):
    """List the exercises of the chapter that the argument names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        chapter = self.arguments[0]
        exercises = exercise.all_exercises(chapter)
        if not exercises:
            raise self.error(f"There are no exercises for the chapter {chapter!r}")
        for each in exercises:
            for check in each.checks:
                self.env.note_dependency(inspect.getfile(check.function))
        lines = as_markdown(chapter, exercises, self.env.docname)
        source = str(Path(self.env.doc2path(self.env.docname)))
        listing = nodes.container(classes=["exercises"])
        self.state.nested_parse(
            StringList(lines, source=source), self.content_offset, listing
        )
        return [listing]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("exercises", Exercises)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
