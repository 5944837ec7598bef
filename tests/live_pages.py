"""The register's answers in the page's Python, in Chromium, against the command line.

    python -m tests.live_pages expectation conventions --sample 200

judges all answers to the chapters named, and a sample of the others, at both places, and
prints a table of what differs. It needs a book built by ``python dev.py live``.
"""

import argparse
import ast
import functools
import importlib
import inspect
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dev
from autograder.contract.exercise import find_exercise
from autograder.course.source import source_notebook
from autograder.grading.grade import grade
from tests import bank, browser

SEED = 7
#: What is compared; the words follow from it, but for addresses and last digits.
COMPARED = ("status", "score", "max_score", "mistake")
#: Stands, in a cell, for the tests' own register and for what some answers take of SciPy,
#: which a page has not; makes a module of each source.
PREAMBLE = '''\
import sys, types
class Mutants:
    def __init_subclass__(cls, **of): pass
Styles = Mutants
def fails(*checks, **needs):
    return lambda function: function
needs = fails
def put(name, text="", **names):
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(names)
    exec(text, vars(module))
    parent, _, own = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], own, module)
put("tests")
put("tests.bank", Mutants=Mutants, Styles=Styles, fails=fails, needs=needs)
try:
    import scipy.special
except ImportError:
    put("scipy")
    put("scipy.special", """
import numpy as np
def log_softmax(x, axis):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))
def softmax(x, axis):
    x = np.exp(x - x.max(axis, keepdims=True))
    return x / x.sum(axis, keepdims=True)
""")
'''


# ---- Answers as notebooks -----------------------------------------------------------


def modules_below(name: str) -> dict[str, str]:
    """Return the sources of a module of the tests' register and of those that it
    imports, these first."""
    source = inspect.getsource(importlib.import_module(name))
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tests."):
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                other = below if below in sys.modules else str(node.module)
                if other != "tests.bank":
                    found |= modules_below(other)
    return found | {name: source}


@functools.cache
def places() -> dict[int, tuple[str, str]]:
    """Return where the register's functions stand, by their identity: a module's name, and
    a dotted name in it. One that is made for an answer alone stands nowhere."""
    bank.mutants(), bank.correct_answers()
    found: dict[int, tuple[str, str]] = {}
    for module in [
        m for m in sys.modules if re.match(r"tests\.(mutants|correct)\.", m)
    ]:
        for name, value in list(vars(sys.modules[module]).items()):
            found.setdefault(id(value), (module, name))
            if isinstance(value, type) and value.__module__ == module:
                for own, function in vars(value).items():
                    found[id(function)] = module, f"{name}.{own}"
    return found


def cell_of(answer: bank.Answer) -> str:
    """Return the source of a cell that defines an answer's functions."""
    lines, sources = [PREAMBLE], {}
    stand = {name: places()[id(f)] for name, f in answer.own.items()}
    for module, _ in stand.values():
        sources |= modules_below(module)
    for name in sources:
        parts = name.split(".")
        for n in range(2, len(parts)):
            package = ".".join(parts[:n])
            lines.append(f"{package!r} in sys.modules or put({package!r})")
    lines += [f"put({name!r}, {text!r})" for name, text in sources.items()]
    lines += [
        f"{name} = sys.modules[{module!r}].{own}"
        for name, (module, own) in stand.items()
    ]
    return "\n".join(lines)


@functools.cache
def solved(chapter: str) -> str:
    """Return the text of a chapter's notebook with its solutions written in."""
    source = source_notebook(bank.ROOT / "solutions" / f"{chapter}.md")
    answers = {
        cell.id: cell.source for cell in source.cells if cell.cell_type == "code"
    }
    path = bank.ROOT / "exercises" / chapter / f"{chapter}.ipynb"
    data = json.loads(path.read_text(encoding="utf-8"))
    for cell in data["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    return json.dumps(data)


def with_answer(exercise: str, source: str) -> str:
    """Return the text of the solved notebook with another answer to one exercise."""
    data = json.loads(solved(find_exercise(exercise).chapter))
    cell = next(cell for cell in data["cells"] if cell["id"] == exercise)
    cell["source"] = source
    return json.dumps(data)


def can_stand_in_a_page(answer: bank.Answer) -> bool:
    """Whether an answer can be written into a cell, and takes nothing of the grader."""
    if any(id(function) not in places() for function in answer.own.values()):
        return False
    return "from autograder" not in cell_of(answer)


def by_line(notebook: str, exercise: str) -> dict[str, Any]:
    """Return what the command line's grader says of one exercise of a notebook."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notebook.ipynb")
        path.write_text(notebook, encoding="utf-8")
        (found,) = grade(path, exercises=[exercise], seed=SEED, ahead=True).exercises
    return {name: found.as_dict()[name] for name in COMPARED}


# ---- The page's Python --------------------------------------------------------------

ASK = """async ([what, ...args]) => {
  const root = new URL(document.documentElement.dataset.content_root, location.href).href;
  const send = (message) => new Promise((resolve, reject) => {
    window.testWorker.onmessage = ({ data }) =>
      data.error === undefined ? resolve(data.found) : reject(new Error(data.error));
    window.testWorker.postMessage({ ...message, parts: { ...window.liveSettings, root } });
  });
  window.testWorker ??= new Worker(`${root}_static/live/worker.mjs`, { type: "module" });
  return send({ what, args });
}"""


class PagePython:
    """The worker of the book's pages, asked as they ask it."""

    def __init__(self, visit: browser.Visit) -> None:
        self.page = visit.page
        visit.open("exercises/expectation/expectation")
        self.page.add_script_tag(url=f"{visit.base}live/settings.js")

    def check(self, notebook: str, exercise: str) -> dict[str, Any]:
        found = self.page.evaluate(ASK, ["check", notebook, exercise, SEED])
        return {name: found[name] for name in COMPARED}


def link_book(folder: Path) -> None:
    """Make ``folder`` the built book without what is beside its pages for live ones."""
    folder.mkdir(exist_ok=True)
    for path in dev.HTML.iterdir():
        if path.name != "live":
            (folder / path.name).symlink_to(path)


def link_book_with_python(folder: Path) -> None:
    """Make the folder such a book whose pages are told that Python lies beside them."""
    sys.path.insert(0, str(dev.ROOT / "_ext"))
    import live

    link_book(folder)
    parts = folder / live.FOLDER
    parts.mkdir()
    for name in ("numpy-0-wasm32.whl", "editor.mjs"):
        (parts / name).touch()
    live.tell_pages(parts)


@contextmanager
def page_python() -> Iterator[PagePython]:
    with browser.open_browser() as opened, browser.serve(dev.HTML) as base:
        visit = browser.Visit(opened, base, "light")
        yield PagePython(visit)
        visit.close()


def chosen(chapters: list[str], sample: int) -> list[bank.Answer]:
    """Return all answers to these chapters, and so many of the others."""
    answers = [
        each
        for each in bank.correct_answers() + bank.mutants()
        if can_stand_in_a_page(each)
    ]
    inside = [a for a in answers if find_exercise(a.exercise).chapter in chapters]
    others = [a for a in answers if a not in inside]
    return inside + random.Random(SEED).sample(others, min(sample, len(others)))


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare page and command line.")
    parser.add_argument("chapters", nargs="*")
    parser.add_argument("--sample", type=int, default=0)
    arguments = parser.parse_args()
    judged, differ, seconds = Counter[str](), Counter[str](), Counter[str]()
    with page_python() as python:
        for answer in chosen(arguments.chapters, arguments.sample):
            name = answer.exercise
            chapter = find_exercise(name).chapter
            notebook = with_answer(name, cell_of(answer))
            began = time.monotonic()
            in_page = python.check(notebook, name)
            seconds[chapter] += time.monotonic() - began
            line = by_line(notebook, name)
            judged[chapter] += 1
            if in_page != line:
                differ[chapter] += 1
                print(f"{answer}\n  page {in_page}\n  line {line}", flush=True)
    print(f"{'chapter':14} {'answers':>7} {'differ':>7} {'s each in the page':>19}")
    for chapter, n in judged.items():
        print(f"{chapter:14} {n:7} {differ[chapter]:7} {seconds[chapter] / n:19.2f}")
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main())
