"""Grade the graders: the student's test of inverted dropout, itself under test."""

from collections.abc import Callable, Sequence

import numpy as np

from autograder import facts
from autograder.exercise import Exercise, alpha_of, describe
from autograder.mistakes import mistake
from autograder.specimens import BROKEN, CORRECT, Specimen, Witness
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
FIXES_THE_SEED = mistake(
    "fixes_the_seed",
    "your test hands over a generator in the same state every time, so every run sees "
    "the same masks; draw from the rng that you are given.",
    "judging-budget",
)
HAS_ITS_OWN_RANDOMNESS = mistake(
    "has_its_own_randomness",
    "your test draws from something else than rng, so nobody can replay its verdict.",
    "judging-worker",
)
BLIND = mistake(
    "is_blind_to_a_defect",
    "your test accepts a broken dropout: nothing in it looks at what is broken there, or "
    "it looks at too few units.",
    "judging-power",
)
BLIND_AT_HALF = mistake(
    "looks_at_one_half_only",
    "every call of your test in training has keep_prob = 0.5, where keep and drop are "
    "alike.",
    "judging-half",
)
BLIND_AT_TEST = mistake(
    "never_looks_at_test_mode",
    "your test never calls dropout with training=False.",
    "judging-half",
)
BLIND_TO_DEPENDENCE = mistake(
    "is_blind_to_dependence",
    "your test accepts bits that depend on each other: compare units, rows and calls "
    "with one another, not only with keep_prob.",
    "judging-exact-tests",
)


def verdict(
    test: StudentFunction, dropout: Specimen | Witness, rng: np.random.Generator
) -> bool:
    """Return the student's verdict on a dropout; anything but True counts as False."""
    return test(dropout, rng) is True


def wrong_verdicts(
    test: StudentFunction,
    specimens: Sequence[Specimen],
    trial: Trial,
    look: str,
    wrong: bool,
) -> np.ndarray:
    """Run the test on the specimens in turn, as often as the look needs; return for each
    run whether its verdict was the ``wrong`` one.

    Runs that could no longer fail the look are not made, and count as right."""
    runs = trial.size(look)
    _, most = trial.law(look).accepted(runs, alpha_of(trial.check.exercise.chapter))
    answers = np.zeros(runs, bool)
    for i in range(runs):
        if answers.sum() + runs - i <= most:
            break
        specimen = specimens[i % len(specimens)]
        answers[i] = verdict(test, specimen, trial.generator()) is wrong
    return answers


@judge.check(points=0)
def answers_true_or_false(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """The answer is True or False, for correct and for broken dropouts."""
    for specimen in (CORRECT[0], BROKEN[0]):
        answer = is_inverted_dropout(specimen, trial.generator())
        trial.expect(
            isinstance(answer, bool),
            f"is_inverted_dropout(dropout, rng) returned {describe(answer)}; expected "
            "True or False.",
            facts.RETURNS_NOTHING if answer is None else facts.RETURNS_ANOTHER_KIND,
        )


@judge.check(points=0.25, after="answers_true_or_false")
def tells_dropouts_apart(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """Most correct dropouts are accepted, and not every broken one is."""
    accepted = [
        verdict(is_inverted_dropout, specimen, trial.generator())
        for specimen in CORRECT
        for _ in range(2)
    ]
    refused = [
        not verdict(is_inverted_dropout, specimen, trial.generator())
        for specimen in BROKEN
    ]
    constant = all(accepted) != all(refused) and any(accepted) != any(refused)
    trial.expect(
        np.mean(accepted) > 0.5,
        f"{sum(accepted)} of {len(accepted)} runs on correct dropouts said True; "
        "expected nearly all.",
        ALWAYS_THE_SAME if constant else REJECTS_CORRECT,
    )
    trial.expect(
        any(refused),
        f"All {len(BROKEN)} broken dropouts were accepted.",
        ALWAYS_THE_SAME if constant else BLIND,
    )


@judge.check(points=0.5, after="tells_dropouts_apart")
def draws_from_the_given_rng(
    is_inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same calls of dropout; another state, other masks."""
    seed, other = trial.new_seed(), trial.new_seed()
    first, again, fresh = (Witness(CORRECT[0]) for _ in range(3))
    for witness, start in ((first, seed), (again, seed), (fresh, other)):
        verdict(is_inverted_dropout, witness, trial.generator(start))
    trial.expect(
        first.calls == again.calls,
        "Two runs with rng in the same state called the same dropout differently (other "
        "inputs, another generator or other settings); expected the same calls.",
        HAS_ITS_OWN_RANDOMNESS,
    )
    trial.expect(
        first.states != fresh.states or not first.states,
        "Two runs with rng in different states handed dropout generators in the same "
        "states; expected different ones.",
        FIXES_THE_SEED,
    )


@judge.check(
    points=2.75,
    after="tells_dropouts_apart",
    looks={
        "correct dropouts rejected": AtMost(STATED_RATE, detects=0.3),
        "rejected, looked at again": AtMost(STATED_RATE, detects=0.1),
    },
)
def accepts_correct_dropouts(
    is_inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """A correct dropout, in any style, is rejected at most once in a hundred runs.

    Three rejections in the first look are suspicious, not enough. Then fresh runs decide,
    more of them, with a share of the budget of their own."""
    first, again = trial.check.looks
    what = "Runs that said False of correct dropouts"
    for look, suspicious in ((first, 3), (again, 0)):
        wrong = wrong_verdicts(is_inverted_dropout, CORRECT, trial, look, False)
        trial.judge(look, wrong, len(wrong), what, REJECTS_CORRECT)
        if wrong.sum() < suspicious:
            return


def _rejects(specimen: Specimen) -> Callable[[StudentFunction, Trial], None]:
    """Return the check that one broken dropout is rejected."""
    what = f"Runs that said True of one that {specimen.name.replace('_', ' ')}"

    def rejects(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
        def why(_: float) -> str:
            return _blindness(is_inverted_dropout, specimen, trial)

        for look in trial.check.looks:
            wrong = wrong_verdicts(is_inverted_dropout, [specimen], trial, look, True)
            trial.judge(look, wrong, len(wrong), what, why)
            if not wrong.any():
                return

    rejects.__name__ = f"rejects_{specimen.name}"
    rejects.__doc__ = (
        f"A dropout that {specimen.name.replace('_', ' ')} is accepted at most once in a "
        "hundred runs.\n\nOne acceptance in the first look calls for the second."
    )
    return rejects


def _blindness(test: StudentFunction, specimen: Specimen, trial: Trial) -> str:
    """Return the mistake by which a test accepts the specimen, as its calls show it."""
    witness = Witness(specimen)
    verdict(test, witness, trial.generator())
    if specimen.hides_at_half and witness.keep_probs == {0.5}:
        return BLIND_AT_HALF
    if specimen.defect == "test mode" and False not in witness.modes:
        return BLIND_AT_TEST
    return BLIND_TO_DEPENDENCE if specimen.defect == "dependence" else BLIND


for _broken in BROKEN:
    judge.check(
        points=0.5,
        after="tells_dropouts_apart",
        looks={
            "accepted": AtMost(STATED_RATE, detects=0.94),
            "accepted, looked at again": AtMost(STATED_RATE, detects=0.5),
        },
    )(_rejects(_broken))
