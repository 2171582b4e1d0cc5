"""Pretrain a Transformer on formulas or molecules without labels."""

import math
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.pretraining.options import PretrainingOptions
from scitrain.runs import Decision, Run
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.workflow.pretrain import Pretrained

__all__ = ["PretrainResult", "PretrainTransformer"]


class PretrainResult(JobResult):
    """What a pretraining came to."""

    model: str
    rows: int
    """Learned from."""
    left_out: str
    """Rows that are not valid, repeated, or named in `exclude`."""
    held_out_loss: dict[str, float]
    """By objective."""
    knows: list[str]
    """What was judged on held-out rows, each beside its baseline: hidden tokens, views, each of `targets` in its unit."""
    decisions: list[Decision]
    files: list[str]

    def summary(self) -> str:
        """Return what was learned and what to do with it."""
        losses = ", ".join(f"{name.removeprefix('val_')} {value:.4f}" for name, value in self.held_out_loss.items())
        lines = [
            f"{self.run_id}: {self.model} pretrained on {self.rows:,} rows; {self.left_out}",
            f"held-out loss: {losses}",
        ]
        return "\n".join([*lines, *self.knows, f"next: {self.next_step}"])


class PretrainTransformer(Job, PretrainingOptions):
    """Pretrain MatBERT on formulas, or a SMILES BERT on molecules, without labels.

    finetune_model takes the run as `source`.
    """

    skill: ClassVar[Skill] = "materials-transformers"
    title: ClassVar[str] = "Pretrain a Transformer"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(PretrainingOptions.model_fields) - {
        "objectives",
        "targets",
    }

    data: str
    """Table of any length with a column of formulas or SMILES."""
    column: str | None = None
    """That column; left out: found."""
    exclude: str | None = None
    """Table of formulas or molecules never to be seen, such as test rows."""

    @model_validator(mode="after")
    def _targets_fit(self) -> Self:
        weights = self.objectives.values()
        if not all(math.isfinite(weight) for weight in weights) or sum(weights) <= 0 or min(weights) < 0:
            raise ValueError(
                f"objectives={dict(self.objectives)}: give finite weights of at least 0, one of them above"
            )
        if bool(self.targets) != (self.objectives.get("properties", 0) > 0):
            raise ValueError("targets=[COLUMN, …] and objectives={'properties': 1, …} go together: give both or none")
        if repeated := sorted({name for name in self.targets if self.targets.count(name) > 1}):
            raise ValueError(
                f"targets={self.targets}: {', '.join(map(repr, repeated))} is named twice; name each column once"
            )
        return self

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there."""
        from scitrain.workflow.sources import check_source

        check_source(self.data, workspace)
        if self.exclude is not None:
            check_source(self.exclude, workspace)

    def execute(self, run: Run) -> PretrainResult:
        """Read, train, judge, save, draw."""
        from scitrain.workflow.pretrain import Asked, pretrain

        options = PretrainingOptions(**{name: getattr(self, name) for name in PretrainingOptions.model_fields})
        found = pretrain(Asked(self.data, self.column, self.exclude), options, run)
        return self._result(found, run)

    def _result(self, found: "Pretrained", run: Run) -> PretrainResult:
        from scitrain.render.knowledge import sentences
        from scitrain.render.pretraining_card import FACTS

        report = found.corpus.report
        best = found.learned.history[found.learned.best_epoch - 1]
        name = "MatBERT" if found.corpus.notation == "composition" else "SMILES BERT"
        left = f"{report.invalid:,} not valid, {report.repeated:,} repeated, {report.excluded:,} excluded"
        return PretrainResult(
            run_id=run.id,
            next_step=f"finetune_model(data=LABELS, target=COLUMN, source='{run.id}', compare=['scratch', 'full'])",
            model=f"{name} ({self.size})",
            rows=report.kept - report.held_out,
            left_out=left,
            held_out_loss={key: value for key, value in best.items() if key.startswith("val_") and key != "val_loss"},
            knows=sentences(run.read_json(FACTS)),
            decisions=run.record().decisions,
            files=run.artifacts(),
        )
