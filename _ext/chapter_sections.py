"""On exercise pages, the chapter's sections that a statement names lead to them.

A statement, which is a notebook's too, names them as "Chapter section: *Two definitions*."
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def plain(text: str) -> str:
    """Return the text with single spaces."""
    return " ".join(text.split())


def sections(env: BuildEnvironment, page: str) -> dict[str, str]:
    """Return the anchors of a page's sections by their titles."""
    found = env.tocs[page].findall(nodes.reference) if page in env.tocs else []
    return {plain(link.astext()): link["anchorname"] for link in found}


def link_sections(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make a link of each section that an exercise's statement names: one of its own
    chapter, or else of any."""
    if not page.startswith("exercises/") or app.builder.format != "html":
        return
    own = "chapters/" + page.split("/")[1]
    chapters = [own, *sorted(app.env.tocs.keys() - {own})]
    for paragraph in doctree.findall(nodes.paragraph):
        if not paragraph.astext().startswith("Chapter section"):
            continue
        for title in list(paragraph.findall(nodes.emphasis)):
            for chapter in chapters:
                anchor = sections(app.env, chapter).get(plain(title.astext()))
                if anchor is not None:
                    address = app.builder.get_relative_uri(page, chapter) + anchor
                    link = nodes.reference("", "", internal=True, refuri=address)
                    title.replace_self(link)
                    link += title
                    break


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-resolved", link_sections)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
