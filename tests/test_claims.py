"""What a message claims is what the wrong answer says that it does."""

import re

import pytest

from autograder.contract.exercise import all_exercises
from autograder.contract.mistakes import all_mistakes, find_mistake
from tests import bank, claims

EXERCISES = all_exercises()


@pytest.mark.parametrize("exercise", [each.name for each in EXERCISES])
def test_messages_claim_what_mutants_say_that_they_do(exercise: str) -> None:
    false = [
        (str(mutant), mutant.why, find_mistake(name).says)
        for mutant, name in claims.pairs()
        if mutant.exercise == exercise and not claims.supports(mutant, name)
    ]
    assert false == []


def test_every_mistake_makes_a_claim_and_every_claim_is_made() -> None:
    made = {name: claims.claims_of(name) for name in all_mistakes()}
    assert [name for name, found in made.items() if not found] == []
    assert (
        set(claims.vocabulary()) - {c for each in made.values() for c in each} == set()
    )


def test_a_claim_is_supported_by_no_empty_pattern() -> None:
    assert [c for c, done in claims.vocabulary().items() if re.search(done, "")] == []


def test_messages_of_other_mistakes_would_be_found_false() -> None:
    """Of the mistakes of the same exercise, whose words are alike, nine in ten are."""
    refused, count = claims.refused()
    assert count > 50_000
    assert refused > 0.93 * count


@pytest.mark.parametrize(
    "mutant, said_once",
    [
        ("dropout_mlp_gradients-forgets_the_relu", "computes_another_loss"),
        ("inverted_dropout-shares_an_unscaled_mask", "divides_by_kept_fraction"),
        (
            "inverted_dropout_backward-stops_negative_gradients",
            "another_mask_in_the_backward_pass",
        ),
        ("gaussian_dropout-noise_without_its_one", "adds_no_noise"),
        ("dropout_mlp_gradients-swaps_keep_and_drop", "computes_another_loss"),
        ("mc_dropout_prediction-lets_one_sample_vote", "returns_another_kind"),
    ],
)
def test_a_false_message_of_the_past_is_found_false(
    mutant: str, said_once: str
) -> None:
    (answer,) = (m for m in bank.mutants() if str(m) == mutant)
    assert not claims.supports(answer, said_once)
    assert answer.mistake and claims.supports(answer, answer.mistake)
