"""Tell classes apart from a few examples each, and measure how well that goes on classes nobody trained for."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue

from scitrain.contracts.operation import Job, Skill
from scitrain.data.options import DataOptions
from scitrain.runs import Run
from scitrain.workflow.measured import MeasuredLabels
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.evaluation.report import Evaluation
    from scitrain.workflow.few_shot import Asked, Material

__all__ = ["FewShotClassify", "FewShotResult"]

SHOWN = 10


class FewShotResult(MeasuredLabels):
    """What few examples a class are good for, over episodes, or over the support rows each told without itself."""

    encoder: str
    """What the points come from."""
    classes: list[str]
    """Told apart."""

    def summary(self) -> str:
        """Return the numbers, the verdict, the first predictions."""
        shown = ", ".join(self.classes[:SHOWN]) + (f", … ({len(self.classes)})" if len(self.classes) > SHOWN else "")
        rows = [f"row {one['row']}: {one['label'] or one.get('error')}{_confidence(one)}" for one in self.predictions]
        return self.told([f"{self.run_id}: {shown} told apart by {self.encoder}"], [self.verdict, *rows])


class FewShotClassify(Job):
    """Classify the rows of `predict` from a few labelled examples a class (prototypes), with calibrated confidences.

    Without `predict`, measure N-way K-shot episodes on unseen classes beside nearest neighbour and linear probe.
    """

    skill: ClassVar[Skill] = "transfer-learning"
    title: ClassVar[str] = "Few-shot classification"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset(
        {"target", "inputs", "modality", "seed", "queries", "episodes", "metric", "select", "train", "train_episodes"}
    )

    data: str
    """Labelled table: the examples."""
    target: str | None = None
    """Column with the classes."""
    inputs: str | list[str] | None = None
    """Column(s) to classify by."""
    modality: str = "auto"
    """Kind of data."""
    encoder: str = "features"
    """Id of a trained run, a pretrained model (name or folder), or `features`."""
    predict: str | None = None
    """File of rows without labels."""
    classes: list[str] | None = Field(None, min_length=1)
    """Told apart; null: those new to the encoder (all, to predict)."""
    way: int | None = Field(None, ge=2)
    """Classes an episode; null: 5."""
    shot: int | None = Field(None, ge=1)
    """Examples a class; null: 5 (all, to predict)."""
    queries: int = Field(15, ge=1, le=1000)
    """Questions a class and episode."""
    episodes: int = Field(600, ge=50, le=100_000)
    """Episodes measured."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """Distance."""
    select: Literal["random", "kmeans", "kmeans++"] = "random"
    """How examples are chosen."""
    train: Literal["none", "projection", "encoder"] = "none"
    """What episodes on the other classes train."""
    train_episodes: int = Field(400, ge=20, le=100_000)
    """Episodes of that."""
    seed: int = Field(42, ge=0, lt=2**32)
    """Seed of all that is drawn."""

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there, an encoder that is none, and training without a network."""
        from scitrain.errors import ScitrainError
        from scitrain.workflow.sources import check_source

        check_source(self.data, workspace)
        if self.predict is not None:
            check_source(self.predict, workspace)
        if self.encoder == "features" and self.train == "encoder":
            raise ScitrainError(
                "train='encoder' needs a network: give encoder a trained run or a pretrained model, or train='projection'"
            )
        from scitrain.workflow.encoders import check_encoder

        check_encoder(self.encoder, workspace)

    def parents(self) -> list[str]:
        """Return the run whose network encodes."""
        from scitrain.transfer.origin import RUN_ID

        return [self.encoder] if RUN_ID.fullmatch(self.encoder) else []

    def execute(self, run: Run) -> FewShotResult:
        """Read, encode, learn, measure or classify, write."""
        from scitrain.workflow.encoders import trained_source
        from scitrain.workflow.examples import read_examples
        from scitrain.workflow.few_shot import divide, encoded, gather, seen_by

        source = trained_source(self.encoder, run.workspace)
        config = None if source is None else source[1]
        examples = read_examples(self._data_options(), config, run)
        examples, x, encoder = encoded(examples, self.encoder, source, run)
        seen = seen_by(config, examples)
        asked = self._asked()
        told = divide(examples, self.classes, seen, asked, self.predict is None, run)
        material = gather(examples, x, encoder, told, asked, run)
        evaluation = self._episodes(material, asked, run) if self.predict is None else self._rows(material, asked, run)
        return self._result(material, evaluation, run)

    def _data_options(self) -> DataOptions:
        return DataOptions(
            data=self.data,
            target=self.target,
            inputs=self.inputs,
            modality=self.modality,
            task="multiclass",
            seed=self.seed,
        )

    def _asked(self) -> "Asked":
        from scitrain.workflow.few_shot import Asked

        return Asked(
            self.way,
            self.shot,
            self.queries,
            self.episodes,
            self.metric,
            self.select,
            self.train,
            self.train_episodes,
            self.seed,
        )

    def _episodes(self, material: "Material", asked: "Asked", run: Run) -> "Evaluation":
        from scitrain.workflow.few_shot import evaluated, plan_episodes
        from scitrain.workflow.few_shot_files import write_measured
        from scitrain.workflow.few_shot_numbers import of_episodes

        plan = plan_episodes(material, asked, run)
        found = evaluated(material, plan, asked, run)
        evaluation = of_episodes(found, material.examples.target, self.seed)
        write_measured(run, material, plan, asked, found, evaluation)
        return evaluation

    def _rows(self, material: "Material", asked: "Asked", run: Run) -> "Evaluation":
        from scitrain.workflow.few_shot_files import write_classified
        from scitrain.workflow.few_shot_numbers import of_support
        from scitrain.workflow.few_shot_rows import classify, supported

        support = supported(material, asked)
        found = classify(material, support, str(self.predict), run)
        evaluation = of_support(support, material.examples.target, self.seed)
        write_classified(run, material, asked, support, found, evaluation)
        return evaluation

    def _result(self, material: "Material", evaluation: "Evaluation", run: Run) -> FewShotResult:
        from scitrain.render import limits
        from scitrain.workflow.results import headlines_of
        from scitrain.workflow.rows import read_rows

        columns = material.examples.columns
        texts = ["label", "error", *columns, *(f"input_{name}" for name in columns)]
        rows = read_rows(run.path / "results/few_shot_predictions.csv", SHOWN, texts) if self.predict else []
        return FewShotResult(
            next_step=self._next(),
            encoder=material.encoder.words,
            classes=list(material.names()),
            metrics=headlines_of(evaluation),
            verdict="" if evaluation.verdict is None else evaluation.verdict.sentence,
            predictions=rows,
            warnings=limits(run),
            decisions=run.record().decisions,
            files=run.artifacts(),
        )

    def _next(self) -> str:
        if self.predict is not None:
            return "rows outside the domain, or of low confidence, are those whose label teaches most"
        return f"few_shot_classify(data={self.data!r}, encoder={self.encoder!r}, predict=FILE) classifies new rows"


def _confidence(one: dict[str, JsonValue]) -> str:
    told = one.get("confidence")
    sure = f" ({told:.0%})" if isinstance(told, int | float) else ""
    return sure + (", outside the domain" if one.get("in_domain") is False else "")
