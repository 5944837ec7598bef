"""Downloads that download from a disk, too.

Over ``file://`` browsers show a linked file, or do nothing. So the build writes beside each
file that a page offers a script with its bytes, and ``assets/take-away.js`` loads it on a
click and hands the file over. From a server the browser downloads the file itself.
"""

import base64
import json
from pathlib import Path

from sphinx.application import Sphinx

#: The folders of the built book that hold what pages offer.
OFFERED = ("_sources", "_downloads", "grader")


def script(path: Path) -> str:
    """Return a script that hands over the file at ``path``."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"takeAway({json.dumps(path.name)}, {json.dumps(data)});\n"


def write_scripts(output: Path) -> None:
    """Write ``<file>.js`` beside every file below ``output`` that a page offers."""
    for folder in OFFERED:
        for path in sorted((output / folder).rglob("*")):
            if path.is_file() and path.suffix != ".js":
                beside = path.with_name(path.name + ".js")
                beside.write_text(script(path), encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        write_scripts(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_js_file("take-away.js", loading_method="defer")
    app.add_js_file("page.js", loading_method="defer")
    # After the wheel and the archive of chapters are there.
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
