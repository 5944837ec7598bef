"""Whose each folder in ``submitted/`` is: whoever has one keeps it, under any name.

``submitted.whose.json`` beside it holds the account's address or number, by folder and
platform; by assignment where numbers are of that. It lies where no upload is unpacked. What
was written before it, ``.whose.json`` in each folder, may as well be of the student there:
it is believed where the account's name says the same.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.contract.here import is_folder
from autograder.doors.classroom import has_work
from autograder.doors.folder_names import (
    before_accounts,
    beginnings,
    folded,
    possible_names,
)
from autograder.doors.platforms import LASTING, Named, by_itself, told_apart
from autograder.doors.record import UNREADABLE, Owners, loaded, owners_in
from autograder.doors.record import written as read_record
from autograder.isolation.atomic import write_whole
from autograder.wire.text import composed, listed, one_name

_NAME = ".whose.json"
_TO_DO = (
    " Ask them; where it is the wrong one, move {} and what {} says of it to the right "
    "one."
)

#: Where a name is all that tells whose a file is, what stands in the place of a platform:
#: such a folder's name is not the student's alone.
_BY_NAME = "name"
#: What stands before a chapter where it is told whose work of it lies in the folder.
_WORK = "work in "
#: No folder's name: where sheets' names stand, by chapter.
_SHEETS = "/Blackboard"


class AnothersWork(Exception):
    """What would be replaced may be another's; the message says where it came from."""


class Folders:
    """The students' folders below one."""

    def __init__(self, submitted: str | Path, chapter: str) -> None:
        """Read whose they are. Raises ``ClassError`` where that cannot be read."""
        self._place, self._chapter = Path(submitted), chapter
        self._work = f"{_WORK}{chapter}"
        self._record = self._place.with_name(f"{self._place.name}{_NAME}")
        #: Of each folder the accounts, by platform; and what of it is only said there. Of
        #: one that is no more those stay that last: the gradebook's rows have its name.
        self._owners: dict[str, Owners] = {}
        self._said: set[tuple[str, str]] = set()
        self._unread: list[str] = []
        written = read_record(self._record)
        #: What Blackboard's sheets of the chapter are called, and more of this download.
        self.sheets = written.pop(_SHEETS, {}).get(chapter, [])
        self._new_sheets: list[str] = []
        if is_folder(self._place):
            for folder in sorted(path.name for path in self._place.iterdir()):
                if is_folder(self._place / folder):
                    said, known = self._read(folder), written.get(folder, {})
                    for key in [k for k in said if k.startswith((_BY_NAME, _WORK))]:
                        del said[key]
                    self._said |= {(folder, each) for each in said.keys() - known}
                    self._owners[folder] = said | known
        self._gone = written.keys() - self._owners.keys()
        self._owners |= {folder: _lasting(written[folder]) for folder in self._gone}
        self._spellings = {composed(folder): folder for folder in self._owners}
        self._forget(written)
        #: By account, and by name, also without a number behind it.
        self._folders: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._called: dict[str, list[str]] = defaultdict(list)
        for folder, owners in self._owners.items():
            for name in possible_names(folder, itertools.chain(*owners.values())):
                self._called[name].append(folder)
            for platform, accounts in owners.items():
                for account in accounts:
                    self._folders[platform, account].append(folder)

    def keep(self, named: Sequence[Named]) -> tuple[list[Named], list[str]]:
        """Return the same with the folder's name for whoever has one, and for others a name
        that no other's folder has; and lines on folders that may be anybody's."""
        voided = {each: self._void(each) for each in named}
        known = {
            index: theirs
            for index, each in enumerate(named)
            if (theirs := self._folders.get((self._where(each), each.account)))
            or (theirs := self._by_name(each))
        }
        new = [each for index, each in enumerate(named) if index not in known]
        # Where nobody is known, the numbers are those of another download's assignment.
        counts = {
            self._where(each) for each in new if known or each.platform in LASTING
        }
        taken = [
            folder for folder, owners in self._owners.items() if counts & owners.keys()
        ]
        new = self._told_apart(new, taken)
        apart = iter(new)
        kept = [
            replace(each, student=_own(each.student, known[index]))
            if index in known
            else next(apart)
            for index, each in enumerate(named)
        ]
        accounts = {(self._where(each), each.account): each for each in new}
        told = [
            self._not_believed(folder, now)
            for each, folders in voided.items()
            for folder in folders
            if (now := accounts.get((self._where(each), each.account)))
        ]
        unread = [
            f"✗ {one_name(folder)}: the {_NAME} in it cannot be read and counts "
            "for nothing; remove it."
            for folder in self._unread
        ]
        return kept, [*self._doubts(new, set(taken)), *dict.fromkeys(told), *unread]

    def _told_apart(self, new: list[Named], taken: list[str]) -> list[Named]:
        """Return new students with names that are no other's, spelt as their folders are."""
        others = [*taken, *self._of_namesakes(new), *self._alike(new)]
        others += self._with_work(new)
        return [
            replace(each, student=self._spelt(each.student))
            for each in told_apart(new, others)
        ]

    def _by_name(self, each: Named) -> list[str]:
        """Return the folders of a student of whom nothing is told but the name: the one of
        just this name, if it is no other's, or what was written down of it."""
        if each.account or not each.name:
            return []
        if found := self._folders.get((_BY_NAME, each.name)):
            return found
        folder = self._spelt(each.name)
        owners = self._owners.get(folder)
        return [folder] if owners is not None and _BY_NAME not in owners else []

    def _alike(self, new: Iterable[Named]) -> list[str]:
        """Return the folders that look like those of new students of whom nothing is told
        but the name."""
        plain = {each.name for each in new if not each.account}
        names = {folded(name) for name in plain}
        # A name that is another's with what would tell that apart is another's still.
        names |= {folded(by_itself(name)) for name in plain}
        return [folder for folder in self._owners if folded(folder) in names]

    def _with_work(self, new: Iterable[Named]) -> list[str]:
        """Return the folders of new accounts' names that hold work of the chapter: it may
        be another's, and nothing of it is to be replaced."""
        folders = itertools.chain(*(self._of(each) for each in new if each.account))
        return [f for f in dict.fromkeys(folders) if self._has_work(f)]

    def _of(self, each: Named) -> list[str]:
        """Return the folders of a student's name, with any number or none behind it."""
        numbered = self._called.get(folded(f"{each.name}_{each.id}"), ())
        return list(
            dict.fromkeys([*self._called.get(folded(each.name), ()), *numbered])
        )

    def _has_work(self, folder: str) -> bool:
        return has_work(self._place / folder / self._chapter)

    def _spelt(self, student: str) -> str:
        """Return a name as its folder has it: some are written in another of Unicode's ways
        for the same."""
        return (
            student
            if student in self._owners
            else self._spellings.get(student, student)
        )

    def _forget(self, written: dict[str, Owners]) -> None:
        """Let nothing count that is only said in a folder, of an account that another
        folder was written down to be of."""
        sure = {
            (platform, account)
            for folder in self._owners.keys() & written
            for platform, accounts in written[folder].items()
            for account in accounts
        }
        for folder, platform in list(self._said):
            owners = self._owners[folder]
            kept = [each for each in owners[platform] if (platform, each) not in sure]
            self._keep_said(folder, platform, kept)

    def _keep_said(self, folder: str, platform: str, accounts: list[str]) -> None:
        self._owners[folder][platform] = accounts
        if not accounts:
            del self._owners[folder][platform]
            self._said.remove((folder, platform))

    def _void(self, each: Named) -> list[str]:
        """Let nothing count that folders of other names say by themselves of a student:
        whoever has such a folder may have said it. Return these folders."""
        where, voided = self._where(each), []
        name, numbered = folded(each.name), folded(f"{each.name}_{each.id}")
        folders = self._folders.get((where, each.account), [])
        for folder in list(folders):
            called = folded(folder)
            own = called == name or numbered in (called, *beginnings(folder))
            if (folder, where) in self._said and not own:
                left = [a for a in self._owners[folder][where] if a != each.account]
                self._keep_said(folder, where, left)
                folders.remove(folder)
                voided.append(folder)
        return voided

    def _not_believed(self, folder: str, each: Named) -> str:
        """Return a line on a folder that says by itself to be a new student's."""
        place, now = one_name(folder), one_name(each.student)
        return (
            f"✗ {place}: the {_NAME} in it says that it is of {one_name(each.name)} "
            f"({each.account}), whose file is in {now}. The student may have written that. "
            f"Ask them; where it is so, move {self._chapter} and what {self._record.name} "
            f"says of {now} to {place}."
        )

    def _of_namesakes(self, new: Iterable[Named]) -> list[str]:
        """Return the folders of a new student's name where several are: what is put into
        one may be another's. A name with a number that is not the account's is none."""
        found: list[str] = []
        for name in dict.fromkeys(folded(each.name) for each in new if each.account):
            folders = [
                folder
                for folder in self._called.get(name, ())
                if name in (folded(folder), *before_accounts(folder, self._all(folder)))
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
        folders: dict[str, dict[str, None]] = defaultdict(dict)
        for each in new:
            if each.account and each.student:
                students[folded(each.name)][each.student] = None
                folders[folded(each.name)] |= dict.fromkeys(self._of(each))
        lines = []
        for name, theirs in students.items():
            apart = name not in map(folded, theirs)
            before = [
                folder
                for folder in folders[name]
                if folder not in taken and not (apart and folder in theirs)
            ]
            if before and (apart or before != [*theirs]):
                told = _doubt(before, listed(map(one_name, theirs), " or "), apart)
                lines.append(told + _TO_DO.format(self._chapter, self._record.name))
        return lines

    def note(self, each: Named) -> str:
        """Return what is to be said of a student's folder, if anything."""
        if not each.account and composed(each.student) != each.name:
            return (
                f" Another's name looks like {one_name(each.name)}: the folder's name tells "
                "them apart."
            )
        before = self._owners.get(each.student, {}).get(self._where(each), [])
        name, own = folded(each.name), folded(each.student)
        if each.account in before and each.account:
            if name in (own, *beginnings(each.student)):
                return ""
            return f" The name is now {one_name(each.name)}; the folder stays."
        if before and each.account:
            return f" Its number was {before[-1]} and is {each.account} now."
        others = [
            account
            for folder in self._called[name]
            if folded(folder) == name != own
            for account in self._owners[folder].get(self._where(each), [])
        ]
        if others and each.account:
            told = (
                f" The folder {one_name(each.name)} is another's ({', '.join(others)})"
            )
            if self._gone.intersection(self._called[name]):
                told += f", if {self._record.name} is of this class"
            return f"{told}."
        return ""

    def learn(self, sheets: Iterable[str]) -> None:
        """Take names of sheets for known, and write them down with the next student."""
        self._new_sheets = [sheet for sheet in sheets if sheet not in self.sheets]

    def expect_own(self, each: Named) -> None:
        """Raise ``AnothersWork`` where the work that lies in a student's folder came from
        another account, or under a name alone what came from an account lies there."""
        owners = self._owners.get(each.student, {})
        came = owners.get(self._work, [])
        if not came and not each.account:  # of before this was written down
            came = [
                f"{where.partition(',')[0]}: {account}"
                for where, accounts in owners.items()
                if where in LASTING or where.endswith(f", {self._chapter}")
                for account in accounts
            ]
        if came and came not in ([_BY_NAME], [_source(each)]):
            raise AnothersWork(listed(map(one_name, came)))

    def came_by_name(self, each: Named) -> bool:
        """Return whether an account's folder holds what came under its name alone."""
        came = self._owners.get(each.student, {}).get(self._work)
        return bool(each.account) and came == [_BY_NAME]

    def write(self, each: Named, same: bool = False) -> None:
        """Write down that a folder is this student's, and so is the work in it, but for the
        ``same`` that was there. Raises ``OSError``, ``ClassError``."""
        written = read_record(self._record)  # another run may have written there, too
        owners = written.get(each.student, {})
        if each.student in self._gone:
            owners = _lasting(owners)
        where, account = self._where(each), each.account
        if not account and composed(each.student) != each.name:
            where, account = _BY_NAME, each.name
        before, now = owners.get(where, []), dict(owners)
        if account and account not in before:
            now[where] = [*before, account]
        # Of a folder of which nothing is known all comes by its name.
        if now and (not same or (each.account and self._work not in now)):
            now[self._work] = [_source(each)]
        new = self._new_sheets
        if new:
            sheets = written.setdefault(_SHEETS, {}).setdefault(self._chapter, [])
            sheets += [sheet for sheet in new if sheet not in sheets]
            self._new_sheets = []
        if now != owners:
            self._gone -= {each.student}
            written[each.student] = now
        elif not new:
            return
        text = json.dumps(written, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        write_whole(self._record, text)

    def _read(self, folder: str) -> Owners:
        """Return what is said in a folder, nothing where nothing is."""
        try:
            return owners_in(loaded(self._place / folder / _NAME) or {})
        except UNREADABLE:
            self._unread.append(folder)
            return {}


def written_down(submitted: Path) -> dict[str, Owners]:
    """Return what was written down of the folders below one. Raises ``ClassError``."""
    found = read_record(submitted.with_name(f"{submitted.name}{_NAME}"))
    return {
        folder: _accounts(owners)
        for folder, owners in found.items()
        if folder != _SHEETS
    }


def _accounts(owners: Owners) -> Owners:
    """Return whose a folder is, without where the work in it comes from."""
    return {key: own for key, own in owners.items() if not key.startswith(_WORK)}


def _lasting(owners: Owners) -> Owners:
    """Return the accounts that are the same in each assignment."""
    return {key: own for key, own in owners.items() if key in LASTING}


def _source(each: Named) -> str:
    """Return where a student's work comes from."""
    return f"{each.platform}: {each.account}" if each.account else _BY_NAME


def _doubt(before: Sequence[str], students: str, apart: bool) -> str:
    told = "it was there before, and nothing says whether it is"
    if len(before) > 1:
        told = "they were there before, and nothing says which of them is"
    where = (
        "files are in new folders" if apart else "file is in the folder of that name"
    )
    return f"✗ {listed(map(one_name, before))}: {told} {students}, whose {where}."


def _own(student: str, folders: list[str]) -> str:
    return student if student in folders else folders[0]
