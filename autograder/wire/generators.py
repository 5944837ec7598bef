"""Generators by their state: how they go over, and how they are made again."""

from typing import Any

import numpy as np
from numpy.random.bit_generator import ISpawnableSeedSequence

from autograder.wire.frames import WireError

#: What a generator starts from that is given a state at once.
_NOTHING = np.zeros(4, np.uint64)


def generator_node(generator: np.random.Generator) -> dict[str, Any]:
    """Return the node of a generator: the state of its PCG64.

    Raises ``WireError`` for another bit generator."""
    state = generator.bit_generator.state
    if state.get("bit_generator") != "PCG64":
        raise WireError("only generators made by numpy.random.default_rng can be sent")
    numbers = [state["state"]["state"], state["state"]["inc"]]
    half = [state["has_uint32"], state["uinteger"]]
    return {"is": "generator", "state": [*map(hex, numbers), *map(int, half)]}


def generator_state(node: dict[str, Any]) -> Any:
    """Return the PCG64 state of a generator's node. Raises ``WireError``."""
    try:
        state, increment, has_half, half = node["state"]
        numbers = {"state": _number(state), "inc": _number(increment)}
        # An even increment has fixed points, at which NumPy's rejections never end.
        if not all(0 <= n < 2**128 for n in numbers.values()) or not numbers["inc"] % 2:
            raise ValueError
        return {
            "bit_generator": "PCG64",
            "state": numbers,
            "has_uint32": int(bool(has_half)),
            "uinteger": int(half) & 0xFFFFFFFF,
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WireError("a generator's state is malformed") from error


def _number(text: Any) -> int:
    if not isinstance(text, str):
        raise TypeError
    return int(text[:40], 16)


def generator_of(node: dict[str, Any]) -> np.random.Generator:
    """Return a generator in the state of a node. Raises ``WireError``."""
    state = generator_state(node)
    # NumPy's types know its own seed sequences only.
    seed: Any = _Known(state["state"]["state"])
    bits = np.random.PCG64(seed)
    bits.state = state
    return np.random.Generator(bits)


class _Known(ISpawnableSeedSequence):
    """Stands for the seed sequence of a generator whose state is known, and is made when
    ``rng.spawn`` asks for it: NumPy's mixing of a seed costs as much time as a call."""

    def __init__(self, state: int) -> None:
        self._state, self._asked = state, False
        self._made: np.random.SeedSequence | None = None

    def _sequence(self) -> np.random.SeedSequence:
        if self._made is None:
            self._made = np.random.SeedSequence(self._state)
        return self._made

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        if self._asked:
            return self._sequence().generate_state(n_words, dtype)
        self._asked = True  # by the bit generator that is given its state at once
        return _NOTHING

    def spawn(self, n_children: int) -> Any:
        """Return seeds for ``rng.spawn``: equal states, equal children."""
        return self._sequence().spawn(n_children)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._sequence(), name)
