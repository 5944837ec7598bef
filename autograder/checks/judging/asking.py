"""Which dropouts a student's test is asked about, and in what order.

All checks judge the same verdicts. These are asked for in rounds, in each of them about
correct and broken dropouts of all kinds, in random order: a test that counts its calls
learns in which round it is, and no more, and each round asks for all that is promised.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.budget import alpha_of
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families.keyed import Dropout, Lent, Witness, as_written, keyed
from autograder.families.specimens import BROKEN, CORRECT, Specimen
from autograder.laws.binomial import AtMost


class Wrong(Mistakes, section="judging-power"):
    asserts_instead_of_answering = """your test raises AssertionError where an answer
        is expected; return False for a broken dropout and True for a correct one."""


#: What a student's test may get wrong, each way: one run in a hundred.
STATED_RATE = 0.01
#: The looks at correct dropouts, one a round, and how many rejected ones are doubtful.
ACCEPTS = {
    "correct dropouts rejected": AtMost(STATED_RATE, detects=0.2),
    "rejected, looked at again": AtMost(STATED_RATE, detects=0.09),
    "rejected, still in doubt": AtMost(STATED_RATE, detects=0.04),
}
ENOUGH_REJECTED = 3, 14, 0
#: The looks at a kind of broken ones, and how many accepted ones are doubtful.
REJECTS = {
    "accepted": AtMost(STATED_RATE, detects=0.94),
    "accepted, looked at again": AtMost(STATED_RATE, detects=0.5),
    "accepted, still in doubt": AtMost(STATED_RATE, detects=0.19),
}
ENOUGH_ACCEPTED = 1, 3, 0
#: Of a kind that nobody doubts so many are asked about in the later rounds, …
_UNDOUBTED = 8
#: … and so many of these are accepted by a test that keeps its promise once in 10**13.
TOO_MANY_OF_THESE = 7
#: The kind of the correct ones; that of broken ones is their name.
RIGHT = ""


@contextlib.contextmanager
def no_assertion() -> Iterator[None]:
    """Turn the error of a test that asserts into ``CheckFailure``."""
    try:
        yield
    except StudentError as error:
        if not error.message.startswith("AssertionError"):
            raise
        raise CheckFailure(
            f"is_inverted_dropout(dropout, rng) raised {error.message}; expected True or "
            "False.",
            Wrong.asserts_instead_of_answering,
        ) from error


def answer(test: StudentFunction, dropout: Dropout, rng: np.random.Generator) -> Any:
    """Return what the student's test says of a dropout. Raises ``CheckFailure`` for a test
    that asserts."""
    with no_assertion():
        return test(dropout, rng)


def verdict(test: StudentFunction, dropout: Dropout, rng: np.random.Generator) -> bool:
    """Return the student's verdict on a dropout, as ``if`` takes it: a text is no refusal.

    Raises ``CheckFailure`` for a test that asserts, and for an array."""
    said = answer(test, dropout, rng)
    if isinstance(said, np.ndarray):
        raise no_verdict(said)
    return bool(said)


def no_verdict(said: Any) -> CheckFailure:
    """Return the failure of a test that said this, where True or False is expected."""
    nothing, other = facts.Wrong.returns_nothing, facts.Wrong.returns_another_kind
    return CheckFailure(
        f"is_inverted_dropout(dropout, rng) returned {facts.describe(said)}; expected "
        "True or False.",
        nothing if said is None else other,
    )


def correct_ones(n: int, trial: Trial) -> list[Lent]:
    """Return n correct dropouts: one of four a style that all may know, as it is written,
    the others under keys. Who accepts only what can be replayed rejects most."""
    first = int(trial.rng.integers(len(CORRECT)))
    return [
        keyed(CORRECT[0], trial.rng)
        if i % 4
        else Lent(as_written(CORRECT[(first + i // 4) % len(CORRECT)]))
        for i in range(n)
    ]


def broken_ones(specimen: Specimen, n: int, trial: Trial) -> list[Lent]:
    """Return n dropouts that are broken in this way, each under a key of its own."""
    return [keyed(specimen, trial.rng) for _ in range(n)]


#: The verdicts of a round: for each kind, which of them were wrong.
Round = Mapping[str, np.ndarray]


@dataclass
class Asked:
    """All that a test was asked in a grading. ``witnesses`` are three runs on one correct
    dropout: two from one state of rng, the third from another. ``replays`` are two runs
    on each of several broken dropouts, from one state of rng."""

    rounds: list[Round]
    witnesses: list[Witness]
    replays: list[tuple[Witness, Witness]]


def asked(test: StudentFunction, trial: Trial) -> Asked:
    """Return the verdicts of this grading; they are asked for once."""
    if "asked" not in trial.notes:
        dropout = keyed(CORRECT[0], trial.rng)
        broken = [keyed(specimen, trial.rng) for specimen in BROKEN]
        replays = [(Witness(each), Witness(each)) for each in broken]
        asked = Asked([], [Witness(dropout) for _ in range(3)], replays)
        doubted = dict.fromkeys(_KINDS, True)
        for number in range(len(ACCEPTS)):
            if any(doubted.values()):
                extra = _watched(asked, trial) if number == 0 else []
                asked.rounds.append(_ask(test, trial, number, doubted, extra))
                doubted = _doubts(asked.rounds[-1], number)
        trial.notes["asked"] = asked
    found: Asked = trial.notes["asked"]
    return found


#: The kind of a dropout, None if it is watched, what it is, and the rng of the run.
Question = tuple[str | None, Dropout, np.random.Generator]


def _watched(asked: Asked, trial: Trial) -> list[Question]:
    """Return the runs whose calls are compared."""
    one, other = trial.new_seed(), trial.new_seed()
    runs = [*zip(asked.witnesses, (one, one, other), strict=True)]
    for pair in asked.replays:
        seed = trial.new_seed()
        runs += [(witness, seed) for witness in pair]
    return [(None, witness, trial.generator(seed)) for witness, seed in runs]


_KINDS: Mapping[str, Specimen] = {specimen.name: specimen for specimen in BROKEN}


def _law(kind: str, number: int) -> AtMost:
    """Return the law of a round's look at a kind."""
    laws = ACCEPTS if kind == RIGHT else REJECTS
    return [*laws.values()][number]


def _size(kind: str, number: int) -> int:
    return _law(kind, number).sample_size(alpha_of("judging"))


def in_full(kind: str, number: int, wrong: np.ndarray) -> bool:
    """Return whether a round asked about a kind often enough for the round's look."""
    return wrong.size >= _size(kind, number)


def _ask(
    test: StudentFunction,
    trial: Trial,
    number: int,
    doubted: Mapping[str, bool],
    watched: Sequence[Question],
) -> Round:
    """Ask for the verdicts of a round, and for those that are ``watched`` in between."""
    right = correct_ones(_size(RIGHT, number), trial)
    questions: list[Question] = [
        (RIGHT, dropout, trial.generator()) for dropout in right
    ]
    for kind, specimen in _KINDS.items():
        many = _size(kind, number) if doubted[kind] else _UNDOUBTED
        broken = broken_ones(specimen, many, trial)
        questions += [(kind, dropout, trial.generator()) for dropout in broken]
    questions += watched
    wrong: dict[str, list[bool]] = {kind: [] for kind in (RIGHT, *_KINDS)}
    for place in trial.rng.permutation(len(questions)):
        asked_kind, dropout, rng = questions[place]
        said = verdict(test, dropout, rng)
        if asked_kind is not None:
            wrong[asked_kind].append(said is (asked_kind != RIGHT))
        elif isinstance(dropout, Witness):
            dropout.verdicts.append(said)
    return {kind: np.array(each) for kind, each in wrong.items()}


def _doubts(of: Round, number: int) -> dict[str, bool]:
    """Return which kinds the next round has to decide about. What is wrong beyond doubt
    is decided, and so is what nobody doubted before."""
    doubted = {}
    for kind, wrong in of.items():
        enough = ENOUGH_REJECTED if kind == RIGHT else ENOUGH_ACCEPTED
        count = int(wrong.sum())
        clear = _law(kind, number).p_value(count, wrong.size) < alpha_of("judging")
        asked_enough = in_full(kind, number, wrong)
        doubted[kind] = asked_enough and count >= enough[number] and not clear
    return doubted
