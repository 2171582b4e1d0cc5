"""Write down a network that was made smaller, judged once on the test rows, as a run that predicts like any other."""

import shutil
from dataclasses import asdict
from typing import Any

from pydantic import JsonValue

from scitrain.compressing.loss import Loss
from scitrain.compressing.measure import MANY
from scitrain.figures.compression import compression
from scitrain.figures.save import save
from scitrain.inference.files import ONNX
from scitrain.resources import cpu_count
from scitrain.runs import Run
from scitrain.training.predictor import Predictor
from scitrain.workflow.again import refitted
from scitrain.workflow.compress import Compressed, Request, Source, Tried
from scitrain.workflow.finish import Finish, finish
from scitrain.workflow.judge import Judged, Judging, judge
from scitrain.workflow.network import Network
from scitrain.workflow.simple import Asked, simple_models
from scitrain.workflow.stages import stage

__all__ = ["COMPRESSION", "write_compressed"]

COMPRESSION = "results/compression.json"
FIGURE = "figures/compression.png"


def write_compressed(source: Source, found: Compressed, asked: Request, run: Run) -> tuple[Judged, Loss | None]:
    """Judge the network that is kept, and write model, numbers, figures and pages; return what it is worth, and its loss on test rows."""
    kept = found.kept
    predictor, network = _network(source, kept)
    judged = _judged(source, predictor, kept, run)
    loss = None if kept is None else source.yardstick("test").loss(judged.said.prediction)
    told = _told(source, found, asked, loss)
    run.write_json(COMPRESSION, told)
    save(compression(told), run.path / FIGURE)
    if kept is not None and kept.variant is not None and predictor.stored == "int8":
        shutil.copyfile(kept.variant.onnx, run.file(ONNX))
        predictor.path = run.path / ONNX  # type: ignore[assignment]  # `Frozen` has one
    config = source.config
    how = Finish(config.source, config.coverage, config.seed, export=("onnx",))
    finish(run, source.prepared, network, predictor, judged, how)
    return judged, loss


def _network(source: Source, kept: Tried | None) -> tuple[Predictor, Network]:
    if kept is None or kept.variant is None:
        return source.predictor, source.network
    network = source.network
    return kept.variant.predictor, Network(kept.variant.model, network.featuriser, network.x, network.natural)


def _judged(source: Source, predictor: Predictor, kept: Tried | None, run: Run) -> Judged:
    """Calibrate on validation rows where the network was trained further; where they were trained on too, what was calibrated stays."""
    seen = refitted(source.run)
    conformal = source.config.conformal_object() if seen else None
    calibrated = seen or kept is None or kept.method != "prune"
    how = Judging(source.config.coverage, source.config.seed, calibrated=calibrated, conformal=conformal)
    with (
        stage(run, "evaluate", "comparing with the simple models"),
        simple_models(source.prepared, source.network.natural, Asked(source.config.seed, cpu_count(), seen)) as simple,
    ):
        return judge(source.prepared, source.network.x, predictor, how, simple)


def _told(source: Source, found: Compressed, asked: Request, test: Loss | None) -> dict[str, JsonValue]:
    metric = found.yardstick.metric
    split = source.prepared.split
    original: dict[str, Any] = {"bytes": found.bytes, "deflated_bytes": found.deflated, "parameters": found.parameters}
    return {
        "source_run": source.run.id,
        "kept": None if found.kept is None else found.kept.method,
        "metric": {"name": metric.name, "title": metric.title, "higher_is_better": metric.higher_is_better},
        "max_quality_loss": asked.floor,
        "loss_is": "share of the original's error" if found.yardstick.relative else "difference of the scores",
        "rows": {"val": len(split["val"]), "test": len(split["test"]), "calibration": found.calibration},
        "timing": {"through": "onnxruntime", "threads": cpu_count(), "rows_of_a_batch": MANY},
        "members": len(source.predictor.members),
        "original": original | asdict(found.speed),
        "variants": [_variant(one, found) for one in found.tried],
        "test": None if test is None else test.json(),
    }


def _variant(one: Tried, found: Compressed) -> dict[str, JsonValue]:
    told: dict[str, Any] = {"method": one.method, "kept": one.kept, "reason": one.reason or None}
    if one.variant is None or one.speed is None or one.loss is None:
        return told
    told |= {"bytes": one.bytes, "deflated_bytes": one.deflated, "parameters": one.parameters} | asdict(one.speed)
    told["size_ratio"] = one.bytes / found.bytes
    told["latency_ratio"] = one.speed.median_ms / found.speed.median_ms
    told["validation"] = one.loss.json()
    return told | {"note": one.variant.note, "details": one.variant.facts}
