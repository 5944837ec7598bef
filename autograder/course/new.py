"""Begins an exercise in a course outside this repository, as an example that works."""

import builtins
import keyword
import re
from pathlib import Path

from autograder.contract.exercise import all_chapters, all_exercises, home_of
from autograder.contract.here import is_file, is_folder, is_there
from autograder.contract.outside import FOLDER
from autograder.course import template
from autograder.isolation.atomic import write_whole

#: What a function of that name would hide, and what has it.
_TAKEN = {
    "check": "the grader, whose function a notebook's first cell imports",
    "require": "the grader, whose function a notebook's first cell calls",
    "found": "a notebook's first cell, for the version of the grader that it found",
    "np": "NumPy, in every notebook",
    "numpy": "NumPy",
    "autograder": "the grader",
}


class NewError(Exception):
    """The exercise cannot be begun; the message says why and what to do."""


def new_exercise(root: Path, name: str, chapter: str) -> list[Path]:
    """Write an exercise's statement and solution, its checks, and its wrong and correct
    answers below ``root``, and the settings of the course where there are none; return
    what was written or added to. Raises ``NewError``, and nothing is written."""
    _assert_new(root, name, chapter)
    folder = root / FOLDER / chapter
    solutions = root / "solutions" / f"{chapter}.md"
    texts = {
        solutions: _read(solutions, template.HEAD) + template.STATEMENT,
        folder / f"{name}.py": template.CHECKS,
        root / "answers" / chapter / f"{name}.py": template.ANSWERS,
        folder / "__init__.py": _listing(_read(folder / "__init__.py", ""), name),
    }
    settings = root / "nbgrader_config.py"
    if not is_there(settings):
        texts[settings] = template.SETTINGS
    for path, text in texts.items():
        write_whole(path, text.replace("NAME", name).replace("CHAPTER", chapter))
    return list(texts)


def _assert_new(root: Path, name: str, chapter: str) -> None:
    for word in (name, chapter):
        if owner := _owner(word):
            raise NewError(
                f"{word!r} is taken by {owner}: take another name, such as my_{word}."
            )
        if not re.fullmatch(r"[a-z][a-z0-9_]{1,59}", word):
            raise NewError(
                f"{word!r} is no name for an exercise or a chapter; expected 2 to 60 "
                "small letters, digits and _, a letter first, as in masked_sum."
            )
    if is_folder(root / "autograder"):
        raise NewError(
            "This is the book's own repository: CONTRIBUTING.md says where a new "
            "exercise goes. Run this in the folder of a course of your own."
        )
    if name in [each.name for each in all_exercises()]:
        raise NewError(f"There is an exercise named {name} already: take another name.")
    if chapter in all_chapters() and home_of(chapter) != root / FOLDER:
        raise NewError(
            f"The chapter {chapter!r} lies in {home_of(chapter)}: take another name "
            "(--chapter)."
        )
    for path in (f"{FOLDER}/{chapter}/{name}.py", f"answers/{chapter}/{name}.py"):
        if is_there(root / path):
            raise NewError(f"{path} is there already: remove it or take another name.")


def _owner(word: str) -> str | None:
    """Return what has taken a word, if anything has."""
    if keyword.iskeyword(word):
        return "Python, as a word of the language"
    if hasattr(builtins, word):
        return "Python, which knows it everywhere without an import"
    return _TAKEN.get(word)


def _read(path: Path, otherwise: str) -> str:
    return path.read_text(encoding="utf-8") if is_file(path) else otherwise


def _listing(text: str, name: str) -> str:
    """Return the text of a chapter's ``__init__.py`` with one more exercise."""
    if not text:
        return f'{template.CHAPTER}\n    "{name}",\n)\n'
    found = re.search(r"(?ms)^EXERCISES = \(.*?(,?)\s*\)$", text)
    if found is None:
        raise NewError(
            f"The chapter's {FOLDER}/…/__init__.py has no line EXERCISES = (…): write one."
        )
    comma = "" if found[1] or found[0].rstrip(")").strip()[-1] == "(" else ","
    head = text[: found.end()].rstrip(")").rstrip()
    return f'{head}{comma}\n    "{name}",\n){text[found.end() :]}'
