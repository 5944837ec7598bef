"""What an answer to calls holds, as far as it can be read."""

from collections.abc import Sequence
from typing import Any

from autograder import wire
from autograder.contract.student import Call, StudentError
from autograder.isolation.outcome import changed_arguments
from autograder.wire.errors import LONGEST_ERROR
from autograder.wire.text import one_line

#: A call's result and the arguments that it changed, by place, or the result of the call
#: before (``EARLIER_RESULT``); or how it failed.
Outcome = tuple[Any, dict[int, Any]] | StudentError


def returned(
    answer: dict[str, Any], body: bytes, calls: Sequence[Call]
) -> list[Outcome]:
    """Return the outcomes of the first so many calls; a failure can be the last.

    Raises ``WireError``, and ``MemoryError`` for more than the judge can hold."""
    if answer.get("error") is not None:
        return [_failure(answer)]
    last = {"failed": dict} if "failed" in answer else {}
    wire.expect_fields(
        answer, error=type(None), results=list, kinds=list, changed=list, **last
    )
    most = len(calls) - len(last)
    results, reader = wire.read_results(answer["results"], answer["kinds"], body, most)
    if len(answer["changed"]) != len(results):
        raise wire.WireError("another number of values came back")
    outcomes: list[Outcome] = []
    for result, pairs, (args, _) in zip(
        results, answer["changed"], calls[: len(results)], strict=True
    ):
        places = range(wire.EARLIER_RESULT, len(args))
        changed = {} if pairs == [] else changed_arguments(pairs, reader, places)
        outcomes.append((result, changed))
    return [*outcomes, *map(_failure, filter(None, [answer.get("failed")]))]


def _failure(said: dict[str, Any]) -> StudentError:
    wire.expect_fields(said, error=str, unwritten=str | None)
    why, unwritten = one_line(said["error"][:LONGEST_ERROR] or "an error"), None
    if said["unwritten"]:
        unwritten = one_line(said["unwritten"][:LONGEST_ERROR])
    return StudentError(why, unwritten)
