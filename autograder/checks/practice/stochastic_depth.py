"""stochastic_depth: drop the branch of a residual block for single examples."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from autograder.checks.practice import few_examples
from autograder.contract import domain, facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentError, StudentFunction, foresee
from autograder.contract.trial import CheckFailure, Trial
from autograder.families import (
    bit_tests,
    corners,
    departures,
    everywhere,
    follows_rng,
    kinds,
    repeats,
    rivals,
    shared_bits,
)
from autograder.families.bit_tests import KEEP_PROBS, NOT_IN_PLACE, farthest, wide
from autograder.families.bit_tests import Wrong as Bits
from autograder.families.elementwise import Wrong as Unit
from autograder.families.noise_factors import forward
from autograder.families.properties import expect_unchanged
from autograder.families.residual import EACH, SMALLER, Branch, added_by, call_text
from autograder.laws.binomial import Proportion

exercise = Exercise(
    "stochastic_depth",
    chapter="practice",
    title="Drop the branch of a residual block for single examples",
    signature="stochastic_depth(x, branch, keep_prob, rng, training=True) -> out",
    section="practice-depth",
    takes={
        "x": domain.floats("float arrays of one shape with 2 to 4 axes", 2, 4),
        "branch": domain.floats("float arrays of one shape with 2 to 4 axes", 2, 4),
        "keep_prob": domain.keep_probs(),
    },
)


class Wrong(Mistakes, section="practice-depth"):
    forgets_the_skip_connection = """x is missing: you return the branch alone; the block
        returns x plus the branch."""
    drops_the_sum = """where the branch is dropped x is lost as well: you mask x + branch.
        The mask belongs to the branch; x always passes."""
    drops_the_skip_connection = """you mask x, and the branch always passes; the mask
        belongs to the branch."""
    adds_x_twice = """with a branch of 0 the block returns 2 x; x is added once."""
    rectifies_the_sum = """negative numbers come back as 0: you apply a ReLU after the sum,
        as the first residual networks did; here the block ends with the sum."""
    changes_what_passes = """with a branch of 0 out is not x: entries are bounded, rounded,
        scaled or shifted, or some shapes or values have a case of their own."""
    drops_single_entries = """within one example some entries of the branch are dropped and
        others are not; a branch is kept or dropped as a whole."""
    drops_one_branch_for_the_batch = """all examples of a batch lose the branch together,
        as in the paper that introduced stochastic depth; here each draws its own bit."""
    drops_features_of_the_branch = """you drop the same entries of the branch in all
        examples: the mask has no row for each example; it should have the shape
        (N, 1, …)."""
    never_quite_drops_the_branch = """no branch is added 0 times, and yet they are added
        different numbers of times: dropped branches are weakened only, or noise of another
        kind is drawn."""
    forgets_to_rescale_the_branch = """a kept branch is added as it is in training; divide
        it by keep_prob."""
    rescales_the_branch_wrongly = """a kept branch is added another number of times than 1 /
        keep_prob."""
    scales_the_branch_at_test = """at test the branch is added keep_prob times: that is the
        rule of the paper that introduced stochastic depth, which did not rescale in
        training. Here the branch was rescaled already."""
    leaves_out_the_branch_at_test = """at test you return x without the branch; nothing is
        dropped then, and out is x + branch."""
    differs_from_the_sum_at_test = """at test out is not x + branch: something is scaled,
        bounded, rounded or shifted."""
    keeps_a_branch_of_every_batch = at(
        "practice-depth",
        "at least one example keeps its branch every time: either you make sure of that, or "
        "few examples keep it at another rate; when each drops it on its own, all may. With "
        "a batch of one example, it would never be dropped.",
    )


_NAME, _SHAPE = "stochastic_depth", (300, 4)
_call = partial(call_text, _NAME)
_Bits = tuple[np.ndarray, dict[str, np.ndarray]]


def _read(*shape: int, alike: bool = False) -> Callable[..., _Bits]:
    """Return how the bits of so many examples are read off a batch of this shape, -1 being
    their number; ``alike`` branches are of equal negative entries in float32."""

    def read(
        function: StudentFunction,
        trial: Trial,
        number: int,
        keep_prob: float,
        rng: np.random.Generator | None = None,
    ) -> _Bits:
        branch = wide(trial, *shared_bits.form(shape, number), by=(0,))
        if alike:
            branch = np.full(branch.shape, -np.abs(trial.inputs(1)[0]), np.float32)
        rng = trial.generator() if rng is None else rng
        out = forward(added_by(function, trial, EACH), branch, keep_prob, rng)
        axes = tuple(range(1, branch.ndim))
        return np.asarray(out.any(axis=axes)), {
            "branches": shared_bits.bits_of(branch, axes)
        }

    return read


_LAYER = bit_tests.Layer(
    {"examples": 20},
    "branches",
    ["branches"],
    {"a batch": "examples"},
    _read(-1, 2),
    {
        "single features": (_read(-1, 1), [0]),
        "sequences": (_read(-1, 3, 2), [0]),
        "images": (_read(-1, 2, 1, 2), [0]),
        "equal negative entries in float32": (_read(-1, 2, alike=True), [0]),
    },
    small=20,
)
_KIND = shared_bits.Shared(
    what="branches",
    shared=(1, 2, 3),
    shapes=(_SHAPE, (300, 3, 5), (200, 3, 2, 2)),
    small=(1, 4),
    single=(1, 3),
    layer=_LAYER,
    calls=120,
    length=101,
    call=lambda shape, keep_prob, training=True: _call(shape, keep_prob, training),
    names=shared_bits.Names(
        shared={
            (0, 1): Wrong.drops_one_branch_for_the_batch,
            (0, 1, 2): Wrong.drops_one_branch_for_the_batch,
            (0,): Wrong.drops_features_of_the_branch,
        },
        otherwise=Wrong.drops_single_entries,
        no_zeros=Wrong.never_quite_drops_the_branch,
        unscaled=Wrong.forgets_to_rescale_the_branch,
        another_scale=Wrong.rescales_the_branch_wrongly,
        at_test=Wrong.differs_from_the_sum_at_test,
        never_empty=Wrong.keeps_a_branch_of_every_batch,
    ),
)


def _arrays(trial: Trial) -> list[np.ndarray]:
    """Return arrays at the corners of the stated range, in both dtypes."""
    shapes = (_SHAPE, (1, 9), (60, 2, 3), (3, 150), (2, 140, 2), (2, 2, 1, 140))
    found = [wide(trial, *shape) for shape in shapes]
    found += corners.arrays(trial, 2, 4, large=1e12, small=1e-12)
    return found + [x.astype(np.float32) for x in found]


_RUNS, _PASSES = "returns_a_float_batch", "lets_x_pass_whatever_is_dropped"
_SOME, _OWN = "drops_some_branches", "drops_the_branch_of_single_examples"
_RATE = "keeps_branches_with_keep_prob"


@exercise.check(points=0.5)
def returns_a_float_batch(stochastic_depth: StudentFunction, trial: Trial) -> None:
    """In both modes out has the shape of x and holds finite floating point numbers."""
    shapes = (_SHAPE, (40, 3, 7), (20, 3, 2, 5))
    shared_bits.returns_floats(_KIND, shapes, Branch(stochastic_depth, trial), trial)


@exercise.check(points=0.75, after=_RUNS)
def lets_x_pass_whatever_is_dropped(
    stochastic_depth: StudentFunction, trial: Trial
) -> None:
    """Where the branch is 0, out equals x, in training too."""
    inputs = [trial.inputs(*_SHAPE), *_arrays(trial)]
    for x, keep_prob in corners.with_keep_probs(inputs, (*KEEP_PROBS, 1.0)):
        branch = np.zeros_like(x)
        out = stochastic_depth(x, branch, keep_prob, trial.generator())
        call = f"{_call(x.shape, keep_prob)} with a branch of 0"
        out = facts.float_array(out, x.shape, call)
        if facts.close(out, x, atol=0):
            continue
        mistakes = {
            Wrong.forgets_the_skip_connection: 0 * x,
            Wrong.adds_x_twice: 2 * x,
            Wrong.rectifies_the_sum: np.maximum(x, 0),
        }
        name = rivals.first(out, mistakes)
        lost = (out == 0).all(axis=tuple(range(1, x.ndim))) & (x != 0).any()
        if name is None and len(x) > 100 and 0 < lost.mean() < 1:
            name = _masked_mistake(stochastic_depth, trial)
        trial.fail(
            f"{call}: {farthest(out, x)}; x passes whatever is dropped.",
            name or Wrong.changes_what_passes,
        )


def _masked_mistake(function: StudentFunction, trial: Trial) -> str:
    """Return what is behind examples of which x is lost: is the branch lost, too?"""
    branch = trial.inputs(*_SHAPE)
    out = function(np.zeros_like(branch), branch, 0.7, trial.generator())
    whole = bool((np.asarray(out) != 0).all())
    return Wrong.drops_the_skip_connection if whole else Wrong.drops_the_sum


@exercise.check(points=0.5, after=_PASSES)
def drops_some_branches(stochastic_depth: StudentFunction, trial: Trial) -> None:
    """In training, which is the default, some branches are dropped and some are not."""
    # Beside a branch that is larger an output of 0 is no branch that was dropped.
    shared_bits.drops_some(_KIND, Branch(stochastic_depth, trial, SMALLER), trial)


@exercise.check(points=0.75, after=_SOME)
def drops_the_branch_of_single_examples(
    stochastic_depth: StudentFunction, trial: Trial
) -> None:
    """An example's branch is dropped as a whole; examples and calls differ."""
    shared_bits.shares_bits(_KIND, Branch(stochastic_depth, trial, SMALLER), trial)


def _pairs(trial: Trial) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield x, a branch of other sizes and signs, and a keep probability."""
    arrays = _arrays(trial)
    rates = itertools.cycle((*KEEP_PROBS, 1.0))
    for x, keep_prob in zip(arrays, rates, strict=False):
        yield x, wide(trial, *x.shape).astype(x.dtype), keep_prob
        yield wide(trial, *x.shape).astype(x.dtype), x, keep_prob


def _everywhere(trial: Trial) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield such arrays in every form, of so many examples that about 20 branches are kept,
    at keep probabilities all over the range."""
    rng = trial.rng
    for keep_prob in corners.spread_keep_probs(trial):
        (branch,) = _KINDS.make(trial, rng, round(20 / keep_prob), 0).args
        x = trial.inputs(*branch.shape).astype(branch.dtype)
        x = x if branch.flags.c_contiguous else corners.transposed(x)
        yield x, branch, keep_prob


def _is_divided(
    out: np.ndarray, x: np.ndarray, branch: np.ndarray, keep_prob: float
) -> bool:
    """Return whether every entry is x or x + branch / keep_prob."""
    added, kept = out.astype(float) - x, branch.astype(float) / keep_prob
    near = 1e-5 * (np.abs(x) + np.abs(kept))
    return bool((np.minimum(np.abs(added), np.abs(added - kept)) <= near).all())


@exercise.check(points=0.5, after=_SOME)
def divides_kept_branches_by_keep_prob(
    stochastic_depth: StudentFunction, trial: Trial
) -> None:
    """A kept branch is divided by keep_prob; at keep_prob = 1 out equals x + branch."""
    cases = shared_bits.cases(
        trial,
        (_SHAPE, (6, 3, 2), (5, 4, 1, 2)),
        _arrays(trial),
        lambda: wide(trial, 2500, 30),
    )
    shared_bits.rescales(_KIND, cases, Branch(stochastic_depth, trial), trial)
    given = [
        (*each, trial.generator()) for each in (*_pairs(trial), *_everywhere(trial))
    ]
    foresee(stochastic_depth, [(args, {}) for args in given])
    for x, branch, keep_prob, rng in given:
        call = _call(x.shape, keep_prob)
        out = x  # of a call that fails, which is left to others
        with trial.left_to_others(StudentError, CheckFailure):
            found = stochastic_depth(x, branch, keep_prob, rng)
            out = facts.float_array(found, x.shape, call)
        trial.expect(
            _is_divided(out, x, branch, keep_prob),
            f"{call}, {x.dtype}: some entries are neither x nor x + branch / keep_prob.",
            Bits.right_in_the_middle_only,
        )
    everywhere.expect_scaled_at_the_ends(
        stochastic_depth, trial, _KINDS, lambda keep_prob: 1 / keep_prob
    )


@exercise.check(points=0.5, after=_SOME)
def adds_the_branch_at_test(stochastic_depth: StudentFunction, trial: Trial) -> None:
    """With training=False, out equals x + branch."""
    first = trial.inputs(*_SHAPE), trial.inputs(*_SHAPE)
    for x, branch, keep_prob in ((*first, 0.3), (*first, 0.8), *_pairs(trial)):
        rng, call = trial.generator(), _call(x.shape, keep_prob, training=False)
        out = stochastic_depth(x, branch, keep_prob, rng, training=False)
        out = facts.float_array(out, x.shape, call)
        gap = np.abs(out.astype(float) - x - branch)
        near = 1e-5 * (np.abs(x) + np.abs(branch))
        if (gap <= near).all():
            continue
        name = Wrong.differs_from_the_sum_at_test
        again = stochastic_depth(x, branch, keep_prob, rng, training=False)
        if facts.close(out, x + keep_prob * branch):
            name = Wrong.scales_the_branch_at_test
        elif facts.close(out, x):
            name = Wrong.leaves_out_the_branch_at_test
        elif not repeats.are_same(out, again):
            name = Unit.still_drops_at_test
        trial.fail(f"{call}: {farthest(out, x + branch)}; expected x + branch.", name)
    everywhere.expect_plain(added_by(stochastic_depth, trial), trial, _KINDS)


@exercise.check(points=0.25, after=_SOME)
def leaves_x_and_branch_alone(stochastic_depth: StudentFunction, trial: Trial) -> None:
    """x and branch are the same after the call as before, in both modes."""
    for training, (x, branch, keep_prob) in itertools.product(
        (True, False), list(_pairs(trial))
    ):
        _, after = stochastic_depth.observe(
            x, branch, keep_prob, trial.generator(), training=training
        )
        call = _call(x.shape, keep_prob, training)
        names = ("x", "branch")
        expect_unchanged(trial, call, names, (x, branch), after, NOT_IN_PLACE)


_RATES, _ALONE = _LAYER.rate(0.015, 0.025), "batches of one at 0.13"
_KINDS = kinds.of_arrays(
    lambda rng, number, _: (
        number,
        kinds.shared_side(rng, number),
        *rng.integers(1, 4, int(rng.integers(3))).tolist(),
    ),
    call_text,
    lambda branch, out, _: np.asarray(out.reshape(len(out), -1).any(axis=1)),
    lambda branch: shared_bits.bits_of(branch, tuple(range(1, branch.ndim))),
    "branches",
    lambda branch: branch.reshape(len(branch), -1).mean(axis=1),
    of=added_by,
)


@exercise.check(
    points=0.5,
    after=_OWN,
    looks={
        **_RATES.looks,
        _ALONE: Proportion(0.13, 0.1),
        kinds.RATE: kinds.LAW,
        few_examples.RATE: few_examples.LAW,
    },
)
def keeps_branches_with_keep_prob(
    stochastic_depth: StudentFunction, trial: Trial
) -> None:
    """Every branch is kept with probability keep_prob, whatever its value and place."""
    _RATES.test(stochastic_depth, trial)
    rng = trial.generator()
    branches = trial.inputs(trial.size(_ALONE), 1, 3)
    calls = [(branch, 0.13, rng) for branch in branches]
    results = Branch(stochastic_depth, trial, SMALLER).each(calls)
    kept = np.array([added.any() for added, _ in results])
    what = f"branches kept in calls {_call((1, 3), 0.13)}"
    trial.judge(_ALONE, kept, kept.size, what, Unit.keeps_at_another_rate)
    departures.judge(kinds.RATE, stochastic_depth, trial, _KINDS)
    few_examples.judge(few_examples.RATE, stochastic_depth, trial)


_INDEPENDENT = _LAYER.independent(
    "Bits in pairs of examples and calls are independent; so are counts."
)
_FROM_RNG = follows_rng.from_rng(
    ((60, 30), (60, 30)),
    lambda x, branch, p: _call(x.shape, p),
    Unit.same_mask_every_call,
    Unit.reuses_masks,
    lambda out, _: out,
    small=((80, 1), (80, 1)),
)

_INDEPENDENT = departures.also(kinds.PAIRS, _INDEPENDENT, _KINDS)

_INDEPENDENT = _INDEPENDENT.also(
    partial(few_examples.judge, few_examples.PAIRS),
    {few_examples.PAIRS: few_examples.LAW},
)
exercise.asks(0.5, "drops_examples_independently", _INDEPENDENT, after=_RATE)
_FROM_RNG = everywhere.follows_rng(_FROM_RNG, _KINDS)
exercise.asks(0.25, "draws_its_branches_from_rng_alone", _FROM_RNG, after=_SOME)
