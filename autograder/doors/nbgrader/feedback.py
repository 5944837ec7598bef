"""What of a student's Markdown and code stands on the pages that nbgrader makes.

``OfflineFeedback`` writes ``generate_feedback``'s pages: they load nothing, in bounded time.
``harmless_markdown`` is for formgrader's page, whose scripts may change scores.
"""

import html
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import bleach
from jinja2 import pass_context
from nbconvert.filters import Highlight2HTML, ansi2html, strip_ansi
from nbformat import NotebookNode

from autograder.contract.mistakes import book_address
from autograder.doors.nbgrader.beside import keep_to_notebooks
from autograder.doors.nbgrader.images import Images, PageExporter, in_references
from autograder.doors.nbgrader.outdated import CurrentFeedback
from autograder.doors.nbgrader.patience import Patience, TooLong
from autograder.doors.nbgrader.tags import there_is_room
from autograder.doors.nbgrader.timestamps import read_dates_carefully

#: A browser shows such a page's own text, style and images, and nothing else.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'\">"
)
#: What no policy stops: tags that lead the reader, or the browser, to another page.
_LEADS_AWAY = re.compile(r"(?i)<(?=/?(?:meta|base|form|i?frame|link)\b)")

#: What a browser takes for a comment, and shows nothing of: to the page's end, if need be.
_UNSEEN = re.compile(r"<(?=[!?]|/[^a-zA-Z])")

#: Longer ones are shown as they were written: an essay of 5,000 words has 35,000 characters,
#: an exercise's cell 3,000.
MAX_MARKDOWN, MAX_HIGHLIGHTED = 50_000, 20_000
#: No essay holds one character, or two in turn, so often: Markdown's time grows with its
#: square.
_RUN = re.compile(r"(?s)(.)\1{200}|(.{2,4}?)\2{100}")
#: What a page's Markdown and colours may cost together, in seconds; a student's page takes
#: one. What comes after is shown as it was written.
PAGE_SECONDS = 10.0


class OfflineFeedback(PageExporter):
    """nbgrader's feedback page, which loads nothing, runs nothing and stays where it is,
    whatever HTML the student wrote. Without MathJax, a formula reads as in the source."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if hasattr(self.parent, "assignments"):
            keep_to_notebooks(self.parent)
            CurrentFeedback.take_over(self.parent)
            read_dates_carefully(self.parent)
        self.patience = Patience(PAGE_SECONDS)
        self._highlight: Callable[..., str] = Highlight2HTML(parent=self)
        own = {
            "highlight_code": self.highlighted,
            "strip_files_prefix": unchanged,
            # The page's policy is stricter than formgrader's filter, and its own.
            "markdown2html": self.markdown2html,
            "clean_html": shown_or_text,
            "ansi2html": with_links,
        }
        self.filters = {**self.filters, **own}  # type: ignore[has-type]

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Return the Markdown as HTML; as it was written where nbconvert refuses it, as
        for an image whose attachment is missing, and where it would take too long."""
        images = Images(context)
        return images.shown(self.without_images(images, source))

    def without_images(self, images: Images, source: str) -> str:
        """Return the same, with marks in the places of the attached images."""
        if len(source) > MAX_MARKDOWN or _RUN.search(source):
            return as_written(source)
        render = super().markdown2html

        def rendered() -> str:
            page = _UNSEEN.sub("&lt;", str(render(images.context, source)))
            fits = not is_tangled(page) and there_is_room(page)
            return page if fits else as_written(source)

        return self.timed(rendered, source)

    def highlighted(
        self, source: str, language: str | None = None, metadata: Any = None
    ) -> str:
        """Return code in colours; as it was written where that would take too long."""
        if len(source) > MAX_HIGHLIGHTED or _RUN.search(source):
            return as_written(source)

        def coloured() -> str:
            page = self._highlight(source, language, metadata)
            return page if there_is_room(page) else as_written(source)

        return Shown(self.timed(coloured, source))

    def timed(self, render: Callable[[], str], source: str) -> str:
        try:
            with self.patience.spend():
                return render()
        except (Exception, TooLong):
            return as_written(source)

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        self.patience = Patience(PAGE_SECONDS)
        about = nb.metadata.get("language_info", {})
        lexer = about.get("pygments_lexer", about.get("name"))
        self._highlight = Highlight2HTML(pygments_lexer=lexer, parent=self)
        made: tuple[str, Any] = super().from_notebook_node(nb, resources, **kw)
        return made

    def finished(self, page: str) -> str:
        head, end, body = page.partition("</head>")
        head = re.sub(r"(?s)<script\b.*?</script>", "", head)
        head = head.replace("<head>", f"<head>\n{_POLICY}", 1)
        return head + end + in_references(_LEADS_AWAY.sub("&lt;", body))


#: The tags that Markdown makes, and those that students write beside it.
_MARKDOWN = (
    "a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li "
    "ol p pre s span strong sub summary sup table tbody td th thead tr u ul"
)
_TAGS = frozenset(_MARKDOWN.split())
_ATTRIBUTES = {
    "a": ("href", "title"),
    "img": ("src", "alt", "title", "width", "height"),
}
#: What gives code its colours. Formgrader's scripts go by other classes, and by ids.
_COLOURS = re.compile(r"highlight( hl-[\w-]+)?|[a-z][a-z0-9]{0,2}")


#: Where a link may lead, and an image come from: nothing of the server's own.
_PLACES = {
    "href": re.compile(r"(?i)https?://|mailto:|#"),
    "src": re.compile(r"(?i)data:image/"),
}


def _stays(tag: str, name: str, value: str) -> bool:
    """Whether an attribute does no more than show something."""
    if name == "class":
        return _COLOURS.fullmatch(value) is not None
    if name in _PLACES and not _PLACES[name].match(value.strip()):
        return False
    return name in _ATTRIBUTES.get(tag, ())


#: Tags that stand in each other on a page that somebody wrote; a reader of HTML repeats
#: those that are open at every paragraph, in time and memory that grow with the square.
MOST_OPEN = 100
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)[^<>]*+(?<!/)>")
_ALONE = frozenset(("br", "hr", "img", "input", "wbr"))


def is_tangled(page: str) -> bool:
    """Return whether more than ``MOST_OPEN`` tags are open anywhere in some HTML."""
    depth: dict[str, int] = {}
    opened = 0
    for closes, name in _TAG.findall(page):
        tag = name.lower()
        if closes and depth.get(tag):
            depth[tag] -= 1
            opened -= 1
        elif not closes and tag not in _ALONE:
            depth[tag] = depth.get(tag, 0) + 1
            opened += 1
        if opened > MOST_OPEN:
            return True
    return False


@cache
def _page() -> OfflineFeedback:
    """Return the one exporter of formgrader's pages, whose time comes back while nobody
    looks at one."""
    return OfflineFeedback()


def bounded_highlight(
    source: str, language: str | None = None, metadata: Any = None
) -> str:
    """Return code in colours, for formgrader's page; long code as it was written."""
    return _page().highlighted(source, language, metadata)


@pass_context
def harmless_markdown(context: Any, source: str) -> str:
    """Return Markdown as HTML in which nothing acts: other tags than Markdown's are shown
    as they were written. Formgrader's page has the rights of whoever grades."""
    images = Images(context)
    page = _page().without_images(images, source)
    if isinstance(page, Shown):
        return page
    protocols = ("http", "https", "mailto", "data")
    clean = partial(bleach.clean, page, _TAGS, _stays, protocols=protocols)
    return images.shown(_page().timed(clean, source))


def unchanged(text: str) -> str:
    """Return a text, in the place of nbconvert's filter that mends the links of notebooks
    from before 2014 and takes quadratic time."""
    return text


class Shown(str):
    """HTML that was made here, of a student's code."""

    __slots__ = ()


def with_links(text: str) -> str:
    """Return printed text as HTML, with links where it names pages of the course's book,
    and nowhere else."""
    page: str = ansi2html(text)
    if not there_is_room(page):  # of a cell that prints every letter in a colour
        page = html.escape(strip_ansi(text))
    book = html.escape(book_address())
    if not book:
        return page
    pages = re.escape(book) + r"chapters/\w+\.html#[\w-]+"
    link = r'<a href="\g<0>" rel="noopener">\g<0></a>'
    return re.sub(pages, link, page, flags=re.ASCII)


def shown_or_text(source: str) -> str:
    """Return HTML that was made here as it is, and any other as the text that was typed;
    in the place of nbconvert's filter, which lets classes and ids pass, and costs time."""
    return source if isinstance(source, Shown) else as_written(source)


def as_written(source: str) -> Shown:
    """Return text, HTML too, as a page shows what was typed."""
    return Shown(f'<pre style="white-space: pre-wrap">{html.escape(source)}</pre>')
