"""Archives that learning platforms let one download; what is in them, students chose."""

import contextlib
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from autograder.doors.classroom import ENDINGS, ClassError, outer
from autograder.doors.platforms import METADATA
from autograder.isolation.folders import lent_folder
from autograder.submission.file import MAX_BYTES

#: An archive's files, and bytes of them, that are looked at, in all (1,000 notebooks have
#: 100 MB) and of what one student may have filled.
MOST_FILES, MOST_BYTES = 1_000_000, 4 * 2**30
EACH_FILES, EACH_BYTES = 1_000, 10 * MAX_BYTES

#: What zipfile raises for a member that is damaged or encrypted, and the system for its
#: name.
_NOT_UNPACKED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, MemoryError),
    RuntimeError,  # also NotImplementedError
)
#: Of other ways zipfile makes all that some bytes stand for at once, a gigabyte, say.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def unpacked(source: str | Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folder, or one with the notebooks and scripts of a .zip archive, and an
    empty file for each other one, which is removed at the end; and what of the archive
    could not be unpacked, a line each.

    Raises ``ClassError`` for an archive that cannot be read."""
    source = Path(source)
    if source.suffix.lower() != ".zip" or not source.is_file():
        yield source, []
        return
    with lent_folder("collect") as folder:
        try:
            with zipfile.ZipFile(source) as archive:
                failures = _unpack(archive, folder)
        except _NOT_UNPACKED as error:
            raise ClassError(f"{source} cannot be unpacked ({error}).") from None
        yield folder, failures


def _unpack(archive: zipfile.ZipFile, folder: Path) -> list[str]:
    """Write an archive's notebooks and scripts below a folder, and of all else no more than
    that it is there; return what failed."""
    members = [(_parts(m.filename), m) for m in archive.infolist() if not m.is_dir()]
    if len(members) > MOST_FILES:
        raise ClassError(f"The archive holds more than {MOST_FILES:,} files.")
    failures: list[str] = []
    files, taken = Counter[str](), Counter[str]()
    below = outer([parts for parts, _ in members])
    for parts, member in members:
        own = parts[below] if parts else ""
        files[own] += 1
        if files[own] > EACH_FILES or taken[own] > EACH_BYTES:
            continue  # and one line for all of them
        try:
            taken[own] += _write(archive, member, folder, parts)
        except _NOT_UNPACKED as error:
            failures.append(f"✗ {member.filename}: it was not unpacked ({error}).")
        if taken.total() > MOST_BYTES:
            raise ClassError(f"The archive holds more than {MOST_BYTES >> 30} GB.")
    return failures + [
        f"✗ {own}: it holds more than {EACH_FILES:,} files, or {EACH_BYTES >> 20} MB; the "
        "others were not unpacked."
        for own in files
        if files[own] > EACH_FILES or taken[own] > EACH_BYTES
    ]


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a member's path, none of which leads out of a folder."""
    parts = re.split(r"[/\\]", name)
    return tuple(part for part in parts if part not in ("", ".", ".."))


def _write(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    folder: Path,
    parts: tuple[str, ...],
) -> int:
    """Write a member below a folder, and return how many bytes it has. Raises one of
    ``_NOT_UNPACKED``."""
    target = folder.joinpath(*parts)
    # A part may name a drive.
    if not parts or Path(os.path.commonpath((folder, target))) != folder:
        raise ValueError("its name is none of a file below a folder")
    data = b""
    if target.suffix in ENDINGS or target.name == METADATA:
        if member.compress_type not in _BOUNDED:
            raise ValueError("it is compressed as no learning platform does it")
        with archive.open(member) as file:
            # What an archive says of its files' sizes may be wrong.
            data = file.read(MAX_BYTES + 1)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two names may be one here: the second is no other student's first.
    with target.open("xb") as new:
        new.write(data)
    return len(data)
