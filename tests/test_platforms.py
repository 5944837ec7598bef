"""What learning platforms let one download comes to where nbgrader looks for it."""

import contextlib
import re
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.__main__ import main
from autograder.doors import gradescope_download
from autograder.doors.classroom import ClassError, HandedIn, find_handed_in
from autograder.doors.collect import collect
from autograder.doors.nbgrader.timestamps import handed_in_at
from autograder.doors.platforms import read_names
from autograder.isolation import atomic

CHAPTER = "conventions"
#: Names by platform, and the students that they stand for.
NAMES = {
    "Moodle": {
        "Ann Lee_1201_assignsubmission_file_/my conventions.ipynb": "Ann Lee",
        "Bo O'Neil_1202_assignsubmission_file_/a.py": "Bo O'Neil",
        "Åsa Öst_1203_assignsubmission_file/x.ipynb": "Åsa Öst",
    },
    "Moodle, without folders": {
        "Ann Lee_1201_assignsubmission_file_conventions.ipynb": "Ann Lee",
        "Bo Kim_77_assignsubmission_file_a_b.py": "Bo Kim",
    },
    "Moodle, namesakes": {
        "Ann Lee_1201_assignsubmission_file_/a.ipynb": "Ann Lee_1201",
        "Ann Lee_1202_assignsubmission_file_/a.ipynb": "Ann Lee_1202",
        "Bo Kim_1203_assignsubmission_file_/a.ipynb": "Bo Kim",
    },
    "Canvas": {
        "leeann_40312_881203_conventions.ipynb": "leeann",
        "kimbo_LATE_40313_881204_my_answer-2.py": "kimbo",
    },
    "Blackboard": {
        "Sheet 1_alee_attempt_2026-11-20-18-30-05_conventions.ipynb": "alee",
        "Sheet 1_b_kim_attempt_2026-11-21-08-00-00_a_b.py": "b_kim",
        "Sheet 1_c_kim_attempt_2026-11-21-08-00-01.ipynb": "c_kim",
    },
    "folders": {"ann/conventions.ipynb": "ann", "bo/conventions.ipynb": "bo"},
    "files": {"ann_2026_1_final.ipynb": "ann_2026_1_final", "bo.py": "bo"},
}


def handed_in(names: "dict[str, str] | list[str]") -> list[HandedIn]:
    return [HandedIn(Path("/class", name), name) for name in names]


@pytest.mark.parametrize("platform", NAMES)
def test_names_say_whose_a_file_is(platform: str) -> None:
    named, others = read_names(handed_in(NAMES[platform]))
    assert {n.handed_in.name: n.student for n in named} == NAMES[platform]
    assert others == []


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_who_handed_in_something_else_is_named(packed: bool, tmp_path: Path) -> None:
    end = "assignsubmission_file_"
    names = (
        *(f"Ann Lee_1_{end}/a.ipynb", f"Ann Lee_1_{end}/data.csv"),
        *(f"Ann Lee_2_{end}/{n}.jpg" for n in range(5)),
        *(f"Bo Kim_3_{end}/essay.docx", "grades.csv"),
    )
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "x")
        if not packed:
            archive.extractall(tmp_path / "download")
    source = tmp_path / ("download.zip" if packed else "download")
    assert collect(source, CHAPTER, tmp_path / "out") == [
        "✗ Ann Lee_2: no notebook and no .py file; found Ann Lee_2_assignsubmission_file_"
        "/0.jpg, Ann Lee_2_assignsubmission_file_/1.jpg, Ann Lee_2_assignsubmission_file_"
        "/2.jpg and 2 more.",
        "✗ Bo Kim: no notebook and no .py file; found Bo Kim_3_assignsubmission_file_/"
        "essay.docx.",
        "✓ Ann Lee_1: Ann Lee_1_assignsubmission_file_/a.ipynb.",
    ]


@pytest.mark.parametrize("platform", NAMES)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_download_is_collected(platform: str, packed: bool, tmp_path: Path) -> None:
    source, out = tmp_path / "download", tmp_path / "submitted"
    for name in NAMES[platform]:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"# {name}" if name.endswith(".py") else f'{{"name": "{name}"}}'
        )
    if packed:
        with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
            for name in NAMES[platform]:
                archive.write(source / name, name)
            archive.writestr("__MACOSX/._a.ipynb", "x")
            archive.writestr("grades.csv", "x")
        source = tmp_path / "download.zip"
    lines = collect(source, CHAPTER, out)
    assert all(line.startswith("✓") for line in lines), lines
    for name, student in NAMES[platform].items():
        text = (out / student / CHAPTER / f"{CHAPTER}.ipynb").read_text("utf-8")
        assert name in text


def test_the_last_attempt_counts_and_its_time_is_kept(tmp_path: Path) -> None:
    source, out = tmp_path / "download", tmp_path / "submitted"
    source.mkdir()
    for time in ("2026-11-20-18-30-05", "2026-11-22-07-00-00", "2026-11-21-23-59-59"):
        (source / f"S 1_ann_attempt_{time}_a.ipynb").write_text(f'"{time}"')
    (source / "S 1_bo_attempt_2026-11-19-00-00-00_a.ipynb").write_text('"bo"')
    lines = collect(source, CHAPTER, out)
    assert "the last of 3 attempts" in lines[0]
    folder = out / "ann" / CHAPTER
    assert (folder / f"{CHAPTER}.ipynb").read_text() == '"2026-11-22-07-00-00"'
    found = handed_in_at(folder / "timestamp.txt")
    assert f"{found:%Y-%m-%d %H:%M:%S}" == "2026-11-22 07:00:00"


def test_attempts_of_one_time_are_not_chosen_from(tmp_path: Path) -> None:
    source = tmp_path / "download"
    source.mkdir()
    for name in ("a", "b"):
        (source / f"S_ann_attempt_2026-11-20-18-30-05_{name}.ipynb").write_text("{}")
    [line] = collect(source, CHAPTER, tmp_path / "submitted")
    assert line.startswith("✗ ann: 2 files")


def test_a_pattern_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "download"
    source.mkdir()
    for name in ("2026W-ann-7.ipynb", "2026W-bo-8.ipynb", "else.ipynb"):
        (source / name).write_text("{}")
    lines = collect(source, CHAPTER, tmp_path / "s", r"\d+W-(?P<student>\w+)-\d\.ipynb")
    assert [line[:1] for line in lines] == ["✓", "✓", "✗"]
    assert "else.ipynb: its name does not say whose it is" in lines[2]
    for wrong in ("(", r"\w+"):
        with pytest.raises(ClassError):
            collect(source, CHAPTER, tmp_path / "s", wrong)
        assert main(["collect", str(source), CHAPTER, "--pattern", wrong]) == 2


@pytest.mark.parametrize("student", ["..", ".", "a/b", ""])
def test_a_pattern_finds_no_way_out(student: str, tmp_path: Path) -> None:
    source = tmp_path / "download" / "x"
    source.mkdir(parents=True)
    (source / "a.ipynb").write_text("{}")
    pattern = {"a/b": r"(?P<student>x/a)\.ipynb", "": r"(?P<student>)x/a\.ipynb"}
    (tmp_path / "download" / "...ipynb").write_text("{}")
    own = pattern.get(student, r"(?P<student>\.+?)\.?ipynb")
    lines = collect(source.parent, CHAPTER, tmp_path / "submitted", own)
    assert not [line for line in lines if line.startswith("✓")], lines


@pytest.mark.parametrize(
    "name",
    [
        *("../../evil.ipynb", "/etc/evil.ipynb", "a/../../evil.py"),
        *("/{}/evil.py", "{}/evil.txt", "//evil.ipynb", "{}\\evil.py", "a//{}/evil.py"),
    ],
)
def test_an_archive_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    source = tmp_path / "a" / "b" / "download.zip"
    source.parent.mkdir(parents=True)
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("ann.ipynb", "{}")
        # Two slashes begin a path that is absolute as well.
        place = str(tmp_path).replace("/", "\\" if "\\" in name else "/")
        archive.writestr(name.replace("{}", place), "{}")
    collect(source, CHAPTER, tmp_path / "submitted")
    assert not [p for p in tmp_path.rglob("evil*") if "submitted" not in p.parts]


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ClassError, match="cannot be unpacked"):
        collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")


def test_a_file_of_an_archive_that_is_too_large_is_not_copied(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann.ipynb", bytes(30 * 2**20))
    [line] = collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")
    assert line.startswith("✗ ann: ann.ipynb was not copied (it is larger than 20 MB)")


words = st.text(st.sampled_from("ab_1 "), min_size=1, max_size=6)


def test_a_sheet_and_numbers_for_names_make_no_other_platforms_class(
    tmp_path: Path,
) -> None:
    """Canvas begins its names with a student and two numbers, too."""
    source = tmp_path / "in"
    source.mkdir()
    for who in ("1201", "1202", "ann"):
        name = f"hw_1_{who}_attempt_2026-11-20-18-30-05_a.ipynb"
        (source / name).write_text("{}")
    own = r"hw_1_(?P<student>\w+?)_attempt_(?P<time>[\d-]+)_.*"
    [line] = collect(source, CHAPTER, tmp_path / "out")
    assert line.startswith("✗ hw_1_1201, hw_1_1202, hw_1_ann: nothing says where the ")
    for pattern in (own, None):  # what the sheet is called is known then
        lines = collect(source, CHAPTER, tmp_path / "out", pattern)[-3:]
        assert [line.split(":")[0] for line in lines] == ["✓ 1201", "✓ 1202", "✓ ann"]
    (source / name).unlink()
    lines = collect(source, CHAPTER, tmp_path / "out")[-2:]
    assert [line.split(":")[0] for line in lines] == ["✓ 1201", "✓ 1202"]
    # One student of Canvas can name a file so.
    (source / "hw_1_1202_attempt_2026-11-20-18-30-05_a.ipynb").unlink()
    lines = collect(source, CHAPTER, tmp_path / "nobodys")
    assert [line[0] + line[-20:] for line in lines] == ["✗t is; --pattern can."]
    lines = collect(source, CHAPTER, tmp_path / "own", own)
    assert [line.split(":")[0] for line in lines] == ["✓ 1201"]


def blackboard(source: Path, *wholes: str, day: int = 20) -> Path:
    """Return a folder with a file of each: of the sheet and the user."""
    source.mkdir()
    for whole in wholes:
        name = f"{whole}_attempt_2026-11-{day}-10-00-00_a.py"
        (source / name).write_text(f"# {whole}, {day}")
    return source


def test_no_users_row_depends_on_who_else_is_in_the_download(tmp_path: Path) -> None:
    """Alone, lee_j was j, whose work she replaced: smith_j was j beside smith_k."""
    out = tmp_path / "out"

    def collected(day: int, *wholes: str) -> list[str]:
        return collect(blackboard(tmp_path / f"{day}", *wholes, day=day), CHAPTER, out)

    def rows() -> dict[str, str]:
        works = {path.parts[-3]: path.read_text() for path in out.glob("*/*/*.ipynb")}
        return {
            who: re.findall('# (.*?)["\\\\]', work)[0] for who, work in works.items()
        }

    for day, wholes in (
        (10, ["Sheet 1_smith_j", "Sheet 1_smith_k"]),
        (11, ["Sheet 1_lee_j"]),
    ):
        [line] = collected(day, *wholes)
        assert line.startswith(f"✗ {', '.join(wholes)}: nothing says where the sheet's")
        assert not out.exists()
    lines = collected(12, "Sheet 1_smith_j", "Sheet 1_smith_k", "Sheet 1_lee_a")
    assert lines[0] == (
        "✓ Blackboard: Sheet 1 is the sheet's name, and what follows the user's (lee_a, "
        "smith_j, smith_k)."
    )
    for day, who in ((13, "smith_j"), (14, "lee_j"), (15, "j")):
        assert collected(day, f"Sheet 1_{who}")[-1].startswith(f"✓ {who}: ")
    days = {"smith_j": 13, "smith_k": 12, "lee_a": 12, "lee_j": 14, "j": 15}
    assert rows() == {who: f"Sheet 1_{who}, {day}" for who, day in days.items()}
    # Each chapter's sheet is another; and one name without an underscore tells it.
    blackboard(tmp_path / "one", "Sheet 2_lee_j")
    assert collect(tmp_path / "one", "noise", out)[0].startswith("✗ Sheet 2_lee_j: ")
    blackboard(tmp_path / "two", "Sheet 2_lee_j", "Sheet 2_j")
    lines = collect(tmp_path / "two", "noise", out)
    assert [line.split(":")[0] for line in lines[1:]] == ["✓ j", "✓ lee_j"]
    [_, line] = collect(tmp_path / "one", "noise", out)
    assert line.startswith("✓ lee_j: ") and "unchanged" in line


def test_the_last_time_with_work_decides(tmp_path: Path) -> None:
    """Of an attempt with two files nothing says which counts; of a later one it may."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    early, late = "2026-12-05-18-30-05", "2026-12-06-18-30-05"
    for name in (f"ann_attempt_{early}_1", f"ann_attempt_{early}_2"):
        (source / f"S_{name}.py").write_text("# early")
    (source / f"S_bo_attempt_{early}_1.py").write_text("# early")
    lines = collect(source, CHAPTER, out)
    assert "✗ ann: 2 files" in lines[0], lines
    (source / f"S_ann_attempt_{late}_3.py").write_text("# late")
    for name in (f"bo_attempt_{late}_2", f"bo_attempt_{late}_3"):
        (source / f"S_{name}.py").write_text("# late")
    lines = collect(source, CHAPTER, out)
    assert lines == [
        f"✓ ann: S_ann_attempt_{late}_3.py, the last of 2 attempts.",
        f"✗ bo: 2 files (S_bo_attempt_{late}_2.py, S_bo_attempt_{late}_3.py); keep one.",
    ]
    assert "late" in (out / "ann" / CHAPTER / f"{CHAPTER}.ipynb").read_text()
    assert (out / "ann" / CHAPTER / "timestamp.txt").read_text()[:10] == late[:10]


def zipped(path: Path, members: "dict[str, str | bytes]", flag: bool = True) -> Path:
    """Write an archive; without the ``flag`` its names are UTF-8 that nothing calls so."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    if not flag:
        data = bytearray(path.read_bytes())
        for mark, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
            at = data.find(mark)
            while at >= 0:
                data[at + place] &= ~0x08
                at = data.find(mark, at + 1)
        path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Zoë_4_assignsubmission_file_/ä.py", "Zoë"),
        ("Zoe\u0308_4_assignsubmission_file_/ä.py", "Zoë"),
        ("中村_4_assignsubmission_file_/ä.py", "中村"),
    ],
)
def test_names_that_are_utf_8_without_a_flag_are_read(
    name: str, student: str, tmp_path: Path
) -> None:
    source = zipped(tmp_path / "d.zip", {name: "x = 1"}, flag=False)
    with zipfile.ZipFile(source) as archive:
        assert archive.namelist() != [name]
    assert collect(source, CHAPTER, tmp_path / "out")[0].startswith(f"✓ {student}:")


def test_names_in_cp437_stay(tmp_path: Path) -> None:
    """One part of a path says nothing of another, which a student chose."""
    source = zipped(tmp_path / "d.zip", {"Zo@/x.py": "x", "Zo@/a@@.py": "y"})
    data = source.read_bytes().replace(b"Zo@", b"Zo\x89").replace(b"a@@", "aé".encode())
    source.write_bytes(data)
    [line] = collect(source, CHAPTER, tmp_path / "out")
    assert line.startswith("✗ Zoë: 2 files (Zoë/aé.py, Zoë/x.py); keep one.")


def test_both_ways_to_write_a_name_are_one_student(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for week, name in enumerate(("Zoë", "Zoe\u0308")):
        (source / str(week) / name).mkdir(parents=True)
        (source / str(week) / name / "x.py").write_text(f"# {week}")
        [line] = collect(source / str(week), CHAPTER, out)
        assert line.startswith("✓ Zoë: ")
    assert [path.name for path in out.iterdir()] == ["Zoë"]
    # Whoever has a folder keeps it, however that is written.
    (out / "Zoë").rename(out / "Zoe\u0308")
    [line] = collect(source / "0", CHAPTER, out)
    assert "replaces an earlier one" in line
    assert [path.name for path in out.iterdir()] == ["Zoe\u0308"]


def test_a_full_disk_takes_no_time_of_the_work_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out, text = tmp_path / "in", tmp_path / "out", '"new"'
    source.mkdir()
    old = source / "S_ann_attempt_2026-12-05-18-30-05_x.ipynb"
    old.write_text('"old"')
    (source / "S_bo_attempt_2026-12-05-18-30-05_x.txt").write_text("")
    collect(source, CHAPTER, out)
    (source / "S_ann_attempt_2026-12-06-18-30-05_a.ipynb").write_text(text)
    folder = out / "ann" / CHAPTER
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(file: object, content: str | bytes) -> None:
        if full_at[-1] in str(content):
            raise OSError(28, "No space left on device")
        fill(file, content)  # type: ignore[arg-type]

    fill, full_at = atomic._fill, list[str]()
    monkeypatch.setattr(atomic, "_fill", full)
    for there in (text, "2026-12-06"):
        full_at.append(there)
        line = collect(source, CHAPTER, out)[-1]
        assert (
            "was not copied (No space left on device); the earlier file stays" in line
        )
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    monkeypatch.setattr(atomic, "_fill", fill)
    collect(source, CHAPTER, out)
    assert (folder / "timestamp.txt").read_text()[:10] == "2026-12-06"


@settings(deadline=None)
@example(["1", "11"], "1_1")
@given(st.lists(words, min_size=1, max_size=5, unique=True), words)
def test_no_two_students_become_one(students: list[str], sheet: str) -> None:
    names = [f"{sheet}_{s}_attempt_2026-01-01-00-00-00_x.ipynb" for s in students]
    named, _ = read_names(handed_in(names))
    found = {n.handed_in.name: n.student for n in named}
    whole = {s.strip() for s in students}
    if len(whole) == len(students) and len(found) == len(students):
        assert len(set(found.values())) == len(students)


def test_what_cannot_be_unpacked_stops_nobody(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann.ipynb", "{}")
        archive.writestr("bo.ipynb/", "")
        archive.writestr("cem.ipynb", "{}")
        archive.writestr("cem.ipynb/inside.ipynb", "{}")
        archive.writestr("d" * 300 + ".ipynb", "{}")
        archive.writestr("eve.ipynb", "x" * 1000)
    data = bytearray((tmp_path / "x.zip").read_bytes())
    at = data.index(b"eve.ipynb") + len("eve.ipynb") + 2
    data[at] ^= 255
    (tmp_path / "x.zip").write_bytes(data)
    lines = collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")
    assert {line.partition(":")[0] for line in lines if line[0] == "✓"} == {
        "✓ ann", "✓ cem",
    }  # fmt: skip
    failed = [line for line in lines if "was not unpacked" in line]
    assert len(failed) == 3
    assert not [line for line in failed if "dropout-collect" in line]


def test_an_archive_without_work_is_named_with_all_that_failed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("ann.ipynb", "{}", zipfile.ZIP_BZIP2)
        archive.writestr("readme.txt", "")
    with pytest.raises(ClassError) as error:
        collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")
    first, second = str(error.value).splitlines()
    assert first == f"There is no .ipynb or .py file below {tmp_path / 'x.zip'}."
    assert second.startswith("✗ ann.ipynb: it was not unpacked")


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_of_another_kind_stops_nobody(kind: int, tmp_path: Path) -> None:
    """Of these zipfile unpacks all at once, whatever one asks it for."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann.ipynb", "{}")
        archive.writestr("bo.ipynb", "{}", kind)
    lines = collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")
    assert [line.partition(":")[0] for line in lines] == ["✗ bo.ipynb", "✓ ann"]
    assert "compressed as no learning platform does it" in lines[0]


def test_an_archive_of_a_later_version_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("ann.ipynb", "{}")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.rindex(b"PK\x01\x02") + 6] = 99  # the version that is needed
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(ClassError, match="cannot be unpacked"):
        collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")


def many(path: Path, files: int, long: int = 0) -> Path:
    """Write an archive of so many empty files."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(files):
            archive.writestr(zipfile.ZipInfo(f"{number}{'x' * long}.py"), "")
    return path


@pytest.mark.parametrize("told", [None, 1])
@pytest.mark.parametrize(
    ("files", "long", "most", "what"),
    [
        (70_000, 0, {"MOST_FILES": 69_990}, "69,990 files"),
        (40, 0, {"MOST_FILES": 30}, "30 files"),
        (40, 60_000, {"MOST_CONTENTS": 2**20}, "1 MB of names"),
    ],
)
def test_an_archive_of_too_many_is_refused_before_they_are_listed(
    told: int | None,
    files: int,
    long: int,
    most: dict[str, int],
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever number of files its end tells, with more than 65,535 in ZIP64's record."""
    for name, value in most.items():
        monkeypatch.setattr(f"autograder.doors.archives.{name}", value)
    data = bytearray(many(tmp_path / "x.zip", files, long).read_bytes())
    if told is not None:
        at = data.rindex(b"PK\x05\x06")
        data[at + 8 : at + 12] = struct.pack("<HH", told, told)
        if (at := data.rfind(b"PK\x06\x06")) >= 0:
            data[at + 24 : at + 40] = struct.pack("<QQ", told, told)
    (tmp_path / "x.zip").write_bytes(data)
    listed = []
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *name: listed.append(name))
    with pytest.raises(ClassError, match=f"more than {what}: unpack it, remove"):
        collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")
    assert listed == []


def test_the_time_of_a_collection_grows_like_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty thousand files of no use took three minutes."""
    for number in range(500):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / "ann.py").touch()
    compared: list[object] = []
    equal = HandedIn.__eq__

    def counted(one: HandedIn, other: object) -> bool:
        compared.append(other)
        return equal(one, other)

    monkeypatch.setattr(HandedIn, "__eq__", counted)
    collect(tmp_path, CHAPTER, tmp_path / "submitted", r"(?P<student>ann)\.py")
    assert len(compared) < 5_000


def test_an_archive_of_files_enough_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.doors.archives.MOST_FILES", 40)
    lines = collect(many(tmp_path / "x.zip", 40), CHAPTER, tmp_path / "submitted")
    assert [line[0] for line in lines] == ["✓"] * 40


@pytest.mark.parametrize("outer", ["", "assignment_5_export/", "a/b/"])
def test_one_students_many_files_stop_nobody_else(
    outer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.doors.archives.EACH_FILES", 5)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(9):
            archive.writestr(f"{outer}eve/{number}.txt", "")
        archive.writestr(f"{outer}ann/x.ipynb", "{}")
    pattern = rf"{outer}(?P<student>\w+)/.*"
    lines = collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted", pattern)
    assert lines[0].startswith("✗ eve: it holds more than 5 files")
    assert lines[-1].startswith("✓ ann")


def test_a_member_whose_sum_is_wrong_stops_nobody(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:  # nothing is compressed
        archive.writestr("ann.ipynb", "{}")
        archive.writestr("eve.ipynb", "the content of eve")
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data.replace(b"content", b"Content"))
    lines = collect(tmp_path / "x.zip", CHAPTER, tmp_path / "submitted")
    assert [line[:5] for line in lines] == ["✗ eve", "✓ ann"]


def test_what_follows_blackboards_time_is_the_students_choice() -> None:
    """Eve names her file as one of Ann's; it stays hers, with the time that it came."""
    time, forged = "2026-11-27-18-30-05", "2026-11-30-00-00-00"
    name = f"Sheet 1_eve_attempt_{time}_ann_attempt_{forged}_.ipynb"
    for others in ([], [f"Sheet 1_bo_attempt_{time}_x.ipynb"]):
        named, _ = read_names(handed_in([name, *others]))
        assert named[0].student == "eve"
        assert f"{named[0].time:%Y-%m-%d-%H-%M-%S}" == time


@pytest.mark.parametrize("odd", ["Eve X_13_assignsubmission_file_/sub/x.ipynb", "a.py"])
def test_one_file_does_not_rename_the_others(odd: str, tmp_path: Path) -> None:
    names = [f"{who}_{i}_assignsubmission_file_/x.ipynb" for i, who in enumerate("ABC")]
    named, others = read_names(handed_in([*names, odd]))
    assert [each.student for each in named[:3]] == ["A", "B", "C"]
    placed = "Eve X" in odd
    assert [each.student for each in named[3:]] == ["Eve X"] * placed
    assert [each.name for each in others] == [odd] * (not placed)
    for name in (*names, odd):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("{}")
    lines = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
    assert sum(line.startswith("✓") for line in lines) == 3 + placed
    assert any("does not say whose it is" in line for line in lines) is not placed


@pytest.mark.parametrize("mark", ["\u202e", "\u200f", "\u061c", "\ufeff"])
def test_no_students_name_is_read_backwards(mark: str, tmp_path: Path) -> None:
    (tmp_path / f"ann{mark}.py").write_text("")
    (line,) = collect(tmp_path, CHAPTER, tmp_path / "out")
    assert line.startswith("✗") and not (tmp_path / "out").exists()


def test_a_later_file_does_not_inherit_an_earlier_ones_time(tmp_path: Path) -> None:
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    for folder, name in (
        (one, "S 1_ann_attempt_2026-11-20-18-30-05_x.py"),
        (two, "ann.py"),
    ):
        folder.mkdir()
        (folder / name).write_text(f"x = '{name}'")
    collect(one, CHAPTER, out)
    assert (out / "ann" / CHAPTER / "timestamp.txt").is_file()
    collect(two, CHAPTER, out)
    assert not (out / "ann" / CHAPTER / "timestamp.txt").exists()


class Killed(BaseException):
    """The command ends between two writes."""


@pytest.mark.parametrize("name", ["S 1_ann_attempt_2026-11-25-08-00-00_x.py", "ann.py"])
@pytest.mark.parametrize("steps_done", range(4))
def test_whenever_collect_is_killed_no_file_keeps_an_earlier_ones_time(
    steps_done: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run found the new file in its place, and let the old time be."""
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    earlier = "S 1_ann_attempt_2026-11-20-18-30-05_x.py"
    for folder, written in ((one, earlier), (two, name)):
        folder.mkdir()
        (folder / written).write_text(f"x = '{written}'")
    collect(one, CHAPTER, out)
    work = out / "ann" / CHAPTER / f"{CHAPTER}.ipynb"
    file, before = work.with_name("timestamp.txt"), work.read_bytes()
    steps = iter(range(steps_done))
    unlink = Path.unlink

    def write(path: Path, content: str | bytes) -> None:
        if next(steps, None) is None:
            raise Killed
        atomic.write_whole(path, content)

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path == file and next(steps, None) is None:
            raise Killed
        unlink(path, missing_ok)

    for module in ("collect", "whose"):
        monkeypatch.setattr(f"autograder.doors.{module}.write_whole", write)
    monkeypatch.setattr(Path, "unlink", remove)
    with contextlib.suppress(Killed):
        collect(two, CHAPTER, out)
    old = file.exists() and file.read_text() == "2026-11-20 18:30:05"
    assert work.read_bytes() == before or not old
    monkeypatch.undo()
    collect(two, CHAPTER, out)
    assert work.read_bytes() != before
    told = file.read_text() if file.exists() else ""
    assert told == ("2026-11-25 08:00:00" if "attempt" in name else "")


def placed(out: Path, name: str = f"{CHAPTER}.ipynb") -> Path:
    """Return the time of Ann's file, which lies in its place already."""
    time = out / "ann" / CHAPTER / "timestamp.txt"
    time.parent.mkdir(parents=True)
    time.with_name(name).write_text("{}")
    time.write_text("2026-11-20 18:30:05")
    return time


@pytest.mark.parametrize("copied", [False, True], ids=["submitted", "its copy"])
def test_a_file_in_its_place_keeps_its_time(copied: bool, tmp_path: Path) -> None:
    """The second is a folder of the same bytes, whose names tell no time."""
    out = tmp_path / "submitted"
    time, source = placed(out), tmp_path / "again" if copied else out
    if copied:
        placed(source).unlink()
    [line] = collect(source, CHAPTER, out)
    assert line.startswith(f"✓ ann: ann/{CHAPTER}/{CHAPTER}.ipynb, unchanged.")
    assert time.read_text() == "2026-11-20 18:30:05"


@pytest.mark.parametrize("name", ["my answer.ipynb", "answer.py"])
def test_a_file_put_into_its_place_under_its_name_keeps_its_time(
    name: str, tmp_path: Path
) -> None:
    time = placed(tmp_path, name)
    [line] = collect(tmp_path, CHAPTER, tmp_path)
    assert line.startswith(f"✓ ann: ann/{CHAPTER}/{name}.")
    assert time.with_name(f"{CHAPTER}.ipynb").is_file()
    assert time.read_text() == "2026-11-20 18:30:05"


def test_a_new_time_of_the_same_file_counts(tmp_path: Path) -> None:
    time = placed(tmp_path / "out")
    source = tmp_path / "download"
    source.mkdir()
    (source / "S_ann_attempt_2026-11-22-07-00-00_a.ipynb").write_text("{}")
    [line] = collect(source, CHAPTER, tmp_path / "out")
    assert line.endswith("_a.ipynb, unchanged.")
    assert time.read_text() == "2026-11-22 07:00:00"


OWN = r"S_(?P<student>[a-z]+)_attempt_(?P<time>[\d-]+)_.*"


@pytest.mark.parametrize("pattern", [None, OWN], ids=["Blackboard", "own pattern"])
def test_a_later_attempt_without_work_is_told(
    pattern: str | None, tmp_path: Path
) -> None:
    for name in (
        *(
            "ann_attempt_2026-11-27-10-00-00_x.py",
            "ann_attempt_2026-11-27-10-00-00_a.txt",
        ),
        *(
            "ann_attempt_2026-11-20-10-00-00_x.zip",
            "bob_attempt_2026-11-27-10-00-00_x.py",
        ),
        "bob_attempt_2026-11-29-10-00-00_final.zip",
    ):
        (tmp_path / f"S_{name}").write_text("")
    ann, bob = collect(tmp_path, CHAPTER, tmp_path / "out", pattern)
    assert ann == "✓ ann: S_ann_attempt_2026-11-27-10-00-00_x.py."
    assert bob == (
        "✓ bob: S_bob_attempt_2026-11-27-10-00-00_x.py. A later attempt "
        "(S_bob_attempt_2026-11-29-10-00-00_final.zip) holds no notebook and no .py file; "
        "an earlier one counts until one does."
    )


def test_another_chapters_work_is_no_later_attempt(tmp_path: Path) -> None:
    for name in (
        f"ann/{CHAPTER}/2026-11-27-10-00-00.py",
        "ann/energy/2026-11-29-10-00-00.py",
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_text("")
    own = r"(?P<student>\w+)/\w+/(?P<time>[\d-]+)\.py"
    [line] = collect(tmp_path / "in", CHAPTER, tmp_path / "out", own)
    assert line.endswith(f"{CHAPTER}/2026-11-27-10-00-00.py.")


@pytest.mark.parametrize("slash", ["/", ""], ids=["folders", "flat"])
@pytest.mark.parametrize("plugin", ["onlinetext", "mahara"])
def test_who_handed_in_no_file_on_moodle_is_named(
    plugin: str,
    slash: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed, source = f"assignsubmission_{plugin}_{slash}{plugin}.html", tmp_path / "in"
    for name in (
        *(f"Ann Lee_7_assignsubmission_file_{slash}x.ipynb", f"Ann Lee_7_{typed}"),
        f"Bob Ray_77_{typed}",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert main(["collect", "in", CHAPTER]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"✗ Bob Ray: no notebook and no .py file; found Bob Ray_77_{typed}.",
        f"✓ Ann Lee: Ann Lee_7_assignsubmission_file_{slash}x.ipynb.",
    ]


def test_a_script_beside_a_typed_answer_is_the_students_if_it_is_the_only_one(
    tmp_path: Path,
) -> None:
    typed = "assignsubmission_onlinetext_/"
    for name in (
        *(f"Bob_77_{typed}x.py", f"Cy_8_{typed}x.py", f"Bob_77_{typed}onlinetext.html"),
        "Cy_8_assignsubmission_file_/x.py",
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("")
    bob, cy = collect(tmp_path / "in", CHAPTER, tmp_path / "out")
    assert bob == f"✓ Bob: Bob_77_{typed}x.py."
    assert cy.startswith("✗ Cy: 2 files (") and cy.endswith("; keep one.")


def test_no_student_is_anothers_by_a_name_like_a_typed_answer(tmp_path: Path) -> None:
    """Eve gave herself a name that begins as Ann's files do."""
    end = "assignsubmission_file_/x.py"
    eve = f"Ann_1_assignsubmission_onlinetext_9_{end}"
    named, others = read_names(handed_in([f"Ann_1_{end}", eve, f"Bo_3_{end}"]))
    assert [each.student for each in named] == ["Ann", "Bo"]
    assert [each.name for each in others] == [eve]


# ---- Gradescope ---------------------------------------------------------------------

GRADESCOPE = """---
submission_101:
  :submitters:
  - :name: Ann Lee
    :sid: '7001'
    :email: ann@example.org
  :created_at: 2026-11-20 18:30:05.123456000 Z
  :score: 3.0
  :results:
    output: "submission_102:\\n  :submitters:\\n  - :name: Mallory"
    tag: !ruby/object:Kernel {system: "true"}
submission_102:
  :submitters:
  - :name: Bo O'Neil
    :sid: ''
    :email: bo@example.org
  - :name: "\\u00c5sa \\xD6st"
    :sid: '7003'
  :created_at: 2026-11-21 08:00:00.000000000 Z
"""


@pytest.mark.parametrize(
    ("told", "utc"),
    [
        ("2026-11-20 18:30:05.123456000 Z", "2026-11-20 18:30:05"),
        ("2026-11-20 18:30:05.123456000 -08:00", "2026-11-21 02:30:05"),
        ("2026-11-20T18:30:05+0530", "2026-11-20 13:00:05"),
        ("2026-11-20 18:30:05 UTC", "2026-11-20 18:30:05"),
        ("0001-01-01 00:00:00 +01:00", "None"),
        ("soon", "None"),
        (
            "!ruby/object:ActiveSupport::TimeWithZone\n"
            "    utc: 2026-11-21 02:30:05.123456000 Z\n"
            "    zone: &1 !ruby/object:ActiveSupport::TimeZone\n"
            "      name: America/Los_Angeles\n"
            "    time: 2026-11-20 18:30:05.123456000 Z",
            "2026-11-21 02:30:05",
        ),
    ],
)
def test_gradescopes_times_are_utc(told: str, utc: str, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    metadata = GRADESCOPE.replace("2026-11-20 18:30:05.123456000 Z", told)
    files = find_handed_in(gradescope(tmp_path / "export", metadata))
    named = gradescope_download.read_export(files)
    assert named is not None
    assert {str(each.time) for each in named if each.name == "Ann Lee"} == {utc}


def gradescope(folder: Path, metadata: str | None = GRADESCOPE, *more: str) -> Path:
    """Return the folder of an export, with a file of each submission in it."""
    for name in ("submission_101/my.ipynb", "submission_102/a/b.py", *more):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}" if name.endswith("py") else f'"{name}"')
    if metadata is not None:
        (folder / "submission_metadata.yml").write_text(metadata, encoding="utf-8")
    return folder


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("within", ["", "assignment_5_export"])
def test_gradescopes_metadata_says_whose_a_file_is_and_when(
    within: str, packed: bool, tmp_path: Path
) -> None:
    pytest.importorskip("yaml")
    source, out = tmp_path / "download", tmp_path / "submitted"
    gradescope(source / within)
    if packed:
        with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
            for path in source.rglob("*.*"):
                archive.write(path, path.relative_to(source))
        source = tmp_path / "export.zip"
    lines = collect(source, CHAPTER, out)
    assert len(lines) == 3 and all(line.startswith("✓") for line in lines), lines
    assert {path.name for path in out.iterdir()} == {"Ann Lee", "Bo O'Neil", "Åsa Öst"}
    folder = out / "Ann Lee" / CHAPTER
    assert "my.ipynb" in (folder / f"{CHAPTER}.ipynb").read_text()
    found = handed_in_at(folder / "timestamp.txt")
    assert f"{found:%Y-%m-%d %H:%M:%S}" == "2026-11-20 18:30:05"
    for student in ("Bo O'Neil", "Åsa Öst"):
        assert "b.py" in (out / student / CHAPTER / f"{CHAPTER}.ipynb").read_text()


def test_a_submission_without_a_name_is_listed_and_metadata_of_a_students_is_not_read(
    tmp_path: Path,
) -> None:
    pytest.importorskip("yaml")
    source = gradescope(
        tmp_path / "download",
        GRADESCOPE,
        "submission_9/submission_9/x.py",
        "submission_8/y.py",
    )
    own = source / "submission_9" / "submission_metadata.yml"
    own.write_text("submission_9:\n  :submitters:\n  - :name: Ann Lee\n")
    lines = collect(source, CHAPTER, tmp_path / "submitted")
    assert [line[0] for line in lines].count("✗") == 2
    assert any("submission_9/x.py: its name does not say" in line for line in lines)
    assert any(line.startswith("✓ Ann Lee: submission_101") for line in lines)


@pytest.mark.parametrize(
    "metadata", [None, "a: [", "[" * 10_000, "x", "submission_101: 3"]
)
def test_gradescopes_metadata_that_says_nothing_is_said_so(
    metadata: str | None, tmp_path: Path
) -> None:
    pytest.importorskip("yaml")
    source, out = gradescope(tmp_path / "download", metadata), tmp_path / "submitted"
    try:
        lines = collect(source, CHAPTER, out)
    except ClassError as error:
        assert "submission_metadata.yml" in str(error)
    else:
        assert all(line.startswith("✗") for line in lines)
    assert not out.exists()
