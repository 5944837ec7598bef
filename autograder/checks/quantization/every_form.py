"""Values of dropouts on arrays of every form, at keep probabilities all over the range."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentError, StudentFunction, foresee
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import corners
from autograder.families.elementwise import Wrong, call_text
from autograder.families.evidence import Evidence

#: What entries are made of numbers of either sign, and how they lie in memory.
_CHANGES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "": lambda x: x,
    "in float32": lambda x: x.astype(np.float32),
    "transposed": corners.transposed,
    "transposed, in float32": lambda x: corners.transposed(x.astype(np.float32)),
    "negative": lambda x: -np.abs(x),
    "all equal": lambda x: np.full_like(x, x.flat[0]),
    "large": lambda x: 1e9 * x,
    "small": lambda x: 1e-9 * x,
}
_USUAL = (60, 60)
#: Shapes with what is special about entries; of two axes, and of any number of them.
_MATRICES: tuple[tuple[tuple[int, ...], str], ...] = (
    *((_USUAL, what) for what in ("", "in float32", "transposed")),
    *(((20, 30), what) for what in (*_CHANGES,)[3:]),
    *(((300, 12), ""), ((12, 300), "in float32"), ((1, 400), ""), ((2, 200), "")),
    *(((200, 1), ""), ((200, 2), "in float32"), ((9, 45), ""), ((45, 9), "transposed")),
    *(((150, 40), "in float32"), ((40, 150), ""), ((140, 3), ""), ((3, 140), "")),
)
_ANY: tuple[tuple[tuple[int, ...], str], ...] = (
    *_MATRICES[:12],
    *(((400,), ""), ((150,), "in float32"), ((200, 2), ""), ((150, 40), "")),
    *(((6, 7, 8), "in float32"), ((150, 2, 3), ""), ((3, 4, 5, 6), "")),
    ((2, 150, 3, 2), "transposed, in float32"),
)


#: What is counted.
_CASES = "calls with arrays of every form"


class _Case(NamedTuple):
    x: np.ndarray
    keep_prob: float
    argument: Any
    what: str


def cases(
    trial: Trial, argument: Callable[[np.ndarray, float], Any], *, matrices: bool
) -> Iterator[_Case]:
    """Yield arrays of every form, each with the ``argument`` that goes with it at a keep
    probability of its own, and what is said of the form."""
    shapes = _MATRICES if matrices else _ANY
    keep_probs = corners.spread_keep_probs(trial, len(shapes))
    for (shape, what), keep_prob in zip(shapes, keep_probs, strict=True):
        x = _CHANGES[what](trial.inputs(*shape))
        yield _Case(x, keep_prob, argument(x, keep_prob), f", x {what}" if what else "")


def expect_values(
    function: StudentFunction,
    trial: Trial,
    right: Callable[[np.ndarray, np.ndarray, Any], np.ndarray],
    otherwise: str,
    *,
    argument: Callable[[np.ndarray, float], Any] = lambda x, keep_prob: keep_prob,
    matrices: bool = True,
    errors_cost: bool = True,
) -> None:
    """Check that outputs are ``right(x, mask, argument)`` at the mask that they show, and that
    masks are no constants. What is wrong in a large float64 matrix as well shows the mistake
    ``otherwise``, and not that forms differ; errors are left to others unless they cost."""
    given = [*cases(trial, argument, matrices=matrices)]
    asked = [(case.x, case.argument, trial.generator()) for case in given]
    foresee(function, [(args, {}) for args in asked])
    evidence = Evidence(function.name, both=True)
    for case, args in zip(given, asked, strict=True):
        try:
            mask = _expect_right(function, args, case.what, right)
            evidence.add(case.keep_prob, mask)
            trial.count(_CASES)
        except StudentError as error:
            if errors_cost:
                raise
            trial.count(_CASES, error)
        except CheckFailure as failure:
            if failure.mistake is not None:  # no matrix of numbers
                raise
            usual = trial.inputs(*_USUAL)
            again = usual, argument(usual, case.keep_prob), trial.generator()
            name = Wrong.scale_depends_on_the_shape
            try:
                _expect_right(function, again, "", right)
            except CheckFailure:
                name = otherwise
            raise CheckFailure(failure.message, name) from None
    evidence.expect(trial)


def expect_scaled(
    function: StudentFunction, trial: Trial, factor: Callable[[float], float]
) -> None:
    """Check that kept entries, of arrays with 1 to 4 axes, are ``factor(keep_prob)`` times
    as large."""
    expect_values(
        function,
        trial,
        lambda x, mask, keep_prob: x * mask * factor(keep_prob),
        Wrong.scale_fits_some_keep_probs,
        matrices=False,
    )


def _expect_right(
    function: StudentFunction, args: tuple[Any, ...], what: str, right: Any
) -> np.ndarray:
    """Return the mask of an output that is right at it; x has no zeros."""
    x, argument, _ = args
    call = f"{call_text(function.name, x.shape, argument)}{what}"
    out = facts.float_array(facts.pair(function(*args), call)[0], x.shape, call, "out")
    expected = right(x.astype(float), out != 0, argument)
    if not facts.close(out, expected, atol=0):
        raise CheckFailure(f"{call}: {facts.worst(out, expected)}, or 0.")
    mask: np.ndarray = out != 0
    return mask
