"""Write down a trained and judged network: weights, numbers, predictions, exports, figures, pages."""

from dataclasses import dataclass

from pydantic import JsonValue

from scitrain.data.columns import take
from scitrain.data.prepared import Prepared
from scitrain.exporters import export_files
from scitrain.figures.draw import draw_all
from scitrain.inference.config import ShapeConfig, TrainedConfig
from scitrain.inference.files import save_model
from scitrain.inference.tables import write_predictions
from scitrain.render import render_card, render_report, render_train_script
from scitrain.runs import Run
from scitrain.training.architecture import ensemble_architecture
from scitrain.training.floors import floors_told
from scitrain.training.predictor import Predictor
from scitrain.workflow.judge import Judged
from scitrain.workflow.network import Network
from scitrain.workflow.results import write_data, write_metrics
from scitrain.workflow.stages import stage

__all__ = ["Finish", "finish", "write_test_predictions"]

PREDICTIONS = "results/predictions.csv"
ARCHITECTURE = "results/architecture.json"


@dataclass(frozen=True)
class Finish:
    """What the request says about what is written."""

    source: str
    """Name of the data as it was given."""
    coverage: float
    seed: int
    export: tuple[str, ...] = ()
    """Formats written and verified."""


def finish(run: Run, prepared: Prepared, network: Network, predictor: Predictor, judged: Judged, how: Finish) -> None:
    """Write every artifact of a supervised run, the model first."""
    config = _config(prepared, network, predictor, judged, how)
    save_model(run, predictor, config, judged.domain)
    facts: dict[str, JsonValue] = {"task": prepared.task, "modality": prepared.modality, "coverage": how.coverage}
    write_metrics(run, facts, prepared.targets, judged.evaluation, judged.baselines, judged.temperature)
    write_data(run, prepared)
    run.write_json(ARCHITECTURE, ensemble_architecture(predictor).model_dump(mode="json"))
    write_test_predictions(run, prepared, config, judged)
    with stage(run, "report", "drawing figures"):
        draw_all(run)
        render_card(run)  # before the export: a bundle takes its card along
    if how.export:
        with stage(run, "export", f"exporting and verifying {', '.join(how.export)}"):
            export_files(run, run, how.export, rows=network.x[prepared.split["test"]][:256])
    with stage(run, "report", "writing the report"):
        render_card(run)  # again: it tells of the exports
        render_report(run)
        render_train_script(run)


def _config(prepared: Prepared, network: Network, predictor: Predictor, judged: Judged, how: Finish) -> TrainedConfig:
    conformal = judged.evaluation.conformal
    return TrainedConfig(
        task=prepared.task,
        targets=prepared.targets,
        modality=prepared.modality,
        input_columns=tuple(prepared.columns),
        series=prepared.report.get("series"),  # JSON of a `SeriesLayout`
        featuriser=network.featuriser.model_dump(mode="json"),
        model=network.model.model_dump(mode="json"),
        members=len(predictor.members),
        head=predictor.head.kind,
        floors=floors_told(predictor.head.floors),
        weights=predictor.stored,
        shape=ShapeConfig.of(network.featuriser.shape()),
        inner=ShapeConfig.of(predictor.inner),
        coverage=how.coverage,
        conformal=None if conformal is None else conformal.model_dump(mode="json"),
        domain_threshold=None if judged.domain is None else judged.domain.threshold,
        seed=how.seed,
        source=how.source,
    )


def write_test_predictions(run: Run, prepared: Prepared, config: TrainedConfig, judged: Judged) -> None:
    """Write ``results/predictions.csv``: every test row with its label, prediction and interval."""
    rows = prepared.split["test"]
    columns = take(prepared.columns, rows)
    write_predictions(run.file(PREDICTIONS), config, columns, prepared.rows[rows], judged.said, prepared.y[rows])
