"""Figures to play with: their JavaScript gives the numbers that Python gives."""

import io
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sphinx.application import Sphinx

import dev
from tests import figures

FILES = sorted((dev.ROOT / "assets/figures").iterdir())
NAMES = [
    path.name.removesuffix(".numbers.js") for path in FILES if ".numbers" in path.name
]
#: What a figure adds to a page: its own two files.
MOST_BYTES = 10_000


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_light(name: str) -> None:
    own = [p for p in figures.interactive.scripts(name) if p.name.startswith(name)]
    assert sum(path.stat().st_size for path in own) <= MOST_BYTES


# ---- Shared numbers -----------------------------------------------------------------


def test_binomial_chances() -> None:
    cases = [[n, p] for n in (1, 2, 10, 100, 1000) for p in (0.01, 0.3, 0.5, 0.95)]
    for (n, p), got in zip(
        cases, figures.call("shared", "binomial", *cases), strict=True
    ):
        np.testing.assert_allclose(
            got, stats.binom.pmf(range(int(n) + 1), n, p), rtol=1e-9, atol=1e-300
        )


def test_histograms() -> None:
    rng = np.random.default_rng(1)
    values, chances = rng.uniform(-3, 5, 200), rng.dirichlet(np.ones(200))
    (got,) = figures.call(
        "shared", "histogram", [values.tolist(), chances.tolist(), -3, 5, 16]
    )
    want, _ = np.histogram(values, 16, (-3, 5), weights=chances)
    np.testing.assert_allclose(got, want, atol=1e-12)


# ---- Drag the bars ------------------------------------------------------------------

THREAD = [14.1, 13.1, 1.2, 0.8, 2.1, 0.5, 1.7, 0.9, 1.1, 0.6]


def layers() -> list[dict[str, object]]:
    rng = np.random.default_rng(2)
    states = [
        {"activations": activations, "keepProb": p, "drawn": drawn}
        for activations in (THREAD, [3.6] * 10, [16.0] + [0.0] * 9)
        for p, drawn in ((0.5, 1), (0.8, 7), (0.05, 101), (0.95, 2))
    ]
    for _ in range(30):
        activations = rng.uniform(0, 16, 10).round(1).tolist()
        p, drawn = rng.uniform(0.05, 0.95), int(rng.integers(1, 40))
        states.append({"activations": activations, "keepProb": p, "drawn": drawn})
    return states


def test_drag_the_bars_counts_every_mask() -> None:
    states = layers()
    masks = np.array(list(itertools.product([0, 1], repeat=10)))
    answers = figures.call("drag-the-bars", "numbers", *([s] for s in states))
    for state, got in zip(states, answers, strict=True):
        a, p = np.array(state["activations"]), state["keepProb"]
        chance = stats.bernoulli.pmf(masks, p).prod(axis=1)
        sums = masks @ a / p
        order, theirs = np.argsort(sums), np.argsort(got["sums"], kind="stable")
        np.testing.assert_allclose(
            np.array(got["sums"])[theirs], sums[order], atol=1e-9
        )
        assert math.isclose(sum(got["chances"]), 1, rel_tol=1e-12)
        for power in (1, 2, 3):
            moment = np.dot(got["chances"], np.power(got["sums"], power))
            assert math.isclose(moment, chance @ sums**power, rel_tol=1e-9)
        assert math.isclose(got["sd"], math.sqrt(chance @ (sums - a.sum()) ** 2))
        hits = np.abs(sums - a.sum()) <= 0.1 * a.sum() + 1e-9
        assert math.isclose(got["close"], chance[hits].sum(), abs_tol=1e-12)
        # Kish's count, from the spread: so many equal units have the same.
        assert math.isclose(got["equal"], (1 - p) / p * (a.sum() / got["sd"]) ** 2)
        assert math.isclose(got["band"] ** 2 * state["drawn"], got["sd"] ** 2)


def test_drag_the_bars_draws_what_it_says() -> None:
    a, p, drawn = THREAD, 0.7, 25
    sums = [
        sum(x / p for x, kept in zip(a, mask, strict=True) if kept)
        for mask in figures.call(
            "drag-the-bars", "maskOf", *([t, 10, p] for t in range(1, drawn + 1))
        )
    ]
    (got,) = figures.call(
        "drag-the-bars", "numbers", [{"activations": a, "keepProb": p, "drawn": drawn}]
    )
    np.testing.assert_allclose(got["means"], np.cumsum(sums) / np.arange(1, drawn + 1))
    assert math.isclose(got["drawnSum"], sums[-1])


def test_drag_the_bars_draws_masks_with_the_right_probability() -> None:
    draws = 4000
    masks = np.array(
        figures.call("drag-the-bars", "maskOf", *([t, 10, 0.3] for t in range(draws)))
    )
    for unit in masks.T:
        assert stats.binomtest(int(unit.sum()), draws, 0.3).pvalue > 1e-6
    both = int((masks[:, 0] & masks[:, 1]).sum())
    assert stats.binomtest(both, draws, 0.09).pvalue > 1e-6


def test_drag_the_bars_begins_with_the_thread() -> None:
    (mask,) = figures.call("drag-the-bars", "maskOf", [1, 10, 0.5])
    assert mask[:2] == [False, False]


def test_drag_the_bars_with_nothing_to_keep() -> None:
    state = {"activations": [0] * 10, "keepProb": 0.5, "drawn": 3}
    (got,) = figures.call("drag-the-bars", "numbers", [state])
    assert got["equal"] is None
    assert got["sd"] == got["means"][-1] == 0


# ---- The directive ------------------------------------------------------------------


def build(folder: Path, directive: str) -> tuple[str, str]:
    text = f"Title\n=====\n\n{directive}\n"
    (folder / "index.rst").write_text(text, encoding="utf-8")
    warnings = io.StringIO()
    settings = {"extensions": ["interactive"], "html_theme": "basic"}
    places = (folder, None, folder / "html", folder / "trees", "html", settings)
    Sphinx(*places, status=None, warning=warnings).build()
    return (folder / "html/index.html").read_text("utf-8"), warnings.getvalue()


def test_a_page_has_the_picture_before_any_script_runs(tmp_path: Path) -> None:
    html, warnings = build(
        tmp_path,
        ".. interactive:: drag-the-bars\n   :alt: Ten bars & what dropout leaves of them.\n"
        '   :start: {"keepProb": 0.8}\n\n   Its *caption*.\n',
    )
    assert warnings == ""
    assert 'aria-label="Ten bars &#38; what dropout leaves of them."' in html
    assert html.count('class="gone"') + html.count('class="f1"') == 10
    assert "<em>caption</em>" in html and "3.4 equal units" in html
    scripts = ["numbers", "kit", "drag-the-bars.numbers", "drag-the-bars"]
    places = [html.index(f"figures/{name}.js") for name in scripts]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("directive", "told"),
    [
        (
            ".. interactive:: drag\n   :alt: One two three four five.",
            "There is no figure 'drag'",
        ),
        (".. interactive:: drag-the-bars", "write a sentence"),
        (
            ".. interactive:: drag-the-bars\n   :alt: One two three four five.\n"
            '   :start: {"keep": 1}',
            'has no "keep"; it has activations',
        ),
    ],
)
def test_a_figure_that_cannot_be_drawn_is_told(
    tmp_path: Path, directive: str, told: str
) -> None:
    html, warnings = build(tmp_path, directive)
    assert told in warnings and "<figure" not in html and "kit.js" not in html
