"""Code that speaks: on these pages every cell that is shown answers, briefly, and the
reader may guess before it does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dev
from tests import pages

SPEAKING = sorted(
    Path(page).name
    for page in dev.pages()
    if page.startswith("chapters/")
    and "code-cell" in dev.read(dev.ROOT / f"{page}.md")
    and "## Exercises" in dev.read(dev.ROOT / f"{page}.md")
)
MOST_LINES = 14
every_page = pytest.mark.parametrize("page", SPEAKING)
_CELL = re.compile(r"```\{code-cell\}[^\n]*\n(.*?)\n```", re.DOTALL)

#: Its settings, in either of MyST's two forms.
_HEAD = re.compile(r"---\n.*?\n---\n|\s*:tags:[^\n]*\n", re.DOTALL)


def source(page: str) -> str:
    return (dev.ROOT / f"chapters/{page}.md").read_text(encoding="utf-8")


def cells(page: str) -> Iterator[tuple[str, str]]:
    """Yield the tags and the code of each cell of a page."""
    for content in _CELL.findall(source(page)):
        head = _HEAD.match(content)
        yield (head[0], content[head.end() :]) if head else ("", content)


def shown(page: str) -> list[str]:
    return [code for tags, code in cells(page) if not re.search("hide|remove", tags)]


def test_all_chapters_speak() -> None:
    assert len(SPEAKING) >= 12


@every_page
def test_bookkeeping_is_hidden(page: str) -> None:
    for tags, code in cells(page):
        assert "lab.glue(" not in code or "remove" in tags, code


@every_page
def test_a_shown_cell_is_short_and_fits_the_column(page: str) -> None:
    for code in shown(page):
        lines = [line for line in code.splitlines() if line.strip()]
        statements = [line for line in lines if not line.lstrip().startswith("#")]
        assert len(statements) <= MOST_LINES, code
        assert max(map(len, lines)) <= 86, code


@every_page
def test_a_shown_cell_answers(page: str) -> None:
    html = (dev.HTML / f"chapters/{page}.html").read_text(encoding="utf-8")
    found = pages.parse(html).select("div.cell")
    visible = [
        each for each in found if not re.search("hide|remove", str(each["class"]))
    ]
    assert len(visible) == len(shown(page))
    for cell in visible:
        assert cell.select_one(".cell_output"), cell.get_text()[:200]


@every_page
def test_the_reader_may_guess_three_times(page: str) -> None:
    boxes = re.findall(
        r"(?s)\{admonition\} What do you expect\?\n:class: guess\n.*?\{dropdown\}",
        source(page),
    )
    assert len(boxes) >= 3


@every_page
def test_a_claim_stands_above_its_assertion(page: str) -> None:
    for code in shown(page):
        if "assert " in code:
            assert "#" in code[: code.index("assert ") + 80], code
