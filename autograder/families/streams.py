"""Generators that differ, if barely: what follows from few of their bits shows."""

import numpy as np

from autograder.contract.trial import Trial

#: The multiplier of PCG64: a step takes a state s to _STEP * s + increment, modulo 2**128.
_STEP = 0x2360ED051FC65DA44385DF649FCCF645


def alike(trial: Trial) -> list[np.random.Generator]:
    """Return four generators that agree in the 20 leading bits of each half of their first
    64-bit number, and in nothing else.

    A seed of up to a million values that is drawn with ``integers`` or ``random`` is then
    the same in two of them, as the halves lie within three quarters of 2**12 of each
    other. One of more than four million values never is: they lie a quarter apart."""
    high, low = (int(n) << 12 for n in trial.rng.integers(2**20, size=2))
    made = []
    for distance in range(0, 4096, 1024):
        generator = trial.generator()
        state = generator.bit_generator.state
        word = high + distance << 32 | low + distance
        # With 0 in its upper half, a state's output is its lower half, not rotated.
        before = (word - state["state"]["inc"]) * pow(_STEP, -1, 2**128) % 2**128
        state["state"]["state"] = before
        generator.bit_generator.state = state
        made.append(generator)
    return made
