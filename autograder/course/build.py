"""Builds the students' notebooks: solutions/ → nbgrader's source → exercises/."""

from collections.abc import Callable, Sequence
from pathlib import Path

from nbformat import writes

from autograder.contract.exercise import all_chapters, book_checks, home_of
from autograder.contract.here import is_file, is_folder, real_path
from autograder.contract.nearest import did_you_mean
from autograder.course.by_hand import keep_aside, note
from autograder.course.release import release_text
from autograder.course.source import BuildError, source_notebook
from autograder.isolation.atomic import write_whole


def build(
    root: str | Path,
    chapters: Sequence[str] = (),
    tell: Callable[[str], object] = lambda line: None,
) -> list[Path]:
    """Write source and students' notebook of these chapters, or of all, below ``root``;
    return the students' notebooks. A file that is up to date is left alone. Of a source
    notebook that somebody changed a copy is kept; ``tell`` is given a line on that.

    Raises ``BuildError``; nothing is written for a chapter that cannot be built."""
    root = real_path(root)
    _assert_written(root, chapters)
    built = []
    for chapter in chapters or _all_chapters(root):
        source = source_notebook(root / "solutions" / f"{chapter}.md")
        folder = root / "course" / "source" / chapter
        _assert_alone(folder, f"{chapter}.ipynb")
        text = release_text(source, chapter, root)
        path = folder / f"{chapter}.ipynb"
        if aside := keep_aside(path, root):
            tell(
                f"{path} was changed by hand after it was built, and is built anew; kept "
                f"as {aside}. What is to stay belongs into solutions/{chapter}.md."
            )
        _write(path, writes(source).rstrip() + "\n")
        note(path, root)
        release = root / "exercises" / chapter / f"{chapter}.ipynb"
        _write(release, text)
        built.append(release)
    return built


def _assert_written(root: Path, chapters: Sequence[str]) -> None:
    written = [path.stem for path in (root / "solutions").glob("*.md")]
    for chapter in chapters:
        if chapter not in written:
            meant = did_you_mean(chapter, written)
            raise BuildError(f"There is no {root}/solutions/{chapter}.md{meant}")


def _all_chapters(root: Path) -> list[str]:
    written = {path.stem for path in (root / "solutions").glob("*.md")}
    if not written:
        raise BuildError(f"{root / 'solutions'} holds no chapter's solutions.")
    if missing := _wanted(written) - written:
        raise BuildError(f"There is no solutions/{min(missing)}.md for its exercises.")
    folders = [path for path in (root / "exercises").glob("*") if is_folder(path)]
    # Jupyter's checkpoints and byte code are no chapters.
    released = {path.name for path in folders if path.name[0] not in "._"}
    if stale := released - written:
        raise BuildError(
            f"exercises/{min(stale)} has no solutions/{min(stale)}.md: remove the one "
            "or write the other."
        )
    return [chapter for chapter in all_chapters() if chapter in written] + sorted(
        written - set(all_chapters())
    )


def _wanted(written: set[str]) -> set[str]:
    """Return the chapters that belong to a course with solutions of these: those of the
    book, or, if some are of folders of its own, those of the same folders."""
    homes = {chapter: home_of(chapter) for chapter in all_chapters()}
    own = {homes[c] for c in written & homes.keys()} - {book_checks()}
    return {c for c, home in homes.items() if home in (own or {book_checks()})}


def _assert_alone(folder: Path, name: str) -> None:
    """Raise ``BuildError`` for another file in nbgrader's source folder."""
    ignored = (".ipynb_checkpoints", "__pycache__")
    for path in sorted(folder.rglob("*")):
        if is_file(path) and path != folder / name and path.parent.name not in ignored:
            raise BuildError(
                f"{path} stands beside the source notebook, and nbgrader would hand it "
                "out to the students: remove it."
            )


def _write(path: Path, text: str) -> None:
    if not is_file(path) or path.read_bytes() != text.encode():
        write_whole(path, text)
