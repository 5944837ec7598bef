"""The house: which folder may import which, and how large its rooms may be.

autograder/README.md has the same as a picture."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "autograder"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: What each wing may import besides itself; the root is ``__init__`` and ``__main__``.
MAY_IMPORT = {
    "laws": set(),
    "wire": set(),
    "contract": {"laws", "wire"},
    "families": {"contract", "laws"},
    "checks": {"families", "contract", "laws"},
    "worker": {"wire"},
    "isolation": {"contract", "wire"},
    "submission": {"wire"},
    "grading": {"contract", "isolation", "submission", "wire"},
    "course": {"contract", "isolation", "submission"},
    "doors": {"course", "grading", "submission", "isolation", "contract", "wire"},
}
#: Exercises are registered by loading the checks, by name, when somebody asks for them.
#: A page of the book has one process, for judge and student.
EXCEPT = {
    ("autograder.contract.exercise", "autograder.checks"),
    ("autograder.doors.live", "autograder.worker.namespace"),
    ("autograder.doors.live", "autograder.worker.shell"),
}
#: They carry the package's name and version, and load the doors when they are used.
ROOT_MODULES = {"__init__", "__main__"}


def wing(name: str) -> str:
    """Return the wing of a module's dotted name, "" for the root."""
    parts = name.split(".")
    ours = parts[0] == "autograder" and len(parts) > 1
    return parts[1] if ours and parts[1] not in ROOT_MODULES else ""


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imports(path: Path, everywhere: bool = True) -> Iterator[str]:
    """Yield the dotted names that a module imports; not ``everywhere``: those of its top
    level, which are loaded with it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield below if below in NAMES else node.module


NAMES = {dotted(path): path for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_arrows_point_one_way(path: Path) -> None:
    own = wing(dotted(path))
    for name in imports(path):
        assert not re.match(r"(tests|chapters|dev|benchmarks)\b", name), name
        other = wing(name)
        if own and other and (dotted(path), name) not in EXCEPT:
            assert other == own or other in MAY_IMPORT[own], name


def test_every_folder_has_a_place_in_the_picture() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == MAY_IMPORT.keys()


def test_no_modules_import_each_other_in_a_circle() -> None:
    loads = {
        name: {other for other in imports(path, False) if other in NAMES}
        for name, path in NAMES.items()
    }
    # A package's __init__ may load what is below it.
    for name, path in NAMES.items():
        if path.name == "__init__.py":
            loads[name] = set()
    while free := [name for name, others in loads.items() if not others & loads.keys()]:
        for name in free:
            del loads[name]
    assert not loads


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions of a module, with their lines, decorators left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{dotted(path)}.{node.name}", node.end_lineno - node.lineno + 1


def test_the_linter_looks_at_every_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-files", "autograder", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tests = (ROOT / "tests").rglob("*.py")
    assert {str(path) for path in (*MODULES, *tests)} <= {*done.stdout.splitlines()}


def test_rooms_are_small() -> None:
    lines = {dotted(p): p.read_text("utf-8").count("\n") for p in MODULES}
    assert {name: n for name, n in lines.items() if n > 400} == {}
    sizes = dict(found for path in MODULES for found in functions(path))
    assert {name: n for name, n in sizes.items() if n > 40} == {}
    assert statistics.median(sizes.values()) <= 12
