"""Run benchmarks and print what they found; see ``python -m benchmarks --help``."""

import argparse
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

# Before NumPy is imported: every figure is for one thread.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"__main__", "processes", "timing"}
#: The rounds of a benchmark that has no ``ROUNDS`` of its own.
ROUNDS = 60


def names() -> list[str]:
    """Return the names of the benchmarks: the modules of this package that have one."""
    found = {module.name for module in pkgutil.iter_modules([str(HERE)])}
    return sorted(found - NOT_BENCHMARKS)


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument(
        "--rounds", type=int, help=f"the benchmark's own number, or {ROUNDS}"
    )
    parser.add_argument("--save", action="store_true", help="write results/NAME.json")
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds is at least 1")
    for name in options.names:
        if name not in names():
            parser.error(f"there is no benchmark {name!r}; there are {names()}")
    for name in options.names or names():
        print(f"Running {name} …", file=sys.stderr, flush=True)
        benchmark = importlib.import_module(f"benchmarks.{name}")
        result = benchmark.run(options.rounds or getattr(benchmark, "ROUNDS", ROUNDS))
        print(benchmark.describe(result), end="\n\n", flush=True)
        if options.save:
            path = HERE / "results" / f"{name}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
