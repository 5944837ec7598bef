"""Archives that learning platforms let one download; what is in them, students chose."""

import contextlib
import io
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from autograder.contract.here import is_file
from autograder.doors.classroom import ENDINGS, ClassError
from autograder.doors.few import outer
from autograder.doors.platforms import METADATA, owners
from autograder.isolation.folders import lent_folder
from autograder.submission.file import MAX_BYTES
from autograder.wire.text import one_name

#: An archive's files, and bytes of them, that are looked at, in all (1,000 notebooks have
#: 100 MB) and of what one student may have filled. Of each file in its table of contents
#: zipfile makes 1 kB, and of the table's bytes, which are names, up to 16 times as many.
MOST_FILES, MOST_BYTES, MOST_CONTENTS = 100_000, 4 * 2**30, 16 * 2**20
EACH_FILES, EACH_BYTES = 1_000, 10 * MAX_BYTES
#: What each file in the table of contents begins with.
_ENTRY = b"PK\x01\x02"
_TOO_MANY = (
    "The archive holds more than {}: unpack it, remove what is nobody's work, and collect "
    "the folder."
)

#: What zipfile raises for a member that is damaged or encrypted, and the system for its
#: name.
_NOT_UNPACKED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, MemoryError),
    RuntimeError,  # also NotImplementedError
)
#: Of other ways zipfile makes all that some bytes stand for at once, a gigabyte, say.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def unpacked(
    source: str | Path, pattern: str | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folder, or one with the notebooks and scripts of a .zip archive, and an
    empty file for each other one, which is removed at the end; and what of the archive
    could not be unpacked, a line each. Of a student's share ``owners`` tells, as by a
    ``pattern``.

    Raises ``ClassError`` for an archive that cannot be read."""
    source = Path(source)
    if source.suffix.lower() != ".zip" or not is_file(source):
        yield source, []
        return
    with lent_folder("collect") as folder:
        try:
            with _Opened(source) as file, zipfile.ZipFile(file) as archive:
                file.opened = True
                failures = _unpack(archive, folder, pattern)
        except _NOT_UNPACKED as error:
            raise ClassError(f"{source} cannot be unpacked ({error}).") from None
        yield folder, failures


class _Opened(io.BufferedReader):
    """An archive's file. Until it is ``opened``, zipfile reads its table of contents: to
    the end that its last bytes tell, whatever number of files these tell.

    Raises ``ClassError`` for what is too much of it."""

    def __init__(self, source: Path) -> None:
        super().__init__(io.FileIO(source))
        self.opened, self._left, self._files = False, MOST_CONTENTS, 0

    def read(self, size: int | None = -1) -> bytes:
        if self.opened:
            return super().read(size)
        wanted = self._left + 1
        data = super().read(wanted if size is None or size < 0 else min(size, wanted))
        self._left -= len(data)
        self._files += data.count(_ENTRY)
        if self._left < 0:
            names = f"{MOST_CONTENTS >> 20} MB of names"
            raise ClassError(_TOO_MANY.format(names))
        if self._files > MOST_FILES:
            raise ClassError(_TOO_MANY.format(f"{MOST_FILES:,} files"))
        return data


def _unpack(archive: zipfile.ZipFile, folder: Path, pattern: str | None) -> list[str]:
    """Write an archive's notebooks and scripts below a folder, and of all else no more than
    that it is there; return what failed."""
    members = [(_parts(m.filename), m) for m in archive.infolist() if not m.is_dir()]
    failures: list[str] = []
    files, taken, total = Counter[str](), Counter[str](), 0
    below = outer([parts for parts, _ in members])
    names = {parts[below]: "/".join(parts[below:]) for parts, _ in members if parts}
    of_whom = owners(names, pattern)
    for parts, member in members:
        own = of_whom[parts[below]] if parts else ""
        files[own] += 1
        if files[own] > EACH_FILES or taken[own] > EACH_BYTES:
            continue  # and one line for all of them
        try:
            size = _write(archive, member, folder, parts)
        except _NOT_UNPACKED as error:
            # The system names where it would be, which is nobody's business.
            why = getattr(error, "strerror", None) or error
            failures.append(
                f"✗ {one_name(member.filename)}: it was not unpacked ({why})."
            )
            continue
        taken[own] += size
        total += size
        if total > MOST_BYTES:
            raise ClassError(f"The archive holds more than {MOST_BYTES >> 30} GB.")
    return failures + [
        f"✗ {one_name(own)}: it holds more than {EACH_FILES:,} files, or "
        f"{EACH_BYTES >> 20} MB; the others were not unpacked."
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
