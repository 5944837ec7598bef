"""is_inverted_dropout: write the test: accept correct dropouts, reject broken ones."""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise, Property
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial
from autograder.families.keyed import Dropout, Lent, Witness, as_written, keyed
from autograder.families.specimens import BROKEN, CORRECT, Specimen
from autograder.laws.binomial import AtMost

exercise = Exercise(
    "is_inverted_dropout",
    chapter="judging",
    title="Write the test: accept correct dropouts, reject broken ones",
    signature="is_inverted_dropout(dropout, rng) -> bool",
    section="judging-exact-tests",
)


class Wrong(Mistakes, section="judging-power"):
    always_answers_the_same = """your test gives every dropout the same answer, so it
        tests nothing."""
    rejects_correct_dropouts = at(
        "judging-budget",
        "your test rejects correct dropouts too often: either its tolerances are "
        "narrower than chance (each of them, or all its looks together), or it expects "
        "one particular style or seed.",
    )
    fixes_the_seed = at(
        "judging-budget",
        "your test hands over a generator in the same state every time, so every run "
        "sees the same masks; draw from the rng that you are given.",
    )
    has_its_own_randomness = at(
        "judging-worker",
        "either your test draws from something else than rng, or it remembers earlier "
        "runs; nobody can replay its verdict.",
    )
    is_blind_to_a_defect = """your test accepts a broken dropout: either nothing in it
        looks at what is broken there, or it looks at too few units or with too wide a
        tolerance."""
    looks_at_one_half_only = at(
        "judging-half",
        "every call of your test in training has keep_prob = 0.5, where keep and drop "
        "are alike.",
    )
    asserts_instead_of_answering = """your test raises AssertionError where an answer
        is expected; return False for a broken dropout and True for a correct one."""
    never_looks_at_test_mode = at(
        "judging-half",
        "your test never calls dropout with training=False.",
    )
    is_blind_to_dependence = at(
        "judging-exact-tests",
        "your test accepts bits that depend on each other: compare units, rows and "
        "calls with one another, not only with keep_prob.",
    )


#: What a student's test may get wrong, each way: one run in a hundred.
STATED_RATE = 0.01
_APART = "tells_dropouts_apart"
_LOOKS = {
    "accepted": AtMost(STATED_RATE, detects=0.94),
    "accepted, looked at again": AtMost(STATED_RATE, detects=0.5),
    "accepted, still in doubt": AtMost(STATED_RATE, detects=0.19),
}


@contextlib.contextmanager
def _no_assertion() -> Iterator[None]:
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


def verdict(test: StudentFunction, dropout: Dropout, rng: np.random.Generator) -> bool:
    """Return the student's verdict on a dropout; anything but True counts as False.

    Raises ``CheckFailure`` for a test that asserts."""
    with _no_assertion():
        return test(dropout, rng) is True


def wrong_verdicts(
    test: StudentFunction,
    trial: Trial,
    correct: Sequence[Lent],
    broken: Sequence[Lent],
) -> tuple[np.ndarray, np.ndarray]:
    """Ask for a verdict on each specimen and return, for the correct and for the broken
    ones, where it was wrong.

    The order is random, so that a test which counts its calls learns nothing."""
    questions = [(d, False) for d in correct] + [(d, True) for d in broken]
    wrong = np.zeros(len(questions), bool)
    for i in trial.rng.permutation(len(questions)):
        dropout, mistaken = questions[i]
        wrong[i] = verdict(test, dropout, trial.generator()) is mistaken
    return wrong[: len(correct)], wrong[len(correct) :]


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


def broken_ones(specimens: Sequence[Specimen], trial: Trial) -> list[Lent]:
    """Return the broken dropouts, each under a key of its own."""
    return [keyed(specimen, trial.rng) for specimen in specimens]


@exercise.check(points=0)
def answers_true_or_false(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """The answer is True or False, for correct and for broken dropouts."""
    for specimen in (CORRECT[0], BROKEN[0]):
        dropout, rng = keyed(specimen, trial.rng), trial.generator()
        with _no_assertion():
            answer = is_inverted_dropout(dropout, rng)
        nothing, other = facts.Wrong.returns_nothing, facts.Wrong.returns_another_kind
        trial.expect(
            isinstance(answer, bool),
            f"is_inverted_dropout(dropout, rng) returned {facts.describe(answer)}; "
            "expected True or False.",
            nothing if answer is None else other,
        )


@exercise.check(points=0.25, after="answers_true_or_false")
def tells_dropouts_apart(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """Most correct dropouts are accepted, and not every broken one is."""
    written = [Lent(as_written(specimen)) for specimen in CORRECT]
    correct = [*written, *(keyed(CORRECT[0], trial.rng) for _ in range(16))]
    broken = broken_ones(BROKEN, trial)
    rejected, missed = wrong_verdicts(is_inverted_dropout, trial, correct, broken)
    same = Wrong.always_answers_the_same
    trial.expect(
        rejected.mean() < 0.5,
        f"{(~rejected).sum()} of {len(rejected)} runs on correct dropouts said True; "
        "expected nearly all.",
        same if rejected.all() and not missed.any() else Wrong.rejects_correct_dropouts,
    )
    trial.expect(
        not missed.all(),
        f"All {len(BROKEN)} broken dropouts were accepted.",
        Wrong.is_blind_to_a_defect if rejected.any() else same,
    )


@exercise.check(points=0.5, after=_APART)
def draws_from_the_given_rng(
    is_inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """The same rng state gives the same calls of dropout; another state, other masks."""
    seed, other = trial.new_seed(), trial.new_seed()
    dropout = keyed(CORRECT[0], trial.rng)
    first, again, fresh = (Witness(dropout) for _ in range(3))
    for witness, start in ((first, seed), (again, seed), (fresh, other)):
        verdict(is_inverted_dropout, witness, trial.generator(start))
    trial.expect(
        first.states,
        "Your test never called dropout in training; expected a verdict on its masks.",
        Wrong.is_blind_to_a_defect,
    )
    trial.expect(
        first.calls == again.calls,
        "Two runs with rng in the same state called the same dropout differently (other "
        "inputs, another generator or other settings); expected the same calls.",
        Wrong.has_its_own_randomness,
    )
    trial.expect(
        first.states != fresh.states,
        "Two runs with rng in different states handed dropout generators in the same "
        "states; expected different ones.",
        Wrong.fixes_the_seed,
    )


#: So many correct ones rejected call for the next look.
ENOUGH_REJECTED = 3, 14, 0


@exercise.check(
    points=2.75,
    after=_APART,
    looks={
        "correct dropouts rejected": AtMost(STATED_RATE, detects=0.2),
        "rejected, looked at again": AtMost(STATED_RATE, detects=0.09),
        "rejected, still in doubt": AtMost(STATED_RATE, detects=0.04),
    },
)
def accepts_correct_dropouts(
    is_inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """A correct dropout, in any style, is rejected at most once in a hundred runs.

    Broken ones are asked about in between, and one kind at least must be rejected each
    time. A few rejections are suspicious, not enough: then fresh runs decide, more of
    them, with a share of the budget of their own. A test that rejects 1 in 10 gets past
    the first two looks once in a million gradings, one that rejects 1 in 20 past all
    three once in 300; what rejects 1 in 100 is asked again once in three, and passes."""
    what = "Runs that said False of correct dropouts"
    for look, doubtful in zip(trial.check.looks, ENOUGH_REJECTED, strict=True):
        n = trial.size(look)
        correct, broken = correct_ones(n, trial), broken_ones(BROKEN * 3, trial)
        rejected, missed = wrong_verdicts(is_inverted_dropout, trial, correct, broken)
        trial.judge(look, rejected, n, what, Wrong.rejects_correct_dropouts)
        trial.expect(
            not missed.reshape(3, -1).any(axis=0).all(),
            "Among the correct dropouts there were broken ones, each of them three "
            "times; your test did not reject one of them three times.",
            Wrong.is_blind_to_a_defect,
        )
        if rejected.sum() < doubtful:
            return


#: Correct dropouts in between at each look at a broken one; a few are enough for a test
#: that gives no cause for doubt.
_BETWEEN = 4, 54, 54
#: So many broken ones accepted call for the next look.
ENOUGH_ACCEPTED = 1, 3, 0


def _rejects(specimen: Specimen) -> Property:
    """Return the property that one broken dropout is rejected.

    Correct ones are asked about in between. Wrong verdicts call for another look: a test
    that is wrong half of the time gets past the three once in 30,000 gradings, one that
    is wrong 1 time in 5 once in 28; what is wrong 1 time in 100 passes."""
    words = specimen.name.replace("_", " ")

    def test(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
        looks = zip(trial.check.looks, _BETWEEN, ENOUGH_ACCEPTED, strict=True)
        for look, between, doubtful in looks:
            n = trial.size(look)
            correct, broken = correct_ones(between, trial), [specimen] * n
            rejected, accepted = wrong_verdicts(
                is_inverted_dropout, trial, correct, broken_ones(broken, trial)
            )
            trial.judge(
                look,
                accepted,
                n,
                f"Runs that said True of one that {words}",
                lambda _: _blindness(is_inverted_dropout, specimen, trial),
            )
            trial.expect(
                between == _BETWEEN[0] or rejected.mean() < 0.25,
                f"{rejected.sum()} of {len(rejected)} runs on correct dropouts, in "
                "between, said False; expected nearly none.",
                Wrong.rejects_correct_dropouts,
            )
            unclear = between == _BETWEEN[0] and rejected.any()
            if accepted.sum() < doubtful and not unclear:
                return

    says = f"A dropout that {words} is accepted at most once in a hundred runs."
    return Property(says, test, _LOOKS)


def _blindness(test: StudentFunction, specimen: Specimen, trial: Trial) -> str:
    """Return the mistake by which a test accepts the specimen, as its calls show it."""
    witness, defect = Witness(keyed(specimen, trial.rng)), specimen.defect
    verdict(test, witness, trial.generator())
    if specimen.hides_at_half and witness.keep_probs == {0.5}:
        return Wrong.looks_at_one_half_only
    if defect == "test mode" and False not in witness.modes:
        return Wrong.never_looks_at_test_mode
    depends = defect == "dependence"
    return Wrong.is_blind_to_dependence if depends else Wrong.is_blind_to_a_defect


for _broken in BROKEN:
    exercise.asks(0.5, f"rejects_{_broken.name}", _rejects(_broken), _APART)
