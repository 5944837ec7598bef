"""Pages that need nothing beside them and run nothing: what they have in common."""

from typing import Any

from autograder.wire.text import one_name

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'">
"""


def rendered(template: str, **values: Any) -> str:
    """Return a page as HTML from a template of jinja2's, which begins with the title; all
    values are escaped, and its filter ``name`` makes a name from outside fit for a line.

    Raises ``ImportError`` where there is no jinja2, which comes with the course's
    packages."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["name"] = one_name
    return _HEAD + environment.from_string(template).render(values) + "\n"
