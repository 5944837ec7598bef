"""Stylesheets of the theme and of extensions, without the rules that no page can need.

They style whatever a site might show; most of it is not in this book. A rule stays if all
classes and names that its selector asks for stand in some page, or are words of a script
that may add them. What a selector excludes (``:not``) asks for nothing.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import tinycss2
from sphinx.application import Sphinx

ASSETS = Path(__file__).parents[1] / "assets"
#: Rules that hold other rules.
_GROUPS = {"media", "supports", "layer", "container"}


def words(book: Path) -> set[str]:
    """Return the classes and ids of a book's pages and all words of its scripts."""
    found: set[str] = set()
    for page in book.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for value in re.findall(r'\b(?:class|id)="([^"]*)"', text):
            found.update(value.split())
        # A page's own scripts, too.
        for script in re.findall(r"<script\b[^>]*>(.*?)</script>", text, re.DOTALL):
            found.update(re.findall(r"[\w-]+", script))
    for kind in ("js", "mjs", "py"):
        for path in (book / "_static").rglob(f"*.{kind}"):
            found.update(re.findall(r"[\w-]+", path.read_text(encoding="utf-8")))
    return found


def selectors(prelude: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the selectors between the commas of a rule's prelude, as tokens."""
    one: list[Any] = []
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            yield one
            one = []
        else:
            one.append(token)
    yield one


def asked(selector: list[Any]) -> set[str]:
    """Return the classes and ids without which a selector fits nothing."""
    classes = {
        name.value
        for dot, name in pairwise(selector)
        if dot.type == "literal" and dot.value == "." and name.type == "ident"
    }
    return classes | {token.value for token in selector if token.type == "hash"}


def lightened(rules: Iterable[Any], known: set[str]) -> str:
    """Return the rules that pages with these words can need, as text."""
    kept = []
    for rule in rules:
        if rule.type == "comment" and rule.value.startswith("!"):
            # A licence.
            kept.append(rule.serialize())
        elif rule.type == "qualified-rule":
            needed = [s for s in selectors(rule.prelude) if asked(s) <= known]
            if needed:
                heads = (tinycss2.serialize(each).strip() for each in needed)
                kept.append(f"{','.join(heads)}{{{body(rule)}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in _GROUPS:
            if rule.content is None:
                kept.append(rule.serialize())
                continue
            inner = tinycss2.parse_rule_list(rule.content, skip_whitespace=True)
            if text := lightened(inner, known):
                head = tinycss2.serialize(rule.prelude).strip()
                kept.append(f"@{rule.at_keyword} {head}{{{text}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword != "charset":
            kept.append(rule.serialize())
        elif rule.type == "error":
            raise ValueError(f"line {rule.source_line}: {rule.message}")
    return "\n".join(kept)


def body(rule: Any) -> str:
    """Return what stands between a rule's braces, without comments and lines of space."""
    text = tinycss2.serialize([t for t in rule.content if t.type != "comment"])
    return re.sub(r"\s*\n\s*", " ", text).strip()


def lighten(book: Path) -> None:
    """Rewrite a book's stylesheets, but not those that are its own."""
    known = words(book)
    for path in (book / "_static").rglob("*.css"):
        if (ASSETS / path.relative_to(book / "_static")).is_file():
            continue
        css = path.read_text(encoding="utf-8")
        rules = tinycss2.parse_stylesheet(css, skip_whitespace=True)
        # Escapes became the characters that they stand for.
        text = f'@charset "UTF-8";\n{lightened(rules, known)}\n'
        path.write_text(text, encoding="utf-8")
        # It says where a rule stood in a file that is now another.
        path.with_name(f"{path.name}.map").unlink(missing_ok=True)


def finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        lighten(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, bool]:
    # After the pages have their last form.
    app.connect("build-finished", finish, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
