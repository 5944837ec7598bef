"""Wrong answers to ``annealed_keep_prob``, each named after its sin."""

import math

from tests.bank import Mutants, fails

A_START = "starts_at_the_initial_value"
A_LINE = "grows_linearly_to_one"
A_STAYS = "stays_at_one_afterwards"


class Sins(Mutants, of="annealed_keep_prob"):
    @fails(A_START, "returns_nothing")
    def annealed_without_return(step, total_steps, initial_keep_prob):
        """Computes everything and forgets the return statement."""
        min(1.0, initial_keep_prob + (1 - initial_keep_prob) * step / total_steps)

    @fails(A_START, "anneals_the_wrong_way")
    def annealed_as_a_curriculum(step, total_steps, initial_keep_prob):
        """Starts without dropout and ends with it."""
        return 1 - (1 - initial_keep_prob) * min(step / total_steps, 1)

    @fails(A_LINE, "anneals_to_zero")
    def annealed_to_zero(step, total_steps, initial_keep_prob):
        """Lets the keep probability fall, as one does with the drop probability."""
        return initial_keep_prob * (1 - min(step / total_steps, 1))

    @fails(A_START, "returns_the_drop_probability")
    def annealed_drop_probability(step, total_steps, initial_keep_prob):
        """Returns the drop probability of the schedule."""
        return (1 - initial_keep_prob) * (1 - min(step / total_steps, 1))

    @fails(A_LINE, "counts_steps_off_by_one")
    def annealed_to_the_last_index(step, total_steps, initial_keep_prob):
        """Divides by total_steps - 1, as for an index that ends there."""
        progress = min(step / max(total_steps - 1, 1), 1)
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_LINE, "counts_steps_off_by_one")
    def annealed_too_slowly(step, total_steps, initial_keep_prob):
        """Divides by total_steps + 1, in fear of a division by zero."""
        progress = min(step / (total_steps + 1), 1)
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_START, "counts_steps_off_by_one")
    def annealed_from_step_one(step, total_steps, initial_keep_prob):
        """Counts steps from 1."""
        progress = min((step + 1) / total_steps, 1)
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_STAYS, "goes_on_after_the_last_step")
    def annealed_without_end(step, total_steps, initial_keep_prob):
        """Forgets that training may go on after total_steps."""
        return initial_keep_prob + (1 - initial_keep_prob) * step / total_steps

    @fails(A_STAYS, "starts_over_after_the_last_step")
    def annealed_again(step, total_steps, initial_keep_prob):
        """Takes the step modulo total_steps, and mends the last step by hand."""
        progress = 1 if step == total_steps else step % total_steps / total_steps
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_STAYS, "starts_over_after_the_last_step")
    def annealed_and_reset(step, total_steps, initial_keep_prob):
        """Goes back to the initial value once the schedule is over."""
        if step > total_steps:
            return initial_keep_prob
        return initial_keep_prob + (1 - initial_keep_prob) * step / total_steps

    @fails(A_LINE, "divides_integers")
    def annealed_by_integer_division(step, total_steps, initial_keep_prob):
        """Divides with //, as in a language whose / did that."""
        return initial_keep_prob + (1 - initial_keep_prob) * min(step // total_steps, 1)

    @fails(A_LINE, "does_not_grow_linearly")
    def annealed_by_cosine(step, total_steps, initial_keep_prob):
        """Uses the cosine of the learning rate's schedule."""
        progress = min(step / total_steps, 1)
        return 1 - (1 - initial_keep_prob) * (1 + math.cos(math.pi * progress)) / 2

    @fails(A_LINE, "does_not_grow_linearly")
    def annealed_geometrically(step, total_steps, initial_keep_prob):
        """Lets the keep probability grow by a factor in each step."""
        return initial_keep_prob ** (1 - min(step / total_steps, 1))

    @fails(A_LINE, "does_not_grow_linearly")
    def annealed_in_percent(step, total_steps, initial_keep_prob):
        """Rounds to whole percents, for the log."""
        progress = min(step / total_steps, 1)
        return round(initial_keep_prob + (1 - initial_keep_prob) * progress, 2)

    @fails(A_START, "starts_from_another_value")
    def annealed_from_zero(step, total_steps, initial_keep_prob):
        """Grows from 0 to 1 whatever the initial value is."""
        return min(step / total_steps, 1.0)

    @fails(A_LINE, "does_not_reach_one")
    def annealed_not_at_all(step, total_steps, initial_keep_prob):
        """Returns the initial value, a constant schedule."""
        return initial_keep_prob

    @fails(A_LINE, "does_not_reach_one")
    def annealed_exponentially(step, total_steps, initial_keep_prob):
        """Uses an exponential that comes near to 1 and never reaches it."""
        return 1 - (1 - initial_keep_prob) * math.exp(-5 * step / total_steps)
