"""Mistakes that a student made who had read the statements alone, and whose causes were told
wrongly, or not at all."""

from tests.bank import Mutants
from tests.mutants.backward import classic_dropout_backward as classic
from tests.mutants.backward import inverted_dropout_backward as inverted


class Inverted(Mutants, of="inverted_dropout_backward"):
    @inverted.inverted((inverted.SCALE, inverted.AT_TEST), "backward_turns_the_sign")
    def returns_the_step_downhill(dout, cache):
        """Turns the sign, for the step that an optimiser would take."""
        return -dout * (cache["mask"] / cache["p"] if cache["training"] else 1)

    @inverted.inverted(
        (inverted.SCALE, inverted.AT_TEST), "backward_averages_over_rows"
    )
    def divides_by_the_rows(dout, cache):
        """Divides by the number of rows, for the mean in the loss, which did so before."""
        return (
            dout * (cache["mask"] / cache["p"] if cache["training"] else 1) / len(dout)
        )


class Classic(Mutants, of="classic_dropout_backward"):
    @classic.classic((classic.C_SCALE, classic.C_AT_TEST), "backward_turns_the_sign")
    def returns_the_classic_step_downhill(dout, cache):
        """Turns the sign, for the step that an optimiser would take."""
        return -dout * (cache["mask"] if cache["training"] else cache["p"])
