"""An archive's table of contents, read as a stream: what is too much of it is left out before
zipfile makes anything of it."""

import io
import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

#: The end of an archive and, of a large one, what stands before it; how each file begins.
_END, _END64, _WHERE64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY = b"PK\x01\x02"
_LONGEST_END, _SHORT = 22 + 0xFFFF, 22
#: The flag that says that a file's name is UTF-8.
UTF_8 = 0x800


class Entry(NamedTuple):
    """A file in the table: its name as zipfile reads it, its flags and its bytes, without
    the comment."""

    name: str
    flags: int
    data: bytes


class Contents:
    """The table of contents of an archive's file. Raises ``zipfile.BadZipFile``."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        all_bytes = file.seek(0, io.SEEK_END)
        file.seek(max(0, all_bytes - _LONGEST_END))
        tail = file.read()
        at = tail.rfind(_END, 0, len(tail) - _SHORT + len(_END))
        if at < 0:
            raise zipfile.BadZipFile("File is not a zip file")
        self._size, offset = struct.unpack("<2L", tail[at + 12 : at + 20])
        end = all_bytes - len(tail) + at
        if end >= 76:
            file.seek(end - 76)
            large = file.read(76)
            if large.startswith(_END64) and large[56:60] == _WHERE64:
                self._size, offset = struct.unpack("<2Q", large[40:56])
                end -= 76
        self._start, self._offset = end - self._size, offset
        if self._start < offset:
            raise zipfile.BadZipFile("Bad offset for central directory")

    def __iter__(self) -> Iterator[Entry]:
        self._file.seek(self._start)
        left = self._size
        while left > 0:
            head = self._read(46)
            if not head.startswith(_ENTRY):
                raise zipfile.BadZipFile("Bad magic number for central directory")
            [flags] = struct.unpack("<H", head[8:10])
            name, extra, comment = struct.unpack("<3H", head[28:34])
            data = head[:32] + b"\0\0" + head[34:] + self._read(name + extra)
            self._read(comment)
            left -= 46 + name + extra + comment
            yield Entry(name_in(data)[0], flags, data)

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise zipfile.BadZipFile("Truncated central directory")
        return data

    def with_only(self, table: bytes) -> BinaryIO:
        """Return the archive's file with these entries alone in its table."""
        size, offset, full = len(table), self._offset, 0xFFFFFFFF
        large = b""
        if offset >= full:
            large = struct.pack("<4sQ2H2L", _END64, 44, 45, 45, 0, 0)
            large += struct.pack("<4Q", 0, 0, size, offset)
            large += struct.pack("<4sLQL", _WHERE64, 0, offset + size, 1)
        end = struct.pack("<4s4H2LH", _END, 0, 0, 0, 0, size, min(offset, full), 0)
        whole = _Joined(self._file, self._start, table + large + end)
        return io.BufferedReader(whole)


def name_in(data: bytes) -> tuple[str, int]:
    """Return the name in an entry's bytes, also one that zipfile refuses to read, and the
    flags."""
    flags, size = struct.unpack("<8xH18xH", data[:30])
    text = data[46 : 46 + size].decode("utf-8" if flags & UTF_8 else "cp437", "replace")
    return text.partition("\0")[0], flags


class _Joined(io.RawIOBase):
    """The first bytes of a file, and others after these."""

    def __init__(self, file: BinaryIO, size: int, more: bytes) -> None:
        super().__init__()
        self._file, self._size, self._more, self._at = file, size, more, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        whole = self._size + len(self._more)
        before = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: whole}[whence]
        if before + offset < 0:
            raise OSError("before the file's beginning")
        self._at = before + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object) -> int:
        room = memoryview(buffer)  # type: ignore[arg-type]
        if self._at < self._size:
            self._file.seek(self._at)
            data = self._file.read(min(len(room), self._size - self._at))
        else:
            at = self._at - self._size
            data = self._more[at : at + len(room)]
        room[: len(data)] = data
        self._at += len(data)
        return len(data)
