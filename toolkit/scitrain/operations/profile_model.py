"""Say where the time and the memory of a trained model go, and what would help."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.runs import Run
from scitrain.spec import OfRun, Spec
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.profiling.timing import Timing
    from scitrain.workflow.profile import Profile

__all__ = ["Measured", "ProfileModel", "ProfileResult"]

OVERHEAD_S = 8.0
"""Start, data, trace and figures of a small model."""
SIZES = 6
BUSY = 0.7
"""Programs wanting a CPU, for each there is, from which times say more of them than of the model."""


class Measured(Spec):
    """Calls of one kind."""

    what: str
    """Backend, or `training step`."""
    rows: int
    """Rows at once."""
    p50_ms: float
    p90_ms: float
    p99_ms: float
    rows_per_s: float
    memory_mb: float
    """Growth of the process at its highest."""
    gpu_memory_mb: float | None

    def words(self) -> str:
        """Return one line."""
        gpu = "" if self.gpu_memory_mb is None else f", {self.gpu_memory_mb:.3g} MB on the GPU"
        rows = f"{self.rows:,} row{'s' if self.rows > 1 else ''}"
        return (
            f"{self.what}, {rows}: {self.p50_ms:.3g} ms (90 %: {self.p90_ms:.3g}, 99 %: {self.p99_ms:.3g}), "
            f"{self.rows_per_s:,.4g} rows/s, +{self.memory_mb:.3g} MB{gpu}"
        )


class ProfileResult(JobResult):
    """Where time and memory go."""

    source_run: str
    """The trained run."""
    device: str
    bottlenecks: list[str]
    """What takes the most time for one row, many rows and a training step, and what would help."""
    measured: list[Measured]
    """Predictions from raw rows by backend and batch, and a training step."""
    parameters: int
    flops_a_row: int
    """Of all members."""
    warnings: list[str]
    """What to keep in mind about the numbers."""
    operators: list[str]
    """Most time in torch."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return what was measured."""
        return {"what it takes": [one.model_dump(mode="json", exclude_none=True) for one in self.measured]}

    def summary(self) -> str:
        """Return bottlenecks, then numbers."""
        size = f"on {self.device}: {self.parameters:,} parameters, {self.flops_a_row:,} FLOPs a row"
        top = f"most time in torch: {', '.join(self.operators)}"
        return "\n".join(
            [
                *self.bottlenecks,
                *(f"note: {warning}" for warning in self.warnings),
                size,
                *(one.words() for one in self.measured),
                top,
                f"next: {self.next_step}",
            ]
        )


class ProfileModel(OfRun, Job):
    """Measure a trained model: latency, throughput, memory, FLOPs, training step; name the bottleneck and what would help.

    Times whole predictions from raw rows, by torch and onnxruntime; writes a trace for Perfetto.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Profile a model"

    largest_batch: int = Field(256, ge=1, le=65_536)
    """Rows at once, at most; smaller ones too."""
    seconds: float = Field(1.0, gt=0, le=60)
    """Time for each measurement."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where torch computes."""

    def check(self, workspace: Workspace) -> None:
        """Refuse a run without a model."""
        from scitrain.inference import read_config

        read_config(Run.open(self.of, workspace))

    def eta_s(self, workspace: Workspace) -> float | None:
        """Return the time of all measurements."""
        del workspace
        return OVERHEAD_S + self.seconds * (2 * SIZES + 3)

    def execute(self, run: Run) -> ProfileResult:
        """Measure, trace, name, draw."""
        from scitrain.workflow.profile import profile

        found = profile(Run.open(self.of, run.workspace), run, self.largest_batch, self.seconds, self.device)
        return self._result(run, found)

    def _result(self, run: Run, found: "Profile") -> ProfileResult:
        predictions = [_measured(name, t) for name, timings in found.predictions.items() for t in timings]
        layers = found.layers
        return ProfileResult(
            next_step="look at figures/latency.png and figures/time_shares.png; open results/trace.json.gz at ui.perfetto.dev",
            source_run=self.of,
            device=found.setting.device,
            bottlenecks=[one.words() for one in found.bottlenecks],
            measured=[*predictions, _measured("training step", found.training.whole)],
            parameters=layers.parameters * layers.members,
            flops_a_row=layers.flops * layers.members,
            warnings=_busy(found.machine["load_before"], found.machine["cpus"]),
            operators=[f"{one.name} {one.share:.0%}" for one in found.operators[:3]],
            files=run.artifacts(),
        )


def _busy(load: JsonValue, cpus: JsonValue) -> list[str]:
    """Warn where other programs wanted the CPUs before the measurements began."""
    if not isinstance(load, float) or not isinstance(cpus, int) or load < BUSY * cpus:
        return []
    return [
        f"the machine was busy (load {load:g} on {cpus} CPUs): all times are too long, shares may mislead; measure again when it is idle"
    ]


def _measured(what: str, timing: "Timing") -> Measured:
    known = {name: getattr(timing, name) for name in Measured.model_fields if name != "what"}
    return Measured(what=what, **known)
