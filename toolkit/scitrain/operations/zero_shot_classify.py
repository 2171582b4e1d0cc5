"""Classify texts and images by descriptions of the classes, without training."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from scitrain.contracts.operation import Job, Skill
from scitrain.runs import Run
from scitrain.workflow.headline import Headline
from scitrain.workflow.measured import MeasuredLabels
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.workflow.zero_shot import Classified

__all__ = ["ZeroShotClassify", "ZeroShotResult"]

SHOWN = 10
BACKGROUND_BYTES = 200_000
"""Files of texts beyond this size are worked on in the background, where somebody waits for an answer."""


class ZeroShotResult(MeasuredLabels):
    """Rows classified by descriptions; metrics where true labels are known, beside always saying the commonest class."""

    method: str
    model: str
    labels: list[str]
    rows: int
    errors: int
    """Rows without a label."""

    def summary(self) -> str:
        """Return the numbers, the verdict, the first predictions."""
        bad = f", {self.errors:,} of them without a label" if self.errors else ""
        by = f"{', '.join(self.labels[:SHOWN])} by {self.method} ({self.model})"
        head = f"{self.run_id}: {self.rows:,} rows{bad}, {by}"
        return self.told([head], [self.verdict, *map(_line, self.predictions)])


class ZeroShotClassify(Job):
    """Classify texts or images by descriptions of the classes, without training: entailment, sentence embeddings, or CLIP.

    With `target`, accuracy and macro-F1 with intervals beside the commonest class; settle descriptions on `part="val"`.
    """

    skill: ClassVar[Skill] = "transfer-learning"
    title: ClassVar[str] = "Zero-shot classification"
    background: ClassVar[bool] = False
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset({"inputs", "seed", "template", "part", "multi_label"})

    data: str
    """Table or image folder."""
    labels: list[str] | dict[str, str]
    """Names, or name to description."""
    model: str | None = None
    """NLI model, sentence encoder or CLIP: name or folder."""
    method: Literal["auto", "entailment", "embedding", "clip"] = "auto"
    """Follows from the model."""
    template: str | None = None
    """What is said of a row, `{}` being the description."""
    inputs: str | list[str] | None = None
    """Column(s) with texts or paths of images."""
    target: str | None = None
    """Column with true labels."""
    part: Literal["test", "val"] = "test"
    """Rows measured, where a column says a split."""
    multi_label: bool = False
    """Several labels a row."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of the intervals."""

    @field_validator("labels")
    @classmethod
    def _different(cls, value: list[str] | dict[str, str]) -> list[str] | dict[str, str]:
        names, said = list(value), list(value.values()) if isinstance(value, dict) else []
        counted = [Counter(one.strip().lower() for one in group) for group in (names, said)]
        twice = [one for group in counted for one, times in group.items() if times > 1]
        if twice:
            raise ValueError(
                f"{', '.join(map(repr, twice))}: labels said twice, or with one description, cannot be told apart; name each once"
            )
        if len(names) < 2:
            raise ValueError(
                f"{len(names)} label{'' if len(names) == 1 else 's'}: give at least 2, for what fits a row is told by comparison"
            )
        if any(not any(c.isalnum() for c in one) for one in (*names, *said)):
            raise ValueError("a label without words: write what each means")
        return value

    @model_validator(mode="after")
    def _together(self) -> "ZeroShotClassify":
        if self.template is not None and "{}" not in self.template:
            raise ValueError(
                f"template={self.template!r} has no place for the description; write {{}} there, as in 'This text is about {{}}.'"
            )
        if self.multi_label and self.target is not None:
            raise ValueError("multi_label gives several labels a row, and target has one: leave one of them out")
        return self

    def in_background(self) -> bool:
        """Folders and large files are worked on in the background."""
        path = Path(self.data)
        return path.is_dir() or (path.is_file() and path.stat().st_size > BACKGROUND_BYTES)

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there, and what is no model."""
        from scitrain.workflow.sources import check_source
        from scitrain.workflow.zero_shot import check_model

        check_source(self.data, workspace)
        check_model(self.model, workspace)

    def execute(self, run: Run) -> ZeroShotResult:
        """Read, choose the way, score, calibrate, measure, write."""
        from scitrain.errors import ScitrainError
        from scitrain.workflow.zero_shot import choose, classify
        from scitrain.workflow.zero_shot_files import write_predictions
        from scitrain.workflow.zero_shot_rows import read_described

        run.progress("prepare", message="reading and cleaning the data")
        labels = self._labels()
        rows = read_described(self.data, self.inputs, self.target, list(labels), self.part, run)
        chosen = choose(None if self.method == "auto" else self.method, self.model, self.template, rows.modality, run)
        found = classify(chosen, rows, list(labels.values()), self.part, run)
        if self.multi_label and found.scored.alone is None:
            raise ScitrainError(
                f"multi_label needs a probability of each label by itself, which {chosen.method} with {chosen.origin.source} has not; "
                "take an NLI model, or SigLIP for images"
            )
        write_predictions(run, found, chosen, labels, self.multi_label)
        metrics, verdict, warnings = self._measured(run, found, tuple(labels))
        return self._result(run, found, (chosen.method, chosen.origin.words), (metrics, verdict, warnings))

    def _labels(self) -> dict[str, str]:
        given = self.labels if isinstance(self.labels, Mapping) else {name: name for name in self.labels}
        return {name.strip(): description.strip() for name, description in given.items()}

    def _measured(
        self, run: Run, found: "Classified", labels: tuple[str, ...]
    ) -> tuple[list[Headline], str, list[str]]:
        """Return the numbers, the verdict and the limits; without true labels what is not known."""
        target = found.rows.target
        if target is None or self.multi_label:
            return (
                [],
                "",
                ["no true labels: nothing is known of how often it is right; label some dozen rows and give target"],
            )
        from scitrain.render import limits
        from scitrain.workflow.results import headlines_of
        from scitrain.workflow.zero_shot import measured
        from scitrain.workflow.zero_shot_files import write_measured

        evaluation = measured(found, target, labels, self.part, self.seed)
        write_measured(run, found, target, labels, evaluation, self.part)
        told = (
            limits(run)
            if self.part == "test"
            else ["validation rows: descriptions that were settled by them are tested once with part='test'"]
        )
        return (
            headlines_of(evaluation, self.part),
            "" if evaluation.verdict is None else evaluation.verdict.sentence,
            told,
        )

    def _result(
        self, run: Run, found: "Classified", how: tuple[str, str], told: tuple[list[Headline], str, list[str]]
    ) -> ZeroShotResult:
        from scitrain.workflow.rows import read_rows

        columns = found.rows.columns
        texts = ["label", "labels", "true_label", "error", *columns, *(f"input_{name}" for name in columns)]
        return ZeroShotResult(
            next_step="label the rows of least confidence; with a few examples a class, few_shot_classify is usually better",
            method=how[0],
            model=how[1],
            labels=list(self._labels()),
            rows=len(found.rows.rows),
            errors=len(found.rows.errors),
            metrics=told[0],
            verdict=told[1],
            predictions=read_rows(run.path / "results/zero_shot_predictions.csv", SHOWN, texts),
            warnings=told[2],
            decisions=run.record().decisions,
            files=run.artifacts(),
        )


def _line(one: dict[str, JsonValue]) -> str:
    if one.get("error"):
        return f"row {one['row']}: {one['error']}"
    sure = one.get("confidence")
    said = one.get("label") or one.get("labels") or "none"
    return f"row {one['row']}: {said}" + (f" ({sure:.0%})" if isinstance(sure, int | float) else "")
