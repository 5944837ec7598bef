"""Archives that learning platforms let one download; what is in them, students chose."""

import contextlib
import os
import struct
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from autograder.contract.here import is_file
from autograder.doors.classroom import ENDINGS, ClassError
from autograder.doors.contents import Contents, name_in
from autograder.doors.few import EACH_NAMES
from autograder.doors.gradescope_download import EXPORT
from autograder.doors.gradescope_download import MOST_BYTES as MOST_OF_METADATA
from autograder.doors.platforms import METADATA, Owner
from autograder.doors.shares import Shares, fits, parts_of
from autograder.isolation.folders import lent_folder
from autograder.submission.file import MAX_BYTES
from autograder.wire.litter import is_litter
from autograder.wire.text import one_name, shortened

#: An archive's files, and bytes of them, that are looked at, in all (1,000 notebooks have
#: 100 MB) and of what one student may have filled. Of each file in its table of contents
#: zipfile makes 1 kB, and of the table's bytes, which are names, up to 16 times as many.
MOST_FILES, MOST_BYTES, MOST_CONTENTS = 100_000, 4 * 2**30, 16 * 2**20
EACH_FILES, EACH_BYTES = 1_000, 10 * MAX_BYTES
#: Characters of a name that a line shows, and lines on what was not unpacked of one
#: owner's.
_SHOWN, _MOST_LINES = 200, 10
#: How the name goes on of what stands for a file that was not unpacked.
_DAMAGED = ".damaged"
#: Bytes that are unpacked at once.
_PIECE = 2**20

#: What zipfile raises for a member that is damaged or encrypted, and the system for its
#: name.
_NOT_UNPACKED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, MemoryError),
    *(RuntimeError, struct.error),  # the first: also NotImplementedError
)
#: Of other ways zipfile makes all that some bytes stand for at once, a gigabyte, say.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def unpacked(
    source: str | Path, pattern: str | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folder, or one with the notebooks and scripts of a .zip archive, and an
    empty file for each other one, which is removed at the end; and what of the archive
    could not be unpacked, a line each. Of a student's share ``Shares`` tell, as by a
    ``pattern``.

    Raises ``ClassError`` for an archive that cannot be read."""
    source = Path(source)
    if source.suffix.lower() != ".zip" or not is_file(source):
        yield source, []
        return
    with lent_folder("collect") as folder:
        try:
            with source.open("rb") as file:
                contents = Contents(file)
                shares = Shares(contents, pattern)
                # The room is counted once litter is left out, which may lie beside each.
                table = shares.table(
                    (2 * EACH_FILES, 2 * EACH_NAMES), (MOST_FILES, MOST_CONTENTS)
                )
                archive, broken = _opened(contents, table)
                with archive:
                    failures = _unpack(archive, folder, shares, broken)
        except _NOT_UNPACKED as error:
            raise ClassError(f"{source} cannot be unpacked ({error}).") from None
        yield folder, failures


def _opened(
    contents: Contents, table: list[bytes]
) -> tuple[zipfile.ZipFile, dict[tuple[str, ...], Exception]]:
    """Return the archive of the entries that can be read, and why others cannot: zipfile
    refuses all for one."""
    try:
        return zipfile.ZipFile(contents.with_only(b"".join(table))), {}
    except _NOT_UNPACKED as error:
        refused = error
        fine, broken = list[bytes](), dict[tuple[str, ...], Exception]()
    for entry in table:
        try:
            zipfile.ZipFile(contents.with_only(entry)).close()
            fine.append(entry)
        except _NOT_UNPACKED as error:
            broken[parts_of(*name_in(entry))] = error
    if not fine:
        raise refused
    return zipfile.ZipFile(contents.with_only(b"".join(fine))), broken


def _unpack(
    archive: zipfile.ZipFile,
    folder: Path,
    shares: Shares,
    broken: Mapping[tuple[str, ...], Exception],
) -> list[str]:
    """Write an archive's notebooks and scripts below a folder, and of all else no more than
    that it is there; return what failed, with what is ``broken``."""
    members = _members(archive)
    theirs = set[tuple[str, ...]]()
    #: Of each owner the lines, and how often each.
    failed: dict[Owner, Counter[str]] = defaultdict(Counter)
    files, taken, total = Counter[Owner](), Counter[Owner](), 0
    for parts, error in broken.items():
        failed[shares.of(parts)[0]][_failure(folder, parts, "", error)] += 1
    for parts, member in members:
        own, depth = shares.of(parts)
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
            failed[own][_failure(folder, parts, member.filename, error)] += 1
            continue
        if not _is_metadata(parts):
            taken[own] += size
        total += size
        if total > MOST_BYTES:
            raise ClassError(f"The archive holds more than {MOST_BYTES >> 30} GB.")
    for parts in theirs:
        _make(folder, parts)
    over = [own for own in files if files[own] > EACH_FILES or taken[own] > EACH_BYTES]
    return _few_lines(failed) + _over([*over, *sorted(shares.over)])


def _over(owners: Iterable[Owner]) -> list[str]:
    """Return a line on each who filled the own share."""
    most = f"{EACH_FILES:,} files, {EACH_BYTES >> 20} MB, or {EACH_NAMES >> 10} kB of names"
    return [
        f"✗ {_called(own)}: it holds more than {most}; the others were not unpacked."
        for own in dict.fromkeys(owners)
    ]


def _failure(folder: Path, parts: tuple[str, ...], name: str, error: Exception) -> str:
    """Return a line on a file that was not unpacked, in whose place is left that there was
    one: nobody's earlier work counts for it in silence."""
    if fits(parts):
        with contextlib.suppress(*_NOT_UNPACKED):
            target = folder.joinpath(*parts[:-1], parts[-1] + _DAMAGED)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    # The system names where it would be, which is nobody's business.
    why = getattr(error, "strerror", None) or error
    return f"✗ {_shown('/'.join(parts) or name)}: it was not unpacked ({why})."


def _called(owner: Owner) -> str:
    return _shown("_".join(filter(None, owner)))


def _few_lines(failed: dict[Owner, Counter[str]]) -> list[str]:
    """Return what failed, with no more lines of one owner than anybody reads."""
    lines: list[str] = []
    for own, theirs in failed.items():
        few = list(theirs)[:_MOST_LINES]
        lines += few
        if more := theirs.total() - len(few):
            lines.append(f"✗ {_called(own)}: {more:,} more were not unpacked.")
    return lines


def _shown(name: str) -> str:
    return one_name(shortened(name, _SHOWN))


#: A file or folder of an archive, with the parts of its path.
_Member = tuple[tuple[str, ...], zipfile.ZipInfo]


def _members(archive: zipfile.ZipFile) -> list[_Member]:
    """Return what an archive holds; of litter the folder that it lies in, for whoever
    handed in nothing else."""
    listed = archive.infolist()
    found = [(parts_of(each.filename, each.flag_bits), each) for each in listed]
    names = {parts for parts, _ in found if fits(parts)}
    members = []
    for parts, member in found:
        depth = _litter_at(parts, names) if fits(parts) else len(parts)
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
    if fits(parts) and folder.joinpath(*parts) != folder:
        with contextlib.suppress(OSError):
            folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)


#: The flags of a member of two ways to encrypt it.
_ENCRYPTED = 0x41


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
    if not fits(parts):
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
