"""Train a model of a data set, judge it, and write everything down."""

from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import Field, JsonValue, field_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.data.options import DataOptions
from scitrain.exporters import check_formats
from scitrain.models import AnyModelSpec
from scitrain.runs import Decision, Run
from scitrain.spec import Spec
from scitrain.training.options import TrainingOptions
from scitrain.workflow.headline import Headline, metric_table
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.data.prepared import Prepared
    from scitrain.training.learning import Fitted
    from scitrain.workflow.judge import Judged
    from scitrain.workflow.network import Network

__all__ = ["TrainModel", "TrainResult"]

S = TypeVar("S", bound=Spec)


class TrainResult(JobResult):
    """What a training came to."""

    task: str
    modality: str
    targets: list[str]
    model: str
    """Family and number of members."""
    metrics: list[Headline]
    """Test metrics, the most telling first."""
    verdict: str
    """Whether the network beats the best of the simple models, with the interval of the difference."""
    warnings: list[str]
    """What to keep in mind before trusting it."""
    decisions: list[Decision]
    """What was chosen for you, and why."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return what was chosen, and the metrics beside those of the simple models."""
        chosen = [decision.model_dump(mode="json") for decision in self.decisions]
        return {"what was chosen for you": chosen, "how good it is": metric_table(self.metrics)}

    def summary(self) -> str:
        """Return the numbers, the verdict and where to look."""
        head = f"{self.run_id}: {self.model} on {self.modality} data, {self.task} of {', '.join(self.targets)}"
        warnings = [f"note: {warning}" for warning in self.warnings]
        return "\n".join([head, *(m.words() for m in self.metrics), self.verdict, *warnings, f"next: {self.next_step}"])


class TrainModel(Job, TrainingOptions, DataOptions):
    """Train a deep-learning model of tables, molecules, formulas, images, series, sequences or texts, and say how far to trust it.

    Reads and cleans the data, splits it (by scaffold for molecules, by chemical system for formulas), trains with early
    stopping, compares with mean, ridge or logistic, and random forest on the same split, calibrates intervals, and writes
    metrics, figures, model card, report and ONNX file into a run directory. Answers at once with a run id; follow it
    with get_run. Call inspect_dataset first: it gives these arguments ready to send.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Train a model"

    model: AnyModelSpec | None = None
    """Family and its options, or the family's name alone; null chooses by modality, task and size and says why."""
    features: dict[str, JsonValue] = {}
    """Options of the features, such as `{"views": ["snv", "d2"]}` for spectra."""
    coverage: float = Field(0.9, ge=0.5, le=0.99)
    """Share of predictions whose interval or set shall hold the truth."""
    export: list[str] = ["onnx"]
    """Formats written and verified after training: `onnx`, `torchscript`, `torch_export`, `bundle`."""

    @field_validator("model", mode="before")
    @classmethod
    def _family_alone(cls, value: object) -> object:
        """Accept ``model="mlp"`` for ``model={"family": "mlp"}``, and ``"auto"`` for null."""
        if value in ("auto", ""):
            return None
        return {"family": value} if isinstance(value, str) else value

    @field_validator("export")
    @classmethod
    def _known_formats(cls, formats: list[str]) -> list[str]:
        check_formats(formats)
        return formats

    def check(self, workspace: Workspace) -> None:
        """Refuse data that are not there."""
        from scitrain.workflow.sources import check_source

        check_source(self.data, workspace)

    def part(self, options: type[S]) -> S:
        """Return the part of the request that is about data, or about training."""
        return options(**{name: getattr(self, name) for name in options.model_fields})

    def execute(self, run: Run) -> TrainResult:
        """Prepare, train, judge, export, draw, write."""
        from scitrain.data.prepare import prepare
        from scitrain.workflow.network import choose_network
        from scitrain.workflow.stages import stage

        with stage(run, "prepare", "reading and cleaning the data"):
            prepared = prepare(self.part(DataOptions), run.workspace, run)
        run.decide_all(prepared.decisions)
        network = choose_network(prepared, self.model, run, self.features)
        fitted = self._fit(prepared, network, run)
        with stage(run, "evaluate", "comparing with the simple models"):
            judged = self._judge(prepared, network, fitted, run)
        self._finish(prepared, network, fitted, judged, run)
        return self._result(prepared, network, judged, run)

    def _fit(self, prepared: "Prepared", network: "Network", run: Run) -> "Fitted":
        from scitrain.training.fit import fit
        from scitrain.training.learning import Learning
        from scitrain.workflow.augmented import show_augmentations
        from scitrain.workflow.spellings import respelled
        from scitrain.workflow.stages import stage

        rows = respelled(prepared, network, self.augment, self.seed, run)
        learning = Learning(
            task=prepared.task,
            x=rows.x,
            y=rows.y,
            train=rows.train,
            val=prepared.split["val"],
            n_outputs=prepared.n_outputs,
            model=network.model,
            shape=network.featuriser.shape(),
            options=self.part(TrainingOptions),
            seed=self.seed,
        )
        with stage(run, "train", "training"):
            fitted = fit(learning, run)
        show_augmentations(run, fitted, rows.x, rows.train, learning.shape, self.seed)
        return fitted

    def _judge(self, prepared: "Prepared", network: "Network", fitted: "Fitted", run: Run) -> "Judged":
        from scitrain.workflow.judge import BASELINE_SECONDS, Judging, judge

        seconds = BASELINE_SECONDS if self.max_minutes is None else self.max_minutes * 60 / 5
        how = Judging(self.coverage, self.seed, seconds)
        return judge(prepared, network.x, network.natural, fitted.predictor, how)

    def _finish(self, prepared: "Prepared", network: "Network", fitted: "Fitted", judged: "Judged", run: Run) -> None:
        from scitrain.workflow.finish import Finish, finish

        how = Finish(source=self.data, coverage=self.coverage, seed=self.seed, export=tuple(self.export))
        finish(run, prepared, network, fitted.predictor, judged, how)

    def _result(self, prepared: "Prepared", network: "Network", judged: "Judged", run: Run) -> TrainResult:
        from scitrain.render import limits
        from scitrain.workflow.results import headlines

        verdict = judged.evaluation.verdict
        return TrainResult(
            run_id=run.id,
            next_step=f"evaluate_model(run='{run.id}'), predict(run='{run.id}', inputs=[…]) or export_model(run='{run.id}')",
            task=prepared.task,
            modality=prepared.modality,
            targets=[target.name for target in prepared.targets],
            model=type(network.model).model_fields["family"].default,
            metrics=headlines(prepared.task, judged.evaluation),
            verdict="" if verdict is None else verdict.sentence,
            warnings=limits(run),
            decisions=run.record().decisions,
            files=run.artifacts(),
        )
