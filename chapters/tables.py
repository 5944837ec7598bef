"""Tables of results on a page, and numbers with their standard errors."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from evidence import mean_and_error
from IPython.display import Markdown


def pm(values: Sequence[float] | np.ndarray, digits: int = 2, sign: str = "") -> str:
    """Return "mean ± standard error" of two or more numbers, unbreakable, with ``digits``
    decimals; ``sign`` "+" writes a plus before a mean that is not below 0."""
    mean, error = mean_and_error(values)
    mean = round(mean, digits) + 0.0  # never "-0.00"
    text = f"{mean:{sign}.{digits}f}\xa0±\xa0{error:.{digits}f}"
    return text.replace("-", "−")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """Return a table that a cell displays: columns of numbers are right-aligned, the
    first one and columns of words left-aligned. Every row is as long as the header; what
    is not text becomes text by ``str``, text is Markdown, and a number has a real minus.

    Raises ``ValueError`` for a row of another length.
    """
    texts = [[re.sub(r"^-(?=\d)", "−", str(entry)) for entry in row] for row in rows]
    for row in texts:
        if len(row) != len(header):
            raise ValueError(f"{len(row)} cells under {len(header)} headings: {row}")
    columns = list(zip(*texts, strict=True))[1:]
    rule = [":--", *("--:" if _has_numbers(column) else ":--" for column in columns)]
    lines = [f"| {' | '.join(cells)} |" for cells in (header, rule, *texts)]
    return Markdown("\n".join(lines))


def _has_numbers(column: Sequence[str]) -> bool:
    """Return whether at least half of the entries that say something are numbers."""
    said = [entry for entry in column if entry.strip("–")]
    numbers = [entry for entry in said if re.fullmatch(r"[-−+\d.,%±=/e^\s]+", entry)]
    return 2 * len(numbers) >= len(said)
