"""What classification by descriptions writes: predictions, numbers, the confusion, card and report."""

import csv
import io
from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import JsonValue

from scitrain.data.prepared import Target
from scitrain.evaluation.report import Evaluation
from scitrain.figures.confusion_matrix import confusion_matrix
from scitrain.figures.panels import ClassTarget
from scitrain.figures.save import save
from scitrain.figures.words import with_interval
from scitrain.render import render_card, render_report
from scitrain.runs import Run, atomic_write
from scitrain.workflow.results import write_metrics
from scitrain.workflow.stages import stage
from scitrain.workflow.zero_shot import Chosen, Classified

__all__ = ["PREDICTIONS", "ZERO_SHOT", "write_measured", "write_predictions"]

ZERO_SHOT = "results/zero_shot.json"
PREDICTIONS = "results/zero_shot_predictions.csv"
DATA = "results/data.json"
CONFUSION = "figures/confusion_matrix.png"
OWN = ("row", "label", "labels", "confidence", "true_label", "error")
LIKELY = 0.5
"""Probability from which a label is given, where several may be."""
Row = dict[str, object]


def write_predictions(run: Run, found: Classified, chosen: Chosen, labels: Mapping[str, str], several: bool) -> None:
    """Write a row for each row, with the probability of each label, and what it was made by."""
    rows = list(_rows(found, list(labels), several))
    text = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row if name != "error"))
    writer = csv.DictWriter(text, [*names, "error"], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_write(run.file(PREDICTIONS), text.getvalue())
    content: dict[str, JsonValue] = {
        "method": chosen.method,
        "model": chosen.origin.source,
        "licence": chosen.origin.licence,
        "template": chosen.template,
        "labels": dict(labels),
        "rows": len(found.rows.rows),
        "errors": len(found.rows.errors),
        "measured": "test" if (found.rows.part != "").any() else "labelled",
        "cut": found.scored.cut,
        "temperature": found.scored.temperature,
        "temperature_from": found.scored.why,
        "calibration": None if found.temperature is None else found.temperature.values[0],
        "uncalibrated": found.uncalibrated,
        "predicted": {}
        if several
        else {
            name: int(n)
            for name, n in zip(labels, np.bincount(found.p.argmax(axis=1), minlength=len(labels)), strict=True)
        },
    }
    run.write_json(ZERO_SHOT, content)


def _rows(found: Classified, labels: list[str], several: bool) -> Iterator[Row]:
    rows = found.rows
    p = found.scored.alone if several and found.scored.alone is not None else found.p
    place = {int(i): k for k, i in enumerate(rows.good)}
    shown = {f"input_{name}" if name in OWN else name: cells for name, cells in rows.columns.items()}
    for i, number in enumerate(rows.rows):
        own = p[place[i]] if i in place else None
        yield {
            "row": int(number),
            **{name: cells[i] for name, cells in shown.items()},
            **_said(own, labels, several),
            **({"true_label": labels[rows.y[i]] if rows.y[i] >= 0 else ""} if (rows.y >= 0).any() else {}),
            **{f"probability_{name}": "" if own is None else f"{own[k]:.6g}" for k, name in enumerate(labels)},
            "error": rows.errors.get(i, ""),
        }


def _said(p: np.ndarray | None, labels: list[str], several: bool) -> Row:
    if several:
        return {
            "labels": "" if p is None else "|".join(name for name, own in zip(labels, p, strict=True) if own >= LIKELY)
        }
    if p is None:
        return {"label": "", "confidence": ""}
    return {"label": labels[int(p.argmax())], "confidence": f"{p.max():.6g}"}


def write_measured(
    run: Run, found: Classified, target: str, labels: tuple[str, ...], evaluation: Evaluation, part: str
) -> None:
    """Write the numbers and the confusion; of test rows also card and report, which tell of a model that is done."""
    rows = found.rows
    facts: dict[str, JsonValue] = {"task": "multiclass", "modality": rows.modality, "coverage": 0.95}
    write_metrics(run, facts, (Target(name=target, classes=labels),), evaluation, temperature=found.temperature)
    run.write_json(DATA, _facts(found, target, labels))
    y, parts = rows.y[rows.good], rows.part[rows.good]
    own = (y >= 0) & ((parts == part) | (parts == ""))
    row = evaluation.row("accuracy", split=part)
    score = f"{row.title} {with_interval(row)}"
    drawn = confusion_matrix(
        [ClassTarget(target, labels, y[own], found.p[own], score=score)], part if (parts == part).any() else "labelled"
    )
    save(drawn, run.file(CONFUSION))
    if part == "test":
        with stage(run, "report", "writing the report"):
            render_card(run)
            render_report(run)


def _facts(found: Classified, target: str, labels: tuple[str, ...]) -> dict[str, JsonValue]:
    rows = found.rows
    counts: dict[str, JsonValue] = {name: int((rows.y == k).sum()) for k, name in enumerate(labels)}
    known = int((rows.y >= 0).sum())
    targets: list[JsonValue] = [{"name": target, "labelled": known, "missing": len(rows.y) - known, "classes": counts}]
    reasons: dict[str, JsonValue] = {}
    for why in rows.errors.values():
        reasons[why] = int(str(reasons.get(why, 0))) + 1
    return {
        "source": rows.source,
        "modality": rows.modality,
        "task": "multiclass",
        "input_columns": list(rows.columns),
        "rows_read": len(rows.rows),
        "rows_kept": len(rows.good),
        "rows_rejected": len(rows.errors),
        "rejected": reasons,
        "targets": targets,
    }
