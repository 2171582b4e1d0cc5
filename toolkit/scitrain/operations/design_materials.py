"""Search for materials with wanted properties."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, JsonValue, field_validator, model_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import DataError, UnknownNameError
from scitrain.generation.goals import Goal, Goals
from scitrain.runs import RUN_ID, Decision, Run
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.generation.generators import Generator
    from scitrain.generation.given import Kind
    from scitrain.workflow.design_verdict import Outcome

__all__ = ["DesignMaterials", "DesignResult"]

SHOWN = 10


class DesignResult(JobResult):
    """What a search came to."""

    sentence: str
    """Whether the goals can be met; else what is nearest."""
    predictions: int
    satisfied: int | None
    """Candidates that satisfy every goal, as the predictors say; null where goals are directions alone, which nothing can miss."""
    ended: str
    """Why the search ended."""
    candidates: list[dict[str, JsonValue]]
    """The first that satisfy every goal; where none does, the nearest predicted. results/candidates.csv has all, and why losers lost."""
    search: list[str]
    """How many of the 20 ranked first satisfy every goal, or how far directions were followed, by way of searching."""
    warnings: list[str]
    """Goals outside what was learned."""
    decisions: list[Decision]
    """What was chosen for you, and why."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return the first candidates."""
        return {self._heading(): self.candidates}

    def _heading(self) -> str:
        return "nearest candidates, none satisfies every goal" if self.satisfied == 0 else "first candidates"

    def summary(self) -> str:
        """Return the verdict, the comparison, the first candidates."""
        head = [f"{self.run_id}: {self.sentence}", f"ended: {self.ended}", *(f"note: {one}" for one in self.warnings)]
        shown = [f"{i}. {one['canonical']}: {_values(one)}" for i, one in enumerate(self.candidates, 1)]
        named = [f"{self._heading()}:", *shown] if shown else []
        return "\n".join([*head, *self.search, *named, f"next: {self.next_step}"])


def _values(one: dict[str, JsonValue]) -> str:
    told = [f"{name.removesuffix('_predicted')} {value}" for name, value in one.items() if name.endswith("_predicted")]
    return ", ".join([*told, *([f"confidence {one['confidence']}"] if "confidence" in one else [])])


def _apart(name: str, target: Goal, constraint: Goal) -> str:
    """Return why no value meets both; empty where one does."""
    (least, most), (low, high) = target.ends, constraint.ends
    if max(least, low) <= min(most, high):
        return ""
    return f"{name}: target {target.words()} and constraint {constraint.words()} exclude one another; change one"


class DesignMaterials(Job):
    """Search for molecules or compositions with wanted properties: draw, filter, predict with uncertainty, stay in the domain, rank, learn
    from the best. Random search and the best known stand beside.
    """  # noqa: D205 — what a host reads is one paragraph

    skill: ClassVar[Skill] = "materials-transformers"
    title: ClassVar[str] = "Design materials"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(
        {"allow", "forbid", "data", "novel", "compare", "max_minutes", "seed"}
    )

    targets: Goals
    """By property, predicted or computed: a number, {value, tolerance}, {min, max} or maximize, minimize."""
    predictors: list[str] = []
    """Trained runs that predict them."""
    constraints: Goals = {}
    """The same, without which a candidate is given up."""
    allow: list[str] = []
    """Elements that may occur; empty: all."""
    forbid: list[str] = []
    """Elements that may not."""
    filters: list[str] | None = None
    """Null: pains_free, brenk_free (molecules), balanced (formulas)."""
    generator: str = "mutation"
    """`mutation` of known materials, or a train_generator run."""
    data: str | None = None
    """Known materials; null: those the predictors learned from."""
    n: int = Field(2000, ge=1, le=10_000_000)
    """Candidates predicted."""
    novel: bool = True
    """Pass over what is known."""
    compare: bool = True
    """Run the rival searches."""
    max_minutes: float | None = Field(None, gt=0)
    """Keep what was found until then."""
    seed: int = Field(42, ge=0, lt=2**31)
    """Seed of all that is drawn."""

    @field_validator("predictors", "allow", "forbid", mode="before")
    @classmethod
    def _one(cls, names: object) -> object:
        """Accept one name."""
        return [names] if isinstance(names, str) else names

    @model_validator(mode="after")
    def _something_to_reach(self) -> "DesignMaterials":
        if not self.targets:
            raise ValueError("targets is empty: say what is wanted, such as {'gap': {'value': 2, 'tolerance': 0.2}}")
        both = sorted(set(self.allow) & set(self.forbid))
        if both:
            raise ValueError(f"{', '.join(both)} is both allowed and forbidden; leave it out of one")
        apart = [
            _apart(name, goal, self.constraints[name])
            for name, goal in self.targets.items()
            if name in self.constraints
        ]
        if any(apart):
            raise ValueError("; ".join(filter(None, apart)))
        return self

    def check(self, workspace: Workspace) -> None:
        """Refuse runs that cannot serve, files that are not there, and names that nobody computes."""
        from scitrain.workflow.predictors import check_predictors
        from scitrain.workflow.sources import check_source

        kind = check_predictors(self.predictors, workspace)
        if self.data is not None:
            check_source(self.data, workspace)
        if self.generator != "mutation":
            self._check_generator(workspace, kind)
        elif kind is None and self.data is None:
            raise DataError(
                "give predictors (trained runs), or data with known materials: there is nothing to start from"
            )

    def _check_generator(self, workspace: Workspace, kind: "Kind | None") -> None:
        from scitrain.workflow.candidates import generator_config

        if not RUN_ID.fullmatch(self.generator):
            raise UnknownNameError("generator", self.generator, ["mutation", "the id of a train_generator run"])
        written = generator_config(Run.open(self.generator, workspace)).kind
        if kind is not None and written != kind:
            raise DataError(
                f"generator {self.generator} writes {written}, the predictors read {kind}; take one of {kind}"
            )

    def parents(self) -> list[str]:
        """Return the runs of predictors and generator."""
        return [*self.predictors, *([] if self.generator == "mutation" else [self.generator])]

    def execute(self, run: Run) -> DesignResult:
        """Search, compare, write."""
        from scitrain.workflow.design_files import outcome, write_design
        from scitrain.workflow.design_reach import check_reach
        from scitrain.workflow.design_rivals import rivals, topmost
        from scitrain.workflow.design_sources import known_materials, make_generator, with_computed
        from scitrain.workflow.designing import Plan, design, ranked, scales_of
        from scitrain.workflow.predictors import check_goals, load_predictors
        from scitrain.workflow.screening import make_screen
        from scitrain.workflow.stages import stage

        kind = self._kind(run)
        screen = make_screen(
            kind,
            (self.allow, self.forbid),
            self.filters,
            self.constraints,
            load_predictors(self.predictors, run.workspace),
        )
        check_goals(list(self.targets), list(screen.units))
        known = known_materials(self.data, self.generator, self.predictors, kind, run)
        known = with_computed(known, kind, list(self.targets))
        warnings = check_reach(self.targets, known, screen.units)
        scales = scales_of(self.targets, known.measured)
        seconds = None if self.max_minutes is None else 60 * self.max_minutes
        plan = Plan(self.targets, self.n, self.seed, seconds, self.novel)

        def fresh() -> "Generator":
            return make_generator(self.generator, screen, known, self.targets, scales, run)

        with stage(run, "search", f"searching with {self.n:,} predictions"):
            found = design(fresh(), screen, (frozenset(known.names), scales), plan, run)
        ranks = ranked(found.pool, self.targets, scales)
        own = topmost("design", found.pool, self.targets, scales)
        with stage(run, "compare", "searching in other ways"):
            granted = replace(plan, predictions=found.pool.predicted)
            others = rivals(fresh, screen, known, scales, granted) if self.compare else []
        done = replace(outcome(found, (screen, self.targets, ranks), own, others, known), warnings=warnings)
        write_design(run, done)
        return self._result(run, done)

    def _kind(self, run: Run) -> "Kind":
        from scitrain.generation.given import recognise_kind
        from scitrain.workflow.candidate_rows import texts_of
        from scitrain.workflow.candidates import generator_config
        from scitrain.workflow.predictors import check_predictors

        kind = check_predictors(self.predictors, run.workspace)
        if kind is not None:
            return kind
        if self.generator != "mutation":
            return "smiles" if generator_config(Run.open(self.generator, run.workspace)).kind == "smiles" else "formula"
        return recognise_kind(texts_of(str(self.data), run.workspace, None))

    def _result(self, run: Run, done: "Outcome") -> DesignResult:
        from scitrain.workflow.design_files import first_rows_of

        return DesignResult(
            next_step=f"evaluate_candidates(candidates={run.id!r}) judges them as a set; measure some before trusting the rest",
            sentence=done.sentence(),
            predictions=done.found.pool.predicted,
            satisfied=done.satisfied if done.bounded else None,
            ended=done.found.why,
            candidates=first_rows_of(done, SHOWN),
            search=[one.words(done.screen.units) for one in (done.own, *done.others)],
            warnings=list(done.warnings),
            decisions=run.record().decisions,
            files=run.artifacts(),
        )
