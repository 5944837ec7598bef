"""The language between judge and worker: what goes over comes back; nothing else does."""

import copy
import io
import json
import pickle
import struct
from typing import Any

import numpy as np
import pytest

from autograder import wire
from autograder.wire import Foreign, Handle


def refuse(value: Any) -> dict[str, Any]:
    return {"is": "foreign", "type": type(value).__name__}


def there_and_back(value: Any) -> Any:
    writer = wire.Writer(refuse)
    node = json.loads(json.dumps(writer.encode(value)))
    return wire.Reader(writer.body).decode(node)


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -7, 2**200, 0.1, -0.0, 1e-320, float("inf"), "a “text”",
        (), (1, 2.5), [1, [2, "x"]], {"W1": 1.0, "b": (None,)},
    ],
    ids=repr,
)  # fmt: skip
def test_a_plain_value_arrives_as_it_is(value: Any) -> None:
    found = there_and_back(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i8", "f2", "f4", "f8", ">f8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 1, 3, 2)])
def test_an_array_arrives_with_its_shape_dtype_and_values(
    dtype: str, shape: Any
) -> None:
    value = np.random.default_rng(0).normal(size=shape).astype(dtype)
    found = there_and_back(value)
    assert type(found) is np.ndarray
    assert found.shape == value.shape
    assert found.dtype == value.dtype.newbyteorder("=")
    assert np.array_equal(found, value)


def test_strided_transposed_and_subclassed_arrays_arrive_plain() -> None:
    class Sub(np.ndarray):
        pass

    base = np.arange(12.0).reshape(3, 4)
    for value in (
        base.T,
        base[::2, ::-1],
        np.broadcast_to(1.0, (4, 3)),
        base.view(Sub),
    ):
        found = there_and_back(value)
        assert type(found) is np.ndarray
        assert np.array_equal(found, value)


def test_two_arrays_in_one_value_keep_their_places() -> None:
    first, second = np.arange(5), np.ones((2, 2), dtype=np.float32)
    found = there_and_back({"a": first, "b": (second, first)})
    assert np.array_equal(found["a"], first)
    assert np.array_equal(found["b"][0], second)


@pytest.mark.parametrize("shape", [(), (255,), (15, 17), (0, 3), (2**21,)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_booleans_of_other_bytes_arrive_as_those_of_0_and_1(
    shape: tuple[int, ...], order: Any
) -> None:
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape, order=order)
    odd = np.asarray(numbers % 256, np.uint8).view(bool)
    found = [there_and_back(odd), there_and_back((odd, odd))[1]]
    if wire.copy_of_plain(odd) is not None:
        found.append(wire.copy_of_plain(odd))
    for mask in found:
        assert mask.dtype == bool and mask.shape == shape
        assert np.array_equal(mask.view(np.uint8), numbers % 256 != 0)


def test_numpy_scalars_arrive_as_numbers() -> None:
    assert there_and_back(np.float32(0.5)) == 0.5
    assert there_and_back(np.int64(7)) == 7
    assert there_and_back(np.bool_(True)) is True


@pytest.mark.parametrize(
    "value",
    [
        np.array([object()]),
        np.array(["text"]),
        np.ones(2, dtype=complex),
        object(),
        {1, 2},
    ],
    ids=["objects", "strings", "complex", "object", "set"],
)
def test_what_has_no_encoding_arrives_as_its_type_alone(value: Any) -> None:
    assert isinstance(there_and_back(value), Foreign)


def test_what_is_too_deep_or_too_large_is_refused() -> None:
    nested: Any = ()
    for _ in range(100):
        nested = (nested,)
    with pytest.raises(wire.WireError, match="nested"):
        there_and_back(nested)
    with pytest.raises(wire.WireError, match="larger than an answer may be"):
        there_and_back(np.broadcast_to(1.0, (10**6, 10**6)))
    assert isinstance(there_and_back([0] * 20_000), Foreign)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ((((((((1,),),),),),),), "nested deeper than 6 levels"),
        (np.empty((0, 2**40)), "larger than an answer may be"),
        ([np.empty(3_500_000), np.empty(3_500_000)], "larger than an answer may be"),
        ([[0] * 9_999] * 3, "more than 20,000 items"),
    ],
    ids=["depth", "numbers, of none", "bytes in all", "items in all"],
)
def test_each_bound_holds_before_anything_is_sent(value: Any, told: str) -> None:
    with pytest.raises(wire.WireError, match=told):
        wire.Writer(refuse).encode(value)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


FORGED = {
    "no kind": {},
    "an unknown kind": {"is": "code", "value": "1"},
    "not an object": [1],
    "a constant that is none": {"is": "constant", "value": 3},
    "an int that is none": {"is": "int", "value": "__import__"},
    "a float that is none": {"is": "float", "value": "x"},
    "an array beyond its frame": {
        "is": "array",
        "dtype": "<f8",
        "shape": [99],
        "at": 0,
    },
    "a huge array": {"is": "array", "dtype": "<f8", "shape": [2**62, 2**62], "at": 0},
    "a negative shape": {"is": "array", "dtype": "<f8", "shape": [-1], "at": 0},
    "a negative place": {"is": "array", "dtype": "<f8", "shape": [0], "at": -8},
    "an array of objects": {"is": "array", "dtype": "|O", "shape": [1], "at": 0},
    "an array of unknown dtype": {
        "is": "array",
        "dtype": ["<f8"],
        "shape": [1],
        "at": 0,
    },
    "a shape that is no list": {"is": "array", "dtype": "<f8", "shape": 3, "at": 0},
    "a bool in a shape": {"is": "array", "dtype": "<f8", "shape": [True], "at": 0},
    "a dict with too few keys": {"is": "dict", "keys": [], "items": [{"is": "int"}]},
    "a handle with a text": {"is": "handle", "number": "x", "type": "dict"},
    "a generator": {"is": "generator", "number": 1},
    "a text that is a list in a list": {"is": "str", "value": nested(900)},
    "a type that is a list in a list": {"is": "foreign", "type": nested(900)},
    "a key that is a number": {"is": "dict", "keys": [1], "items": [{"is": "int"}]},
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_node_is_refused(what: str) -> None:
    with pytest.raises(wire.WireError):
        wire.Reader(bytes(64)).decode(FORGED[what])


def test_more_numbers_than_a_check_asks_for_are_refused() -> None:
    """Though the frame holds them, or an array of none is all that comes of it."""
    sides = [wire.MAX_NUMBERS + 1]
    for shape in (sides, [0, *sides]):
        node = {"is": "array", "dtype": "|b1", "shape": shape, "at": 0}
        with pytest.raises(wire.WireError, match="more than 4,000,000 numbers"):
            wire.Reader(bytes(sides[0])).decode(node)


def test_too_many_items_are_refused() -> None:
    many = {"is": "list", "items": [{"is": "constant", "value": None}] * 30_000}
    with pytest.raises(wire.WireError):
        wire.Reader(b"").decode(many)


def test_arrays_in_one_place_are_refused() -> None:
    node = {"is": "array", "dtype": "|u1", "shape": [64], "at": 0}
    assert wire.Reader(bytes(64)).decode(node).shape == (64,)
    with pytest.raises(wire.WireError, match="more than their frame"):
        wire.Reader(bytes(64)).decode({"is": "list", "items": [node, node]})


def test_text_arrives_clean() -> None:
    assert there_and_back({"\x1b[2J": "\ud800"}) == {"\ufffd[2J": "\ufffd"}


def test_a_generator_arrives_in_its_state_and_spawns_as_its_state_says() -> None:
    rng = np.random.default_rng(5)
    rng.integers(2**32, dtype=np.uint32)  # half of a word is left
    node = json.loads(json.dumps(wire.generator_node(rng)))
    state = rng.bit_generator.state
    one, two = wire.generator_of(node), wire.generator_of(node)
    again = copy.deepcopy(one)
    seed = np.random.SeedSequence(state["state"]["state"])
    for made in (one, two, again, pickle.loads(pickle.dumps(one))):
        assert made.bit_generator.state == state
    for made in (one, two):
        own = made.bit_generator.seed_seq
        assert own.entropy == seed.entropy
        assert np.array_equal(own.generate_state(7), seed.generate_state(7))
        assert np.array_equal(
            np.random.MT19937(own).random_raw(3), np.random.MT19937(seed).random_raw(3)
        )
    children = [rng.spawn(2) + rng.spawn(1) for rng in (one, two, again)]
    right = np.random.Generator(np.random.PCG64(seed)).spawn(3)
    drawn = [[each.random() for each in some] for some in (*children, right)]
    assert drawn[0] == drawn[1] == drawn[2] == drawn[3]
    assert len(set(drawn[0])) == 3
    assert one.random() == rng.random()


def test_a_handle_stays_a_handle() -> None:
    node = {"is": "handle", "number": 4, "type": "dict"}
    assert wire.Reader(b"").decode(node) == Handle(4, "dict")


def frame(
    header: bytes, body: bytes = b"", lengths: tuple[int, int] | None = None
) -> Any:
    start = struct.pack("<II", *(lengths or (len(header), len(body))))
    return io.BytesIO(start + header + body)


def test_frames_follow_one_another() -> None:
    stream = io.BytesIO()
    wire.write_frame(stream, {"n": 1}, b"abc")
    wire.write_frame(stream, {"n": 2})
    stream.seek(0)
    assert wire.read_frame(stream) == ({"n": 1}, b"abc")
    assert wire.read_frame(stream) == ({"n": 2}, b"")
    assert wire.read_frame(stream) is None


def test_a_frame_that_is_too_large_is_not_begun() -> None:
    stream = io.BytesIO()
    with pytest.raises(wire.WireError, match="too large"):
        wire.write_frame(stream, {"text": "x" * wire.MAX_HEADER})
    assert stream.getvalue() == b""


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(b"\x01\x02"),
        frame(b"{}", lengths=(2, 5)),
        frame(b"not JSON"),
        frame(b"[]"),
        frame(b"[" * 100_000),
        frame(b"\xff\xfe"),
        *(frame(json.dumps({}).encode(f"utf-{bits}")) for bits in ("8-sig", 16, 32)),
        frame('{"é": 1}'.encode()),
    ],
    ids=["short", "cut", "text", "list", "deep", "bytes", "mark", "16", "32", "é"],
)
def test_a_broken_frame_is_refused(stream: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.read_frame(stream)


@pytest.mark.parametrize("lengths", [(wire.MAX_HEADER + 1, 0), (2, wire.MAX_BODY + 1)])
def test_of_a_frame_that_announces_too_much_nothing_is_read(
    lengths: tuple[int, int],
) -> None:
    stream = frame(b"{}" + b" " * lengths[0], bytes(lengths[1]), lengths)
    with pytest.raises(wire.WireError, match="announces more bytes"):
        wire.read_frame(stream)
    assert stream.tell() == 8


def test_a_header_that_would_fill_the_memory_is_not_parsed() -> None:
    few = b'{"a": [' + b"[]," * (wire.MAX_MARKS // 2 - 10) + b"[]]}"
    assert wire.read_frame(frame(few)) is not None
    many = b'{"a": [' + b"[]," * (wire.MAX_MARKS // 2 + 10) + b"[]]}"
    with pytest.raises(wire.WireError, match="too many items"):
        wire.read_frame(frame(many))
