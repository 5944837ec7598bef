"""Figures that follow the page's light or dark theme, each with a text alternative.

A matplotlib figure becomes inline SVG. Black turns into the page's text colour, and
the series colours into CSS variables of ``assets/book.css``, so one picture serves
both themes.
"""

import html
import io
import itertools
import re
from xml.etree import ElementTree

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

#: The stand-in colours that ``assets/book.css`` redefines for each theme.
SERIES = ["#1f6fb4", "#c8521c", "#2d8a57", "#8a4fb0", "#8a6d00", "#b03060"]

_STYLE = {
    "axes.prop_cycle": matplotlib.cycler(color=SERIES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.color": "#000000",
    "figure.figsize": (5.6, 3.2),
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "dropout-in-expectation",
}
plt.rcParams.update(_STYLE)

#: Where a phone is 390 px wide, a figure has 342 px, and its letters at least 9 px.
PHONE, SMALLEST = 342, 9

_numbers = itertools.count(1)


class ThemedFigure:
    """An inline SVG with its alternative text and caption; notebooks display it as HTML."""

    def __init__(self, svg: str, alt: str, caption: str, width: float) -> None:
        self.svg = svg
        self.alt = alt
        self.caption = caption
        self.width = width

    def _repr_html_(self) -> str:
        return (
            f'<figure class="themed" style="max-width:{self.width:.0f}rem">'
            f'<div role="img" aria-label="{html.escape(self.alt)}">'
            f"{self.svg}</div><figcaption>{self.caption}</figcaption></figure>"
        )


def show(figure: Figure, *, alt: str, caption: str) -> ThemedFigure:
    """Return ``figure`` as theme-following inline SVG, and close it.

    ``alt`` says what a reader who cannot see the picture should learn from it (one or
    two full sentences); ``caption`` stands below it (HTML allowed). A figure is shown
    as wide as its inches say, and on a phone as wide as the column.
    Raises ``ValueError`` for an alternative text of fewer than 20 characters, and for
    letters that a phone would show smaller than ``SMALLEST`` px (what is raised or
    lowered, as an exponent, may be smaller).
    """
    if len(alt.strip()) < 20:
        raise ValueError("alt: write a sentence that says what the figure shows")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    _refuse_small_letters(figure)  # after drawing, which writes the labels of ticks
    plt.close(figure)
    width = 46 / 7 * figure.get_figwidth()
    return ThemedFigure(_follow_theme(buffer.getvalue()), alt, caption, width)


def _refuse_small_letters(figure: Figure) -> None:
    scale = PHONE / (72 * figure.get_figwidth())
    for text in figure.findobj(Text):
        size = text.get_fontsize()
        if text.get_visible() and text.get_text().strip() and size * scale < SMALLEST:
            raise ValueError(
                f"{text.get_text()!r}: {size:g} points in a figure that is "
                f"{figure.get_figwidth():g} inches wide are {size * scale:.1f} px on a "
                f"phone, and should be {SMALLEST}. Make the figure narrower (at most "
                f"{PHONE * size / (72 * SMALLEST):.1f} inches) or the letters larger."
            )


# ---- Drawings -----------------------------------------------------------------------


def drawing(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of the given size in inches, and axes without any frame whose
    units are inches too, for boxes and arrows."""
    figure = plt.figure(figsize=(width, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def box(axes: Axes, x: float, y: float, text: str, *, series: int = 0) -> None:
    """Write ``text`` centred at (x, y) in a box; ``series`` 1 to 6 colours its frame."""
    colour = SERIES[series - 1] if series else "#000000"
    frame = {"boxstyle": "round,pad=0.35", "fc": "none", "ec": colour, "lw": 1.5}
    axes.text(x, y, text, ha="center", va="center", bbox=frame, color=colour)


def arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    text: str = "",
    *,
    series: int = 0,
    above: float = 0.14,
) -> None:
    """Draw an arrow with ``text`` at its middle, ``above`` inches over it."""
    colour = SERIES[series - 1] if series else "#000000"
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.5}
    )
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + above
    axes.text(*middle, text, ha="center", va="center", color=colour)


# ---- Following the theme ------------------------------------------------------------


def _follow_theme(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for number, colour in enumerate(SERIES, start=1):
        svg = svg.replace(colour, f"var(--series-{number})")
    svg = svg.replace("#000000", "currentColor").replace("xlink:href", "href")
    svg = re.sub(r' xmlns[:a-z]*="[^"]*"', "", svg)  # HTML knows them
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    root = ElementTree.fromstring(svg)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    # matplotlib leaves fill out where it is black, which is SVG's default.
    root.attrib |= {"fill": "currentColor", "aria-hidden": "true"}
    _lighten(root, f"fig{next(_numbers)}-")
    return ElementTree.tostring(root, "unicode").replace(" />", "/>")


# ---- Smaller SVG that looks the same ------------------------------------------------


def _lighten(root: ElementTree.Element, prefix: str) -> None:
    """Rewrite the SVG so that it draws the same with half the bytes.

    Every ``id`` that is left begins with ``prefix``.
    """
    for style in root.iterfind("defs/style/.."):
        root.remove(style)  # it would hold for the whole page
    root.set("stroke-linejoin", "round")
    root[:] = _flat(root)
    _share(root)
    for text in root.iter("text"):
        text[:] = _joined(list(text))
        _give_common_style(text)
    used = set(re.findall(r"#([^\")]+)", ElementTree.tostring(root, "unicode")))
    short = {name: f"{prefix}{i}" for i, name in enumerate(sorted(used), start=1)}
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for name, value in element.items():
            element.set(name, _short_value(name, value, short))
        element.text = (element.text or "").strip() and element.text
        element.tail = (element.tail or "").strip() and element.tail


def _flat(parent: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the children without groups that only name things, and without unpainted
    paths; an axis draws first all its grid lines, then all its ticks, then all labels."""
    children = []
    for child in parent:
        name = child.attrib.pop("id", "") if child.tag == "g" else ""
        if child.tag == "g":
            child[:] = _flat(child)
        if name.startswith("matplotlib.axis"):
            child[:] = sorted(child, key=lambda each: (each.tag, sorted(_shared(each))))
        if child.tag == "g" and not child.attrib:
            children.extend(child)
        elif child.get("style") != "fill: none":
            children.append(child)
    return children


def _shared(element: ElementTree.Element) -> list[tuple[str, str]]:
    """Return the attributes that a group could hold for several such elements."""
    if element.get("transform") or "opacity:" in element.get("style", "").split():
        return []
    return [pair for pair in element.items() if pair[0] in ("style", "clip-path")]


def _share(parent: ElementTree.Element) -> None:
    """Write what neighbours have in common once, on a group around them."""
    children = []
    for shared, run in itertools.groupby(list(parent), _shared):
        group = ElementTree.Element("g", dict(shared))
        group[:] = run
        if not shared or len(group) == 1:
            children.extend(group)
            continue
        for each in group:
            for name, _ in shared:
                del each.attrib[name]
        group[:] = _flat(group)
        children.append(group)
    parent[:] = children
    for child in parent:
        if child.tag == "g":
            _share(child)


def _joined(spans: list[ElementTree.Element]) -> list[ElementTree.Element]:
    """Return a formula's letters from left to right, those in one run of one style and
    height together, without runs of spaces. (Matplotlib writes them style by style.)"""
    runs: list[ElementTree.Element] = []
    for span in sorted(spans, key=lambda each: float(each.get("x", 0))):
        looks = span.get("style"), span.get("y")
        if runs and (runs[-1].get("style"), runs[-1].get("y")) == looks:
            runs[-1].text = f"{runs[-1].text}{span.text}"
        else:
            runs.append(span)
    return [run for run in runs if (run.text or "").strip()]


def _give_common_style(text: ElementTree.Element) -> None:
    """Write once, on the whole formula, what the styles of its parts have in common."""
    # The page has fonts of its own.
    styles = [
        [
            part
            for part in span.get("style", "").split("; ")
            if "font-family" not in part
        ]
        for span in text
    ]
    every = itertools.chain.from_iterable(styles)
    common = [each for each in every if all(each in style for style in styles)]
    if not common:
        return
    text.set("style", ";".join(dict.fromkeys(common)))
    for span, style in zip(text, styles, strict=True):
        span.set("style", ";".join(each for each in style if each not in common))
        if not span.get("style"):
            del span.attrib["style"]


def _by_steps(path: str) -> str:
    """Return a path of straight lines, with a tenth of a point as its precision, written
    by their steps; another one as it is."""
    parts = re.findall(r"([A-Za-z])([^A-Za-z]*)", path)
    places = [[round(10 * float(n)) for n in numbers.split()] for _, numbers in parts]
    if {command for command, _ in parts} - {"M", "L"} or {*map(len, places)} - {2}:
        return path
    made, x, y = [], 0, 0
    for (command, _), (to_x, to_y) in zip(parts, places, strict=True):
        step = (to_x, to_y) if command == "M" else (to_x - x, to_y - y)
        x, y = to_x, to_y
        one, other = (f"{n / 10:g}" for n in step)
        made.append(f"{command if command == 'M' else 'l'}{one} {other}")
    return "".join(made).replace(" -", "-")


def _short_value(name: str, value: str, short: dict[str, str]) -> str:
    """Return an attribute's value with a tenth of a point as its precision, the page's
    own font, and names after ``short``."""

    def rounded(match: re.Match[str]) -> str:
        return f"{float(match[0]):.1f}".removesuffix(".0")

    if name == "id":
        return short[value]
    if name == "href" or "url(#" in value:
        value = re.sub(r"#([^)]+)", lambda match: "#" + short[match[1]], value)
    if name == "style":
        value = re.sub(r"font-family: [^;]*;? ?", "", value)
        value = re.sub(r"([:;]) ", r"\1", value).rstrip("; ")
    if name in ("d", "points", "transform", "x", "y", "width", "height"):
        value = re.sub(r"-?\d+\.\d+", rounded, value)
        if name == "d":
            value = _by_steps(re.sub(r"\s*([A-Za-z])\s*", r"\1", value))
    return value.strip()
