"""What a network with one dropped layer does in ordinary batches, whose masks do not show.

Each batch is asked a few times, and a reference implementation with masks of its own as well.
Of a right answer each order of these calls is as likely as any other, whatever the values
compared: so ranks have an exact law. And some things hold whatever the mask is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autograder.contract.budget import alpha_of
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import network, repeats
from autograder.families.elementwise import Wrong
from autograder.families.ensemble import log_softmax
from autograder.families.network import Arrays, Batch
from autograder.families.ordinary_batches import (
    CALLS,
    NUMBERS,
    Ordinary,
    ordinary,
)
from autograder.laws.ranks import Ranks

RATE, SPREAD = "ordinary batches", "dependence in ordinary batches"
#: How often a batch is asked, and how often the reference is: to compare with, and before, to
#: learn what is usual.
_ASKED, _OTHERS, _BEFORE = 5, 22, 6
#: How many batches a kind has: as many as come next to each other by one of their numbers.
_RUNS = (4, 6, 9, 14)
_KINDS = 1 + 7 + len(NUMBERS) * sum(CALLS + 1 - run for run in _RUNS)
#: What is compared, by the look that it is for.
_VALUES: Mapping[str, Mapping[str, str]] = {
    RATE: {
        "loss": "the loss is the greater one",
        "size": "gradients are the larger ones, along their mean",
    },
    SPREAD: {
        "zeros": "more hidden units are without a gradient",
        "rows": "rows are more alike",
        "next rows": "neighbouring rows are more alike",
        "units": "hidden units are more alike",
        "next units": "neighbouring hidden units are more alike",
    },
}
LAWS = {look: Ranks(_ASKED, _OTHERS, len(of) * _KINDS) for look, of in _VALUES.items()}
#: In so many batches two calls are never nearest by chance: with probability 2e-22. And
#: distances that are as small, beside the gradients, may be those of rounding.
_NEAREST, _ROUNDING = 17, 1e-5
#: Where dependence departs by so much more than rates it is what is wrong.
_FARTHER = 1.25
_NOTE = "ordinary batches"


@dataclass(frozen=True)
class _Read:
    """A batch, what ``_ASKED`` calls gave, each with a generator of its own, and in how many
    pairs of a call and one of the reference each value is greater. ``nearest``: whether two
    calls gave more alike gradients than any other two. ``later`` is what
    a call gave whose generator is in the ``seed``'s state, as the first one's: on this
    batch, or on it with ``moved`` last weights."""

    form: Ordinary
    found: list[Arrays]
    later: Arrays
    moved: Batch | None
    seed: int
    above: Mapping[str, int]
    nearest: bool

    @property
    def call(self) -> str:
        h, c = self.form.batch.params["W2"].shape
        return f"{self.form.batch.call}, H = {h}, C = {c} (x {self.form.law})"

    @property
    def repeats(self) -> bool:
        """Whether two calls whose masks are their own gave the same gradients."""
        return len({found["W2"].tobytes() for found in self.found}) < _ASKED


def _read(function: StudentFunction, trial: Trial) -> list[_Read]:
    """Return what ordinary batches gave; all checks of one grading share it."""
    if _NOTE not in trial.notes:
        trial.notes[_NOTE] = [*_asked(function, trial)]
    found: list[_Read] = trial.notes[_NOTE]
    return found


def _asked(function: StudentFunction, trial: Trial) -> Iterator[_Read]:
    rng = trial.rng
    forms = [*ordinary(rng)]
    theirs = [_reference(rng, form.batch) for form in forms]
    seeds = [trial.new_seed() for _ in forms]
    moved = [
        _moved(form.batch, others) if number % 2 else None
        for number, (form, others) in enumerate(zip(forms, theirs, strict=True))
    ]
    calls: list[tuple[Any, ...]] = []
    for form, seed, other in zip(forms, seeds, moved, strict=True):
        rngs = [trial.generator(seed), *(trial.generator() for _ in range(_ASKED - 1))]
        calls += [(*form.batch.given, each) for each in rngs]
        calls.append((*(other or form.batch).given, trial.generator(seed)))
    results, step = function.each(calls), _ASKED + 1
    for number, (form, others) in enumerate(zip(forms, theirs, strict=True)):
        batch = form.batch
        *found, later = (
            network.loss_and_gradients(result, batch.params, batch.call)
            for result in results[step * number : step * (number + 1)]
        )
        values = _values(batch, found, others)
        above = {name: _above(rng, of) for name, of in values.items()}
        near = _are_nearest(found, others)
        yield _Read(form, found, later, moved[number], seeds[number], above, near)


def _reference(rng: np.random.Generator, batch: Batch) -> Arrays:
    """Return losses and gradients of calls with masks of their own, the first ``_BEFORE`` to
    learn from; and in "errors" (N, C) the mean gradient of the logits of these."""
    shape = (_BEFORE + _OTHERS, len(batch.x), len(batch.params["b1"]))
    # Coarse random numbers, in half of the time; the rate is off by 1e-7 at most.
    multiplier = (rng.random(shape, np.float32) < batch.keep_prob) / batch.keep_prob
    hidden = np.maximum(batch.x @ batch.params["W1"] + batch.params["b1"], 0)
    logits = (hidden * multiplier[:_BEFORE]) @ batch.params["W2"] + batch.params["b2"]
    errors = np.exp(log_softmax(logits)).mean(axis=0)
    errors[np.arange(len(batch.y)), batch.y] -= 1
    return batch.expected(multiplier) | {"errors": errors / len(batch.y)}


def _values(batch: Batch, found: list[Arrays], others: Arrays) -> Arrays:
    """Return the values that are compared, each of the calls first, and of the reference's
    after them: each follows from one call, and from what is known without any of them."""
    both = {
        name: np.concatenate([[one[name] for one in found], others[name][_BEFORE:]])
        for name in network.PARTS
    }
    with np.errstate(all="ignore"):
        largest = np.abs(both["W2"]).max(axis=2)
        few = largest <= 1e-5 * largest.max(axis=1, keepdims=True)
        marks, usual = _marks(batch, both, others)
        size = np.einsum("kij,ij->k", marks, usual) / max((usual**2).sum(), 1e-300)
        marks -= size[:, None, None] * usual
        np.clip(marks, -5, 5, out=marks)
        whole = np.maximum(np.einsum("kij,kij->k", marks, marks), 1e-300)
        alike = {
            "rows": np.square(marks.sum(axis=1)).sum(axis=1),
            "next rows": np.einsum("kij,kij->k", marks[:, 1:], marks[:, :-1]),
            "units": np.square(marks.sum(axis=2)).sum(axis=1),
            "next units": np.einsum("kij,kij->k", marks[..., 1:], marks[..., :-1]),
        }
        values = {name: value / whole for name, value in alike.items()}
    return {"loss": both["loss"], "size": size, "zeros": few.sum(axis=1)} | values


def _are_nearest(found: list[Arrays], others: Arrays) -> bool:
    """Return whether the gradients of W2 of two calls are nearer to each other, by half,
    than those of any other two, of the reference or not. Of right answers that is so with
    probability 0.019: which two of 33 are nearest has nothing to do with who gave them.
    Where rounding may decide, none are."""
    each = np.concatenate([[one["W2"] for one in found], others["W2"]])
    flat = each.reshape(len(each), -1) - each.mean(axis=0).ravel()
    products, size = flat @ flat.T, float(np.square(each).sum(axis=(1, 2)).mean())
    squares = products.diagonal()
    far = squares[:, None] + squares - 2 * products
    np.fill_diagonal(far, np.inf)
    nearest = float(far[:_ASKED, :_ASKED].min())
    far[:_ASKED, :_ASKED] = np.inf
    other = float(far.min())
    return other > _ROUNDING**2 * size and nearest < other / 4


def _marks(batch: Batch, both: Arrays, others: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Return how much each call's gradients have of what row and unit (N, H) add to them if
    they are kept, beside the usual; and how much is usual (N, H).

    A row adds x times the gradient of z to that of W1, and of b1, and the hidden unit
    times the gradient of the logits to that of W2."""
    params = {name: value.astype(float) for name, value in batch.params.items()}
    x = np.hstack([batch.x, np.ones((len(batch.x), 1))])
    z, errors = x @ np.vstack([params["W1"], params["b1"]]), others["errors"]
    factors = (
        (x, errors @ params["W2"].T * (z > 0)),
        (errors, np.maximum(z, 0)),
    )
    before = {name: others[name][:_BEFORE] for name in network.PARTS}
    marks, usual = np.zeros((len(both["W2"]), *z.shape)), np.zeros(z.shape)
    gradients = zip(_gradients(before), _gradients(both), strict=True)
    for (left, right), (old, new) in zip(factors, gradients, strict=True):
        mean = old.mean(axis=0)
        # The size that marks usually have, by place, and a part of that of all.
        size = np.square((left @ (old - mean)) * right).mean(axis=0)
        right = right / np.maximum(np.sqrt(size + 0.1 * size.mean()), 1e-300)
        marks += (left @ (new - mean)) * right
        usual += (left @ mean) * right
    return marks, usual


def _gradients(of: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Return those of W1 and b1 (calls, D + 1, H), and those of W2 (calls, C, H)."""
    inner = np.concatenate([of["W1"], of["b1"][:, None]], axis=1)
    return inner, of["W2"].swapaxes(1, 2)


def _above(rng: np.random.Generator, values: np.ndarray) -> int:
    """Return in how many pairs of one of the first ``_ASKED`` values and one of the others
    the first is greater; of equal ones chance says which is."""
    order = rng.permutation(len(values))
    order = order[np.argsort(values[order], kind="stable")]
    places = np.flatnonzero(order < _ASKED)
    return int(places.sum()) - _ASKED * (_ASKED - 1) // 2


def _moved(batch: Batch, others: Arrays) -> Batch:
    """Return the batch with W2 and b2 a step downhill, as a step of training is, by which the
    loss falls by less than a hundredth."""
    steps = {name: others[name][:_BEFORE].mean(axis=0) for name in ("W2", "b2")}
    # A step in each with its share of the way.
    fall = 0.003 * float(others["loss"][:_BEFORE].mean())
    params = {
        name: (
            batch.params[name] - step * (fall / max(float((step**2).sum()), 1e-300))
        ).astype(batch.params[name].dtype)
        for name, step in steps.items()
    }
    return replace(batch, params=batch.params | params)


def expect_right(function: StudentFunction, trial: Trial) -> None:
    """Check what loss and gradients have in common whatever the mask is."""
    name, reads = network.Wrong.no_single_mask_explains_it, _read(function, trial)
    for read in reads:
        if text := _unbalanced(read.form.batch, read.found[-1]):
            trial.fail(f"{read.call}: {text}", name)
    off = [
        (read, text)
        for read in reads
        if read.moved
        and (
            text := _off_course(read.form.batch, read.found[0], read.moved, read.later)
        )
    ]
    # What has another mask beyond a bound may pass it in one batch, by chance.
    for read, text in off[:1] * (len(off) > 1):
        again = read.form.batch.run(function, trial.generator(read.seed))
        # A mask that does not follow from rng costs the check of that; noise is no mask.
        differ = not repeats.are_same(read.found[0]["W2"], again["W2"])
        trial.expect(differ, f"{read.call}: {text}", name)


def expect_follows_rng(function: StudentFunction, trial: Trial) -> None:
    """Check that generators in one state give the same gradients."""
    for read in _read(function, trial):
        trial.expect(
            read.moved or np.array_equal(read.found[0]["W2"], read.later["W2"]),
            f"{read.call}: two calls with rng in the same state give different gradients.",
            Wrong.does_not_draw_from_rng,
        )


def _unbalanced(batch: Batch, found: Arrays) -> str:
    """Return what is wrong where a unit's weights times their gradients, before it and
    after it, have not the same sum; whatever the mask is, they have."""
    params = {name: value.astype(float) for name, value in batch.params.items()}
    before = params["W1"] * found["W1"]
    after = params["W2"] * found["W2"]
    bias = params["b1"] * found["b1"]
    one, other = before.sum(axis=0) + bias, after.sum(axis=1)
    # Terms are as accurate as what they are sums of is large.
    slack, sizes = batch.slack, np.abs(bias)
    sizes = 1e-4 * (sizes + np.abs(before).sum(axis=0) + np.abs(after).sum(axis=1))
    for name, axis in (("W1", 0), ("W2", 1)):
        sizes += 10 * slack[name] * np.abs(params[name]).sum(axis=axis)
    sizes += 10 * slack["b1"] * np.abs(params["b1"])
    wrong = np.flatnonzero(~(np.abs(one - other) <= sizes))
    if not len(wrong):
        return ""
    unit = int(wrong[0])
    return (
        f"for hidden unit {unit} the sum of W1 * grads['W1'] and b1 * grads['b1'] is "
        f"{one[unit]:.6g}, and that of W2 * grads['W2'] {other[unit]:.6g}; whatever the "
        "mask is, they are equal."
    )


def _off_course(batch: Batch, found: Arrays, moved: Batch, then: Arrays) -> str:
    """Return what is wrong where the loss does not follow the gradients as W2 and b2 move
    and the mask stays: it is convex in them, so lies between two straight lines."""
    change, slopes = float(then["loss"] - found["loss"]), np.zeros(2)
    # Both losses are accurate to five digits, and so are gradients.
    room = 2e-5 * float(np.abs(found["loss"]) + np.abs(then["loss"])) + 1e-9
    for name in ("W2", "b2"):
        step = moved.params[name].astype(float) - batch.params[name]
        each = np.array([step * grads[name] for grads in (found, then)])
        slopes += each.reshape(2, -1).sum(axis=1)
        room += float(
            2e-5 * np.abs(each).sum() + batch.slack[name] * np.abs(step).sum()
        )
    low, high = slopes.tolist()
    if low - room <= change <= high + room:
        return ""
    return (
        f"as W2 and b2 move a little, with rng in the same state, the loss changes by "
        f"{change:.6g}; by the gradients before and after, by {low:.6g} to {high:.6g}."
    )


def judge(look: str, function: StudentFunction, trial: Trial, mistake: str) -> None:
    """Check that calls on ordinary batches give what a reference implementation gives, in
    what shows the rate (``RATE``), or dependence (``SPREAD``). Where both depart one of
    them is the cause, and fails alone."""
    reads = _read(function, trial)
    far = {each: _farthest(reads, each) for each in LAWS}
    alpha = alpha_of(trial.check.exercise.chapter)
    rate, spread = (far[each][0] / LAWS[each].exponent(alpha) for each in LAWS)
    again = _repeated(reads)
    cause = SPREAD if again or rate < 1 or spread > _FARTHER * rate else RATE
    if look == cause or max(rate, spread) < 1:
        _, kind, above, pairs = far[look]
        text = f"{{}}, pairs of a call and one of a right function: {kind}"
        counts = {"ordinary batches": (pairs, above, pairs / 2)}
        trial.judge_kinds(look, counts, text, mistake)
    if again and look == SPREAD:
        text = f"{again.call}: of {_ASKED} calls some give the same gradients."
        trial.fail(text, mistake)


def _repeated(reads: list[_Read]) -> _Read | None:
    """Return a batch of which some calls give the same gradients, if there is one: equal
    ones, or in many batches such as only noise tells from each other."""
    equal = [read for read in reads if read.repeats]
    near = [read for read in reads if read.nearest]
    return next(iter(equal or (near if len(near) >= _NEAREST else [])), None)


def _farthest(reads: list[_Read], look: str) -> tuple[float, str, int, int]:
    """Return of the kind that departs most the exponent, what is said of it, in how many
    pairs a call has the greater value, and how many pairs there are."""
    law, forms = LAWS[look], [read.form for read in reads]
    found = []
    for name, what in _VALUES[look].items():
        above = np.array([read.above[name] for read in reads])
        for sorted_by, members in _kinds(forms):
            sums = above[members].sum(axis=1)
            exponents = law.exponents(members.shape[1])[sums]
            best = int(exponents.argmax())
            kind = (
                float(exponents[best]),
                what,
                sorted_by,
                members[best],
                int(sums[best]),
            )
            found.append(kind)
    exponent, what, sorted_by, members, above_all = max(found, key=lambda each: each[0])
    own = [forms[number] for number in members]
    if sorted_by in NUMBERS:
        ends = (f(form.numbers[sorted_by] for form in own) for f in (min, max))
        low, high = (f"{end:.4g}" for end in ends)
        what += f" ({sorted_by} from {low} to {high})"
    elif sorted_by:
        what += f" (x {own[0].law})"
    return exponent, what, above_all, law.asked * law.others * len(own)


def _kinds(forms: list[Ordinary]) -> list[tuple[str, np.ndarray]]:
    """Return by what batches are sorted, and the numbers (kinds, batches) of those that are
    of a kind: all, those of a law of x, and such as come next to each other."""
    laws = sorted({form.law for form in forms})
    own = [[i for i, form in enumerate(forms) if form.law == law] for law in laws]
    found = [("", np.arange(len(forms))[None]), ("x's law", np.array(own))]
    for name in NUMBERS:
        order = np.argsort([form.numbers[name] for form in forms], kind="stable")
        found += [(name, sliding_window_view(order, run)) for run in _RUNS]
    return found
