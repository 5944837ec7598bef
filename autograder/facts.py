"""Facts that cannot fail by chance: what came back, its shape, its dtype, its values."""

from typing import Any

import numpy as np

from autograder.exercise import describe
from autograder.trial import CheckFailure


def pair(result: Any, call: str, names: str = "(out, cache)") -> tuple[Any, Any]:
    """Return the two items of a returned tuple, or raise ``CheckFailure`` saying what
    came back from ``call`` instead of the items ``names``."""
    if result is None:
        raise CheckFailure(f"{call} returned None: is a return statement missing?")
    if not isinstance(result, tuple) or len(result) != 2:
        raise CheckFailure(
            f"{call} returned {describe(result)}; expected the tuple {names}."
        )
    return result


def float_array(
    value: Any, shape: tuple[int, ...], call: str, what: str = "the result"
) -> np.ndarray:
    """Return ``value`` when it is a finite float array of this shape.

    Otherwise raise ``CheckFailure`` saying what was found: None, a list, integers, a
    wrong shape, NaN or infinity."""
    if value is None:
        raise CheckFailure(f"{call}: {what} is None: is a return statement missing?")
    if not isinstance(value, np.ndarray):
        raise CheckFailure(
            f"{call}: {what} is {describe(value)}; expected a NumPy array of shape {shape}."
        )
    if value.shape != tuple(shape):
        raise CheckFailure(
            f"{call}: {what} has shape {value.shape}; expected {tuple(shape)}."
        )
    if value.dtype.kind != "f":
        raise CheckFailure(
            f"{call}: {what} has dtype {value.dtype}; expected floating point numbers."
        )
    finite(value, call, what)
    return value


def number(value: Any, call: str, what: str = "the result") -> float:
    """Return ``value`` as a float when it is one finite real number (a 0-d array counts);
    otherwise raise ``CheckFailure``."""
    if (
        isinstance(value, np.ndarray)
        and value.shape == ()
        and value.dtype.kind in "iuf"
    ):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CheckFailure(f"{call}: {what} is {describe(value)}; expected one number.")
    try:
        number = float(value)
    except OverflowError:
        raise CheckFailure(
            f"{call}: {what} is an integer too large for a float."
        ) from None
    finite(np.asarray(number), call, what)
    return number


def finite(value: np.ndarray, call: str, what: str = "the result") -> None:
    """Raise ``CheckFailure`` when the array holds NaN or infinity."""
    bad = ~np.isfinite(value)
    if bad.any():
        first = value[bad].flat[0] if value.ndim else value
        raise CheckFailure(
            f"{call}: {what} holds {first} in {int(bad.sum())} of {value.size} places; "
            "expected finite numbers."
        )


def close(found: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-12) -> bool:
    """Return whether two arrays or numbers agree to rounding error (float32 included)."""
    return bool(np.allclose(found, expected, rtol=rtol, atol=atol))


def worst(found: np.ndarray, expected: np.ndarray) -> str:
    """Return "expected … , found …" for the place where two arrays differ most."""
    gap = np.abs(np.asarray(found, float) - np.asarray(expected, float))
    place = np.unravel_index(int(np.argmax(gap)), gap.shape)
    where = f" at {tuple(int(i) for i in place)}" if gap.ndim else ""
    return f"expected {expected[place]:.6g}{where}, found {found[place]:.6g}"
