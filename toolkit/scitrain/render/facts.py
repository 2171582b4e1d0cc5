"""What is known of a run, read from its files alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.evaluation.calibration import Temperature
from scitrain.evaluation.report import Evaluation, MetricRow
from scitrain.figures.words import with_interval
from scitrain.inference.config import TrainedConfig
from scitrain.runs import Run, RunRecord

__all__ = ["ARCHITECTURE", "DATA", "EXPORTS", "METRICS", "TRAINING", "BaselineNote", "Facts", "Training", "read_facts"]

METRICS = "results/metrics.json"
DATA = "results/data.json"
TRAINING = "results/dl_training_log.json"
ARCHITECTURE = "results/architecture.json"
COMPRESSION = "results/compression.json"
FEW_SHOT = "results/few_shot.json"
ZERO_SHOT = "results/zero_shot.json"
DISTILLATION = "results/distillation.json"
ADAPTATION = "results/adaptation.json"
LINEAGE = "results/lineage.json"
CONFIG = "models/config.json"
EXPORTS = "models/export_check.json"
TRANSFER = "results/transfer.json"
SINGLE = "results/single_tasks.json"


class BaselineNote(BaseModel):
    """How a baseline was fitted."""

    name: str
    note: str


class Compiled(BaseModel):
    """Whether the network was compiled."""

    used: bool = False


class Training(BaseModel):
    """What ``dl_training_log.json`` says of the whole training."""

    model_config = ConfigDict(extra="allow")

    stopped: str
    best_epoch: int
    epochs: list[dict[str, JsonValue]]
    steps: int
    seconds: float
    device: str
    precision: str
    batch_size: int
    parameters: int
    members: int
    accumulate: int = 1
    gradient_checkpointing: bool = False
    compile: Compiled = Compiled()
    peak_memory_mb: float | None = None
    """Resident in the process; null in runs of earlier versions."""
    peak_gpu_memory_mb: float | None = None


class LayerFacts(BaseModel):
    """What ``architecture.json`` says of one layer."""

    name: str
    kind: str
    shape: list[int] | None
    parameters: int
    flops: int


class Layers(BaseModel):
    """What ``architecture.json`` says of one member, and of one of each kind where members are unlike."""

    members: int = 1
    input: list[int]
    layers: list[LayerFacts]
    parameters: int
    flops: int
    kinds: dict[str, "Layers"] = {}
    """By what members read; empty where they are alike, and in runs of earlier versions."""
    agreed: str = "mean"

    @property
    def unlike(self) -> str:
        """What the members are, as ``2 of tokens, 2 of element statistics alone``; empty where they are alike."""
        return ", ".join(f"{one.members} of {reads}" for reads, one in self.kinds.items())


@dataclass(frozen=True)
class Facts:
    """Everything the pages are written from."""

    record: RunRecord
    task: Task
    modality: str
    targets: tuple[Target, ...]
    coverage: float
    evaluation: Evaluation
    baselines: tuple[BaselineNote, ...]
    temperature: Temperature | None
    data: dict[str, Any]
    """Content of ``data.json``; empty where there is none."""
    training: Training | None
    architecture: Layers | None
    config: TrainedConfig | None
    exports: dict[str, dict[str, Any]]
    """Entry of ``export_check.json`` by format; empty where nothing was exported."""
    compression: dict[str, Any]
    """Content of ``compression.json``; empty where nothing was compressed."""
    transfer: Mapping[str, Any] = field(default_factory=dict)
    """Content of ``transfer.json``; empty where the weights were learned from these data alone."""
    single: dict[str, Any] = field(default_factory=dict)
    """Content of ``single_tasks.json``; empty where no network was trained for each target."""
    few_shot: dict[str, Any] | None = None
    """Content of ``few_shot.json``; None where nothing was told apart by prototypes."""
    zero_shot: dict[str, Any] | None = None
    """Content of ``zero_shot.json``; None where nothing was told apart by descriptions."""
    distillation: dict[str, Any] | None = None
    """Content of ``distillation.json``; None where no teacher was asked."""
    adaptation: dict[str, Any] | None = None
    """Content of ``adaptation.json``; None where there is one domain."""
    lineage: dict[str, Any] | None = None
    """Content of ``lineage.json``; None where the weights have no past."""

    @property
    def own(self) -> str:
        """What is judged, beside its baselines."""
        return "prototypes" if self.few_shot else "zero-shot" if self.zero_shot else "network"

    @property
    def source(self) -> str:
        """Name of the data."""
        return str(self.data.get("source") or self.record.spec.get("data") or "not recorded")

    @property
    def primary(self) -> MetricRow:
        """The metric that decides, on the test split: of the only target, or the mean over several."""
        return self.evaluation.row(self.evaluation.primary)

    @property
    def headline(self) -> str:
        """The deciding metric in words."""
        row = self.primary
        if row.value is None:
            return f"{row.title} has no value ({row.reason})"
        told = [r.target for r in self.rows(row.name, row.split) if r.target is not None and r.value is not None]
        mean = (
            ", mean over the targets" if len(told) > 1 else f", of {told[0]}" if len(self.targets) > 1 and told else ""
        )
        return f"{row.title} {with_interval(row, row.unit)} on {row.n:,} {self.counted}{mean}"

    @property
    def counted(self) -> str:
        """What n counts."""
        if self.zero_shot is not None:
            return f"{self.zero_shot['measured']} rows"
        if self.few_shot is None:
            return f"{self.primary.split} rows"
        return "episodes" if self.few_shot["mode"] == "episodes" else "support rows, each told without itself"

    @property
    def split_sizes(self) -> dict[str, int]:
        """Number of rows by split; empty where not recorded."""
        split = self.data.get("split") or {}
        return {name: int(split[name]) for name in ("train", "val", "test") if name in split}

    def decided(self, what: str) -> str:
        """Return the value of a decision in words, or an empty string."""
        return next((str(d.value) for d in self.record.decisions if d.what == what), "")

    def rows(self, name: str, split: str = "test") -> list[MetricRow]:
        """Return one metric of a split for each target, and for their mean where there are several."""
        return [row for row in self.evaluation.metrics if row.name == name and row.split == split]


def read_facts(run: Run) -> Facts:
    """Read the files of a run.

    Raises:
        RunStateError: The run has no ``metrics.json``.
        ValidationError: A file is not what this version writes.
    """
    found = run.read_json(METRICS)
    temperature = found.get("temperature")
    training, config, layers = _optional(run, TRAINING), _optional(run, CONFIG), _optional(run, ARCHITECTURE)
    return Facts(
        record=run.record(),
        task=found["task"],
        modality=found["modality"],
        targets=tuple(Target.model_validate(target) for target in found["targets"]),
        coverage=found["coverage"],
        evaluation=Evaluation.model_validate({k: v for k, v in found.items() if k in Evaluation.model_fields}),
        baselines=tuple(BaselineNote.model_validate(note) for note in found["baselines"] if isinstance(note, dict)),
        temperature=Temperature.model_validate(temperature) if temperature else None,
        data=_optional(run, DATA) or {},
        training=Training.model_validate(training) if training else None,
        architecture=Layers.model_validate(layers) if layers else None,
        config=TrainedConfig.model_validate(config) if config else None,
        exports=(_optional(run, EXPORTS) or {}).get("formats", {}),
        compression=_optional(run, COMPRESSION) or {},
        transfer=_optional(run, TRANSFER) or {},
        single=_optional(run, SINGLE) or {},
        few_shot=_optional(run, FEW_SHOT),
        zero_shot=_optional(run, ZERO_SHOT),
        distillation=_optional(run, DISTILLATION),
        adaptation=_optional(run, ADAPTATION),
        lineage=_optional(run, LINEAGE),
    )


def _optional(run: Run, name: str) -> dict[str, Any] | None:
    if not (run.path / name).is_file():
        return None
    found: dict[str, Any] = run.read_json(name)
    return found
