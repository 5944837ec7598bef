"""A student's forward pass and its backward pass, called one after the other.

The mask is read off the output of the student's own forward pass, so a wrong forward pass
costs in the backward pass only what it makes wrong there, and is named as the cause.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentError, StudentFunction
from autograder.contract.trial import CheckFailure, Trial, put_zeros, usual
from autograder.families import corners, elementwise, entries, kinds
from autograder.families.elementwise import DTYPES


class Wrong(Mistakes, section="conv-definitions"):
    forward_fails = """the forward pass that stands above your backward pass does not
        work yet; finish that one first."""
    forward_breaks_its_convention = """the forward pass above your backward pass scales,
        or drops, differently from its convention; mend that one first, a backward pass
        that follows it is wrong too."""


LARGE = (120, 25)

#: Arrays whose rows, and whose columns, are longer than those of LARGE.
LONG: tuple[tuple[int, ...], ...] = (
    (5000,),
    (40, 250),
    (250, 40),
    (4, 20, 50),
    (3, 2, 40, 40),
)

#: How many units ``any_arrays`` has at most, how many of them all kinds of entries have at
#: least, and how many more arrays of one entry there are, of which some are kept.
_MOST, _TELLING, _SINGLE = 600, 30, 4
#: What share of x, and of dout, is 0 in some of the larger arrays; in the last dout is x.
_ZEROS = ((0.8, 0.0), (0.3, 0.0), (0.0, 0.8), (0.0, 0.3), (0.0, 0.0))
#: How often all kinds have their turn in training; how many smaller arrays there are, how
#: often one of these has zeros; and of all how often dout has the dtype of x.
_TURNS, _FEW, _SOME, _SAME = 2, 12, 0.2, 0.6
#: What is counted: round trips at stated places, and in arrays of every form.
TRIPS, EVERYWHERE = "round trips", "round trips all over the range"
#: Named by many tests.
BREAKS = Wrong.forward_breaks_its_convention


#: What a forward pass is passed besides its arguments.
Mode = Mapping[str, bool]


class ForwardFails(CheckFailure):
    """The forward pass did not do what a round trip needs."""


def any_arrays(
    trial: Trial, training: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield x and dout of every form, with all kinds of entries, some of them with zeros (x
    at test alone), and keep probabilities from all over the range; in training more arrays
    of one entry."""
    rng, single = trial.rng, _SINGLE if training else 0
    of_kinds = (_TURNS if training else 1) * entries.TURNS
    large = of_kinds + len(_ZEROS)
    sizes = corners.spread_sizes(rng, _MOST, _TELLING, large)
    sizes += corners.spread_sizes(rng, _TELLING, number=_FEW)
    spread = [*corners.spread_keep_probs(trial, len(sizes)), *[0.8] * single]
    forms = [*kinds.every_form(rng, [*sizes, *[1] * single])]
    both = (
        entries.of_every_kind((usual(rng, of) for of, _ in forms), rng) for _ in "xd"
    )
    made = zip(spread, forms, *both, strict=True)
    for number, (keep_prob, (_, dtype), (x, _), (dout, _)) in enumerate(made):
        same, others = rng.random() < _SAME, [of for of in DTYPES if of != dtype]
        x, dout = x.astype(dtype), dout.astype(dtype if same else others[0])
        if of_kinds <= number < large:
            zeros = _ZEROS[number - of_kinds]
            dout = dout if any(zeros) else x.copy()
            # In training where x is 0 its mask does not show.
            zeros = (0.0, zeros[1]) if training else zeros
        else:
            zeros = 0.0, 0.5 * (number >= large and x.size > 1 and rng.random() < _SOME)
        x, dout = (
            put_zeros(each, share, rng)
            for each, share in zip((x, dout), zeros, strict=True)
        )
        if rng.random() < 0.5:
            x, dout = corners.transposed(x), corners.transposed(dout)
        yield x, dout, keep_prob


@dataclass(frozen=True)
class Convention:
    """What a kept unit is multiplied with in training and any unit at test, by keep_prob,
    and how that is written behind what it scales (``over``) and before it (``times``).

    ``rivals`` are the wrong scales of a gradient that this convention alone has."""

    name: str
    training: Callable[[float], float]
    test: Callable[[float], float]
    over: str
    times: str
    rivals: Mapping[str, Callable[[float], float]]


@dataclass(frozen=True)
class Output:
    """One forward pass: what went in, what came out."""

    x: np.ndarray
    keep_prob: float
    out: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """True where kept, read off the output: it says nothing where x is 0."""
        kept: np.ndarray = self.out != 0
        return kept


@dataclass(frozen=True)
class RoundTrip(Output):
    """One forward pass and its backward pass."""

    dout: np.ndarray
    dx: np.ndarray
    call: str


@dataclass(frozen=True)
class Pair:
    """A student's forward and backward pass and the convention that they follow."""

    forward: StudentFunction
    backward: StudentFunction
    trial: Trial
    convention: Convention

    def call_forward(self, x: np.ndarray, keep_prob: float, mode: bool = True) -> str:
        """Return a call of the forward pass, in training or not, as messages show it."""
        return elementwise.call_text(self.forward.name, x.shape, keep_prob, mode)

    def mode(self, training: bool) -> Mode:
        """Return how a forward pass is told its mode: in training often by nothing."""
        left_out = training and self.trial.rng.random() < 0.5
        return {} if left_out else {"training": training}

    def run_forward(
        self, x: np.ndarray, keep_prob: float, training: bool, mode: Mode | None = None
    ) -> tuple[np.ndarray, Any]:
        """Return (out, cache); whatever goes wrong is said to be the forward's fault."""
        mode = self.mode(training) if mode is None else mode
        call = self.call_forward(x, keep_prob, training)
        call = call if not mode or not training else f"{call[:-1]}, training=True)"
        try:
            result = self.forward(x, keep_prob, self.trial.generator(), **mode)
            out, cache = facts.pair(result, call)
            return facts.float_array(out, x.shape, call, "out"), cache
        except StudentError as error:
            if error.unwritten is not None:
                raise
            message = f"{call} raised {error.message}."
        except CheckFailure as failure:
            message = failure.message
        raise ForwardFails(
            f"{self.backward.name} is judged with your {self.forward.name}, which does "
            f"not work yet: {message}",
            Wrong.forward_fails,
        )

    def run(
        self,
        x: np.ndarray,
        keep_prob: float,
        dout: np.ndarray,
        training: bool = True,
        name_of_nan: str | None = None,
    ) -> RoundTrip:
        """Return a forward pass and the backward pass called once, right after it."""
        mode = self.mode(training)
        out, cache = self.run_forward(x, keep_prob, training, mode)
        given = Output(x, keep_prob, out)
        return self._send_back(given, cache, dout, mode, name_of_nan)

    def _send_back(
        self,
        given: Output,
        cache: Any,
        dout: np.ndarray,
        mode: Mode,
        name_of_nan: str | None = None,
    ) -> RoundTrip:
        """Return the forward pass that is given with its backward pass, called once."""
        x, keep_prob = given.x, given.keep_prob
        said = [f" of a forward pass with {k}={v}" for k, v in mode.items()]
        shape = f"dout of shape {x.shape}, cache{''.join(said)}"
        call = f"{self.backward.name}({shape}) at keep_prob = {keep_prob}"
        dx = self.backward(dout, cache)
        if isinstance(dx, np.ndarray) and dx.dtype.kind == "f" and np.isnan(dx).any():
            share = f"{np.isnan(dx).mean():.0%}"
            self.trial.fail(
                f"{call}: dx holds nan in {share} of its places.",
                name_of_nan or facts.Wrong.returns_nan_or_infinity,
            )
        dx = facts.float_array(dx, dout.shape, call, "dx")
        return RoundTrip(x, keep_prob, given.out, dout, dx, call)

    def trip(
        self,
        shape: tuple[int, ...],
        keep_prob: float,
        zeros: float = 0.0,
        dtype: Any = np.float64,
        training: bool = True,
        plain: bool = False,
        turned: bool = False,
    ) -> RoundTrip:
        """Return a round trip of inputs of all sizes, or with a ``plain`` dout of usual
        size; x and dout are transposed in memory if ``turned``; ``zeros`` are in dout,
        and after a forward pass at test in x, too."""
        x, dout = elementwise.wide(self.trial, (2, *shape), zeros).astype(dtype)
        if training:
            x[x == 0] = 1
        if plain:
            dout = self.trial.inputs(*shape, zeros=zeros).astype(dtype)
        if turned:
            x, dout = corners.transposed(x), corners.transposed(dout)
        return self.run(x, keep_prob, dout, training)

    def trips(
        self, zeros: float = 0.0, training: bool = True, plain: bool = False
    ) -> Iterator[RoundTrip]:
        """Yield round trips at usual keep probabilities, near the ends, and of all shapes,
        the largest first: on large arrays a coincidence cannot hide the cause; at last all
        over the range.

        Where the forward pass fails there is none: ``forward_follows`` goes there, and
        whoever gets fewer than half of them has seen too little."""
        probs, dtypes = elementwise.OUTER_KEEP_PROBS, elementwise.DTYPES
        usual = elementwise.KEEP_PROBS
        # At test small arrays show as much, if there are several entries; in training many
        # units have to be kept.
        at_test = usual, (*corners.ENDS, *probs)
        on_large, on_small = (probs, usual) if training else at_test
        cases = [(LARGE, keep_prob, dtypes[0]) for keep_prob in on_large]
        cases += elementwise.covering(elementwise.ALL_SHAPES, on_small, dtypes)
        cases += elementwise.covering(LONG[:3], usual, dtypes)
        for shape, keep_prob, dtype in cases:
            with self.trial.left_to_others(ForwardFails, of=TRIPS):
                yield self.trip(shape, keep_prob, zeros, dtype, training, plain)
        how = usual[1], zeros, dtypes[0], training, plain, True
        for turned in (elementwise.SHAPES[1], elementwise.SHAPES[-1]):
            with self.trial.left_to_others(ForwardFails, of=TRIPS):
                yield self.trip(turned, *how)
        yield from self.everywhere(training)

    def at_one(self) -> Iterator[RoundTrip]:
        """Yield round trips at test at keep_prob = 1, the second with another dout that
        begins with the same number; none where the forward pass fails."""
        with self.trial.left_to_others(ForwardFails, of=TRIPS):
            yield (got := self.trip(LARGE, 1.0, zeros=0.1, training=False))
            dout = -2 * got.dout
            dout[0, 0] = got.dout[0, 0]
            yield self.run(got.x, 1.0, dout, training=False)

    def everywhere(self, training: bool) -> Iterator[RoundTrip]:
        """Yield round trips of every form, which all checks of one grading share, up to the
        first in which the backward pass fails."""
        for got in self._noted(training):
            if isinstance(got, RoundTrip | ForwardFails):
                with self.trial.left_to_others(ForwardFails, of=EVERYWHERE):
                    if isinstance(got, ForwardFails):
                        raise got
                    yield got
            elif not isinstance(got, Output):
                raise got

    def outputs(self, training: bool) -> Iterator[Output]:
        """Yield the forward passes of these, whatever the backward pass does there, which
        is for other checks to tell; raise the first failure of one."""
        for got in self._noted(training):
            if isinstance(got, Output):
                yield got
            elif isinstance(got, ForwardFails):
                raise got

    def _noted(self, training: bool) -> list[Output | CheckFailure | StudentError]:
        noted = f"round trips everywhere, training={training}"
        if noted not in self.trial.notes:
            self.trial.notes[noted] = [*self._run_everywhere(training)]
        found: list[Output | CheckFailure | StudentError] = self.trial.notes[noted]
        return found

    def _run_everywhere(
        self, training: bool
    ) -> Iterator[Output | CheckFailure | StudentError]:
        """Yield round trips, and after one whose backward pass fails no more than forward
        passes."""
        fails = False
        for x, dout, keep_prob in any_arrays(self.trial, training):
            mode = self.mode(training)
            try:
                out, cache = self.run_forward(x, keep_prob, training, mode)
            except ForwardFails as failure:
                yield failure
                continue
            except StudentError as unwritten:
                yield unwritten
                return
            given = Output(x, keep_prob, out)
            if fails:
                yield given
                continue
            try:
                yield self._send_back(given, cache, dout, mode)
            except (CheckFailure, StudentError) as failure:
                fails = True
                yield from (given, failure)
