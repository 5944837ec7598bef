"""The framework dictionary translates rightly; the page of errors holds all of them."""

import re

import numpy as np
import pytest

from autograder.laws.binomial import binomial_p_value
from tests.bank import ROOT

CHAPTERS = ROOT / "chapters"
ERRORS = (CHAPTERS / "errors.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _chapters_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHAPTERS))


def dictionary():
    import frameworks_table

    return frameworks_table


def blocks() -> dict[int, str]:
    """Return the text of each error on the page, by its number."""
    parts = re.split(r"(?m)^\(err-(\d+)\)=\n", ERRORS)
    return {int(n): text for n, text in zip(parts[1::2], parts[2::2], strict=True)}


# ---- Framework dictionary -----------------------------------------------------------


@pytest.mark.parametrize("keep_prob", [0.1, 0.3, 0.8, 1.0])
def test_every_framework_round_trips(keep_prob: float) -> None:
    table = dictionary()
    assert len(table.FRAMEWORKS) >= 20
    for name in table.FRAMEWORKS:
        number = table.number_for(name, keep_prob)
        assert table.keep_prob_from(name, number) == pytest.approx(keep_prob, abs=1e-12)


@pytest.mark.parametrize("number", [0.1, 0.3, 0.8])
def test_every_rule_keeps_what_its_translation_says(number: float) -> None:
    table, rng, n = dictionary(), np.random.default_rng(1), 50_000
    x = np.linspace(1, 2, n)
    for name in table.FRAMEWORKS:
        keep_prob = table.keep_prob_from(name, number)
        mask, train, test = table.run_rule(name, number, x, rng.random(n))
        assert binomial_p_value(int(mask.sum()), n, keep_prob) > 1e-9, name
        assert train[~mask].tolist() == [0] * int((~mask).sum()), name
        assert np.abs(train[mask] * keep_prob - test[mask]).max() < 1e-10, name


def test_an_unknown_framework_or_an_impossible_number_is_refused() -> None:
    table = dictionary()
    for unknown in ("", "pytorch", "Theano"):
        with pytest.raises(KeyError, match="none of"):
            table.keep_prob_from(unknown, 0.5)
        with pytest.raises(KeyError):
            table.number_for(unknown, 0.5)
        with pytest.raises(KeyError):
            table.effective_keep_prob(unknown, 0.5)
    for name, row in table.FRAMEWORKS.items():
        nothing_is_kept = 0.0 if row.means == "keep" else 1.0
        for number in (-0.1, 1.1, float("nan"), float("inf"), nothing_is_kept):
            with pytest.raises(ValueError, match="cannot be given"):
                table.keep_prob_from(name, number)
        with pytest.raises(ValueError, match="in \\(0, 1\\]"):
            table.number_for(name, 0.0)


def test_kernels_keep_the_published_probabilities() -> None:
    effective = dictionary().effective_keep_prob
    published = {0.05: 243, 0.1: 230, 0.2: 205, 0.3: 179, 0.4: 154, 0.9: 26, 0.99: 3}
    for rate, kept in published.items():
        assert effective("FlashAttention", rate) == kept / 256
    assert effective("TensorFlow, bfloat16 on CPU", 0.01) == 126 / 128
    assert effective("Transformer Engine", 0.1) == 231 / 256
    for kernel in dictionary().KERNELS:
        assert effective(kernel, 0.25) == 0.75


def test_the_table_shows_every_framework_and_what_to_write() -> None:
    table = dictionary()
    lines = table.table(0.75).splitlines()[2:]
    assert len(lines) == len(table.FRAMEWORKS)
    for line, row in zip(lines, table.FRAMEWORKS.values(), strict=True):
        assert row.name in line and row.kept in line
        assert ("0.75" if row.means == "keep" else "0.25") in line


# ---- Errors of the field ------------------------------------------------------------


def test_every_error_is_on_the_page_in_order() -> None:
    assert list(blocks()) == list(range(1, 28))


def test_three_of_the_statements_are_true() -> None:
    verdicts = [
        re.findall(r"\*\*(True|False)\.\*\*", each) for each in blocks().values()
    ]
    assert all(len(each) == 1 for each in verdicts)
    assert sum(each == ["True"] for each in verdicts) == 3


@pytest.mark.parametrize("number", range(1, 28))
def test_an_error_says_where_it_was_seen_what_is_true_and_why(number: int) -> None:
    block = blocks()[number]
    assert re.match(rf'### {number}\. ".+"\n', block)
    assert re.search(r"\*\*(Why|More)", block)
    seen, truth = block.split("```{dropdown} The truth\n")
    assert "*True or false?* Seen " in seen and "**" not in seen
    assert re.search(r"\]\(https:|\{cite\}|\{doc\}|same|course|lab", seen)
    assert truth.startswith(("**True.** ", "**False.** "))
    hidden = r"```\{code-cell\} python3\n:tags: \[hide-cell\]\n(.*?)```"
    code = re.findall(hidden, block, re.DOTALL)
    assert "assert " in code[0] and len(code[0].strip().splitlines()) <= 8
    assert re.search(r"\{(ref|eq)\}`", block), "no section explains it"


# ---- The checks' helpers ------------------------------------------------------------


def test_means_over_masks_are_exact() -> None:
    import evidence

    assert evidence.over_masks(lambda m: m.sum(), 7, 0.3) == pytest.approx(2.1)
    second = evidence.over_masks(lambda m: np.outer(m, m), 3, 0.3)
    assert second == pytest.approx(np.full((3, 3), 0.09) + 0.21 * np.eye(3))
    assert evidence.equal(second, second + 1e-12)
    assert not evidence.equal(second, second + 1e-9)
    for n in (0, 13):
        with pytest.raises(ValueError, match="1 to 12"):
            evidence.over_masks(lambda m: m.sum(), n, 0.5)


def test_a_difference_of_pairs_has_its_standard_error() -> None:
    import evidence

    runs = [{"a": 3.0, "b": [1.0, 9.0]}, {"a": 5.0, "b": [1.0, 9.0]}]
    assert evidence.difference(runs, "a", "b") == pytest.approx((3, 1))


def test_a_mean_is_written_with_its_standard_error() -> None:
    import tables

    assert tables.pm([3.0, 5.0]) == "4.00\xa0±\xa01.00"
    assert tables.pm([-3.0, -5.0], 1, "+") == "−4.0\xa0±\xa01.0"
    assert tables.pm([-0.001, -0.003]) == "0.00\xa0±\xa00.00"  # never "−0.00"


def test_the_letters_of_a_formula_in_a_figure_stay_in_their_order() -> None:
    import figures

    figure, axes = figures.drawing(3, 2)
    axes.text(
        1, 1, r"$\times\, m/p$, $2/x_1/3$", color=figures.SERIES[1], weight="bold"
    )
    svg = figures.show(figure, alt="A formula and nothing else.", caption="").svg
    parts = re.findall(r'<tspan x="([^"]+)"[^>]*>([^<]*)', svg)
    assert [text.strip("\xa0") for _, text in parts] == [
        *("×", "m", "/", "p", ",", "2/", "x", "1", "/3")
    ]
    places = [float(x) for x, _ in parts]
    assert places == sorted(places) and len(set(places)) == len(places)
    assert svg.count("var(--series-2)") <= 2  # on the group and on the formula


def test_a_table_has_rows_as_long_as_its_header() -> None:
    import tables

    shown = tables.table(["", "error"], [["none", "1.5"]]).data
    assert shown.splitlines() == ["|  | error |", "| :-- | --: |", "| none | 1.5 |"]
    rows = [["ten", -5, "divided by 3"], ["one", "1.0 ± 0.2%", "–"]]
    shown = tables.table(["", "gain", "what is wrong"], rows).data.splitlines()
    assert shown[1:3] == ["| :-- | --: | :-- |", "| ten | −5 | divided by 3 |"]
    with pytest.raises(ValueError, match="1 cells under 2"):
        tables.table(["", "error"], [["none"]])
