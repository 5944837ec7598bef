"""Runs a chapter's cells in a page of the book: in Pyodide, in the page's worker.

There NumPy is all that a chapter finds of what it imports. ``stand_in`` puts into the
place of matplotlib what draws nothing, into IPython's what shows tables, and into
scikit-learn's its data sets and two linear models.
"""

import ast
import contextlib
import html
import itertools
import json
import linecache
import os
import re
import sys
import traceback
import types
from pathlib import Path
from typing import Any

import numpy as np

#: What a cell may print; the rest is dropped.
TEXT_LIMIT = 100_000
NO_FIGURES = "(A figure: this Python has no matplotlib, and draws none.)"
ONLY = "Python in a page has NumPy and the book's own modules, and no others."


# ---- What a cell shows --------------------------------------------------------------


class Shown:
    """What the running cell prints and displays, in order; pieces are ``["text", …]`` or
    ``["html", …]``. It stands for ``sys.stdout`` and ``sys.stderr``."""

    def __init__(self) -> None:
        self.pieces: list[list[str]] = []
        self._left = TEXT_LIMIT

    def write(self, text: str) -> int:
        part, before = str(text)[: max(self._left, 0)], self._left
        self._left -= len(text)
        if before >= 0 > self._left:
            part += "\n… (the rest of the output was cut)\n"
        if self.pieces and self.pieces[-1][0] == "text":
            self.pieces[-1][1] += part
        elif part:
            self.pieces.append(["text", part])
        return len(text)

    def flush(self) -> None:
        pass

    def display(self, *values: Any, **_: Any) -> None:
        """Show values as a notebook does: as HTML where they have it, else as text."""
        for value in values:
            figures = sys.modules.get("figures")
            if isinstance(value, Nothing):
                continue
            if figures is not None and isinstance(value, figures.ThemedFigure):
                self.write(f"{NO_FIGURES}\n")
            elif isinstance(value, Markdown):
                self.pieces.append(["html", value.as_html()])
            elif hasattr(value, "_repr_html_"):
                self.pieces.append(["html", value._repr_html_()])
            else:
                self.write(f"{value!r}\n")


class Markdown:
    """Stands for IPython's; of Markdown it knows tables and code."""

    def __init__(self, data: str) -> None:
        self.data = data

    def as_html(self) -> str:
        lines = self.data.strip().splitlines()
        if len(lines) < 2 or not re.fullmatch(r"[|:\- ]+", lines[1]):
            return f"<p>{_inline(self.data)}</p>"
        head, rule, *rows = map(_entries, lines)
        sides = ["right" if mark.endswith(":") else "left" for mark in rule]
        body = "".join(_row(entries, sides, "td") for entries in rows)
        return (
            f'<table class="table"><thead>{_row(head, sides, "th")}</thead>'
            f"<tbody>{body}</tbody></table>"
        )


class HTML:
    """Stands for IPython's."""

    def __init__(self, data: str) -> None:
        self.data = data

    def _repr_html_(self) -> str:
        return self.data


def _entries(line: str) -> list[str]:
    line = line.strip().removeprefix("|").removesuffix("|")
    return [entry.strip() for entry in line.split("|")]


def _row(entries: list[str], sides: list[str], tag: str) -> str:
    cells = (
        f'<{tag} class="text-{side}">{_inline(entry)}</{tag}>'
        for entry, side in zip(entries, sides, strict=False)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


# ---- In the place of what is not there ----------------------------------------------


class Nothing:
    """Takes every call and every attribute of a drawing, and draws nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Any:
        return iter([self])


class Figure(Nothing):
    def get_figwidth(self) -> float:
        return 7.0

    def findobj(self, kind: Any) -> list[Any]:
        """Return the parts of a kind: none."""
        return []

    def savefig(self, file: Any, *_: Any, **__: Any) -> None:
        file.write("<svg></svg>" if hasattr(file, "getvalue") else "")


def subplots(rows: int = 1, columns: int = 1, **_: Any) -> tuple[Figure, Any]:
    """Return a figure, and its axes in the shape that matplotlib gives them."""
    axes = np.empty((rows, columns), dtype=object)
    for place in itertools.product(range(rows), range(columns)):
        axes[place] = Nothing()
    axes = axes.squeeze()
    return Figure(), axes if axes.ndim else axes.item()


class Ridge:
    """Stands for scikit-learn's; solves the normal equations."""

    def __init__(self, alpha: float = 1.0, fit_intercept: bool = True, **_: Any):
        self.alpha, self.fit_intercept = alpha, fit_intercept

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Ridge":
        centre = x.mean(axis=0) * self.fit_intercept
        x0, y0 = x - centre, y - y.mean() * self.fit_intercept
        inner = x0.T @ x0 + self.alpha * np.eye(x.shape[1])
        self.coef_ = np.linalg.solve(inner, x0.T @ y0)
        self.intercept_ = (y.mean() - centre @ self.coef_) * self.fit_intercept
        return self


class LogisticRegression:
    """Stands for scikit-learn's with two classes, 0 and 1; takes Newton's steps."""

    def __init__(self, C: float = 1.0, **_: Any):
        self.C = C

    def fit(self, x: np.ndarray, y: np.ndarray) -> "LogisticRegression":
        rows = np.column_stack([x, np.ones(len(x))])
        penalised = np.eye(rows.shape[1])
        penalised[-1, -1] = 0  # the intercept is free
        weights = np.zeros(rows.shape[1])
        for _ in range(100):
            chance = np.exp(-np.logaddexp(0, -rows @ weights))
            slope = penalised @ weights + self.C * rows.T @ (chance - y)
            bend = penalised + self.C * (rows.T * (chance * (1 - chance))) @ rows
            step = np.linalg.solve(bend, slope)
            weights = weights - step
            if np.abs(step).max() < 1e-12:
                break
        self.coef_, self.intercept_ = weights[None, :-1], weights[-1:]
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return x @ self.coef_[0] + self.intercept_[0]


def module(name: str, **names: Any) -> types.ModuleType:
    """Make a module, and its place in the one above it."""
    made = sys.modules[name] = types.ModuleType(name)
    vars(made).update(names, __path__=[])
    above, _, own = name.rpartition(".")
    if above in sys.modules:
        setattr(sys.modules[above], own, made)
    return made


def stand_in(shown: Shown, datasets: Path) -> None:
    """Put our stand-ins where chapters import from. ``datasets`` is a file of NumPy's
    with ``<name>_x`` and ``<name>_y`` of each of scikit-learn's data sets."""
    nothing = Nothing()
    module("matplotlib", use=nothing, cycler=nothing)
    module(
        "matplotlib.pyplot",
        __getattr__=lambda name: nothing,
        figure=Figure,
        subplots=subplots,
        rcParams={},
    )
    module("matplotlib.axes", Axes=Nothing)
    module("matplotlib.figure", Figure=Figure)
    module("matplotlib.patches", __getattr__=lambda name: nothing)
    module("matplotlib.path", __getattr__=lambda name: nothing)
    module("matplotlib.text", __getattr__=lambda name: nothing)
    module("IPython")
    module("IPython.display", Markdown=Markdown, HTML=HTML, display=shown.display)

    def loader(name: str) -> Any:
        def load(return_X_y: bool = True) -> tuple[np.ndarray, np.ndarray]:
            with np.load(datasets) as data:
                x, y = data[f"{name}_x"], data[f"{name}_y"]
            return x.astype(float), y

        return load

    # There are no sentences into which numbers could be glued (lab.glue).
    sys.modules["myst_nb"] = None  # type: ignore[assignment]
    models = {"Ridge": Ridge, "LogisticRegression": LogisticRegression}
    names = ("digits", "diabetes", "breast_cancer")
    module("sklearn")
    module("sklearn.linear_model", **models)
    module("sklearn.datasets", **{f"load_{name}": loader(name) for name in names})


# ---- A chapter ----------------------------------------------------------------------


class Chapter:
    """The namespace that the cells of one page share."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is the one of ``chapters.zip``, with ``datasets.npz`` in it."""
        self.shown = Shown()
        self.main = sys.modules["__main__"] = types.ModuleType("__main__")
        stand_in(self.shown, folder / "datasets.npz")
        self.main.display = self.shown.display
        os.chdir(folder / "chapters")
        sys.path.insert(0, str(folder / "chapters"))

    def cell(self, number: int, source: str) -> dict[str, Any]:
        """Run a cell; return its ``pieces`` (``Shown``) and what it raised, as ``error``,
        None where it raised nothing."""
        file = f"<cell {number}>"
        lines = source.splitlines(True)
        linecache.cache[file] = (len(source), None, lines, file)
        self.shown.__init__()  # the stand-ins hold this object
        error = None
        with (
            contextlib.redirect_stdout(self.shown),
            contextlib.redirect_stderr(self.shown),
        ):
            try:
                self._execute(ast.parse(source, file), file)
            except BaseException as raised:
                error = told(raised, file)
        return {"pieces": self.shown.pieces, "error": error}

    def _execute(self, tree: ast.Module, file: str) -> None:
        names = vars(self.main)
        last = tree.body.pop() if tree.body and _shows(tree.body[-1]) else None
        exec(compile(tree, file, "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), file, "eval"), names)
            if value is not None:
                self.shown.display(value)


def _shows(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr)


def told(error: BaseException, file: str) -> str:
    """Return a short trace of an exception: the lines of cells that led to it."""
    lines = []
    if isinstance(error, SyntaxError) and error.filename == file:
        text = (error.text or "").rstrip("\n")
        lines = [f"line {error.lineno} of this cell", f"    {text.strip()}"]
        message = f"{type(error).__name__}: {error.msg}"
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename.startswith("<cell "):
                which = "this cell" if frame.filename == file else "a cell above"
                lines += [f"line {frame.lineno} of {which}", f"    {frame.line}"]
        message = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, ImportError):
        message += f"\n{ONLY}"
    # An endless recursion has a thousand lines.
    shown = lines if len(lines) <= 12 else [*lines[:6], "…", *lines[-4:]]
    return "\n".join([*shown, message])


_chapter: list[Chapter] = []


def begin(folder: str) -> str:
    """Make the page's namespace."""
    _chapter[:] = [Chapter(Path(folder))]
    return "null"


def cell(number: int, source: str) -> str:
    """Return as JSON what ``Chapter.cell`` returns."""
    return json.dumps(_chapter[0].cell(number, source))
