"""What is counted in calls of every kind: masks moved along, rows, entries and places."""

import itertools
import math

import numpy as np
import pytest

from autograder.contract.exercise import find_exercise
from autograder.contract.student import StudentError
from autograder.contract.trial import LEFT, Trial
from autograder.families import by_values, entries, everywhere, kinds, lags, tally
from autograder.grading.local import LocalFunction

P = 0.3


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def rows_of(
    generator: np.random.Generator, shape: tuple[int, int], k: int
) -> np.ndarray:
    return generator.random(shape).argsort(axis=1).argsort(axis=1) < k


@pytest.mark.parametrize("places", [0, 1, 200, 1999])
def test_a_mask_that_is_the_last_one_moved_along_is_found(places: int) -> None:
    first = rng().random((2, 1024)) < P
    counts = lags.of_two(first, np.roll(first, places), P, "a call", within=False)
    (kind,) = counts
    assert kind == f"that agree, {places} places on in the call after a call"
    n, agree, total = counts[kind]
    assert n == agree == first.size
    assert total == pytest.approx(n * (P**2 + 0.7**2))
    assert (kind in lags.repeated(counts)) == (places == 0)


def test_independent_masks_depart_from_nothing() -> None:
    generator = rng()
    for rows, size in ((2, 700), (5, 3000), (16, 9990)):
        first, second = (generator.random((rows, size // rows)) < P for _ in range(2))
        counts = lags.of_two(first, second, P, "a call", within=True)
        assert lags.LAW.farthest(counts)[1] < math.log(2e6)
        one, two = (rows_of(generator, first.shape, 40) for _ in range(2))
        counts = lags.in_rows(two, "x") | lags.after_rows(one, two, "y")
        assert lags.LAW.farthest(counts)[1] < math.log(2e6)


def test_pairs_in_rows_are_counted_as_they_are() -> None:
    mask = rows_of(rng(), (40, 60), 20)
    mask[:, 31:] = mask[:, :29]
    counts = lags.in_rows(mask, "x")
    for lag in (29, 31):
        found = [n for kind, n in counts.items() if kind.startswith(f"{lag} places")]
        both = mask[:, :-lag] & mask[:, lag:]
        assert sum(n for n, _, _ in found) == both.size
        assert sum(k for _, k, _ in found) == both.sum()


def test_what_lies_after_kept_units_is_counted_as_it_is() -> None:
    mask = rows_of(rng(), (4, 64), 16)
    counts = lags.after_rows(mask, np.roll(mask, 64), "here")
    assert counts == {"64 places after one that is kept, here": (64, 64, 16.0)}
    assert lags.repeated(counts) == []
    again = lags.after_rows(mask, mask, "in the call after x")
    assert lags.repeated(again) == [*again]
    assert lags.after_rows(mask[:0], mask[:0], "nowhere") == {}


def test_units_are_counted_by_entries_and_places() -> None:
    generator = rng()
    reads = []
    for shape, p in (((3, 120), 0.3), ((7, 5), 0.8), ((2, 2, 150), 0.6)):
        values = generator.normal(size=shape)
        masks = (generator.random(shape) < p for _ in range(2))
        reads.append(by_values.Read(*masks, values, values, p))
    counts = by_values.counts(reads)
    assert len(counts) <= 338

    def naive(features: list[list[np.ndarray]]) -> tuple[int, int, float]:
        n, k, total = 0, 0, 0.0
        for read, *where in zip(reads, *features, strict=True):
            has = np.logical_and.reduce(where)
            n += 2 * int(has.sum())
            k += int(read.first[has].sum() + read.second[has].sum())
            total += 2 * read.probability * has.sum()
        return n, k, total

    above = [read.values > read.values.mean() for read in reads]
    flat = np.concatenate([each.ravel() for each in above])
    ends = np.cumsum([each.size for each in above])[:-1]
    after = [
        part.reshape(each.shape)
        for part, each in zip(np.split(np.roll(flat, -1), ends), above, strict=True)
    ]
    past = [np.indices(read.first.shape)[-1] >= 100 for read in reads]
    expected = {
        "the entry is above the mean": naive([above]),
        "the entry after it is above the mean": naive([after]),
        "it is past 100 places of its row": naive([past]),
        "the entry is above the mean, the entry after it is not above the mean": naive(
            [above, [~each for each in after]]
        ),
    }
    for kind, (n, k, total) in expected.items():
        assert counts[kind][:2] == (n, k)
        assert counts[kind][2] == pytest.approx(total)


_OF = "signs", "entries"


def test_the_looks_have_room_for_all_kinds() -> None:
    places = len(tally._PLACES) * len(tally._NAMES)
    signs, of_entries = ({getattr(kind, of) for kind in entries.KINDS} for of in _OF)
    sizes, zeros = len(tally._NAMES), 2
    marks = [12, 2, 2, 4, sizes, sizes, len(signs), len(of_entries) + zeros, 2, sizes]

    def most(marks: list[int]) -> int:
        return sum(marks) + sum(a * b for a, b in itertools.combinations(marks, 2))

    assert most(marks) + places + 338 <= kinds.LAW.kinds
    assert most([*marks, 8]) <= kinds.LAW.kinds
    bits = 30 * everywhere.SMALL + everywhere._LARGE_CALLS * everywhere._LARGE
    assert 3 * bits <= lags.LAW.kinds


def test_a_call_that_fails_leaves_the_generators_of_the_others_as_they_were() -> None:
    def dropout(n: int, generator: np.random.Generator) -> float:
        number = float(generator.random())
        if n == 3:
            raise ValueError("three")
        return number

    function = LocalFunction("inverted_dropout", dropout)
    trial = Trial(find_exercise("inverted_dropout").checks[0], seed=5)
    seed = trial.new_seed()
    one, other = (trial.generator(seed) for _ in range(2))
    given = kinds.Given((), {}, np.zeros(1), lambda result, keep_prob, name: result)
    calls = [(given, 1, one), *((given, n, other) for n in (2, 2, 3))]
    results = everywhere._made(function, trial, calls)
    assert results[0] == results[1] != results[2]
    assert isinstance(results[3], StudentError)
    check, failure = trial.notes[LEFT]
    assert check == trial.check.name and "three" in failure.message
    with pytest.raises(StudentError):
        function(3, one)
