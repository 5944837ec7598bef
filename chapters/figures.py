"""Figures that follow the page's light or dark theme, each with a text alternative.

A matplotlib figure becomes inline SVG. Black turns into the page's text colour, and
the series colours into CSS variables of ``assets/book.css``, so one picture serves
both themes.
"""

import html
import io
import itertools
import re

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

#: The stand-in colours that ``assets/book.css`` redefines for each theme.
SERIES = ["#1f6fb4", "#c8521c", "#2d8a57", "#8a4fb0", "#8a6d00", "#b03060"]

_STYLE = {
    "axes.prop_cycle": matplotlib.cycler(color=SERIES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.color": "#000000",
    "figure.figsize": (7.0, 3.4),
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "dropout-in-expectation",
}
plt.rcParams.update(_STYLE)

_numbers = itertools.count(1)


class ThemedFigure:
    """An inline SVG with its alternative text and caption; notebooks display it as HTML."""

    def __init__(self, svg: str, alt: str, caption: str) -> None:
        self.svg = svg
        self.alt = alt
        self.caption = caption

    def _repr_html_(self) -> str:
        return (
            f'<figure class="themed"><div role="img" aria-label="{html.escape(self.alt)}">'
            f"{self.svg}</div><figcaption>{self.caption}</figcaption></figure>"
        )


def show(figure: Figure, *, alt: str, caption: str) -> ThemedFigure:
    """Return ``figure`` as theme-following inline SVG, and close it.

    ``alt`` says what a reader who cannot see the picture should learn from it (one or
    two full sentences); ``caption`` stands below it (HTML allowed).
    Raises ``ValueError`` for an alternative text of fewer than 20 characters.
    """
    if len(alt.strip()) < 20:
        raise ValueError("alt: write a sentence that says what the figure shows")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    plt.close(figure)
    return ThemedFigure(_follow_theme(buffer.getvalue()), alt, caption)


def _follow_theme(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    prefix = f"fig{next(_numbers)}-"
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(r'(href="#|url\(#)([^")]+)', rf"\1{prefix}\2", svg)
    for number, colour in enumerate(SERIES, start=1):
        svg = svg.replace(colour, f"var(--series-{number})")
    svg = svg.replace("#000000", "currentColor")
    # matplotlib leaves fill out where it is black, which is SVG's default.
    svg = re.sub(r"<svg ", '<svg fill="currentColor" aria-hidden="true" ', svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return _smaller(svg)


def _smaller(svg: str) -> str:
    """Return the SVG with a tenth of a point as its precision, without what does nothing."""

    def rounded(match: re.Match[str]) -> str:
        return f"{float(match[0]):.1f}".removesuffix(".0")

    def coordinates(match: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d+", rounded, match[0])

    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(
        r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", svg
    )
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:d|x|y|x1|x2|y1|y2|transform|points)="[^"]*"', coordinates, svg)
    # The page's own font, from assets/book.css.
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    return re.sub(r"\s*\n\s*", "\n", svg)
