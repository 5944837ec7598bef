"""The example that ``python -m autograder new NAME`` begins with, to be changed.

NAME and CHAPTER stand for the exercise's and the chapter's names.
"""

SETTINGS = '''\
"""nbgrader's settings; its commands read them when run in this folder."""

import os
from pathlib import Path

from autograder.course.settings import configure

c = get_config()  # noqa: F821

# ---- Where students read the book, for the links in verdicts: its address on the web, as
# "https://example.org/dropout". Without one, verdicts name the page.
os.environ.setdefault("DROPOUT_BOOK", "")

# ---- All else, and the exercises in checks/; set below what is to be otherwise.
configure(c, Path(__file__).resolve().parent)
'''

CHAPTER = '''\
"""The exercises of ``CHAPTER``."""

#: In the order of the notebook.
EXERCISES = ('''

HEAD = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Exercises: CHAPTER

Replace each `raise NotImplementedError()` by your code and run the cell below it.

```{code-cell} python3
import numpy as np

from autograder import check
```
"""

STATEMENT = '''
## `NAME`

Keep each entry of an array with probability `keep_prob`, and put 0 in the place of the
others.

- `x` is a float array of shape (N, D).
- `keep_prob` is a float with 0 < `keep_prob` <= 1.
- `rng` is a `numpy.random.Generator`. Entries are kept independently of each other.
- Return a float array shaped like `x`. Kept entries are unchanged.

```{code-cell} python3
def NAME(x, keep_prob, rng):
    """Return x, shape (N, D), with entries kept with probability keep_prob, else 0."""
    ### BEGIN SOLUTION
    return x * (rng.random(x.shape) < keep_prob)
    ### END SOLUTION
```

```{code-cell} python3
check("NAME")
```
'''

CHECKS = '''\
"""NAME: keep each entry with probability keep_prob."""

import numpy as np

from autograder.contract import facts
from autograder.contract.exercise import Exercise
from autograder.contract.mistakes import Mistakes
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.laws.binomial import Proportion, agreement

exercise = Exercise(
    "NAME",
    chapter="CHAPTER",
    title="Keep each entry with probability keep_prob",
    signature="NAME(x, keep_prob, rng) -> out",
    # What explains it: a target of the book, an address on the web, or nothing.
    section="",
)


class Wrong(Mistakes, section=""):
    """What is wrong, by name: each text completes the message to the student."""

    NAME_returns_the_mask = """kept entries all come back as 1: multiply x by the mask."""
    NAME_rescales = """kept entries are divided by keep_prob; here they stay as they
        are."""
    NAME_keeps_what_should_go = """entries are kept with probability 1 − keep_prob."""
    NAME_ignores_keep_prob = """half of the entries are kept, whatever keep_prob is."""
    NAME_drops_whole_rows = """the entries of a row are all kept or all dropped; each
        needs a draw of its own."""


_KEEP_PROB = 0.8


def _drawn(
    NAME: StudentFunction, trial: Trial, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and what comes back for it, both of shape (rows, 2)."""
    x = trial.inputs(rows, 2)  # no entry is 0, so a 0 that comes back was dropped
    result = NAME(x, _KEEP_PROB, trial.generator())
    return x, facts.float_array(result, x.shape, f"NAME(x of shape {x.shape}, …)")


@exercise.check(points=1)
def returns_floats_shaped_like_x(NAME: StudentFunction, trial: Trial) -> None:
    """What comes back is a float array of the shape of x."""
    _drawn(NAME, trial, 20)


@exercise.check(points=1, after="returns_floats_shaped_like_x")
def kept_entries_are_unchanged(NAME: StudentFunction, trial: Trial) -> None:
    """Every entry of the result is 0 or that of x."""
    x, out = _drawn(NAME, trial, 20)
    kept = out != 0
    if facts.close(out[kept], x[kept]):
        return
    mistake = None
    if facts.close(out[kept], 1):
        mistake = Wrong.NAME_returns_the_mask
    elif facts.close(out[kept], x[kept] / _KEEP_PROB):
        mistake = Wrong.NAME_rescales
    trial.fail(f"A kept entry changed: {facts.worst(out[kept], x[kept])}.", mistake)


def _by_share(share: float) -> str | None:
    if abs(share - (1 - _KEEP_PROB)) < 0.1:
        return Wrong.NAME_keeps_what_should_go
    return Wrong.NAME_ignores_keep_prob if abs(share - 0.5) < 0.1 else None


@exercise.check(
    points=1,
    after="kept_entries_are_unchanged",
    # The count's law for a correct answer, and the smallest change of its probability
    # that is found practically always; the sample size follows.
    looks={"kept": Proportion(_KEEP_PROB, detects=0.02)},
)
def keeps_entries_at_the_stated_rate(NAME: StudentFunction, trial: Trial) -> None:
    """Each entry is kept with probability keep_prob."""
    n = trial.size("kept")
    _, out = _drawn(NAME, trial, n)
    what = f"entries kept at keep_prob = {_KEEP_PROB}"
    trial.judge("kept", out[:, 0] != 0, n, what, _by_share)


@exercise.check(
    points=1,
    after="keeps_entries_at_the_stated_rate",
    looks={"neighbours": agreement(_KEEP_PROB, detects=0.05)},
)
def drops_entries_independently(NAME: StudentFunction, trial: Trial) -> None:
    """Whether an entry is kept says nothing of its neighbour."""
    n = trial.size("neighbours")
    _, out = _drawn(NAME, trial, n)
    same = (out[:, 0] != 0) == (out[:, 1] != 0)
    what = "neighbours in a row that are both kept or both dropped"
    mistake = Wrong.NAME_drops_whole_rows if same.all() else None
    trial.judge("neighbours", same, n, what, mistake)
'''

ANSWERS = '''\
"""Wrong answers to ``NAME``, each named after its sin, and correct ones in other styles."""

import numpy as np

from autograder.course.answers import Mutants, Styles, fails

SHAPE = "returns_floats_shaped_like_x"
UNCHANGED = "kept_entries_are_unchanged"
RATE = "keeps_entries_at_the_stated_rate"
INDEPENDENT = "drops_entries_independently"


class Sins(Mutants, of="NAME"):
    @fails(SHAPE, "returns_nothing")
    def returns_no_array(x, keep_prob, rng):
        """Computes the array and forgets the return statement."""
        x * (rng.random(x.shape) < keep_prob)

    @fails(UNCHANGED, "NAME_returns_the_mask")
    def returns_the_mask(x, keep_prob, rng):
        """Takes the mask for the result."""
        return (rng.random(x.shape) < keep_prob).astype(float)

    @fails(UNCHANGED, "NAME_rescales")
    def rescales(x, keep_prob, rng):
        """Writes inverted dropout, as frameworks have it."""
        return x * (rng.random(x.shape) < keep_prob) / keep_prob

    @fails(RATE, "NAME_keeps_what_should_go")
    def turns_the_comparison_round(x, keep_prob, rng):
        """Reads keep_prob as the probability of dropping."""
        return x * (rng.random(x.shape) > keep_prob)

    @fails(RATE, "NAME_ignores_keep_prob")
    def tosses_a_coin(x, keep_prob, rng):
        """Draws 0 or 1 with equal chances and forgets keep_prob."""
        return x * rng.integers(0, 2, x.shape)

    @fails(INDEPENDENT, "NAME_drops_whole_rows")
    def draws_one_number_a_row(x, keep_prob, rng):
        """Draws per sample, and broadcasting hides it."""
        return x * (rng.random((len(x), 1)) < keep_prob)


class Answers(Styles, of="NAME"):
    def with_where(x, keep_prob, rng):
        return np.where(rng.uniform(size=x.shape) >= keep_prob, 0.0, x)

    def with_binomial(x, keep_prob, rng):
        return x * rng.binomial(1, keep_prob, x.shape)

    def with_indexing(x, keep_prob, rng):
        out = x.copy()
        out[rng.random(x.shape) > keep_prob] = 0
        return out

    def with_loops(x, keep_prob, rng):
        out = np.zeros_like(x)
        for place in np.ndindex(*x.shape):
            if rng.random() < keep_prob:
                out[place] = x[place]
        return out
'''
