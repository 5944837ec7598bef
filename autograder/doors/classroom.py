"""A whole class: finds what was handed in, and grades it at once."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.contract.exercise import all_chapters
from autograder.contract.here import is_folder, is_missing, is_there, real_path
from autograder.doors.few import TooMany, names_below
from autograder.grading.grade import Sent, grade
from autograder.grading.judges import JudgeLost, Judges
from autograder.grading.report import Report
from autograder.isolation.bubblewrap import SandboxUnavailable, WorkerUnavailable
from autograder.isolation.clocks import TryAgain
from autograder.isolation.programs import never_below
from autograder.wire.text import composed, one_line, one_name

ENDINGS = (".ipynb", ".py")
#: Files of one student that are graded, and that get a second try while all others wait.
MOST_FILES, MOST_TRIES = 40, 3


class ClassError(Exception):
    """The class cannot be graded or collected; the message says why."""


@dataclass(frozen=True)
class HandedIn:
    """A file that a student handed in.

    ``name`` is its path below the folder of the class; ``student`` is what a platform
    ``called`` the student, or the first folder in the name, or the file's name without its
    ending, or the whole name of a folder that stands for a student, composed; ``assignment``
    is the second folder, if it is a chapter."""

    path: Path
    name: str
    #: How many of the folders in it, from the first one on, are several students'.
    shared: int = field(default=0, compare=False)
    #: How many more the student handed in, of which nothing else is kept.
    more: int = field(default=0, compare=False)
    called: str = ""

    @property
    def shown(self) -> str:
        """The name as texts show it."""
        return one_name(self.name)

    @property
    def titled(self) -> str:
        """The name as lists show it, behind the student's where a platform told that."""
        return f"{one_name(self.called)}, {self.shown}" if self.called else self.shown

    @property
    def top(self) -> str:
        """The first part of the name: a folder of the class's, or the file itself."""
        return self.name.partition("/")[0]

    @property
    def student(self) -> str:
        return self.called or composed(self.spelled)

    @property
    def spelled(self) -> str:
        """The student as the folder, or the file itself, is called."""
        first, _, rest = self.name.partition("/")
        return first if rest else self._own_name

    @property
    def person(self) -> str:
        """The student, also where all lie in one folder."""
        first, *rest = self.name.split("/")[self.shared :]
        return self.called or composed(first if rest else self._own_name)

    @property
    def _own_name(self) -> str:
        """The name without its ending: a folder's has none, "J. Doe" is whole."""
        return self.path.name if is_folder(self.path) else self.path.stem

    @property
    def assignment(self) -> str | None:
        parts = self.name.split("/")
        return parts[1] if len(parts) > 2 and parts[1] in all_chapters() else None

    @property
    def own(self) -> Path:
        """Where the file must really be: its folder, or where that is several students',
        its own name. A link there may lead to another's work.

        The folder of the class may be a link; its owner typed it."""
        folders = self.name.split("/")[:-1]
        return self.root.joinpath(
            *folders if len(folders) > self.shared else [self.name]
        )

    @property
    def root(self) -> Path:
        """The folder of the class, where it really is."""
        return real_path(self.path.parents[self.name.count("/")])


def has_work(folder: Path) -> bool:
    """Return whether submissions lie in a folder, or may, where nobody can look."""
    try:
        return is_folder(folder) and any(p.suffix in ENDINGS for p in folder.iterdir())
    except OSError:
        return True


def find_handed_in(
    folder: str | Path, shown: str | Path | None = None
) -> list[HandedIn]:
    """Return the notebooks and scripts below a folder, in the order of their names; of one
    student's no more than ``Few`` keeps.

    Hidden folders, such as Jupyter's checkpoints, are not looked into, nor are links to
    folders; one, or a folder that cannot be read, stands for a student of whom nothing
    else is there. Raises ``ClassError``, of the folder as it is ``shown`` to the user, when
    there is no such folder, or none of these in it, or too many."""
    folder = Path(folder)
    if not is_folder(folder):
        raise ClassError(_no_folder(folder))
    try:
        with os.scandir(folder):
            pass  # what lies below it may be closed, and is said to be
        shared, work, rest = names_below(folder, ENDINGS)
    except TooMany as error:
        raise ClassError(f"{shown or folder}: {error}") from None
    except OSError as error:
        told = f"{shown or folder} cannot be read ({error.strerror or error})."
        raise ClassError(told) from None
    found = [HandedIn(folder / name, name, shared, more) for name, more in work]
    students = {handed_in.student for handed_in in found}
    others = [HandedIn(folder / name, name, shared, more) for name, more in rest]
    found += [other for other in others if other.student not in students]
    if not found:
        raise ClassError(f"There is no .ipynb or .py file below {shown or folder}.")
    return sorted(found, key=lambda handed_in: handed_in.name)


def _no_folder(path: Path) -> str:
    if is_missing(path):
        return f"There is no folder {path}."
    if not is_there(path):
        return (
            f"Whether {path} is a folder cannot be seen; expected one that is readable."
        )
    one = path.suffix in ENDINGS
    command = f" To grade one file: python -m autograder check {path}" if one else ""
    return f"{path} is no folder; expected that of a class.{command}"


def of_one_folder(files: Sequence[HandedIn], packed: bool) -> str:
    """Return what is to be said where one student's folder may be a whole class's; it lies
    in an archive, if ``packed``."""
    if len(files) < 2 or not files[0].shared or any(file.assignment for file in files):
        return ""
    top = one_name(files[0].top)
    unpack = "unpack the archive and " if packed else ""
    return (
        f"All files lie in {top}, which counts as one student's. If it is the folder of a "
        f"class, {unpack}grade that folder."
    )


# ---- Grading ------------------------------------------------------------------------


@dataclass(frozen=True)
class Graded:
    """What came of one file: a report, or ``failure``, for which it is not to blame.

    ``left`` is one file of too many; it stands for so many more ``alike``."""

    handed_in: HandedIn
    report: Report | None
    failure: str = ""
    left: bool = False
    alike: int = 0

    def line(self) -> str:
        """Return the verdict as one line of text."""
        name = self.handed_in.titled
        if self.report is None:
            return f"{'–':>11}  {name}: {one_line(self.failure)}"
        score = f"{self.report.score:g} of {self.report.max_score:g}"
        why = f": {one_line(self.report.error)}" if self.report.error else ""
        return f"{score:>11}  {name}{why}"


def grade_one(
    handed_in: HandedIn, cells: bool = False, sent: Sent | None = None, **options: Any
) -> Graded:
    """Grade a file; whatever happens is in the result, but for a missing sandbox, and
    for ``TryAgain`` with ``defer``. What the cells showed is kept if asked for. Where the
    file lies on another machine, it is ``sent``."""
    if sent is None:
        never_below(handed_in.root)
    try:
        report = grade(
            sent or handed_in.path,
            chapter=handed_in.assignment,
            within=None if sent else handed_in.own,
            ahead=True,
            **options,
        )
    except (SandboxUnavailable, TryAgain):
        raise
    except WorkerUnavailable as error:
        return Graded(handed_in, None, f"{error} No score.")
    except Exception as error:
        failure = f"the grader failed ({type(error).__name__}: {error}); no score"
        return Graded(handed_in, None, failure)
    # All of a class's output together takes much memory.
    return Graded(handed_in, report if cells else replace(report, cells={}))


def grade_class(
    handed_in: Iterable[HandedIn],
    jobs: int,
    done: Callable[[Graded], None] = lambda graded: None,
    judges_of: Callable[[int], Judges] = Judges,
    **options: Any,
) -> list[Graded]:
    """Grade the files, ``jobs`` at a time; return the results in the files' order.

    Each is graded in a process that no other file can slow or end. What came of the
    machine rather than of the file is tried again, one file at a time, after all others;
    of one student's files ``MOST_FILES`` are graded, and ``MOST_TRIES`` tried again.
    ``done`` is called with each result as soon as it is there; ``judges_of`` returns so
    many judges; ``options`` go to ``grade_one``. After ``KeyboardInterrupt`` nothing goes
    on."""
    files = list(handed_in)
    if not files:
        return []
    results: dict[HandedIn, Graded] = {}
    judges = judges_of(min(jobs, len(files)))

    def keep(graded: Graded) -> None:
        done(graded)
        report = graded.report
        if report is not None:
            graded = replace(graded, report=replace(report, cells={}))
        results[graded.handed_in] = graded

    few, many = _at_most(MOST_FILES, files)
    for file in many:
        why = f"not graded: {MOST_FILES} files of one student were"
        keep(Graded(file, None, why, left=True))
    try:
        waiting: dict[Future[Graded], HandedIn] = {
            judges.begin(grade_one, file, defer=True, **options): file for file in few
        }
        _second_round(judges, _first_round(waiting, keep), keep, options)
    finally:
        judges.end()
    return [results[file] for file in files]


def without_floods(results: Sequence[Graded]) -> list[Graded]:
    """Return the same with one result for all files that a student handed in too many."""
    left = Counter(graded.handed_in.student for graded in results if graded.left)
    for graded in results:
        if left[graded.handed_in.student]:
            left[graded.handed_in.student] += graded.handed_in.more
    found = []
    for graded in results:
        if graded.left:
            more = left.pop(graded.handed_in.student, 0) - 1
            if more < 0:
                continue
            if more:
                also = f"not graded, like {more:,} more files of this student"
                why = graded.failure.replace("not graded", also, 1)
                graded = replace(graded, failure=why, alike=more)
        found.append(graded)
    return found


def _at_most(
    most: int, files: Iterable[HandedIn]
) -> tuple[list[HandedIn], list[HandedIn]]:
    """Return the first ``most`` files of each student, and the others."""
    few: list[HandedIn] = []
    many: list[HandedIn] = []
    count: Counter[str] = Counter()
    for file in files:
        (few if count[file.student] < most else many).append(file)
        count[file.student] += 1
    return few, many


def _first_round(
    waiting: "dict[Future[Graded], HandedIn]", keep: Callable[[Graded], None]
) -> dict[HandedIn, TryAgain]:
    """Hand each result to ``keep``; return the files that are to be tried again."""
    second: dict[HandedIn, TryAgain] = {}
    while waiting:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            file = waiting.pop(future)
            outcome = _outcome(future, file)
            if isinstance(outcome, TryAgain):
                second[file] = outcome
            elif outcome.report is None:
                second[file] = TryAgain(outcome.failure, 0.0)
            else:
                keep(outcome)
    return second


def _second_round(
    judges: Judges,
    doubtful: dict[HandedIn, TryAgain],
    keep: Callable[[Graded], None],
    options: dict[str, Any],
) -> None:
    """Try files again, one at a time, and hand each result to ``keep``."""
    files, rest = _at_most(MOST_TRIES, doubtful)
    for file in rest:
        why = f"{doubtful[file].reason}, as in other files of this student; no score"
        keep(Graded(file, None, why))
    for file in files:
        future = judges.alone(grade_one, file, again=doubtful[file], **options)
        outcome = _outcome(future, file)
        if isinstance(outcome, TryAgain):
            failure = f"the grader failed twice ({outcome.reason}); no score"
            outcome = Graded(file, None, failure)
        keep(outcome)


def _outcome(future: "Future[Graded]", file: HandedIn) -> Graded | TryAgain:
    """Return what came of a file, or why it is to be tried again. Raises
    ``SandboxUnavailable``, and ``ClassError`` when none can be graded."""
    try:
        graded = future.result()
    except (TryAgain, JudgeLost) as error:
        return error if isinstance(error, TryAgain) else TryAgain(str(error), 0.0)
    except (SandboxUnavailable, ClassError):
        raise
    except Exception as error:
        failure = f"the grader failed ({type(error).__name__}: {error}); no score"
        return Graded(file, None, failure)
    return graded


def default_jobs() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
