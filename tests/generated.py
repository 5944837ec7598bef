"""Mutants that nobody chose: small changes to every solution and correct style.

    python -m tests.generated [EXERCISE …] [--styles]

prints, for each exercise, how many changes were made, how many of the changed answers
lost points, and which did not: these survive for a reason in ``tests/survivors.toml``, or
show what no check looks at.
"""

import argparse
import ast
import contextlib
import copy
import functools
import inspect
import io
import re
import signal
import textwrap
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder.contract.exercise import Exercise, all_exercises, find_exercise
from autograder.grading.run import grade_functions
from tests import bank

SEED, PATIENCE = 3, 20.0
SURVIVORS = Path(__file__).with_name("survivors.toml")
#: What a reason begins with: the change makes no difference; it makes one outside of what
#: the statement promises; it is smaller than the power or the accuracy that is declared.
KINDS = ("equivalent", "outside", "below")


@dataclass(frozen=True)
class Generated:
    """One answer, changed in one place: source of its function, and what was changed."""

    exercise: str
    style: str
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.style}: {self.change}"


# ---- Where answers come from --------------------------------------------------------


def functions_of(exercise: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the solution and the correct styles of an exercise, as syntax trees. Styles
    that see variables around them are left out."""
    path = bank.ROOT / f"solutions/{find_exercise(exercise).chapter}.md"
    for cell in re.findall(
        r"```\{code-cell\}.*?\n(.*?)```", path.read_text("utf-8"), re.S
    ):
        for node in ast.parse(cell).body:
            if isinstance(node, ast.FunctionDef) and node.name == exercise:
                yield "solution", node
    for answer in bank.correct_answers(exercise):
        function = answer.own[exercise]
        if inspect.isfunction(function) and not function.__closure__:
            (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
            if isinstance(node, ast.FunctionDef):
                node.decorator_list, node.name = [], exercise
                yield answer.name, node


def made(mutant: Generated) -> dict[str, Callable[..., Any]]:
    """Return the functions of the changed answer."""
    solution = bank.solution(find_exercise(mutant.exercise).chapter)
    functions, names = dict(solution), dict(solution)
    for answer in bank.correct_answers(mutant.exercise):
        if answer.name == mutant.style:
            functions |= answer.own
            names = dict(answer.own[mutant.exercise].__globals__)
    exec(compile(mutant.source, "<generated>", "exec"), names)
    return functions | {mutant.exercise: names[mutant.exercise]}


# ---- Changes in a place -------------------------------------------------------------

_COMPARED: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
_COMPUTED: dict[type[ast.operator], list[type[ast.operator]]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.FloorDiv: [ast.Div],
    ast.Mod: [ast.FloorDiv],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
}


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what one small change makes of a node."""
    match node:
        case ast.Compare(left, [operator], [right]):
            for compared in _COMPARED[type(operator)]:
                yield ast.Compare(left, [compared()], [right])
        case ast.BinOp(left, operator, right):
            for computed in _COMPUTED.get(type(operator), []):
                yield ast.BinOp(left, computed(), right)
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(number)):
            yield ast.Constant(number + 1)
            yield ast.Constant(number - 1)
        case ast.Constant(float(number)):
            yield ast.Constant(number * 1.01 + 0.001)
        case ast.UnaryOp(ast.USub(), operand) | ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(
                ast.And() if isinstance(operator, ast.Or) else ast.Or(), values
            )
        case ast.IfExp(_, chosen, other):
            yield chosen
            yield other
        case ast.If(_, body, orelse):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.Call(function, args, keywords):
            for i in range(len(keywords)):
                yield ast.Call(function, args, keywords[:i] + keywords[i + 1 :])
            match function:
                case ast.Attribute(copied, "copy") if not args:
                    yield copied
                case ast.Attribute(ast.Name("np"), name) if name in _SWAPPED:
                    yield ast.Call(
                        ast.Attribute(ast.Name("np"), _SWAPPED[name]), args, keywords
                    )
        case ast.Assign() | ast.AugAssign() | ast.Expr():
            yield ast.Pass()


_SWAPPED = {
    "maximum": "minimum",
    "minimum": "maximum",
    "floor": "ceil",
    "ceil": "floor",
    "round": "floor",
    "ones": "zeros",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "sum": "mean",
    "mean": "sum",
    "var": "std",
    "exp": "expm1",
    "log": "log1p",
}


class _Replace(ast.NodeTransformer):
    """Puts one node, counted in the order of the walk, in another's place."""

    def __init__(self, place: int, by: ast.AST) -> None:
        self.place, self.by, self.count = place, by, -1

    def visit(self, node: ast.AST) -> Any:
        self.count += 1
        if self.count == self.place:
            return self.by
        return self.generic_visit(node)


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


def _without_doc(function: ast.FunctionDef) -> ast.FunctionDef:
    function = copy.deepcopy(function)
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    return function


def changed_in_a_place(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Yield change and source, for all small changes of one node; a statement is left out
    or, where that is another thing, stands twice."""
    for place, node in enumerate(_in_order(function)):
        for by in replacements(node):
            new = _Replace(place, by).visit(copy.deepcopy(function))
            change = f"{_short(node)} → {_short(by)}"
            yield change, ast.unparse(ast.fix_missing_locations(new))
    for i, statement in enumerate(function.body):
        if isinstance(statement, ast.AugAssign | ast.For | ast.Assign):
            new = copy.deepcopy(function)
            new.body.insert(i, copy.deepcopy(statement))
            yield f"twice: {_short(statement)}", ast.unparse(new)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}…"


# ---- Changes of what is passed, and of what is returned -----------------------------

_KEEP_PROB = (
    "max({0}, 0.02)",
    "max({0}, 0.1)",
    "max({0}, 0.25)",
    "min({0}, 0.99)",
    "min({0}, 0.9)",
    "round({0}, 1)",
    "round({0}, 2)",
    "float(np.float16({0}))",
    "{0} + 1e-8",
    "{0} * 1.02 if {0} < 0.9 else {0}",
)
_ARRAY = (
    "np.clip({0}, -1e3, 1e3)",
    "np.round({0}, 3)",
    "np.where(np.abs({0}) < 1e-4, 0, {0})",
    "{0} + 1e-8",
    "{0}.astype(np.float16).astype({0}.dtype)",
    "np.abs({0})",
    "np.where(np.abs({0}) > 1e5, 0, {0})",
    "2 * {0} if {0}.size == 1 else {0}",
    "2 * {0} if {0}.ndim == 1 else {0}",
    "2 * {0} if {0}.ndim == 3 else {0}",
    "2 * {0} if {0}.ndim == 4 else {0}",
    "2 * {0} if 1 in {0}.shape else {0}",
    "2 * {0} if len({0}) == 1 else {0}",
    "2 * {0} if {0}.shape[-1] % 2 else {0}",
    "2 * {0} if ({0} == {0}.reshape(-1)[0]).all() else {0}",
    "2 * {0} if ({0} <= 0).all() else {0}",
    "2 * {0} if ({0} >= 0).all() else {0}",
    "2 * {0} if {0}.dtype == np.float32 else {0}",
    "np.where({0} == 0, 1e-3, {0})",
    "{0} - {0}.mean()",
)
_PASSED: dict[str, Sequence[str]] = {
    "keep_prob": _KEEP_PROB,
    "initial_keep_prob": _KEEP_PROB,
    **dict.fromkeys(("x", "weights", "bias", "dout", "branch"), _ARRAY),
    "samples": ("min({0}, 50)", "max({0}, 2)", "{0} + 1"),
    "step": ("min({0}, 1000)", "{0} + 1", "max({0}, 1)"),
    "total_steps": ("min({0}, 1000)", "{0} + 1", "max({0}, 2)"),
    "n": ("min({0}, 1000)", "max({0}, 2)"),
    "keep_count": ("max({0}, 2)", "min({0}, 9)", "{0} + 1"),
}
_RETURNED = (
    "np.float32({0})",
    "np.round({0}, 3)",
    "{0} * 1.0005",
    "{0} + 1e-4",
    "np.clip({0}, -1e3, 1e3)",
    "np.nan_to_num({0}, posinf=0.0)",
)
_CACHED = """
def remembered(function):
    known = {{}}

    def answer(*args, **kwargs):
        key = tuple({key} for a in args) + tuple(kwargs.items())
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return answer

{name} = remembered({name})
"""
_KEYS = {
    "shapes and numbers": "np.shape(a) or repr(a)",
    "first entries": "(np.shape(a), repr(np.ravel(a)[:1])) if np.ndim(a) else str(a)",
    "numbers alone": "None if np.ndim(a) or not isinstance(a, (int, float)) else a",
}


def changed_around(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Yield change and source, for what is done to an argument before the answer looks at
    it, or to its result; and for answers that remember by part of their arguments."""
    inner = ast.unparse(function)
    for argument in function.args.args:
        for form in _PASSED.get(argument.arg, ()):
            new = copy.deepcopy(function)
            change = f"{argument.arg} = {form.format(argument.arg)}"
            new.body.insert(0, ast.parse(change).body[0])
            yield change, ast.unparse(ast.fix_missing_locations(new))
    for form in _RETURNED:
        new = copy.deepcopy(function)
        count = 0
        for node in ast.walk(new):
            if isinstance(node, ast.Return) and node.value is not None:
                first = isinstance(node.value, ast.Tuple) and node.value.elts
                old = node.value.elts[0] if first else node.value  # type: ignore[attr-defined]
                value = ast.parse(
                    form.format(f"({ast.unparse(old)})"), mode="eval"
                ).body
                if first:
                    node.value.elts[0] = value  # type: ignore[attr-defined]
                else:
                    node.value = value
                count += 1
        if count:
            yield f"returns {form.format('it')}", ast.unparse(new)
    for what, key in _KEYS.items():
        wrapped = _CACHED.format(key=key, name=function.name)
        yield f"remembers by {what}", inner + "\n" + wrapped


def generated(exercise: str, styles: bool = True) -> list[Generated]:
    """Return the changed answers to an exercise, each source once."""
    found: dict[str, Generated] = {}
    for style, node in functions_of(exercise):
        if style != "solution" and not styles:
            continue
        function = _without_doc(node)
        same = {ast.unparse(function)}
        changes = [*changed_in_a_place(function), *changed_around(function)]
        for change, source in changes:
            if source not in same:
                found.setdefault(source, Generated(exercise, style, change, source))
    return list(found.values())


# ---- Grading ------------------------------------------------------------------------


class _TooLong(BaseException):
    """The changed answer does not end."""


def _ring(*_: Any) -> None:
    raise _TooLong


def survives(mutant: Generated) -> bool:
    """Return whether a changed answer gets all points."""
    exercise = find_exercise(mutant.exercise)
    # Of processor time: a busy machine is no reason to count an answer as killed.
    signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            result = grade_functions(exercise, made(mutant), SEED)
    except (_TooLong, MemoryError, SyntaxError):
        return False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return result.score == exercise.max_score


def survivors(mutants: Sequence[Generated], jobs: int = 2) -> list[Generated]:
    """Return the changed answers that get all points."""
    with ProcessPoolExecutor(jobs, initializer=_bound_memory) as pool:
        return [
            mutant
            for mutant, lives in zip(
                mutants, pool.map(survives, mutants, chunksize=8), strict=True
            )
            if lives
        ]


def _bound_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))


@functools.cache
def reasons() -> list[dict[str, str]]:
    """Return why survivors survive: entries with ``exercise`` (a pattern), ``change`` (a
    pattern of style and change) and ``because``."""
    entries: list[dict[str, str]] = tomllib.loads(SURVIVORS.read_text("utf-8"))[
        "survivor"
    ]
    return entries


def reason(mutant: Generated) -> str | None:
    """Return why a survivor survives, if that is known."""
    for entry in reasons():
        if re.fullmatch(entry["exercise"], mutant.exercise) and re.search(
            entry["change"], str(mutant)
        ):
            return entry["because"]
    return None


def report(exercise: Exercise, styles: bool) -> str:
    """Return the figures of an exercise, and a line for each unexplained survivor."""
    mutants = generated(exercise.name, styles)
    found = survivors(mutants)
    why = [reason(mutant) for mutant in found]
    unexplained = [m for m, because in zip(found, why, strict=True) if because is None]
    kinds = [
        f"{sum(because is not None and because.startswith(kind) for because in why)} {kind}"
        for kind in KINDS
    ]
    head = (
        f"{exercise.name}: {len(mutants)} generated, {len(mutants) - len(found)} killed, "
        f"{', '.join(kinds)}, {len(unexplained)} unexplained"
    )
    return "\n".join([head, *(f"    {mutant}" for mutant in unexplained)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exercises", nargs="*")
    parser.add_argument("--styles", action="store_true", help="correct styles too")
    arguments = parser.parse_args()
    for each in all_exercises():
        if not arguments.exercises or each.name in arguments.exercises:
            print(report(each, arguments.styles), flush=True)
