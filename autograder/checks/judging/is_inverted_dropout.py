"""is_inverted_dropout: write the test: accept correct dropouts, reject broken ones."""

import numpy as np

from autograder.checks.judging.asking import (
    ACCEPTS,
    REJECTS,
    RIGHT,
    TOO_MANY_OF_THESE,
    answer,
    asked,
    in_full,
    no_verdict,
)
from autograder.contract import facts
from autograder.contract.exercise import Exercise, Property
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families.keyed import Witness, keyed
from autograder.families.specimens import BROKEN, CORRECT, Specimen

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
        "narrower than chance (each of them, or all its looks together), or it "
        "expects one particular style or seed, or True and False are swapped.",
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
        looks at what is broken there, or it looks at too few units, with too wide a
        tolerance, or again until it passes."""
    looks_at_one_half_only = at(
        "judging-half",
        "every call of your test in training has keep_prob = 0.5, where keep and drop "
        "are alike.",
    )
    never_looks_at_test_mode = at(
        "judging-half",
        "your test never calls dropout with training=False.",
    )
    is_blind_to_dependence = at(
        "judging-exact-tests",
        "your test accepts bits that depend on each other: compare units, rows and "
        "calls with one another, not only with keep_prob.",
    )


_APART = "tells_dropouts_apart"


@exercise.check(points=0)
def answers_true_or_false(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """The answer is True or False, for correct and for broken dropouts."""
    for specimen in (CORRECT[0], BROKEN[0]):
        dropout, rng = keyed(specimen, trial.rng), trial.generator()
        said = answer(is_inverted_dropout, dropout, rng)
        if not isinstance(said, bool):
            raise no_verdict(said)


@exercise.check(points=0.25, after="answers_true_or_false")
def tells_dropouts_apart(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
    """Most correct dropouts are accepted, and not every broken one is."""
    first = asked(is_inverted_dropout, trial).rounds[0]
    rejected = first[RIGHT]
    missed = np.concatenate([first[specimen.name] for specimen in BROKEN])
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
    found = asked(is_inverted_dropout, trial)
    first, again, fresh = found.witnesses
    trial.expect(
        first.states,
        "Your test never called dropout in training; expected a verdict on its masks.",
        Wrong.is_blind_to_a_defect,
    )
    for which, (one, other) in (
        ("same", (first, again)),
        *(("same broken", pair) for pair in found.replays),
    ):
        trial.expect(
            one.calls == other.calls,
            f"Two runs with rng in the same state called the {which} dropout differently "
            "(other inputs, another generator or other settings); expected the same calls.",
            Wrong.has_its_own_randomness,
        )
        trial.expect(
            one.verdicts == other.verdicts,
            f"Two runs with rng in the same state called the {which} dropout in the same "
            "way, and gave different verdicts; expected the same one.",
            Wrong.has_its_own_randomness,
        )
    trial.expect(
        first.states != fresh.states,
        "Two runs with rng in different states handed dropout generators in the same "
        "states; expected different ones.",
        Wrong.fixes_the_seed,
    )


@exercise.check(points=2.75, after=_APART, looks=ACCEPTS)
def accepts_correct_dropouts(
    is_inverted_dropout: StudentFunction, trial: Trial
) -> None:
    """A correct dropout, in any style, is rejected at most once in a hundred runs.

    Broken ones are asked about in between, and some of them must be rejected. A few
    rejections of correct ones are suspicious, not enough: then a fresh round decides,
    with more runs and a share of the budget of its own. A test that rejects 1 in 10 gets
    past the first two looks once in a million gradings, one that rejects 1 in 20 past
    all three once in 300; what rejects 1 in 100 is asked again once in three, and
    passes."""
    rounds = asked(is_inverted_dropout, trial).rounds
    what = "Runs that said False of correct dropouts"
    for look, wrong in zip(trial.check.looks, rounds, strict=False):
        rejected = wrong[RIGHT]
        mistake = Wrong.rejects_correct_dropouts
        trial.judge(look, rejected, rejected.size, what, mistake)
        trial.expect(
            any(not wrong[specimen.name].all() for specimen in BROKEN),
            "Among the correct dropouts there were broken ones of all kinds, and your "
            "test accepted them all.",
            Wrong.is_blind_to_a_defect,
        )


def _rejects(specimen: Specimen) -> Property:
    """Return the property that one broken dropout is rejected.

    Wrong verdicts call for another look: a test that is wrong half of the time gets past
    the three once in 30,000 gradings, one that is wrong 1 time in 5 once in 28; what is
    wrong 1 time in 100 passes. A test that rejects everything is paid nothing."""
    words = specimen.name.replace("_", " ")

    def test(is_inverted_dropout: StudentFunction, trial: Trial) -> None:
        def blindness(*_: float) -> str:
            return _blindness(is_inverted_dropout, specimen, trial)

        rounds, what = asked(is_inverted_dropout, trial).rounds, f"of one that {words}"
        for number, (look, wrong) in enumerate(
            zip(trial.check.looks, rounds, strict=False)
        ):
            accepted, rejected = wrong[specimen.name], wrong[RIGHT]
            if in_full(specimen.name, number, accepted):
                runs = f"Runs that said True {what}"
                trial.judge(look, accepted, accepted.size, runs, blindness)
            elif accepted.sum() >= TOO_MANY_OF_THESE:
                trial.fail(
                    f"{accepted.sum()} of {accepted.size} later runs said True {what}, "
                    "which the first ones had rejected.",
                    blindness(),
                )
            trial.expect(
                rejected.mean() < 0.25,
                f"{rejected.sum()} of {len(rejected)} runs on correct dropouts, in "
                "between, said False; expected nearly none.",
                Wrong.rejects_correct_dropouts,
            )

    says = f"A dropout that {words} is accepted at most once in a hundred runs."
    return Property(says, test, REJECTS)


def _blindness(test: StudentFunction, specimen: Specimen, trial: Trial) -> str:
    """Return the mistake by which a test accepts the specimen, as its calls show it."""
    witness, defect = Witness(keyed(specimen, trial.rng)), specimen.defect
    if not isinstance(answer(test, witness, trial.generator()), bool):
        return facts.Wrong.returns_another_kind
    if specimen.hides_at_half and witness.keep_probs == {0.5}:
        return Wrong.looks_at_one_half_only
    if defect == "test mode" and False not in witness.modes:
        return Wrong.never_looks_at_test_mode
    depends = defect == "dependence"
    return Wrong.is_blind_to_dependence if depends else Wrong.is_blind_to_a_defect


for _broken in BROKEN:
    exercise.asks(0.5, f"rejects_{_broken.name}", _rejects(_broken), _APART)
