"""Editions of the book, as archives; ``chapters.zip`` is offered by every page that runs.

``python _ext/editions.py FOLDER HTML`` writes them all into ``FOLDER`` and tests the class
edition; ``HTML`` is the built book.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grader_wheel
import jupytext
import nbformat
from sphinx.application import Sphinx

from autograder import __version__
from autograder.course.source import METADATA, WHEEL

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ROOT / "editions"
#: What chapters read and import beside their helpers.
DATA = [
    "chapters/data/*.json",
    "chapters/data/*.csv",
    "chapters/data/*.py",
    "benchmarks/results/*.json",
]
#: The class edition, beside its own README and its own test.
CLASS = [
    *("LICENSE", "CITATION.cff", "CONTRIBUTING.md", "course/README.md"),
    *("pyproject.toml", "requirements.lock", "package.json", "package-lock.json"),
    *("dev.py", "Makefile", "nbgrader_config.py"),
    *("_config.yml", "_toc.yml", "index.md", "references.bib", "_ext/*.*"),
    "_ext/paper/*.*",
    "assets/**/*",
    *("autograder/**/*.py", "autograder/**/*.ini", "autograder/README.md"),
    *("chapters/*.md", "chapters/*.py", *DATA),
    *("exercises/*/*.ipynb", "editions/*.md", "editions/class/*"),
]
#: Scripts that need what an edition leaves out.
_OURS = re.compile(r"(?m)^\s*(?:from|import) (?:tests|solutions|benchmarks)\b")
#: Scripts in which an exercise's answer stands; no page runs them.
ANSWERS = ("chapters/data/quantization.py",)
_HIDDEN = re.compile(r"[.~]|__pycache__")

Files = Mapping[str, bytes]


def found(patterns: Iterable[str]) -> dict[str, bytes]:
    """Return the files of these patterns, by their path below the root; what programs
    leave beside them, and scripts that need our tests or hold answers, are not among
    them."""
    files = {}
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT)
            hidden = any(_HIDDEN.match(part) for part in name.parts)
            if path.is_file() and not hidden and name.as_posix() not in ANSWERS:
                data = path.read_bytes()
                if path.suffix != ".py" or not _OURS.search(data.decode("utf-8")):
                    files[name.as_posix()] = data
    return files


def write_zip(path: Path, files: Files) -> Path:
    """Write an archive with one folder, named after it; the same files give the same
    bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{path.stem}/{name}", grader_wheel.DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def wheel() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return {WHEEL: grader_wheel.build(Path(folder)).read_bytes()}


def text(name: str) -> bytes:
    """Return a README of ``editions/`` with the wheel's name in its place."""
    return (TEXTS / name).read_text(encoding="utf-8").replace("WHEEL", WHEEL).encode()


# ---- What they hold -----------------------------------------------------------------


def class_edition() -> dict[str, bytes]:
    """Return the files of the class edition: no solutions, no tests, nothing of a course
    that was run."""
    files = found(CLASS)
    for name in ("README.md", "test_edition.py"):
        files[name] = (TEXTS / "class" / name).read_bytes()
    return files


def exercises() -> dict[str, bytes]:
    """Return the students' notebooks, with the grader beside them."""
    notebooks = {
        path.name: path.read_bytes() for path in ROOT.glob("exercises/*/*.ipynb")
    }
    return {**notebooks, **wheel(), "README.md": text("exercises.md")}


def runnable() -> Iterator[Path]:
    """Yield the chapters that have cells."""
    for path in sorted(ROOT.glob("chapters/*.md")):
        if "\n```{code-cell}" in path.read_text(encoding="utf-8"):
            yield path


def chapters() -> dict[str, bytes]:
    """Return the chapters as notebooks, with what they import and read."""
    files = found(["chapters/*.py", *DATA])
    for path in runnable():
        notebook = jupytext.read(path, fmt="md:myst")
        notebook.metadata = nbformat.from_dict(METADATA)
        for number, cell in enumerate(notebook.cells, start=1):
            cell["id"] = f"cell-{number}"
        files[f"chapters/{path.stem}.ipynb"] = nbformat.writes(notebook).encode()
    return {**files, **wheel(), "README.md": text("chapters.md")}


def classroom() -> dict[str, bytes]:
    """Return a template repository for GitHub Classroom, with one chapter's notebook."""
    name = ".github/workflows/check.yml"
    workflow = (TEXTS / "classroom" / name).read_bytes()
    (chapter,) = re.findall(rb"CHAPTER: (\w+)", workflow)
    notebook = ROOT / "exercises" / chapter.decode() / f"{chapter.decode()}.ipynb"
    grader = {f"grader/{path}": data for path, data in wheel().items()}
    return {name: workflow, notebook.name: notebook.read_bytes(), **grader}


def book(html: Path) -> dict[str, bytes]:
    """Return the files of the built book."""
    return {
        path.relative_to(html).as_posix(): path.read_bytes()
        for path in html.rglob("*")
        if path.is_file() and path.name != ".buildinfo"
    }


def printed(html: Path) -> dict[str, bytes]:
    """Return the book's PDF and EPUB, if they were made after its pages."""
    pages = max(path.stat().st_mtime for path in html.rglob("[!gs]*.html"))
    made = [*html.parent.glob("print/*.pdf"), *html.parent.glob("print/*.epub")]
    return {p.name: p.read_bytes() for p in made if p.stat().st_mtime >= pages}


def make(folder: Path, html: Path) -> list[Path]:
    """Write all editions into a folder, and test the class edition; return the paths.

    Raises ``ValueError`` where there is no book or the class edition fails its test."""
    if not (html / "index.html").is_file():
        raise ValueError(f"There is no book in {html}: run python dev.py book first.")
    contents = {
        "class": class_edition(),
        "exercises": exercises(),
        "chapters": chapters(),
        "classroom": classroom(),
        "book": {**book(html), **printed(html)},
    }
    made = [
        write_zip(folder / f"dropout-{name}-{__version__}.zip", files)
        for name, files in contents.items()
    ]
    test_class_edition(made[0])
    return made


def test_class_edition(archive: Path) -> None:
    """Run the class edition's own test in a fresh folder. Raises ``ValueError``."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        # -P would hide the edition's own package, and -I its folder.
        command = [sys.executable, "test_edition.py"]
        place = Path(folder, archive.stem)
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"The class edition fails its own test:\n{done.stderr}")


# ---- In the book --------------------------------------------------------------------

ARCHIVE = f"{grader_wheel.FOLDER}/chapters.zip"


def offer(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Add the archive to the download button of a page that runs."""
    folder, _, name = page.rpartition("/")
    if folder != "chapters" or name not in {path.stem for path in runnable()}:
        return
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"].append(
                {
                    "type": "link",
                    "url": "../" * page.count("/") + ARCHIVE,
                    "text": ".ipynb (all)",
                    "icon": "fas fa-code",
                    "tooltip": "Download all chapters as notebooks, with what they need",
                    "label": "download-notebooks-button",
                }
            )


def put_into_book(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        write_zip(Path(app.outdir, ARCHIVE), chapters())


def setup(app: Sphinx) -> dict[str, bool]:
    # The theme makes its buttons at 501 and turns them into HTML in the template.
    app.connect("html-page-context", offer, priority=700)
    app.connect("build-finished", put_into_book)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    for made in make(Path(sys.argv[1]), Path(sys.argv[2])):
        print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")
