"""Verdicts link to the course's book, where it has an address, and to nothing else."""

import html
from pathlib import Path

import pytest

from autograder.contract.mistakes import BOOK, page_of
from autograder.doors.nbgrader.feedback import with_links
from autograder.grading.grade import grade
from autograder.grading.text import report_text
from tests.fixture_class import FORGETS

PAGE = "chapters/conventions.html#conv-definitions"


@pytest.mark.parametrize(
    "address",
    ["https://example.org/dropout", "http://localhost:8000", "https://a.b/c/"],
)
def test_a_section_is_in_the_courses_book(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOOK, address)
    assert page_of("conv-definitions") == f"{address.rstrip('/')}/{PAGE}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "  ",
        "the book",
        "javascript:alert(1)",
        "https://a.b/?q=",
        'https://a.b/"onclick',
        "ftp://a.b",
        "https://a.b\nc",
    ],
)
def test_what_is_no_address_is_none(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOOK, address)
    assert page_of("conv-definitions") == PAGE
    assert "<a" not in with_links(f"See {address}{PAGE}")


def test_a_verdict_and_its_page_hold_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOOK, "https://example.org/a+b")
    path = tmp_path / "n.py"
    path.write_text("import numpy as np\n" + FORGETS)
    text = report_text(grade(path, exercises=["inverted_dropout"]))
    assert f"https://example.org/a+b/{PAGE}" in text
    page = with_links(text)
    assert f'<a href="https://example.org/a+b/{PAGE}" rel="noopener">' in page


def test_nothing_else_becomes_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOOK, "https://example.org")
    for text in (
        "https://elsewhere.org/chapters/conventions.html#conv-definitions",
        "https://example.org/chapters/../evil.html#x",
        "https://example.org/secret",
        "<a href='https://example.org'>x</a>",
    ):
        page = with_links(text)
        assert "<a " not in page
        assert html.escape(text, quote=False)[:10] in html.unescape(page) or text[
            :10
        ] in html.unescape(page)
