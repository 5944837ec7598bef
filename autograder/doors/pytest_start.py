"""Starts ``pytest --submission FILE`` where pytest obeys nothing that lies beside the file.

pytest reads settings in the file's folder, in every folder above it and in the working
directory before it loads any plugin, and these can import modules and write files. So a
process of pytest with ``--submission`` is replaced by one that is told what to obey:

- by a line in the environment's ``site-packages`` (``dev.py`` writes it), which runs
  this file when Python starts, before it can import anything of the working directory;
- by ``autograder.doors.pytest_plugin`` in an environment without that line. pytest 9.1 and
  newer may then have imported what a student's settings name, as in every program that
  calls ``pytest.main``.

Until then nothing else may be imported, not even pathlib: with an empty place in PYTHONPATH
it would come from the working directory.
"""

import os
import sys

#: Whether this process was started by this module.
clean = False

SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "submission.ini")
OPTION = "--submission"
PROGRAMS = ("pytest", "py.test", "pytest.exe", "py.test.exe", "pytest-script.py")


def split(argv: list[str]) -> tuple[list[str], list[str]] | None:
    """Return Python's options and pytest's arguments in the command line ``argv``, or
    None if that does not run pytest with ``--submission``, however that is written."""
    options: list[str] = []
    program, rest = "", argv[1:]
    while rest and not program:
        word = rest.pop(0)
        before, m, module = word.partition("m")
        if not word.startswith("-"):
            program = word
        elif m and not set(before) & set("cWX"):
            # "-m pytest", "-mpytest" or, after another option, "-Im pytest".
            options += [before] if before != "-" else []
            program = module or (rest.pop(0) if rest else "?")
        else:
            options.append(word)
            if word in ("-X", "-W", "-c", "--check-hash-based-pycs"):
                options += rest[:1]
                del rest[:1]
    runs_pytest = os.path.basename(program) in PROGRAMS and "-c" not in options
    if not runs_pytest:
        return None
    rest = expanded(rest)
    wanted = OPTION in os.environ.get("PYTEST_ADDOPTS", "") or any(map(_means_it, rest))
    return (options, rest) if wanted else None


def _means_it(word: str) -> bool:
    """Return whether a word is ``--submission``, an option beside it, or begins like it:
    pytest may take that for it, or refuse it, but only after it has read settings."""
    name = word.partition("=")[0]
    return name.startswith(OPTION) or (len(name) > 4 and OPTION.startswith(name))


def expanded(arguments: list[str], depth: int = 0) -> list[str]:
    """Return pytest's ``arguments`` with those that stand in files in the place of words
    such as "@file", as argparse reads them; a file that cannot be read stays a word."""
    words: list[str] = []
    for word in joined(arguments):
        if not word.startswith("@") or depth > 20:
            words.append(word)
            continue
        encoding = sys.getfilesystemencoding()
        try:
            with open(word[1:], encoding=encoding, errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except (OSError, ValueError):
            words.append(word)
        else:
            words += expanded(lines, depth + 1)
    return words


def named(arguments: list[str]) -> list[str]:
    """Return the values of ``--submission`` in pytest's ``arguments``."""
    words = [word for word in joined(arguments) if word.startswith("--submission=")]
    return [word.partition("=")[2] for word in words]


def joined(arguments: list[str]) -> list[str]:
    """Return pytest's ``arguments`` with ``--submission`` and its value in one word: of a
    word that begins with "@" pytest takes the rest for a file, with arguments in it."""
    words: list[str] = []
    for word in arguments:
        if words[-1:] == ["--submission"]:
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def _here() -> str:
    """Return the working directory; "" where it was removed, which ``main`` tells."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def environment() -> dict[str, str]:
    """Return the environment without import paths that depend on where one stands."""
    env = dict(os.environ)
    places = env.pop("PYTHONPATH", "").split(os.pathsep)
    here = _here()
    kept = [place for place in places if os.path.isabs(place) and place != here]
    if kept:
        env["PYTHONPATH"] = os.pathsep.join(kept)
    env["PYTHONSAFEPATH"] = "1"
    # Plugins are found by names in folders, and one of these can lie in the way.
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    env.pop("PYTEST_PLUGINS", None)
    return env


def command(options: list[str], arguments: list[str]) -> list[str]:
    """Return the command line of the process that runs pytest's ``arguments``."""
    return [
        sys.executable,
        *options,
        "-P",
        "-m",
        "autograder.doors.pytest_start",
        *arguments,
    ]


def replace_pytest() -> None:
    """Replace this process if its command line runs pytest with ``--submission``."""
    parts = split(sys.orig_argv)
    if parts is None:
        return
    if os.name != "nt":
        os.execve(sys.executable, command(*parts), environment())
    here = _here()
    sys.path[:] = [place for place in sys.path if os.path.abspath(place) != here]
    import subprocess

    os._exit(subprocess.call(command(*parts), env=environment()))


def _common_folder(files: list[str]) -> str:
    """Return the folder that holds all files; on Windows "" where none does."""
    folders = [os.path.dirname(os.path.abspath(file)) for file in files]
    try:
        return os.path.commonpath(folders)
    except ValueError:
        return ""


def main(arguments: list[str]) -> int:
    """Run pytest with ``arguments`` in this process; return its exit code."""
    global clean
    clean = True
    from autograder.contract.here import NowhereError, working_directory

    try:
        working_directory()  # without one pytest ends in a traceback
    except NowhereError as error:
        print(error, file=sys.stderr)
        return 4  # pytest's own code for wrong usage
    import pytest

    obey = ["-c", SETTINGS, "--noconftest", "-p", "no:cacheprovider"]
    obey += ["-p", "autograder.doors.pytest_plugin"]
    folder = _common_folder(named(arguments))
    if os.path.isdir(os.path.expandvars(folder)):
        obey.append(f"--rootdir={folder}")
    return int(pytest.main([*obey, *joined(arguments)]))


if __name__ == "__main__":
    # Not this module's second copy: the plugin asks the first whether it is clean.
    from autograder.doors import pytest_start

    sys.exit(pytest_start.main(sys.argv[1:]))
elif __name__ == "at Python's start":
    replace_pytest()
