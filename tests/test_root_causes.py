"""A fault costs the checks that it breaks, and no other is told of it besides."""

import pytest

from autograder.grading.run import grade_functions
from tests import bank

#: Mutants that fail what they name and nothing else: checks that once failed beside, for
#: a reason that was not theirs, wait or look away now.
ALONE = (
    "inverted_dropout_backward-returns_the_step_downhill",
    "inverted_dropout_backward-divides_by_the_rows",
    "inverted_dropout_backward-forgets_the_scale",
    "inverted_dropout_backward-clips_the_gradient",
    "inverted_dropout_backward-never_scales_both_ways",
    "inverted_dropout_backward-stands_below_a_swapped_mask",
    "classic_dropout_backward-returns_the_classic_step_downhill",
    "fixed_count_dropout-fixed_keeps_blocks_of_wide_rows",
    "fixed_count_dropout-fixed_shares_subsets_of_two_wide_rows",
    "inverted_dropout-copies_rng_for_layers_of_usual_size",
    "inverted_dropout-draws_large_sparse_masks_once",
    "inverted_dropout-moves_the_last_mask_along",
)
_KNOWN = {str(mutant): mutant for mutant in bank.mutants()}


@pytest.mark.parametrize("name", ALONE)
def test_a_fault_costs_its_own_checks_alone(name: str) -> None:
    mutant = _KNOWN[name]
    for seed in range(3):
        result = grade_functions(mutant.exercise, mutant.functions, seed)
        failed = {check.name for check in result.checks if check.status == "failed"}
        assert failed == set(mutant.fails)
        assert result.score < result.max_score
