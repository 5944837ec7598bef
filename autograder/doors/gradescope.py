"""Gradescope's autograder: the archive that an instructor uploads, and what runs in it.

``python -m autograder gradescope CHAPTER`` writes the archive: ``setup.sh``, which installs,
``run_autograder``, which Gradescope runs for each submission, this grader, and the exercises
of a course outside this package. Gradescope's folders are below /autograder.
"""

import contextlib
import hmac
import io
import json
import os
import shlex
import sys
import traceback
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograder import __version__
from autograder.contract import outside
from autograder.contract.exercise import all_exercises, expect_chapter
from autograder.contract.here import is_file, real_path
from autograder.doors.classroom import ENDINGS
from autograder.doors.exports import gradescope
from autograder.grading.grade import grade
from autograder.grading.judges import bounded_memory
from autograder.grading.secret import VARIABLE, find_secret
from autograder.isolation.atomic import PRIVATE, write_out
from autograder.isolation.folders import walk
from autograder.wire.text import names_of

_PACKAGE = Path(__file__).resolve().parent.parent
#: The date of every file: the same grader gives the same bytes.
_DATE = (2020, 1, 1, 0, 0, 0)
_MODES = {"setup.sh": 0o755, "run_autograder": 0o755, "secret": 0o600}

SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, when the autograder is built.
set -euo pipefail
base="${GRADER_BASE:-/autograder}"
place="${GRADER_PLACE:-/opt/dropout-grader}"
for version in 3.13 3.12 3.11; do
    if "python$version" -c "import ensurepip" 2> /dev/null; then break; fi
    apt-get update
    if apt-get install -y "python$version" "python$version-venv" bubblewrap; then break; fi
done
"python$version" -m venv "$place"
"$place/bin/python" -m pip install "numpy==NUMPY" matplotlib MORE
site="$("$place/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
cp -R "$base/source/autograder" "$site/"
"""
RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each submission.
cd /
exec "${GRADER_PLACE:-/opt/dropout-grader}/bin/python" -P -m autograder.doors.gradescope \\
    "${GRADER_BASE:-/autograder}"
"""


class BundleError(Exception):
    """The archive cannot be made; the message says why."""


# ---- The archive --------------------------------------------------------------------


def write_bundle(path: Path, chapter: str) -> None:
    """Write the archive for a chapter's assignment.

    Raises ``BundleError`` for a chapter without exercises, ``SecretError``, ``OSError``."""
    try:
        expect_chapter(chapter)
    except KeyError as error:
        raise BundleError(error.args[0]) from None
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(_contents(chapter)):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = _MODES.get(name, 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    write_out(path, whole.getvalue(), PRIVATE)


def _contents(chapter: str) -> Iterator[tuple[str, bytes]]:
    packages = outside.installed_packages()
    if missing := [name for name, what in packages.items() if not what]:
        raise BundleError(
            f"{outside.PACKAGES} names {names_of(missing)}; expected packages that are "
            "installed here, for the archive installs the same."
        )
    more = "".join(f" {shlex.quote(what)}" for what in packages.values())
    setup = SETUP.replace("NUMPY", np.__version__).replace(" MORE", more)
    yield "setup.sh", setup.encode()
    yield "run_autograder", RUN.encode()
    settings = {"chapter": chapter, "version": __version__}
    if packages:
        settings["packages"] = ",".join(packages)
    yield "settings.json", json.dumps(settings).encode()
    # Not the course's own secret: where no sandbox protects files, a submission reads it.
    own = hmac.digest(find_secret().key, b"gradescope", "sha256").hex()
    yield "secret", own.encode()
    known = [path for path in _PACKAGE.rglob("*") if path.suffix in (".py", ".ini")]
    files = {"autograder": (_PACKAGE, [path for path in known if is_file(path)])}
    for number, folder in enumerate(outside.folders_in_force(), start=1):
        files[f"exercises/{number}"] = folder, outside.files_of(folder)
    for place, (folder, paths) in files.items():
        for path in paths:
            name = path.relative_to(folder).as_posix()
            yield f"{place}/{name}", path.read_bytes()


# ---- What runs at Gradescope's ------------------------------------------------------


def run(base: Path) -> None:
    """Grade the submission below ``base`` and write ``results/results.json``, whatever
    happens. Raises ``OSError`` where that cannot be written."""
    try:
        result = _graded(base)
    except Exception as error:
        traceback.print_exc()  # Gradescope shows it to instructors alone
        result = _refused(f"The grader failed ({type(error).__name__}); no verdict.")
    out = base / "results" / "results.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _graded(base: Path) -> dict[str, Any]:
    source, submission = base / "source", base / "submission"
    settings = json.loads((source / "settings.json").read_text("utf-8"))
    chapter = settings["chapter"]
    os.environ[outside.PACKAGES] = settings.get("packages", "")
    os.environ[VARIABLE] = secret = (source / "secret").read_text("utf-8")
    if not secret.strip():
        raise BundleError("The archive's file secret is empty; upload one made anew.")
    outside.use(sorted((source / "exercises").glob("*")))
    files = sorted(_files(submission))
    # Of several files the one that has the chapter's name.
    named = [path for path in files if path.stem == chapter] or files
    if len(named) != 1:
        names = names_of([path.name for path in named]) or "none"
        return _refused(f"Expected one file, {chapter}.ipynb; found: {names}.", chapter)
    with bounded_memory():
        report = grade(named[0], chapter=chapter, within=real_path(submission))
    return gradescope(report)


def _files(submission: Path) -> Iterator[Path]:
    """Yield what may be the answers, however deep it lies; nothing hidden."""
    for place, folders, names in walk(submission):
        folders[:] = [name for name in folders if name[0] not in "._"]
        for path in (Path(place, name) for name in names if name[0] not in "._"):
            with contextlib.suppress(OSError):  # its path is too long
                if path.suffix in ENDINGS and is_file(path):
                    yield path


def _refused(output: str, chapter: str | None = None) -> dict[str, Any]:
    """Return a result without points, with the exercises that there were, if known."""
    exercises = [] if chapter is None else all_exercises(chapter)
    tests = [
        {"name": each.name, "score": 0, "max_score": each.max_score, "status": "failed"}
        for each in exercises
    ]
    return {
        "score": 0,
        "output": output,
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


def main(arguments: Sequence[str]) -> None:
    run(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
