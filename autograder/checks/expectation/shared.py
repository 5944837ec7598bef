"""What the exercises of ``expectation`` share."""

import numpy as np

from autograder.contract.mistakes import Mistakes


class Wrong(Mistakes, section="exp-enumeration"):
    close_but_not_exact = """your numbers are near the exact ones: either they are
        simulated, with a seed, or they are rounded or multiplied by something near 1, or
        keep_prob is rounded, bounded or shifted on the way; the exact value has a
        formula."""
    answers_at_random = """your answer changes from call to call, as a simulation's
        does; the exact value has a formula."""


def listed(x: np.ndarray) -> str:
    """Return a vector as an argument in a message: its entries when they are few."""
    dtype = "" if x.dtype == np.float64 else f" in {x.dtype}"
    if len(x) > 10:
        return f"x with {len(x)} entries{dtype}"
    return f"[{', '.join(f'{v:.4g}' for v in x)}]{dtype}"
