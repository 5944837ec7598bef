"""``python _ext/paper HTML FOLDER``: the built book as an EPUB and as a PDF."""

import html
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import yaml
from epub import write_epub
from pdf import one_file, print_pdf
from sheets import PaperError, licence, sheets, stylesheet

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from autograder import __version__  # noqa: E402


def title_page(config: dict, stated: str) -> str:
    """Return the title page as HTML; ``stated`` is the paragraph on the licence."""
    address = config["html"].get("baseurl", "")
    lines = [
        f"<h1>{html.escape(config['title'])}</h1>",
        f"<p>{html.escape(config['author'])}</p>",
        f"<p>{html.escape(str(config['copyright']))}, version {__version__}</p>",
    ]
    if address:
        shown = html.escape(address)
        lines.append(f'<p><a href="{shown}">{shown}</a></p>')
    stated = re.sub(r"<p\b[^>]*>", '<p class="licence">', stated, count=1)
    return f'<div class="title-page front">{"".join(lines)}{stated}</div>'


def make(book: Path, folder: Path) -> list[Path]:
    """Write the EPUB and the PDF of the built book into a folder; return their paths.

    Raises ``PaperError`` if a page or Chromium is missing; the EPUB needs no Chromium,
    and is there then."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    pages, looks = sheets(book, ROOT / "_toc.yml"), stylesheet(book)
    front = title_page(config, licence(pages[0].article))
    katex = (book / "_static/katex/katex.css").resolve().as_uri()
    whole = one_file(pages, looks, katex, config["title"], front)
    folder.mkdir(parents=True, exist_ok=True)
    epub, pdf = (folder / f"dropout-{__version__}.{kind}" for kind in ("epub", "pdf"))
    built = datetime.fromtimestamp((book / "index.html").stat().st_mtime, UTC)
    write_epub(epub, pages, looks, config, front, built)
    print(f"{epub}  {epub.stat().st_size / 1e6:.1f} MB", flush=True)
    print_pdf(whole, pdf)
    print(f"{pdf}  {pdf.stat().st_size / 1e6:.1f} MB")
    return [epub, pdf]


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]), Path(sys.argv[2]))
    except PaperError as error:
        sys.exit(str(error))
