"""What the page on practice cites: every line has its columns and a source to look up."""

import importlib
import re
from typing import Any

import pytest

import dev


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(dev.ROOT / "chapters"))
    return importlib.import_module("practice_table")


@pytest.mark.parametrize("name", ["rates", "early", "when_not", "symptoms"])
def test_every_line_of_a_table_has_its_columns(table: Any, name: str) -> None:
    lines = getattr(table, name)().splitlines()
    assert len(lines) > 5
    assert len({line.count(" | ") for line in lines}) == 1


@pytest.mark.parametrize("name", ["rates", "when_not", "symptoms"])
def test_every_line_has_a_source(table: Any, name: str) -> None:
    cited = set(
        re.findall(r"^@\w+\{(\w+),", dev.read(dev.ROOT / "references.bib"), re.M)
    )
    for line in getattr(table, name)().splitlines()[2:]:
        last = line.split(" | ")[-1].removesuffix(" |")
        link = r"\[.+\]\(https://github\.com/[\w.-]+/[\w.-]+/(tree/[0-9a-f]{8}|issues/\d+)\)"
        key = re.fullmatch(r"\{cite\}`(\w+)`", last)
        assert re.fullmatch(link, last) or (key and key[1] in cited), line


def test_rates_are_probabilities(table: Any) -> None:
    for rates in table.PATH_RATES.values():
        assert all(0 < rate < 1 for rate in rates.values())
        assert list(rates.values()) == sorted(rates.values())


def test_another_form_of_source_is_refused(table: Any) -> None:
    with pytest.raises(ValueError, match="no source"):
        table.source("somewhere")
