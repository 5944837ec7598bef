"""Numbers that options of the command line, and of pytest, take."""

import argparse


def count(text: str) -> int:
    """Return how many are asked for, one at least. Raises ``ArgumentTypeError``."""
    try:
        if (number := int(text)) > 0:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected 1, 2, 3 …, found {text!r}")


def share(text: str) -> float:
    """Return the share of the points. Raises ``ArgumentTypeError``."""
    try:
        if 0 <= (number := float(text)) <= 1:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"expected a share from 0 to 1, such as 0.5, found {text!r}"
    )
