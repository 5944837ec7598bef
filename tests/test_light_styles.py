"""Stylesheets lose what no page can need, and nothing else."""

import sys
from pathlib import Path

import pytest
import tinycss2

import dev

sys.path.insert(0, str(dev.ROOT / "_ext"))

import light_styles


def light(css: str, *known: str) -> str:
    rules = tinycss2.parse_stylesheet(css, skip_whitespace=True)
    return light_styles.lightened(rules, set(known))


@pytest.mark.parametrize(
    "css",
    [
        "p>a{color:red}",
        ".a:not(.x) .b{color:red}",
        '#here .a::before{content:"0"}',
        "[class*=x]{color:red}",
        ":is(.x,.y) a{color:red}",
        ".a\\/2{color:red}",
        "@font-face{font-family:F;src:url(f.woff2)}",
        "@media (min-width:1px){.a{color:red}}",
        "@keyframes x{from{top:0}}",
        "/*! the licence */",
    ],
)
def test_what_a_page_may_need_stays(css: str) -> None:
    assert light(css, "a", "b", "here", "a/2").replace(" {", "{") == css


@pytest.mark.parametrize(
    "css",
    [
        ".x{color:red}",
        ".a.x,p .x:hover{color:red}",
        "#x{color:red}",
        "@media print{.x{color:red}}",
        "/* a remark */",
    ],
)
def test_what_no_page_needs_goes(css: str) -> None:
    assert light(css, "a") == ""


def test_of_several_selectors_some_may_go() -> None:
    css = ".x, .a > p, #x { top: 0; /* why */\n  left: 0 }"
    assert light(css, "a") == ".a > p{top: 0; left: 0}"


def test_a_broken_stylesheet_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 2"):
        light("a{top:0}\n.b", "b")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book with a page, a script, and two stylesheets, one of them its own."""
    static = tmp_path / "_static"
    (static / "styles").mkdir(parents=True)
    (tmp_path / "page.html").write_text('<p class="a b" id="c"><script>"d"</script>')
    (static / "theme.js").write_text('add("e-1")')
    css = "".join(f".{name}{{top:0}}" for name in ("a", "b", "d", "e-1", "x"))
    for name in ("styles/theme.css", "styles/theme.css.map", "book.css"):
        (static / name).write_text(css)
    return tmp_path


def test_pages_and_scripts_say_what_is_needed(book: Path) -> None:
    light_styles.lighten(book)
    static = book / "_static"
    theme = (static / "styles/theme.css").read_text("utf-8")
    assert theme.splitlines()[0] == '@charset "UTF-8";'
    assert theme.splitlines()[1:] == [
        f".{name}{{top:0}}" for name in ("a", "b", "d", "e-1")
    ]
    assert ".x{" in (static / "book.css").read_text("utf-8")
    assert not (static / "styles/theme.css.map").exists()
    light_styles.lighten(book)
    assert (static / "styles/theme.css").read_text("utf-8") == theme
