"""Links for readers who want to change something, and sizes for those who host the book.

With ``repository: {url: …, branch: …}`` in ``_config.yml`` every page links to its source,
to be edited, and to a new issue; without it to neither. The role ``{size}`` says how large
a part of the built book is.
"""

import re
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxRole

_SIZE = re.compile(r'(<span class="size" title="(\w+)">)[^<]*')


def invented() -> str:
    """Return the address that Jupyter Book takes for the repository if none is given."""
    text = resources.files("jupyter_book").joinpath("default_config.yml").read_text()
    return str(yaml.safe_load(text)["repository"]["url"])


def link_to_repository(app: Sphinx, config: Config) -> None:
    """Turn the links to the repository on if there is one."""
    options = config.html_theme_options
    given = options.get("repository_url") not in (None, "", invented())
    if not given:
        options.pop("repository_url", None)
    for button in ("use_edit_page_button", "use_issues_button"):
        options[button] = given


def edit_what_was_written(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Lead from an exercise page to the file in ``solutions/`` that it is made from."""
    _, _, chapter = page.rpartition("/")
    made_from = Path("solutions", f"{chapter}.md")
    made = page.startswith("exercises/") and Path(app.srcdir, made_from).is_file()
    for group in context.get("header_buttons", []) if made else []:
        for button in group.get("buttons", []):
            if button.get("label") == "source-edit-button":
                button["url"] = button["url"].replace(
                    f"{page}.ipynb", made_from.as_posix()
                )


# ---- Sizes --------------------------------------------------------------------------


class SizeRole(SphinxRole):
    """Keep a place for the size of a part: {size}`pages` or {size}`python`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if self.text not in ("pages", "python"):
            raise ValueError(f"{{size}} knows pages and python, not {self.text!r}")
        place = f'<span class="size" title="{self.text}"></span>'
        return [nodes.raw("", place, format="html")], []


def sizes(book: Path) -> dict[str, str]:
    """Return how large the pages of a built book are, and Python beside them."""
    parts = {"pages": 0, "python": 0}
    for path in book.rglob("*"):
        if path.is_file():
            beside = (
                path.relative_to(book).parts[0] == "live" and path.suffix != ".ipynb"
            )
            parts["python" if beside else "pages"] += path.stat().st_size
    # Without Pyodide only a line of settings is there.
    told = {name: f"{size / 1e6:.0f} MB" for name, size in parts.items()}
    return told if parts["python"] > 1e6 else told | {"python": "nothing in this copy"}


def state_sizes(book: Path) -> None:
    """Write the sizes into their places on the page on hosting."""
    page = book / "chapters/hosting.html"
    if page.is_file():
        found, before = sizes(book), page.read_text(encoding="utf-8")
        after = _SIZE.sub(lambda place: place[1] + found[place[2]], before)
        if after != before:
            page.write_text(after, encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        state_sizes(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("size", SizeRole())
    app.connect("config-inited", link_to_repository, priority=400)
    # The theme makes its buttons at 501 and turns them into HTML in the template.
    app.connect("html-page-context", edit_what_was_written, priority=700)
    # After all else lies beside the pages.
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
