"""Statistical grading of dropout exercises: facts first, then exact tests.

``check("inverted_dropout")`` in a notebook cell judges the function of that name and
returns its score.
"""

from typing import TYPE_CHECKING, Any

__version__ = "1.0.0"

__all__ = ["__version__", "check"]

if TYPE_CHECKING:
    from autograder.notebook_check import check


def __getattr__(name: str) -> Any:
    # Loaded on first use: the worker imports this package too and needs none of it.
    if name == "check":
        from autograder.notebook_check import check

        return check
    raise AttributeError(f"module 'autograder' has no attribute {name!r}")
