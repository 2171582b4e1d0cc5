"""Look at one run, and wait for it."""

import time
from typing import ClassVar

from pydantic import BaseModel, Field, JsonValue

from scitrain.contracts.operation import OnProgress, Query, Result
from scitrain.overview import headlines, next_step, verdict
from scitrain.reconcile import current
from scitrain.runs import TERMINAL, Decision, Progress, Run, RunRecord, Status
from scitrain.workflow.headline import Headline
from scitrain.workspace import Workspace

__all__ = ["Artifact", "GetRun", "RunView"]

SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.5
"""While it waits, the record is looked at that often: soon at first, for a run that ends at once, then seldom."""
MOST_ARTIFACTS = 200


class Artifact(BaseModel):
    """A file that a run wrote."""

    path: str
    """Below the run directory."""
    bytes: int


class RunView(Result):
    """A run as it stands now."""

    run_id: str
    operation: str
    status: Status
    """`queued`, `running`, `completed`, `failed`, `cancelled` or `interrupted`."""
    progress: Progress | None
    """How far a run is that has not ended; null before its first step."""
    metrics: list[Headline]
    """Test metrics (`value`, 95 % interval `low` to `high`, `unit`, `n`, `baselines`), the most telling first; empty until known."""
    verdict: str
    """Whether the network beats the simple models."""
    said: str
    """What a completed run came to, in words, with what to keep in mind before trusting it."""
    decisions: list[Decision]
    """What was chosen for you, and why."""
    artifacts: list[Artifact]
    """Files written so far, below `folder`."""
    figures: list[str]
    """Those of them that are pictures."""
    error: str | None
    """Why it did not complete, and what to do."""
    next_step: str
    """What to call next, with its arguments."""
    spec: dict[str, JsonValue]
    """The request."""
    parents: list[str]
    """Runs it was made from."""
    created: str
    started: str | None
    ended: str | None
    timings: dict[str, float]
    """Seconds by stage."""
    folder: str
    """Run directory on the machine that runs this."""

    def summary(self) -> str:
        """Return state, numbers and what to do next."""
        lines = [f"{self.run_id}: {self.status}"]
        if self.progress is not None:
            lines.append(_progress_words(self.progress))
        told = [self.said] if self.said else [*(metric.words() for metric in self.metrics), self.verdict]
        lines += [text for text in (*told, self.error) if text]
        if self.figures:
            lines.append(f"figures: {', '.join(self.figures)}")
        if self.status in TERMINAL and self.artifacts:
            lines.append(f"{len(self.artifacts)} files in {self.folder}")
        return "\n".join(lines if self.next_step in self.said else [*lines, f"next: {self.next_step}"])


class GetRun(Query):
    """Say how a run stands: status, progress, metrics with intervals, decisions, files, and what to do next.

    With wait_s it answers as soon as the run has ended, at the latest after that many seconds; call it again while
    the status is queued or running. A run whose process was lost is shown as interrupted.
    """

    title: ClassVar[str] = "Look at a run"

    run_id: str
    """Id that the starting tool answered, such as `train_model-20260101T120000-0a1b2c3d`."""
    wait_s: float = Field(0, ge=0, le=45)
    """Seconds to wait for the end of a run that is queued or running."""

    def wait(self, workspace: Workspace, on_progress: OnProgress | None = None) -> None:
        """Wait until the run has ended or the time is up, telling each new step of progress."""
        run = Run.open(self.run_id, workspace)
        until = time.monotonic() + self.wait_s
        look, told = SHORTEST_LOOK_S, None
        while (left := until - time.monotonic()) > 0 and current(run).status not in TERMINAL:
            step = run.last_progress()
            if on_progress is not None and step is not None and step != told:
                on_progress(step)
                told = step
            time.sleep(min(look, left))
            look = min(LONGEST_LOOK_S, 1.3 * look)

    def execute(self, workspace: Workspace) -> RunView:
        """Read the record, the tail of the events and the folder listing."""
        run = Run.open(self.run_id, workspace)
        record = current(run)
        files = [Artifact(path=name, bytes=size) for name, size in run.artifact_sizes()]
        return RunView(
            **_told(record),
            progress=None if record.status in TERMINAL else run.last_progress(),
            metrics=headlines(run, record),
            verdict=verdict(run, record),
            artifacts=files[:MOST_ARTIFACTS],
            figures=[file.path for file in files if file.path.endswith(".png")],
            next_step=next_step(record),
            folder=str(run.path),
        )


def _told(record: RunRecord) -> dict[str, JsonValue]:
    """Return the fields that record and answer share."""
    shared = set(RunView.model_fields) & set(RunRecord.model_fields)
    return record.model_dump(mode="json", include=shared)


def _progress_words(step: Progress) -> str:
    share = f" {step.done:g}/{step.total:g}" if step.total else ""
    return f"{step.stage}{share}" + (f": {step.message}" if step.message else "")
