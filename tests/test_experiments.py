"""All training runs take their settings from one place, and the book says why they differ."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dev

CHAPTERS = dev.ROOT / "chapters"
SCRIPTS = sorted(
    path
    for path in (CHAPTERS / "data").glob("*.py")
    if "lab.train(" in dev.read(path) or "descend(" in dev.read(path)
)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(CHAPTERS))
    yield importlib.import_module("data.settings")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_that_trains_takes_its_settings_from_there(script: Path) -> None:
    assert "from data.settings import " in dev.read(script)


def test_each_experiment_is_reported_and_says_why_it_differs(settings: Any) -> None:
    pages = "".join(dev.read(path) for path in CHAPTERS.glob("*.md"))
    for name, each in settings.EXPERIMENTS.items():
        assert f"\n({each.target})=\n" in pages, name
        assert each.why or not settings.differences(each.settings), name


def test_differences_are_told_in_words(settings: Any) -> None:
    assert settings.differences(settings.REFERENCE) == []
    assert settings.differences(settings.NOISY) == [
        "500 images",
        "30% of labels random",
    ]
    narrow = settings.EXPERIMENTS["narrow"].settings
    words = ["64–12–10", "rate 0.1", "constant rate", "no momentum", "150 epochs"]
    assert settings.differences(narrow) == words


def test_figures_with_small_letters_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(CHAPTERS))
    figures = importlib.import_module("figures")
    words = {"alt": "An empty pair of axes, for a test.", "caption": "Nothing."}
    figure, axes = figures.plt.subplots()
    axes.set_title("small", fontsize=9)
    with pytest.raises(ValueError, match=r"'small': 9 points .* 7.6 px .* 4.8 inches"):
        figures.show(figure, **words)
    figure, _ = figures.plt.subplots(figsize=(7, 3))
    with pytest.raises(ValueError, match=r"7 inches wide are 7.5 px"):
        figures.show(figure, **words)
