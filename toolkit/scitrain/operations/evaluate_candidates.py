"""Judge molecules or compositions that somebody, or some model, proposes."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue, field_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import listed
from scitrain.figures.words import DASH
from scitrain.generation.goals import Goal, Goals
from scitrain.runs import RUN_ID, Json, Run
from scitrain.spec import Spec
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.generation.given import Kind
    from scitrain.workflow.candidate_rows import Listed, Made, Stored
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
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset({"column", "seed"})
    background: ClassVar[bool] = False

    candidates: str | list[str] = Field(min_length=1)
    """SMILES or formulas; a file or builtin of them; or the id of a run that left some."""
    column: str | None = None
    """Column of the file."""
    reference: str | None = None
    """Known materials, file or builtin; null: of a run, the data behind it."""
    modality: Literal["auto", "smiles", "formula"] = "auto"
    """`auto` looks at the candidates."""
    conditions: Goals = {}
    """By property: a number, {value, tolerance}, {min, max} or maximize, minimize."""
    predictors: list[str] = []
    """Trained runs that predict properties."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of samples."""

    @field_validator("predictors", mode="before")
    @classmethod
    def _one_predictor(cls, predictors: object) -> object:
        """Accept one id."""
        return [predictors] if isinstance(predictors, str) else predictors

    def _file(self) -> str | None:
        from scitrain.generation.naming import names_a_file

        return self.candidates if isinstance(self.candidates, str) and names_a_file(self.candidates) else None

    def _run(self) -> str | None:
        return self.candidates if isinstance(self.candidates, str) and RUN_ID.fullmatch(self.candidates) else None

    def in_background(self) -> bool:
        """More than some hundreds of candidates, or a large reference, are judged in the background."""
        sources = [name for name in (self._file(), self.reference) if name is not None]
        large = any(Path(name).is_file() and Path(name).stat().st_size > BACKGROUND_BYTES for name in sources)
        named = any(name.startswith("builtin:") for name in sources)
        many = isinstance(self.candidates, list) and len(self.candidates) > BACKGROUND_ROWS
        return large or named or many or self._run() is not None

    def check(self, workspace: Workspace) -> None:
        """Refuse files and runs that are not there, and predictors of another kind of data."""
        from scitrain.workflow.predictors import check_predictors
        from scitrain.workflow.sources import check_source

        for source in (self._file(), self.reference):
            if source is not None:
                check_source(source, workspace)
        run_id = self._run()
        if run_id is not None:
            Run.open(run_id, workspace)
        check_predictors(self.predictors, workspace, None if self.modality == "auto" else self.modality)

    def parents(self) -> list[str]:
        """Return the runs of candidates and predictors."""
        run_id = self._run()
        return [*([] if run_id is None else [run_id]), *self.predictors]

    def execute(self, run: Run) -> EvaluateCandidatesResult:
        """Read, judge, write."""
        from scitrain.generation.describe import units
        from scitrain.generation.given import read_given
        from scitrain.workflow.candidate_rows import builtin_formulas, stored_texts
        from scitrain.workflow.judged import judge
        from scitrain.workflow.judged_files import write_judged
        from scitrain.workflow.predictors import check_predictors, load_predictors
        from scitrain.workflow.stages import ticker

        texts, asked, _ = self._listed(run)
        kind = self._kind(texts, run)
        made = self._made(run)
        named = self._predictors(made, run)
        check_predictors(named, run.workspace, kind)
        predictors = load_predictors(named, run.workspace)
        stored = self._reference(made, run)
        conditions = self._wanted(made, run, {*units(kind), *predictors.units()})
        known = stored_texts(stored, run.workspace, kind) if stored else None
        run.progress("read", message=f"reading {len(texts):,} candidates")
        given = replace(read_given(kind, texts, known, ticker(run, "read", "rows")), asked=asked)
        real: dict[str, list[str]] = {}
        if kind == "formula":
            measured = builtin_formulas(run.workspace)
            real = {"measured compounds (builtin)": measured} | (
                {"reference": sorted(given.reference)} if given.reference else {}
            )
        judged = judge(given, real, conditions, predictors, self.seed, run)
        write_judged(run, judged, ", ".join(Path(one.source).name for one in stored))
        return self._result(run, judged)

    def _listed(self, run: Run) -> "Listed":
        from scitrain.workflow.candidate_rows import Listed, listed_in, of_run

        file, run_id = self._file(), self._run()
        if run_id is not None:
            found = of_run(run_id, run.workspace, self.column)
            if found.of:
                kept = len(found.texts)
                why = "the others were rejected" if kept < found.of else "none, or every one, was rejected"
                run.decide("candidates", f"{kept:,} of {found.of:,}", why)
            return found
        if file is not None:
            return listed_in(file, run.workspace, None if self.modality == "auto" else self.modality, self.column)
        return Listed([self.candidates] if isinstance(self.candidates, str) else list(self.candidates), {})

    def _made(self, run: Run) -> "Made":
        from scitrain.workflow.candidate_rows import Made, made_from

        run_id = self._run()
        return Made() if run_id is None else made_from(Run.open(run_id, run.workspace))

    def _predictors(self, made: "Made", run: Run) -> list[str]:
        """Return the predictors; where none is named, those of the design that made the candidates."""
        if not self.predictors and made.predictors:
            run.decide("predictors", list(made.predictors), f"those of {self._run()}")
        return self.predictors or list(made.predictors)

    def _reference(self, made: "Made", run: Run) -> "tuple[Stored, ...]":
        """Return the reference; where none is named, the data behind the run that made the candidates."""
        from scitrain.workflow.candidate_rows import Stored

        if self.reference is not None:
            return (Stored(self.reference),)
        if made.data:
            what = "what it took as known" if made.predictors else "what its generator learned from"
            run.decide("reference", ", ".join(one.source for one in made.data), f"the data of {self._run()}: {what}")
        return made.data

    def _wanted(self, made: "Made", run: Run, known: set[str]) -> dict[str, Goal]:
        """Return the conditions; where none is named, those of the run that made the candidates.

        What a generator was asked for and nobody here knows is no mistake of the request: a note says that it was not looked at.
        """
        asked = {name: goal for name, goal in made.wanted.items() if name in known}
        if not self.conditions and asked:
            told: Json = {name: goal.words() for name, goal in asked.items()}
            run.decide("conditions", told, f"what {self._run()} was asked for")
        return self.conditions or asked

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
