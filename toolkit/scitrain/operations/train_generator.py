"""Teach a network to write molecules or compositions."""

from typing import ClassVar, Self

from pydantic import model_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.data.options import DataOptions
from scitrain.generation.options import GeneratorOptions
from scitrain.runs import Decision, Json, Run
from scitrain.workspace import Workspace

__all__ = ["GeneratorResult", "TrainGenerator"]


class GeneratorResult(JobResult):
    """What a trained generator is worth."""

    family: str
    """Kind of generator."""
    sentences: list[str]
    """Validity, uniqueness, novelty, and how conditions are heeded."""
    examples: list[str]
    """New ones."""
    decisions: list[Decision]
    """What was chosen for you, and why."""
    files: list[str]
    """Artifacts, below the run directory."""

    def summary(self) -> str:
        """Return the shares and some draws."""
        lines = [
            f"{self.run_id}: {self.family}",
            *self.sentences,
            "such as " + ", ".join(self.examples[:5]),
            f"next: {self.next_step}",
        ]
        return "\n".join(lines)


class TrainGenerator(Job, GeneratorOptions):
    """Teach a network to write new molecules or compositions (GPT, diffusion), on request told properties, or texts and numbers of
    formulas (`matt5`); generate_candidates draws.
    """  # noqa: D205 — what a host reads is one paragraph

    skill: ClassVar[Skill] = "materials-transformers"
    title: ClassVar[str] = "Train a generator"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(GeneratorOptions.model_fields) - {
        "family",
        "conditions",
        "max_minutes",
    } | {"inputs", "modality"}

    data: str
    """Table of SMILES or formulas."""
    inputs: str | None = None
    """Their column; null: recognised."""
    modality: str = "auto"
    """`smiles` or `formula`."""
    writes: list[str] = []
    """Columns that `matt5` writes of a formula."""

    @model_validator(mode="after")
    def _of_matt5(self) -> Self:
        if bool(self.writes) != (self.family == "matt5"):
            raise ValueError(
                "writes and family='matt5' go together: name the columns, of words or numbers, that are written of a formula"
            )
        if self.writes and (self.conditions or self.augment):
            raise ValueError("matt5 is told the formula alone: leave out conditions and augment")
        return self

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there."""
        from scitrain.workflow.sources import check_source

        check_source(self.data, workspace)

    def execute(self, run: Run) -> GeneratorResult:
        """Read, teach, draw, write."""
        from scitrain.workflow.ahead import import_ahead
        from scitrain.workflow.stages import stage
        from scitrain.workflow.strings import read_strings

        if self.family == "matt5":
            return self._writer(
                run
            )  # before anything is imported ahead: two threads in transformers' lazy module miss names
        import_ahead("scitrain.workflow.finish_generator")
        with stage(run, "prepare", "reading and cleaning the data"):
            strings = read_strings(self._data(), self.conditions, run)
        from scitrain.generation.teaching import teach_generator
        from scitrain.workflow.finish_generator import finish_generator

        with stage(run, "train", "teaching"):
            taught = teach_generator(self._options(), strings, run)
        facts = finish_generator(taught, self.seed, run)
        return GeneratorResult(
            next_step=f"generate_candidates(run={run.id!r}, n=100{_example(facts)})",
            family=facts["family"],
            sentences=_sentences(facts),
            examples=facts["examples"],
            decisions=run.record().decisions,
            files=run.artifacts(),
        )

    def _writer(self, run: Run) -> GeneratorResult:
        """Read pairs, teach a MatT5, write of the test rows, judge."""
        from scitrain.generation.t5.teaching import teach_writer
        from scitrain.render.writer_card import verdict
        from scitrain.workflow.finish_writer import finish_writer
        from scitrain.workflow.pairs import read_pairs
        from scitrain.workflow.stages import stage

        with stage(run, "prepare", "reading and cleaning the data"):
            pairs = read_pairs(self._data(), self.writes, run)
        with stage(run, "train", "teaching"):
            taught = teach_writer(self._options(), pairs, run)
        facts = finish_writer(taught, self.seed, run)
        return GeneratorResult(
            next_step=f"generate_candidates(run={run.id!r}, formulas=['Fe2O3'])",
            family="matt5",
            sentences=[verdict(one) for one in facts["judged"]],
            examples=[f"{one['formula']}: {one['written']}" for one in facts["examples"]],
            decisions=run.record().decisions,
            files=run.artifacts(),
        )

    def _data(self) -> DataOptions:
        return DataOptions(
            data=self.data, inputs=self.inputs, modality=self.modality, max_rows=self.max_rows, seed=self.seed
        )

    def _options(self) -> GeneratorOptions:
        return GeneratorOptions(**{name: getattr(self, name) for name in GeneratorOptions.model_fields})


def _example(facts: dict[str, Json]) -> str:
    told = [f"{one['name']!r}: {one['mean']:.3g}" for one in facts["conditions"]]
    return f", conditions={{{', '.join(told)}}}" if told else ""


def _sentences(facts: dict[str, Json]) -> list[str]:
    """Say what the samples are worth."""
    found = []
    for name, how in (("sample", "as drawn by default"), ("sample_without_grammar", "without grammar")):
        if worth := facts[name]:
            told = ", ".join(f"{share} {worth[share]['value']:.1%}" for share in ("valid", "unique", "novel"))
            found.append(f"{how}: {told} (n = {worth['valid']['n']:,})")
    for one in facts["heeds"]:
        unit = f" {one['unit']}" if one["unit"] else ""
        if one["mae"] is not None and one["r2"] is not None:
            miss = f"draws miss it by {one['mae']:.3g}{unit} on average"
            found.append(f"asked for {one['name']}, {miss} (R² {one['r2']:.2f}, n = {one['n']})")
    return found
