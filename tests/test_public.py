"""Links to a repository and an address if the book has them; sizes that are measured."""

import io
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

import dev
from tests import pages

sys.path.insert(0, str(dev.ROOT / "_ext"))

import public

THERE = "https://github.com/you/your-edition"


def build(folder: Path, repository: str | None, address: str) -> None:
    """Build a chapter and an exercise page with the book's theme."""
    for name in ("index", "chapters/hosting", "exercises/one/one", "solutions/one"):
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# A title\n\n{size}`pages` and {size}`python`\n")
    options = {} if repository is None else {"repository_url": repository}
    settings = {
        "extensions": ["myst_parser", "public"],
        "html_theme": "sphinx_book_theme",
        "html_theme_options": {**options, "repository_branch": "main"},
        "html_baseurl": address,
        "exclude_patterns": ["solutions"],
        "suppress_warnings": ["toc"],
    }
    folders = folder, None, folder / "html", folder / "doctrees"
    warnings = io.StringIO()
    with docutils_namespace():
        Sphinx(*folders, "html", settings, status=None, warning=warnings).build()


def links(folder: Path, page: str) -> list[str]:
    """Return the page's links to edit and to report, and its public address."""
    soup = pages.parse((folder / f"html/{page}.html").read_text(encoding="utf-8"))
    kinds = ".btn-source-edit-button, .btn-source-issues-button, link[rel=canonical]"
    return [str(link["href"]) for link in soup.select(kinds)]


def test_a_repository_and_an_address_are_shown(tmp_path: Path) -> None:
    build(tmp_path, THERE, "https://example.org/book/")
    canonical, edit, issue = links(tmp_path, "chapters/hosting")
    assert canonical == "https://example.org/book/chapters/hosting.html"
    assert edit == f"{THERE}/edit/main/chapters/hosting.md"
    assert issue.startswith(f"{THERE}/issues/new?title=")
    assert "chapters/hosting.html" in issue
    # The test's exercise is no notebook.
    page = "exercises/one/one"
    assert f"{THERE}/edit/main/{page}.md" in links(tmp_path, page)


@pytest.mark.parametrize("given", [None, public.invented()])
def test_without_them_nothing_is_shown(tmp_path: Path, given: str | None) -> None:
    build(tmp_path, given, "")
    for page in ("chapters/hosting", "exercises/one/one"):
        assert links(tmp_path, page) == []
    html = (tmp_path / "html/chapters/hosting.html").read_text(encoding="utf-8")
    assert "executablebooks/jupyter-book" not in html
    shown = [each.get_text() for each in pages.parse(html).select("span.size")]
    assert shown[0].endswith(" MB")
    assert shown[1] == "nothing in this copy"


def test_an_exercise_page_leads_to_its_source(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions/one.md").touch()
    page = "exercises/one/one"
    button = {"label": "source-edit-button", "url": f"{THERE}/edit/main/{page}.ipynb"}
    context = {"header_buttons": [{"buttons": [button]}, {"label": "other"}]}
    app = type("App", (), {"srcdir": tmp_path})
    public.edit_what_was_written(app, page, "", context, None)
    assert button["url"] == f"{THERE}/edit/main/solutions/one.md"


def test_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    for name, size in (("index.html", 3e6), ("live/a.wasm", 2e6)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(int(size)))
    page = tmp_path / "chapters/hosting.html"
    page.parent.mkdir()
    page.write_text('<span class="size" title="python">old</span>')
    public.state_sizes(tmp_path)
    assert page.read_text() == '<span class="size" title="python">2 MB</span>'
    assert public.sizes(tmp_path) == {"pages": "3 MB", "python": "2 MB"}
