"""The process in which a student's code runs. The judge never imports this module.

It reads commands from its standard input and answers on its standard output, both taken
away from the student's code before that runs. Whatever it answers is a claim that the
judge checks; it decides nothing.
"""

import builtins
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import autograder
from autograder import wire
from autograder.wire.parents import end_with_parent
from autograder.worker import audit_hook, imports, landlock, limits, seccomp
from autograder.worker.namespace import Worker, unusable
from autograder.worker.shell import display, no_input


def _take_streams() -> tuple[Any, Any]:
    """Return the command and answer streams; the student's 0, 1 and 2 lead nowhere."""
    commands, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return commands, answers


def _no_check(exercise: Any) -> float:
    """Stand in for ``autograder.check``: here the judge checks, from outside."""
    return 0.0


def confine(request: dict[str, Any]) -> str:
    """Give up what the judge says, before a student's code runs; return the strongest
    means that worked.

    Four layers, each where the platform has it: resource limits; Landlock, by which Linux
    refuses files, connections and signals beyond what is listed; a filter (``seccomp``),
    by which it refuses processes, sockets and other processes' limits; and an audit hook,
    by which Python refuses the same. None needs a privilege. Bubblewrap, where it works,
    stands around all of it."""
    if request["parent"] is not None:
        end_with_parent(request["parent"])
    resources = dict(request["limits"])
    processes = {"RLIMIT_NPROC": resources.pop("RLIMIT_NPROC")}
    limits.limit_resources(resources)
    limits.drop_capabilities()
    own = tempfile.gettempdir() if request["folder"] is None else request["folder"]
    readable = [path for path in request["readable"] if Path(path).exists()]
    vars(autograder)["check"] = _no_check
    # The same submission draws the same numbers, even from where it should not.
    random.seed(request["seed"])
    np.random.seed(request["seed"])
    hidden = request["hidden"]
    version = landlock.install([*readable, own], [own, os.devnull], hidden)
    filtered = seccomp.install()
    # Outside a user namespace it counts the threads of the whole account, and the filter
    # refuses processes without it; the judge counts the worker's threads.
    if request["parent"] is None or not filtered:
        limits.limit_resources(processes)
    audit_hook.install(
        [*readable, own, os.devnull],
        [own, os.devnull],
        hidden,
        kernel=version >= landlock.KEEPS_LENGTHS and filtered,
    )
    imports.install(request["packages"])
    os.chdir(own)
    if version:
        return "landlock" if filtered else "landlock without seccomp"
    return "rlimits" if os.name == "posix" else "none"


def prepare() -> None:
    """Add what IPython's namespace has and this interpreter's lacks."""
    # Under -I there is no site module's exit to end a script with.
    vars(builtins).update(exit=sys.exit, quit=sys.exit)
    vars(builtins).update(display=display, input=no_input)


def main() -> None:
    """Serve commands until the judge closes the stream."""
    commands, answers = _take_streams()
    worker = Worker(commands, answers)
    while (frame := worker.listen()) is not None:
        request, body = frame
        if request["do"] == "confine":
            worker.say({"error": None, "by": confine(request)})
            continue
        answer, data = worker.commands[request["do"]](request, body)
        try:
            worker.say(answer, data)
        except wire.WireError as error:
            # Text may take six times its length in JSON; the figures are what can go.
            worker.say(
                answer | {"images": []} if "images" in answer else unusable(error)
            )


if __name__ == "__main__":
    prepare()
    main()
