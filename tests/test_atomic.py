"""What is not whole yet is locked, and nobody else may lock it."""

import os
import threading
from pathlib import Path

import pytest

from autograder.isolation import atomic
from autograder.isolation.atomic import PRIVATE, write_new, write_out, write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX modes")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
def test_a_file_has_the_mode_that_the_account_gives_files(
    mask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none of its locked beginnings can be opened by others."""
    seen = []
    fill = atomic._fill

    def looking(file: object, content: str | bytes) -> None:
        (part,) = tmp_path.glob(".*.part")
        seen.append(mode(part))
        fill(file, content)  # type: ignore[arg-type]

    monkeypatch.setattr(atomic, "_fill", looking)
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "a", "text")
        write_out(tmp_path / "b", b"bytes")
        write_whole(tmp_path / "c", "secret", PRIVATE)
        write_new(tmp_path / "d", "secret")
        assert atomic._umask() == mask
    finally:
        os.umask(before)
    assert seen == [0o600] * 4
    found = {path.name: mode(path) for path in tmp_path.iterdir()}
    usual = 0o666 & ~mask
    assert found == {"a": usual, "b": usual, "c": 0o600, "d": 0o600}


@posix
def test_where_the_system_tells_no_mask_it_is_found_and_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", nothing)
    before = os.umask(0o027)
    try:
        assert atomic._umask() == os.umask(0o027) == 0o027
    finally:
        os.umask(before)


@posix
def test_a_pipe_gets_what_is_written_and_a_link_leads_on(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_out(pipe, "text", PRIVATE)
    reader.join(30)
    assert got == ["text"] and pipe.is_fifo()
    (tmp_path / "there").write_text("a longer text")
    (tmp_path / "link").symlink_to("there")
    write_out(tmp_path / "link", "text", PRIVATE)
    assert (tmp_path / "there").read_text() == "text"
    assert mode(tmp_path / "there") == 0o600
