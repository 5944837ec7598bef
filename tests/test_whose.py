"""Whoever has a folder in ``submitted/`` keeps it, whatever the own name and others' are."""

import functools
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autograder.doors.classroom import ClassError
from autograder.doors.collect import collect
from autograder.isolation import locks
from tests.test_platforms import CHAPTER

#: A student: the account's number, the name on the platform, what was handed in.
Student = tuple[int, str, str]


def gradescope(
    source: Path,
    students: list[Student],
    about: str = ":sid: '7'\n    :email: {}@x.org",
) -> None:
    metadata = ""
    for number, name, text in students:
        path = source / f"submission_{number}0" / "x.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        metadata += f"{path.parent.name}:\n  :submitters:\n  - :name: {name!r}\n"
        metadata += f"    {about.format(number)}\n"
    (source / "submission_metadata.yml").write_text(metadata)


def gradescope_by_number(source: Path, students: list[Student]) -> None:
    gradescope(source, students, ":sid: '{}'")


def moodle(source: Path, students: list[Student]) -> None:
    for number, name, text in students:
        path = source / f"{name}_{number}_assignsubmission_file_" / "x.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)


def canvas(source: Path, students: list[Student]) -> None:
    for number, name, text in students:
        (source / f"{name}_{number}_9{number}_x.py").write_text(text)


PLATFORMS = [gradescope, gradescope_by_number, moodle, canvas]
LASTING = [gradescope, gradescope_by_number, canvas]
Platform = Callable[[Path, list[Student]], None]


class Class:
    """Collects one download after the other."""

    def __init__(self, place: Path, platform: Platform) -> None:
        self.source, self.out, self.platform = place / "in", place / "out", platform
        self.record = place / "out.whose.json"
        self.pattern: str | None = None

    def collect(self, *students: Student, chapter: str = CHAPTER) -> list[str]:
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir(parents=True)
        self.platform(self.source, list(students))
        return collect(self.source, chapter, self.out, self.pattern)

    def works(self, chapter: str = CHAPTER) -> dict[str, str]:
        """Return the work in each student's folder."""
        return {
            path.parts[-3]: "".join(json.loads(path.read_text())["cells"][0]["source"])
            for path in self.out.glob(f"*/{chapter}/{chapter}.ipynb")
        }


@pytest.fixture(params=PLATFORMS, ids=lambda each: each.__name__)
def of_a_class(request: pytest.FixtureRequest, tmp_path: Path) -> Class:
    return Class(tmp_path, request.param)


@pytest.mark.parametrize("name", ["bob ray.", "Bob Ray", "BOB RAY"])
def test_a_later_namesake_moves_nobodys_work(name: str, of_a_class: Class) -> None:
    of_a_class.collect((1, "Mal", "m = 1"), (2, "Bob Ray", "b = 1"))
    lines = of_a_class.collect((1, name, "m = 2"), (2, "Bob Ray", "b = 2"))
    assert of_a_class.works() == {"Mal": "m = 2", "Bob Ray": "b = 2"}
    [mal] = [line for line in lines if line.startswith("✓ Mal: ")]
    assert mal.endswith(f" The name is now {name}; the folder stays.")
    assert not any("now" in line for line in lines if line is not mal)


@pytest.mark.parametrize("name", ["bob ray.", "Bob Ray"])
def test_who_comes_later_under_anothers_name_gets_another_folder(
    name: str, of_a_class: Class
) -> None:
    of_a_class.collect((2, "Bob Ray", "b = 1"), (4, "Ann", "a = 1"))
    for _ in range(2):
        lines = of_a_class.collect((1, name, "m = 2"), (4, "Ann", "a = 1"))
        works = of_a_class.works()
        assert works.pop("Bob Ray") == "b = 1" and works.pop("Ann") == "a = 1"
        [(folder, work)] = works.items()
        assert folder.startswith(f"{name}_") and work == "m = 2"
        assert any(line.startswith(f"✓ {folder}: ") for line in lines)
    of_a_class.collect((1, name, "m = 3"), (2, "Bob Ray", "b = 3"))
    assert of_a_class.works() == {folder: "m = 3", "Bob Ray": "b = 3", "Ann": "a = 1"}


def test_the_line_says_whose_the_folder_of_that_name_is(of_a_class: Class) -> None:
    of_a_class.collect((2, "Bob Ray", "b = 1"), (4, "Ann", "a = 1"))
    lines = of_a_class.collect((1, "Bob Ray", "m = 2"), (4, "Ann", "a = 1"))
    [line] = [line for line in lines if "Bob Ray_" in line.partition(":")[0]]
    assert " The folder Bob Ray is another's (2" in line and line.startswith("✓")


def test_first_namesakes_keep_their_numbers_when_one_is_renamed(
    of_a_class: Class,
) -> None:
    of_a_class.collect((1, "Ann Lee", "m = 1"), (2, "Ann Lee", "b = 1"))
    before = of_a_class.works()
    assert len(before) == 2 and "Ann Lee" not in before
    of_a_class.collect((1, "Eve", "m = 1"), (2, "Ann Lee", "b = 1"))
    assert of_a_class.works() == before


@pytest.mark.parametrize("platform", LASTING)
def test_an_account_is_known_in_the_next_assignment(
    platform: Platform, tmp_path: Path
) -> None:
    own = Class(tmp_path, platform)
    own.collect((1, "Mal", "m = 1"), (2, "Bob Ray", "b = 1"))
    own.collect((1, "Bob Ray", "m = 2"), (2, "Bob Ray", "b = 2"), chapter="noise")
    assert own.works("noise") == {"Mal": "m = 2", "Bob Ray": "b = 2"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_who_comes_alone_in_the_next_assignment_is_no_namesake_but_on_moodle(
    platform: Platform, tmp_path: Path
) -> None:
    """Moodle's download holds nothing that tells the two apart; course/README.md says so."""
    own = Class(tmp_path, platform)
    own.collect((1, "Ann Lee", "a = 1"), (3, "Eve", "e = 1"))
    own.collect((2, "Ann Lee", "b = 1"), (4, "Eve May", "e = 2"), chapter="noise")
    [folder] = own.works("noise").keys() - {"Eve May"}
    assert (folder == "Ann Lee") == (platform is moodle)


def logins(source: Path, students: list[Student]) -> None:
    """Names by a pattern of one's own, with numbers without a digit."""
    for number, name, text in students:
        letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        (source / f"{name}_{letters}-x.py").write_text(text)


def said_of(name: str, place: Path, platform: Platform) -> list[str]:
    """Return what is said, and what lies there at last, of students who share a name."""
    own = Class(place, platform)
    if platform is logins:
        own.pattern = r"(?P<student>[^_]+)_(?P<id>\w+)-.*"
    lines = own.collect((17, name, "a"), (18, name, "b"), (19, "Abe", "z"))
    lines += own.collect((17, name, "a"), (18, name, "b"), (19, "Abe", "z"))
    lines += own.collect((17, name, "c"), (40, name, "d"), chapter="noise")
    lines += own.collect((50, name, "e"), (51, "Abe", "z"), chapter="energy")
    for folder in [path for path in own.out.iterdir() if name in path.name]:
        place = folder / "backward"
        place.mkdir()
        cell = {"cell_type": "code", "source": f"by hand in {folder.name}"}
        (place / "backward.ipynb").write_text(json.dumps({"cells": [cell]}))
    before = own.works("backward")
    lines += own.collect((17, name, "f"), (50, name, "g"), chapter="backward")
    if platform is not canvas:  # whose numbers are known from other chapters
        assert before.items() <= own.works("backward").items()
    return lines + [f"{sorted(own.works(c).items())}" for c in (CHAPTER, "noise")]


@pytest.mark.parametrize("platform", [moodle, canvas, logins])
@pytest.mark.parametrize(
    "name", ["Sam Lee Jr.", "Sam Lee…", "Sam Lee。", "Sam_Lee.", "Š."]
)
def test_a_name_is_a_name_whatever_it_ends_in(
    name: str, platform: Platform, tmp_path: Path
) -> None:
    if platform is not moodle and "_" in name:
        name = name.replace("_", "-")
    told, plain = (
        said_of(each, tmp_path / str(i), platform)
        for i, each in enumerate([name, "Ann"])
    )
    assert [line.replace(name, "Ann") for line in told] == plain
    assert plain[-1].count("'c'") == plain[-1].count("'d'") == 1


def test_moodles_numbers_are_those_of_an_assignment(tmp_path: Path) -> None:
    own = Class(tmp_path, moodle)
    own.collect((1, "Ann", "a = 1"), (2, "Bob", "b = 1"))
    lines = own.collect((1, "Bob", "b = 2"), (5, "Ann", "a = 2"), chapter="noise")
    assert own.works("noise") == {"Ann": "a = 2", "Bob": "b = 2"}
    assert all(line.endswith("x.py.") for line in lines)


def test_what_came_under_other_numbers_in_one_assignment_is_replaced_by_hand(
    tmp_path: Path,
) -> None:
    """Moodle's, too: one of these may be a namesake who came late, and alone."""
    own = Class(tmp_path, moodle)
    own.collect((1, "Ann", "a = 1"), (2, "Bob", "b = 1"))
    again = own.collect((7, "Ann", "a = 3"))
    assert own.works() == {"Ann": "a = 1", "Bob": "b = 1", "Ann_7": "a = 3"}
    assert again[0].startswith("✗ Ann: it was there before, and nothing says whether")
    for folder in ("Ann_7", "Bob/conventions"):
        shutil.rmtree(own.out / folder)
    [line] = own.collect((8, "Bob", "b = 3"))
    assert line.endswith("x.py. Its number was 2 and is 8 now.")
    assert own.works() == {"Ann": "a = 1", "Bob": "b = 3"}
    [line] = own.collect((2, "Bob", "b = 4"))
    assert line.startswith("✗ Bob: Bob_2_assignsubmission_file_/x.py was not copied: ")
    assert own.works() == {"Ann": "a = 1", "Bob": "b = 3"}


def of_ann(own: Class, came: str) -> None:
    """Let work of Ann Lee's come in another way than an account's on this platform."""
    if came == "by hand":
        place = own.out / "Ann Lee" / CHAPTER
        place.mkdir(parents=True)
        cell = {"cell_type": "code", "source": "a = 1"}
        (place / f"{CHAPTER}.ipynb").write_text(json.dumps({"cells": [cell]}))
        return
    other = Class(own.out.parent, canvas if came == "Canvas" else moodle)
    other.collect((77, "Ann Lee", "a = 1"))


@pytest.mark.parametrize("came", ["by hand", "Canvas", "Moodle"])
def test_no_account_replaces_what_came_in_another_way(
    came: str, of_a_class: Class
) -> None:
    """Its name is what a student of another platform chose."""
    platform = of_a_class.platform.__name__
    of_ann(of_a_class, came)
    for text in ("m = 1", "m = 2"):
        lines = of_a_class.collect((5, "Ann Lee", text))
        works = of_a_class.works()
        assert works.pop("Ann Lee") == "a = 1"
        [(folder, work)] = works.items()
        assert folder.startswith("Ann Lee_") and work == text
        told = [line for line in lines if line.startswith("✗ Ann Lee: it was there")]
        # Of Canvas' own two the line on the second says whose the first is.
        both_on_canvas = platform == came.casefold() == "canvas"
        assert len(told) == (text == "m = 1" and not both_on_canvas)
    # Nor does a name alone.
    shutil.rmtree(of_a_class.source)
    (of_a_class.source / folder).mkdir(parents=True)
    (of_a_class.source / folder / "x.py").write_text("x = 1")
    [line] = collect(of_a_class.source, CHAPTER, of_a_class.out)
    assert line.startswith(f"✗ {folder}: {folder}/x.py was not copied: what lies there")
    assert of_a_class.works() == {"Ann Lee": "a = 1", folder: "m = 2"}


def test_who_shares_a_folder_replaces_nothing_of_the_others(tmp_path: Path) -> None:
    """In the assignments after the one in which they came to share it."""
    own = Class(tmp_path, moodle)
    own.collect((77, "Ann Lee", "a = 1"))
    own.platform = gradescope
    own.collect((5, "Ann Lee", "m = 1"), chapter="noise")
    assert own.works("noise") == {"Ann Lee": "m = 1"}
    [line] = own.collect((5, "Ann Lee", "m = 2"))
    assert "what lies there came from Moodle: 77, and nothing says" in line
    assert own.works() == {"Ann Lee": "a = 1"} and line.startswith("✗")
    shutil.rmtree(own.out / "Ann Lee" / CHAPTER)
    assert own.collect((5, "Ann Lee", "m = 2"))[0].startswith("✓ Ann Lee: ")
    [line] = own.collect((5, "Ann Lee", "m = 3"))
    assert line.startswith("✓ Ann Lee: ") and "replaces an earlier one." in line


def test_a_line_says_where_nothing_tells_whose_a_folder_is(of_a_class: Class) -> None:
    """Collected by hand, or before folders were kept."""
    (of_a_class.out / "Bob Ray" / CHAPTER).mkdir(parents=True)
    lines = of_a_class.collect((1, "bob ray.", "m = 2"), (2, "Bob Ray", "b = 2"))
    [line] = [line for line in lines if line.startswith("✗")]
    assert line.startswith("✗ Bob Ray: it was there before, and nothing says whether")
    assert all(folder in line for folder in of_a_class.works())


def test_a_line_says_who_may_be_any_of_the_namesakes_of_before(tmp_path: Path) -> None:
    """Moodle numbers them anew in the next assignment."""
    own = Class(tmp_path, moodle)
    own.collect((1, "Ann", "a = 1"), (2, "Ann", "b = 1"), (3, "Ann_Lee", "c = 1"))
    lines = own.collect((8, "Ann", "b = 2"), (9, "Ann_Lee", "c = 2"), chapter="noise")
    assert lines[0] == (
        "✗ Ann_1, Ann_2: they were there before, and nothing says which of them is Ann, "
        "whose file is in the folder of that name. Ask them; where it is the wrong one, "
        "move noise and what out.whose.json says of it to the right one."
    )
    assert all(line.startswith("✓") for line in lines[1:])
    again = own.collect((8, "Ann", "b = 3"), (9, "Ann_Lee", "c = 2"), chapter="noise")
    assert all(line.startswith("✓") for line in again)
    lines = own.collect((5, "Ann", "b = 2"), (6, "Ann_Lee", "c = 2"), chapter="energy")
    assert lines[0].startswith("✗ Ann, Ann_1, Ann_2: they were there before")


def test_who_may_be_any_of_two_namesakes_gets_the_folder_of_neither(
    tmp_path: Path,
) -> None:
    """The first has the name's folder, the other came later in the same assignment."""
    own = Class(tmp_path, moodle)
    own.collect((1, "Bob Ray", "a = 1"), (3, "Eve", "e = 1"))
    own.collect((1, "Bob Ray", "a = 1"), (2, "Bob Ray", "b = 1"), (3, "Eve", "e = 1"))
    assert set(own.works()) == {"Bob Ray", "Bob Ray_2", "Eve"}
    lines = own.collect((8, "Bob Ray", "b = 2"), (9, "Eve", "e = 2"), chapter="noise")
    assert own.works("noise") == {"Bob Ray_8": "b = 2", "Eve": "e = 2"}
    assert lines[0] == (
        "✗ Bob Ray, Bob Ray_2: they were there before, and nothing says which of them is "
        "Bob Ray_8, whose files are in new folders. Ask them; where it is the wrong one, "
        "move noise and what out.whose.json says of it to the right one."
    )
    (own.out / "Bob Ray_8" / "noise").rename(own.out / "Bob Ray_2" / "noise")
    said = json.loads(own.record.read_text())
    said["Bob Ray_2"] |= said.pop("Bob Ray_8")
    own.record.write_text(json.dumps(said))
    shutil.rmtree(own.out / "Bob Ray_8")
    lines = own.collect((8, "Bob Ray", "b = 3"), (9, "Eve", "e = 2"), chapter="noise")
    assert own.works("noise") == {"Bob Ray_2": "b = 3", "Eve": "e = 2"}
    assert all(line.startswith("✓") for line in lines)


def test_a_number_in_ones_own_name_makes_no_namesake(tmp_path: Path) -> None:
    own = Class(tmp_path, moodle)
    own.collect((1, "Bob Ray", "b = 1"), (3, "Bob Ray_9", "m = 1"))
    own.collect((8, "Bob Ray", "b = 2"), (7, "Bob Ray_9", "m = 2"), chapter="noise")
    assert own.works("noise") == {"Bob Ray": "b = 2", "Bob Ray_9": "m = 2"}


def test_a_folder_of_nobodys_is_its_names(of_a_class: Class) -> None:
    (of_a_class.out / "Bob Ray" / CHAPTER).mkdir(parents=True)
    of_a_class.collect((2, "Bob Ray", "b = 2"), (4, "Ann", "a = 1"))
    assert of_a_class.works() == {"Bob Ray": "b = 2", "Ann": "a = 1"}


def test_no_number_of_ones_own_makes_of_the_name_anothers_folder(
    tmp_path: Path,
) -> None:
    own = Class(tmp_path, gradescope_by_number)
    own.collect((2, "Bob Ray", "b = 1"), (4, "Bob Ray_1", "a = 1"))
    own.collect((1, "Bob Ray", "m = 2"))
    assert own.works() == {
        "Bob Ray": "b = 1",
        "Bob Ray_1": "a = 1",
        "Bob Ray_1_2": "m = 2",
    }


def test_what_says_whose_a_folder_is_and_cannot_be_read_stops_all(
    of_a_class: Class,
) -> None:
    of_a_class.collect((2, "Bob Ray", "b = 1"), (4, "Ann", "a = 1"))
    for text in ("{", "[1]", '{"Ann": {"Canvas": 3}}', '{"Ann": "Canvas"}'):
        of_a_class.record.write_text(text)
        with pytest.raises(ClassError, match="whose the folders are"):
            of_a_class.collect((2, "Bob Ray", "b = 2"), (4, "Ann", "a = 2"))
    assert of_a_class.works() == {"Bob Ray": "b = 1", "Ann": "a = 1"}


def test_a_number_of_ones_own_that_is_anothers_address_opens_nothing(
    tmp_path: Path,
) -> None:
    """Where Gradescope leaves out an address, the number is the user's to edit."""
    own = Class(tmp_path, gradescope)
    own.collect((2, "Bob Ray", "b = 1"))
    own.platform = functools.partial(gradescope, about=":sid: {}@x.org")
    own.collect((2, "Mal", "m = 2"))
    assert own.works() == {"Bob Ray": "b = 1", "Mal": "m = 2"}


def as_before(own: Class) -> None:
    """Put what is said of folders where it was said before: into each of them."""
    for folder, owners in json.loads(own.record.read_text()).items():
        (own.out / folder / ".whose.json").write_text(json.dumps(owners))
    own.record.unlink()


def test_a_course_of_before_goes_on(of_a_class: Class) -> None:
    of_a_class.collect((1, "Ann Lee", "m"), (2, "Ann Lee", "b"), (3, "Eve", "e"))
    before = of_a_class.works()
    as_before(of_a_class)
    of_a_class.collect(
        (1, "Ann Lee", "m"), (2, "Ann Lee", "b"), (3, "Eve", "e"), (4, "Eve", "x")
    )
    works = of_a_class.works()
    [new] = works.keys() - before.keys()
    assert works == before | {new: "x"} and new.startswith("Eve_")
    assert json.loads(of_a_class.record.read_text()).keys() == works.keys()


def test_no_student_says_whose_a_folder_is(of_a_class: Class) -> None:
    """What was said in the folders before, their students could have written."""
    of_a_class.collect((1, "mal", "m = 1"), (2, "leeann", "a = 1"))
    said = json.loads(of_a_class.record.read_text())
    shutil.rmtree(of_a_class.out / "leeann")
    shutil.rmtree(of_a_class.out / "mal" / CHAPTER)
    of_a_class.record.unlink()
    (of_a_class.out / "mal" / ".whose.json").write_text(json.dumps(said["leeann"]))
    lines = of_a_class.collect((2, "leeann", "a = 2"))
    assert of_a_class.works() == {"leeann": "a = 2"}
    assert lines[0].startswith(
        "✗ mal: the .whose.json in it says that it is of leeann (2"
    )
    assert lines[0].endswith(
        "move conventions and what out.whose.json says of leeann to mal."
    )
    lines = of_a_class.collect((1, "mal", "m = 3"), (2, "leeann", "a = 3"))
    assert of_a_class.works() == {"mal": "m = 3", "leeann": "a = 3"}
    assert all(line.startswith("✓") for line in lines)
    of_a_class.record.unlink()
    shutil.rmtree(of_a_class.out / "leeann")
    shutil.rmtree(of_a_class.out / "mal" / CHAPTER)
    lines = of_a_class.collect((1, "mal", "m = 4"), (2, "leeann", "a = 4"))
    assert of_a_class.works() == {"mal": "m = 4", "leeann": "a = 4"}
    assert len([line for line in lines if line.startswith("✗")]) == 1


def test_no_folder_is_of_all_whom_nothing_tells_apart(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/bob.py").write_text("b = 1")
    for platform in ("", "pattern"):
        said = {f"{platform}, {CHAPTER}": [""], platform: [""]}
        path = tmp_path / "out/bob_x/.whose.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said))
        pattern = r"(?P<student>[a-z]+)\.py" if platform else None
        [line] = collect(tmp_path / "in", CHAPTER, tmp_path / "out", pattern)
        assert line.startswith("✓ bob: ")


@pytest.mark.parametrize("text", ["[", "[1]", '{"Canvas": 3}', "[" * 9999, '"' * 99])
def test_what_a_student_wrote_and_cannot_be_read_stops_nobody(
    text: str, of_a_class: Class
) -> None:
    of_a_class.collect((2, "Bob Ray", "b = 1"), (4, "Ann", "a = 1"))
    (of_a_class.out / "Ann" / ".whose.json").write_text(text)
    lines = of_a_class.collect((2, "Bob Ray", "b = 2"), (4, "Ann", "a = 2"))
    assert of_a_class.works() == {"Bob Ray": "b = 2", "Ann": "a = 2"}
    assert lines[0].startswith("✗ Ann: the .whose.json in it cannot be read")
    assert all(line.startswith("✓") for line in lines[1:])


def test_a_name_stays_an_account_s_when_the_folder_is_no_more(
    of_a_class: Class,
) -> None:
    """The gradebook's row has it still: moved away, say, at the end of a chapter."""
    of_a_class.collect((2, "Bob Ray", "b = 1"), (4, "Ann", "a = 1"))
    shutil.rmtree(of_a_class.out)
    [line] = of_a_class.collect((5, "Ann", "a = 2"))
    [newcomer] = of_a_class.works()
    if of_a_class.platform is moodle:  # its numbers are new in each assignment
        assert newcomer == "Ann"
        return
    assert newcomer.startswith("Ann_") and "The folder Ann is another's" in line
    assert "if out.whose.json is of this class" in line
    of_a_class.collect((4, "Ann Lee", "a = 3"), (5, "Ann", "a = 4"))
    assert of_a_class.works() == {"Ann": "a = 3", newcomer: "a = 4"}
    # On the instructor's word it is free.
    shutil.rmtree(of_a_class.out)
    of_a_class.record.unlink()
    of_a_class.collect((5, "Ann", "a = 5"))
    assert of_a_class.works() == {"Ann": "a = 5"}


def test_of_two_collects_at_one_moment_neither_loses_what_the_other_writes_down(
    tmp_path: Path,
) -> None:
    out, sources = tmp_path / "out", [tmp_path / "first", tmp_path / "second"]
    for n, source in enumerate(sources):
        source.mkdir()
        canvas(source, [(100 * n + i, f"s{n}x{i}", "") for i in range(40)])
    with ThreadPoolExecutor() as both:
        [*both.map(lambda source: collect(source, CHAPTER, out), sources)]
    written = json.loads((tmp_path / "out.whose.json").read_text("utf-8"))
    assert len(written) == 80


def test_a_course_that_another_account_holds_is_collected_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.doors.collect.PATIENCE", 0.1)
    source = tmp_path / "in"
    source.mkdir()
    canvas(source, [(1, "ann", "")])
    held = os.open(tmp_path, os.O_RDONLY)
    try:
        assert locks.lock(held)
        assert collect(source, CHAPTER, tmp_path / "out")[0].startswith("✓ ann")
    finally:
        os.close(held)
