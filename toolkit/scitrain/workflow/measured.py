"""What a job hands back that has measured how good a model is."""

from collections.abc import Iterable

from pydantic import JsonValue

from scitrain.contracts.operation import JobResult
from scitrain.runs import Decision
from scitrain.workflow.headline import Headline, metric_table

__all__ = ["Measured", "MeasuredLabels", "MeasuredNetwork"]


class Measured(JobResult):
    """Numbers with their intervals, what they mean, and what was chosen on the way."""

    metrics: list[Headline]
    """Test metrics, the most telling first; simple models or rivals beside."""
    verdict: str
    """Whether the model beats the best of the simple ones, with the interval of the difference."""
    warnings: list[str]
    """What to keep in mind before trusting it."""
    decisions: list[Decision]
    """What was chosen for you, and why."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return what was chosen, and the metrics beside those of the simple models."""
        chosen = [decision.model_dump(mode="json") for decision in self.decisions]
        return {"what was chosen for you": chosen, "how good it is": metric_table(self.metrics)}

    def told(self, first: Iterable[str], then: Iterable[str]) -> str:
        """Return the lines a person reads: ``first``, the numbers, ``then``, notes and the next step; empty ones are left out."""
        notes = [f"note: {warning}" for warning in self.warnings]
        lines = [*first, *(m.words() for m in self.metrics), *then, *notes, f"next: {self.next_step}"]
        return "\n".join(filter(None, lines))


class MeasuredNetwork(Measured):
    """A network on data with labels."""

    task: str
    modality: str
    targets: list[str]
    model: str
    """Family, with the number of members or where its weights are from."""

    @property
    def head(self) -> str:
        """What was trained on what."""
        return f"{self.run_id}: {self.model} on {self.modality} data, {self.task} of {', '.join(self.targets)}"


class MeasuredLabels(Measured):
    """Rows told apart by a few examples or by descriptions."""

    predictions: list[dict[str, JsonValue]]
    """First rows of the table of predictions, where new rows were classified."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return the numbers beside those of the rivals, and the first predictions."""
        return super().tables() | {"first predictions": self.predictions}
