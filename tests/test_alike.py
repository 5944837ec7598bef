"""Code that is alike: copies are found however they are dressed, honest work is not."""

import csv
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.__main__ import main
from autograder.contract.exercise import all_chapters, all_exercises
from autograder.doors import alike
from autograder.doors.alike import MAX_FRAGMENTS, Comparison, compare, own_code
from autograder.doors.class_page import class_csv, class_page, page_of_class
from autograder.doors.classroom import Graded, HandedIn, find_handed_in
from autograder.submission.cells import Cell, Submission
from tests import bank

ORIGINAL = """
import numpy as np

def inverted_dropout(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    drawn = rng.integers(0, 2**20, size=x.shape)
    drawn = np.asarray(drawn, dtype=np.int64)
    bound = int(round(keep_prob * 2**20))
    kept = np.less(drawn, bound)
    factor = np.reciprocal(float(keep_prob))
    scaled = np.where(kept, factor, 0.0)
    result = np.einsum("...,...->...", x, scaled)
    return result, scaled
"""
#: The same with other names, layout, comments, documentation and annotations.
DRESSED = '''
import numpy as np

def inverted_dropout(x: np.ndarray, keep_prob: float, rng, training: bool = True):
    """My own dropout."""
    if not training:
        return (x, None)
    # I draw whole numbers.
    numbers = rng.integers(0, 2 ** 20,
                           size=x.shape)
    numbers = np.asarray(numbers, dtype=np.int64)
    threshold = int(round(keep_prob * 2 ** 20))
    alive: np.ndarray = np.less(numbers, threshold)
    s = np.reciprocal(float(keep_prob))
    m = np.where(alive, s, 0.0)
    out = np.einsum("...,...->...", x, m)
    return out, m
'''
#: One statement differs.
NEARLY = DRESSED.replace("np.where(alive, s, 0.0)", "alive * s").replace("My", "Our")
SHORT = """
import numpy as np

def inverted_dropout(x, keep_prob, rng, training=True):
    if not training:
        return x, None
    {0} = (rng.random(x.shape) < keep_prob) / keep_prob
    return x * {0}, {0}
"""


def found(folder: Path, **files: str) -> list[tuple[set[str], int]]:
    """Return which of these files are alike, and in percent how much."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    pairs = compare(find_handed_in(folder), bank.ROOT).alike
    return [({f.student for f in p.files}, int(100 * p.share)) for p in pairs]


def test_a_copy_is_found_however_it_is_dressed(tmp_path: Path) -> None:
    files = {"ann": ORIGINAL, "ben": DRESSED, "cem": SHORT.format("mask")}
    assert found(tmp_path / "class", **files) == [({"ann", "ben"}, 100)]


def test_code_that_is_nearly_the_same_is_found_with_its_share(tmp_path: Path) -> None:
    files = {"ann": ORIGINAL, "dan": NEARLY, "cem": SHORT.format("mask")}
    ((names, share),) = found(tmp_path / "class", **files)
    assert names == {"ann", "dan"}
    assert 60 <= share < 100


def test_which_local_is_used_where_is_no_dress(tmp_path: Path) -> None:
    other = ORIGINAL.replace("return result, scaled", "return scaled, result")
    ((_, share),) = found(tmp_path / "class", ann=ORIGINAL, ben=other)
    assert share < 100


def test_short_honest_answers_are_no_occasion(tmp_path: Path) -> None:
    names = ("mask", "m", "keep", "kept", "scale", "d")
    files = {f"student-{name}": SHORT.format(name) for name in names}
    assert found(tmp_path / "class", **files) == []


def test_what_few_and_what_many_write_are_told_apart(tmp_path: Path) -> None:
    """Most of a class writes the same long way, each a little otherwise."""
    many = {
        f"student-{i}": ORIGINAL.replace("return x, None", f"return x, {i}")
        for i in range(8)
    }
    assert found(tmp_path / "class", **many) == []


#: Two answers, and who changed a line of them, each another one.
SHARED = ORIGINAL + ORIGINAL.replace("inverted", "my").replace("2**20", "2**24")
CHANGED = {
    name: SHARED.replace(line, other, 1)
    for name, line, other in [
        ("ann", "return x, None", "return x * 1, None"),
        ("ben", "np.where(kept, factor, 0.0)", "kept * factor"),
        ("cem", "np.reciprocal(float(keep_prob))", "1 / keep_prob"),
        ("dan", "return result, scaled", "return (result + 0, scaled)"),
        ("eve", "np.less(drawn, bound)", "drawn < bound"),
    ]
}


@pytest.mark.parametrize("others", [5, 7, 60])
@pytest.mark.parametrize("copiers", [2, 3, 4, 5])
def test_copiers_who_each_changed_a_line_are_found_in_any_class(
    copiers: int, others: int, tmp_path: Path
) -> None:
    honest = {f"s{i}": SHORT.format("mask") + f"\na = {i}\n" for i in range(others)}
    copies = dict(itertools.islice(CHANGED.items(), copiers))
    pairs = [names for names, _ in found(tmp_path / "class", **honest, **copies)]
    assert len(pairs) == copiers * (copiers - 1) // 2
    assert set().union(*pairs) == set(copies)


def test_the_starter_does_not_count(tmp_path: Path) -> None:
    released = bank.ROOT / "exercises" / "conventions" / "conventions.ipynb"
    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("ann", "ben"):
        (folder / f"{name}.ipynb").write_bytes(released.read_bytes())
    assert found(folder) == []


@pytest.mark.parametrize("chapter", all_chapters())
def test_answers_that_were_written_differently_are_not_alike(chapter: str) -> None:
    for exercise in all_exercises(chapter):
        own = {}
        for answer in bank.correct_answers(exercise.name):
            source = [inspect.getsource(f) for f in answer.own.values()]
            text = "\n\n".join(textwrap.dedent(each) for each in source)
            own[answer.name] = own_code(Submission("x.py", (Cell(1, text),)))
        pairs = itertools.combinations(own.values(), 2)
        assert not any(
            _is_alarm(one.fragments, other.fragments) for one, other in pairs
        )


def _is_alarm(one: frozenset[str], other: frozenset[str]) -> bool:
    """As if nobody else were in the class, and there were no solution."""
    from autograder.doors.alike import LEAST, NEARLY

    both = one & other
    return len(both) >= LEAST and len(both) >= NEARLY * len(one | other)


@pytest.mark.parametrize("text", ["", "def f(:", "(" * 5000, "x = 1\n" * 30_000])
def test_what_is_no_code_of_an_exercise_stops_nothing(
    text: str, tmp_path: Path
) -> None:
    files = {"ann": ORIGINAL, "ben": DRESSED, "odd": text}
    assert found(tmp_path / "class", **files) == [({"ann", "ben"}, 100)]


def test_ones_own_variants_hide_no_copy(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    for name in ("ann/a", *(f"mal/{i}" for i in range(5))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        variant = f"\nspare = {name[-1]!r}\n" if name[-1] in "1234" else ""
        (folder / f"{name}.py").write_text(ORIGINAL + variant)
    pairs = compare(find_handed_in(folder), bank.ROOT).alike
    assert {"ann", "mal"} in [{f.student for f in pair.files} for pair in pairs]


def test_ones_own_drafts_are_no_copies(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    for name, text in {"a": ORIGINAL, "b": DRESSED, "c": NEARLY}.items():
        for student in ("ann", "ben"):
            (folder / student).mkdir(parents=True, exist_ok=True)
            own = text if student == "ann" else f"y = {name!r}"
            (folder / student / f"{name}.py").write_text(own)
    assert compare(find_handed_in(folder), bank.ROOT) == Comparison([], [])


def test_what_stands_below_an_if_is_compared(tmp_path: Path) -> None:
    below = "try:\n" + textwrap.indent(
        "if True:\n" + textwrap.indent(DRESSED, " "), " "
    )
    files = {"ann": ORIGINAL, "ben": f"{below}\nfinally:\n pass\n"}
    assert found(tmp_path / "class", **files) == [({"ann", "ben"}, 100)]


#: What a copy needs to look like another language, in part or all over.
IN_DISGUISE = {
    "a cell magic": "%%time\n{}",
    "a line magic": "%matplotlib inline\n{}",
    "a command": "!pip install numpy\n{}",
    "a command's output": "files = !ls\n{}",
    "a question": "{}\nnp.zeros?\n",
    "a question below": "if True:\n    ?np.zeros\n{}",
}


@pytest.mark.parametrize("how", IN_DISGUISE)
def test_lines_that_only_ipython_knows_hide_no_copy(how: str, tmp_path: Path) -> None:
    folder, copy = tmp_path / "class", IN_DISGUISE[how].format(DRESSED)
    for student, code in {"ann": ORIGINAL, "ben": copy}.items():
        path = folder / student / "conventions.ipynb"
        path.parent.mkdir(parents=True)
        cell = {"cell_type": "code", "source": code, "id": "a", "metadata": {}}
        cell |= {"outputs": [], "execution_count": None}
        about = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
        path.write_text(json.dumps({**about, "cells": [cell]}))
    compared = compare(find_handed_in(folder), bank.ROOT)
    assert not compared.in_part
    assert [{f.student for f in each.files} for each in compared.alike] == [
        {"ann", "ben"}
    ]


def test_what_is_no_python_is_said_not_to_be_compared(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    broken = ORIGINAL + "\ndef later(:\n"
    assert found(folder, ann=ORIGINAL, ben=broken) == []
    compared = compare(find_handed_in(folder), bank.ROOT)
    assert [file.student for file in compared.in_part] == ["ben"]


BODY = "".join(f"    a{i} = np.roll(x, {i}) * {i + 2}\n" for i in range(14))


@pytest.mark.parametrize(
    "form",
    [
        f"async def own(x):\n{BODY}",
        f"while True:\n{BODY}    break\n",
        "".join(f"a{i}: object = np.roll(3, {i})\n" for i in range(14)),
        "".join(f"a += np.roll(3, {i})\n" for i in range(14)),
        "".join(f"(a{i} := np.roll(3, {i}))\n" for i in range(14)),
        "".join(f"setattr(np, 'a', lambda x: x + {i})\n" for i in range(14)),
    ],
)
def test_every_form_of_code_of_ones_own_counts(form: str, tmp_path: Path) -> None:
    both = {"ann": form, "ben": f"# mine\n{form}"}
    assert found(tmp_path / "class", **both) == [({"ann", "ben"}, 100)]


def test_who_waits_for_nothing_writes_the_same_function(tmp_path: Path) -> None:
    both = {"ann": f"def own(x):\n{BODY}", "ben": f"async def own(x):\n{BODY}"}
    assert found(tmp_path / "class", **both) == [({"ann", "ben"}, 100)]


DEEP = f"x = a{'.a' * 5000}\n"


@pytest.mark.parametrize("deep", ["", DEEP])
def test_a_number_without_end_hides_no_copy(deep: str, tmp_path: Path) -> None:
    """Python writes no number of so many digits."""
    longest = f"N = 0x{'f' * 5000}\ndef f():\n    return 0x{'1' * 5000}\n"
    files = {"ann": ORIGINAL + longest, "ben": DRESSED + longest + deep}
    folder = tmp_path / "class"
    same = [({"ann", "ben"}, 100)]
    assert found(folder, **files) == ([] if deep else same)
    compared = compare(find_handed_in(folder), bank.ROOT)
    assert [file.student for file in compared.in_part] == (["ben"] if deep else [])


def test_what_was_compared_in_part_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    found(folder, ann=ORIGINAL, ben=DEEP, cem="x = 1\n" * 30_000, empty="")
    files = find_handed_in(folder)
    compared = compare(files, bank.ROOT)
    results = [Graded(file, None, "not graded here") for file in files]
    said = "Not all of the code of these files was compared"
    page = class_page(results, True, compared)
    names = "<li>ben.py</li><li>cem.py</li>"
    assert (
        f"{said}, for it is too long, too deep or no\nPython:</p>\n<ul>{names}</ul>"
        in page
    )
    assert said not in class_page(results)
    table = class_csv(page_of_class(results, True, compared, rows=None))
    assert table.splitlines()[-2:] == [
        f"compared in part,{name}.py,,,," for name in ("ben", "cem")
    ]


def test_page_and_table_show_them_with_names_or_without(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    found(folder, ann=ORIGINAL, ben=DRESSED)
    files = find_handed_in(folder)
    pairs = compare(files, bank.ROOT)
    results = [Graded(file, None, "not graded here") for file in files]
    page = class_page(results, True, pairs)
    names = "<div>ann.py</div><div>ben.py</div>"
    assert re.search(f"{names}</td>\n<td[^>]*>100%", page)
    assert "often alike without anybody having\ncopied" in page
    table = class_csv(page_of_class(results, False, pairs, rows=None))
    rows = list(csv.DictReader(table.splitlines()))
    last = [(row["where"], row["detail"]) for row in rows[-2:]]
    assert last == [("file 1", "group 1: 100%"), ("file 2", "group 1: 100%")]
    assert "ann" not in table and "Code that is alike" not in class_page(results)


def test_no_name_of_a_copy_names_another_student(tmp_path: Path) -> None:
    folder, zed = tmp_path / "class", 'zed, bob"'
    found(folder, **{"ann": ORIGINAL, zed: DRESSED})
    files = find_handed_in(folder)
    pairs = compare(files, bank.ROOT)
    results = [Graded(file, None, "not graded here") for file in files]
    page = class_page(results, True, pairs)
    assert "<div>ann.py</div><div>zed, bob&#34;.py</div></td>" in page
    table = class_csv(page_of_class(results, True, pairs, rows=None))
    rows = list(csv.DictReader(table.splitlines()))
    alike = [(row["where"], row["detail"]) for row in rows if row["what"] == "alike"]
    # Tables are no place for quotes (``harmless``).
    shown = [("ann.py", "group 1: 100%"), ("zed, bob'.py", "group 1: 100%")]
    assert alike == shown


def test_the_command_writes_the_table(tmp_path: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "class.csv"
    found(folder, ann=ORIGINAL, ben=DRESSED)
    assert main(["grade", str(folder), "--csv", str(out)]) == 0
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert {row["what"] for row in rows} >= {"scores", "alike"}
    assert sum(int(r["count"]) for r in rows if r["what"] == "scores") == 2


def test_a_file_is_itself_a_group_of_nobody(tmp_path: Path) -> None:
    one = HandedIn(tmp_path / "ann.py", "ann.py")
    one.path.write_text(DEEP)
    assert compare([one], tmp_path) == Comparison([], [one])


def test_long_code_is_compared_by_a_part_of_it() -> None:
    """What is kept of all files lies in one process."""
    names = map(chr, itertools.chain(range(0x3400, 0x4DB5), range(0x4E00, 0x9FA5)))
    functions = "".join(
        f"def f{i}():\n {';'.join(itertools.islice(names, 4000))}\n" for i in range(4)
    )
    code = own_code(Submission("x.py", (Cell(1, functions), Cell(2, functions))))
    assert len(code.fragments) == MAX_FRAGMENTS
    assert max(map(int.bit_length, code.fragments)) <= 64
    first = own_code(Submission("x.py", (Cell(1, functions),)))
    assert (code.digest, code.fragments) == (first.digest, first.fragments)
    assert (first.whole, code.whole) == (True, False)


def test_only_what_was_graded_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        path = tmp_path / "class" / "ann" / f"{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ORIGINAL)
    seen: list[str] = []

    def compare(files: list[HandedIn], *_: object) -> Comparison:
        seen.extend(file.name for file in files)
        return Comparison()

    monkeypatch.setattr("autograder.doors.alike.compare", compare)
    monkeypatch.setattr("autograder.doors.classroom.MOST_FILES", 2)
    main(["grade", str(tmp_path / "class"), "--page", str(tmp_path / "page.html")])
    assert seen == ["ann/0.py", "ann/1.py"]


def test_no_more_of_a_person_is_compared_than_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten students with 40 files each took 492 MB, and five with one code 50 s."""
    shared = range(100_000_000, 100_002_000)
    files = [
        HandedIn(Path(f"/class/{who}/{n}.py"), f"{who}/{n}.py")
        for who in ("ann", "ben", "cem")
        for n in range(40)
    ]

    def codes(*_: object) -> Iterator[tuple[HandedIn, alike.OwnCode]]:
        for number, file in enumerate(files):
            own = range(10**9 + 2000 * number, 10**9 + 2000 * (number + 1))
            parts = own if file.student == "cem" else shared
            fragments = frozenset(part * 2654435761 % 2**32 for part in parts)
            yield file, alike.OwnCode(str(number), fragments)

    held = []

    def keep(own: dict[HandedIn, alike.OwnCode]) -> list[alike.Alike]:
        held.append(sum(len(code.fragments) for code in own.values()))
        return alike_of(own)

    alike_of = alike._alike
    monkeypatch.setattr(alike, "_all_own_code", codes)
    monkeypatch.setattr(alike, "_alike", keep)
    compared = compare(files, bank.ROOT)
    assert 3 * 0.8 * alike.MOST_OF_ONE < held[0] <= 3 * alike.MOST_OF_ONE
    assert compared.in_part == files
    pairs = {frozenset(f.student for f in each.files) for each in compared.alike}
    assert pairs == {frozenset({"ann", "ben"})}
