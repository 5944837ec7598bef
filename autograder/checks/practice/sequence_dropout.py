"""sequence_dropout: one mask for all steps of a sequence."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autograder.contract import domain
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import (
    bit_tests,
    corners,
    departures,
    everywhere,
    follows_rng,
    kinds,
    shared_bits,
    small_calls,
)
from autograder.families.bit_tests import wide
from autograder.families.elementwise import Wrong as Unit
from autograder.families.elementwise import call_text
from autograder.families.noise_factors import forward

exercise = Exercise(
    "sequence_dropout",
    chapter="practice",
    title="One mask for all steps of a sequence",
    signature="sequence_dropout(x, keep_prob, rng, training=True) -> (out, cache)",
    section="practice-recurrent",
    takes={
        "x": domain.floats("float array of shape (T, N, D)", 3, 3),
        "keep_prob": domain.keep_probs(),
    },
)


class Wrong(Mistakes, section="practice-recurrent"):
    draws_a_mask_at_every_step = """a feature of a sequence is dropped at some steps and
        kept at others, as by a mask of the shape of x. One bit, (1, N, D), serves all
        steps."""
    drops_at_some_steps_only = """a feature that is dropped at one step comes back at
        another: some steps or features are left out of the mask. Each bit serves all
        steps."""
    shares_one_mask_in_the_batch = """all sequences of the batch lose the same features:
        the mask has the shape (1, 1, D). Each sequence draws its own."""
    takes_the_steps_for_the_sequences = """your mask has a row for each step and none for
        each sequence, as if x had the shape (N, T, D); here axis 0 is the time."""
    drops_whole_sequences = """all features of a sequence are kept or dropped together;
        each needs its own bit."""
    drops_whole_steps = """all features of a step are kept or dropped together; a bit
        belongs to a feature and serves all steps."""
    puts_no_zeros_in_sequences = """no entry comes back as 0, and yet they are multiplied
        by different numbers: either a dropped unit keeps the value of the step before, as
        in zoneout, or it is filled with a number, or noise of another kind is drawn."""
    forgets_to_rescale_the_sequence = """kept features come back unchanged in training;
        divide them by keep_prob."""
    rescales_the_sequence_wrongly = """kept features are multiplied by another number than
        1 / keep_prob, or by one that changes from step to step; the mask is applied once
        to each step."""
    scales_sequences_at_test = """at test out is not x: either you multiply x by a number
        (the kept features were rescaled in training already), or entries are bounded,
        rounded or shifted."""
    keeps_at_least_one_feature = at(
        "practice-recurrent",
        "at least one feature is kept every time, be it of a sequence or of the batch: "
        "either you make sure of that, or few features are kept at another rate or make "
        "up for each other; when each "
        "is dropped on its own, all may be.",
    )


_call = partial(call_text, "sequence_dropout")
_SHAPE = (4, 60, 20)
_Bits = tuple[np.ndarray, dict[str, np.ndarray]]


def _read(*shape: int, alike: bool = False) -> Callable[..., _Bits]:
    """Return how bits of shape (sequences, features) are read off sequences of this shape,
    -1 being the length that makes about as many bits as wanted where the other number is 1;
    ``alike`` sequences are of equal negative entries in float32."""

    def read(
        function: StudentFunction,
        trial: Trial,
        number: int,
        keep_prob: float,
        rng: np.random.Generator | None = None,
    ) -> _Bits:
        x = wide(trial, *shared_bits.form(shape, number), by=(1, 2))
        if alike:
            x = np.full(x.shape, -np.abs(trial.inputs(1)[0]), np.float32)
        rng = trial.generator() if rng is None else rng
        out = forward(function, x, keep_prob, rng)
        return out[-1] != 0, {"features": shared_bits.bits_of(x, (0,))}

    return read


_LAYER = bit_tests.Layer(
    {"sequences": 20, "features": 20},
    "features",
    ["features"],
    {"a sequence": "features", "a feature": "sequences"},
    _read(2, -1, 20),
    {
        "single sequences": (_read(3, 1, -1), [1]),
        "single features": (_read(2, -1, 1), [0]),
        "single steps": (_read(1, -1, 4), [0, 1]),
        "two sequences": (_read(3, 2, -1), [0, 1]),
        "long sequences": (_read(12, -1, 4), [0, 1]),
        "equal negative entries in float32": (_read(2, -1, 2, alike=True), [0, 1]),
    },
)
_KIND = shared_bits.Shared(
    what="features",
    shared=(0,),
    shapes=(_SHAPE, (9, 30, 20)),
    small=(3, 1, 2),
    single=(2, 1, 1),
    layer=_LAYER,
    calls=40,
    length=20,
    call=lambda shape, keep_prob, training=True: _call(shape, keep_prob, training),
    names=shared_bits.Names(
        shared={
            (): Wrong.draws_a_mask_at_every_step,
            (0, 1): Wrong.shares_one_mask_in_the_batch,
            (1,): Wrong.takes_the_steps_for_the_sequences,
            (0, 2): Wrong.drops_whole_sequences,
            (2,): Wrong.drops_whole_steps,
            (1, 2): Wrong.drops_whole_steps,
        },
        otherwise=Wrong.drops_at_some_steps_only,
        no_zeros=Wrong.puts_no_zeros_in_sequences,
        unscaled=Wrong.forgets_to_rescale_the_sequence,
        another_scale=Wrong.rescales_the_sequence_wrongly,
        at_test=Wrong.scales_sequences_at_test,
        never_empty=Wrong.keeps_at_least_one_feature,
    ),
)


def _sequences(trial: Trial) -> list[np.ndarray]:
    """Return sequences at the corners of the stated range, in both dtypes."""
    found = [wide(trial, *_SHAPE), wide(trial, 6, 1, 9), wide(trial, 1, 7, 1)]
    found += corners.arrays(trial, 3, 3, large=1e12, small=1e-12)
    long = (30, 5, 4), (150, 2, 3), (2, 140, 3), (3, 2, 140)
    found += [wide(trial, *shape) for shape in long]
    return found + [x.astype(np.float32) for x in found]


_RUNS, _SOME = "returns_float_sequences", "drops_some_of_a_sequence"
_TIED, _RATE = "drops_a_feature_at_every_step", "keeps_features_with_keep_prob"


@exercise.check(points=0.5)
def returns_float_sequences(sequence_dropout: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    shapes = (_SHAPE, (7, 40, 5), (1, 30, 6))
    shared_bits.returns_floats(_KIND, shapes, sequence_dropout, trial)


@exercise.check(points=0.5, after=_RUNS)
def drops_some_of_a_sequence(sequence_dropout: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some entries come back as 0 and some do not."""
    shared_bits.drops_some(_KIND, sequence_dropout, trial)


@exercise.check(points=1, after=_SOME)
def drops_a_feature_at_every_step(
    sequence_dropout: StudentFunction, trial: Trial
) -> None:
    """A bit serves all steps of a sequence; sequences, features and calls differ."""
    shared_bits.shares_bits(_KIND, sequence_dropout, trial)


@exercise.check(points=0.75, after=_SOME)
def divides_kept_features_by_keep_prob(
    sequence_dropout: StudentFunction, trial: Trial
) -> None:
    """A kept entry is divided by keep_prob; at keep_prob = 1 out equals x."""
    cases = shared_bits.cases(
        trial,
        (_SHAPE, (4, 3, 2), (5, 1, 4)),
        _sequences(trial),
        lambda: wide(trial, 40, 50, 50),
    )
    shared_bits.rescales(_KIND, cases, sequence_dropout, trial)
    everywhere.expect_scaled(sequence_dropout, trial, _KINDS, lambda p: 1 / p)


@exercise.check(points=0.5, after=_SOME)
def returns_sequences_unchanged_at_test(
    sequence_dropout: StudentFunction, trial: Trial
) -> None:
    """With training=False, out equals x."""
    arrays = _sequences(trial)
    shared_bits.unchanged_at_test(_KIND, arrays, sequence_dropout, trial)
    everywhere.expect_plain(sequence_dropout, trial, _KINDS)


_INDEPENDENT = _LAYER.independent(
    "Bits in pairs of sequences, features and calls are independent; so are counts."
)
_FROM_RNG = follows_rng.from_rng(
    ((30, 30, 30),),
    lambda x, p: _call(x.shape, p),
    Unit.same_mask_every_call,
    Unit.reuses_masks,
    small=((2, 6, 20),),
)
exercise.asks(0.25, "leaves_its_sequences_alone", bit_tests.leaves_x(3, 3), after=_SOME)
_KINDS = kinds.of_arrays(
    lambda rng, *of: (
        kinds.shared_side(rng, of[0]),
        *kinds.sides(rng, of[0], 2, of[1]),
    ),
    call_text,
    lambda x, out, _: np.asarray(out.any(axis=0)),
    lambda x: shared_bits.bits_of(x, (0,)),
    "features",
    lambda x: x.mean(axis=0),
)
_SMALL: dict[str, Any] = {
    "forms": small_calls.ROWS,
    "what": "sequences and features",
    "of": lambda shape: (1, *shape),
}
_RATES = departures.also(kinds.RATE, _LAYER.rate(0.015, 0.025), _KINDS)
_RATES = small_calls.at_rate(_RATES, **_SMALL)
exercise.asks(0.5, _RATE, _RATES, after=_TIED)
_INDEPENDENT = departures.also(kinds.PAIRS, _INDEPENDENT, _KINDS)
_INDEPENDENT = small_calls.own_bits(_INDEPENDENT, **_SMALL)
exercise.asks(0.5, "drops_features_independently", _INDEPENDENT, after=_RATE)
_FROM_RNG = everywhere.follows_rng(_FROM_RNG, _KINDS)
exercise.asks(0.5, "draws_its_sequences_from_rng_alone", _FROM_RNG, after=_SOME)
