"""Export a trained model in formats that other programs read, each verified against torch."""

from typing import ClassVar

from pydantic import ConfigDict, Field, field_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.declared import Declared
from scitrain.exporters import BUNDLE, check_formats, export_files
from scitrain.runs import Run
from scitrain.spec import OfRun
from scitrain.workspace import Workspace

__all__ = ["ExportModel", "ExportModelResult", "ExportedFormat"]

SECONDS = 15.0
"""What torch's ONNX exporter takes the first time, and the bundle's check."""


class ExportedFormat(Declared):
    """One exported format, and how well it agrees with torch."""

    model_config = ConfigDict(frozen=True)

    format: str
    file: str
    """Below the run directory."""
    bytes: int
    rows: int
    """Rows compared."""
    max_difference: float
    """Largest difference from torch (bundle: from scitrain itself), relative to the spread of the outputs."""
    tolerance: float
    """Largest difference allowed."""
    latency_ms: dict[str, float] = {}
    """Median milliseconds of a pass by batch size; empty for the bundle, which is the ONNX file."""
    torch_latency_ms: dict[str, float] = {}
    """The same for torch."""

    def words(self) -> str:
        """Return one line."""
        one, torch = self.latency_ms.get("1"), self.torch_latency_ms.get("1")
        speed = f", one row in {one:.3g} ms (torch {torch:.3g} ms)" if one is not None and torch is not None else ""
        agreement = f"differs by {self.max_difference:.1g} (allowed {self.tolerance:g}) on {self.rows} rows"
        return f"{self.format}: {self.file}, {self.bytes / 1e6:.3g} MB, {agreement}{speed}"


class ExportModelResult(JobResult):
    """Files that predict what the trained model predicts."""

    source_run: str
    """The trained run."""
    formats: list[ExportedFormat]
    """In the order they were made."""
    files: list[str]
    """Everything written, below the run directory."""
    folder: str
    """Run directory on the machine that runs this."""

    def summary(self) -> str:
        """Return a line for each format."""
        return "\n".join(
            [*(found.words() for found in self.formats), f"below {self.folder}", f"next: {self.next_step}"]
        )


class ExportModel(OfRun, Job):
    """Export a trained model as ONNX, TorchScript, torch.export, AOTInductor, C++, safetensors, or a bundle that predicts without torch.

    Each file is read back and compared with the trained network on test rows; one that differs fails the run.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Export a model"

    formats: list[str] = Field(["onnx", BUNDLE], min_length=1)
    """`onnx`, `torchscript`, `torch_export`, `aoti`, `cpp`, `safetensors`, and `bundle`, a folder and zip that predict without torch."""
    rows: int = Field(256, ge=2, le=100_000)
    """Test rows compared, at most."""

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: list[str]) -> list[str]:
        check_formats(formats)
        return formats

    def check(self, workspace: Workspace) -> None:
        """Refuse a run without a model."""
        from scitrain.inference import read_config

        read_config(Run.open(self.of, workspace))

    def eta_s(self, workspace: Workspace) -> float | None:
        """Return what a small network takes."""
        del workspace
        return SECONDS

    def execute(self, run: Run) -> ExportModelResult:
        """Export and verify, format by format."""
        check = export_files(Run.open(self.of, run.workspace), run, self.formats, limit=self.rows)
        made = check["formats"] if isinstance(check["formats"], dict) else {}
        formats = [
            ExportedFormat.model_validate({"format": name, **entry})
            for name, entry in made.items()
            if isinstance(entry, dict)
        ]
        return ExportModelResult(
            next_step=_next_step(run, [found.format for found in formats], self.of),
            source_run=self.of,
            formats=formats,
            files=[name for name in run.artifacts() if name.startswith("models/")],
            folder=str(run.path),
        )


def _next_step(run: Run, formats: list[str], source: str) -> str:
    if BUNDLE in formats:
        return "unpack models/bundle.zip anywhere; its README.md says how to predict with it"
    if "onnx" in formats:
        return f"predict(run={run.id!r}, backend='onnx', inputs=[…]) predicts without torch"
    return f"export_model(run={source!r}, formats=['bundle']) makes a folder that predicts without torch"
