"""The masks of batches of every form show in the gradients, with room for rounding."""

import numpy as np
import pytest

from autograder.families.network_forms import every_form

#: What a kept unit adds is told from nothing at a quarter of its size.
_KEPT, _DROPPED = 0.6, 0.05


@pytest.mark.parametrize("seed", range(12))
def test_a_kept_unit_shows_by_far_and_a_dropped_one_does_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for form in every_form(rng):
        batch, shown, solve = form.batch, form.shown, form.solve
        assert solve is not None
        for least in (batch.keep_prob, 1.0):
            mask = rng.random(form.whole.shape) < least
            found = batch.expected(mask / batch.keep_prob)
            seen = found["W2"].T
            if form.by_inputs:
                seen = np.vstack([found["W1"], found["b1"]])
            added = np.abs(solve @ seen.astype(np.float32)) * batch.keep_prob
            share, kept = (added / form.whole)[shown], mask[shown]
            assert (share[kept] > _KEPT).all() and (share[~kept] < _DROPPED).all()
