"""Judge molecules or compositions that somebody, or some model, proposes."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import listed
from scitrain.figures.words import DASH
from scitrain.generation.goals import Goal
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.generation.given import Kind
    from scitrain.workflow.judged import Judged

__all__ = ["CandidateMeasure", "EvaluateCandidates", "EvaluateCandidatesResult"]

SHOWN = 10
BACKGROUND_ROWS = 500
BACKGROUND_BYTES = 50_000
"""About a thousand candidates: more take longer than somebody waits."""


class CandidateMeasure(Spec):
    """One figure about the set."""

    name: str
    value: float | None
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    n: int
    unit: str | None = None
    beside: dict[str, float] = {}
    """The same figure of known sets."""
    reason: str | None = None
    """Why there is no value."""

    def words(self) -> str:
        """Return one line."""
        value = DASH if self.value is None else f"{self.value:.3g}"
        ends = "" if self.low is None or self.high is None else f" [{self.low:.3g}, {self.high:.3g}]"
        beside = "; ".join(f"{name} {value:.3g}" for name, value in self.beside.items())
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name}: {value}{ends}{unit} (n = {self.n:,})" + (f" – beside: {beside}" if beside else "")


class EvaluateCandidatesResult(JobResult):
    """What the candidates are worth."""

    modality: str
    candidates: int
    measures: list[CandidateMeasure]
    """Definitions and sources: results/candidate_metrics.json."""
    invalid: dict[int, str]
    """The first candidates that cannot be read, by number, with the reason."""
    notes: list[str]
    """What was sampled."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return none: the summary has a line a figure."""
        return {}

    def summary(self) -> str:
        """Return a line a figure, then the reasons of bad rows."""
        bad = [f"candidate {row} is invalid: {reason}" for row, reason in list(self.invalid.items())[:3]]
        head = f"{self.run_id}: {self.candidates:,} candidates ({self.modality})"
        lines = [one.words() for one in self.measures if one.value is not None]
        without: dict[str, list[str]] = {}
        for one in self.measures:
            if one.value is None:
                without.setdefault(one.reason or "undefined", []).append(one.name)
        lines += [f"not told ({reason}): {listed(names)}" for reason, names in without.items()]
        return "\n".join([head, *lines, *bad, *self.notes, f"next: {self.next_step}"])


class EvaluateCandidates(Job):
    """Judge candidate molecules or formulas: validity, uniqueness, novelty, diversity, drug-likeness, alerts, ease of synthesis;
    charge balance, nearest known formula, cost, supply, hazards; whether conditions are met. Intervals, and known sets beside.
    """  # noqa: D205 — what a host reads is one paragraph

    skill: ClassVar[Skill] = "materials-transformers"
    title: ClassVar[str] = "Judge candidates"
    background: ClassVar[bool] = False

    candidates: list[str] | None = Field(None, max_length=100_000)
    """SMILES or formulas."""
    data: str | None = None
    """File of candidates instead."""
    run_id: str | None = None
    """Run that left candidates, instead."""
    column: str | None = None
    """Column of the file."""
    reference: str | None = None
    """Training or known materials: file or builtin."""
    modality: Literal["auto", "smiles", "formula"] = "auto"
    """`auto` looks at the candidates."""
    conditions: dict[str, Goal] = {}
    """Wanted properties: a number, or an object, by name."""
    predictors: list[str] = []
    """Trained runs that predict properties."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of samples."""

    @field_validator("conditions", mode="before")
    @classmethod
    def _short_forms(cls, conditions: object) -> object:
        """Accept a bare number as the wanted value."""
        if not isinstance(conditions, dict):
            return conditions
        return {name: {"value": goal} if isinstance(goal, int | float) else goal for name, goal in conditions.items()}

    @field_validator("predictors", mode="before")
    @classmethod
    def _one_predictor(cls, predictors: object) -> object:
        """Accept one id."""
        return [predictors] if isinstance(predictors, str) else predictors

    @model_validator(mode="after")
    def _one_source(self) -> "EvaluateCandidates":
        given = [name for name in ("candidates", "data", "run_id") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give one of candidates (texts here), data (a file) and run_id (a run); given: {given or 'none'}"
            )
        if self.candidates is not None and not self.candidates:
            raise ValueError("candidates is empty: there is nothing to judge; give at least one SMILES or formula")
        return self

    def in_background(self) -> bool:
        """More than some hundreds of candidates, or a large reference, are judged in the background."""
        files = [Path(name) for name in (self.data, self.reference) if name is not None]
        large = any(path.is_file() and path.stat().st_size > BACKGROUND_BYTES for path in files)
        named = any(name.startswith("builtin:") for name in (self.data or "", self.reference or ""))
        return large or named or self.run_id is not None or len(self.candidates or ()) > BACKGROUND_ROWS

    def check(self, workspace: Workspace) -> None:
        """Refuse files and runs that are not there, predictors of another kind of data, goals nobody computes."""
        from scitrain.workflow.predictors import check_predictors
        from scitrain.workflow.sources import check_source

        for source in (self.data, self.reference):
            if source is not None:
                check_source(source, workspace)
        if self.run_id is not None:
            Run.open(self.run_id, workspace)
        check_predictors(self.predictors, workspace, None if self.modality == "auto" else self.modality)

    def parents(self) -> list[str]:
        """Return the runs of candidates and predictors."""
        return [*([] if self.run_id is None else [self.run_id]), *self.predictors]

    def execute(self, run: Run) -> EvaluateCandidatesResult:
        """Read, judge, write."""
        from scitrain.generation.given import read_given
        from scitrain.workflow.candidate_rows import builtin_formulas, texts_of
        from scitrain.workflow.judged import judge
        from scitrain.workflow.judged_files import write_judged
        from scitrain.workflow.predictors import check_predictors, load_predictors
        from scitrain.workflow.stages import ticker

        texts = self._texts(run.workspace)
        kind = self._kind(texts, run)
        check_predictors(self.predictors, run.workspace, kind)
        known = None if self.reference is None else texts_of(self.reference, run.workspace, kind)
        run.progress("read", message=f"reading {len(texts):,} candidates")
        given = read_given(kind, texts, known, ticker(run, "read", "rows"))
        real: dict[str, list[str]] = {}
        if kind == "formula":
            measured = builtin_formulas(run.workspace)
            real = {"measured compounds (builtin)": measured} | (
                {"reference": sorted(given.reference)} if given.reference else {}
            )
        predictors = load_predictors(self.predictors, run.workspace)
        judged = judge(given, real, self.conditions, predictors, self.seed, run)
        write_judged(run, judged, self.reference or "")
        return self._result(run, judged)

    def _texts(self, workspace: Workspace) -> list[str]:
        from scitrain.workflow.candidate_rows import of_run, texts_of

        if self.candidates is not None:
            return list(self.candidates)
        if self.data is not None:
            return texts_of(self.data, workspace, None if self.modality == "auto" else self.modality, self.column)
        return of_run(str(self.run_id), workspace, self.column)

    def _kind(self, texts: list[str], run: Run) -> "Kind":
        from scitrain.generation.given import recognise_kind

        if self.modality != "auto":
            return self.modality
        kind = recognise_kind(texts)
        run.decide(
            "modality", kind, f"most of the first candidates read as {'SMILES' if kind == 'smiles' else 'formulas'}"
        )
        return kind

    def _result(self, run: Run, judged: "Judged") -> EvaluateCandidatesResult:
        fields = set(CandidateMeasure.model_fields)
        told = [{key: value for key, value in m.record().items() if key in fields} for m in judged.measures]
        return EvaluateCandidatesResult(
            next_step="look at report.html; design_materials searches for better ones",
            modality=judged.given.kind,
            candidates=len(judged.given.texts),
            measures=[CandidateMeasure.model_validate(one) for one in told],
            invalid={row + 1: reason for row, reason in list(judged.given.errors.items())[:SHOWN]},
            notes=list(judged.notes),
            files=run.artifacts(),
        )
