"""The students' grader as a wheel: built into the book, and linked where it is named.

``python _ext/grader_wheel.py FOLDER`` builds the wheel alone. In the book it lies in the
folder ``grader``; ``{wheel}`text``` links to it, and so does its file name in a text.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from docutils import nodes
from flit_core.wheel import WheelBuilder
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from autograder.course.source import WHEEL

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "grader"
#: The date of every file in the wheel: the same sources give the same bytes.
DATE = (2020, 1, 1, 0, 0, 0)
MADE_FROM = ["pyproject.toml", "LICENSE", "autograder/**/*.py"]
#: What pytest obeys while it grades.
MADE_FROM += ["autograder/doors/submission.ini"]


def build(folder: Path) -> Path:
    """Build the wheel into ``folder`` and return its path.

    The package's Python files and pytest's settings go into it, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        sources, unfinished = Path(place, "sources").resolve(), Path(place, WHEEL)
        for pattern in MADE_FROM:
            for path in sorted(ROOT.glob(pattern)):
                copy = sources / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
        with unfinished.open("w+b") as file:
            builder = WheelBuilder.from_ini_path(sources / "pyproject.toml", file)
            builder.source_time_stamp = DATE
            builder.build()
        if builder.wheel_filename != WHEEL:
            raise ValueError(
                f"The wheel is {builder.wheel_filename}, and the notebooks ask for "
                f"{WHEEL}: give pyproject.toml and autograder/__init__.py one version."
            )
        return Path(shutil.copy(unfinished, folder / WHEEL))


def address(page: str) -> str:
    """Return the wheel's address, relative to a page such as ``chapters/energy``."""
    return "../" * page.count("/") + f"{FOLDER}/{WHEEL}"


def link(page: str, content: nodes.Node) -> nodes.reference:
    """Return ``content`` as a link from the page to the wheel."""
    return nodes.reference("", "", content, refuri=address(page), internal=True)


class WheelRole(SphinxRole):
    """``{wheel}`text```: the text as a link that downloads the wheel."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [link(self.env.docname, nodes.inline("", self.text))], []


def link_names(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make a link of the wheel's file name wherever it stands as code in a text."""
    for name in list(doctree.findall(nodes.literal)):
        if name.astext() == WHEEL and not isinstance(name.parent, nodes.reference):
            name.replace_self(link(page, name.deepcopy()))


def put_into_book(app: Sphinx, exception: Exception | None) -> None:
    """Build the wheel beside the finished pages."""
    if exception is None and app.builder.format == "html":
        build(Path(app.outdir, FOLDER))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("wheel", WheelRole())
    app.connect("doctree-resolved", link_names)
    app.connect("build-finished", put_into_book)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
