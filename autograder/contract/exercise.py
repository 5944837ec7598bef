"""Exercises and their checks, joined by the name of the function that the student writes."""

import contextlib
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from autograder.contract import outside
from autograder.contract.domain import Range
from autograder.contract.nearest import did_you_mean
from autograder.laws.binomial import Law

CheckFunction = Callable[..., None]


@dataclass(frozen=True)
class Check:
    """One property of a student's function, in the present tense.

    ``function`` takes parameters named after student functions, and ``trial``; it
    returns None when the property holds and raises ``CheckFailure`` otherwise.
    ``looks`` names its statistical tests; a check without looks cannot fail by chance.
    """

    name: str
    exercise: "Exercise"
    points: float
    after: tuple[str, ...]
    looks: Mapping[str, Law]
    function: CheckFunction

    @property
    def summary(self) -> str:
        """The first line of the docstring: what is true when the check passes."""
        return (inspect.getdoc(self.function) or self.name).partition("\n")[0]

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)


@dataclass(eq=False)
class Exercise:
    """A function that the student writes, and what counts as right.

    ``signature`` is the call and what it returns, for example
    ``"inverted_dropout(x, keep_prob, rng, training=True) -> (out, cache)"``. A returned
    item called ``cache`` stays with the student's side: checks hand it back unopened.
    ``needs`` names other exercises' functions that the checks call as well.
    ``section`` is the target in the book that explains the exercise. ``takes`` gives the
    range of each argument that has one, of ``needs``' functions too.
    """

    name: str
    chapter: str
    title: str
    signature: str
    section: str
    needs: tuple[str, ...] = ()
    takes: Mapping[str, Range] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.signature.startswith(f"{self.name}("):
            raise ValueError(f"{self.name}: the signature starts with the name")
        if self.name in _registry:
            raise ValueError(f"{self.name} is registered twice")
        _registry[self.name] = self

    @property
    def max_score(self) -> float:
        return sum(check.points for check in self.checks)

    @property
    def functions(self) -> tuple[str, ...]:
        """The names that a submission must define for this exercise."""
        return (self.name, *self.needs)

    @property
    def call(self) -> str:
        """The signature without what it returns, as the student's ``def`` has it."""
        return self.signature.partition(" -> ")[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the function's parameters."""
        listed = self.call.partition("(")[2].removesuffix(")")
        return tuple(part.partition("=")[0].strip() for part in listed.split(","))

    @property
    def opaque(self) -> tuple[int, ...]:
        """The positions in the returned tuple that stay handles (the cache)."""
        returned = self.signature.partition(" -> ")[2]
        items = returned.strip("()").split(", ") if returned.startswith("(") else []
        return tuple(i for i, item in enumerate(items) if item == "cache")

    def check(
        self,
        *,
        points: float,
        after: str | tuple[str, ...] | list[str] = (),
        looks: Mapping[str, Law] = MappingProxyType({}),
    ) -> Callable[[CheckFunction], CheckFunction]:
        """Register the decorated function as a check of this exercise.

        ``points`` is at least 0; ``after`` names earlier checks of this exercise
        without which this one says nothing: it is skipped unless they all passed.
        Raises ``ValueError`` for an unknown or later name in ``after``, a repeated
        check name, negative points, and a missing docstring.
        """
        names = (after,) if isinstance(after, str) else tuple(after)

        def register(function: CheckFunction) -> CheckFunction:
            known = [check.name for check in self.checks]
            if function.__name__ in known:
                raise ValueError(f"{self.name}: two checks named {function.__name__}")
            if unknown := [name for name in names if name not in known]:
                raise ValueError(f"{self.name}.{function.__name__}: after {unknown}?")
            if points < 0 or not function.__doc__:
                raise ValueError(f"{function.__name__}: points >= 0 and a docstring")
            self.checks.append(
                Check(function.__name__, self, points, names, dict(looks), function)
            )
            return function

        return register

    def asks(
        self,
        points: float,
        name: str,
        what: "Property",
        after: str | tuple[str, ...] = (),
    ) -> None:
        """Register a family's property as a check of this exercise, under this name.

        Raises like ``check``."""
        names = self.functions

        def function(trial: Any, **functions: Any) -> None:
            what.test(*(functions[each] for each in names), trial)

        kind = inspect.Parameter.KEYWORD_ONLY
        function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(each, kind) for each in (*names, "trial")]
        )
        function.__name__, function.__doc__ = name, what.says
        self.check(points=points, after=after, looks=what.looks)(function)


@dataclass(frozen=True)
class Property:
    """What the exercises of a family have in common, for one of them to ask for.

    ``test`` takes the functions that the exercise names, in its order, and a trial, and
    raises ``CheckFailure`` unless the property holds; ``says`` is what is true when it
    does; ``looks`` names its statistical tests."""

    says: str
    test: CheckFunction
    looks: Mapping[str, Law] = field(default_factory=dict)

    def also(
        self, test: CheckFunction, looks: Mapping[str, Law] | None = None
    ) -> "Property":
        """Return the property, and that this ``test`` passes, too, which has these
        ``looks``."""

        def both(*given: Any) -> None:
            self.test(*given)
            test(*given)

        return Property(self.says, both, {**self.looks, **(looks or {})})


_registry: dict[str, Exercise] = {}


@functools.cache
def _load() -> tuple[str, ...]:
    """Load all checks; return the names of the exercises in the book's order."""
    from autograder import checks

    names: list[str] = []
    for chapter in checks.CHAPTERS:
        with _all_or_nothing(checks.__name__):
            names += _load_chapter(f"{checks.__name__}.{chapter}")
    for chapter in outside.attach(checks, checks.CHAPTERS):
        with _all_or_nothing(checks.__name__), outside.explained(chapter):
            listed = _load_chapter(f"{checks.__name__}.{chapter}")
            _assert_made(chapter, listed)
            names += listed
    return tuple(names)


def _load_chapter(package: str) -> Sequence[str]:
    """Load a chapter's exercises and return their names."""
    names: Sequence[str] = importlib.import_module(package).EXERCISES
    for name in names:
        importlib.import_module(f"{package}.{name}")
    return names


def _assert_made(chapter: str, names: Sequence[str]) -> None:
    """Raise ``ExercisesError`` unless modules of these names made exercises of them."""
    for name in names:
        made = _registry.get(name)
        if made is None or made.chapter != chapter or not made.checks:
            raise outside.ExercisesError(
                f"{home_of(chapter) / chapter / name}.py: expected exercise = "
                f"Exercise({name!r}, chapter={chapter!r}, …) with at least one check."
            )


@contextlib.contextmanager
def _all_or_nothing(package: str) -> Iterator[None]:
    """Forget what was registered while a chapter failed to load, and the modules of
    ``package`` that registered it, so that the next attempt ends in the same error and
    no other."""
    exercises, modules = dict(_registry), set(sys.modules)
    try:
        yield
    except BaseException:
        _registry.clear()
        _registry.update(exercises)
        for name in set(sys.modules) - modules:
            if name.startswith(f"{package}."):
                parent, _, own = name.rpartition(".")
                del sys.modules[name]
                if parent in sys.modules:
                    vars(sys.modules[parent]).pop(own, None)
        raise


def all_exercises(chapter: str | None = None) -> list[Exercise]:
    """Return every exercise, or those of one chapter, in the book's order; those of a
    course outside this package come last. Raises ``ExercisesError`` if these do not load."""
    outside.expect_docstrings()
    found = [_registry[name] for name in _load()]
    return [e for e in found if chapter in (None, e.chapter)]


def all_chapters() -> list[str]:
    """Return the chapters that have exercises, in the book's order."""
    return list(dict.fromkeys(e.chapter for e in all_exercises()))


def expect_chapter(name: str | None) -> None:
    """Raise ``KeyError``, with what there is, for a name that no chapter has."""
    if name is not None and name not in (known := all_chapters()):
        meant = did_you_mean(name, known)
        raise KeyError(
            f"There is no chapter {name!r}{meant} There are {', '.join(known)}."
        )


def home_of(chapter: str) -> Path:
    """Return the folder in which the folder of the chapter's checks lies."""
    from autograder import checks

    (folder,) = importlib.import_module(f"{checks.__name__}.{chapter}").__path__
    return Path(folder).parent


def book_checks() -> Path:
    """Return the folder in which the folders of the book's chapters lie."""
    from autograder import checks

    return Path(str(checks.__file__)).parent


def find_exercise(name: str) -> Exercise:
    """Return the exercise of that name. Raises ``KeyError`` with the known names."""
    _load()
    if name not in _registry:
        known = ", ".join(sorted(_registry))
        meant = did_you_mean(name, _registry)
        raise KeyError(f"There is no exercise named {name!r}{meant} Known: {known}.")
    return _registry[name]
