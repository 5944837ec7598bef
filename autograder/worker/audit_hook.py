"""The audit hook, by which Python refuses files, processes and sockets to the worker.

Where the kernel stands behind it (Landlock and seccomp), it says in words what that
refuses without; elsewhere it is all there is, but for bubblewrap around it.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_PROCESSES = frozenset(
    {
        *("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn"),
        *("os.system", "os.startfile", "subprocess.Popen", "pty.spawn"),
        *("os.kill", "os.killpg", "signal.pthread_kill"),
        # An interpreter below this one has no hook.
        "cpython.PyInterpreterState_New",
        *("gc.get_objects", "gc.get_referrers", "gc.get_referents"),
    }
)
#: What changes files, and which of its arguments are paths.
_CHANGES = {
    **dict.fromkeys(("os.remove", "os.mkdir", "os.rmdir", "os.truncate"), 1),
    **dict.fromkeys(("os.chmod", "os.chown", "os.utime", "os.chflags"), 1),
    **dict.fromkeys(("os.setxattr", "os.removexattr"), 1),
    **dict.fromkeys(("os.rename", "os.link"), 2),
}
_LISTS = frozenset({"os.listdir", "os.scandir", "os.listdrives", "os.listvolumes"})
#: Modules that open files, run code or share memory in C, where Python's hook sees
#: nothing; only the kernel can stand behind them.
_BLIND = frozenset(
    {
        *("_ctypes_test", "_cffi_backend", "_tkinter", "_sqlite3", "_gdbm", "_dbm"),
        *("readline", "_posixshmem", "_multiprocessing", "_testcapi", "_curses"),
        *("_testinternalcapi", "_xxsubinterpreters", "_interpreters", "nis", "spwd"),
    }
)


class _Roots:
    """Folders and files, with all that lies below them."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._real = tuple(os.path.realpath(path) for path in paths)

    def hold(self, path: Any, resolve: Any = os.path.realpath) -> bool:
        """Return whether a path, as a call names it, leads below one of these."""
        real = resolve(os.fsdecode("." if path is None else path))
        return any(
            real == root or real.startswith(root.rstrip(os.sep) + os.sep)
            for root in self._real
        )


def install(
    readable: Sequence[str],
    writable: Sequence[str],
    hidden: Sequence[str],
    kernel: bool,
) -> None:
    """Let Python refuse files outside these paths or below ``hidden``, processes, signals
    and sockets, and, where ``kernel`` (Landlock and seccomp) does not stand behind it,
    foreign functions and modules that Python cannot look into."""
    own, own_pid = _Roots(writable), os.getpid()
    ours, theirs = _Roots([*readable, *writable]), _Roots(hidden)
    opens, changes, links = _opening(own, ours, theirs), _changing(own), _linking(own)
    imports = _importing(own)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            opens(*args)
        elif event in _PROCESSES or event.startswith("socket."):
            raise PermissionError(f"a graded submission may not use {event}")
        elif event == "resource.prlimit" and args[0] not in (0, own_pid):
            raise PermissionError("a graded submission may limit no other process")
        elif event in _CHANGES:
            changes(event, args)
        elif event == "os.symlink":
            links(*args[:2])
        elif event in _LISTS:
            path = args[0] if args else "/"
            if not isinstance(path, int) and (not ours.hold(path) or theirs.hold(path)):
                raise PermissionError(f"a graded submission may not list {path!r}")
        elif event == "import" and not kernel:
            imports(*args[:2])
        elif event.startswith(("ctypes.", "sqlite3.")) and not kernel:
            raise PermissionError(f"a graded submission may not use {event}")

    _refuse_unseen()
    sys.addaudithook(hook)


def _opening(own: _Roots, ours: _Roots, theirs: _Roots) -> Callable[..., None]:
    """Return what is called when a file is opened; it raises ``PermissionError``."""
    is_folder = os.path.isdir
    write_flags = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def opens(path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        writes = (flags or 0) & write_flags or (mode and set(mode) & set("wax+"))
        allowed = (own if writes else ours).hold(path) and not theirs.hold(path)
        # A descriptor of a folder gives relative paths another start, unseen by us.
        if not allowed or (is_folder(path) and not own.hold(path)):
            verb = "write" if writes else "read"
            raise PermissionError(f"a graded submission may not {verb} {path!r}")

    return opens


def _changing(own: _Roots) -> Callable[..., None]:
    """Return what is called when files are to be changed, with their event."""

    def changes(event: str, args: tuple[Any, ...]) -> None:
        for path in args[: _CHANGES[event]]:
            if not isinstance(path, int) and not own.hold(path):
                raise PermissionError(f"a graded submission may not change {path!r}")

    return changes


def _linking(own: _Roots) -> Callable[..., None]:
    """Return what is called when a link is made."""

    def links(target: Any, link: Any) -> None:
        # Where a link leads depends on where it lies, and it may be moved.
        name = os.fsdecode(target)
        inside = own.hold(name) and os.pardir not in Path(name).parts
        if not (inside and own.hold(link)):
            raise PermissionError(f"a graded submission may not link to {name!r}")

    return links


def _importing(own: _Roots) -> Callable[..., None]:
    """Return what is called when a module is loaded, from ``file`` if it is one of C."""

    def imports(name: Any, file: Any) -> None:
        blind = str(name).rpartition(".")[2] in _BLIND
        if blind or (file is not None and own.hold(file)):
            raise PermissionError(f"a graded submission may not import {name} here")

    return imports


def _refuse_unseen() -> None:
    """Replace functions that raise no audit event: below ``subprocess``, below shared
    memory, and those that make pipes and devices in a folder."""

    def refused(*_: Any, **__: Any) -> int:
        raise PermissionError("a graded submission may not use this function")

    unseen = {
        "_posixsubprocess": ("fork_exec",),
        "_posixshmem": ("shm_open", "shm_unlink"),
        "posix": ("mkfifo", "mknod", "pidfd_open", "chroot"),
        "os": ("mkfifo", "mknod", "pidfd_open", "chroot"),
    }
    for module, names in unseen.items():
        with contextlib.suppress(ImportError):
            found = vars(importlib.import_module(module))
            found.update({name: refused for name in names if name in found})
