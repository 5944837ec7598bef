"""How long does a dropout mask take? Float, byte and framework masks beside a copy.

Each way turns the same float32 array into ``x * mask / keep_prob``, in one thread, with
buffers that are allocated once where the library allows it. The book's figure shows
``results/masks.json``; it was saved where PyTorch is installed (2.13.0).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import timing

SHAPE = (1024, 1024)
#: 192 of 256 byte values: every way has exactly this keep probability.
KEEP_PROB = 0.75

LABELS = {
    "copy": "copy of the array",
    "float64": "float64 uniforms",
    "float32": "float32 uniforms",
    "bytes": "bytes, drawn as uint8",
    "words": "bytes, eight from a uint64",
    "legacy": "float64, legacy RandomState",
    "torch": "torch.nn.functional.dropout",
}


def run(rounds: int) -> dict[str, Any]:
    """Return the time of each way, absolute and as a multiple of the copy's.

    ``ns_per_unit`` is a median; ``times_copy`` the quartiles of the ratio of a way's time
    to the copy's in the same round.
    """
    x = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    machine = timing.machine()
    ways = numpy_ways(x)
    torch = torch_way(x)
    if torch is not None:
        ways["torch"], machine["torch"] = torch
    for name, way in ways.items():
        check(name, x, np.asarray(way()))
    seconds = timing.side_by_side(ways, rounds)
    return {
        "command": "python -m benchmarks masks --save",
        "shape": SHAPE,
        "keep_prob": KEEP_PROB,
        "rounds": rounds,
        "machine": machine,
        "ways": {
            name: {
                "ns_per_unit": round(float(np.median(times)) / x.size * 1e9, 3),
                "times_copy": quartiles(times / seconds["copy"]),
            }
            for name, times in seconds.items()
        },
    }


def numpy_ways(x: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Return the ways that need NumPy alone; each returns its output, like ``x``."""
    rng, legacy = np.random.default_rng(1), np.random.RandomState(1)
    scale, threshold = np.float32(1 / KEEP_PROB), np.uint8(256 * KEEP_PROB)
    mask, out = np.empty(x.shape, bool), np.empty_like(x)
    u64, u32 = np.empty(x.shape), np.empty_like(x)

    def apply(random: np.ndarray, limit: float | np.float32 | np.uint8) -> np.ndarray:
        np.less(random, limit, out=mask)
        np.multiply(x, mask, out=out)
        return np.multiply(out, scale, out=out)

    def copy() -> np.ndarray:
        np.copyto(out, x)
        return out

    def float32() -> np.ndarray:
        rng.random(out=u32, dtype=np.float32)
        return apply(u32, np.float32(KEEP_PROB))

    def words() -> np.ndarray:
        last = np.iinfo(np.uint64).max
        drawn = rng.integers(0, last, x.size // 8, dtype=np.uint64, endpoint=True)
        return apply(drawn.view(np.uint8).reshape(x.shape), threshold)

    return {
        "copy": copy,
        "float64": lambda: apply(rng.random(out=u64), KEEP_PROB),
        "float32": float32,
        "bytes": lambda: apply(rng.integers(0, 256, x.shape, np.uint8), threshold),
        "words": words,
        "legacy": lambda: apply(legacy.random_sample(x.shape), KEEP_PROB),
    }


def torch_way(x: np.ndarray) -> tuple[Callable[[], np.ndarray], str] | None:
    """Return PyTorch's dropout and PyTorch's version, or None where it is missing."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    tensor = torch.from_numpy(x)

    def dropout() -> np.ndarray:
        with torch.inference_mode():
            return torch.nn.functional.dropout(tensor, 1 - KEEP_PROB, True).numpy()

    return dropout, torch.__version__


def check(name: str, x: np.ndarray, out: np.ndarray) -> None:
    """Raise ``ValueError`` unless ``out`` is a dropout of ``x`` (or its copy)."""
    kept = out != 0
    share, expected = kept.mean(), 1 if name == "copy" else KEEP_PROB
    deviation = 7 * np.sqrt(0.25 / x.size)
    right = np.allclose(out[kept], x[kept] / expected, rtol=1e-6)
    if out.dtype != np.float32 or not right or abs(share - expected) > deviation:
        raise ValueError(f"{name} is no dropout at keep_prob {expected}: kept {share}")


def quartiles(values: np.ndarray) -> list[float]:
    """Return the lower quartile, the median and the upper quartile."""
    return [round(float(v), 3) for v in np.percentile(values, (25, 50, 75))]


def describe(result: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    lines = [
        f"Dropout masks: {result['shape'][0]} x {result['shape'][1]} float32, "
        f"keep_prob {result['keep_prob']}, one thread, {result['rounds']} rounds",
        timing.on(result["machine"]),
        f"{'':30s} ns per unit   times a copy (quartiles)",
    ]
    for name, way in result["ways"].items():
        low, middle, high = way["times_copy"]
        lines.append(
            f"{LABELS[name]:30s} {way['ns_per_unit']:11.2f}   "
            f"{middle:6.2f}  ({low:.2f} to {high:.2f})"
        )
    if "torch" not in result["ways"]:
        lines.append("PyTorch is not installed; it would be one more line.")
    return "\n".join(lines)
