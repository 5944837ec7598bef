"""Finds numbers that somebody typed into prose where a cell should have computed them.

Of a page's MyST Markdown, what is no code, formula, role or address is prose. A number
in prose is *result-like* if it has a decimal point, two or more digits, or a unit such
as % behind it. It may be typed if it stands in the page's own code, as the parameter of
an experiment does, or if it can be a year.
"""

import ast
import re
import tokenize
from collections.abc import Container, Iterator
from decimal import Decimal
from io import StringIO
from typing import NamedTuple

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

#: Directives that hold prose; what others hold is code, a formula or data.
PROSE_DIRECTIVES = {"note", "tip", "warning", "important", "admonition", "dropdown"}
PROSE_DIRECTIVES |= {
    "glossary",
    "list-table",
    "figure",
    "margin",
    "seealso",
    "epigraph",
    "interactive",
}
#: Stands for what is not prose in a line: no digit, letter or space.
GAP = "□"
YEARS = range(1900, 2031)
NUMBER = re.compile(
    r"(?<![\w.,□])(?P<number>\d+(?:,\d{3})+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w])"
    r"(?P<unit>[\s\xa0-]?(?:%|‰|percent\b|times\b|fold\b|points?\b|σ))?"
)
#: Before a number that is only a name.
NAME = re.compile(
    r"(?:\b(?:issues?|pull requests?|version|section)\s|§\s?)$", re.IGNORECASE
)
_MARKDOWN = create_md_parser(
    MdParserConfig(enable_extensions={"colon_fence", "dollarmath", "linkify"}),
    RendererHTML,
)


class Typed(NamedTuple):
    """A result-like number in prose: the line it stands on or above, its text with its
    unit, and what is around it."""

    line: int
    text: str
    around: str


def without_front_matter(page: str) -> str:
    """Return the page with its front matter blank, so that lines keep their numbers."""
    front = re.match(r"---\n.*?\n---\n", page, flags=re.DOTALL)
    return "\n" * front[0].count("\n") + page[front.end() :] if front else page


def blocks(text: str, first_line: int = 1) -> Iterator[tuple[int, Token]]:
    """Yield the text's tokens with their lines, also those within prose directives."""
    line = first_line
    for token in _MARKDOWN.parse(text):
        if token.map:
            line = first_line + token.map[0]
        name = re.match(r"\{([\w:-]+)\}", token.info)
        if name and name[1] in PROSE_DIRECTIVES:
            title = token.info[name.end() :].strip()
            held = re.sub(r"^:[\w-]+:.*$", "", token.content, flags=re.MULTILINE)
            yield from blocks(f"{title}\n{held}", line)
        else:
            yield line, token


def words(inline: Token) -> str:
    """Return an inline token's prose: a gap for each formula, role, piece of code, and
    for a number in a link's text that its address has too."""
    parts, address = [], ""
    for child in inline.children or []:
        if child.type in ("link_open", "link_close"):
            address = str(child.attrs.get("href", ""))
        elif child.type == "text":
            known = set(re.findall(r"\d+", address))
            parts.append(
                re.sub(
                    r"\d+",
                    lambda found, known=known: GAP if found[0] in known else found[0],
                    child.content,
                )
            )
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif child.content or child.type == "html_inline":
            parts.append(GAP)
    return re.sub(r"^\d+\.\s", "", "".join(parts))  # the number of a heading


def cells(page: str) -> list[str]:
    """Return the source of the page's code cells."""
    tokens = (token for _, token in blocks(without_front_matter(page)))
    return [
        re.sub(r"\A(?::[^\n]*\n)+|\A---\n(?s:.*?)\n---\n", "", token.content)
        for token in tokens
        if token.info.startswith("{code-cell}") or token.info == "python"
    ]


def parameters(code: str) -> set[Decimal]:
    """Return the numbers that Python code writes out."""
    tokens = tokenize.generate_tokens(StringIO(code).readline)
    literals = [token.string for token in tokens if token.type == tokenize.NUMBER]
    numbers = [ast.literal_eval(literal) for literal in literals]
    return {Decimal(str(each)) for each in numbers if not isinstance(each, complex)}


def captions(page: str) -> Iterator[str]:
    """Yield the words that a page's figures carry: ``alt`` and ``caption``, where an
    f-string's computed parts are gaps."""
    for cell in cells(page):
        for call in ast.walk(ast.parse(cell)):
            for keyword in getattr(call, "keywords", []):
                if keyword.arg in ("alt", "caption"):
                    yield literal_words(keyword.value)


def literal_words(node: ast.expr) -> str:
    """Return the text of a string expression, with gaps where something is computed."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(literal_words, node.values))
    if isinstance(node, ast.BinOp):
        return literal_words(node.left) + literal_words(node.right)
    return GAP


def result_like(text: str) -> Iterator[re.Match[str]]:
    """Yield the numbers in prose that look like results."""
    for match in NUMBER.finditer(text):
        named = NAME.search(text, 0, match.start())
        if not named and (match["unit"] or len(match["number"]) > 1):
            yield match


def may_be_typed(match: re.Match[str], known: Container[Decimal]) -> bool:
    """Tell whether the number can be a year or is ``known``; what is a percentage in
    prose may be a fraction there."""
    number = Decimal(match["number"].replace(",", ""))
    if match[0].isdigit() and number in YEARS:
        return True
    percent = (match["unit"] or "").strip() in ("%", "percent")
    return (number / 100 if percent else number) in known


def typed_numbers(page: str, script: str = "") -> list[Typed]:
    """Return the result-like numbers that stand in the page's prose, and in the captions
    and alternative texts of its figures, but neither in its code nor in ``script``, the
    code of its experiment."""
    known = parameters("\n".join([*cells(page), script]))
    texts = [
        (line, words(token))
        for line, token in blocks(without_front_matter(page))
        if token.type == "inline"
    ]
    texts += [(0, text) for text in captions(page)]
    return [
        Typed(
            line, match[0].strip(), text[max(0, match.start() - 40) : match.end() + 30]
        )
        for line, text in texts
        for match in result_like(text)
        if not may_be_typed(match, known)
    ]
