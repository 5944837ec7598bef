"""Whatever a function returns: the value that crosses from the worker equals the value
that is judged in place, or both are refused in the same words."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import wire
from autograder.contract.student import StudentError
from autograder.grading.local import LocalFunction
from tests.test_crossing import same


class Sub(np.ndarray):
    """A subclass that adds nothing."""


class Whole(int):
    """A number of a class of its own."""


KINDS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(),
    hnp.datetime64_dtypes(),
    hnp.unicode_string_dtypes(max_len=3),
    st.sampled_from([np.dtype(np.longdouble), np.dtype(object)]),
)


def laid_out(array: np.ndarray) -> st.SearchStrategy[np.ndarray]:
    """Return the array in the ways in which memory can hold it."""
    ways: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda a: a,
        lambda a: a.T,
        lambda a: a[::-1] if a.ndim else a,
        lambda a: a.view(Sub),
        np.asfortranarray,
        np.ma.masked_array,
        lambda a: np.broadcast_to(a, (2, *a.shape)),
    ]
    return st.sampled_from(ways).map(lambda way: way(array))


def _filled(kind: np.dtype) -> st.SearchStrategy[np.ndarray]:
    shapes = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
    if kind.kind == "O":
        return hnp.arrays(kind, shapes, elements=st.none() | st.integers())
    if kind == np.longdouble:
        return hnp.arrays(float, shapes).map(lambda a: a.astype(np.longdouble))
    return hnp.arrays(kind, shapes)


ARRAYS = KINDS.flatmap(_filled).flatmap(laid_out)
ITEMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**5000), 2**5000),
    st.integers().map(Whole),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters()),
    st.binary(),
    st.floats().map(np.float64),
    st.floats(width=32).map(np.float32),
    st.floats(width=16).map(np.float16),
    st.floats().map(np.longdouble),
    st.integers(-128, 127).map(np.int8),
    st.integers(0, 2**64 - 1).map(np.uint64),
    st.booleans().map(np.bool_),
    st.complex_numbers().map(np.complex128),
    st.builds(object),
    ARRAYS,
)
KEYS = st.one_of(st.text(), st.integers(), st.tuples(st.integers()))
VALUES = st.recursive(
    ITEMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)


def in_place(value: Any) -> Any:
    try:
        return LocalFunction("give", lambda: value)()
    except StudentError as error:
        return f"refused: {error}"


def over_the_wire(value: Any) -> Any:
    """Return the value as a judge reads it from the bytes that a worker sends."""
    writer, pipe = wire.Writer(wire.foreign), io.BytesIO()
    try:
        node = writer.encode(value)
        wire.write_frame(pipe, {"value": node}, writer.body)
    except wire.WireError as error:
        return f"refused: its result cannot be used: {error}"
    pipe.seek(0)
    frame = wire.read_frame(pipe)
    assert frame is not None
    return wire.Reader(frame[1]).decode(frame[0]["value"])


@given(VALUES)
def test_what_crosses_equals_what_is_judged_in_place(value: Any) -> None:
    here, there = in_place(value), over_the_wire(value)
    assert same(here, there), (here, there)


@given(ARRAYS)
def test_an_array_of_numbers_crosses_unchanged(array: np.ndarray) -> None:
    found = over_the_wire(array)
    if array.dtype.kind not in "biuf":
        assert found.type_name.startswith("array of ")
    elif array.dtype.itemsize > 8 and array.dtype.kind == "f":
        assert same(found, np.asarray(array, float))
    else:
        assert same(found, np.asarray(array).astype(array.dtype.newbyteorder("=")))


NUMBERS = st.one_of(
    st.integers(-(2**4000), 2**4000),
    st.floats(),
    st.booleans(),
    st.floats().map(np.float64),
    st.floats(width=16).map(np.float16),
    st.floats().map(np.longdouble),
    st.integers(0, 2**64 - 1).map(np.uint64),
)


@given(NUMBERS)
def test_a_number_crosses_as_pythons_own(number: Any) -> None:
    kinds = {bool: bool, int: int, np.uint64: int}
    kind = kinds.get(type(number), float)
    assert same(over_the_wire(number), kind(number))


@given(st.complex_numbers(), st.sampled_from([complex, np.complex64, np.clongdouble]))
def test_complex_numbers_are_named_and_do_not_cross(number: complex, kind: Any) -> None:
    with np.errstate(over="ignore"):
        value = kind(number)
    assert over_the_wire(value) == wire.Foreign("complex number")
    assert over_the_wire(np.array([value])) == wire.Foreign("array of complex numbers")
