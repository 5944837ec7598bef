"""Wrong answers to ``annealed_keep_prob``, each named after its sin."""

import math

import numpy as np

from tests.bank import Mutants, fails

A_START = "starts_at_the_initial_value"
A_LINE = "grows_linearly_to_one"
A_STAYS = "stays_at_one_afterwards"

#: The initial values that ``annealed_from_a_table_by_length`` has met first.
_FIRST: dict[int, float] = {}


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

    @fails(A_START, "starts_from_another_value")
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

    @fails(A_LINE, "does_not_reach_one")
    def annealed_by_a_table_without_its_last_entry(
        step, total_steps, initial_keep_prob
    ):
        """Fills a table of n + 1 zeros in a loop over range(n), so that its end stays 0."""
        table = np.zeros(total_steps + 1)
        slope = (1 - initial_keep_prob) / total_steps
        table[:-1] = initial_keep_prob + slope * np.arange(total_steps)
        return float(table[step]) if step <= total_steps else 1.0

    @fails(A_LINE, "does_not_reach_one")
    def annealed_within_a_thousand_steps(step, total_steps, initial_keep_prob):
        """Bounds the step, as no training that the student has seen takes longer."""
        progress = min(min(step, 1000) / total_steps, 1)
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_LINE, "does_not_grow_linearly")
    def annealed_over_ten_thousand_steps_at_most(step, total_steps, initial_keep_prob):
        """Bounds the length of the schedule, for fear of slow ones."""
        progress = min(step / min(total_steps, 10_000), 1)
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_LINE, "does_not_grow_linearly")
    def annealed_by_rounded_progress(step, total_steps, initial_keep_prob):
        """Rounds the progress to a thousandth, for the log."""
        progress = round(min(step / total_steps, 1), 3)
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_LINE, "has_a_special_case")
    def annealed_faster_when_short(step, total_steps, initial_keep_prob):
        """Takes a schedule of two steps for one that is over after its first."""
        if total_steps == 2 and step:
            return 1.0
        return initial_keep_prob + (1 - initial_keep_prob) * min(step / total_steps, 1)

    @fails(A_START, "starts_from_another_value")
    def annealed_from_a_floor(step, total_steps, initial_keep_prob):
        """Bounds the initial value from below, lest nothing be kept."""
        start = max(initial_keep_prob, 0.05)
        return start + (1 - start) * min(step / total_steps, 1)

    @fails(A_START, "starts_from_another_value")
    def annealed_from_a_small_floor(step, total_steps, initial_keep_prob):
        """Adds a small number, in fear of a division by zero later on."""
        start = max(initial_keep_prob, 1e-3)
        return start + (1 - start) * min(step / total_steps, 1)

    @fails(A_START, "starts_from_another_value")
    def annealed_from_a_cap(step, total_steps, initial_keep_prob):
        """Bounds the initial value from above, lest there be no dropout at all."""
        start = min(initial_keep_prob, 0.95)
        return start + (1 - start) * min(step / total_steps, 1)

    @fails(A_STAYS, "goes_on_after_the_last_step")
    def annealed_once_more(step, total_steps, initial_keep_prob):
        """Bounds the progress by 2 instead of 1."""
        progress = min(step / total_steps, 2)
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_START, "starts_from_another_value")
    def annealed_from_a_table_by_length(step, total_steps, initial_keep_prob):
        """Remembers the schedule by its length alone."""
        start = _FIRST.setdefault(total_steps, initial_keep_prob)
        return start + (1 - start) * min(step / total_steps, 1)

    @fails(A_LINE, "does_not_grow_linearly")
    def annealed_bent_when_of_hundreds(step, total_steps, initial_keep_prob):
        """Squares the progress of schedules of lengths that were not tried."""
        progress = min(step / total_steps, 1)
        progress **= 2 if 50 < total_steps < 1000 else 1
        return initial_keep_prob + (1 - initial_keep_prob) * progress

    @fails(A_STAYS, "goes_on_after_the_last_step")
    def annealed_past_one_much_later(step, total_steps, initial_keep_prob):
        """Lets the value go on beyond twice the steps, above 1."""
        progress = 1.25 if step > 2 * total_steps else min(step / total_steps, 1)
        return initial_keep_prob + (1 - initial_keep_prob) * progress
