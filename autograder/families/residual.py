"""A residual block with a branch that is dropped, seen as a layer that drops the branch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import corners


def _equal(x: np.ndarray) -> np.ndarray:
    """Return the entry of x that is nearest to 0, and not 0, in all places."""
    nearest = np.abs(x).min(where=x != 0, initial=np.inf)
    return np.full(x.shape, nearest if nearest < np.inf else 0.0)


def _whole(x: np.ndarray) -> np.ndarray:
    """Return x, rounded towards 0 where it is not tiny."""
    return np.trunc(x) if (np.abs(x) < 2**50).all() else x


#: What x may be, made of entries of the branch's size: most often these.
_FORMS: Sequence[Callable[[np.ndarray], np.ndarray]] = (
    *(4 * (np.asarray,)),
    np.abs,
    lambda x: -np.abs(x),
    _equal,
    lambda x: -_equal(x),
    _whole,
    np.zeros_like,
)


class Branch:
    """What a function ``(x, branch, keep_prob, rng, training)`` adds to x, as a function of
    the branch alone: a student's function for properties that look at one array.

    It returns a pair, what is added and None. x is of a kind of its own (``_FORMS``), and as
    large as the branch at most, so that what is added is right to five digits in float32 too;
    where it is less than rounding error of x, it is 0."""

    def __init__(self, function: StudentFunction, trial: Trial) -> None:
        self.name, self._function, self._trial = function.name, function, trial

    def _arguments(
        self, branch: np.ndarray, keep_prob: float, rng: np.random.Generator
    ) -> tuple[Any, ...]:
        own = self._trial.rng
        which, turned = own.random(2).tolist()
        form = _FORMS[int(which * len(_FORMS))]
        x = form(-own.uniform(0.2, 1, branch.shape) * branch).astype(branch.dtype)
        return corners.transposed(x) if turned < 0.5 else x, branch, keep_prob, rng

    def _added(self, given: tuple[Any, ...], out: Any, training: bool) -> Any:
        x, branch, keep_prob, _ = given
        call = call_text(self.name, branch.shape, keep_prob, training)
        found = facts.float_array(out, branch.shape, call).astype(float) - x
        found[np.abs(found) <= 5e-6 * (np.abs(x) + np.abs(branch))] = 0
        return found, None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self._arguments(*args)
        out = self._function(*given, **kwargs)
        return self._added(given, out, kwargs.get("training", True))

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        given = [self._arguments(*call) for call in calls]
        results = self._function.each(given, **kwargs)
        training = kwargs.get("training", True)
        pairs = zip(given, results, strict=True)
        return [self._added(*pair, training) for pair in pairs]

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        given = self._arguments(*args)
        out, after = self._function.observe(*given, **kwargs)
        return self._added(given, out, kwargs.get("training", True)), after[1:]


def added_by(function: StudentFunction, trial: Trial) -> "Branch":
    """Return the function as one of the branch alone, if it is not already."""
    return function if isinstance(function, Branch) else Branch(function, trial)


def call_text(
    name: str, shape: Sequence[int], keep_prob: float, training: bool = True
) -> str:
    """Return a call as it is shown in messages."""
    mode = "" if training else ", training=False"
    return f"{name}(x and branch of shape {tuple(shape)}, {keep_prob}, rng{mode})"
