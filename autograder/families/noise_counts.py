"""Exact counts of noise that multiplies: how often its factors lie where, and how far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

from autograder.contract.budget import alpha_of
from autograder.contract.exercise import Property
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial, put_zeros, usual
from autograder.families import corners, departures, entries, kinds, whole_line
from autograder.families.bit_tests import wide
from autograder.families.elementwise import call_text
from autograder.families.noise_factors import (
    HALVES,
    Wrong,
    deviation,
    forward,
    law_mistake,
    output_of,
)
from autograder.laws import normal
from autograder.laws.binomial import EveryKind, Law


@dataclass(frozen=True)
class Event:
    """What a standardised factor z may be, and the exact test of how often it is."""

    law: Law
    what: str
    happens: Callable[[np.ndarray], np.ndarray]


def above_one(shift: float) -> Event:
    """Detects a mean that is off by ``shift`` standard deviations."""
    return Event(normal.location(shift), "above 1", lambda z: z > 0)


def _beyond(distance: float, law: Law) -> Event:
    what = f"more than {distance:g} standard deviations from 1"
    return Event(law, what, lambda z: np.abs(z) > distance)


def spread(off: float) -> Event:
    """Detects a standard deviation that is wrong by the share ``off``."""
    return _beyond(normal.SCALE_DISTANCE, normal.scale(off))


def tail(distance: float, detects: float) -> Event:
    """Detects a departure of the probability of |z| > ``distance``."""
    return _beyond(distance, normal.beyond(distance, detects))


@dataclass(frozen=True)
class Sample:
    """Factors to be drawn at ``keep_prob``, as many
    as the looks need, and the events to be counted in each of them, by look (those whose
    first word is in ``HALVES`` in that half of the units only). ``form`` is
    the shape of x, -1 being the length that follows; x has all sizes, or is ``alike``: equal
    negative entries in float32.

    ``mistake`` is what a wrong law is called; without it the law is looked into."""

    keep_prob: float
    events: Mapping[str, Event]
    mistake: str | None = None
    form: tuple[int, ...] = (-1, 400)
    alike: bool = False

    def judge(self, function: StudentFunction, trial: Trial) -> None:
        # Halves by value are halves on average: 4 % more is 7 standard errors.
        halves = {look: HALVES.get(look.partition(" ")[0]) for look in self.events}
        units = max(
            trial.size(look) * (2.08 if half else 1) for look, half in halves.items()
        )
        # Rows of a large matrix are repeated, which saves time.
        rest = int(units / abs(prod(self.form))) + 1
        rows = min(rest, 100) if self.form == Sample.form else rest
        x = wide(trial, *(rows if n == -1 else n for n in self.form))
        x = np.concatenate([x] * -(-rest // rows))
        if self.alike:
            x = np.full(x.shape, -np.abs(trial.inputs(1)[0]), np.float32)
        z = forward(function, x, self.keep_prob, trial.generator()) / x
        z -= 1
        z /= deviation(self.keep_prob)
        for look, event in self.events.items():
            half = halves[look]
            found = event.happens(z[half(x)] if half else z)
            where = f", {look.partition(',')[0]}" if half else ""
            shape = "" if self.form == Sample.form else f", x of shape {x.shape}"
            what = f"keep_prob = {self.keep_prob}{where}{shape}: factors {event.what}"
            name = self.mistake or partial(law_mistake, function, trial)
            if name == Wrong.factors_have_another_spread and _is_shifted(z):
                name = Wrong.factors_have_another_mean
            trial.judge(look, found, found.size, what, name)
        _note_farthest(trial, z)


def _is_shifted(z: np.ndarray) -> bool:
    """Return whether of standardised factors the mean is wrong and the spread is not."""
    return bool(abs(z.mean()) > 0.1 and abs(z.std() - 1) < 0.03)


def _note_farthest(trial: Trial, z: np.ndarray) -> None:
    farthest = float(np.abs(z).max())
    trial.notes["farthest"] = max(farthest, trial.notes.get("farthest", 0.0))


def whole_and_half(
    keep_prob: float, name: str, part: str, whole: Event, half: Event
) -> Sample:
    """Count an event in all factors, and with less precision in a part of them."""
    events = {f"{name}, keep_prob {keep_prob}": whole, f"{part}, {name}": half}
    return Sample(keep_prob, events)


def counted(says: str, *samples: Sample) -> Property:
    """The property that every event of the samples happens as often as it should."""

    def test(function: StudentFunction, trial: Trial) -> None:
        for sample in samples:
            sample.judge(function, trial)

    events = (item for sample in samples for item in sample.events.items())
    return Property(says, test, {look: event.law for look, event in events})


@dataclass(frozen=True)
class Everywhere:
    """Factors drawn at keep probabilities all over the range, in calls of which each has a
    form of its own: the events ``of_all`` are counted in all of them together, by look, and
    ``of_each`` in every call, under the look ``look``, of which each call has as many
    factors as ``law`` needs. ``mistake`` is behind calls that depart where others do not.
    In these calls, and in ``small`` ones, ``whole_line`` counts all along the line."""

    look: str
    law: EveryKind
    of_each: Sequence[Event]
    of_all: Mapping[str, Event]
    mistake: str
    small: kinds.Kinds

    def property(self, says: str) -> Property:
        """The property that every event happens as often as it should."""
        looks = {look: event.law for look, event in self.of_all.items()}
        looks[whole_line.LOOK] = whole_line.LAW
        return Property(says, self._test, {self.look: self.law, **looks})

    def _test(self, function: StudentFunction, trial: Trial) -> None:
        drawn = self._drawn(function, trial)
        self._judge_each(function, trial, drawn)
        name = partial(law_mistake, function, trial)
        for look, event in self.of_all.items():
            count = sum(int(np.count_nonzero(event.happens(z))) for *_, z in drawn)
            what = (
                f"{corners.SPREAD} calls at keep_prob from 0 to 1: factors {event.what}"
            )
            trial.judge(look, count, sum(z.size for *_, z in drawn), what, name)
        whole_line.judge(function, trial, drawn, self.small, self.mistake)

    def _drawn(self, function: StudentFunction, trial: Trial) -> list[whole_line.Drawn]:
        """Return the standardised factors of each call, and what to say of it."""
        of_all = max(map(trial.size, self.of_all))
        units = max(trial.size(self.look), -(-of_all // corners.SPREAD))
        arrays = _arrays(trial, units)
        keep_probs, drawn = corners.spread_keep_probs(trial), []
        calls = [
            (x, p, trial.generator())
            for (x, _), p in zip(arrays, keep_probs, strict=True)
        ]
        results = function.each(calls)
        for (x, p, _), (_, kind), result in zip(calls, arrays, results, strict=True):
            out = output_of(result, call_text(function.name, x.shape, p), x.shape)
            shown = x != 0
            z = (out[shown] / x[shown] - 1) / deviation(p)
            _note_farthest(trial, z)
            what = f"at keep_prob = {p}, {x.dtype} of shape {x.shape}, {kind}"
            drawn.append(whole_line.Drawn(what, x[shown], z))
        return drawn

    def _judge_each(
        self,
        function: StudentFunction,
        trial: Trial,
        drawn: Sequence[whole_line.Drawn],
    ) -> None:
        """Count the events in every call. Where most calls depart, the law is looked
        into."""
        counts, departing = dict[str, tuple[int, int, float]](), 0
        most = self.law.exponent(alpha_of(trial.check.exercise.chapter))
        for where, _, z in drawn:
            own = {
                f"{event.what}, {where}": (
                    z.size,
                    int(np.count_nonzero(event.happens(z))),
                    z.size * event.law.probability,
                )
                for event in self.of_each
            }
            counts |= own
            departing += self.law.farthest(own)[1] > most
        name = self.mistake
        if 2 * departing > len(drawn):
            name = law_mistake(function, trial, 0)
        elif departing:
            name = whole_line.kind_mistake(function, trial, name)
        trial.judge_kinds(self.look, counts, "factors {}", name)


#: In one of how many arrays half of the entries are 0.
_ZEROS = 10


def _arrays(trial: Trial, units: int) -> list[tuple[np.ndarray, str]]:
    """Return as many arrays as there are spread keep probabilities, of every form and kind,
    of which each has so many entries other than 0, and what to say of its entries."""
    rng, drawn, found = trial.rng, usual(trial.rng, (6 * units,)), list[np.ndarray]()
    zeros = np.arange(corners.SPREAD) % _ZEROS == 0
    for has_zeros in zeros:
        least = 3 * units if has_zeros else units
        shape = _of_at_least(kinds.any_form(rng, least, 0), least)
        found.append(drawn[: prod(shape)].reshape(shape))
    of_kinds = []
    for number, (x, kind) in enumerate(entries.of_every_kind(found, rng)):
        x = x.astype((np.float64, np.float32)[number % 2])
        if zeros[number]:
            x, kind = put_zeros(x, 0.5, rng), f"{kind}, half of them 0"
        of_kinds.append((corners.transposed(x) if number % 4 > 1 else x, kind))
    return of_kinds


def _of_at_least(shape: tuple[int, ...], units: int) -> tuple[int, ...]:
    """Return the shape with its longest axis so long that it has so many units."""
    longest = max(shape)
    axis, rest = shape.index(longest), prod(shape) // longest
    return *shape[:axis], -(-units // rest), *shape[axis + 1 :]


#: A normal number lies farther than so many standard deviations with probability 1.5e-23:
#: not one of the millions of factors that a grading counts does so by chance (1e-16).
_REACH = 10


def within_reach(known: Property) -> Property:
    """Return the property, and that none of the factors counted up to its end, in the checks
    before it as well, is one that no normal law gives: a few of them, too rare for any
    count, make the variance what they like."""

    def test(function: StudentFunction, trial: Trial) -> None:
        farthest = trial.notes["farthest"]
        if farthest > _REACH:
            trial.fail(
                f"in calls of {function.name} a factor lies {farthest:,.0f} standard "
                "deviations from 1; no normal number lies so far.",
                law_mistake(function, trial, 0),
            )

    return known.also(test)


def as_often_in_all_kinds(known: Property, of: kinds.Kinds, mistake: str) -> Property:
    """Return the property, and that in calls of every kind the event of ``of`` is as often as
    it should be; ``mistake`` is behind calls that depart where others do not."""

    def test(function: StudentFunction, trial: Trial) -> None:
        try:
            departures.judge(kinds.RATE, function, trial, of, mistake)
        except CheckFailure as failure:
            if failure.mistake != mistake:
                raise
            name = whole_line.kind_mistake(function, trial, mistake)
            trial.fail(failure.message, name)

    return known.also(test, departures.LOOKS[kinds.RATE])
