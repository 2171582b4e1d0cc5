"""Everything that is said about a trained model's quality, from predictions alone."""

from scitrain.evaluation.conformal import Conformal, ConformalMixed, fit_conformal, fit_quantiles
from scitrain.evaluation.metrics import Metric
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.rows import MODEL, BaselineValue, MetricRow, metric_rows, score_all
from scitrain.evaluation.scoring import Scores
from scitrain.evaluation.trust import Calibration, DomainSummary, calibration_curves, coverage_rows, domain_summary
from scitrain.evaluation.verdict import Verdict, best_on_validation, judge
from scitrain.spec import Spec

__all__ = [
    "BaselineValue",
    "Calibration",
    "DomainSummary",
    "Evaluation",
    "MetricRow",
    "Predicted",
    "Problem",
    "calibrated",
    "evaluate",
    "verdict_of",
]


class Evaluation(Spec):
    """All that is known of a model's quality; ``model_dump(mode="json")`` is finite JSON."""

    metrics: tuple[MetricRow, ...]
    """Rows of the test split, then of validation."""
    primary: str
    """Metric that decides."""
    verdict: Verdict | None
    """None where there are no baselines, or no validation rows to choose among them."""
    calibration: tuple[Calibration, ...]
    conformal: Conformal | None
    """None where there were no validation rows to calibrate on."""
    domain: DomainSummary | None

    def row(self, name: str, target: str | None = None, split: str = "test") -> MetricRow:
        """Return one row; with ``target`` None that of the only target, or the mean over several."""
        found = [row for row in self.metrics if row.name == name and row.split == split]
        return next((row for row in found if row.target == target), found[0])


def evaluate(
    problem: Problem, test: Predicted, val: Predicted | None = None, conformal: Conformal | None = None
) -> Evaluation:
    """Judge a model: metrics with intervals, baselines with paired differences, verdict, calibration, coverage, domain.

    Everything that is chosen or calibrated (best baseline, conformal quantiles) comes from ``val``;
    ``test`` is only measured.

    Args:
        problem: What is predicted, and how it is judged.
        test: Rows that nothing was chosen by.
        val: Validation rows; None where a stored ``conformal`` is judged on new data.
        conformal: Calibrated earlier; None calibrates on ``val``.

    Raises:
        DataError: Shapes do not belong together, a prediction is not finite, or a split has no rows.
    """
    if conformal is None and val is not None:
        conformal = calibrated(problem, val)
    if problem.task == "mixed":
        return _evaluate_mixed(problem, test, val, conformal)
    on_test, on_val = score_all(problem, test), None if val is None else score_all(problem, val)
    rows = metric_rows(problem, on_test, "test")
    if conformal is not None:
        rows += coverage_rows(problem, test, conformal)
    return Evaluation(
        metrics=tuple(rows + ([] if on_val is None else metric_rows(problem, on_val, "val"))),
        primary=problem.primary.name,
        verdict=None if on_val is None else verdict_of(problem, on_test, on_val),
        calibration=calibration_curves(problem, test, val, conformal),
        conformal=conformal,
        domain=None if test.inside is None else domain_summary(problem, test, test.inside),
    )


def _evaluate_mixed(
    problem: Problem, test: Predicted, val: Predicted | None, conformal: Conformal | None
) -> Evaluation:
    """Judge each target by the metrics of its own task, and all of them by the mean skill, which numbers and classes have in common."""
    own = conformal.parts if isinstance(conformal, ConformalMixed) else (None,) * len(problem.targets)
    each = [
        evaluate(part, test.part(slot, i), None if val is None else val.part(slot, i), own[i])
        for i, (part, slot) in enumerate(problem.parts())
    ]
    on_test, on_val = score_all(problem, test), None if val is None else score_all(problem, val)
    of_all = metric_rows(problem, on_test, "test") + ([] if on_val is None else metric_rows(problem, on_val, "val"))
    return Evaluation(
        metrics=(*of_all, *(row for one in each for row in one.metrics)),
        primary=problem.primary.name,
        verdict=None if on_val is None else verdict_of(problem, on_test, on_val),
        calibration=tuple(curve for one in each for curve in one.calibration),
        conformal=conformal,
        domain=None if test.inside is None else domain_summary(problem, test, test.inside),
    )


def calibrated(problem: Problem, val: Predicted) -> Conformal:
    """Return intervals or sets calibrated on validation rows."""
    if problem.task == "mixed":
        parts = [calibrated(part, val.part(slot, i)) for i, (part, slot) in enumerate(problem.parts())]
        slots = tuple(slot for _, slot in problem.parts())
        return ConformalMixed(coverage=problem.coverage, slots=slots, parts=tuple(parts))
    if val.ends is not None:
        return fit_quantiles(val.y, val.prediction, val.ends, problem.coverage)
    return fit_conformal(problem.task, val.y, val.prediction, val.spread, problem.coverage, val.floor)


def verdict_of(
    problem: Problem, on_test: dict[str, Scores], on_val: dict[str, Scores], by: str = "validation"
) -> Verdict | None:
    """Compare with the baseline that was best on validation; None where there are no baselines.

    Args:
        problem: What is judged.
        on_test: Scores by name, the network's among them.
        on_val: The same of the rows that choose among the baselines.
        by: What those rows are called.
    """
    baselines = {name: scores for name, scores in on_val.items() if name != MODEL}
    if not baselines:
        return None
    metric = problem.primary
    chosen = best_on_validation(metric, baselines, problem.task)
    return judge(metric, chosen, on_test[MODEL], on_test[chosen], _unit(problem, metric), by)


def _unit(problem: Problem, metric: Metric) -> str | None:
    return metric.unit(problem.unit(None, metric.power)) if problem.one_unit else None
