"""What the exercises of ``conventions`` share."""

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import Trial
from autograder.families import elementwise
from autograder.families.elementwise import Draw


class Wrong(Mistakes, section="conv-dictionary"):
    swaps_keep_and_drop = """you keep with probability 1 − keep_prob and scale to match:
        keep_prob is read as the drop probability throughout."""
    returns_the_mask = at(
        "conv-definitions",
        "kept units all come back as the same number, whatever x is: out is the mask "
        "and not x times the mask.",
    )


def swapped(function: StudentFunction, trial: Trial) -> bool:
    """Return whether units are kept with probability 1 − keep_prob, roughly."""
    got = elementwise.draw(function, trial, (60, 60), 0.8)
    return abs(float(got.mask.mean()) - 0.2) < 0.06


def is_the_mask(got: Draw) -> bool:
    """Return whether kept units come back as one number where inputs differ."""
    kept, inputs = got.out[got.mask], got.x[got.mask]
    alike = len(kept) > 1 and facts.close(kept, kept[0])
    return alike and not facts.close(inputs, inputs[0])
