"""Many samples of wide rows: behind weights that a few units alone have, the average says
how many of the samples had each mask of those units."""

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import lags
from autograder.families.ensemble import Case, every_mask
from autograder.laws.binomial import (
    EveryKind,
    Law,
    Proportion,
    agreement,
    near_count,
    upper_tail,
)

#: The distance between a class's logits with a unit and without, in front of its input.
_SHARP = 4.5
_INDEPENDENT, _SAMPLES, _UNITS = 0.7, 20, 6
#: How likely a unit is kept in 14 samples or more.
_FOURTEEN = upper_tail(14, _SAMPLES, _INDEPENDENT)
_KEPT, _AGREE, _NEAR = (
    f"{what} in {_SAMPLES} samples of wide rows" for what in ("kept", "alike", "count")
)
_OFTEN = "units kept in 14 of 20 samples of wide rows, or more, as "
#: The looks of ``judge``.
LOOKS: dict[str, Law] = {
    _KEPT: Proportion(_INDEPENDENT, detects=0.05),
    _AGREE: agreement(_INDEPENDENT, detects=0.08),
    _NEAR: near_count(_SAMPLES, _INDEPENDENT, 1, detects=0.2),
    _OFTEN + lags.LOOK: EveryKind(500_000, detects=0.3),
}


def _counts(
    function: StudentFunction,
    trial: Trial,
    sizes: tuple[int, int, int],
    units: int,
    keep_prob: float,
    mistake: str,
) -> tuple[np.ndarray, str]:
    """Return how many of the samples of each row have each mask of some of its units,
    (N, 2**units) in the order of ``every_mask``, and the call; ``sizes`` are N, D and
    their number. There is a class for each mask, which has a likelihood for each unit."""
    n, d, samples = sizes
    x, rng, codes = trial.inputs(n, d), trial.rng, every_mask(units)
    places, signs = rng.permutation(d)[:units], rng.choice([-1.0, 1.0], units)
    size = rng.uniform(1, 1.3, (n, units))
    x[:, places], weights = size * signs, np.zeros((d, 2**units))
    weights[places] = keep_prob * _SHARP * (signs * (2 * codes - 1)).T
    bias = -1.15 * _SHARP * codes.sum(axis=1)
    case = Case(x, weights, bias, keep_prob)
    call = case.call(function.name, samples, "rng")
    result = function(*case.given, samples, trial.generator())
    found = samples * facts.float_array(result, case.shape, call)
    for unit in range(units):  # what is last each time comes to be the first
        without, with_it = np.moveaxis(found.reshape(n, -1, 2), 2, 0)
        odds = np.exp(_SHARP * (np.array([[0.0], [2.0]]) * size[:, unit] - 1.15))
        low, high = (odds / (1 + odds))[..., None]
        kept = ((1 - low) * with_it - low * without) / (high - low)
        found = np.hstack([without + with_it - kept, kept])
    whole = np.round(found)
    trial.expect(
        (np.abs(found - whole) < 0.05).all()
        and (whole >= 0).all()
        and (whole.sum(axis=1) == samples).all(),
        f"{call}: a row is no average of {samples} members.",
        mistake,
    )
    return whole.astype(int), call


def judge(function: StudentFunction, trial: Trial, number: str, name: str) -> None:
    """Judge the masks of many samples, and many rows; ``number`` is the mistake of
    another number of samples, ``name`` that of samples that depend on each other."""
    for low, high, units, least in (
        ((2, 101, 720), (3, 130, 780), 9, 0.42),
        ((24, 20, 56), (25, 60, 64), 8, 0.5),
    ):
        n, d, samples = trial.rng.integers(low, high).tolist()
        counts, call = _counts(function, trial, (n, d, samples), units, 0.5, number)
        # So many samples show 52 or 89% of their number of different masks, twice the same
        # half of them 36 or 47%; two rows have 56 or 20% in common. Chance leads beyond
        # these bounds, for any of the rows, with probabilities below 1e-14 (occupancy's
        # law, and the inequalities of McDiarmid and Chernoff).
        trial.expect(
            ((counts > 0).sum(axis=1) > least * samples).all(),
            f"{call}: of a row's {samples} samples half repeat a mask of the others.",
            name,
        )
        shared = (
            np.minimum(row, counts[:i]).sum(axis=1) for i, row in enumerate(counts)
        )
        trial.expect(
            (np.concatenate([*shared]) < 0.8 * samples).all(),
            f"{call}: two rows have the same masks in most of their samples.",
            name,
        )
    _judge_counts(function, trial, number, name)


def _judge_counts(
    function: StudentFunction, trial: Trial, number: str, name: str
) -> None:
    rows, d = -(-trial.size(_NEAR) // _UNITS), int(trial.rng.integers(_UNITS, 40))
    sizes, bits = (rows, d, _SAMPLES), every_mask(_UNITS)
    counts, call = _counts(function, trial, sizes, _UNITS, _INDEPENDENT, number)
    kept, near = counts @ bits, np.abs(counts @ bits - 14) <= 1
    alike = counts @ (bits[:, ::2] == bits[:, 1::2])
    for look, events, n, what in (
        (_KEPT, kept, kept.size * _SAMPLES, "units that are kept"),
        (_AGREE, alike, alike.size * _SAMPLES, "pairs of units that agree"),
        (_NEAR, near, near.size, f"units kept in 13 to 15 of {_SAMPLES} samples"),
    ):
        trial.judge(look, int(events.sum()), n, f"{call}: {what}", name)
    lags.judge(trial, {"a call": kept >= 14}, _FOURTEEN, name, _OFTEN)
