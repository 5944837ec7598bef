"""Resource limits, which the worker lowers for itself before a student's code runs."""

import contextlib
import signal


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
