import json
from collections.abc import Callable

import pytest

from scitrain.figures._read import read_artifacts
from scitrain.figures.draw import draw_all
from scitrain.runs import Run
from scitrain.workspace import Workspace

Made = Callable[[str], Run]
CURVE = "figures/dl_learning_curve.png"
OF_NUMBERS = [CURVE, "figures/parity.png", "figures/residuals.png", "figures/calibration.png", "figures/baselines.png"]
OF_CLASSES = [
    CURVE,
    "figures/confusion_matrix.png",
    "figures/roc_pr.png",
    "figures/calibration.png",
    "figures/baselines.png",
]


@pytest.mark.parametrize(
    ("kind", "names"), [("regression", OF_NUMBERS), ("binary", OF_CLASSES), ("multiclass", OF_CLASSES)]
)
def test_a_run_gets_the_figures_of_its_task(made: Made, kind: str, names: list[str]) -> None:
    run = made(kind)
    assert draw_all(run) == names
    assert all((run.path / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_a_run_of_several_targets_is_drawn(made: Made) -> None:
    assert draw_all(made("multilabel")) == OF_CLASSES


def test_a_run_without_artifacts_has_no_figures(tmp_path: object) -> None:
    run = Run.create("train_model", {}, Workspace(tmp_path))  # type: ignore[arg-type]  # pytest's path
    assert draw_all(run) == []


def test_an_evaluated_run_without_a_training_log_has_no_learning_curve(made: Made, tmp_path: object) -> None:
    source, run = made("binary"), Run.create("evaluate_model", {}, Workspace(tmp_path))  # type: ignore[arg-type]
    for name in ("results/metrics.json", "results/predictions.csv"):
        run.file(name).write_bytes((source.path / name).read_bytes())
    assert draw_all(run) == OF_CLASSES[1:]


def test_predictions_are_read_back_as_they_were_judged(made: Made) -> None:
    for kind, metric in (("regression", "mae"), ("binary", "accuracy"), ("multiclass", "accuracy")):
        found = read_artifacts(made(kind))
        value = found.evaluation.row(metric).value
        if kind == "regression":
            target = found.numeric()[0]
            measured = abs(target.y - target.prediction).mean()
        else:
            classes = found.classed()[0]
            measured = (classes.y == classes.predicted).mean()
        assert measured == pytest.approx(value, rel=1e-4)


def test_rows_with_an_error_are_left_out_of_the_figures(made: Made) -> None:
    run = made("regression")
    path = run.path / "results/predictions.csv"
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    at = lines[0].replace('"', "").split(",").index("logSolubility_predicted")
    cells[at] = ""
    try:
        path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
        assert len(read_artifacts(run).numeric()[0].y) == 79
    finally:
        path.write_text("\n".join(lines))


def test_metrics_json_of_a_run_is_finite(made: Made) -> None:
    json.dumps(made("multilabel").read_json("results/metrics.json"), allow_nan=False)
