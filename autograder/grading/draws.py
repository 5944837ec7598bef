"""Which random numbers a file is judged with, and the code that replays them.

From the secret and every byte of the file follows the replay code, which reports print;
from the secret and the code follows the seed. So the same file gets the same draws, a
code and the secret give them again, and the code alone gives nothing.
"""

import hmac
from dataclasses import dataclass

from autograder.grading.secret import Secret, find_secret

#: Digits and capital letters but I, L, O and U, which are misread (Crockford's base 32).
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("OIL", "011", "- \t\n")
#: Digits of a code that stand for the file, and those that prove the secret.
_NAMING, _PROVING = 16, 4


class ReplayError(ValueError):
    """What should be a replay code is none, or one of another secret."""


@dataclass(frozen=True)
class Draws:
    """What a grading draws from: ``seed``, a number below 2**256; ``by_hand`` says that
    somebody chose it. ``replay`` is the code that a report prints, None where nothing
    would give the seed again; ``of_another`` says that the code is not the file's own
    here."""

    seed: int
    replay: str | None = None
    of_another: bool = False
    by_hand: bool = False

    @property
    def chosen(self) -> int | None:
        """The seed that a report may print: one that was chosen by hand."""
        return self.seed if self.by_hand else None


def draws_of(
    digest: str, version: str, secret: Secret, replay: str | None = None
) -> Draws:
    """Return the draws for the file with this digest, or those of a ``replay`` code.

    Raises ``ReplayError`` for a text that is no code of this secret."""
    own = replay_code(secret.key, version, digest)
    code = own if replay is None else _checked(secret.key, replay)
    seed = int.from_bytes(_mac(secret.key, "seed", code), "big")
    return Draws(seed, code if secret.lasting else None, code != own)


def replay_code(key: bytes, version: str, digest: str) -> str:
    """Return the code of a file's draws: five groups of four digits and letters."""
    naming = _text(_mac(key, "code", version, digest), _NAMING)
    return _grouped(naming + _proof(key, naming))


def check_replay(replay: str) -> None:
    """Raise ``ReplayError`` unless the code is one of the secret in force here."""
    _checked(find_secret().key, replay)


def _checked(key: bytes, replay: str) -> str:
    """Return the code as it is printed, however it was typed."""
    digits = replay.upper().translate(_MISREAD)
    if len(digits) != _NAMING + _PROVING or set(digits) - set(_DIGITS):
        raise ReplayError(
            f"{replay[:60]!r} is no replay code; expected five groups of four digits and "
            "letters, as the report shows them."
        )
    naming = digits[:_NAMING]
    if not hmac.compare_digest(digits[_NAMING:], _proof(key, naming)):
        raise ReplayError(
            f"{_grouped(digits)} was not made with the secret in force here. Is it copied "
            "right? Run this where the report was made, or set DROPOUT_COURSE_SECRET to "
            "the secret that was in force there (course/README.md says where it is)."
        )
    return _grouped(digits)


def _proof(key: bytes, naming: str) -> str:
    return _text(_mac(key, "proof", naming), _PROVING)


def _mac(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, "\0".join(parts).encode(), "sha256")


def _text(data: bytes, digits: int) -> str:
    number = int.from_bytes(data, "big")
    return "".join(_DIGITS[number >> 5 * i & 31] for i in range(digits))


def _grouped(digits: str) -> str:
    return "-".join(digits[i : i + 4] for i in range(0, len(digits), 4))
