"""The directive ``{model-answer} <chapter>``: an answer to the chapter's open question.

Question and answer have their home in ``solutions/<chapter>.md``; the directive shows the
answer under a click. It is left out with ``model_answers: false`` (in _config.yml, below
sphinx: config:), and where ``solutions/`` is not there, as in a class edition.
"""

import itertools
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from autograder.course.source import read_source


def question_and_answer(source: Path) -> tuple[str, str]:
    """Return the title of a chapter's open question, and its model answer in Markdown.

    Raises ``ValueError`` if the chapter has no open question."""
    cells = read_source(source).cells
    for before, cell in itertools.pairwise(cells):
        if "free_response" in cell.metadata:
            title = before.source.splitlines()[0].removeprefix("## ")
            return title, cell.source.split("=== BEGIN MARK SCHEME ===")[0].strip()
    raise ValueError(f"{source} has no cell with free_response")


class ModelAnswer(SphinxDirective):
    """Show the answer to the open question of the chapter that the argument names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        chapter = self.arguments[0]
        source = Path(self.env.srcdir) / "solutions" / f"{chapter}.md"
        self.env.note_dependency(str(source))
        lines = ["The notebook ends with an open question."]
        if self.config.model_answers and source.is_file():
            try:
                title, answer = question_and_answer(source)
            except ValueError as error:
                raise self.error(str(error)) from None
            lines = [f"The notebook ends with an open question, *{title}*. Write your "]
            lines[0] += "own answer before you open ours."
            lines += ["", ":::{dropdown} A model answer", *answer.splitlines(), ":::"]
        shown = nodes.container(classes=["model-answer"])
        text = StringList(lines, source=str(source))
        self.state.nested_parse(text, self.content_offset, shown)
        return [shown]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("model_answers", True, "env", [bool])
    app.add_directive("model-answer", ModelAnswer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
