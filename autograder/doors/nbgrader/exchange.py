"""nbgrader's exchange, in which every account of the machine may write, as instructors use it:
``collect``, ``list`` and ``release_feedback`` go by what is there, one student at a time, and
nothing that one of them put there is another's, or stops the others."""

import contextlib
import glob
import hashlib
import io
import os
import shutil
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange.default import (
    ExchangeCollect,
    ExchangeList,
    ExchangeReleaseFeedback,
)
from nbgrader.exchange.default import list as listing
from nbgrader.utils import check_mode, notebook_hash

from autograder.contract.here import is_folder, is_link, is_missing, is_there
from autograder.doors.archives import EACH_BYTES
from autograder.doors.classroom import ClassError
from autograder.doors.collect import PATIENCE
from autograder.doors.nbgrader.beside import secret_in
from autograder.doors.nbgrader.formgrader import read_all_dates_carefully
from autograder.doors.nbgrader.inbound import (
    NotTaken,
    Submitted,
    Taken,
    account,
    bytes_in,
    has_work,
    submitted_in,
)
from autograder.doors.nbgrader.timestamps import time_in
from autograder.doors.record import Owners
from autograder.doors.whose import written_down
from autograder.isolation.folders import remove_folder
from autograder.isolation.locks import in_turn
from autograder.submission.file import MAX_BYTES, leads_out, own_folder
from autograder.wire.text import listed, names_of, one_line, one_name


class CarefulCollect(ExchangeCollect):
    """nbgrader's ``collect``, by the folder's owner: whoever writes another's name on a
    folder hands in nothing, and replaces nothing."""

    #: Whose folders are those of accounts elsewhere: a namesake's, for all we know.
    owners: dict[str, Owners]

    def init_src(self) -> None:
        if not self.coursedir.course_id:
            self.fail("No course id specified. Re-run with --course flag.")
        self.inbound_path = str(Path(self.root, self.coursedir.course_id, "inbound"))
        if not is_folder(self.inbound_path):
            self.fail(f"Course not found: {self.inbound_path}")
        if not check_mode(self.inbound_path, read=True, execute=True):
            self.fail(
                "You don't have read permissions for the directory: "
                f"{self.inbound_path}"
            )
        assignment = self.coursedir.assignment_id
        found, odd = submitted_in(
            self.inbound_path, assignment, self.coursedir.student_id or "*"
        )
        if odd:
            self.log.warning(
                "Passed over, as no folders named <student>+%s+<time>: %s.",
                *(assignment, names_of(odd)),
            )
        theirs = defaultdict(list)
        for each in self._of_their_owners(found):
            theirs[each.student].append(each)
        self.duedate = self._due()
        self.src_records = [self._counting(all_) for _, all_ in sorted(theirs.items())]

    def _of_their_owners(self, found: list[Submitted]) -> list[Submitted]:
        """Return what is of the account that its name says; a line for each other one."""
        if not self.check_owner:
            return found
        others = defaultdict(list)
        for each in found:
            if account(each.owner) != each.student:
                others[account(each.owner)].append(each.name)
        for owner, names in sorted(others.items()):
            self.log.error(
                "NOT COLLECTED: %s: made by %s, who is not the student. Where one account "
                "hands in for all, set c.ExchangeCollect.check_owner = False.",
                *(names_of(names), one_name(owner)),
            )
        return [each for each in found if account(each.owner) == each.student]

    def _due(self) -> Any:
        course = self.coursedir
        with Gradebook(course.db_url, course.course_id) as gradebook:
            try:
                return gradebook.find_assignment(course.assignment_id).duedate
            except MissingEntry:
                return None

    def _counting(self, theirs: list[Submitted]) -> dict[str, Any]:
        """Return which of a student's attempts counts: as nbgrader has it, but that one
        with work in it comes before a later one without."""
        in_time = [
            each for each in theirs if self.duedate and each.time <= self.duedate
        ]
        among = in_time if self.before_duedate and in_time else theirs
        attempts = sorted(among, key=lambda each: each.time, reverse=True)
        with_work = (
            each for each in attempts if has_work(Path(self.inbound_path, each.name))
        )
        last = next(with_work, attempts[0])
        if last is not attempts[0]:
            self.log.warning(
                "%s: a later attempt (%s) holds no notebook and no .py file; an earlier one "
                "counts until one does.",
                *map(one_name, (last.student, attempts[0].name)),
            )
        return {
            "username": last.student,
            "filename": last.name,
            "timestamp": last.time,
            "owner": last.owner if self.check_owner else None,
        }

    def copy_files(self) -> None:
        course = self.coursedir
        self.log.info(
            "Processing %d submissions of '%s' for course '%s'",
            *(len(self.src_records), course.assignment_id, course.course_id),
        )
        failed = []
        submitted = Path(course.format_path(course.submitted_directory, "", ""))
        submitted.mkdir(parents=True, exist_ok=True)
        try:
            self.owners = written_down(submitted)
        except ClassError as error:
            self.fail(str(error))
        # As our own collect, which writes there, too.
        with in_turn(submitted.parent, PATIENCE):
            for record in self.src_records:
                student = record["username"]
                try:
                    self._collect(record)
                except (NotTaken, OSError, ValueError) as error:
                    failed.append(one_name(student))
                    why = getattr(error, "strerror", None) or error
                    self.log.error(
                        "NOT COLLECTED: %s: %s: %s; what was there stays.",
                        *map(one_name, (student, record["filename"], str(why))),
                    )
        if failed:
            self.fail(f"Not collected, see above: {listed(failed)}.")

    def _collect(self, record: dict[str, Any]) -> None:
        """Copy a student's work to where it belongs, or say why not. Raises ``NotTaken``,
        ``OSError``, ``ValueError``."""
        course, student = self.coursedir, record["username"]
        words = one_name(student), course.assignment_id
        step = course.submitted_directory
        dest = Path(course.format_path(step, student, course.assignment_id))
        if is_link(dest) or leads_out(dest, own_folder(dest)):
            raise NotTaken(f"{dest} lies behind a link; remove the link")
        if owners := self.owners.get(student):
            raise NotTaken(
                f"the folder {dest.parent} is of {listed(owners)}; where both are one "
                "student, remove what submitted.whose.json says of it"
            )
        before = dest.with_name(f".{dest.name}.before")
        if is_there(before) and not is_there(dest):
            before.rename(dest)  # of a run that was killed
        told = "Collecting submission: %s %s"
        if is_there(dest):
            there, new = time_in(dest), record["timestamp"]
            newer = self.update and (there is None or new > there)
            if not newer and not (self.before_duedate and there != new):
                told = "No newer submission to collect: %s %s"
                if not self.update:
                    told = "Submission already exists, use --update to update: %s %s"
                self.log.info(told, *words)
                return
            told = "Updating submission: %s %s"
        self.log.info(told, *words)
        left = self._put(Path(self.inbound_path, record["filename"]), dest, record)
        if left:
            self.log.warning(
                "%s: left out: %s; expected files of theirs, no links, of %d MB at most.",
                *(words[0], names_of(left), MAX_BYTES >> 20),
            )

    def _put(self, source: Path, dest: Path, record: dict[str, Any]) -> list[str]:
        """Have a folder take the place of what is there, once all of it is copied; return
        what was left out."""
        before = dest.with_name(f".{dest.name}.before")
        new = dest.with_name(f".{dest.name}.collecting")
        course = self.coursedir
        taken = Taken(
            record["owner"],
            self._is_passed_over,
            1000 * course.max_file_size,
            1000 * course.max_dir_size,
        )
        for left_behind in (new, before):
            remove_folder(str(left_behind))
        try:
            taken.copy(source, new)
            self._share(new)
            if is_there(dest):
                dest.rename(before)
            new.rename(dest)
        finally:
            remove_folder(str(new))
            if is_there(before) and not is_there(dest):
                before.rename(dest)
        remove_folder(str(before))
        return taken.left

    def _is_passed_over(self, name: str, is_a_file: bool) -> bool:
        """Whether the course wants nothing of that name, by nbgrader's options."""
        course = self.coursedir
        if any(fnmatch(name, each) for each in course.ignore):
            return True
        included = any(fnmatch(name, each) for each in course.include)
        return is_a_file and bool(course.include) and not included

    def _share(self, folder: Path) -> None:
        """Let the course's other instructors change what was copied, where there are any."""
        if self.coursedir.groupshared:
            for place, _, names in os.walk(folder):
                Path(place).chmod(Path(place).stat().st_mode & 0o777 | 0o2770)
                for path in (Path(place, name) for name in names):
                    path.chmod(path.stat().st_mode & 0o777 | 0o660)


class CarefulReleaseFeedback(ExchangeReleaseFeedback):
    """nbgrader's ``release_feedback``: who handed in nothing through the exchange, and so
    has no secret by which to fetch a page, costs nobody else theirs."""

    def copy_files(self) -> None:
        excluded = self.coursedir.student_id_exclude.split(",")
        whose, failed = self._whose(), []
        for path in map(Path, sorted(glob.glob(self.src_path))):  # noqa: PTH207
            student = path.parent.name
            if student in excluded or not any(path.glob("*.html")):
                continue
            if not (secret := secret_in(path)):
                self.log.warning(
                    "NOT RELEASED: %s: no submission_secret.txt is beside the page, so the "
                    "work did not come through the exchange; give them %s.",
                    *(one_name(student), one_line(str(path))),
                )
            elif others := sorted(whose[secret] - {student}):
                told = "NOT RELEASED: %s: %s one secret with them."
                has = names_of(others) + (" has" if len(others) == 1 else " have")
                self.log.error(told, one_name(student), has)
            else:
                try:
                    self._release(path, secret)
                except OSError as error:
                    failed.append(one_name(student))
                    why = error.strerror or error
                    self.log.error("NOT RELEASED: %s: %s", one_name(student), why)
        if failed:
            self.fail(f"Not released, see above: {listed(failed)}.")

    def _whose(self) -> dict[str, set[str]]:
        """Return who of all students have a secret, in any step, whoever is asked for: by it
        a page is called, and one of two would take the other's place."""
        course, whose = self.coursedir, defaultdict[str, set[str]](set)
        for step in (
            *(course.submitted_directory, course.autograded_directory),
            course.feedback_directory,
        ):
            everybodys = course.format_path(step, "*", course.assignment_id)
            for path in map(Path, glob.glob(everybodys)):  # noqa: PTH207
                if secret := secret_in(path):
                    whose[secret].add(path.parent.name)
        return whose

    def _release(self, folder: Path, secret: str) -> None:
        course = self.coursedir
        for page in sorted(folder.glob("*.html")):
            name = notebook_hash(secret=secret, notebook_id=page.stem)
            new = Path(self.dest_path, f"{name}-tmp.html")
            released = Path(self.dest_path, f"{name}.html")
            self.log.info(
                "Releasing feedback for student '%s' on assignment '%s/%s/%s' (%s)",
                one_name(folder.parent.name),
                *(course.course_id, course.assignment_id, page.stem),
                time_in(folder) or "without a date",
            )
            shutil.copy(page, new)
            new.replace(released)
            self.log.info("Feedback released to: %s", released)


class CarefulList(ExchangeList):
    """nbgrader's ``list``, which passes over what it cannot read, opens no pipe, and takes
    time in proportion to what is there. Formgrader makes one before any page."""

    assignments: list[str]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        read_all_dates_carefully()
        listing.open, listing.notebook_hash = _opened, _notebook_hash

    def parse_assignments(self) -> list[dict[str, Any]]:
        paths, odd = self.assignments, list[str]()
        found: list[dict[str, Any]] = []
        for path in paths:
            self.assignments = [path]
            if self.inbound and (is_link(path) or not is_folder(path)):
                odd.append(path)
                continue
            try:
                found += super().parse_assignments()
            except Exception:
                # Whatever is wrong with it, somebody made it so: it is not the others'.
                odd.append(path)
        self.assignments = paths
        if odd:
            names = names_of([Path(path).name for path in odd])
            self.log.warning("Passed over, as nothing that nbgrader made: %s.", names)
        return _together(found) if self.inbound or self.cached else found

    def format_inbound_assignment(self, info: dict[str, Any]) -> str:
        # Whose it is, and of when, are parts of a name that somebody chose.
        return one_line(super().format_inbound_assignment(info))

    def remove_files(self) -> list[dict[str, Any]]:
        self.log.info("Removing:")
        found = self.list_files()
        for path in self.assignments:
            if is_folder(path) and not is_link(path):
                remove_folder(path)
            else:
                with contextlib.suppress(OSError):
                    Path(path).unlink()
        left = [path for path in self.assignments if not is_missing(path)]
        if left:
            names = names_of([Path(path).name for path in left])
            self.log.error("NOT REMOVED: %s.", names)
        return found


def _together(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a student's submissions of an assignment as one, by their names and times."""
    merged: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in found:
        key = each["course_id"], each["student_id"], each["assignment_id"]
        if key in merged:
            merged[key]["submissions"] += each["submissions"]
        else:
            merged[key] = each
    for each in merged.values():
        each["submissions"].sort(key=lambda one: one["timestamp"])
    return [merged[key] for key in sorted(merged)]


def _opened(path: str, mode: str = "r") -> io.BytesIO | io.StringIO:
    """Open a file for nbgrader's ``list``: a secret as text, and pages. Raises ``OSError``,
    and ``ValueError`` for what is no text."""
    content = _bytes_in(path)
    return io.BytesIO(content) if "b" in mode else io.StringIO(content.decode())


def _notebook_hash(
    path: str | None = None, unique_key: str | None = None, **names: Any
) -> str:
    """Return what nbgrader's function does of a notebook, or of a secret."""
    if path is None:
        return notebook_hash(**names)
    found = hashlib.md5(_bytes_in(path), usedforsecurity=False)
    found.update((unique_key or "").encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _bytes_in(path: str) -> bytes:
    content = bytes_in(path, EACH_BYTES)
    if content is None:
        raise OSError(f"{path} is no file, or too large")
    return content
