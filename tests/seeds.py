"""Grades mutants with many seeds, and lists those that do not always lose the same.

    python -m tests.seeds [--seeds 20] [--first-seed 0] [EXERCISE …]

For each exercise it prints how many mutants fail the same checks at every seed, and of the
others which checks fail how often, and why if ``seed_dependent.toml`` says so; and likewise
for the mistake that the report names.
"""

import argparse
import functools
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from autograder.contract.exercise import all_exercises
from autograder.grading.run import grade_functions
from tests import bank
from tests.verdicts import quiet_and_seeded

LISTED = Path(__file__).with_name("seed_dependent.toml")


@functools.cache
def depending_on_the_seed() -> Mapping[str, str]:
    """Return which mutants' failed checks may depend on the seed, and why."""
    listed: Mapping[str, str] = tomllib.loads(LISTED.read_text("utf-8"))
    return listed


def verdicts(mutant: bank.Answer, seeds: Sequence[int]) -> tuple[Counter, Counter]:
    """Return how often each set of failed checks came, and each named mistake."""
    failed: Counter[str] = Counter()
    named: Counter[str] = Counter()
    with quiet_and_seeded():
        for seed in seeds:
            report = grade_functions(mutant.exercise, mutant.functions, seed)
            lost = [c.name for c in report.checks if c.status == "failed"]
            failed[", ".join(lost) or "none"] += 1
            named[report.mistake or "no name"] += 1
    return failed, named


def lines(mutant: bank.Answer, seeds: Sequence[int]) -> Iterator[str]:
    """Yield a line for what differs between the seeds: failed checks, named mistake."""
    for what, counts in zip(("fails", "named"), verdicts(mutant, seeds), strict=True):
        if len(counts) > 1:
            often = "; ".join(
                f"{times} × {text}" for text, times in counts.most_common()
            )
            why = depending_on_the_seed().get(str(mutant), "")
            yield f"    {what} {mutant}: {often}" + (f" ({why})" if why else "")


def report(exercise: str, seeds: Sequence[int]) -> str:
    """Return the figures of an exercise, and a line for each mutant that differs."""
    mutants = bank.mutants(exercise)
    found = [line for mutant in mutants for line in lines(mutant, seeds)]
    same = len(mutants) - sum(line.startswith("    fails") for line in found)
    head = f"{exercise}: {same} of {len(mutants)} mutants fail the same at {len(seeds)} seeds"
    return "\n".join([head, *found])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exercises", nargs="*")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    first = arguments.first_seed
    for each in all_exercises():
        if not arguments.exercises or each.name in arguments.exercises:
            print(report(each.name, range(first, first + arguments.seeds)), flush=True)
