"""Facts that cannot fail by chance: what came back, its shape, its dtype, its values."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograder import wire
from autograder.contract.mistakes import Mistakes
from autograder.contract.trial import CheckFailure


class Wrong(Mistakes, section=None):
    returns_nothing = """the call gives None, as where a function ends without a
        return statement."""
    returns_another_kind = """what comes back is of another kind than the statement
        says; compare it with the line that says what the function returns."""
    returns_another_shape = """the result has another shape than the statement says:
        either something is summed, flattened or kept that should not be, or another
        quantity is returned, or the code works for arrays of one shape only."""
    returns_no_floats = """somewhere on the way the numbers become integers or booleans;
        the result holds floating point numbers."""
    returns_nan_or_infinity = """either a division by 0, infinity times 0, the root of a
        negative number, a number beyond what a small dtype such as float16 holds, or NaN
        for dropped units: the statement says what happens at the edges."""
    reads_what_it_never_wrote = """what comes back was read from memory to which your code
        wrote nothing: np.empty holds what lay there before, and so does the result of
        where=… without out=…; give out=np.zeros(…), or begin with np.zeros."""
    overwrites_its_results = """an array that a call returned is overwritten by the next
        call, as where all calls write into one array that is made once; return a new
        array from each call."""
    raises_an_error = """your code meets an input that the statement allows and that it
        was not written for; the message says what happened."""
    names_nothing = """a name in your code stands for nothing: it is misspelt, or nothing was
        assigned to it in a line that ran before."""
    has_no_such_attribute = """what stands before a dot has no attribute of the name behind
        it: that is misspelt, or the value is of another kind than you think."""
    takes_other_arguments = """your function cannot be called as the statement says: keep the
        names, the order and the defaults of its parameters."""
    knows_matrices_only = """your code passes this check on matrices, and not on arrays with
        another number of axes; take their shape as a whole, and not two numbers out of
        it."""


#: How an exception begins, and what it shows; a call that fails by itself has no line.
_ERRORS = {
    r"NameError: ": Wrong.names_nothing,
    r"AttributeError: ": Wrong.has_no_such_attribute,
    r"TypeError: .*\(\) (got an unexpected keyword|takes |missing )(?!.*\(line \d)": (
        Wrong.takes_other_arguments
    ),
}


#: The student's own line, behind an exception, that raises it.
_ON_PURPOSE = re.compile(r"\(line \d+: (.*[:;] *)?(raise|assert)\b")


def raised_on_purpose(message: str) -> bool:
    """Return whether a message tells of an exception that the student's code raises where
    it says so: it knows the case, and takes it for none of its own."""
    return _ON_PURPOSE.search(message) is not None


def of_an_error(message: str) -> str:
    """Return the mistake that an exception shows, by what is told of it."""
    found = (name for begin, name in _ERRORS.items() if re.match(begin, message))
    return next(found, Wrong.raises_an_error)


def pair(result: Any, call: str, names: str = "(out, cache)") -> tuple[Any, Any]:
    """Return the two items of a returned tuple, or raise ``CheckFailure`` saying what
    came back from ``call`` instead of the items ``names``."""
    first, second = items(result, 2, call, names)
    return first, second


def items(result: Any, count: int, call: str, names: str) -> tuple[Any, ...]:
    """Return the ``count`` items of a returned tuple, or raise ``CheckFailure``."""
    if result is None:
        raise CheckFailure(
            f"{call} returned None: is a return statement missing?",
            Wrong.returns_nothing,
        )
    if not isinstance(result, tuple) or len(result) != count:
        raise CheckFailure(
            f"{call} returned {describe(result)}; expected the tuple {names}.",
            Wrong.returns_another_kind,
        )
    return result


def float_array(
    value: Any, shape: tuple[int, ...], call: str, what: str = "the result"
) -> np.ndarray:
    """Return ``value`` when it is a finite float array of this shape.

    Otherwise raise ``CheckFailure`` saying what was found: None, a list, integers, a
    wrong shape, NaN or infinity."""
    found = floats(value, shape, call, what)
    finite(found, call, what)
    return found


def floats(
    value: Any, shape: tuple[int, ...], call: str, what: str = "the result"
) -> np.ndarray:
    """Return ``value`` when it is a float array of this shape, be it of NaN or infinity;
    otherwise raise ``CheckFailure``."""
    if value is None:
        raise CheckFailure(
            f"{call}: {what} is None: is a return statement missing?",
            Wrong.returns_nothing,
        )
    if not isinstance(value, np.ndarray):
        raise CheckFailure(
            f"{call}: {what} is {describe(value)}; expected a NumPy array of real "
            f"numbers, of shape {shape}.",
            Wrong.returns_another_kind,
        )
    if value.shape != tuple(shape):
        raise CheckFailure(
            f"{call}: {what} has shape {value.shape}; expected {tuple(shape)}.",
            Wrong.returns_another_shape,
        )
    if value.dtype.kind != "f":
        raise CheckFailure(
            f"{call}: {what} has dtype {value.dtype}; expected floating point numbers.",
            Wrong.returns_no_floats,
        )
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
        raise CheckFailure(
            f"{call}: {what} is {describe(value)}; expected one number.",
            Wrong.returns_nothing if value is None else Wrong.returns_another_kind,
        )
    try:
        number = float(value)
    except OverflowError:
        raise CheckFailure(
            f"{call}: {what} is an integer too large for a float.",
            Wrong.returns_no_floats,
        ) from None
    finite(np.asarray(number), call, what)
    return number


def finite(value: np.ndarray, call: str, what: str = "the result") -> None:
    """Raise ``CheckFailure`` when the array holds NaN or infinity."""
    fine = np.isfinite(value)
    if not fine.all():
        bad = ~fine
        first = value[bad].flat[0] if value.ndim else value
        raise CheckFailure(
            f"{call}: {what} holds {first} in {int(bad.sum())} of {value.size} places; "
            "expected finite numbers.",
            not_finite(value),
        )


def not_finite(
    value: np.ndarray, otherwise: str = Wrong.returns_nan_or_infinity
) -> str:
    """Return the mistake behind NaN or infinity: ``otherwise``, unless it is what was
    left in memory before the call."""
    marked = wire.shows_marks(value)
    return Wrong.reads_what_it_never_wrote if marked else otherwise


def close(found: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-12) -> bool:
    """Return whether two arrays or numbers agree to rounding error (float32 included).

    One may have axes of length 1 where the other has more; arrays whose shapes fit in no
    such way do not agree, and neither do those that together would make a larger one."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape and not _fit(found.shape, expected.shape):
        return False
    # The usual case, in a quarter of the time.
    if found.dtype.kind == "f" and expected.dtype.kind == "f":
        with np.errstate(all="ignore"):
            # NaN, which is not close, where either is infinite.
            beyond = np.abs(found - expected) - rtol * np.abs(expected)
        if (beyond <= atol).all():
            return True
    return bool(np.allclose(found, expected, rtol=rtol, atol=atol))


def _fit(*shapes: tuple[int, ...]) -> bool:
    """Return whether one of two shapes stays as it is when both are broadcast."""
    try:
        return np.broadcast_shapes(*shapes) in shapes
    except ValueError:
        return False


def worst(found: np.ndarray, expected: np.ndarray, size: Any = None) -> str:
    """Return "expected … , found …" for the place where two arrays differ most beyond five
    digits, of ``size`` or by default of what is expected, or for their shapes."""
    if np.shape(found) != np.shape(expected) or not np.size(found):
        return f"expected shape {np.shape(expected)}, found {describe(found)}"
    gap = np.abs(np.asarray(found, float) - np.asarray(expected, float))
    # Of large numbers more may be lost to rounding than a small one is wrong by.
    gap -= 1e-5 * np.abs(expected if size is None else size)
    place = np.unravel_index(int(np.argmax(gap)), gap.shape)
    where = f" at {tuple(int(i) for i in place)}" if gap.ndim else ""
    return f"expected {expected[place]:.6g}{where}, found {found[place]:.6g}"


def describe(value: Any) -> str:
    """Return a short text for a value in a message: shape and dtype, or type."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"an array of shape {tuple(shape)} and dtype {dtype}"
    if value is None:
        return "None"
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, bool | int | float | str):
        return f"the {type(value).__name__} {value!r}"[:80]
    kind = getattr(value, "type_name", type(value).__name__)
    article = "an" if kind[:1] in "aeiou" else "a"
    length = f" of {len(value)}" if isinstance(value, tuple | list | dict) else ""
    return f"{article} {kind}{length}"


def call_shown(
    name: str,
    arguments: Sequence[str],
    given: Sequence[Any],
    named: Mapping[str, Any],
    dtypes: bool = True,
) -> str:
    """Return a call as messages show it; ``arguments`` are the parameters' names."""
    both = zip(arguments, given, strict=False)
    items = [_shown(a, item, dtypes) for a, item in both]
    items += [f"{a}={_shown(a, item, dtypes)}" for a, item in named.items()]
    return f"{name}({', '.join(items)})"


def dtype_shown(array: np.ndarray) -> str:
    """Return what a call says of an array's dtype behind its shape, if it is of floats of
    another size than usual."""
    usual = array.dtype.kind != "f" or array.dtype == np.float64
    return "" if usual else f" and dtype {array.dtype}"


def _shown(name: str, value: Any, dtypes: bool) -> str:
    """Return numbers and texts in full, arrays by shape, and by dtype if ``dtypes``; the
    rest by the parameter's name."""
    if isinstance(value, np.ndarray) and value.ndim:
        dtype = dtype_shown(value) if dtypes else ""
        return f"{name} of shape {value.shape}{dtype}"
    if isinstance(value, np.generic | np.ndarray):
        return str(value)
    shape = isinstance(value, tuple) and all(isinstance(side, int) for side in value)
    return repr(value) if shape or isinstance(value, int | float | str) else name
