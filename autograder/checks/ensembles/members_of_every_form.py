"""The masks of one sample on arguments of every form, and how often they keep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from autograder.checks.ensembles import shared
from autograder.checks.ensembles.one_member import mask_in
from autograder.contract import facts
from autograder.contract.student import StudentFunction, foresee
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners, elementwise, ensemble
from autograder.families.bit_tests import Wrong as Bits
from autograder.families.ensemble import Case, softmax
from autograder.laws.binomial import EveryKind

_Change = Callable[[Case], Case]


def _typed(*dtypes: type) -> _Change:
    """Return what gives x, weights and bias these dtypes."""

    def typed(case: Case) -> Case:
        of = (case.x, case.weights, case.bias)
        x, weights, bias = (a.astype(t) for a, t in zip(of, dtypes, strict=True))
        return Case(x, weights, bias, case.keep_prob)

    return typed


def _sized(size: float) -> _Change:
    return lambda case: replace(case, x=case.x * size, weights=case.weights / size)


def _with_x(change: Callable[[np.ndarray], np.ndarray]) -> _Change:
    return lambda case: replace(case, x=change(case.x))


def _with_bias(change: Callable[[np.ndarray], np.ndarray]) -> _Change:
    return lambda case: replace(case, bias=change(case.bias))


def _transposed(case: Case) -> Case:
    x, weights = corners.transposed(case.x), corners.transposed(case.weights)
    return replace(case, x=x, weights=weights)


def _with_zeros(x: np.ndarray) -> np.ndarray:
    return np.where(np.arange(x.size).reshape(x.shape) * 7 % 10 < 4, 0.0, x)


def _of_whole_weights(case: Case) -> Case:
    """Return the case with 7 inputs and 8 classes at most, all of whose weights are 1 or
    -1; logits are small."""
    signs = np.array([[1.0]])
    for _ in range(3):
        signs = np.block([[signs, signs], [signs, -signs]])
    inputs = case.x.shape[1]
    x = 0.2 * case.keep_prob * case.x
    return Case(x, signs[1 : 1 + inputs], case.bias[:8], case.keep_prob)


_WIDE, _SINGLE = np.float64, np.float32
#: Where values are judged at keep probabilities all over the range, and where rates are, at
#: this one: the number of rows, if a form does not say it.
_ROWS, _ROWS_OF_RATES, _HALF = 8, 60, 0.5
_FEW = (-1, 6, 9)
#: Rows and inputs where keep probabilities are from all over the range.
_LARGE = (100, 20)
#: Forms that arguments may have, each with sizes of x and how many classes there are.
_FORMS: Mapping[str, tuple[tuple[int, int, int], _Change]] = {
    "all in float64": ((-1, 20, 23), lambda case: case),
    "all in float32": ((-1, 20, 23), _typed(_SINGLE, _SINGLE, _SINGLE)),
    "x in float32": (_FEW, _typed(_SINGLE, _WIDE, _WIDE)),
    "weights in float32": (_FEW, _typed(_WIDE, _SINGLE, _WIDE)),
    "bias in float32": (_FEW, _typed(_WIDE, _WIDE, _SINGLE)),
    "x and weights transposed": (_FEW, _transposed),
    "large x and small weights": (_FEW, _sized(1e6)),
    "small x and large weights": (_FEW, _sized(1e-6)),
    "negative x": (_FEW, _with_x(lambda x: -np.abs(x))),
    "positive x": (_FEW, _with_x(np.abs)),
    "equal x": (_FEW, _with_x(lambda x: np.full_like(x, x[0, 0]))),
    "x of whole numbers": (_FEW, _with_x(lambda x: np.copysign(np.ceil(np.abs(x)), x))),
    "x with many zeros": ((-1, 10, 13), _with_x(_with_zeros)),
    "positive weights": (_FEW, lambda case: case),
    "negative weights": (_FEW, lambda case: case),
    "weights of whole numbers": (_FEW, _of_whole_weights),
    "small bias": (_FEW, _with_bias(lambda bias: 1e-5 * bias)),
    "equal bias": (_FEW, _with_bias(lambda bias: 0 * bias + 0.7)),
    "positive bias": (_FEW, _with_bias(np.abs)),
    "negative bias": (_FEW, _with_bias(lambda bias: -np.abs(bias))),
    "bias with many zeros": (_FEW, _with_bias(_with_zeros)),
    "bias of whole numbers": (_FEW, _with_bias(lambda bias: np.rint(2 * bias))),
    "50 inputs": ((-1, 10, 13), lambda case: case),
    "200 inputs": ((-1, 30, 33), lambda case: case),
    "many classes": ((-1, 6, 3100), lambda case: case),
    "many rows": ((400, 4, 7), lambda case: case),
    "one row": ((1, 200, 203), lambda case: case),
    "one input": ((240, 1, 4), lambda case: case),
    "two classes": ((240, 1, 2), lambda case: case),
    "two rows": ((2, 120, 123), lambda case: case),
}
#: How many inputs there are, but for those whose masks are read, of which others have none.
_MORE = {"50 inputs": 50, "200 inputs": 200}
#: What is added to the weights, as much for each class: softmax leaves no trace of it.
_ADDED = {"positive weights": 4.0, "negative weights": -4.0}

LOOK = "kept in calls of every form"
LAW = EveryKind(len(_FORMS) + corners.SPREAD, detects=0.25)


class _Member(NamedTuple):
    case: Case
    mask: np.ndarray
    what: str


def _given(trial: Trial, case: Case, form: str) -> Case:
    """Return the case as it is handed over."""
    if form in _MORE:
        return _among(trial, case, _MORE[form])
    return replace(case, weights=case.weights + _ADDED.get(form, 0.0))


def expect_members(function: StudentFunction, trial: Trial) -> None:
    """Check predictions with samples=1 all over the range of keep_prob, each on arguments
    of a form of its own."""
    keep_probs = corners.spread_keep_probs(trial, len(_FORMS))
    _members(function, trial, keep_probs, _ROWS)
    _expect_equal_weights(function, trial, keep_probs[0])


def _members(
    function: StudentFunction, trial: Trial, keep_probs: Sequence[float], rows: int
) -> list[_Member]:
    """Return the masks of calls of every form, one at each keep probability; check that
    they are a member's."""
    read = [
        change(ensemble.readable(trial, rows if n == -1 else n, d, p, classes))
        for ((n, d, classes), change), p in zip(
            _FORMS.values(), keep_probs, strict=True
        )
    ]
    given = [_given(trial, *each) for each in zip(read, _FORMS, strict=True)]
    args = [(*case.given, 1, trial.generator()) for case in given]
    foresee(function, [(each, {}) for each in args])
    found = []
    for of, case, each, form in zip(read, given, args, _FORMS, strict=True):
        call = f"{case.call(function.name, 1, each[-1])}, {form}"
        prediction = facts.float_array(function(*each), case.shape, call)
        try:
            mask = mask_in(trial, of, prediction, call)
        except CheckFailure as failure:
            raise CheckFailure(failure.message, Bits.right_in_the_middle_only) from None
        found.append(_Member(of, mask, f"at keep_prob = {of.keep_prob}, {form}"))
    return found


def _of_rates(function: StudentFunction, trial: Trial) -> list[_Member]:
    """Return calls of every form with many units, and at keep probabilities all over the
    range, which all checks of one grading share."""
    if "members" not in trial.notes:
        keep_probs = [_HALF] * len(_FORMS)
        members = _members(function, trial, keep_probs, _ROWS_OF_RATES)
        trial.notes["members"] = members + _all_over(function, trial)
    found: list[_Member] = trial.notes["members"]
    return found


def _all_over(function: StudentFunction, trial: Trial) -> list[_Member]:
    """Return calls on large x at keep probabilities all over the range."""
    keep_probs = corners.spread_keep_probs(trial)
    cases = [ensemble.readable(trial, *_LARGE, p) for p in keep_probs]
    args = [(*case.given, 1, trial.generator()) for case in cases]
    found = []
    for case, prediction in zip(cases, function.each(args), strict=True):
        call = case.call(function.name, 1, "rng")
        prediction = facts.float_array(prediction, case.shape, call)
        mask = mask_in(trial, case, prediction, call)
        found.append(_Member(case, mask, f"at keep_prob = {case.keep_prob}"))
    return found


def _expect_equal_weights(
    function: StudentFunction, trial: Trial, keep_prob: float
) -> None:
    x, weights, bias, p = ensemble.ordinary(trial, 5, 4, 3, keep_prob).given
    alike = Case(x, np.full_like(weights, weights[0, 0]), bias, p)
    found, call = shared.one_prediction(function, alike, 1, trial.generator())
    trial.expect(
        ensemble.same(found, softmax(alike.logits(0))),
        f"{call}: all weights are equal, and so is what they add to a row's logits; "
        f"{facts.worst(found, softmax(alike.logits(0)))}.",
        Bits.right_in_the_middle_only,
    )


def judge_rates(function: StudentFunction, trial: Trial) -> None:
    """Check that arguments of every form have their units kept with keep_prob."""
    counts = {}
    for case, mask, what in _of_rates(function, trial):
        kept = mask[case.x != 0]
        counts[what] = kept.size, int(kept.sum()), kept.size * case.keep_prob
    name = elementwise.Wrong.keeps_some_calls_at_another_rate
    trial.judge_kinds(LOOK, counts, "units kept {}", name)


#: How unlikely it is at most that rows share their masks by chance: 2 ** -50.
_SURPRISE = 50


def expect_own_rows(
    function: StudentFunction, trial: Trial, *, two: bool = False
) -> None:
    """Check that rows have masks of their own in arguments of every form: if only ``two`` of
    them have one, there may be one for each half of a batch."""
    wrong = elementwise.Wrong
    name = wrong.bits_depend_on_each_other if two else wrong.one_mask_for_all_rows
    for case, mask, what in _of_rates(function, trial):
        if (len(mask) == 2) != two or mask.all() or not mask.any():
            continue
        p, same = case.keep_prob, (mask == mask[0]) | (case.x == 0) | (case.x[0] == 0)
        compared = int(((case.x != 0) & (case.x[0] != 0))[1:].sum())
        if -compared * np.log2(p**2 + (1 - p) ** 2) > _SURPRISE:
            trial.expect(
                not same.all(),
                f"{function.name}, {what}: all rows have the same mask.",
                name,
            )


def _among(trial: Trial, case: Case, inputs: int) -> Case:
    """Return the case with so many inputs, of which the others have weights of 0."""
    places = trial.rng.permutation(inputs)[: case.x.shape[1]]
    x, weights = trial.inputs(len(case.x), inputs), np.zeros((inputs, len(case.bias)))
    x[:, places], weights[places] = case.x, case.weights
    return replace(case, x=x, weights=weights)
