"""Files and folders that options of the command line, and of pytest, name.

Whatever is named to be written is made, and nothing around it: the folder that it is to lie
in must be there, for a new one would be a misspelt one.
"""

import argparse
import re
from pathlib import Path

from autograder.contract.here import is_folder, is_there

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def place(text: str) -> str:
    """Return what names a file or a folder, as it is. Raises ``ArgumentTypeError`` for an
    address, and for nothing, which Python takes for the working directory."""
    if not text:
        raise argparse.ArgumentTypeError(
            f"expected a file or a folder, found {text!r}; the working directory is ."
        )
    if _ADDRESS.match(text):
        raise argparse.ArgumentTypeError(
            f"{text} is an address; expected a file or a folder of this machine, so "
            "download it first"
        )
    return text


def new_file(text: str) -> str:
    """Return where a file can be written. Raises ``ArgumentTypeError``."""
    if text == "-":
        raise argparse.ArgumentTypeError(
            "- is none of this option's files; name a file (./- is one, /dev/stdout another)"
        )
    path = _in_a_folder(text)
    if is_folder(path):
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; expected a file")
    return text


def new_file_or_stdout(text: str) -> str:
    """Return where a file can be written, or "-". Raises ``ArgumentTypeError``."""
    return text if text == "-" else new_file(text)


def new_folder(text: str) -> str:
    """Return where a folder is or can be made. Raises ``ArgumentTypeError``."""
    if text == "-":
        raise argparse.ArgumentTypeError("- is no folder; name one (./- is one)")
    path = _in_a_folder(text)
    if is_there(path) and not is_folder(path):
        raise argparse.ArgumentTypeError(f"{text!r} is no folder; expected one")
    return text


def _in_a_folder(text: str) -> Path:
    path = Path(place(text))
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error.strerror}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if not is_folder(path.parent):
        raise argparse.ArgumentTypeError(
            f"there is no folder {path.parent}, where {path.name} would be: make it, or "
            "name another place"
        )
    return path
