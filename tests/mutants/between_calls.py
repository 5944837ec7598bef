"""Answers whose calls are right one by one, and not one after the other; and answers that
are what lay in memory before the call."""

import numpy as np

from tests.bank import Mutants, fails
from tests.mutants.backward import inverted_dropout_backward as backward
from tests.mutants.conventions.shared import masked
from tests.mutants.expectation import bernoulli_mask as bernoulli

OVER = "overwrites_its_results"
_arrays = {}


def stored(array):
    """Return the one array of this shape and dtype, with these numbers in it."""
    kept = _arrays.setdefault((array.shape, array.dtype.str), np.empty_like(array))
    kept[...] = array
    return kept


class OfInverted(Mutants, of="inverted_dropout"):
    @fails("leaves_its_input_alone", OVER)
    def writes_every_result_into_one_array(x, keep_prob, rng, training=True):
        """Saves memory: every call of one shape writes into one array."""
        out, cache = masked(x, rng.random(x.shape) < keep_prob, keep_prob, training)
        return stored(out), cache


class OfBernoulli(Mutants, of="bernoulli_mask"):
    @fails(bernoulli.SHAPE, OVER)
    def draws_every_mask_into_one_array(shape, keep_prob, rng):
        """Saves memory: every call of one shape writes into one array."""
        return stored(rng.random(shape) < keep_prob)


class OfBackward(Mutants, of="inverted_dropout_backward"):
    @backward.inverted(backward.IN_PLACE, OVER)
    def writes_every_gradient_into_one_array(dout, cache):
        """Saves memory: every call of one shape writes into one array."""
        return stored(
            dout * cache.get("mask", 1) / (cache["p"] if cache["training"] else 1)
        )


class UnwrittenFactors(Mutants, of="exact_count_dropout"):
    @fails("a_row_without_kept_units_is_zero", "reads_what_it_never_wrote")
    def exact_divides_without_out(x, keep_prob, rng):
        """Guards the division by where=, without out=: what no division wrote holds what
        lay in memory, which is multiplied by a mask of 0."""
        mask = rng.random(x.shape) < keep_prob
        kept = mask.sum(axis=1, keepdims=True)
        factor = np.divide(x.shape[1], kept, where=kept > 0)
        return x * mask * factor, mask


class UnwrittenOutputs(Mutants, of="inverted_dropout"):
    @fails("returns_float_arrays_of_the_input_shape", "reads_what_it_never_wrote")
    def writes_the_kept_units_alone(x, keep_prob, rng, training=True):
        """Begins with np.empty, and writes the kept units alone."""
        if not training:
            return x, None
        mask, out = rng.random(x.shape) < keep_prob, np.empty_like(x)
        out[mask] = x[mask] / keep_prob
        return out, mask
