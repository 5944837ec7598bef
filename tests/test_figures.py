"""Figures to play with: their JavaScript gives the numbers that Python gives."""

import io
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

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


# ---- Mean or energy -----------------------------------------------------------------


def test_mean_and_energy_over_all_masks_of_a_layer() -> None:
    a, masks = np.array([3.0, 4.0]), np.array(list(itertools.product([0, 1], repeat=2)))
    states = [
        {"power": power, "keepProb": p, "depth": 1}
        for power in (0, 0.35, 0.5, 1)
        for p in (0.3, 0.5, 0.95)
    ]
    answers = figures.call("mean-or-energy", "numbers", *([s] for s in states))
    for state, got in zip(states, answers, strict=True):
        chance = stats.bernoulli.pmf(masks, state["keepProb"]).prod(axis=1)
        dropped = got["constant"] * masks * a
        np.testing.assert_allclose(chance @ dropped / a, [got["means"][1]] * 2)
        assert math.isclose(chance @ (dropped**2).sum(axis=1) / 25, got["energies"][1])


def test_mean_and_energy_through_layers() -> None:
    state = {"power": 0.25, "keepProb": 0.7, "depth": 2}
    (got,) = figures.call("mean-or-energy", "numbers", [state])
    masks = np.array(list(itertools.product([0, 1], repeat=2)))
    chance = stats.bernoulli.pmf(masks, 0.7).prod(axis=1)
    noise = got["constant"] * masks
    a, mean, energy, clean = np.array([3.0, 4.0]), [], [], []
    # Two linear layers, over all masks and all signs of their weights.
    for signs in itertools.product([-1, 1], repeat=8):
        one, two = np.array(signs).reshape(2, 2, 2) / math.sqrt(2)
        first = (a @ one) * noise
        second = (first @ two)[:, None, :] * noise
        weight = np.multiply.outer(chance, chance)
        mean.append(np.einsum("ij,ijk->k", weight, second))
        energy.append((weight * (second**2).sum(axis=2)).sum())
        clean.append(a @ one @ two)
    np.testing.assert_allclose(mean, got["means"][2] * np.array(clean), atol=1e-12)
    squares = np.square(clean).sum(axis=1)
    assert math.isclose(np.mean(energy), got["energies"][2] * squares.mean())


def test_the_loss_at_test_is_least_at_the_right_logits() -> None:
    factors = np.geomspace(0.2, 130, 41)
    losses = figures.call("mean-or-energy", "lossAt", *([f] for f in factors))
    z = special.logit(0.9) * factors
    want = -0.9 * special.log_expit(z) - 0.1 * special.log_expit(-z)
    np.testing.assert_allclose(losses, want, rtol=1e-12)
    (right,) = figures.call("mean-or-energy", "lossAt", [1])
    assert math.isclose(right, stats.bernoulli(0.9).entropy())  # the least there is
    assert (np.array(losses) >= right).all()


def test_the_test_logits_undo_the_training_mean() -> None:
    state = {"power": 0, "keepProb": 0.5, "depth": 2}
    (got,) = figures.call("mean-or-energy", "numbers", [state])
    assert got["factor"] == 4 and got["means"] == got["energies"] == [1, 0.5, 0.25]
    assert math.isclose(got["sure"], special.expit(4 * special.logit(0.9)))


# ---- One mask or two ----------------------------------------------------------------

INPUTS = np.array([[2, 1], [1, 2], [2, 0], [0, 2], [1, 1], [1, -1]])
TARGETS = np.array([11, 8, 8, 4, 3, 2])


def test_the_ends_are_least_squares_and_ridge() -> None:
    keep_probs = (1, 0.95, 0.5, 0.3)
    ends = figures.call(
        "one-mask-or-two", "solve", *([(1 - p) / p] for p in keep_probs)
    )
    np.testing.assert_allclose(ends[0], np.linalg.lstsq(INPUTS, TARGETS)[0])
    masks = np.array(list(itertools.product([0, 1], repeat=2)))
    for p, end in zip(keep_probs, ends, strict=True):
        # Least squares on all masked examples, each as often as its mask is likely.
        chance = stats.bernoulli.pmf(masks, p).prod(axis=1)
        every = (masks[:, None, :] / p * INPUTS).reshape(-1, 2)
        root = np.sqrt(np.repeat(chance, len(INPUTS)))
        targets = np.tile(TARGETS, len(masks)) * root
        want = np.linalg.lstsq(every * root[:, None], targets)[0]
        np.testing.assert_allclose(end, want)


def test_a_step_is_the_chain_rule_with_two_masks() -> None:
    rng = np.random.default_rng(3)
    calls = [
        (rng.normal(0, 3, 2), rng.random((6, 2)) * 2, rng.random((6, 2)) * 2)
        for _ in range(50)
    ]
    steps = figures.call(
        "one-mask-or-two", "step", *([part.tolist() for part in call] for call in calls)
    )
    for (w, f, b), got in zip(calls, steps, strict=True):
        gradient = ((f * INPUTS) @ w - TARGETS) @ (b * INPUTS)
        np.testing.assert_allclose(got, w - 0.01 * gradient, atol=1e-12)


@pytest.mark.parametrize("keep_prob", [0.3, 0.5, 0.8, 0.95])
def test_only_the_same_mask_leads_to_ridge(keep_prob: float) -> None:
    names = ("forward", "backward", "two", "same")
    states = [{"masks": name, "keepProb": keep_prob, "steps": 3000} for name in names]
    answers = figures.call("one-mask-or-two", "numbers", *([s] for s in states))
    for name, got in zip(names, answers, strict=True):
        later = np.array(got["path"])[100:]
        np.testing.assert_allclose(later.mean(axis=0), got["average"])
        end = got["ridge"] if name == "same" else got["squares"]
        # Means of 100 steps are independent: a step is forgotten after some 15.
        batches = later.reshape(29, 100, 2).mean(axis=1)
        error = batches.std(axis=0, ddof=1) / math.sqrt(29)
        assert (np.abs(later.mean(axis=0) - end) < 5 * error).all()


# ---- Three divisors -----------------------------------------------------------------


def estimates(n: int, kept: int, negative: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the three estimates under all masks, and the masks' probabilities."""
    p, terms = kept / n, np.repeat([-1, 1], [negative, n - negative])
    masks = np.array(list(itertools.product([0, 1], repeat=n)))
    chance = stats.bernoulli.pmf(masks, p).prod(axis=1)
    count, partial = masks.sum(axis=1), masks @ terms
    exactly = (count == kept) / (count == kept).sum()
    by_count = n * partial / np.maximum(count, 1)
    return [(partial / p, chance), (by_count, chance), (partial / p, exactly)]


def test_three_divisors_over_all_masks() -> None:
    sizes = [(2, 1), (5, 2), (8, 7), (10, 5), (12, 3)]
    cases = [(n, k, r) for n, k in sizes for r in range(0, n + 1, 2)]
    states = [dict(zip(("n", "kept", "negative"), case, strict=True)) for case in cases]
    answers = figures.call("three-divisors", "numbers", *([s] for s in states))
    for case, got in zip(cases, answers, strict=True):
        ways = ("byP", "byCount", "fixed")
        for way, (values, chance) in zip(ways, estimates(*case), strict=True):
            theirs, share = np.array(got[way]["pairs"]).T
            mean, spread = (
                chance @ values,
                np.sqrt(chance @ (values - chance @ values) ** 2),
            )
            assert math.isclose(share.sum(), 1)
            assert math.isclose(got[way]["mean"], mean, abs_tol=1e-9)
            assert math.isclose(got[way]["sd"], spread, abs_tol=1e-6)
            for value in np.unique(theirs):
                want = chance[np.abs(values - value) < 1e-6].sum()
                assert math.isclose(share[theirs == value].sum(), want, abs_tol=1e-9)
        ratio = (got["fixed"]["sd"] / got["byP"]["sd"]) ** 2
        assert math.isclose(got["gain"], ratio, abs_tol=1e-9)


def test_the_largest_three_divisors() -> None:
    (got,) = figures.call(
        "three-divisors", "numbers", [{"n": 40, "kept": 39, "negative": 7}]
    )
    assert math.isclose(got["byP"]["sd"], math.sqrt(40 / 39))
    assert math.isclose(got["byCount"]["mean"], 26 * (1 - (1 / 40) ** 40))


# ---- The directive ------------------------------------------------------------------


def build(folder: Path, directive: str) -> tuple[str, str]:
    text = f"Title\n=====\n\n{directive}\n"
    (folder / "index.rst").write_text(text, encoding="utf-8")
    warnings = io.StringIO()
    settings = {"extensions": ["interactive"], "html_theme": "basic"}
    places = (folder, None, folder / "html", folder / "trees", "html", settings)
    with docutils_namespace():  # Sphinx warns of nodes that an earlier build left
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
