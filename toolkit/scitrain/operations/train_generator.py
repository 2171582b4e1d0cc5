"""Teach a network to write molecules or compositions."""

from typing import ClassVar

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
    """Teach a network (GPT, diffusion) to write new molecules or compositions, on request told properties; generate_candidates draws."""

    skill: ClassVar[Skill] = "materials-transformers"
    title: ClassVar[str] = "Train a generator"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(GeneratorOptions.model_fields) - {
        "family",
        "conditions",
        "max_minutes",
    }

    data: str
    """Table of SMILES or formulas."""
    inputs: str | None = None
    """Their column; null: recognised."""
    modality: str = "auto"
    """`smiles` or `formula`."""

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there."""
        from scitrain.workflow.sources import check_source

        check_source(self.data, workspace)

    def execute(self, run: Run) -> GeneratorResult:
        """Read, teach, draw, write."""
        from scitrain.workflow.ahead import import_ahead

        import_ahead("scitrain.workflow.finish_generator")
        from scitrain.workflow.stages import stage
        from scitrain.workflow.strings import read_strings

        with stage(run, "prepare", "reading and cleaning the data"):
            data = DataOptions(
                data=self.data, inputs=self.inputs, modality=self.modality, max_rows=self.max_rows, seed=self.seed
            )
            strings = read_strings(data, self.conditions, run)
        from scitrain.generation.teaching import teach_generator
        from scitrain.workflow.finish_generator import finish_generator

        options = GeneratorOptions(**{name: getattr(self, name) for name in GeneratorOptions.model_fields})
        with stage(run, "train", "teaching"):
            taught = teach_generator(options, strings, run)
        facts = finish_generator(taught, self.seed, run)
        return GeneratorResult(
            next_step=f"generate_candidates(run={run.id!r}, n=100{_example(facts)})",
            family=facts["family"],
            sentences=_sentences(facts),
            examples=facts["examples"],
            decisions=run.record().decisions,
            files=run.artifacts(),
        )


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
