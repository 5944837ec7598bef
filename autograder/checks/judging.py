"""Grade the graders: the student's test of inverted dropout, itself under test."""

from collections.abc import Callable

import numpy as np

from autograder.exercise import Exercise, describe
from autograder.mistakes import mistake
from autograder.specimens import BROKEN, CORRECT, Specimen
from autograder.statistics import AtMost
from autograder.students import StudentFunction
from autograder.trial import Trial

judge = Exercise(
    "is_inverted_dropout",
    chapter="judging",
    title="Write the test: accept correct dropouts, reject broken ones",
    signature="is_inverted_dropout(dropout, rng) -> bool",
    section="judging-exact-tests",
)

#: What a student's test may get wrong, each way: one run in a hundred.
STATED_RATE = 0.01

ALWAYS_THE_SAME = mistake(
    "always_answers_the_same",
    "your test gives every dropout the same answer, so it tests nothing.",
    "judging-power",
)
REJECTS_CORRECT = mistake(
    "rejects_correct_dropouts",
    "your test rejects correct dropouts too often: its tolerances are narrower than "
    "chance, or it expects one particular style or seed.",
    "judging-budget",
)
BLIND = mistake(
    "is_blind_to_a_defect",
    "your test accepts a broken dropout: nothing in it looks at what is broken there.",
    "judging-power",
)


def verdict(test: StudentFunction, specimen: Specimen, trial: Trial) -> bool:
    """Return the student's verdict on a dropout. Raises ``CheckFailure`` unless it is
    True or False."""
    answer = test(specimen, trial.generator())
    trial.expect(
        isinstance(answer, bool),
        f"is_inverted_dropout(dropout, rng) returned {describe(answer)}; expected True "
        "or False.",
    )
    return bool(answer)


@judge.check(points=0)
def answers_true_or_false(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """The answer is True or False, for correct and for broken dropouts."""
    for specimen in (CORRECT[0], BROKEN[0]):
        verdict(is_inverted_dropout, specimen, trial)


@judge.check(points=0.25, after="answers_true_or_false")
def tells_dropouts_apart(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """Most correct dropouts are accepted, and not every broken one is."""
    accepted = [
        verdict(is_inverted_dropout, s, trial) for s in CORRECT for _ in range(3)
    ]
    refused = [not verdict(is_inverted_dropout, s, trial) for s in BROKEN]
    trial.expect(
        np.mean(accepted) > 0.5,
        f"{sum(accepted)} of {len(accepted)} runs on correct dropouts said True; "
        "expected nearly all.",
        REJECTS_CORRECT if any(accepted) else ALWAYS_THE_SAME,
    )
    trial.expect(
        any(refused),
        f"All {len(refused)} broken dropouts were accepted.",
        ALWAYS_THE_SAME,
    )


@judge.check(
    points=3.25,
    after="tells_dropouts_apart",
    looks={"correct dropouts rejected": AtMost(STATED_RATE, detects=0.3)},
)
def accepts_correct_dropouts(
    is_inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """A correct dropout, in any style, is rejected at most once in a hundred runs."""
    look = "correct dropouts rejected"
    runs = trial.size(look)
    rejected = np.array(
        [
            not verdict(is_inverted_dropout, CORRECT[i % len(CORRECT)], trial)
            for i in range(runs)
        ]
    )
    trial.judge(
        look,
        rejected,
        runs,
        "runs on correct dropouts that said False",
        REJECTS_CORRECT,
    )


def _rejects(specimen: Specimen) -> Callable[[StudentFunction, Trial], None]:
    """Return the check that one broken dropout is rejected."""
    what = specimen.name.replace("_", " ")

    def rejects(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
        look = "broken dropout accepted"
        runs = trial.size(look)
        accepted = np.array(
            [verdict(is_inverted_dropout, specimen, trial) for _ in range(runs)]
        )
        trial.judge(
            look,
            accepted,
            runs,
            f"runs on a dropout that “{what}” that said True",
            BLIND,
        )

    rejects.__name__ = f"rejects_{specimen.name}"
    rejects.__doc__ = f"A dropout with this defect is rejected: {what}."
    return rejects


for _broken in BROKEN:
    judge.check(
        points=0.5,
        after="tells_dropouts_apart",
        looks={"broken dropout accepted": AtMost(STATED_RATE, detects=0.94)},
    )(_rejects(_broken))
