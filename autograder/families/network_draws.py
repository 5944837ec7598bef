"""What a network with one dropped layer does in batches of every form: with the mask that
shows in the gradients everything else is right; units are kept at the stated rate, and
independently of each other; and masks follow from the generator.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from autograder.contract.budget import alpha_of
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import any_size, kinds, network
from autograder.families.by_values import Counts
from autograder.families.drawn_calls import Four, expect_calls_follow, expect_equal
from autograder.families.ensemble import every_mask
from autograder.families.network_forms import (
    FORMS,
    MANY_ROWS,
    ONE_UNIT,
    WIDE,
    Form,
    every_form,
)
from autograder.families.short_seeds import asked_with
from autograder.laws.binomial import EveryKind

RATE, PAIRS = "batches of every form", "pairs in batches of every form"
#: 7 forms of each of 6 arrays, 7 sizes, 7 ranges of keep_prob, 2 dtypes of each of 5 arrays, 3
#: kinds of labels, 2 orders in memory, and each of 49 batches, 120 in all; and 4 sets of
#: pairs in each. Most kinds have as many bits as the law asks for; a single hidden unit, and
#: now and then weights of whole numbers, have fewer.
LAW = EveryKind(500, detects=0.16)
#: In how many batches of a size generators are compared, where that is more than one; and
#: how many calls others have: of a single unit, or in the larger ones, two.
_COMPARED = {MANY_ROWS: 1, WIDE: FORMS}
_CALLS = dict.fromkeys((ONE_UNIT, MANY_ROWS), 2)
#: The size of a batch of many rows and few hidden units, whose mask is not read.
_TALL = (3000,)
_SINGLE = f"size: {ONE_UNIT}"
_NOTE, _COUNTS = "batches of every form", "counts in batches of every form"


class _Read(NamedTuple):
    """A form, the first call's loss and gradients, and the masks (calls, N, H) of one call,
    or of two with one generator; and the gradients of W2 of these, and of others that
    were made with a generator in the same state as the first, and with one alike; and the
    bits (units) of all these, where they show."""

    form: Form
    found: network.Arrays
    masks: np.ndarray
    outputs: list[np.ndarray]
    bits: list[np.ndarray]

    @property
    def call(self) -> str:
        batch, marks = self.form.batch, self.form.marks
        h, c = batch.params["W2"].shape
        told = "; ".join(
            f"{name}: {marks[name]} in {marks[f'dtype of {name}']}"
            for name in ("x", *batch.params)
        )
        rest = f"y in {marks['y']}, labels {marks['labels']}, matrices {marks['order']}"
        return f"{batch.call}, H = {h}, C = {c} ({told}; {rest})"


def _results(
    function: StudentFunction,
    trial: Trial,
    batches: Sequence[tuple[network.Batch, int]],
) -> Iterator[list[network.Arrays]]:
    """Yield what each batch gave with a generator, with it once more, with another in the
    same state as the first, and with some that are alike; or with the first few of these."""
    asked, numbers = list[tuple[Any, ...]](), list[int]()
    for batch, calls in batches:
        if calls > 2:
            same, one, _, *others = asked_with(trial, more=True)
            rngs = [one, one, same, *others]
        else:
            rngs = [trial.generator()] * calls
        asked += [(*batch.given, rng) for rng in rngs]
        numbers.append(len(rngs))
    results = iter(function.each(asked))
    for (batch, _), number in zip(batches, numbers, strict=True):
        own, call = islice(results, number), batch.call
        yield [network.loss_and_gradients(each, batch.params, call) for each in own]


def _read(function: StudentFunction, trial: Trial) -> list[_Read]:
    """Return what batches of every form gave; all checks of one grading share it."""
    if _NOTE not in trial.notes:
        forms = [*every_form(trial.rng)]
        seen, batches = Counter[str](), list[tuple[network.Batch, int]]()
        for form in forms:
            size = form.marks["size"]
            seen[size] += 1
            all_four = seen[size] <= _COMPARED.get(size, 1)
            batches.append((form.batch, 4 if all_four else _CALLS.get(size, 1)))
        results = _results(function, trial, batches)
        trial.notes[_NOTE] = reads = list[_Read]()
        for form, own in zip(forms, results, strict=True):
            masks, outputs = form.masks(own), [each["W2"] for each in own]
            bits = [mask[form.shown] for mask in masks]
            reads.append(_Read(form, own[0], masks[:2], outputs, bits))
    found: list[_Read] = trial.notes[_NOTE]
    return found


def expect_right(function: StudentFunction, trial: Trial) -> None:
    """Compare loss and gradients with those at the mask that they show."""
    for read in _read(function, trial):
        batch = read.form.batch
        multiplier = read.masks[0] / batch.keep_prob
        expected = batch.expected(multiplier)
        # What float32 holds of terms that cancel is less.
        slack = {name: 10 * size for name, size in batch.slack.items()}
        for _, what in network.differing(read.found, expected, slack):
            trial.fail(
                f"{read.call}: with the mask that the gradients show, {what}",
                any_size.mistake(batch, read.found, multiplier),
            )


def expect_some_mask(
    trial: Trial, batch: network.Batch, found: network.Arrays, call: str
) -> None:
    """Check that one of the masks of two rows of four hidden units gives what was found."""
    candidates = batch.expected(every_mask(2, 4) / batch.keep_prob)
    trial.expect(
        network.together(network.fitting(found, candidates, batch.slack)).any(),
        f"{call}: no mask gives loss and gradients.",
        network.Wrong.no_single_mask_explains_it,
    )


def judge(
    look: str,
    function: StudentFunction,
    trial: Trial,
    mistake: str,
    single: tuple[str, str] | None = None,
) -> None:
    """Check that units are kept at the stated rate in batches of every form (``RATE``), or
    agree in pairs as independent ones do (``PAIRS``). What departs further fails alone.
    ``single`` has the mistakes of one whose only unit is never kept, or always."""
    reads = _read(function, trial)
    if _COUNTS not in trial.notes:
        trial.notes[_COUNTS] = _counts(reads)
    counts: dict[str, Counts] = trial.notes[_COUNTS]
    far = {each: LAW.farthest(of)[1] for each, of in counts.items()}
    least = LAW.exponent(alpha_of(trial.check.exercise.chapter))
    if far[look] < (most := max(far.values())) and most > least:
        return
    kind, _ = LAW.farthest(counts[look])
    n, happened, _ = counts[look].get(_SINGLE, (1, -1, 0.0))
    if single and (kind == _SINGLE or f", {ONE_UNIT}," in kind) and happened in (0, n):
        mistake = single[happened == n]
    what = {
        RATE: "hidden units kept",
        PAIRS: "pairs of hidden units that are alike (kept or not)",
    }
    text = f"{what[look]} in {len(reads)} batches of all forms, here: {{}}"
    trial.judge_kinds(look, counts[look], text, mistake)


def _counts(reads: Sequence[_Read]) -> dict[str, Counts]:
    """Return, by look and kind, how many events there are, how many happened, and the sum
    of their probabilities: units that are kept, and pairs, neighbours and such as lie half
    a layer or batch apart, that are alike."""
    batches = defaultdict[str, list[int]](list)
    for number, read in enumerate(reads):
        for name, mark in read.form.marks.items():
            batches[f"{name}: {mark}"].append(number)
        batches[read.call].append(number)
    p = np.array([read.form.batch.keep_prob for read in reads])
    kept = [
        (len(read.masks) * int(read.form.shown.sum()), int(read.masks.sum()))
        for read in reads
    ]
    pairs: Counts = {}
    for axis, what in ((2, "units"), (1, "rows")):
        for apart in (True, False):
            alike = [_alike(read, axis, apart) for read in reads]
            name = f"{'distant' if apart else 'neighbouring'} {what}, "
            pairs |= _by_kind(batches, alike, p**2 + (1 - p) ** 2, name)
    return {RATE: _by_kind(batches, kept, p), PAIRS: pairs}


def _alike(read: _Read, axis: int, apart: bool) -> tuple[int, int]:
    """Return how many disjoint pairs along an axis there are, and how many are alike."""
    shown, kept = (
        _halves(bits, axis, apart) for bits in (read.form.shown[None], read.masks)
    )
    both = shown[0] & shown[1]
    alike = both & (kept[0] == kept[1])
    return len(read.masks) * int(both.sum()), int(alike.sum())


def _halves(bits: np.ndarray, axis: int, apart: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the firsts and the seconds of disjoint pairs along an axis."""
    half = bits.shape[axis] // 2
    along = bits.swapaxes(0, axis)[: 2 * half]
    return (along[:half], along[half:]) if apart else (along[::2], along[1::2])


def _by_kind(
    batches: Mapping[str, Sequence[int]],
    numbers: Sequence[tuple[int, int]],
    probability: np.ndarray,
    of: str = "",
) -> Counts:
    """Return the sums by kind; ``numbers`` has, of each batch, how many events there are,
    and how many happened."""
    events, happened = np.array(numbers, float).T
    member = np.zeros((len(batches), len(numbers)))
    for row, own in zip(member, batches.values(), strict=True):
        row[own] = 1
    sums = (member @ np.array((events, happened, events * probability)).T).tolist()
    return {
        f"{of}{kind}": (round(n), round(k), total)
        for kind, (n, k, total) in zip(batches, sums, strict=True)
        if n
    }


def expect_follows_rng(function: StudentFunction, trial: Trial) -> None:
    """Check that equal generators give equal gradients, and others others, in batches of
    every form, and in some of many rows. Noise makes equal masks no different ones: others
    are told by their masks, where these show."""
    reads = [read for read in _read(function, trial) if len(read.outputs) >= 4]
    calls = [_entry(read.form.batch, read.outputs) for read in reads]
    small, large = (
        [
            _entry(read.form.batch, read.bits, read.form)
            for read in reads
            if (read.form.marks["size"] in _COMPARED) == of_large
        ]
        for of_large in (False, True)
    )
    tall = [(network.tall(trial.rng, size), 4) for size in _TALL]
    for (batch, _), four in zip(tall, _results(function, trial, tall), strict=True):
        large.append(_entry(batch, [each["W2"] for each in four]))
    expect_equal(function, trial, calls)

    def anew(call: Four, rngs: Sequence[np.random.Generator]) -> list[np.ndarray]:
        given, keep_prob, what, _ = call
        results = function.each([(*given.args, keep_prob, rng) for rng in rngs])
        params = given.args[0]
        read = (network.loss_and_gradients(each, params, what) for each in results)
        return [given.bits(each, keep_prob, what) for each in read]

    expect_calls_follow(function, trial, small, large, anew, again=True)


def _entry(
    batch: network.Batch, outputs: list[np.ndarray], form: Form | None = None
) -> Four:
    """Return a call as ``everywhere.read_bits`` does: with its gradients of W2, or with the
    bits that are read in its ``form``."""

    def read(found: network.Arrays, keep_prob: float, what: str) -> np.ndarray:
        return found["W2"] if form is None else form.masks([found])[0][form.shown]

    units = len(batch.x) * len(batch.params["b1"])
    values = np.zeros(units if form is None else int(form.shown.sum()))
    given = kinds.Given(batch.given[:3], {}, values, read)
    what = f"keep_prob = {batch.keep_prob}, x of shape {batch.x.shape}, "
    what += f"{len(values)} hidden units"
    first, later, same, *others = outputs
    return given, batch.keep_prob, what, [first, same, later, *others]
