"""The directive ``{interactive} <name>``: a figure that its reader can play with.

Its content is the caption; ``:alt:`` says what a reader who cannot see the figure should
know of it, ``:start:`` what it begins with where that differs from the figure's own
start (JSON). ``assets/figures/<name>.js`` draws it: here, in Node, the picture that the
page shows before any script runs, and in the page whatever its reader makes of it.
"""

import html
import re
import subprocess
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from katex_static import node_program
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

FOLDER = Path(__file__).parents[1] / "assets/figures"
#: What every figure needs, in the order of loading.
SHARED = ("numbers.js", "kit.js")

_STILL = """
const [name, start, alt, ...files] = process.argv.slice(1);
files.forEach((file) => require(file));
process.stdout.write(dropoutFigures.kit.still(name, JSON.parse(start), alt));
"""


def scripts(name: str) -> list[Path]:
    """Return the files that the figure ``name`` consists of, in the order of loading."""
    own = (f"{name}.numbers.js", f"{name}.js")
    return [FOLDER / file for file in (*SHARED, *own)]


def draw(name: str, start: str, alt: str) -> str:
    """Return the figure's first picture and numbers, as HTML.

    Raises ``ValueError`` with Node's complaint, for instance of a ``start`` that names
    what the figure does not have."""
    files = [str(path) for path in scripts(name)]
    done = subprocess.run(
        [str(node_program()), "-e", _STILL, "--", name, start, alt, *files],
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode != 0:
        told = re.search(r"^\w*Error: .*", done.stderr, re.MULTILINE)
        raise ValueError(told[0] if told else done.stderr)
    return done.stdout


class interactive(nodes.Element):
    """The figure; its children are the caption."""


class Interactive(SphinxDirective):
    """Place the figure that the argument names."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {
        "alt": directives.unchanged_required,
        "start": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        names = sorted(p.stem for p in FOLDER.glob("*.numbers.js"))
        known = [each.removesuffix(".numbers") for each in names]
        if name not in known:
            raise self.error(f"There is no figure {name!r}, only {', '.join(known)}")
        if len(self.options.get("alt", "").split()) < 5:
            raise self.error(":alt: write a sentence that says what the figure shows")
        start = self.options.get("start", "{}")
        for path in scripts(name):
            self.env.note_dependency(str(path))
        try:
            still = draw(name, start, self.options["alt"])
        except ValueError as error:
            raise self.error(f"{name}: {error}") from error
        figure = interactive(name=name, start=start, still=still)
        self.set_source_info(figure)
        self.state.nested_parse(self.content, self.content_offset, figure)
        return [figure]


def open_figure(translator: HTML5Translator, node: nodes.Element) -> None:
    start = html.escape(node["start"])
    translator.body.append(
        f'<figure class="interactive" data-figure="{node["name"]}" '
        f'data-start="{start}">{node["still"]}<figcaption>'
    )


def close_figure(translator: HTML5Translator, node: nodes.Element) -> None:
    translator.body.append("</figcaption></figure>\n")


def pass_by(translator: nodes.NodeVisitor, node: nodes.Element) -> None:
    """In formats without HTML only the caption is left."""


def load_scripts(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Add the figures' files to the page, if it has figures."""
    names = [node["name"] for node in doctree.findall(interactive)] if doctree else []
    # Not modules: browsers load these over HTTP alone, and a book may lie on a disk.
    for path in dict.fromkeys(path for name in names for path in scripts(name)):
        app.add_js_file(f"figures/{path.name}", loading_method="defer")
    if names:
        app.add_css_file("figures/figures.css")


def setup(app: Sphinx) -> dict[str, bool]:
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (pass_by, pass_by))
    app.add_node(interactive, html=(open_figure, close_figure), **others)
    app.add_directive("interactive", Interactive)
    app.connect("html-page-context", load_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
