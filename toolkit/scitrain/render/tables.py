"""The tables of the pages, as words; card and report show the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.report import BaselineValue, MetricRow
from scitrain.figures.words import DASH, count, number, percent, percent_interval, shorten, with_interval, with_unit
from scitrain.render.facts import Facts, Layers, Training
from scitrain.render.markup import value_words
from scitrain.render.table import Cell, Table, table

__all__ = [
    "architecture_tables",
    "by_target",
    "conformal_table",
    "decisions_table",
    "domain_table",
    "environment_table",
    "exports_table",
    "metrics_table",
    "targets_table",
    "training_table",
    "validation_table",
]

MOST_TARGETS = 30
"""Targets in a table; of more the first, and metrics.json has all."""
MOST_LAYERS = 40
ARROWS = {True: " ↑", False: " ↓", None: ""}


def named(row: MetricRow) -> str:
    """Return a metric's name with its unit and the direction in which it is better."""
    unit = f" ({row.unit})" if row.unit else ""
    return f"{row.title}{unit}{_arrow(row)}"


def _arrow(row: MetricRow) -> str:
    return ARROWS[row.higher_is_better]


def told(measured: MetricRow | BaselineValue) -> str:
    """Return a value with its interval, or a dash with the reason."""
    if measured.value is None:
        return f"{DASH} ({measured.reason or 'undefined'})"
    return with_interval(measured)


def _of_one(facts: Facts, split: str) -> list[MetricRow]:
    """Return the rows of the only target, or of the mean over several."""
    return [r for r in facts.evaluation.metrics if r.split == split and (r.target is None or len(facts.targets) == 1)]


def metrics_table(facts: Facts) -> Table:
    """Return every test metric of the network beside that of each baseline, with the paired difference."""
    rows = [row for row in _of_one(facts, "test") if row.name in METRICS]
    names = list(dict.fromkeys(name for row in rows for name in row.baselines))
    level = percent(rows[0].level) if rows else ""
    own = facts.own
    head = ("metric", own, *names)
    of = "" if len(facts.targets) == 1 else ", mean over the targets"
    where = "Test split" if facts.own == "network" else facts.counted.capitalize()
    caption = f"{where}, n = {count(facts.primary.n)}{of}; in brackets {level} intervals"
    if names:
        same = "rows" if facts.few_shot is None else facts.counted.partition(",")[0]
        caption += f"; Δ is {own} − baseline on the same {same}, paired; ↓ lower is better, ↑ higher is better"
    return table(caption, head, ([named(row), told(row), *_compared(row, names)] for row in rows), numeric=True)


def _compared(row: MetricRow, names: Sequence[str]) -> list[str | Cell]:
    return [_against(row.baselines[name]) if name in row.baselines else DASH for name in names]


def _against(baseline: BaselineValue) -> Cell:
    if baseline.value is None or baseline.difference is None:
        return (told(baseline),)
    apart = _Span(baseline.difference, baseline.difference_low, baseline.difference_high)
    return told(baseline), f"Δ {with_interval(apart)}"


@dataclass(frozen=True)
class _Span:
    value: float | None
    low: float | None
    high: float | None


def by_target(facts: Facts) -> Table:
    """Return the deciding metric by target, where there are several, and those that have no mean over the targets."""
    rows = [row for row in facts.rows(facts.evaluation.primary) if row.target is not None]
    if len(facts.targets) < 2 or not rows:
        return table("", (), ())
    verdict = facts.evaluation.verdict
    best = [verdict.baseline] if verdict else []
    own = [facts.rows(name) for name in _without_mean(facts)]
    head = ["target", "n", named(rows[0]), *best, *(f"{found[0].title}{_arrow(found[0])}" for found in own)]
    caption = f"{rows[0].title} by target, test split" + _cut(len(rows))
    single = [{row.target: _with_own_unit(row) for row in found} for found in own]
    body = (
        [str(r.target), count(r.n), told(r), *_compared(r, best), *(said.get(r.target, DASH) for said in single)]
        for r in rows[:MOST_TARGETS]
    )
    return table(caption, head, body, numeric=True)


def _without_mean(facts: Facts) -> list[str]:
    """Return what cannot be averaged: errors in different units, and whatever numbers and classes have not in common."""
    if facts.task == "mixed":
        return [name for name in ("rmse", "mae", "auroc", "balanced_accuracy") if facts.rows(name)]
    return [
        r.name for r in _of_one(facts, "test") if r.name in ("rmse", "mae") and r.target is None and r.value is None
    ]


def _with_own_unit(row: MetricRow) -> str:
    return with_unit(told(row), row.unit if row.value is not None else "")


def _cut(n: int) -> str:
    return f"; the first {MOST_TARGETS} of {n}, results/metrics.json has all" if n > MOST_TARGETS else ""


def validation_table(facts: Facts) -> Table:
    """Return the validation metrics of the network, by which epochs and baselines were chosen."""
    rows = [row for row in _of_one(facts, "val") if row.name in METRICS]
    n = rows[0].n if rows else 0
    caption = f"Validation split, n = {count(n)}: early stopping and calibration have seen these rows"
    return table(caption, ("metric", "network"), ([named(row), told(row)] for row in rows), numeric=True)


def targets_table(facts: Facts) -> Table:
    """Return the targets with their unit or classes."""
    body = ([t.name, _meaning(t.unit, t.classes)] for t in facts.targets[:MOST_TARGETS])
    what = {"regression": "unit", "mixed": "unit or classes"}.get(facts.task, "classes")
    return table(f"What is predicted{_cut(len(facts.targets))}", ("target", what), body)


def _meaning(unit: str | None, classes: tuple[str, ...] | None) -> str:
    if classes is None:
        return {None: "not stated", "": "dimensionless"}.get(unit, unit or "")
    more = f", … ({len(classes)} in all)" if len(classes) > 12 else ""
    return ", ".join(shorten(label, 40) for label in classes[:12]) + more


def conformal_table(facts: Facts) -> Table:
    """Return asked and measured coverage and the size of intervals or sets."""
    sizes = [r for name in ("interval_width", "set_size") for r in facts.rows(name)]
    size = {row.target: row for row in sizes}
    what = named(sizes[0]).split(" (")[0].removesuffix(" ↓") if sizes else "size"
    rows = sorted(facts.rows("coverage"), key=lambda row: row.target is not None)
    body = []
    for row in rows[: MOST_TARGETS + 1]:
        wide = size.get(row.target)
        spoken = DASH if wide is None else with_unit(told(wide), wide.unit if wide.value is not None else "")
        body.append([row.target or "mean over the targets", percent(facts.coverage), _share(row), spoken, count(row.n)])
    kind = {"regression": "intervals", "mixed": "intervals and sets"}.get(facts.task, "sets")
    what = "width or size" if facts.task == "mixed" else what
    head = ("target", "asked", "measured on test", what, "n")
    return table(f"Conformal {kind}: share that held the truth", head, body, numeric=True)


def _share(row: MetricRow) -> str:
    return told(row) if row.value is None else percent_interval(row)


def domain_table(facts: Facts) -> Table:
    """Return the deciding metric inside and outside the training domain."""
    found = facts.evaluation.domain
    if found is None:
        return table("", (), ())
    title = METRICS[found.metric].title + (f" ({found.unit})" if found.unit else "")
    body = []
    for where in ("inside", "outside"):
        value, low, high = (getattr(found, f"{where}{end}") for end in ("", "_low", "_high"))
        said = (
            with_interval(_Span(value, low, high)) if value is not None else f"{DASH} ({found.reason or 'undefined'})"
        )
        body.append([f"{where} the training domain", count(getattr(found, f"n_{where}")), said])
    return table("Test rows by training domain", ("rows", "n", title), body, numeric=True)


def training_table(facts: Facts) -> Table:
    """Return how the network was trained."""
    log = facts.training
    if log is None:
        return table("", (), ())
    unlike = "" if facts.architecture is None else facts.architecture.unlike
    body = [
        ["members of the ensemble", count(log.members) + (f": {unlike}" if unlike else "")],
        ["parameters", count(log.parameters)],
        ["epochs", f"{len(log.epochs)}, best {log.best_epoch}"],
        ["stopped because", log.stopped],
        ["optimiser steps", count(log.steps)],
        ["batch size", count(log.batch_size) + _to_save_memory(log)],
        ["device and precision", f"{log.device}, {log.precision}" + (", compiled" if log.compile.used else "")],
        ["most memory", _memory(log)],
        ["time", f"{number(log.seconds)} s"],
    ]
    return table("Training", ("what", "value"), body)


def _to_save_memory(log: Training) -> str:
    """Say what was done about memory."""
    added = f", gradients of {log.accumulate} added up" if log.accumulate > 1 else ""
    return added + (", activations recomputed" if log.gradient_checkpointing else "")


def _memory(log: Training) -> str:
    said = [] if log.peak_memory_mb is None else [f"{number(log.peak_memory_mb)} MB in the process"]
    said += [] if log.peak_gpu_memory_mb is None else [f"{number(log.peak_gpu_memory_mb)} MB on the GPU"]
    return ", ".join(said) or DASH


def architecture_tables(facts: Facts) -> list[Table]:
    """Return the layers of one member, or of one of each kind where members are unlike."""
    found = facts.architecture
    if found is None:
        return []
    if not found.kinds:
        return [_layers_table(found, "one network")]
    return [
        _layers_table(one, f"{'one of ' if one.members > 1 else ''}the {_networks(one.members)} of {reads}")
        for reads, one in found.kinds.items()
    ]


def _networks(number: int) -> str:
    return f"{count(number)} networks" if number > 1 else "network"


def _layers_table(found: Layers, of: str) -> Table:
    """Return layers with what leaves them, their parameters and their work for one row."""
    body = [
        [
            layer.name,
            layer.kind,
            _shape(layer.shape),
            count(layer.parameters),
            count(layer.flops) if layer.flops else DASH,
        ]
        for layer in found.layers[:MOST_LAYERS]
    ]
    body.append(["all", "", "", count(found.parameters), count(found.flops)])
    more = len(found.layers) - MOST_LAYERS
    cut = f"; the first {MOST_LAYERS} of {len(found.layers)}, results/architecture.json has all" if more > 0 else ""
    caption = f"Layers of {of}; a row comes in as {_shape(found.input)}{cut}"
    return table(caption, ("layer", "kind", "gives", "parameters", "FLOPs a row"), body)


def _shape(sizes: Sequence[int] | None) -> str:
    return DASH if sizes is None else " × ".join(str(size) for size in sizes)


def decisions_table(facts: Facts) -> Table:
    """Return what was chosen for the user, and why."""
    body = ([d.what, shorten(value_words(d.value), 160), d.why] for d in facts.record.decisions)
    return table("Choices made automatically", ("what", "value", "why"), body)


def environment_table(facts: Facts) -> Table:
    """Return versions and platform."""
    known = dict(facts.record.provenance)
    packages = known.pop("packages", None)
    git = known.pop("git", None)
    known.pop("command", None)
    body = [[name, value_words(value)] for name, value in known.items()]
    body += [[name, value_words(value)] for name, value in packages.items()] if isinstance(packages, dict) else []
    if isinstance(git, dict):
        dirty = ", with uncommitted changes" if git.get("dirty") else ""
        body.append(["git commit of the working folder", f"{git.get('commit')}{dirty}"])
    return table("Environment", ("what", "version"), body)


def exports_table(facts: Facts) -> Table:
    """Return how far each exported file is from torch, its size and speed."""
    body = []
    for name, entry in facts.exports.items():
        apart, allowed = entry.get("max_difference"), entry.get("tolerance")
        fast = entry.get("latency_ms")
        one = fast.get("1") if isinstance(fast, dict) else None
        size = entry.get("bytes")
        body.append(
            [
                name,
                str(entry.get("file") or DASH),
                f"{number(apart, 2)} (allowed {number(allowed, 2)})" if apart is not None else DASH,
                count(entry.get("rows")),
                DASH if size is None else f"{number(size / 1e6)} MB",
                DASH if one is None else f"{number(one)} ms",
            ]
        )
    head = ("format", "file", "largest difference from torch", "rows compared", "size", "one row takes")
    return table("Verified exports; differences in units of the outputs' spread", head, body)
