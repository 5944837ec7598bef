"""Stands in for what IPython gives a notebook's cells: its magics, its shell, display."""

from collections.abc import Callable, Iterator
from typing import Any

from autograder.wire.magics import RUNNING, without_options


class _Nothing:
    """Answers to everything, and does nothing."""

    def __getattr__(self, name: str) -> "_Nothing":
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        return None

    def __getitem__(self, key: object) -> "_Nothing":
        return self

    def __contains__(self, key: object) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True


class FakeShell(_Nothing):
    """Stands in for IPython's shell: %matplotlib does no harm, and what %%time and its
    like measure is run, unmeasured."""

    def __init__(self, run: Callable[[str], Any]) -> None:
        """``run`` runs the code that stands under a magic."""
        self._run = run

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """Return what a command says that nobody runs: no line."""
        return []

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        return self._run(cell) if name in RUNNING else None

    def run_line_magic(self, name: str, line: str, *_: Any) -> Any:
        return self._run(without_options(line)) if name in RUNNING else None


def display(*values: Any, **_: Any) -> None:
    """Stand in for IPython's display: show values as text."""
    for value in values:
        print(repr(value))


def no_input(prompt: object = "") -> str:
    """Stand in for ``input``: nobody is there to answer but with an empty line."""
    print(prompt)
    return ""
