"""A worker with NumPy loaded and nothing of a student in it, from which others are forked.

It runs inside bubblewrap and never reads what a student wrote. Each message on its socket
brings three descriptors: commands, answers, and a line to the judge. For each it forks a
child into name spaces of its own: of users, so that its limits and rights are apart; of
processes, mounts, messages and shared memory, networks. There the child is the first
process, and forks the worker; when the first process ends, the kernel ends what is left.
A worker sees no sibling, and not the server.
"""

import gc
import os
import socket
import sys
from pathlib import Path
from typing import Any

from autograder.worker import limits
from autograder.worker.__main__ import main as serve
from autograder.worker.__main__ import prepare

# Numbers of linux/sched.h and linux/mount.h.
_MOUNTS, _GROUPS, _HOST, _MESSAGES = 0x20000, 0x2000000, 0x4000000, 0x8000000
_USERS, _PROCESSES, _NETWORK = 0x10000000, 0x20000000, 0x40000000
_NAMESPACES = _MOUNTS | _GROUPS | _HOST | _MESSAGES | _USERS | _PROCESSES | _NETWORK
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXECUTION = 1, 2, 4, 8
_BOUND_WITH_ALL_IN_IT = 0x1000 | 0x4000
_EMPTY = _READ_ONLY | _NO_SUID | _NO_DEVICES | _NO_EXECUTION
#: What a child has there in place of what the server sees, with flags and options. A
#: child may mount no /proc of its own, and the server's shows its siblings.
#: /proc comes last: it is where what was open is found.
_OWN = (
    ("/tmp", _NO_SUID | _NO_DEVICES, f"size={64 * 2**20},mode=755"),
    ("/dev/pts", _EMPTY, "size=4k,nr_inodes=2,mode=555"),
    ("/proc", _EMPTY, "size=4k,nr_inodes=2,mode=555"),
)
#: The length of a message, and its number of descriptors.
_MESSAGE, _DESCRIPTORS = 1, 3
#: What the judge is told: here is the first process; the worker has ended, so.
STARTED, ENDED = b"s", b"e"


def _check(result: int, what: str) -> None:
    if result != 0:
        import ctypes

        raise OSError(ctypes.get_errno(), f"{what} failed")


def _put_apart(libc: Any) -> None:
    """Give this process, and what it forks, name spaces of their own."""
    user, group = os.getuid(), os.getgid()
    _check(libc.unshare(_NAMESPACES), "unshare")
    # Bubblewrap denied setgroups for all below it. Where it had not, the kernel would take
    # no gid_map from a process without rights, and nothing would be forked.
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _cover(libc: Any) -> None:
    """Give this process folders of its own in place of the server's."""
    bound = {path: os.open(path, os.O_PATH) for path in _bound_in_tmp()}
    for path, flags, options in _OWN:
        made = libc.mount(b"own", path.encode(), b"tmpfs", flags, options.encode())
        _check(made, f"mount {path}")
        while path == "/tmp" and bound:
            _bind(libc, *bound.popitem())
    os.chdir("/tmp")


def _bound_in_tmp() -> list[str]:
    """Return the outermost of what the server sees from outside in /tmp: Python, where the
    virtual environment lies there."""
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    # A blank is \\040 there.
    named = [
        line.split()[4].decode("unicode_escape").encode("latin-1") for line in lines
    ]
    found: list[str] = []
    for path in sorted(map(os.fsdecode, named), key=len):
        if path.startswith("/tmp/") and not any(map(Path(path).is_relative_to, found)):
            found.append(path)
    return found


def _bind(libc: Any, name: str, opened: int) -> None:
    """Show in this place what was opened, a folder or a file, and what is mounted in it."""
    source, place = Path(f"/proc/self/fd/{opened}"), Path(name)
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    made = libc.mount(
        bytes(source), os.fsencode(name), None, _BOUND_WITH_ALL_IN_IT, None
    )
    _check(made, f"bind {name}")
    os.close(opened)


def _keep(descriptors: list[int]) -> None:
    """Move these to 0, 1, 2 …, and close all others."""
    high = [os.dup(descriptor) for descriptor in descriptors]
    while min(high) < len(high):  # none may be where another is to go
        high = [os.dup(descriptor) for descriptor in high]
    for place, descriptor in enumerate(high):
        os.dup2(descriptor, place)
    os.closerange(len(high), os.sysconf("SC_OPEN_MAX"))


def _lead_nowhere(*places: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for place in places:
        os.dup2(nowhere, place)
    os.close(nowhere)


def _first(libc: Any, descriptors: list[int]) -> None:
    """Be the first process of a child's name space: fork the worker, tell the judge how
    it ended, and end all that it left by ending."""
    _keep(descriptors)
    _cover(libc)
    limits.drop_capabilities()
    worker = os.fork()
    if worker == 0:
        _lead_nowhere(2)
        serve()
        os._exit(0)
    line = socket.socket(fileno=os.dup(2))
    _lead_nowhere(0, 1, 2)
    line.sendall(STARTED)  # the kernel adds who says it
    ended = status = 0
    while ended != worker:
        ended, status = os.waitpid(-1, 0)
    code = os.waitstatus_to_exitcode(status)
    line.sendall(ENDED + code.to_bytes(4, "little", signed=True))


def _fork(libc: Any, judge: socket.socket, descriptors: list[int]) -> None:
    """Fork a child with these descriptors, and forget them."""
    between = os.fork()
    if between == 0:
        try:
            judge.close()
            _put_apart(libc)
            if os.fork() == 0:
                _first(libc, descriptors)
        finally:
            os._exit(0)
    for descriptor in descriptors:
        os.close(descriptor)
    os.waitpid(between, 0)


def main() -> None:
    """Fork a worker for each message of the judge, until it closes the socket."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    judge = socket.socket(fileno=os.dup(0))
    _lead_nowhere(0, 1, 2)
    prepare()
    # What is never collected is never written to, and stays shared.
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(judge, _MESSAGE, _DESCRIPTORS)
        if not message:
            return
        if len(descriptors) != _DESCRIPTORS:
            sys.exit("a message without its descriptors")
        _fork(libc, judge, descriptors)


if __name__ == "__main__":
    main()
