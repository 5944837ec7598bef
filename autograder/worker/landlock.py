"""Landlock, by which Linux refuses the worker files, connections and signals beyond what
is listed. It needs no privilege."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Numbers of linux/landlock.h: system calls, and the accesses known to each version.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
#: Devices, sockets and pipes in a folder, and commands to devices.
_NO_FILES = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 15
_FILES_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_BOTH_TCP, _BOTH_SCOPES = 3, 3
#: The version from which Landlock refuses to cut a file as well.
KEEPS_LENGTHS = 3


def install(
    readable: Sequence[str], writable: Sequence[str], hidden: Sequence[str] = ()
) -> int:
    """Let the kernel refuse every file that is not below these paths, or is below what is
    ``hidden`` in them, TCP, and signals to other processes. Return the version of Landlock
    that does so, 0 where this kernel cannot and nothing changes. Before the third any file
    can be cut to nothing."""
    if sys.platform != "linux":
        return 0
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, 1)
    if version < 1:
        return 0
    files = (1 << _FILES_BY_VERSION.get(version, 16)) - 1
    handled = [
        files,
        _BOTH_TCP if version >= 4 else 0,
        _BOTH_SCOPES if version >= 6 else 0,
    ]
    words = 3 if version >= 6 else 2 if version >= 4 else 1
    attributes = (ctypes.c_uint64 * 3)(*handled)
    ruleset = libc.syscall(_CREATE, attributes, ctypes.c_size_t(8 * words), 0)
    if ruleset < 0:
        return 0
    unseen = [Path(os.path.realpath(path)) for path in hidden]
    for path in readable:
        for part, access in _without(Path(os.path.realpath(path)), unseen):
            _allow(libc, ruleset, part, access)
    for path in writable:
        _allow(libc, ruleset, path, files & ~_EXECUTE & ~_NO_FILES)
    # Landlock refuses processes that could gain privileges.
    done = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    done = done and libc.syscall(_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return int(version) if done else 0


def _without(path: Path, hidden: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    """Yield what is to be allowed, with its accesses, so that all below a path may be read
    but what is hidden: a rule cannot take back what another allows. Folders around that may
    be listed, as Python looks for modules in them."""
    if any(path.is_relative_to(each) for each in hidden):
        return
    if not any(each.is_relative_to(path) for each in hidden):
        yield path, _EXECUTE | _READ_FILE | _READ_DIR
        return
    yield path, _READ_DIR
    for entry in path.iterdir():
        # A link around what is hidden leads where that is left out.
        target = Path(os.path.realpath(entry))
        if not entry.is_symlink() or not any(h.is_relative_to(target) for h in hidden):
            yield from _without(target, hidden)


def _allow(libc: Any, ruleset: int, path: str | Path, access: int) -> None:
    import ctypes
    import struct

    with contextlib.suppress(OSError):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not Path(path).is_dir():
            access &= _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14)
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, parent), 12)
        libc.syscall(_ADD, ruleset, 1, rule, 0)
        os.close(parent)
