"""Which submissions are the same code, or nearly: an occasion to look, and no verdict.

What counts is a student's own code, whatever its comments, its layout and the names of its
locals. What the starter or the solution says does not count, nor what many write. Two short
honest answers are often alike, so nothing is said of those.
"""

import ast
import contextlib
import hashlib
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

from autograder.contract.exercise import all_exercises
from autograder.doors.classroom import HandedIn
from autograder.grading.judges import Judges
from autograder.submission.cells import Submission, SubmissionError
from autograder.submission.file import read_submission
from autograder.wire.magics import plain

#: Characters of a file's code that are looked at, which no exercise needs: a parser's
#: memory is a thousand times its length. And fragments that stand for all of longer code.
MAX_CODE, MAX_FRAGMENTS = 50_000, 2_000
#: Fragments of all files of one person that are compared: a whole course has fewer.
MOST_OF_ONE = 8_000
#: Fragments that two files must share, of those that few others have; what share of both
#: files' own fragments they must share; and what "few" means, of all different codes, and
#: of all students.
LEAST, NEARLY, FEW = 12, 0.6, 0.05
#: Students who may have copied of one another, at most, and no more than half of a class:
#: what only these have is what few have, too.
TOGETHER = 5
#: Python writes no longer number in decimal digits.
_MAX_BITS = 14_000


@dataclass(frozen=True)
class OwnCode:
    """A file's code without what does not count: ``digest`` is the same for the same code,
    ``fragments`` are hashes of its statements, alone and in pairs, the least of them where
    there are more than ``MAX_FRAGMENTS``. ``whole`` says whether all of it was read."""

    digest: str
    fragments: frozenset[int]
    whole: bool = True


@dataclass(frozen=True)
class Alike:
    """Files whose code is alike. ``share`` is how much of their own fragments they have in
    common, from 0 to 1, where 1 is the same code; ``fragments`` is how many those are."""

    files: tuple[HandedIn, ...]
    share: float
    fragments: int


@dataclass(frozen=True)
class Comparison:
    """The groups of files that are the same code, and the pairs that are nearly so, the
    most alike first; and the files of which not all was compared."""

    alike: Sequence[Alike] = ()
    in_part: Sequence[HandedIn] = ()


NOTHING = Comparison()


def compare(files: Sequence[HandedIn], root: Path, jobs: int = 1) -> Comparison:
    """Compare the code of all files of different students. Starters and solutions are
    those of the course in ``root``."""
    common = frozenset().union(*(own_code(each).fragments for each in _given(root)))
    own: dict[HandedIn, OwnCode] = {}
    of_person: dict[str, list[HandedIn]] = defaultdict(list)
    for file, code in _all_own_code(files, jobs):
        if code is not None:
            own[file] = replace(code, fragments=code.fragments - common)
            of_person[file.person].append(file)
            _bound(own, of_person[file.person])
    in_part = [file for file in files if file not in own or not own[file].whole]
    return Comparison(_alike(own), in_part)


def _bound(own: dict[HandedIn, OwnCode], files: Sequence[HandedIn]) -> None:
    """Leave one person's files, if they have more than ``MOST_OF_ONE`` fragments together,
    the least of these: of code that is alike they are alike."""
    parts = [*itertools.chain(*(own[file].fragments for file in files))]
    if len(parts) <= MOST_OF_ONE:
        return
    most = heapq.nsmallest(MOST_OF_ONE, parts)[-1]
    for file in files:
        least = frozenset(part for part in own[file].fragments if part <= most)
        whole = own[file].whole and len(least) == len(own[file].fragments)
        own[file] = replace(own[file], fragments=least, whole=whole)


def _alike(own: dict[HandedIn, OwnCode]) -> list[Alike]:
    same: dict[str, list[HandedIn]] = defaultdict(list)
    for file, code in own.items():
        same[code.digest].append(file)
    one_each = {group[0]: own[group[0]].fragments for group in same.values()}
    of_student: dict[str, set[int]] = defaultdict(set)
    for file, code in own.items():
        of_student[file.person] |= code.fragments
    codes, students = _counts(one_each.values()), _counts(of_student.values())
    most = max(2, int(FEW * min(len(one_each), len(of_student))))
    # Neither a copy that many have nor one student's many variants are what many write.
    held = {part: min(codes[part], students[part]) for part in codes}
    groups = _groups(one_each, held, same, own, min(TOGETHER, len(of_student) // 2))
    rare = {}
    for file, parts in one_each.items():
        theirs = [of_student[person] for person in groups.get(file, ())]
        # A group counts as two.
        alone = [len(theirs) and sum(p in each for each in theirs) - 2 for p in parts]
        rare[file] = frozenset(
            p
            for p, more in zip(parts, alone, strict=True)
            if held[p] <= most or students[p] - more <= most
        )
    found = [
        Alike(tuple(group), 1.0, len(own[group[0]].fragments))
        for group in same.values()
        if len(group) > 1 and len(rare[group[0]]) >= LEAST
    ]
    found += _nearly(one_each, rare, same, own)
    of_several = [each for each in found if len({f.person for f in each.files}) > 1]
    return sorted(of_several, key=lambda each: (-each.share, -each.fragments))


def _counts(sets: Iterable[Iterable[int]]) -> Counter[int]:
    return Counter(itertools.chain(*sets))


def _groups(
    one_each: dict[HandedIn, frozenset[int]],
    held: dict[int, int],
    same: dict[str, list[HandedIn]],
    own: dict[HandedIn, OwnCode],
    most: int,
) -> dict[HandedIn, set[str]]:
    """Return the students whose code is nearly a file's, or nearly that of such students,
    where these are no more than ``most``."""
    few = {
        file: frozenset(p for p in parts if held[p] <= max(2, most))
        for file, parts in one_each.items()
    }
    groups = {file: {file} for file in one_each}
    for pair in _nearly(one_each, few, same, own):
        one, other = {same[own[file].digest][0] for file in pair.files}
        if groups[one] is not groups[other]:
            groups[one] |= groups[other]
            for file in groups[other]:
                groups[file] = groups[one]
    persons = {
        file: {each.person for code in group for each in same[own[code].digest]}
        for file, group in groups.items()
    }
    return {file: theirs for file, theirs in persons.items() if len(theirs) <= most}


def _nearly(
    one_each: dict[HandedIn, frozenset[int]],
    rare: dict[HandedIn, frozenset[int]],
    same: dict[str, list[HandedIn]],
    own: dict[HandedIn, OwnCode],
) -> list[Alike]:
    """Return the pairs of different codes that share most of what is their own."""
    holders: dict[int, list[HandedIn]] = defaultdict(list)
    for file, parts in rare.items():
        for part in parts:
            holders[part].append(file)
    shared = Counter(
        pair for files in holders.values() for pair in itertools.combinations(files, 2)
    )
    pairs = []
    for (one, other), count in shared.items():
        both = one_each[one] & one_each[other]
        share = len(both) / len(one_each[one] | one_each[other])
        if count >= LEAST and share >= NEARLY:
            files = (*same[own[one].digest], *same[own[other].digest])
            # Fragments are blind to which local is which: not quite the same code.
            pairs.append(Alike(files, min(share, 0.99), len(both)))
    return pairs


# ---- Reading ------------------------------------------------------------------------


def _all_own_code(
    files: Sequence[HandedIn], jobs: int
) -> Iterator[tuple[HandedIn, OwnCode | None]]:
    """Yield each file's own code; None for what cannot be read. Parsers of any text take
    any memory, so judges read it, which have bounds."""
    judges = Judges(min(jobs, max(1, len(files))))
    try:
        begun = {file: judges.begin(read_own_code, file) for file in files}
        for file in [*begun]:
            yield file, _result(begun.pop(file))
    finally:
        judges.end()


def _result(future: "Future[OwnCode | None]") -> OwnCode | None:
    try:
        return future.result()
    except Exception:
        return None


def read_own_code(file: HandedIn) -> OwnCode | None:
    """Return the code of a file that was handed in: none of what is no submission; None
    where it cannot be read."""
    try:
        known = {exercise.name for exercise in all_exercises()}
        return own_code(read_submission(file.path, file.own, known))
    except SubmissionError:
        return own_code(Submission(file.name, ()))
    except (RecursionError, MemoryError):
        return None


def _given(root: Path) -> Iterable[Submission]:
    """Yield the starters and the solutions, as far as they are there."""
    for places in ("exercises/*/*.ipynb", "course/source/*/*.ipynb"):
        for path in sorted(root.glob(places)):
            with contextlib.suppress(SubmissionError):
                yield read_submission(path)


def own_code(submission: Submission) -> OwnCode:
    """Return what counts of a submission's code; lines that only IPython knows do not.
    Not read is what does not parse, is beyond ``MAX_CODE`` or deeper than Python's own
    recursion."""
    digest, parts, room, whole = hashlib.sha256(), set[int](), MAX_CODE, True
    for cell in submission.code:
        if len(cell.source) > room:
            whole = False
            continue
        room -= len(cell.source)
        try:
            for text, fragments in _texts(cell.source):
                parts |= fragments
                digest.update(text.encode("utf-8", "replace"))
        except (SyntaxError, ValueError, RecursionError):
            whole = False
    least = heapq.nsmallest(MAX_FRAGMENTS, parts)
    return OwnCode(digest.hexdigest(), frozenset(least), whole)


def _texts(source: str) -> Iterator[tuple[str, set[int]]]:
    """Yield the statements of a cell that count, with their fragments. Raises what the
    parser raises."""
    tree = _Plain().visit(ast.parse(plain(source)))
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int) and value.bit_length() > _MAX_BITS:
            node.value = hex(value)  # type: ignore[attr-defined]
    for node in _statements(tree):
        fragments = _fragments(node)
        yield _Numbered().text(node), fragments


_COUNT = (
    ast.FunctionDef
    | ast.ClassDef
    | ast.Assign
    | ast.AnnAssign
    | ast.AugAssign
    | ast.For
    | ast.While
)


def _gives_names(node: ast.AST) -> TypeGuard[ast.Expr]:
    """Return whether a mere expression makes what other statements make."""
    return isinstance(node, ast.Expr) and any(
        isinstance(each, ast.NamedExpr | ast.Lambda) for each in ast.walk(node)
    )


class _Plain(ast.NodeTransformer):
    """Functions that wait for nothing, as all do here."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        fields = {**vars(node), "type_params": getattr(node, "type_params", [])}
        return self.generic_visit(ast.FunctionDef(**fields))


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements in a node that count, be it below an ``if``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _COUNT) or _gives_names(child):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _statements(child)


class _Renamed(ast.NodeTransformer):
    """Code without documentation, annotations and the names of its locals."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def text(self, node: ast.stmt) -> str:
        self.names = {name: self.named(i) for i, name in enumerate(_locals(node))}
        for number, name in enumerate(_parameters(node)):
            self.names[name] = f"p{number}"
        return ast.unparse(self.visit(ast.parse(ast.unparse(node))))

    def named(self, number: int) -> str:
        return "_"

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self.names.get(node.arg, node.arg))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:] or [ast.Pass()]
        node.name, node.returns = self.names.get(node.name, node.name), None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return self.generic_visit(ast.Assign([node.target], node.value, lineno=0))


class _Numbered(_Renamed):
    """The same, in which each local has a number: it tells apart which is used where."""

    def named(self, number: int) -> str:
        return f"v{number}"


def _locals(node: ast.stmt) -> list[str]:
    """Return the names that a function gives values to, in the order of the code."""
    found = [
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    ]
    inner = [
        each.name
        for each in ast.walk(node)
        if isinstance(each, ast.FunctionDef) and each is not node
    ]
    arguments = [each.arg for each in ast.walk(node) if isinstance(each, ast.arg)]
    return list(dict.fromkeys([*found, *inner, *arguments]))


def _parameters(node: ast.stmt) -> list[str]:
    if not isinstance(node, ast.FunctionDef):
        return []
    return [each.arg for each in (*node.args.posonlyargs, *node.args.args)]


def _fragments(node: ast.stmt) -> set[int]:
    """Return hashes of the lines of renamed code, and of each with the one after it."""
    lines = [line.strip() for line in _Renamed().text(node).splitlines()]
    texts = {*lines, *(f"{a}\n{b}" for a, b in itertools.pairwise(lines))}
    return {_hash(text) for text in texts}


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
