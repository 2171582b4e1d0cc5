"""Make a trained model smaller and faster, as long as it stays good enough."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, JsonValue, WithJsonSchema

from scitrain.compressing.groups import narrowed
from scitrain.compressing.methods import Asked, Method, refuse_compressed, settle
from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import RunStateError
from scitrain.runs import Run
from scitrain.spec import OfRun, Spec
from scitrain.workflow.headline import Headline, metric_table
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.compressing.loss import Loss
    from scitrain.workflow.compress import Compressed, Tried

__all__ = ["CompressModel", "CompressResult", "TriedMethod"]

NO_SMALLER = 0.98
"""Share of the bytes from which a file is as large as before."""


class TriedMethod(Spec):
    """One way that was tried."""

    method: Method
    kept: bool
    size_ratio: float | None
    """Bytes of its ONNX file by those of the original's; null where it cannot be made."""
    latency_ratio: float | None
    """Median time of one row after other work by the original's, through onnxruntime, taken by turns."""
    loss: float | None
    """On validation rows: difference of the score, or share of the error."""
    reason: str = ""
    """Why it is not kept."""
    note: str = ""
    """What was chosen on the way."""

    def words(self) -> str:
        """Return one line."""
        if self.size_ratio is None or self.latency_ratio is None:
            return f"{self.method}: {self.reason}"
        loss = "unknown" if self.loss is None else f"{self.loss:.3g}"
        said = f"{self.method}: {self.size_ratio:.3g} × the bytes, {self.latency_ratio:.3g} × the latency, loss {loss}"
        return f"{said}; {'kept' if self.kept else f'not kept, {self.reason}'}"


class CompressResult(JobResult):
    """What a compression came to."""

    source_run: str
    """The model that was compressed."""
    kept: Method | None
    """The way that won; null: the original was kept, and is the model of this run."""
    variants: list[TriedMethod]
    metrics: list[Headline]
    """Test metrics of the model that is kept."""
    verdict: str
    """What was gained and lost, in words."""
    warnings: list[str]
    """What to keep in mind."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return the variants, and the metrics of the model that is kept."""
        tried = [one.model_dump(mode="json", exclude={"note"}) for one in self.variants]
        return {"what was tried": tried, "how good it is": metric_table(self.metrics)}

    def summary(self) -> str:
        """Return the verdict, a line a variant, the numbers."""
        notes = [f"note: {warning}" for warning in self.warnings]
        lines = [self.verdict, *(one.words() for one in self.variants), *(m.words() for m in self.metrics), *notes]
        return "\n".join([*lines, f"next: {self.next_step}"])


class CompressModel(OfRun, Job):
    """Make a trained model smaller: int8 through onnxruntime, half-precision weights, or pruning with further training.

    Measures bytes, latency and loss of quality; what loses more than allowed on validation rows is refused, and the
    original kept. The run predicts, evaluates and exports like a trained one.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Compress a model"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset({"sparsity", "structured", "steps", "epochs"})

    method: Asked | Annotated[list[Method], Field(min_length=1), WithJsonSchema({"type": "array"})] = "auto"
    """`auto`: all int8 ways and fp16; of several the smallest that holds."""
    max_quality_loss: float = Field(0.01, ge=0, le=1)
    """0.01 is one point of a score, or 1 % of an error."""
    sparsity: float = Field(0.5, gt=0, le=0.99)
    """Share of weights pruned."""
    structured: bool = False
    """Prune whole units: narrower layers."""
    steps: int = Field(3, ge=1, le=20)
    """Of pruning, each followed by training."""
    epochs: int = Field(10, ge=1, le=1000)
    """Of training a step."""

    def check(self, workspace: Workspace) -> None:
        """Refuse a run without a model, one that is compressed already, and layers that no rule makes narrower."""
        from scitrain.inference import read_config
        from scitrain.inference.files import WEIGHTS
        from scitrain.workflow.folds import trained_folds

        source = Run.open(self.of, workspace)
        config = read_config(source)
        parents = source.record().parents
        refuse_compressed(config, self.of, parents)
        if not (source.path / WEIGHTS).is_file():
            taken = f"run={parents[0]!r}" if parents else "the run that trained it"
            raise RunStateError(f"run {self.of} holds exported files and no weights; compress {taken}")
        if folds := trained_folds(source):
            raise RunStateError(
                f"run {self.of} is a cross-validation: the network that it keeps learned from all rows, and none are left to "
                f"judge a smaller one by; compress the network of a fold, such as run={folds[0].trained.id!r}"
            )
        if self.structured and "prune" in settle(self.method):
            narrowed(config.model_object(), config.inner.input_shape(), 1 - self.sparsity)

    def execute(self, run: Run) -> CompressResult:
        """Make, measure, choose on validation rows, judge on test rows, write."""
        from scitrain.compressing.variants import Pruning
        from scitrain.workflow.compress import Request, compress, source_of
        from scitrain.workflow.compressed import write_compressed
        from scitrain.workflow.results import headlines

        pruning = Pruning(self.sparsity, self.structured, self.steps)
        asked = Request(settle(self.method), self.max_quality_loss, pruning, self.epochs)
        source = source_of(Run.open(self.of, run.workspace), run)
        with compress(source, asked, run) as found:
            judged, loss = write_compressed(source, found, asked, run)
        kept = found.kept
        return CompressResult(
            run_id=run.id,
            next_step=self._next(run, kept),
            source_run=self.of,
            kept=None if kept is None else kept.method,
            variants=[_tried(one, found) for one in found.tried],
            metrics=headlines(source.config.task, judged.evaluation),
            verdict=_verdict(found, self.max_quality_loss, loss),
            warnings=_warnings(found, self.max_quality_loss, loss, len(source.predictor.members)),
            files=run.artifacts(),
        )

    def _next(self, run: Run, kept: "Tried | None") -> str:
        if kept is None:
            return f"allow a larger max_quality_loss, or compress_model(run={self.of!r}, method='fp16'), which loses the least"
        return f"predict(run={run.id!r}, inputs=[…]) or export_model(run={run.id!r}, formats=['bundle'])"


def _tried(one: "Tried", found: "Compressed") -> TriedMethod:
    made = one.speed is not None and one.loss is not None
    return TriedMethod(
        method=one.method,
        kept=one.kept,
        size_ratio=one.bytes / found.bytes if made else None,
        latency_ratio=one.speed.median_ms / found.speed.median_ms if one.speed is not None else None,
        loss=None if one.loss is None else one.loss.loss,
        reason=one.reason,
        note="" if one.variant is None else one.variant.note,
    )


def _verdict(found: "Compressed", floor: float, test: "Loss | None") -> str:
    kept, stick = found.kept, found.yardstick
    if kept is None or kept.speed is None or kept.loss is None:
        why = "; ".join(f"{one.method} {one.reason}" for one in found.tried)
        return f"Nothing is kept but the original, which is the model of this run: {why}."
    now, before = kept.speed.median_ms, found.speed.median_ms
    size = f"{kept.bytes / 1e6:.3g} MB instead of {found.bytes / 1e6:.3g} ({kept.bytes / found.bytes:.2g} ×)"
    fast = f"{now:.3g} ms a row instead of {before:.3g} ({now / before:.2g} ×)"
    lost = f"{stick.metric.title} on validation rows {kept.loss.value:.3g} instead of {kept.loss.original:.3g}"
    allowed = f"{stick.words(floor)} might be lost"
    at_test = "" if test is None or test.loss is None else f"; loss on test rows {stick.words(test.loss)}{_ends(test)}"
    return f"{kept.method} is kept: {size}, {fast}; {lost}, {allowed}{at_test}."


def _ends(loss: "Loss") -> str:
    if loss.low is None or loss.high is None:
        return ""
    return f" (95 % interval {100 * loss.low:.3g} to {100 * loss.high:.3g})"


def _warnings(found: "Compressed", floor: float, test: "Loss | None", members: int) -> list[str]:
    kept, words = found.kept, found.yardstick.words
    if kept is None or kept.speed is None:
        return []
    said = []
    if test is not None and not test.holds(floor):
        said.append(
            f"On test rows {words(test.loss)} are lost, more than was allowed: validation rows chose, and no choice is made again."
        )
    if kept.loss is not None and kept.loss.high is not None and kept.loss.high > floor:
        said.append(
            f"{words(kept.loss.high)} of loss cannot be excluded by so few validation rows (upper end of the 95 % interval)."
        )
    if kept.speed.median_ms > found.speed.median_ms:
        said.append("It is no faster on this machine: a small network spends its time between the operations.")
    if kept.method == "prune" and kept.bytes >= NO_SMALLER * found.bytes:
        said.append(
            f"Single zeros take as much room and time as other numbers; packed, as in a bundle's zip, the file has {kept.deflated:,} "
            f"bytes instead of {found.deflated:,}. structured=true makes layers smaller."
        )
    if members > 1:
        said.append(
            f"It has {members} members: training with ensemble=1 would save up to {1 - 1 / members:.0%}, and cost the spread."
        )
    return said
