"""Statistical grading of dropout exercises: facts first, then exact tests.

``check("inverted_dropout")`` in a notebook cell judges the function of that name and
returns its score.
"""

# Not from typing: python -m runs this file while the working directory, where a student's
# typing.py may lie, still comes first.
TYPE_CHECKING = False

__version__ = "1.0.0"

__all__ = ["__version__", "check", "require"]

if TYPE_CHECKING:
    from autograder.doors.notebook import check


def require(version: str) -> None:
    """Raise ``ImportError``, which names the version found, if this grader is older than
    ``version``, for example "1.0.0": it would not know a newer notebook's exercises."""

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(".")]

    if numbers(__version__) < numbers(version):
        raise ImportError(f"autograder {__version__}")


def __getattr__(name: str) -> object:
    # Loaded on first use: the worker imports this package too and needs none of it.
    if name == "check":
        from autograder.doors.notebook import check

        return check
    raise AttributeError(f"module 'autograder' has no attribute {name!r}")
