"""What the exercises of ``energy`` share."""

from autograder.contract.mistakes import Mistakes


class Wrong(Mistakes, section="energy-norm"):
    simulates_an_expectation = """your answer changes from call to call, as a
        simulation's does; the expectation over all masks has a formula."""
    comes_near_an_expectation = """your answer is near the right one: either it is an
        average over drawn masks, which a seed repeats and does not make right, or numbers
        are rounded on the way, or multiplied by something near 1."""


BOTH_SIDES = (0.8, 0.3)
#: More digits than a rounded keep probability has.
MANY_DIGITS = 0.5614862
#: Where a keep probability that is clipped shows.
NEAR_THE_ENDS = (0.985, 0.1, 0.02)
#: How to square without changing an array; see ``Formula.unchanged``.
SQUARED = "{0}**2 and {0} - c make new arrays, {0} **= 2 and {0} -= c do not"
