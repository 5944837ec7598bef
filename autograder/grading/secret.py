"""The secret behind the draws: where it is kept, and how it is made.

The environment variable DROPOUT_COURSE_SECRET comes first. Without it a course has a file
``secret`` beside its gradebook. What is graded outside a course, and a new course, gets a
secret that follows from the account's own, which lies among the account's files.
"""

import contextlib
import functools
import hashlib
import hmac
import os
import re
import secrets
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.contract.here import NowhereError, real_path, working_directory
from autograder.isolation.atomic import write_new
from autograder.isolation.bubblewrap import PACKAGE, readable
from autograder.isolation.private import exposed, make_private, replaceable

VARIABLE = "DROPOUT_COURSE_SECRET"
#: A text of fewer characters can be guessed, and a replay code tells a guess that is right.
ENOUGH = 16
_BYTES = 32


class SecretError(Exception):
    """A secret is there and cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Secret:
    """What students do not know. ``lasting`` is false for one that ends with this
    process; ``remarks`` are for whoever grades, never for a report."""

    text: str
    lasting: bool = True
    remarks: tuple[str, ...] = ()

    @property
    def key(self) -> bytes:
        """The secret as a key of 32 bytes; takes a twentieth of a second, once."""
        return _stretched(self.text)


@functools.lru_cache(maxsize=4)
def _stretched(text: str) -> bytes:
    """Return a key that is slow to compute, because people choose texts that others
    guess: each guess has to go through this."""
    data, salt = text.encode("utf-8", "surrogateescape"), b"dropout course secret"
    if hasattr(hashlib, "scrypt"):  # missing where OpenSSL is built without it
        return hashlib.scrypt(
            data, salt=salt, n=2**14, r=8, p=1, maxmem=2**26, dklen=_BYTES
        )
    return hashlib.pbkdf2_hmac("sha256", data, salt, 200_000, _BYTES)


def find_secret(course: Path | None = None) -> Secret:
    """Return the secret that is in force.

    ``course`` is the root of a course whose settings are already trusted; without it,
    the course is looked for in the working directory and above. Raises ``SecretError``
    for a secret that is damaged or cannot be read."""
    if given := os.environ.get(VARIABLE, "").strip():
        short = f"{VARIABLE} has {len(given)} characters, and students could guess it"
        advice = f"{short}; expected {ENOUGH} or more (course/README.md says how)."
        return Secret(given, True, (advice,) if len(given) < ENOUGH else ())
    if course is None:
        with contextlib.suppress(NowhereError):
            course = _course_above(working_directory())
        if course != PACKAGE.parent:
            return _beyond_trust(course)
    return _of_course(real_path(course))


def _course_above(folder: Path) -> Path | None:
    """Return the course that the folder lies in: the grader's own, else the outermost,
    because what is below may be a student's."""
    above = (folder, *folder.parents)
    roots = [root for root in above if (root / "nbgrader_config.py").is_file()]
    if PACKAGE.parent in roots:
        return PACKAGE.parent
    return roots[-1] if roots else None


def _of_course(root: Path) -> Secret:
    """Return the secret of a trusted course, made if it has none."""
    place = _place(root)
    if _worker_reads(place):
        remark = f"{place} would be open to students' code, and is not used."
        return _of_account(root, remark)
    if not os.path.lexists(place):
        new = _of_account(root)
        try:
            write_new(place, f"{new.text}\n")
        except OSError:
            return new
    text, told = _read(place), _danger(place)
    remark = f"{place} is not safe: {told}, or set {VARIABLE}."
    return Secret(text, True, (remark,) if told else ())


def _beyond_trust(root: Path | None) -> Secret:
    """Return the secret outside a course, or in what looks like one.

    A student's folder may look like a course, with a secret that the student knows. So
    the file there is not taken; if this account made it, it holds the same anyway."""
    own = _of_account(root)
    if root is None or not os.path.lexists(place := _place(root)):
        return own
    with contextlib.suppress(SecretError):
        if hmac.compare_digest(_read(place), own.text):
            return own
    remark = (
        f"{place} is not used, for this account did not make it there. Is it your "
        f"course's? Then set {VARIABLE} to what it holds."
    )
    return Secret(own.text, own.lasting, (remark, *own.remarks))


def _place(root: Path) -> Path:
    """Return where a course keeps its secret: beside the gradebook."""
    return (root / "course" if (root / "course").is_dir() else root) / "secret"


def _of_account(root: Path | None, *remarks: str) -> Secret:
    """Return the secret that follows from the account's for a course, or outside one."""
    account, unsafe = _account_secret()
    remarks += unsafe
    if account is not None:
        course = b"" if root is None else os.fsencode(root)
        text = hmac.digest(account.encode(), b"course\0" + course, "sha256").hex()
        return Secret(text, True, remarks)
    nowhere = (
        "No secret could be kept, so this run's verdicts cannot be replayed. "
        f"Set {VARIABLE} to have one."
    )
    return Secret(_passing(), False, (*remarks, nowhere))


@functools.cache
def _passing() -> str:
    return secrets.token_hex(_BYTES)


# ---- The account's own --------------------------------------------------------------


def _account_secret() -> tuple[str | None, tuple[str, ...]]:
    """Return the secret of this account, made if it has none, and remarks; None where no
    file of this account is lasting, hidden from students' code and nobody else's."""
    places = [place for place in _account_places() if not _worker_reads(place)]
    unsafe: list[str] = []
    for place in filter(os.path.lexists, places):
        if not (told := _danger(place)):
            return _read(place), tuple(unsafe)
        unsafe.append(f"{place} is not used: {told}.")
    for place in places:
        if os.path.lexists(place):
            continue
        with contextlib.suppress(OSError):
            if not (told := _made(place)):
                return _read(place), tuple(unsafe)
            unsafe.append(f"{place} is not made: {told}.")
    return None, tuple(unsafe)


def _made(place: Path) -> str:
    """Make a secret, or return why it would be no secret there. Raises ``OSError``."""
    make_private(place.parent)
    if told := replaceable(place):
        return told
    write_new(place, f"{secrets.token_hex(_BYTES)}\n")
    if told := exposed(place):  # on a disk without modes
        place.unlink(missing_ok=True)
    return told


def _account_places() -> list[Path]:
    """Return where this account may keep it, the usual place of such state first."""
    given = "LOCALAPPDATA" if os.name == "nt" else "XDG_STATE_HOME"
    places = [Path(os.environ.get(given, ""), "dropout-grader")]
    with contextlib.suppress(RuntimeError):  # an account without a home
        mac = sys.platform == "darwin"
        usual = "Library/Application Support" if mac else ".local/state"
        places += [Path.home() / usual / "dropout-grader"] if os.name != "nt" else []
        places.append(Path.home() / ".dropout-grader")
    return [place / "secret" for place in places if place.is_absolute()]


def _worker_reads(place: Path) -> bool:
    """Whether the place lies in what a student's code may read, as where Python itself
    is installed."""
    real = real_path(place)
    return any(real.is_relative_to(os.path.realpath(path)) for path in readable())


# ---- The file -----------------------------------------------------------------------


def _danger(place: Path) -> str:
    """Return how others could know or replace a secret, if they can. What cannot be read
    is told when it is."""
    with contextlib.suppress(OSError):
        return exposed(place)
    return ""


def _read(place: Path) -> str:
    """Return the secret in a file. Raises ``SecretError`` for what holds none."""
    try:
        for _ in range(20):
            found = place.stat()
            if not stat.S_ISREG(found.st_mode):
                raise SecretError(
                    f"{place} is not a file; expected a secret. Remove it."
                )
            if found.st_size:
                break
            time.sleep(0.05)  # another process may be writing it
        with place.open("rb") as file:
            data = file.read(1000).strip()
    except OSError as error:
        raise SecretError(
            f"{place} cannot be read ({error.strerror}); expected the secret of the "
            f"course. Grade with the account that made it, or set {VARIABLE}."
        ) from None
    if not re.fullmatch(rb"[0-9a-f]{%d}" % (2 * _BYTES), data):
        raise SecretError(
            f"{place} is damaged: expected {2 * _BYTES} hexadecimal digits, found "
            f"{len(data)} bytes of something else. Put back a copy. Without one remove "
            "it: another is made, and earlier reports can no longer be replayed."
        )
    return data.decode()
