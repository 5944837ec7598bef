"""What a file is judged with: out of reach of its author, the same again for the judge.

The author knows every line of the grader, all replay codes and all verdicts; not the
secret.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import __version__
from autograder.contract.exercise import Exercise, find_exercise
from autograder.contract.trial import Trial
from autograder.doors.nbgrader.ahead import GradedAhead
from autograder.grading.draws import Draws, ReplayError, draws_of, replay_code
from autograder.grading.grade import grade
from autograder.grading.secret import VARIABLE, Secret, find_secret
from autograder.isolation.limits import Limits
from autograder.isolation.worker_handle import RemoteWorker
from autograder.submission.cells import Cell, Submission
from autograder.submission.file import read_submission
from tests.knowing import answers_by_seed
from tests.test_attacks import MODES

#: What can be computed from the file alone, before this was mended and now.
GUESSES = """
OLD = hashlib.sha256(b"1.0.0\\0{secret}\\0" + BYTES.strip())
SEEDS = [int.from_bytes(OLD.digest()[:8], "big") >> 1]
FILE = hashlib.sha256(BYTES).hexdigest()
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
def mac(key, *parts):
    return hmac.digest(key, "\\0".join(parts).encode(), "sha256")
def text(data, n):
    number = int.from_bytes(data, "big")
    return "".join(DIGITS[number >> 5 * i & 31] for i in range(n))
def seed_with(secret):
    key = hashlib.scrypt(secret, salt=b"dropout course secret", n=2**14, r=8, p=1,
                         dklen=32)
    code = text(mac(key, "code", "{version}", FILE), 16)
    code += text(mac(key, "proof", code), 4)
    code = "-".join(code[i:i + 4] for i in range(0, 20, 4))
    return int.from_bytes(mac(key, "seed", code), "big")
SEEDS += [seed_with(secret) for secret in {secrets}]
"""


def guessing(*secrets: bytes) -> str:
    guesses = GUESSES.replace("{secrets}", repr(list(secrets)))
    guesses = guesses.replace("{secret}", "").replace("{version}", __version__)
    return answers_by_seed(guesses)


def score(path: Path, text: str, **options: Any) -> float:
    path.write_bytes(text.encode())
    report = grade(path, exercises=["is_inverted_dropout"], **options)
    assert report.notes == (), "the attack itself must run"
    return report.score


def test_a_submission_that_is_told_the_seed_would_earn_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the attacks below fail for want of the seed, and of nothing else."""
    full = find_exercise("is_inverted_dropout").max_score
    told = answers_by_seed("SEEDS = [4711]")
    assert score(tmp_path / "a.py", told, seed=4711) == full
    monkeypatch.setenv(VARIABLE, "the seven dwarfs")
    assert score(tmp_path / "a.py", guessing(b"the seven dwarfs")) == full


@pytest.mark.parametrize("mode", MODES)
def test_a_submission_cannot_work_out_its_own_seed(tmp_path: Path, mode: str) -> None:
    guesses = guessing(b"", b"secret", b"None")
    assert score(tmp_path / "a.py", guesses, sandbox=mode) < 1


#: Reads what the feedback printed from the blanks that its own text begins with.
HEARS = """
BITS = OWN[0].rstrip("\\n").replace(" ", "0").replace("\\t", "1")
HEARD = "".join(chr(int(BITS[i:i + 8], 2)) for i in range(0, len(BITS), 8))
CODE = HEARD.encode()
SEEDS = [int(HEARD)] if HEARD.isdigit() else []
for data in (CODE, CODE.replace(b"-", b"")):
    SEEDS += [int.from_bytes(data, "big"), int.from_bytes(data, "big") >> 1]
    for digest in (hashlib.sha256(data), hmac.new(b"", b"seed\\0" + data, "sha256"),
                   hmac.new(data, b"seed", "sha256")):
        SEEDS += [int.from_bytes(digest.digest(), "big")]
"""


def hearing(code: str) -> str:
    """Return the attack, headed by a text in blanks and tabs."""
    bits = "".join(f"{ord(c):08b}" for c in code)
    return bits.replace("0", " ").replace("1", "\t") + "\n" + answers_by_seed(HEARS)


def test_a_code_handed_in_again_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    assert score(path, hearing("4711"), seed=4711) == 10, "it hears what is printed"
    codes = [""]
    for _ in range(2):
        assert score(path, hearing(codes[-1])) < 1
        codes.append(grade(path).replay or "")
    assert len(set(codes)) == 3


WATCHES = """
import json, random, sys
import numpy as np
print(json.dumps([random.getrandbits(64), int(np.random.randint(2**31))]))
"""


def test_the_workers_own_generators_tell_nothing_of_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two secrets, a seed by hand: the file's code sees the same numbers each time."""
    path = tmp_path / "a.py"
    path.write_text(WATCHES)
    seen = []
    for secret in ("a", "b", None):
        monkeypatch.setenv(VARIABLE, secret or "c")
        report = grade(path, seed=None if secret else 7, chapter="judging")
        seen.append(report.cells[1].stdout)
    assert seen[0] and seen[0] == seen[1] == seen[2]
    path.write_text(WATCHES + "\n")
    assert grade(path, chapter="judging").cells[1].stdout != seen[0]


READS = """
import builtins, glob, io, json, os, sys
places = {places!r}
found = []
def look(what):
    try:
        with io.open(what, "rb") as file:
            found.append(file.read().decode("latin-1"))
    except (OSError, ValueError):
        pass
for place in places:
    look(place)
for pid in ["self", os.getpid(), os.getppid(), {judge}, 1, 2, 3]:
    for name in ("environ", "cmdline", "maps"):
        look(f"/proc/{{pid}}/{{name}}")
    for place in places:
        look(f"/proc/{{pid}}/root{{place}}")
found += [repr(dict(os.environ)), repr(sys.argv), repr(sys.orig_argv)]
try:
    import ctypes
    libc = ctypes.CDLL(None)
    for place in places:
        fd = libc.open(place.encode(), 0)
        data = ctypes.create_string_buffer(200)
        if fd >= 0 and libc.read(fd, data, 199) > 0:
            found.append(data.raw.decode("latin-1"))
except Exception as error:
    found.append(str(error))
print([n for n in {split!r} if any("".join(n) in f for f in found)])
"""


@pytest.mark.parametrize("kept", ["variable", "course", "account"])
@pytest.mark.parametrize("mode", MODES)
def test_students_code_cannot_read_the_secret(
    mode: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    (root / "course").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA", VARIABLE):
        monkeypatch.delenv(name, raising=False)
    if kept == "variable":
        monkeypatch.setenv(VARIABLE, "a text of sufficient length")
    monkeypatch.chdir(tmp_path)
    text = find_secret(root if kept == "course" else None).text
    files = [str(path) for path in tmp_path.rglob("secret")]
    texts = [text, *(Path(file).read_text().strip() for file in files)]
    assert kept == "variable" or files
    # Cut in two, for the source itself is among what the code can read.
    halves = [[text[:9], text[9:]] for text in texts]
    source = READS.format(places=files, judge=os.getpid(), split=halves)
    unconfined = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert unconfined.stdout != "[]\n", "unconfined it finds the secret"
    with RemoteWorker(mode, Limits(total_seconds=40)) as worker:
        outcome = worker.run_cell(1, source)
    assert outcome.error is None
    assert outcome.stdout == "[]\n"


# ---- The same file, the same draws ----------------------------------------------------


def digest_of(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return read_submission(path).digest


def test_every_byte_of_the_file_counts(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}]
    plain = json.dumps({"nbformat": 4, "cells": cells, "metadata": {}})
    output = json.dumps(
        {"nbformat": 4, "cells": [cells[0] | {"outputs": [1]}], "metadata": {}}
    )
    metadata = json.dumps({"nbformat": 4, "cells": cells, "metadata": {"a": 1}})
    text = [plain, plain + "\n", plain + " ", "\ufeff" + plain, output, metadata]
    found = {digest_of(tmp_path / "a.ipynb", t.encode()) for t in text}
    code = ["x = 1", "x = 1\n", "x = 1 ", "\tx = 1", "x = 1\r\n", "\ufeffx = 1"]
    found |= {digest_of(tmp_path / "a.py", t.encode()) for t in code}
    assert len(found) == len(text) + len(code)


def test_the_name_and_the_place_of_the_file_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    digests = {digest_of(tmp_path / n, b"x = 1\n") for n in ("a.py", "c.py", "b/a.py")}
    assert len(digests) == 1


def test_the_code_and_the_secret_give_the_draws_again() -> None:
    secret, other = Secret("one"), Secret("two")
    first = draws_of("file", "1", secret)
    assert first == draws_of("file", "1", secret)
    assert first.replay is not None
    again = draws_of("another file", "2", secret, first.replay)
    assert (again.seed, again.replay, again.of_another) == (
        first.seed,
        first.replay,
        True,
    )
    typed = first.replay.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert draws_of("file", "1", secret, typed) == first
    with pytest.raises(ReplayError, match="secret"):
        draws_of("file", "1", other, first.replay)
    assert first.seed.bit_length() > 200


def test_file_version_and_secret_each_give_other_codes() -> None:
    codes = {
        replay_code(Secret(text).key, version, digest)
        for text in ("a", "b")
        for version in ("1", "2")
        for digest in ("f", "g")
    }
    assert len(codes) == 8


@pytest.mark.parametrize("wrong", ["", "7", "5" * 20, "none", "A" * 19, "ÄÖÜ" * 7])
def test_a_wrong_code_is_refused(wrong: str) -> None:
    with pytest.raises(ReplayError):
        draws_of("file", "1", Secret("one"), wrong)


def test_a_secret_that_does_not_last_gives_no_code() -> None:
    assert draws_of("file", "1", Secret("one", lasting=False)).replay is None
    assert Draws(5).replay is None


def test_a_report_made_ahead_counts_for_the_same_bytes_alone() -> None:
    """nbgrader's door begins the next files while one is in hand."""
    cells = (Cell(1, "x = 1"),)
    expected = [Submission("n", cells, digest=d) for d in ("00", "01", "02")]
    options = {"exercises": ["is_inverted_dropout"]}
    ahead = GradedAhead([0, 1, 2], expected.__getitem__, options)
    asked = [expected[0], expected[1], Submission("n", cells, digest="03")]
    found = [
        ahead.report(key, submission).replay for key, submission in enumerate(asked)
    ]
    key = find_secret().key
    assert found == [replay_code(key, __version__, one.digest) for one in asked]


# ---- What a check hands out tells nothing of the rest ----------------------------------


def a_trial(seed: int = 1) -> Trial:
    exercise: Exercise = find_exercise("inverted_dropout")
    return Trial(exercise.checks[0], seed)


def test_no_draw_of_a_check_follows_from_another() -> None:
    """Each comes from a generator of its own, so its state gives away no other."""
    trial = a_trial()
    states = [str(trial.generator().bit_generator.state) for _ in range(5)]
    states += [str(trial.rng.bit_generator.state) for _ in range(5)]
    assert len(set(states)) == 10
    x, y = trial.inputs(3), trial.inputs(3)
    assert not np.intersect1d(x, y).size


def test_a_check_draws_the_same_again() -> None:
    one, two = a_trial(), a_trial()
    for _ in range(2):
        assert np.array_equal(one.inputs(4, zeros=0.5), two.inputs(4, zeros=0.5))
        assert one.rng.random() == two.rng.random()
        assert one.new_seed() == two.new_seed()
    assert a_trial(2).new_seed() != a_trial(1).new_seed()


def test_the_judges_own_global_generators_are_not_touched() -> None:
    random.seed(1)
    before = random.getstate()
    a_trial().inputs(3)
    assert random.getstate() == before
