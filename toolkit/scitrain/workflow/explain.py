"""Explain a trained model: rows one by one, and what matters over the test rows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
from pydantic import JsonValue

from scitrain.data.columns import take
from scitrain.data.options import Task
from scitrain.evaluation.problem import Problem
from scitrain.explaining.attribute import Attributed, Question, attribute
from scitrain.explaining.baseline import WORDS, baseline_row, beside
from scitrain.explaining.draw import SHOWN, Captions, draw_elements, draw_importance, draw_map, draw_rows
from scitrain.explaining.function import Explained, said_of
from scitrain.explaining.importance import Importance, mean_absolute
from scitrain.explaining.layout import layout_of, permuted_together
from scitrain.explaining.methods import Method
from scitrain.explaining.permutation import Shuffling, permutation_importance
from scitrain.explaining.pieces import silent
from scitrain.explaining.reading import Read, matrix, read_row, without_atoms
from scitrain.figures.words import joined, number
from scitrain.runs import Run, atomic_write
from scitrain.training.predict import predict_array
from scitrain.workflow.stages import stage, ticker
from scitrain.workflow.subject import Rows, Subject

__all__ = ["Found", "explain_rows", "shuffle"]

GLOBAL = 100
"""Test rows that the importance over many rows is taken from."""
TRAIN = 5000
"""Training rows that the baseline is taken from."""
BACKGROUND = 256
SHUFFLED = 2000
NAMED = 50
"""Features, the largest, whose folded counts are named by an example."""
EXPLANATIONS = "results/explanations.csv"
IMPORTANCE = "results/importance.json"


@dataclass(frozen=True)
class Found:
    """What came of it."""

    importance: list[Importance]
    axis: str
    """What a value of the importance is, with its unit."""
    rows: int
    """Rows that the importance is taken from."""
    titles: list[str]
    """Of the rows explained one by one."""
    reads: list[Read]
    completeness: float | None = None
    """See `scitrain.explaining.attribute.Attributed.error`."""


def explain_rows(subject: Subject, method: Method, rows: Rows, run: Run) -> Found:
    """Attribute ``rows`` and a sample of the test rows in one pass, and write files and figures."""
    sample = _sample(subject.prepared.held_out, GLOBAL, subject.config.seed)
    at = np.searchsorted(subject.prepared.held_out, sample)
    x = np.concatenate([rows.x, subject.x[sample]])
    outputs = subject.named(np.concatenate([rows.said, subject.test.prediction[at]]))
    with stage(run, "explain", f"{method} of {len(x):,} rows"):
        tick = ticker(run, "explain", "rows")
        found = attribute(method, _question(subject, x, outputs), lambda done: tick(done, len(x)))
    n = len(rows.numbers)
    columns = take(subject.prepared.columns, sample)
    names, values = matrix(subject.featuriser, columns, x[n:], found.values[n:])
    importance = _readable(subject, mean_absolute(names, values, subject.config.seed), sample)
    cells = [{name: column[i] for name, column in rows.columns.items()} for i in range(n)]
    reads = [read_row(subject.featuriser, cells[i], rows.x[i], found.values[i]) for i in range(n)]
    for i in range(min(n, SHOWN)):
        said = partial(said_of, subject.predictor, int(outputs[i]))
        reads[i] = without_atoms(subject.featuriser, cells[i], reads[i], said)
    titles = [_title(subject, rows, i, int(outputs[i]), cells[i]) for i in range(n)]
    unit = _unit(subject, method)
    axis = f"mean |attribution| ({unit})" if unit else "mean |attribution|"
    done = Found(importance, axis, len(sample), titles, reads, found.error)
    _write_rows(run, rows, [subject.title(int(output)) for output in outputs[:n]], reads)
    _write(run, subject, method, done, found)
    with stage(run, "report", "drawing figures"):
        _draw(run, subject, method, done)
        if str(subject.config.featuriser.get("kind")).startswith("formula"):
            signed = f"mean attribution ({unit})" if unit else "mean attribution"
            there = matrix(subject.featuriser, columns, x[n:], (x[n:] != 0).astype(float))[1] > 0
            draw_elements(run, names, values, there, signed, _subtitle(subject, method, done))
    return done


def _readable(subject: Subject, found: list[Importance], sample: np.ndarray) -> list[Importance]:
    """Name folded counts of fragments by an example of the test rows."""
    if subject.config.featuriser.get("kind") != "molecule" or subject.featuriser.output != "vector":
        return found
    from scitrain.explaining.fragments import with_examples

    top = [one.feature for one in found[:NAMED]]
    names = with_examples(top, take(subject.prepared.columns, sample), subject.featuriser.options())
    return [*(replace(one, feature=name) for one, name in zip(found, names, strict=False)), *found[NAMED:]]


def _unit(subject: Subject, method: Method) -> str:
    """Return the unit of an attribution: DeepLIFT explains the classes' logits themselves, Grad-CAM has none."""
    if method == "grad_cam":
        return "arbitrary unit"
    if method == "deep_lift_shap" and subject.config.task == "multiclass":
        return "logit above the classes' mean"
    return subject.unit


def shuffle(subject: Subject, run: Run) -> Found:
    """Shuffle each feature among the test rows, and write files and the figure."""
    config = subject.config
    sample = _sample(subject.prepared.held_out, SHUFFLED, config.seed)
    problem = Problem(config.task, config.targets)
    target = 0 if config.task == "multiclass" else subject.output or 0
    metric = Problem(config.task, config.targets[target : target + 1]).primary
    how = Shuffling(
        config.task, metric, target, lambda x: predict_array(subject.predictor, x).prediction, seed=config.seed
    )
    layout = permuted_together(subject.featuriser, layout_of(subject.featuriser))
    with stage(run, "explain", f"shuffling {len(layout.names):,} features"):
        tick = ticker(run, "explain", "features")
        x, y = np.array(subject.x[sample]), subject.prepared.y[sample]
        found = permutation_importance(how, layout, x, y, tick)
    unit = metric.unit(problem.unit(target)) or ""
    axis = f"loss of {metric.title} when shuffled" + (f" ({unit})" if unit else "")
    done = Found(found, axis, len(sample), [], [])
    _write(run, subject, "permutation", done, None)
    with stage(run, "report", "drawing figures"):
        draw_importance(run, found, axis, _subtitle(subject, "permutation", done), PERMUTED)
    return done


PERMUTED = (
    "Bars: mean of 5 shuffles; lines: 95 % intervals over rows. Features that tell the same share their importance."
)
MEAN = "Lines: 95 % intervals over rows. What the model uses is no cause of what it predicts."


def _sample(rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _question(subject: Subject, x: np.ndarray, outputs: np.ndarray) -> Question:
    shape, seed = subject.featuriser.shape(), subject.config.seed
    train = subject.x[_sample(subject.prepared.split["train"], TRAIN, seed)]
    none = silent(subject.featuriser)
    base = beside(shape, baseline_row(shape, train, none), x, none)
    return Question(
        Explained(subject.predictor.eval()),
        x,
        base,
        outputs.astype(np.int64),
        train[:: max(1, len(train) // BACKGROUND)][:BACKGROUND],
        np.ascontiguousarray(_occluded(subject)),
        seed,
    )


def _occluded(subject: Subject) -> np.ndarray:
    return layout_of(subject.featuriser).groups


def _title(subject: Subject, rows: Rows, i: int, output: int, cells: dict[str, str]) -> str:
    value = float(rows.said[i, output])
    target = subject.title(output)
    regression = subject.config.task == "regression"
    said = f"{target} {number(value)} {subject.unit}".strip() if regression else f"{target}: p = {value:.2f}"
    given = next(iter(cells.values())) if len(cells) == 1 else ""
    name = given.replace("\\", "/").rsplit("/", 1)[-1] if subject.config.modality == "image" else given
    return joined(f"{rows.numbers[i]}", said, name)


def _subtitle(subject: Subject, method: Method, found: Found) -> str:
    what = (
        subject.title(subject.output)
        if subject.output is not None
        else f"each row's own class of {subject.config.targets[0].name}"
    )
    return joined(what, _called(subject, method), f"{found.rows:,} rows held out")


def _draw(run: Run, subject: Subject, method: Method, found: Found) -> None:
    subtitle = _subtitle(subject, method, found)
    if subject.featuriser.output == "image":
        draw_map(run, found.importance, layout_of(subject.featuriser), found.axis, subtitle)
    else:
        draw_importance(run, found.importance, found.axis, subtitle, MEAN)
    if found.reads:
        unit = _unit(subject, method)
        captions = Captions(
            axis=f"attribution ({unit})" if unit else "attribution",
            subtitle=joined(_called(subject, method), _baseline(subject, method)),
            unit=unit,
            alike=method != "grad_cam",
            spaced=subject.config.modality == "text" and subject.config.featuriser.get("unit") != "characters",
        )
        draw_rows(run, found.titles, found.reads, captions)


NAMES: dict[str, str] = {
    "shap": "SHAP (expected gradients)",
    "deep_lift_shap": "SHAP (DeepLIFT)",
    "grad_cam": "Grad-CAM",
}


def _called(subject: Subject, method: Method) -> str:
    """Return the method in words."""
    if _has_pairs(subject):
        return {"shap": "Shapley values", "occlusion": "each element taken away"}[method]
    return NAMES.get(method, method.replace("_", " "))


def _has_pairs(subject: Subject) -> bool:
    return "amounts" in subject.config.shape.blocks


def _baseline(subject: Subject, method: Method) -> str:
    """Return what a row is compared with."""
    if method == "grad_cam":
        return ""
    if method == "occlusion" and _has_pairs(subject):
        return "against the formula without it"
    if method in ("shap", "deep_lift_shap"):
        return "against training rows"
    return f"against {_words(subject)}"


def _words(subject: Subject) -> str:
    if subject.featuriser.output == "tokens":
        return silent(subject.featuriser).words
    kind = subject.config.featuriser.get("kind")
    return PLAIN.get(str(kind), WORDS[subject.featuriser.output])


PLAIN = {
    "table_features": "the mean of the training rows",
    "formula_features": "the mean of the training rows",
    "series_values": "the mean of the training rows",
    "sequence_letters": "the mean of the training rows",
    "text_terms": "a text with none of the words",
    "molecule": "the median of the training rows' descriptors and no fragments",
}


def _write_rows(run: Run, rows: Rows, targets: Sequence[str], reads: Sequence[Read]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "target", "feature", "attribution"])
    for place, target, read in zip(rows.numbers, targets, reads, strict=True):
        for feature in sorted(read.parts, key=lambda name: -abs(read.parts[name])):
            writer.writerow([place, target, feature, f"{read.parts[feature]:.6g}"])
        writer.writerows([place, target, feature, f"{value:.6g}"] for feature, value in read.beside.items())
    atomic_write(run.file(EXPLANATIONS), text.getvalue())


def _write(run: Run, subject: Subject, method: Method, found: Found, attributed: Attributed | None) -> None:
    task: Task = subject.config.task
    content: dict[str, JsonValue] = {
        "method": method,
        "task": task,
        "explained": None if subject.output is None else subject.title(subject.output),
        "unit": _unit(subject, method) if method != "permutation" else None,
        "value": found.axis,
        "baseline": None if method == "permutation" else _baseline(subject, method).removeprefix("against ") or None,
        "rows": found.rows,
        "split": "test",
        "level": 0.95,
        "completeness": None
        if attributed is None or attributed.error is None
        else {
            "relative_error": attributed.error,
            "steps": attributed.steps,
            "meaning": "sum over rows of |sum of attributions - (f(x) - f(baseline))| / sum over rows of |f(x) - f(baseline)|",
        },
        "features": [asdict(one) for one in found.importance],
    }
    run.write_json(IMPORTANCE, content)
