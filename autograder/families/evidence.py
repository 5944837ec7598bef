"""Whether outputs show what is asked of them: where all are 0, kept units show no factor."""

import math
from dataclasses import dataclass, field

import numpy as np

from autograder.contract.trial import Trial

#: Of so many units some are kept, and some dropped, but with this probability.
_NEVER = 1e-20
#: Of the calls that would keep some if one bit served each of them, this share does: it is
#: no business of whoever judges values how many bits there are.
_SHARE = 0.25


@dataclass
class Evidence:
    """Calls whose outputs are 0 or a multiple of x, and which units they kept. Where kept
    units come back as they are, ``both`` are asked for: an output that is x says nothing."""

    name: str
    both: bool = False
    _kept: list[tuple[float, bool, int]] = field(default_factory=list)
    _dropped: list[tuple[float, bool, int]] = field(default_factory=list)

    def add(self, keep_prob: float, mask: np.ndarray) -> None:
        """Note the mask of units whose input is not 0."""
        for share, bits, noted in (
            (keep_prob, mask, self._kept),
            (1 - keep_prob, ~mask, self._dropped),
        ):
            if share > 0 and (1 - share) ** mask.size < _NEVER:
                noted.append((share, bool(bits.any()), mask.size))

    def expect(self, trial: Trial) -> None:
        """Check that calls in which some units must be kept do so, or enough of them."""
        if self._lacks(self._kept):
            self._fail(trial, self._kept, "0", "kept")
        if self.both and self._lacks(self._dropped):
            self._fail(trial, self._dropped, "what they were", "dropped")

    @staticmethod
    def _lacks(noted: list[tuple[float, bool, int]]) -> bool:
        shown = sum(seen for _, seen, _ in noted)
        return shown < _SHARE * math.fsum(share for share, _, _ in noted)

    def _fail(
        self,
        trial: Trial,
        noted: list[tuple[float, bool, int]],
        came: str,
        which: str,
    ) -> None:
        without = [size for _, seen, size in noted if not seen]
        trial.fail(
            f"{self.name}: in {len(without)} of {len(noted)} calls in training, all of "
            f"{min(without)} to {max(without)} units came back as {came}; expected "
            f"some {which}: what becomes of {which} units did not show."
        )
