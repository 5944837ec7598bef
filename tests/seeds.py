"""Grades mutants with many seeds, and lists those that do not always lose the same.

    python -m tests.seeds [--seeds 20] [--first-seed 0] [EXERCISE …]

For each exercise it prints how many mutants fail the same checks at every seed, and of the
others which checks fail how often; and likewise for the mistake that the report names.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

from autograder.contract.exercise import all_exercises
from autograder.grading.run import grade_functions
from tests import bank
from tests.verdicts import quiet_and_seeded


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
            yield f"    {what} {mutant}: {often}"


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
