"""No process of the instructor's takes 400 MB, whatever several students hand in."""

import json
import re
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader")

from nbformat import v4

from autograder.doors.nbgrader.feedback import OfflineFeedback
from autograder.doors.nbgrader.images import MAX_IMAGES
from autograder.doors.nbgrader.tags import MOST_TAGS
from autograder.doors.nbgrader.written import written
from autograder.grading.judges import LARGE_BYTES, Judges, Kept
from autograder.submission.file import MAX_BYTES
from autograder.submission.skim import MOST_INNER, NOTEBOOK, skim
from tests import fixture_class
from tests.fixture_class import CHAPTER, run
from tests.test_feedback import formgraded

WIDE = "\U0001f600"
#: Leaves room below 400 MB, of 1,024 × 1,024 bytes.
MOST_MB = 350
#: Sizes of classes: of the greater one a third of the images in memory would show.
FEW, MANY = 3, 12

#: Runs a module; says how much memory its process had at its peak, in kB.
MEASURED = """
import re, runpy, sys
from pathlib import Path
del sys.argv[0]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    print(re.search(r"VmHWM:\\s+\\d+", Path("/proc/self/status").read_text())[0])
"""
#: Figures of 786,000 bytes, four a cell, with the name of the library that draws some.
FIGURES = """
import os, sys, types
class Figure:
    def savefig(self, file, **options):
        file.write(b"\\x89PNG\\r\\n\\x1a\\n" + os.urandom(786_000 - 8))
drawn = types.ModuleType("matplotlib.pyplot")
drawn.get_fignums = lambda: [1, 2, 3, 4]
drawn.figure = lambda number: Figure()
drawn.close = lambda *which: None
sys.modules["matplotlib.pyplot"] = drawn
"""


def text_cell(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def code_cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}


def filled(starter: dict[str, Any]) -> str:
    """Return a notebook that fills all bounds at once."""
    image = {"a.png": {"image/png": "A" * (MAX_IMAGES - 1000)}}
    cells = [
        *starter["cells"],
        *[code_cell(FIGURES)] * 3,
        text_cell(f"{WIDE} ![x](attachment:a.png)\n", attachments=image),
        *[code_cell("print(chr(0x1F600) * 99_000)")] * 12,
        text_cell(WIDE * 400_000),
    ]
    nested = '{"a":' * 300 + "1" + "}" * 300
    text = json.dumps(starter | {"cells": cells}, ensure_ascii=False)
    head = '\r\n\r{"y":[' + ",".join([nested] * 1300) + f'],"x":"{WIDE}'
    rest = MAX_BYTES - len((head + text).encode()) - 100
    return head + "a" * (rest // 2) + "\\n" + "b" * (rest // 2) + '",' + text[1:]


def measured_course(folder: Path) -> tuple[Path, Path]:
    """Return a course whose commands may be measured, and its released notebook."""
    course = fixture_class.new_course(folder / "course")
    (course / "measured.py").write_text(MEASURED)
    assert run(course, "nbgrader", "generate_assignment", CHAPTER).returncode == 0
    return course, course / "exercises" / CHAPTER / f"{CHAPTER}.ipynb"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_three_notebooks_that_fill_all_bounds_take_bounded_memory(
    tmp_path: Path,
) -> None:
    """autograde took 513 MB, --gradebook 498 MB and generate_feedback 719 MB of five."""
    course, released = measured_course(tmp_path)
    text = filled(json.loads(released.read_text(encoding="utf-8")))
    for student in "abc":
        path = course / "course" / "submitted" / student / CHAPTER / released.name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8", newline="")
    grade = ["autograder", "grade", "course/submitted", "--gradebook", CHAPTER, "-j2"]
    for command in (
        ["nbgrader", "autograde", CHAPTER],
        ["nbgrader", "generate_feedback", CHAPTER],
        grade,
    ):
        done = run(course, "measured", *command)
        found = re.search(r"VmHWM:\s+(\d+)", done.stdout)
        assert found, done.stderr[-2000:]
        print(command, found[1])
        assert int(found[1]) < MOST_MB * 1024
    made = course / "course" / "feedback" / "c" / CHAPTER / f"{CHAPTER}.html"
    page = made.read_text(encoding="utf-8")
    assert page.count("base64,iVBORw0KGg") == 12
    assert page.count("base64,AAAA") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_class_of_large_notebooks_takes_no_more_than_a_few(tmp_path: Path) -> None:
    """The command kept each student's whole notebook until all were in their place."""
    course, released = measured_course(tmp_path)
    starter = json.loads(released.read_text(encoding="utf-8"))
    image = {"a.png": {"image/png": "A" * (MAX_IMAGES - 1000)}}
    picture = text_cell("![x](attachment:a.png)", attachments=image)
    text = json.dumps(starter | {"cells": [picture, *starter["cells"]]})
    grade = ["autograder", "grade", "course/submitted", "--gradebook", CHAPTER, "-j2"]
    peaks = []
    for students in (FEW, MANY):
        for number in range(students):
            folder = course / "course" / "submitted" / f"s{number:02}" / CHAPTER
            folder.mkdir(parents=True, exist_ok=True)
            (folder / released.name).write_text(text, encoding="utf-8")
        done = run(course, "measured", *grade, "--again")
        found = re.search(r"VmHWM:\s+(\d+)", done.stdout)
        assert found, done.stderr[-2000:]
        peaks.append(int(found[1]) / 1024)
    print(peaks)
    assert peaks[1] - peaks[0] < (MANY - FEW) * MAX_IMAGES / 2**20 / 3


#: Texts of as many tags as fit into 49,000 characters.
TAGS = {
    "a table": "|a|b|c|d|e|f|g|h|\n|-|-|-|-|-|-|-|-|\n" + "|1|2|3|4|5|6|7|8|\n" * 2700,
    "breaks": "<br>" * 12_000,
    "spans": "<b>a</b>" * 6_000,
    "comments": "a <!--b-->" * 4_900,
    "attributes": f"<br {' '.join(f'a{i}' for i in range(7_000))}>",
}
COLOURED = """print("".join(f"\x1b[3{i % 8}m{i % 10}" for i in range(15_000)))"""
COLOURS = "".join(f"\x1b[3{i % 8}m{i % 10}" for i in range(15_000))


def tagged() -> list[Any]:
    """Return cells that fill the bounds on text, code and output with tags."""
    outputs = [v4.new_output("stream", name="stdout", text=COLOURS)]
    return [
        *[v4.new_markdown_cell(text) for text in TAGS.values() for _ in range(2)],
        *[v4.new_code_cell(("a=b+c;d=1\n" * 1990)[:19_900]) for _ in range(14)],
        *[v4.new_code_cell("1", outputs=outputs) for _ in range(5)],
    ]


@pytest.mark.parametrize("made_by", ["feedback", "formgrader"])
def test_a_page_has_room_for_so_many_tags(made_by: str) -> None:
    """nbconvert reads them all again; a student's 0.5 MB took 450 MB."""
    last = [v4.new_markdown_cell("*last*"), v4.new_code_cell("1.5")]
    last[1].outputs = [v4.new_output("stream", name="stdout", text="a\x1b[31mb\x1b[0m")]
    cells = [*tagged(), *last]
    if made_by == "formgrader":
        made = formgraded(*cells)
    else:
        made = str(
            OfflineFeedback().from_notebook_node(v4.new_notebook(cells=cells))[0]
        )
    body = made.partition("</head>")[2]
    assert body.count("<") < 2 * MOST_TAGS
    assert "|a|b|c|d|e|f|g|h|" in body  # as it was written
    assert "012345678901234567890" in body  # without its colours
    assert "<td>1</td>" in body
    assert "<em>last</em>" in body
    assert '<span class="ansi-red-fg">b</span>' in body


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_pages_of_many_tags_take_bounded_memory(tmp_path: Path) -> None:
    """One page took a gigabyte."""
    course, released = measured_course(tmp_path)
    starter = json.loads(released.read_text(encoding="utf-8"))
    cells = [{k: c[k] for k in c if k != "id"} for c in tagged()[:-5]]
    cells.append(code_cell(FIGURES))
    cells += [code_cell(COLOURED)] * 4
    text = json.dumps(starter | {"cells": [*cells, *starter["cells"]]})
    for student in "abc":
        path = course / "course" / "submitted" / student / CHAPTER / released.name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    assert run(course, "nbgrader", "autograde", CHAPTER).returncode == 0
    done = run(course, "measured", "nbgrader", "generate_feedback", CHAPTER)
    found = re.search(r"VmHWM:\s+(\d+)", done.stdout)
    assert found, done.stderr[-2000:]
    print(found[1])
    assert int(found[1]) < MOST_MB * 1024
    made = course / "course" / "feedback" / "c" / CHAPTER / f"{CHAPTER}.html"
    page = made.read_text(encoding="utf-8")
    assert "|a|b|c|d|e|f|g|h|" in page
    assert "012345678901234567890" in page
    assert page.count("base64,iVBORw0KGg") == 12


def test_of_a_file_only_what_is_needed_is_read() -> None:
    """All of it took ten times its size."""
    size = 2**20
    cell = {"cell_type": "code", "source": ["x = 'é'"], "outputs": [WIDE + "a" * size]}
    more = {"x": [{"a": [{}]}] * 10_000, "autograder": {"script": True}}
    found = {"nbformat": 4, "cells": [cell, 5, {}], "metadata": more}
    data = json.dumps(found, ensure_ascii=False).encode("utf-8-sig")
    tracemalloc.start()
    try:
        needed = skim(data, NOTEBOOK)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert needed == {
        "nbformat": 4,
        "cells": [{"cell_type": "code", "source": ["x = 'é'"]}, None, {}],
        "metadata": {"autograder": {"script": True}},
    }
    assert peak < 3 * len(data)


def test_nested_values_that_no_notebook_needs_are_not_read() -> None:
    def attached(images: int) -> Any:
        cell = {"attachments": {f"{i}": {"image/png": "A"} for i in range(images)}}
        return skim(json.dumps({"cells": [cell, cell]}).encode(), NOTEBOOK)["cells"]

    assert [len(cell["attachments"]) for cell in attached(MOST_INNER // 2)] == [
        1000
    ] * 2
    assert [cell["attachments"] for cell in attached(MOST_INNER + 1)] == [None] * 2


@pytest.mark.parametrize(
    "broken",
    [
        *("[1, 2", '{"cells": [}', '{"cells" 5}', '{"cells": 5', '{"cells": "5}'),
        *("{5: 5}", '{"cells": []} 5', '{"x": }', "", "]"),
        '{"cells": [{"source": "a\\q"}]}',
    ],
)
def test_what_is_no_json_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r": line 1$"):
        skim(broken.encode(), NOTEBOOK)


def test_marks_without_values_are_not_read_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("autograder.submission.skim.MOST_TOKENS", 1000)
    text = '{"nbformat": 4, "metadata": {"x": [%s]}, "cells": []}'
    full = ",".join(240 * ["{}"])
    assert skim((text % full).encode(), NOTEBOOK)["cells"] == []
    for marks in (":" * 1000, '""' * 1000, "0 " * 1000, "[]" * 1000):
        with pytest.raises(ValueError, match="more than 1,000 brackets, marks and"):
            skim((text % marks).encode(), NOTEBOOK)


@pytest.mark.parametrize("made_by", ["feedback", "formgrader"])
def test_one_emoji_does_not_make_a_page_of_images_wide(made_by: str) -> None:
    """Each of its copies took four bytes a character."""
    image = "iVBORw0KGgo" + "A" * 2**20
    data = {"image/png": image}
    drawn = v4.new_output("display_data", data)
    cells = [
        v4.new_markdown_cell(f"{WIDE} ![x](attachment:a)", attachments={"a": data}),
        v4.new_code_cell(f"print('{WIDE}')", outputs=[drawn]),
    ]

    def page() -> str:
        if made_by == "formgrader":
            return formgraded(*cells)
        notebook = v4.new_notebook(cells=cells)
        return str(OfflineFeedback().from_notebook_node(notebook)[0])

    made = page()
    assert made.partition("</head>")[2].isascii()
    assert made.count(f"data:image/png;base64,{image}") == 2
    assert made.count(f"&#{ord(WIDE)};") == 2


def test_a_notebook_is_written_in_ascii_and_read_as_it_was() -> None:
    text = written(v4.new_notebook(cells=[v4.new_markdown_cell(f"é {WIDE}")]))
    assert text.isascii()
    assert text.endswith("}\n")
    assert v4.reads(text).cells[0].source == f"é {WIDE}"


@pytest.mark.parametrize("size", [10, 2 * LARGE_BYTES])
def test_a_large_result_waits_on_disk(size: int) -> None:
    judges = Judges(1)
    try:
        future = judges.begin(bytes, size)
        assert future.result() == bytes(size)
        assert future.result() == bytes(size)
        assert isinstance(future._result, Kept) == (size > LARGE_BYTES)
    finally:
        judges.end()


def test_a_large_result_waits_here_where_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full() -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    test_a_large_result_waits_on_disk(2 * LARGE_BYTES)
