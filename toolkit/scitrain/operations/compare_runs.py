"""Put runs side by side."""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, Field, JsonValue

from scitrain.contracts.operation import Job, JobResult
from scitrain.data.options import Task
from scitrain.errors import RunStateError
from scitrain.overview import METRICS, about
from scitrain.runs import Run
from scitrain.workflow.headline import Headline
from scitrain.workflow.pair import Pair
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.workflow.pairing import Tested

__all__ = ["CompareRuns", "Comparison", "MetricAcrossRuns"]

FIGURE = "figures/comparison.png"
PAIRED = "figures/differences.png"
TABLE = "results/comparison.json"
PREDICTIONS = "results/predictions.csv"
INTERVALS = ("interval_score", "coverage")
"""Metrics of intervals that are told beside the deciding one."""
LEVEL = 0.05
"""p-value below which a difference is drawn in colour."""


class Row(BaseModel):
    """What is compared of a row of ``metrics.json``."""

    name: str
    title: str
    target: str | None
    value: float | None
    low: float | None
    high: float | None
    unit: str | None
    n: int
    split: str
    reason: str | None
    higher_is_better: bool | None


class Named(BaseModel):
    """A target."""

    name: str
    classes: tuple[str, ...] | None = None


class Content(BaseModel):
    """What is compared of ``metrics.json``."""

    metrics: list[Row]
    primary: str
    task: Task
    targets: list[Named] = []
    coverage: float | None = None


class MetricAcrossRuns(BaseModel):
    """One metric of the test split in every run that has it."""

    name: str
    title: str
    target: str | None
    """Null is the mean over several targets."""
    unit: str | None
    higher_is_better: bool | None
    """Null where neither direction is better."""
    runs: dict[str, Headline]
    """By run id, with interval and n."""
    best: str | None
    """Run with the best value; null where no direction is better."""
    clear: bool
    """True where the interval of the best overlaps no other's: then the difference is not chance alone."""


class Comparison(JobResult):
    """Runs side by side."""

    primary: str
    """Metric that decides, and that the figure shows."""
    metrics: list[MetricAcrossRuns]
    """The deciding one first."""
    pairs: list[Pair]
    """The best against each other, on the test rows both have."""
    intervals: list[Pair] = []
    """The run with the lowest interval score against each other: whose intervals are the better ones."""
    differences: dict[str, dict[str, JsonValue]]
    """Fields of the requests that differ, by dotted name, then by run id."""
    notes: list[str]
    """What to keep in mind before believing the table."""
    figures: list[str]

    def summary(self) -> str:
        """Return the deciding metric of each run, what differs, and the notes."""
        lines = [f"{run_id}: {told.words()}" for run_id, told in self.metrics[0].runs.items()]
        lines += [pair.words(self.metrics[0].unit) for pair in self.pairs]
        for name in INTERVALS:
            lines += [f"{run_id}: {told.words()}" for m in self._named(name) for run_id, told in m.runs.items()]
        lines += [f"interval score: {pair.words('')}" for pair in self.intervals]
        lines += [f"{name}: {'; '.join(f'{k} {v}' for k, v in by.items())}" for name, by in self.differences.items()]
        return "\n".join([*lines, *self.notes, f"figure: {', '.join(self.figures)}"])

    def _named(self, name: str) -> list[MetricAcrossRuns]:
        return [metric for metric in self.metrics if metric.name == name][:1]


class CompareRuns(Job):
    """Compare evaluated runs: test metrics with intervals, a paired test on shared test rows, what differs in the requests, figures."""

    title: ClassVar[str] = "Compare runs"
    background: ClassVar[bool] = False

    runs: list[str] = Field(min_length=2, max_length=30)
    """Ids of runs that have metrics (trained or evaluated); each once."""

    def check(self, workspace: Workspace) -> None:
        """Refuse runs that are not there or have no metrics, all at once."""
        if twice := sorted({run_id for run_id in self.runs if self.runs.count(run_id) > 1}):
            raise RunStateError(f"runs names {', '.join(twice)} more than once; name each run once")
        found = [Run.open(run_id, workspace) for run_id in self.runs]
        without = [f"{run.id} ({run.record().status})" for run in found if not (run.path / METRICS).is_file()]
        if without:
            raise RunStateError(
                f"without metrics: {', '.join(without)}; "
                "compare_runs needs runs of train_model or evaluate_model that completed"
            )

    def parents(self) -> list[str]:
        """Return the runs that are compared."""
        return self.runs

    def execute(self, run: Run) -> Comparison:
        """Read the metrics, write the table and the figure."""
        compared = [Run.open(run_id, run.workspace) for run_id in self.runs]
        contents = {one.id: read(one) for one in compared}
        primary = contents[self.runs[0]].primary
        metrics = across(contents, primary)
        if not metrics:
            raise RunStateError(f"{', '.join(self.runs)} share no metric; compare runs of one task")
        deciding = metrics[0]
        tested = _tested(compared, contents)
        paired = _pairs(tested, contents, deciding)
        told = {one.id: about(one.record().spec) for one in compared}
        result = Comparison(
            primary=primary,
            metrics=metrics,
            pairs=paired,
            intervals=_interval_pairs(tested, contents, metrics),
            differences=differences({one.id: one.record().spec for one in compared}),
            notes=_notes(compared, contents, paired),
            figures=_draw(run, deciding, paired, told),
            next_step=f"get_run(run_id={deciding.best or self.runs[0]!r})",
        )
        run.write_json(TABLE, result.model_dump(mode="json"))
        return result


def _tested(compared: Sequence[Run], contents: Mapping[str, Content]) -> "dict[str, Tested | None]":
    """Read the test rows of each run, of several numbers those that all runs predict."""
    from scitrain.data.prepared import Target
    from scitrain.workflow.pairing import tested_rows

    shared = set.intersection(*({t.name for t in content.targets} for content in contents.values()))
    numbers = all(content.task == "regression" for content in contents.values())
    return {
        one.id: tested_rows(
            one,
            contents[one.id].task,
            [
                Target(**t.model_dump())
                for t in contents[one.id].targets
                if not numbers or not shared or t.name in shared
            ],
        )
        for one in compared
    }


def _pairs(
    tested: "Mapping[str, Tested | None]", contents: Mapping[str, Content], metric: MetricAcrossRuns
) -> list[Pair]:
    """Compare the best run with each other one that has the metric; nothing where no run is best."""
    from scitrain.workflow.pairing import pairs

    if metric.best is None:
        return []
    chosen = {run_id: tested[run_id] for run_id in tested if run_id in metric.runs}
    return pairs(metric.best, chosen, metric.name, _judged(chosen[metric.best], metric))


def _interval_pairs(
    tested: "Mapping[str, Tested | None]", contents: Mapping[str, Content], metrics: Sequence[MetricAcrossRuns]
) -> list[Pair]:
    """Compare the run of the lowest interval score with each other one that was asked for the same coverage."""
    from scitrain.workflow.pairing import interval_pairs

    metric = next((m for m in metrics if m.name == "interval_score" and m.best is not None), None)
    if metric is None or metric.best is None:
        return []
    coverage = contents[metric.best].coverage
    if coverage is None:
        return []
    alike = {run_id: tested[run_id] for run_id in metric.runs if contents[run_id].coverage == coverage}
    return interval_pairs(metric.best, alike, coverage, _judged(alike[metric.best], metric))


def _judged(best: "Tested | None", metric: MetricAcrossRuns) -> str | None:
    """Return which of several targets a metric is of; None for the only one, or their mean."""
    return metric.target if best is not None and len(best.targets) > 1 else None


def read(run: Run) -> Content:
    """Read the part of ``results/metrics.json`` that is compared."""
    return Content.model_validate(run.read_json(METRICS))


def across(contents: Mapping[str, Content], primary: str) -> list[MetricAcrossRuns]:
    """Return the test metrics that two runs or more have, the deciding one first."""
    rows: dict[tuple[str, str | None], dict[str, Row]] = {}
    for run_id, content in contents.items():
        for row in content.metrics:
            if row.split == "test":
                rows.setdefault((row.name, row.target), {})[run_id] = row
    found = [_one(by_run) for by_run in rows.values() if len(by_run) > 1]
    return sorted(found, key=lambda metric: (metric.name != primary, metric.target is not None))


def differences(specs: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, dict[str, JsonValue]]:
    """Return the fields whose values are not the same in all requests; a field that one lacks is null there."""
    flat = {run_id: dict(_flat(spec)) for run_id, spec in specs.items()}
    names = dict.fromkeys(name for fields in flat.values() for name in fields)
    by_name = {name: {run_id: fields.get(name) for run_id, fields in flat.items()} for name in names}
    return {
        name: values for name, values in by_name.items() if any(v != values[next(iter(flat))] for v in values.values())
    }


def _one(by_run: Mapping[str, Row]) -> MetricAcrossRuns:
    first = next(iter(by_run.values()))
    best = _best(by_run, first.higher_is_better)
    return MetricAcrossRuns(
        name=first.name,
        title=first.title,
        target=first.target,
        unit=first.unit,
        higher_is_better=first.higher_is_better,
        runs={run_id: Headline(**row.model_dump(exclude={"higher_is_better"})) for run_id, row in by_run.items()},
        best=best,
        clear=best is not None and all(_apart(by_run[best], row) for run_id, row in by_run.items() if run_id != best),
    )


def _best(by_run: Mapping[str, Row], higher_is_better: bool | None) -> str | None:
    values = {run_id: row.value for run_id, row in by_run.items() if row.value is not None}
    if higher_is_better is None or not values:
        return None
    return (max if higher_is_better else min)(values, key=values.__getitem__)


def _apart(one: Row, other: Row) -> bool:
    """Tell whether two intervals have nothing in common; unknown ends count as common."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def _flat(value: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, JsonValue]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _notes(compared: Sequence[Run], contents: Mapping[str, Content], paired: Sequence[Pair]) -> list[str]:
    """Return what forbids, or weakens, the comparison."""
    notes = []
    if len({(content.task, tuple(target.name for target in content.targets)) for content in contents.values()}) > 1:
        notes.append("the runs differ in task or targets; only the metrics they share are shown")
    rows = {run.id: _test_rows(run) for run in compared}
    if None in rows.values():
        notes.append(
            "some runs have no results/predictions.csv, so it is not known whether all were tested on the same rows"
        )
    elif len(set(rows.values())) > 1:
        notes.append(
            "the runs were tested on different rows (other data, split or seed): their numbers differ by chance too"
        )
    notes.append(
        "each interval is of one run; whether two runs differ is what the pairs say"
        if any(pair.p is not None for pair in paired)
        else "each interval is of one run; where two overlap, the data do not tell the runs apart"
    )
    if any(pair.p is not None for pair in paired):
        notes.append(
            "the best was found by these very test rows: choose a run by its validation numbers, and take the pairs as a description"
        )
    return notes


def _test_rows(run: Run) -> str | None:
    """Return a key of the test rows and what was measured there, or None where the run wrote no predictions."""
    table = run.path / PREDICTIONS
    if not table.is_file():
        return None
    digest = hashlib.sha256()
    with table.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        # The source row stands first, the true value of the first target before its prediction.
        cut = next((i for i, name in enumerate(header) if name.endswith("_predicted")), len(header))
        for cells in sorted((cells[0], cells[cut - 1]) for cells in (header, *lines)):
            digest.update("\x1f".join(cells).encode() + b"\x1e")
    return digest.hexdigest()


def _draw(run: Run, metric: MetricAcrossRuns, paired: Sequence[Pair], words: Mapping[str, str]) -> list[str]:
    """Draw the runs side by side, and what the best one is ahead of each other."""
    from scitrain.figures.comparison import Compared, comparison
    from scitrain.figures.comparison import differences as drawn
    from scitrain.figures.save import save

    names = {run_id: f"{run_id} {words[run_id]}".strip() for run_id in metric.runs}
    entries = [
        Compared(names[run_id], row.value, row.low, row.high, row.reason, run_id == metric.best)
        for run_id, row in metric.runs.items()
    ]
    tested = f"test split, n = {_span([row.n for row in metric.runs.values()])}"
    save(comparison(entries, metric.title, metric.unit, metric.higher_is_better, tested), run.file(FIGURE))
    measured = [pair for pair in paired if pair.improvement is not None]
    if metric.best is None or not measured:
        return [FIGURE]
    apart = [
        Compared(names[pair.other], pair.improvement, pair.low, pair.high, pair.reason, (pair.p or 1) < LEVEL)
        for pair in measured
    ]
    shared = f"shared test rows, n = {_span([pair.n for pair in measured])}; blue: p < {LEVEL} (Holm)"
    save(drawn(apart, metric.title, metric.unit, metric.best, shared), run.file(PAIRED))
    return [FIGURE, PAIRED]


def _span(counts: Sequence[int]) -> str:
    sizes = sorted(set(counts))
    return f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
