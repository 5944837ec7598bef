"""One rule for what a check may look at: a result judged in place and the same result
from a worker are equal, or refused in the same words."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder.contract.student import StudentError
from autograder.grading.grade import grade
from autograder.grading.local import LocalFunction
from autograder.grading.run import grade_functions
from autograder.isolation.limits import Limits
from autograder.isolation.remote_function import RemoteFunction
from autograder.isolation.worker_handle import RemoteWorker
from autograder.wire import Foreign

QUICK = Limits(cell_seconds=10, call_seconds=5, total_seconds=60)
MAKERS = """
import collections, enum, fractions, decimal
import numpy as np
class Sub(np.ndarray): pass
class Whole(int): pass
class Real(float):
    def __float__(self): return 9.0
    def __eq__(self, other): return True
    __hash__ = None
class Text(str):
    def __str__(self): return "another"
class Level(enum.IntEnum):
    LOW = 1
class Bad(dict):
    def values(self): raise RuntimeError("no values")
class Worse(list):
    def __len__(self): raise KeyError("no length")
Pair = collections.namedtuple("Pair", "a b")
"""
VALUES = re.split(
    r"\s\|\s",
    r"""
None | True | 0 | -7 | 2**200 | 2**5000 | -(2**5000) | 10**400 | 0.1 | -0.0 |
float('nan') | -float('inf') | 5e-324 | 1j | complex(1, 0) | 'text' | 'x' * 20_000 |
'\ud800\x1b[2J' | b'bytes' | bytearray(3) | ... | () | [] | {} | set() | frozenset({1}) |
range(3) | object() | len | iter([]) | (1, (2.0, [3, {'a': None}])) | {1: 2, None: 3} |
{(1, 2): np.ones(2)} | Whole(3) | Real(0.5) | Text('x') | Level.LOW | Pair(1, 2.0) |
Bad(a=1) | Worse() | fractions.Fraction(1, 3) | decimal.Decimal('0.1') |
collections.Counter('aab') | collections.OrderedDict(a=np.ones(2)) |
collections.deque([1]) | np.bool_(1) | np.int8(1) | np.uint64(1) | np.float16(1) |
np.float32(1) | np.float64(1) | np.longdouble(1) | np.complex64(1j) | np.complex128(1) |
np.clongdouble(1) | np.str_('x') | np.bytes_(b'x') | np.datetime64('2020-01-01') |
np.timedelta64(1, 's') | np.void(b'ab') | np.longdouble('0.1') | np.longdouble('1e4000') |
np.float64('nan') | np.arange(-3, 3).astype('?') | np.arange(-3, 3).astype('i1') |
np.arange(-3, 3).astype('i8') | np.arange(-3, 3).astype('u2') |
np.arange(-3, 3).astype('f2') | np.arange(-3, 3).astype('f4') |
np.arange(-3, 3).astype('f8') | np.arange(-3, 3).astype('g') |
np.arange(-3, 3).astype('>f8') | np.arange(-3, 3).astype('>i4') |
np.arange(-3, 3).astype('c8') | np.arange(-3, 3).astype('c16') |
np.arange(-3, 3).astype('G') | np.arange(6).astype('U3') | np.arange(6).astype('S3') |
np.arange(6).astype('O') | np.arange(6).astype('M8[s]') | np.arange(6).astype('m8[s]') |
np.arange(6).astype('V4') | np.zeros(2, [('a', float)]) | np.array([None, 1]) |
np.array([[1], [2, 3]], object) | np.array(1.5) | np.array(1.5, 'g') | np.array(None) |
np.empty((0, 3)) | np.ones((1,) * 32) | np.ones(3).view(Sub) | np.matrix([[1.0, 2.0]]) |
np.ma.masked_less(np.arange(4.0), 2) | np.rec.array([(1, 2.0)]) |
np.longdouble('1e4000') * np.ones(2) | np.arange(12.0).reshape(3, 4).T[::-1] |
np.broadcast_to(1.0, (10**6, 10**6)) | [0] * 20_000 | [[0] * 9_000] * 3 |
{i: i for i in range(20_000)} | [[[[[[[[[[1]]]]]]]]]] |
(np.ones(2), np.ones(2, complex)) | [np.float16(65504) * 2] | np.random.default_rng(0) |
(np.ones(2), object()) | (None, None, None) | (1,) * 40 | [np.ones(2)] * 3 |
np.ones(2), {'m': 1}
""".strip(),
)


def random_values(count: int) -> Iterator[str]:
    """Yield containers of the values above, in each other."""
    rng = np.random.default_rng(0)
    flat = [value for value in VALUES if "10**6" not in value]

    def one(depth: int) -> str:
        if depth == 0 or rng.random() < 0.4:
            return f"({flat[rng.integers(len(flat))]})"
        items = [one(depth - 1) for _ in range(rng.integers(4))]
        match rng.integers(3):
            case 0:
                return "[" + ", ".join(items) + "]"
            case 1:
                return "(" + "".join(f"{item}, " for item in items) + ")"
        return "{" + ", ".join(f"{i}: {item}" for i, item in enumerate(items)) + "}"

    for _ in range(count):
        yield one(3)


ALL = [*VALUES, *random_values(150)]


@pytest.fixture(scope="module")
def worker() -> Iterator[RemoteWorker]:
    with RemoteWorker(limits=QUICK) as worker:
        code = f"VALUES = {ALL!r}\ndef give(i):\n    return eval(VALUES[i])\n"
        outcome = worker.run_cell(1, MAKERS + code)
        assert outcome.error is None
        yield worker


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        equal = np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        return bool(a.dtype == b.dtype and a.shape == b.shape and equal)
    if hasattr(a, "type_name") != hasattr(b, "type_name"):
        return False
    if type(a) is not type(b) and not hasattr(a, "type_name"):
        return False
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    if hasattr(a, "type_name"):
        return bool(a.type_name == b.type_name)
    return a == b or (a != a and b != b)


def told(function: Any, *args: Any) -> Any:
    try:
        return function(*args)
    except StudentError as error:
        return f"refused: {error.message}".partition(" (line")[0]


@pytest.mark.parametrize("opaque", [(), (1,)])
def test_a_result_is_the_same_in_place_and_from_a_worker(
    opaque: tuple[int, ...], worker: RemoteWorker
) -> None:
    names: dict[str, Any] = {}
    exec(MAKERS, names)
    here = LocalFunction("give", lambda i: eval(ALL[i], names), opaque)
    there = RemoteFunction(worker, "give", opaque)
    pairs = [(ALL[i], told(here, i), told(there, i)) for i in range(len(ALL))]
    other = [pair for pair in pairs if not same(*pair[1:])]
    assert not other
    assert worker.alive


@pytest.mark.parametrize("opaque", [(), (1,), (0, 1)])
def test_results_that_go_over_together_are_the_same(
    opaque: tuple[int, ...], worker: RemoteWorker
) -> None:
    """In runs of one kind, between others, and each its own."""
    code = (
        "def of_a_kind(i):\n"
        "    x = np.full((2, 3), i, '<f4' if i % 7 == 6 else '<f8')\n"
        "    x = x.T if i % 5 > 2 else x\n"
        "    return (x[i % 4 :], {}), x[:0], (x, x), x, 1.5, (x, 1), x[0, 0], (x, x)\n"
        "def kinds(i):\n    return of_a_kind(i)[i // 9 % 8]\n"
    )
    names: dict[str, Any] = {"np": np}
    exec(code, names)
    assert worker.run_cell(2, code).error is None
    here = LocalFunction("kinds", names["kinds"], opaque)
    there = RemoteFunction(worker, "kinds", opaque)
    calls = [(i,) for i in range(300)]
    found = there.each(calls)
    assert all(map(same, here.each(calls), found))
    arrays = [array for array in found if isinstance(array, np.ndarray) and array.size]
    for number, array in enumerate(arrays):
        array[...] = number  # is nobody else's
    assert all((array == number).all() for number, array in enumerate(arrays))


LONG = """
import numpy as np
def inverted_dropout(x, keep_prob, rng, training=True):
    if not training:
        return x.astype({kind}), None
    m = (rng.random(x.shape) < keep_prob).astype({kind}) / {kind}(keep_prob)
    return x * m, m
"""


def both(code: str, tmp_path: Any) -> tuple[float, float, str]:
    names: dict[str, Any] = {}
    exec(code, names)
    path = tmp_path / "answer.py"
    path.write_text(code)
    here = grade_functions("inverted_dropout", names, 3)
    there = grade(path, exercises=["inverted_dropout"], seed=3)
    return here.score, there.score, there.exercises[0].message


def test_long_doubles_earn_the_same_in_the_notebook_and_in_the_grader(
    tmp_path: Any,
) -> None:
    here, there, _ = both(LONG.format(kind="np.longdouble"), tmp_path)
    assert here == there == 4.5


def test_complex_numbers_are_refused_alike_in_one_sentence(tmp_path: Any) -> None:
    here, there, message = both(LONG.format(kind="np.complex128"), tmp_path)
    assert here == there < 4.5
    assert "an array of complex numbers" in message
    assert "expected a NumPy array of real numbers" in message


def test_masked_entries_are_no_numbers_anywhere(tmp_path: Any) -> None:
    masks = "return np.ma.masked_array(x * m, m == 0), m"
    code = LONG.format(kind="float").replace("return x * m, m", masks)
    here, there, message = both(code, tmp_path)
    assert here == there < 4.5
    assert "array with masked entries" in message
    whole = code.replace("m == 0", "np.zeros(x.shape, bool)")
    assert both(whole, tmp_path)[:2] == (4.5, 4.5)


#: No array at all: adding 1 to it raises, as its product with one does.
LYING = """
class Lying:
    __class__ = np.ndarray
    def __init__(self, array): self.array = array
    def __array__(self, *args, **kwargs): return self.array
    def __getattr__(self, name): return getattr(self.array, name)
"""


@pytest.mark.parametrize(
    ("kind", "named"), [("np.matrix", "np.matrix"), ("Lying", "a Lying")]
)
def test_what_is_not_used_as_an_array_is_none(
    kind: str, named: str, tmp_path: Any
) -> None:
    answer = f"return ({kind}(x * m) if x.ndim == 2 else x * m), m"
    code = LONG.format(kind="float").replace("return x * m, m", answer)
    here, there, message = both(code + LYING, tmp_path)
    assert here == there < 4.5
    assert named in message


def test_what_cannot_cross_is_not_handed_back(worker: RemoteWorker) -> None:
    args = (Foreign("set"),)
    for function in (
        LocalFunction("give", lambda x: 1),
        RemoteFunction(worker, "give"),
    ):
        with pytest.raises(StudentError, match="cannot be passed on"):
            function(*args)
