"""What systems and tools leave in folders and archives; nobody handed it in."""

from collections.abc import Container

#: A folder of such a name counts with all that is in it.
LITTER = frozenset(
    {
        *("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"),
        *("__pycache__", ".ipynb_checkpoints", ".git"),
    }
)


def is_litter(name: str, beside: Container[str] = ()) -> bool:
    """Return whether a file or folder of this name is litter, ``beside`` those of these
    names: macOS keeps what its disk cannot hold of a file in another one, ``._file``."""
    return name in LITTER or (name.startswith("._") and name[2:] in beside)
