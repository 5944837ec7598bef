"""A submission in its worker."""

from dataclasses import dataclass, field

from autograder.isolation.outcome import CellOutcome
from autograder.isolation.worker_handle import RemoteWorker, WorkerLost
from autograder.submission.cells import Submission


@dataclass
class Session:
    """A submission in its worker: its cells run, its functions callable.

    When the worker is lost, the next use starts another and runs the cells again, but
    not the cell that killed the first."""

    submission: Submission
    worker: RemoteWorker
    outcomes: dict[int, CellOutcome] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    #: Why its functions could not be asked for, if they could not.
    unnamed: str | None = None
    _lethal: set[int] = field(default_factory=set)

    def run_cells(self, keep_outcomes: bool = False) -> None:
        """Run the student's cells, each with its own outcome; no exception escapes."""
        fresh: dict[int, CellOutcome] = {}
        pending = list(self.submission.code)
        while pending:
            cell = pending.pop(0)
            if cell.number in self._lethal:
                fresh[cell.number] = self.outcomes[cell.number]
                continue
            try:
                fresh[cell.number] = self.worker.run_cell(
                    cell.number, cell.source, self.submission.script
                )
            except WorkerLost as lost:
                self._lethal.add(cell.number)
                outcome = CellOutcome(error=lost.message)
                self.outcomes[cell.number] = outcome
                if self.worker.spent is not None:
                    break
                # Begin again without it: what the cells above defined is gone.
                pending, fresh = list(self.submission.code), {}
        if not keep_outcomes:
            self.outcomes = {**self.outcomes, **fresh}
        try:
            self.names, self.unnamed = self.worker.functions(), None
        except WorkerLost as lost:
            self.names, self.unnamed = {}, lost.message

    def revive(self) -> None:
        """Make sure that a worker with this submission's functions is there, unless the
        file gets none any more."""
        if self.worker.alive:
            self.worker.forget()
        elif self.worker.spent is None:
            self.run_cells(keep_outcomes=True)
