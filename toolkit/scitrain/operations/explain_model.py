"""Say why a trained model predicts what it predicts."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import DataError, listed
from scitrain.explaining.methods import Asked, Method, choose_method
from scitrain.runs import Run
from scitrain.spec import OfRun, Spec
from scitrain.workflow.inline import Row, table
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.inference import TrainedConfig
    from scitrain.workflow.explain import Found
    from scitrain.workflow.subject import Rows, Subject

__all__ = ["ExplainModel", "ExplainResult", "Feature"]

TOP = 10


class Feature(Spec):
    """One feature over the test rows."""

    feature: str
    value: float
    """Mean |attribution|, or the loss of the metric when the feature is shuffled."""
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    share: float
    """Of the sum over all features."""

    def words(self) -> str:
        """Return one line."""
        ends = "" if self.low is None or self.high is None else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"{self.feature}: {self.value:.3g}{ends}, {self.share:.0%}"


class ExplainResult(JobResult):
    """What matters to a model, over the test rows and in single rows."""

    source_run: str
    """The trained run."""
    method: Method
    why: str
    """Why this method."""
    value: str
    """What a value of the importance is, with its unit."""
    rows: int
    """Test rows the importance is taken from."""
    importance: list[Feature]
    """The largest; results/importance.json has more."""
    completeness: float | None
    """Relative error of the sum of attributions against f(x) − f(baseline); null where they need not add up."""
    explained: list[str]
    """Rows explained one by one, with their predictions and largest parts."""
    errors: dict[int, str]
    """Inputs that could not be explained, by number."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return none: the summary has a line a feature."""
        return {}

    def summary(self) -> str:
        """Return the top features, the rows, the completeness."""
        checked = (
            []
            if self.completeness is None
            else [f"attributions add up to the prediction within {self.completeness:.2%}"]
        )
        bad = [f"input {number}: {reason}" for number, reason in self.errors.items()]
        head = f"{self.method} ({self.why}); {self.value}, {self.rows:,} rows held out:"
        return "\n".join(
            [
                head,
                *(one.words() for one in self.importance),
                *self.explained,
                *checked,
                *bad,
                f"next: {self.next_step}",
            ]
        )


class ExplainModel(OfRun, Job):
    """Say why a trained model predicts what it predicts: for single rows, and over the test rows with intervals.

    Colours atoms, images, tokens; it tells what the model uses, not causes.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Explain a model"

    method: Asked = "auto"
    """`permutation` tells what the metric loses."""
    inputs: list[Row] | None = Field(None, min_length=1, max_length=1000)
    """As of `predict`; null: test rows."""
    rows: int = Field(6, ge=1, le=1000)
    """Test rows."""
    show: Literal["first", "uncertain", "worst"] = "first"
    """Which test rows."""
    target: str | None = None
    """Target, or class, explained; null: the first, or each row's own class."""

    @model_validator(mode="after")
    def _no_rows_to_shuffle(self) -> "ExplainModel":
        if self.inputs is not None and self.method == "permutation":
            raise ValueError("permutation tells nothing of single inputs: leave inputs out, or take another method")
        return self

    def check(self, workspace: Workspace) -> None:
        """Refuse a run without a model, a method that does not fit, unknown columns and targets."""
        from scitrain.inference import read_config

        self._settle(read_config(Run.open(self.of, workspace)))

    def _settle(self, config: "TrainedConfig") -> tuple[Method, str]:
        from scitrain.workflow.outputs import output_named

        if self.inputs is not None:
            table(self.inputs, config.input_columns)
        output_named(config, self.target)
        return choose_method(self.method, config.shape.kind, config.shape.shape, "amounts" in config.shape.blocks)

    def execute(self, run: Run) -> ExplainResult:
        """Load, attribute or shuffle, draw, write."""
        from scitrain.workflow.explain import explain_rows, shuffle
        from scitrain.workflow.subject import subject_of

        source = Run.open(self.of, run.workspace)
        subject = subject_of(source, run, self.target)
        method, why = self._settle(subject.config)
        run.decide("method", method, why)
        if method == "permutation":
            return self._result(run, (method, why), shuffle(subject, run), {})
        rows = self._rows(subject)
        return self._result(run, (method, why), explain_rows(subject, method, rows, run), rows.errors)

    def _rows(self, subject: "Subject") -> "Rows":
        if self.inputs is None:
            return subject.test_rows(self.rows, self.show)
        rows = subject.given(table(self.inputs, subject.config.input_columns))
        if not rows.numbers:
            said = listed((f"{number}: {reason}" for number, reason in rows.errors.items()), 3)
            raise DataError(f"none of the {len(self.inputs)} inputs can be read; {said}")
        return rows

    def _result(self, run: Run, how: tuple[Method, str], found: "Found", errors: dict[int, str]) -> ExplainResult:
        features = [
            Feature(feature=one.feature, value=one.value, low=one.low, high=one.high, share=one.share)
            for one in found.importance[:TOP]
        ]
        return ExplainResult(
            next_step=self._next(how[0]),
            source_run=self.of,
            method=how[0],
            why=how[1],
            value=found.axis,
            rows=found.rows,
            importance=features,
            completeness=found.completeness,
            explained=[_told(*pair) for pair in zip(found.titles, (read.parts for read in found.reads), strict=True)][
                :TOP
            ],
            errors=errors,
            files=run.artifacts(),
        )

    def _next(self, method: Method) -> str:
        if method == "permutation":
            return f"explain_model(run={self.of!r}, show='worst') explains the worst test rows one by one"
        return "look at figures/explanations.png and figures/importance.png; results/explanations.csv has every row and feature"


def _told(title: str, parts: dict[str, float]) -> str:
    top = sorted(parts, key=lambda name: -abs(parts[name]))[:3]
    return f"{title} – {listed(f'{name} {parts[name]:+.3g}' for name in top)}"
