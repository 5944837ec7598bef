"""The students' notebooks follow from solutions/, byte for byte, without an answer."""

import ast
import codecs
import json
import re
import shutil
from pathlib import Path

import pytest

from autograder.contract.exercise import all_chapters, all_exercises
from autograder.course.build import _all_chapters, build
from autograder.course.source import BuildError, read_source, source_notebook
from tests import fixture_class
from tests.bank import ROOT
from tests.fixture_class import CHAPTER

pytest.importorskip("nbgrader")
CHAPTERS = all_chapters()

HEAD = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Conventions

```{code-cell} python3
from autograder import check
```
"""
STUBS = {
    exercise.name: f"""
## `{exercise.name}`

What it does.

```{{code-cell}} python3
def {exercise.signature.partition(" ->")[0]}:
    ### BEGIN SOLUTION
    the_secret = 42
    return the_secret
    ### END SOLUTION
```

```{{code-cell}} python3
check("{exercise.name}")
```
"""
    for exercise in all_exercises("conventions")
}
QUESTION = """
## Why

Why?

+++ {"free_response": "conventions-why", "points": 2}

Because of the secret.
"""
GOOD = HEAD + "".join(STUBS.values()) + QUESTION


def course(folder: Path, text: str = GOOD) -> Path:
    (folder / "solutions").mkdir(parents=True)
    (folder / "solutions" / "conventions.md").write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return folder


def built(folder: Path) -> dict[str, bytes]:
    paths = [*folder.glob("exercises/**/*"), *folder.glob("course/**/*")]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file()
    }


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_committed_notebook_is_what_the_build_makes(
    chapter: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (release,) = build(tmp_path, [chapter])
    first = built(tmp_path)
    assert sorted(first) == [
        "course/built.json",
        f"course/source/{chapter}/{chapter}.ipynb",
        f"exercises/{chapter}/{chapter}.ipynb",
    ]
    shutil.rmtree(tmp_path / "exercises")
    shutil.rmtree(tmp_path / "course")
    build(tmp_path, [chapter])
    assert built(tmp_path) == first
    committed = ROOT / "exercises" / chapter / f"{chapter}.ipynb"
    assert committed.read_bytes() == release.read_bytes(), (
        f"run `python -m autograder build {chapter}` and commit the result"
    )


def within(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).parts


def test_folders_that_programs_leave_are_no_chapters(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    for name in (".ipynb_checkpoints", "__pycache__"):
        (tmp_path / "exercises" / name).mkdir(parents=True)
    assert sorted(_all_chapters(tmp_path)) == sorted(CHAPTERS)


def test_each_chapters_folder_holds_its_notebook_alone() -> None:
    files = sorted(
        path.relative_to(ROOT / "exercises").as_posix()
        for path in (ROOT / "exercises").rglob("*")
        if path.is_file() and not any(part[0] in "._" for part in within(path))
    )
    assert files == sorted(f"{chapter}/{chapter}.ipynb" for chapter in CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_answer_is_left_in_the_students_notebook(chapter: str) -> None:
    text = (ROOT / "exercises" / chapter / f"{chapter}.ipynb").read_text("utf-8")
    released = "\n".join("".join(c["source"]) for c in json.loads(text)["cells"])
    assert "SOLUTION" not in released
    assert "MARK SCHEME" not in released
    answers = 0
    for cell in read_source(ROOT / "solutions" / f"{chapter}.md").cells:
        regions = re.findall(r"(?s)BEGIN SOLUTION\n(.*?)\n\s*### END", cell.source)
        if "free_response" in cell.metadata:
            regions = cell.source.split("\n\n")
        answers += len(regions)
        for region in regions:
            assert region.strip() not in released
    assert answers > 2


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_students_notebook_runs_and_reads_well(chapter: str) -> None:
    path = ROOT / "exercises" / chapter / f"{chapter}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    points = [c["metadata"].get("nbgrader", {}).get("points", 0) for c in cells]
    assert sum(points) == 12
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            ast.parse(source)
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            assert max(map(len, source.splitlines())) <= 79, source


def test_metadata_follows_from_the_cells(tmp_path: Path) -> None:
    path = course(tmp_path) / "solutions" / "conventions.md"
    found = {
        cell.id: cell.metadata.get("nbgrader") for cell in source_notebook(path).cells
    }
    assert found["code-1"] is None
    assert found["about-conventions"]["locked"]
    answer, check = found["inverted_dropout"], found["check-inverted_dropout"]
    assert answer["solution"] and not answer["grade"] and not answer["locked"]
    assert check["grade"] and check["locked"] and not check["solution"]
    (exercise,) = [e for e in all_exercises() if e.name == "inverted_dropout"]
    assert check["points"] == exercise.max_score
    question = found["conventions-why"]
    assert question["grade"] and question["solution"] and question["points"] == 2


def test_a_byte_order_mark_is_no_part_of_a_source(tmp_path: Path) -> None:
    path = course(tmp_path) / "solutions" / "conventions.md"
    before = source_notebook(path)
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert source_notebook(path) == before


def test_a_build_leaves_what_is_up_to_date_alone(tmp_path: Path) -> None:
    root = course(tmp_path)
    (path,) = build(root, ["conventions"])
    before = path.stat().st_mtime_ns
    assert "the_secret" not in path.read_text(encoding="utf-8")
    assert "Because of the secret" not in path.read_text(encoding="utf-8")
    assert build(root, ["conventions"]) == [path]
    assert path.stat().st_mtime_ns == before


def test_a_source_that_somebody_changed_is_kept(tmp_path: Path) -> None:
    root = course(tmp_path)
    build(root, ["conventions"])
    source = root / "course/source/conventions/conventions.ipynb"
    text = source.read_text(encoding="utf-8")
    told: list[str] = []

    def again(changed: str) -> list[Path]:
        source.write_text(changed, encoding="utf-8")
        told.clear()
        build(root, ["conventions"], told.append)
        assert source.read_text(encoding="utf-8") == text
        return sorted((root / "course/changed").glob("*"))

    notebook = json.loads(text)
    # As Jupyter saves what somebody ran.
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 3
    assert again(json.dumps(notebook)) == [] and told == []
    question = {"grade_id": "own-question", "grade": True, "points": 3}
    own = {"cell_type": "markdown", "id": "own", "source": "Why?"}
    notebook["cells"].append({**own, "metadata": {"nbgrader": question}})
    changed = [json.dumps(notebook), text.replace("What it does.", "Write.", 1), "{"]
    for number, each in enumerate(changed, start=1):
        kept = again(each)
        assert [path.name for path in kept] == [
            f"conventions {n}.ipynb" for n in range(1, number + 1)
        ]
        assert kept[-1].read_text(encoding="utf-8") == each
        assert len(told) == 1 and str(kept[-1]) in told[0], told
    assert again(text)[number:] == [] and told == []
    # Another text in solutions/ is nobody's change here.
    path = root / "solutions/conventions.md"
    path.write_text(GOOD.replace("Why?", "Why, then?"), encoding="utf-8")
    build(root, ["conventions"], told.append)
    assert told == [] and source.read_text(encoding="utf-8") != text


def test_both_commands_that_build_say_what_was_kept(tmp_path: Path) -> None:
    root = fixture_class.new_course(tmp_path / "course")
    source = root / f"course/source/{CHAPTER}/{CHAPTER}.ipynb"
    notebook = root / f"course/submitted/ann/{CHAPTER}/{CHAPTER}.ipynb"
    notebook.parent.mkdir(parents=True)
    shutil.copy(root / f"exercises/{CHAPTER}/{CHAPTER}.ipynb", notebook)
    grade = ("autograder", "grade", "course/submitted", "--gradebook", CHAPTER)
    for command in (("autograder", "build", CHAPTER), grade):
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace("dropout", "drop-out"), encoding="utf-8")
        done = fixture_class.run(root, *command)
        assert done.returncode == 0, done.stderr
        assert f"{source} was changed by hand" in done.stderr


def stub(name: str = "inverted_dropout") -> str:
    return STUBS[name]


CHECK = 'check("inverted_dropout")'
BAD = {
    "no check": (
        GOOD.replace(CHECK, "1 + 1"),
        'no cell holds check("inverted_dropout")',
    ),
    "an unknown exercise": (
        GOOD.replace(CHECK, 'check("dropout")'),
        "the chapter has no exercise 'dropout'; it has classic_dropout",
    ),
    "no import of check": (
        GOOD.replace("from autograder import check", "import math"),
        "no cell says 'from autograder import check'",
    ),
    "no answer cell": (
        GOOD.replace(stub(), stub().replace("def inverted", "def other")),
        "this one defines []",
    ),
    "no exercise at all": (
        GOOD.replace(stub(), ""),
        "no cell defines inverted_dropout with ### BEGIN SOLUTION",
    ),
    "no solution region": (
        GOOD.replace(
            stub(), stub().replace("### BEGIN", "# B").replace("### END", "# E")
        ),
        "the cell that defines inverted_dropout has no ### BEGIN SOLUTION",
    ),
    "no end": (
        GOOD.replace(stub(), stub().replace("    ### END SOLUTION\n", "")),
        "do not alternate",
    ),
    "a check above its answer": (
        GOOD.replace(HEAD, f"{HEAD}\n```{{code-cell}} python3\n{CHECK}\n```\n"),
        "no answer cell stands above",
    ),
    "a check among other code": (
        GOOD.replace(CHECK, f"x = 1\n{CHECK}"),
        "stands in a cell of its own",
    ),
    "two checks": (
        GOOD.replace(
            f"{CHECK}\n```", f"{CHECK}\n```\n\n```{{code-cell}}\n{CHECK}\n```"
        ),
        "two cells are named 'check-inverted_dropout'",
    ),
    "another signature": (
        GOOD.replace("keep_prob, rng, training=True", "keep_prob, rng"),
        "the exercise says",
    ),
    "a syntax error": (GOOD.replace("the_secret = 42", "the secret"), "invalid syntax"),
    "a misspelt key": (
        GOOD.replace('"points"', '"point"'),
        "unknown metadata ['point']",
    ),
    "no points": (GOOD.replace(', "points": 2', ""), "has no points"),
    "a name that is no id": (GOOD.replace("-why", " why?"), "is no cell id"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_source_that_does_not_fit_is_refused(what: str, tmp_path: Path) -> None:
    text, expected = BAD[what]
    assert text != GOOD
    with pytest.raises(BuildError) as caught:
        build(course(tmp_path, text), ["conventions"])
    assert expected in str(caught.value)
    assert "conventions.md" in str(caught.value)
    assert built(tmp_path) == {}


def test_a_stray_file_beside_the_source_is_refused(tmp_path: Path) -> None:
    root = course(tmp_path)
    stray = root / "course" / "source" / "conventions" / "answers.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("42", encoding="utf-8")
    with pytest.raises(BuildError, match=r"answers\.txt.*remove it"):
        build(root, ["conventions"])


def test_a_chapter_without_exercises_is_refused(tmp_path: Path) -> None:
    root = course(tmp_path)
    (root / "solutions" / "cooking.md").write_text(HEAD, encoding="utf-8")
    with pytest.raises(BuildError, match=r"cooking\.md: the chapter has no exercises"):
        build(root, ["cooking"])
    with pytest.raises(BuildError, match=r"There is no \S+/baking\.md\."):
        build(root, ["baking"])
    with pytest.raises(BuildError, match=r"/cookin\.md; did you mean cooking\?"):
        build(root, ["cookin"])


def test_all_chapters_are_built_or_the_missing_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="holds no chapter's solutions"):
        build(tmp_path)
    root = course(tmp_path)
    if len(CHAPTERS) > 1:
        with pytest.raises(BuildError, match="There is no solutions/"):
            build(root)


def test_an_exercise_folder_without_a_source_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    (tmp_path / "exercises" / "cooking").mkdir(parents=True)
    with pytest.raises(BuildError, match="exercises/cooking has no solutions"):
        build(tmp_path)


def test_settings_are_needed(tmp_path: Path) -> None:
    root = course(tmp_path)
    (root / "nbgrader_config.py").unlink()
    with pytest.raises(BuildError, match=r"There is no nbgrader_config\.py"):
        build(root, ["conventions"])
