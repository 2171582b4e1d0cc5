"""The documented files of a judged run: metrics, data, predictions."""

from collections.abc import Sequence

from pydantic import JsonValue

from scitrain.data.prepared import Prepared, Target
from scitrain.evaluation.calibration import Temperature
from scitrain.evaluation.report import Evaluation, MetricRow
from scitrain.runs import Run
from scitrain.workflow.headline import Headline
from scitrain.workflow.simple import SimpleModel

__all__ = ["headlines", "headlines_of", "write_data", "write_metrics"]

METRICS = "results/metrics.json"
DATA = "results/data.json"
MOST_TARGETS = 4
"""Targets that are said one by one where they have no mean; metrics.json has all."""

SHOWN = {
    "regression": ("rmse", "mae", "r2", "spearman", "coverage"),
    "binary": ("auroc", "auprc", "balanced_accuracy", "mcc", "ece", "coverage"),
    "multilabel": ("auroc", "auprc", "balanced_accuracy", "ece", "coverage"),
    "multiclass": ("balanced_accuracy", "accuracy", "f1_macro", "log_loss", "coverage"),
    "mixed": ("skill", "rmse", "auroc", "coverage"),
}


def headlines(task: str, evaluation: Evaluation) -> list[Headline]:
    """Return the few test metrics that are said first: of the only target, or their mean over several.

    Where there is no mean, as of errors in different units, the first targets are said one by one.
    """
    rows = [row for row in evaluation.metrics if row.split == "test"]
    named = [[row for row in rows if row.name == name] for name in SHOWN[task]]
    return [_headline(row) for found in named if found for row in _telling(found)]


def headlines_of(evaluation: Evaluation, split: str = "test") -> list[Headline]:
    """Return every metric of a split as it is told first."""
    return [_headline(row) for row in evaluation.metrics if row.split == split]


def _telling(found: Sequence[MetricRow]) -> Sequence[MetricRow]:
    """Return the mean over the targets, else the targets themselves; of one target alone that has labels there is no mean."""
    mean = next((row for row in found if row.target is None), None)
    single = [row for row in found if row.target is not None and row.value is not None]
    if mean is not None and mean.value is not None and len(single) != 1:
        return [mean]
    return single[:MOST_TARGETS] or found[:1]


def _headline(row: MetricRow) -> Headline:
    shared = {name: getattr(row, name) for name in Headline.model_fields if name != "baselines"}
    return Headline(**shared, baselines={name: found.value for name, found in row.baselines.items()})


def write_metrics(
    run: Run,
    facts: dict[str, JsonValue],
    targets: tuple[Target, ...],
    evaluation: Evaluation,
    baselines: tuple[SimpleModel, ...] = (),
    temperature: Temperature | None = None,
) -> None:
    """Write ``results/metrics.json``; ``facts`` are task, modality and coverage."""
    run.write_json(
        METRICS,
        {
            "run_id": run.id,
            **facts,
            "targets": [target.model_dump(mode="json") for target in targets],
            **evaluation.model_dump(mode="json"),
            "baselines": [{"name": baseline.name, "note": baseline.note} for baseline in baselines],
            "temperature": None if temperature is None else temperature.model_dump(mode="json"),
        },
    )


def write_data(run: Run, prepared: Prepared) -> None:
    """Write ``results/data.json``: where the rows came from, how many were kept, how they were divided."""
    run.write_json(DATA, prepared.report)
