"""What few-shot learning writes: numbers, predictions, the embedding, card and report."""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import JsonValue

from scitrain.data.prepared import Target
from scitrain.evaluation.report import Evaluation
from scitrain.fewshot.measuring import Measured
from scitrain.fewshot.plane import flatten
from scitrain.fewshot.prototypes import Array, centres
from scitrain.figures.comparison import Compared, comparison
from scitrain.figures.embedding import MOST_CLASSES, Points, embedding
from scitrain.figures.save import save
from scitrain.figures.words import count, joined
from scitrain.render import render_card, render_report
from scitrain.runs import Run, atomic_write
from scitrain.workflow.few_shot import Asked, Material, Plan
from scitrain.workflow.few_shot_rows import Classified, Support
from scitrain.workflow.results import write_metrics
from scitrain.workflow.stages import stage

__all__ = ["FEW_SHOT", "PREDICTIONS", "write_classified", "write_measured"]

FEW_SHOT = "results/few_shot.json"
PREDICTIONS = "results/few_shot_predictions.csv"
DATA = "results/data.json"
EMBEDDING = "figures/embedding.png"
BASELINES = "figures/baselines.png"
TOLD_EPISODES = 20
"""Episodes whose every query stands in the table."""
DRAWN = 600
"""Points in the embedding."""


def write_measured(
    run: Run, material: Material, plan: Plan, asked: Asked, found: Measured, evaluation: Evaluation
) -> None:
    """Write the files of an evaluation over episodes."""
    _write_table(run, _queries(material, found), material)
    drawing = plan.drawing
    facts: dict[str, JsonValue] = {
        "mode": "episodes",
        "way": drawing.way,
        "shot": drawing.shots,
        "queries": drawing.queries,
        "episodes": len(found.episodes),
        "by_class": _by_class(material, found),
        "temperature": _quartiles(found.temperatures),
        "share_in_domain": None if found.inside is None else float(found.inside.mean()),
    }
    _write(run, material, asked, facts, evaluation)
    first = found.episodes[0]
    rows = [np.concatenate([s, q]) for s, q in zip(first.support, first.queries, strict=True)]
    names = [material.names()[k] for k in first.classes]
    prototypes = centres([material.spaces.x[s] for s in first.support], material.spaces.distance)
    points = np.concatenate([material.spaces.x[r] for r in rows])
    owner = np.arange(len(rows)).repeat([len(r) for r in rows])
    told = f"support and queries of the first episode, {drawing.way}-way {drawing.shots}-shot"
    _draw(run, material, asked, names, (points, owner, np.zeros(len(points), dtype=bool), prototypes), told)
    _pages(run, evaluation, f"{len(found.episodes):,} episodes, {drawing.way}-way {drawing.shots}-shot")


def _by_class(material: Material, found: Measured) -> dict[str, JsonValue]:
    """Return the share of right answers to the queries of each class."""
    names = material.names()
    classes = np.stack([one.classes for one in found.episodes])
    asked = np.take_along_axis(classes, found.answers, axis=1).ravel()
    right = (found.distances.argmin(axis=2) == found.answers).ravel()
    n, good = np.bincount(asked, minlength=len(names)), np.bincount(asked, right, minlength=len(names))
    return {
        name: {"accuracy": float(good[k] / n[k]) if n[k] else None, "queries": int(n[k])}
        for k, name in enumerate(names)
    }


def write_classified(
    run: Run, material: Material, asked: Asked, support: Support, found: Classified, evaluation: Evaluation
) -> None:
    """Write the files of new rows classified by a support table."""
    _write_table(run, _new_rows(material, found), material)
    said = _said(found)
    facts: dict[str, JsonValue] = {
        "mode": "predict",
        "way": len(material.told),
        "shot": {name: len(rows) for name, rows in zip(material.names(), support.rows, strict=True)},
        "predicted": {name: int((said == k).sum()) for k, name in enumerate(material.names())},
        "rows": len(said),
        "errors": len(found.errors),
        "outside_domain": None if found.inside is None else int((~found.inside & (said >= 0)).sum()),
        "temperature": support.temperature,
    }
    _write(run, material, asked, facts, evaluation)
    good = np.flatnonzero(said >= 0)
    points = np.concatenate([material.spaces.x[np.concatenate(support.rows)], found.points[good]])
    owner = np.concatenate([np.arange(len(support.rows)).repeat([len(r) for r in support.rows]), said[good]])
    new = np.arange(len(points)) >= len(points) - len(good)
    _draw(
        run, material, asked, list(material.names()), (points, owner, new, support.prototypes), "support and new rows"
    )
    _pages(run, evaluation, "support rows, each told by prototypes made without it")


def _said(found: Classified) -> np.ndarray:
    """Return the class (n,) said of each row, −1 for a row with an error."""
    good = np.isfinite(found.distances).all(axis=1)
    return np.where(good, np.where(np.isfinite(found.distances), found.distances, np.inf).argmin(axis=1), -1)


def _quartiles(values: Array) -> list[JsonValue] | None:
    known = values[np.isfinite(values)]
    return [float(v) for v in np.quantile(known, (0.25, 0.5, 0.75))] if len(known) else None


Row = dict[str, object]


def _queries(material: Material, found: Measured) -> Iterator[Row]:
    names = material.names()
    for i, one in enumerate(found.episodes[:TOLD_EPISODES]):
        for j, row in enumerate(one.queries.ravel()):
            said = int(found.distances[i, j].argmin())
            confidence = None if found.p is None else found.p[i, j, said]
            yield {
                "episode": i + 1,
                "row": int(material.examples.rows[row]),
                "true_label": names[one.classes[found.answers[i, j]]],
                "label": names[one.classes[said]],
                "confidence": _short(confidence),
                "in_domain": "" if found.inside is None else bool(found.inside[i, j]),
                **{f"distance_{names[k]}": _short(d) for k, d in zip(one.classes, found.distances[i, j], strict=True)},
            }


def _new_rows(material: Material, found: Classified) -> Iterator[Row]:
    names, said = material.names(), _said(found)
    shown = {
        f"input_{name}" if name in ("row", "label", "confidence", "in_domain", "error") else name: cells
        for name, cells in found.columns.items()
    }
    for i, k in enumerate(said):
        good = k >= 0
        yield {
            "row": int(found.rows[i]),
            **({name: cells[i] for name, cells in shown.items()} if len(shown) == 1 else {}),
            "label": names[k] if good else "",
            "confidence": _short(found.p[i, k]) if good and found.p is not None else "",
            "in_domain": bool(found.inside[i]) if good and found.inside is not None else "",
            **{f"distance_{name}": _short(found.distances[i, c]) if good else "" for c, name in enumerate(names)},
            "error": found.errors.get(i, ""),
        }


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _write_table(run: Run, rows: Iterator[Row], material: Material) -> None:
    content = list(rows)
    named = [f"distance_{name}" for name in material.names()]
    columns = list(dict.fromkeys(name for row in content for name in row))
    ordered = [name for name in columns if name not in named] + [name for name in named if name in columns]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ordered, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(content)
    atomic_write(run.file(PREDICTIONS), text.getvalue())


def _write(run: Run, material: Material, asked: Asked, facts: dict[str, JsonValue], evaluation: Evaluation) -> None:
    examples = material.examples
    taught = material.taught
    history: list[JsonValue] = (
        []
        if taught is None
        else [
            {"episode": c.episode, "train_loss": c.train_loss, "val_accuracy": c.val_accuracy} for c in taught.history
        ]
    )
    content: dict[str, JsonValue] = {
        **facts,
        "encoder": material.encoder.words,
        "licence": material.encoder.licence,
        "distance": asked.distance,
        "select": asked.select,
        "classes": list(material.names()),
        "base_classes": [examples.classes[k] for k in material.base],
        "width": material.spaces.x.shape[1],
        "training": None if taught is None else {"what": asked.train, "best_episode": taught.best, "history": history},
    }
    run.write_json(FEW_SHOT, content)
    told: dict[str, JsonValue] = {"task": "multiclass", "modality": examples.modality, "coverage": 0.95}
    write_metrics(run, told, (Target(name=examples.target, classes=material.names()),), evaluation)
    run.write_json(DATA, examples.facts())


Drawn = tuple[Array, np.ndarray, np.ndarray, Array]
"""Points, their classes, which of them are new, prototypes."""


def _draw(run: Run, material: Material, asked: Asked, names: Sequence[str], drawn: Drawn, told: str) -> None:
    with stage(run, "report", "drawing figures"):
        points, owner, new, prototypes = drawn
        shown = np.flatnonzero(owner < MOST_CLASSES)
        if len(shown) > DRAWN:
            shown = np.sort(np.random.default_rng(asked.seed).choice(shown, DRAWN, replace=False))
        kept = prototypes[:MOST_CLASSES]
        flat = flatten(np.concatenate([_comparable(points[shown], asked), kept]), asked.seed)
        cut = "" if len(names) <= MOST_CLASSES else f"{MOST_CLASSES} of {len(names)} classes are drawn. "
        at = Points(names[:MOST_CLASSES], flat.at[: len(shown)], owner[shown], new[shown], flat.at[len(shown) :])
        note = f"{cut}A plane loses what other axes hold: classes that overlap here may be apart."
        save(embedding(at, flat.names, joined(told, flat.why, material.encoder.words), note), run.file(EMBEDDING))


def _comparable(points: Array, asked: Asked) -> Array:
    """Return the points as the distance sees them: by cosine, their directions alone."""
    if asked.distance == "euclidean":
        return points
    return np.asarray(points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12))


def _pages(run: Run, evaluation: Evaluation, told: str) -> None:
    row = evaluation.metrics[0]
    if row.baselines:
        own = Compared("prototypes", row.value, row.low, row.high, row.reason, emphasis=True)
        others = [Compared(name, b.value, b.low, b.high, b.reason) for name, b in row.baselines.items()]
        drawn = comparison([own, *others], row.title, "", True, joined(told, f"n = {count(row.n)}", "95 % intervals"))
        save(drawn, run.file(BASELINES))
    with stage(run, "report", "writing the report"):
        render_card(run)
        render_report(run)
