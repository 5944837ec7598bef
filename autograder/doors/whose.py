"""Whose each folder in ``submitted/`` is: whoever has one keeps it, under any name.

``.whose.json`` in it holds the account's address or number, by platform; by assignment where
numbers are of that.
"""

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.contract.here import is_file, is_folder
from autograder.doors.classroom import ClassError
from autograder.doors.platforms import LASTING, Named, folded, told_apart
from autograder.isolation.atomic import write_whole

_NAME, _LONGEST = ".whose.json", 100_000
_TO_DO = (
    "Ask them; where it is the wrong one, move {} and what .whose.json says of it to the "
    "right one."
)


class Folders:
    """The students' folders below one."""

    def __init__(self, submitted: str | Path, chapter: str) -> None:
        """Read whose they are. Raises ``ClassError`` where that cannot be read."""
        self._place, self._chapter = Path(submitted), chapter
        #: Of each folder the accounts, by platform.
        self._owners: dict[str, dict[str, list[str]]] = {}
        #: By account, and by name, also without a number behind it.
        self._folders: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._called: dict[str, list[str]] = defaultdict(list)
        if is_folder(self._place):
            for path in sorted(self._place.iterdir()):
                if is_folder(path):
                    self._owners[path.name] = _read(path / _NAME)
        for folder, owners in self._owners.items():
            name = folded(folder)
            self._called[name].append(folder)
            for end in re.finditer(r"_(?=.*[\d@])", name):
                self._called[name[: end.start()]].append(folder)
            for platform, accounts in owners.items():
                for account in accounts:
                    self._folders[platform, account].append(folder)

    def keep(self, named: Sequence[Named]) -> tuple[list[Named], list[str]]:
        """Return the same with the folder's name for whoever has one, and for others a name
        that no other's folder has; and lines on folders that may be anybody's."""
        known = {
            index: theirs
            for index, each in enumerate(named)
            if (theirs := self._folders.get((self._where(each), each.account)))
        }
        new = [each for index, each in enumerate(named) if index not in known]
        # Where nobody is known, the numbers are those of another download's assignment.
        counts = {
            self._where(each) for each in new if known or each.platform in LASTING
        }
        taken = [
            folder for folder, owners in self._owners.items() if counts & owners.keys()
        ]
        new = told_apart(new, [*taken, *self._of_namesakes(new)])
        apart = iter(new)
        kept = [
            replace(each, student=_own(each.student, known[index]))
            if index in known
            else next(apart)
            for index, each in enumerate(named)
        ]
        return kept, self._doubts(new, set(taken))

    def _of_namesakes(self, new: Iterable[Named]) -> list[str]:
        """Return the folders of a new student's name where several are: what is put into
        one may be another's. A name with a number that is not the account's is none."""
        found: list[str] = []
        for name in dict.fromkeys(folded(each.name) for each in new if each.account):
            folders = [
                folder
                for folder in self._called.get(name, ())
                if folded(folder)
                in (name, *(folded(f"{name}_{number}") for number in self._all(folder)))
            ]
            found += folders if len(folders) > 1 else []
        return found

    def _all(self, folder: str) -> list[str]:
        """Return all accounts that a folder is of."""
        return list(itertools.chain(*self._owners[folder].values()))

    def _where(self, each: Named) -> str:
        """Return where the student's account counts."""
        lasting = each.platform in LASTING
        return each.platform if lasting else f"{each.platform}, {self._chapter}"

    def _doubts(self, new: Iterable[Named], taken: set[str]) -> list[str]:
        """Return a line for each name of new students who may have a folder already: of
        several, or of one who may be any of the namesakes of before."""
        students: dict[str, dict[str, None]] = defaultdict(dict)
        for each in new:
            if each.account and each.student:
                students[folded(each.name)][each.student] = None
        lines = []
        for name, theirs in students.items():
            apart = name not in map(folded, theirs)
            before = [
                folder
                for folder in self._called[name]
                if folder not in taken and not (apart and folder in theirs)
            ]
            if before and (apart or before != [*theirs]):
                told = _doubt(before, " or ".join(theirs), apart)
                lines.append(f"{told} {_TO_DO.format(self._chapter)}")
        return lines

    def note(self, each: Named) -> str:
        """Return what is to be said of a student's folder, if anything."""
        before = self._owners.get(each.student, {}).get(self._where(each), [])
        name, own = folded(each.name), folded(each.student)
        if each.account in before and each.account:
            kept = own == name or own.startswith(f"{name}_")
            return "" if kept else f" The name is now {each.name}; the folder stays."
        if before and each.account:
            return f" Its number was {before[-1]} and is {each.account} now."
        others = [
            account
            for folder in self._called[name]
            if folded(folder) == name != own
            for account in self._owners[folder].get(self._where(each), [])
        ]
        if others and each.account:
            return f" The folder {each.name} is another's ({', '.join(others)})."
        return ""

    def write(self, each: Named) -> None:
        """Write down that a folder is this student's. Raises ``OSError``."""
        owners = self._owners.get(each.student, {})
        before = owners.get(self._where(each), [])
        if not each.account or each.account in before:
            return
        owners = owners | {self._where(each): [*before, each.account]}
        text = json.dumps(owners, indent=1, ensure_ascii=False) + "\n"
        write_whole(self._place / each.student / _NAME, text)


def _doubt(before: Sequence[str], students: str, apart: bool) -> str:
    told = "it was there before, and nothing says whether it is"
    if len(before) > 1:
        told = "they were there before, and nothing says which of them is"
    where = (
        "files are in new folders" if apart else "file is in the folder of that name"
    )
    return f"✗ {', '.join(before)}: {told} {students}, whose {where}."


def _own(student: str, folders: list[str]) -> str:
    return student if student in folders else folders[0]


def _read(path: Path) -> dict[str, list[str]]:
    """Return what was written, nothing where nothing was. Raises ``ClassError``."""
    if not is_file(path):
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            found = json.loads(file.read(_LONGEST))
        return {
            str(platform): [str(account) for account in accounts]
            for platform, accounts in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        told = f"{path}, which says whose the folder is, cannot be read ({error})."
        raise ClassError(told) from None
