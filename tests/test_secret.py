"""The secret: made once, kept beside the gradebook, never taken from a student."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.grading import secret
from autograder.grading.draws import replay_code
from autograder.grading.secret import VARIABLE, SecretError, find_secret
from autograder.isolation import private

FORM = r"[0-9a-f]{64}"
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX modes")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account without a secret, in a working directory outside any course."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv(VARIABLE)
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    secret._passing.cache_clear()
    return home


@pytest.fixture
def course(tmp_path: Path, home: Path) -> Path:
    root = tmp_path / "root"
    (root / "course" / "submitted").mkdir(parents=True)
    (root / "nbgrader_config.py").touch()
    return root


def test_the_account_gets_one_secret_for_good(home: Path) -> None:
    first = find_secret()
    assert first.lasting and re.fullmatch(FORM, first.text)
    assert find_secret() == first
    (file,) = home.rglob("secret")
    assert re.fullmatch(FORM, file.read_text().strip())
    assert [path for path in home.rglob("*") if path.is_file()] == [file]


def test_a_secret_of_a_course_is_enough(course: Path, home: Path) -> None:
    """The account's own may be gone or damaged: nothing else of it is needed."""
    made = find_secret(course)
    (file,) = home.rglob("secret")
    file.write_text("")
    assert find_secret(course) == made
    with pytest.raises(SecretError, match="damaged"):
        find_secret()


@posix
def test_a_working_directory_that_is_gone_is_no_course(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = find_secret()
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find_secret() == before


@posix
def test_only_the_account_can_read_it(course: Path, home: Path) -> None:
    find_secret(course)
    for file in (course / "course" / "secret", *home.rglob("secret")):
        assert file.stat().st_mode & 0o777 == 0o600


@posix
def test_a_secret_that_others_can_read_is_remarked_on(course: Path) -> None:
    find_secret(course)
    (course / "course" / "secret").chmod(0o644)
    assert "chmod 600" in find_secret(course).remarks[0]


def test_a_course_keeps_its_secret_beside_the_gradebook(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = find_secret(course)
    kept = (course / "course" / "secret").read_text()
    assert made.text == kept.strip() and made.remarks == ()
    moved = course.with_name("moved")
    course.rename(moved)
    assert find_secret(moved).text == made.text
    monkeypatch.setenv(VARIABLE, kept)
    assert find_secret().text == made.text, "as the variable it is the same"


@pytest.mark.parametrize("first", ["line", "nbgrader"])
def test_every_door_takes_the_same_secret(
    first: str, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbgrader knows the course; the others find it from the working directory."""
    outside = find_secret()
    monkeypatch.chdir(course / "course" / "submitted")
    found = [find_secret() if first == "line" else find_secret(course)]
    found += [find_secret(course), find_secret()]
    assert len({one.text for one in found}) == 1
    assert found[0].text != outside.text
    assert all(one.remarks == () for one in found)


@pytest.mark.parametrize("prepared", ["0" * 64 + "\n", "", "x", "folder", "pipe"])
def test_a_secret_in_a_students_folder_is_not_taken(
    prepared: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that was unpacked may look like a course, with any secret in it."""
    folder = tmp_path / "anna"
    folder.mkdir()
    (folder / "nbgrader_config.py").touch()
    place = folder / "secret"
    if prepared == "folder":
        place.mkdir()
    elif prepared == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("needs pipes")
        os.mkfifo(place)
    else:
        place.write_text(prepared)
    monkeypatch.chdir(folder)
    found = find_secret()
    assert found.text != "0" * 64 and re.fullmatch(FORM, found.text)
    assert "is not used" in found.remarks[0]
    assert {path.name for path in folder.iterdir()} == {"nbgrader_config.py", "secret"}


def test_a_students_folder_in_a_course_is_no_course(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = course / "course" / "submitted" / "anna"
    anna.mkdir()
    (anna / "nbgrader_config.py").touch()
    (anna / "secret").write_text("0" * 64)
    monkeypatch.chdir(anna)
    assert find_secret() == find_secret(course)


@pytest.mark.parametrize(
    "damage", ["", "\n", "0" * 63, "0" * 65, "G" * 64, "\ufeff" + "0" * 64]
)
def test_a_damaged_secret_is_an_error_and_stays(course: Path, damage: str) -> None:
    place = course / "course" / "secret"
    place.write_text(damage, encoding="utf-8")
    with pytest.raises(SecretError, match=re.escape(str(place))):
        find_secret(course)
    assert place.read_text(encoding="utf-8") == damage


def test_where_nothing_can_be_kept_nothing_can_be_replayed(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(place: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(secret, "write_new", fails)
    for found in (find_secret(), find_secret(course)):
        assert not found.lasting
        assert VARIABLE in found.remarks[-1]
        assert found.text == find_secret().text, "one run, one secret"


def test_what_students_code_may_read_holds_no_secret(
    course: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python may be installed in the account's home, or in the course."""
    monkeypatch.setattr(secret, "readable", lambda: [str(course)])
    found = find_secret(course)
    assert found.lasting and "not used" in found.remarks[0]
    assert list(course.rglob("secret")) == []
    monkeypatch.setattr(secret, "readable", lambda: [str(course), str(home)])
    assert not find_secret(course).lasting
    assert not find_secret().lasting


def test_a_short_text_in_the_variable_is_remarked_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "spring 2026")
    assert "guess" in find_secret().remarks[0]
    monkeypatch.setenv(VARIABLE, "a text of sufficient length")
    assert find_secret().remarks == ()


@pytest.mark.parametrize("links", [True, False])
def test_processes_that_start_at_once_end_with_one_secret(
    links: bool, home: Path, course: Path
) -> None:
    """With links the file appears whole; on a disk without them readers wait."""
    line = "import os, sys; from pathlib import Path; from autograder.grading import secret; "
    if not links:
        line += "del os.link; os.link = lambda *a: (_ for _ in ()).throw(OSError()); "
    line += "sys.stdin.readline(); "
    line += (
        "print(secret.find_secret().text, secret.find_secret(Path(sys.argv[1])).text)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", line, str(course)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = {process.communicate(timeout=60)[0] for process in processes}
    assert len(found) == 1
    assert re.fullmatch(rf"{FORM} {FORM}\n", found.pop())
    assert list(home.rglob("*.part")) == list(course.rglob("*.part")) == []


# ---- Other accounts of the same machine ---------------------------------------------


@posix
@pytest.mark.parametrize("way", ["file", "folder", "its folder", "sticky", "link"])
def test_a_file_that_others_could_have_made_is_not_the_accounts(
    way: str, tmp_path: Path, home: Path, course: Path
) -> None:
    """A shared HOME or XDG_STATE_HOME."""
    find_secret()
    (file,) = home.rglob("secret")
    file.write_text("0" * 64)
    if way == "file":
        file.chmod(0o644)
    elif way == "folder":
        home.chmod(0o777)
    elif way == "its folder":
        file.parent.chmod(0o777)
    elif os.geteuid() != 0:
        pytest.skip("only root can make what is another's")
    elif way == "sticky":
        home.chmod(0o1777)
        os.chown(file, 4242, 4242)
        os.chown(file.parent, 4242, 4242)
    else:
        (shared := tmp_path / "shared").mkdir()
        shared.chmod(0o1777)
        home.rename(shared / "home")
        home.symlink_to(shared / "home")
        os.chown(shared / "home", 4242, 4242)
    for found in (find_secret(), find_secret(course)):
        assert found.text != "0" * 64
    first = find_secret()
    assert f"{file} is not used" in first.remarks[0]
    assert "other accounts" in first.remarks[0] or "another account" in first.remarks[0]
    assert find_secret() == first
    assert file.read_text() == "0" * 64, "it is another's, perhaps"


@posix
def test_a_damaged_file_of_another_stops_no_grading(home: Path) -> None:
    find_secret()
    (file,) = home.rglob("secret")
    file.write_text("damaged")
    file.parent.chmod(0o777)
    assert "is not used" in find_secret().remarks[0]


@posix
def test_no_secret_is_made_where_others_could_replace_it(home: Path) -> None:
    home.chmod(0o777)
    found = find_secret()
    assert not found.lasting and "other accounts can change" in found.remarks[0]
    assert not list(home.rglob("secret"))


@posix
def test_folders_above_the_secret_are_the_accounts_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "a/b/c"))
    before = os.umask(0)
    try:
        assert find_secret().lasting
    finally:
        os.umask(before)
    made = [path for path in home.rglob("*") if path.is_dir()]
    assert len(made) >= 2
    assert {path.stat().st_mode & 0o777 for path in made} == {0o700}


@posix
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o2775, 0o1777])
def test_ordinary_homes_keep_a_secret(mode: int, home: Path) -> None:
    if not private._is_own(home.stat().st_gid):
        pytest.skip("this account has no group of its own")
    home.chmod(mode)
    first = find_secret()
    assert first.lasting and first.remarks == ()
    assert find_secret() == first


@posix
def test_a_group_of_several_is_not_the_accounts_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "_is_own", lambda group: False)
    home.chmod(0o775)
    assert "chmod go-w" in find_secret().remarks[0]


@posix
def test_a_courses_secret_that_others_can_replace_is_remarked_on(course: Path) -> None:
    made = find_secret(course)
    (course / "course").chmod(0o777)
    found = find_secret(course)
    assert found.text == made.text
    assert "not safe: other accounts can change" in found.remarks[0]
    (course / "course").chmod(0o755)
    if os.geteuid() == 0:
        os.chown(course / "course" / "secret", 4242, 4242)
        assert "belongs to another account (4242)" in find_secret(course).remarks[0]


@posix
def test_links_in_a_circle_are_no_home(
    tmp_path: Path, home: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "circle/state"))
        assert find_secret().text
    assert not find_secret().lasting
    assert find_secret(course).text


def test_the_course_is_the_same_on_another_machine() -> None:
    """The key is stretched in the same way everywhere, and for good."""
    if not hasattr(hashlib, "scrypt"):
        pytest.skip("this Python has no scrypt")
    key = secret.Secret("the secret of a course").key
    assert replay_code(key, "1.0.0", "00") == "SD2B-JWS6-FF0K-6Y84-Y3SQ"
