"""What an answer may import: Python's own library and NumPy, so that no score depends on
what else is installed where it is graded."""

import sys
from collections.abc import Collection

#: What draws, or shows, may be imported where it is installed: neither is graded.
_BESIDE = frozenset({"numpy", "autograder", "matplotlib", "mpl_toolkits", "IPython"})


def may_be_imported(module: str, more: Collection[str] = ()) -> bool:
    """Return whether an answer may import a module; ``more`` names packages that a course
    allows."""
    package = module.partition(".")[0]
    own = package in sys.stdlib_module_names or package == "__main__"
    return own or package in _BESIDE or package in more
