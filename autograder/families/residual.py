"""A residual block with a branch that is dropped, seen as a layer that drops the branch."""

from collections.abc import Callable, Mapping, Sequence
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
#: How many times as large as the branch x is at most, or as small: in single precision what
#: is added shows beside it to four digits.
_MOST = 1e3
#: The largest entry of the stated range.
_LARGEST = 1e12


def _powers(rng: np.random.Generator, low: float, high: float, *shape: int) -> Any:
    """Return numbers between these, their logarithms uniform."""
    return low * (high / low) ** rng.random(shape or None)


def _by_example(branch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a size for each example, from far smaller to far larger."""
    sizes: np.ndarray = _powers(rng, 1 / _MOST, _MOST, *branch.shape[:1])
    return sizes.reshape(-1, *[1] * (branch.ndim - 1))


SMALLER, EACH = "x smaller than the branch", "x of another size in each example"
#: How large x is beside the branch, by what is said of it, in a call or in each example.
SIZES: Mapping[str, Callable[[np.ndarray, np.random.Generator], Any]] = {
    "x far smaller than the branch": lambda _, rng: _powers(rng, 1 / _MOST, 0.05),
    SMALLER: lambda _, rng: _powers(rng, 0.05, 1),
    "x as large as the branch": lambda _, rng: 1.0,
    "x larger than the branch": lambda _, rng: _powers(rng, 2, 20),
    "x far larger than the branch": lambda _, rng: _powers(rng, 20, _MOST),
    EACH: _by_example,
    "x of 0": lambda _, rng: 0.0,
}
#: Those that are x itself: the branch, or what takes it away.
SAME = {"x equal to the branch": 1, "x that is minus the branch": -1}
#: Which of both a call has; in every second x is as large as the branch at most.
_TURNS = (*SIZES, *SAME, *(7 * ("",)))


def beside(
    branch: np.ndarray,
    size: str,
    rng: np.random.Generator,
    form: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> np.ndarray:
    """Return an x beside the branch, of one of ``SIZES`` or ``SAME``, in its dtype."""
    if size in SAME:
        return SAME[size] * branch
    x = (0.8 * rng.random(branch.shape) - 1) * branch
    if size:
        x *= SIZES[size](branch, rng)
        largest = np.abs(x).max()
        x *= _LARGEST / largest if largest > 3 * _LARGEST else 1.0
    return form(x).astype(branch.dtype)


def _drawn(branch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an x of a form and a size of its own."""
    which, turned, size = rng.random(3).tolist()
    form = _FORMS[int(which * len(_FORMS))]
    x = beside(branch, _TURNS[int(size * len(_TURNS))], rng, form)
    return corners.transposed(x) if turned < 0.5 else x


class Branch:
    """What a function ``(x, branch, keep_prob, rng, training)`` adds to x, as a function of
    the branch alone: a student's function for properties that look at one array.

    It returns a pair, what is added and None. Called as ``(branch, x, keep_prob, rng)`` it
    takes this x; else x is of this ``size`` beside the branch, or of a kind of its own
    (``_FORMS``) and, in every second call, of any size (``beside``). Where what is added is
    0, or the branch as it should be, to rounding error of x in float32, it is taken to be
    just that."""

    def __init__(
        self, function: StudentFunction, trial: Trial, size: str | None = None
    ) -> None:
        self.name, self._function, self._trial = function.name, function, trial
        self._size = size

    def _arguments(
        self, calls: Sequence[tuple[Any, ...]]
    ) -> list[tuple[np.ndarray, np.ndarray, float, np.random.Generator]]:
        """Return the arguments of calls; those of one branch have one x."""
        own, known = self._trial.rng, dict[int, np.ndarray]()
        given = []
        for branch, *rest in calls:
            *x, keep_prob, rng = rest
            if not x and id(branch) not in known:
                known[id(branch)] = (
                    beside(branch, self._size, own)
                    if self._size
                    else _drawn(branch, own)
                )
            given.append((x[0] if x else known[id(branch)], branch, keep_prob, rng))
        return given

    def _added(self, given: tuple[Any, ...], out: Any, training: bool) -> Any:
        x, branch, keep_prob, _ = given
        call = call_text(self.name, branch.shape, keep_prob, training)
        found = facts.float_array(out, branch.shape, call).astype(float) - x
        kept = branch.astype(float) / (keep_prob if training else 1.0)
        near = 5e-6 * np.abs(x)
        found = np.where(np.abs(found - kept) <= near, kept, found)
        found[np.abs(found) <= near + 5e-6 * np.abs(branch)] = 0
        return found, None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        (given,) = self._arguments([args])
        out = self._function(*given, **kwargs)
        return self._added(given, out, kwargs.get("training", True))

    def each(self, calls: Sequence[tuple[Any, ...]], **kwargs: Any) -> list[Any]:
        given = self._arguments(calls)
        results = self._function.each(given, **kwargs)
        training = kwargs.get("training", True)
        pairs = zip(given, results, strict=True)
        return [self._added(*pair, training) for pair in pairs]

    def observe(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        (given,) = self._arguments([args])
        out, after = self._function.observe(*given, **kwargs)
        return self._added(given, out, kwargs.get("training", True)), after[1:]


def added_by(
    function: StudentFunction, trial: Trial, size: str | None = None
) -> "Branch":
    """Return the function as one of the branch alone, if it is not already."""
    return function if isinstance(function, Branch) else Branch(function, trial, size)


def call_text(
    name: str, shape: Sequence[int], keep_prob: float, training: bool = True
) -> str:
    """Return a call as it is shown in messages."""
    mode = "" if training else ", training=False"
    return f"{name}(x and branch of shape {tuple(shape)}, {keep_prob}, rng{mode})"
