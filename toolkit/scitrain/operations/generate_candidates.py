"""Draw new molecules or compositions from a trained generator."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import ScitrainError
from scitrain.generation.goals import Goals
from scitrain.generation.naming import names_a_file
from scitrain.generation.options import Sampling
from scitrain.runs import Decision, Json, Run
from scitrain.spec import OfRun
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.workflow.candidates import Asked

__all__ = ["CandidatesResult", "GenerateCandidates"]

SHOWN = 10


class CandidatesResult(JobResult):
    """What was drawn."""

    found: int
    """Candidates in results/candidates.csv."""
    stopped: str
    """Why drawing ended."""
    sentences: list[str]
    """How many were rejected, and why; how conditions are met."""
    candidates: list[str]
    """The first ones."""
    warnings: list[str]
    """What to keep in mind before trusting them."""
    decisions: list[Decision]
    """What was chosen for you, and why."""
    files: list[str]
    """Artifacts, below the run directory."""

    def summary(self) -> str:
        """Return counts, the first candidates, warnings."""
        head = f"{self.run_id}: {self.found:,} candidates ({self.stopped})"
        shown = ["first: " + ", ".join(self.candidates)] if self.candidates else []
        return "\n".join(
            [head, *self.sentences, *shown, *(f"note: {w}" for w in self.warnings), f"next: {self.next_step}"]
        )


NOTHING = (
    "nothing to judge: see why draws were rejected, then leave out or change what was asked for (prefix, conditions, tolerance, "
    "novel), or train the generator longer"
)


class GenerateCandidates(OfRun, Job, Sampling):
    """Draw `n` different new molecules or compositions from a train_generator run, on request with properties asked for; or let a
    `matt5` run write of `formulas`.
    """  # noqa: D205 — what a host reads is one paragraph

    skill: ClassVar[Skill] = "materials-transformers"
    title: ClassVar[str] = "Generate candidates"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(Sampling.model_fields) - {"temperature"} | {
        "seed",
        "novel",
        "tolerance",
    }

    n: int = Field(100, ge=1, le=10_000_000)
    """Candidates wanted."""
    formulas: str | list[str] = []
    """Or a file of them: what `matt5` writes of."""
    conditions: Goals = {}
    """By property a value in its own unit, {value, tolerance} (farther ones are left out; null: half the training spread), or {min, max}
    to spread them."""
    novel: bool = True
    """Leave out what the training data have."""
    max_minutes: float | None = Field(None, gt=0)
    """Keep what was found until then."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of the draws."""

    def check(self, workspace: Workspace) -> None:
        """Refuse a run that holds no generator, and conditions it does not heed, far outside the trained range, or held by nothing."""
        from scitrain.generation.t5.writer import holds_writer

        source = Run.open(self.of, workspace)
        if holds_writer(source):
            self._check_written(workspace)
            return
        if self.formulas:
            raise ScitrainError(f"formulas are for a matt5 run, and {self.of} draws new ones; leave them out")
        from scitrain.workflow.candidates import generator_config, told_of

        told_of(self._asked(), generator_config(source))

    def _check_written(self, workspace: Workspace) -> None:
        from scitrain.workflow.finish_writer import check_wanted
        from scitrain.workflow.sources import check_source

        if self.conditions:
            raise ScitrainError("a matt5 run is told the formula alone; leave out conditions")
        check_wanted(self.formulas, self._asked().sampling)
        if isinstance(self.formulas, str) and names_a_file(self.formulas):
            check_source(self.formulas, workspace)

    def execute(self, run: Run) -> CandidatesResult:
        """Load, draw, write."""
        if self.formulas:
            return self._written(run)
        from scitrain.workflow.candidates import generate

        facts, warnings, first = generate(self._asked(), run)
        return CandidatesResult(
            next_step=f"evaluate_candidates(candidates={run.id!r}) judges them" if facts["found"] else NOTHING,
            found=facts["found"],
            stopped=facts["stopped"],
            sentences=_sentences(facts),
            candidates=first[:SHOWN],
            warnings=warnings,
            decisions=run.record().decisions,
            files=run.artifacts(),
        )

    def _written(self, run: Run) -> CandidatesResult:
        from scitrain.workflow.finish_writer import write_texts

        facts, first = write_texts(self.of, self.formulas, self._asked().sampling, run)
        return CandidatesResult(
            next_step=f"predict with a train_model run has intervals; MODEL_CARD.md of {self.of} tells how far texts are right",
            found=facts["found"],
            stopped="all written",
            sentences=[f"{name}: read from {n:,} of {facts['found']:,} texts" for name, n in facts["read"].items()],
            candidates=first[:SHOWN],
            warnings=[f"row {row} is no formula: {why}" for row, why in list(facts["errors"].items())[:3]],
            decisions=run.record().decisions,
            files=run.artifacts(),
        )

    def _asked(self) -> "Asked":
        from scitrain.workflow.candidates import Asked

        sampling = Sampling(**{name: getattr(self, name) for name in Sampling.model_fields})
        seconds = None if self.max_minutes is None else 60 * self.max_minutes
        return Asked(self.of, self.n, dict(self.conditions), sampling, self.seed, self.novel, seconds)


def _sentences(facts: dict[str, Json]) -> list[str]:
    told = ", ".join(f"{count:,} {why}" for why, count in facts["rejected"].items())
    drawn = f"{facts['drawn']:,} drawn, {facts['valid_share']:.1%} valid"
    return [f"{drawn}; rejected: {told}" if told else drawn, *(one["sentence"] for one in facts["heeded"])]
