"""The mask of one sample, read off the prediction; what a prediction without one shows."""

import math
from dataclasses import replace
from functools import partial

import numpy as np

from autograder.checks.conventions.inverted_dropout import Wrong as WrongDropout
from autograder.checks.ensembles import shared
from autograder.contract import facts
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import ensemble
from autograder.families.ensemble import Case, softmax
from autograder.families.rivals import first


class Wrong(Mistakes, section="ens-montecarlo"):
    predicts_without_dropout = """no unit is dropped in your prediction; Monte Carlo
        leaves dropout on at test."""
    drops_the_outputs = """you drop logits, before or after the bias, or probabilities;
        the dropped layer is the one in front of the weights, x."""
    counts_samples_wrongly = """what you average is not samples predictions of equal
        weight: either their number is another, or some of them count more than
        others."""
    divides_by_another_number = """your rows do not add up to 1: either the sum of the
        predictions is divided by another number than samples, or those of a sample do not
        add up to 1 already."""
    drops_the_bias = """you drop entries of the bias as well; the dropped layer is x, and
        the bias is no unit of it."""
    counts_votes = """you count which class each sample puts first; average the
        probabilities themselves."""
    drops_single_weights = """you drop entries of weights, each by itself; dropout drops
        a unit, with all the weights that leave it."""


def mask_of(
    function: StudentFunction,
    trial: Trial,
    case: Case,
    rng: np.random.Generator | None = None,
    otherwise: str | None = None,
) -> np.ndarray:
    """Return the mask (N, D) of a prediction with samples=1 of a readable case, True
    where kept. Raises ``CheckFailure`` when a row is not the prediction of a member, with
    the mistake ``otherwise`` where no other explains it."""
    rng = trial.generator() if rng is None else rng
    found, call = shared.one_prediction(function, case, 1, rng)
    return mask_in(trial, case, found, call, otherwise)


def masks_of(
    function: StudentFunction,
    trial: Trial,
    case: Case,
    rng: np.random.Generator,
    calls: int,
) -> np.ndarray:
    """Return what ``mask_of`` does, of so many calls with one generator, along axis 0."""
    call = case.call(function.name, 1, rng)
    results = function.each([(*case.given, 1, rng)] * calls)
    found = [facts.float_array(result, case.shape, call) for result in results]
    every = replace(case, x=np.tile(case.x, (calls, 1)))
    mask = mask_in(trial, every, np.concatenate(found), call)
    return mask.reshape(calls, *case.x.shape)


def mask_in(
    trial: Trial,
    case: Case,
    found: np.ndarray,
    call: str,
    otherwise: str | None = None,
) -> np.ndarray:
    """Return the mask (N, D) that a readable case's prediction ``found`` (N, C) shows, True
    where kept; raises as ``mask_of`` does. ``call`` is what messages say was called."""
    likely = (found > 0).all() and facts.close(found.sum(axis=1), 1)
    with np.errstate(all="ignore"):
        logs = np.log(found if likely else np.nan * found)
        ratios = ensemble.ratios_of(case, logs)
        if not ensemble.are_bits(ratios):
            trial.fail(
                f"{call}: {_what_is_wrong(case, found, ratios)}.",
                _member_mistake(case, found, logs, ratios) or otherwise,
            )
    kept = ratios > 0.5
    expected = softmax(case.logits(kept / case.keep_prob))
    if not ensemble.same(found, expected):
        trial.fail(
            f"{call}: the prediction is nearly that of a member, not to five digits; "
            f"{facts.worst(found, expected)}.",
            shared.Wrong.loses_digits,
        )
    return kept


def _what_is_wrong(case: Case, found: np.ndarray, ratios: np.ndarray) -> str:
    """Return in words how a prediction with one sample differs from every member's."""
    totals = found.sum(axis=1)
    if not facts.close(totals, 1):
        worst = totals[np.argmax(np.abs(totals - 1))]
        return f"a row adds up to {worst:.4g}; expected 1"
    if (found <= 0).any():
        return f"a probability is {found.min():.4g}; expected it above 0"
    if np.isnan(ratios).any():
        return "no mask of the inputs explains the prediction"
    odd = ratios[np.minimum(np.abs(ratios), np.abs(ratios - 1)) > 1e-2]
    return (
        f"the prediction is one for inputs multiplied by {odd[0] / case.keep_prob:.4g}; "
        f"expected 0 or {1 / case.keep_prob:.4g}"
    )


def _member_mistake(
    case: Case, found: np.ndarray, logs: np.ndarray, ratios: np.ndarray
) -> str | None:
    """Return what is behind a prediction with one sample that is no member's.

    Each rival is read as the right prediction is, with its own formula undone: then it
    shows bits. ``logs`` and ``ratios`` are NaN where found are no probabilities."""
    p, dropped = case.keep_prob, np.abs(ratios) <= 1e-2
    if not np.isnan(ratios).any() and not dropped.any():
        return Wrong.predicts_without_dropout
    once = logs - logs.mean(axis=1, keepdims=True) + 1 / found.shape[1]
    sums_to_one = facts.close(np.exp(found).sum(axis=1), 1)
    read = partial(ensemble.ratios_of, case)
    rivals = {
        shared.Wrong.members_are_not_rescaled: ratios / p,
        WrongDropout.divides_by_drop_probability: ratios * (1 - p) / p,
        WrongDropout.rescales_twice: ratios * p,
        WrongDropout.multiplies_by_keep_prob: ratios / p**2,
        WrongDropout.divides_by_the_root: ratios / math.sqrt(p),
        WrongDropout.divides_by_kept_fraction: (
            ratios * (1 - dropped.mean(axis=1, keepdims=True)) / p
        ),
        shared.Wrong.forgets_the_bias: read(logs, 0 * case.bias),
        shared.Wrong.rescales_the_bias: read(logs, case.bias / p),
        shared.Wrong.applies_softmax_twice: read(np.log(once)),
        shared.Wrong.returns_logarithms: read(found) if sums_to_one else np.nan,
        shared.Wrong.returns_logits: read(found),
        shared.Wrong.takes_a_sigmoid_of_each_class: read(np.log(found / (1 - found))),
    }
    name = first(None, rivals, lambda _, read: _shows_a_kept_unit(read))
    return name or _shown_mistake(case, found, logs)


def _shown_mistake(case: Case, found: np.ndarray, logs: np.ndarray) -> str | None:
    """Return what is behind such a prediction, where it is read in other ways."""
    totals = found.sum(axis=1)
    with np.errstate(all="ignore"):
        divided = ensemble.ratios_of(case, np.log(found / totals[:, None]))
    shown = {
        Wrong.counts_votes: (
            ((found == 0) | (found == 1)).all() and facts.close(totals, 1)
        ),
        Wrong.counts_samples_wrongly: not found.any() or _averages_several(case, found),
        Wrong.divides_by_another_number: (
            facts.close(totals, totals[0]) and _shows_a_kept_unit(divided)
        ),
        Wrong.drops_the_outputs: (
            _drops_probabilities(case, found) or _drops_logits(case, logs)
        ),
        shared.Wrong.normalises_over_another_axis: (
            # Of one row the sum is 1 in any case.
            facts.close(found.sum(axis=0), 1)
            or (len(found) > 1 and facts.close(found.sum(), 1))
        ),
        Wrong.drops_single_weights: _drops_weights(case, logs),
        Wrong.drops_the_bias: _drops_the_bias(case, logs),
    }
    return first(True, shown)


def _shows_a_kept_unit(ratios: np.ndarray) -> bool:
    """Return whether all ratios are 0 or 1, and some 1: near 0 alone a wrong scale hides."""
    return ensemble.are_bits(ratios) and bool((np.abs(ratios - 1) < 1e-2).any())


def _explained(logs: np.ndarray, choices: np.ndarray) -> bool:
    """Return whether every row of logs (N, C) is, up to a shift of its own, made of one of
    the choices (K, N, C) in each class."""
    shifts = choices[:, :, 0] - logs[:, 0]
    gaps = np.abs(logs + shifts[:, None, :, None] - choices)
    return bool((gaps.min(axis=1).max(axis=-1) < 1e-3).any(axis=0).all())


def _drops_logits(case: Case, logs: np.ndarray) -> bool:
    full, scales, bias = case.logits(), (1, 1 / case.keep_prob), case.bias
    return any(
        _explained(logs, np.stack([0 * full + kept, s * (full - kept) + kept]))
        for kept in (0 * bias, bias)
        for s in scales
    )


def _drops_probabilities(case: Case, found: np.ndarray) -> bool:
    """Return whether found is the prediction without dropout, some entries of it 0."""
    kept = found != 0
    return not kept.all() and any(
        facts.close(found, scale * kept * case.scaled)
        or facts.close(found, kept * case.scaled / (kept * case.scaled).sum(1)[:, None])
        for scale in (1, 1 / case.keep_prob)
    )


def _averages_several(case: Case, found: np.ndarray) -> bool:
    """Return whether every row is the average of two or three members, of few units."""
    if case.x.shape[1] > 3:
        return False
    members = softmax(case.members())
    fits = (ensemble.averages_that_fit(members, found, count) for count in (2, 3))
    return any(each.any(axis=0).all() for each in fits)


def _drops_the_bias(case: Case, logs: np.ndarray) -> bool:
    if case.x.shape[1] > 3:
        return False
    unbiased = case.members() - case.bias
    return any(
        _explained(logs, np.concatenate([unbiased, unbiased + scale * case.bias]))
        for scale in (1, 1 / case.keep_prob)
    )


def _drops_weights(case: Case, logs: np.ndarray) -> bool:
    if case.x.shape[1] > 3:
        return False
    scales, unbiased = (1, case.keep_prob), case.members() - case.bias
    return any(_explained(logs, s * unbiased + case.bias) for s in scales)
