"""Which package beside NumPy a student's functions use, for a notebook's own check."""

import dis
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograder.contract import outside
from autograder.wire.packages import may_be_imported


def other_package(functions: Iterable[Any]) -> str | None:
    """Return a package that these functions, or those of the notebook that they use, import
    or name, and that the grader's worker refuses; None where there is none."""
    more, seen, waiting = outside.packages(), set[int](), list(functions)
    while waiting:
        function = waiting.pop()
        if not isinstance(function, types.FunctionType) or id(function) in seen:
            continue
        seen.add(id(function))
        names = function.__globals__
        for module, value in _named(function.__code__, names):
            if module in ("__main__", names.get("__name__")):
                waiting.append(value)
            elif not may_be_imported(module, more):
                return module.partition(".")[0]
    return None


def _named(code: types.CodeType, names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the modules that a function's code imports, and those of the global values
    that it names, each with the value."""
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            yield str(step.argval), None
        elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in names:
            yield _home(names[step.argval]), names[step.argval]
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _named(inner, names)


def _home(value: Any) -> str:
    """Return the name of the module that a value comes from."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    if not isinstance(value, np.ufunc):
        return str(getattr(value, "__module__", None) or type(value).__module__)
    # A ufunc does not say where it comes from: who else has it under its name?
    for module in [np, *sys.modules.values()]:
        if vars(module).get(value.__name__) is value:
            return module.__name__
    return "numpy"
