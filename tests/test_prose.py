"""No number that a cell computes was typed into the book's prose."""

from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from sklearn import datasets

import dev
from tests import prose

PAGES = [dev.ROOT / "index.md", *sorted(dev.ROOT.glob("chapters/*.md"))]
SURVEY = "counted by hand among public implementations"
#: Numbers that may be typed, with the reason; "*" is any page.
ALLOWED: dict[str, dict[str, str]] = {
    "*": {
        "95%": "confidence level",
        "95 percent": "confidence level",
        "1,000": "training images of digits",
        "797": "test images of digits",
        "1,024": "masks of ten units",
        "147": SURVEY,
        "63": SURVEY,
    },
    "backward": {"38": SURVEY, "21": SURVEY},
    "bits": {"53": "bits of a double's fraction, a fact about NumPy"},
    "conventions": {"47.5": "quoted from the report that is linked"},
    "energy": {"41%": "quoted from the thread"},
    "errors": {"41%": "quoted from the thread"},
    "glossary": {"256": "values of a byte"},
    "index": {"4.0": "version of the text's licence"},
    "judging": {
        "0.02": "Keras's tolerance; an example of a p-value",
        "84": SURVEY,
        "35": SURVEY,
    },
    "notation": {
        "1,797": "rows of digits, held to scikit-learn below",
        "442": "rows of diabetes, held to scikit-learn below",
        "569": "rows of breast cancer, held to scikit-learn below",
        "10": "classes and columns of these",
        "30": "columns of breast cancer",
        "2.0": "example of a standard error",
        "0.1": "example of a standard error",
    },
}

#: Pages that read another page's experiments.
READS = {"moments": "energy", "bits": "quantization", "schedules": "noise"}


@cache
def found_in(page: Path) -> list[prose.Typed]:
    """Return what is typed on a page, with its experiment's script as code of its own."""
    script = dev.read(page.parent / f"data/{READS.get(page.stem, page.stem)}.py")
    return prose.typed_numbers(page.read_text(encoding="utf-8"), script)


def plain(each: prose.Typed) -> str:
    """Return the number as ``ALLOWED`` has it, no space before %."""
    return each.text.replace(" %", "%")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_result_is_typed(page: Path) -> None:
    allowed = ALLOWED["*"] | ALLOWED.get(page.stem, {})
    typed = [each for each in found_in(page) if plain(each) not in allowed]
    lines = [f"{page.name}:{each.line}: {each.text}: {each.around}" for each in typed]
    assert not typed, "\n".join(["glue these:", *lines])


def test_every_allowed_number_is_needed() -> None:
    found = {page.stem: {plain(each) for each in found_in(page)} for page in PAGES}
    everywhere = set[str]().union(*found.values())
    for page, numbers in ALLOWED.items():
        assert set(numbers) <= (everywhere if page == "*" else found[page]), page


def test_the_data_have_the_sizes_that_are_typed() -> None:
    page = (dev.ROOT / "chapters/notation.md").read_text(encoding="utf-8")
    for name, load in (
        ("images", datasets.load_digits),
        ("patients, 10 measurements", datasets.load_diabetes),
        ("patients", datasets.load_breast_cancer),
    ):
        assert f"({len(load().data):,} {name}" in page
    assert datasets.load_breast_cancer().data.shape[1] == 30


# ---- The scanner itself -------------------------------------------------------------


def typed(page: str, script: str = "") -> list[str]:
    return [each.text for each in prose.typed_numbers(page, script)]


CELL = "```{code-cell} python3\n:tags: [hide-input]\n%s\n```\n"


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("The error was 15.3 % against 4.2 %.", ["15.3 %", "4.2 %"]),
        ("It fell to 4 %.", ["4 %"]),
        ("4 percent, 3 times, 2 points", ["4 percent", "3 times", "2 points"]),
        ("- about 1e-12\n- or 1,234,567 masks", ["1e-12", "1,234,567"]),
        ("| a |\n|---|\n| 0.75 |", ["0.75"]),
        ("## Twelve: 12", ["12"]),
        ("**0.219** and *17*", ["0.219", "17"]),
        ("a [link of 55 words](https://example.org/a)", ["55"]),
        ("```{note}\nIt was 0.93.\n```", ["0.93"]),
        ("```{admonition} Only 31\n:class: tip\nwords\n```", ["31"]),
        (":::{tip}\nIt was 0.93.\n:::", ["0.93"]),
        ("See {glue:text}`a:.2f`, or 0.31", ["0.31"]),
        ("1850 and 2031 are no years", ["1850", "2031"]),
        (CELL % 'show(f, alt="It falls to 0.03", caption="x")', ["0.03"]),
        (CELL % 'show(f, caption=f"{a:.2f} of 97 " + "or 98")', ["97", "98"]),
        (CELL % "a = 0.25" + "\nIt was 0.35 or 35 %.", ["0.35", "35 %"]),
        ("---\na: 77\n---\nsays 78", ["78"]),
    ],
)
def test_a_typed_number_is_noticed(page: str, found: list[str]) -> None:
    assert typed(page) == found


@pytest.mark.parametrize(
    "page",
    [
        "{glue:text}`exp_sum:.1f` % of {glue:text}`n_10:,d`",
        "in 2014, two of 3 units, 8 × 8 pixels",
        "$p = 0.73$ and $$\n0.73\n$$",
        "```{math}\n:label: eq-a\n0.73\n```",
        "`rate=0.73` and ``0.73``",
        "```python\nx = 0.73\n```",
        "```\n0.73\n```",
        "{cite}`smith2013a` {ref}`text 73 <a-b>` {eq}`eq-73`",
        "[issue 1234](https://example.org/issues/1234), pull request 99, § 7.5",
        "(sec-73)=\n## Title\n\n### 11. Heading",
        "CS231n, float32, bf16, Conv2d",
        "<!-- 0.73 -->\n\n% 0.73",
        "1. one\n2. two",
        CELL % "keep_prob = 0.8\nepochs = 40" + "\nAt 0.8, 80 %, for 40 epochs",
        CELL % "n = 10_000" + "\n10,000 rows",
        CELL % 'show(f, alt=f"{a:.2f}", caption="words")',
    ],
)
def test_what_is_no_typed_result_is_left_alone(page: str) -> None:
    assert typed(page) == []


def test_the_experiment_s_script_counts_as_code() -> None:
    assert typed("60 epochs", "EPOCHS = 60") == []
    assert typed("60 epochs", '"""60 epochs"""') == ["60"]


def test_a_number_s_line_is_told() -> None:
    page = "---\na: b\n---\n\n# Title\n\nIt was 0.37.\n\n```{note}\n\n0.38\n```\n"
    lines = {each.text: each.line for each in prose.typed_numbers(page)}
    assert lines["0.37"] == 7 and lines["0.38"] in (11, 12)


def test_numbers_of_code_are_read_as_python_reads_them() -> None:
    code = "a = 1_000 + 0x10 + 2.50 + 1e-3 + 3j  # 7"
    assert prose.parameters(code) == {
        Decimal("1000"),
        Decimal("16"),
        Decimal("2.5"),
        Decimal("0.001"),
    }
