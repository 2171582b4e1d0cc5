"""Judge a trained model again: on its own test split, or on new labelled data."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, JsonValue

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.spec import OfRun
from scitrain.workflow.headline import Headline, metric_table
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from scitrain.data.prepared import Prepared
    from scitrain.evaluation.report import Evaluation
    from scitrain.inference import TrainedConfig
    from scitrain.workflow.judge import Judged

__all__ = ["EvaluateModel", "EvaluateResult"]


class EvaluateResult(JobResult):
    """How good a model is on some rows."""

    source: str
    """Data it was judged on."""
    rows: int
    """Rows with a label and a prediction."""
    metrics: list[Headline]
    """Test metrics with 95 % intervals, the most telling first."""
    verdict: str
    """Comparison with the best simple model; empty on new data, for which none was trained."""
    coverage_asked: float
    """Share of intervals or sets that shall hold the truth; the measured share is among the metrics."""
    outside: int
    """Rows outside the training domain."""
    rejected: int = 0
    """Rows of new data that could not be predicted."""
    uncertainty: list[str] = []
    """Ways to say how sure the model is, its own first; results/uncertainty.json has all."""
    warnings: list[str]
    """What to keep in mind before trusting the model."""
    files: list[str]
    """Artifacts, below the run directory."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return the metrics beside those of the simple models."""
        return {"how good it is": metric_table(self.metrics)}

    def summary(self) -> str:
        """Return the numbers and what to keep in mind."""
        head = (
            f"{self.run_id}: judged on {self.source}, {self.rows:,} rows ({self.outside:,} outside the training domain)"
        )
        notes = [f"note: {warning}" for warning in self.warnings]
        return "\n".join(
            filter(None, [head, *(m.words() for m in self.metrics), self.verdict, *self.uncertainty, *notes])
        )


class EvaluateModel(OfRun, Job):
    """Judge a trained model: metrics with intervals, baselines, calibration, coverage, domain, and figures.

    Without `data` on the test split of its own training, baselines included, and beside each other the ways to say how sure
    the model is; with `data` on new labelled rows, which is the harder and better question.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Evaluate a model"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset({"mc_dropout"})

    data: str | None = None
    """Labelled file with the columns of the training data; null takes the test split the model has never seen."""
    coverage: float | None = Field(None, ge=0.5, le=0.99)
    """Share of intervals or sets that shall hold the truth (own test split only); null keeps the trained one."""
    mc_dropout: int = Field(30, ge=0, le=1000)
    """Passes with dropout on, one of the ways to say how sure it is that are compared; 0: none."""

    def check(self, workspace: Workspace) -> None:
        """Refuse a run without a model, and data that are not there."""
        from scitrain.inference import read_config
        from scitrain.workflow.sources import check_source

        source = Run.open(self.of, workspace)
        config = read_config(source)
        if self.coverage not in (None, config.coverage):
            self._refuse_coverage(source, config)
        if self.data is not None:
            check_source(self.data, workspace)

    def _refuse_coverage(self, source: Run, config: "TrainedConfig") -> None:
        from scitrain.workflow.again import refitted
        from scitrain.workflow.folds import trained_folds

        if folds := trained_folds(source):
            raise ScitrainError(
                f"{source.id} was cross-validated: the intervals of its rows are those of its folds, calibrated for coverage="
                f"{config.coverage:g}; leave coverage out, or judge one fold, such as run={folds[0].trained.id!r}"
            )
        if refitted(source):
            raise ScitrainError(
                f"{source.id} was trained on its validation rows too (refit=true): none are left to calibrate coverage="
                f"{self.coverage:g}; leave coverage out (it is {config.coverage:g}), or train without refit"
            )

    def execute(self, run: Run) -> EvaluateResult:
        """Predict, measure, draw."""
        from scitrain.inference import read_config

        source = Run.open(self.of, run.workspace)
        config = read_config(source)
        if self.data is not None:
            return self._new_data(run, source, config)
        return self._folds(run, source, config) or self._own_test(run, source, config)

    def _folds(self, run: Run, source: Run, config: "TrainedConfig") -> EvaluateResult | None:
        """Judge the pooled rows of a cross-validation again; None where ``source`` is none."""
        from scitrain.inference import load_domain
        from scitrain.workflow.again import prepared_again
        from scitrain.workflow.folds import trained_folds
        from scitrain.workflow.judge import Judging
        from scitrain.workflow.pool import pool_folds, write_folds

        runs = trained_folds(source)
        if not runs:
            return None
        how, trust = Judging(config.coverage, config.seed), (config.conformal_object(), load_domain(source))
        pooled = pool_folds(prepared_again(source, run), runs, how, trust, config.tells_spread)
        write_folds(run, pooled)
        told = f"the out-of-fold rows of {config.source}"
        return self._written(run, config, pooled.prepared, pooled.judged, told)

    def _own_test(self, run: Run, source: Run, config: "TrainedConfig") -> EvaluateResult:
        from scitrain.inference import load_predictor
        from scitrain.resources import cpu_count
        from scitrain.workflow.again import prepared_again, refitted
        from scitrain.workflow.judge import Judging, judge
        from scitrain.workflow.simple import Asked, simple_models
        from scitrain.workflow.stages import stage

        prepared = prepared_again(source, run)
        x, natural = _arrays(prepared, config, run)
        seen = refitted(source)
        kept = config.conformal_object() if seen else None
        how = Judging(self.coverage or config.coverage, config.seed, calibrated=True, conformal=kept)
        with (
            stage(run, "evaluate", "comparing with the simple models"),
            simple_models(prepared, natural, Asked(config.seed, cpu_count(), seen)) as simple,
        ):
            judged = judge(prepared, x, load_predictor(source), how, simple)
        told = self._uncertainty(run, source, prepared, x)
        found = self._written(run, config, prepared, judged, f"the test split of {config.source}")
        return found.model_copy(update={"uncertainty": told})

    def _written(
        self, run: Run, config: "TrainedConfig", prepared: "Prepared", judged: "Judged", source: str
    ) -> EvaluateResult:
        """Write the numbers and predictions of the test rows."""
        from scitrain.workflow.finish import write_test_predictions
        from scitrain.workflow.results import write_data, write_metrics

        coverage = self.coverage or config.coverage
        facts: dict[str, JsonValue] = {"task": prepared.task, "modality": prepared.modality, "coverage": coverage}
        write_metrics(run, facts, prepared.targets, judged.evaluation, judged.baselines)
        write_data(run, prepared)
        write_test_predictions(run, prepared, config, judged)
        counts = (len(prepared.split["test"]), judged.outside, 0)
        return self._result(run, config, judged.evaluation, counts, source)

    def _uncertainty(self, run: Run, source: Run, prepared: "Prepared", x: "np.ndarray") -> list[str]:
        """Compare the ways to say how sure the model is, unless it has seen the rows that would calibrate them."""
        from scitrain.evaluation.problem import Problem
        from scitrain.inference import load_predictor, read_config
        from scitrain.workflow.again import refitted
        from scitrain.workflow.ways import uncertainty, words

        if refitted(source):
            return ["uncertainty: not compared, for the model was trained on its validation rows too (refit=true)"]
        config = read_config(source)
        if config.weights == "int8":
            return [
                "uncertainty: not compared, for an int8 network is its file, which shows neither members nor dropout"
            ]
        if config.task == "mixed":
            return ["uncertainty: ways are compared for numbers or for classes, and not for both together"]
        problem = Problem(prepared.task, prepared.targets, self.coverage or config.coverage, seed=config.seed)
        return words(uncertainty(run, prepared, x, load_predictor(source), problem, self.mc_dropout))

    def _new_data(self, run: Run, source: Run, config: "TrainedConfig") -> EvaluateResult:
        import numpy as np

        from scitrain.data.columns import take
        from scitrain.data.long import reread
        from scitrain.data.read import read
        from scitrain.errors import DataError
        from scitrain.inference import load_model, write_predictions
        from scitrain.workflow.judge import judge_new
        from scitrain.workflow.labels import known_labels
        from scitrain.workflow.results import write_metrics

        table = read(str(self.data), run.workspace)
        table = table if config.series is None else reread(config.series, table)
        y = known_labels(table, config.targets, config.task)
        run.progress("predict", 0, len(table.rows), f"{len(table.rows):,} rows")
        found = load_model(source).predict(table.columns)
        labelled = np.isfinite(y).reshape(len(y), -1).any(axis=1)
        labelled[list(found.errors)] = False
        if not labelled.any():
            raise DataError(
                f"{self.data}: no row has both a label and a prediction; row errors: {list(found.errors.values())[:3]}"
            )
        evaluation = judge_new(config, y, found, labelled)
        facts: dict[str, JsonValue] = {"task": config.task, "modality": config.modality, "coverage": config.coverage}
        write_metrics(run, facts, config.targets, evaluation)
        columns = take(table.columns, np.arange(len(y)))
        inputs = {name: columns[name] for name in config.input_columns}
        write_predictions(run.file("results/predictions.csv"), config, inputs, table.rows, found, y)
        outside = 0 if found.inside is None else int((~found.inside[labelled]).sum())
        counts = (int(labelled.sum()), outside, len(found.errors))
        return self._result(run, config, evaluation, counts, str(self.data))

    def _result(
        self, run: Run, config: "TrainedConfig", evaluation: "Evaluation", counts: tuple[int, int, int], source: str
    ) -> EvaluateResult:
        from scitrain.figures.draw import draw_all
        from scitrain.workflow.results import headlines
        from scitrain.workflow.stages import stage

        with stage(run, "report", "drawing figures"):
            draw_all(run)
        verdict = evaluation.verdict
        return EvaluateResult(
            run_id=run.id,
            next_step=f"predict(run='{self.of}', inputs=[…]) or export_model(run='{self.of}')",
            source=source,
            rows=counts[0],
            metrics=headlines(config.task, evaluation),
            verdict="" if verdict is None else verdict.sentence,
            coverage_asked=config.coverage if self.coverage is None else self.coverage,
            outside=counts[1],
            rejected=counts[2],
            warnings=_warnings(evaluation, counts),
            files=run.artifacts(),
        )


def _arrays(prepared: "Prepared", config: "TrainedConfig", run: Run) -> "tuple[np.ndarray, np.ndarray]":
    from scitrain.workflow.network import natural_features, represented

    featuriser = config.featuriser_object()
    x = represented(prepared, featuriser, run)
    return x, natural_features(prepared, featuriser, x, run)


def _warnings(evaluation: "Evaluation", counts: tuple[int, int, int]) -> list[str]:
    """Return what the numbers themselves say against trusting the model."""
    rows, outside, rejected = counts
    found = [f"{outside:,} of {rows:,} rows lie outside the training domain"] if outside > 0.1 * rows else []
    found += [f"{rejected:,} rows could not be predicted; results/predictions.csv says why"] if rejected else []
    for row in evaluation.metrics:
        conformal = evaluation.conformal
        if row.name == "coverage" and conformal is not None and row.high is not None and row.high < conformal.coverage:
            of = f" of {row.target}" if row.target else ""
            found.append(
                f"intervals{of} hold the truth in {row.value:.0%} of cases, {conformal.coverage:.0%} was asked"
            )
    return found
