"""The Sphinx extensions in ``_ext`` and the task runner, piece by piece."""

import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

import dev

sys.path.insert(0, str(dev.ROOT / "_ext"))

import alt_text
import execute_ahead
import exercise_list
import katex_static
import model_answer
import numbered
import offline

KATEX = dev.ROOT / "node_modules/katex/dist"


def build(folder: Path, text: str, *extensions: str, **more: object) -> tuple[str, str]:
    """Build a one-page project; return the page's HTML and the warnings."""
    (folder / "index.rst").write_text(text, encoding="utf-8")
    warnings = io.StringIO()
    settings = {
        "extensions": list(extensions),
        "html_theme": "basic",
        "html_math_renderer": "katex_static" if "katex_static" in extensions else None,
        **more,
    }
    folders = folder, None, folder / "html", folder / "doctrees"
    with docutils_namespace():  # Sphinx warns of nodes that an earlier build left
        Sphinx(*folders, "html", settings, status=None, warning=warnings).build()
    return (folder / "html/index.html").read_text("utf-8"), warnings.getvalue()


# ---- katex_static -------------------------------------------------------------------


def test_formulas_are_set_and_numbered_while_sphinx_builds(tmp_path: Path) -> None:
    text = (
        "Title\n=====\n\nLet :math:`p > 0` in :eq:`mean`.\n\n"
        ".. math::\n   :label: mean\n\n   \\frac{a}{p}\n"
    )
    html, warnings = build(tmp_path, text, "katex_static")
    assert warnings == ""
    assert html.count('<span class="katex">') == 2
    assert '<span class="eqno">(1)' in html
    assert (tmp_path / "html/_static/katex/katex.css").is_file()
    fonts = {p.suffix for p in (tmp_path / "html/_static/katex/fonts").iterdir()}
    assert fonts == {".woff2"}


def test_a_bad_formula_is_a_warning_with_file_and_line(tmp_path: Path) -> None:
    text = "Title\n=====\n\nGood :math:`p`.\n\nBad :math:`\\nosuch{p}`.\n"
    html, warnings = build(tmp_path, text, "katex_static")
    assert "index.rst:6: WARNING: KaTeX parse error" in warnings
    assert r"<code>\nosuch{p}</code>" in html


def test_the_node_process_ends_with_the_renderer() -> None:
    renderer = katex_static.Renderer(KATEX / "katex.min.js")
    assert "katex" in renderer("a", display=False)
    node = renderer._node
    assert node is not None and node.poll() is None
    renderer.close()
    assert node.poll() == 0


def test_a_renderer_without_katex_says_so() -> None:
    renderer = katex_static.Renderer(KATEX / "nosuch.js")
    with pytest.raises(katex_static.ExtensionError, match="Node process ended"):
        renderer("a", display=False)
    renderer.close()


def test_lighter_formulas_say_the_same() -> None:
    tex = r"\sqrt{\frac{\tilde a_i}{p}} = \mathbb{E}\bigl[\operatorname{Var}\bigr]"
    renderer = katex_static.Renderer(KATEX / "katex.min.js")
    light = renderer(tex, display=True)
    before = renderer._answers[tex, True]["html"]
    renderer.close()
    source = r"<annotation.*?</annotation>"
    assert text(re.sub(source, "", before)) == text(light)
    assert len(light) < 0.9 * len(before)
    kept = {"katex-html", "katex-base", "mathnormal", "mathbb", "vlist", "pstrut"}
    assert kept <= set(re.findall(r"[\w-]+", light)) and "mord" not in light
    assert "ns0" not in light and "<svg" in light


def text(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def test_spans_that_a_rule_reaches_by_position_stay() -> None:
    lighter = katex_static.Lighter(KATEX / "katex.min.css")
    for inner in ("<span>a</span>", '<span style="top:0.5em;"><span>a</span></span>'):
        body = f'<span class="vlist">{inner}</span><span class="mord">b<i>c</i></span>d'
        light = lighter(f'<span class="katex-html">{body}</span>')
        stays = inner.replace("0.5em;", ".5em")
        expected = f'<span class="vlist">{stays}</span>b<i>c</i>d'
        assert light == f'<span class="katex-html">{expected}</span>'


def test_only_woff2_fonts_are_asked_for() -> None:
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    lean = katex_static.woff2_only(css)
    assert lean.count("@font-face") == css.count("@font-face") == lean.count(".woff2")
    with pytest.raises(ValueError, match="stylesheet"):
        katex_static.woff2_only("@font-face{src:url(a.ttf)}")


# ---- alt_text -----------------------------------------------------------------------


def test_an_image_without_words_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    text = "Title\n=====\n\n.. image:: dot.svg\n"
    _, warnings = build(tmp_path, text, "alt_text")
    assert "image without alt text" in warnings


def test_a_figure_without_a_label_is_a_warning(tmp_path: Path) -> None:
    figure = '<figure class="themed"><div role="img"><svg/></div></figure>'
    text = f"Title\n=====\n\n.. raw:: html\n\n   {figure}\n"
    _, warnings = build(tmp_path, text, "alt_text")
    assert "figure without aria-label" in warnings
    assert not alt_text.unlabelled_figures(
        '<figure class="themed"><div role="img" aria-label="Words"></div></figure>'
    )


@pytest.mark.parametrize("alt", [None, "", " ", "a.png", "a", "_images/a.png"])
def test_a_file_name_is_no_alternative_text(alt: str | None) -> None:
    assert alt_text.lacks_alt(alt, "_images/a.png")
    assert not alt_text.lacks_alt("Two heaps.", "_images/a.png")


# ---- offline and exercise_list -------------------------------------------------------


def test_repair_drops_icon_scripts_and_font_preloads_and_nothing_else() -> None:
    kept = '<script src="a.js"></script><link rel="preload" as="script" href="b.js"/>'
    page = (
        '<script src="_static/vendor/fontawesome/6/js/all.min.js?digest=1"></script>'
        f'<link rel="preload" as="font" crossorigin href="x.woff2" />{kept}'
    )
    assert offline.repair_page(page) == kept
    assert offline.repair_page(kept) == kept


def test_repair_names_what_screen_readers_meet() -> None:
    toggle = '<span class="toctree-toggle" role="presentation"></span></summary>'
    page = (
        f'<summary>{toggle}<summary aria-label="Toggle hidden content">Code</summary>'
        '<button class="btn search-button-field" title="Search" aria-label="Search">'
        '<div id="a" class="bd-sidebar-primary bd-sidebar"></div>'
    )
    named = (
        f'<summary aria-label="Pages below">{toggle}<summary>Code</summary>'
        '<button class="btn search-button-field" title="Search">'
        '<div role="navigation" aria-label="Book" id="a" '
        'class="bd-sidebar-primary bd-sidebar"></div>'
    )
    assert offline.repair_page(page) == named
    assert offline.repair_page(named) == named


def test_indentation_goes_but_not_where_it_is_text() -> None:
    code = "<pre>\n  if x:\n\n      y\n</pre>"
    page = f"<div>\n\n    <p>one\n      two</p>\n    {code}\n  </div>"
    assert offline.repair_page(page) == f"<div>\n<p>one\ntwo</p>\n{code}\n</div>"


def test_the_list_names_each_exercise_once_with_its_points() -> None:
    from autograder.contract import exercise

    for chapter in exercise.all_chapters():
        listed = exercise.all_exercises(chapter)
        pages = {exercise_list.explained_on(each) for each in listed}
        found = []
        for page in pages:
            lines = exercise_list.as_markdown(chapter, listed, page)
            bullets = [line for line in lines if line.startswith("- ")]
            found += [line.split("`")[1] for line in bullets]
            assert all("point" in line for line in bullets)
            assert f"/exercises/{chapter}/{chapter}.ipynb" in lines[0]
            named = {other for other in pages if f"{{doc}}`/{other}`" in "".join(lines)}
            assert named == pages - {page}
        assert sorted(found) == sorted(each.name for each in listed)


def test_a_page_that_explains_no_exercise_lists_all() -> None:
    from autograder.contract import exercise

    listed = exercise.all_exercises("energy")
    lines = exercise_list.as_markdown("energy", listed, "chapters/nowhere")
    assert sum(line.startswith("- ") for line in lines) == len(listed)


def test_points_are_counted_in_words() -> None:
    assert exercise_list.points(1.0) == "1 point"
    assert exercise_list.points(2.5) == "2.5 points"


# ---- dev.py -------------------------------------------------------------------------


def test_an_old_python_is_told_its_version_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(sys, "version", "3.9.1 (main)")
    with pytest.raises(
        dev.TaskError, match=r"3\.11 or newer.*Python 3\.9\.1\. Install"
    ):
        dev.check_python()


def test_a_python_without_venv_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(dev.TaskError, match="python3-venv"):
        dev.check_python()


def test_without_the_network_the_set_up_says_one_sentence() -> None:
    cry = "import sys; print('NewConnectionError: x'); sys.exit(1)"
    with pytest.raises(dev.TaskError) as caught:
        dev.download("KaTeX", [sys.executable, "-c", cry])
    assert str(caught.value).startswith("The set-up could not download KaTeX")
    assert "NewConnectionError" not in str(caught.value)


def test_other_trouble_of_the_set_up_is_shown() -> None:
    cry = "import sys; print('hashes do not match'); sys.exit(3)"
    with pytest.raises(dev.TaskError, match="hashes do not match") as caught:
        dev.download("KaTeX", [sys.executable, "-c", cry])
    assert "exit code 3" in str(caught.value)


def test_pages_are_read_from_the_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = "format: jb-book\nroot: index\nchapters:\n  - file: a/b  # c\n"
    contents += '    sections:\n      - file: "d"\n'
    (tmp_path / "_toc.yml").write_text(contents)
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    assert dev.pages() == ["index", "a/b", "d"]


def test_changed_helpers_make_the_pages_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(dev, "HTML", tmp_path / "_build/html")
    lab, contents = tmp_path / "chapters/lab.py", tmp_path / "_toc.yml"
    executed = tmp_path / "_build/.jupyter_cache"
    written = tmp_path / "_build/html"

    def build_then(change: Path | None) -> tuple[bool, bool]:
        executed.mkdir(parents=True, exist_ok=True)
        written.mkdir(parents=True, exist_ok=True)
        if change:
            change.parent.mkdir(exist_ok=True)
            change.write_text(change.read_text() + "#" if change.exists() else "")
        dev.forget_what_changed()
        return executed.exists(), written.exists()

    build_then(lab)
    assert build_then(None) == (True, True)
    assert build_then(contents) == (True, False)
    assert build_then(lab) == (False, False)


def test_the_lock_files_name_every_dependency_and_no_address() -> None:
    lock = (dev.ROOT / "requirements.lock").read_text(encoding="utf-8")
    project = tomllib.loads((dev.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    locked = set(re.findall(r"^([a-z0-9.-]+)==", lock, re.MULTILINE))
    names = {re.split(r"[<>=!~\[; ]", each)[0].replace("_", "-") for each in wanted}
    assert names <= locked
    npm_lock = (dev.ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in lock and '"resolved"' not in npm_lock
    assert lock.count("--hash=sha256:") >= len(locked)


# ---- execute_ahead -------------------------------------------------------------------


def test_a_line_that_takes_its_time_comes_in_one_piece(tmp_path: Path) -> None:
    slow = "import time\nprint('unit', end=' ')\ntime.sleep(0.5)\nprint('one')"
    notebook = new_notebook(cells=[new_code_cell(slow)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python"}
    page = tmp_path / "page.md", notebook
    assert execute_ahead.run(60, page).err is None
    assert [each.text for each in notebook.cells[0].outputs] == ["unit one\n"]


# ---- model_answer -------------------------------------------------------------------

SOLUTIONS = sorted((dev.ROOT / "solutions").glob("*.md"))


@pytest.mark.parametrize("source", SOLUTIONS, ids=lambda source: source.stem)
def test_a_model_answer_comes_without_its_mark_scheme(source: Path) -> None:
    title, answer = model_answer.question_and_answer(source)
    assert f"## {title}\n" in source.read_text(encoding="utf-8")
    assert len(answer) > 500 and "MARK SCHEME" not in answer and "=== " not in answer


def test_a_file_without_an_open_question_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "none.md"
    source.write_text("# No question\n", encoding="utf-8")
    with pytest.raises(ValueError, match="free_response"):
        model_answer.question_and_answer(source)


PAGE = "Title\n=====\n\n.. model-answer:: one\n"
SOURCE = """## Why?

Say why.

+++ {"free_response": "one-why", "points": 2}

Because.

=== BEGIN MARK SCHEME ===
secret
=== END MARK SCHEME ===
"""


@pytest.mark.parametrize("there", [True, False])
def test_a_class_edition_has_no_answers(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "solutions").mkdir()
        (tmp_path / "solutions/one.md").write_text(SOURCE, encoding="utf-8")
    html, _ = build(tmp_path, PAGE, "model_answer", model_answers=not there)
    assert "open question" in html and "Because" not in html and "secret" not in html


def test_captions_count_within_their_chapter() -> None:
    page = "<figcaption>One</figcaption><p>.</p><figcaption id='b'>Two</figcaption>"
    shown = re.findall(
        r"(Figure [\d.]+) </span>(\w+)", numbered.number_captions(page, "3")
    )
    assert shown == [("Figure 3.1.", "One"), ("Figure 3.2.", "Two")]
    assert "Figure 1. </span>One" in numbered.number_captions(page, "")
    paragraph = numbered.number_captions("<figcaption>\n<p>One</p></figcaption>", "")
    assert re.search(r"<p><span[^>]*>Figure 1\. </span>One</p>", paragraph)


def test_an_unknown_task_lists_the_tasks() -> None:
    command = [sys.executable, str(dev.ROOT / "dev.py"), "nosuch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(f"  {name} " in done.stderr for name in dev.TASKS)
