"""Whose a file is does not depend on what other students name theirs, on any platform."""

import contextlib
import struct
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import pytest

from autograder.doors import archives, gradescope_download
from autograder.doors.classroom import ClassError, HandedIn, find_handed_in
from autograder.doors.collect import collect
from autograder.doors.platforms import Named, by_itself, told_apart
from autograder.doors.students import of_a_platform
from tests.test_platforms import CHAPTER, GRADESCOPE, NAMES

TIME = "2031-01-01-00-00-00"
#: What Mallory names her files: as a platform would name Bo's.
FORGED = {
    "Canvas": "{who}_1_2_conventions.py",
    "Blackboard": f"s_{{who}}_attempt_{TIME}_x.py",
    "Moodle": "{who}_7_assignsubmission_file_x.py",
    "Moodle, in a folder": "{who}_7_assignsubmission_file_/x.py",
    "Gradescope": "submission_{n}/x.py",
    "Gradescope, whole": "assignment_5_export/submission_{n}/x.py",
    "folders": "{who}/conventions.py",
    "folders of a course": "{who}/conventions/conventions.py",
    "files": "{who}.py",
}
#: Each platform's own names → the start of Mallory's, and what she is called.
CLASSES = {
    "folders": ("mallory/", "mallory"),
    "folders of a course": ("mallory/conventions/", "mallory"),
    "Moodle": ("Mallory_9_assignsubmission_file_/", "Mallory"),
    "Moodle, without folders": ("Mallory_9_assignsubmission_file_", "Mallory"),
    "Moodle, namesakes": ("Mallory_9_assignsubmission_file_/", "Mallory"),
    "Canvas": ("mallory_9_9_", "mallory"),
    "Blackboard": ("Sheet 1_mallory_attempt_2026-11-20-18-30-05_", "mallory"),
    "Gradescope": ("submission_103/", "Mallory"),
}
HONEST = NAMES | {
    "folders of a course": {
        "ann/conventions/conventions.ipynb": "ann",
        "bo/conventions/conventions.ipynb": "bo",
    },
    "Gradescope": {
        "submission_101/my.ipynb": "Ann Lee",
        "submission_102/a.ipynb": "Bo O'Neil",
    },
}
MALLORY = """submission_103:
  :submitters:
  - :name: Mallory
    :sid: '7009'
  :created_at: 2026-11-22 08:00:00.000000000 Z
"""
#: What Mallory says of the folders that she made.
OF_MALLORYS_OWN = "".join(
    f"submission_{n}:\n  :submitters:\n  - :name: {who!r}\n"
    for n, who in [(101, "Mallory"), (102, "Mallory"), (103, "Ann Lee")]
)


def packed(source: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(source))
    return target


def placed(out: Path) -> dict[str, tuple[str, str]]:
    """Return whose work is where: its text and its time, by student."""
    found = {}
    for path in out.rglob("*.ipynb"):
        time = path.with_name("timestamp.txt")
        told = time.read_text() if time.exists() else ""
        found[path.parts[-3]] = (path.read_text("utf-8"), told)
    return found


def ran(
    program: str, cwd: Path, patience: float = 60
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


@pytest.mark.parametrize("archive", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("platform", CLASSES)
def test_no_names_of_ones_own_files_move_those_of_others(
    platform: str, forged: str, archive: bool, tmp_path: Path
) -> None:
    source, before = tmp_path / "in", tmp_path / "before"
    names = dict(HONEST[platform])
    if platform == "Gradescope":
        pytest.importorskip("yaml")
        names["submission_metadata.yml"] = ""
    for name in names:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GRADESCOPE + MALLORY if name.endswith("yml") else f'"{name}"')
    collect(source, CHAPTER, before)
    honest = placed(before)
    assert set(honest) >= set(HONEST[platform].values())
    start, mallory = CLASSES[platform]
    whom = [*HONEST[platform].values(), "mallory", *map(str, range(30))]
    for n, who in enumerate(whom, start=101):
        name = start + FORGED[forged].format(who=who, n=n)
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("# Mallory's")
    if "/" in start:
        own = source / start / "submission_metadata.yml"
        own.write_text(OF_MALLORYS_OWN)
    if archive:
        source = packed(source, tmp_path / "in.zip")
    collect(source, CHAPTER, tmp_path / "out")
    found = placed(tmp_path / "out")
    found.pop(mallory, None)
    assert found == honest


@pytest.mark.parametrize("platform", CLASSES)
def test_one_students_files_leave_room_in_an_archive_for_those_of_others(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they lie beside those of others, too: the platform's name says whose they are."""
    monkeypatch.setattr(archives, "EACH_BYTES", 1_000)
    monkeypatch.setattr(archives, "MOST_BYTES", 6_000)
    start, mallory = CLASSES[platform]
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for n in range(60):
            archive.writestr(f"{start}{n:02}.py", "#" * 150)
        for name in HONEST[platform]:
            archive.writestr(name, "")
        if platform == "Gradescope":
            pytest.importorskip("yaml")
            archive.writestr("submission_metadata.yml", GRADESCOPE + MALLORY)
    lines = collect(tmp_path / "in.zip", CHAPTER, tmp_path / "out")
    found = set(placed(tmp_path / "out"))
    assert found - {mallory} >= set(HONEST[platform].values())
    assert any("it holds more than" in line for line in lines)


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("platform", CLASSES)
def test_a_single_late_file_is_nobody_elses(
    platform: str, forged: str, tmp_path: Path
) -> None:
    """Where there is no majority, either, that tells the platform."""
    start, mallory = CLASSES[platform]
    path = tmp_path / "in" / (start + FORGED[forged].format(who="Bo", n=101))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    if platform == "Gradescope":
        pytest.importorskip("yaml")
        (tmp_path / "in/submission_metadata.yml").write_text(GRADESCOPE + MALLORY)
    (line,) = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
    assert line.startswith(f"✓ {mallory}:") or "does not say whose it is" in line


@pytest.mark.parametrize("forged", FORGED)
def test_who_hands_in_alone_hands_in_for_nobody_else(
    forged: str, tmp_path: Path
) -> None:
    own = tmp_path / "in" / "mallory"
    for n, who in enumerate(["ann", "bo"], start=101):
        path = own / FORGED[forged].format(who=who, n=n)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# Mallory's")
    (own / "submission_metadata.yml").write_text(OF_MALLORYS_OWN)
    lines = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
    assert [line.partition(":")[0] for line in lines] == ["✗ mallory"]
    assert not (tmp_path / "out").exists()


def test_a_platforms_download_in_a_folder_of_its_own_is_said_to_be_one(
    tmp_path: Path,
) -> None:
    for name in NAMES["Canvas"]:
        path = tmp_path / "in" / "submissions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('""')
    (line,) = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
    assert line.startswith("✗ submissions: 2 files")
    assert line.endswith(
        "If submissions is the folder of a class, collect that folder."
    )


# ---- Students of one name -----------------------------------------------------------


def named(*keys: tuple[str, str]) -> list[str]:
    """Return what students of these names and numbers are called."""
    file = HandedIn(Path("/class/x"), "x")
    return [each.student for each in told_apart([Named(file, *key) for key in keys])]


def test_a_name_that_is_anothers_with_a_number_is_told_apart() -> None:
    lee = [("Ann Lee", "11"), ("Ann Lee", "12"), ("Ann Lee_11", "13"), ("Bo", "14")]
    assert named(*lee) == ["Ann Lee_11", "Ann Lee_12", "Ann Lee_11_13", "Bo"]
    more = [("A", "1"), ("A", "2"), ("A_1", "3"), ("A_1", "4"), ("A_1_3", "5")]
    assert named(*more) == ["A_1", "A_2", "A_1_3", "A_1_4", "A_1_3_5"]
    assert named(("Ann Lee", "1"), ("ANN LEE", "2")) == ["Ann Lee_1", "ANN LEE_2"]
    windows_drops_dots = named(("Ann", "1"), ("Ann.", "2"), ("Ann .", "3"))
    assert windows_drops_dots == ["Ann_1", "Ann._2", "Ann ._3"]
    assert named(("Ann", "1"), ("Ann", "1")) == ["Ann", "Ann"]


@pytest.mark.parametrize("unseen", ["\u00ad", "\u200d", "\u2063", "\u3164", "\u034f"])
def test_a_name_that_looks_like_anothers_gets_its_number(unseen: str) -> None:
    file = HandedIn(Path("x.py"), "x.py")
    two = [Named(file, "Ann Lee", "1"), Named(file, f"Ann{unseen} Lee", "2")]
    assert [each.student[-2:] for each in told_apart(two)] == ["_1", "_2"]


def test_names_and_numbers_that_make_one_name_are_told_apart() -> None:
    ambiguous = [("A", "1_2"), ("A_1", "2"), ("A", "7"), ("A_1", "8")]
    names = named(*ambiguous)
    assert sorted(names) == ["A_1_2", "A_1_2_2", "A_1_8", "A_7"]
    where_capitals_are_alike = named(("Bob Ray", "ab1"), ("Bob Ray", "AB1"))
    assert len({name.casefold() for name in where_capitals_are_alike}) == 2
    taken = named(
        ("A", "1"), ("A", "1_2"), ("A_1", "2"), ("A_1_2", "2"), ("A", "1_2_2")
    )
    assert len({name.casefold() for name in taken}) == 5


def test_whoever_gives_anothers_name_and_number_gets_nothing_of_the_other(
    tmp_path: Path,
) -> None:
    for name in ("A--1_2--2026-11-20-18-30-05.py", "A_1--2--2026-11-21-18-30-05.py"):
        (tmp_path / name).write_text(f"# {name[:5]}")
    more = ("A--7--2026-11-20-18-30-05.py", "A_1--8--2026-11-20-18-30-05.py")
    for name in more:
        (tmp_path / name).write_text("")
    own = r"(?P<student>.+)--(?P<id>.+)--(?P<time>[\d-]+)\.py"
    lines = collect(tmp_path, CHAPTER, tmp_path / "out", own)
    assert [line for line in lines if line.startswith("✗")] == []
    found = [path.read_text() for path in (tmp_path / "out").glob("A_1_2*/*/*.ipynb")]
    assert sorted("# A--1" in text for text in found) == [False, True]


@pytest.mark.parametrize("archive", [False, True], ids=["folder", "zip"])
def test_the_third_of_two_namesakes_is_collected(archive: bool, tmp_path: Path) -> None:
    source = tmp_path / "in"
    names = [
        f"{who}_assignsubmission_file_/c.ipynb"
        for who in ("Ann Lee_11", "Ann Lee_12", "Ann Lee_11_13")
    ]
    for name in names:
        (source / name).parent.mkdir(parents=True)
        (source / name).write_text(name)
    if archive:
        source = packed(source, tmp_path / "in.zip")
    collect(source, CHAPTER, tmp_path / "out")
    assert {who: name for who, (name, _) in placed(tmp_path / "out").items()} == dict(
        zip(["Ann Lee_11", "Ann Lee_12", "Ann Lee_11_13"], names, strict=True)
    )


# ---- What is passed over is said ----------------------------------------------------

#: A file that is passed over → whom or what the line on it names.
PASSED = {
    ".x_5_assignsubmission_file_/c.ipynb": ".x",
    "Eve_5_assignsubmission_file_/.c.ipynb": "Eve",
    "Eve_5_assignsubmission_file_/__mine/c.ipynb": "Eve",
    "Eve_5_assignsubmission_file_/noise/c.ipynb": "Eve",
    ".x_5_assignsubmission_file_c.ipynb": ".x",
    ".eve.ipynb": ".eve.ipynb",
}


@pytest.mark.parametrize("archive", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("name", PASSED)
def test_a_line_says_what_is_passed_over(
    name: str, archive: bool, tmp_path: Path
) -> None:
    source, ann = tmp_path / "in", "Ann_1_assignsubmission_file_"
    litter = ["__MACOSX/._c.ipynb", ".DS_Store", f"{ann}/._c.ipynb"]
    for each in (name, f"{ann}/c.ipynb", *litter):
        (source / each).parent.mkdir(parents=True, exist_ok=True)
        (source / each).write_text("{}")
    if archive:
        source = packed(source, tmp_path / "in.zip")
    passed, collected = collect(source, CHAPTER, tmp_path / "out")[:2]
    if name == ".eve.ipynb":
        passed, collected = collected, passed
    assert collected.startswith("✓ Ann:")
    assert passed.startswith(f"✗ {PASSED[name]}:")
    assert len(collect(source, CHAPTER, tmp_path / "out")) == 2


@pytest.mark.parametrize("way", ["Moodle", "Gradescope"])
@pytest.mark.parametrize("name", [".ida", "__hal", "__MACOSX", "__pycache__", "..x"])
def test_no_door_takes_a_name_that_a_later_one_passes_over(
    name: str, way: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    folder = {
        "Moodle": f"{name}_5_assignsubmission_file_",
        "Gradescope": "submission_5",
    }
    (source / folder[way]).mkdir(parents=True)
    (source / folder[way] / "c.py").write_text("x = 1")
    if way == "Gradescope":
        pytest.importorskip("yaml")
        text = f"submission_5:\n  :submitters:\n  - :name: '{name}'\n    :email: a@b\n"
        (source / "submission_metadata.yml").write_text(text)
    with contextlib.suppress(ClassError):  # nobody else is there
        [line] = collect(source, CHAPTER, out)
        assert line.startswith("✓" if name == "__hal" else "✗"), line
    # What is there later doors find.
    made = [path.parts[-3] for path in out.rglob("*.ipynb")]
    assert made == [file.student for file in find_handed_in(out)] if made else True
    assert bool(made) == (name == "__hal")


def test_hidden_files_of_folders_and_of_gradescope_are_said(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    for name in ("a/ann/x.py", "a/.bo/x.py", "a/cem/.x.py", "a/.dee.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    lines = collect(tmp_path / "a", CHAPTER, tmp_path / "out")
    told = [line.partition(":")[0] for line in lines]
    assert sorted(told) == ["✓ ann", "✗ .bo", "✗ .dee", "✗ cem"]
    for name in ("submission_101/x.py", "submission_102/.b.py", "submission_103/c.pdf"):
        (tmp_path / "g" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "g" / name).write_text("")
    (tmp_path / "g" / "submission_metadata.yml").write_text(GRADESCOPE + MALLORY)
    lines = collect(tmp_path / "g", CHAPTER, tmp_path / "out")
    told = [line.partition(":")[0] for line in lines]
    assert sorted(told) == ["✓ Ann Lee", "✗ Bo O'Neil", "✗ Mallory", "✗ Åsa Öst"]


@pytest.mark.parametrize("outer", ["", "assignment_5_export/"])
def test_a_link_to_another_submission_is_refused(outer: str, tmp_path: Path) -> None:
    source = tmp_path / "in" / outer
    for number, text in ((101, "{}"), (102, None)):
        folder = source / f"submission_{number}"
        folder.mkdir(parents=True)
        if text is None:
            (folder / "x.ipynb").symlink_to("../submission_101/x.ipynb")
        else:
            (folder / "x.ipynb").write_text(text)
    (source / "submission_metadata.yml").write_text(GRADESCOPE)
    lines = collect(tmp_path / "in", CHAPTER, tmp_path / "submitted")
    assert [line[:9] for line in lines if line[0] == "✓"] == ["✓ Ann Lee"]
    [refused] = [line for line in lines if "Bo O'Neil" in line]
    assert "a link out of the student's own folder" in refused


def test_who_gives_anothers_name_and_number_replaces_no_work(tmp_path: Path) -> None:
    """Only the address is an account's own."""
    source, metadata = tmp_path / "in", ""
    for number, who in ((1, "ann"), (2, "mallory")):
        path = source / f"submission_{number}" / "x.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"# by {who}")
        metadata += f"submission_{number}:\n  :submitters:\n  - :name: Ann Lee\n"
        metadata += f"    :sid: '7'\n    :email: {who}@example.org\n"
        metadata += f"  :created_at: 2026-11-2{number} 08:00:00.0 Z\n"
    (source / "submission_metadata.yml").write_text(metadata)
    collect(source, CHAPTER, tmp_path / "out")
    work = placed(tmp_path / "out")
    assert sorted(work) == [f"Ann Lee_7_{w}@example.org" for w in ("ann", "mallory")]
    assert "by ann" in work["Ann Lee_7_ann@example.org"][0]


def test_metadata_that_stand_for_thousands_of_texts_cost_nothing(
    tmp_path: Path,
) -> None:
    many = "".join(
        f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(30)
    )
    metadata = f"a0: &a0 x\n{many}submission_1:\n  :submitters:\n  - :name: *a30\n"
    path = tmp_path / "in" / "submission_1" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    metadata += "    :sid: *a30\n  :created_at: *a30\n"
    (tmp_path / "in" / "submission_metadata.yml").write_text(metadata)
    (line,) = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
    assert line[0] == "✗"


@pytest.mark.parametrize("pure", [False, True], ids=["C", "Python"])
@pytest.mark.parametrize(
    "deep", ["[" * 300_000, "{a: " * 300_000, "- " * 300_000, "? " * 300_000]
)
def test_metadata_that_are_too_deep_end_no_process(
    deep: str, pure: bool, tmp_path: Path
) -> None:
    path = tmp_path / "in" / "submission_1" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    (tmp_path / "in" / "submission_metadata.yml").write_text(f"a: 1\nb:\n  {deep}")
    program = (
        "import sys, yaml; from autograder.__main__ import main\n"
        f"if {pure}: del yaml.CBaseLoader\n"
        f"sys.exit(main(['collect', 'in', {CHAPTER!r}]))"
    )
    done = ran(program, tmp_path)
    told = "submission_metadata.yml cannot be read (it is nested more than 100 deep)."
    assert (done.stderr.strip(), done.returncode) == (told, 2)


_MOODLE = "_assignsubmission_file_"
#: A pattern of one's own, what Eve's files are called, Ann's, and how Ann's folder is.
ROOMS = {
    "Moodle": (None, f"Ann_12{_MOODLE}_5{_MOODLE}/{{}}.py", f"Ann_12{_MOODLE}/a.py"),
    "loose": (None, f"Ann_12{_MOODLE}_5{_MOODLE}{{}}.py", f"Ann_12{_MOODLE}a.py"),
    "own": (r"(?P<student>.+)--(?P<id>\w+)--.*", "Ann_1--2--{}.py", "Ann--1_2--a.py"),
}


@pytest.mark.parametrize("pattern, eve, ann", ROOMS.values(), ids=ROOMS)
def test_no_name_takes_the_room_of_anothers_files_in_an_archive(
    pattern: str | None,
    eve: str,
    ann: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names that are refused, or are told apart, where they are collected."""
    monkeypatch.setattr(archives, "EACH_FILES", 40)
    monkeypatch.setattr(archives, "MOST_FILES", 90)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for number in range(100):
            archive.writestr(eve.format(number), "")
        for name in (ann, f"Bo_13{_MOODLE}a.py", f"Cy_14{_MOODLE}a.py"):
            archive.writestr(name, "# Ann's" if name == ann else "")
    collect(tmp_path / "in.zip", CHAPTER, tmp_path / "out", pattern)
    texts = [path.read_text() for path in tmp_path.glob("out/*/*/*.ipynb")]
    assert sum("# Ann's" in text for text in texts) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_history_of_any_length_takes_no_memory_and_withholds_nobody(
    tmp_path: Path,
) -> None:
    """Gradescope lists each time that a student hands in, with the score of each test."""
    tests = "".join(
        f"      - :name: test {n}\n        :score: 1.0\n" for n in range(25)
    )
    entry = f"  - :id: 1\n    :results:\n      :tests:\n{tests}"
    texts = ["submission_1:\n  :submitters:\n  - &z\n    :name: Zed\n    :sid: '1'\n"]
    texts += ["  :created_at: 2026-11-22 08:00:00.0 Z\n  :history:\n", entry * 12_000]
    texts += ["submission_2:\n  :submitters:\n  - *z\n  - :name: Ann\n    :sid: '2'\n"]
    for folder in ("submission_1", "submission_2"):
        path = tmp_path / "in" / folder / "x.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"# {folder}")
    (tmp_path / "in" / "submission_metadata.yml").write_text("".join(texts))
    program = (
        "from autograder.__main__ import main\n"
        f"main(['collect', 'in', {CHAPTER!r}])\n"
        # What ``getrusage`` says may be the peak of the process that started this one.
        "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    )
    done = ran(program, tmp_path, patience=300)
    assert "✓ Ann: submission_2/x.py." in done.stdout, done.stderr
    assert int(done.stdout.split()[-1]) < 150 * 1024


def test_metadata_of_too_many_parts_are_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in" / "submission_1" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    monkeypatch.setattr(gradescope_download, "MOST_EVENTS", 1_000)
    for parts, refused in ((900, False), (1_000, True)):
        (tmp_path / "in" / "submission_metadata.yml").write_text("- b\n" * parts)
        try:
            [line] = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
        except ClassError as error:
            assert refused and "more than 1,000 texts and lists" in str(error)
        else:
            assert not refused and "does not say whose" in line


LITTER = (
    "__MACOSX/assignment_7_export/._submission_metadata.yml",
    "assignment_7_export/submission_100/._conventions.py",
    ".DS_Store",
    "grades.csv",
)


@pytest.mark.parametrize("beside", [*LITTER, None])
@pytest.mark.parametrize("junk", ["{}.txt", "{}.py", "__pycache__/{}.pyc"])
def test_a_share_is_a_submission_s_whatever_lies_beside_the_export(
    junk: str, beside: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    monkeypatch.setattr(archives, "EACH_FILES", 10)
    top = "assignment_7_export/"
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        text = "".join(
            f"submission_{n}:\n  :submitters:\n  - :name: S{n}\n    :email: s{n}@x\n"
            for n in range(100, 115)
        )
        archive.writestr(f"{top}submission_metadata.yml", text)
        for n in range(100, 115):
            archive.writestr(f"{top}submission_{n}/conventions.py", "x = 1")
        for n in range(11):
            archive.writestr(f"{top}submission_100/junk/{junk.format(n)}", "x")
        if beside is not None:
            archive.writestr(beside, "x")
    lines = collect(tmp_path / "g.zip", CHAPTER, tmp_path / "out")
    bad = [line for line in lines if line.startswith("✗")]
    if "pycache" in junk:  # which counts nowhere
        assert bad == []
    else:
        assert bad[0].startswith("✗ submission_100: it holds more than 10 files"), bad
        assert {line.split(":")[0] for line in bad[1:]} <= {"✗ S100"}
    assert sum(line.startswith("✓") for line in lines) >= 14


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_who_has_litter_or_nothing_alone_is_named(packed: bool, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr("Ann/x.py", "x = 1")
        archive.writestr("Bo/__MACOSX/x.py", "x = 1")
        archive.writestr("Cy/.DS_Store", "x = 1")
        archive.writestr("Di/", "")
        archive.writestr("Eve/x.IPYNB", "")
        if not packed:
            archive.extractall(tmp_path / "g")
    source = tmp_path / ("g.zip" if packed else "g")
    lines = collect(source, CHAPTER, tmp_path / "out")
    told = [line.split(":")[0] for line in lines]
    assert sorted(told) == ["✓ Ann", "✗ Bo", "✗ Cy", "✗ Di", "✗ Eve"], lines


def test_metadata_in_an_archive_are_whole_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    monkeypatch.setattr(archives, "MAX_BYTES", 2_000)
    last = "submission_102:\n  :submitters:\n  - :name: Cy\n    :email: cy@x\n"
    text = f"submission_101:\n  :history: {'x' * 5_000}\n{last}  - :name: Zoe\n"
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr("submission_metadata.yml", text)
        archive.writestr("submission_102/x.py", "x = 1")
    lines = collect(tmp_path / "g.zip", CHAPTER, tmp_path / "out")
    assert [line.split(":")[0] for line in lines] == ["✓ Cy", "✓ Zoe"]
    monkeypatch.setattr(archives, "MOST_OF_METADATA", len(text) - 1)
    with pytest.raises(ClassError, match=r"submission_metadata\.yml is larger than"):
        collect(tmp_path / "g.zip", CHAPTER, tmp_path / "out")


def test_empty_folders_in_an_archive_take_no_time(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr("Ann/x.py", "x = 1")
        archive.writestr("Bo/", "")
        for n in range(5_000):
            archive.writestr(f"Ann/{n}/", "")
    began = time.process_time()
    lines = collect(tmp_path / "g.zip", CHAPTER, tmp_path / "out")
    assert time.process_time() - began < 5
    assert sorted(line.split(":")[0] for line in lines) == ["✓ Ann", "✗ Bo"]


def test_long_names_in_an_archive_take_no_time(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr("Ann_1_assignsubmission_file_/x.py", "x = 1")
        for n in range(20):
            archive.writestr(f"{'a_' * 32_000}{n}", "")
            archive.writestr(f"Bo_2_assignsubmission_file_/{'b/' * 30_000}{n}.py", "")
    began = time.process_time()
    lines = collect(tmp_path / "g.zip", CHAPTER, tmp_path / "out")
    assert time.process_time() - began < 3
    assert max(map(len, lines)) < 400
    told = [line for line in lines if "longer than anybody's" in line]
    assert 2 <= len(told) <= 40
    assert (
        sum("kB of names; the others were not unpacked" in line for line in lines) == 2
    )
    assert "✓ Ann: Ann_1_assignsubmission_file_/x.py." in lines


@pytest.mark.parametrize("names", [("LI WEI", "Li Wei"), ("J. Doe", "J. Doe.")])
def test_names_without_numbers_are_told_apart_by_themselves(
    names: tuple[str, str], tmp_path: Path
) -> None:
    """Nobody's folder depends on what a look-alike hands in, or on who came first."""

    def collected(*of: str, out: str) -> set[str]:
        source = tmp_path / f"in{len(list(tmp_path.iterdir()))}"
        for name in of:
            (source / name).mkdir(parents=True)
            (source / name / "hw.py").write_text(f"# {name}")
        lines = collect(source, CHAPTER, tmp_path / out)
        assert all(line.startswith("✓") for line in lines), lines
        return {line.split(":")[0][2:] for line in lines}

    one, other = names
    both = collected(one, other, out="a")
    assert both == {
        n.student
        for n in told_apart([Named(HandedIn(Path(m), m), m) for m in names[::-1]])
    }
    # Whoever has a folder keeps it, whoever else is there.
    [first] = collected(one, out="a")
    [second] = collected(other, out="a")
    assert {first, second} == both
    assert (first, second) != (one, other)
    # Nor is a folder taken that another's whole name is, as its owner may have foreseen.
    squatted = by_itself(one)
    assert collected(squatted, out="c") == {squatted}
    assert collected(*names, out="c") == {f"{squatted}_2", second}
    assert collected(one, squatted, out="c") == {f"{squatted}_2", squatted}
    # A later look-alike gets another.
    assert collected(one, out="b") == {one}
    assert collected(other, one, out="b") == {one, second}
    assert collected(other, out="b") == {second}
    assert collected(one, out="b") == {one}


def test_one_file_a_thousand_times_is_a_few_lines(tmp_path: Path) -> None:
    source = tmp_path / "class.zip"
    with zipfile.ZipFile(source, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        archive.writestr("bob/a.py", "")
        archive.writestr("ann/a.py", "")
        for number in range(900):
            archive.writestr("ann/a.py", f"x = {number}")
        for number in range(50):
            archive.writestr(f"ann/{number}{'x' * 300}.py", "")
    with archives.unpacked(source) as (folder, lines):
        assert (folder / "ann/a.py").read_text() == ""
        assert (folder / "bob/a.py").is_file()
    assert len(lines) == 11 and all("ann" in line for line in lines)
    assert lines[0] == "✗ ann/a.py: it was not unpacked (File exists)."
    assert lines[-1] == "✗ ann: 940 more were not unpacked."


def test_an_encrypted_file_is_said_to_be_one(tmp_path: Path) -> None:
    source = tmp_path / "class.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("ann/a.py", "x = 1")
        archive.writestr("bob/a.py", "")
    data = source.read_bytes()
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(start) + flags
        data = data[:at] + bytes([data[at] | 1]) + data[at + 1 :]
    source.write_bytes(data)
    with archives.unpacked(source) as (folder, lines):
        assert (folder / "bob/a.py").is_file()
    told = "it is encrypted; pack it anew without a password"
    assert lines == [f"✗ ann/a.py: it was not unpacked ({told})."]


def packed_with(path: Path, *, name: bytes = b"Cy", extra: bytes = b"") -> Path:
    """Write an archive with an entry whose name, said to be UTF-8, or extra field is of
    these bytes; the table of contents alone has them."""
    entry = zipfile.ZipInfo("Cy/a.py")
    entry.extra = struct.pack("<2H", 1, 16) + bytes(16) if extra else b""
    with zipfile.ZipFile(path, "w") as archive:
        for other in ("ann/a.py", entry, "bob/a.py"):
            archive.writestr(other, "# whole")
    data = path.read_bytes()
    at = data.rindex(b"Cy/a.py")
    changed = bytearray(data)
    changed[at - 46 + 8 : at - 46 + 10] = struct.pack("<H", 0x800)
    changed[at : at + 2] = name
    changed[at + 7 : at + 7 + len(extra)] = extra
    path.write_bytes(changed)
    return path


@pytest.mark.parametrize(
    "broken", [{"name": b"\xc3("}, {"extra": b"\1\0\xff\0"}], ids=["name", "extra"]
)
def test_an_entry_that_is_damaged_stops_nobody_else(
    broken: dict[str, bytes], tmp_path: Path
) -> None:
    """In the table of contents, where zipfile refuses all for one."""
    source = packed_with(tmp_path / "class.zip", **broken)
    with pytest.raises((zipfile.BadZipFile, ValueError)):
        zipfile.ZipFile(source)
    lines = collect(source, CHAPTER, tmp_path / "out")
    assert set(placed(tmp_path / "out")) == {"ann", "bob"}
    assert sum("/a.py: it was not unpacked" in line for line in lines) == 1


@pytest.mark.parametrize("damaged", ["first", "last"])
def test_no_earlier_work_counts_in_silence_for_what_is_damaged(
    damaged: str, tmp_path: Path
) -> None:
    source = tmp_path / "class.zip"
    name = "Sheet 1_{}_attempt_2026-11-{}-10-00-00_a.py"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name.format("ann", 20), "")
        for day, which in ((20, "first"), (21, "last")):
            text = "".join(chr(35 + n * n % 89) for n in range(999)) + which
            archive.writestr(name.format("bob", day), text)
    data = bytearray(source.read_bytes())
    at = data.index(name.format("bob", 20 if damaged == "first" else 21).encode())
    data[at + 100 : at + 104] = b"\xff\xff\xff\xff"
    source.write_bytes(data)
    lines = collect(source, CHAPTER, tmp_path / "out")
    [line] = [line for line in lines if line.startswith("✓ bob")]
    assert ("A later attempt" in line) == (damaged == "last")
    assert set(placed(tmp_path / "out")) == {"ann", "bob"}


FLOODS = {
    "Gradescope": "submission_103/junk/{}.txt",
    "Gradescope, folders": "submission_103/{}/",
    "Moodle": "Mallory_9_assignsubmission_file_/{}.txt",
    "Moodle, without folders": "Mallory_9_assignsubmission_file_{}.py",
    "Canvas": "mallory_9_9_{}.py",
    "Blackboard": "Sheet 1_mallory_attempt_2026-11-20-18-30-05_{}.py",
    "folders": "mallory/{}.txt",
}
BIG = """
import sys
from autograder.doors.collect import collect
print(*collect(*sys.argv[1:]), sep="\\n")
print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])
"""


@pytest.mark.parametrize("long", [0, 2_000])
@pytest.mark.parametrize("flood", FLOODS)
def test_one_students_many_or_long_names_fill_the_own_share_of_an_archive(
    flood: str, long: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: what is beyond is left out, and a line names whose."""
    monkeypatch.setattr(archives, "MOST_FILES", 200)
    monkeypatch.setattr(archives, "MOST_CONTENTS", 100_000)
    monkeypatch.setattr(archives, "EACH_FILES", 40)
    monkeypatch.setattr(archives, "EACH_NAMES", 20_000, raising=False)
    platform = flood.partition(", folders")[0]
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for n in range(400):
            path = "x" * 100 + "/" if long else ""
            name = FLOODS[flood].format(f"{path * (long // 100)}{n:03}")
            archive.writestr(name, "")
        for name in HONEST[platform]:
            archive.writestr(name, '""')
        if platform == "Gradescope":
            pytest.importorskip("yaml")
            archive.writestr("submission_metadata.yml", GRADESCOPE + MALLORY)
    lines = collect(tmp_path / "in.zip", CHAPTER, tmp_path / "out")
    honest = set(HONEST[platform].values())
    assert set(placed(tmp_path / "out")) >= honest
    told = [line for line in lines if "the others were not unpacked" in line]
    assert len(told) == (flood != "Gradescope, folders"), lines


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_archive_of_hundreds_of_thousands_of_files_takes_little_memory(
    tmp_path: Path,
) -> None:
    """The table of contents alone has 50 MB, of which zipfile would make half a gigabyte."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("submission_101/my.ipynb", '""')
        archive.writestr("submission_102/a.ipynb", '""')
        archive.writestr("submission_metadata.yml", GRADESCOPE + MALLORY)
    data = (tmp_path / "in.zip").read_bytes()
    at = data.rindex(b"PK\x05\x06")
    size, start = struct.unpack("<2L", data[at + 12 : at + 20])
    name = b"submission_103/" + b"n" * 100
    more = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", *[20] * 2, *[0] * 7, len(name) + 6, *[0] * 6
    )
    with (tmp_path / "in.zip").open("wb") as file:
        file.write(data[:at])
        for n in range(300_000):
            file.write(more + name + b"%06d" % n)
        size += 300_000 * (len(more) + len(name) + 6)
        file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, size, start, 0))
    assert size > 40 * 2**20
    done = subprocess.run(
        [sys.executable, "-c", BIG, "in.zip", CHAPTER, "out"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *lines, peak = done.stdout.splitlines()
    assert sum(line.startswith("✓") for line in lines) == 3, done.stdout
    assert any(
        line.startswith("✗ submission_103: it holds more than") for line in lines
    )
    assert int(peak) < 100 * 1024


@pytest.mark.parametrize("door", ["collect", "grade"])
@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("outer", ["", "assignment_5_export/"])
def test_how_deep_the_only_work_lies_makes_no_students_of_anothers_files(
    outer: str, links: bool, door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    monkeypatch.setattr("autograder.doors.few.MOST_STUDENTS", 30)
    source = tmp_path / "in" / outer
    for n in range(40):
        path = source / "submission_103/junk" / f"{n}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        if links:
            (path.parent / f"{n}").symlink_to(tmp_path)
    path = source / "submission_101/a/b/my.py"
    path.parent.mkdir(parents=True)
    path.write_text("x = 1")
    (source / "submission_metadata.yml").write_text(GRADESCOPE + MALLORY)
    if door == "collect":
        lines = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
        assert [line for line in lines if line.startswith("✓ Ann Lee: ")]
        return
    found = find_handed_in(tmp_path / "in")
    counting, _ = of_a_platform(tmp_path / "in", found, "in")
    assert "Ann Lee" in {file.student for file in counting}
