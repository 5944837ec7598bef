"""Resource limits and privileges, which the worker gives up before a student's code runs."""

import contextlib
import signal
import sys

# Numbers of linux/prctl.h and linux/capability.h.
_PR_CAPBSET_DROP, _CAPABILITY_VERSION_3 = 24, 0x20080522


def limit_resources(limits: dict[str, int]) -> None:
    """Lower this process's resource limits, hard and soft (POSIX only).

    ``limits`` maps names of the ``resource`` module, such as "RLIMIT_CPU", to values;
    names that the platform lacks are passed over."""
    try:
        import resource
    except ImportError:
        return
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))
    # A file larger than allowed is an error in the student's code, not its end.
    with contextlib.suppress(AttributeError, ValueError):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def drop_capabilities() -> None:
    """Give up what root may do beyond its own files (Linux only): devices, mounts, frozen
    file systems, files that cannot be removed. Others have nothing to give up."""
    if sys.platform != "linux":
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())
