"""Pages that ask no other host for anything, weigh less, and are easier to hear.

Jupyter Book 1 always adds Thebe, which loads its scripts from a CDN; MyST-NB adds
require.js from another as soon as a cell shows a widget. The theme draws its icons
twice, with a web font and with a script of 1.4 MB. No setting turns these off.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

#: What is taken out of finished pages: the icon script, and preloads of fonts, which
#: browsers refuse over file:// and report as errors.
_REMOVED = re.compile(
    r'\s*<script\b[^>]*src="[^"]*/fontawesome/[^"]*"[^>]*>\s*</script>'
    r'|\s*<link\b[^>]*rel="preload"[^>]*as="font"[^>]*>'
)
#: A span around a token that has the colour of plain code anyway: names, punctuation
#: and white space are more than half of a page's highlighting.
_PLAIN_TOKEN = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')
#: Where white space is text: it stays. Elsewhere a line's indentation says nothing.
_AS_WRITTEN = re.compile(
    r"(<(pre|script|style|textarea)\b.*?</\2>)", re.DOTALL | re.IGNORECASE
)
#: Names for screen readers: two that are missing, and two that hide what is written.
_RENAMED = [
    (
        re.compile(r'<div(?![^>]*\brole=)(?=[^>]*class="bd-sidebar-primary)'),
        '<div role="navigation" aria-label="Book"',
    ),
    (
        re.compile(r'<summary>(?=<span class="toctree-toggle")'),
        '<summary aria-label="Pages below">',
    ),
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    (
        re.compile(
            r'(<button class="[^"]*\bsearch-button-field\b.*?) aria-label="Search"'
        ),
        r"\1",
    ),
]


def unhook_thebe(app: Sphinx, config: Config) -> None:
    """Remove what sphinx_thebe and MyST-NB would add to every page."""
    for name, listeners in app.events.listeners.items():
        app.events.listeners[name] = [
            listener
            for listener in listeners
            if not listener.handler.__module__.startswith("sphinx_thebe")
        ]
    app.registry.css_files[:] = [
        entry for entry in app.registry.css_files if entry[0] != "sphinx-thebe.css"
    ]
    config.nb_ipywidgets_js = {}


def repair_body(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Lighten code, and give bibliography entries roles that screen readers accept."""
    if context.get("body"):
        body = _PLAIN_TOKEN.sub(r"\1", context["body"])
        body = body.replace('role="doc-biblioentry"', 'role="listitem"')
        context["body"] = body.replace(' role="doc-backlink"', "")


def repair_page(html: str) -> str:
    """Return a finished page without what only slows it, with names that tell."""
    html = _REMOVED.sub("", html)
    for pattern, name in _RENAMED:
        html = pattern.sub(name, html)
    pieces = _AS_WRITTEN.split(html)
    # Text, an element whose white space stays, its name, text, and so on.
    pieces[::3] = [re.sub(r"\s*\n\s*", "\n", piece) for piece in pieces[::3]]
    del pieces[2::3]
    return "".join(pieces)


def repair_pages(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the finished pages, and delete the script that none of them asks for."""
    if exception is not None or app.builder.name != "html":
        return
    output = Path(app.outdir)
    for page in output.rglob("*.html"):
        before = page.read_text(encoding="utf-8")
        after = repair_page(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
    for script in output.glob("_static/vendor/fontawesome/*/js/*.js"):
        script.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", unhook_thebe, priority=900)
    app.connect("html-page-context", repair_body, priority=900)
    app.connect("build-finished", repair_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
