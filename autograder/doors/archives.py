"""Archives that learning platforms let one download; what is in them, students chose."""

import contextlib
import io
import os
import re
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

from autograder.contract.here import is_file
from autograder.doors.classroom import ENDINGS, ClassError
from autograder.doors.few import outer
from autograder.doors.gradescope_download import EXPORT, SUBMISSION
from autograder.doors.gradescope_download import MOST_BYTES as MOST_OF_METADATA
from autograder.doors.platforms import METADATA, owners
from autograder.isolation.folders import lent_folder
from autograder.submission.file import MAX_BYTES
from autograder.wire.litter import is_litter
from autograder.wire.text import one_name, shortened

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

#: Bytes of a folder's or a file's name, and of a path, that a disk takes, and folders that a
#: path may lead through: no pattern is tried on more; and characters that a line shows.
_LONGEST_NAME, _LONGEST_PATH, _DEEPEST, _SHOWN = 255, 3_000, 100, 200
#: Lines on what was not unpacked of one owner's.
_MOST_LINES = 10
#: Bytes that are unpacked at once.
_PIECE = 2**20

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
    members = _members(archive)
    theirs = set[tuple[str, ...]]()
    #: Of each owner the lines, and how often each.
    failed: dict[str, Counter[str]] = defaultdict(Counter)
    files, taken, total = Counter[str](), Counter[str](), 0
    of_whom = _owners(members, pattern)
    for (parts, member), (own, depth) in zip(members, of_whom, strict=True):
        if member.is_dir():
            if len(parts) >= depth:
                theirs.add(parts[:depth])
            continue
        files[own] += 1
        if files[own] > EACH_FILES or taken[own] > EACH_BYTES:
            continue  # and one line for all of them
        try:
            size = _write(archive, member, folder, parts)
        except _NOT_UNPACKED as error:
            # The system names where it would be, which is nobody's business.
            why = getattr(error, "strerror", None) or error
            shown = _shown("/".join(parts) or member.filename)
            failed[own][f"✗ {shown}: it was not unpacked ({why})."] += 1
            continue
        if not _is_metadata(parts):
            taken[own] += size
        total += size
        if total > MOST_BYTES:
            raise ClassError(f"The archive holds more than {MOST_BYTES >> 30} GB.")
    for parts in theirs:
        _make(folder, parts)
    return _few_lines(failed) + [
        f"✗ {_shown(own)}: it holds more than {EACH_FILES:,} files, or "
        f"{EACH_BYTES >> 20} MB; the others were not unpacked."
        for own in files
        if files[own] > EACH_FILES or taken[own] > EACH_BYTES
    ]


def _few_lines(failed: dict[str, Counter[str]]) -> list[str]:
    """Return what failed, with no more lines of one owner than anybody reads."""
    lines: list[str] = []
    for own, theirs in failed.items():
        few = list(theirs)[:_MOST_LINES]
        lines += few
        if more := theirs.total() - len(few):
            lines.append(f"✗ {_shown(own)}: {more:,} more were not unpacked.")
    return lines


def _shown(name: str) -> str:
    return one_name(shortened(name, _SHOWN))


#: A file or folder of an archive, with the parts of its path.
_Member = tuple[tuple[str, ...], zipfile.ZipInfo]


def _members(archive: zipfile.ZipFile) -> list[_Member]:
    """Return what an archive holds; of litter the folder that it lies in, for whoever
    handed in nothing else."""
    found = [(_parts(member), member) for member in archive.infolist()]
    names = {parts for parts, _ in found if _fits(parts)}
    members = []
    for parts, member in found:
        depth = _litter_at(parts, names) if _fits(parts) else len(parts)
        if depth == len(parts):
            members.append((parts, member))
        elif depth:
            folder = zipfile.ZipInfo(f"{'/'.join(parts[:depth])}/")
            members.append((parts[:depth], folder))
    return members


def _litter_at(parts: tuple[str, ...], names: set[tuple[str, ...]]) -> int:
    """Return in how many folders the litter lies that this is, or lies in; with none, how
    many parts the path has."""
    for depth, part in enumerate(parts):
        if is_litter(part):
            return depth
    *folders, last = parts or ("",)
    beside = {last[2:]} if (*folders, last[2:]) in names else ()
    return len(parts) - is_litter(last, beside)


def _make(folder: Path, parts: tuple[str, ...]) -> None:
    """Make a student's or a submission's folder, for one that is empty to be told."""
    if _fits(parts) and folder.joinpath(*parts) != folder:
        with contextlib.suppress(OSError):
            folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)


def _owners(members: list[_Member], pattern: str | None) -> list[tuple[str, int]]:
    """Return whose room in the archive each of these takes: a student's, a submission's;
    and how many parts the path of the folder has that may be one's own."""
    # A list of grades that lies beside the folder of a class is in nobody's.
    files = [
        parts
        for parts, member in members
        if not member.is_dir() and (parts[1:] or PurePath(*parts).suffix in ENDINGS)
    ]
    below = outer(files)
    tops = [parts[min(below, len(parts) - 1)] if parts else "" for parts, _ in members]
    names = {
        top: "/".join(parts[below:]) or top
        for top, (parts, member) in zip(tops, members, strict=True)
        if parts and _fits(parts) and not member.is_dir()
    }
    of_whom = owners(names, pattern)
    found = []
    for top, (parts, _) in zip(tops, members, strict=True):
        outside = parts[1:] if parts and EXPORT.fullmatch(parts[0]) else parts
        if outside and SUBMISSION.fullmatch(outside[0]):
            found.append((outside[0], len(parts) - len(outside) + 1))
        else:
            found.append((of_whom.get(top, top), 1))
    return found


def _parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the parts of a member's path, none of which leads out of a folder."""
    parts = re.split(r"[/\\]", member.filename)
    # Each by itself: a part that a student chose says nothing of how others are written.
    known = member.flag_bits & _UTF_8 or len(parts) > _DEEPEST
    read = parts if known else map(_read, parts)
    return tuple(part for part in read if part not in ("", ".", ".."))


#: The flags that say that a member's name is UTF-8, and of two ways to encrypt it.
_UTF_8, _ENCRYPTED = 0x800, 0x41


def _read(part: str) -> str:
    """Return a name as it was meant: macOS and Info-ZIP write UTF-8 without a flag, which
    zipfile takes for cp437."""
    if part.isascii():
        return part
    try:
        return part.encode("cp437").decode("utf-8")
    except UnicodeError:
        return part


def _fits(parts: tuple[str, ...]) -> bool:
    """Return whether a disk may take such a path, and somebody may have made it."""
    if len(parts) > _DEEPEST:
        return False
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    return max(sizes, default=0) <= _LONGEST_NAME and sum(sizes) <= _LONGEST_PATH


def _is_metadata(parts: tuple[str, ...]) -> bool:
    """Return whether this is Gradescope's own file, and none that a student named so."""
    above = parts[:-1]
    return parts[-1:] == (METADATA,) and (
        not above or (len(above) == 1 and bool(EXPORT.fullmatch(above[0])))
    )


def _write(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    folder: Path,
    parts: tuple[str, ...],
) -> int:
    """Write a member below a folder, and return how many bytes it has. Raises one of
    ``_NOT_UNPACKED``, and ``ClassError`` for metadata that are too much."""
    if not _fits(parts):
        raise ValueError("its path is longer than anybody's")
    target = folder.joinpath(*parts)
    # A part may name a drive.
    if not parts or Path(os.path.commonpath((folder, target))) != folder:
        raise ValueError("its name is none of a file below a folder")
    most = MAX_BYTES if target.suffix in ENDINGS else 0
    if _is_metadata(parts):
        most = MOST_OF_METADATA
    if most and member.compress_type not in _BOUNDED:
        raise ValueError("it is compressed as no learning platform does it")
    if most and member.flag_bits & _ENCRYPTED:
        raise ValueError("it is encrypted; pack it anew without a password")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two names may be one here: the second is no other student's first.
    with target.open("xb") as new:
        size = _fill(archive, member, new, most) if most else 0
    if size > MOST_OF_METADATA:
        raise ClassError(f"{METADATA} is larger than {MOST_OF_METADATA >> 20} MB.")
    return size


def _fill(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, new: BinaryIO, most: int
) -> int:
    """Write a member's bytes to a new file, no more than one over the ``most`` that are
    looked at: what is cut here is refused there. What an archive says of its files' sizes
    may be wrong. Of one that is damaged nothing stays that could be taken for the whole."""
    size = 0
    try:
        with archive.open(member) as file:
            while data := file.read(min(_PIECE, most + 1 - size)):
                new.write(data)
                size += len(data)
    except BaseException:
        new.close()
        Path(new.name).unlink()
        raise
    return size
